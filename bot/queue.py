"""Whose turn it is, how long it will take, what it will cost. Pure. Times and durations are seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.estimate import DOCUMENTED, Estimates
from bot.job import JobState
from bot.order import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# How many turns ahead of its own a job's files are put where the service can fetch them.
HOST_AHEAD = 2
_AT_SERVICE = frozenset({JobState.SUBMITTING, JobState.RENDERING})
_IN_LINE = frozenset({JobState.QUEUED, JobState.READY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the line has to know of an unfinished job."""

    id: str
    requester: str
    created_at: float
    state: JobState
    due_at: float
    hosted: bool = False
    asks: bool = False
    seconds: float = 0.0
    quality: Quality = Quality.STANDARD
    submitted_at: float | None = None
    started_at: float | None = None

    @property
    def holds_place(self) -> bool:
        """True while it takes one of the places at the service. A job that asks holds none."""
        return self.state in _AT_SERVICE and not self.asks

    @property
    def waits(self) -> bool:
        """True while its turn is still to come."""
        return self.state in _IN_LINE and not self.asks


def in_order(turns: Iterable[Turn]) -> list[Turn]:
    """Return those who wait, next one first: turns go round the people, each person's jobs in the order asked.

    A job that is under way counts as its owner's turn, so who has one running lets the others go first.
    """
    turns = list(turns)
    if not any(turn.waits for turn in turns):
        return []
    taken = Counter(turn.requester for turn in turns if turn.holds_place)
    ranked = []
    for turn in sorted((turn for turn in turns if turn.waits), key=lambda turn: (turn.created_at, turn.id)):
        ranked.append((taken[turn.requester], turn.created_at, turn.id, turn))
        taken[turn.requester] += 1
    return [turn for *_, turn in sorted(ranked, key=lambda rank: rank[:3])]


def places_free(turns: Iterable[Turn], places: int) -> int:
    """Return how many more tasks the service may be given now."""
    return max(0, places - sum(turn.holds_place for turn in turns))


def submitting(turns: Iterable[Turn]) -> bool:
    """Return whether a paid call of this line is under way: then no other may be."""
    return any(turn.state is JobState.SUBMITTING and not turn.asks for turn in turns)


def movable(turns: Sequence[Turn], places: int, now: float) -> list[str]:
    """Return the ready jobs that have something to do: be hosted, or be submitted.

    A hosted job waits because the service wished so. That wish is the account's: nobody overtakes it, since asking
    for another job would only be refused again.
    """
    free = 0 if submitting(turns) else places_free(turns, places)
    moves, ahead = [], 0
    for turn in in_order(turns):
        if turn.state is not JobState.READY or (not turn.hosted and turn.due_at > now):
            continue  # still being looked at, or put off for a trouble of its own: others need not wait for it
        if ahead >= free + HOST_AHEAD or turn.due_at > now:
            break
        if not turn.hosted or ahead < free:
            moves.append(turn.id)
        ahead += 1
    return moves


def next_move_at(turns: Sequence[Turn], places: int, now: float) -> float | None:
    """Return when a ready job that was put off may move, although nothing else happens until then."""
    ready = [turn for turn in in_order(turns) if turn.state is JobState.READY]
    times = [turn.due_at for turn in ready if turn.due_at > now and not turn.hosted]
    first = next((turn for turn in ready if turn.hosted), None)
    if first is not None and first.due_at > now and places_free(turns, places):
        times.append(first.due_at)
    return min(times, default=None)


def may_submit(turns: Sequence[Turn], job_id: str, places: int) -> bool:
    """Return whether this job's turn has come: one submission at a time, and only into a free place."""
    if submitting(turns):
        return False
    hosted = [turn.id for turn in in_order(turns) if turn.state is JobState.READY and turn.hosted]
    return job_id in hosted[: places_free(turns, places)]


def render_seconds(seconds: float, quality: Quality, estimates: Estimates = DOCUMENTED) -> float:
    """Return how long the service usually works on this much video."""
    return estimates[quality].usual(seconds)


@dataclass(frozen=True, slots=True)
class Standing:
    """A waiting job's place in line (1 is next) and how long until its video is likely to be there."""

    place: int
    wait: float


def standings(
    turns: Sequence[Turn], tasks_at_once: int, now: float, estimates: Estimates = DOCUMENTED
) -> dict[str, Standing]:
    """Return where every waiting job of one line stands, by id, next one first."""
    ahead = _under_way(turns, tasks_at_once, now, estimates)
    found = {}
    for place, turn in enumerate(in_order(turns), start=1):
        own = render_seconds(turn.seconds, turn.quality, estimates)
        found[turn.id] = Standing(place, ahead / tasks_at_once + own)
        ahead += own
    return found


def standing(
    turns: Sequence[Turn], job_id: str, tasks_at_once: int, now: float, estimates: Estimates = DOCUMENTED
) -> Standing | None:
    """Return where a waiting job stands, or None if it does not wait."""
    return standings(turns, tasks_at_once, now, estimates).get(job_id)


def _under_way(turns: Iterable[Turn], tasks_at_once: int, now: float, estimates: Estimates) -> float:
    """Return how much work the service still has with what it was given, oldest first and so many at once."""
    held = sorted((turn for turn in turns if turn.holds_place), key=lambda turn: (turn.submitted_at or now, turn.id))
    left = 0.0
    for index, turn in enumerate(held):
        began = (turn.started_at or turn.submitted_at or now) if index < tasks_at_once else now
        left += max(0.0, render_seconds(turn.seconds, turn.quality, estimates) - max(0.0, now - began))
    return left


@dataclass(frozen=True, slots=True)
class Prices:
    """What one second of output costs, by kind and quality, in ``currency`` (an ISO code)."""

    currency: str
    per_second: Mapping[tuple[Kind, Quality], float]

    def of(self, kind: Kind, quality: Quality, seconds: float) -> float:
        """Return the price of this much output. Input is free, and so is a failure."""
        return self.per_second[kind, quality] * seconds
