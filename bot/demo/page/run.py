"""``understudy demo``: the practice workspace, open in the browser until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import webbrowser
from pathlib import Path

from bot.demo.page.server import PageServer
from bot.demo.page.workspace import Workspace, furnish
from bot.demo.practice import Practice
from bot.manifest import manifest

FIRST_PORT, PORTS = 3000, 50
# A practice task takes this long at least: enough to see the card move, too short to be bored.
TASK_SECONDS = 6.0


def serve(*, port: int | None, browser: bool, folder: Path | None) -> int:
    """Serve the workspace until Ctrl-C or SIGTERM. Returns the exit status."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-demo-")))
        else:
            # Of its own each time: the bot's jobs are of use only with the messages of the same workspace.
            place = folder.resolve() / time.strftime("practice-%Y%m%d-%H%M%S")
            try:
                place.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                _say(f"Can't write into {folder}: {os.strerror(error.errno or 0)}. Give another one with --folder.")
                return 1
        return asyncio.run(_serve(place, port=port, browser=browser))


async def _serve(folder: Path, *, port: int | None, browser: bool) -> int:
    until = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, until.set)
    _say("A practice workspace: nothing leaves this computer, nothing costs money. Starting …")
    practice = Practice(folder, task_seconds=TASK_SECONDS)
    try:
        async with practice:
            return await _open(practice, until, port=port, browser=browser)
    except RuntimeError as error:
        kept = Path(tempfile.gettempdir()) / "understudy-demo.log"
        shutil.copyfile(practice.log, kept)
        _say(f"The demo broke off: {error}. The bot's log is in {kept}")
        return 1


async def _open(practice: Practice, until: asyncio.Event, *, port: int | None, browser: bool) -> int:
    furnish(practice)
    workspace = Workspace(practice, manifest())
    page = PageServer(workspace)
    ports = range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else [port]
    try:
        await page.start(ports)
    except OSError as error:
        _say(f"Can't listen on port {ports[-1]}: {os.strerror(error.errno or 0)}. Choose another with --port.")
        return 1
    try:
        workspace.keeper.watch()
        greeting = asyncio.create_task(workspace.greet())
        _say(f"Open {page.url} in your browser (Ctrl-C ends it).")
        if browser and _has_screen():
            await asyncio.to_thread(webbrowser.open, page.url)
        await until.wait()
        greeting.cancel()
        await asyncio.gather(greeting, return_exceptions=True)
    finally:
        await page.stop()
    _say("Ended.")
    return 0


def _has_screen() -> bool:
    """Say whether a browser has somewhere to show itself: a text browser would take over this terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
