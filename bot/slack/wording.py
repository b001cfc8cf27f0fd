"""How numbers, names and money are written, and the pieces that every message is made of. Pure.

People's words and file names are shown as plain text only.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.order import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.queue import Prices

TEXT_MOST = 3000  # characters of one text object
SIGNS = {"USD": "$", "CNY": "¥"}
VERB = {Kind.ANIMATE: "Animate", Kind.SWAP: "Swap"}
_COMMANDS = {kind: f"/{kind}" for kind in Kind}
QUALITY = {Quality.STANDARD: "standard", Quality.PRO: "pro"}


@dataclass(frozen=True, slots=True)
class Message:
    """What one message says: blocks for the eye, ``text`` for notifications and screen readers."""

    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Handle:
    """How somebody calls the bot: by a command, as this workspace has named it, by a mention, or directly (nothing)."""

    name: str = ""
    aside: str = ""  # where to say it, if not here

    @property
    def command(self) -> bool:
        """True for a command; that opens the form."""
        return self.name.startswith("/")

    def says(self, text: str) -> str:
        """Return what to write to say this to the bot. In code a mention would not be shown as one."""
        said = f"{self.name} {text}".strip()
        return (said if self.name.startswith("<") else f"`{said}`") + self.aside

    def starts(self, kind: Kind) -> str:
        """Return what to write to ask for a video of this kind. Only one of two commands may have been renamed."""
        if self.name in _COMMANDS.values():
            return f"`{_COMMANDS[kind]}`"
        return self.says("" if self.command and self.name.endswith(kind) else kind)


DIRECTLY = Handle(aside=" (in a direct message to me)")


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} s"
    minutes = round(seconds / 60) or 1
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def roughly(seconds: float) -> str:
    """Return a length of time so coarsely that it seldom changes: by 5, 15 or 30 minutes, then by hours."""
    minutes = seconds / 60
    if minutes < 5:
        return duration(seconds)
    for most, step in ((30, 5), (60, 15), (180, 30)):
        if minutes <= most:
            return duration(60.0 * step * math.ceil(minutes / step))
    return f"{math.ceil(minutes / 60)} h"


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
    kept = " ".join("".join(char for char in kept if unicodedata.category(char) not in {"Cf", "Cs"}).split())
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def fitting(lines: Sequence[str], most: int = TEXT_MOST) -> str:
    """Return the lines as one text, those at the end left out where Slack has no room for them."""
    kept: list[str] = []
    left = most - len("\n…")
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            return "\n".join([*kept, "…"])
        kept.append(line)
    return "\n".join(kept)


def escape(text: str) -> str:
    """Return text that Slack shows as it is written, where plain text can't be asked for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def words(text: str, most: int) -> str:
    """Return somebody's words for formatted text: on one line, and without what formats, mentions or links."""
    return escape("".join(" " if char in "*_~`" else char for char in clean(text, most)))


def plain(text: str) -> dict[str, Any]:
    """Return a text object in which nothing formats, mentions or links."""
    return {"type": "plain_text", "text": text, "emoji": False}  # a file may be called :poop:


def section(text: str) -> dict[str, Any]:
    """Return a block of formatted text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
