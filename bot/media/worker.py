"""The child process that opens files from outside.

One request, a JSON object, on standard input. On standard output lines of JSON: any number that tell of progress, and
last the answer. Then it ends. It confines itself before it touches the file. Exit status 0 means that it answered, 1
that it has a bug; a signal means that the file was too much for it, which is its purpose.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.media import mend
from bot.media.limits import NO_ROOM, Rule, Unfit, Wish, problems
from bot.media.verdict import achieved
from bot.order import Fit, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.job import Media

T = TypeVar("T")

_OPEN_FILES = 32
_PROGRESS_SECONDS = 0.25
_SELDOM = 50_000  # objects between two looks for rubbish: loading the decoders makes many, and no rubbish
_NICE = 10  # people wait for the bot's answers, and the bot waits for nobody's film


def confine(limits: Mapping[str, Any]) -> None:
    """Lower this process's own limits and its place in line, for good. ``limits`` are the fields of ``ChildLimits``."""
    os.nice(_NICE)
    cpu = int(limits["cpu_seconds"])
    _lower(resource.RLIMIT_CPU, cpu, hard=cpu + 1)  # between the two, the signal that names the reason
    _lower(resource.RLIMIT_FSIZE, int(limits["file_bytes"]))
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_AS, int(limits["memory_bytes"]))


def _lower(what: int, soft: int, *, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(what)[1]
    wanted = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, wanted = min(soft, ceiling), min(wanted, ceiling)
    try:
        resource.setrlimit(what, (soft, wanted))
    except (ValueError, OSError):
        # macOS refuses some limits of memory. The parent watches memory and time in any case.
        return


def inspect(path: Path, role: Role, *, thorough: bool) -> Media:
    """Open the file for real and return what it is. Raises ``Unfit`` and nothing else for a file that is there."""
    return _guarded(lambda: mend.look(path, role, thorough=thorough)).media


def _guarded(work: Callable[[], T]) -> T:
    """Return what the work returns. Whatever the file makes the decoders raise becomes ``Unfit``."""
    try:
        return work()
    except Unfit:
        raise
    except MemoryError as error:
        raise Unfit(Rule.MEMORY) from error
    except Exception as error:  # on hostile bytes the decoders raise anything, struct.error included
        if getattr(error, "errno", None) in NO_ROOM:
            raise
        rule = Rule.MEMORY if getattr(error, "errno", None) == errno.ENOMEM else Rule.CORRUPT
        raise Unfit(rule) from error


def probe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with ``media``."""
    return {"media": asdict(inspect(Path(request["path"]), Role(request["role"]), thorough=bool(request["thorough"])))}


def prepare(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with ``problems``; or with ``original`` and, if there are any, the ``mends`` and the ``media`` mended."""
    path, role, to = Path(request["path"]), Role(request["role"]), Path(request["to"])
    wished = request["wish"]
    wish = Wish(start=wished["start"], length=wished["length"], fit=Fit(wished["fit"]))
    found, verdict = _guarded(lambda: mend.prepare(path, role, wish, to, Telling()))
    if verdict.problems:
        return {"problems": [asdict(problem) for problem in verdict.problems]}
    if verdict.fits:
        return {"original": asdict(found.media), "mends": [], "media": asdict(found.media)}
    after = mend.look(to, role, thorough=True).media
    if broken := problems(role, after):
        raise RuntimeError(f"mended, and still {', '.join(problem.rule for problem in broken)}")
    mends = achieved(verdict.mends, found.media, after)
    return {"original": asdict(found.media), "mends": [asdict(each) for each in mends], "media": asdict(after)}


def show(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer that the preview or the contact sheet is written."""
    _guarded(lambda: mend.show(Path(request["path"]), Role(request["role"]), Path(request["to"])))
    return {"shown": True}


def finish(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with the ``media`` that is to be posted, and whether it had to be ``written``."""
    path, to = Path(request["path"]), Path(request["to"])
    reference = Path(request["reference"]) if request["reference"] else None
    written = _guarded(lambda: mend.finish(path, reference, to))
    return {"written": written, "media": asdict(inspect(to if written else path, Role.VIDEO, thorough=False))}


class Telling:
    """Tells the parent how far the work got, seldom enough not to be a burden."""

    def __init__(self) -> None:
        self._next = 0.0
        self._last = (0, 0)

    def __call__(self, done: int, of: int) -> None:
        """Say that so much is done of so much."""
        now = time.monotonic()
        if (done, of) == self._last or (now < self._next and done < of):
            return
        self._next, self._last = now + _PROGRESS_SECONDS, (done, of)
        print(json.dumps({"done": done, "of": of}), flush=True)  # noqa: T201 -- the parent reads it


ACTIONS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "probe": probe,
    "prepare": prepare,
    "show": show,
    "finish": finish,
}


def main() -> None:
    """Serve the one request, and end the process."""
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # platforms send these to every process
        signal.signal(ending, signal.SIG_IGN)  # the parent decides what is left, and kills what it wants gone
    gc.set_threshold(_SELDOM)
    request = json.load(sys.stdin.buffer)
    confine(request["limits"])
    try:
        answer = ACTIONS[request["action"]](request)
    except Unfit as unfit:
        answer = {"unfit": {"rule": unfit.rule, "found": unfit.found, "limit": unfit.limit}}
    except Exception as error:
        if getattr(error, "errno", None) not in NO_ROOM:
            raise
        answer = {"disk": error.errno}  # type: ignore[attr-defined]  # it has one
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)  # the kernel takes a process apart quicker than Python does
