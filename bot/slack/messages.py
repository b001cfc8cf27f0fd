"""What is said of jobs where everybody reads it: the card, the reply that tells of a failure, the video's words. Pure.

Every sentence the bot says is in this module or in one beside it: ``answers`` (in private), ``failures``,
``controls`` (buttons), ``details``, ``mending`` (files), ``modal`` (the form), ``filled`` (what is wrong in it) and
``invitations``; ``first_words`` chooses among the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from bot.estimate import DOCUMENTED
from bot.failure import Spent
from bot.job import Ask, Job, JobState, Target
from bot.order import Quality
from bot.slack.controls import buttons
from bot.slack.failures import SENTENCES, missing_scopes, problem
from bot.slack.mending import asked, details, mending_line
from bot.slack.wording import (
    QUALITY,
    TEXT_MOST,
    VERB,
    Message,
    clean,
    duration,
    escape,
    fitting,
    ordinal,
    plain,
    price,
    roughly,
    section,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.estimate import Estimate
    from bot.progress import Done
    from bot.queue import Prices, Standing

_TO_POST = frozenset({"chat:write", "files:write"})  # scopes
NEAR = 5  # places in line that a card names


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a card shows beside its job."""

    now: float
    prices: Prices
    standing: Standing | None = None
    estimate: Estimate | None = None
    mended: Done | None = None  # how far the video is that is being made to fit
    lacking: tuple[str, ...] = ()  # scopes that the app was not given
    exact: bool = False  # the place in line however far off it is


def card(job: Job, view: View) -> Message:
    """Return the job's one message as it should read now."""
    title = f"*{VERB[job.order.kind]}* · {QUALITY[job.order.quality]} · for <@{job.place.user}>"
    lines = status_lines(job, view)
    blocks: list[dict[str, Any]] = [
        section(title),
        {"type": "section", "text": plain(fitting(lines))},
        {"type": "context", "elements": [plain(clean(line, TEXT_MOST)) for line in _facts(job, view)]},
    ]
    if job.state is JobState.CANCELLED or job.delivery.removed_at is not None:  # somebody is named in it
        blocks[1] = section("\n".join(lines))
    elements = buttons(job, _more(job, view.prices))
    blocks.append({"type": "actions", "block_id": f"{job.id}-{job.ask or job.state}", "elements": elements})
    return Message(f"{VERB[job.order.kind]}: {lines[0]}", blocks)


def status_lines(job: Job, view: View) -> list[str]:
    """Return where the job stands, in words before numbers; the second line of an end is about money."""
    match job.state:
        case JobState.QUEUED:
            return [_checking(view.mended)]
        case JobState.READY:
            return [waiting_line(job, view)]
        case JobState.SUBMITTING:
            return _submitting(job, view.prices)
        case JobState.RENDERING:
            return _rendering(job, view)
        case JobState.RENDERED:
            return _posting(job, view.lacking)
        case JobState.DELIVERED:
            return [_done(job, view.prices), *_doubts(job, view.prices), *_removed(job)]
        case JobState.FAILED:
            return failure_lines(job, view.prices)
        case JobState.CANCELLED:
            return [f"Cancelled by <@{job.cancelled_by}>.", money_line(job, view.prices)]
        case unreachable:
            assert_never(unreachable)


def _checking(mended: Done | None) -> str:
    if mended is None:
        return "Checking your files"
    return f"Making your video fit: {mended.frames} of {mended.of} frames"


def waiting_line(job: Job, view: View) -> str:
    """Return where a job that waits stands: its place if it is near or exactness is wanted, else about how long.

    One that something keeps from its turn says so for as long as that lasts; then it stands in line like all others.
    """
    if job.failures and job.due_at > view.now:
        spent = "" if job.doubts else " Nothing is spent meanwhile."
        return f"Waiting: something I need is busy or out of reach. I keep trying.{spent}"
    return waiting_words(view.standing, exact=view.exact)


def waiting_words(standing: Standing | None, *, exact: bool = False) -> str:
    """Return a place in line. What is far off is rounded, so that a long line does not change all its cards."""
    if standing is None:
        return "Waiting"
    if standing.place > NEAR and not exact:
        return f"Waiting, about {roughly(standing.wait)}"
    place = "next in line" if standing.place == 1 else f"{ordinal(standing.place)} in line"
    return f"Waiting, {place}, about {duration(standing.wait)}"


def _submitting(job: Job, prices: Prices) -> list[str]:
    if job.ask is not Ask.UNCLEAR:
        line = "Making sure of it with Model Studio…" if job.settling else "Starting at Model Studio"
        return [line, "To be cancelled, if Model Studio has not begun."] if job.cancel_by else [line]
    return [
        "I was cut off while handing this to Model Studio, so I can't tell whether it was started there.",
        f"It may have cost up to {_most(job, prices)}. I keep looking: if it turns up, the video comes here by itself.",
        "Send it again (if it had begun, you pay twice), or stop here? Without an answer I stop after 24 hours.",
    ]


def _rendering(job: Job, view: View) -> list[str]:
    if job.task_started_at is None:
        line = "At Model Studio, waiting to be rendered"
    else:
        line = f"Rendering, {duration(max(0.0, view.now - job.task_started_at))} so far, usually {_usual(job, view)}"
    lines = [line, *_overdue(job, view)]
    if job.too_late:
        return [*lines, "It can't be stopped any more: Model Studio had begun. It will be delivered and charged."]
    return [*lines, "Asking Model Studio to stop…"] if job.cancel_by else lines


def _overdue(job: Job, view: View) -> list[str]:
    """After twice the usual time: that it is so, and what happens next."""
    estimate, seconds = view.estimate or DOCUMENTED[job.order.quality], job.video.seconds if job.video else 0.0
    if job.task_started_at is None or view.now - job.task_started_at <= 2 * estimate.usual(seconds):
        return []
    return [
        "This takes more than twice as long as usual. I keep looking, and post the video as soon as it is there.",
        "Model Studio gives up after three hours, and what fails costs nothing. Nothing is started a second time.",
    ]


def _usual(job: Job, view: View) -> str:
    estimate, seconds = view.estimate or DOCUMENTED[job.order.quality], job.video.seconds if job.video else 0.0
    usual, most = duration(estimate.usual(seconds)), duration(estimate.most(seconds))
    if not estimate.trusted or usual == most:
        return f"about {usual}"
    both_minutes = usual.endswith(" min") and most.endswith(" min") and "h" not in usual + most
    return f"{usual.removesuffix(' min')}–{most}" if both_minutes else f"{usual} to {most}"


def _posting(job: Job, lacking: Sequence[str] = ()) -> list[str]:
    if job.delivery.target is Target.KEPT:
        advice = "Invite me to the channel, or ask an admin whether uploads are off, full or limited"
        return [
            "The video is ready, but Slack let me post it nowhere: not here, and not in direct messages.",
            f"{advice}; then press Deliver again. I keep it for 7 days.",
        ]
    if job.failures and (missing := [scope for scope in lacking if scope in _TO_POST]):
        return [f"Posting the video. {missing_scopes(missing)} I keep trying, and keep it safe meanwhile."]
    if job.failures > 1:
        return ["Posting the video. Slack does not take it at the moment: I keep trying, and keep it safe meanwhile."]
    return ["Posting the video"]


def _removed(job: Job) -> list[str]:
    if job.delivery.removed_at is not None:
        return [f"The video was deleted by <@{job.delivery.removed_by}>."]
    return ["Deleting the video…"] if job.removing else []


def _done(job: Job, prices: Prices) -> str:
    seconds = job.result.seconds if job.result else 0.0
    return (
        f"Done: {QUALITY[job.order.quality]} · {seconds:.1f} s · {_cost(job, prices)} · "
        f"took {duration((job.task_ended_at or job.due_at) - job.created_at)}"
    )


def failure_lines(job: Job, prices: Prices) -> list[str]:
    """Return what happened and what to do, whether it cost money, and then each problem found."""
    if job.failure is None:
        raise ValueError("a failed job has a failure")
    happened, advice = SENTENCES[job.failure.code]
    lines = [f"{happened} {advice}", money_line(job, prices)]
    return lines + [f"• {problem(found)}" for found in job.failure.problems]


def money_line(job: Job, prices: Prices) -> str:
    """Return what is known about money, and nothing more."""
    match job.spent:
        case Spent.NOTHING if job.doubts:
            line = "This attempt cost nothing."
        case Spent.NOTHING:
            line = "It cost nothing."
        case Spent.MAYBE:
            line = f"It may have cost up to {_most(job, prices)}."
        case Spent.YES:
            line = f"It cost {_cost(job, prices)}."
        case unreachable:
            assert_never(unreachable)
    return " ".join([line, *_doubts(job, prices)])


def money_so_far(job: Job, prices: Prices) -> str:
    """Return the same of a job that may still spend something."""
    if job.final or job.doubts or job.spent is not Spent.NOTHING:
        return money_line(job, prices)
    return f"Nothing yet, about {_most(job, prices)} if it works." if job.video else "Nothing yet."


def _doubts(job: Job, prices: Prices) -> list[str]:
    if not job.doubts:
        return []
    more = price(prices, job.doubts * _amount(job, prices, job.video.seconds if job.video else 30.0))
    return [f"What was sent before may have cost up to {more} more."]


def told(job: Job, prices: Prices) -> Message:
    """Return the reply that tells the requester of a failure."""
    lines = failure_lines(job, prices)
    blocks = _to_requester(job, lines)
    if job.failure and job.failure.detail:
        details = f"Details: {clean(job.failure.detail, 300)} · job {job.id}"
        blocks.append({"type": "context", "elements": [plain(details)]})
    return Message(f"<@{job.place.user}> {escape(lines[0])} {lines[1]}", blocks)


def question(job: Job) -> str:
    """Return which question to its requester the job waits with, or nothing. Each has a word of its own."""
    if job.ask is not None:
        return f"{job.ask} {job.epoch}"
    return "kept" if job.state is JobState.RENDERED and job.delivery.target is Target.KEPT else ""


def called(job: Job, prices: Prices) -> Message:
    """Return the reply that calls the requester to decide, on the card."""
    lines = [*(_posting(job) if job.ask is None else _submitting(job, prices)), "The buttons are on the job's card."]
    return Message(f"<@{job.place.user}> {escape(lines[0])}", _to_requester(job, lines))


def _to_requester(job: Job, lines: Sequence[str]) -> list[dict[str, Any]]:
    """The lines under a mention, which plain text can't hold."""
    return [section(f"<@{job.place.user}>"), {"type": "section", "text": plain(fitting(lines))}]


def comment(job: Job, prices: Prices) -> str:
    """Return the words beside the finished video."""
    seconds = job.result.seconds if job.result else 0.0
    return (
        f"<@{job.place.user}> your video is ready: {VERB[job.order.kind].lower()} · {QUALITY[job.order.quality]} · "
        f"{seconds:.1f} s · {_cost(job, prices)}. AI-generated."
    )


def title(job: Job) -> str:
    """Return the finished file's title."""
    return f"{VERB[job.order.kind]} {job.id}"


def pointer(job: Job, permalink: str, prices: Prices) -> Message:
    """Return the message that brings the video as a link, where its share never appeared."""
    return Message(f"{comment(job, prices)} <{permalink}|Open the video>")


def _facts(job: Job, view: View) -> list[str]:
    names = " + ".join(clean(file.name, 60) or "file" for file in (job.order.image, job.order.video))
    parts = [names, *filter(None, [asked(job.order)])]
    if job.video and not job.final:
        parts.append(
            f"{job.video.seconds:.1f} s, about {price(view.prices, _amount(job, view.prices, job.video.seconds))}"
        )
    parts += [f"job {job.id}", *([f"follows job {job.parent}"] if job.parent else [])]
    lines = [" · ".join(parts)]
    if done := mending_line(job):
        lines.append(f"Made to fit. {done}")
    if job.state is JobState.DELIVERED and job.result and job.result.media:
        lines.append(f"Video: {details(job.result.media)}")
    return lines


def _amount(job: Job, prices: Prices, seconds: float) -> float:
    return prices.of(job.order.kind, job.order.quality, seconds)


def _cost(job: Job, prices: Prices) -> str:
    return price(prices, _amount(job, prices, job.result.seconds if job.result else 0.0))


def _most(job: Job, prices: Prices) -> str:
    return price(prices, _amount(job, prices, job.video.seconds if job.video else 30.0))


def _more(job: Job, prices: Prices) -> str:
    """Return what another render of the same may cost: in pro after a delivered one."""
    seconds = job.result.seconds if job.result else job.video.seconds if job.video else 30.0
    quality = Quality.PRO if job.state is JobState.DELIVERED else job.order.quality
    return f"up to {price(prices, prices.of(job.order.kind, quality, seconds))}"
