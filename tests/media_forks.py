"""The worker with each file in a process of its own, confined as the real one, forked from one that has it all loaded.

As a script: ``media_forks.py CORPUS FOLDER`` has every specimen of a pickled corpus prepared, and what fits shown, and
prints what became of each as JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_WALL_SECONDS = 60.0
_WISH = {"start": 0.0, "length": None, "fit": "none"}


def load() -> None:
    """Load the decoders, once, before the forks."""
    import pillow_heif  # noqa: F401 -- for the sake of loading it
    from PIL import Image

    import bot.media.develop
    import bot.media.film
    import bot.media.finish
    import bot.media.sheet
    import bot.media.worker  # noqa: F401 -- for the sake of loading them

    Image.init()


def served(request: Mapping[str, Any], folder: Path, answer: Path, *, cpu_seconds: int = 40) -> int:
    """Have one request served, its output written to ``answer``; return the process's wait status."""
    from bot.media import worker
    from bot.media.prepare import MEND_LIMITS

    limits = asdict(MEND_LIMITS) | {"cpu_seconds": cpu_seconds}
    whole = {
        "to": str(folder / "made"),
        "thorough": True,
        "wish": _WISH,
        "reference": None,
        **request,
        "limits": limits,
    }
    pid = os.fork()
    if pid:
        return _waited(pid)
    try:
        source, entry = os.pipe()
        os.write(entry, json.dumps(whole).encode())
        os.close(entry)
        os.dup2(source, 0)
        os.dup2(os.open(answer, os.O_WRONLY | os.O_CREAT, 0o600), 1)
        os.chdir(folder)
        worker.main()
    except BaseException:  # noqa: BLE001 -- whatever it is, it is the finding
        import traceback

        traceback.print_exc()
    finally:
        os._exit(1)


def _waited(pid: int) -> int:
    until = time.monotonic() + _WALL_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return signal.SIGXCPU


def become(role: str, path: Path, folder: Path) -> list[Any]:
    """Return what becomes of a file: the status, the worker's last word, and what lies in the folder afterwards."""
    answer = folder.with_suffix(".answer")
    request = {"action": "prepare", "path": str(path), "role": role}
    status = served(request, folder, answer)
    said = json.loads(answer.read_text().splitlines()[-1]) if status == 0 else {}
    left = sorted(entry.name for entry in folder.iterdir())
    answer.unlink()
    return [status, said, left]


def main(corpus: Path, home: Path) -> None:
    """Serve the whole corpus. The specimens are pickled as name, file name, role and bytes."""
    load()
    became = {}
    for name, file, role, data in pickle.loads(corpus.read_bytes()):
        place, folder = home / "place", home / "folder"
        place.mkdir()
        folder.mkdir()
        (place / file).write_bytes(data)
        outcome = became[name] = become(role, place / file, folder)
        outcome.append((place / file).read_bytes() == data and [entry.name for entry in place.iterdir()] == [file])
        for entry in (*folder.iterdir(), *place.iterdir()):
            entry.unlink()
        place.rmdir()
        folder.rmdir()
    print(json.dumps(became))  # noqa: T201 -- the answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
