from __future__ import annotations

import pytest

from bot.media.tone import POINTS, cube

Colour = tuple[float, ...]


def table(light: str) -> list[Colour]:
    head, *lines = cube(light).splitlines()
    assert head == f"LUT_3D_SIZE {POINTS}"
    return [tuple(map(float, line.split())) for line in lines]


def at(colours: list[Colour], red: float, green: float, blue: float) -> Colour:
    index = [round(part * (POINTS - 1)) for part in (red, green, blue)]
    return colours[index[0] + POINTS * (index[1] + POINTS * index[2])]


@pytest.mark.parametrize("light", ["hlg", "pq", "wide"])
def test_greys_stay_grey_and_brighter_stays_brighter(light: str) -> None:
    colours = table(light)
    assert len(colours) == POINTS**3
    greys = [at(colours, step, step, step) for step in (number / (POINTS - 1) for number in range(POINTS))]
    assert all(max(grey) - min(grey) < 0.001 for grey in greys)
    assert [grey[0] for grey in greys] == sorted(grey[0] for grey in greys)
    assert greys[0] == (0.0, 0.0, 0.0)
    assert greys[-1] == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("light", ["hlg", "pq", "wide"])
def test_every_colour_can_be_shown(light: str) -> None:
    assert all(0.0 <= part <= 1.0 for colour in table(light) for part in colour)


@pytest.mark.parametrize(("light", "signal", "least", "most"), [("hlg", 0.75, 0.85, 0.95), ("pq", 0.59, 0.85, 0.96)])
def test_the_white_of_paper_is_nearly_white_and_leaves_room_for_lamps(
    light: str, signal: float, least: float, most: float
) -> None:
    assert least < at(table(light), signal, signal, signal)[0] < most


@pytest.mark.parametrize("light", ["hlg", "pq", "wide"])
@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_pure_colour_stays_that_colour(light: str, part: int) -> None:
    pure = [0.6 if number == part else 0.0 for number in range(3)]
    shown = at(table(light), *pure)
    assert shown.index(max(shown)) == part
    assert max(shown) > 1.3 * sorted(shown)[1]
