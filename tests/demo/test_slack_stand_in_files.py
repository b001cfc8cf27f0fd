from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import (
    DOWNLOAD,
    UPLOAD,
    ChannelKind,
    SlackStandIn,
    cut,
    dropped,
    endless,
    http_status,
    redirected,
    trickle,
    wrong_length,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

TOKEN = "xoxb-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 100


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn(bot_token=TOKEN, signing_secret="secret", folder=tmp_path / "slack") as running:
        running.conduct.share_delay = 0.01
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(slack: SlackStandIn, http: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient(TOKEN, base_url=slack.api_url, session=http, retry_handlers=[])


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def private_url(slack: SlackStandIn, client: AsyncWebClient, name: str = "v.mp4") -> str:
    file_id = await slack.person("ada").upload(VIDEO, name=name)
    return str((await client.files_info(file=file_id))["file"]["url_private_download"])


async def sent_up(client: AsyncWebClient, http: aiohttp.ClientSession, name: str = "v.mp4") -> str:
    """Take the first two steps of an external upload and return the file's id."""
    ticket = await client.files_getUploadURLExternal(filename=name, length=len(VIDEO))
    async with http.post(ticket["upload_url"], data=VIDEO) as response:
        assert (response.status, await response.text()) == (200, f"OK - {len(VIDEO)}")
    return str(ticket["file_id"])


async def test_a_file_is_read_with_the_token_of_the_bot(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    async with http.get(await private_url(slack, client), headers=BEARER) as response:
        assert (response.status, response.content_type) == (200, "video/mp4")
        assert response.content_length == len(VIDEO)
        assert await response.read() == VIDEO


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer xoxb-other"}, BEARER])
async def test_strangers_get_the_login_page(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    url = await private_url(slack, client)
    slack.backend.scopes.discard("files:read")
    async with http.get(url, headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert (await response.read()).startswith(b"<!DOCTYPE")
    slack.conduct.login = "redirect"
    async with http.get(url, headers=headers, allow_redirects=False) as response:
        assert response.status == 302
        assert "/?redir=%2Ffiles-pri%2F" in response.headers["Location"]


async def test_a_file_may_move_on_the_same_host(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    url = await private_url(slack, client)
    slack.trouble.next(DOWNLOAD, redirected("/files-moved/{file}/{name}"), None, times=2)
    for _ in range(2):
        async with http.get(url, headers=BEARER) as response:
            assert response.url.path.startswith("/files-moved/")
            assert await response.read() == VIDEO


async def test_an_unknown_or_deleted_file_is_not_served(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    ada = slack.person("ada")
    file_id = await ada.upload(b"x", name="a.png")
    url = (await client.files_info(file=file_id))["file"]["url_private"]
    ada.delete_file(file_id)
    async with http.get(url, headers=BEARER) as response:
        assert response.status == 404
    assert await refused(client.files_info(file=file_id)) == "file_deleted"
    assert await refused(client.files_info(file="F404")) == "file_not_found"


@pytest.mark.parametrize("fault", [cut(0), cut(1), cut(5_000), wrong_length(len(VIDEO) + 7)])
async def test_a_cut_body_breaks_its_promise(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession, fault: Any
) -> None:
    slack.trouble.next(DOWNLOAD, fault)
    async with http.get(await private_url(slack, client), headers=BEARER) as response:
        assert response.content_length is not None
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_cut_body_without_a_length_looks_complete(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    slack.trouble.next(DOWNLOAD, cut(100, announced=False))
    async with http.get(await private_url(slack, client), headers=BEARER) as response:
        assert response.content_length is None
        assert await response.read() == VIDEO[:100]


async def test_a_body_may_never_end(slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    slack.trouble.next(DOWNLOAD, endless())
    async with http.get(await private_url(slack, client), headers=BEARER) as response:
        assert len(await response.content.readexactly(50 * len(VIDEO))) == 50 * len(VIDEO)


async def test_a_body_may_trickle(slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    slack.trouble.next(DOWNLOAD, trickle(10 * len(VIDEO)))
    started = asyncio.get_running_loop().time()
    async with http.get(await private_url(slack, client), headers=BEARER) as response:
        assert await response.read() == VIDEO
    assert asyncio.get_running_loop().time() - started > 0.05


async def test_the_file_host_fails_on_demand(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    url = await private_url(slack, client)
    slack.trouble.next(DOWNLOAD, http_status(502), *[dropped(effect=False)] * 2)
    async with http.get(url, headers=BEARER) as response:
        assert response.status == 502
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(url, headers=BEARER)
    assert slack.calls.count(DOWNLOAD) == 3  # aiohttp repeats a GET by itself when a connection it had kept breaks


async def test_a_new_file_is_described_after_a_while(slack: SlackStandIn, client: AsyncWebClient) -> None:
    slack.conduct.describe_delay = 0.05
    file_id = await slack.person("ada").upload(VIDEO, name="v.mov")
    assert (await client.files_info(file=file_id))["file"]["mimetype"] == ""
    await asyncio.sleep(0.06)
    described = (await client.files_info(file=file_id))["file"]
    assert (described["mimetype"], described["filetype"]) == ("video/quicktime", "mov")


async def test_an_upload_appears_as_a_message_of_the_bot(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    root = slack.person("ada").say("please")
    file_id = await sent_up(client, http)
    assert await refused(client.files_info(file=file_id)) == "file_not_found"
    done = await client.files_completeUploadExternal(
        files=[{"id": file_id, "title": "Result"}],
        channel_id=root.channel,
        thread_ts=root.ts,
        initial_comment="here",
    )
    assert done["files"] == [{"id": file_id, "title": "Result"}]
    assert (await client.files_info(file=file_id))["file"]["shares"] == {}
    file = slack.world.files[file_id]
    await slack.world.wait_for(lambda: file.shares)
    message = slack.world.messages("general", thread=root.ts)[-1]
    assert (message.text, message.files, message.user) == ("here", [file_id], slack.world.bot.id)
    info = (await client.files_info(file=file_id))["file"]
    assert info["shares"]["public"][root.channel][0]["thread_ts"] == root.ts
    assert info["channels"] == [root.channel]
    assert await asyncio.to_thread(file.path.read_bytes) == VIDEO


async def test_slack_sdks_own_helper_is_understood(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general = slack.world.channel("general").id
    sent = await client.files_upload_v2(content=VIDEO, filename="v.mp4", title="V", channel=general)
    file = slack.world.files[sent["file"]["id"]]
    assert await slack.world.wait_for(lambda: file.shares)


async def test_completing_twice_shows_the_video_twice(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    general, file_id = slack.world.channel("general").id, await sent_up(client, http)
    for _ in range(2):
        await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=general)
    file = slack.world.files[file_id]
    await slack.world.wait_for(lambda: len(file.shares) == 2)
    assert file.completed == 2
    assert len(slack.world.messages("general", by_bot=True)) == 2


async def test_an_alternative_text_on_a_video_prevents_the_share_silently(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    general = slack.world.channel("general").id
    video, picture = await sent_up(client, http), await sent_up(client, http, "p.png")
    for file_id in (video, picture):
        entry: dict[str, str | None] = {"id": file_id, "alt_txt": "a face"}
        await client.files_completeUploadExternal(files=[entry], channel_id=general)
    await slack.world.wait_for(lambda: slack.world.files[picture].shares)
    assert slack.world.files[video].shares == []


async def test_a_share_may_never_appear(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    slack.conduct.share_delay = None
    file_id = await sent_up(client, http)
    general = slack.world.channel("general").id
    await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=general)
    await asyncio.sleep(0.02)
    assert (await client.files_info(file=file_id))["file"]["shares"] == {}


async def test_a_lost_answer_to_complete_leaves_the_share(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    slack.trouble.next("files.completeUploadExternal", dropped(effect=True))
    file_id = await sent_up(client, http)
    with pytest.raises(aiohttp.ClientError):
        await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=slack.world.channel("general").id)
    await slack.world.wait_for(lambda: slack.world.files[file_id].shares)


async def test_files_go_only_where_the_bot_is_a_member(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    slack.backend.scopes.add("chat:write.public")
    closed = slack.world.add_channel("closed", with_bot=False)
    secret = slack.world.add_channel("secret", kind=ChannelKind.PRIVATE, with_bot=False)
    old = slack.world.add_channel("old", archived=True)
    file_id = await sent_up(client, http)
    for channel, error in [(closed, "not_in_channel"), (secret, "channel_not_found"), (old, "is_archived")]:
        call = client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=channel.id)
        assert await refused(call) == error
    general = slack.world.channel("general").id
    lost = client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=general, thread_ts="1.000001")
    assert await refused(lost) == "thread_not_found"
    assert slack.world.files[file_id].completed == 0


async def test_files_may_go_to_several_places_and_people(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    general, ada = slack.world.channel("general").id, slack.world.user("ada").id
    file = slack.world.files[await sent_up(client, http)]
    await client.files_completeUploadExternal(files=[{"id": file.id}], channels=[general, ada])
    await slack.world.wait_for(lambda: len(file.shares) == 2)
    shares = (await client.files_info(file=file.id))["file"]["shares"]
    assert list(shares["public"]) == [general]
    assert list(shares["private"]) == [slack.world.dm(ada).id]
    two = client.files_completeUploadExternal(files=[{"id": file.id}], channels=[general, ada], thread_ts="1.1")
    assert await refused(two) == "invalid_arguments"


async def test_an_upload_address_is_good_for_the_announced_bytes_once(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    ticket = await client.files_getUploadURLExternal(filename="v.mp4", length=len(VIDEO))
    async with http.post(ticket["upload_url"], data=VIDEO, headers=BEARER) as response:
        assert response.status == 400
    assert slack.world.violations == ["a token was sent to an upload address, which needs none"]
    async with http.post(ticket["upload_url"], data=VIDEO[:-1]) as response:
        assert response.status == 400
    async with http.post(ticket["upload_url"], data=VIDEO) as response:
        assert (response.status, await response.text()) == (400, "used_url")
    unfinished = client.files_completeUploadExternal(files=[{"id": ticket["file_id"]}])
    assert await refused(unfinished) == "file_not_found"
    slack.conduct.upload_lifetime = -1.0
    late = await client.files_getUploadURLExternal(filename="v.mp4", length=len(VIDEO))
    async with http.post(late["upload_url"], data=VIDEO) as response:
        assert (response.status, await response.text()) == (400, "expired_url")
    async with http.post(f"{slack.url}/upload/v1/guess", data=VIDEO) as response:
        assert response.status == 404


async def test_bytes_may_come_as_a_form(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    ticket = await client.files_getUploadURLExternal(filename="v.mp4", length=len(VIDEO))
    form = aiohttp.FormData()
    form.add_field("file", VIDEO, filename="v.mp4")
    async with http.post(ticket["upload_url"], data=form) as response:
        assert response.status == 200
    assert await asyncio.to_thread(slack.world.files[ticket["file_id"]].path.read_bytes) == VIDEO


async def test_an_upload_fails_on_demand(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    slack.trouble.next(UPLOAD, http_status(500), dropped(effect=True))
    ticket = await client.files_getUploadURLExternal(filename="v.mp4", length=len(VIDEO))
    async with http.post(ticket["upload_url"], data=VIDEO) as response:
        assert response.status == 500
    with pytest.raises(aiohttp.ClientError):
        await http.post(ticket["upload_url"], data=VIDEO)
    assert slack.world.files[ticket["file_id"]].uploaded


@pytest.mark.parametrize(
    ("uploads", "length", "error"),
    [
        ("all", 0, "missing_argument"),
        ("all", 2_000_000_000, "file_upload_size_restricted"),
        ("images", 10, "file_uploads_except_images_disabled"),
        ("none", 10, "file_uploads_disabled"),
    ],
)
async def test_a_workspace_may_restrict_uploads(
    slack: SlackStandIn, client: AsyncWebClient, uploads: str, length: int, error: str
) -> None:
    slack.conduct.uploads = uploads
    assert await refused(client.files_getUploadURLExternal(filename="v.mp4", length=length)) == error


async def test_the_bot_deletes_its_own_files_only(
    slack: SlackStandIn, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    own, other = await sent_up(client, http), await slack.person("ada").upload(b"x", name="a.png")
    await client.files_completeUploadExternal(files=[{"id": own}])
    await client.files_delete(file=own)
    assert slack.world.files[own].deleted
    assert await refused(client.files_delete(file=other)) == "cant_delete_file"


async def test_a_picture_at_slack_can_stand_in_a_message_once_it_is_described(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    slack.conduct.describe_delay = 0.05
    ada = slack.person("ada")
    picture, video = await ada.upload(b"x", name="a.png"), await ada.upload(VIDEO, name="v.mp4")
    general = slack.world.channel("general").id

    async def post(file_id: str) -> Any:
        block = {"type": "image", "alt_text": "a", "slack_file": {"id": file_id}}
        return await client.chat_postMessage(channel=general, text="x", blocks=[block])

    assert await refused(post(picture)) == "invalid_blocks"
    await asyncio.sleep(0.06)
    await post(picture)
    assert await refused(post(video)) == "invalid_blocks"
