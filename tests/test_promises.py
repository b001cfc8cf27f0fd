"""Every promise that the README makes names the tests that hold it, and those exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def promises() -> list[str]:
    """The rows of the README's table of promises."""
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("## What Understudy promises\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| **")]


def test_each_promise_names_tests_and_each_of_them_exists() -> None:
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^(?:async )?def (test_\w+)\(", written, re.MULTILINE))
    named = [re.findall(r"`(test_\w+)`", row.split(" | ")[-1]) for row in promises()]
    assert len(named) > 10
    assert all(named)
    assert {name for names in named for name in names} - tests == set()


def test_each_promise_is_told_for_both_file_hosts() -> None:
    assert all(len(row.strip("|").split(" | ")) == 4 for row in promises())
