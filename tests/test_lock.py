from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.lock import FolderInUse, only_process

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLDER = """
import sys, time
from pathlib import Path
from bot.lock import only_process
with only_process(Path(sys.argv[1]), patience=0):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until its input ends, or it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_waits_and_then_says_which_folder_is_in_use(tmp_path: Path) -> None:
    with holder(tmp_path):
        before = time.monotonic()
        with pytest.raises(FolderInUse, match=f"{tmp_path.name}/"), only_process(tmp_path, patience=0.3):
            pass
        assert time.monotonic() - before >= 0.3


def test_the_folder_is_free_when_the_other_one_leaves_in_time(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        assert other.stdin is not None
        threading.Timer(0.2, other.stdin.close).start()
        with only_process(tmp_path, patience=10):
            assert other.wait(10) == 0


def test_the_folder_is_free_when_the_other_one_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        with only_process(tmp_path, patience=10):
            assert other.wait(10) == -signal.SIGKILL


def test_the_folder_is_free_again_after_its_use_even_a_failed_one(tmp_path: Path) -> None:
    with pytest.raises(LookupError), only_process(tmp_path, patience=0):
        raise LookupError
    with only_process(tmp_path, patience=0), pytest.raises(FolderInUse), only_process(tmp_path, patience=0):
        pass


def test_a_child_that_outlives_us_does_not_hold_the_folder(tmp_path: Path) -> None:
    with only_process(tmp_path, patience=0):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    with child:
        try:
            # The system lets us go on a moment before it has closed the child's copies.
            with only_process(tmp_path, patience=5):
                assert child.poll() is None
        finally:
            child.kill()


def test_two_folders_are_two_locks(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with only_process(tmp_path, patience=0), only_process(other, patience=0):
        pass
