"""The order of what is said in a job's thread."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Threads:
    """One thing at a time is said about a job, so that what comes next can look whether it is still true."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, job_id: str) -> asyncio.Lock:
        """Return what to hold while something is posted in this job's thread."""
        return self._turns.setdefault(job_id, asyncio.Lock())
