"""A hosted input through the bot's own route, token and access log included, beside a bare FileResponse.

Each server is a process on one core; the reader that drops the bytes has the other. See ``--help``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import CLIENT_CORE, SERVER_CORE, Companion, Row, fsync_seconds, pin, say, table

if TYPE_CHECKING:
    from aiohttp import web

MB = 10**6
TARGET = 0.9


async def serve(name: str, folder: Path, size: int) -> None:
    """Serve one file of random bytes until killed; says port and path."""
    from aiohttp import web  # noqa: PLC0415 -- the reader stays small

    application, path = await (_bots(folder, size) if name == "bot" else _bare(folder, size))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say([runner.addresses[0][1], path])
    await asyncio.Event().wait()


def _fill(path: Path, size: int) -> None:
    block = os.urandom(MB)
    with path.open("wb") as file:
        for start in range(0, size, MB):
            file.write(block[: size - start])


async def _bare(folder: Path, size: int) -> tuple[web.Application, str]:
    from aiohttp import web  # noqa: PLC0415 -- as above

    file = folder / "bare.mp4"
    _fill(file, size)

    async def answer(_: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    application = web.Application()
    application.router.add_get("/media/{token}/{name}", answer)
    return application, "/media/token/video.mp4"


async def _bots(folder: Path, size: int) -> tuple[web.Application, str]:
    """The bot's application with one job whose two inputs are given away."""
    from bot import log  # noqa: PLC0415 -- as above
    from bot.hosting.local import LocalHost  # noqa: PLC0415
    from bot.job import Job, Media  # noqa: PLC0415
    from bot.order import Kind, Order, Place, Role, SourceFile  # noqa: PLC0415
    from bot.spool import Spool  # noqa: PLC0415
    from bot.store import Store  # noqa: PLC0415
    from bot.web import Health, routes  # noqa: PLC0415
    from bot.web import Media as Hosted  # noqa: PLC0415

    log.configure("INFO", to=open(os.devnull, "w"))  # noqa: ASYNC230, PTH123, SIM115 -- open to the end
    store = Store(folder / "jobs.db", clock=time.time)
    spool = Spool(folder / "spool", limit=100 * size)
    order = Order(kind=Kind.ANIMATE, image=SourceFile("F1"), video=SourceFile("F2"))
    place, now = Place(team="T1", channel="C1", user="U1"), time.time()
    job = await store.jobs.add(Job(id="J1", key="1", order=order, place=place, created_at=now, due_at=now))
    media = {
        Role.IMAGE: Media(format="png", size=1000, width=640, height=640),
        Role.VIDEO: Media(format="mp4", size=size, width=640, height=640, seconds=20.0, fps=25.0),
    }
    host, hosted = LocalHost("http://bot.example", clock=time.time), {}
    for role, found in media.items():
        _fill(spool.path(job.id, role), found.size)
        hosted[role] = await host.put(spool.path(job.id, role), kind=Kind.ANIMATE, role=role, media=found)
    await store.addresses.add(job, hosted, {role: found.size for role, found in media.items()})

    async def reasons() -> list[str]:
        return []

    application = routes(media=Hosted(store.addresses, spool), health=Health(reasons), receive=None)
    return application, hosted[Role.VIDEO].url.removeprefix("http://bot.example")


def fetch(at: tuple[int, str], size: int) -> float:
    """Return how many seconds the whole file took, from the request to its last byte, on a new connection."""
    # On Linux the kernel can drop the bytes itself, so that what is measured is the server.
    flags = socket.MSG_TRUNC if sys.platform == "linux" else 0
    room, (port, path) = bytearray(1 << 20), at
    with closing(socket.create_connection(("127.0.0.1", port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        began = time.perf_counter()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(1024)
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200") or f"content-length: {size}".encode() not in head.lower():
            raise RuntimeError(head.decode())
        left = size - len(body)
        while left > 0:
            if not (count := connection.recv_into(room, min(left, len(room)), flags)):
                raise RuntimeError("cut off")
            left -= count
        return time.perf_counter() - began


def measured(size: int, rounds: int, folder: Path) -> bool:
    """Fetch from both in turns, print the table, return whether the target is reached."""
    seconds: dict[str, list[float]] = {"bot": [], "bare": []}
    fsync = statistics.median(fsync_seconds(folder))
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(
                Companion("benchmarks.hosting", "--serve", name, "--folder", str(folder), "--size", str(size))
            )
            for name in seconds
        }
        pin(CLIENT_CORE)
        for index in range(rounds + 1):
            for name in sorted(seconds, reverse=bool(index % 2)):
                took = fetch(servers[name].hello, size)
                if index:  # the first round fills the page cache
                    seconds[name].append(took)
    own, bare = statistics.median(seconds["bot"]), statistics.median(seconds["bare"])
    ratio = statistics.median(b / a for a, b in zip(seconds["bot"], seconds["bare"], strict=True))
    what = f"{size / MB:g} MB hosted, MB a second"
    speeds = f"{size / MB / own:.0f}", f"{size / MB / bare:.0f}"
    return table(
        [
            Row(name=what, measured=speeds[0], floor=speeds[1], ratio=ratio, target=TARGET),
            Row(name="the one commit before the first byte", measured="", floor=f"{fsync * 1000:.2f} ms"),
        ]
    )


def main() -> int:
    """Run the comparison, or, for it, one of the servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="9 rounds instead of 31")
    parser.add_argument("--size", type=int, default=200 * MB, help="bytes of the file (200 MB)")
    parser.add_argument("--serve", choices=["bot", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where the files and the database are (a temporary folder)")
    given = parser.parse_args()
    if given.serve:
        pin(SERVER_CORE)
        asyncio.run(serve(given.serve, given.folder, given.size))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        return 0 if measured(given.size, 9 if given.quick else 31, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
