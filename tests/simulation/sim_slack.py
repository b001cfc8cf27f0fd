"""A simulated Slack: files in, videos out, and who sees which video where."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim_world import Lateness

from bot.delivery import Look, Sharing, Sight
from bot.errors import Unclear, Unreachable
from bot.job import Media, Role

if TYPE_CHECKING:
    from pathlib import Path

    from sim_bot import Life
    from sim_world import World

    from bot.job import Job, Result

SIZES = {Role.IMAGE: 30, Role.VIDEO: 90}


@dataclass(slots=True)
class Upload:
    """A file at Slack. ``text`` is what is in it: the id of the task that made the video."""

    id: str
    text: str
    completed: bool = False
    shares: list[str] = field(default_factory=list)  # the jobs in whose thread it was seen, once for each time


class Slack:
    """Everything that is at Slack."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.plan = world.plan
        self.dice = world.dice("slack")
        self.lateness = Lateness(self.plan, self.dice)
        self.files: dict[str, Upload] = {}
        self.links: list[tuple[str, str]] = []  # job, file
        self._numbers = itertools.count(1)

    def upload(self, text: str) -> Upload:
        file = Upload(f"F{next(self._numbers)}", text)
        self.files[file.id] = file
        return file

    def complete(self, file: Upload, job: str) -> None:
        """Make it visible, later. Nobody promises that a second time changes nothing, so here it is shown twice."""
        file.completed = True
        self.world.note(f"{file.id} completed for {job}")
        self.world.later(self.lateness.of(self.plan.late), lambda: file.shares.append(job))


class SimSlack:
    """One life's connection: source and prober of inputs, source and player of results, outlet."""

    def __init__(self, life: Life, slack: Slack) -> None:
        self._life = life
        self._slack = slack
        self._dice = slack.dice

    async def fetch_input(self, path: Path, role: Role) -> None:
        await self._call("input")
        path.write_bytes(b"x" * SIZES[role])
        await self._life.point("input: there")

    async def fetch(self, result: Result, to: Path, *, at_most: int) -> int:
        del at_most
        await self._call("result")
        text = result.url.rpartition("/")[2].encode()
        to.write_bytes(text)
        await self._life.point("result: there")
        return len(text)

    async def probe_result(self, path: Path) -> Media:
        return Media(format="mp4", size=path.stat().st_size, width=640, height=360, seconds=4.0, fps=25.0)

    async def probe(self, path: Path, role: Role) -> Media:
        if role is Role.VIDEO:
            return await self.probe_result(path)
        return Media(format="png", size=path.stat().st_size, width=640, height=640)

    async def upload(self, job: Job, path: Path) -> str:
        del job
        await self._call("upload")
        file = self._slack.upload(path.read_text())
        await self._life.point("upload: answered")
        return file.id

    async def share(self, job: Job) -> Sharing:
        await self._life.point("share: before")
        file = self._slack.files.get(job.delivery.file or "")
        fate = self._dice.choice(("lost", "silence", "unreachable")) if self._trouble() else "fine"
        if file is not None and fate in {"fine", "lost"}:
            late = self._slack.lateness.of(self._slack.plan.late)
            self._slack.world.later(late, lambda: self._slack.complete(file, job.id))
            await self._life.point("share: in flight")
            await asyncio.sleep(late)
        await asyncio.sleep(0.05)
        if fate == "unreachable":
            raise Unreachable("completeUploadExternal: ratelimited")
        if fate != "fine":
            raise Unclear("completeUploadExternal: ServerDisconnected")
        await self._life.point("share: answered")
        return Sharing.NO_SUCH_FILE if file is None else Sharing.TAKEN

    async def look(self, job: Job) -> Look:
        await self._call("look")
        file = self._slack.files.get(job.delivery.file or "")
        if file is None or not file.completed:
            return Look(Sight.NOT_COMPLETED)
        sight = Sight.SHARED if file.shares else Sight.HIDDEN
        return Look(sight, permalink=f"https://slack/{file.id}", message="1.1" if file.shares else None)

    async def point(self, job: Job, permalink: str) -> None:
        await self._call("point")
        self._slack.links.append((job.id, permalink.rpartition("/")[2]))

    def _trouble(self) -> bool:
        return self._dice.random() < self._slack.plan.trouble

    async def _call(self, name: str) -> None:
        await self._life.point(f"{name}: before")
        await asyncio.sleep(0.1)
        if self._trouble():
            raise self._dice.choice((Unreachable(f"{name}: 503"), Unclear(f"{name}: ServerDisconnected")))


class Inputs:
    """The same connection as ``bot.inputs.Source``: both protocols call their one method ``fetch``."""

    def __init__(self, slack: SimSlack) -> None:
        self._slack = slack

    async def fetch(self, job: Job, role: Role, to: Path, *, at_most: int) -> None:
        del job, at_most
        await self._slack.fetch_input(to, role)
