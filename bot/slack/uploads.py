"""Files into Slack: bytes first, visible to nobody; then the one call that shows them; then a look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from bot.delivery import Look, Sharing, Sight
from bot.errors import Refused, Unreachable
from bot.failure import Failure, FailureCode
from bot.slack.client import SlackRefusal
from bot.slack.poster import unwelcome
from bot.transfer import Rejected, upload_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import aiohttp

    from bot.slack.client import SlackClient

log = structlog.get_logger(__name__)

_ALREADY = frozenset({"file_not_found", "file_deleted"})


class Uploads:
    """External uploads, as Slack calls them."""

    def __init__(self, client: SlackClient, media: aiohttp.ClientSession) -> None:
        self._client = client
        self._media = media

    async def bring(self, path: Path, *, name: str, size: int, content_type: str, alt: str | None = None) -> str:
        """Bring the bytes to Slack and return the file's id. Refused when the workspace takes no such files at all.

        ``alt`` is for pictures only: what is none is never shown if it has one.
        """
        try:
            place = await self._client.read("files.getUploadURLExternal", filename=name, length=size, alt_txt=alt)
            await upload_file(self._media, str(place["upload_url"]), path, content_type=content_type)
        except SlackRefusal as error:
            if error.operators:
                raise later(error) from error
            # Nothing was shown to anybody yet: this workspace does not take the file, wherever it would stand.
            raise Refused(str(error), failure=Failure(FailureCode.UNCOLLECTED, error.code)) from error
        except Rejected as error:
            # A used or expired upload address: the next try gets a new one.
            raise Unreachable(str(error)) from error
        return str(place["file_id"])

    async def show(
        self, files: Sequence[Mapping[str, Any]], *, channel: str, thread: str | None, comment: str
    ) -> Sharing:
        """Complete uploads into one message. Unclear means that it may be visible by now."""
        try:
            await self._client.call(
                "files.completeUploadExternal",
                files=list(files),
                channel_id=channel,
                thread_ts=thread,
                initial_comment=comment,
            )
        except SlackRefusal as error:
            return _refused(error)
        return Sharing.TAKEN

    async def remove(self, file_id: str, *, channel: str, message: str | None) -> None:
        """Delete a file and the message that brought it. Safe to repeat. Refused when Slack does not allow it."""
        await self._gone("files.delete", file=file_id)  # first: if this is refused, all stays as it was
        if message is not None:
            await self._gone("chat.delete", channel=channel, ts=message)

    async def _gone(self, method: str, **arguments: str) -> None:
        try:
            await self._client.read(method, **arguments)
        except SlackRefusal as error:
            if error.operators:
                raise later(error) from error
            # The words of a message without its file do no harm; a file that stays is not deleted.
            if error.code not in _ALREADY and method == "files.delete":
                raise Refused(str(error), failure=Failure(FailureCode.UNCOLLECTED, error.code)) from error
            log.info("there was nothing to delete", reason=str(error))

    async def look(self, file_id: str) -> Look:
        """Ask Slack what became of a file."""
        try:
            answer = await self._client.read("files.info", file=file_id)
        except SlackRefusal as error:
            if error.code in {"file_not_found", "file_deleted"}:
                return Look(Sight.NOT_COMPLETED)
            raise later(error) from error
        file = answer["file"]
        if not isinstance(file, dict):
            raise Unreachable("files.info: no file in the answer")
        message = next(_messages(file), None)
        sight = Sight.SHARED if message else Sight.HIDDEN
        return Look(sight, permalink=file.get("permalink"), message=message)


def _refused(error: SlackRefusal) -> Sharing:
    if error.code == "file_not_found":
        return Sharing.NO_SUCH_FILE
    if unwelcome(error):
        return Sharing.UNWELCOME
    raise later(error) from error


def later(error: SlackRefusal) -> Unreachable:
    """Return a refusal that somebody has to mend (a scope, a token) as something to wait for."""
    return Unreachable(str(error), retry_after=60.0)


def _messages(file: Mapping[str, Any]) -> Iterator[str]:
    """Yield the messages in which a file is visible."""
    try:
        for places in (file.get("shares") or {}).values():
            for shares in places.values():
                yield from (str(share["ts"]) for share in shares if share.get("ts"))
    except (AttributeError, TypeError) as error:
        raise Unreachable("files.info: shares of another shape") from error
