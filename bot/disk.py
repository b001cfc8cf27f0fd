"""Files that only a thread of their own touches, so that neither a slow disk nor a cancellation hurts the loop."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path
    from typing import BinaryIO

GATHER = 1 << 20
BLOCK = 1 << 18


class PartFile:
    """A file on its way in, next to where it will be. One thread of its own does all that touches the disk.

    So a transfer that is cancelled in the middle of a write is still cleared away after that write, not under it.
    """

    def __init__(self, to: Path) -> None:
        self.received = 0
        self._to = to
        self._path = to.with_name(f"{to.name}.part")
        self._file: BinaryIO | None = None
        self._blocks: list[bytes] = []
        self._gathered = 0
        self._thread = ThreadPoolExecutor(1, "download")
        self._writing: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._run(self._open)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.shield(self._run(self._clear_away))
            with suppress(OSError):
                await self._written()
        finally:
            self._thread.shutdown(wait=False)

    async def write(self, block: bytes) -> None:
        """Take a block. While the blocks before are being written the next are gathered, but no more than that."""
        self.received += len(block)
        self._blocks.append(block)
        self._gathered += len(block)
        if self._gathered >= GATHER:
            await self._flush()

    async def keep(self) -> None:
        """Make it the file, so that a power cut cannot leave one of the right length with nothing in it."""
        await self._flush()
        await self._written()
        await self._run(self._finish)

    async def _written(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing

    async def _flush(self) -> None:
        await self._written()
        blocks, self._blocks, self._gathered = self._blocks, [], 0
        self._writing = self._run(self._append, blocks)

    def _run(self, act: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, act, *arguments)

    def _open(self) -> None:
        self._path.unlink(missing_ok=True)  # what a dead process left
        self._file = self._path.open("xb")

    @property
    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("not open")
        return self._file

    def _append(self, blocks: list[bytes]) -> None:
        for block in blocks:
            self._opened.write(block)

    def _finish(self) -> None:
        self._opened.flush()
        os.fsync(self._opened.fileno())
        self._opened.close()
        self._path.replace(self._to)

    def _clear_away(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # a full disk refuses the last bytes again
                self._file.close()
            self._path.unlink(missing_ok=True)


@asynccontextmanager
async def reading(path: Path) -> AsyncIterator[tuple[int, AsyncGenerator[bytes]]]:
    """Open a file for one reading: its size, and its blocks, each read by a thread while the one before is sent."""
    loop, opened = asyncio.get_running_loop(), ExitStack()

    def open_file() -> tuple[BinaryIO, int]:
        file = opened.enter_context(path.open("rb"))
        return file, os.fstat(file.fileno()).st_size

    thread = ThreadPoolExecutor(1, "upload")
    try:
        file, size = await loop.run_in_executor(thread, open_file)
        yield size, _blocks(thread, file, size)
    finally:
        thread.submit(opened.close)  # behind what a cancelled upload may have left under way
        thread.shutdown(wait=False)


async def _blocks(thread: ThreadPoolExecutor, file: BinaryIO, size: int) -> AsyncGenerator[bytes]:
    loop = asyncio.get_running_loop()
    left = size
    coming = loop.run_in_executor(thread, file.read, min(BLOCK, left))
    while left:
        block = await coming
        if not block:
            raise OSError("the file became shorter while it was sent")
        left -= len(block)
        if left:
            coming = loop.run_in_executor(thread, file.read, min(BLOCK, left))
        yield block
