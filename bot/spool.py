"""Media on their way through: a bounded cache on disk, a folder per job. Whatever falls out can be fetched again."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bot.errors import SpoolFull

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

# What must stay free on the disk for the database, whatever the spool may hold.
RESERVE_BYTES = 256 * 1024 * 1024


class Spool:
    """The folder, its limit in bytes, and the rule of what may be thrown out."""

    def __init__(self, folder: Path, *, limit: int, reserve: int = RESERVE_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._reserve = reserve
        self._promised: dict[Path, int] = {}
        self._used: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def check(self) -> None:
        """Raise SpoolFull while the disk has no room for anybody's file, whatever is thrown out of here for it."""
        if (free := shutil.disk_usage(self._folder).free) < self._reserve:
            raise SpoolFull(f"only {free >> 20} MiB of the disk are free")

    def path(self, job_id: str, name: str) -> Path:
        """Return where this file of this job is, or will be. The job's folder exists afterwards."""
        folder = self._folder / job_id
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder / name

    def find(self, job_id: str, name: str) -> Path:
        """Return where this file would be, whether or not it is there."""
        return self._folder / job_id / name

    def holds(self, job_id: str, name: str, size: int) -> bool:
        """Return whether the whole file is here."""
        path = self.find(job_id, name)
        return path.is_file() and path.stat().st_size == size

    def size(self, job_id: str, name: str) -> int:
        """Return how many bytes this file has. Raises FileNotFoundError if it is not here."""
        return self.find(job_id, name).stat().st_size

    def rename(self, job_id: str, name: str, to: str) -> None:
        """Let one of a job's files take the place of another."""
        self.find(job_id, name).replace(self.find(job_id, to))

    def drop(self, job_id: str, name: str) -> None:
        """Throw out one file. Safe to repeat."""
        self.find(job_id, name).unlink(missing_ok=True)

    def make_room(self, path: Path, size: int, *, evictable: Iterable[str]) -> None:
        """Promise ``size`` bytes to ``path``, throwing out the media of ``evictable`` jobs (first one first) if needed.

        Raises SpoolFull if that is not enough. The promise ends with ``settle``.
        """
        victims = (victim for victim in evictable if not self._used[victim])
        while not self._fits(size):
            victim = next(victims, None)
            if victim is None:
                raise SpoolFull(f"{size} bytes do not fit into the spool")
            self.clear(victim)
        self._promised[path] = size

    @contextmanager
    def using(self, job_id: str) -> Iterator[None]:
        """Keep this job's media from being thrown out meanwhile."""
        self._used[job_id] += 1
        try:
            yield
        finally:
            self._used[job_id] -= 1

    def settle(self, path: Path) -> None:
        """End a promise: the file is there, or will not come."""
        self._promised.pop(path, None)

    def clear(self, job_id: str) -> None:
        """Throw out everything of this job. Safe to repeat."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def sweep(self, alive: Collection[str]) -> None:
        """Throw out what belongs to no living job."""
        for entry in self._folder.iterdir():
            if entry.name not in alive:
                shutil.rmtree(entry, ignore_errors=True)

    def _fits(self, size: int) -> bool:
        promised = sum(self._promised.values())
        used = sum(self._sizes())
        free = shutil.disk_usage(self._folder).free
        return used + promised + size <= self._limit and promised + size + self._reserve <= free

    def _sizes(self) -> Iterator[int]:
        """Yield the size of each file. One that is being written counts as promised: so it is not counted twice."""
        arriving = {str(path) + end for path in self._promised for end in ("", ".part")}
        for folder in os.scandir(self._folder):
            for entry in os.scandir(folder) if folder.is_dir() else ():
                with suppress(FileNotFoundError):  # a child process is done with it
                    if entry.is_file() and entry.path not in arriving:
                        yield entry.stat().st_size
