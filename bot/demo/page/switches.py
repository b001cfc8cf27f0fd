"""The switches for trouble: each makes one thing go wrong at a stand-in for as long as it is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.demo import studio_trouble
from bot.demo.slack import ANY, DOWNLOAD, http_status, rate_limited
from bot.demo.studio_trouble import Operation
from bot.demo.watched import Watched

if TYPE_CHECKING:
    from bot.demo.practice import Practice

SLOW_SECONDS = 30.0
LATE_SECONDS = 8.0
_LOGIN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"
_REFUSED = studio_trouble.fails("DataInspectionFailed", "Input or output data may contain inappropriate content.")
_FAILED = studio_trouble.fails("InternalError.Algo", "An internal error has occurred during execution.")


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that can go wrong."""

    name: str
    service: str
    label: str
    hint: str


SWITCHES = (
    Switch("slow", "studio", "Slow", f"A task takes {SLOW_SECONDS:.0f} seconds"),
    Switch("refuse", "studio", "Refuse", "Tasks end at the content check"),
    Switch("fail", "studio", "Fail", "Tasks end with an internal error"),
    Switch("lose", "studio", "Lose the answer", "A task is made, but nobody is told"),
    Switch("dark", "studio", "Go dark", "Every connection is cut"),
    Switch("limit", "slack", "Rate limit", "Every call is answered with 429"),
    Switch("login", "slack", "Login page", "Files come as a page to sign in"),
    Switch("late", "slack", "Late share", f"A video appears {LATE_SECONDS:.0f} seconds late"),
)


class Switches(Watched):
    """Which switches are on, and their effect on the practice world."""

    def __init__(self, practice: Practice) -> None:
        super().__init__()
        self._slack = practice.slack
        self._studio = practice.studio
        self._usual = practice.studio.works.task_seconds
        self._soon = practice.slack.conduct.share_delay
        self._on: set[str] = set()

    def shown(self) -> list[dict[str, Any]]:
        """Return every switch with its position."""
        return [
            {"name": s.name, "service": s.service, "label": s.label, "hint": s.hint, "on": s.name in self._on}
            for s in SWITCHES
        ]

    def turn(self, name: str, *, on: bool) -> None:
        """Turn a switch. KeyError for one that does not exist."""
        if name not in {switch.name for switch in SWITCHES}:
            raise KeyError(name)
        self._on = self._on | {name} if on else self._on - {name}
        self._set_studio()
        self._set_slack()
        self.changed()

    def _set_studio(self) -> None:
        trouble = self._studio.trouble
        trouble.clear()
        self._studio.works.task_seconds = SLOW_SECONDS if "slow" in self._on else self._usual
        trouble.every_task = _REFUSED if "refuse" in self._on else _FAILED if "fail" in self._on else None
        if "lose" in self._on:
            trouble.always(Operation.CREATE, studio_trouble.dropped(effect=True))
        if "dark" in self._on:
            for operation in set(Operation) - {Operation.FETCH}:
                trouble.always(operation, studio_trouble.dropped(effect=False))

    def _set_slack(self) -> None:
        self._slack.trouble.clear()
        self._slack.conduct.share_delay = LATE_SECONDS if "late" in self._on else self._soon
        if "limit" in self._on:
            self._slack.trouble.always(ANY, rate_limited(2))
        if "login" in self._on:
            self._slack.trouble.always(DOWNLOAD, http_status(200, _LOGIN))
