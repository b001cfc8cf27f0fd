from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
from studio_bench import FORM, KEY, MIX, MOVE, Bench, opened

from bot.demo import studio_trouble as trouble
from bot.demo.studio_state import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def bench(tmp_path: Path, media: Any, renders: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path / "studio", media.image, media.video, renders) as bench:
        yield bench


# Temporary storage


async def test_an_uploaded_file_can_be_rendered_from(bench: Bench) -> None:
    assert (await bench.upload(MOVE, bench.origin.files["/c.png"][1])).status_code == 200
    assert (await bench.upload(MOVE, bench.origin.files["/d.mp4"][1])).content == b""
    image, video = (f"oss://{key}" for key in bench.studio.storage.objects)
    assert await bench.ended(await bench.create(image_url=image, video_url=video)) is Status.SUCCEEDED
    assert not bench.origin.asked


async def test_an_uploaded_file_is_bound_to_its_model_and_dies_after_two_days(bench: Bench) -> None:
    await bench.upload(MOVE, bench.origin.files["/c.png"][1])
    image = f"oss://{next(iter(bench.studio.storage.objects))}"
    assert (await bench.failure(image_url=image, model=MIX))[0] == "InvalidParameter"
    bench.studio.advance(2 * 86_400 + 1)
    assert (await bench.failure(image_url=image))[0] == "InvalidParameter"


@pytest.mark.parametrize(
    ("fields", "changed", "code"),
    [
        ((*FORM[1:], FORM[0]), {}, "InvalidArgument"),
        (("file", *FORM), {}, "AccessDenied"),
        (FORM[:3] + FORM[4:], {}, "AccessDenied"),
        (FORM[:4] + FORM[5:], {}, "AccessDenied"),
        (FORM, {"x-oss-object-acl": "public-read"}, "AccessDenied"),
        (FORM, {"x-oss-forbid-overwrite": "false"}, "AccessDenied"),
        (FORM, {"success_action_status": "204"}, "AccessDenied"),
        (FORM, {"key": "elsewhere/file"}, "AccessDenied"),
        (FORM, {"Signature": "x"}, "SignatureDoesNotMatch"),
    ],
)
async def test_an_upload_form_out_of_order_or_against_the_policy_is_refused(
    bench: Bench, fields: tuple[str, ...], changed: dict[str, str], code: str
) -> None:
    answer = await bench.upload(MOVE, b"x", order=fields, **changed)
    assert f"<Code>{code}</Code>" in answer.text
    assert answer.status_code >= 400
    assert not bench.studio.storage.objects


async def test_a_policy_expires_and_forbids_overwriting_and_too_much(bench: Bench) -> None:
    bench.studio.storage.max_size_mb = 1
    policy = (await bench.get("/uploads", action="getPolicy", model=MOVE))["data"]
    assert "EntityTooLarge" in (await bench.send_form(policy, bytes((1 << 20) + 1))).text
    assert (await bench.send_form(policy, b"x")).status_code == 200
    assert "FileAlreadyExists" in (await bench.send_form(policy, b"y")).text
    bench.studio.advance(policy["expire_in_seconds"])
    assert "Policy expired" in (await bench.send_form(policy, b"z", key=f"{policy['upload_dir']}/other")).text


async def test_a_policy_needs_a_model_and_a_key(bench: Bench) -> None:
    url = f"{bench.base}/uploads?action=getPolicy&model="
    assert (await bench.http.get(f"{url}{MOVE}")).status_code == 401
    answer = await bench.http.get(f"{url}unknown", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.json()["code"] == "InvalidParameter"


async def test_an_upload_of_unknown_length_is_refused(bench: Bench) -> None:
    policy = (await bench.get("/uploads", action="getPolicy", model=MOVE))["data"]

    async def body() -> AsyncIterator[bytes]:
        yield b"--x--"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await bench.http.post(policy["upload_host"], content=body(), headers=headers)
    assert (answer.status_code, "MissingContentLength" in answer.text) == (411, True)


async def test_an_upload_by_aiohttp_streams_in(bench: Bench, media: Any) -> None:
    data = (await bench.get("/uploads", action="getPolicy", model=MIX))["data"]
    form = aiohttp.FormData()
    values = (data["oss_access_key_id"], data["signature"], data["policy"], "private", "true")
    for name, value in zip(FORM, (*values, f"{data['upload_dir']}/d.mp4", "200"), strict=True):
        form.add_field(name, value)
    with media.video.open("rb") as file:
        form.add_field("x-oss-content-type", "video/mp4")
        form.add_field("file", file, filename="d.mp4", content_type="video/mp4")
        async with aiohttp.ClientSession() as session, session.post(data["upload_host"], data=form) as answer:
            assert answer.status == 200
    (stored,) = bench.studio.storage.objects.values()
    assert (stored.size, stored.model) == (media.video.stat().st_size, MIX)


# Results


async def test_a_result_lives_a_day_and_needs_its_signature(bench: Bench) -> None:
    task_id = await bench.create()
    await bench.ended(task_id)
    url = (await bench.look(task_id))["results"]["video_url"]
    assert (await bench.http.get(url.replace("Expires=", "Expires=9"))).status_code == 403
    assert (await bench.http.get(url)).status_code == 200
    bench.studio.advance(86_402)
    assert "Request has expired" in (await bench.http.get(url)).text


async def test_a_result_can_be_cut_and_its_length_false_or_missing(bench: Bench) -> None:
    task_id = await bench.create()
    await bench.ended(task_id)
    url = (await bench.look(task_id))["results"]["video_url"]
    whole = (await bench.http.get(url)).content
    bench.studio.trouble.next("result", trouble.cut(1000), trouble.wrong_length(len(whole) + 1))
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            await bench.http.get(url)
    bench.studio.trouble.next("result", trouble.unannounced(), trouble.cut(1000, announced=False))
    unannounced, cut = await bench.http.get(url), await bench.http.get(url)
    assert "Content-Length" not in unannounced.headers
    assert (unannounced.content, cut.content) == (whole, whole[:1000])
