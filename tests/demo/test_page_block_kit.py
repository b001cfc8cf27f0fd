"""Block Kit in the page: every block and element drawn, filled in by hand, and told to the bot as Slack tells it."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml
from page_visitor import Visitor, needs_browser, visiting
from playwright.async_api import expect
from turned import LONG

from bot.demo import samples
from bot.demo.page.workspace import furnish
from bot.demo.practice import Practice
from bot.demo.slack import Message, View
from bot.demo.slack.blocks import check_blocks, check_view, filled_in, filled_in_view
from bot.demo.slack.views import show
from bot.manifest import manifest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [needs_browser, pytest.mark.skipif(not LONG, reason="the long form: LONG_TESTS=1")]
WORDS = "*bold* _italic_ ~gone~ `code` <https://example.com|a link> <@{ben}> <#{press}> :tada: a &lt; b"
DATE = "<!date^1700000000^{date_num} {time}|then>"


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def options(*names: str) -> list[dict[str, Any]]:
    return [{"text": plain(name.title()), "value": name} for name in names]


def message_blocks(**names: str) -> list[dict[str, Any]]:
    asked = {
        "title": plain("Sure?"),
        "text": plain("It can't be undone."),
        "confirm": plain("Do it"),
        "deny": plain("No"),
    }
    link = {"type": "link", "url": "https://example.com", "text": "rich link"}
    bold = {"type": "text", "text": "rich bold", "style": {"bold": True}}
    rich = {"type": "rich_text_section", "elements": [bold, link, {"type": "emoji", "name": "wave"}]}
    listed = {"type": "rich_text_list", "style": "ordered", "elements": [rich]}
    delete = {"type": "button", "action_id": "delete", "text": plain("Delete"), "style": "danger", "confirm": asked}
    more = {"type": "overflow", "action_id": "more", "options": options("first", "second")}
    pick = {
        "type": "static_select",
        "action_id": "pick",
        "options": options("left", "right"),
        "placeholder": plain("Side"),
    }
    return [
        {"type": "header", "text": plain("A heading")},
        {"type": "section", "text": {"type": "mrkdwn", "text": WORDS.format(**names)}},
        {"type": "section", "fields": [plain("one field"), {"type": "mrkdwn", "text": f"*{DATE}*"}], "accessory": more},
        {"type": "divider"},
        {"type": "image", "alt_text": "our character", "slack_file": {"id": names["picture"]}},
        {"type": "rich_text", "elements": [rich, listed, {"type": "rich_text_quote", "elements": [bold]}]},
        {"type": "context", "elements": [plain("in small letters")]},
        {"type": "actions", "block_id": "doing", "elements": [delete, pick]},
    ]


def modal() -> dict[str, Any]:
    def asks(name: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
        element = {"action_id": "value", **element}
        return {"type": "input", "block_id": name, "label": plain(f"The {name}"), "element": element, **more}

    grouped = [
        {"label": plain("Near"), "options": options("here")},
        {"label": plain("Far"), "options": options("there")},
    ]
    where = {"type": "conversations_select", "default_to_current_conversation": True, "response_url_enabled": True}
    blocks = [
        asks("title", {"type": "plain_text_input", "max_length": 10}, hint=plain("Short, please")),
        asks("story", {"type": "plain_text_input", "multiline": True}, optional=True),
        asks("start", {"type": "number_input", "is_decimal_allowed": True, "min_value": "0", "max_value": "30"}),
        asks("side", {"type": "radio_buttons", "options": options("left", "right")}),
        asks("extras", {"type": "checkboxes", "options": options("mark", "check")}, optional=True),
        asks("fit", {"type": "static_select", "option_groups": grouped, "initial_option": options("here")[0]}),
        asks("place", where),
        asks("file", {"type": "file_input", "max_files": 2}),
    ]
    return {"type": "modal", "title": plain("Everything"), "submit": plain("Send"), "blocks": blocks}


@asynccontextmanager
async def at_the_page(folder: Path, *, app: str | None = None) -> AsyncIterator[tuple[Practice, Visitor]]:
    """A page whose bot was never started: what it would have been told is in the deliveries."""
    practice = Practice(folder)
    async with practice.slack, practice.studio:
        furnish(practice)
        async with visiting(practice, furnished=True, app=app) as ada:
            yield practice, ada


async def test_messages_show_every_block_and_their_elements_work(tmp_path: Path) -> None:
    samples.character(tmp_path / "c.png")
    async with at_the_page(tmp_path / "world") as (practice, ada):
        world = practice.slack.world
        studio = world.channel("studio").id
        picture = await practice.slack.person("ada").upload(tmp_path / "c.png")
        names = {"ben": world.user("ben").id, "press": world.channel("press").id, "picture": picture}
        blocks = message_blocks(**names)
        assert check_blocks(blocks) == []
        ts = world.new_ts()
        world.post(Message(ts=ts, channel=studio, user=world.bot.id, text="all", blocks=filled_in(blocks)))
        body = ada.messages.last
        await expect(body.get_by_role("heading")).to_have_text("A heading")
        for tag, text in (("strong", "bold"), ("em", "italic"), ("s", "gone"), ("code", "code"), ("time", "11/14/23")):
            await expect(body.locator(".section").locator(tag).first).to_contain_text(text)
        for text in ("@Ben", "#press", "🎉", "a < b", "one field", "in small letters", "👋"):
            await expect(body).to_contain_text(text)
        assert await body.get_by_alt_text("our character").evaluate("i => i.decode().then(() => i.naturalWidth)") == 768
        assert await ada.audit() == []
        await body.get_by_role("button", name="Delete").click()
        await ada.button("No").click()
        assert practice.slack.dispatch.deliveries == []
        await body.get_by_role("button", name="Delete").click()
        await ada.button("Do it").click()
        await expect(ada.page.locator("#notices")).to_contain_text("dispatch_failed")
        assert _action(practice)["action_id"] == "delete"
        await body.get_by_role("button", name="More", exact=True).click()
        await ada.page.get_by_role("menuitem", name="Second").click()
        await _told(ada, practice, 2)
        assert _action(practice)["selected_option"]["value"] == "second"
        await body.get_by_role("combobox").select_option("right")
        await _told(ada, practice, 3)
        assert _action(practice)["selected_option"]["value"] == "right"
    assert ada.troubles == []


def _action(practice: Practice) -> dict[str, Any]:
    action: dict[str, Any] = practice.slack.dispatch.deliveries[-1].payload["actions"][0]
    return action


async def _told(ada: Visitor, practice: Practice, times: int) -> None:
    await expect(ada.page.locator("#notices .notice")).to_have_count(times)
    pressed = [delivery for delivery in practice.slack.dispatch.deliveries if "actions" in delivery.payload]
    assert len(pressed) == times


async def test_a_form_with_every_input_is_told_as_it_was_filled_in(tmp_path: Path) -> None:
    samples.character(tmp_path / "c.png")
    assert check_view(modal()) == []
    async with at_the_page(tmp_path / "world") as (practice, ada):
        world = practice.slack.world
        studio, me = world.channel("studio").id, world.user("ada").id
        view = show(practice.slack.backend, filled_in_view(modal()), user=me, channel=studio, below=None)
        await ada.form.get_by_role("button", name="Send").click()
        await expect(ada.form.locator(".error")).to_have_count(4)
        assert await ada.audit() == []
        await ada.form.get_by_label("The title").fill("Encore")
        await ada.form.get_by_label("The story").fill("one\ntwo")
        await ada.form.get_by_label("The start").fill("99")
        await ada.form.get_by_label("Right").check()
        await ada.form.get_by_label("Check").check()
        await ada.form.get_by_label("The fit").select_option("there")
        await ada.choose("file", tmp_path / "c.png")
        await _dropped(ada, "file", "film.mp4")
        await ada.form.get_by_role("button", name="Send").click()
        await expect(ada.form.locator(".error")).to_have_count(1)
        await expect(ada.form.locator(".error")).to_have_text("This number is out of range.")
        await expect(ada.form.get_by_label("The title")).to_have_value("Encore")
        view.data["title"] = plain("Updated")  # what is typed outlives an update of the view
        view.hash = "new"
        world.changed()
        await expect(ada.form.get_by_role("heading")).to_have_text("Updated")
        above = {"type": "modal", "title": plain("Above"), "blocks": [{"type": "divider"}]}
        show(practice.slack.backend, filled_in_view(above), user=me, channel=studio, below=view)
        await expect(ada.form.get_by_role("heading")).to_have_text("Above")
        await ada.page.keyboard.press("Escape")  # closes the topmost only
        await expect(ada.form.get_by_role("heading")).to_have_text("Updated")
        await expect(ada.form.get_by_label("The title")).to_have_value("Encore")
        await ada.form.get_by_label("The start").fill("2.5")
        await ada.form.get_by_role("button", name="Send").click()
        await expect(ada.form).to_contain_text("dispatch_failed")
        payload = practice.slack.dispatch.deliveries[-1].payload
        values = {name: value["value"] for name, value in payload["view"]["state"]["values"].items()}
        assert [values[name]["value"] for name in ("title", "story", "start")] == ["Encore", "one\ntwo", "2.5"]
        assert [values[name]["selected_option"]["value"] for name in ("side", "fit")] == ["right", "there"]
        assert [option["value"] for option in values["extras"]["selected_options"]] == ["check"]
        assert values["place"]["selected_conversation"] == studio == payload["response_urls"][0]["channel_id"]
        assert [file["name"] for file in values["file"]["files"]] == ["c.png", "film.mp4"]
    assert ada.troubles == []


async def _dropped(ada: Visitor, block: str, name: str) -> None:
    """Let a file of this name be dropped on a form's field."""
    data = await ada.page.evaluate_handle(
        "name => { const d = new DataTransfer(); d.items.add(new File(['film'], name)); return d; }", name
    )
    await ada.field(block).dispatch_event("drop", {"dataTransfer": data})
    await expect(ada.form.locator(f"[data-block={block}] .chip").last).to_contain_text(name)


async def test_the_bots_home_stands_beside_its_messages_if_the_manifest_has_one(tmp_path: Path) -> None:
    content = yaml.safe_load(manifest())
    content["features"]["app_home"]["home_tab_enabled"] = True
    events = content["settings"].setdefault("event_subscriptions", {}).setdefault("bot_events", [])
    events.append("app_home_opened")
    async with at_the_page(tmp_path / "world", app=yaml.safe_dump(content)) as (practice, ada):
        world = practice.slack.world
        await ada.page.locator(".place", has_text="Understudy").click()
        await ada.button("Home").click()
        await expect(ada.page.locator(".home")).to_contain_text("not shown anything")
        assert practice.slack.dispatch.deliveries[-1].payload["event"]["type"] == "app_home_opened"
        again = {"type": "button", "action_id": "again", "text": plain("Again")}
        actions = [{"type": "actions", "block_id": name, "elements": [again]} for name in ("one", "two")]
        home = filled_in_view({"type": "home", "blocks": [{"type": "header", "text": plain("Your jobs")}, *actions]})
        user = world.user("ada").id
        world.homes[user] = View(id="VHOME", user=user, data=home, hash="1", root_id="VHOME")
        world.changed()
        await expect(ada.page.locator(".home").get_by_role("heading")).to_have_text("Your jobs")
        await ada.page.locator(".home").get_by_role("button", name="Again").last.click()
        await _told(ada, practice, 1)
        assert _action(practice)["block_id"] == "two"
        assert await ada.audit() == []
    assert ada.troubles == []


async def test_what_slack_refuses_the_bot_is_shown_with_slacks_error(tmp_path: Path) -> None:
    async with at_the_page(tmp_path / "world") as (practice, ada), aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {practice.slack.backend.bot_token}"}
        wrong = {"channel": practice.slack.world.channel("studio").id, "blocks": [{"type": "sectoin"}]}
        await session.post(f"{practice.slack.api_url}chat.postMessage", json=wrong, headers=headers)
        await expect(ada.panel).to_contain_text(re.compile(r"chat\.postMessage\s+invalid_blocks"))
    assert ada.troubles == []
