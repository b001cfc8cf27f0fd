"""A few seconds of what ``media_fuzz.py --seconds 3600`` does for an hour."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_files_damaged_at_random_are_described_mended_or_refused(tmp_path: Path) -> None:
    script = Path(__file__).with_name("media_fuzz.py")
    command = [sys.executable, str(script), "--seconds", "5", "--seed", "1", "--keep", str(tmp_path / "kept")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "answered" in done.stdout
