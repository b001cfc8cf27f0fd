"""What is posted beside the card: finished videos (``bot.delivery.Outlet``) and previews (``bot.previews.Board``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.delivery import Look, Sharing
from bot.errors import Unclear, Unreachable
from bot.job import Target
from bot.media.limits import FORMATS
from bot.order import Role
from bot.slack import mending, messages
from bot.slack.client import SlackRefusal
from bot.slack.poster import unwelcome
from bot.slack.uploads import Uploads, later

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import aiohttp

    from bot.job import Job
    from bot.previews import Shown
    from bot.queue import Prices
    from bot.slack.card import Cards
    from bot.slack.client import SlackClient


class SlackOutlet:
    """Where finished videos go."""

    def __init__(self, client: SlackClient, media: aiohttp.ClientSession, cards: Cards, *, prices: Prices) -> None:
        self._client = client
        self._uploads = Uploads(client, media)
        self._cards = cards
        self._prices = prices

    async def upload(self, job: Job, path: Path) -> str:
        """Bring the bytes to Slack, visible to nobody. Refused when the workspace takes no videos at all."""
        size = job.result.size if job.result else 0
        name = f"{job.order.kind}-{job.id}.mp4"
        return await self._uploads.bring(path, name=name, size=size, content_type="video/mp4")

    async def share(self, job: Job) -> Sharing:
        """Complete the upload into the delivery's target. Unclear means that it may be visible by now."""
        place = await _found(self._cards, job, job.delivery.target)
        if place is None:
            return Sharing.UNWELCOME
        channel, thread = place
        files = [{"id": job.delivery.file, "title": messages.title(job)}]
        comment = messages.comment(job, self._prices)
        async with self._cards.threads.turn(job.id):
            return await self._uploads.show(files, channel=channel, thread=thread, comment=comment)

    async def look(self, job: Job) -> Look:
        """Ask Slack what became of the file."""
        return await self._uploads.look(job.delivery.file or "")

    async def point(self, job: Job, permalink: str) -> None:
        """Post the file's link in the job's thread."""
        channel, thread = await _target(self._cards, job, job.delivery.target)
        message = messages.pointer(job, permalink, self._prices)
        async with self._cards.threads.turn(job.id):
            await self._client.call("chat.postMessage", channel=channel, thread_ts=thread, text=message.text)

    async def remove(self, job: Job) -> None:
        """Delete the posted video and its message; of one that came as a link, the file that it leads to."""
        delivery = job.delivery
        if delivery.file is None:
            return
        place = await _found(self._cards, job, delivery.target) if delivery.message else None
        channel = place[0] if place else ""
        await self._uploads.remove(delivery.file, channel=channel, message=delivery.message if place else None)


class SlackBoard:
    """Where previews go: the job's thread, and nowhere else."""

    def __init__(self, client: SlackClient, media: aiohttp.ClientSession, cards: Cards) -> None:
        self._uploads = Uploads(client, media)
        self._cards = cards

    async def upload(self, job: Job, shown: Shown) -> str:
        """Bring a picture to Slack, with its description for those who can't see it."""
        content_type, suffix = FORMATS[shown.format]
        return await self._uploads.bring(
            shown.path,
            name=f"{mending.SHOWN[shown.role]}-{job.id}{suffix}",
            size=shown.path.stat().st_size,
            content_type=content_type,
            alt=mending.alt_text(job, shown.role),
        )

    def turn(self, job: Job) -> AbstractAsyncContextManager[None]:
        """While this is held nothing else is said in the job's thread."""
        return self._cards.threads.turn(job.id)

    async def show(self, job: Job, files: tuple[str, ...]) -> Sharing:
        """Complete both uploads into one reply."""
        place = await _found(self._cards, job, Target.THREAD)
        if place is None:
            return Sharing.UNWELCOME
        channel, thread = place
        entries = [{"id": file, "title": mending.SHOWN[role]} for role, file in zip(Role, files, strict=True)]
        return await self._uploads.show(entries, channel=channel, thread=thread, comment=mending.shown_text(job))

    async def look(self, file: str) -> Look:
        """Ask Slack what became of one of them."""
        return await self._uploads.look(file)


async def _found(cards: Cards, job: Job, target: Target) -> tuple[str, str | None] | None:
    """Return channel and thread, or None where the bot may not post. Finding the place made nothing visible."""
    try:
        return await _target(cards, job, target)
    except SlackRefusal as error:
        if unwelcome(error):
            return None
        raise later(error) from error
    except Unclear as error:
        raise Unreachable(str(error)) from error


async def _target(cards: Cards, job: Job, target: Target) -> tuple[str, str | None]:
    card = await cards.ensure(job)
    match target:
        case Target.THREAD:
            own = card.direct or not job.place.thread
            return card.channel, card.ts if own else job.place.thread
        case Target.CHANNEL:
            return card.channel, None
        case Target.DIRECT | Target.KEPT:
            return await cards.direct_channel(job), None
