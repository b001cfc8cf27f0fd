"""What people write after a command or beside a mention, as data. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.media.limits import LIMITS
from bot.order import Kind, Quality, Role
from bot.slack.offers import Prefill

if TYPE_CHECKING:
    from collections.abc import Iterable

# What says nothing and so leaves a wish as clear as it was.
_POLITE = frozenset({"please", "this", "these", "it", "with", "in", "quality"})
_SHORTEST, _LONGEST = LIMITS[Role.VIDEO].seconds or (0.0, 0.0)
_TIME = r"(?:(\d{1,2}):)?(\d{1,3}(?:\.\d+)?)"
_SECONDS = re.compile(r"(\d{1,3}(?:\.\d+)?)s(?:ec|ecs|econds?)?")
_PART = re.compile(rf"{_TIME}s?[-–]{_TIME}s?")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<?https?://[^\s|>]+(?:\|[^>]*)?>?")
# https://team.slack.com/files/U…/F…/name, whatever the team's host is: of a link only the id is used.
_FILE_LINK = re.compile(r"/files/[A-Z0-9]+/(F[A-Z0-9]+)(?:[/?#|>]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was understood. ``files`` are the ids of linked files, ``unknown`` the words that mean nothing here.

    Of these ``beyond`` are lengths and parts, but longer or shorter than any that can be had.
    """

    kind: Kind | None = None
    quality: Quality | None = None
    start: float | None = None
    length: float | None = None
    files: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()

    @property
    def prefill(self) -> Prefill:
        """The form as these words want it."""
        return Prefill(quality=self.quality or Quality.STANDARD, start=self.start, length=self.length)


def without_mentions(text: str, of: str) -> str:
    """Return the text without the mentions of one user."""
    return _MENTION.sub(lambda found: " " if found[1] == of else found[0], text)


def parse(text: str) -> Asked:
    """Return what the words mean. A word that contradicts an earlier one is unknown."""
    words = [word.strip(",.;:!?()[]{}\"'`*_~“”").lower() for word in _LINK.sub(" ", text).split()]
    meanings = {word: _meaning(word) for word in words if word and word not in _POLITE}
    beyond = tuple(word for word, meant in meanings.items() if not _possible(meant))
    found: dict[str, Any] = {}
    unknown = [word for word in words if word in meanings and not _added(meanings[word], found)]
    links = _LINK.findall(text)
    files = [match[1] for link in links if (match := _FILE_LINK.search(link))]
    unknown += [link for link in links if not _FILE_LINK.search(link)]
    return Asked(**found, files=_once(files), unknown=tuple(unknown), beyond=beyond)


def _meaning(word: str) -> dict[str, Any]:
    meant: dict[str, Any] = {}
    if (bare := word.removeprefix("/")) in {*Kind}:
        meant["kind"] = Kind(bare)
    elif word in {*Quality}:
        meant["quality"] = Quality(word)
    elif match := _SECONDS.fullmatch(word):
        meant["length"] = float(match[1])
    elif match := _PART.fullmatch(word):
        begin, end = _seconds(match[1], match[2]), _seconds(match[3], match[4])
        meant |= {"start": begin, "length": end - begin} if end > begin else {}
    return meant


def _possible(meant: dict[str, Any]) -> bool:
    return bool(_SHORTEST <= meant.get("length", _SHORTEST) <= _LONGEST)


def _added(meant: dict[str, Any], found: dict[str, Any]) -> bool:
    if not meant or not _possible(meant) or any(found.get(name, value) != value for name, value in meant.items()):
        return False
    found |= meant
    return True


def _seconds(minutes: str | None, seconds: str) -> float:
    return int(minutes or 0) * 60 + float(seconds)


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))
