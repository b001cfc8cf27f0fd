from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from bot.demo.studio import StudioStandIn
from bot.demo.studio_trouble import dropped, http_status, refused
from bot.errors import Refused, Unclear, Unreachable
from bot.failure import FailureCode
from bot.hosting.modelstudio import ModelStudioHost
from bot.job import Media
from bot.order import Kind, Role
from bot.studio import Studio, studio_http
from bot.transfer import media_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.demo.studio_trouble import Fault
    from bot.hosting import FileHost

KEY = "sk-do-not-show"
BYTES = os.urandom(1_200_003)
IMAGE = Media(format="jpeg", size=len(BYTES), width=720, height=1280)
EXPIRED = http_status(403, "<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>")


@pytest.fixture
async def vendor(tmp_path: Path) -> AsyncIterator[StudioStandIn]:
    async with StudioStandIn(api_key=KEY, folder=tmp_path / "vendor") as vendor:
        yield vendor


@pytest.fixture
async def host(vendor: StudioStandIn) -> AsyncIterator[ModelStudioHost]:
    async with studio_http(KEY, vendor.base_url) as http, media_session() as media:
        yield ModelStudioHost(Studio(http, time.time), media, clock=lambda: 1000.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Büro \r\n.jpg"
    path.write_bytes(BYTES)
    return path


async def refusal(host: FileHost, file: Path, media: Media = IMAGE) -> Refused:
    with pytest.raises(Refused) as caught:
        await host.put(file, kind=Kind.SWAP, role=Role.IMAGE, media=media)
    return caught.value


async def test_a_file_gets_to_the_storage_whole_for_its_model_and_under_a_name_that_says_nothing(
    vendor: StudioStandIn, host: FileHost, file: Path
) -> None:
    hosted = await host.put(file, kind=Kind.SWAP, role=Role.IMAGE, media=IMAGE)
    [(key, stored)] = vendor.storage.objects.items()
    assert hosted.url == f"oss://{key}"
    assert key.endswith("/image.jpg")
    assert (stored.model, stored.sha256) == ("wan2.2-animate-mix", hashlib.sha256(BYTES).hexdigest())
    assert hosted.expires_at == 1000 + 48 * 3600
    assert not host.revocable


async def test_each_put_makes_an_address_of_its_own(vendor: StudioStandIn, host: FileHost, file: Path) -> None:
    first, second = [await host.put(file, kind=Kind.SWAP, role=Role.VIDEO, media=IMAGE) for _ in range(2)]
    assert first.url != second.url
    assert first.token != second.token
    assert len(first.token) >= 32
    assert len(vendor.storage.objects) == 2


async def test_a_policy_that_ran_out_is_replaced_once(vendor: StudioStandIn, host: FileHost, file: Path) -> None:
    vendor.trouble.next("upload", EXPIRED)
    hosted = await host.put(file, kind=Kind.SWAP, role=Role.IMAGE, media=IMAGE)
    assert hosted.url.removeprefix("oss://") in vendor.storage.objects
    assert vendor.state.requests["policy"] == 2
    vendor.trouble.next("upload", EXPIRED, times=2)
    assert (await refusal(host, file)).failure.code is FailureCode.ACCESS
    assert vendor.state.requests["policy"] == 4


async def test_a_policy_that_is_always_too_old_is_a_refusal(vendor: StudioStandIn, host: FileHost, file: Path) -> None:
    vendor.storage.policy_seconds = -1
    assert (await refusal(host, file)).failure.code is FailureCode.ACCESS
    assert vendor.storage.objects == {}


async def test_a_file_that_the_policy_does_not_take_is_not_sent(
    vendor: StudioStandIn, host: FileHost, file: Path
) -> None:
    vendor.storage.max_size_mb = 1
    failure = (await refusal(host, file)).failure
    (problem,) = failure.problems
    assert (failure.code, problem.rule) == (FailureCode.BAD_FILES, "size")
    assert problem.limit == "1 MB in Model Studio's temporary storage"
    assert vendor.state.requests["upload"] == 0


@pytest.mark.parametrize(
    ("fault", "code", "detail"),
    [
        (
            http_status(400, "<Error><Code>EntityTooLarge</Code></Error>"),
            FailureCode.FILE_SIZE,
            "temporary storage: 400 EntityTooLarge",
        ),
        (
            http_status(403, "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>secret</StringToSign></Error>"),
            FailureCode.ACCESS,
            "temporary storage: 403 SignatureDoesNotMatch",
        ),
        (http_status(412, "?"), FailureCode.REQUEST, "temporary storage: 412"),
    ],
)
async def test_a_refusal_of_the_storage_is_final_and_names_its_code_only(
    vendor: StudioStandIn, host: FileHost, file: Path, *, fault: Fault, code: FailureCode, detail: str
) -> None:
    vendor.trouble.next("upload", fault)
    error = await refusal(host, file)
    assert error.failure.code is code
    assert error.failure.detail == detail
    assert "secret" not in str(error)


@pytest.mark.parametrize("fault", [http_status(503), http_status(429), dropped(effect=False), dropped(effect=True)])
async def test_trouble_on_the_way_to_the_storage_passes(
    vendor: StudioStandIn, host: FileHost, file: Path, fault: Fault
) -> None:
    vendor.trouble.next("upload", fault)
    with pytest.raises(Unreachable):
        await host.put(file, kind=Kind.SWAP, role=Role.IMAGE, media=IMAGE)
    await host.put(file, kind=Kind.SWAP, role=Role.IMAGE, media=IMAGE)


async def test_trouble_with_the_policy_is_told_as_it_is(vendor: StudioStandIn, host: FileHost, file: Path) -> None:
    vendor.trouble.next("policy", refused(403, "AccessDenied.Unpurchased"), dropped(effect=False), http_status(500))
    assert (await refusal(host, file)).failure.code is FailureCode.ACCESS
    with pytest.raises(Unclear):
        await host.put(file, kind=Kind.SWAP, role=Role.IMAGE, media=IMAGE)
    with pytest.raises(Unreachable):
        await host.put(file, kind=Kind.SWAP, role=Role.IMAGE, media=IMAGE)
    assert vendor.state.requests["upload"] == 0
