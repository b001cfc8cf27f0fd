from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from bot.manifest import COMMANDS, SCOPES, manifest
from bot.slack.listeners import COMMAND

URL = "https://bot.example"


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
    assert {command["url"] for command in found["features"]["slash_commands"]} == {f"{URL}/slack/events"}


@pytest.mark.parametrize("public_url", [None, URL])
def test_it_asks_for_the_scopes_that_are_used_and_no_more(public_url: str | None) -> None:
    assert read(public_url)["oauth_config"]["scopes"] == {"bot": list(SCOPES)}
    assert set(SCOPES) == {"chat:write", "commands", "files:read", "files:write", "im:write"}


def test_every_command_is_one_the_bot_answers() -> None:
    commands = [command["command"] for command in read()["features"]["slash_commands"]]
    assert commands == ["/animate", "/swap"]
    assert all(COMMAND.fullmatch(command) for command in commands)


def test_it_keeps_to_slacks_lengths() -> None:
    found = read()
    assert len(found["display_information"]["name"]) <= 35
    assert len(found["display_information"]["description"]) <= 140
    assert all(len(str(command["command"])) <= 32 for command in COMMANDS)


def test_making_one_leaves_no_trace_in_the_next() -> None:
    before = manifest()
    manifest(URL)
    assert manifest() == before
