"""Bringing the light of an HDR film into the range of an ordinary screen, as a table of colours: pure arithmetic.

The table is a ``.cube`` file: for evenly spaced red, green and blue as they are coded in the film (BT.2020), what they
are in BT.709. Sources: ITU-R BT.2100 (PQ and HLG), BT.2390 (the curve that brings highlights down), BT.2087 (colours).
"""

from __future__ import annotations

import math

POINTS = 33  # a side; between them the filter interpolates

_PEAK = 1000.0  # cd/m2, what films are mastered for; HLG's nominal screen
_WHITE = 203.0  # cd/m2, where HDR has the white of paper (BT.2408); an ordinary screen's brightest
_SCREEN_GAMMA = 2.4  # of BT.709's screen (BT.1886)

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C, _HLG_GAMMA = 0.17883277, 0.28466892, 0.55991073, 1.2
_LUMA = (0.2627, 0.6780, 0.0593)
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))

Colour = tuple[float, float, float]


def cube(light: str) -> str:
    """Return the table for ``hlg``, ``pq`` or ``wide`` (BT.2020's colours with ordinary light)."""
    linear = {"hlg": _from_hlg, "pq": _from_pq, "wide": _from_screen}[light]
    steps = [linear(step / (POINTS - 1)) for step in range(POINTS)]
    finish = {"hlg": _finish_hlg, "pq": _finish_pq, "wide": _finish_wide}[light]
    lines = [f"LUT_3D_SIZE {POINTS}"]
    lines += [_line(finish((red, green, blue))) for blue in steps for green in steps for red in steps]
    return "\n".join(lines) + "\n"


def _line(colour: Colour) -> str:
    red, green, blue = colour
    return f"{red:.5f} {green:.5f} {blue:.5f}"


def _finish_hlg(scene: Colour) -> Colour:
    luma = sum(weight * part for weight, part in zip(_LUMA, scene, strict=True))
    shown = _PEAK * luma ** (_HLG_GAMMA - 1) if luma > 0 else 0.0
    return _finish_pq((scene[0] * shown, scene[1] * shown, scene[2] * shown))


def _finish_pq(nits: Colour) -> Colour:
    brightest = max(nits)
    factor = _toned(brightest) / brightest if brightest > 0 else 0.0
    return _coded((nits[0] * factor, nits[1] * factor, nits[2] * factor))


def _finish_wide(light: Colour) -> Colour:
    return _coded(light)


def _from_hlg(signal: float) -> float:
    return signal**2 / 3 if signal <= 0.5 else (math.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12


def _from_pq(signal: float) -> float:
    root = signal ** (1 / _M2)
    return float(10000 * (max(root - _C1, 0.0) / (_C2 - _C3 * root)) ** (1 / _M1))


def _to_pq(nits: float) -> float:
    power = (nits / 10000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _from_screen(signal: float) -> float:
    return float(signal**_SCREEN_GAMMA)


def _toned(nits: float) -> float:
    """Return the share of an ordinary screen's light: alike up to a knee, then bent so that the peak becomes white."""
    peak = _to_pq(_PEAK)
    most, given = _to_pq(_WHITE) / peak, min(_to_pq(nits) / peak, 1.0)
    knee = 1.5 * most - 0.5
    if given > knee:
        part = (given - knee) / (1 - knee)
        given = (
            (2 * part**3 - 3 * part**2 + 1) * knee
            + (part**3 - 2 * part**2 + part) * (1 - knee)
            + (-2 * part**3 + 3 * part**2) * most
        )
    return _from_pq(given * peak) / _WHITE


def _coded(light: Colour) -> Colour:
    """Return BT.2020's light as BT.709 codes it. What BT.709 cannot show is drawn towards grey until it can."""
    grey = min(1.0, sum(weight * part for weight, part in zip(_LUMA, light, strict=True)))
    red, green, blue = (sum(row[i] * light[i] for i in range(3)) for row in _TO_709)
    keep = min(_kept(red, grey), _kept(green, grey), _kept(blue, grey))
    return (
        _screen(grey + (red - grey) * keep),
        _screen(grey + (green - grey) * keep),
        _screen(grey + (blue - grey) * keep),
    )


def _kept(part: float, grey: float) -> float:
    if part > 1:
        return (1 - grey) / (part - grey)
    return grey / (grey - part) if part < 0 else 1.0


def _screen(light: float) -> float:
    return float(min(max(light, 0.0), 1.0) ** (1 / _SCREEN_GAMMA))
