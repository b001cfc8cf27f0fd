from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from vendor_wire import KEY, LOST, NOW, Answer, Vendor, fails, output

from bot.errors import Refused, RemoteError, Unclear, Unreachable
from bot.failure import FailureCode
from bot.studio import Studio
from bot.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor().open() as vendor:
        yield vendor


@pytest.fixture
async def studio(vendor: Vendor) -> AsyncIterator[Studio]:
    async with vendor.studio() as studio:
        yield studio


async def test_a_running_task_is_read_with_its_times_in_the_vendors_time_zone(vendor: Vendor, studio: Studio) -> None:
    vendor.says(output("RUNNING", submit_time="2026-11-22 16:00:00.105", scheduled_time="2026-11-22 16:00:14.902"))
    task = await studio.look_up("t-1")
    assert task.status is TaskStatus.RUNNING
    assert task.submitted_at == pytest.approx(NOW + 0.105)
    assert task.started_at == pytest.approx(NOW + 14.902)
    assert task.ended_at is None
    [(method, path, headers, body)] = vendor.asked
    assert (method, path, body) == ("GET", "/api/v1/tasks/t-1", b"")
    assert headers["authorization"] == f"Bearer {KEY}"


URL = "http://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/a/b.mp4?Expires=1&Signature=a%2Bb"


@pytest.mark.parametrize(
    "where",
    [
        {"results": {"video_url": URL}},
        {"results": {"video_url": URL}, "video_url": "http://other.example/"},
        {"video_url": URL},
        {"results": [], "video_url": URL},
        {"results": {"video_url": ""}, "video_url": URL},
    ],
)
async def test_a_finished_task_says_where_its_video_is_and_what_was_billed(
    vendor: Vendor, studio: Studio, where: dict[str, object]
) -> None:
    answer = output("SUCCEEDED", end_time="2026-11-22 16:02:41.377", **where)
    vendor.says(answer | {"usage": {"video_duration": 5.2, "video_ratio": "standard"}})
    task = await studio.look_up("t-1")
    assert task.status is TaskStatus.SUCCEEDED
    assert task.url == URL
    assert task.seconds == 5.2
    assert task.ended_at == pytest.approx(NOW + 161.377)
    assert task.failure is None


@pytest.mark.parametrize(
    "where", [{}, {"results": {}}, {"results": {"video_url": 7}}, {"video_url": "oss://x"}, {"results": None}]
)
async def test_a_success_without_an_address_is_looked_at_again(
    vendor: Vendor, studio: Studio, where: dict[str, object]
) -> None:
    vendor.says(output("SUCCEEDED", **where))
    assert type(await fails(studio.look_up("t-1"))) is Unclear


async def test_a_failed_task_says_why(vendor: Vendor, studio: Studio) -> None:
    vendor.says(output("FAILED", code="InvalidVideo.FullFace", message="The face is not whole."))
    task = await studio.look_up("t-1")
    assert task.status is TaskStatus.FAILED
    assert task.failure is not None
    assert task.failure.code is FailureCode.VIDEO_FACE
    assert task.failure.detail == "InvalidVideo.FullFace: The face is not whole."


@pytest.mark.parametrize("more", [{}, {"code": None, "message": 7}, {"code": []}])
async def test_a_task_may_fail_without_a_word(vendor: Vendor, studio: Studio, more: dict[str, object]) -> None:
    vendor.says(output("FAILED", **more))
    task = await studio.look_up("t-1")
    assert task.failure is not None
    assert task.failure.code is FailureCode.SERVICE


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("PENDING", TaskStatus.PENDING),
        ("pending", TaskStatus.PENDING),
        ("RUNNING", TaskStatus.RUNNING),
        ("CANCELED", TaskStatus.CANCELLED),
        ("CANCELLED", TaskStatus.CANCELLED),
        ("UNKNOWN", TaskStatus.UNKNOWN),
        ("SUSPENDED", TaskStatus.RUNNING),
        ("SOMETHING NEW", TaskStatus.RUNNING),
    ],
)
async def test_only_a_documented_end_is_an_end(vendor: Vendor, studio: Studio, told: str, status: TaskStatus) -> None:
    vendor.says(output(told))
    assert (await studio.look_up("t-1")).status is status


@pytest.mark.parametrize("time", ["", "soon", None, 7, [], "2026-13-45 99:00:00", "0001-01-01 00:00:00.000"])
@pytest.mark.parametrize("usage", [None, [], {}, {"video_duration": "x"}, {"video_duration": None}])
async def test_a_garbled_time_or_bill_spoils_nothing(
    vendor: Vendor, studio: Studio, time: object, usage: object
) -> None:
    vendor.says(output("SUCCEEDED", results={"video_url": URL}, submit_time=time, end_time=time) | {"usage": usage})
    task = await studio.look_up("t-1")
    assert task.url == URL
    assert task.seconds == 0.0


@pytest.mark.parametrize("duration", ["1e999", "NaN", "-1", "true", "1" + "0" * 400])
async def test_a_bill_that_is_no_amount_is_none(vendor: Vendor, studio: Studio, duration: str) -> None:
    answer = json.dumps(output("SUCCEEDED", video_url=URL) | {"usage": {"video_duration": "HERE"}})
    vendor.says(answer.replace('"HERE"', duration))
    assert (await studio.look_up("t-1")).seconds == 0.0


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "[" * 100_000, [], {}, {"output": []}, output(None), output(7), {"output": {"task_status": {}}}],
)
async def test_an_odd_look_says_nothing_about_the_task(vendor: Vendor, studio: Studio, body: object) -> None:
    vendor.says(body)
    assert type(await fails(studio.look_up("t-1"))) is Unclear


async def test_an_answer_about_another_task_is_not_taken(vendor: Vendor, studio: Studio) -> None:
    vendor.says(output("SUCCEEDED", results={"video_url": URL}))
    assert type(await fails(studio.look_up("t-2"))) is Unclear


@pytest.mark.parametrize("lost", LOST)
async def test_a_look_that_is_lost_is_looked_again(vendor: Vendor, studio: Studio, lost: Answer) -> None:
    vendor.does(lost)
    assert isinstance(await fails(studio.look_up("t-1")), Unclear | Unreachable)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, {"code": "InternalError"}), (502, "<html>"), (429, {"code": "Throttling"}), (404, "<html>"), (429, "")],
)
async def test_trouble_while_looking_passes(vendor: Vendor, studio: Studio, status: int, body: object) -> None:
    vendor.says(body, status)
    assert type(await fails(studio.look_up("t-1"))) is Unreachable


async def test_a_key_that_went_bad_is_said_so(vendor: Vendor, studio: Studio) -> None:
    vendor.says({"code": "InvalidApiKey", "message": "Invalid API-key provided."}, 401)
    error = await fails(studio.look_up("t-1"))
    assert isinstance(error, Refused)
    assert error.failure.code is FailureCode.KEY


async def test_a_task_id_cannot_lead_to_another_call(vendor: Vendor, studio: Studio) -> None:
    vendor.says(output("UNKNOWN", task_id="a/../b?c"))
    await studio.look_up("a/../b?c")
    assert vendor.asked[0][1] == "/api/v1/tasks/a%2F..%2Fb%3Fc"


async def test_a_task_that_had_not_begun_can_be_cancelled(vendor: Vendor, studio: Studio) -> None:
    vendor.says({"request_id": "r"})
    assert await studio.cancel("t-1") is True
    assert vendor.asked[0][:2] == ("POST", "/api/v1/tasks/t-1/cancel")


async def test_a_task_that_had_begun_cannot_be_cancelled(vendor: Vendor, studio: Studio) -> None:
    vendor.says({"code": "UnsupportedOperation", "message": "Failed to cancel the task"}, 400)
    assert await studio.cancel("t-1") is False


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "InvalidApiKey"}, Refused),
        (429, {"code": "Throttling"}, Unreachable),
        (500, {"code": "InternalError"}, Unreachable),
        (200, "<html>", Unclear),
        (200, {"ok": True}, Unclear),
        (400, "<html>", Unreachable),
    ],
)
async def test_anything_else_does_not_count_as_an_answer_to_a_cancel(
    vendor: Vendor, studio: Studio, status: int, body: object, error: type[RemoteError]
) -> None:
    vendor.says(body, status)
    assert type(await fails(studio.cancel("t-1"))) is error
