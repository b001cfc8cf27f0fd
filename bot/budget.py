"""How often a service may be asked: budgets kept before a call is made, lowered when the service says it was too often.

A call that would have to wait long is not made at all: it is Unreachable with the time to come back, and whoever
wanted it decides. So nothing queues up here, and no method waits for another.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import Unreachable
from bot.pace import TURN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

# What a refusal leaves of a budget, the least that ever remains, and how it grows back while nothing is refused.
_AFTER_REFUSAL = 0.5
_LEAST = 0.1
_GROWTH_A_SECOND = 0.25 / 60
# What of a burst a process begins with: the one before it may have died a moment ago with its budgets spent, and a
# bot that is started again every ten seconds must not exceed a rate by that.
_AT_THE_START = 0.1
# A refusal that names no time (or none worth the name) is given this much.
PAUSE_SECONDS = 1.0
# What rounding leaves of a wait that is over.
_NOTHING = 1e-6
# So many idle budgets may be kept, one for each channel say, before those that are full are forgotten.
_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` within any ``seconds``, a third of them at once."""

    calls: int
    seconds: float

    @property
    def burst(self) -> int:
        """How many may be made at once after a rest."""
        return math.ceil(self.calls / 3)

    @property
    def at_the_start(self) -> float:
        """How many may be made at once by a new process: none where the last one's call may have been the one."""
        return 0.0 if self.burst == 1 else max(1.0, self.burst * _AT_THE_START)

    @property
    def refill(self) -> float:
        """How many a second may follow: with a burst before them never more than ``calls`` in the time."""
        return max(1, self.calls - self.burst) / self.seconds


class Budget:
    """One rate as a bucket of tokens. It tells how long to wait and never waits itself.

    Full after a rest; given ``since``, the instant at which the process began, it has only rested since then.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float], *, since: float | None = None) -> None:
        self._rate = rate
        self._clock = clock
        self._share = 1.0  # what refusals left of the rate
        self._tokens = float(rate.burst) if since is None else rate.at_the_start
        self._at = clock() if since is None else since
        self._not_before = 0.0

    @property
    def share(self) -> float:
        """How much of the rate is used at the moment, from a tenth to all of it."""
        self._go_on()
        return self._share

    @property
    def full(self) -> bool:
        """True when it is as good as new."""
        return self.wait() == 0 and self._share == 1 and self._tokens >= self._rate.burst

    def wait(self, *, spare: float = 0.0) -> float:
        """Return in how many seconds the next call may be made, leaving this share of a burst to better ones."""
        now = self._go_on()
        missing = 1 + spare * self._burst - self._tokens
        wait = max(self._not_before - now, missing / (self._rate.refill * self._share))
        return wait if wait > _NOTHING else 0.0

    @property
    def resting(self) -> float:
        """How many seconds of a rest that the service asked for are left."""
        return max(0.0, self._not_before - self._clock())

    def spend(self) -> None:
        """Note a call: one that is made now, or one that will be when ``wait`` is over."""
        self._go_on()
        self._tokens -= 1

    def refused(self, retry_after: float | None = None) -> None:
        """Note that the service found it too often: rest as long as it wished, and be slower from then on."""
        now = self._go_on()
        self._share = max(_LEAST, self._share * _AFTER_REFUSAL)
        self._tokens = min(self._tokens, self._burst)
        self._not_before = max(self._not_before, now + max(PAUSE_SECONDS, retry_after or 0.0))

    @property
    def _burst(self) -> float:
        return max(1.0, self._rate.burst * self._share)

    def _go_on(self) -> float:
        """Let the time since the last look do its work, and return what time it is."""
        now = self._clock()
        passed = max(0.0, now - self._at)
        # Growing begins after the rest that the last refusal asked for.
        grown = max(0.0, now - max(self._at, self._not_before))
        self._tokens = min(self._burst, self._tokens + passed * self._rate.refill * self._share)
        self._share = min(1.0, self._share + grown * _GROWTH_A_SECOND)
        self._at = now
        return now


class Budgets:
    """The budgets of one account by name. ``rate_of`` tells the rate of a name, or None for one without.

    ``rested``: for how many seconds before now no call was made, as far as anybody knows.
    """

    def __init__(
        self,
        rate_of: Callable[[str], Rate | None],
        *,
        clock: Callable[[], float],
        patience: float = TURN_SECONDS,
        rested: float = 0.0,
    ) -> None:
        self._rate_of = rate_of
        self._clock = clock
        self._patience = patience
        self._began = clock() - rested
        self._budgets: dict[str, Budget] = {}

    def wait(self, *names: str, spare: float = 0.0) -> float:
        """Return in how many seconds a call that counts for all these names may be made."""
        return max((budget.wait(spare=spare) for budget in self._named(names)), default=0.0)

    async def turn(self, *names: str) -> None:
        """Wait for a call's turn, first come, first served; raises Unreachable where that would take long.

        Only calls of the same name wait for each other.
        """
        budgets = self._named(names)
        wait = max((budget.wait() for budget in budgets), default=0.0)
        if wait > self._patience:
            raise _too_often(names, wait)
        for budget in budgets:
            budget.spend()
        if wait:
            await asyncio.sleep(wait)
            if (rest := max(budget.resting for budget in budgets)) > 0:  # refused meanwhile
                raise _too_often(names, rest)

    def refused(self, name: str, retry_after: float | None = None) -> None:
        """Note that the service answered a call of this name with "too often"."""
        for budget in self._named((name,)):
            budget.refused(retry_after)

    def _named(self, names: tuple[str, ...]) -> list[Budget]:
        found = []
        for name in names:
            budget = self._budgets.get(name)
            if budget is None and (rate := self._rate_of(name)) is not None:
                self._forget_idle()
                budget = self._budgets[name] = Budget(rate, self._clock, since=self._began)
            if budget is not None:
                found.append(budget)
        return found

    def _forget_idle(self) -> None:
        if len(self._budgets) >= _KEPT:
            self._budgets = {name: budget for name, budget in self._budgets.items() if not budget.full}


def _too_often(names: tuple[str, ...], wait: float) -> Unreachable:
    return Unreachable(f"{names[0]}: not yet, the budget is spent", retry_after=wait)
