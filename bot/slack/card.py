"""The one message per job, edited in place, and the reply that tells of a failure.

Which revision a card shows is stored; that it must be shown again after a restart is read from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import RemoteError, StoreUnavailable, Unreachable
from bot.estimate import learn
from bot.job import JobState, Quality
from bot.progress import Progress
from bot.queue import in_order, standings
from bot.slack import messages
from bot.slack.client import CARD_EDITS, EDIT, POST, SlackRefusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.estimate import Estimates
    from bot.job import Job, Kind
    from bot.queue import Prices, Standing
    from bot.slack.client import SlackClient
    from bot.store import Card, Store

log = structlog.get_logger(__name__)

EDIT_SECONDS = 3.0  # Slack's advice for messages that show progress
LATER_MOST = 300.0  # after many failures in a row
AT_ONCE = 4  # cards in hand; one that Slack doesn't answer holds up no other
# Whoever waits behind the first few leaves this share of the edits to the others' cards.
NEXT_FEW = 3
SPARE = 0.5
REFRESH_SECONDS = 20.0  # how often what only time changes (elapsed, the line) is looked at again
# Slack's words for a place where the bot may not post.
UNWELCOME = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "cannot_reply_to_message",
        "thread_not_found",
        "message_limit_exceeded",
        "team_access_not_granted",
        "posting_to_channel_denied",
        "user_not_in_channel",
        "messages_tab_disabled",
        "cannot_dm_bot",
    }
)


@dataclass(frozen=True, slots=True)
class _Line:
    """One model's line at one moment."""

    at: float
    estimates: Estimates
    standings: Mapping[str, Standing]


class Cards:
    """Posts and edits cards: newest state wins, at most one edit in three seconds each, only when something changed.

    Edits that the workspace's budget has no room for are not queued: the card stays due, and shows what is true by
    then. Ends and questions come first, then what is under way, then those who wait, in their order.
    """

    def __init__(
        self,
        client: SlackClient,
        store: Store,
        *,
        prices: Prices,
        tasks_at_once: int,
        clock: Callable[[], float],
        progress: Progress | None = None,
        edit_seconds: float = EDIT_SECONDS,
    ) -> None:
        self._client = client
        self._store = store
        self.prices = prices
        self._tasks_at_once = tasks_at_once
        self._clock = clock
        self._progress = progress or Progress()
        self._edit_seconds = edit_seconds
        self._due: dict[str, float] = {}  # job id -> when to look whether its card is still right
        self._not_before: dict[str, float] = {}  # job id -> when its card may be touched again
        self._waiting: set[str] = set()  # whose card shows a place in line
        self._sent: dict[str, messages.Message] = {}
        self._lines: dict[Kind, _Line] = {}
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._failed: Counter[str] = Counter()  # tries in a row that did not show a card
        self._awake = asyncio.Event()
        self._posting = asyncio.Lock()
        self._stopping = False

    def changed(self, job_id: str) -> None:
        """Show this job again, soon."""
        self._lines.clear()
        self._due[job_id] = self._not_before.get(job_id, 0.0)
        self._awake.set()

    def progressed(self, job_id: str) -> None:
        """Show how far the work on this job's files is, when its card may next be edited."""
        at = self._not_before.get(job_id, 0.0)
        if self._due.get(job_id, math.inf) > at:
            self._due[job_id] = at
            self._awake.set()

    async def start(self) -> None:
        """Note what a dead process left unshown."""
        for job_id in await self._store.cards.unsettled():
            self.changed(job_id)
        for job in await self._store.jobs.unfinished():
            self.changed(job.id)

    async def run(self) -> None:
        """Show what changed, until ``stop``. A fault of the store is waited out."""
        while not self._stopping:
            self._awake.clear()
            try:
                await self._start_due()
                pause = await self._pause()
            except Exception:
                log.exception("the cards' loop could not look for work")
                pause = EDIT_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), pause)

    async def stop(self, *, within: float) -> None:
        """Show what is left to show if that is possible in time; the rest is shown after the next start."""
        self._stopping = True
        self._awake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._start_due()
                while self._in_hand:
                    await asyncio.wait(self._in_hand.values(), return_when=asyncio.FIRST_COMPLETED)
                    await self._start_due()
        for task in self._in_hand.values():
            task.cancel()
        await asyncio.gather(*self._in_hand.values(), return_exceptions=True)

    async def _start_due(self) -> None:
        """Begin to show the jobs whose time has come, the most awaited first, as far as the edits reach."""
        now = self._clock()
        due = [job_id for job_id, at in self._due.items() if at <= now and job_id not in self._in_hand]
        for rank, job_id in await self._ranked(due, now):
            if len(self._in_hand) >= AT_ONCE:
                return
            wait = self._edit_wait(rank) if job_id in self._sent else 0.0
            if wait:
                self._due[job_id] = now + wait
                continue
            del self._due[job_id]
            self._in_hand[job_id] = task = asyncio.create_task(self._show_safely(job_id), name=job_id)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task.get_name()]
        self._awake.set()

    def _edit_wait(self, rank: int) -> float:
        spare = 0.0 if rank < _WAITING + NEXT_FEW else SPARE
        return self._client.budgets.wait(CARD_EDITS, EDIT, spare=spare)

    async def _ranked(self, job_ids: list[str], now: float) -> list[tuple[int, str]]:
        """Return the jobs with their ranks, those first that somebody waits for most."""
        jobs = [await self._store.jobs.get(job_id) for job_id in job_ids]
        places: dict[str, int] = {}
        for kind in {job.order.kind for job in jobs if job.state is JobState.READY}:
            places |= {turn.id: place for place, turn in enumerate(in_order(await self._store.jobs.turns(kind, now)))}
        return sorted((_rank(job, places), job.id) for job in jobs)

    async def view(self, job: Job) -> messages.View:
        """Return what a job's card shows beside the job at this moment."""
        now = self._clock()
        if job.state in {JobState.READY, JobState.RENDERING}:
            line = await self._line(job.order.kind, now)
            estimate = line.estimates[job.order.quality]
            return messages.View(now=now, prices=self.prices, standing=line.standings.get(job.id), estimate=estimate)
        return messages.View(now=now, prices=self.prices, mended=self._progress.of(job.id))

    async def _line(self, kind: Kind, now: float) -> _Line:
        """Return the places of everybody in a line, worked out once for all the cards that show it."""
        line = self._lines.get(kind)
        if line is None or not line.at <= now < line.at + self._edit_seconds:
            samples = {quality: await self._store.jobs.history(kind, quality) for quality in Quality}
            estimates = {quality: learn(samples[quality], quality) for quality in Quality}
            turns = await self._store.jobs.turns(kind, now)
            line = self._lines[kind] = _Line(now, estimates, standings(turns, self._tasks_at_once, now, estimates))
        return line

    async def ensure(self, job: Job) -> Card:
        """Return the job's card, posting it first if it has none: it is where the thread begins."""
        if (card := await self._store.cards.get(job.id)) is not None:
            return card
        async with self._posting:
            known = await self._store.cards.get(job.id)
            return known or await self._post(job)

    async def _pause(self) -> float | None:
        """Return how long nothing needs to be looked at; an idle bot looks at nothing at all."""
        now = self._clock()
        for job in await self._store.jobs.unfinished():
            self._due.setdefault(job.id, now + REFRESH_SECONDS)
        if len(self._in_hand) >= AT_ONCE:
            return None
        times = [at for job_id, at in self._due.items() if job_id not in self._in_hand]
        return max(0.0, min(times) - now) if times else None

    async def _show_safely(self, job_id: str) -> None:
        with structlog.contextvars.bound_contextvars(job=job_id):
            try:
                await self._show(await self._store.jobs.get(job_id))
            except (RemoteError, StoreUnavailable) as error:
                wish = error.retry_after if isinstance(error, Unreachable) else None
                self._later(job_id, wish)
                log.warning("the card waits", reason=str(error))
            except Exception:
                self._later(job_id, LATER_MOST)
                log.exception("bug: the card could not be made")
            else:
                self._failed.pop(job_id, None)

    def _later(self, job_id: str, wish: float | None) -> None:
        self._failed[job_id] += 1
        own = min(LATER_MOST, EDIT_SECONDS * 2.0 ** min(self._failed[job_id] - 1, 10))
        self._due[job_id] = self._not_before[job_id] = self._clock() + (wish or own)

    async def _show(self, job: Job) -> None:
        if await self._store.cards.get(job.id) is None:
            self._in_turn(POST, f"{POST} {job.place.channel}")
        card = await self.ensure(job)
        late = None
        try:
            await self._bring_up_to_date(job, card)
        except RemoteError as error:
            late = error  # the requester is told of the end all the same
        if job.state is JobState.FAILED and not card.told:
            await self._tell(job, card)
        self._line_moved(job)
        if late is not None:
            raise late
        if job.final:
            self._sent.pop(job.id, None)
            self._not_before.pop(job.id, None)

    async def _bring_up_to_date(self, job: Job, card: Card) -> None:
        message = messages.card(job, await self.view(job))
        if self._sent.get(job.id) != message:
            await self._edit(job, card, message)
        if card.shown < job.revision:
            await self._store.cards.shown(job.id, job.revision)

    def _in_turn(self, *names: str) -> None:
        """Raise Unreachable, to come back, where a call would have to wait: a card in hand holds up others."""
        if wait := self._client.budgets.wait(*names):
            raise Unreachable(f"{names[0]}: not yet, the budget is spent", retry_after=wait)

    def _line_moved(self, job: Job) -> None:
        """When a job leaves the line, everybody behind it has another place."""
        if job.state is JobState.READY:
            self._waiting.add(job.id)
        elif job.id in self._waiting:
            self._waiting.remove(job.id)
            for other in self._waiting:
                self.changed(other)

    async def _edit(self, job: Job, card: Card, message: messages.Message) -> None:
        self._in_turn(CARD_EDITS, EDIT)
        await self._client.budgets.turn(CARD_EDITS)
        try:
            await self._client.call(EDIT, channel=card.channel, ts=card.ts, text=message.text, blocks=message.blocks)
        except SlackRefusal as error:
            if error.operators:
                raise Unreachable(str(error), retry_after=60.0) from error
            log.warning("the card can't be edited", reason=str(error))
        self._sent[job.id] = message
        # What changes within the next seconds is shown together with what changed by then.
        self._not_before[job.id] = self._clock() + self._edit_seconds

    async def _tell(self, job: Job, card: Card) -> None:
        message = messages.told(job, self.prices)
        thread = job.place.thread if job.place.thread and not card.direct else card.ts
        try:
            await self._say(card.channel, thread, message, job, "failed")
        except SlackRefusal as error:
            if error.code not in UNWELCOME:
                raise
            await self._say(await self.direct_channel(job), None, message, job, "failed")
        await self._store.cards.told(job.id)

    async def _post(self, job: Job) -> Card:
        message = messages.card(job, await self.view(job))
        try:
            # A person's id stands for their direct messages; the answer names the channel that these are.
            channel, ts = await self._say(job.place.channel, job.place.thread, message, job, "card")
            direct = False
        except SlackRefusal as error:
            if error.code not in UNWELCOME:
                raise
            log.info("the card goes to direct messages", reason=str(error))
            channel, direct = await self.direct_channel(job), True
            channel, ts = await self._say(channel, None, message, job, "card")
            await self._explain(job)
        await self._store.cards.posted(job.id, channel=channel, ts=ts, direct=direct, shown=job.revision)
        self._sent[job.id] = message
        card = await self._store.cards.get(job.id)
        if card is None:
            raise RuntimeError("a card that was just stored is there")
        return card

    async def direct_channel(self, job: Job) -> str:
        """Return the requester's direct messages with the bot."""
        answer = await self._client.call("conversations.open", users=job.place.user)
        channel = answer["channel"]
        if not isinstance(channel, dict) or not channel.get("id"):
            raise Unreachable("conversations.open: no channel in the answer")
        return str(channel["id"])

    async def _explain(self, job: Job) -> None:
        """Say in private why the card is elsewhere. The address may be dead by now; the card itself is not."""
        if job.place.response_url is None:
            return
        try:
            await self._client.answer(job.place.response_url, messages.moved_to_direct())
        except RemoteError as error:
            log.info("the private answer did not arrive", reason=str(error))

    async def _say(
        self, channel: str, thread: str | None, message: messages.Message, job: Job, what: str
    ) -> tuple[str, str]:
        payload: dict[str, Any] = {"job": job.id, "kind": what}
        answer = await self._client.call(
            POST,
            channel=channel,
            thread_ts=thread,
            text=message.text,
            blocks=message.blocks or None,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": "understudy_job", "event_payload": payload},
        )
        return str(answer.get("channel") or channel), str(answer["ts"])


_WAITING = 10


def _rank(job: Job, places: Mapping[str, int]) -> int:
    """Return how soon a card is to be shown; who waits ranks by place in line."""
    if job.final or job.ask is not None:
        return 0
    if job.state is JobState.READY:
        return _WAITING + places.get(job.id, 0)
    return 2 if job.state is JobState.QUEUED else 1
