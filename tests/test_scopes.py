"""A scope that the installation lacks: which one, and who must add it, said to whoever it concerns, before it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from structlog.testing import capture_logs
from test_buttons import pressed
from world import text_of

from bot.demo import studio_trouble as at_studio
from bot.manifest import SCOPES
from bot.slack import controls

if TYPE_CHECKING:
    from world import Opened, Workplace

    from bot.demo.slack import View

ADMIN = "An admin of this workspace must add it and re-install the app."


async def without(workplaces: Opened, scope: str) -> Workplace:
    workplace = await workplaces(started=False)
    workplace.slack.backend.scopes.discard(scope)
    await workplace.start()
    await workplace.until(lambda: workplace.slack.calls.count("auth.test"))
    return workplace


async def readiness(workplace: Workplace) -> tuple[int, str]:
    url = workplace.bot.settings["PUBLIC_URL"]
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
        return response.status, await response.text()


@pytest.mark.parametrize("scope", ["chat:write", "app_mentions:read"])
async def test_each_missing_scope_is_named_in_the_log_at_the_start_and_by_readyz(
    workplaces: Opened, scope: str
) -> None:
    with capture_logs() as logs:
        workplace = await without(workplaces, scope)
        status, text = await readiness(workplace)
    (said,) = [line["reason"] for line in logs if line["event"] == "the app lacks scopes"]
    assert f"the scope {scope} ({SCOPES[scope]})" in said
    assert ADMIN in said
    # Out of service it could tell nobody: a platform sends it nothing more.
    assert (status, text.splitlines()) == (200, ["ready", said])


@pytest.mark.parametrize("scope", ["chat:write", "im:write"])
async def test_whoever_asks_for_what_would_be_lost_is_told_instead_of_given_the_form(
    workplaces: Opened, scope: str
) -> None:
    workplace = await without(workplaces, scope)
    ada, slack = workplace.slack.person("ada"), workplace.slack
    for ask in (
        ada.command("/swap"),
        ada.shortcut("swap_anywhere"),
        ada.message_shortcut(ada.say("x"), "swap_message"),
    ):
        await ask
        view = await ada.opened_view()
        assert f"the scope {scope} ({SCOPES[scope]})" in str(view.blocks)
        assert ADMIN in str(view.blocks)
        assert "submit" not in view.data or view.data["submit"] is None
        await ada.close(view)
    assert workplace.rows() == []
    slack.backend.scopes.add(scope)  # an admin adds it: no restart is needed
    await ada.command("/swap")
    view = await ada.opened_view()
    assert view.data["callback_id"] == "order"


async def test_a_scope_that_is_taken_away_while_the_form_is_open_starts_nothing(workplace: Workplace) -> None:
    ada, ben = workplace.slack.person("ada"), workplace.slack.person("ben")
    view: View = await workplace.form(ada, "/animate")
    files = {"image": [await ada.upload(workplace.media.image)], "video": [await ada.upload(workplace.media.video)]}
    workplace.slack.backend.scopes.discard("files:write")
    await ben.command("/animate")  # any answer of Slack's tells it
    await ben.opened_view()
    submission = await ada.submit(view, files)
    assert "the scope files:write (the finished video)" in submission.errors["video"]
    assert ADMIN in submission.errors["video"]
    assert workplace.rows() == []


async def test_a_clear_wish_in_a_mention_is_answered_with_the_scope_and_starts_nothing(workplaces: Opened) -> None:
    workplace = await without(workplaces, "files:write")
    ada = workplace.slack.person("ada")
    files = [await ada.upload(workplace.media.image), await ada.upload(workplace.media.video)]
    await ada.mention("swap", files=files)
    (answer,) = await workplace.until(lambda: workplace.slack.world.whispers("ada"))
    assert "files:write" in answer.text
    assert workplace.rows() == []


async def test_a_button_that_orders_once_more_says_the_scope_and_orders_nothing(workplace: Workplace) -> None:
    workplace.studio.trouble.next_tasks(at_studio.fails("InternalError"))
    await workplace.order()
    await workplace.until(lambda: "Model Studio broke" in workplace.card())
    workplace.slack.backend.scopes.discard("im:write")
    await workplace.slack.person("ada").press(workplace.said("card")[0], controls.DETAILS)
    await workplace.slack.person("ada").opened_view()
    answer = await pressed(workplace, "ada", workplace.said("card")[0], controls.RETRY)
    assert "the scope im:write" in answer
    assert len(workplace.rows()) == 1


async def test_a_card_names_the_scope_that_keeps_its_video_back(workplace: Workplace) -> None:
    """Granted when the job began, taken away before its video was there."""
    await workplace.order()
    await workplace.until(lambda: workplace.said("card"))
    workplace.slack.backend.scopes.discard("files:write")
    await workplace.until(lambda: "the scope files:write (the finished video)" in text_of(workplace.said("card")[0]))
    assert "keep it safe meanwhile" in workplace.card()


async def test_a_scope_that_only_closes_another_way_in_keeps_nobody_from_the_form(workplaces: Opened) -> None:
    workplace = await without(workplaces, "im:history")
    ada = workplace.slack.person("ada")
    await ada.command("/animate")
    assert (await ada.opened_view()).data["callback_id"] == "order"
