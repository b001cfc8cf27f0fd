"""Finished videos, posted in Slack (``bot.delivery.Outlet``): upload, share, look, or a link if no share appears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.delivery import Look, Sharing, Sight
from bot.errors import Refused, Unclear, Unreachable
from bot.job import Failure, FailureCode, Target
from bot.slack import messages
from bot.slack.card import UNWELCOME
from bot.slack.client import SlackRefusal
from bot.transfer import Rejected, upload_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import aiohttp

    from bot.job import Job
    from bot.queue import Prices
    from bot.slack.card import Cards
    from bot.slack.client import SlackClient

# No place of this workspace takes the file: no use in trying the next one.
_NO_UPLOADS = frozenset(
    {
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "file_upload_size_restricted",
        "file_type_not_allowed",
        "storage_limit_reached",
    }
)


class SlackOutlet:
    """Where finished videos go."""

    def __init__(self, client: SlackClient, media: aiohttp.ClientSession, cards: Cards, *, prices: Prices) -> None:
        self._client = client
        self._media = media
        self._cards = cards
        self._prices = prices

    async def upload(self, job: Job, path: Path) -> str:
        """Bring the bytes to Slack, visible to nobody. Refused when the workspace takes no videos at all."""
        try:
            place = await self._client.read(
                "files.getUploadURLExternal",
                filename=f"{job.order.kind}-{job.id}.mp4",
                length=job.result.size if job.result else 0,
            )
            await upload_file(self._media, str(place["upload_url"]), path, content_type="video/mp4")
        except SlackRefusal as error:
            if error.code in _NO_UPLOADS:
                raise Refused(str(error), failure=Failure(FailureCode.UNCOLLECTED, error.code)) from error
            raise _later(error) from error
        except Rejected as error:
            # A used or expired upload address: the next try gets a new one.
            raise Unreachable(str(error)) from error
        return str(place["file_id"])

    async def share(self, job: Job) -> Sharing:
        """Complete the upload into the delivery's target. Unclear means that it may be visible by now."""
        try:
            channel, thread = await self._target(job)
        except SlackRefusal as error:
            if error.code in UNWELCOME:
                return Sharing.UNWELCOME
            raise _later(error) from error
        except Unclear as error:
            raise Unreachable(str(error)) from error  # finding the place made nothing visible
        try:
            await self._client.call(
                "files.completeUploadExternal",
                files=[{"id": job.delivery.file, "title": messages.title(job)}],
                channel_id=channel,
                thread_ts=thread,
                initial_comment=messages.comment(job, self._prices),
            )
        except SlackRefusal as error:
            return _refused(error)
        return Sharing.TAKEN

    async def look(self, job: Job) -> Look:
        """Ask Slack what became of the file."""
        try:
            answer = await self._client.read("files.info", file=job.delivery.file)
        except SlackRefusal as error:
            if error.code in {"file_not_found", "file_deleted"}:
                return Look(Sight.NOT_COMPLETED)
            raise _later(error) from error
        file = answer["file"]
        if not isinstance(file, dict):
            raise Unreachable("files.info: no file in the answer")
        message = next(_messages(file), None)
        sight = Sight.SHARED if message else Sight.HIDDEN
        return Look(sight, permalink=file.get("permalink"), message=message)

    async def point(self, job: Job, permalink: str) -> None:
        """Post the file's link in the job's thread."""
        channel, thread = await self._target(job)
        message = messages.pointer(job, permalink, self._prices)
        await self._client.call("chat.postMessage", channel=channel, thread_ts=thread, text=message.text)

    async def _target(self, job: Job) -> tuple[str, str | None]:
        card = await self._cards.ensure(job)
        match job.delivery.target:
            case Target.THREAD:
                own = card.direct or not job.place.thread
                return card.channel, card.ts if own else job.place.thread
            case Target.CHANNEL:
                return card.channel, None
            case Target.DIRECT | Target.KEPT:
                return await self._cards.direct_channel(job), None


def _refused(error: SlackRefusal) -> Sharing:
    if error.code == "file_not_found":
        return Sharing.NO_SUCH_FILE
    if error.code in UNWELCOME or error.code in _NO_UPLOADS:
        return Sharing.UNWELCOME
    raise _later(error) from error


def _later(error: SlackRefusal) -> Unreachable:
    """A refusal that somebody has to mend (a scope, a token): the video waits for that."""
    return Unreachable(str(error), retry_after=60.0)


def _messages(file: Mapping[str, Any]) -> Iterator[str]:
    """Yield the messages in which a file is visible."""
    try:
        for places in (file.get("shares") or {}).values():
            for shares in places.values():
                yield from (str(share["ts"]) for share in shares if share.get("ts"))
    except (AttributeError, TypeError) as error:
        raise Unreachable("files.info: shares of another shape") from error
