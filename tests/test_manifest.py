from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import PRICES

from bot.estimate import DOCUMENTED
from bot.manifest import COMMANDS, EVENTS, OPTIONAL_SCOPES, SCOPES, SHORTCUTS, manifest
from bot.order import Kind, Quality
from bot.slack import answers, client, words
from bot.slack.first_words import FIRST
from bot.slack.listeners import COMMAND
from bot.slack.shortcuts import ANYWHERE, ON_MESSAGE
from bot.slack.wording import Handle

URL = "https://bot.example"
ROOT = Path(__file__).parent.parent


def read(public_url: str | None = None) -> Any:
    return yaml.safe_load(manifest(public_url))


def test_socket_mode_needs_no_address() -> None:
    settings = read()["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"] == {"is_enabled": True}
    assert "://" not in re.sub(r"^#.*", "", manifest(), flags=re.MULTILINE)


@pytest.mark.parametrize("given", [URL, f"{URL}/"])
def test_http_mode_names_the_one_address_that_slack_calls(given: str) -> None:
    found = read(given)
    assert found["settings"]["socket_mode_enabled"] is False
    assert found["settings"]["interactivity"]["request_url"] == f"{URL}/slack/events"
    assert found["settings"]["event_subscriptions"]["request_url"] == f"{URL}/slack/events"
    assert {command["url"] for command in found["features"]["slash_commands"]} == {f"{URL}/slack/events"}


# What Slack's reference asks for each method; None: any token may.
NEEDED = {
    "auth.test": None,
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.open": "im:write",
    "files.completeUploadExternal": "files:write",
    "files.delete": "files:write",
    "files.getUploadURLExternal": "files:write",
    "files.info": "files:read",
    "views.open": None,
    "views.update": None,
}
# Reads a thread where the installation allows it, and nothing depends on it.
OPTIONAL = {"conversations.replies": {"channels:history", "groups:history", "mpim:history"}}
# What Slack's reference asks for each event.
LISTENED = {"app_mention": "app_mentions:read", "message.im": "im:history"}


METHOD = re.compile(r"(?!bot\.)[a-z]+(\.[a-zA-Z]+)+")


def called() -> set[str]:
    """Every Web API method that the bot's code hands to a function, by its name or by a constant of the client."""
    found = set()
    for path in (ROOT / "bot" / "slack").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                first = node.args[0]
                name = getattr(client, first.id, "") if isinstance(first, ast.Name) else getattr(first, "value", "")
                if isinstance(name, str) and METHOD.fullmatch(name):
                    found.add(name)
    return found


@pytest.mark.parametrize("public_url", [None, URL])
def test_it_asks_for_the_scopes_that_the_codes_calls_need_and_no_more(public_url: str | None) -> None:
    asked = read(public_url)["oauth_config"]["scopes"]
    assert asked == {"bot": [*SCOPES, *OPTIONAL_SCOPES], "bot_optional": list(OPTIONAL_SCOPES)}
    assert called() == set(NEEDED) | set(OPTIONAL)
    # The form's file fields and the files' bytes need files:read, the commands themselves "commands".
    needed = {scope for scope in NEEDED.values() if scope} | {"commands", "files:read"} | set(LISTENED.values())
    assert set(SCOPES) == needed
    assert set(OPTIONAL_SCOPES) == set().union(*OPTIONAL.values())


def test_it_subscribes_to_the_events_that_are_listened_to() -> None:
    folder = ROOT / "bot" / "slack"
    listened = {name for path in folder.glob("*.py") for name in re.findall(r'\.event\("(\w+)"\)', path.read_text())}
    assert read()["settings"]["event_subscriptions"] == {"bot_events": list(EVENTS)}
    assert {name.partition(".")[0] for name in EVENTS} == listened
    assert set(EVENTS) == set(LISTENED)


def test_people_can_write_to_the_bot_and_every_shortcut_is_one_it_answers() -> None:
    features = read()["features"]
    assert features["app_home"]["messages_tab_enabled"] is True
    assert features["app_home"]["messages_tab_read_only_enabled"] is False
    assert features["shortcuts"] == list(SHORTCUTS)
    for kind, known in (("message", ON_MESSAGE), ("global", ANYWHERE)):
        assert {s["callback_id"] for s in SHORTCUTS if s["type"] == kind} == set(known)
        assert set(known.values()) == set(Kind)
    assert [s["name"] for s in SHORTCUTS[:2]] == ["Animate with this", "Swap with this"]


@pytest.mark.parametrize("public_url", [None, URL])
def test_it_has_the_form_that_slacks_schema_asks_for(public_url: str | None) -> None:
    found = read(public_url)
    assert set(found) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    assert found["_metadata"] == {"major_version": 2, "minor_version": 1}
    assert re.fullmatch(r"#[0-9a-f]{6}", found["display_information"]["background_color"])
    assert re.fullmatch(r"[a-z0-9._-]+", found["features"]["bot_user"]["display_name"])
    assert found["settings"]["interactivity"]["is_enabled"] is True
    urls = str(found).count("https://")
    assert urls == (0 if public_url is None else 2 + len(COMMANDS))
    assert found["settings"]["socket_mode_enabled"] is (public_url is None)


def test_every_command_is_one_the_bot_answers() -> None:
    commands = [command["command"] for command in read()["features"]["slash_commands"]]
    assert commands == ["/animate", "/swap"]
    assert all(COMMAND.fullmatch(command) for command in commands)


def test_it_keeps_to_slacks_lengths() -> None:
    found = read()
    assert len(found["display_information"]["name"]) <= 35
    assert len(found["display_information"]["description"]) <= 140
    assert all(len(str(command["command"])) <= 32 for command in COMMANDS)
    assert all(len(s["name"]) <= 24 and len(s["description"]) <= 150 for s in SHORTCUTS)
    assert all(sum(s["type"] == kind for s in SHORTCUTS) <= 5 for kind in ("message", "global"))


def test_making_one_leaves_no_trace_in_the_next() -> None:
    before = manifest()
    manifest(URL)
    assert manifest() == before


USE = (ROOT / "README.md").read_text().partition("## Use it")[2].partition("\n## ")[0]
HELP = answers.help_text(PRICES, DOCUMENTED, Handle("/animate"))


def test_readme_help_and_manifest_agree_on_the_commands() -> None:
    commands = {command["command"] for command in COMMANDS}
    assert set(re.findall(r"`(/[a-z]+)", USE)) == commands
    assert set(re.findall(r"`(/[a-z]+)", HELP)) == commands
    assert commands == {f"/{kind}" for kind in Kind}


def test_readme_help_and_manifest_agree_on_the_shortcuts() -> None:
    ways = USE.partition("| way in |")[2].partition("\n\n")[0]
    assert re.findall(r"\*([A-Z][^*]+)\*(?:, | in a message| in the search bar)", ways) == [
        s["name"] for s in SHORTCUTS
    ]
    assert re.findall(r"_([A-Z][^_]+)_", HELP) == [s["name"] for s in SHORTCUTS if s["type"] == "message"]


def test_readme_help_and_manifest_agree_on_the_words() -> None:
    table = USE.partition("| word | answer |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) == set(FIRST)
    # Whoever reads the help has found that word.
    assert set(re.findall(r"`/animate ([a-z]+)", HELP)) - {*Quality} | {"help"} == set(FIRST)
    for command in COMMANDS:
        options, _, first = str(command["usage_hint"]).partition("or ")
        assert {word.split()[0] for word in first.split(", ")} == set(FIRST)
        assert all(not words.parse(word).unknown for word in re.findall(r"\[(\w+)\]", options))
    assert set(answers.KNOWN) == {*FIRST, *Kind, *Quality}
    examples = re.findall(r"`/(?:animate|swap) ([^`]+)`", USE + HELP)
    assert [text for text in examples if text.split()[0] not in FIRST and words.parse(text).unknown] == []
