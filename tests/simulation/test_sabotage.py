"""The tests of the tests can be run: ``python tests/simulation/sabotage.py`` takes each safeguard away in turn."""

from __future__ import annotations

import pytest
from sabotage import ROOT, SAFEGUARDS, Sabotage


@pytest.mark.parametrize("sabotage", SAFEGUARDS, ids=lambda sabotage: sabotage.name)
def test_each_safeguard_stands_in_its_file_once_and_has_tests(sabotage: Sabotage) -> None:
    assert (ROOT / sabotage.file).read_text().count(sabotage.text) == 1
    assert all((ROOT / path).is_file() for path in sabotage.tests)


def test_there_are_many_and_no_two_of_a_name() -> None:
    assert len({sabotage.name for sabotage in SAFEGUARDS}) == len(SAFEGUARDS) >= 8
