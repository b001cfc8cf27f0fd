"""A card's buttons, pressed: the job is looked up by its id, however old the card is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import RemoteError, StoreUnavailable
from bot.intake import Denied
from bot.slack import actions, answers, details, modal
from bot.slack.client import SlackRefusal
from bot.slack.offers import Prefill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.intake import Intake
    from bot.job import Job
    from bot.queue import Prices
    from bot.slack.afterwards import Afterwards
    from bot.slack.client import SlackClient
    from bot.slack.forms import Forms
    from bot.store import Store

log = structlog.get_logger(__name__)

# What Slack says of a file that is not there: somebody was quicker, and what was wished is so.
_GONE = frozenset({"file_not_found", "file_deleted"})


class Buttons:
    """Does what is pressed, for who may; whoever may not is told so in private."""

    def __init__(
        self,
        *,
        client: SlackClient,
        intake: Intake,
        store: Store,
        forms: Forms,
        afterwards: Afterwards,
        prices: Prices,
    ) -> None:
        self._client = client
        self._intake = intake
        self._store = store
        self._forms = forms
        self._afterwards = afterwards
        self._prices = prices

    def register(self, app: AsyncApp) -> None:
        """Attach the buttons to the app."""
        for action in actions.WISHES:
            app.action(action)(self.pressed)
        app.action(actions.DETAILS)(self.details)

    async def pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        """Store what the requester wishes, then acknowledge; what only shows or asks follows."""
        try:
            text = await self._press(action["action_id"], action["value"], body)
        except StoreUnavailable:
            log.exception("a button's wish could not be stored", job=action["value"])
            text = answers.NOT_STORED
        await ack()
        self._say(body, text)

    async def _press(self, action: str, job_id: str, body: Mapping[str, Any]) -> str | None:
        user = body["user"]["id"]
        job = await self._intake.find(job_id, team=body["team"]["id"], user=user)
        if isinstance(job, Denied):
            return answers.NOT_YOURS if job is Denied.NOT_YOURS else answers.UNKNOWN_JOB
        if action == actions.CANCEL:
            return answers.cancelled_text(await self._intake.cancel(job, by=user))
        if action == actions.CHANGE:
            self._afterwards.start(self._change(job, body))
            return None
        if action == actions.DELETE:
            self._afterwards.start(self._delete(job, body))
            return None
        wishes: Mapping[str, Callable[..., Awaitable[Job | Denied]]] = {
            actions.SEND_AGAIN: self._intake.send_again,
            actions.STOP_HERE: self._intake.stop_here,
            actions.DELIVER_AGAIN: self._intake.deliver_again,
            actions.RETRY: self._intake.retry,
            actions.IN_PRO: self._intake.in_pro,
        }
        done = await wishes[action](job, by=user)
        return answers.TOO_OLD if done is Denied.TOO_LATE else None

    async def _change(self, job: Job, body: Mapping[str, Any]) -> None:
        """Open the form as it was filled in for this job."""
        origin = modal.Origin(
            job.order.kind, job.place.channel, thread=job.place.thread, response_url=body.get("response_url")
        )
        prefill = Prefill.of(job.order)
        await self._forms.open(body["trigger_id"], origin, user=job.place.user, prefill=prefill)

    async def _delete(self, job: Job, body: Mapping[str, Any]) -> None:
        """Take the video away, then remember it: pressed again after a fault it does what is left to do."""
        if job.delivery.file is None or job.delivery.deleted_by is not None:
            self._say(body, answers.TOO_OLD)
            return
        try:
            await self._client.call("files.delete", file=job.delivery.file)
        except RemoteError as error:
            if not (isinstance(error, SlackRefusal) and error.code in _GONE):
                log.warning("a video was not deleted", job=job.id, reason=str(error))
                self._say(body, answers.NOT_DELETED)
                return
        await self._intake.deleted(job, by=job.place.user)

    async def details(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        """Show what is known of a job to anybody who sees its card."""
        self._afterwards.start(self._show(action["value"], body))
        await ack()

    async def _show(self, job_id: str, body: Mapping[str, Any]) -> None:
        job = await self._intake.seen(job_id, team=body["team"]["id"])
        if isinstance(job, Denied):
            self._say(body, answers.UNKNOWN_JOB)
            return
        window = details.view(job, await self._store.jobs.events(job.id), self._prices)
        await self._client.call("views.open", trigger_id=body["trigger_id"], view=window)

    def _say(self, body: Mapping[str, Any], text: str | None) -> None:
        if text and body.get("response_url"):
            self._afterwards.start(self._client.answer(body["response_url"], text))
