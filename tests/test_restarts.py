"""A bot that dies in any state and is started again goes on: nothing lost, nothing paid twice, nothing posted twice."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from turned import LONG

from bot.demo.practice import BotProcess, free_port
from bot.demo.slack import DOWNLOAD, UPLOAD, trickle
from bot.demo.slack import slow as slow_slack
from bot.demo.studio_trouble import held, rate_limited, slow

if TYPE_CHECKING:
    from pathlib import Path

    from world import Opened, Workplace


# Every day a bot is killed at some of its points, and in the simulation at all of them.
long_form = pytest.mark.skipif(not LONG, reason="the long form: LONG_TESTS=1")


def process(workplace: Workplace) -> BotProcess:
    assert isinstance(workplace.bot, BotProcess)
    return workplace.bot


def fetched(workplace: Workplace) -> bool:
    return any(len([f for f in task.fetched.values() if f.sha256]) == 2 for task in workplace.studio.tasks.values())


async def killed_in(workplace: Workplace, state: str) -> None:
    """Order a video, end the bot without warning in this state, start it again."""
    await workplace.order()
    await workplace.in_state(state)
    if state == "submitting":  # the call is there, its answer is not
        await workplace.studio.wait_for(lambda: any(call.operation == "create" for call in workplace.studio.calls))
    if state == "rendering":  # what the bot hosts itself has been fetched
        await workplace.studio.wait_for(partial(fetched, workplace))
    if state == "rendered":  # the video is on its way to Slack
        await workplace.until(lambda: workplace.slack.calls.count("files.getUploadURLExternal"))
    await process(workplace).kill()
    workplace.slack.trouble.clear()
    workplace.studio.trouble.clear()
    await process(workplace).start()


@long_form
async def test_killed_while_the_files_are_fetched(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    workplace.slack.trouble.always(DOWNLOAD, trickle(1000))
    await killed_in(workplace, "queued")
    await ended_once(workplace)


@long_form
async def test_killed_while_waiting_for_its_turn(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    workplace.studio.trouble.always("create", rate_limited(2))
    await killed_in(workplace, "ready")
    await ended_once(workplace)


@long_form
async def test_killed_while_rendering(workplaces: Opened) -> None:
    workplace = await workplaces(here=False, task_seconds=2.0)
    await killed_in(workplace, "rendering")
    await ended_once(workplace)


async def test_killed_before_the_inputs_were_fetched_it_is_sent_again_and_billed_once(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    workplace.studio.trouble.always("fetch", slow(1.0))
    await workplace.order()
    await workplace.in_state("rendering")
    await process(workplace).kill()
    await workplace.studio.wait_for(lambda: any(task.status == "FAILED" for task in workplace.studio.tasks.values()))
    workplace.studio.trouble.clear()
    await process(workplace).start()
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1
    assert len(workplace.studio.tasks) == 2
    assert len(workplace.studio.billed) == 1


@long_form
async def test_killed_while_the_video_is_posted(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    workplace.slack.trouble.always(UPLOAD, slow_slack(30))
    await killed_in(workplace, "rendered")
    await ended_once(workplace)


async def test_killed_between_the_last_step_and_its_answer(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    workplace.slack.trouble.always("files.completeUploadExternal", slow_slack(1.0))
    await workplace.order()
    await workplace.in_state("rendered")
    await workplace.until(lambda: workplace.slack.calls.count("files.completeUploadExternal"))
    await process(workplace).kill()
    workplace.slack.trouble.clear()
    await process(workplace).start()
    await ended_once(workplace)


@long_form
async def test_killed_after_the_end(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    await killed_in(workplace, "delivered")
    await ended_once(workplace)


async def ended_once(workplace: Workplace) -> None:
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1
    assert len([create for create in workplace.studio.creates if create.task_id]) == 1
    assert len(workplace.studio.billed) == 1


def creates(workplace: Workplace) -> int:
    return sum(call.operation == "create" for call in workplace.studio.calls)


async def test_killed_during_the_paid_call_it_is_sent_again_because_nothing_was_fetched(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    effect = asyncio.Event()
    workplace.studio.trouble.next("create", held(effect))
    await killed_in(workplace, "submitting")
    await workplace.until(lambda: "Done" in workplace.card())
    # What was sent first takes effect only now, and finds nothing to render.
    effect.set()
    await workplace.studio.wait_for(
        lambda: sorted(task.status for task in workplace.studio.tasks.values()) == ["FAILED", "SUCCEEDED"]
    )
    assert creates(workplace) == 2
    assert len(workplace.studio.billed) == 1
    assert len(workplace.videos()) == 1


async def test_sigterm_ends_within_eight_seconds_and_loses_nothing(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    workplace.slack.trouble.always(DOWNLOAD, trickle(1000))
    await workplace.order()
    await workplace.in_state("queued")
    began = time.monotonic()
    assert await process(workplace).stop() == 0
    assert time.monotonic() - began < 8
    workplace.slack.trouble.clear()
    await process(workplace).start()
    await ended_once(workplace)


async def test_sigterm_ends_in_time_although_slack_answers_no_goodbye(tmp_path: Path) -> None:
    """Socket Mode's library waits ten seconds for the answer to its goodbye."""

    async def method(request: web.Request) -> web.Response:
        known = {"ok": True, "url": "https://team.example/", "team_id": "T1", "user_id": "U1", "bot_id": "B1"}
        port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        opened = {"ok": True, "url": f"ws://127.0.0.1:{port}/socket"}
        return web.json_response(opened if request.match_info["method"] == "apps.connections.open" else known)

    async def socket(request: web.Request) -> web.WebSocketResponse:
        mute = web.WebSocketResponse(autoclose=False, autoping=False)
        await mute.prepare(request)
        connected.set()
        await asyncio.sleep(60)
        return mute

    connected = asyncio.Event()
    slack = web.Application()
    slack.add_routes([web.route("*", "/api/{method}", method), web.get("/socket", socket)])
    runner = web.AppRunner(slack, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": f"http://127.0.0.1:{runner.addresses[0][1]}/api/",
        "DASHSCOPE_API_KEY": "sk-1",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "DATA_DIR": str(tmp_path / "data"),
    }
    bot = BotProcess(settings=settings, folder=tmp_path, log=tmp_path / "log")
    await bot.start(ready=False)
    async with asyncio.timeout(30):
        await connected.wait()
    began = time.monotonic()
    assert await bot.stop() == 0
    assert time.monotonic() - began < 8
    await runner.cleanup()


async def test_a_second_bot_in_the_same_folder_waits_for_the_first_to_go(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    second = BotProcess(
        settings=process(workplace).settings, folder=workplace.folder, log=workplace.folder / "second.log"
    )
    await second.start()  # the first one answers for it
    await asyncio.sleep(1.0)
    await process(workplace).stop()
    await second.answers("/readyz")
    workplace.bot = second
    await workplace.order()
    await ended_once(workplace)


async def test_neither_tokens_nor_addresses_nor_bodies_reach_the_log(workplaces: Opened) -> None:
    workplace = await workplaces(here=False, settings={"LOG_LEVEL": "DEBUG"})
    await workplace.order(names=("secret-campaign.png", "clip.mp4"))
    await ended_once(workplace)
    await process(workplace).stop()
    log = workplace.log.read_text()
    settings = process(workplace).settings
    secrets = [settings["SLACK_BOT_TOKEN"], settings["SLACK_SIGNING_SECRET"], settings["DASHSCOPE_API_KEY"]]
    secrets += [row["token"] for row in workplace.rows("SELECT token FROM address")]
    secrets += ["secret-campaign", "Signature=", 'response_url": "http']
    assert '"job": "J' in log
    for secret in secrets:
        assert secret not in log
