from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from vendor_wire import NOW, Vendor, fails

from bot.budget import Budgets, Rate
from bot.errors import Unclear, Unreachable
from bot.order import Kind
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


def row(number: int, **changes: object) -> dict[str, object]:
    return {
        "task_id": f"t-{number}",
        "request_id": f"r-{number}",
        "status": "RUNNING",
        "model_name": "wan2.2-animate-mix",
        "api_key_id": "key-1",
        "gmt_create": 1795334400105,
        "start_time": 1795334414902,
        **changes,
    }


def page(number: int, pages: object, *rows: object) -> dict[str, object]:
    return {"request_id": "r", "total": 99, "total_page": pages, "page_no": number, "page_size": 10, "data": list(rows)}


async def test_the_list_is_read_to_its_last_page(vendor: Vendor, studio: Studio) -> None:
    vendor.says(page(1, 2, row(1), row(2, status="CANCELED", end_time=1795334500000)))
    vendor.says(page(2, 2, row(2), row(3, model_name="else", api_key_id=None, request_id=None, start_time=None)))
    first, second, third = await studio.list_tasks(Kind.SWAP, since=NOW - 5.5, until=NOW + 0.5)
    assert (first.id, first.status, first.kind) == ("t-1", TaskStatus.RUNNING, Kind.SWAP)
    assert (first.api_key_id, first.request_id) == ("key-1", "r-1")
    assert (first.created_at, first.started_at, first.ended_at) == (NOW + 0.105, NOW + 14.902, None)
    assert (second.id, third.id) == ("t-2", "t-3")
    assert (third.kind, third.api_key_id, third.request_id, third.started_at) == (None, None, None, None)
    assert [path for _, path, _, _ in vendor.asked] == [
        f"/api/v1/tasks/?start_time=20261122155954&end_time=20261122160001&model_name=wan2.2-animate-mix&page_no={page}"
        for page in (1, 2)
    ]


async def test_a_list_without_a_number_of_pages_ends_with_an_empty_one(vendor: Vendor, studio: Studio) -> None:
    vendor.says(page(1, None, row(1)))
    vendor.says(page(2, "?", row(2)))
    vendor.says(page(3, None))
    assert len(await studio.list_tasks(Kind.SWAP, since=NOW, until=NOW)) == 2


async def test_an_empty_list_is_empty(vendor: Vendor, studio: Studio) -> None:
    vendor.says(page(1, 0))
    assert await studio.list_tasks(Kind.SWAP, since=NOW, until=NOW) == []


async def test_a_list_that_never_ends_is_given_up(vendor: Vendor, studio: Studio) -> None:
    ticks = count()
    studio.queries = Budgets(lambda _: Rate(1000, 1.0), clock=lambda: NOW + next(ticks))
    for number in range(1, 200):
        vendor.says(page(number, 1000, row(number)))
    assert type(await fails(studio.list_tasks(Kind.SWAP, since=NOW, until=NOW))) is Unclear
    assert len(vendor.asked) == 100


async def test_a_list_spans_a_day_at_most(vendor: Vendor, studio: Studio) -> None:
    with pytest.raises(ValueError, match="24 hours"):
        await studio.list_tasks(Kind.SWAP, since=NOW - 90_000, until=NOW)
    vendor.says(page(1, 1))
    await studio.list_tasks(Kind.SWAP, since=NOW - 86_400 + 0.7, until=NOW + 0.7)
    assert "start_time=20261121160001&end_time=20261122160001" in vendor.asked[0][1]


@pytest.mark.parametrize(
    "odd", [7, None, {}, row(1, task_id=None), row(1, gmt_create=None), row(1, gmt_create="x"), row(1, gmt_create=True)]
)
async def test_a_list_with_an_unreadable_row_proves_nothing(vendor: Vendor, studio: Studio, odd: object) -> None:
    vendor.says(page(1, 1, row(2), odd))
    assert type(await fails(studio.list_tasks(Kind.SWAP, since=NOW, until=NOW))) is Unclear


async def test_half_a_list_is_no_list(vendor: Vendor, studio: Studio) -> None:
    vendor.says(page(1, 2, row(1)))
    vendor.says({"code": "Throttling"}, 429)
    assert type(await fails(studio.list_tasks(Kind.SWAP, since=NOW, until=NOW))) is Unreachable


@pytest.mark.parametrize("body", ["", [], {}, {"data": None}, {"data": {}}])
async def test_an_answer_that_is_no_list_proves_nothing(vendor: Vendor, studio: Studio, body: object) -> None:
    vendor.says(body)
    assert type(await fails(studio.list_tasks(Kind.SWAP, since=NOW, until=NOW))) is Unclear


@pytest.mark.parametrize("status", [None, 7, "SUSPENDED"])
async def test_a_listed_task_of_odd_status_is_listed_and_not_ended(
    vendor: Vendor, studio: Studio, status: object
) -> None:
    vendor.says(page(1, 1, row(1, status=status)))
    [task] = await studio.list_tasks(Kind.SWAP, since=NOW, until=NOW)
    assert task.status in {TaskStatus.RUNNING, TaskStatus.UNKNOWN}


def policy(**changes: object) -> dict[str, object]:
    data = {
        "policy": "eyJ",
        "signature": "c2ln",
        "oss_access_key_id": "LTAI",
        "upload_host": "https://dashscope-file-xxx.oss-cn-beijing.aliyuncs.com",
        "upload_dir": "dashscope-instant/a/2026-11-22/b",
        "expire_in_seconds": 300,
        "max_file_size_mb": 100,
        "x_oss_object_acl": "private",
        "x_oss_forbid_overwrite": "true",
    }
    return {"request_id": "r", "data": data | changes}


async def test_a_policy_is_asked_for_by_model_and_gives_the_form_in_its_order(vendor: Vendor, studio: Studio) -> None:
    vendor.says(policy())
    found = await studio.upload_policy(Kind.ANIMATE)
    assert vendor.asked[0][:2] == ("GET", "/api/v1/uploads?action=getPolicy&model=wan2.2-animate-move")
    assert found.host == "https://dashscope-file-xxx.oss-cn-beijing.aliyuncs.com"
    assert found.size_most == 100 << 20
    assert found.key("image.jpg") == "dashscope-instant/a/2026-11-22/b/image.jpg"
    assert found.form("image.jpg") == (
        ("OSSAccessKeyId", "LTAI"),
        ("Signature", "c2ln"),
        ("policy", "eyJ"),
        ("x-oss-object-acl", "private"),
        ("x-oss-forbid-overwrite", "true"),
        ("key", "dashscope-instant/a/2026-11-22/b/image.jpg"),
        ("success_action_status", "200"),
    )
    assert "c2ln" not in repr(found)


@pytest.mark.parametrize(
    ("told", "most"), [("100", 100 << 20), (0.5, 1 << 19), (None, None), ("much", None), (-1, None), ([], None)]
)
async def test_a_policys_limit_may_be_a_number_or_a_text(
    vendor: Vendor, studio: Studio, told: object, most: int | None
) -> None:
    vendor.says(policy(max_file_size_mb=told))
    assert (await studio.upload_policy(Kind.ANIMATE)).size_most == most


@pytest.mark.parametrize(
    "host",
    [
        "http://dashscope-file.oss-cn-beijing.aliyuncs.com",
        "https://evil.example",
        "https://aliyuncs.com.evil.example",
        "https://evilaliyuncs.com",
        "https://x.aliyuncs.com@evil.example",
        "https://[",
        "file:///etc/passwd",
    ],
)
async def test_files_go_to_the_vendors_storage_only(vendor: Vendor, studio: Studio, host: str) -> None:
    vendor.says(policy(upload_host=host))
    assert type(await fails(studio.upload_policy(Kind.ANIMATE))) is Unclear


async def test_files_may_go_to_the_host_the_operator_named(vendor: Vendor, studio: Studio) -> None:
    host = "http://127.0.0.1:1"
    vendor.says(policy(upload_host=host))
    assert (await studio.upload_policy(Kind.ANIMATE)).host == host


@pytest.mark.parametrize(
    "changes",
    [{"policy": None}, {"signature": ""}, {"upload_dir": 7}, {"oss_access_key_id": "a\r\nb"}, {"upload_dir": "ü"}],
)
async def test_a_policy_that_lacks_something_is_not_used(
    vendor: Vendor, studio: Studio, changes: dict[str, object]
) -> None:
    vendor.says(policy(**changes))
    assert type(await fails(studio.upload_policy(Kind.ANIMATE))) is Unclear
