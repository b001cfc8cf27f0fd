"""Everything the bot says, compared with the snapshot and held against Slack's limits, nasty names included."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Any

import pytest
from builders import ADA, BOB, texts_of
from catalogue import SNAPSHOT, Said, form_errors, posted, private, readable, views

from bot.demo.slack.blocks import check_blocks, check_view
from bot.slack import wording

ERROR_MOST = 500  # what can be read under a field; Slack names no limit
TEXT_MOST = 4000  # of what chat.update takes
NASTY = {
    "mentions": "<!channel> <!here> <@U0MALLORY> <#C1> @channel",
    "links": "<https://evil.example|the form> https://evil.example",
    "formats": "*b* _i_ ~s~ `c` ```\n> q :poop: &lt;!channel&gt;",
    "lines": "a\nb\r\nc\u2028d\u2029e\x85f\x00g",
    "directions": "\u202egnp.exe\u2066\u200f\u061c",
    "long": "x" * 3000,
    "wide": "😀" * 1500,
    "half an emoji": "\ud83d.png",
}
OURS = {f"<@{ADA}>", f"<@{BOB}>", "<https://s.example/f|Open the video>", "<https://s.example/c|Jbcdfghjkmn>"}


def test_every_sentence_reads_as_in_the_snapshot() -> None:
    """If a change is meant: ``WRITE_CATALOGUE=1 pytest tests/slack/test_catalogue.py``, and read the difference."""
    if os.environ.get("WRITE_CATALOGUE"):
        SNAPSHOT.write_text(readable())
    assert readable() == SNAPSHOT.read_text()


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_every_message_is_within_slacks_limits_and_repeats_nothing_that_steers(nasty: str) -> None:
    said = Said(name=nasty, clip=nasty, detail=nasty, found=nasty)
    for name, message in [*posted(said), *private(said)]:
        assert not message.blocks or check_blocks(message.blocks) == [], name
        assert 0 < len(message.text) <= TEXT_MOST, name
        formatted = [message.text, *(text["text"] for text in texts_of(message.blocks) if text["type"] == "mrkdwn")]
        assert {found for text in formatted for found in re.findall(r"<[^>]*>", text)} <= OURS, name
        harmless(message.blocks)
    for name, view in views(said):
        assert check_view(view) == [], name
        harmless(view["blocks"])
        words = [text["text"] for text in texts_of(view["blocks"]) if text["type"] == "mrkdwn"]
        assert all(found.startswith(("<!date^", "<@U0ADA")) for w in words for found in re.findall(r"<[^>]*>", w)), name


@pytest.mark.parametrize("nasty", ["", *NASTY.values()], ids=["plain", *NASTY])
def test_every_error_stands_under_a_field_of_its_form_and_steers_nothing(nasty: str) -> None:
    said = Said(name=nasty, clip=nasty, found=nasty) if nasty else Said()
    found = set()
    for name, form, errors in form_errors(said):
        fields = {block["block_id"] for block in form["blocks"] if block["type"] == "input"}
        assert errors, name
        assert set(errors) <= fields, name
        for text in errors.values():
            assert 0 < len(text) <= ERROR_MOST, name
            harmless({"type": "plain_text", "text": text})
        found |= set(errors)
    assert found == {"image", "image_here", "video", "video_here", "start", "length"}


def harmless(value: Any) -> None:
    """Nothing in plain text steers a line, and no emoji is made of colons."""
    for text in texts_of(value):
        if text["type"] == "plain_text":
            odd = [c for c in text["text"] if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c != "\n"]
            assert odd == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(10, "10 s"), (200, "3 min"), (301, "10 min"), (1900, "45 min"), (3700, "1 h 30 min"), (10_900, "4 h")],
)
def test_what_is_far_off_is_rounded_up(seconds: float, said: str) -> None:
    assert wording.roughly(seconds) == said
