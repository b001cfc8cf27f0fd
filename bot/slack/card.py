"""The one message per job, edited in place: which card is shown when.

Which revision a card shows, and what it says, is stored; that it must be shown again after a restart is read there.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.errors import RemoteError, StoreUnavailable, Unreachable
from bot.job import JobState
from bot.pace import EDIT_SECONDS
from bot.slack import scopes
from bot.slack.client import CARD_EDITS, EDIT, POST
from bot.slack.line import Lines
from bot.slack.messages import question, waiting_line, waiting_words
from bot.slack.poster import Poster
from bot.slack.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.estimate import Estimates
    from bot.job import Job
    from bot.order import Kind
    from bot.progress import Progress
    from bot.queue import Prices, Standing
    from bot.slack.client import SlackClient
    from bot.slack.messages import View
    from bot.store import Card, Glance, Store

log = structlog.get_logger(__name__)

LATER_MOST = 300.0  # after many failures in a row
AT_ONCE = 4  # cards in hand; one that Slack doesn't answer holds up no other
# Whoever waits behind the first few leaves this share of the edits to the others' cards.
NEXT_FEW = 3
SPARE = 0.5
REFRESH_SECONDS = 20.0  # how often what only time changes (elapsed, the line) is looked at again


class Cards:
    """Posts and edits cards: newest state wins, at most one edit in three seconds each, only when something changed.

    Edits that the workspace's budget has no room for are not queued: the card stays due, and shows what is true by
    then. Ends and questions come first, then what is under way, then those who wait, in their order. When a line
    moves, all its places are worked out at once, and only cards that then read differently become due.
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
        self._clock = clock
        self._edit_seconds = edit_seconds
        self._lines = Lines(
            store,
            prices=prices,
            tasks_at_once=tasks_at_once,
            clock=clock,
            fresh=edit_seconds,
            progress=progress,
            lacking=partial(scopes.lacking, client),
        )
        self.threads = Threads()
        self._poster = Poster(client, store, self._lines, self.threads, prices=prices)
        self._due: dict[str, float] = {}  # job id -> when to look whether its card is still right
        self._not_before: dict[str, float] = {}  # job id -> when its card may be touched again
        self._waiting: dict[str, tuple[Kind, str]] = {}  # whose card shows a place in which line, in which words
        self._line_at = math.inf  # when to look at the lines again
        self._posted: set[str] = set()  # known to have a card
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._failed: Counter[str] = Counter()  # tries in a row that did not show a card
        self._awake = asyncio.Event()
        self._stopping = False

    def changed(self, job_id: str) -> None:
        """Show this job again, soon."""
        self._lines.changed()
        if self._waiting:
            self._line_at = min(self._line_at, self._clock() + self._edit_seconds)
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
        for glance in await self._store.jobs.glances():
            self.changed(glance.id)

    async def run(self) -> None:
        """Show what changed, until ``stop``. A fault of the store is waited out."""
        while not self._stopping:
            self._awake.clear()
            try:
                await self._look_at_lines()
                await self._start_due()
                pause = await self._pause()
            except Exception:
                log.exception("the cards' loop could not look for work")
                pause = EDIT_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._awake.wait()

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

    def next_due(self) -> float | None:
        """Return when a card, or a line, is to be looked at again."""
        at = min(self._due.values(), default=math.inf)
        return None if (at := min(at, self._line_at)) == math.inf else at

    async def view(self, job: Job, *, exact: bool = False) -> View:
        """Return what a card shows beside the job at this moment; ``exact``: its place however far off it is."""
        return await self._lines.view(job, exact=exact)

    async def estimates(self, kind: Kind) -> Estimates:
        """Return how long one model usually takes here."""
        return await self._lines.estimates(kind)

    async def ensure(self, job: Job) -> Card:
        """Return the job's card, posting it first if it has none: it is where the thread begins."""
        return await self._poster.ensure(job)

    async def direct_channel(self, job: Job) -> str:
        """Return the requester's direct messages with the bot."""
        return await self._poster.direct_channel(job)

    async def link(self, job: Job) -> str:
        """Return the address of the job's card, or nothing while it has none or Slack's own address is not known."""
        card = await self._store.cards.get(job.id)
        if card is None or not self._client.home:
            return ""
        address = f"{self._client.home}/archives/{card.channel}/p{card.ts.replace('.', '')}"
        within = job.place.thread if not card.direct else None
        return address + (f"?thread_ts={within}&cid={card.channel}" if within else "")

    async def _look_at_lines(self) -> None:
        """Work out every place that a card shows; cards that would read differently now become due."""
        now = self._clock()
        if now < self._line_at:
            return
        found: dict[str, Standing] = {}
        for kind in {kind for kind, _ in self._waiting.values()}:
            found |= (await self._lines.of(kind)).standings
        for job_id, (_, words) in self._waiting.items():
            standing = found.get(job_id)
            if standing is not None and waiting_words(standing) != words:
                self._due.setdefault(job_id, self._not_before.get(job_id, 0.0))
        self._line_at = now + REFRESH_SECONDS if self._waiting else math.inf

    async def _start_due(self) -> None:
        """Begin to show the jobs whose time has come, the most awaited first, as far as the edits reach."""
        now = self._clock()
        due = [job_id for job_id, at in self._due.items() if at <= now and job_id not in self._in_hand]
        if not due or len(self._in_hand) >= AT_ONCE:
            return
        for rank, job_id in await self._ranked(due):
            if len(self._in_hand) >= AT_ONCE:
                return
            wait = self._edit_wait(rank) if job_id in self._posted else 0.0
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

    async def _ranked(self, job_ids: list[str]) -> list[tuple[int, str]]:
        """Return the jobs with their ranks, those first that somebody waits for most."""
        glances = {glance.id: glance for glance in await self._store.jobs.glances()}
        places: dict[str, Standing] = {}
        for kind in {g.kind for job_id in job_ids if (g := glances.get(job_id)) and g.state is JobState.READY}:
            places |= (await self._lines.of(kind)).standings
        return sorted((_rank(glances.get(job_id), places), job_id) for job_id in job_ids)

    async def _pause(self) -> float | None:
        """Return how long nothing needs to be looked at; an idle bot looks at nothing at all."""
        now = self._clock()
        for glance in await self._store.jobs.glances():
            if glance.id not in self._waiting:
                self._due.setdefault(glance.id, now + REFRESH_SECONDS)
        if len(self._in_hand) >= AT_ONCE:
            return None
        times = [at for job_id, at in self._due.items() if job_id not in self._in_hand]
        at = min([*times, self._line_at])
        return None if at == math.inf else max(0.0, at - now)

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
        await self._store.sure()
        if await self._store.cards.get(job.id) is None:
            self._poster.in_turn(POST, f"{POST} {job.place.channel}")
        card = await self.ensure(job)
        self._posted.add(job.id)
        if job.state is JobState.DELIVERED:
            await self._poster.tell_refusals(job, card)
        late = None
        try:
            if await self._poster.bring_up_to_date(job, card):
                # What changes within the next seconds is shown together with what changed by then.
                self._not_before[job.id] = self._clock() + self._edit_seconds
        except RemoteError as error:
            late = error  # the requester is told of the end all the same
        if job.state is JobState.FAILED and not card.told:
            await self._poster.tell(job, card)
        if (asked := question(job)) and card.called != asked:
            await self._poster.call(job, card, asked)
        await self._note_place(job)
        if late is not None:
            raise late
        if job.final:
            self._posted.discard(job.id)
            self._not_before.pop(job.id, None)

    async def _note_place(self, job: Job) -> None:
        """Remember in which words a card shows its place, to see when they are no longer true."""
        if job.state is JobState.READY:
            self._waiting[job.id] = job.order.kind, waiting_line(job, await self._lines.view(job))
            self._line_at = min(self._line_at, self._clock() + REFRESH_SECONDS)
        elif self._waiting.pop(job.id, None) is not None:
            self._line_at = self._clock()  # everybody behind it has another place
            self._awake.set()


_WAITING = 10


def _rank(glance: Glance | None, places: Mapping[str, Standing]) -> int:
    """Return how soon a card is to be shown; who waits ranks by place in line."""
    if glance is None or glance.asks:
        return 0
    if glance.state is JobState.READY:
        return _WAITING + (places[glance.id].place - 1 if glance.id in places else 0)
    return 2 if glance.state is JobState.QUEUED else 1
