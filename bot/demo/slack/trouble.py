"""Faults on demand: what the next answers of a Web API method, the file host or an upload address do instead."""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

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


class Trouble:
    """What is to go wrong, by Web API method, or ``DOWNLOAD``, ``UPLOAD``, ``RESPONSE``, ``ANY``."""

    def __init__(self) -> None:
        self.happened: Counter[str] = Counter()
        self._next: defaultdict[str, deque[Fault | None]] = defaultdict(deque)
        self._sometimes: dict[str, tuple[Fault, float, random.Random]] = {}

    def next(self, where: str, *faults: Fault | None, times: int = 1) -> None:
        """Let these faults befall the next calls, one each, the sequence ``times`` over. None: that call goes well."""
        self._next[where].extend(faults * times)

    def sometimes(self, where: str, fault: Fault, probability: float, *, seed: int = 0) -> None:
        """Let the fault befall calls at random, until cleared; the same seed gives the same calls."""
        self._sometimes[where] = (fault, probability, random.Random(seed))

    def always(self, where: str, fault: Fault) -> None:
        """Let the fault befall every call, until cleared."""
        self.sometimes(where, fault, 1.0)

    def clear(self, where: str | None = None) -> None:
        """Let all be well again, here or everywhere."""
        for table in (self._next, self._sometimes):
            if where is None:
                table.clear()
            else:
                table.pop(where, None)

    def pending(self, where: str) -> int:
        """How many of the faults ordered by ``next`` did not happen yet."""
        return len(self._next[where])

    def draw(self, *places: str) -> Fault | None:
        """The fault of this call, if any; the first place that has one decides."""
        for place in places:
            if self._next.get(place):
                return self._note(place, self._next[place].popleft())
            if place in self._sometimes:
                fault, probability, dice = self._sometimes[place]
                if dice.random() < probability:
                    return self._note(place, fault)
        return None

    def _note(self, place: str, fault: Fault | None) -> Fault | None:
        if fault is not None:
            self.happened[place] += 1
        return fault
