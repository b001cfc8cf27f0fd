"""How long the service works on a video, learned from what it did here, and when to look at a task next. Pure.

Times and durations are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias

from bot.order import Quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The vendor's sample took 147 s for 5.2 s of swap in standard quality (about 28 s for each second of video) and
# waited 15 s; pro is known to take about 1.8 times as long.
START_SECONDS = 15.0
SECONDS_PER_SECOND: Final[Mapping[Quality, float]] = {Quality.STANDARD: 28.0, Quality.PRO: 50.0}

# From this many tasks on their history is trusted to say when the next one ends.
TRUSTED = 5
# So many recent tasks are learned from; a service that became faster or slower is noticed within a day or two.
REMEMBERED = 100
# What a close watch means: on average the end is seen after half of it.
CLOSE_SECONDS = 0.8
# While nothing is known of such tasks they are asked about evenly, from their beginning on.
UNSURE_SECONDS = 3.0
# The account may ask 20 times a second; the rest is for whatever else asks.
LOOKS_PER_SECOND = 15.0

_START_MOST = 120.0
_START_STEP = 5.0
_SPREAD = 0.3  # standard deviation of the logarithm, before there is a history
_SPREAD_WEIGHT = 4.0  # as many tasks as that guess is worth
_EDGE = 2.75  # standard deviations: three tasks in a thousand end earlier
_NINE_OF_TEN = 1.2816  # standard deviations
_LATEST_FEW = 8
_NORMAL = 1.4826  # from the median of deviations to a standard deviation


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished task: how long its video was and how long the service worked on it."""

    seconds: float
    took: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is known of tasks of one kind and quality: a fixed part, and so much for each second of video."""

    start: float
    per_second: float
    spread: float = _SPREAD  # standard deviation of the logarithm of a duration
    fastest: float = 1.0  # of the latest few, as a share of what was usual
    tasks: int = 0  # that this was learned from

    @property
    def trusted(self) -> bool:
        """True once enough tasks were seen to tell around when the next one ends."""
        return self.tasks >= TRUSTED

    def usual(self, seconds: float) -> float:
        """Return how long half of such tasks take at most."""
        return self.start + self.per_second * seconds

    def most(self, seconds: float) -> float:
        """Return how long nine of ten such tasks take at most."""
        return self.usual(seconds) * math.exp(_NINE_OF_TEN * self.spread)

    def earliest(self, seconds: float) -> float:
        """Return before when hardly any task ends; cautious while there is no history to speak of."""
        if not self.trusted:
            return 0.2 * self.usual(seconds)
        # A service that has become faster shows it in its latest tasks before it shows in the median.
        return self.usual(seconds) * min(math.exp(-_EDGE * self.spread), 0.8 * self.fastest)

    def latest(self, seconds: float) -> float:
        """Return after when hardly any task still runs."""
        return self.usual(seconds) * math.exp(_EDGE * self.spread)


Estimates: TypeAlias = Mapping[Quality, Estimate]

DOCUMENTED: Final[Estimates] = {
    quality: Estimate(start=START_SECONDS, per_second=rate) for quality, rate in SECONDS_PER_SECOND.items()
}


def learn(samples: Iterable[Sample], quality: Quality) -> Estimate:
    """Return what these tasks teach, newest first. Outliers hardly matter; without any it is the documented rate."""
    good = [sample for sample in samples if sample.seconds > 0 and sample.took > 0][:REMEMBERED]
    documented = DOCUMENTED[quality]
    if not good:
        return documented
    # A few tasks do not outvote the documentation.
    guesses = [documented.per_second] * (2 if len(good) < TRUSTED else 0)
    start, per_second = _fit(good, guesses)
    ratios = [sample.took / (start + per_second * sample.seconds) for sample in good]
    return Estimate(
        start=start,
        per_second=per_second,
        spread=_spread(ratios),
        fastest=min(1.0, *ratios[:_LATEST_FEW]),
        tasks=len(good),
    )


def _fit(samples: Sequence[Sample], guesses: list[float]) -> tuple[float, float]:
    """Return the fixed part and the rate with the least relative error; an unsure fixed part stays the documented."""
    found = []
    start, shortest = 0.0, min(sample.took for sample in samples)
    while start <= min(_START_MOST, 0.9 * shortest):
        rate = median([*((sample.took - start) / sample.seconds for sample in samples), *guesses])
        error = sum(abs(math.log(sample.took / (start + rate * sample.seconds))) for sample in samples)
        found.append((error + 0.01 * abs(start - START_SECONDS), start, rate))
        start += _START_STEP
    _, start, rate = min(found)
    return start, rate


def _spread(ratios: Sequence[float]) -> float:
    """Return the standard deviation of the ratios' logarithms, drawn to a cautious guess while they are few."""
    number = len(ratios)
    own = _NORMAL * median(abs(math.log(ratio)) for ratio in ratios)
    return math.sqrt((number * own**2 + _SPREAD_WEIGHT * _SPREAD**2) / (number + _SPREAD_WEIGHT))


def next_look(
    estimate: Estimate,
    seconds: float,
    now: float,
    *,
    poll: float,
    running: bool,
    started_at: float | None,
    submitted: int,
) -> float:
    """Return when to ask about a task again, whose video has so many ``seconds``.

    A task that runs is asked about every ``poll`` seconds until it may have ended, then closely; any other every
    ``poll`` seconds. Never later than that, unless so many are ``submitted`` that the account's limit wants it.
    """
    if not running:
        wait = max(CLOSE_SECONDS, estimate.earliest(seconds))  # it may begin right after this look
    elif started_at is None or not estimate.trusted:
        wait = UNSURE_SECONDS
    else:
        worked = now - started_at
        late = worked - estimate.latest(seconds)
        close = max(CLOSE_SECONDS, late / 10)  # what is overdue is looked at less and less
        wait = max(close, estimate.earliest(seconds) - worked)
    return now + max(min(wait, poll), submitted / LOOKS_PER_SECOND)
