"""A job's Details: ids, codes, settings and every event with its time, in a modal. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.order import Role
from bot.slack.failures import FILE
from bot.slack.mending import asked, details, mending_line
from bot.slack.messages import money_so_far
from bot.slack.wording import QUALITY, TEXT_MOST, VERB, clean, fitting, plain, section, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.job import Job, Media
    from bot.queue import Prices
    from bot.store import Event

CALLBACK_ID = "details"
_EACH_BLOCK = 8  # events in one block: far below its 3000 characters
_EVENTS_MOST = 600  # in all: a modal has 100 blocks
_NOTE_MOST = 120


def view(job: Job, events: Sequence[Event], prices: Prices) -> dict[str, Any]:
    """Return the modal. Of very many events the oldest and the latest are shown."""
    facts = [f"{name}: {value}" for name, value in _facts(job, prices) if value]
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": plain(fitting(facts))},
        *[{"type": "section", "text": plain(text)} for text in _files(job)],
        {"type": "divider"},
        *[section("\n".join(lines)) for lines in _groups([*_events(events)])],
    ]
    title, close = plain("Details"), plain("Close")
    return {"type": "modal", "callback_id": CALLBACK_ID, "title": title, "close": close, "blocks": blocks}


def _facts(job: Job, prices: Prices) -> Iterable[tuple[str, str]]:
    yield "Job", job.id
    yield "Follows job", job.parent or ""
    yield "Asked for", f"{VERB[job.order.kind]}, {QUALITY[job.order.quality]}"
    yield "Part, shape", asked(job.order)
    yield "Check for a person", "yes" if job.order.check_person else "no"
    yield "“AI generated” mark", "yes" if job.order.watermark else "no"
    yield "State", f"{job.state}{f', asks: {job.ask}' if job.ask else ''}"
    yield "Money", money_so_far(job, prices)
    yield "Model Studio's task", clean(job.task_id or "", 100)
    yield "Attempt", f"{job.epoch + 1}, failed tries in a row: {job.failures}"
    if job.failure is not None:
        yield "Failure", str(job.failure.code)
        yield "Reason given", clean(job.failure.detail, 300)
    yield "Slack's file", clean(job.delivery.file or "", 100)
    yield "Posted to", f"{job.delivery.target}" if job.delivery.file else ""


def _files(job: Job) -> Iterable[str]:
    for role in Role:
        source, found = job.order.file(role), job.input(role)
        name = clean(source.name, 100) or "file"
        text = f"{FILE[role].capitalize()}: {name} ({clean(source.id, 100)})"
        yield f"{text}\n{_media(found.media)}" if found else text
    if done := mending_line(job):
        yield clean(done, TEXT_MOST)
    if job.result is not None and job.result.media is not None:
        yield f"Finished: {details(job.result.media)}"


def _media(media: Media) -> str:
    return f"{media.format}, {media.width} × {media.height} px, {media.size} bytes" + (
        f", {media.seconds:.1f} s, {media.fps:.2f} fps" if media.seconds else ""
    )


def _events(events: Sequence[Event]) -> Iterable[str]:
    left_out = len(events) - _EVENTS_MOST
    shown = events if left_out <= 0 else [*events[: _EVENTS_MOST // 2], *events[-_EVENTS_MOST // 2 :]]
    for number, event in enumerate(shown):
        if left_out > 0 and number == _EVENTS_MOST // 2:
            yield f"… {left_out} more …"
        yield " · ".join(filter(None, [_time(event.at), str(event.state), _who(event.who), _note(event)]))


def _time(at: float) -> str:
    utc = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"<!date^{int(at)}^{{date_num}} {{time_secs}}|{utc}>"


def _who(who: str) -> str:
    return f"<@{who}>" if who.isalnum() else ""


def _note(event: Event) -> str:
    return words(", ".join(f"{name} {_value(value)}" for name, value in event.note.items()), _NOTE_MOST)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _groups(lines: list[str]) -> Iterable[list[str]]:
    for start in range(0, len(lines), _EACH_BLOCK):
        yield lines[start : start + _EACH_BLOCK]
