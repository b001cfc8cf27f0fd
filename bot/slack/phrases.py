"""How the bot says times, places, amounts and other people's words. Pure."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING, Any

from bot.job import Kind, Quality

if TYPE_CHECKING:
    from bot.queue import Prices

SIGNS = {"USD": "$", "CNY": "¥"}
VERB = {Kind.ANIMATE: "Animate", Kind.SWAP: "Swap"}
QUALITY = {Quality.STANDARD: "standard", Quality.PRO: "pro"}


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} s"
    minutes = round(seconds / 60) or 1
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ordinal(number: int) -> str:
    """Return the number as a place in line: 1st, 2nd, 3rd."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def price(prices: Prices, amount: float) -> str:
    """Return an amount of money, rounded up so that nobody pays more than was said."""
    return f"{SIGNS.get(prices.currency, prices.currency + ' ')}{math.ceil(amount * 100 - 1e-6) / 100:.2f}"


def clean(text: str, most: int) -> str:
    """Return somebody's words without what steers a line: control characters, direction marks, line ends."""
    kept = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    kept = " ".join("".join(char for char in kept if unicodedata.category(char) != "Cf").split())
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def escape(text: str) -> str:
    """Return text that Slack shows as it is written, where plain text can't be asked for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> dict[str, Any]:
    """Return somebody's or our own words as an object in which nothing mentions, links or formats."""
    return {"type": "plain_text", "text": text, "emoji": False}  # a file may be called :poop:
