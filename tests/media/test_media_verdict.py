from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.job import Media, Mend
from bot.media.limits import CHANGES, LIMITS, RULES, Change, Rule, Wish
from bot.media.shape import geometry
from bot.media.verdict import Found, achieved, even_rate, judge
from bot.order import Fit, Role

PICTURE = Found(media=Media(format="jpeg", size=100_000, width=800, height=1200), bare=100_000)
FILM = Found(
    media=Media(format="mp4", size=10**6, width=720, height=1280, seconds=10.0, fps=30.0, sound=True, codec="h264"),
    bare=10**6,
    beat=30.0,
)
DASH = "\N{EN DASH}"


def found(base: Found, media: dict[str, Any] | None = None, **other: Any) -> Found:
    return replace(base, media=replace(base.media, **(media or {})), **other)


def changes(role: Role, what: Found, **wish: Any) -> list[str]:
    verdict = judge(role, what, Wish(**wish))
    assert verdict.problems == ()
    return [mend.change for mend in verdict.mends]


def refusals(role: Role, what: Found, **wish: Any) -> list[str]:
    return [problem.rule for problem in judge(role, what, Wish(**wish)).problems]


def test_what_fits_is_not_touched() -> None:
    assert judge(Role.IMAGE, PICTURE, Wish()).fits
    assert judge(Role.VIDEO, FILM, Wish()).fits


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (found(PICTURE, {"format": "heic"}), ["converted"]),
        (found(PICTURE, turn=6), ["turned"]),
        (found(PICTURE, notes=True), ["cleaned"]),
        (found(PICTURE, alpha=True), ["flattened"]),
        (found(PICTURE, colours="CMYK"), ["colours"]),
        (found(PICTURE, moving=True), ["first_frame"]),
        (found(PICTURE, {"width": 5712, "height": 4284}), ["scaled"]),
        (found(PICTURE, {"width": 100, "height": 100}), ["scaled"]),
        (found(PICTURE, {"size": 6_000_000}, bare=5_000_001), ["compressed"]),
        (found(PICTURE, {"size": 6_000_000}, bare=5_000_000, notes=True), ["cleaned"]),
        (
            found(PICTURE, {"format": "heic", "width": 5000, "height": 4000}, turn=8, notes=True),
            ["converted", "turned", "scaled", "cleaned"],
        ),
    ],
)
def test_each_fault_of_a_picture_is_mended(what: Found, expected: list[str]) -> None:
    assert changes(Role.IMAGE, what) == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (found(FILM, {"format": "webm", "codec": "vp9"}), ["converted", "recoded"]),
        (found(FILM, {"format": "matroska"}), ["converted"]),
        (found(FILM, {"format": "matroska", "codec": "mpeg4"}), ["converted", "recoded"]),
        (found(FILM, {"format": "avi", "codec": "mpeg4"}), []),
        (found(FILM, {"codec": "hevc"}), ["recoded"]),
        (found(FILM, {"codec": "av1"}), ["recoded"]),
        (found(FILM, pixels="yuv420p10le", colours="10-bit 4:2:0"), ["colours"]),
        (found(FILM, {"codec": "hevc", "hdr": True}, light="hlg", pixels="yuv420p10le"), ["recoded", "tone_mapped"]),
        (found(FILM, turn=3), ["turned"]),
        (found(FILM, square=False), ["scaled"]),
        (found(FILM, {"variable": True}), ["steadied"]),
        (found(FILM, {"fps": 240.0}, beat=240.0), []),
        (found(FILM, {"fps": 240.0}, beat=240.0, turn=3), ["turned", "steadied"]),
        (found(FILM, {"fps": 2.0}, beat=2.0, turn=3), ["turned", "steadied"]),
        (found(FILM, {"format": "gif", "codec": "gif", "fps": 2.0}, beat=2.0), ["converted", "steadied"]),
        (found(FILM, {"width": 721}), ["cropped"]),
        (found(FILM, {"width": 2160, "height": 3840}), ["scaled"]),
        (found(FILM, {"width": 120, "height": 120}), ["scaled"]),
        (found(FILM, {"size": 200_000_001}), ["compressed"]),
        (found(FILM, {"seconds": 45.0}), ["cut"]),
        (found(FILM, rest=30.05), []),
        (found(FILM, rest=40.0), ["trimmed"]),
        (found(FILM, {"seconds": 45.0}, rest=50.0), ["cut"]),
        (found(FILM, {"format": "matroska"}, voice=False), ["converted", "silenced"]),
        (found(FILM, voice=False), []),
        (found(FILM, notes=True), ["cleaned"]),
    ],
)
def test_each_fault_of_a_film_is_mended(what: Found, expected: list[str]) -> None:
    assert changes(Role.VIDEO, what) == expected


@pytest.mark.parametrize("change", [{"format": "matroska"}, {"format": "mov"}, {}])
@pytest.mark.parametrize("rest", [0.0, 40.0])
def test_pictures_that_fit_are_never_coded_again_for_what_is_around_them(change: dict[str, Any], rest: float) -> None:
    assert not judge(Role.VIDEO, found(FILM, change, notes=True, rest=rest), Wish()).plan.recode


@pytest.mark.parametrize(
    ("media", "other"),
    [({"format": "avi"}, {}), ({"format": "mov", "codec": "mjpeg"}, {}), ({}, {"hidden": True})],
)
def test_pictures_that_cannot_be_taken_over_are_coded_again_so_that_the_sound_ends_with_them(
    media: dict[str, Any], other: dict[str, Any]
) -> None:
    verdict = judge(Role.VIDEO, found(FILM, {**media, "seconds": 30.05}, rest=40.0, **other), Wish())
    assert verdict.mends == (Mend(Change.TRIMMED),)
    assert verdict.plan.recode


@pytest.mark.parametrize(
    ("seconds", "wish", "part"),
    [
        (45.0, {}, (0.0, 30.0)),
        (45.0, {"start": 20.0}, (20.0, 25.0)),
        (45.0, {"start": 20.0, "length": 5.0}, (20.0, 5.0)),
        (45.0, {"length": 40.0}, (0.0, 30.0)),
        (10.0, {"start": 8.0, "length": 30.0}, (8.0, 2.0)),
        (30.05, {}, (0.0, 30.05)),
        (30.05, {"length": 30.0}, (0.0, 30.0)),
        (45.0, {"start": 14.95}, (14.95, 30.0)),
        (10.0, {"length": 1.95}, (0.0, 2.0)),
        (10.05, {"length": 10.0}, (0.0, 10.05)),
        (10.0, {"length": 10.0}, (0.0, 10.0)),
    ],
)
def test_the_part_is_the_one_that_was_chosen(seconds: float, wish: dict[str, float], part: tuple[float, float]) -> None:
    verdict = judge(Role.VIDEO, found(FILM, {"seconds": seconds}), Wish(**wish))  # type: ignore[arg-type]
    assert verdict.problems == ()
    assert verdict.plan.start == part[0]
    assert verdict.plan.seconds == pytest.approx(part[1])
    assert verdict.fits == (part[1] == seconds)


NEAR_THE_BOUNDS = [1.9, 1.903, 1.95, 1.999, 2.0, 2.01, 29.97, 29.999, 30.0, 30.01, 30.05, 30.097, 30.098, 30.1]


@pytest.mark.parametrize("anew", [{"variable": True}, {"codec": "hevc"}])
@pytest.mark.parametrize("wish", [{}, {"length": 30.0}, {"start": 0.0, "length": 1.95}])
def test_what_is_written_here_keeps_the_bounds_of_the_length_to_the_letter(
    anew: dict[str, Any], wish: dict[str, float]
) -> None:
    for seconds in [*NEAR_THE_BOUNDS, 33.0]:
        for fps in (9.95, 10.0, 10.03, 12.085, 16.0, 17.743, 18.0, 23.976, 29.97, 47.744, 48.0, 59.94, 60.5, 240.0):
            what = found(FILM, {**anew, "seconds": seconds, "fps": fps}, beat=fps)
            verdict = judge(Role.VIDEO, what, Wish(**wish))  # type: ignore[arg-type]
            assert verdict.problems == ()
            assert verdict.plan.recode
            assert 2 <= verdict.plan.frames / verdict.plan.rate <= 30, (seconds, fps)


@pytest.mark.parametrize("seconds", NEAR_THE_BOUNDS)
@pytest.mark.parametrize("change", [{}, {"format": "matroska"}])
def test_a_clip_that_a_camera_cut_is_not_coded_again_for_its_last_frame(seconds: float, change: dict[str, Any]) -> None:
    verdict = judge(Role.VIDEO, found(FILM, {**change, "seconds": seconds}), Wish())
    assert (verdict.problems, verdict.plan.recode, verdict.plan.seconds) == ((), False, seconds)


def test_no_frame_is_lost_because_lengths_are_known_to_the_millisecond() -> None:
    what = found(FILM, {"codec": "hevc", "seconds": 6.673, "fps": 29.97})  # 200 frames
    assert judge(Role.VIDEO, what, Wish()).plan.frames == 200


@pytest.mark.parametrize(("seconds", "told"), [(30.03, ["recoded"]), (30.2, ["recoded", "cut"])])
def test_the_last_frame_of_a_film_that_is_coded_again_is_no_news(seconds: float, told: list[str]) -> None:
    assert changes(Role.VIDEO, found(FILM, {"codec": "hevc", "seconds": seconds})) == told


@pytest.mark.parametrize(
    ("media", "wish", "expected"),
    [
        ({"seconds": 1.2}, {}, ["too_short"]),
        ({}, {"start": 9.0}, ["too_short"]),
        ({}, {"length": 1.0}, ["too_short"]),
        ({}, {"start": 10.0}, ["part"]),
        ({}, {"start": 99.0}, ["part"]),
        ({"width": 2000, "height": 600}, {}, ["shape"]),
        ({"width": 600, "height": 2000}, {"fit": Fit.CROP}, []),
        ({"width": 600, "height": 2000}, {"fit": Fit.PAD}, []),
        ({"seconds": 1.0, "width": 3000, "height": 600}, {}, ["too_short", "shape"]),
    ],
)
def test_what_cannot_be_mended_is_refused_with_every_reason(
    media: dict[str, Any], wish: dict[str, Any], expected: list[str]
) -> None:
    assert refusals(Role.VIDEO, found(FILM, media), **wish) == expected


def test_a_refusal_names_what_was_found_and_what_is_taken() -> None:
    verdict = judge(Role.VIDEO, found(FILM, {"seconds": 33.2}), Wish(start=40.0))
    assert [(each.rule, each.found, each.limit) for each in verdict.problems] == [("part", "40 s", f"0{DASH}33.2 s")]


def test_mends_are_told_in_words() -> None:
    what = found(FILM, {"format": "mov", "codec": "hevc", "seconds": 45.3, "width": 3840, "height": 2160, "hdr": True})
    verdict = judge(Role.VIDEO, replace(what, light="hlg"), Wish(start=2.5, length=10.0))
    after = replace(FILM.media, size=4_321_000)
    assert achieved(verdict.mends, what.media, after) == (
        Mend(Change.CONVERTED, "MOV", "MP4"),
        Mend(Change.RECODED, "HEVC", "H.264"),
        Mend(Change.CUT, "45.3 s", f"2.5{DASH}12.5 s"),
        Mend(Change.SCALED, "3840 \N{MULTIPLICATION SIGN} 2160 px", "2048 \N{MULTIPLICATION SIGN} 1152 px"),
        Mend(Change.TONE_MAPPED, "HDR", "SDR"),
    )


def test_what_only_the_outcome_tells_is_added() -> None:
    verdict = judge(Role.IMAGE, found(PICTURE, {"format": "heic", "size": 6_100_000}, bare=6_100_000), Wish())
    after = replace(PICTURE.media, size=4_760_000)
    assert achieved(verdict.mends, replace(PICTURE.media, format="heic"), after) == (
        Mend(Change.CONVERTED, "HEIC", "JPEG"),
        Mend(Change.COMPRESSED, "6.1 MB", "4.8 MB"),
    )


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (29.97, Fraction(30000, 1001)),
        (30.0, Fraction(30)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (0.0, Fraction(1, 1001)),
    ],
)
def test_the_frame_rate_that_was_meant_is_found(fps: float, rate: Fraction) -> None:
    assert even_rate(fps) == rate


@pytest.mark.parametrize("wish", [{"start": -1.0}, {"start": float("nan")}, {"length": 0.0}, {"length": float("inf")}])
def test_a_senseless_wish_cannot_be_made(wish: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="part"):
        Wish(**wish)  # type: ignore[arg-type]


def test_every_rule_and_every_change_is_explained() -> None:
    assert set(RULES) == set(Rule)
    assert set(CHANGES) == set(Change)


SIDES = st.one_of(st.integers(1, 700), st.integers(1, 9000), st.integers(1, 200_000))


@given(width=SIDES, height=SIDES, fit=st.sampled_from(Fit), role=st.sampled_from(Role))
def test_whatever_the_size_the_result_keeps_every_limit_and_its_proportions(
    width: int, height: int, fit: Fit, role: Role
) -> None:
    limits, even = LIMITS[role], role is Role.VIDEO
    if fit is Fit.NONE and max(width, height) > limits.shape * min(width, height):
        return  # refused
    plan = geometry((width, height), limits, fit, even=even)
    assert all(limits.side_min <= side <= limits.side_max for side in plan.pad)
    assert max(plan.pad) <= limits.shape * min(plan.pad)
    assert all(inner <= outer for inner, outer in zip(plan.scale, plan.pad, strict=True))
    assert all(1 <= kept <= side for kept, side in zip(plan.crop, (width, height), strict=True))
    if even:
        assert all(side % 2 == 0 for side in plan.pad + plan.scale)
    across, down = (after / before for after, before in zip(plan.scale, plan.crop, strict=True))
    if min(plan.scale) > 10:  # narrower than that, one row more or less is a lot
        assert across / down == pytest.approx(1, abs=3 / min(plan.scale))


@given(side=st.integers(200, 2048), other=st.integers(200, 2048))
def test_an_odd_side_costs_one_row_and_no_scaling(side: int, other: int) -> None:
    if max(side, other) > 2.9 * min(side, other):
        return
    plan = geometry((side, other), LIMITS[Role.VIDEO], Fit.NONE, even=True)
    assert plan.crop == plan.scale == plan.pad == (side - side % 2, other - other % 2)
