"""Everything the bot says, by state and code, as it may look: for reading, comparing and checking.

``catalogue.txt`` beside it is what a test compares; ``WRITE_CATALOGUE=1 pytest tests/slack/test_catalogue.py`` writes
it anew.

The files' names, the failures' details and what was found in files are given, so that nasty ones can be tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders import ADA, BOB, NOW, PRICES, TEAM, in_state, order, queued, unclear
from test_modal import IMAGE, VIDEO, submission

from bot.estimate import DOCUMENTED, Estimate
from bot.failure import Failure, FailureCode, Problem, Spent
from bot.job import Delivery, Input, Job, JobState, Mend, Mending, Result, Target
from bot.media.limits import Change, Rule
from bot.order import Fit, Kind, Quality, Role, SourceFile
from bot.progress import Done
from bot.queue import Standing
from bot.slack import answers, details, failures, filled, invitations, mending, messages, modal, offers
from bot.slack.messages import View
from bot.slack.wording import DIRECTLY, Handle, Message
from bot.store import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

SNAPSHOT = Path(__file__).with_name("catalogue.txt")
LEARNED = {quality: Estimate(start=20, per_second=60, spread=0.3, tasks=20) for quality in Quality}
VIEW = View(now=NOW + 130, prices=PRICES, standing=Standing(2, 540.0), estimate=LEARNED[Quality.STANDARD])
COMMAND = Handle("/animate")
KEPT = Delivery(target=Target.KEPT)
POSTED = Delivery(file="F9", answered=True, permalink="https://s.example/f", message="1.5")
GONE = replace(POSTED, removed_by=ADA, removed_at=NOW)


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody else has said, and we repeat: names of files, details of failures, what files say of themselves."""

    name: str = "hero.png"
    clip: str = "dance.mp4"
    detail: str = "InvalidParameter"
    found: str = "4000 × 200 px"


def jobs(said: Said) -> Iterator[tuple[str, Job, View]]:
    """Every way a job may stand."""
    files = order(image=SourceFile("F1", said.name, 300), video=SourceFile("F2", said.clip, 900))
    special = replace(files, kind=Kind.SWAP, quality=Quality.PRO, start=65.0, length=5.0, fit=Fit.CROP, watermark=True)

    def at(state: JobState, **changes: Any) -> Job:
        return replace(in_state(state, order=files), id="Jbcdfghjkmn", task_id=_task(state), **changes)

    fresh = replace(queued(order=files), id="Jbcdfghjkmn")
    yield "queued", fresh, VIEW
    yield "queued, of another job", replace(fresh, parent="Jpqrstvwxzb", order=special), VIEW
    yield "queued, mending", fresh, replace(VIEW, mended=Done(120, 750))
    ready = at(JobState.READY)
    yield "ready, no place yet", ready, replace(VIEW, standing=None)
    for place in (1, 2, 5, 6):
        yield f"ready, place {place}", ready, replace(VIEW, standing=Standing(place, 260.0 * place))
    yield "ready, exactly", ready, replace(VIEW, standing=Standing(112, 30_000.0), exact=True)
    yield "ready, put off", at(JobState.READY, failures=1, due_at=VIEW.now + 8), VIEW
    yield "ready, after it was put off", at(JobState.READY, failures=1), VIEW
    yield "ready, mended", _mended(ready, said), VIEW
    yield "submitting", at(JobState.SUBMITTING), VIEW
    yield "submitting, to be cancelled", at(JobState.SUBMITTING, cancel_by=ADA), VIEW
    yield "settling", at(JobState.SUBMITTING, due_at=NOW + 1), VIEW
    yield "unclear", replace(unclear(order=files), id="Jbcdfghjkmn"), VIEW
    yield "unclear, cancelled", replace(unclear(order=files), id="Jbcdfghjkmn").cancelled(BOB, now=NOW), VIEW
    running = at(JobState.RENDERING, task_started_at=NOW)
    yield "rendering, not begun", at(JobState.RENDERING), VIEW
    yield "rendering, without history", running, replace(VIEW, estimate=DOCUMENTED[Quality.STANDARD])
    yield "rendering", running, VIEW
    yield "rendering, twice as long as usual", running, replace(VIEW, now=NOW + 1000)
    yield "rendering, to be stopped", replace(running, cancel_by=ADA), VIEW
    yield "rendering, can't be stopped", replace(running, cancel_by=ADA, too_late=True), VIEW
    yield "rendered", at(JobState.RENDERED), VIEW
    yield "rendered, kept", at(JobState.RENDERED, delivery=KEPT), VIEW
    done = at(JobState.DELIVERED, delivery=POSTED)
    yield "delivered", replace(done, result=_result(done)), VIEW
    yield "delivered in pro", replace(done, order=special), VIEW
    yield "delivered, after a doubt", replace(done, doubts=1), VIEW
    yield "delivered, being deleted", replace(done, delivery=replace(POSTED, removed_by=ADA)), VIEW
    yield "delivered, deleted", replace(done, delivery=GONE), VIEW
    yield "cancelled", at(JobState.CANCELLED, cancelled_by=BOB), VIEW
    for code in FailureCode:
        for spent in Spent if code is FailureCode.SERVICE else [Spent.NOTHING]:
            problems = tuple(Problem(role, rule, said.found, "2–30 s") for role in Role for rule in Rule)
            listed = problems if code is FailureCode.BAD_FILES else ()
            failure = Failure(code, said.detail, listed, spent)
            yield f"failed, {code}, spent {spent}", at(JobState.FAILED, failure=failure), VIEW


def _task(state: JobState) -> str | None:
    late = {JobState.RENDERING, JobState.RENDERED, JobState.DELIVERED}
    return "0385dc79-5ff8-4d82-bcb6-7f1f9a6c2b4e" if state in late else None


def _mended(job: Job, said: Said) -> Job:
    mends = tuple(Mend(change, said.found, said.found) for change in Change)
    found = job.input(Role.VIDEO)
    assert found is not None
    mended = Input(media=found.media, mending=Mending(original=found.media, mends=mends))
    return replace(job, image_mending=mended.mending, video_mending=mended.mending)


def _result(job: Job) -> Result | None:
    return job.result and replace(job.result, size=3_200_000, media=job.video)


def posted(said: Said) -> Iterator[tuple[str, Message]]:
    """What is posted for everybody."""
    for name, job, view in jobs(said):
        yield f"card: {name}", messages.card(job, view)
        if job.state is JobState.FAILED:
            yield f"told: {name}", messages.told(job, PRICES)
        if messages.question(job):
            yield f"called: {name}", messages.called(job, PRICES)
        if name.startswith("delivered"):
            yield f"beside the video: {name}", Message(messages.comment(job, PRICES))
            yield f"instead of the video: {name}", messages.pointer(job, "https://s.example/f", PRICES)
        if name.startswith("ready, m"):
            yield f"beside the preview: {name}", Message(mending.shown_text(job))
            for role in Role:
                yield f"alternative text of the {failures.FILE[role]}", Message(mending.alt_text(job, role))


def private(said: Said) -> Iterator[tuple[str, Message]]:
    """What only one person sees."""
    found = [*jobs(said)]
    texts = {
        "help": answers.help_text(PRICES, LEARNED, COMMAND),
        "help, by a command with another name": answers.help_text(PRICES, LEARNED, Handle("/our-swap")),
        "help, in a mention": answers.help_text(PRICES, LEARNED, Handle(f"<@{BOB}>")),
        "help, directly": answers.help_text(PRICES, LEARNED, Handle()),
        "jobs": answers.jobs_text([(job, view, "") for _, job, view in found[:10]], COMMAND, page=1, pages=2),
        "jobs, none": answers.jobs_text([], COMMAND),
        "jobs, none, in a mention": answers.jobs_text([], Handle(f"<@{BOB}>")),
        "jobs, beyond the last page": answers.jobs_text([], COMMAND, page=3, pages=2),
        "status": answers.queue_text([(Kind.ANIMATE, 3, 2, 2), (Kind.SWAP, 0, 0, None), (Kind.SWAP, 1, 0, 1)], COMMAND),
        "cancel, which": answers.which_job(COMMAND),
        "a job unknown": answers.unknown_job(COMMAND),
        "a job unknown, at a button": answers.unknown_job(DIRECTLY),
        "not yours": answers.NOT_YOURS,
        "an old button": answers.TOO_OLD,
        "a new job": answers.followed_text(found[0][1]),
        "the video can't be deleted": answers.NOT_REMOVED,
        "deleting": answers.REMOVING,
        "nothing stored": answers.NOT_STORED,
        "the form did not open": answers.NOT_OPENED,
        "the details did not open": answers.NO_DETAILS,
        "a scope is missing": failures.missing_scopes(["files:read", "im:write"]),
        "unknown words": answers.unknown_text([said.name, "prro"], "pro"),
        "a length that can't be": answers.wrong_length(["45s"]),
        "the other command's form": answers.other_form(Kind.SWAP),
        "files that can't be used": answers.unusable(2),
        "posted nowhere": answers.nowhere(found[0][1].id),
        "moved to direct messages": answers.MOVED_TO_DIRECT,
        "a stranger": invitations.STRANGER,
    }
    yield from ((name, Message(text)) for name, text in texts.items())
    for name, job, view in found:
        yield f"status: {name}", Message(answers.status_text(job, view, "https://s.example/c"))
    for state in ("queued", "rendering, to be stopped", "rendering, can't be stopped", "rendered", "cancelled"):
        job = next(job for name, job, _ in found if name == state)
        yield f"cancel: {state}", Message(answers.cancelled_text(job, PRICES))
    file = {"id": "F1", "name": said.name, "mimetype": "image/png", "size": 300}
    wish = invitations.Wish(prefill=offers.Prefill(offers=offers.offers([file])), thread="1.5", in_thread=True)
    yield "a mention that is not clear", invitations.invitation(wish, Kind.SWAP, answers.unusable(1))


def views(said: Said) -> Iterator[tuple[str, dict[str, Any]]]:
    """What opens as a modal."""
    for name, job, _ in jobs(said):
        if not name.startswith("failed") or name.startswith(("failed, service,", "failed, bad_files")):
            note = {"task": said.detail, "target": "channel"}
            events = [Event(NOW + at, JobState.QUEUED, ADA if at % 2 else "", note) for at in range(3)]
            yield f"details: {name}", details.view(job, events, PRICES)
    events = [Event(NOW + at, JobState.RENDERED, ADA, {"task": said.detail}) for at in range(2000)]
    if said == Said():
        events = events[:9]
    yield (
        "details: many events",
        details.view(in_state(JobState.RENDERED, id="Jbcdfghjkmn", task_id="0385dc79"), events, PRICES),
    )
    prefill = offers.Prefill.of(order(image=SourceFile("F1", said.name), video=SourceFile("F2", said.clip)))
    yield "form: again", modal.form(modal.Origin(Kind.ANIMATE, "C1", parent="Jbcdfghjkmn"), prefill=prefill)
    yield "form: anywhere", modal.form(modal.Origin(Kind.SWAP))


def form_errors(said: Said) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """What a form that was filled in wrongly is answered with, by field; and the form itself."""
    image, video = IMAGE | {"name": said.name}, VIDEO | {"name": said.clip}
    wrong: dict[str, dict[str, Any]] = {
        "no files": {"image": [], "video": []},
        "two files": {"image": [image, image]},
        "the wrong way round": {"image": video, "video": image},
        "too big": {"image": image | {"size": 2 * 10**9}, "video": video | {"size": 2 * 10**9}},
        "empty": {"image": image | {"size": 0}},
        "not at Slack": {"video": video | {"mode": "external"}},
        "a playlist": {"video": video | {"name": "list.m3u8", "mimetype": "audio/mpegurl"}},
        "a text": {"image": image | {"mimetype": "text/plain"}},
        "no times": {"start": said.name, "length": said.clip},
        "too long": {"length": "45"},
    }
    for name, given in wrong.items():
        yield name, modal.form(modal.Origin(Kind.ANIMATE, "C1")), errors_of(submission(**given))
    offered = offers.offers([image, video | {"size": 2 * 10**9}])
    form = modal.form(modal.Origin(Kind.SWAP, "C1"), prefill=offers.Prefill(offers=offered))
    for name, image_files, chosen in (
        ("a file chosen twice", [image], {Role.IMAGE: offered[0].value}),
        ("nothing chosen", [], {Role.IMAGE: None, Role.VIDEO: modal.UPLOADED}),
        ("a choice that is too big", [image], {Role.VIDEO: offered[1].value}),
    ):
        view = submission(image=image_files, video=[] if Role.VIDEO in chosen else video)
        for role, value in chosen.items():
            option = None if value is None else {"value": value}
            view["state"]["values"][modal.here(role)] = {"file": {"type": "static_select", "selected_option": option}}
        yield name, form, errors_of(view)


def errors_of(view: dict[str, Any]) -> dict[str, str]:
    return dict(filled.read(view, team=TEAM, user=ADA).errors)


def readable() -> str:
    """Return all of it as text: first what notifications say, then the blocks, buttons in brackets."""
    parts = []
    for name, message in [*posted(Said()), *private(Said())]:
        parts.append("\n".join([f"=== {name}", message.text, *(f"  | {line}" for line in _lines(message.blocks))]))
    for name, view in views(Said()):
        lines = [f"=== {name}", *(f"  | {line}" for line in _lines([view["title"], *view["blocks"]]))]
        parts.append("\n".join(lines))
    for name, _, errors in form_errors(Said()):
        parts.append("\n".join([f"=== the form, {name}", *(f"  {field}: {text}" for field, text in errors.items())]))
    return "\n\n".join(parts) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _lines(inner)
    elif isinstance(value, dict) and value.get("type") == "button":
        confirm = " ".join(_lines(list(value.get("confirm", {}).values())))
        yield f"[{value['text']['text']}]{f' ({confirm})' if confirm else ''}"
    elif isinstance(value, dict) and value.get("type") in {"plain_text", "mrkdwn"}:
        yield from value["text"].split("\n")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in {"initial_option", "initial_options"}:
                yield from _lines(inner)
