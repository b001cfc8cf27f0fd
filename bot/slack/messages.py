"""Every sentence the bot says, as data from pure functions. People's words and names are shown as plain text only."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from bot.estimate import DOCUMENTED
from bot.job import Ask, Job, JobState, Kind, Quality, Role, Spent, Target
from bot.media.limits import MB, MENDABLE
from bot.slack.failures import SENTENCES, problem
from bot.slack.mending import asked, details, mending_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.estimate import Estimate
    from bot.progress import Done
    from bot.queue import Prices, Standing

SIGNS = {"USD": "$", "CNY": "¥"}
VERB = {Kind.ANIMATE: "Animate", Kind.SWAP: "Swap"}
QUALITY = {Quality.STANDARD: "standard", Quality.PRO: "pro"}

CANCEL, SEND_AGAIN, STOP_HERE, DELIVER_AGAIN = "job_cancel", "job_send_again", "job_stop_here", "job_deliver_again"
ACTIONS = (CANCEL, SEND_AGAIN, STOP_HERE, DELIVER_AGAIN)


@dataclass(frozen=True, slots=True)
class Message:
    """What one message says: blocks for the eye, ``text`` for notifications and screen readers."""

    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a card shows beside its job."""

    now: float
    prices: Prices
    standing: Standing | None = None
    estimate: Estimate | None = None
    mended: Done | None = None  # how far the video is that is being made to fit


def card(job: Job, view: View) -> Message:
    """Return the job's one message as it should read now."""
    title = f"*{VERB[job.order.kind]}* · {QUALITY[job.order.quality]} · for <@{job.place.user}>"
    lines = status_lines(job, view)
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": title}},
        {"type": "section", "text": _plain("\n".join(lines))},
        {"type": "context", "elements": [_plain(line) for line in _facts(job, view)]},
    ]
    if job.state is JobState.CANCELLED:
        blocks[1] = {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)}}
    if buttons := _buttons(job):
        blocks.append({"type": "actions", "block_id": f"{job.id}-{job.ask or job.state}", "elements": buttons})
    return Message(f"{VERB[job.order.kind]}: {lines[0]}", blocks)


def status_lines(job: Job, view: View) -> list[str]:
    """Return where the job stands, in words before numbers; the second line of an end is about money."""
    match job.state:
        case JobState.QUEUED:
            return [_checking(view.mended)]
        case JobState.READY:
            return [_waiting(job, view.standing)]
        case JobState.SUBMITTING:
            return _submitting(job, view.prices)
        case JobState.RENDERING:
            return _rendering(job, view)
        case JobState.RENDERED:
            return _posting(job)
        case JobState.DELIVERED:
            return [_done(job, view.prices), *_doubts(job, view.prices)]
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


def _waiting(job: Job, standing: Standing | None) -> str:
    if job.failures:
        return "Waiting: Model Studio is busy or out of reach. I keep trying, nothing is spent meanwhile."
    if standing is None:
        return "Waiting"
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
    if job.too_late:
        return [line, "It can't be stopped any more: Model Studio had begun. It will be delivered and charged."]
    return [line, "Asking Model Studio to stop…"] if job.cancel_by else [line]


def _usual(job: Job, view: View) -> str:
    estimate, seconds = view.estimate or DOCUMENTED[job.order.quality], job.video.seconds if job.video else 0.0
    usual, most = duration(estimate.usual(seconds)), duration(estimate.most(seconds))
    if not estimate.trusted or usual == most:
        return f"about {usual}"
    both_minutes = usual.endswith(" min") and most.endswith(" min") and "h" not in usual + most
    return f"{usual.removesuffix(' min')}–{most}" if both_minutes else f"{usual} to {most}"


def _posting(job: Job) -> list[str]:
    if job.delivery.target is Target.KEPT:
        return [
            "The video is ready, but I found no place where I may post it.",
            "Invite me to the channel (or allow uploads) and press Deliver again. I keep it for 7 days.",
        ]
    return ["Posting the video"]


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
        case Spent.NOTHING:
            line = "It cost nothing."
        case Spent.MAYBE:
            line = f"It may have cost up to {_most(job, prices)}."
        case Spent.YES:
            line = f"It cost {_cost(job, prices)}."
        case unreachable:
            assert_never(unreachable)
    return " ".join([line, *_doubts(job, prices)])


def _doubts(job: Job, prices: Prices) -> list[str]:
    if not job.doubts:
        return []
    more = price(prices, job.doubts * _amount(job, prices, job.video.seconds if job.video else 30.0))
    return [f"What was sent before may have cost up to {more} more."]


def told(job: Job, prices: Prices) -> Message:
    """Return the reply that tells the requester of a failure."""
    lines = failure_lines(job, prices)
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"<@{job.place.user}>"}},
        {"type": "section", "text": _plain("\n".join(lines))},
    ]
    if job.failure and job.failure.detail:
        details = f"Details: {clean(job.failure.detail, 300)} · job {job.id}"
        blocks.append({"type": "context", "elements": [_plain(details)]})
    return Message(f"<@{job.place.user}> {escape(lines[0])} {lines[1]}", blocks)


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


def moved_to_direct() -> str:
    """Return the private answer when the card could not be posted where the job was asked for."""
    return (
        "I can't post in this channel, so I'll keep you posted in our direct messages. To get it here, invite me first."
    )


def _facts(job: Job, view: View) -> list[str]:
    names = " + ".join(clean(file.name, 60) or "file" for file in (job.order.image, job.order.video))
    parts = [names, *filter(None, [asked(job.order)])]
    if job.video and not job.final:
        parts.append(
            f"{job.video.seconds:.1f} s, about {price(view.prices, _amount(job, view.prices, job.video.seconds))}"
        )
    lines = [" · ".join([*parts, f"job {job.id}"])]
    if done := mending_line(job):
        lines.append(f"Made to fit. {done}")
    if job.state is JobState.DELIVERED and job.result and job.result.media:
        lines.append(f"Details: {details(job.result.media)}")
    return lines


def _amount(job: Job, prices: Prices, seconds: float) -> float:
    return prices.of(job.order.kind, job.order.quality, seconds)


def _cost(job: Job, prices: Prices) -> str:
    return price(prices, _amount(job, prices, job.result.seconds if job.result else 0.0))


def _most(job: Job, prices: Prices) -> str:
    return price(prices, _amount(job, prices, job.video.seconds if job.video else 30.0))


def _buttons(job: Job) -> list[dict[str, Any]]:
    if job.ask is Ask.UNCLEAR:
        again = _confirm("Send it again?", "If the first one had begun after all, you pay for both.", "Send again")
        return [_button(SEND_AGAIN, "Send it again", job, confirm=again), _button(STOP_HERE, "Stop here", job)]
    if job.state is JobState.RENDERED and job.delivery.target is Target.KEPT:
        return [_button(DELIVER_AGAIN, "Deliver again", job)]
    stoppable = {JobState.QUEUED, JobState.READY, JobState.SUBMITTING, JobState.RENDERING}
    if job.state not in stoppable or job.cancel_by:
        return []
    if job.state in {JobState.QUEUED, JobState.READY}:
        return [_button(CANCEL, "Cancel", job)]
    words = "What Model Studio has begun can't be stopped: then the video is delivered and charged all the same."
    return [_button(CANCEL, "Cancel", job, confirm=_confirm("Cancel this?", words, "Try to cancel"))]


def _button(action: str, text: str, job: Job, *, confirm: dict[str, Any] | None = None) -> dict[str, Any]:
    button = {"type": "button", "action_id": action, "text": _plain(text), "value": job.id}
    return button | ({"confirm": confirm} if confirm else {})


def _confirm(title: str, text: str, yes: str) -> dict[str, Any]:
    return {"title": _plain(title), "text": _plain(text), "confirm": _plain(yes), "deny": _plain("Back")}


def help_text(prices: Prices) -> str:
    """Return the private answer to ``help``."""
    rates = {kind: " / ".join(price(prices, prices.of(kind, quality, 1.0)) for quality in Quality) for kind in Kind}
    return "\n".join(
        [
            "*`/animate`*: your picture moves like the person in a video; the background is the picture's.",
            "*`/swap`*: your character takes the place of the person in a video; the scene is the video's.",
            f"Price of a second (standard / pro): animate {rates[Kind.ANIMATE]}, swap {rates[Kind.SWAP]}.",
            "Both open a form for the two files, with one person each, seen from the front, whole face visible.",
            f"Picture: {_taken(Role.IMAGE)}. Video: {_taken(Role.VIDEO)}; of a long one I use 30 s, of your choice.",
            "What does not fit (turned, too big, another format) I make fit, and show you before it is rendered.",
            "Rendering takes about half a minute for each second of video, one job at a time.",
            "`/animate jobs` your jobs · `/animate status ID` where one stands · `/animate cancel ID` stop one.",
        ]
    )


def _taken(role: Role) -> str:
    return f"{MENDABLE[role].formats_text}, up to {MENDABLE[role].size // MB} MB"


def jobs_text(jobs: Sequence[tuple[Job, View]]) -> str:
    """Return the private answer to ``jobs``: newest first."""
    if not jobs:
        return "You have no jobs yet. Start one with `/animate` or `/swap`."
    return "\n".join(f"`{job.id}` {VERB[job.order.kind]}: {status_lines(job, view)[0]}" for job, view in jobs)


def status_text(job: Job, view: View) -> str:
    """Return the private answer to ``status`` with an id."""
    return "\n".join([f"`{job.id}` {VERB[job.order.kind]} · {QUALITY[job.order.quality]}", *status_lines(job, view)])


def queue_text(waiting: int, under_way: int) -> str:
    """Return the private answer to ``status`` without an id."""
    return f"{waiting} waiting, {under_way} at Model Studio. `/animate status ID` tells where one of yours stands."


def cancelled_text(job: Job) -> str:
    """Return the private answer to a cancellation, true for the state the job is in now."""
    if job.state is JobState.CANCELLED:
        return f"Job `{job.id}` is cancelled."
    if job.state is JobState.DELIVERED:
        return f"Job `{job.id}` is done already: its video was posted."
    if job.state is JobState.FAILED:
        return f"Job `{job.id}` has ended already."
    if job.state is JobState.RENDERED or job.too_late:
        return f"Job `{job.id}` can't be stopped any more: the video is being made or made, and charged."
    return f"I'm asking Model Studio to stop job `{job.id}`; the card will say whether it was in time."


UNKNOWN_JOB = "I know no job of yours with that id. `/animate jobs` lists yours."
NOT_YOURS = "Only the person who started this job can do that."
WHICH_JOB = "Which one? Add its id, as in `/animate cancel J…`. `/animate jobs` lists yours."
NOT_OPENED = "I couldn't open the form in time. Nothing was started; please try again."
NOT_STORED = "I can't store anything at the moment, so nothing was started and nothing was spent. Try again in a while."
TOO_OLD = "That button no longer fits: the job has moved on. Its card says where it stands."


def unusable(files: int) -> str:
    """Return what the form says of named files that this person can't use here, or nothing if there are none."""
    if not files:
        return ""
    which = "One of the files you named" if files == 1 else f"{files} of the files you named"
    return f"{which} can't be used here: it must stand in this conversation, where I can see it. Or upload it below."


def missing_scope(scope: str) -> str:
    """Return the private answer when the app was not given a permission that it needs."""
    return (
        f"Slack does not let me open the form: the app lacks the scope `{escape(scope)}`. An admin of this workspace "
        "must add it and re-install the app. Nothing was started."
    )


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} s"
    minutes = round(seconds / 60) or 1
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ordinal(number: int) -> str:
    """Return the number as a place in line: 1st, 2nd, 3rd."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def price(prices: Prices, amount: float) -> str:
    """Return an amount of money, rounded up so that nobody pays more than was said."""
    return f"{SIGNS.get(prices.currency, prices.currency + ' ')}{math.ceil(amount * 100 - 1e-6) / 100:.2f}"


def clean(text: str, most: int) -> str:
    """Return somebody's words without what steers a line: control characters, direction marks, line ends."""
    kept = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    kept = " ".join("".join(char for char in kept if unicodedata.category(char) != "Cf").split())
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def escape(text: str) -> str:
    """Return text that Slack shows as it is written, where plain text can't be asked for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}  # a file may be called :poop:
