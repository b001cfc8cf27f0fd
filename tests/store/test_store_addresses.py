from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from builders import NOW, QUICK, SIZES, Clock, hosted, in_state, rows
from hypothesis import given
from hypothesis import strategies as st

from bot.job import FINAL, Job, JobState
from bot.order import Role
from bot.store import Address, Store
from bot.store.addresses import merged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[Store]:
    with closing(Store(path, clock=clock)) as opened:
        yield opened


@pytest.fixture
async def job(store: Store) -> Job:
    return await store.jobs.add(in_state(JobState.READY))


async def given_away(store: Store, job: Job, name: str = "first") -> str:
    """Note a job's two addresses and return the token of the video's."""
    addresses = hosted(name)
    await store.addresses.add(job, addresses, SIZES)
    return addresses[Role.VIDEO].token


async def address(store: Store, token: str) -> Address:
    found = await store.addresses.find(token)
    assert found is not None
    return found


async def test_what_was_given_away_is_found_again(store: Store, job: Job) -> None:
    token = await given_away(store, job)
    found = await address(store, token)
    assert (found.job_id, found.epoch, found.role, found.size) == (job.id, 0, Role.VIDEO, SIZES[Role.VIDEO])
    assert found.expires_at == NOW + 3600
    assert (found.revoked_at, found.first_fetch_at, found.whole_at) == (None, None, None)
    assert await store.addresses.find("never-given-away") is None


async def test_the_current_addresses_are_the_good_ones_of_the_present_attempt(
    store: Store, job: Job, clock: Clock
) -> None:
    assert await store.addresses.current(job) == {}
    token = await given_away(store, job)
    current = await store.addresses.current(job)
    assert set(current) == set(Role)
    assert current[Role.VIDEO].token == token
    clock.now = NOW + 3600
    assert await store.addresses.current(job) == {}
    clock.now = NOW
    next_attempt = in_state(JobState.SUBMITTING, id=job.id).next_epoch(now=NOW)
    assert await store.addresses.current(next_attempt) == {}
    await store.addresses.revoke(job.id)
    assert await store.addresses.current(job) == {}


async def test_giving_away_new_addresses_takes_the_old_ones_away(store: Store, job: Job) -> None:
    old = await given_away(store, job, "old")
    new = await given_away(store, job, "new")
    assert not await store.addresses.begin_fetch(old)
    assert await store.addresses.begin_fetch(new)
    assert {a.token for a in (await store.addresses.current(job)).values()} == {a.token for a in hosted("new").values()}
    assert len(await store.addresses.of_epoch(job.id, 0)) == 4


async def test_a_fetch_is_logged_with_the_time_of_the_first(store: Store, job: Job, clock: Clock, path: Path) -> None:
    token = await given_away(store, job)
    clock.now = NOW + 5
    assert await store.addresses.begin_fetch(token)
    clock.now = NOW + 9
    assert await store.addresses.begin_fetch(token)
    assert (await address(store, token)).first_fetch_at == NOW + 5
    assert rows(path, "SELECT fetches FROM address WHERE role = 'video'") == [{"fetches": 2}]


async def test_nothing_is_fetched_from_an_address_that_is_over(store: Store, job: Job, clock: Clock) -> None:
    token = await given_away(store, job)
    clock.now = NOW + 3599.9
    assert await store.addresses.begin_fetch(token)
    clock.now = NOW + 3600
    assert not await store.addresses.begin_fetch(token)
    clock.now = NOW
    await store.addresses.revoke(job.id)
    assert not await store.addresses.begin_fetch(token)
    assert not await store.addresses.begin_fetch("never-given-away")


@pytest.mark.parametrize("state", sorted(FINAL))
async def test_nothing_is_fetched_for_a_job_that_ended(store: Store, state: JobState) -> None:
    job = await store.jobs.add(in_state(state))
    token = await given_away(store, job)
    assert not await store.addresses.begin_fetch(token)
    assert (await address(store, token)).first_fetch_at is None


@pytest.mark.parametrize("fetches_first", [True, False])
async def test_a_fetch_and_a_revocation_at_once_agree_on_who_was_first(
    store: Store, clock: Clock, *, fetches_first: bool
) -> None:
    """Settling asks, after it revoked, what was fetched: what it reads must stay true."""
    won = 0
    for number in range(40):
        job = await store.jobs.add(in_state(JobState.READY))
        token = await given_away(store, job, f"n{number}")

        async def settle(job: Job = job, token: str = token) -> bool:
            await store.addresses.revoke(job.id)
            return (await address(store, token)).first_fetch_at is not None

        async def fetch(token: str = token) -> bool:
            return await store.addresses.begin_fetch(token)

        if fetches_first:
            admitted, seen = await asyncio.gather(fetch(), settle())
        else:
            seen, admitted = await asyncio.gather(settle(), fetch())
        assert admitted == seen
        assert (await address(store, token)).first_fetch_at == (clock.now if seen else None)
        won += admitted
    assert won == (40 if fetches_first else 0)


async def test_many_fetches_around_a_revocation_are_all_before_it_or_refused(
    store: Store, job: Job, path: Path
) -> None:
    token = await given_away(store, job)

    async def revoke() -> int:
        await store.addresses.revoke(job.id)
        (row,) = rows(path, "SELECT fetches FROM address WHERE role = 'video'")
        return int(row["fetches"])

    before = [store.addresses.begin_fetch(token) for _ in range(20)]
    after = [store.addresses.begin_fetch(token) for _ in range(20)]
    *admitted, logged = (await asyncio.gather(*before, *after, revoke()))[:]
    assert sum(map(bool, admitted)) == logged
    assert not await store.addresses.begin_fetch(token)


async def test_revoking_again_keeps_the_time_of_the_first_time(store: Store, job: Job, clock: Clock) -> None:
    token = await given_away(store, job)
    await store.addresses.revoke(job.id)
    clock.now = NOW + 60
    await store.addresses.revoke(job.id)
    assert (await address(store, token)).revoked_at == NOW


async def test_revoking_one_job_leaves_the_others(store: Store, job: Job) -> None:
    other = await store.jobs.add(in_state(JobState.READY))
    token = await given_away(store, other, "other")
    await given_away(store, job)
    await store.addresses.revoke(job.id)
    assert await store.addresses.begin_fetch(token)


async def test_a_file_is_whole_once_every_byte_of_it_went_out(store: Store, job: Job, clock: Clock) -> None:
    token, size = await given_away(store, job), SIZES[Role.VIDEO]
    await store.addresses.begin_fetch(token)
    for start, end in ((400, size), (0, 300), (250, 399)):
        await store.addresses.served(token, start, end)
        assert (await address(store, token)).whole_at is None
    clock.now = NOW + 7
    await store.addresses.served(token, 399, 400)
    assert (await address(store, token)).whole_at == NOW + 7
    clock.now = NOW + 8
    await store.addresses.served(token, 0, 1)
    assert (await address(store, token)).whole_at == NOW + 7


async def test_parts_served_at_once_are_all_counted(store: Store, job: Job) -> None:
    token, size = await given_away(store, job), SIZES[Role.VIDEO]
    await store.addresses.begin_fetch(token)
    await asyncio.gather(*(store.addresses.served(token, start, start + 9) for start in range(0, size, 9)))
    assert (await address(store, token)).whole_at == NOW


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda r: [r[0], r[0] + r[1]]), max_size=12)


@QUICK
@given(RANGES)
def test_merging_keeps_every_byte_and_makes_the_fewest_ranges(ranges: list[list[int]]) -> None:
    def every(found: list[list[int]]) -> set[int]:
        return {byte for start, end in found for byte in range(start, end)}

    before = [list(r) for r in ranges]
    found = merged(ranges)
    assert every(found) == every(before)
    assert all(one[1] < two[0] for one, two in pairwise(found))
    assert ranges == before


async def test_no_secret_is_in_what_an_address_prints(store: Store, job: Job) -> None:
    token = await given_away(store, job)
    assert token not in repr(await address(store, token))
    assert token not in repr(hosted("first"))


async def test_an_address_belongs_to_a_job_that_exists(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await given_away(store, in_state(JobState.READY))
