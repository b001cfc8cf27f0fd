"""Everything the bot says, in one readable text, for every state and every code. To look at it, and to renew it:

python tests/slack/every_message.py > tests/slack/every_message.txt
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from builders import ADA, NOW, PRICES, in_state, order, unclear

from bot.job import Delivery, Failure, FailureCode, Job, JobState, Kind, Problem, Quality, Role, Spent, Target
from bot.media.limits import Rule
from bot.progress import Done
from bot.queue import Line, Standing
from bot.slack import answers, details, invitations, mending, messages, modal
from bot.slack.failures import problem
from bot.slack.messages import Message, View
from bot.store import Event

VIEW = View(now=NOW + 125.0, prices=PRICES)
_BUTTONS = ("button", "static_select", "radio_buttons", "checkboxes", "plain_text_input", "file_input")


def jobs() -> Iterator[tuple[str, Job, View]]:
    """Every state that a card can show, with what is shown beside it."""
    yield "queued", in_state(JobState.QUEUED), VIEW
    yield "queued, a film is made to fit", in_state(JobState.QUEUED), replace(VIEW, mended=Done(frames=120, of=900))
    for place in (1, 2, 5, 6):
        yield f"ready, number {place}", in_state(JobState.READY), replace(VIEW, standing=Standing(place, 200.0 * place))
    yield "ready, put off", in_state(JobState.READY, failures=2), VIEW
    yield "submitting", in_state(JobState.SUBMITTING), VIEW
    yield "submitting, to be cancelled", in_state(JobState.SUBMITTING, cancel_by=ADA), VIEW
    yield "settling", in_state(JobState.SUBMITTING, submitting_at=NOW, due_at=NOW + 5), VIEW
    yield "unclear", unclear(), VIEW
    yield "rendering, not begun", in_state(JobState.RENDERING), VIEW
    begun: dict[str, Any] = {"task_started_at": NOW}
    yield "rendering", in_state(JobState.RENDERING, **begun), VIEW
    yield "rendering, overdue", in_state(JobState.RENDERING, **begun), replace(VIEW, now=NOW + 2000.0)
    yield "rendering, to be cancelled", in_state(JobState.RENDERING, cancel_by=ADA), VIEW
    yield "rendering, too late", in_state(JobState.RENDERING, cancel_by=ADA, too_late=True, **begun), VIEW
    yield "rendered", in_state(JobState.RENDERED), VIEW
    yield "kept", in_state(JobState.RENDERED, delivery=Delivery(target=Target.KEPT)), VIEW
    yield "delivered", in_state(JobState.DELIVERED), VIEW
    yield (
        "delivered in pro, after a doubt",
        in_state(JobState.DELIVERED, order=order(quality=Quality.PRO), doubts=1),
        VIEW,
    )
    yield "delivered, then deleted", in_state(JobState.DELIVERED, delivery=Delivery(deleted_by=ADA)), VIEW
    yield "cancelled", in_state(JobState.CANCELLED), VIEW


def failures() -> Iterator[tuple[str, Job]]:
    """A job for every way to fail, and one for every rule a file can break."""
    for code in FailureCode:
        spent = Spent.YES if code in {FailureCode.RESULT_GONE, FailureCode.RESULT_BROKEN} else Spent.NOTHING
        yield str(code), in_state(JobState.FAILED, failure=Failure(code, "Vendor.Code", spent=spent))
    for rule in Rule:
        problems = (Problem(Role.VIDEO, rule, "found", "limit"),)
        yield f"rule {rule}", in_state(JobState.FAILED, failure=Failure(FailureCode.BAD_FILES, problems=problems))


def everything() -> Iterator[tuple[str, list[dict[str, Any]], str]]:
    """Each message or window: its name, its blocks and the text beside them."""
    for name, job, view in jobs():
        yield f"card: {name}", *_parts(messages.card(job, view))
    for name, job in failures():
        yield f"told: {name}", *_parts(messages.told(job, PRICES))
    done = in_state(JobState.DELIVERED)
    yield "beside the video", [], messages.comment(done, PRICES)
    yield "a link for the video", [], messages.pointer(done, "https://slack.example/f", PRICES).text
    yield "beside the preview", [], mending.shown_text(done)
    for role in Role:
        yield f"the preview's {role}, described", [], mending.alt_text(done, role)
    moves = [Event(at=NOW + n, state=state, who=ADA, note={"task": "T1"}) for n, state in enumerate(JobState)]
    for name, job in (("done", done), ("failed", next(failures())[1])):
        yield f"details: {name}", details.view(job, moves, PRICES)["blocks"], "Details"
    for kind in Kind:
        yield f"form: {kind}", modal.form(modal.Origin(kind, "C1"))["blocks"], modal.TITLES[kind]
    yield from _private()


def _parts(message: Message) -> tuple[list[dict[str, Any]], str]:
    return message.blocks, message.text


def _private() -> Iterator[tuple[str, list[dict[str, Any]], str]]:
    job = in_state(JobState.READY)
    far = replace(VIEW, standing=Standing(12, 4000.0))
    listed = [answers.Listed(job, VIEW, "https://slack.example/c"), answers.Listed(unclear(), VIEW, None)]
    lines = {Kind.ANIMATE: Line(6, 2, 900.0), Kind.SWAP: Line(0, 0, 0.0)}
    said = {
        "help": answers.help_text(PRICES),
        "jobs": answers.jobs_text(listed, more=True),
        "jobs, none": answers.jobs_text([]),
        "jobs, beyond the last": answers.jobs_text([], page=3),
        "status of one": answers.status_text(job, far),
        "status": answers.queue_text(lines),
        "a word nobody knows": answers.unknown_word("xylophone", None),
        "a word with a neighbour": answers.unknown_word("hlep", "help"),
        "a file that can't be used": answers.unusable(1),
        "files that can't be used": answers.unusable(3),
        "a missing scope": answers.missing_scope("files:read"),
        "moved to direct messages": messages.moved_to_direct(),
        "somebody from elsewhere": invitations.STRANGER,
        "a closed thread": invitations.THREAD_CLOSED,
    }
    said |= {f"cancel: {name}": answers.cancelled_text(job) for name, job, _ in jobs()}
    constants = ("UNKNOWN_JOB", "NOT_YOURS", "WHICH_JOB", "NOT_OPENED", "NOT_STORED", "NOT_DELETED", "TOO_OLD")
    said |= {name: getattr(answers, name) for name in constants}
    said |= {f"under a field: {rule}": problem(Problem(Role.IMAGE, rule, "found", "limit")) for rule in Rule}
    for name, text in said.items():
        yield f"private: {name}", [], text


def text() -> str:
    """Everything as one text, without what differs from run to run."""
    said = "\n".join(_entry(name, blocks, beside) for name, blocks, beside in everything())
    return re.sub(r"J0{2,}\d+", "J…", said)


def _entry(name: str, blocks: list[dict[str, Any]], beside: str) -> str:
    shown = [f"== {name}", *(f"   {line}" for line in beside.splitlines())]
    for block in blocks:
        shown += [f"   | {line}" for part in _words(block) for line in part.splitlines()]
    return "\n".join(shown) + "\n"


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, dict):
        mark = f"[{value['type']}] " if value.get("type") in _BUTTONS else ""
        if mark and value["type"] != "button":
            yield mark.strip()
        if isinstance(value.get("text"), str):
            yield value["text"]
        elif mark and isinstance(value.get("text"), dict):
            yield mark + str(value["text"]["text"])
            value = {name: inner for name, inner in value.items() if name != "text"}
        for inner in value.values():
            if isinstance(inner, dict | list):
                yield from _words(inner)


if __name__ == "__main__":
    sys.stdout.write(text())
