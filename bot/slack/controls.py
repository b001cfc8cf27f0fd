"""The buttons on a card: which ones stand there when, and what they ask before they act. Pure.

A button carries its job's id and nothing else: whatever it needs is looked up when it is pressed, weeks later as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.failure import Spent
from bot.intake import may_render_in_pro, may_retry
from bot.job import Ask, JobState, Target
from bot.slack.wording import plain

if TYPE_CHECKING:
    from bot.job import Job

CANCEL, SEND_AGAIN, STOP_HERE, DELIVER_AGAIN = "job_cancel", "job_send_again", "job_stop_here", "job_deliver_again"
AGAIN, PRO, RETRY, DETAILS, DELETE = "job_again", "job_pro", "job_retry", "job_details", "job_delete"
ACTIONS = (CANCEL, SEND_AGAIN, STOP_HERE, DELIVER_AGAIN, AGAIN, PRO, RETRY, DETAILS, DELETE)

_FREE_TO_STOP = frozenset({JobState.QUEUED, JobState.READY})
_HARD_TO_STOP = frozenset({JobState.SUBMITTING, JobState.RENDERING})


def buttons(job: Job, more: str = "") -> list[dict[str, Any]]:
    """Return the buttons that make sense on the job's card now. ``more`` is what another render may cost."""
    return [*_decisions(job), *_afterwards(job, more), _button(DETAILS, "Details", job), *_delete(job)]


def _decisions(job: Job) -> list[dict[str, Any]]:
    """What can be decided while the job is under way."""
    if job.ask is Ask.UNCLEAR:
        risk = _confirm("Send it again?", "If the first one had begun after all, you pay for both.", "Send again")
        return [_button(SEND_AGAIN, "Send it again", job, confirm=risk), _button(STOP_HERE, "Stop here", job)]
    if job.state is JobState.RENDERED and job.delivery.target is Target.KEPT:
        return [_button(DELIVER_AGAIN, "Deliver again", job)]
    if job.state in _FREE_TO_STOP:
        return [_button(CANCEL, "Cancel", job)]
    if job.state in _HARD_TO_STOP and not job.cancel_by:
        text = "What Model Studio has begun can't be stopped: then the video is delivered and charged all the same."
        return [_button(CANCEL, "Cancel", job, confirm=_confirm("Cancel this?", text, "Try to cancel"))]
    return []


def _afterwards(job: Job, more: str) -> list[dict[str, Any]]:
    """What can be asked for once the job has ended."""
    found = []
    if may_retry(job):
        risk = None
        if job.spent is not Spent.NOTHING:
            risk = _confirm("Retry?", f"A retry is a new job, and costs {more or 'its price'} if it works.", "Retry")
        found.append(_button(RETRY, "Retry", job, confirm=risk))
    if job.final:
        found.append(_button(AGAIN, "Again with changes", job))
    if may_render_in_pro(job):
        text = f"The same files once more in pro, as a new job. It costs {more or 'the price of pro'}."
        found.append(_button(PRO, "Render in pro", job, confirm=_confirm("Render in pro?", text, "Render")))
    return found


def _delete(job: Job) -> list[dict[str, Any]]:
    if job.state is not JobState.DELIVERED or job.delivery.removed_by is not None:
        return []
    text = "The posted video is deleted for everybody and can't be brought back. What it cost stays spent."
    return [_button(DELETE, "Delete", job, confirm=_confirm("Delete the video?", text, "Delete"))]


def _button(action: str, text: str, job: Job, *, confirm: dict[str, Any] | None = None) -> dict[str, Any]:
    button = {"type": "button", "action_id": action, "text": plain(text), "value": job.id}
    return button | ({"confirm": confirm} if confirm else {})


def _confirm(title: str, text: str, yes: str) -> dict[str, Any]:
    return {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain("Back")}
