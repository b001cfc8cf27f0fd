"""What one simulated run is made of: drawn from a seed, or laid down by hand for one special case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run. The seed draws whatever is not laid down here; the same plan always runs the same way."""

    seed: int = 0
    revocable: bool = True  # the bot hosts the files itself, or Model Studio's temporary storage does
    fetch_at: str = "start"  # when Model Studio fetches: "create" or "start"
    fetch_tries: int = 1
    jobs: int = 1
    people: int = 1
    kinds: int = 1
    late: float = 0.15  # how late, at most, an effect comes
    lag: float = 0.1  # how late, at most, the list shows a task
    same_lateness: bool = True  # always as late as that; else anything up to it
    render: float = 40.0
    shows_running: bool = False  # else a query says PENDING until the task has ended, and the bot looks seldom
    skew: float = 0.0  # Model Studio's clock minus ours
    key_known: bool = True
    stranger_every: float = 0.0  # seconds between two tasks of another program of the account
    trouble: float = 0.0  # how likely a call meets a fault
    lost_creates: tuple[str, ...] = ()  # the fates of the first paid calls, by name
    moderated: float = 0.0  # how likely a task fails for its content
    crashes: tuple[int, ...] = ()  # in each life, the point at which it ends
    restarts: tuple[float, ...] = (0.3,)  # seconds until the next life
    jumps: tuple[float, ...] = ()  # how far the wall clock is set at each restart
    disk_full: tuple[float, float] | None = None  # from, until
    refuses: tuple[str, float, float] | None = None  # what Slack takes nowhere ("upload", "share"), from, until
    cancels: float = 0.0  # how likely somebody wants to stop
    afterwards: float = 0.0  # how likely somebody presses a button of a job that has ended
    answers: str = "any"  # to the question: "again", "stop", "never", or "any" of them


_LATENESS = (0.05, 0.15, 1.0, 5.0, 20.0)
_RESTARTS = (0.0, 0.05, 0.3, 2.0, 8.0, 30.0, 200.0)


def random_plan(seed: int) -> Plan:
    """Return the plan of this seed: up to six crashes, lags to 20 s, several jobs, a stranger's tasks beside them."""
    dice = Random(seed)
    crashes = tuple(_crash_point(dice) for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 4, 5, 6))))
    restarts = tuple(dice.choice(_RESTARTS) for _ in range(7))
    if dice.random() < 0.1:
        restarts = (dice.choice((HOUR, 3 * HOUR, 25 * HOUR)), *restarts)
    plan = Plan(
        seed=seed,
        revocable=dice.random() < 0.7,
        fetch_at=dice.choice(("create", "start", "start")),
        fetch_tries=dice.choice((1, 1, 3)),
        jobs=dice.choice((1, 1, 2, 2, 3, 4)),
        people=dice.choice((1, 2, 3)),
        kinds=dice.choice((1, 1, 1, 2)),
        late=dice.choice(_LATENESS),
        lag=dice.choice(_LATENESS),
        same_lateness=dice.random() < 0.3,
        render=dice.choice((5.0, 30.0, 120.0, 300.0)),
        shows_running=dice.random() < 0.15,
        skew=dice.choice((0.0, 0.0, 0.7, -40.0, 7 * HOUR)),
        key_known=dice.random() < 0.6,
        stranger_every=dice.choice((0.0, 0.0, 60.0, 200.0)),
        trouble=dice.choice((0.0, 0.0, 0.05, 0.15, 0.3)),
        lost_creates=tuple(dice.choices(_FATES, k=dice.choice((0, 0, 1, 1, 2, 3, 4)))),
        moderated=dice.choice((0.0, 0.0, 0.2)),
        crashes=crashes,
        restarts=restarts,
        cancels=dice.choice((0.0, 0.0, 0.2)),
        afterwards=Random(-seed - 1).choice((0.0, 0.0, 0.7)),  # drawn apart, so that older seeds play as they did
    )
    if dice.random() < 0.1:
        plan = replace(plan, jumps=tuple(dice.choice((-HOUR, 0.0, HOUR)) for _ in range(6)))
    if dice.random() < 0.1:
        start = dice.uniform(0, 60)
        plan = replace(plan, disk_full=(start, start + dice.choice((3.0, 60.0, 2000.0))))
    later = Random(-seed - 2)
    if later.random() < 0.1:
        refused = later.choice(("upload", "share")), 0.0, later.choice((60.0, 300.0, 2000.0))
        plan = replace(plan, refuses=refused)
    return plan


_FATES = ("fine", "fine", "lost", "lost", "lost", "silence", "silence", "fetched only", "refused", "unreachable")


def _crash_point(dice: Random) -> int:
    """Any point of a life, but early ones more often: a life that begins in doubt must survive a second blow."""
    return dice.choice((dice.randint(1, 15), dice.randint(1, 40), dice.randint(1, 160)))


@dataclass(slots=True)
class Tally:
    """What many runs came to."""

    runs: int = 0
    asked: int = 0
    jobs: int = 0
    crashes: int = 0
    billed: int = 0
    videos: int = 0
    bad: list[str] = field(default_factory=list)
