"""What is answered in private: to first words, to buttons, and when something can't be done. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.job import Job, JobState
from bot.media.limits import LIMITS, MB, MENDABLE
from bot.order import Kind, Quality, Role
from bot.slack.messages import View, money_line, status_lines
from bot.slack.wording import DIRECTLY, QUALITY, VERB, Handle, duration, ordinal, price, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.estimate import Estimates
    from bot.queue import Prices

NOT_YOURS = "Only the person who started this job can do that. Nothing was changed."
NOT_OPENED = "I couldn't open the form in time. Nothing was started; please try again."
NO_DETAILS = (
    f"I couldn't open the details in time; please press again. {DIRECTLY.says('status ID')} says where a job stands."
)
NOTHING_STARTED = "Nothing was started."
NOT_STORED = "I can't store anything at the moment, so nothing was started and nothing was spent. Try again in a while."
TOO_OLD = "That button no longer fits: the job has moved on. Its card says where it stands."
NOT_REMOVED = (
    "Slack does not let me delete the video, so it stays where it is. You can press Delete again later, or ask an "
    "admin of this workspace to delete the file."
)
MOVED_TO_DIRECT = (
    "I can't post in this channel, so I'll keep you posted in our direct messages. "
    "To get it here next time, invite me, unless the channel is archived or closed to apps."
)
REMOVING = "I'm deleting the video. Its card says when it is gone."
OTHERS_FILES = "The files of that job were uploaded by somebody else, for that job alone. Choose your own."

KNOWN = ("help", "jobs", "status", "cancel", "animate", "swap", "pro", "standard")
_SHORTEST, _LONGEST = LIMITS[Role.VIDEO].seconds or (0.0, 0.0)
_EXAMPLE_SECONDS = 5.0
_BEST = (
    "Best: one person in both, seen from the front, whole face visible; both framed alike (head and shoulders, or the "
    "whole body), of like proportions, sharp and well lit."
)
_FREE = "Input and failures are free."
_UNKNOWN_MOST = 3  # words that are named


def unknown_job(handle: Handle) -> str:
    """Return the answer to an id that is none of this person's."""
    return f"I know no job of yours with that id. {handle.says('jobs')} lists yours."


def which_job(handle: Handle) -> str:
    """Return the answer to ``cancel`` without an id."""
    return f"Which one? Add its id, as in {handle.says('cancel J…')}. {handle.says('jobs')} lists yours."


def help_text(prices: Prices, estimates: Estimates, handle: Handle) -> str:
    """Return the answer to ``help``: two examples, limits, price, time."""
    rates = {kind: " / ".join(price(prices, prices.of(kind, quality, 1.0)) for quality in Quality) for kind in Kind}
    times = " / ".join(f"about {duration(estimates[quality].usual(_EXAMPLE_SECONDS))}" for quality in Quality)
    costs = " / ".join(price(prices, prices.of(Kind.ANIMATE, quality, _EXAMPLE_SECONDS)) for quality in Quality)
    animate, swap = (handle.starts(kind) for kind in Kind)
    lines = [
        f"*{animate}*: your picture moves like the person in a video; the background is the picture's.",
        f"*{swap}*: your character takes the place of the person in a video; the scene is the video's.",
        _example(handle),
        "Example: mention me with `swap` in a thread that holds one picture and one video, and it starts at once.",
        "Or choose _Animate with this_ or _Swap with this_ in a message's ⋮ menu.",
        f"Picture: {_taken(Role.IMAGE)}.",
        f"Video: {_taken(Role.VIDEO)}, at least {_SHORTEST:g} s; of a long one I use {_LONGEST:g} s, of your choice.",
        "What does not fit (turned, too big, another format) I make fit, and show you before it is rendered.",
        _BEST,
        f"Price of a second (standard / pro): animate {rates[Kind.ANIMATE]}, swap {rates[Kind.SWAP]}. {_FREE}",
        f"Time (standard / pro): {_EXAMPLE_SECONDS:g} s of video take {times}, and cost {costs} with animate.",
        "Model Studio takes few jobs at a time. Turns go round the people who wait.",
        f"{handle.says('jobs')} your jobs · {handle.says('status')} the queue · {handle.says('status ID')} one job",
        f"{handle.says('cancel ID')} stops a job: free while it waits here.",
    ]
    return "\n".join(lines)


def _example(handle: Handle) -> str:
    if handle.command:
        return f"Example: {handle.says('pro 5s')} opens the form, filled in so."
    return f"Example: {handle.says('animate pro 5s')} with both files starts at once. Commands open a form: type `/`."


def _taken(role: Role) -> str:
    return f"{MENDABLE[role].formats_text}, up to {MENDABLE[role].size // MB} MB"


def jobs_text(jobs: Sequence[tuple[Job, View, str]], handle: Handle, *, page: int = 1, pages: int = 1) -> str:
    """Return the answer to ``jobs``: newest first, each with the address of its card (empty where it has none)."""
    if not jobs:
        starts = " or ".join(handle.starts(kind) for kind in Kind)
        return f"You have no jobs yet. Start one with {starts}." if page == 1 else _no_page(pages)
    lines = [
        f"{_named(job, link)} {VERB[job.order.kind]} · {QUALITY[job.order.quality]}: {_first_line(job, view)}"
        for job, view, link in jobs
    ]
    if pages > 1:
        older = f"; older ones: {handle.says(f'jobs {page + 1}')}" if page < pages else ""
        lines.append(f"Page {page} of {pages}{older}")
    return "\n".join(lines)


def _no_page(pages: int) -> str:
    return f"There are only {pages} pages of your jobs." if pages > 1 else "There is only one page of your jobs."


def _first_line(job: Job, view: View) -> str:
    return status_lines(job, view)[0]


def _named(job: Job, link: str) -> str:
    return f"<{link}|{job.id}>" if link else f"`{job.id}`"


def status_text(job: Job, view: View, link: str = "") -> str:
    """Return the answer to ``status`` with an id."""
    title = f"{_named(job, link)} {VERB[job.order.kind]} · {QUALITY[job.order.quality]}"
    return "\n".join([title, *status_lines(job, view)])


def queue_text(lines: Iterable[tuple[Kind, int, int, int | None]], handle: Handle) -> str:
    """Return the answer to ``status`` without an id.

    Of each line: how many wait, how many are at the service, and which place the asker's first job has, if any.
    """
    parts = []
    for kind, waiting, under_way, mine in lines:
        own = f", your next job is {'next' if mine == 1 else ordinal(mine)}" if mine is not None else ""
        parts.append(f"{VERB[kind]}: {waiting} waiting, {under_way} at Model Studio{own}.")
    parts.append(f"{handle.says('status ID')} tells where one of yours stands, {handle.says('jobs')} lists them.")
    return "\n".join(parts)


def cancelled_text(job: Job, prices: Prices) -> str:
    """Return the answer to a cancellation, true for the state the job is in now."""
    if job.state is JobState.CANCELLED:
        return f"Job `{job.id}` is cancelled. {money_line(job, prices)}"
    if job.state is JobState.DELIVERED:
        return f"Job `{job.id}` is done already: its video was posted. {money_line(job, prices)}"
    if job.state is JobState.FAILED:
        return f"Job `{job.id}` has ended already. {money_line(job, prices)}"
    if job.state is JobState.RENDERED or job.too_late:
        return f"Job `{job.id}` can't be stopped any more. It will be delivered and charged."
    return (
        f"I'm asking Model Studio to stop job `{job.id}`. If it has not begun there, nothing is spent; if it has, it "
        "can't be stopped and is charged. The card will say which."
    )


def followed_text(job: Job) -> str:
    """Return the answer to a button that starts a new job, pressed once or twice."""
    return f"Job `{job.id}` does it; its card says where it stands."


def unknown_text(unknown: Sequence[str], nearest: str | None) -> str:
    """Return the answer to words that mean nothing here, with the nearest one that does."""
    named = ", ".join(f"“{words(word, 40)}”" for word in unknown[:_UNKNOWN_MOST])
    guess = f" Did you mean `{nearest}`?" if nearest else ""
    return (
        f"I don't know {named}.{guess} I know `help`, `jobs`, `status`, `cancel`; and for the form `animate`, `swap`, "
        "`pro`, `standard`, a length such as `5s`, a part such as `0:03-0:08` and links to files."
    )


def wrong_length(beyond: Sequence[str]) -> str:
    """Return what to say of lengths that can't be had, with the limit; nothing if there are none."""
    if not beyond:
        return ""
    named = ", ".join(f"“{words(word, 40)}”" for word in beyond[:_UNKNOWN_MOST])
    return f"{named} can't be: what I use of a video is {_SHORTEST:g} to {_LONGEST:g} seconds long."


def other_form(kind: Kind) -> str:
    """Return what the form says that one command's word opened by way of the other command."""
    return f"You wrote “{kind}”, so this is the form of {VERB[kind]}."


def unusable(files: int) -> str:
    """Return what the form says of named files that this person can't use here, or nothing if there are none."""
    if not files:
        return ""
    if files == 1:
        which, must, them = "One of the files you named", "it must", "it"
    else:
        which, must, them = f"{files} of the files you named", "they must", "them"
    return f"{which} can't be used here: {must} stand in this conversation, where I can see {them}."


def nowhere(job_id: str) -> str:
    """Return the answer when the card could be posted nowhere at all, neither there nor in direct messages."""
    return (
        f"I can post neither in this channel nor in our direct messages, so job {job_id} has no card yet. It goes on "
        "all the same: invite me to this channel and the card appears there by itself, within minutes; I keep the "
        f"video for 7 days. `status {job_id}` after the command says where it stands, `cancel {job_id}` stops it."
    )
