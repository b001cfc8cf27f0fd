"""Inputs served by this bot itself, under short-lived, unguessable addresses (``bot.web`` serves them)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bot.hosting import Hosted
from bot.media.limits import suffix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.job import Media
    from bot.order import Kind, Role

# Given away at most two turns ahead, fetched when the task is made or starts; a task ends within three hours.
LIFETIME_SECONDS = 6 * 3600.0


class LocalHost:
    """Gives away addresses below the bot's public one. Nothing moves: the file stays in the spool."""

    revocable = True

    def __init__(self, public_url: str, *, clock: Callable[[], float]) -> None:
        self._base = public_url.rstrip("/")
        self._clock = clock

    async def put(self, path: Path, *, kind: Kind, role: Role, media: Media) -> Hosted:
        """Return a new address with a random token of 256 bits and a name that says nothing."""
        token = secrets.token_urlsafe(32)
        url = f"{self._base}/media/{token}/{role}{suffix(media)}"
        return Hosted(token=token, url=url, expires_at=self._clock() + LIFETIME_SECONDS)
