"""The whole way: a file, the child process, the file that fits."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from media_making import film, oriented, saved, scene
from turned import LONG

from bot.errors import UserError
from bot.job import Mend
from bot.media.child import ChildLimits, Children
from bot.media.limits import Change, Wish
from bot.media.prepare import MEND_LIMITS, Preparer
from bot.order import Fit, Role

if TYPE_CHECKING:
    pass


def answering(answer: object, *, writes: bool = False) -> Preparer:
    code = f"import json, sys; request = json.load(sys.stdin); {writes} and open(request['to'], 'w').write('x');"
    program = (sys.executable, "-I", "-c", code + f"print({json.dumps(answer)!r})")
    return Preparer(children=Children(program=program))


def watched(extra: str = "") -> Children:
    """The real child, which tells as its progress how much it ever held (MB) and how many threads it ever had."""
    code = """
import os, re, sys, threading, time
import av, bot.media.video
"""
    code += extra
    code += """
most = 0
def tell():
    global most
    while True:
        most = max(most, len(os.listdir("/proc/self/task")) - 1)
        time.sleep(0.01)
threading.Thread(target=tell, daemon=True).start()
import bot.media.worker as worker
act = worker.ACTIONS["prepare"]
def prepare(request):
    answer = act(request)
    held = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1)) // 1024
    print('{"done": %d, "of": 7777}' % held, flush=True)
    print('{"done": %d, "of": 8888}' % most, flush=True)
    return answer
worker.ACTIONS["prepare"] = prepare
worker.main()
"""
    return Children(program=(sys.executable, "-I", "-c", code))


# FFmpeg asks once how many cores there are, and this is how to answer in its place.
SIXTEEN_CORES = """
import ctypes
library = next(line.split()[-1] for line in open("/proc/self/maps") if "libavutil" in line)
ctypes.CDLL(library).av_cpu_force_count(16)
os.cpu_count = lambda: 16
os.sched_getaffinity = lambda pid: set(range(16))
"""


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.fixture(scope="session")
def long_film() -> bytes:
    """One whose mending takes long enough to be watched."""
    return film(size=(960, 540), seconds=10.0, codec="mpeg4", kind="matroska")


async def test_a_file_that_fits_is_not_written_again(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(film())
    prepared = await Preparer().prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made")
    assert (prepared.kept, prepared.path, prepared.mended) == (True, tmp_path / "in", ())
    assert prepared.media == prepared.original
    assert names(tmp_path) == {"in"}


async def test_what_was_done_is_told_with_its_values(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(saved(scene(2142, 4284), "jpeg", exif=oriented(6, place=True)))
    prepared = await Preparer().prepare(tmp_path / "in", Role.IMAGE, tmp_path / "made")
    assert prepared.mended == (
        Mend(Change.TURNED),
        Mend(Change.SCALED, "4284 \N{MULTIPLICATION SIGN} 2142 px", "4096 \N{MULTIPLICATION SIGN} 2048 px"),
        Mend(Change.CLEANED),
    )
    assert (prepared.original.width, prepared.media.width) == (4284, 4096)
    assert prepared.path == tmp_path / "made"


async def test_the_wish_reaches_the_child(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(film(size=(1000, 200), seconds=6.0))
    wish = Wish(start=1.5, length=2.5, fit=Fit.CROP)
    prepared = await Preparer().prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made", wish=wish)
    assert (prepared.media.width, prepared.media.height, prepared.media.seconds) == (600, 200, 2.5)


async def test_progress_is_told_while_it_happens(long_film: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(long_film)
    told: list[tuple[int, int]] = []
    await Preparer().prepare(
        tmp_path / "in",
        Role.VIDEO,
        tmp_path / "made",
        progress=lambda done, of: told.append((done, of)),
    )
    assert {of for _, of in told} == {100}
    counts = [done for done, _ in told]
    assert counts == sorted(counts)
    assert counts[-1] == 100
    assert len(counts) >= 3


async def test_mending_never_holds_up_the_event_loop(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(saved(scene(5000, 3000), "jpeg"))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await Preparer().prepare(tmp_path / "in", Role.IMAGE, tmp_path / "made")
    ticking.cancel()
    assert ticks > 20


@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize(
    ("size", "cores"),
    [
        ((1280, 720), SIXTEEN_CORES),
        pytest.param((3840, 2160), SIXTEEN_CORES, marks=pytest.mark.skipif(not LONG, reason="LONG_TESTS=1")),
        pytest.param((3840, 2160), "", marks=pytest.mark.skipif(not LONG, reason="LONG_TESTS=1")),
    ],
)
async def test_a_film_is_mended_within_its_memory_by_two_threads_however_many_cores_there_are(
    size: tuple[int, int], cores: str, tmp_path: Path
) -> None:
    def hlg(context: Any) -> None:
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 18, 9, 1

    (tmp_path / "in").write_bytes(film(codec="libx265", pixels="yuv420p10le", tune=hlg, size=size, seconds=2.0, rate=5))
    told: dict[int, int] = {}
    preparer = Preparer(children=watched(cores))
    prepared = await preparer.prepare(
        tmp_path / "in", Role.VIDEO, tmp_path / "made", progress=lambda done, of: told.update({of: done})
    )
    assert (prepared.media.width, prepared.media.codec) == (min(size[0], 2048), "h264")
    assert told[7777] < 400
    assert told[8888] < 16


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"problems": 3},
        {"problems": [{"rule": "nonsense", "found": "", "limit": ""}]},
        {"original": None, "mends": [], "media": None},
        {"unfit": {"rule": "nonsense"}},
        {"mends": [{"change": "nonsense", "before": "", "after": ""}]},
    ],
)
async def test_a_child_taken_over_by_its_file_cannot_confuse_the_bot(answer: object, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x")
    with pytest.raises(UserError) as caught:
        await answering(answer).prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made")
    assert [problem.rule for problem in caught.value.problems] == ["corrupt"]
    assert names(tmp_path) == {"in"}


MEDIA = {"format": "mp4", "size": 1, "width": 300, "height": 300, "seconds": 3, "fps": 9, "sound": False}
MEDIA |= {"codec": "h264", "hdr": False, "variable": False}


@pytest.mark.parametrize(
    ("media", "writes"),
    [({}, False), ({"width": 90_000}, True), ({"seconds": float("nan")}, True), ({"fps": "x"}, True)],
)
async def test_what_a_child_says_it_made_is_checked(media: dict[str, object], writes: bool, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x")
    mends = [{"change": "cut", "before": "", "after": ""}]
    answer = {"original": MEDIA, "mends": mends, "media": MEDIA | media}
    with pytest.raises(UserError) as caught:
        await answering(answer, writes=writes).prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made")
    assert [problem.rule for problem in caught.value.problems] == ["corrupt"]
    assert names(tmp_path) == {"in"}


@pytest.mark.parametrize(
    "line", ["{}", "[1]", '{"done": 1}', '{"done": "x", "of": 2}', '{"done": 3, "of": 2}', "x", ""]
)
async def test_senseless_progress_is_passed_over(line: str, tmp_path: Path) -> None:
    code = f'import sys; sys.stdin.read(); print({line!r}); print(\'{{"done": 1, "of": 2}}\'); print(\'{{"a": 1}}\')'
    told: list[tuple[int, int]] = []
    children = Children(program=(sys.executable, "-I", "-c", code))
    answer = await children.run(
        {}, folder=tmp_path, limits=ChildLimits(), progress=lambda done, of: told.append((done, of))
    )
    assert (answer, told) == ({"a": 1}, [(1, 2)])


async def test_endless_progress_ends_the_child(tmp_path: Path) -> None:
    code = 'import sys\nsys.stdin.read()\nwhile True: print(\'{"done": 1, "of": 2}\')'
    preparer = Preparer(children=Children(program=(sys.executable, "-I", "-c", code)))
    (tmp_path / "in").write_bytes(b"x")
    with pytest.raises(UserError):
        await preparer.prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made")


async def test_what_an_earlier_crash_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(film(size=(321, 241), codec="mpeg4"))
    (tmp_path / ".made-earlier.making").mkdir()
    (tmp_path / ".made-earlier.making" / "made").write_bytes(b"half")
    await Preparer().prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made")
    assert names(tmp_path) == {"in", "made"}


async def test_what_outlived_a_killed_bot_can_not_write_into_what_its_successor_makes(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(film(size=(321, 241), codec="mpeg4"))
    began = asyncio.Event()
    code = "import json, sys, time\nto = json.loads(sys.stdin.read())['to']\nopen(to, 'w').write('half')\n"
    code += "print('{\"done\": 1, \"of\": 2}', flush=True)\nwhile True: time.sleep(0.01); open(to, 'w').write('half')"
    orphan = Preparer(children=Children(program=(sys.executable, "-I", "-c", code)))
    going_on = asyncio.create_task(
        orphan.prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made", progress=lambda done, of: began.set())
    )
    await began.wait()
    made = await Preparer().prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made")
    going_on.cancel()
    await asyncio.gather(going_on, return_exceptions=True)
    assert made.path.read_bytes()[4:8] == b"ftyp"


async def test_a_mend_that_is_cancelled_leaves_nothing(long_film: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(long_film)
    began = asyncio.Event()
    task = asyncio.create_task(
        Preparer().prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made", progress=lambda done, of: began.set())
    )
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        if names(tmp_path) == {"in"}:
            break
        await asyncio.sleep(0.01)
    assert names(tmp_path) == {"in"}


async def test_a_missing_file_is_no_fault_of_the_person(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Preparer().prepare(tmp_path / "gone", Role.IMAGE, tmp_path / "made")


async def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path) -> None:
    code = "import errno, bot.media.worker as worker\n"
    code += "def full(*_): raise OSError(errno.ENOSPC, 'full')\n"
    code += "worker.mend.prepare = full\nworker.main()"
    (tmp_path / "in").write_bytes(film())
    with pytest.raises(OSError, match="no file can be written"):
        await Preparer(children=Children(program=(sys.executable, "-I", "-c", code))).prepare(
            tmp_path / "in", Role.VIDEO, tmp_path / "made"
        )


async def test_a_mend_that_takes_too_long_costs_a_sentence(long_film: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(long_film)
    limits = ChildLimits(wall_seconds=0.4, file_bytes=MEND_LIMITS.file_bytes)
    with pytest.raises(UserError) as caught:
        await Preparer(limits=limits).prepare(tmp_path / "in", Role.VIDEO, tmp_path / "made")
    assert [problem.rule for problem in caught.value.problems] == ["timeout"]
    assert names(tmp_path) == {"in"}


async def test_any_folder_will_do(tmp_path: Path) -> None:
    def hlg(context: Any) -> None:
        context.color_primaries, context.color_trc, context.colorspace = 9, 18, 9

    folder = tmp_path / "-%s of: it's, [a] \\ place\nfilm"
    folder.mkdir()
    (folder / "in").write_bytes(film(codec="libx265", pixels="yuv420p10le", tune=hlg))  # its colours pass by a file
    prepared = await Preparer().prepare(folder / "in", Role.VIDEO, folder / "made")
    assert Change.TONE_MAPPED in {mend.change for mend in prepared.mended}


async def test_shows_and_finishes_through_the_child(tmp_path: Path) -> None:
    preparer = Preparer()
    (tmp_path / "picture").write_bytes(saved(scene(300, 300), "heif"))
    (tmp_path / "film").write_bytes(film(faststart=True))
    (tmp_path / "reference").write_bytes(film(sound=2.5))
    await preparer.preview(tmp_path / "picture", tmp_path / "preview.jpg")
    await preparer.sheet(tmp_path / "film", tmp_path / "sheet.jpg")
    finished = await preparer.finish(tmp_path / "film", tmp_path / "reference", tmp_path / "finished")
    assert (finished.path, finished.media.sound) == (tmp_path / "finished", True)
    assert finished.media.size == finished.path.stat().st_size
    again = await preparer.finish(finished.path, tmp_path / "reference", tmp_path / "never")
    assert (again.path, again.media) == (finished.path, finished.media)
    assert names(tmp_path) == {"picture", "film", "reference", "preview.jpg", "sheet.jpg", "finished"}
    with pytest.raises(UserError):
        await preparer.sheet(tmp_path / "picture", tmp_path / "never")
    with pytest.raises(UserError):
        await preparer.finish(tmp_path / "picture", None, tmp_path / "never")
