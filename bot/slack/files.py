"""Requesters' files, brought from Slack. Only a file's id is trusted; everything else about it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from yarl import URL

from bot.errors import Refused, Unreachable, UserError
from bot.failure import Failure, FailureCode, Problem
from bot.media.limits import MB, Rule, metadata_problems
from bot.slack.client import SlackRefusal
from bot.transfer import Rejected, TooLarge, download

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import aiohttp

    from bot.job import Job
    from bot.order import Role, SourceFile
    from bot.slack.client import SlackClient

log = structlog.get_logger(__name__)

# The token goes to these and to nobody else.
SLACK_HOSTS = ("slack.com", "slack-edge.com", "slack-files.com")
# A file's bytes are not here: deleted, over the plan's storage, elsewhere, or text in Slack's own form.
NO_BYTES = frozenset({"tombstone", "hidden_by_limit", "external", "snippet", "post", "list", "canvas"})
_UNSEEN = frozenset({"file_not_found", "not_visible", "access_denied", "file_not_shared"})
_GONE = _UNSEEN | {"file_deleted"}


class SlackFiles:
    """Where requesters' files come from (``bot.inputs.Source``)."""

    def __init__(self, client: SlackClient, media: aiohttp.ClientSession, *, token: str, api_url: str) -> None:
        self._client = client
        self._media = media
        self._token = token
        self._own = URL(api_url)

    async def fetch(self, job: Job, role: Role, to: Path, *, at_most: int) -> None:
        """Bring one input whole into ``to``. Unreachable: try again. Refused, UserError: it can't be had."""
        source = job.order.file(role)
        file = await self._info(source)
        self._check(file, role)
        if not admitted(file, uploaded=source.uploaded, user=job.place.user, channel=job.place.channel):
            raise _elsewhere("stands elsewhere")
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        try:
            await download(
                self._media,
                url,
                to,
                at_most=at_most,
                size=size_of(file) or None,
                authorize=self._authorize,
                check=_no_login_page,
            )
        except TooLarge as error:
            limit = f"{at_most / MB:g} MB"
            raise UserError(Problem(role, Rule.SIZE, f"more than {limit}", limit)) from error
        except Rejected as error:
            if error.status in {404, 410}:
                raise Refused("the file is gone", failure=Failure(FailureCode.FILE_GONE, str(role))) from error
            raise Unreachable(str(error)) from error

    async def _info(self, source: SourceFile) -> Mapping[str, Any]:
        try:
            answer = await self._client.read("files.info", file=source.id)
        except SlackRefusal as error:
            if error.code in _UNSEEN and not source.uploaded:
                raise _elsewhere(error.code) from error
            if error.code in _GONE:
                raise Refused(str(error), failure=Failure(FailureCode.FILE_GONE, error.code)) from error
            if error.code == "missing_scope":
                raise _forbidden(error.needed or "files:read") from error
            raise Unreachable(str(error)) from error
        file = answer.get("file")
        if not isinstance(file, dict):
            raise Unreachable("files.info: no file in the answer")
        return file

    def _check(self, file: Mapping[str, Any], role: Role) -> None:
        """Refuse at once what the metadata rules out. An empty mimetype (Slack is still looking) rules out nothing."""
        if file.get("mode") in NO_BYTES or file.get("is_external"):
            raise Refused(f"mode {file.get('mode')}", failure=Failure(FailureCode.FILE_GONE, str(file.get("mode"))))
        if file.get("file_access") == "check_file_info" or not (
            file.get("url_private") or file.get("url_private_download")
        ):
            raise Unreachable("files.info: the file is not there yet")
        if found := described_problems(role, file):
            raise UserError(*found)

    def _authorize(self, url: URL) -> Mapping[str, str]:
        """Give the token to Slack's own hosts, refuse every other: the address came from outside."""
        if url.origin() == self._own.origin():
            return {"Authorization": f"Bearer {self._token}"}
        host = url.host or ""
        if url.scheme == "https" and any(host == known or host.endswith(f".{known}") for known in SLACK_HOSTS):
            return {"Authorization": f"Bearer {self._token}"}
        log.warning("a file's address leads away from Slack", host=host)
        raise Refused("an address outside Slack", failure=Failure(FailureCode.FILE_GONE, "address outside Slack"))


def name_of(file: Mapping[str, Any]) -> str:
    """Return a file's name, possibly empty, as it can be stored: Slack's clients send half an emoji as well."""
    return str(file.get("name") or "").encode(errors="replace").decode()


def size_of(file: Mapping[str, Any]) -> int | None:
    """Return a file's size in bytes, or None while Slack does not say."""
    size = file.get("size")
    return size if isinstance(size, int) and size >= 0 else None


def described_problems(role: Role, file: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what Slack's description of a file already rules out; no promise if that is nothing."""
    return metadata_problems(role, name=name_of(file), mimetype=str(file.get("mimetype") or ""), size=size_of(file))


def admitted(file: Mapping[str, Any], *, uploaded: bool, user: str, channel: str) -> bool:
    """Return whether a person may use a file in a conversation, by what ``files.info`` says of it.

    What was ``uploaded`` in a form must be theirs. Any other file must stand in that conversation, or be theirs and
    stand nowhere, as what they uploaded in an earlier form does.
    """
    places = _places(file)
    theirs = bool(user) and file.get("user") == user
    return (uploaded and theirs) or (not uploaded and (channel in places or (theirs and not places)))


def _places(file: Mapping[str, Any]) -> frozenset[str]:
    """The conversations that a file stands in. Slack says it twice; what is of another shape says nothing."""
    lists = [file.get(name) for name in ("channels", "groups", "ims")]
    found = {str(place) for places in lists if isinstance(places, list) for place in places}
    shares = file.get("shares")
    kinds = shares.values() if isinstance(shares, dict) else ()
    return frozenset(found | {str(place) for kind in kinds if isinstance(kind, dict) for place in kind})


def _elsewhere(why: str) -> Refused:
    return Refused(f"not to be used here: {why}", failure=Failure(FailureCode.FILE_ELSEWHERE, why))


def _forbidden(scope: str) -> Refused:
    return Refused(f"missing scope {scope}", failure=Failure(FailureCode.FILE_FORBIDDEN, scope))


def _no_login_page(response: aiohttp.ClientResponse) -> None:
    """Slack answers 200 with its login page, instead of the bytes, to a token that may not read files."""
    if response.content_type == "text/html" or "redir" in response.url.query:
        raise _forbidden("files:read")
