"""The stand-in Model Studio as its panel shows it: tasks, what each was sent, and the bill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.demo.studio_state import MODELS, Status
from bot.demo.studio_trouble import Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.demo.studio import StudioStandIn
    from bot.demo.studio_state import Create, StudioTask

_CURRENCY = {"singapore": "$", "beijing": "¥"}
# What says something of the call; the rest is the HTTP client's.
_HEADERS = ("Content-Type", "X-DashScope-Async", "X-DashScope-OssResourceResolve", "X-DashScope-WorkSpace")


def studio_things(studio: StudioStandIn) -> Iterator[tuple[str, Any]]:
    """Yield the bill, every task and every refused create, each under its key."""
    sent = {create.task_id: create for create in studio.creates if create.task_id is not None}
    prices = {bill.task_id: bill.price for bill in studio.billed}
    waiting = [task.id for task in studio.tasks.values() if task.status is Status.PENDING]
    yield (
        "bill",
        {
            "currency": _CURRENCY[studio.state.region],
            "total": sum(prices.values()),
            "tasks": len(prices),
            "waiting": len(waiting),
            "running": sum(task.status is Status.RUNNING for task in studio.tasks.values()),
            "calls": {str(operation): studio.requests[operation] for operation in Operation},
        },
    )
    for number, task in enumerate(studio.tasks.values()):
        place = waiting.index(task.id) + 1 if task.id in waiting else None
        yield (
            f"task/{task.id}",
            _task(task, sent.get(task.id)) | {"number": number, "place": place, "price": prices.get(task.id)},
        )
    for number, create in enumerate(studio.creates):
        if create.refusal is not None:
            yield f"refused/{number}", {"number": number, "code": create.refusal, "sent": _sent(create)}


def _task(task: StudioTask, create: Create | None) -> dict[str, Any]:
    return {
        "id": task.id,
        "kind": MODELS[task.model],
        "model": task.model,
        "mode": task.asked.mode if task.asked else "",
        "status": task.status,
        "created": task.created_at,
        "started": task.started_at,
        "ended": task.ended_at,
        "error": task.error,
        "seconds": task.seconds,
        "looks": task.looks,
        "fetched": {role: fetched.size for role, fetched in task.fetched.items() if fetched.ended_at is not None},
        "sent": _sent(create) if create else None,
    }


def _sent(create: Create) -> dict[str, Any]:
    headers = {name: create.headers[name] for name in _HEADERS if name in create.headers}
    try:
        body = json.dumps(json.loads(create.body), indent=2, ensure_ascii=False)
    except ValueError:
        body = create.body.decode(errors="replace")
    return {"headers": headers, "body": body}
