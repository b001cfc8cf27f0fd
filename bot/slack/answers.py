"""What the bot answers to one person in private: help, lists, places, refusals. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.job import Job, JobState, Kind, Quality, Role
from bot.media.limits import MB, MENDABLE
from bot.slack.messages import status_lines
from bot.slack.phrases import QUALITY, VERB, duration, escape, ordinal, price

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.queue import Line, Prices
    from bot.slack.messages import View

UNKNOWN_JOB = "I know no job of yours with that id. `/animate jobs` lists yours."
NOT_YOURS = "Only the person who started this job can do that."
WHICH_JOB = "Which one? Add its id, as in `/animate cancel J…`. `/animate jobs` lists yours."
NOT_OPENED = "I couldn't open the form in time. Nothing was started; please try again."
NOT_STORED = "I can't store anything at the moment, so nothing was started and nothing was spent. Try again in a while."
NOT_DELETED = "Slack didn't let me delete the video just now. It is still there; please press Delete again in a while."
TOO_OLD = "That button no longer fits: the job has moved on. Its card says where it stands."
_TEXT_MOST = 3900  # Slack cuts a message's text at 4,000 characters


@dataclass(frozen=True, slots=True)
class Listed:
    """A job in a person's list, with a link to its card, if there is one."""

    job: Job
    view: View
    link: str | None


def help_text(prices: Prices) -> str:
    """Return the private answer to ``help``."""
    rates = {kind: " / ".join(price(prices, prices.of(kind, quality, 1.0)) for quality in Quality) for kind in Kind}
    return "\n".join(
        [
            "*`/animate`*: your picture moves like the person in a video; the background is the picture's.",
            "*`/swap`*: your character takes the place of the person in a video; the scene is the video's.",
            "Both open a form for the two files. For example: `/animate`, or `/swap pro 5s` for five seconds in pro.",
            "Or choose *Animate with this* or *Swap with this* in a message's menu, or mention me beside two files.",
            f"Picture: {_taken(Role.IMAGE)}. Video: {_taken(Role.VIDEO)}; of a long one I use 30 s, of your choice.",
            "What does not fit (turned, too big, another format) I make fit, and show you before it is rendered.",
            "Best: one person each, face visible, both sharp, framed alike (full or half figure), with like proportions.",
            f"Price of a second (standard / pro): animate {rates[Kind.ANIMATE]}, swap {rates[Kind.SWAP]}.",
            "Rendering takes about half a minute for each second of video, one job at a time.",
            "`/animate jobs` your jobs · `/animate status` the line · `/animate status ID` one job in it",
            "`/animate cancel ID` stops one, `/animate help` says this.",
        ]
    )


def _taken(role: Role) -> str:
    return f"{MENDABLE[role].formats_text}, up to {MENDABLE[role].size // MB} MB"


def jobs_text(jobs: Sequence[Listed], *, page: int = 1, more: bool = False) -> str:
    """Return the private answer to ``jobs``: newest first, each with a link to its card."""
    if not jobs and page == 1:
        return "You have no jobs yet. Start one with `/animate` or `/swap`."
    lines = [_listed(each) for each in jobs] or ["That was all: there are no older jobs."]
    if more:
        lines.append(f"Older ones: `/animate jobs {page + 1}`")
    return "\n".join(lines)[:_TEXT_MOST]


def _listed(listed: Listed) -> str:
    job = listed.job
    name = f"`{job.id}`" if listed.link is None else f"<{listed.link}|{job.id}>"
    when = f"<!date^{int(job.created_at)}^{{date_short_pretty}} {{time}}|>"
    return f"{name} {when} {VERB[job.order.kind]}: {status_lines(job, listed.view)[0]}"


def status_text(job: Job, view: View) -> str:
    """Return the private answer to ``status`` with an id: its place in line exactly, however far back."""
    lines = status_lines(job, view)
    if view.standing is not None:
        place = view.standing.place
        before = "nobody is before it" if place == 1 else f"{ordinal(place)} in line"
        lines.append(f"Its place: {before}, about {duration(view.standing.wait)} until the video is there.")
    return "\n".join([f"`{job.id}` {VERB[job.order.kind]} · {QUALITY[job.order.quality]}", *lines])


def queue_text(lines: Mapping[Kind, Line]) -> str:
    """Return the private answer to ``status`` without an id."""
    said = [f"{VERB[kind]}: {_line(line)}" for kind, line in lines.items()]
    return "\n".join([*said, "`/animate status ID` tells where one of yours stands."])


def _line(line: Line) -> str:
    now = f"{line.under_way} at Model Studio, {line.waiting} waiting"
    if not line.wait:
        return f"{now}. A new job would start at once."
    return f"{now}. A new job would wait about {duration(line.wait)}."


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


def unknown_word(word: str, nearest: str | None) -> str:
    """Return what to say of a word that means nothing here, with the known one that is nearest to it."""
    said = f"I don't know the word “{escape(word)}”."
    if nearest is None:
        return f"{said} I know `help`, `jobs`, `status`, `cancel`, and for the form `pro` or a length such as `5s`."
    return f"{said} Did you mean `{nearest}`? `/animate help` tells all. Nothing was started."


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
