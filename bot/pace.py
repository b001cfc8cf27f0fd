"""How often, how many and how long: every wait is one of these, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import Unreachable

DAY = 86400.0
WEEK = 7 * DAY
# The longest wait between two tries, unless a service wished for more.
BACKOFF_MOST = 300.0
# A job that ends at once needs no preview, and what just moved may move on in the same breath.
PREVIEW_SECONDS = 1.0
# A call waits this long for its turn where it stands; more is its owner's to wait.
TURN_SECONDS = 2.0
EDIT_SECONDS = 3.0  # Slack's advice for messages that show progress


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, how many and how long; in seconds. ``poll``: the longest time between two looks at a task."""

    poll: float = 15.0
    tasks_at_once: int = 1
    answer_within: float = DAY
    late: float = 120.0  # a paid call may still take effect so long after it was sent, or never
    settle: float = 600.0  # how long the service's list is asked before the requester is
    look_again: float = 300.0  # how often it is asked while the requester thinks
    edit: float = EDIT_SECONDS  # between two edits of a card
    preview: float = PREVIEW_SECONDS
    turn: float = TURN_SECONDS
    rested: float = 0.0  # for how long before its start nobody asked the services anything, as the bot may assume

    @property
    def places(self) -> int:
        """How many tasks of one model are kept at the service: what it works on, and one so that it never idles."""
        return self.tasks_at_once + 1


def backoff(failures: int, error: Exception | None = None) -> float:
    """Return how many seconds to wait after this many failures in a row, or as long as the service wished."""
    wish = error.retry_after if isinstance(error, Unreachable) and error.retry_after else 0.0
    # Weeks of failures are more than an exponent can be.
    return max(wish, min(BACKOFF_MOST, 2.0 ** min(failures, 10)))
