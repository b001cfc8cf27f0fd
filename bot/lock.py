"""One process per data folder: whoever holds the file lock owns the database and the spool."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A deployment may start the new process before the old one is gone: it has 8 s to finish, and more to be told to.
PATIENCE_SECONDS = 30.0


class FolderInUse(Exception):
    """Another process works in this folder and did not leave in time."""


@contextmanager
def only_process(folder: Path, *, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the folder, waiting up to ``patience`` seconds for another process to leave it; raises FolderInUse.

    The system lets the lock go when the process dies, however it dies.
    """
    descriptor = os.open(folder / "understudy.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, folder, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise FolderInUse(f"another process is using {folder.name}/") from None
            time.sleep(0.1)
        else:
            return
