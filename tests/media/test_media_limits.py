from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.failure import Problem
from bot.job import Media
from bot.media.limits import FORMATS, LIMITS, RULES, Rule, content_type, metadata_problems, problems, suffix
from bot.order import Role

IMAGE = Media(format="jpeg", size=100_000, width=800, height=1200)
VIDEO = Media(format="mp4", size=1_000_000, width=720, height=1280, seconds=10.0, fps=30.0)


def rules(role: Role, media: Media) -> list[str]:
    return [problem.rule for problem in problems(role, media)]


@pytest.mark.parametrize(
    ("inside", "outside", "rule"),
    [
        ({"size": 5_000_000}, {"size": 5_000_001}, "size"),
        ({"width": 200, "height": 300}, {"width": 199, "height": 300}, "side_min"),
        ({"width": 300, "height": 200}, {"width": 300, "height": 199}, "side_min"),
        ({"width": 4096, "height": 4096}, {"width": 4097, "height": 4096}, "side_max"),
        ({"width": 900, "height": 300}, {"width": 901, "height": 300}, "shape"),
        ({"width": 300, "height": 900}, {"width": 300, "height": 901}, "shape"),
    ],
)
def test_a_picture_fits_up_to_each_limit_and_not_beyond(
    inside: dict[str, Any], outside: dict[str, Any], rule: str
) -> None:
    assert rules(Role.IMAGE, replace(IMAGE, **inside)) == []
    assert rules(Role.IMAGE, replace(IMAGE, **outside)) == [rule]


@pytest.mark.parametrize(
    ("inside", "outside", "rule"),
    [
        ({"size": 200_000_000}, {"size": 200_000_001}, "size"),
        ({"width": 200, "height": 300}, {"width": 199, "height": 300}, "side_min"),
        ({"width": 2048, "height": 2048}, {"width": 2048, "height": 2049}, "side_max"),
        ({"width": 600, "height": 200}, {"width": 601, "height": 200}, "shape"),
        ({"seconds": 2.0}, {"seconds": 1.8}, "too_short"),
        ({"seconds": 1.95}, {"seconds": 1.8}, "too_short"),
        ({"seconds": 30.03}, {"seconds": 30.2}, "too_long"),
    ],
)
def test_a_video_fits_up_to_each_limit_and_not_beyond(
    inside: dict[str, Any], outside: dict[str, Any], rule: str
) -> None:
    assert rules(Role.VIDEO, replace(VIDEO, **inside)) == []
    assert rules(Role.VIDEO, replace(VIDEO, **outside)) == [rule]


def test_every_broken_limit_is_told_at_once_in_words() -> None:
    media = replace(VIDEO, format="gif", size=200_000_001, width=3000, height=180, seconds=40.91)
    pixels = "3000 \N{MULTIPLICATION SIGN} 180 px"
    assert problems(Role.VIDEO, media) == (
        Problem(Role.VIDEO, "format", "GIF", "MP4, MOV or AVI"),
        Problem(Role.VIDEO, "size", "200.1 MB", "200 MB"),
        Problem(Role.VIDEO, "side_min", pixels, "200 px"),
        Problem(Role.VIDEO, "side_max", pixels, "2048 px"),
        Problem(Role.VIDEO, "shape", pixels, "1:3\N{EN DASH}3:1"),
        Problem(Role.VIDEO, "too_long", "41 s", "2\N{EN DASH}30 s"),
    )


def test_a_short_video_is_told_its_length_rounded_down() -> None:
    (problem,) = problems(Role.VIDEO, replace(VIDEO, seconds=1.89))
    assert (problem.found, problem.limit) == ("1.8 s", "2\N{EN DASH}30 s")


@pytest.mark.parametrize(
    ("role", "mimetype", "size", "expected"),
    [
        (Role.IMAGE, "video/mp4", 100, [Rule.KIND]),
        (Role.IMAGE, "text/plain", 100, [Rule.KIND]),
        (Role.VIDEO, "image/jpeg", 100, [Rule.KIND]),
        (Role.IMAGE, "image/png", 0, [Rule.EMPTY]),
        (Role.IMAGE, "image/png", 100_000_001, [Rule.SIZE]),
        (Role.VIDEO, "IMAGE/PNG", 1_000_000_001, [Rule.KIND, Rule.SIZE]),
    ],
)
def test_metadata_refuses_what_is_certainly_wrong(role: Role, mimetype: str, size: int, expected: list[str]) -> None:
    found = metadata_problems(role, name="file", mimetype=mimetype, size=size)
    assert [problem.rule for problem in found] == expected


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("mimetype", ["", "application/octet-stream", "nonsense", "/"])
@pytest.mark.parametrize("name", ["", "holiday", "a.txt", "x.jpg.mp4", "\u202egpj.exe", "a\0b"])
@pytest.mark.parametrize("size", [None, 1, 100_000_000])
def test_metadata_never_refuses_what_may_be_fine(role: Role, mimetype: str, name: str, size: int | None) -> None:
    assert metadata_problems(role, name=name, mimetype=mimetype, size=size) == ()


def test_a_gif_may_be_a_film() -> None:
    assert metadata_problems(Role.VIDEO, name="a.gif", mimetype="image/gif", size=100) == ()


def test_a_playlist_is_refused_by_its_name() -> None:
    (problem,) = metadata_problems(Role.VIDEO, name="Live.M3U8", mimetype="", size=100)
    assert problem.rule == Rule.PLAYLIST


def test_every_rule_is_explained_and_every_taken_format_has_a_type() -> None:
    assert set(RULES) == set(Rule)
    assert {name for limits in LIMITS.values() for name in limits.formats} == set(FORMATS)


def test_type_and_suffix_follow_the_content() -> None:
    assert (content_type(IMAGE), suffix(IMAGE)) == ("image/jpeg", ".jpg")
    assert (content_type(replace(VIDEO, format="mov")), suffix(replace(VIDEO, format="avi"))) == (
        "video/quicktime",
        ".avi",
    )
