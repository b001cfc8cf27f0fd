"""What the buttons on a card do. Each carries a job's id and nothing else, so it works after restarts, for weeks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import RemoteError, SpoolFull, StoreUnavailable
from bot.intake import Denied
from bot.order import Kind
from bot.slack import answers, controls, details, invitations, modal, scopes
from bot.slack.forms import OPEN_SECONDS
from bot.slack.offers import Prefill
from bot.slack.wording import DIRECTLY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.intake import Intake
    from bot.job import Job
    from bot.order import Place
    from bot.slack.afterwards import Afterwards
    from bot.slack.card import Cards
    from bot.slack.client import SlackClient
    from bot.slack.forms import Forms
    from bot.store import Store

log = structlog.get_logger(__name__)

# What shows something and changes nothing about the job is for everybody who sees its card.
FOR_ALL = frozenset({controls.DETAILS, controls.AGAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press: by whom, on which job's button, and how to answer."""

    action: str
    job_id: str
    team: str
    user: str
    channel: str
    trigger: str
    response_url: str | None
    stranger: bool

    @classmethod
    def of(cls, body: Mapping[str, Any], action: Mapping[str, Any]) -> Press:
        """Return what Slack's payload says."""
        channel = body.get("channel") or {}
        return cls(
            action=action["action_id"],
            job_id=str(action.get("value") or ""),
            team=body["team"]["id"],
            user=body["user"]["id"],
            channel=str(channel.get("id") or ""),
            trigger=str(body.get("trigger_id") or ""),
            response_url=body.get("response_url"),
            stranger=invitations.is_stranger(body),
        )


class Buttons:
    """Does what they say; whatever is to be answered is said to the presser in private."""

    def __init__(
        self, *, client: SlackClient, intake: Intake, store: Store, cards: Cards, forms: Forms, afterwards: Afterwards
    ) -> None:
        self._client = client
        self._intake = intake
        self._store = store
        self._cards = cards
        self._forms = forms
        self._afterwards = afterwards
        self._wishes: Mapping[str, Callable[[Job, Press], Awaitable[str | None]]] = {
            controls.CANCEL: self._cancel,
            controls.SEND_AGAIN: self._send_again,
            controls.STOP_HERE: self._stop_here,
            controls.DELIVER_AGAIN: self._deliver_again,
            controls.RETRY: self._retry,
            controls.PRO: self._pro,
            controls.DELETE: self._delete,
            controls.AGAIN: self._again,
            controls.DETAILS: self._details,
        }

    def register(self, app: AsyncApp) -> None:
        """Attach the listeners to the app."""
        for action in controls.ACTIONS:
            app.action(action)(self.pressed)

    async def pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        """Do what the button says. Acknowledged means stored."""
        press = Press.of(body, action)
        try:
            text = await self._press(press)
        except (SpoolFull, StoreUnavailable):
            log.exception("a button's wish could not be stored", job=press.job_id)
            text = answers.NOT_STORED
        await ack()
        if text:
            self._afterwards.start(self._forms.tell(_origin(press), press.user, text))

    async def _press(self, press: Press) -> str | None:
        if press.stranger:
            return invitations.STRANGER
        job = await self._intake.find(press.job_id, team=press.team, user=press.user)
        if job is Denied.NOT_YOURS and press.action in FOR_ALL:
            job = await self._store.jobs.get(press.job_id)
        if isinstance(job, Denied):
            return answers.NOT_YOURS if job is Denied.NOT_YOURS else answers.unknown_job(DIRECTLY)
        return await self._wishes[press.action](job, press)

    async def _cancel(self, job: Job, press: Press) -> str:
        return answers.cancelled_text(await self._intake.cancel(job, by=press.user), self._cards.prices)

    async def _send_again(self, job: Job, press: Press) -> str | None:
        return _refusal(await self._intake.send_again(job, by=press.user))

    async def _stop_here(self, job: Job, press: Press) -> str | None:
        return _refusal(await self._intake.stop_here(job, by=press.user))

    async def _deliver_again(self, job: Job, press: Press) -> str | None:
        return _refusal(await self._intake.deliver_again(job, by=press.user))

    async def _retry(self, job: Job, press: Press) -> str:
        if refusal := await scopes.refusal(self._client):
            return refusal
        return _followed(await self._intake.retry(job, await self._place(job, press)))

    async def _pro(self, job: Job, press: Press) -> str:
        if refusal := await scopes.refusal(self._client):
            return refusal
        return _followed(await self._intake.in_pro(job, await self._place(job, press)))

    async def _delete(self, job: Job, press: Press) -> str:
        return _refusal(await self._intake.remove(job, by=press.user)) or answers.REMOVING

    async def _again(self, job: Job, press: Press) -> None:
        """Open the form as the job was ordered. Files that somebody uploaded for their own job are theirs."""
        prefill = Prefill.of(job.order)
        if press.user != job.place.user and any(offer.own for offer in prefill.offers):
            offers = tuple(offer for offer in prefill.offers if not offer.own)
            prefill = replace(prefill, offers=offers, note=answers.OTHERS_FILES)
        place = await self._place(job, press)
        origin = modal.Origin(
            job.order.kind, place.channel, thread=place.thread, response_url=press.response_url, parent=job.id
        )
        self._afterwards.start(self._forms.open(press.trigger, origin, user=press.user, prefill=prefill))

    async def _details(self, job: Job, press: Press) -> None:
        view = details.view(job, await self._store.jobs.events(job.id), self._cards.prices)
        self._afterwards.start(self._show(view, press))

    async def _show(self, view: Mapping[str, Any], press: Press) -> None:
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._client.call("views.open", trigger_id=press.trigger, view=view)
        except (RemoteError, TimeoutError) as error:
            log.warning("the details did not open", reason=str(error))
            await self._forms.tell(_origin(press), press.user, answers.NO_DETAILS)

    async def _place(self, job: Job, press: Press) -> Place:
        """Return where what follows a job is answered: in its thread, which is its card's if it had none."""
        card = await self._store.cards.get(job.id)
        own = card.ts if card is not None and not card.direct else None
        return replace(job.place, thread=job.place.thread or own, response_url=press.response_url)


def _refusal(result: Job | Denied) -> str | None:
    return answers.TOO_OLD if isinstance(result, Denied) else None


def _followed(result: Job | Denied) -> str:
    return answers.TOO_OLD if isinstance(result, Denied) else answers.followed_text(result)


def _origin(press: Press) -> modal.Origin:
    """A press has no form of its own; what is said about it goes where a form's words would go."""
    return modal.Origin(Kind.ANIMATE, press.channel, response_url=press.response_url)
