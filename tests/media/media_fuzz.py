"""Mutations of the corpus, looked at and mended, each in a process of its own: ``media_fuzz.py --seconds 3600``.

Exit status 0: each one was described, mended or refused, or died within its limits, which is what the child process is
for (its signal is counted). 1: our code broke, something was left behind, or a canary was touched; the file that did it
is kept in ``--keep``.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_WALL_SECONDS = 60.0


def mutated(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """Return the file with a few things wrong with it, most of them near its beginning or end."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5, 20))):
        place = _place(len(changed), dice)
        match dice.randrange(8):
            case 0 | 1:
                changed[place : place + 1] = dice.randbytes(1)
            case 2:
                changed[place : place + 4] = struct.pack(dice.choice("<>") + "I", dice.choice(_EXTREMES))
            case 3:
                changed[place : place + 2] = struct.pack(dice.choice("<>") + "H", dice.choice(_EXTREMES) & 0xFFFF)
            case 4:
                del changed[place : place + dice.choice((1, 4, 100, 10_000))]
            case 5:
                changed[place:place] = changed[place : place + dice.choice((4, 64, 4096))]
            case 6:
                length = dice.choice((4, 64, 4096))
                changed[place : place + length] = bytes(length)
            case _:
                start = _place(len(other), dice)
                changed[place : place + 256] = other[start : start + 256]
    return bytes(changed)


def _place(length: int, dice: random.Random) -> int:
    near = dice.randrange(min(length, dice.choice((64, 1024, 8192))) or 1)
    return dice.choice((near, max(0, length - 1 - near), dice.randrange(length or 1)))


def one(path: Path, role: str, folder: Path, dice: random.Random) -> int:
    """Look at the file or mend it in a process of its own, confined as the real one is; return its wait status."""
    from bot.media import worker
    from bot.media.prepare import MEND_LIMITS

    action = dice.choice(("probe", "prepare", "prepare", "prepare", "show", "finish"))
    wish = {
        "start": dice.choice((0.0, 0.0, 1.0)),
        "length": dice.choice((None, 2.0)),
        "fit": dice.choice(("none", "pad", "crop")),
    }
    limits = asdict(MEND_LIMITS) | {"cpu_seconds": 30}
    request: dict[str, object] = {
        "action": action,
        "path": str(path),
        "role": role,
        "to": str(folder / "made"),
        "limits": limits,
    }
    request.update(thorough=True, wish=wish, reference=None)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            source, null = os.pipe()
            os.write(null, json.dumps(request).encode())
            os.close(null)
            os.dup2(source, 0)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.chdir(folder)
            worker.main()
            sys.stdout.flush()
            status = 0
        except BaseException:  # noqa: BLE001 -- whatever it is, it is the finding
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    return _waited(pid)


def _waited(pid: int) -> int:
    until = time.monotonic() + _WALL_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return signal.SIGXCPU


def make(path: Path) -> None:
    """Write the corpus, in a process of its own: encoders leave threads behind, and threads do not fork."""
    pid = os.fork()
    if pid == 0:
        from media_corpus import specimens

        made = specimens(port=1, canary=path.with_name("canary"))
        small = [(each.name, str(each.role), each.data) for each in made if len(each.data) < 1 << 20]
        path.write_bytes(pickle.dumps(small))
        os._exit(0)
    os.waitpid(pid, 0)


def run(seconds: float, seed: int, keep: Path) -> int:
    """Fuzz for so long and return how many files broke something."""
    import av  # noqa: F401 -- loaded once, before the forks
    import PIL.Image  # noqa: F401 -- as above

    import bot.media.develop
    import bot.media.film
    import bot.media.finish
    import bot.media.sheet  # noqa: F401 -- as above

    dice, counts, found = random.Random(seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        make(home / "corpus")
        corpus = pickle.loads((home / "corpus").read_bytes())
        (home / "canary").write_bytes(b"x")
        folder = home / "work"
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            name, role, data = dice.choice(corpus)
            folder.mkdir()
            path = home / "in"
            path.write_bytes(mutated(data, dice.choice(corpus)[2], dice))
            status = one(path, role, folder, dice)
            outcome = _outcome(status, home)
            counts[outcome] += 1
            if outcome not in {"answered", "out of time"}:
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, keep / f"{outcome.replace(' ', '-')}-{counts[outcome]}-{name[:40].replace('/', '_')}")
            found += outcome.startswith("broke")
            shutil.rmtree(folder)
    print(seed, dict(counts))  # noqa: T201 -- what the run is for
    return found


def _outcome(status: int, home: Path) -> str:
    if {entry.name for entry in home.iterdir()} != {"corpus", "canary", "in", "work"}:
        return "broke: left something behind"
    if {entry.name for entry in (home / "work").iterdir()} - {"made", "colours.cube"}:
        return "broke: wrote something else"
    if os.WIFEXITED(status):
        return "answered" if os.WEXITSTATUS(status) == 0 else "broke"
    number = os.WTERMSIG(status)
    return "out of time" if number in {signal.SIGXCPU, signal.SIGKILL} else f"died of {signal.Signals(number).name}"


def main() -> int:
    """Read the arguments and fuzz."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    chosen = arguments.parse_args()
    return 1 if run(chosen.seconds, chosen.seed, chosen.keep) else 0


if __name__ == "__main__":
    sys.exit(main())
