"""What is said in every state and for every code: within Slack's limits, and as it was read and approved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import every_message
import pytest
from builders import order

from bot.demo.slack.blocks import check_blocks
from bot.job import SourceFile
from bot.slack import messages

APPROVED = Path(__file__).with_name("every_message.txt")
NASTY = ["<!channel>", "<@U0EVIL>", "*bold* _it_ ~no~ `code`", "a\nb\r\n> quote", "\u202egpj.exe", "x" * 5000, ":poop:"]


def test_what_is_said_is_what_was_approved() -> None:
    """Changed on purpose? Write it anew as ``every_message.py`` says, and read the difference."""
    assert every_message.text() == APPROVED.read_text(encoding="utf-8")


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
def test_every_card_keeps_slacks_limits_whatever_files_are_called(nasty: str) -> None:
    named = order(image=SourceFile("F1", nasty), video=SourceFile("F2", nasty))
    for name, job, view in every_message.jobs():
        message = messages.card(replace(job, order=named), view)
        assert check_blocks(message.blocks) == [], name
        assert len(message.text) < 3000, name
        assert "U0EVIL>" not in str([block for block in message.blocks if "mrkdwn" in str(block)]), name


def test_everything_that_is_said_has_words_for_those_who_see_no_blocks_and_keeps_the_limits() -> None:
    for name, blocks, beside in every_message.everything():
        assert 0 < len(beside) < 4000, name
        assert len(blocks) <= 50, name
        if blocks and not name.startswith(("form", "details")):  # windows may hold more than messages
            assert check_blocks(blocks) == [], name
