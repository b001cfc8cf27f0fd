"""A simulated Slack: files in, videos out, and who sees which video where."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sim_world import Lateness

from bot.delivery import Look, Sharing, Sight
from bot.errors import Refused, Unclear, Unreachable
from bot.failure import Failure, FailureCode
from bot.job import Media, Mend
from bot.media.prepare import Finished, Prepared
from bot.order import Role
from bot.previews import Shown

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sim_bot import Life
    from sim_world import World

    from bot.job import Job, Result
    from bot.media.limits import Wish

SIZES = {Role.IMAGE: 30, Role.VIDEO: 90}  # as they come; a video is mended, and is then a third of that


@dataclass(slots=True)
class Upload:
    """A file at Slack. ``text`` is what is in it: the id of the task that made the video."""

    id: str
    text: str
    completed: bool = False
    shares: list[str] = field(default_factory=list)  # the jobs in whose thread it was seen, once for each time
    picture: bool = False  # of a preview
    removed: bool = False


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

    def refuses(self, what: str) -> bool:
        """Whether it takes this nowhere at the moment: an admin switched it off, say."""
        if self.plan.refuses is None or self.plan.refuses[0] != what:
            return False
        return self.plan.refuses[1] <= self.world.loop.time() < self.plan.refuses[2]

    def upload(self, text: str, *, picture: bool = False) -> Upload:
        file = Upload(f"F{next(self._numbers)}", text, picture=picture)
        self.files[file.id] = file
        return file

    def complete(self, file: Upload, job: str) -> None:
        """Make it visible, later. Nobody promises that a second time changes nothing, so here it is shown twice."""
        if file.removed:
            return
        file.completed = True
        self.world.note(f"{file.id} completed for {job}")

        def share() -> None:
            if not file.removed:
                file.shares.append(job)

        self.world.later(self.lateness.of(self.plan.late), share)

    def remove(self, file: Upload) -> None:
        """Take it away from everywhere, for good."""
        file.removed = True
        file.shares.clear()


class SimSlack:
    """One life's connection: source and preparer of inputs, source, player and finisher of results, outlet, painter."""

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
        return Media(format="mp4", size=path.stat().st_size, width=640, height=360, seconds=4.0, fps=25.0, sound=True)

    async def prepare(
        self,
        path: Path,
        role: Role,
        to: Path,
        *,
        wish: Wish | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Prepared:
        """Keep the picture, mend the video; the process may die with or without a mended file."""
        del wish
        if role is Role.IMAGE:
            media = Media(format="png", size=path.stat().st_size, width=640, height=640)
            return Prepared(path=path, media=media, original=media, mended=())
        if progress is not None:
            progress(1, 100)
        await self._life.point("mend: begun")
        await asyncio.sleep(0.2)
        to.write_bytes(path.read_bytes()[::3])
        await self._life.point("mend: there")
        original, media = await self.probe_result(path), await self.probe_result(to)
        return Prepared(path=to, media=media, original=original, mended=(Mend("recoded", "HEVC", "H.264"),))

    async def finish(self, result: Path, reference: Path | None, to: Path) -> Finished:
        """Lay the sound of the reference back, which must be whole; now and then that is not to be done."""
        assert reference is None or reference.stat().st_size == SIZES[Role.VIDEO] // 3
        await self._life.point("finish: begun")
        if self._trouble():
            raise OSError("no process could be started")
        to.write_bytes(result.read_bytes())
        await self._life.point("finish: there")
        return Finished(path=to, media=await self.probe_result(to))

    async def preview(self, path: Path, to: Path) -> None:
        """A picture that Slack shows as it is needs none."""
        raise NotImplementedError

    async def sheet(self, path: Path, to: Path) -> None:
        assert path.stat().st_size == SIZES[Role.VIDEO] // 3
        to.write_bytes(b"nine frames")
        await self._life.point("sheet: there")

    async def upload(self, job: Job, path: Path) -> str:
        del job
        await self._call("upload")
        self._taken()
        file = self._slack.upload(path.read_text())
        await self._life.point("upload: answered")
        return file.id

    async def upload_picture(self, path: Path) -> str:
        await self._call("preview upload")
        self._taken()
        file = self._slack.upload(path.name, picture=True)
        await self._life.point("preview upload: answered")
        return file.id

    def _taken(self) -> None:
        if self._slack.refuses("upload"):
            raise Refused("file_uploads_disabled", failure=Failure(FailureCode.UNCOLLECTED, "file_uploads_disabled"))

    async def share(self, job: Job) -> Sharing:
        return await self._complete("share", [job.delivery.file or ""], job)

    async def _complete(self, name: str, files: Sequence[str], job: Job) -> Sharing:
        await self._life.point(f"{name}: before")
        if self._slack.refuses("share"):
            await asyncio.sleep(0.05)
            return Sharing.UNWELCOME
        found = [self._slack.files[file] for file in files if file in self._slack.files]
        fate = self._dice.choice(("lost", "silence", "unreachable")) if self._trouble() else "fine"
        if found and fate in {"fine", "lost"}:
            late = self._slack.lateness.of(self._slack.plan.late)
            for file in found:
                self._slack.world.later(late, partial(self._slack.complete, file, job.id))
            await self._life.point(f"{name}: in flight")
            await asyncio.sleep(late)
        await asyncio.sleep(0.05)
        if fate == "unreachable":
            raise Unreachable("completeUploadExternal: ratelimited")
        if fate != "fine":
            raise Unclear("completeUploadExternal: ServerDisconnected")
        await self._life.point(f"{name}: answered")
        return Sharing.TAKEN if found else Sharing.NO_SUCH_FILE

    async def look(self, job: Job) -> Look:
        return await self.look_at(job.delivery.file or "")

    async def look_at(self, file_id: str, name: str = "look") -> Look:
        await self._call(name)
        file = self._slack.files.get(file_id)
        if file is None or not file.completed:
            return Look(Sight.NOT_COMPLETED)
        sight = Sight.SHARED if file.shares else Sight.HIDDEN
        return Look(sight, permalink=f"https://slack/{file.id}", message="1.1" if file.shares else None)

    async def point(self, job: Job, permalink: str) -> None:
        await self._call("point")
        self._slack.links.append((job.id, permalink.rpartition("/")[2]))

    async def remove(self, job: Job) -> None:
        await self._call("remove")
        self._slack.remove(self._slack.files[job.delivery.file or ""])
        await self._life.point("remove: answered")
        if self._trouble():
            raise Unclear("files.delete: ServerDisconnected")

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


class Board:
    """The same connection as ``bot.previews.Board``."""

    def __init__(self, slack: SimSlack) -> None:
        self._slack = slack

    async def upload(self, job: Job, shown: Shown) -> str:
        del job
        return await self._slack.upload_picture(shown.path)

    def turn(self, job: Job) -> AbstractAsyncContextManager[None]:
        del job
        return nullcontext()

    async def show(self, job: Job, files: tuple[str, ...]) -> Sharing:
        return await self._slack._complete("preview", files, job)

    async def look(self, file: str) -> Look:
        return await self._slack.look_at(file, "preview look")
