"""The whole way: a file, the child process, the verdict."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from bot.errors import UserError
from bot.failure import Problem
from bot.job import Media
from bot.media.child import WORKER, ChildLimits, Children
from bot.media.probe import Prober
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def refusal(path: Path, role: Role, prober: Prober | None = None) -> tuple[Problem, ...]:
    with pytest.raises(UserError) as caught:
        await (prober or Prober()).probe(path, role)
    return caught.value.problems


def answering(answer: object) -> Prober:
    code = f"import sys; sys.stdin.read(); print({json.dumps(answer)!r})"
    return Prober(children=Children(program=(sys.executable, "-I", "-c", code)))


async def test_files_that_fit_are_described(picture: Callable[..., Path], clip: Callable[..., Path]) -> None:
    image, video = picture("webp"), clip("mp4", codec="libx264", sound=True)
    prober = Prober()
    found = await asyncio.gather(prober.probe(image, Role.IMAGE), prober.probe(video, Role.VIDEO))
    assert tuple(found) == (
        Media(format="webp", size=image.stat().st_size, width=320, height=240),
        Media(
            format="mp4",
            size=video.stat().st_size,
            width=320,
            height=240,
            seconds=2.5,
            fps=10.0,
            sound=True,
            codec="h264",
        ),
    )


async def test_every_limit_broken_is_in_one_refusal(clip: Callable[..., Path]) -> None:
    found = await refusal(clip("mp4", width=180, height=640, seconds=31.0, rate=2), Role.VIDEO)
    assert [(problem.role, problem.rule) for problem in found] == [
        (Role.VIDEO, "side_min"),
        (Role.VIDEO, "shape"),
        (Role.VIDEO, "too_long"),
    ]


async def test_a_file_of_the_wrong_kind_is_refused_by_name(picture: Callable[..., Path]) -> None:
    assert await refusal(picture("jpeg"), Role.VIDEO) == (
        Problem(Role.VIDEO, "kind", "JPEG picture", "MP4, MOV, AVI, WebM, Matroska or GIF"),
    )


async def test_a_missing_file_is_no_fault_of_the_person(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Prober().probe(tmp_path / "gone", Role.IMAGE)


async def test_a_finished_video_may_be_of_any_size_and_length(clip: Callable[..., Path]) -> None:
    media = await Prober().probe_result(clip("mp4", width=180, height=640, seconds=31.0, rate=2))
    assert (media.width, media.height, media.seconds) == (180, 640, 31.0)


async def test_a_finished_video_must_be_one(picture: Callable[..., Path], sound_only: Path, tmp_path: Path) -> None:
    (tmp_path / "page.mp4").write_text("<!DOCTYPE html><html>AccessDenied</html>")
    for path in (picture("png"), sound_only, tmp_path / "page.mp4"):
        with pytest.raises(UserError):
            await Prober().probe_result(path)


@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8", "list"])
async def test_a_playlist_reads_no_file_and_asks_no_address(
    name: str, clip: Callable[..., Path], tmp_path: Path
) -> None:
    asked: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: asked.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    canary = tmp_path / "canary.mp4"
    shutil.copy(clip("mp4"), canary)
    os.utime(canary, (0, canary.stat().st_mtime))
    for text in (
        f"#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:{port}/a.ts\n#EXTINF:3,\nfile://{canary}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{canary}'\nfile 'http://127.0.0.1:{port}/a.mp4'\n",
    ):
        (tmp_path / name).write_text(text)
        assert [problem.rule for problem in await refusal(tmp_path / name, Role.VIDEO)] == ["playlist"]
    server.close()
    await server.wait_closed()
    assert asked == []
    assert canary.stat().st_atime == 0


async def test_a_picture_that_needs_too_much_memory_costs_a_sentence(picture: Callable[..., Path]) -> None:
    prober = Prober(limits=ChildLimits(memory_bytes=1 << 20))
    (problem,) = await refusal(picture("bmp", width=4096, height=4096), Role.IMAGE, prober)
    assert problem.rule == "memory"


def test_memory_is_limited_by_the_system_too_where_it_can(picture: Callable[..., Path]) -> None:
    if sys.platform != "linux":
        pytest.skip("this system does not enforce it: the parent alone watches")
    request = {"action": "probe", "path": str(picture("bmp", width=4096, height=4096)), "role": "image"}
    request |= {"thorough": True, "limits": {"cpu_seconds": 20, "memory_bytes": 1 << 20, "file_bytes": 0}}  # type: ignore[dict-item]
    done = subprocess.run(WORKER, input=json.dumps(request).encode(), capture_output=True, check=True)
    assert json.loads(done.stdout)["unfit"]["rule"] == "memory"


async def test_a_file_that_takes_too_long_costs_a_sentence(clip: Callable[..., Path]) -> None:
    (problem,) = await refusal(clip("mp4"), Role.VIDEO, Prober(limits=ChildLimits(wall_seconds=0.02)))
    assert problem.rule == "timeout"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"media": None},
        {"media": {"format": "mp4"}},
        {"media": {"format": "exe", "size": 1, "width": 1, "height": 1, "seconds": 1, "fps": 1, "sound": True}},
        {"media": {"format": "mp4", "size": "x", "width": 1, "height": 1, "seconds": 1, "fps": 1, "sound": True}},
        {"unfit": {"rule": "nonsense", "found": "", "limit": ""}},
        {"unfit": []},
    ],
)
async def test_a_child_taken_over_by_its_file_cannot_confuse_the_bot(
    answer: object, picture: Callable[..., Path]
) -> None:
    (problem,) = await refusal(picture("png"), Role.IMAGE, answering(answer))
    assert problem.rule == "corrupt"


def _damaged(source: Path, to: Path, dice: random.Random) -> Path:
    data = bytearray(source.read_bytes())
    for _ in range(dice.choice((1, 10, 100))):
        data[dice.randrange(len(data))] = dice.randrange(256)
    to.write_bytes(data)
    return to


async def test_files_damaged_at_random_are_refused_or_described_but_never_an_error(
    picture: Callable[..., Path], clip: Callable[..., Path], tmp_path: Path
) -> None:
    dice = random.Random(7)
    sources = [(picture(kind), Role.IMAGE) for kind in ("jpeg", "png")]
    sources += [(clip(kind, codec="libx264"), Role.VIDEO) for kind in ("mp4", "avi")]
    files = [(_damaged(path, tmp_path / str(number), dice), role) for number, (path, role) in enumerate(sources)]
    prober = Prober()
    found = await asyncio.gather(*(prober.probe(*file) for file in files), return_exceptions=True)
    assert {type(each) for each in found} <= {Media, UserError}
    assert UserError in {type(each) for each in found}


async def test_nothing_is_left_behind(
    clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await Prober().probe(clip("mp4"), Role.VIDEO)
    assert list(tmp_path.iterdir()) == []


def test_the_worker_starts_without_the_rest_of_the_bot() -> None:
    code = "import bot.media.worker, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {
        "slack_bolt",
        "slack_sdk",
        "aiohttp",
        "httpx",
        "pydantic",
        "structlog",
        "numpy",
    }
