"""What the benchmarks share: cores, the disk's floor, figures, the table with its targets, processes on a line each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SERVER_CORE, CLIENT_CORE = 0, 1
SLACK = 0.7  # a run fails below this share of a target: other programs run on the machine, too


def pin(core: int) -> None:
    """Keep this process on one core where the platform allows it and there is more than one."""
    if sys.platform == "linux":
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) > core:
            os.sched_setaffinity(0, {allowed[core]})


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def fsync_seconds(folder: Path, times: int = 200) -> list[float]:
    """Return how long each of ``times`` appended blocks of 4 KiB took to reach this folder's disk."""
    sync = getattr(os, "fdatasync", os.fsync)
    took = []
    with (folder / "fsync").open("ab", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(4096))
            began = time.perf_counter()
            sync(file.fileno())
            took.append(time.perf_counter() - began)
    (folder / "fsync").unlink()
    return took


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure beside its floor. Without a ``target`` it only informs; ``most``: the target is the greatest ratio."""

    name: str
    measured: str
    floor: str = ""
    ratio: float | None = None
    target: float | None = None
    most: bool = False
    slack: float = SLACK  # 1 where nothing else on the machine can change the figure

    @property
    def met(self) -> bool:
        """True when the target is met, or nearly."""
        if self.ratio is None or self.target is None:
            return True
        return self.ratio <= self.target / self.slack if self.most else self.ratio >= self.target * self.slack


def table(rows: Sequence[Row]) -> bool:
    """Print the rows and return whether every target is met, or nearly."""
    print(f"{'':52}{'measured':>14}{'floor':>14}{'ratio':>8}  target")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        target = "" if row.target is None else f"{'at most' if row.most else 'at least'} {row.target:g}"
        missed = "" if row.met else "  MISSED"
        print(f"{row.name:52}{row.measured:>14}{row.floor:>14}{ratio:>8}  {target}{missed}")
    if hasattr(os, "getloadavg") and (load := os.getloadavg()[0]) > (os.cpu_count() or 1):
        print(f"the machine is busy (load {load:.1f}): of these figures only processor times can be trusted")
    return all(row.met for row in rows)


class Companion:
    """A module of ours in a process of its own, which answers each line on its input with one line of JSON."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.hello: Any = self._answer()

    def ask(self, *words: object) -> Any:
        """Send one line and return the answer to it."""
        if self._process.stdin is None:
            raise RuntimeError("it was started with an input")
        print(*words, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"a process of the benchmark ended with {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def say(value: Any) -> None:
    """Answer whoever started this process."""
    print(json.dumps(value), flush=True)
