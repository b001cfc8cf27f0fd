"""Model Studio's HTTP interface. Nothing else in the program knows its JSON, its headers or its names.

Source of every wire fact: the vendor's API reference for ``wan2.2-animate-move`` and ``wan2.2-animate-mix`` and its
page on managing asynchronous tasks.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import math
import re
import time
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx

from bot.budget import Budgets, Rate
from bot.errors import Refused, RemoteError, Unclear, Unreachable
from bot.failure import FailureCode
from bot.order import Kind, Quality
from bot.queue import Prices
from bot.studio_codes import Verdict, failure_of, verdict
from bot.studio_values import epoch, instant, number, stamp
from bot.task import ListedTask, Task, TaskRequest, TaskStatus
from bot.transfer import retry_after

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

MODELS: Mapping[Kind, str] = {Kind.ANIMATE: "wan2.2-animate-move", Kind.SWAP: "wan2.2-animate-mix"}
MODES: Mapping[Quality, str] = {Quality.STANDARD: "wan-std", Quality.PRO: "wan-pro"}

# Per second of output. Singapore: copies of the vendor's table by others, July 2026. Beijing: the vendor's table
# for mix, a bill for move in standard quality (4 s, 1.60), a copy by others for move in pro.
PRICES: Mapping[str, Prices] = {
    "singapore": Prices(
        "USD",
        {
            (Kind.ANIMATE, Quality.STANDARD): 0.12,
            (Kind.ANIMATE, Quality.PRO): 0.18,
            (Kind.SWAP, Quality.STANDARD): 0.18,
            (Kind.SWAP, Quality.PRO): 0.26,
        },
    ),
    "beijing": Prices(
        "CNY",
        {
            (Kind.ANIMATE, Quality.STANDARD): 0.4,
            (Kind.ANIMATE, Quality.PRO): 0.6,
            (Kind.SWAP, Quality.STANDARD): 0.6,
            (Kind.SWAP, Quality.PRO): 0.9,
        },
    ),
}

_HOSTS = {"singapore": "dashscope-intl.aliyuncs.com", "beijing": "dashscope.aliyuncs.com"}
_WORKSPACE_REGIONS = {"singapore": "ap-southeast-1", "beijing": "cn-beijing"}
_STORAGE_DOMAIN = "aliyuncs.com"
CALL_SECONDS = 60.0
LIST_SPAN = 86400.0
# The account's limits: creates for each model, and each kind of question.
_CREATES, _QUERIES = Rate(5, 1.0), Rate(20, 1.0)
_PAGES_MOST = 100
_BODY_MOST = 4 << 20
_TASK_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._:-]{1,200}")
_STATUSES = {status.value: status for status in TaskStatus} | {"canceled": TaskStatus.CANCELLED}
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def base_url(region: str, workspace_id: str | None = None, override: str | None = None) -> str:
    """Return where the interface is, without a slash at its end: ``override``, else the workspace's own host."""
    if override:
        base = override.rstrip("/")
    elif workspace_id:
        base = f"https://{workspace_id}.{_WORKSPACE_REGIONS[region]}.maas.aliyuncs.com/api/v1"
    else:
        base = f"https://{_HOSTS[region]}/api/v1"
    if not base.endswith("/api/v1"):
        raise ValueError("Model Studio's base URL must end in /api/v1")
    return base


def studio_http(
    key: str, base: str, *, connect_seconds: float = 10.0, silence_seconds: float = 30.0
) -> httpx.AsyncClient:
    """Return a client that sends every request once, follows no redirect with the key, and asks no environment."""
    return httpx.AsyncClient(
        base_url=f"{base}/",
        headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
        timeout=httpx.Timeout(silence_seconds, connect=connect_seconds, pool=connect_seconds),
        # No connection is used again that the service may be about to close: a create lost that way costs a decision.
        limits=httpx.Limits(max_connections=20, keepalive_expiry=5.0),
        follow_redirects=False,
        trust_env=False,
        verify=_certificates(),
    )


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return whom httpx trusts by itself. Reading all the certificates takes 20 times as long as a client does."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPolicy:
    """A permission to put files under one new folder of the temporary storage; it lasts for minutes."""

    host: str
    folder: str
    signed: tuple[tuple[str, str], ...] = field(repr=False)
    size_most: int | None = None  # bytes

    def key(self, name: str) -> str:
        """Return what a file of this name will be known by: its address is ``oss://`` and this."""
        return f"{self.folder}/{name}"

    def form(self, name: str) -> Sequence[tuple[str, str]]:
        """Return the fields to send before the file, in the documented order."""
        return (*self.signed, ("key", self.key(name)), ("success_action_status", "200"))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: any status, and a JSON object if there was one."""

    call: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] | None = field(repr=False)

    @property
    def refusal(self) -> tuple[str, str] | None:
        """The code and message of a refusal that was worded as documented, or as the compatible interface words it."""
        said = self.body or {}
        nested = said.get("error")
        said = nested if isinstance(nested, dict) else said
        code, message = said.get("code"), said.get("message")
        return (code, message if isinstance(message, str) else "") if isinstance(code, str) and code else None

    def part(self, name: str) -> Mapping[str, Any]:
        """Return an object within the answer that must be there."""
        found = (self.body or {}).get(name)
        if not isinstance(found, dict):
            raise Unclear(f"{self.call}: an answer without {name}")
        return found


class Studio:
    """One account at Model Studio. Every call is made once; a step that wants it again makes it again."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        clock: Callable[[], float],
        *,
        steady: Callable[[], float] = time.monotonic,
        rested: float = 0.0,
    ) -> None:
        self._http = http
        self._clock = clock
        # Tells one key from another in our own tables, and gives nothing of it away.
        self.account = hashlib.sha256(http.headers.get("Authorization", "").encode()).hexdigest()[:16]
        # A wait would stand between the row that says "submitting" and the paid call: what must wait is Unreachable.
        self.creates = Budgets(lambda _: _CREATES, clock=steady, patience=0.0, rested=rested)
        self.queries = Budgets(lambda _: _QUERIES, clock=steady, rested=rested)
        self.clock_offset: float | None = None  # the service's clock minus ours, in seconds, by its last answer

    async def create(self, request: TaskRequest) -> str:
        """Make the paid call, once, and return the task's id.

        Unreachable: no task was made, ask again. Refused: none was made, nor will be. Unclear: there may be one.
        """
        urls = {"image_url": request.image_url, "video_url": request.video_url}
        headers = {"X-DashScope-Async": "enable"}
        if any(url.startswith("oss://") for url in urls.values()):
            headers["X-DashScope-OssResourceResolve"] = "enable"
        body = {
            "model": MODELS[request.kind],
            "input": {**urls, "watermark": request.watermark},
            "parameters": {"mode": MODES[request.quality], "check_image": request.check_person},
        }
        path = "services/aigc/image2video/video-synthesis"
        model = MODELS[request.kind]
        await self.creates.turn(model)
        answer = await self._call("create", "POST", path, headers=headers, json=body)
        if answer.status == 429:
            self.creates.refused(model, retry_after(answer.headers))
        if answer.status != 200:
            raise _refusal(answer, Unclear)
        task_id = answer.part("output").get("task_id")
        if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id):
            raise Unclear("create: an answer without a task id")
        return task_id

    async def look_up(self, task_id: str) -> Task:
        """Return how the task stands. Whatever is raised says nothing about the task."""
        answer = await self._ask("query", "GET", f"tasks/{quote(task_id, safe='')}")
        output = answer.part("output")
        if output.get("task_id", task_id) != task_id:
            raise Unclear("query: an answer about another task")
        return _task(task_id, output, (answer.body or {}).get("usage"))

    async def cancel(self, task_id: str) -> bool:
        """Return whether the task was stopped before it began; False: it had begun, ended, or was never there."""
        await self.queries.turn("cancel")
        answer = await self._call("cancel", "POST", f"tasks/{quote(task_id, safe='')}/cancel")
        if answer.status == 400 and answer.refusal is not None and answer.refusal[0] == "UnsupportedOperation":
            return False
        if not (self._good(answer).body or {}).get("request_id"):  # all that its yes has in it
            raise Unclear("cancel: an answer without a request id")
        return True

    async def list_tasks(self, kind: Kind, *, since: float, until: float) -> list[ListedTask]:
        """Return every task of this model that the account made between two instants, at most 24 hours apart.

        Either all of them, or Unclear: half a list would prove the absence of a task that exists.
        """
        if not 0 <= until - since <= LIST_SPAN:
            raise ValueError("a list spans at most 24 hours")
        end = math.ceil(until)
        window = {"start_time": stamp(max(math.floor(since), end - LIST_SPAN)), "end_time": stamp(end)}
        found: dict[str, ListedTask] = {}
        for page in range(1, _PAGES_MOST + 1):
            query = {**window, "model_name": MODELS[kind], "page_no": str(page)}
            answer = await self._ask("list", "GET", "tasks/", params=query)
            rows = (answer.body or {}).get("data")
            if not isinstance(rows, list):
                raise Unclear("list: an answer without data")
            found |= {row.id: row for row in map(_listed, rows)}
            pages = number((answer.body or {}).get("total_page"))
            if not rows or (pages is not None and page >= pages):
                return list(found.values())
        raise Unclear("list: too many pages")

    async def upload_policy(self, kind: Kind) -> UploadPolicy:
        """Return a new permission to upload; what is uploaded with it serves this kind's model only."""
        query = {"action": "getPolicy", "model": MODELS[kind]}
        answer = await self._ask("policy", "GET", "uploads", params=query)
        return _policy(answer.part("data"), own_host=self._http.base_url.host)

    async def _ask(self, call: str, method: str, path: str, **arguments: Any) -> _Answer:
        """Make a call that changes nothing, in its turn, and return its good answer."""
        await self.queries.turn(call)
        return self._good(await self._call(call, method, path, **arguments))

    def _good(self, answer: _Answer) -> _Answer:
        """Return the answer to a call that may be repeated, or raise what went wrong with it."""
        if answer.status == 429:
            self.queries.refused(answer.call, retry_after(answer.headers))
        if answer.status != 200:
            raise _refusal(answer, Unreachable)
        if answer.body is None:
            raise Unclear(f"{answer.call}: an answer that is no JSON object")
        return answer

    async def _call(self, call: str, method: str, path: str, **arguments: Any) -> _Answer:
        """Send one request, once. The errors name their kind only: the library's own hold addresses."""
        sent = self._clock()
        try:
            async with asyncio.timeout(CALL_SECONDS), self._http.stream(method, path, **arguments) as response:
                # Somewhere between the request and its first line back: the middle is wrong by half of that at most.
                self._learn_offset(response.headers.get("Date", ""), at=(sent + self._clock()) / 2)
                body = b""
                async for block in response.aiter_bytes():
                    body += block
                    if len(body) > _BODY_MOST:
                        raise Unclear(f"{call}: too long an answer")
        except _NEVER_SENT as error:
            raise Unreachable(f"{call}: {type(error).__name__}") from error
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            raise Unclear(f"{call}: {type(error).__name__}") from error
        return _Answer(call, response.status_code, response.headers, _json(body))

    def _learn_offset(self, date: str, *, at: float) -> None:
        try:
            told = parsedate_to_datetime(date)
        except (ValueError, TypeError):
            return
        # The header names the second that had begun: half a second later is the best guess.
        self.clock_offset = told.replace(tzinfo=told.tzinfo or UTC).timestamp() + 0.5 - at


def _json(body: bytes) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _refusal(answer: _Answer, otherwise: type[Unclear | Unreachable]) -> RemoteError:
    """Return what a status other than 200 means. Only the service's own words are a refusal: a proxy has statuses, too.

    ``otherwise`` is what all else is: Unclear for a paid call, Unreachable for one that may be repeated.
    """
    code, message = answer.refusal or ("", "")
    failure, sense = failure_of(code, message), verdict(code, message)
    said = f"{answer.call}: {answer.status} {failure.detail}"
    if answer.status == 429 and failure.code is not FailureCode.PAYMENT:
        sense = Verdict.LATER
    if answer.status >= 500 or sense is Verdict.UNSURE:
        return otherwise(said)
    if sense is Verdict.LATER:
        return Unreachable(said, retry_after=retry_after(answer.headers))
    if answer.status >= 400 and code:
        return Refused(said, failure=failure)
    return otherwise(said)


def _task(task_id: str, output: Mapping[str, Any], usage: object) -> Task:
    told = output.get("task_status")
    if not isinstance(told, str):
        raise Unclear("query: an answer without a status")
    status = _status(told)
    url = _result_url(output) if status is TaskStatus.SUCCEEDED else None
    code, message = (value if isinstance(value, str) else "" for value in (output.get("code"), output.get("message")))
    return Task(
        id=task_id,
        status=status,
        submitted_at=instant(output.get("submit_time")),
        started_at=instant(output.get("scheduled_time")),
        ended_at=instant(output.get("end_time")),
        url=url,
        seconds=(number(usage.get("video_duration")) if isinstance(usage, dict) else None) or 0.0,
        failure=failure_of(code, message) if status is TaskStatus.FAILED else None,
    )


def _status(told: object) -> TaskStatus:
    """Return a status; one that is not documented (the SDK knows SUSPENDED) is not the end of a task."""
    return _STATUSES.get(told.casefold(), TaskStatus.RUNNING) if isinstance(told, str) else TaskStatus.UNKNOWN


def _result_url(output: Mapping[str, Any]) -> str:
    """Return where the video is: in ``results`` by the reference; models of the same family put it beside."""
    results = output.get("results")
    for holder in (results if isinstance(results, dict) else {}, output):
        url = holder.get("video_url")
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            return url
    raise Unclear("query: a success without an address")


def _listed(row: object) -> ListedTask:
    """Return one row of the list. Without its id or its age a row proves nothing, and neither does its list."""
    if not isinstance(row, dict):
        raise Unclear("list: a row that is no object")
    task_id, created_at = row.get("task_id"), epoch(row.get("gmt_create"))
    if not isinstance(task_id, str) or created_at is None:
        raise Unclear("list: a row without id or age")
    key_id, request_id = (
        value if isinstance(value, str) and value else None for value in (row.get("api_key_id"), row.get("request_id"))
    )
    return ListedTask(
        id=task_id,
        status=_status(row.get("status")),
        kind=next((kind for kind, model in MODELS.items() if model == row.get("model_name")), None),
        api_key_id=key_id,
        request_id=request_id,
        created_at=created_at,
        started_at=epoch(row.get("start_time")),
        ended_at=epoch(row.get("end_time")),
    )


def _policy(data: Mapping[str, Any], *, own_host: str) -> UploadPolicy:
    def text(name: str) -> str:
        value = data.get(name)
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
            raise Unclear(f"policy: an answer without {name}")
        return value

    host = text("upload_host")
    if not _trusted(host, own_host):
        raise Unclear("policy: an unknown upload host")
    size_most = number(data.get("max_file_size_mb"))
    return UploadPolicy(
        host=host,
        folder=text("upload_dir").strip("/"),
        signed=(
            ("OSSAccessKeyId", text("oss_access_key_id")),
            ("Signature", text("signature")),
            ("policy", text("policy")),
            ("x-oss-object-acl", text("x_oss_object_acl")),
            ("x-oss-forbid-overwrite", text("x_oss_forbid_overwrite")),
        ),
        size_most=None if size_most is None else int(size_most * (1 << 20)),
    )


def _trusted(url: str, own_host: str) -> bool:
    """People's pictures go to the vendor's storage, encrypted, or to the host that the operator named."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return host == own_host or (parts.scheme == "https" and host.endswith(f".{_STORAGE_DOMAIN}"))
