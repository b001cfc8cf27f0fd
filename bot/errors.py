"""What can go wrong, by who can do something about it.

* BotError
  - UserError        the person can change the request: every problem at once
  - RemoteError      a service failed us
    - Unreachable    it never heard us, or asked us to come back: ask again later
    - Unclear        it may have acted: repeat only what is harmless
    - Refused        it heard us and said no: final
  - SpoolFull        no room for a file now
  - StoreUnavailable nothing can be stored now
  - StaleJob         somebody else was faster
  - NoSuchJob        there is none

A message names the service, the call and the status, never an address, a body or a header: those hold secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.failure import Failure, Problem


class BotError(Exception):
    """Anything this bot expects to go wrong."""


class UserError(BotError):
    """The person can change the request. Holds every problem found, not only the first."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(", ".join(problem.rule for problem in problems))
        self.problems = problems


class RemoteError(BotError):
    """A service failed us."""


class Unreachable(RemoteError):
    """It certainly did nothing: ask again. ``retry_after`` is its own wish in seconds, if it had one."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unclear(RemoteError):
    """It may have acted before it fell silent: repeat only what is harmless."""


class Refused(RemoteError):
    """It heard us and said no. ``failure`` says why in our words, and whether money was spent."""

    def __init__(self, message: str, *, failure: Failure) -> None:
        super().__init__(message)
        self.failure = failure


class SpoolFull(BotError):
    """There is no room for a file now; there will be when other jobs have ended."""


class StoreUnavailable(BotError):
    """Nothing can be stored at the moment (disk full, read-only, broken); what was asked for is not stored."""


class StaleJob(BotError):
    """The row is no longer the one that was read: whoever was faster is right, and this work is dropped."""


class NoSuchJob(BotError):
    """There is no job with this id."""
