"""The time that jobs live by: it starts as the wall clock's and then never jumps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def steady_clock() -> Callable[[], float]:
    """Return a clock in seconds since the epoch that goes on evenly when the wall clock is set while we run."""
    # Where there is one, a clock that also counts the time the machine slept: addresses and tasks aged meanwhile.
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    start = time.time() - time.clock_gettime(source)
    return lambda: start + time.clock_gettime(source)
