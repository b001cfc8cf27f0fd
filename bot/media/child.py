"""Running the child process that opens files from outside, and surviving whatever becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.media.limits import Rule

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Mapping, Sequence

    Progress = Callable[[int, int], None]

# -I: neither the environment nor the working folder adds code. Python may keep the decoders' modules compiled, where it
# keeps them all: compiled anew by each child they cost three times the look at a file.
WORKER = (sys.executable, "-I", "-c", "from bot.media.worker import main; main()")

_PROGRESS_MOST = 10**9
_STDERR_BYTES = 4096  # the last of them: a traceback names its reason at the end
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # without them some builds of Python do not start
_SETTINGS = {"MALLOC_ARENA_MAX": "2"}  # else each thread of a decoder keeps a heap of its own
_FROM_OUTSIDE = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})  # before it learned to ignore them
_WATCH_SECONDS = 0.05 if sys.platform == "linux" else 0.5  # where a look costs a process of its own, less often


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What one child may use. ``memory_bytes`` holds for addresses (where enforced) and for resident memory."""

    wall_seconds: float = 60.0
    cpu_seconds: int = 40
    memory_bytes: int = 1 << 30
    output_bytes: int = 1 << 16
    file_bytes: int = 0  # how long a file it may write


class ChildDied(Exception):
    """The child gave no answer because of the file it had to open. ``rule`` says what it took too much of."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class ChildBroken(RuntimeError):
    """The child could not do its work whatever the file: a bug, or an installation without its parts."""


class Children:
    """Starts children, no more than ``at_once`` at a time; the others wait, their time not running."""

    def __init__(self, *, at_once: int = 2, program: Sequence[str] = WORKER) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._program = program

    async def run(
        self, request: Mapping[str, Any], *, folder: Path, limits: ChildLimits, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Hand the request to a child that works in ``folder``, and return its answer.

        ``progress`` is told how much is done of how much, as often as the child says so. Raises ``ChildDied`` when the
        file was too much for the child, ``ChildBroken`` when it has a bug, and ``OSError`` when neither has the fault:
        the disk took nothing, or somebody ended the child. Whatever happens, cancellation included, the child is gone
        when this returns.
        """
        async with self._turns:
            question = json.dumps({**request, "limits": asdict(limits)}).encode()
            return await _Child(await _start(self._program, folder), limits, progress).answer(question)


async def _start(program: Sequence[str], folder: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        *program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=_SETTINGS | {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        close_fds=True,
        start_new_session=True,  # a Ctrl-C on the terminal is the bot's to handle
    )


class _Child:
    """One running child, and the reason for which it was stopped, if it was."""

    def __init__(self, process: Process, limits: ChildLimits, progress: Progress | None) -> None:
        self._process = process
        self._limits = limits
        self._progress = progress
        self._stopped: Rule | None = None

    async def answer(self, request: bytes) -> dict[str, Any]:
        talk = asyncio.create_task(self._talk(request))
        watch = asyncio.create_task(self._watch_memory())
        try:
            await asyncio.wait({talk}, timeout=self._limits.wall_seconds)
            if not talk.done():
                self._stop(Rule.TIMEOUT)
        finally:
            self._kill()
            # The pipes end with the child, so this is short; without it they would be left open.
            output, errors = await talk
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        return self._verdict(output, errors)

    async def _talk(self, request: bytes) -> tuple[bytes, bytes]:
        output, errors, _ = await asyncio.gather(self._read_answer(), self._read_errors(), self._write(request))
        await self._process.wait()
        return output, errors

    async def _write(self, request: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 -- asked for a pipe
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may be dead already
            stdin.write(request)
            await stdin.drain()
            stdin.close()
            await stdin.wait_closed()

    async def _read_answer(self) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 -- asked for a pipe
        answer, rest, total = b"", b"", 0
        while chunk := await stdout.read(1 << 16):
            total += len(chunk)
            if total > self._limits.output_bytes:
                self._stop(Rule.CORRUPT)
                continue
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                answer = answer if self._is_progress(line) else line
        return rest or answer

    def _is_progress(self, line: bytes) -> bool:
        """Return whether this line is no answer, having passed on what it tells. A child may say anything."""
        try:
            told = json.loads(line)
            done, of = told["done"], told["of"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return False
        if type(done) is int and type(of) is int and 0 <= done <= of < _PROGRESS_MOST and self._progress is not None:
            self._progress(done, of)
        return True

    async def _read_errors(self) -> bytes:
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101 -- asked for a pipe
        errors = b""
        while chunk := await stderr.read(1 << 16):
            errors = (errors + chunk)[-_STDERR_BYTES:]
        return errors

    async def _watch_memory(self) -> None:
        """Stop it when it grows too big: not every system enforces a limit of addresses, and macOS does not."""
        while self._process.returncode is None:
            if await resident_bytes(self._process.pid) > self._limits.memory_bytes:
                self._stop(Rule.MEMORY)
            await asyncio.sleep(_WATCH_SECONDS)

    def _stop(self, rule: Rule) -> None:
        self._stopped = self._stopped or rule
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _verdict(self, output: bytes, errors: bytes) -> dict[str, Any]:
        status = self._process.returncode
        if self._stopped is not None:
            raise ChildDied(self._stopped, f"stopped: {self._stopped}")
        if status is not None and status < 0:
            if -status in _FROM_OUTSIDE:
                raise InterruptedError(f"ended from outside, by signal {-status}")
            # A kill that is not ours is the system's, short of memory.
            rules: dict[int, Rule] = {signal.SIGXCPU: Rule.TIMEOUT, signal.SIGKILL: Rule.MEMORY}
            raise ChildDied(rules.get(-status, Rule.CORRUPT), f"ended by signal {-status}")
        if status != 0:
            raise ChildBroken(errors.decode(errors="replace").strip().rpartition("\n")[2])
        try:
            answer = json.loads(output)
        except (ValueError, RecursionError) as error:
            raise ChildDied(Rule.CORRUPT, "no answer") from error
        if not isinstance(answer, dict):
            raise ChildDied(Rule.CORRUPT, "no answer")
        if type(number := answer.get("disk")) is int:
            raise OSError(number, "no file can be written")
        return answer


async def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds, 0 when it is gone or nobody can say."""
    if sys.platform == "linux":
        return _resident_by_proc(pid)
    return await resident_by_ps(pid)


def _resident_by_proc(pid: int) -> int:
    try:  # the kernel makes this text on the spot: no disk is waited for
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


async def resident_by_ps(pid: int) -> int:
    """Return the same, asking the program that every POSIX system has: one short process per look."""
    process = await asyncio.create_subprocess_exec(
        "ps", "-o", "rss=", "-p", str(pid), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    kibibytes, _ = await process.communicate()
    return int(kibibytes or b"0") * 1024
