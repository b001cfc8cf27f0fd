from __future__ import annotations

import hashlib
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
from studio_bench import KEY, MIX, MOVE, Bench, opened

from bot.demo.studio import KEY_ID
from bot.demo.studio_state import Status
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def bench(tmp_path: Path, media: Any, renders: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path / "studio", media.image, media.video, renders) as bench:
        yield bench


# What goes well


async def test_a_task_renders_both_inputs_and_is_billed_for_its_seconds(bench: Bench) -> None:
    task_id = await bench.create(mode="wan-pro", model=MIX)
    assert await bench.ended(task_id) is Status.SUCCEEDED

    answer = await bench.get(f"/tasks/{task_id}")
    assert answer["usage"] == {"video_duration": 2.0, "video_ratio": "pro"}
    times = [answer["output"][name] for name in ("submit_time", "scheduled_time", "end_time")]
    assert times == sorted(times)
    assert len(times[0]) == len("2026-11-22 16:00:00.105")
    video = await bench.http.get(answer["output"]["results"]["video_url"])
    assert video.headers["Content-Type"] == "video/mp4"
    assert int(video.headers["Content-Length"]) == len(video.content)
    assert bench.studio.billed == [(task_id, 2.0, 0.52)]


async def test_a_result_is_a_video_of_that_length(bench: Bench, tmp_path: Path) -> None:
    task_id = await bench.create()
    await bench.ended(task_id)
    url = (await bench.look(task_id))["results"]["video_url"]
    (tmp_path / "v.mp4").write_bytes((await bench.http.get(url)).content)
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        assert container.duration == pytest.approx(2_000_000, abs=60_000)


async def test_a_task_remembers_what_was_asked_and_which_bytes_came(bench: Bench) -> None:
    task_id = await bench.create(watermark=True, check_image=False)
    await bench.ended(task_id)
    task = bench.studio.tasks[task_id]
    assert task.asked is not None
    assert (task.asked.watermark, task.asked.check_image, task.asked.mode) == (True, False, "wan-std")
    for role, path in ((Role.IMAGE, "/c.png"), (Role.VIDEO, "/d.mp4")):
        content = bench.origin.files[path][1]
        assert (task.fetched[role].sha256, task.fetched[role].size) == (
            hashlib.sha256(content).hexdigest(),
            len(content),
        )


async def test_inputs_are_fetched_as_the_vendors_crawler_does(bench: Bench) -> None:
    await bench.ended(await bench.create())
    assert [request.path for request in bench.origin.asked] == ["/c.png", "/d.mp4"]
    assert all("DashScopeUserBot" in request.headers["User-Agent"] for request in bench.origin.asked)


async def test_one_task_at_a_time_per_model_and_the_others_wait(bench: Bench) -> None:
    bench.studio.works.task_seconds = float("inf")
    first, second, other = [await bench.create(model=model) for model in (MOVE, MOVE, MIX)]
    await bench.studio.wait_for(lambda: bench.studio.tasks[other].status is Status.RUNNING)
    assert (await bench.look(first))["task_status"] == "RUNNING"
    assert (await bench.look(second))["task_status"] == "PENDING"
    bench.studio.finish(first)
    assert await bench.ended(first) is Status.SUCCEEDED
    await bench.studio.wait_for(lambda: bench.studio.tasks[second].status is Status.RUNNING)


async def test_two_at_once_when_the_account_may(bench: Bench) -> None:
    bench.studio.works.tasks_at_once = 2
    bench.studio.works.task_seconds = lambda _: float("inf")
    tasks = [await bench.create() for _ in range(3)]
    await bench.studio.wait_for(lambda: bench.studio.requests["fetch"] >= 4)
    assert [bench.studio.tasks[task].status for task in tasks] == [Status.RUNNING, Status.RUNNING, Status.PENDING]


async def test_inputs_can_be_fetched_at_creation(bench: Bench) -> None:
    bench.studio.works.fetch_at = "create"
    bench.studio.works.task_seconds = float("inf")
    await bench.create()
    waiting = await bench.create()
    await bench.studio.wait_for(lambda: len(bench.studio.tasks[waiting].fetched) == 2)
    assert bench.studio.tasks[waiting].status is Status.PENDING


# Managing tasks


async def test_only_a_pending_task_can_be_cancelled(bench: Bench) -> None:
    bench.studio.works.task_seconds = float("inf")
    running, waiting = await bench.create(), await bench.create()
    await bench.studio.wait_for(lambda: bench.studio.tasks[running].status is Status.RUNNING)
    refused = await bench.cancel(running)
    assert (refused.status_code, refused.json()["code"]) == (400, "UnsupportedOperation")
    assert list((await bench.cancel(waiting)).json()) == ["request_id"]
    assert (await bench.look(waiting))["task_status"] == "CANCELED"
    assert (await bench.cancel("no-such-task")).status_code == 400


async def test_a_task_is_unknown_when_it_never_was_and_a_day_after_its_end(bench: Bench) -> None:
    assert await bench.look("no-such-task") == {"task_id": "no-such-task", "task_status": "UNKNOWN"}
    task_id = await bench.create()
    await bench.ended(task_id)
    bench.studio.advance(86_401)
    assert (await bench.look(task_id))["task_status"] == "UNKNOWN"


async def test_the_list_tells_whose_tasks_there_are_but_not_what_was_asked(bench: Bench) -> None:
    answer = await bench.post(bench.order(model=MIX))
    other = bench.studio.add_task(model=MIX, key_id="other", created_at=bench.studio.state.now() - 60)
    bench.studio.add_task(model=MOVE, key_id="other")
    listed = await bench.get("/tasks/", model_name=MIX)
    ours, theirs = listed["data"]
    assert (listed["total"], listed["total_page"], listed["page_no"], listed["page_size"]) == (2, 1, 1, 10)
    assert (ours["request_id"], ours["api_key_id"]) == (answer.json()["request_id"], KEY_ID)
    assert ours["gmt_create"] == int(bench.studio.tasks[ours["task_id"]].created_at * 1000)
    assert (theirs["task_id"], theirs["api_key_id"], theirs["status"]) == (other.id, "other", "RUNNING")
    assert not {"input", "code", "output"} & set(ours)


async def test_the_list_comes_in_pages_newest_first(bench: Bench) -> None:
    now = bench.studio.state.now()
    made = [bench.studio.add_task(created_at=now - age).id for age in range(7)]
    pages = [await bench.get("/tasks/", page_no=str(number), page_size="3") for number in (1, 2, 3, 4)]
    assert [row["task_id"] for page in pages for row in page["data"]] == made
    assert {page["total_page"] for page in pages} == {3}


async def test_the_list_can_lag_and_has_a_window(bench: Bench) -> None:
    bench.studio.state.list_lag = 30
    bench.studio.add_task()
    assert (await bench.get("/tasks/"))["total"] == 0
    bench.studio.advance(31)
    assert (await bench.get("/tasks/"))["total"] == 1
    long_ago = {"start_time": "20200101000000", "end_time": "20200101235959"}
    assert (await bench.get("/tasks/", **long_ago))["total"] == 0


@pytest.mark.parametrize(
    "query", [{"limit": "3"}, {"page_no": "0"}, {"start_time": "2026-11-22"}, {"start_time": "20200101000000"}]
)
async def test_the_list_refuses_what_it_does_not_know(bench: Bench, query: dict[str, str]) -> None:
    answer = await bench.http.get(f"{bench.base}/tasks/", params=query, headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")


async def test_another_key_of_the_account_sees_the_same_tasks(bench: Bench) -> None:
    bench.studio.add_key("sk-second", "1000009")
    task_id = (await bench.post(bench.order(), Authorization="Bearer sk-second")).json()["output"]["task_id"]
    assert (await bench.get("/tasks/", api_key_id="1000009"))["data"][0]["task_id"] == task_id
    assert (await bench.look(task_id))["task_status"] != "UNKNOWN"


async def test_the_calendar_moves_the_date_header(bench: Bench) -> None:
    bench.studio.advance(7 * 86_400)
    date = (await bench.http.get(f"{bench.base}/tasks/x")).headers["Date"]
    assert parsedate_to_datetime(date).timestamp() == pytest.approx(bench.studio.state.now(), abs=2)
