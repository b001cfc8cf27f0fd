"""Media on their way through: a bounded cache on disk, a folder per job. Whatever falls out can be fetched again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bot.errors import BotError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

# What must stay free on the disk for the database, whatever the spool may hold.
RESERVE_BYTES = 256 * 1024 * 1024


class SpoolFull(BotError):
    """There is no room for a file now; there will be when other jobs have ended."""


class Spool:
    """The folder, its limit in bytes, and the rule of what may be thrown out."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._promised: dict[Path, int] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

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

    def make_room(self, path: Path, size: int, *, evictable: Iterable[str]) -> None:
        """Promise ``size`` bytes to ``path``, throwing out the media of ``evictable`` jobs (first one first) if needed.

        Raises SpoolFull if that is not enough. The promise ends with ``settle``.
        """
        victims = iter(evictable)
        while not self._fits(size):
            victim = next(victims, None)
            if victim is None:
                raise SpoolFull(f"{size} bytes do not fit into the spool")
            self.clear(victim)
        self._promised[path] = size

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
        # A file that is being written counts as promised, not as used, so that it is not counted twice.
        used = sum(file.stat().st_size for file in self._files())
        free = shutil.disk_usage(self._folder).free
        return used + promised + size <= self._limit and promised + size + RESERVE_BYTES <= free

    def _files(self) -> list[Path]:
        writing = {path.name for path in self._promised}
        parents = {path.parent for path in self._promised}
        return [
            file
            for file in self._folder.glob("*/*")
            if file.is_file() and not (file.parent in parents and file.name.startswith(tuple(writing)))
        ]
