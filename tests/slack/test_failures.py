from __future__ import annotations

import re

import pytest

from bot.failure import FailureCode, Problem
from bot.media.limits import RULES, Rule
from bot.order import Role
from bot.slack.failures import SENTENCES, problem


@pytest.mark.parametrize("code", FailureCode)
def test_every_code_has_a_sentence_that_says_what_happened_and_what_to_do(code: FailureCode) -> None:
    happened, advice = SENTENCES[code]
    for sentence in (happened, advice):
        assert re.fullmatch(r"[A-Z][^\n]*\.", sentence)
    both = f"{happened} {advice}"
    assert not re.search(r"_|\w\.[A-Za-z]|\b[a-z]+[A-Z]|https?:", both)  # no code, no address
    assert len(both) < 220


def test_no_two_codes_say_that_the_same_happened() -> None:
    assert len({happened for happened, _ in SENTENCES.values()}) == len(FailureCode)
    assert set(SENTENCES) == set(FailureCode)


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("role", Role)
def test_every_rule_has_a_text_that_names_the_file(rule: Rule, role: Role) -> None:
    text = problem(Problem(role, rule, "FOUND", "LIMIT"))
    assert text.startswith({Role.IMAGE: "The picture ", Role.VIDEO: "The video "}[role])
    assert text.endswith(".")
    assert not re.search(r"[{}]", text)


@pytest.mark.parametrize("rule", [rule for rule in Rule if "found" in RULES[rule]])
def test_what_was_found_and_what_the_limit_is_are_said_where_there_is_something_to_say(rule: Rule) -> None:
    text = problem(Problem(Role.VIDEO, rule, "41 s", "2–30 s"))
    assert "41 s" in text
    assert "2–30 s" in text


def test_where_nothing_was_found_the_sentence_still_reads() -> None:
    assert problem(Problem(Role.IMAGE, Rule.FORMAT, "", "JPEG or PNG")) == (
        "The picture has a format I can't use (unknown); I take JPEG or PNG."
    )


@pytest.mark.parametrize("found", ["AVI video", "MP4 video", "ICO picture", "JPEG picture", "sound", "text", ""])
def test_another_kind_of_file_is_named_without_an_article_that_half_of_them_would_not_take(found: str) -> None:
    assert problem(Problem(Role.IMAGE, Rule.KIND, found, "JPEG or PNG")) == (
        f"The picture is the wrong kind of file ({found or 'unknown'}); I need JPEG or PNG here."
    )


def test_braces_in_what_was_found_fill_nothing_in() -> None:
    assert "(limit)" in problem(Problem(Role.VIDEO, Rule.FORMAT, "{limit}", "x"))
