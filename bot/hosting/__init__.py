"""Putting a file where Model Studio can fetch it, and taking it away again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from bot.job import Media
    from bot.order import Kind, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """An address given away for one file of one attempt. Whoever has ``url`` or ``token`` has the file."""

    token: str = field(repr=False)
    url: str = field(repr=False)
    expires_at: float  # seconds since the epoch


class FileHost(Protocol):
    """A place that Model Studio can fetch from. ``revocable``: an address can be taken back before it expires."""

    @property
    def revocable(self) -> bool:
        """True when a revoked address certainly serves nothing any more."""
        ...

    async def put(self, path: Path, *, kind: Kind, role: Role, media: Media) -> Hosted:
        """Make the file fetchable under an address of its own. Repeating it makes another address, and is harmless."""
        ...
