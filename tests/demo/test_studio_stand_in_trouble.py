from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from studio_bench import KEY, Bench, opened

from bot.demo import studio_trouble as trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def bench(tmp_path: Path, media: Any, renders: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path / "studio", media.image, media.video, renders) as bench:
        yield bench


async def test_an_answer_can_be_lost_before_the_effect_after_it_or_come_late(bench: Bench) -> None:
    for fault, tasks in ((trouble.dropped(effect=False), 0), (trouble.dropped(effect=True), 1)):
        bench.studio.trouble.next("create", fault)
        with pytest.raises(httpx.TransportError):
            await bench.create()
        assert len(bench.studio.tasks) == tasks
    bench.studio.trouble.next("create", trouble.late(0.05))
    with pytest.raises(httpx.TransportError):
        await bench.create()
    assert len(bench.studio.tasks) == 1
    await bench.studio.wait_for(lambda: len(bench.studio.tasks) == 2)
    assert (bench.studio.requests["create"], len(bench.studio.creates)) == (3, 2)


async def test_a_caller_that_gave_up_gets_its_task_all_the_same(bench: Bench) -> None:
    bench.studio.trouble.next("create", trouble.slow(0.2))
    bench.http.timeout = httpx.Timeout(0.05)
    with pytest.raises(httpx.ReadTimeout):
        await bench.create()
    assert not bench.studio.tasks
    await bench.studio.wait_for(lambda: bench.studio.tasks)


async def test_silence_does_not_keep_the_stand_in_from_stopping(bench: Bench) -> None:
    bench.studio.trouble.next("create", trouble.silent())
    waiting = asyncio.ensure_future(bench.create())
    await bench.studio.wait_for(lambda: bench.studio.tasks)
    async with asyncio.timeout(3):
        await bench.studio.stop()
    with pytest.raises(httpx.TransportError):
        await waiting


async def test_faults_come_in_order_and_all_is_well_after(bench: Bench) -> None:
    faults = (
        trouble.refused(500, "InternalError"),
        trouble.rate_limited(7),
        trouble.http_status(502),
        trouble.malformed(),
        trouble.html(),
    )
    bench.studio.trouble.next("query", *faults)
    headers = {"Authorization": f"Bearer {KEY}"}
    answers = [await bench.http.get(f"{bench.base}/tasks/x", headers=headers) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [500, 429, 502, 200, 200, 200]
    assert answers[0].json()["code"] == "InternalError"
    assert answers[1].headers["Retry-After"] == "7"
    assert (answers[3].headers["Content-Type"], answers[4].headers["Content-Type"]) == ("application/json", "text/html")
    assert answers[5].json()["output"]["task_status"] == "UNKNOWN"
    assert bench.studio.trouble.happened["query"] == 5


async def test_chance_is_the_same_for_the_same_seed(bench: Bench) -> None:
    async def statuses() -> list[int]:
        bench.studio.trouble.sometimes("query", trouble.rate_limited(), 0.5, seed=3)
        headers = {"Authorization": f"Bearer {KEY}"}
        return [(await bench.http.get(f"{bench.base}/tasks/x", headers=headers)).status_code for _ in range(12)]

    first = await statuses()
    assert set(first) == {200, 429}
    assert await statuses() == first


async def test_a_fetch_can_fail_wholly_or_in_the_middle(bench: Bench) -> None:
    bench.studio.trouble.next("fetch", trouble.unfetched("InvalidURL.Timeout", "Download timeout"))
    assert (await bench.failure())[0] == "InvalidURL.Timeout"
    assert not bench.origin.asked
    bench.studio.trouble.next("fetch", None, trouble.cut(100))
    assert (await bench.failure())[0] == "InvalidParameter"
    assert [request.path for request in bench.origin.asked] == ["/c.png", "/d.mp4"]


async def test_a_task_can_tell_untruths_about_itself(bench: Bench) -> None:
    faults = (
        trouble.unknown_at_first(2),
        trouble.TaskFault(backwards=True),
        trouble.TaskFault(no_address=True),
        trouble.TaskFault(address_in_output=True),
    )
    bench.studio.trouble.next_tasks(*faults)
    unknown, backwards, silent, elsewhere = [await bench.create() for _ in faults]
    await bench.ended(elsewhere)
    assert [(await bench.look(unknown))["task_status"] for _ in range(3)] == ["UNKNOWN", "UNKNOWN", "SUCCEEDED"]
    assert [(await bench.look(backwards))["task_status"] for _ in range(3)] == ["SUCCEEDED", "RUNNING", "SUCCEEDED"]
    assert "results" not in await bench.look(silent)
    assert (await bench.look(elsewhere))["video_url"].startswith("http://")
    assert len(bench.studio.billed) == 4


async def test_waiting_ends_with_the_time_given(bench: Bench) -> None:
    with pytest.raises(TimeoutError):
        await bench.studio.wait_for(lambda: False, within=0.01)
