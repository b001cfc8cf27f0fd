"""Where Slack comes in: over HTTP, checked before anything is parsed, or over Socket Mode. Both end in the same app."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock, SignatureVerifier

from bot.errors import RemoteError, Unreachable
from bot.slack import failures, scopes
from bot.slack.client import SlackRefusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.slack.client import SlackClient
    from bot.slack.listeners import Listeners

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to Slack over HTTP."""

    status: int
    body: str = ""
    content_type: str = "text/plain"


class _Time(Clock):
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock()


class Signatures:
    """Slack's signature on the raw bytes, at most five minutes old."""

    def __init__(self, secret: str, *, clock: Callable[[], float]) -> None:
        self._verifier = SignatureVerifier(secret, _Time(clock))

    def good(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return whether Slack signed this. Whatever is malformed is not."""
        stamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
        # The verifier raises for each of these instead of saying no.
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and signature.isascii()):
            return False
        try:
            return bool(self._verifier.is_valid(body.decode(), stamp, signature))
        except UnicodeDecodeError:
            return False


class Door:
    """The Bolt app, and what must hold before a request reaches it."""

    def __init__(self, client: SlackClient, listeners: Listeners, *, token: str, signatures: Signatures | None) -> None:
        self._client = client
        self._signatures = signatures
        self._identity: Mapping[str, Any] = {}
        # Bolt logs whole bodies, response addresses among them; what is worth knowing is logged by us.
        quiet = logging.getLogger("bot.slack.bolt")
        quiet.setLevel(logging.CRITICAL + 1)

        # A plain function: Bolt hands a method's ``self`` to it a second time.
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_token=token,
                bot_id=self._identity.get("bot_id"),
                bot_user_id=self._identity.get("user_id"),
            )

        self.app = AsyncApp(
            logger=quiet,
            name="understudy",
            authorize=authorize,
            # Without this Bolt looks for the ack only every 10 ms, and acks events before they are stored.
            process_before_response=True,
            request_verification_enabled=False,
            ssl_check_enabled=False,
        )
        self.app.error(_bug)
        listeners.register(self.app)

    @property
    def known(self) -> bool:
        """True once Slack has told who we are."""
        return bool(self._identity)

    @property
    def complaint(self) -> str:
        """Which scopes the app lacks and who must add them, or nothing. The rest works meanwhile."""
        missing = scopes.lacking(self._client)
        return failures.missing_scopes(missing) if missing else ""

    async def introduce(self) -> None:
        """Ask Slack who we are; raises RemoteError. The answer tells our own messages from other people's."""
        self._identity = await self._client.read("auth.test")
        self._client.home = str(self._identity.get("url") or "").rstrip("/")
        if missing := self.complaint:
            log.error("the app lacks scopes", reason=missing)
        log.info("connected to Slack", team=self._identity.get("team_id"), bot=self._identity.get("user_id"))

    async def receive(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answer one HTTP request of Slack's: 401 if it is not Slack's, 400 if it makes no sense."""
        if self._signatures is None or not self._signatures.good(body, headers):
            log.warning("a request was not signed by Slack", size=len(body))
            return Answer(401, "not signed by Slack")
        try:
            request = AsyncBoltRequest(body=body.decode(), headers=dict(headers))
        except Exception as error:  # noqa: BLE001 -- Bolt parses with whatever raises whatever
            log.warning("a request could not be read", error=type(error).__name__, size=len(body))
            return Answer(400, "not understood")
        if not _sensible(request.body):
            log.warning("a request has no sense", size=len(body))
            return Answer(400, "not understood")
        try:
            response = await self.app.async_dispatch(request)
        except Exception as error:  # noqa: BLE001 -- Bolt itself falls over what it did not expect
            log.warning("a request could not be read", error=type(error).__name__, size=len(body))
            return Answer(400, "not understood")
        content_type = response.first_headers().get("content-type", "text/plain").partition(";")[0]
        return Answer(response.status, response.body or "", content_type)

    def socket(self, app_token: str) -> Socket:
        """Return the Socket Mode connection, which needs no public address. To be called on the running loop."""
        return Socket(AsyncSocketModeHandler(self.app, app_token, web_client=self._client.web))


class Socket:
    """The connection that this bot opens to Slack, instead of the other way round."""

    def __init__(self, handler: AsyncSocketModeHandler) -> None:
        self._handler = handler

    async def connect(self) -> None:
        """Connect for the first time; from then on the SDK reconnects by itself. Raises RemoteError."""
        try:
            await self._handler.connect_async()  # type: ignore[no-untyped-call]  # the SDK has no types here
        except Exception as error:  # whatever the SDK meets on its way, the next try may work
            raise Unreachable(f"Socket Mode: {type(error).__name__}") from error

    async def connected(self) -> bool:
        """Return whether Slack can send us something right now."""
        return bool(await self._handler.client.is_connected())

    async def close(self) -> None:
        """Take nothing more."""
        await self._handler.close_async()  # type: ignore[no-untyped-call]  # nor here


# What each kind of request must have, where inside it, for a listener to make sense of it.
_PERSON = ("user.id", "team.id")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "command": ("command", "user_id", "team_id", "channel_id", "trigger_id"),
    "block_actions": (*_PERSON, "trigger_id"),
    "message_action": (*_PERSON, "trigger_id", "callback_id", "channel.id", "message.ts"),
    "shortcut": (*_PERSON, "trigger_id", "callback_id"),
    "view_submission": (*_PERSON, "view.id", "view.type", "view.callback_id", "view.private_metadata"),
    "event_callback": ("event.type",),
}


def _sensible(body: object) -> bool:
    """What Slack sends is an object that names its kind and has what belongs to it; Bolt falls over anything else."""
    if not isinstance(body, dict):
        return False
    kind = body.get("type") or ("command" if "command" in body else None)
    if not isinstance(kind, str):
        return "ssl_check" in body
    if not all(isinstance(_within(body, name), str) for name in _NEEDED.get(kind, ())):
        return False
    match kind:
        case "block_actions":
            actions = body.get("actions")
            return isinstance(actions, list) and bool(actions) and all(isinstance(action, dict) for action in actions)
        case "view_submission":
            return isinstance(_within(body, "view.state.values"), dict)
        case _:
            return True


def _within(body: Mapping[str, Any], name: str) -> object:
    found: object = body
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


async def _bug(error: Exception, body: dict[str, Any]) -> BoltResponse:
    log.error("bug in a listener", exc_info=error, kind=str(body.get("type") or body.get("command")))
    return BoltResponse(status=500, body="")


async def reachable(door: Door) -> str:
    """Return why Slack can't be used, or nothing."""
    if door.known:
        return ""
    try:
        await door.introduce()
    except Unreachable as error:
        return f"Slack is out of reach ({error})"
    except SlackRefusal as error:
        return f"Slack refuses this bot's token ({error.code})"
    except RemoteError as error:
        return f"Slack does not answer ({error})"
    return ""
