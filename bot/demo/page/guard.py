"""Who may talk to the page: the browser of this computer, from the page itself, and nobody else's script."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TOKEN_HEADER = "X-Practice-Token"  # noqa: S105 -- a header's name
_OWN_SITES = ("same-origin", "none")  # "none": typed into the address bar
_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Guard:
    """Checks Host and Origin of every request, and the token of this start on whatever changes something.

    Another page in the same browser can send requests to loopback; a name of its own that resolves to 127.0.0.1
    would even make it the same origin. The Host says which name was used, the Origin whose script it was.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self._hosts: frozenset[str] = frozenset()

    def listen_at(self, port: int) -> None:
        """Know the port; before this nobody is let in."""
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))

    def allows(self, request: web.Request) -> bool:
        """Say whether this request comes from the page, or from the person who opens it."""
        origin, site = request.headers.get(hdrs.ORIGIN), request.headers.get("Sec-Fetch-Site", "none")
        if request.headers.get(hdrs.HOST) not in self._hosts or site not in _OWN_SITES:
            return False
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return False
        given = request.headers.get(TOKEN_HEADER, "")
        return request.method in _READING or hmac.compare_digest(given.encode(), self.token.encode())


def guarded(guard: Guard) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Return the middleware that turns strangers away."""

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not guard.allows(request):
            raise web.HTTPForbidden(
                text="This page answers only to itself. Open it at the address it was started with."
            )
        return await handler(request)

    return check


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Let nothing be loaded from elsewhere, nothing framed, nothing guessed, nothing kept."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
