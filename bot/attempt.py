"""A job's paid calls, each as far as it is known what became of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.order import Kind


class Fate(StrEnum):
    """What is known of a paid call."""

    OPEN = "open"  # it may have been made; nothing more is certain
    TAKEN = "taken"  # its task is known
    REFUSED = "refused"  # there is no task
    VOID = "void"  # its addresses were taken back before both were fetched: a task of it can never be billed
    DOUBT = "doubt"  # given up: there may be a task, and it may be billed


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One paid call. ``began_at`` is the service's clock, as far as it was known; ``asked_at`` is ours."""

    id: int
    job_id: str
    epoch: int
    kind: Kind
    account: str
    began_at: float
    asked_at: float | None
    fate: Fate
