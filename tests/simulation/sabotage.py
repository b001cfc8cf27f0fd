"""Tests of the tests: takes one safeguard away at a time and shows that the suite notices.

    python tests/simulation/sabotage.py            # all of them
    python tests/simulation/sabotage.py lane log   # some

Each is done to a copy of the package. A safeguard whose text is no longer there fails loudly: none is forgotten.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIMULATION = "tests/simulation/test_simulation.py"


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A safeguard, what is done to it, and the tests that must notice."""

    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...] = (SIMULATION,)


SAFEGUARDS = (
    Sabotage(
        "row",  # the row says "submitting" before the paid call
        "bot/store/jobs.py",
        """            saved = _save(db, old, new, now, who="", note=None)
            attempts.begin(db, saved, account=account, began_at=now if began_at is None else began_at)
            return saved
""",
        "            return new\n",
    ),
    Sabotage(
        "epoch",  # every attempt has addresses of its own
        "bot/job.py",
        "            epoch=self.epoch + 1,\n",
        "            epoch=self.epoch,\n",
        ("tests/test_intake.py",),
    ),
    Sabotage(
        "revocation",  # what was given away is taken back before anything is sent again
        "bot/settling.py",
        "        await self._store.addresses.revoke(job.id)\n",
        "",
    ),
    Sabotage(
        "log",  # the access log decides whether a lost call may have landed
        "bot/settling.py",
        "        return {address.role for address in addresses if address.first_fetch_at is not None} != set(Role)\n",
        "        return True\n",
        ("tests/test_settler.py",),
    ),
    Sabotage(
        "first byte",  # a fetch is logged before its first byte
        "bot/store/addresses.py",
        "coalesce(first_fetch_at, :now)",
        "first_fetch_at",
        ("tests/store/test_store_addresses.py",),
    ),
    Sabotage(
        "own key",  # only tasks that our API key made are ours
        "bot/settling.py",
        "row.api_key_id == key_id is not None and row.id not in known",
        "row.id not in known",
        ("tests/test_settler.py",),
    ),
    Sabotage(
        "known tasks",  # a task that is some job's already is nobody else's
        "bot/settling.py",
        "row.api_key_id == key_id is not None and row.id not in known",
        "row.api_key_id == key_id is not None",
        ("tests/test_settler.py",),
    ),
    Sabotage(
        "closed windows",  # the time in which another unsettled call may have landed is closed
        "bot/settling.py",
        " and not any(self._may_be(row, other) for other in closed)",
        "",
        ("tests/test_settler.py",),
    ),
    Sabotage(
        "certainty",  # what may be the orphan of a disarmed call is not adopted
        "bot/settling.py",
        "not orphans or row.status is TaskStatus.SUCCEEDED",
        "row.id",
        ("tests/test_settler.py",),
    ),
    Sabotage(
        "lane",  # one paid call per model at a time
        "bot/queue.py",
        "    if submitting(turns):\n        return False\n",
        "",
        ("tests/test_queue.py", "tests/store/test_store_jobs.py"),
    ),
    Sabotage(
        "unique key",  # the same press twice is one job
        "bot/intake.py",
        "key=key, order=order",
        "key=key + _new_id(), order=order",
    ),
    Sabotage(
        "revision",  # only who saw the row as it is may change it
        "bot/store/jobs.py",
        "WHERE id = :id AND revision = :read",
        "WHERE id = :id AND :read >= 0",
        ("tests/store/test_store_jobs.py",),
    ),
    Sabotage(
        "kept answer",  # what the paid call was answered is kept while nothing can be stored
        "bot/submitting.py",
        "            self._untold[told.job.id] = told\n",
        "",
    ),
    Sabotage(
        "look",  # a look at the file before it is shown again
        "bot/delivery.py",
        "        if job.delivery.completing_at is not None:\n            return await self._look(job)\n",
        "",
    ),
    Sabotage(
        "patience",  # a call that was not answered may still take effect
        "bot/delivery.py",
        "settle: float = 30.0",
        "settle: float = 10.0",
    ),
    Sabotage(
        "file id",  # the upload's id is saved before the call that makes it visible
        "bot/delivery.py",
        "        job = await self._moves.keep(job, lambda job: job.stay(due_at=now, delivery=delivery, failures=0))\n",
        "        job = replace(job, delivery=delivery)\n",
    ),
    Sabotage(
        "preview's ids",  # the preview's uploads are saved before the call that makes them visible
        "bot/previews.py",
        "        await self._store.previews.completing(job.id, files, at=self._clock())\n",
        "",
    ),
    Sabotage(
        "preview's look",  # a look at them before they are shown again
        "bot/previews.py",
        "        if look.sight is Sight.NOT_COMPLETED and waited >= self._patience.settle:\n",
        "        if True:\n",
    ),
    Sabotage(
        "files again",  # what fell out of the spool is fetched and mended again
        "bot/inputs.py",
        "        if known is not None and self._spool.holds(job.id, role, known.media.size):\n",
        "        if known is not None:\n",
        ("tests/test_media_flow.py",),
    ),
    Sabotage(
        "finish",  # a finish that fails costs nobody the video
        "bot/delivery.py",
        "except (UserError, SpoolFull, OSError, RuntimeError) as error:",
        "except SpoolFull as error:",
        ("tests/test_media_flow.py",),
    ),
    Sabotage(
        "length",  # a file that was cut off is not taken for whole
        "bot/transfer.py",
        """                if part.received < expected:
                    raise Unreachable("download: cut off")
""",
        "",
        ("tests/test_transfer.py",),
    ),
    Sabotage(
        "one retry",  # a button pressed twice makes one job
        "bot/intake.py",
        'key=f"retry:{job.id}"',
        'key=f"retry:{_new_id()}"',
    ),
    Sabotage(
        "collection",  # a video that Slack took nowhere is posted when its requester asks again
        "bot/intake.py",
        "return job.stay(due_at=self._clock(), delivery=Delivery()) if kept else None",
        "return job.stay(due_at=self._clock()) if kept else None",
    ),
    Sabotage(
        "removal",  # a wish to delete is carried out, whoever dies meanwhile
        "bot/store/jobs.py",
        "SELECT id, due_at FROM job WHERE removing = 1 AND due_at",
        "SELECT id, due_at FROM job WHERE removing = 2 AND due_at",
    ),
    Sabotage(
        "ended jobs",  # nothing that an ended job gave away stays good
        "bot/steps.py",
        "            await self._store.addresses.revoke_ended()\n",
        "            pass\n",
    ),
)


def noticed(sabotage: Sabotage, folder: Path) -> bool:
    """Whether the tests go red without this safeguard."""
    copy(folder)
    path = folder / sabotage.file
    before = path.read_text()
    if before.count(sabotage.text) != 1:
        raise SystemExit(f"{sabotage.name}: {sabotage.file} does not say (once) {sabotage.text!r}")
    path.write_text(before.replace(sabotage.text, sabotage.instead))
    return not green(sabotage.tests, folder)


def copy(folder: Path) -> None:
    """Put into a folder what the tests need."""
    for part in ("bot", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "manifest.yml"):
        shutil.copy(ROOT / part, folder / part)


def green(tests: tuple[str, ...], folder: Path) -> bool:
    """Whether these tests pass on what is in the folder."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-n0",
        "--no-header",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if not re.search(r"^FAILED |^\d+ passed", ended.stdout, re.MULTILINE):  # the tests themselves did not run
        raise SystemExit(f"{tests}: {ended.stdout}{ended.stderr}")
    return ended.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(each.name for each in SAFEGUARDS))
    parser.add_argument("--at-once", type=int, default=2)
    arguments = parser.parse_args()
    wanted = [each for each in SAFEGUARDS if not arguments.names or each.name in arguments.names]
    unnoticed = 0
    with ThreadPoolExecutor(arguments.at_once) as pool:
        # What is red with every safeguard in its place would notice nothing.
        suites = sorted({each.tests for each in wanted})
        for tests, (whole, seconds) in zip(suites, pool.map(whole_run, suites), strict=True):
            verdict = "green" if whole else "RED"
            sys.stdout.write(f"with everything          {verdict:<12} {seconds:5.0f} s  {' '.join(tests)}\n")
            unnoticed += not whole
        for sabotage, (red, seconds) in zip(wanted, pool.map(tried, wanted), strict=True):
            unnoticed += not red
            verdict = "red" if red else "STILL GREEN"
            sys.stdout.write(f"without the {sabotage.name:<16} {verdict:<12} {seconds:5.0f} s\n")
            sys.stdout.flush()
    return min(1, unnoticed)


def whole_run(tests: tuple[str, ...]) -> tuple[bool, float]:
    """Whether these tests pass with every safeguard in its place, and how long that took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        return green(tests, Path(folder)), time.monotonic() - began


def tried(sabotage: Sabotage) -> tuple[bool, float]:
    """Whether it was noticed, and how long that took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        return noticed(sabotage, Path(folder)), time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
