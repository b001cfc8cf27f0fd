"""What is to go wrong, and when: ordered for the next calls, or by chance with a seed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from typing import Generic, TypeVar

F = TypeVar("F")


class Troubles(Generic[F]):
    """Faults by the place they befall: a method, an operation."""

    def __init__(self) -> None:
        self.happened: Counter[str] = Counter()
        self._next: defaultdict[str, deque[F | None]] = defaultdict(deque)
        self._sometimes: dict[str, tuple[F, float, random.Random]] = {}

    def next(self, where: str, *faults: F | None, times: int = 1) -> None:
        """Let these faults befall the next calls, one each, the sequence ``times`` over. None: that call goes well."""
        self._next[where].extend(faults * times)

    def sometimes(self, where: str, fault: F, probability: float, *, seed: int = 0) -> None:
        """Let the fault befall calls at random, until cleared; the same seed gives the same calls."""
        self._sometimes[where] = (fault, probability, random.Random(seed))

    def always(self, where: str, fault: F) -> None:
        """Let the fault befall every call, until cleared."""
        self.sometimes(where, fault, 1.0)

    def clear(self, where: str | None = None) -> None:
        """Let all be well again, here or everywhere."""
        for table in (self._next, self._sometimes):
            if where is None:
                table.clear()
            else:
                table.pop(where, None)

    def pending(self, where: str) -> int:
        """How many of the faults ordered by ``next`` did not happen yet."""
        return len(self._next[where])

    def draw(self, *places: str) -> F | None:
        """The fault of this call, if any; the first place that has one decides, ordered ones before chance."""
        for place in places:
            if self._next.get(place):
                return self._note(place, self._next[place].popleft())
            if place in self._sometimes:
                fault, probability, dice = self._sometimes[place]
                if dice.random() < probability:
                    return self._note(place, fault)
        return None

    def _note(self, place: str, fault: F | None) -> F | None:
        if fault is not None:
            self.happened[place] += 1
        return fault
