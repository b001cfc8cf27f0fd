from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from PIL import Image
from studio_bench import Bench, opened

from bot.demo import samples
from bot.demo import studio_trouble as trouble
from bot.demo.studio_state import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def bench(tmp_path: Path, media: Any, renders: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path / "studio", media.image, media.video, renders) as bench:
        yield bench


# What is refused at the door


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"Authorization": None}, (401, "InvalidApiKey")),
        ({"Authorization": "Bearer sk-other"}, (401, "InvalidApiKey")),
        ({"X_DashScope_Async": None}, (403, "AccessDenied")),
        ({"Content_Type": "text/plain"}, (400, "InvalidParameter")),
    ],
)
async def test_a_create_without_the_right_headers_is_refused(
    bench: Bench, headers: dict[str, Any], refusal: tuple[int, str]
) -> None:
    answer = await bench.post(bench.order(), **headers)
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert not bench.studio.tasks


def _without(part: str, name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda body: (body[part] if part else body).pop(name)


def _with(part: str, name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda body: (body[part] if part else body).update({name: value})


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_without("", "parameters"), "parameters"),
        (_without("input", "watermark"), "input.watermark"),
        (_without("parameters", "check_image"), "parameters.check_image"),
        (_with("", "request_id", "x"), "request_id"),
        (_with("input", "prompt", None), "input.prompt"),
        (_with("parameters", "watermark", True), "parameters.watermark"),
        (_with("input", "watermark", 0), "input.watermark"),
        (_with("parameters", "check_image", "true"), "parameters.check_image"),
        (_with("parameters", "mode", "wan-max"), "parameters.mode"),
        (_with("", "model", "wan2.9"), "Model not exist"),
    ],
)
async def test_a_body_that_is_not_exactly_the_documented_one_is_refused_by_name(
    bench: Bench, spoil: Callable[[dict[str, Any]], Any], named: str
) -> None:
    body = bench.order()
    spoil(body)
    answer = await bench.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")
    assert named in answer.json()["message"]
    assert [create.refusal for create in bench.studio.creates] == ["InvalidParameter"]


@pytest.mark.parametrize("body", ["", "[]", "{", "null"])
async def test_a_body_that_is_no_json_object_is_refused(bench: Bench, body: str) -> None:
    assert (await bench.post(body)).json()["code"] == "InvalidParameter"


async def test_a_field_given_twice_is_refused(bench: Bench) -> None:
    body = json.dumps(bench.order())
    answer = await bench.post(body.replace('"mode"', '"mode": "wan-pro", "mode"'))
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")
    assert "given twice: mode" in answer.json()["message"]


async def test_an_oss_address_needs_the_resolve_header(bench: Bench) -> None:
    answer = await bench.post(bench.order(image_url="oss://a/b"))
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter.DataInspection")


@pytest.mark.parametrize("url", ["ftp://example.org/a", "/a", "http://example.org/ä"])
async def test_an_address_of_another_kind_is_refused(bench: Bench, url: str) -> None:
    assert (await bench.post(bench.order(video_url=url))).json()["code"] == "InvalidURL"


async def test_limits_of_calls_a_second_count_only_when_enforced(bench: Bench) -> None:
    await asyncio.gather(*(bench.create() for _ in range(6)))
    bench.studio.state.limited = True
    answer = await bench.post(bench.order())
    assert (answer.status_code, answer.json()["code"]) == (429, "Throttling.RateQuota")
    assert bench.studio.state.busiest["create wan2.2-animate-move"] == 7
    other = await bench.post(bench.order(model="wan2.2-animate-mix"))
    assert other.status_code == 200  # each model has a limit of its own


# What ends FAILED


def _picture(size: tuple[int, int], tmp_path: Path) -> bytes:
    Image.new("RGB", size, "gray").save(tmp_path / "p.png")
    return (tmp_path / "p.png").read_bytes()


@pytest.mark.parametrize("size", [(199, 400), (200, 601), (4097, 3000)])
async def test_a_picture_of_a_size_that_is_not_taken_fails(bench: Bench, tmp_path: Path, size: tuple[int, int]) -> None:
    bench.origin.files["/c.png"] = ("image/png", _picture(size, tmp_path))
    assert (await bench.failure())[0] == "InvalidImage.ImageSize"


async def test_a_picture_that_is_none_fails(bench: Bench) -> None:
    bench.origin.files["/c.png"] = ("image/png", b"\x89PNG and nothing")
    assert (await bench.failure())[0] == "InvalidImage.FileFormat"


async def test_a_video_that_is_cut_off_fails(bench: Bench, tmp_path: Path) -> None:
    samples.dancer(tmp_path / "whole.mp4", seconds=2.0)
    bench.origin.files["/d.mp4"] = ("video/mp4", (tmp_path / "whole.mp4").read_bytes()[:-5000])
    assert (await bench.failure())[0] == "InvalidVideo.FileFormat"


async def test_a_video_too_short_fails(bench: Bench, tmp_path: Path) -> None:
    samples.dancer(tmp_path / "short.mp4", seconds=0.5)
    bench.origin.files["/d.mp4"] = ("video/mp4", (tmp_path / "short.mp4").read_bytes())
    assert (await bench.failure())[0] == "InvalidFile.Duration"


async def test_a_video_in_the_address_itself_fails(bench: Bench) -> None:
    failure = await bench.failure(video_url="data:video/mp4;base64,AAAA")
    assert failure == ("InvalidVideo.FileFormat", "Invalid video type. Only mp4/mov/avi is supported.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: web.Response(status=404), "Failed to find"),
        (lambda: web.Response(status=410), "Failed to find"),
        (lambda: web.Response(status=403), "authorization"),
        (lambda: web.Response(status=302, headers={"Location": "/c.png"}), "Unable to download"),
        (lambda: web.Response(status=503), "Unable to download"),
        (lambda: web.Response(body=b"x"), "Content-Type"),
    ],
)
async def test_an_input_that_is_not_served_as_it_should_be_fails(
    bench: Bench, answer: Callable[[], web.Response], words: str
) -> None:
    bench.origin.answers["/d.mp4"] = answer
    found = await bench.failure()
    assert found[0] == "InvalidParameter"
    assert words in found[1]


async def test_an_input_without_a_length_fails(bench: Bench) -> None:
    failure = await bench.failure(image_url=f"{bench.origin.url}/c.png?nolength=1")
    assert failure == ("InternalError.Algo", "Missing Content-Length of multimodal url")


async def test_an_input_at_a_closed_port_fails(bench: Bench) -> None:
    failure = await bench.failure(image_url="http://127.0.0.1:1/c.png")
    assert failure[0] == "InvalidURL.ConnectionRefused"


async def test_a_picture_over_five_megabytes_fails_before_it_is_fetched(bench: Bench) -> None:
    bench.origin.files["/c.png"] = ("image/png", bytes(5_000_001))
    assert (await bench.failure())[0] == "InvalidFile.Size"


async def test_a_failed_task_makes_room_for_the_next(bench: Bench) -> None:
    bench.studio.trouble.next_tasks(trouble.fails("InvalidVideo.FullFace", "no face"), None)
    first, second = await bench.create(), await bench.create()
    assert await bench.ended(second) is Status.SUCCEEDED
    assert (await bench.look(first))["code"] == "InvalidVideo.FullFace"
    assert [bill.task_id for bill in bench.studio.billed] == [second]
