"""Faults on demand: what the next answers of a Web API method, the file host or an upload address do instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.demo.trouble import Troubles

DOWNLOAD = "files.download"  # the file host
UPLOAD = "files.upload"  # the address of an external upload
RESPONSE = "response_url"
ANY = "*"  # every method of the Web API


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour. Made by the functions below; ``effect`` says whether the call does its work all the same."""

    effect: bool = False
    delay: float = 0.0
    hang_up: bool = False
    status: int | None = None
    body: str = ""
    content_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    sent: int | None = None  # of a file's bytes, before the connection is cut
    announced: int | None = None  # a false Content-Length
    unannounced: bool = False  # no Content-Length at all: the end of the connection is the end of the body
    endless: bool = False
    pace: float | None = None  # bytes a second


def http_status(status: int, body: str = "<html>oops</html>", *, effect: bool = False, **headers: str) -> Fault:
    """Answer with this HTTP status and a body that is not JSON. Underscores in header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=status, body=body, effect=effect, headers=named)


def slack_error(error: str, **extra: Any) -> Fault:
    """Refuse as Slack does: 200 and ``ok: false``."""
    return Fault(error={"ok": False, "error": error, **extra})


def rate_limited(retry_after: int | str | None = 1) -> Fault:
    """Answer 429, with any ``Retry-After``, or none."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = '{"ok": false, "error": "ratelimited"}'
    return Fault(status=429, body=body, content_type="application/json", headers=headers)


def dropped(*, effect: bool) -> Fault:
    """Cut the connection instead of answering: before the work is done, or after."""
    return Fault(hang_up=True, effect=effect)


def malformed(body: str = '{"ok": tru', *, effect: bool = True) -> Fault:
    """Answer 200 with what only claims to be JSON."""
    return Fault(status=200, body=body, content_type="application/json", effect=effect)


def html(*, effect: bool = True) -> Fault:
    """Answer 200 with a page."""
    return Fault(status=200, body="<!DOCTYPE html><html>We'll be right back.</html>", effect=effect)


def slow(seconds: float) -> Fault:
    """Do as asked, but only after so long."""
    return Fault(effect=True, delay=seconds)


def redirected(location: str) -> Fault:
    """Answer 302. ``{file}`` and ``{name}`` stand for the file's; ``/files-moved/{file}/{name}`` serves it too."""
    return Fault(status=302, headers={"Location": location})


def cut(after: int, *, announced: bool = True) -> Fault:
    """Send so many bytes of the file, then cut. Unannounced there is no Content-Length that would show it."""
    return Fault(effect=True, sent=after, unannounced=not announced)


def wrong_length(announced: int) -> Fault:
    """Announce another length than what is sent."""
    return Fault(effect=True, announced=announced)


def endless() -> Fault:
    """Go on sending bytes until the other side hangs up."""
    return Fault(effect=True, unannounced=True, endless=True)


def trickle(bytes_a_second: float) -> Fault:
    """Send the file this slowly."""
    return Fault(effect=True, pace=bytes_a_second)


class Trouble(Troubles[Fault]):
    """What is to go wrong, by Web API method, or ``DOWNLOAD``, ``UPLOAD``, ``RESPONSE``, ``ANY``."""
