"""Every point at which one job's process may die, alone and in pairs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from sim_plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario import Theatre

DELICATE = ("create", "share", "look", "upload")
_SOON = 4  # points before and after a foreign call that belong to it: its intent and its answer, stored


def worlds(*, many: bool) -> list[Plan]:
    """Both file hosts, under few or many timings of everything else."""
    hosts = [True, False]
    if not many:
        return [Plan(revocable=host, late=late, lag=late) for host in hosts for late in (0.15, 5.0)]
    found = []
    for host, fetch_at, late, lag, restart, known in product(
        hosts, ("create", "start"), (0.15, 1.0, 20.0), (0.1, 1.0, 20.0), (0.0, 0.3, 8.0), (True, False)
    ):
        found.append(
            Plan(revocable=host, fetch_at=fetch_at, late=late, lag=lag, restarts=(restart,), key_known=known, render=20)
        )
    return found


def singles(theatre: Theatre, world: Plan) -> Iterator[Plan]:
    """Die once, at each point of the way."""
    points = theatre.play(world).lives[0]
    for at in range(1, len(points) + 1):
        yield replace(world, crashes=(at,))


def pairs(theatre: Theatre, world: Plan, *, within: int, delicate: tuple[str, ...] = DELICATE) -> Iterator[Plan]:
    """Die during the paid call or the delivery, and a second time within the next life's first points."""
    points = theatre.play(world).lives[0]
    nearby = {
        near
        for at, name in enumerate(points, 1)
        if name.startswith(delicate)
        for near in range(at - _SOON, at + _SOON + 1)
    }
    for first in sorted(nearby & set(range(1, len(points) + 1))):
        second_life = theatre.play(replace(world, crashes=(first,))).lives[1]
        for second in range(1, min(within, len(second_life)) + 1):
            yield replace(world, crashes=(first, second))
