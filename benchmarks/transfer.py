"""Media transfers beside curl and the vendors' own helpers, all measured in one run. See ``--help``.

A row's ratio is curl's median time divided by its own: 1.00 is as fast as ``curl -o`` and then ``curl -F``.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MB = 10**6
TARGET_SPEED = 0.9
TARGET_GROWTH_MB = 12.0
SLACK = 0.7  # a run fails below this share of a target: other programs run on the machine, too
TOKEN = "xoxb-benchmark"


# --- the other side: one process, a thread for each connection, as cheap as Python can be -----------------------------


def serve(size: int) -> None:
    """Serve ``size`` random bytes to whoever has the token, swallow uploads, answer Slack's upload calls."""
    with tempfile.TemporaryFile() as media, socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        block = os.urandom(MB)
        for start in range(0, size, MB):
            media.write(block[: size - start])
        media.flush()
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_converse, args=(connection, media.fileno()), daemon=True).start()


def _converse(connection: socket.socket, media: int) -> None:
    base = f"http://127.0.0.1:{connection.getsockname()[1]}"
    with connection:
        while head := _head(connection):
            method, path, headers, extra = head
            if method == "POST" or path.startswith("/api/"):
                _swallow(connection, int(headers.get("content-length", 0)) - extra, expects="expect" in headers)
                _answer(connection, _slack(path.partition("?")[0], base))
            elif headers.get("authorization") == f"Bearer {TOKEN}":
                _send(connection, media, int(path.rpartition("/")[2]))
            else:
                connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")


def _send(connection: socket.socket, media: int, size: int) -> None:
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    sent = 0
    while sent < size:
        sent += os.sendfile(connection.fileno(), media, sent, size - sent)


def _head(connection: socket.socket) -> tuple[str, str, dict[str, str], int] | None:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (more := connection.recv(1 << 16)):
            return None
        received += more
    text, _, rest = received.partition(b"\r\n\r\n")
    first, *lines = text.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return method, path, headers, len(rest)


def _swallow(connection: socket.socket, left: int, *, expects: bool) -> None:
    if expects:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    room = memoryview(bytearray(1 << 20))
    while left > 0:
        if not (count := connection.recv_into(room, min(left, len(room)))):
            return
        left -= count


def _slack(path: str, base: str) -> bytes:
    answers = {
        "/api/files.getUploadURLExternal": {"ok": True, "upload_url": f"{base}/upload", "file_id": "F1"},
        "/api/files.completeUploadExternal": {"ok": True, "files": [{"id": "F1", "title": "video"}]},
    }
    return json.dumps(answers[path]).encode() if path in answers else b""


def _answer(connection: socket.socket, body: bytes) -> None:
    kind = "application/json" if body else "text/plain"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


# --- what is measured: each in a process of its own, so that its memory is its own ------------------------------------


FORM = [("OSSAccessKeyId", "a"), ("Signature", "b"), ("policy", "c"), ("key", "d/video.mp4")]


async def _fetch(base: str, folder: Path, size: int) -> Path:
    from bot.transfer import download, media_session  # noqa: PLC0415 -- the measuring process stays small

    path = folder / "video.mp4"
    async with media_session() as session:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        await download(session, f"{base}/media/{size}", path, at_most=size, size=size, authorize=lambda _: headers)
    return path


async def to_storage(base: str, folder: Path, size: int) -> None:
    """Slack, spool, temporary storage: an input on its way in."""
    from bot.transfer import media_session, upload_form  # noqa: PLC0415 -- as above

    path = await _fetch(base, folder, size)
    async with media_session() as session:
        await upload_form(session, f"{base}/oss", FORM, path, name="video.mp4", content_type="video/mp4")


async def to_slack(base: str, folder: Path, size: int) -> None:
    """Result, spool, Slack: a video on its way out."""
    from bot.transfer import media_session, upload_file  # noqa: PLC0415 -- as above

    path = await _fetch(base, folder, size)
    async with media_session() as session:
        await upload_file(session, f"{base}/upload", path, content_type="video/mp4")


async def slack_sdk(base: str, folder: Path, size: int) -> None:
    """The same through slack_sdk's own helper."""
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415 -- as above

    path = await _fetch(base, folder, size)
    client = AsyncWebClient(token=TOKEN, base_url=f"{base}/api/", timeout=600)
    await client.files_upload_v2(file=str(path), filename="video.mp4", channel="C1")


async def dashscope(base: str, folder: Path, size: int) -> None:
    """The same through dashscope's own uploader."""
    from dashscope.utils.oss_utils import OssUtils  # type: ignore[import-not-found]  # noqa: PLC0415 -- as above

    path = await _fetch(base, folder, size)
    certificate = {
        "oss_access_key_id": "a",
        "signature": "b",
        "policy": "c",
        "upload_dir": "d",
        "upload_host": f"{base}/oss",
        "x_oss_object_acl": "private",
        "x_oss_forbid_overwrite": "true",
    }
    OssUtils.upload(model="m", file_path=str(path), api_key="k", upload_certificate=certificate)


@dataclass(frozen=True, slots=True)
class Row:
    """One way of doing it. ``needs``: a package; ``own``: this bot's, held to the target."""

    name: str
    run: Callable[[str, Path, int], Awaitable[None]]
    needs: str = "aiohttp"
    own: bool = False


ROWS = {
    "to-storage": Row("Slack -> spool -> storage", to_storage, own=True),
    "to-slack": Row("result -> spool -> Slack", to_slack, own=True),
    "slack-sdk": Row("... with slack_sdk files_upload_v2", slack_sdk, needs="slack_sdk"),
    "dashscope": Row("... with dashscope's uploader", dashscope, needs="dashscope"),
}


def _peak_mb() -> float:
    import resource  # noqa: PLC0415 -- only the measured process needs it

    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss of a new process begins with its parent's on Linux
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / MB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


async def _measure(row: Row, base: str, folder: Path, size: int) -> None:
    await row.run(base, folder, MB)  # imports, and a first pass through everything
    before = _peak_mb()
    began = time.perf_counter()
    await row.run(base, folder, size)
    print(json.dumps({"seconds": time.perf_counter() - began, "growth": _peak_mb() - before}))


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Runs:
    """What the rounds gave for one row."""

    seconds: list[float] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)


def _curl(base: str, folder: Path, size: int) -> float:
    path, show = folder / "curl.mp4", ["-sS", "-f", "-w", "%{time_total}"]
    fetch = ["-H", f"Authorization: Bearer {TOKEN}", "-o", str(path), f"{base}/media/{size}"]
    fields = [part for name, value in FORM for part in ("-F", f"{name}={value}")]
    send = [*fields, "-F", f"file=@{path};type=video/mp4", "-o", os.devnull, f"{base}/oss"]
    return sum(float(_output(["curl", *show, *part])) for part in (fetch, send))


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def _server(size: int) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.transfer", "--serve", "--size", str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip() if process.stdout else 0}"
        finally:
            process.terminate()


def _rounds(base: str, folder: Path, size: int, rounds: int) -> tuple[list[float], dict[str, Runs]]:
    with_curl = shutil.which("curl") is not None
    names = [name for name, row in ROWS.items() if importlib.util.find_spec(row.needs)]
    curl: list[float] = []
    runs = {name: Runs() for name in names}
    for _ in range(rounds):
        if with_curl:
            curl.append(_curl(base, folder, size))
        for name in names:
            command = [
                sys.executable,
                "-m",
                "benchmarks.transfer",
                "--measure",
                name,
                "--base",
                base,
                "--folder",
                str(folder),
            ]
            found = json.loads(_output([*command, "--size", str(size)]))
            runs[name].seconds.append(found["seconds"])
            runs[name].growth.append(found["growth"])
    return curl, runs


def _table(curl: list[float], runs: dict[str, Runs]) -> bool:
    """Print the medians and return whether this bot's rows are within reach of their targets."""
    floor = statistics.median(curl) if curl else None
    print(f"{'':38}{'seconds':>9}{'of curl':>9}{'growth':>10}")
    print(f"{'curl -o, then curl -F':38}" + (f"{floor:9.3f}{1:9.2f}" if floor else "  not installed: no ratios"))
    good = True
    for name, row in ROWS.items():
        if name not in runs:
            print(f"{row.name:38}  not installed")
            continue
        seconds, growth = statistics.median(runs[name].seconds), statistics.median(runs[name].growth)
        ratio = floor / seconds if floor else None
        print(f"{row.name:38}{seconds:9.3f}" + (f"{ratio:9.2f}" if ratio else f"{'-':>9}") + f"{growth:7.1f} MB")
        if row.own:
            good &= growth <= TARGET_GROWTH_MB / SLACK and (ratio is None or ratio >= TARGET_SPEED * SLACK)
    print(f"targets: at least {TARGET_SPEED} of curl's speed, at most {TARGET_GROWTH_MB:g} MB of growth a transfer")
    return good


def main() -> int:
    """Run the comparison, or, for it, one of its other processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 7")
    parser.add_argument("--size", type=int, default=200 * MB, help="bytes of the file (200 MB)")
    for internal in ("--measure", "--base", "--folder"):
        parser.add_argument(internal, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.size)
    if given.measure:
        asyncio.run(_measure(ROWS[given.measure], given.base, Path(given.folder), given.size))
        return 0
    with tempfile.TemporaryDirectory() as folder, _server(given.size) as base:
        curl, runs = _rounds(base, Path(folder), given.size, 3 if given.quick else 7)
    return 0 if _table(curl, runs) else 1


if __name__ == "__main__":
    sys.exit(main())
