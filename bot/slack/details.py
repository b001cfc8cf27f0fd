"""What stands behind a card, for whoever wants to know exactly: ids, settings, every move with its time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.job import Role
from bot.media.limits import format_name, megabytes, sides
from bot.slack.failures import FILE
from bot.slack.mending import asked, details, mend
from bot.slack.messages import money_line
from bot.slack.phrases import QUALITY, VERB, clean, escape, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.job import Input, Job
    from bot.queue import Prices
    from bot.store import Event

_TEXT_MOST = 2900  # a section's text holds 3,000 characters
_EVENTS_MOST = 200  # a form has room for 100 blocks; the latest moves are the ones that are asked about
_NOTE_MOST = 160
_STATES = {
    "queued": "stored",
    "ready": "files checked",
    "submitting": "handing over to Model Studio",
    "rendering": "taken by Model Studio",
    "rendered": "made",
    "delivered": "delivered",
    "failed": "failed",
    "cancelled": "cancelled",
}


def view(job: Job, events: Sequence[Event], prices: Prices) -> dict[str, Any]:
    """Return the window that tells everything that is known of a job, and no secret."""
    blocks = [
        _section(_lines(job, prices)),
        *(_section(_file(job, role)) for role in Role),
        *([_section([f"Video: {details(job.result.media)}"])] if job.result and job.result.media else []),
        *([_section(_failure(job))] if job.failure else []),
        {"type": "divider"},
        *_moves(events),
    ]
    return {"type": "modal", "title": plain("Details"), "close": plain("Close"), "blocks": blocks}


def _lines(job: Job, prices: Prices) -> list[str]:
    settings = [
        VERB[job.order.kind],
        QUALITY[job.order.quality],
        f"watermark {'on' if job.order.watermark else 'off'}",
        f"person check {'on' if job.order.check_person else 'off'}",
        *filter(None, [asked(job.order)]),
    ]
    ids = [f"Job {job.id}", *([f"again from {job.parent}"] if job.parent else []), f"attempt {job.epoch + 1}"]
    task = [f"Model Studio's task: {job.task_id}"] if job.task_id else []
    return [" · ".join(ids), " · ".join(settings), *task, money_line(job, prices)]


def _file(job: Job, role: Role) -> list[str]:
    file, found = job.order.file(role), job.input(role)
    lines = [f"{FILE[role].capitalize()}: {clean(file.name, 100) or 'file'} ({file.id})"]
    if found is None:
        return [*lines, "Not looked at yet."]
    if found.mending.mends:
        lines.append(f"As it came: {_media(found, original=True)}")
        lines += [f"• {mend(each)}" for each in found.mending.mends]
    return [*lines, f"As it is sent: {_media(found)}"]


def _media(found: Input, *, original: bool = False) -> str:
    media = found.mending.original if original else found.media
    parts = [format_name(media.format), sides(media.width, media.height), megabytes(media.size)]
    if media.seconds:
        parts += [f"{media.seconds:.1f} s", f"{round(media.fps, 2):g} fps", media.codec or "unknown codec"]
    return " · ".join(parts)


def _failure(job: Job) -> list[str]:
    if job.failure is None:
        return []
    return [f"Failed: {job.failure.code}", *filter(None, [clean(job.failure.detail, 1000)])]


def _section(lines: Iterable[str]) -> dict[str, Any]:
    return {"type": "section", "text": plain("\n".join(lines)[:_TEXT_MOST])}


def _moves(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return the moves in as few blocks as their text fits into."""
    texts: list[list[str]] = [[]]
    length = 0
    for event in events[-_EVENTS_MOST:]:
        line = _move(event)
        if length + len(line) > _TEXT_MOST:
            texts.append([])
            length = 0
        texts[-1].append(line)
        length += len(line) + 1
    return [{"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)}} for lines in texts if lines]


def _move(event: Event) -> str:
    at = datetime.fromtimestamp(event.at, UTC)
    when = f"<!date^{int(event.at)}^{{date_short_pretty}} {{time_secs}}|{at:%Y-%m-%d %H:%M:%S} UTC>"
    who = f" by <@{event.who}>" if event.who else ""
    noted = ", ".join(f"{name} {value}" for name, value in event.note.items())
    note = f" ({escape(clean(noted, _NOTE_MOST))})" if noted else ""
    return f"{when} {_STATES[event.state]}{who}{note}"
