"""What the bot asked of the stand-in, in order; and whether it asked too often."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(slots=True, kw_only=True)
class Call:
    """One request as it arrived. ``error`` is what it was refused with; ``status`` is None after a cut connection."""

    method: str
    at: float
    arguments: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None
    error: str | None = None


class Calls:
    """The record of all calls: Web API methods, ``files.download``, ``files.upload`` and ``response_url``."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call) -> Call:
        """Enter a call as it arrives."""
        self._calls.append(call)
        return call

    def of(self, method: str) -> list[Call]:
        """All calls of one method, refused ones included."""
        return [call for call in self._calls if call.method == method]

    def count(self, method: str) -> int:
        """How often a method was called, refused calls included."""
        return len(self.of(method))

    def counts(self) -> Counter[str]:
        """How often each method was called."""
        return Counter(call.method for call in self._calls)

    def clear(self) -> None:
        """Forget everything so far."""
        self._calls.clear()


class Limits:
    """The documented rate limits, as sliding windows: per method and minute; new messages per channel and second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.exceeded: Counter[str] = Counter()
        self._clock = clock
        self._seen: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def wait(self, method: str, channel: str, per_minute: int) -> int:
        """How many whole seconds too early this call comes, 0 for none. Counts it either way."""
        most, window = (1, 1.0) if method == "chat.postMessage" else (per_minute, 60.0)
        seen = self._seen[method, channel if method == "chat.postMessage" else ""]
        now = self._clock()
        while seen and seen[0] <= now - window:
            seen.popleft()
        if len(seen) < most:
            seen.append(now)
            return 0
        self.exceeded[method] += 1
        return max(1, round(seen[0] + window - now))
