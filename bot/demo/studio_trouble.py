"""Faults on demand: what the next calls to the stand-in Model Studio, its own fetches, or its tasks do instead."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.demo.trouble import Troubles

if TYPE_CHECKING:
    import asyncio


class Operation(StrEnum):
    """What a fault can befall. All are calls to the stand-in but ``FETCH``, which is its own fetching of an input."""

    CREATE = "create"
    QUERY = "query"
    LIST = "list"
    CANCEL = "cancel"
    POLICY = "policy"
    UPLOAD = "upload"
    RESULT = "result"
    FETCH = "fetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour. Made by the functions below; ``effect`` says whether the call does its work all the same."""

    effect: bool = False
    delay: float = 0.0  # before the work
    until: asyncio.Event | None = None  # the work waits for it
    silence: float = 0.0  # after the work, before the answer
    hang_up: bool = False
    late: float | None = None  # hang up at once, do the work after so many seconds
    status: int | None = None
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    error: tuple[str, str] | None = None  # code and message a fetch fails with
    sent: int | None = None  # of a file's bytes, before the connection is cut
    announced: int | None = None  # a false Content-Length
    unannounced: bool = False  # no Content-Length at all: the end of the connection is the end of the body

    @property
    def reshapes_file(self) -> bool:
        """True when the file is served, but not as it should be."""
        return self.sent is not None or self.announced is not None or self.unannounced


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFault:
    """What is wrong with one task from its creation on."""

    error: tuple[str, str] | None = None  # ends FAILED with this code and message, its inputs fetched
    says: tuple[str, ...] = ()  # what the first looks are told instead of the truth
    backwards: bool = False  # every second look is told the state before the true one
    no_address: bool = False  # SUCCEEDED, and no word of where
    address_in_output: bool = False  # ``output.video_url`` instead of ``output.results.video_url``


def refused(status: int, code: str, message: str = "", **headers: str) -> Fault:
    """Refuse as Model Studio does. Underscores in header names become dashes."""
    body = json.dumps({"request_id": "00000000-0000-0000-0000-000000000000", "code": code, "message": message or code})
    return Fault(status=status, body=body, headers=_named(headers))


def rate_limited(retry_after: int | str | None = None, *, code: str = "Throttling.RateQuota") -> Fault:
    """Answer 429; a ``Retry-After`` is not documented, and may be anything."""
    headers = {} if retry_after is None else {"Retry_After": str(retry_after)}
    return refused(429, code, "Requests rate limit exceeded, please try again later.", **headers)


def http_status(status: int, body: str = "<html>oops</html>", *, effect: bool = False, **headers: str) -> Fault:
    """Answer with this HTTP status and a body that is not JSON."""
    return Fault(status=status, body=body, content_type="text/html", effect=effect, headers=_named(headers))


def dropped(*, effect: bool) -> Fault:
    """Cut the connection instead of answering: before the work is done, or after."""
    return Fault(hang_up=True, effect=effect)


def late(seconds: float) -> Fault:
    """Cut the connection at once and do the work all the same, so much later. For calls without a file."""
    return Fault(late=seconds)


def silent(seconds: float = 3600.0, *, effect: bool = True) -> Fault:
    """Say nothing for so long, having done the work or not; then hang up."""
    return Fault(silence=seconds, hang_up=True, effect=effect)


def slow(seconds: float) -> Fault:
    """Do as asked, but only after so long; also when the caller has gone by then."""
    return Fault(effect=True, delay=seconds)


def held(until: asyncio.Event) -> Fault:
    """Do as asked, but only once this is set; also when the caller has gone by then."""
    return Fault(effect=True, until=until)


def malformed(body: str = '{"output": {"task_id": "2222', *, effect: bool = True) -> Fault:
    """Answer 200 with what only claims to be JSON."""
    return Fault(status=200, body=body, effect=effect)


def html(*, effect: bool = True) -> Fault:
    """Answer 200 with a page."""
    page = "<!DOCTYPE html><html>We'll be right back.</html>"
    return Fault(status=200, body=page, content_type="text/html", effect=effect)


def cut(after: int, *, announced: bool = True) -> Fault:
    """Send or fetch so many bytes of the file, then cut. Unannounced there is no Content-Length that would show it."""
    return Fault(effect=True, sent=after, unannounced=not announced)


def wrong_length(announced: int) -> Fault:
    """Announce another length than what is sent."""
    return Fault(effect=True, announced=announced)


def unannounced() -> Fault:
    """Send the whole file, but never say how long it is."""
    return Fault(effect=True, unannounced=True)


def unfetched(code: str = "InvalidParameter", message: str = "Unable to download the media resource.") -> Fault:
    """Let the service's fetching of an input fail before it asks for the first byte."""
    return Fault(error=(code, message))


def fails(code: str, message: str = "") -> TaskFault:
    """Let a task end FAILED, after its time, having fetched its inputs."""
    return TaskFault(error=(code, message or code))


def unknown_at_first(looks: int) -> TaskFault:
    """Let the first looks at a task find nothing."""
    return TaskFault(says=("UNKNOWN",) * looks)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Trouble(Troubles[Fault]):
    """What is to go wrong, by operation, and with which tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.every_task: TaskFault | None = None  # what befalls each task that ``next_tasks`` says nothing of
        self._tasks: deque[TaskFault | None] = deque()

    def next(self, where: str, *faults: Fault | None, times: int = 1) -> None:
        """As ever; ValueError for what is no operation."""
        super().next(Operation(where), *faults, times=times)

    def sometimes(self, where: str, fault: Fault, probability: float, *, seed: int = 0) -> None:
        """As ever; ValueError for what is no operation."""
        super().sometimes(Operation(where), fault, probability, seed=seed)

    def next_tasks(self, *faults: TaskFault | None) -> None:
        """Let these faults befall the next tasks that are accepted, one each. None: that one goes well."""
        self._tasks.extend(faults)

    def clear(self, where: str | None = None) -> None:
        """Let all be well again, here or everywhere; tasks that exist keep their faults."""
        super().clear(where)
        if where is None:
            self._tasks.clear()
            self.every_task = None

    def draw_task(self) -> TaskFault:
        """The fault of a task that is accepted now; one without any effect when all is well."""
        fault = self._tasks.popleft() if self._tasks else self.every_task
        return fault or TaskFault()
