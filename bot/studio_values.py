"""Numbers and times as Model Studio writes them. Whatever makes no sense is None."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))  # the service writes times without an offset, and means this one


def number(value: object) -> float | None:
    """Return a number that may be written as text; None for anything negative, endless or else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def epoch(value: object) -> float | None:
    """Return an instant that is written in milliseconds."""
    milliseconds = number(value)
    return milliseconds / 1000 if milliseconds else None


def instant(value: object) -> float | None:
    """Return an instant that is written in words."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or CHINA).timestamp() if at else None


def stamp(at: float) -> str:
    """Return an instant as the list wants it."""
    return datetime.fromtimestamp(at, CHINA).strftime("%Y%m%d%H%M%S")
