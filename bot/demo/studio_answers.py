"""The JSON that the stand-in Model Studio answers about tasks."""

from __future__ import annotations

import math
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.demo.studio_state import DAY, REGION_IDS, Rejection, Status, StudioTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.demo.studio_state import StudioState

CHINA = timezone(timedelta(hours=8))
_MOST_PER_PAGE = 100
_PARAMETERS = frozenset(
    {
        "task_id",
        "start_time",
        "end_time",
        "model_name",
        "status",
        "page_no",
        "page_size",
        "region",
        "api_key_id",
    }
)
_BEFORE = {Status.SUCCEEDED: Status.RUNNING, Status.FAILED: Status.RUNNING, Status.RUNNING: Status.PENDING}


def answer(content: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """An answer with a request id of its own."""
    return web.json_response({"request_id": str(uuid.uuid4()), **content}, status=status)


def rejection(refused: Rejection) -> web.Response:
    """A refusal, flat, as documented."""
    return answer({"code": refused.code, "message": refused.message}, status=refused.status)


def unknown(task_id: str) -> web.Response:
    """What a look at an unknown task sees: HTTP 200."""
    return answer({"output": {"task_id": task_id, "task_status": str(Status.UNKNOWN)}})


def look(task: StudioTask, url: str) -> web.Response:
    """What one look at a task sees, the task's faults included. ``url`` is where its video is, if it has one."""
    shown: str = task.status
    if task.looks <= len(task.fault.says):
        shown = task.fault.says[task.looks - 1]
    elif task.fault.backwards and task.looks % 2 == 0:
        shown = _BEFORE.get(task.status, task.status)
    if shown == Status.UNKNOWN:
        return unknown(task.id)
    output: dict[str, Any] = {"task_id": task.id, "task_status": str(shown), **_times(task, shown)}
    if shown != task.status:
        return answer({"output": output})
    if task.error is not None:
        output |= {"code": task.error[0], "message": task.error[1]}
    if task.status is not Status.SUCCEEDED:
        return answer({"output": output})
    if task.fault.address_in_output:
        output["video_url"] = url
    elif not task.fault.no_address:
        output["results"] = {"video_url": url}
    return answer({"output": output, "usage": _usage(task)})


def _usage(task: StudioTask) -> dict[str, Any]:
    pro = task.asked is not None and task.asked.mode == "wan-pro"
    return {"video_duration": task.seconds, "video_ratio": "pro" if pro else "standard"}


def _times(task: StudioTask, shown: str) -> dict[str, str]:
    times = {"submit_time": _text(task.created_at)}
    if task.started_at is not None and shown != Status.PENDING:
        times["scheduled_time"] = _text(task.started_at)
    if task.ended_at is not None and shown == task.status:
        times["end_time"] = _text(task.ended_at)
    return times


def _text(at: float) -> str:
    """A time as the service writes it: UTC+8, milliseconds, no offset."""
    return datetime.fromtimestamp(at, CHINA).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def page(state: StudioState, query: Mapping[str, str]) -> web.Response:
    """One page of the account's tasks, newest first: whichever key made them, but no inputs and no results."""
    strange = sorted(set(query) - _PARAMETERS)
    if strange:
        raise Rejection(400, "InvalidParameter", f"unknown parameter: {strange[0]}")
    number = _whole(query, "page_no", 1, most=10**6)
    size = _whole(query, "page_size", 10, most=_MOST_PER_PAGE)
    since, until = _window(state.now(), query)
    found = [task for task in state.tasks.values() if since <= task.created_at <= until and _listed(task, state, query)]
    found.sort(key=lambda task: task.created_at, reverse=True)
    rows = [_row(task, state) for task in found[(number - 1) * size : number * size]]
    pages = math.ceil(len(found) / size)
    return answer({"total": len(found), "total_page": pages, "page_no": number, "page_size": size, "data": rows})


def _listed(task: StudioTask, state: StudioState, query: Mapping[str, str]) -> bool:
    is_so = {
        "task_id": task.id,
        "model_name": task.model,
        "status": task.status,
        "region": REGION_IDS[state.region],
        "api_key_id": task.key_id,
    }
    if any(query.get(name, value) != value for name, value in is_so.items()):
        return False
    return state.alive(task.id) is not None and state.now() >= task.created_at + state.list_lag


def _row(task: StudioTask, state: StudioState) -> dict[str, Any]:
    row = {
        "task_id": task.id,
        "request_id": task.request_id,
        "status": str(task.status),
        "model_name": task.model,
        "region": REGION_IDS[state.region],
        "api_key_id": task.key_id,
        "caller_uid": "1000000000000001",
        "caller_parent_id": "1000000000000000",
        "gmt_create": int(task.created_at * 1000),
        "user_api_unique_key": f"apikey:v1:aigc:image2video:video-synthesis:{task.model}",
    }
    times = {"start_time": task.started_at, "end_time": task.ended_at}
    return row | {name: int(at * 1000) for name, at in times.items() if at is not None}


def _whole(query: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise Rejection(400, "InvalidParameter", f"wrong value: {name}")
    return int(text)


def _window(now: float, query: Mapping[str, str]) -> tuple[float, float]:
    """The span of time asked for, whole seconds included. Without one, the last 24 hours."""
    until = _time(query, "end_time", now) + (1.0 if "end_time" in query else 0.0)
    since = _time(query, "start_time", until - DAY)
    if until - since > DAY + 1:
        raise Rejection(400, "InvalidParameter", "The span of start_time and end_time is more than 24 hours.")
    return since, until


def _time(query: Mapping[str, str], name: str, default: float) -> float:
    if name not in query:
        return default
    try:
        return datetime.strptime(query[name], "%Y%m%d%H%M%S").replace(tzinfo=CHINA).timestamp()
    except ValueError as error:
        raise Rejection(400, "InvalidParameter", f"wrong value: {name}") from error
