from __future__ import annotations

import pytest
from builders import QUICK
from hypothesis import given
from hypothesis import strategies as st

from bot.order import Kind, Quality
from bot.slack.words import Asked, parse, without_mentions


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", Asked()),
        ("swap pro", Asked(kind=Kind.SWAP, quality=Quality.PRO)),
        ("Please /animate this!", Asked(kind=Kind.ANIMATE)),
        ("animate, standard, 5s", Asked(kind=Kind.ANIMATE, quality=Quality.STANDARD, length=5.0)),
        ("2.5sec", Asked(length=2.5)),
        ("swap 0:03-0:08", Asked(kind=Kind.SWAP, start=3.0, length=5.0)),
        ("3s–8.5s", Asked(start=3.0, length=5.5)),
        ("swap swap pro pro", Asked(kind=Kind.SWAP, quality=Quality.PRO)),
        ("swap animate", Asked(kind=Kind.SWAP, unknown=("animate",))),
        ("pro standard", Asked(quality=Quality.PRO, unknown=("standard",))),
        ("31s 1s", Asked(unknown=("31s", "1s"), beyond=("31s", "1s"))),
        ("0:03-0:50", Asked(unknown=("0:03-0:50",), beyond=("0:03-0:50",))),
        ("8-3", Asked(unknown=("8-3",))),
        ("5 seconds", Asked(unknown=("5", "seconds"))),
        ("don't swap", Asked(kind=Kind.SWAP, unknown=("don't",))),
        ("<@U2> swap", Asked(kind=Kind.SWAP, unknown=("<@u2>",))),
    ],
)
def test_words_are_understood_or_named(text: str, asked: Asked) -> None:
    assert parse(text) == asked


@pytest.mark.parametrize(
    ("text", "files", "unknown"),
    [
        ("https://acme.slack.com/files/U123/F456/hero.png", ("F456",), ()),
        ("<https://acme.slack.com/files/U123/F456/hero.png|hero>", ("F456",), ()),
        ("<https://acme.slack.com/files/U123/F456>", ("F456",), ()),
        ("https://acme.enterprise.slack.com/files/W1/F4/a?b#c https://a.slack.com/files/U1/F4", ("F4",), ()),
        ("https://example.com/cat.png", (), ("https://example.com/cat.png",)),
        ("https://a.slack.com/archives/C1/p123", (), ("https://a.slack.com/archives/C1/p123",)),
        ("https://a.slack.com/files/U1/F4.png", (), ("https://a.slack.com/files/U1/F4.png",)),
    ],
)
def test_links_to_files_are_known_by_the_files_id(text: str, files: tuple[str, ...], unknown: tuple[str, ...]) -> None:
    assert (parse(text).files, parse(text).unknown) == (files, unknown)


def test_only_the_bots_own_mention_is_taken_out() -> None:
    assert without_mentions("<@U1> swap <@U1|bot> for <@U2>", "U1").split() == ["swap", "for", "<@U2>"]


@QUICK
@given(st.text())
def test_nothing_that_can_be_written_is_a_bug(text: str) -> None:
    parse(text)
