"""The real bot in a process that notes every point at which it could die, or dies at the one it is told.

``python -m bot.demo.killable`` serves as ``understudy serve`` does. Points are before, within and after every call to
a service, around every commit, and before every renaming and removal of a file. ``KILL_POINTS`` names a file that every
point is written to; ``KILL_AT`` is ``name#n``: the process ends with SIGKILL when that point is reached the n-th time.
Nothing of the bot knows of this: its clients are traced from outside, its writer is wrapped.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx

from bot.app import run
from bot.config import Settings
from bot.delivery import Patience
from bot.lock import only_process
from bot.log import configure
from bot.pace import Pace
from bot.store import writer

if TYPE_CHECKING:
    from types import SimpleNamespace

_IDS = re.compile(r"(?<=/)(tasks|files-pri|upload/v1|results|response)/[^?]+")


class Points:
    """Counts the points by name and ends the process at the chosen one."""

    def __init__(self, *, at: str, note: str) -> None:
        self._name, _, number = at.rpartition("#")
        self._number = int(number or 0)
        self._seen: Counter[str] = Counter()
        # One write for each line, so that nothing of it is lost with the process.
        self._file = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if note else None

    def reached(self, name: str) -> None:
        """Note the point; does not return if it is the chosen one."""
        self._seen[name] += 1
        if self._file is not None:
            os.write(self._file, f"{name}#{self._seen[name]}\n".encode())
        if name == self._name and self._seen[name] == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


def _called(method: str, path: str) -> str:
    return f"{method} " + _IDS.sub(lambda found: f"{found[1]}/x", path)


def trace_aiohttp(points: Points) -> None:
    """Let every session made from now on name its calls: before, when all is sent, when an answer began."""
    made = aiohttp.ClientSession.__init__

    async def before(_: object, context: SimpleNamespace, start: aiohttp.TraceRequestStartParams) -> None:
        context.name = _called(start.method, start.url.path)
        points.reached(f"{context.name} before")

    async def sent(_: object, context: SimpleNamespace, __: object) -> None:
        # The body follows the headers in the same breath.
        asyncio.get_running_loop().call_later(0.002, points.reached, f"{context.name} in flight")

    async def answered(_: object, context: SimpleNamespace, __: object) -> None:
        points.reached(f"{context.name} answered")

    def init(session: aiohttp.ClientSession, *arguments: Any, **named: Any) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(before)
        trace.on_request_headers_sent.append(sent)
        trace.on_request_end.append(answered)
        made(session, *arguments, **{**named, "trace_configs": [*(named.get("trace_configs") or ()), trace]})

    aiohttp.ClientSession.__init__ = init  # type: ignore[assignment]


def trace_httpx(points: Points) -> None:
    """Let every client name its calls in the same way."""
    made = httpx.AsyncClient.__init__

    async def before(request: httpx.Request) -> None:
        name = _called(request.method, request.url.path)
        points.reached(f"{name} before")

        async def trace(event: str, _: dict[str, Any]) -> None:
            if event == "http11.send_request_body.complete":
                points.reached(f"{name} in flight")

        request.extensions["trace"] = trace

    async def answered(response: httpx.Response) -> None:
        points.reached(f"{_called(response.request.method, response.request.url.path)} answered")

    def init(client: httpx.AsyncClient, **named: Any) -> None:
        made(client, **{**named, "event_hooks": {"request": [before], "response": [answered]}})

    httpx.AsyncClient.__init__ = init  # type: ignore[assignment]


def trace_writer(points: Points) -> None:
    """Name each kind of what a commit holds: before it, and after it, before anybody hears of it.

    One by one, for what shares a commit is a matter of moments.
    """
    commit = writer.transact  # wrapped here so that no step has to name its points

    def named(db: Any, batch: list[Any]) -> None:
        kinds = sorted({operation.work.__qualname__.partition(".<locals>")[0] for operation in batch})
        for kind in kinds:
            points.reached(f"commit {kind} before")
        commit(db, batch)
        for kind in kinds:
            points.reached(f"commit {kind} after")

    writer.transact = named


def trace_files(points: Points, folder: Path) -> None:
    """Name every renaming and every removal below the spool."""
    spool = str(folder / "spool")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"os.rename", "shutil.rmtree"} and str(arguments[0]).startswith(spool):
            points.reached(f"{event} {Path(str(arguments[-1 if event == 'os.rename' else 0])).suffix or 'folder'}")

    sys.addaudithook(hook)


def main() -> None:
    """Serve, quicker than on a real Slack, until the end that was chosen or SIGTERM."""
    points = Points(at=os.environ.get("KILL_AT", ""), note=os.environ.get("KILL_POINTS", ""))
    settings = Settings(_env_file=None)
    configure(settings.log_level)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    trace_aiohttp(points)
    trace_httpx(points)
    trace_writer(points)
    trace_files(points, settings.data_dir)
    with only_process(settings.data_dir):
        asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, until.set)
    pace = Pace(late=0.5, settle=1.5, look_again=0.5, edit=0.1, preview=0.0, rested=60.0)
    await run(settings, until=until, patience=Patience(settle=0.3, share=1.0), pace=pace)


if __name__ == "__main__":
    main()
