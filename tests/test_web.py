from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from builders import NOW, Clock, in_state
from structlog.testing import capture_logs

from bot.hosting.local import LIFETIME_SECONDS, LocalHost
from bot.job import Job, JobState, Media
from bot.order import Kind, Role
from bot.spool import Spool
from bot.store import Address, Store
from bot.web import Health, routes
from bot.web import Media as MediaRoute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

FILE = bytes(range(256)) * 40  # 10,240 bytes, each distance of them different enough to notice a shift


@dataclass(kw_only=True)
class World:
    """One job whose video is given away, and the server that serves it."""

    http: TestClient[Any, Any]
    store: Store
    spool: Spool
    clock: Clock
    job: Job
    token: str
    path: str
    reasons: list[str] = field(default_factory=list)

    async def address(self) -> Address:
        found = await self.store.addresses.find(self.token)
        assert found is not None
        return found

    async def noted(self) -> Address:
        """The address once all that was fetched is noted: that follows the last byte."""
        await asyncio.sleep(0.02)
        await self.store.check()
        return await self.address()

    async def get(self, path: str | None = None, **options: Any) -> tuple[int, Mapping[str, str], bytes]:
        method = options.pop("method", "GET")
        async with self.http.request(method, path or self.path, **options) as response:
            return response.status, response.headers, await response.read()


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with closing(Store(database, clock=Clock())) as opened:
        yield opened


async def hosted(store: Store, spool: Spool, clock: Clock, content: bytes, **media: Any) -> tuple[Job, str, str]:
    """Give a job's two files away as the bot does it, and return the job, the video's token and its path."""
    facts: dict[str, Any] = {"format": "mp4", "size": len(content), "width": 640, "height": 360} | media
    found = Media(**facts)
    job = await store.jobs.add(in_state(JobState.RENDERING, video=found))
    host = LocalHost("https://bot.example/", clock=clock)
    picture = Media(format="png", size=7, width=1, height=1)
    given = {}
    for role, bytes_, what in ((Role.IMAGE, b"picture", picture), (Role.VIDEO, content, found)):
        path = spool.path(job.id, role)
        path.write_bytes(bytes_)
        given[role] = await host.put(path, kind=Kind.ANIMATE, role=role, media=what)
    await store.addresses.add(job, given, {Role.IMAGE: 7, Role.VIDEO: len(content)})
    address = given[Role.VIDEO]
    return job, address.token, address.url.removeprefix("https://bot.example")


@pytest.fixture
async def world(store: Store, tmp_path: Path) -> AsyncIterator[World]:
    spool, clock = Spool(tmp_path / "spool", limit=10**9), Clock()
    store.addresses._clock = clock
    job, token, path = await hosted(store, spool, clock, FILE)
    reasons: list[str] = []

    async def why() -> list[str]:
        return reasons

    application = routes(media=MediaRoute(store.addresses, spool), health=Health(why), receive=None)
    async with TestClient(TestServer(application)) as http:
        yield World(http=http, store=store, spool=spool, clock=clock, job=job, token=token, path=path, reasons=reasons)


async def test_an_address_serves_its_file_with_the_right_headers(world: World) -> None:
    status, headers, body = await world.get()
    assert (status, body) == (200, FILE)
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Length"] == str(len(FILE))
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "attachment"
    assert "Content-Encoding" not in headers


@pytest.mark.parametrize(
    ("found", "content_type", "ending"),
    [
        ("mp4", "video/mp4", "mp4"),
        ("mov", "video/quicktime", "mov"),
        ("avi", "video/x-msvideo", "avi"),
        ("jpeg", "image/jpeg", "jpg"),
        ("bmp", "image/bmp", "bmp"),
        ("webp", "image/webp", "webp"),
    ],
)
async def test_the_type_is_what_was_found_in_the_file(world: World, found: str, content_type: str, ending: str) -> None:
    _, _, path = await hosted(world.store, world.spool, world.clock, b"x" * 10, format=found)
    status, headers, _ = await world.get(path)
    assert (status, headers["Content-Type"]) == (200, content_type)
    assert path.endswith(f"/video.{ending}")


async def test_a_fetch_is_noted_as_whole_when_every_byte_went_out(world: World) -> None:
    world.clock.now = NOW + 3
    await world.get()
    address = await world.noted()
    assert (address.first_fetch_at, address.whole_at) == (NOW + 3, NOW + 3)


async def test_a_head_request_says_the_same_and_is_no_fetch(world: World) -> None:
    status, headers, body = await world.get(method="HEAD")
    assert (status, body) == (200, b"")
    assert (headers["Content-Type"], headers["Content-Length"]) == ("video/mp4", str(len(FILE)))
    address = await world.noted()
    assert (address.first_fetch_at, address.whole_at) == (None, None)


@pytest.mark.parametrize(
    ("wish", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, len(FILE)),
        ("bytes=-10", len(FILE) - 10, len(FILE)),
        ("bytes=5-5", 5, 6),
        ("bytes=0-", 0, len(FILE)),
        ("bytes=10000-99999", 10000, len(FILE)),
        ("bytes=-99999", 0, len(FILE)),
    ],
)
async def test_a_range_is_served_and_noted_as_what_it_is(world: World, wish: str, start: int, end: int) -> None:
    status, headers, body = await world.get(headers={"Range": wish})
    assert status == 206
    assert body == FILE[start:end]
    assert headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(FILE)}"
    assert headers["Content-Length"] == str(end - start)
    address = await world.noted()
    assert address.first_fetch_at == NOW
    assert (address.whole_at is not None) is (end - start == len(FILE))


async def test_ranges_that_cover_the_file_make_it_whole(world: World) -> None:
    for wish in ("bytes=5000-", "bytes=0-2499"):
        await world.get(headers={"Range": wish})
        assert (await world.noted()).whole_at is None
    await world.get(headers={"Range": "bytes=2500-4999"})
    assert (await world.noted()).whole_at == NOW


@pytest.mark.parametrize("wish", ["bytes=20000-", "bytes=5-3", "bytes=x-y", "lines=1-2", "bytes=0-1,5-6"])
async def test_a_range_that_cannot_be_served_brings_no_wrong_bytes(world: World, wish: str) -> None:
    status, _, body = await world.get(headers={"Range": wish})
    assert status == 416 or (status == 200 and body == FILE)
    assert ((await world.noted()).whole_at is not None) is (status == 200)


async def test_a_file_that_did_not_change_is_not_noted_as_sent(world: World) -> None:
    _, headers, _ = await world.get(headers={"Range": "bytes=0-1"})
    status, _, body = await world.get(headers={"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    assert (await world.noted()).whole_at is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/media/{other}/video.mp4", "/media/{token}/image.png", "/media/{token}/x"])
async def test_what_never_was_is_not_found(world: World, method: str, path: str) -> None:
    path = path.format(other="x" * 43, token=world.token)
    assert (await world.get(path, method=method))[0] == 404
    assert (await world.address()).first_fetch_at is None


@pytest.mark.parametrize(
    "name", ["..%2Fimage", "video.mp4%2F..", "%2e%2e%2f%2e%2e%2fjobs.db", "video.mp4%00", "%ff", "video.mp4?x=1/../y"]
)
async def test_a_name_that_leads_elsewhere_leads_nowhere(world: World, name: str) -> None:
    status, _, body = await world.get(f"/media/{world.token}/{name}")
    assert status in {400, 404} or (body == FILE and "?" in name)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("end", ["expired", "revoked", *(str(s) for s in (JobState.FAILED, JobState.CANCELLED))])
async def test_what_is_over_is_gone(world: World, method: str, end: str) -> None:
    job = world.job
    match end:
        case "expired":
            world.clock.now = NOW + LIFETIME_SECONDS
        case "revoked":
            await world.store.addresses.revoke(job.id)
        case state:  # the instant between the end and the clearing up
            await world.store.jobs.save(job, in_state(JobState(state), id=job.id, key=job.key))
    with capture_logs() as logs:
        status, _, body = await world.get(method=method)
    assert status == 410
    assert FILE[:100] not in body
    assert (await world.address()).first_fetch_at is None
    assert [line["event"] for line in logs] == ["an address that is over was asked for"]
    assert world.token not in str(logs)


async def test_an_address_lives_until_it_ends(world: World) -> None:
    world.clock.now = NOW + LIFETIME_SECONDS - 1
    assert (await world.get())[0] == 200


async def test_a_fetch_is_logged_before_its_first_byte(world: World) -> None:
    big = b"y" * 30_000_000  # more than the system buffers
    _, token, path = await hosted(world.store, world.spool, world.clock, big)
    async with world.http.get(path) as response:
        assert await response.content.read(1) == b"y"
        address = await world.store.addresses.find(token)
        assert address is not None
        assert (address.first_fetch_at, address.whole_at) == (NOW, None)


async def test_not_a_byte_goes_out_if_the_fetch_cannot_be_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    await world.store.addresses._writer.run(lambda db: db.execute("PRAGMA query_only = ON"))
    status, _, body = await world.get()
    assert status >= 500
    assert FILE[:100] not in body


async def test_a_fetch_that_is_cut_off_is_not_noted_as_whole(world: World) -> None:
    big = b"y" * 30_000_000
    _, token, path = await hosted(world.store, world.spool, world.clock, big)
    async with world.http.get(path) as response:
        await response.content.read(1000)
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.abort()
    await asyncio.sleep(0.1)
    address = await world.store.addresses.find(token)
    assert address is not None
    assert address.first_fetch_at == NOW
    assert address.whole_at is None


async def test_a_file_revoked_while_it_is_fetched_stays_known_as_begun_and_is_gone_for_the_next(world: World) -> None:
    big = b"y" * 30_000_000
    job, token, path = await hosted(world.store, world.spool, world.clock, big)
    async with world.http.get(path) as response:
        await response.content.read(1000)
        await world.store.addresses.revoke(job.id)
        assert (await world.get(path))[0] == 410
    address = await world.store.addresses.find(token)
    assert address is not None
    assert address.first_fetch_at == NOW
    assert address.revoked_at == NOW


async def test_many_fetches_around_a_revocation_end_with_the_whole_file_or_with_none_of_it(world: World) -> None:
    async def revoke() -> None:
        await asyncio.sleep(0.005)
        await world.store.addresses.revoke(world.job.id)

    results, _ = await asyncio.gather(asyncio.gather(*(world.get() for _ in range(40))), revoke())
    assert {status for status, _, _ in results} <= {200, 410}
    assert all(body == FILE for status, _, body in results if status == 200)
    assert (await world.get())[0] == 410


async def test_a_file_that_fell_out_of_the_spool_is_not_found_and_not_noted_as_sent(world: World) -> None:
    world.spool.clear(world.job.id)
    status, _, _ = await world.get()
    assert status == 404
    assert (await world.noted()).whole_at is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_files_are_only_ever_fetched(world: World, method: str) -> None:
    assert (await world.get(method=method))[0] == 405


async def test_addresses_cannot_be_guessed_and_say_nothing(world: World) -> None:
    host = LocalHost("https://bot.example/sub", clock=world.clock)
    media = Media(format="jpeg", size=1, width=1, height=1)
    made = [
        await host.put(world.spool.find("J1", "image"), kind=Kind.SWAP, role=Role.IMAGE, media=media)
        for _ in range(100)
    ]
    assert len({hosted.token for hosted in made}) == 100
    assert all(len(hosted.token) >= 43 for hosted in made)  # 256 bits
    assert all(hosted.url == f"https://bot.example/sub/media/{hosted.token}/image.jpg" for hosted in made)
    assert {hosted.expires_at for hosted in made} == {NOW + LIFETIME_SECONDS}
    assert host.revocable


async def test_health_is_good_while_the_process_lives(world: World) -> None:
    world.reasons.append("Slack is out of reach")
    assert (await world.get("/healthz"))[0] == 200


async def test_readiness_says_every_reason_why_not(world: World) -> None:
    assert (await world.get("/readyz"))[0] == 200
    world.reasons += ["Slack is out of reach", "the job loop does not run"]
    status, _, body = await world.get("/readyz")
    assert status == 503
    assert body.decode().splitlines() == ["Slack is out of reach", "the job loop does not run"]


async def test_in_socket_mode_there_is_no_door_over_http(world: World) -> None:
    assert (await world.get("/slack/events", method="POST"))[0] == 404
