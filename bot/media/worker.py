"""The child process that opens files from outside: ``python -m bot.media.worker``.

One request, a JSON object, on standard input; one answer on standard output; then it ends. It confines itself before
it touches the file. Exit status 0 means that it answered, 1 that it has a bug; a signal means that the file was too
much for it, which is its purpose.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av.logging

from bot.job import Role
from bot.media.limits import Rule, Unfit
from bot.media.picture import inspect_picture
from bot.media.sniff import HEAD, admit, recognise
from bot.media.video import inspect_video

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.job import Media

_OPEN_FILES = 32


def confine(limits: Mapping[str, Any]) -> None:
    """Lower this process's own limits, for good. ``limits`` are the fields of ``ChildLimits``."""
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


def probe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with ``media``, or with the one rule that kept the file from being opened (``unfit``)."""
    try:
        media = inspect(Path(request["path"]), Role(request["role"]), thorough=bool(request["thorough"]))
    except Unfit as unfit:
        return {"unfit": {"rule": unfit.rule, "found": unfit.found, "limit": unfit.limit}}
    return {"media": asdict(media)}


def inspect(path: Path, role: Role, *, thorough: bool) -> Media:
    """Open the file for real and return what it is. Raises ``Unfit`` and nothing else for a file that is there."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise Unfit(Rule.EMPTY)
    kind = recognise(head)
    admit(role, kind)
    try:
        if role is Role.IMAGE:
            return inspect_picture(path, kind)
        return inspect_video(path, kind, thorough=thorough)
    except Unfit:
        raise
    except MemoryError as error:
        raise Unfit(Rule.MEMORY) from error
    except Exception as error:  # on hostile bytes the decoders raise anything, struct.error included
        raise Unfit(Rule.CORRUPT) from error


ACTIONS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"probe": probe}


def main() -> None:
    """Serve the one request."""
    av.logging.set_level(None)  # FFmpeg would fill the parent's pipe with what is wrong with the file
    request = json.load(sys.stdin.buffer)
    confine(request["limits"])
    answer = ACTIONS[request["action"]](request)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
