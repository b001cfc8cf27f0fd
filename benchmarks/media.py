"""Mending beside the ffmpeg command that does the same, all measured in one run. See ``--help``.

CPU seconds and peak memory are those of whole processes, start included. A row's ratio is its CPU divided by ffmpeg's:
1.00 costs as much. Without an ``ffmpeg`` on the path the ratios are left out and the rest is measured. The films are
made by other processes: a system counts what a parent held to its children.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.filter import Graph

from benchmarks.measure import Companion, quantile
from benchmarks.submissions import submission
from bot.media.child import WORKER
from bot.media.film import X264
from bot.media.prepare import MEND_LIMITS, Preparer
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET_RATIO = 1.25  # of ffmpeg's CPU
TARGET_MEMORY_MB = 400  # of the child, at 4K
TARGET_FLAT_MB = 20  # more for three times the length
TARGET_PASS_SECONDS = 0.150  # CPU for a file that fits
TARGET_BOT_MB = 8  # what the bot's own process grows by
TARGET_ACK_RATIO = 2.0  # p99 of acknowledgements, while two long mends run, over idle
SLACK = 0.7  # a run fails beyond a target divided by this: other programs run on the machine, too


@dataclass(frozen=True)
class Case:
    """A film to be mended, and how ffmpeg would be told to do the same."""

    name: str
    codec: str
    size: tuple[int, int]
    seconds: float
    rate: int = 30
    pixels: str = "yuv420p"
    hlg: bool = False
    kind: str = "mp4"
    filters: str = ""


_TO_SDR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)
CASES = (
    Case("1080p VP8 webm", "libvpx", (1920, 1080), 6, kind="webm"),
    Case("1080p 10-bit HEVC", "libx265", (1920, 1080), 6, pixels="yuv420p10le"),
    Case("4K 8-bit HEVC", "libx265", (3840, 2160), 4, filters="scale=2048:1152"),
    Case("4K HDR HEVC", "libx265", (3840, 2160), 4, 30, "yuv420p10le", True, filters=f"scale=2048:1152,{_TO_SDR}"),
    Case("4K HDR HEVC, longer", "libx265", (3840, 2160), 12, 30, "yuv420p10le", True),
)
FITTING = (
    Case("720p, 10 s", "libx264", (1280, 720), 10),
    Case("1080p, 28 s", "libx264", (1920, 1080), 28),
)
BOTS = Case("1080p HEVC", "libx265", (1920, 1080), 4)


@dataclass(frozen=True)
class Spent:
    """What one process used."""

    cpu: float
    memory_mb: float


def make(case: Case, to: Path) -> None:
    """Have another process write the case's film."""
    command = [sys.executable, "-m", "benchmarks.media", "--make", case.name, "--to", str(to)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def write(case: Case, to: Path) -> None:
    """Write the case's film: a moving test picture, with a little noise so that it is no cartoon, and a tone."""
    with av.open(to, "w", format=case.kind) as made:
        options = {
            "libx265": {"preset": "ultrafast", "x265-params": "log-level=0"},
            "libvpx": {"cpu-used": "8", "b": "8M"},
        }
        picture: Any = made.add_stream(
            case.codec, rate=case.rate, options=options.get(case.codec, {"preset": "ultrafast"})
        )
        picture.width, picture.height = case.size
        picture.pix_fmt = case.pixels
        if case.hlg:
            context = picture.codec_context
            context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 18, 9, 1
        sound: Any = made.add_stream("libopus" if case.kind == "webm" else "aac", rate=48000, layout="stereo")
        for index, frame in enumerate(_source(case)):
            frame.pts, frame.time_base = index, Fraction(1, case.rate)
            made.mux(picture.encode(frame))
        made.mux(picture.encode())
        for index in range(int(case.seconds * 50)):
            tone: Any = av.AudioFrame(format=sound.codec_context.format.name, layout="stereo", samples=960)
            for plane in tone.planes:
                plane.update(bytes(plane.buffer_size))
            tone.sample_rate, tone.pts, tone.time_base = 48000, index * 960, Fraction(1, 48000)
            made.mux(sound.encode(tone))
        made.mux(sound.encode())


def _source(case: Case) -> Any:
    graph = Graph()
    width, height = case.size
    start = graph.add("testsrc2", f"s={width}x{height}:r={case.rate}:d={case.seconds}")
    nodes = [start, graph.add("noise", "alls=6:allf=t"), graph.add("format", case.pixels), graph.add("buffersink")]
    graph.link_nodes(*nodes).configure()
    while True:
        try:
            frame: Any = graph.pull()
        except av.error.EOFError:
            return
        frame.pict_type = 0
        yield frame


def run(command: Sequence[str], folder: Path, text: bytes = b"") -> Spent:
    """Run a program to its end and return what it used."""
    (folder / "stdin").write_bytes(text)
    with (folder / "stdin").open("rb") as source, (folder / "stdout").open("wb") as answer:
        process = subprocess.Popen(command, stdin=source, stdout=answer, cwd=folder, env={"MALLOC_ARENA_MAX": "2"})
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def question(path: Path, folder: Path) -> bytes:
    """Return what the bot asks its child when a film is to be mended."""
    request = {"action": "prepare", "path": str(path), "role": "video", "to": str(folder / "made")}
    request |= {"wish": {"start": 0.0, "length": None, "fit": "none"}, "limits": asdict(MEND_LIMITS)}  # type: ignore[dict-item]
    return json.dumps(request).encode()


def mend(path: Path, folder: Path) -> Spent:
    """Run the real child on one film."""
    spent = run(WORKER, folder, question(path, folder))
    answer = json.loads((folder / "stdout").read_text().splitlines()[-1])
    if "media" not in answer:
        raise SystemExit(f"not mended: {answer}")
    return spent


def ffmpeg(case: Case, path: Path, folder: Path) -> Spent:
    """Run the command that does the same."""
    command = [
        str(shutil.which("ffmpeg")),
        "-v",
        "error",
        "-y",
        "-threads",
        "2",
        "-filter_threads",
        "2",
        "-i",
        str(path),
    ]
    command += ["-vf", case.filters or "null", "-c:v", "libx264", "-threads", "2", "-pix_fmt", "yuv420p"]
    for name, value in X264.items():
        command += [f"-{name}", value]
    command += ["-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart", str(folder / "peer.mp4")]
    return run(command, folder)


def measure_cases(folder: Path, repeats: int) -> list[str]:
    """Print a row for each case and return what missed its target."""
    missed: list[str] = []
    memory: dict[str, float] = {}
    peer = shutil.which("ffmpeg") is not None
    print(f"{'':24}{'CPU s':>8}{'ffmpeg':>8}{'ratio':>7}{'MB':>7}{'ffmpeg':>8}")
    for case in CASES:
        path = folder / f"source.{case.kind}"
        make(case, path)
        ours = [mend(path, folder) for _ in range(repeats)]
        cpu, memory[case.name] = min(each.cpu for each in ours), max(each.memory_mb for each in ours)
        theirs = [ffmpeg(case, path, folder) for _ in range(repeats)] if peer and (case.filters or not case.hlg) else []
        row = f"{case.name:24}{cpu:8.2f}"
        if theirs:
            ratio = cpu / min(each.cpu for each in theirs)
            row += f"{min(each.cpu for each in theirs):8.2f}{ratio:7.2f}"
            missed += [f"{case.name}: CPU"] if ratio > TARGET_RATIO / SLACK else []
        row = f"{row:47}{memory[case.name]:7.0f}"
        print(row + (f"{max(each.memory_mb for each in theirs):8.0f}" if theirs else ""))
        missed += [f"{case.name}: memory"] if memory[case.name] > TARGET_MEMORY_MB else []
    growth = memory["4K HDR HEVC, longer"] - memory["4K HDR HEVC"]
    print(f"three times the length: {growth:+.0f} MB (target {TARGET_FLAT_MB})")
    return missed + (["flat"] if growth > TARGET_FLAT_MB else [])


def measure_pass(folder: Path) -> list[str]:
    """Print what films that fit cost and return what missed its target."""
    missed = []
    for case in FITTING:
        path = folder / "fits.mp4"
        make(case, path)
        before = path.read_bytes()
        cpu = statistics.median(mend(path, folder).cpu for _ in range(9))
        mends = json.loads((folder / "stdout").read_text().splitlines()[-1])["mends"]
        same = path.read_bytes() == before and not mends
        told = f"{cpu * 1000:.0f} ms of CPU (target {TARGET_PASS_SECONDS * 1000:.0f}), untouched: {same}"
        print(f"a film that fits, {case.name}, {len(before) / 1e6:.0f} MB: {told}")
        missed += [] if same and cpu <= TARGET_PASS_SECONDS / SLACK else [f"pass: {case.name}"]
    return missed


def measure_bot(folder: Path) -> list[str]:
    """Print what the bot's own process grows by while children work, and return what missed its target."""
    path = folder / "bot.mp4"
    make(BOTS, path)

    async def work() -> tuple[float, float]:
        preparer = Preparer()
        await preparer.prepare(path, Role.VIDEO, folder / "first")
        before = _resident_mb()
        await asyncio.gather(*(preparer.prepare(path, Role.VIDEO, folder / f"made-{n}") for n in range(4)))
        return before, _resident_mb()

    before, after = asyncio.run(work())
    print(f"the bot itself: {after - before:+.1f} MB (target {TARGET_BOT_MB})")
    return [] if after - before <= TARGET_BOT_MB else ["bot"]


def measure_acks(folder: Path, rounds: int = 5, seconds: float = 6.0) -> list[str]:
    """Print how long acknowledgements take beside two long mends, and return what missed its target."""
    path = folder / "long.mp4"
    make(CASES[-1], path)
    (folder / "submission").write_text(submission())
    idle, beside = [], []
    with (
        Companion("benchmarks.ack", "--folder", str(folder), "--serve", "durable") as server,
        Companion("benchmarks.ack", "--folder", str(folder), "--generate") as load,
    ):
        for _ in range(rounds):
            idle.append(quantile(load.ask(server.hello, 0, seconds), 0.99))
            mends = [_mending(path, folder / f"beside-{number}") for number in range(2)]
            time.sleep(1)  # loading is over
            beside.append(quantile(load.ask(server.hello, 0, seconds), 0.99))
            if any(mend.poll() is not None for mend in mends):
                print("a mend ended too early: the figures below are too good")
            for each in mends:
                each.kill()
                each.wait()
    before, after = statistics.median(idle), statistics.median(beside)
    print(
        f"acknowledgements, p99: {before * 1000:.1f} ms idle, {after * 1000:.1f} ms beside two long mends, "
        f"ratio {after / before:.2f} (target {TARGET_ACK_RATIO:g})"
    )
    return [] if after <= before * TARGET_ACK_RATIO / SLACK else ["acknowledgements"]


def _mending(path: Path, to: Path) -> subprocess.Popen[bytes]:
    to.mkdir(exist_ok=True)
    process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=to)
    if process.stdin is not None:
        process.stdin.write(question(path, to))
        process.stdin.close()
    return process


def _resident_mb() -> float:
    out = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
    return int(out.stdout) / 1024


def main() -> int:
    """Measure everything; 1 if a target was missed by more than the slack."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=2)
    arguments.add_argument("--make", help=argparse.SUPPRESS)
    arguments.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.make:
        write(next(case for case in (*CASES, *FITTING, BOTS) if case.name == chosen.make), chosen.to)
        return 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        missed = [*measure_pass(folder), *measure_bot(folder), *measure_acks(folder)]
        missed += measure_cases(folder, chosen.repeats)
    print("missed:", ", ".join(missed) or "nothing")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
