"""What the stand-in Model Studio knows: plain data, and a way to wait for it to change."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from bot.demo.studio_trouble import TaskFault
from bot.demo.watched import Watched
from bot.order import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bot.demo.studio_trouble import Operation
    from bot.order import Role

DAY = 86_400.0
MODELS: Mapping[str, Kind] = {"wan2.2-animate-move": Kind.ANIMATE, "wan2.2-animate-mix": Kind.SWAP}
MODES: Mapping[str, Quality] = {"wan-std": Quality.STANDARD, "wan-pro": Quality.PRO}
PRICES: Mapping[str, Mapping[tuple[str, str], float]] = {  # per second of output: dollars, yuan
    "singapore": {
        ("wan2.2-animate-move", "wan-std"): 0.12,
        ("wan2.2-animate-move", "wan-pro"): 0.18,
        ("wan2.2-animate-mix", "wan-std"): 0.18,
        ("wan2.2-animate-mix", "wan-pro"): 0.26,
    },
    "beijing": {
        ("wan2.2-animate-move", "wan-std"): 0.4,
        ("wan2.2-animate-move", "wan-pro"): 0.6,
        ("wan2.2-animate-mix", "wan-std"): 0.6,
        ("wan2.2-animate-mix", "wan-pro"): 0.9,
    },
}
REGION_IDS: Mapping[str, str] = {"singapore": "ap-southeast-1", "beijing": "cn-beijing"}


class Status(StrEnum):
    """The states of a task, in the vendor's words."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED})


def new_file(path: Path) -> BinaryIO:
    """Open a file to write. At once and not in a thread: a cancellation in between would lose it open."""
    return path.open("wb")


class Rejection(Exception):
    """A call is refused at once, with an HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class TaskError(Exception):
    """A task ends FAILED, with a code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Bill(NamedTuple):
    """One charge, in the region's currency."""

    task_id: str
    seconds: float
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a create call asked for."""

    model: str
    image_url: str = field(repr=False)
    video_url: str = field(repr=False)
    watermark: bool
    mode: str
    check_image: bool

    def url(self, role: Role) -> str:
        """Where the input that plays this role is to be had."""
        return self.image_url if role == "image" else self.video_url


@dataclass(slots=True, kw_only=True)
class Fetched:
    """One input as the service got it. ``sha256`` is empty until all of it had come."""

    began_at: float
    ended_at: float | None = None
    sha256: str = ""
    size: int = 0
    path: Path | None = None


@dataclass(slots=True, kw_only=True)
class StudioTask:
    """A task. ``asked`` is None for one that another program of the account made. Times are epoch seconds."""

    id: str
    request_id: str  # of the create call
    model: str
    key_id: str
    created_at: float
    asked: Asked | None = None
    status: Status = Status.PENDING
    started_at: float | None = None
    ended_at: float | None = None
    error: tuple[str, str] | None = None
    fetched: dict[Role, Fetched] = field(default_factory=dict)
    result: Path | None = None
    seconds: float = 0.0
    looks: int = 0
    fault: TaskFault = field(default_factory=TaskFault)


@dataclass(slots=True, kw_only=True)
class Call:
    """One HTTP call that came in. ``status`` is None while it is not answered, and if it never is."""

    operation: Operation
    at: float
    method: str
    path: str
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A create call that was acted on: accepted (``task_id``) or refused (``refusal``, a code)."""

    at: float
    headers: Mapping[str, str]  # without the key
    body: bytes
    task_id: str | None
    refusal: str | None = None


class StudioState(Watched):
    """Everything that happened at the stand-in. ``skew`` moves its calendar; tasks take real time all the same."""

    def __init__(self, *, region: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.region = region
        self.skew = 0.0
        self.list_lag = 0.0  # seconds before a new task is listed
        self.limited = False  # whether too many calls a second are refused
        self.keys: dict[str, str] = {}  # API key: its id
        self.tasks: dict[str, StudioTask] = {}
        self.billed: list[Bill] = []
        self.creates: list[Create] = []
        self.calls: list[Call] = []
        self.requests: Counter[str] = Counter()
        self.busiest: Counter[str] = Counter()  # the most calls within any one second
        self._clock = clock
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    def now(self) -> float:
        """Epoch seconds by the stand-in's calendar."""
        return self._clock() + self.skew

    def alive(self, task_id: str) -> StudioTask | None:
        """The task, unless there is none or it is over for more than 24 hours."""
        task = self.tasks.get(task_id)
        if task is None or self.now() - (task.ended_at or task.created_at) > DAY:
            return None
        return task

    def count(self, what: str, *, limit: int) -> None:
        """Count one call of a kind that may happen ``limit`` times a second. Rejection if it is one too many."""
        recent, now = self._recent[what], self._clock()
        while recent and now - recent[0] >= 1.0:
            recent.popleft()
        recent.append(now)
        self.busiest[what] = max(self.busiest[what], len(recent))
        if self.limited and len(recent) > limit:
            raise Rejection(429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.")

    def bill(self, task: StudioTask, mode: str) -> None:
        """Charge for a task's seconds."""
        price = round(task.seconds * PRICES[self.region][task.model, mode], 6)
        self.billed.append(Bill(task.id, task.seconds, price))
