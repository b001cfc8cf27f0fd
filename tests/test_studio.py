from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from vendor_wire import CREATED, KEY, LOST, NOW, Answer, Vendor, fails, output

from bot.errors import Refused, Unclear, Unreachable
from bot.failure import FailureCode
from bot.order import Kind, Quality
from bot.studio import PRICES, Studio, base_url, studio_http
from bot.task import TaskRequest

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


DATE = "Sun, 22 Nov 2026 08:00:30 GMT"


def request(**changes: Any) -> TaskRequest:
    values: dict[str, Any] = {
        "kind": Kind.ANIMATE,
        "quality": Quality.STANDARD,
        "watermark": False,
        "check_person": True,
        "image_url": "https://bot.example.org/media/a/image.jpg",
        "video_url": "https://bot.example.org/media/b/video.mp4",
    }
    return TaskRequest(**(values | changes))


@pytest.mark.parametrize(
    ("arguments", "base"),
    [
        (("singapore",), "https://dashscope-intl.aliyuncs.com/api/v1"),
        (("beijing",), "https://dashscope.aliyuncs.com/api/v1"),
        (("singapore", "ws-1"), "https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1"),
        (("beijing", "ws-1"), "https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1"),
        (("beijing", "ws-1", "http://127.0.0.1:9/api/v1/"), "http://127.0.0.1:9/api/v1"),
    ],
)
def test_each_region_has_its_hosts_and_an_override_wins(arguments: tuple[str, ...], base: str) -> None:
    assert base_url(*arguments) == base


def test_an_override_that_is_no_api_base_is_refused() -> None:
    with pytest.raises(ValueError, match="/api/v1"):
        base_url("singapore", None, "https://dashscope.aliyuncs.com")


def test_every_region_has_a_price_for_everything() -> None:
    assert {(region, prices.currency) for region, prices in PRICES.items()} == {
        ("singapore", "USD"),
        ("beijing", "CNY"),
    }
    assert PRICES["singapore"].of(Kind.SWAP, Quality.PRO, 10) == pytest.approx(2.6)
    assert PRICES["beijing"].of(Kind.ANIMATE, Quality.STANDARD, 4) == pytest.approx(1.6)
    for prices in PRICES.values():
        assert set(prices.per_second) == {(kind, quality) for kind in Kind for quality in Quality}


async def test_a_create_is_exactly_what_is_documented(vendor: Vendor, studio: Studio) -> None:
    vendor.says(CREATED)
    assert await studio.create(request()) == "t-1"
    [(method, path, headers, body)] = vendor.asked
    assert (method, path) == ("POST", "/api/v1/services/aigc/image2video/video-synthesis")
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["content-type"] == "application/json"
    assert {name: value for name, value in headers.items() if name.startswith("x-")} == {"x-dashscope-async": "enable"}
    assert json.loads(body) == {
        "model": "wan2.2-animate-move",
        "input": {
            "image_url": "https://bot.example.org/media/a/image.jpg",
            "video_url": "https://bot.example.org/media/b/video.mp4",
            "watermark": False,
        },
        "parameters": {"mode": "wan-std", "check_image": True},
    }


async def test_what_was_ordered_is_what_is_asked_for(vendor: Vendor, studio: Studio) -> None:
    vendor.says(CREATED)
    await studio.create(request(kind=Kind.SWAP, quality=Quality.PRO, watermark=True, check_person=False))
    body = json.loads(vendor.asked[0][3])
    assert body["model"] == "wan2.2-animate-mix"
    assert body["input"]["watermark"] is True
    assert body["parameters"] == {"mode": "wan-pro", "check_image": False}


@pytest.mark.parametrize("field", ["image_url", "video_url"])
async def test_an_address_in_temporary_storage_is_announced(vendor: Vendor, studio: Studio, field: str) -> None:
    vendor.says(CREATED)
    await studio.create(request(**{field: "oss://dashscope-instant/x/image.jpg"}))
    assert vendor.asked[0][2]["x-dashscope-ossresourceresolve"] == "enable"


@pytest.mark.parametrize("lost", LOST)
async def test_a_create_whose_answer_is_lost_is_unclear_and_was_sent_once(
    vendor: Vendor, studio: Studio, lost: Answer
) -> None:
    vendor.does(lost)
    assert type(await fails(studio.create(request()))) is Unclear
    assert len(vendor.asked) == 1


async def test_a_create_that_found_nobody_was_never_made() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with studio_http(KEY, f"http://127.0.0.1:{unused.getsockname()[1]}/api/v1") as http:
            assert type(await fails(Studio(http, lambda: NOW).create(request()))) is Unreachable


async def test_a_create_that_could_not_be_encrypted_was_never_made(vendor: Vendor) -> None:
    async with studio_http(KEY, vendor.base.replace("http:", "https:")) as http:
        assert type(await fails(Studio(http, lambda: NOW).create(request()))) is Unreachable


MALFORMED: list[object] = [
    "",
    "<html>oops</html>",
    '{"output": {"task_id": "2222',
    "[" * 100_000,
    [],
    "null",
    '"text"',
    {},
    {"output": None},
    {"output": []},
    {"output": {}},
    {"output": {"task_id": None}},
    {"output": {"task_id": 7}},
    {"output": {"task_id": ""}},
    {"output": {"task_id": "../x"}},
    {"output": {"task_id": ".."}},
    {"output": {"task_id": "a" * 300}},
    {"code": "Odd", "message": "refused with 200"},
]


@pytest.mark.parametrize("body", MALFORMED)
async def test_a_create_answered_with_anything_odd_is_unclear(vendor: Vendor, studio: Studio, body: object) -> None:
    vendor.says(body)
    assert type(await fails(studio.create(request()))) is Unclear


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"code": "InternalError", "message": "x"}),
        (500, {"code": "RequestTimeOut"}),
        (503, {"code": "ServiceUnavailable"}),
        (502, "<html>bad gateway</html>"),
        (408, {"code": "RequestTimeOut"}),
        (400, "<html>a proxy's own words</html>"),
        (404, {"message": "no code"}),
        (404, {"code": 7}),
        (302, ""),
        (204, ""),
    ],
)
async def test_only_the_services_own_refusal_settles_a_create(
    vendor: Vendor, studio: Studio, status: int, body: object
) -> None:
    vendor.says(body, status)
    assert type(await fails(studio.create(request()))) is Unclear


@pytest.mark.parametrize(
    ("status", "words", "meaning"),
    [
        (400, ("InvalidParameter", "Field required: model"), FailureCode.REQUEST),
        (400, ("InvalidURL", "https://bot.example.org/media/a is no good"), FailureCode.DOWNLOAD),
        (400, ("DataInspectionFailed", ""), FailureCode.MODERATION),
        (400, ("InvalidNews", ""), FailureCode.INVALID),
        (400, ("Arrearage", ""), FailureCode.PAYMENT),
        (401, ("InvalidApiKey", f"Incorrect API key provided: {KEY}"), FailureCode.KEY),
        (403, ("Model.AccessDenied", ""), FailureCode.ACCESS),
        (404, ("model_not_found", ""), FailureCode.ACCESS),
        (429, ("Throttling.AllocationQuota", "Free allocated quota exceeded."), FailureCode.PAYMENT),
        (429, ("PrepaidBillOverdue", ""), FailureCode.PAYMENT),
        (418, ("Teapot", ""), FailureCode.SERVICE),
    ],
)
async def test_a_refusal_in_the_services_words_is_final(
    vendor: Vendor, studio: Studio, status: int, words: tuple[str, str], meaning: FailureCode
) -> None:
    code, message = words
    vendor.says({"request_id": "r", "code": code, "message": message}, status)
    error = await fails(studio.create(request()))
    assert isinstance(error, Refused)
    assert error.failure.code is meaning
    assert error.failure.detail.startswith(code)


async def test_a_refusal_may_be_worded_as_the_compatible_interface_does(vendor: Vendor, studio: Studio) -> None:
    vendor.says({"error": {"code": "model_not_found", "message": "x"}}, 404)
    error = await fails(studio.create(request()))
    assert isinstance(error, Refused)
    assert error.failure.code is FailureCode.ACCESS


@pytest.mark.parametrize(
    "body", [{"code": "Throttling.RateQuota"}, {"code": "limit_requests"}, "<html>slow down</html>", ""]
)
async def test_too_many_creates_are_made_later(vendor: Vendor, studio: Studio, body: object) -> None:
    vendor.says(body, 429, Retry_After="17")
    error = await fails(studio.create(request()))
    assert isinstance(error, Unreachable)
    assert error.retry_after == 17


async def test_the_key_follows_no_redirect(vendor: Vendor, studio: Studio) -> None:
    for status in (301, 302, 307, 308):
        vendor.says("", status, Location="/api/v1/elsewhere")
        await fails(studio.create(request()))
        vendor.says("", status, Location="/api/v1/elsewhere")
        assert type(await fails(studio.look_up("t-1"))) is Unreachable
    assert not [path for _, path, _, _ in vendor.asked if "elsewhere" in path]


async def test_the_environment_has_no_say(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    vendor.says(CREATED)
    async with studio_http(KEY, vendor.base) as http:
        assert await Studio(http, lambda: NOW).create(request()) == "t-1"


async def test_the_services_clock_is_read_off_every_answer(vendor: Vendor, studio: Studio) -> None:
    assert studio.clock_offset is None
    vendor.says(output("RUNNING"), Date=DATE)
    await studio.look_up("t-1")
    assert studio.clock_offset == pytest.approx(30.5)
    vendor.says("", 500, Date="Sun, 22 Nov 2026 07:59:00 GMT")
    await fails(studio.look_up("t-1"))
    assert studio.clock_offset == pytest.approx(-59.5)


@pytest.mark.parametrize("date", ["", "now", "Sun, 99 Nov 2026 07:59:00 GMT"])
async def test_an_unreadable_date_is_no_clock(vendor: Vendor, studio: Studio, date: str) -> None:
    vendor.says(output("RUNNING"), Date=date)
    await studio.look_up("t-1")
    assert studio.clock_offset is None


def test_the_tests_instant_is_what_it_says() -> None:
    assert datetime.fromtimestamp(NOW, UTC).isoformat() == "2026-11-22T08:00:00+00:00"
