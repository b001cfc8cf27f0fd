from __future__ import annotations

import time

from bot.clock import steady_clock


def test_it_starts_as_the_wall_clocks_time() -> None:
    assert abs(steady_clock()() - time.time()) < 1


def test_it_goes_on_with_the_time_that_nobody_can_set() -> None:
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    clock = steady_clock()
    ours, real = clock(), time.clock_gettime(source)
    time.sleep(0.05)
    assert abs((clock() - ours) - (time.clock_gettime(source) - real)) < 0.01


def test_it_never_goes_backwards() -> None:
    clock = steady_clock()
    seen = [clock() for _ in range(10_000)]
    assert seen == sorted(seen)
