"""The page's server, asked by a script instead of a browser: who is let in, what is refused, what is told to whom."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from turned import LONG

from bot.demo.page.guard import TOKEN_HEADER
from bot.demo.page.keeper import Keeper
from bot.demo.page.live import Difference
from bot.demo.page.server import STATIC, PageServer
from bot.demo.page.switches import SWITCHES
from bot.demo.page.workspace import Workspace, as_sent, furnish
from bot.demo.practice import BotProcess, Practice
from bot.manifest import manifest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.demo.slack import World


class Caller:
    """A script that knows the page's token, unless told otherwise."""

    def __init__(self, server: PageServer, workspace: Workspace, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.workspace = workspace
        self.session = session

    @property
    def world(self) -> World:
        return self.workspace.practice.slack.world

    def named(self, name: str) -> str:
        return self.world.user(name).id

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.server.url + path, headers=_named(headers)) as response:
            return response.status, await response.text()

    async def do(self, deed: str, who: str = "ada", **wanted: Any) -> tuple[int, Any]:
        headers = {TOKEN_HEADER: self.server.guard.token}
        url = f"{self.server.url}do/{deed}?as={self.named(who)}"
        async with self.session.post(url, data=json.dumps(wanted), headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.status == 200 else text

    async def upload(self, name: str, content: bytes) -> str:
        headers = {TOKEN_HEADER: self.server.guard.token}
        url = f"{self.server.url}upload?name={name}&as={self.named('ada')}"
        async with self.session.post(url, data=content, headers=headers) as response:
            file: str = (await response.json())["file"]
            return file


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    """The page of a practice world whose bot was never started."""
    practice = Practice(tmp_path / "practice")
    async with practice.slack, practice.studio, aiohttp.ClientSession() as session:
        furnish(practice)
        workspace = Workspace(practice, manifest())
        server = PageServer(workspace)
        await server.start([0])
        yield Caller(server, workspace, session)
        await server.stop()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:3000"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_no_other_name_and_no_other_page_is_let_in(caller: Caller, headers: dict[str, str]) -> None:
    for path in ("", "events", "static/app.js", "file/F1/x.png"):
        assert (await caller.get(path, **headers))[0] == 403


async def test_what_changes_something_needs_the_token_of_this_start(caller: Caller) -> None:
    for token in ("", "guessed"):
        for path in ("do/kill", "do/say", "upload?name=x"):
            async with caller.session.post(
                caller.server.url + path, data="{}", headers={TOKEN_HEADER: token}
            ) as answer:
                assert answer.status == 403
    status, page = await caller.get("")
    assert status == 200
    assert caller.server.guard.token in page


async def test_nothing_is_loaded_from_elsewhere(caller: Caller) -> None:
    async with caller.session.get(caller.server.url) as response:
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in STATIC.iterdir():
        addresses = set(re.findall(r"https?://[^\"'\s)]+", path.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name


@pytest.mark.parametrize(
    "path", ["static/../server.py", "static/%2e%2e/server.py", "static/..%2fserver.py", "static/x.js"]
)
async def test_only_the_pages_own_files_are_served(caller: Caller, path: str) -> None:
    assert (await caller.get(path))[0] == 404


async def test_a_page_that_somebody_drops_in_does_not_run(caller: Caller) -> None:
    file = await caller.upload("trap.html", b"<script>alert(1)</script>")
    async with caller.session.get(f"{caller.server.url}file/{file}/trap.html") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in response.headers["Content-Security-Policy"]


async def test_a_video_comes_in_the_ranges_that_players_ask_for(caller: Caller) -> None:
    file = await caller.upload("clip.mov", b"0123456789")
    address = f"{caller.server.url}file/{file}/clip.mov"
    async with caller.session.get(address, headers={"Range": "bytes=2-4"}) as response:
        assert (response.status, await response.read()) == (206, b"234")
        assert response.content_type == "video/mp4"


async def test_one_sees_ones_own_private_answers_and_messages_only(caller: Caller) -> None:
    caller.world.dm("ben")
    await caller.do("say", "ben", channel=caller.world.dm("ben").id, text="a secret")
    seen = {who: await _first_event(caller, who) for who in ("ada", "ben")}
    assert "a secret" in seen["ben"]
    assert "a secret" not in seen["ada"]
    _, answer = await caller.do("say", "ada", channel=caller.world.dm("ben").id, text="mine?")
    assert "not in that conversation" in answer["refused"]


async def _first_event(caller: Caller, who: str) -> str:
    async with caller.session.get(f"{caller.server.url}events?as={caller.named(who)}") as response:
        return (await response.content.readuntil(b"\n\n")).decode()


def test_only_what_changed_is_sent_again() -> None:
    difference = Difference()
    assert json.loads((difference.to({"a": 1, "b": 2}) or b"")[6:]) == {"set": {"a": 1, "b": 2}, "gone": []}
    assert difference.to({"a": 1, "b": 2}) is None
    assert json.loads((difference.to({"a": 3}) or b"")[6:]) == {"set": {"a": 3}, "gone": ["b"]}


async def test_a_command_that_the_manifest_does_not_have_is_refused(caller: Caller) -> None:
    studio = caller.world.channel("studio").id
    _, answer = await caller.do("say", channel=studio, text="/giphy cat")
    assert "no command" in answer["refused"]
    root = caller.world.messages(studio)
    _, answer = await caller.do("say", channel=studio, text="/animate", thread="1.1")
    assert "threads" in answer["refused"]
    assert caller.world.messages(studio) == root


async def test_a_bot_that_is_not_there_shows_slacks_error(caller: Caller) -> None:
    _, answer = await caller.do("say", channel=caller.world.channel("studio").id, text="/animate")
    assert answer == {"error": "dispatch_failed"}
    assert '"dispatch_failed"' in await _first_event(caller, "ada")
    assert '"dispatch_failed"' not in await _first_event(caller, "ben")


async def test_nonsense_is_a_bad_request_and_harms_nothing(caller: Caller) -> None:
    assert (await caller.do("fly"))[0] == 400
    assert (await caller.do("say", channel="C404"))[0] == 400
    assert (await caller.do("switch", name="gravity", on=True))[0] == 400
    assert (await caller.get(""))[0] == 200


async def test_every_switch_can_be_turned_on_and_leaves_nothing_behind(caller: Caller) -> None:
    practice = caller.workspace.practice
    usual = (practice.studio.works.task_seconds, practice.slack.conduct.share_delay)
    for switch in SWITCHES:
        assert (await caller.do("switch", name=switch.name, on=True))[0] == 200
    troubled = (practice.studio.trouble.draw("create"), practice.slack.trouble.draw("chat.postMessage", "*"))
    assert None not in troubled
    assert practice.studio.trouble.draw_task().error is not None
    for switch in SWITCHES:
        await caller.do("switch", name=switch.name, on=False)
    assert (practice.studio.trouble.draw("create"), practice.slack.trouble.draw("chat.postMessage", "*")) == (
        None,
        None,
    )
    assert practice.studio.trouble.draw_task().error is None
    assert (practice.studio.works.task_seconds, practice.slack.conduct.share_delay) == usual


async def test_what_is_typed_arrives_as_slack_writes_it(caller: Caller) -> None:
    ben, press = caller.named("ben"), caller.world.channel("press").id
    typed = "@ben <b> & see https://example.com/a#b in #press, not me@ben.org"
    sent = f"<@{ben}> &lt;b&gt; &amp; see <https://example.com/a#b> in <#{press}>, not me@ben.org"
    assert as_sent(caller.workspace, typed) == sent


async def test_the_next_free_port_is_taken(caller: Caller) -> None:
    other = PageServer(Workspace(caller.workspace.practice, manifest()))
    taken = int(re.findall(r":(\d+)/", caller.server.url)[0])
    await other.start([taken, 0])
    assert other.url != caller.server.url
    await other.stop()
    with pytest.raises(OSError, match="in use"):
        await other.start([taken])
    await other.stop()


async def test_every_page_is_let_go_when_the_demo_ends(caller: Caller) -> None:
    async with caller.session.get(f"{caller.server.url}events") as response:
        await response.content.readuntil(b"\n\n")
        async with asyncio.timeout(3):
            await caller.workspace.close()
            await response.content.read()


async def test_every_sample_can_be_had_by_a_click(caller: Caller) -> None:
    shown = caller.workspace.samples.shown()
    for sample in shown if LONG else shown[::2]:
        status, answer = await caller.do("sample", name=sample["name"])
        assert status == 200
        file = caller.world.files[answer["file"]]
        assert (file.name, file.mimetype) == (sample["name"], sample["mimetype"])
        assert file.path.stat().st_size == file.size > 10_000


async def test_a_bot_that_ended_by_itself_was_not_killed(tmp_path: Path) -> None:
    ended = BotProcess(settings={"PORT": "1"}, folder=tmp_path, log=tmp_path / "log", program=("-c", "exit(3)"))
    keeper = Keeper(ended)
    await keeper.start()
    await keeper.wait_for(lambda: keeper.shown()["state"] == "ended")
    await keeper.kill()
    assert keeper.shown()["state"] == "ended"
    assert "exit status 3" in keeper.shown()["note"]
    await keeper.close()
