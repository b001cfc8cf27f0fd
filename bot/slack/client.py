"""One call to Slack, with its errors translated. Nothing is ever sent twice by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import RemoteError, Unclear, Unreachable
from bot.transfer import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

CALL_SECONDS = 20
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
_FORMS = frozenset({"auth.test", "conversations.info", "files.getUploadURLExternal", "files.info"})


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


def slack_session() -> aiohttp.ClientSession:
    """Return a session for Slack's API, to be made inside a running loop and closed by its owner.

    It follows no redirect: a POST would be sent again, and the token with it.
    """
    trace = aiohttp.TraceConfig()

    async def refuse(*_: object) -> None:
        raise aiohttp.ClientError("redirected")

    trace.on_request_redirect.append(refuse)
    # The SDK's own timeout does nothing where a session is handed in.
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    return aiohttp.ClientSession(trust_env=False, trace_configs=[trace], timeout=timeout)


class SlackClient:
    """Slack's Web API and response addresses, over one shared session."""

    def __init__(self, *, token: str, base_url: str, session: aiohttp.ClientSession) -> None:
        # The SDK's default handler sends a POST again after a lost connection: a message would be posted twice.
        self.web = AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])
        self.web.proxy = (
            None  # the SDK finds one by itself in the environment; ours comes from the settings or not at all
        )
        self._session = session
        self._http_timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a method once; raises Unreachable, Unclear or SlackRefusal. None arguments are left out."""
        body = {name: value for name, value in arguments.items() if value is not None}
        try:
            sent = self.web.api_call(method, data=body) if method in _FORMS else self.web.api_call(method, json=body)
            response = await sent
        except SlackApiError as error:
            raise _translated(method, error) from error
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"{method}: no connection") from error
        except Exception as error:  # beside what it means to raise, the SDK falls over answers that are no object
            raise Unclear(f"{method}: {type(error).__name__}") from error
        data: Mapping[str, Any] = response.data if isinstance(response.data, dict) else {}
        return data

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a method that changes nothing: whatever got lost, it may be asked again."""
        try:
            return await self.call(method, **arguments)
        except Unclear as error:
            raise Unreachable(str(error)) from error

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


def _translated(method: str, error: SlackApiError) -> RemoteError:
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    data = data if isinstance(data, dict) else {}
    code = str(data.get("error") or "")
    if status == 429 or code in _LATER:
        return Unreachable(f"{method}: {code or status}", retry_after=retry_after(getattr(response, "headers", {})))
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
