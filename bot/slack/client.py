"""One call to Slack, within its rate limits, with its errors translated. Nothing is ever sent twice by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.budget import Budgets, Rate
from bot.errors import RemoteError, Unclear, Unreachable
from bot.pace import TURN_SECONDS
from bot.transfer import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CALL_SECONDS = 20.0
# Slack's longest answers (a file with all its thumbnails) are some ten kilobytes.
_ANSWER_MOST = 4 << 20
# Slack's tiers: calls a minute, per method, workspace and app.
_TIER_3, _TIER_4 = (Rate(calls, 60.0) for calls in (50, 100))
POST = "chat.postMessage"
EDIT = "chat.update"
# Of the edits Slack takes, so many are for cards: what nobody waits for must not use up what somebody does.
CARD_EDITS = "card edits"
# Whatever is not named here is of the third tier.
RATES: Mapping[str, Rate] = {
    POST: Rate(100, 60.0),  # "several hundred a minute" in all; the limit that counts is each channel's
    CARD_EDITS: Rate(30, 60.0),
    "auth.test": _TIER_4,
    "chat.delete": _TIER_3,
    "chat.postEphemeral": _TIER_4,
    "files.completeUploadExternal": _TIER_4,
    "files.getUploadURLExternal": _TIER_4,
    "files.info": _TIER_4,
    "views.open": _TIER_4,
    "views.update": _TIER_4,
}
_EACH_CHANNEL = Rate(1, 1.0)
# Slack's way of saying "come back later", beside HTTP 429.
_LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"})
_BROKEN = frozenset({"fatal_error", "internal_error", "request_timeout"})
# Only whoever runs the bot, or a workspace's admin, can mend these; until then every call fails alike.
_OPERATOR = frozenset(
    {
        "not_authed",
        "invalid_auth",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "no_permission",
        "ekm_access_denied",
        "access_denied",
        "org_login_required",
        "team_access_not_granted",
        "not_allowed_token_type",
    }
)
# These take a form and nothing else; every other method we call takes JSON.
_FORMS = frozenset(
    {"auth.test", "conversations.info", "conversations.replies", "files.getUploadURLExternal", "files.info"}
)


class SlackRefusal(RemoteError):
    """Slack heard the call and said no. ``code`` is its word for why; ``needed`` names a missing scope."""

    def __init__(self, method: str, code: str, *, needed: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(f"{method}: {code}" + (f" ({needed})" if needed else "") + "".join(f"; {d}" for d in details))
        self.code = code
        self.needed = needed

    @property
    def operators(self) -> bool:
        """True when nobody in the conversation can do anything about it."""
        return self.code in _OPERATOR


class _Bounded(aiohttp.ClientResponse):
    """An answer that is never read beyond what an answer can be."""

    async def read(self) -> bytes:
        """Return the body, or raise ClientPayloadError if there is no end of it."""
        if self._body is None:
            body = b""
            async for block in self.content.iter_any():
                body += block
                if len(body) > _ANSWER_MOST:
                    self.close()
                    raise aiohttp.ClientPayloadError("too long an answer")
            self._body = body
        return self._body


def slack_session(seconds: float = CALL_SECONDS) -> aiohttp.ClientSession:
    """Return a session for Slack's API, to be made inside a running loop and closed by its owner.

    It follows no redirect: a POST would be sent again, and the token with it.
    """
    trace = aiohttp.TraceConfig()

    async def refuse(*_: object) -> None:
        raise aiohttp.ClientError("redirected")

    trace.on_request_redirect.append(refuse)
    # The SDK's own timeout does nothing where a session is handed in.
    timeout = aiohttp.ClientTimeout(total=seconds)
    return aiohttp.ClientSession(trust_env=False, trace_configs=[trace], timeout=timeout, response_class=_Bounded)


def rate_of(name: str) -> Rate:
    """Return the rate of a method, or of one channel's messages."""
    return _EACH_CHANNEL if name.startswith(f"{POST} ") else RATES.get(name, _TIER_3)


class SlackClient:
    """Slack's Web API and response addresses, over one shared session and within one workspace's budgets."""

    def __init__(
        self,
        *,
        token: str,
        base_url: str,
        session: aiohttp.ClientSession,
        clock: Callable[[], float] = time.monotonic,
        turn: float = TURN_SECONDS,
        rested: float = 0.0,
    ) -> None:
        self.budgets = Budgets(rate_of, clock=clock, patience=turn, rested=rested)
        # The SDK's default handler sends a POST again after a lost connection: a message would be posted twice.
        self.web = AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])
        self.web.proxy = (
            None  # the SDK finds one by itself in the environment; ours comes from the settings or not at all
        )
        self.scopes: frozenset[str] | None = None  # granted, as Slack's latest answer says; None while none said so
        self.home = ""  # the workspace's own address, without a slash at its end; known once Slack was asked
        self._session = session
        self._http_timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a method once; raises Unreachable, Unclear or SlackRefusal. None arguments are left out.

        Unreachable also if the method's turn is too far off: then nothing was sent, and ``retry_after`` says when.
        """
        body = {name: value for name, value in arguments.items() if value is not None}
        await self.budgets.turn(*([method, f"{POST} {body.get('channel')}"] if method == POST else [method]))
        try:
            sent = self.web.api_call(method, data=body) if method in _FORMS else self.web.api_call(method, json=body)
            response = await sent
        except SlackApiError as error:
            self._note_scopes(error.response)
            raise self._translated(method, error) from error
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"{method}: no connection") from error
        except Exception as error:  # beside what it means to raise, the SDK falls over answers that are no object
            raise Unclear(f"{method}: {type(error).__name__}") from error
        self._note_scopes(response)
        if not isinstance(response.data, dict):
            raise Unclear(f"{method}: an answer that is no JSON object")
        return _Fields(method, response.data)

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a method that changes nothing: whatever got lost, it may be asked again."""
        try:
            return await self.call(method, **arguments)
        except Unclear as error:
            raise Unreachable(str(error)) from error

    def _note_scopes(self, response: Any) -> None:
        """An admin may take away a scope, or add one, at any time; the token stays the same."""
        if (granted := getattr(response, "headers", {}).get("x-oauth-scopes")) is not None:
            self.scopes = frozenset(scope.strip() for scope in granted.split(","))

    def _translated(self, method: str, error: SlackApiError) -> RemoteError:
        response = error.response
        status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
        data = getattr(response, "data", None)
        data = data if isinstance(data, dict) else {}
        code = str(data.get("error") or "")
        if status == 429 or code in _LATER:
            wish = retry_after(getattr(response, "headers", {}))
            self.budgets.refused(method, wish)
            return Unreachable(f"{method}: {code or status}", retry_after=wish)
        if status >= 500 or code in _BROKEN or not code:
            return Unclear(f"{method}: {code or status}")
        metadata = data.get("response_metadata")
        details = metadata.get("messages") if isinstance(metadata, dict) else None
        return SlackRefusal(
            method,
            code,
            needed=str(data.get("needed") or ""),
            details=tuple(map(str, details)) if isinstance(details, list) else (),
        )

    async def answer(self, response_url: str, text: str) -> None:
        """Answer in private through a response address (a secret; five times within 30 minutes)."""
        body = {"response_type": "ephemeral", "replace_original": False, "text": text}
        try:
            async with self._session.post(
                response_url, json=body, timeout=self._http_timeout, allow_redirects=False
            ) as response:
                if response.status >= 400:
                    raise SlackRefusal("response_url", str(response.status))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unclear(f"response_url: {type(error).__name__}") from error


class _Fields(dict[str, Any]):
    """An answer. What must be in it and is not there was lost on the way: the call may have had its effect."""

    def __init__(self, method: str, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self._method = method

    def __missing__(self, name: str) -> Any:
        raise Unclear(f"{self._method}: an answer without {name}")
