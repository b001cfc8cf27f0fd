"""The buttons on a card: which a job has in which state, and what they ask before they act. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.job import Ask, Job, JobState, Quality, Target
from bot.slack.phrases import plain, price

if TYPE_CHECKING:
    from bot.queue import Prices

CANCEL = "job_cancel"
SEND_AGAIN = "job_send_again"
STOP_HERE = "job_stop_here"
DELIVER_AGAIN = "job_deliver_again"
RETRY = "job_retry"
IN_PRO = "job_in_pro"
DELETE = "job_delete"
CHANGE = "job_change"
DETAILS = "job_details"

# What only the requester may do; anybody who sees a card may look at its details.
WISHES = (CANCEL, SEND_AGAIN, STOP_HERE, DELIVER_AGAIN, RETRY, IN_PRO, DELETE, CHANGE)


def buttons(job: Job, prices: Prices) -> list[dict[str, Any]]:
    """Return the card's buttons. Each carries the job's id and nothing else, so it is good for as long as the row."""
    return [*_wishes(job, prices), _button(DETAILS, "Details", job)]


def _wishes(job: Job, prices: Prices) -> list[dict[str, Any]]:
    if job.ask is Ask.UNCLEAR:
        again = _confirm("Send it again?", "If the first one had begun after all, you pay for both.", "Send again")
        return [_button(SEND_AGAIN, "Send it again", job, confirm=again), _button(STOP_HERE, "Stop here", job)]
    match job.state:
        case JobState.QUEUED | JobState.READY:
            return [_button(CANCEL, "Cancel", job)]
        case JobState.SUBMITTING | JobState.RENDERING:
            return [] if job.cancel_by else [_cancel_at_service(job)]
        case JobState.RENDERED:
            kept = job.delivery.target is Target.KEPT
            return [_button(DELIVER_AGAIN, "Deliver again", job)] if kept else []
        case JobState.DELIVERED:
            return _delivered(job, prices)
        case JobState.FAILED if job.retriable:
            return [_button(RETRY, "Retry", job), _button(CHANGE, "Again with changes", job)]
        case _:
            return [_button(CHANGE, "Again with changes", job)]


def _cancel_at_service(job: Job) -> dict[str, Any]:
    words = "What Model Studio has begun can't be stopped: then the video is delivered and charged all the same."
    return _button(CANCEL, "Cancel", job, confirm=_confirm("Cancel this?", words, "Try to cancel"))


def _delivered(job: Job, prices: Prices) -> list[dict[str, Any]]:
    found = [_button(CHANGE, "Again with changes", job)]
    if job.order.quality is Quality.STANDARD:
        cost = price(prices, prices.of(job.order.kind, Quality.PRO, job.video.seconds if job.video else 30.0))
        words = f"A second video from the same files, smoother, for about {cost}. This one stays."
        confirm = _confirm("Render in pro?", words, "Render in pro")
        found.append(_button(IN_PRO, "Render in pro", job, confirm=confirm))
    if job.delivery.deleted_by is None:
        words = "The video goes for everybody, and it was paid for. It can't be brought back."
        confirm = _confirm("Delete the video?", words, "Delete")
        found.append(_button(DELETE, "Delete", job, confirm=confirm | {"style": "danger"}))
    return found


def _button(action: str, text: str, job: Job, *, confirm: dict[str, Any] | None = None) -> dict[str, Any]:
    button = {"type": "button", "action_id": action, "text": plain(text), "value": job.id}
    return button | ({"confirm": confirm} if confirm else {})


def _confirm(title: str, text: str, yes: str) -> dict[str, Any]:
    return {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain("Back")}
