"""A disk that takes nothing, and a wall clock that is set: new work is refused, old work is kept, nothing is lost."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest
from turned import LONG, cleared, judge

from bot.demo.practice import BotProcess
from bot.pace import backoff

if TYPE_CHECKING:
    from pathlib import Path

    from turned import Turned
    from world import Opened, Workplace

# A limit on how long a file may get, set from outside on the living process, is a disk that is full.
FULL, ROOMY = 1, resource.RLIM_INFINITY
needs_prlimit = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")


def disk(workplace: Workplace, room: int) -> None:
    assert isinstance(workplace.bot, BotProcess)
    assert workplace.bot.process is not None
    if sys.platform == "linux":
        resource.prlimit(workplace.bot.process.pid, resource.RLIMIT_FSIZE, (room, ROOMY))


# Root heeds no permission; this bot gives up what lets it, so that a folder can be made read-only for it.
HEEDING = """
import ctypes, os, runpy, sys
if os.geteuid() == 0:
    libc = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for effective_and_permitted in (0, 1):
        sets[effective_and_permitted] &= ~0b110
    assert libc.capset(header, sets) == 0
sys.argv[1:] = ["serve"]
runpy.run_module("bot", run_name="__main__", alter_sys=True)
"""


def permit_writing(folder: Path, *, allowed: bool) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod((0o500 if path.is_dir() else 0o400) | (0o200 if allowed else 0))


def spoil(workplace: Workplace, how: str) -> None:
    """Let the disk take nothing more: what is open can't be written to, and, read-only, nothing new be opened."""
    disk(workplace, FULL)
    if how == "read-only":
        permit_writing(workplace.folder / "data", allowed=False)


def mend(workplace: Workplace) -> None:
    permit_writing(workplace.folder / "data", allowed=True)
    disk(workplace, ROOMY)


async def readiness(workplace: Workplace) -> tuple[int, str]:
    assert isinstance(workplace.bot, BotProcess)
    async with aiohttp.ClientSession() as session, session.get(f"{workplace.bot.url}/readyz") as response:
        return response.status, await response.text()


async def ready(workplace: Workplace) -> None:
    async with asyncio.timeout(15):
        while (await readiness(workplace))[0] != 200:  # noqa: ASYNC110 -- it is asked from outside
            await asyncio.sleep(0.05)


@needs_prlimit
@pytest.mark.parametrize("how", ["full", "read-only"] if LONG else ["read-only"])
async def test_a_disk_that_takes_nothing_refuses_new_work_keeps_the_old_says_why_and_needs_no_restart(
    workplaces: Opened, how: str
) -> None:
    workplace = await workplaces(here=False, started=False, task_seconds=1.0)
    assert isinstance(workplace.bot, BotProcess)
    workplace.bot.program = ("-c", HEEDING)
    await workplace.start()
    await workplace.order()
    await workplace.in_state("rendering")
    ada = workplace.slack.person("ada")
    await ada.command("/animate")
    view = await ada.opened_view()
    files = {"image": [await ada.upload(workplace.media.image)], "video": [await ada.upload(workplace.media.video)]}

    spoil(workplace, how)
    status, reasons = await readiness(workplace)
    assert status == 503
    assert "not writable" in reasons
    refused = await ada.submit(view, files)
    assert not refused.closed
    assert any("can't store anything" in error for error in refused.errors.values())
    await asyncio.sleep(2.0)  # the task ends meanwhile, and nothing of it can be noted
    assert [row["state"] for row in workplace.rows()] == ["rendering"]

    mend(workplace)
    await ready(workplace)
    assert (await ada.submit(view, files)).closed
    await workplace.until(lambda: all("Done" in workplace.card(index) for index in range(2)), within=40)
    await cleared(workplace)
    assert judge(workplace, jobs=2) == {"delivered": 2}


async def test_a_disk_with_too_little_room_refuses_new_work_and_keeps_the_old(turned: Turned) -> None:
    place = await turned()
    await place.order()
    await place.go_on(lambda: ("rendering", None) in place.states(), within=60)
    bot = place.bot.bot
    assert bot is not None
    bot.spool._reserve, reserve = 1 << 60, bot.spool._reserve
    refused = await place.order(who="ben")
    assert not refused.closed
    assert any("can't store anything" in error for error in refused.errors.values())
    assert ["no room for files" in reason for reason in await bot.reasons()] == [True]
    await place.pass_time(3600.0)
    assert place.states() == [("rendered", None)]
    bot.spool._reserve = reserve
    assert await bot.reasons() == []
    assert (await place.order(who="ben")).closed
    await place.go_on(place.shown, within=3600)
    assert place.judge(jobs=2) == {"delivered": 2}


@needs_prlimit
@pytest.mark.parametrize("state", ["queued", "ready", "submitting", "rendering", "rendered"] if LONG else [])
async def test_a_disk_that_fills_up_at_any_moment_costs_no_job_and_no_money(workplaces: Opened, state: str) -> None:
    workplace = await workplaces(here=False, task_seconds=0.3)
    await workplace.order()
    await reached(workplace, state)
    disk(workplace, FULL)
    await asyncio.sleep(0.7)
    disk(workplace, ROOMY)
    await reached(workplace, "final", within=40)
    await cleared(workplace)
    assert judge(workplace, jobs=1).keys() <= {"delivered", "unclear"}


async def reached(workplace: Workplace, state: str, *, within: float = 20.0) -> None:
    """Wait until the job is in this state or beyond it."""
    order = ["queued", "ready", "submitting", "rendering", "rendered", "delivered"]
    wanted = {"delivered", "failed", "cancelled"} if state == "final" else set(order[order.index(state) :])
    async with asyncio.timeout(within):
        while True:
            row = workplace.rows()[0]
            if row["state"] in wanted or (row["ask"] and state == "final"):
                return
            await asyncio.sleep(0.002)


@pytest.mark.skipif(not LONG, reason="SQLite waits ten seconds for a lock: LONG_TESTS=1")
async def test_a_database_that_somebody_else_locks_is_told_of_and_waited_for(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    with sqlite3.connect(workplace.database, isolation_level=None) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        status, reasons = await readiness(workplace)
        foreign.execute("ROLLBACK")
    foreign.close()
    assert (status, "not writable" in reasons) == (503, True)
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())


WALL = """
import os, runpy, sys, time
real, path = time.time, os.environ["WALL_CLOCK"]
def shifted():
    try:
        return real() + float(open(path).read() or 0)
    except OSError:
        return real()
time.time = shifted
sys.argv[1:] = ["serve"]
runpy.run_module("bot", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("hours", [1, -1] if LONG else [-1])
async def test_a_wall_clock_that_is_set_by_an_hour_expires_nothing_and_loses_no_claim(
    workplaces: Opened, hours: int
) -> None:
    workplace = await workplaces(here=False, started=False, task_seconds=1.5)
    wall = workplace.folder / "wall"
    assert isinstance(workplace.bot, BotProcess)
    workplace.bot.program = ("-c", WALL)
    workplace._settings["WALL_CLOCK"] = str(wall)
    await workplace.start()
    await workplace.order()
    await workplace.in_state("rendering")
    wall.write_text(str(hours * 3600))
    await workplace.in_state("delivered")
    await workplace.until(lambda: "Done" in workplace.card())
    await cleared(workplace)
    assert judge(workplace, jobs=1) == {"delivered": 1}


@pytest.mark.parametrize("hours", [1, -1] if LONG else [-1])
async def test_a_restart_after_the_wall_clock_was_set_waits_for_no_hour_that_was_already_lived(
    turned: Turned, hours: int
) -> None:
    place = await turned(task_seconds=3600.0)
    await place.order()
    await place.order(who="ben")
    await place.go_on(lambda: ("rendering", None) in place.states(), within=60)
    await place.bot.crash()
    place.clock.turn(hours * 3600)
    await place.bot.start()
    for task in list(place.studio.tasks):
        place.studio.finish(task)
    await place.go_on(lambda: place.states()[0] == ("delivered", None), within=600)
    for task in list(place.studio.tasks):
        place.studio.finish(task)
    await place.go_on(place.shown, within=600)
    assert place.judge(jobs=2) == {"delivered": 2}


def test_a_service_that_is_away_for_weeks_is_asked_every_five_minutes() -> None:
    assert backoff(0) == 1
    assert backoff(5000) == 300
