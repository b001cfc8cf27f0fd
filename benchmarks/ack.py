"""Acknowledging a form: the bot's own front, signature, Bolt and store, beside the same front without a store.

Each server is a process on one core; the load comes from the other. Every submission is another one and freshly
signed. See ``--help``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import CLIENT_CORE, SERVER_CORE, Companion, Row, fsync_seconds, pin, quantile, say, table
from benchmarks.submissions import CONNECTIONS, SECRET, Requests, closed_loop, open_loop, submission

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

TOKEN = "xoxb-benchmark"
MB = 10**6
TRANSFERS, TRANSFER_BYTES, TRANSFER_SPEED = 10, 200 * MB, 10 * MB
RATE = 100.0  # submissions a second while the latency is measured
TURNS = 4  # of each server in each round
TARGET_THROUGHPUT, TARGET_TRANSFERS = 0.9, 1.5
ADDED_SECONDS = 0.001


# --- the server: the bot's own parts, with or without its store -------------------------------------------------------


class NoStore:
    """Stands where the store stands and keeps nothing. A new job is answered at once."""

    @property
    def jobs(self) -> NoStore:
        """Itself."""
        return self

    async def add(self, job: Any) -> Any:
        """Return the job."""
        return job


def _front(folder: Path, session: aiohttp.ClientSession, *, durable: bool) -> Any:
    from bot import log, web  # noqa: PLC0415 -- the other processes stay small
    from bot.intake import Intake  # noqa: PLC0415
    from bot.moves import Moves  # noqa: PLC0415
    from bot.slack.card import Cards  # noqa: PLC0415
    from bot.slack.client import SlackClient  # noqa: PLC0415
    from bot.slack.door import Door, Signatures  # noqa: PLC0415
    from bot.slack.listeners import Listeners  # noqa: PLC0415
    from bot.spool import Spool  # noqa: PLC0415
    from bot.store import Store  # noqa: PLC0415
    from bot.studio import PRICES  # noqa: PLC0415

    log.configure("INFO", secrets=[TOKEN, SECRET], to=Path(os.devnull).open("w"))  # noqa: SIM115 -- open to the end
    store = Store(folder / ("durable.db" if durable else "idle.db"), clock=time.time)
    client = SlackClient(token=TOKEN, base_url="http://127.0.0.1:9/api/", session=session)
    cards = Cards(client, store, prices=PRICES["singapore"], tasks_at_once=1, clock=time.time)
    keeper: Any = store if durable else NoStore()

    async def tidy(_: str) -> None:
        """Nothing ends here."""

    async def reasons() -> list[str]:
        return []

    moves = Moves(keeper.jobs, changed=cards.changed)
    intake = Intake(store=keeper, moves=moves, clock=time.time, wake=lambda: None, tidy=tidy, check_room=lambda: None)
    listeners = Listeners(client=client, intake=intake, store=store, cards=cards, clock=time.time)
    door = Door(client, listeners, token=TOKEN, signatures=Signatures(SECRET, clock=time.time))
    media = web.Media(store.addresses, Spool(folder / "spool", limit=MB))
    return web.routes(media=media, health=web.Health(reasons), receive=door.receive)


async def serve(folder: Path, *, durable: bool) -> None:
    """Serve until killed. Each line on the input starts that many transfers or stops those that run."""
    import aiohttp  # noqa: PLC0415 -- as above
    from aiohttp import web  # noqa: PLC0415

    from bot.app import calm_collector  # noqa: PLC0415
    from bot.transfer import media_session  # noqa: PLC0415

    async with aiohttp.ClientSession() as session, media_session() as media:
        runner = web.AppRunner(_front(folder, session, durable=durable), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        calm_collector()
        say(runner.addresses[0][1])
        running: list[asyncio.Task[None]] = []
        transferred: list[int] = []
        while line := await asyncio.to_thread(sys.stdin.readline):
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            count, port = map(int, line.split())
            running = [
                asyncio.create_task(_transfers(media, port, folder / f"in-{index}.mp4", transferred))
                for index in range(count)
            ]
            say({"cpu": time.process_time(), "transferred": sum(transferred)})
            transferred.clear()


async def _transfers(session: aiohttp.ClientSession, port: int, path: Path, transferred: list[int]) -> None:
    """Bring the file in again and again, as the bot brings in an input."""
    from bot.transfer import download  # noqa: PLC0415 -- as above

    with suppress(asyncio.CancelledError):
        while True:
            url = f"http://127.0.0.1:{port}/"
            transferred.append(await download(session, url, path, at_most=TRANSFER_BYTES, size=TRANSFER_BYTES))


async def source() -> None:
    """Send the bytes of a large file to whoever connects, at the pace of a distant service."""
    loop, step, block = asyncio.get_running_loop(), 0.0125, bytes(int(TRANSFER_SPEED * 0.0125))

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {TRANSFER_BYTES}\r\n\r\n".encode())
            at = loop.time() + random.random() * step
            for _ in range(TRANSFER_BYTES // len(block)):
                await asyncio.sleep(max(0.0, at - loop.time()))
                at += step
                writer.write(block)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


# --- the load ---------------------------------------------------------------------------------------------------------


def generate(body: str) -> None:
    """Obey each line on the input: which server, how many connections (0: open loop), how long."""
    say("ready")
    start = itertools.count(0, 10**7)
    for line in sys.stdin:
        port, connections, seconds = line.split()
        requests = Requests(body, next(start))
        if int(connections):
            took = asyncio.run(closed_loop(int(port), requests, int(connections), float(seconds)))
        else:
            took = asyncio.run(open_loop(int(port), requests, RATE, float(seconds)))
        say(took)


# --- the rounds -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """What the rounds gave for one server."""

    throughput: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)  # one connection: the median of each round
    answers: list[float] = field(default_factory=list)  # one connection: every answer
    idle: list[float] = field(default_factory=list)  # p99 of each round
    transfers: list[float] = field(default_factory=list)


class Bench:
    """Both servers, the source of the transfers and the load."""

    def __init__(self, folder: Path, stack: ExitStack, found: dict[str, Found], fsync: list[float]) -> None:
        def start(*words: str) -> Companion:
            return stack.enter_context(Companion("benchmarks.ack", "--folder", str(folder), *words))

        self._servers = {name: start("--serve", name) for name in found}
        self._source = start("--source")
        self._load = start("--generate")
        self._folder = folder
        self.found = found
        self.fsync = fsync

    def acknowledge(self, seconds: float, *, flip: bool) -> None:
        """Measure both servers, one connection and many."""
        self.fsync += fsync_seconds(self._folder, 50)
        for name in sorted(self._servers, reverse=flip):
            server, found = self._servers[name], self.found[name]
            took = self._load.ask(server.hello, 1, seconds)
            found.alone.append(statistics.median(took))
            found.answers += took
            before = server.ask(0, 0)["cpu"]
            took = self._load.ask(server.hello, CONNECTIONS, seconds)
            found.throughput.append(len(took) / seconds)
            found.cpu.append((server.ask(0, 0)["cpu"] - before) / len(took))

    def transfer(self, seconds: float) -> None:
        """Measure the latency of the durable server, idle and with transfers in the same process."""
        server, found = self._servers["durable"], self.found["durable"]
        found.idle.append(quantile(self._load.ask(server.hello, 0, seconds), 0.99))
        server.ask(TRANSFERS, self._source.hello)
        time.sleep(0.5)
        found.transfers.append(quantile(self._load.ask(server.hello, 0, seconds), 0.99))
        server.ask(0, 0)


def rows(durable: Found, none: Found, fsync: float) -> list[Row]:
    """Return the table's rows."""
    allowed = ADDED_SECONDS + fsync
    added = statistics.median(own - other for own, other in zip(durable.alone, none.alone, strict=True))
    before, step = _share(durable.answers, 0.005, 0.009), _share(durable.answers, 0.009, 0.013)

    def both(name: str, pick: Callable[[Found], list[float]], scale: float, unit: str, **more: Any) -> Row:
        own, other = statistics.median(pick(durable)), statistics.median(pick(none))
        measured, floor = (f"{value * scale:.{0 if scale == 1 else 3}f} {unit}" for value in (own, other))
        ratio = statistics.median(a / b for a, b in zip(pick(durable), pick(none), strict=True))
        return Row(name=name, measured=measured, floor=floor, ratio=ratio, **more)

    return [
        both(
            f"{CONNECTIONS} connections, no store as floor", lambda f: f.throughput, 1, "a s", target=TARGET_THROUGHPUT
        ),
        both("    processor time of each", lambda f: f.cpu, 1000, "ms"),
        both("1 connection, median, no store as floor", lambda f: f.alone, 1000, "ms"),
        Row(
            name="    what the store adds; one fsync as floor; of 1 ms more",
            measured=f"{added * 1000:.2f} ms",
            floor=f"{fsync * 1000:.2f} ms",
            ratio=added / allowed,
            target=1.0,
            most=True,
        ),
        Row(
            name="    answers after 9 to 13 ms, 5 to 9 ms as floor",
            measured=f"{step:.2%}",
            floor=f"{before:.2%}",
            ratio=step / (before + 0.01),  # a tail only falls
            target=1.0,
            most=True,
        ),
        Row(
            name=f"p99 with {TRANSFERS} transfers, idle as floor",
            measured=f"{statistics.median(durable.transfers) * 1000:.2f} ms",
            floor=f"{statistics.median(durable.idle) * 1000:.2f} ms",
            ratio=statistics.median(a / b for a, b in zip(durable.transfers, durable.idle, strict=True)),
            target=TARGET_TRANSFERS,
            most=True,
        ),
    ]


def _share(answers: list[float], start: float, end: float) -> float:
    """Bolt without ``process_before_response`` looks for the ack every 10 ms: such a wait would show between these."""
    return sum(start <= took < end for took in answers) / len(answers)


def histogram(answers: list[float]) -> str:
    """Return in a line how many answers came within which time, doubled from step to step."""
    steps = [0.25 * 2**power for power in range(9)]
    counts = Counter(next((step for step in steps if took * 1000 < step), None) for took in answers)
    shown = [f"< {step:g} ms {counts[step] / len(answers):.1%}" for step in steps if counts[step]]
    return "1 connection, durable: " + ", ".join(shown) + (f", later {counts[None]}" if counts[None] else "")


def measured(rounds: int, seconds: float, folder: Path) -> bool:
    """Run the rounds, print the table, return whether the targets are reached."""
    durable, none = Found(), Found()
    fsync: list[float] = []
    pin(SERVER_CORE)  # the disk's floor is taken where the store writes
    for number in range(rounds):
        # New ones each time: where its memory lies makes the same server faster or slower by 4 %, as long as it lives.
        own = folder / str(number)
        own.mkdir()
        (own / "submission").write_text(submission())
        with ExitStack() as stack:
            bench = Bench(own, stack, {"durable": durable, "none": none}, fsync)
            for index in range(TURNS):  # short ones: the machine changes its speed within seconds
                bench.acknowledge(seconds, flip=bool(index % 2))
            bench.transfer(seconds * 12)
    good = table(rows(durable, none, statistics.median(fsync)))
    print(histogram(durable.answers))
    return good


def main() -> int:
    """Run the comparison, or, for it, one of its other processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 short rounds instead of 5 long ones")
    parser.add_argument("--folder", type=Path, help="where the database is (a temporary folder): its disk is the floor")
    parser.add_argument("--serve", choices=["durable", "none"], help=argparse.SUPPRESS)
    parser.add_argument("--source", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--generate", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        pin(SERVER_CORE)
        asyncio.run(serve(given.folder, durable=given.serve == "durable"))
    elif given.source or given.generate:
        pin(CLIENT_CORE)
        asyncio.run(source()) if given.source else generate((given.folder / "submission").read_text())
    else:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            rounds, seconds = (3, 0.5) if given.quick else (5, 1.0)
            return 0 if measured(rounds, seconds, Path(folder)) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
