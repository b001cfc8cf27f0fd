"""How far long work on a job's files got. In memory only: whoever dies in it begins it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Done(NamedTuple):
    """So many of so many frames."""

    frames: int
    of: int


class Progress:
    """What is told of the work that is under way at this moment."""

    def __init__(self, *, changed: Callable[[str], None] = lambda _: None) -> None:
        self._changed = changed
        self._done: dict[str, Done] = {}

    def of(self, job_id: str) -> Done | None:
        """Return how far the work on this job's video is, or None while there is none."""
        return self._done.get(job_id)

    def tell(self, job_id: str, frames: int, of: int) -> None:
        """Note it, and say that there is something to show."""
        self._done[job_id] = Done(frames, of)
        self._changed(job_id)

    def clear(self, job_id: str) -> None:
        """The work is over, well or badly."""
        self._done.pop(job_id, None)
