"""Block Kit's rules: which blocks, views and messages Slack takes, and every reason why it takes one not. Pure."""

from __future__ import annotations

import copy
import json
import secrets
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bot.demo.slack.elements import CLICKABLE, FILE_INPUT, IMAGE, INPUTS, NAME, SLACK_FILE, plain, prose
from bot.demo.slack.richtext import RICH_TEXT
from bot.demo.slack.rules import (
    Report,
    Rule,
    at_least_one,
    boolean,
    both,
    exactly_one,
    items,
    string,
    tagged,
    typed,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_VIEW_BYTES = 250_000


class Surface(StrEnum):
    """Where blocks stand."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


_SECTION = both(
    typed(
        "section",
        may={
            "block_id": NAME,
            "text": prose(3000),
            "fields": items(prose(2000), 10),
            "accessory": tagged({**CLICKABLE, "image": IMAGE}),
            "expand": boolean,
        },
    ),
    at_least_one("text", "fields"),
)
_CONTEXT_ELEMENT = tagged({"image": IMAGE, "plain_text": prose(3000), "mrkdwn": prose(3000)})
_IMAGE_BLOCK = both(
    typed(
        "image",
        need={"alt_text": string(2000, least=1)},
        may={"block_id": NAME, "image_url": string(3000), "slack_file": SLACK_FILE, "title": plain(2000)},
    ),
    exactly_one("image_url", "slack_file"),
)


def _input(elements: Mapping[str, Rule]) -> Rule:
    return typed(
        "input",
        need={"label": plain(2000), "element": tagged(elements)},
        may={"block_id": NAME, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    )


_EVERYWHERE: Mapping[str, Rule] = {
    "section": _SECTION,
    "header": typed("header", need={"text": plain(150)}, may={"block_id": NAME}),
    "context": typed("context", need={"elements": items(_CONTEXT_ELEMENT, 10)}, may={"block_id": NAME}),
    "actions": typed("actions", need={"elements": items(tagged(CLICKABLE), 25)}, may={"block_id": NAME}),
    "divider": typed("divider", may={"block_id": NAME}),
    "image": _IMAGE_BLOCK,
    "input": _input(INPUTS),
    "rich_text": RICH_TEXT,
}
_ALERT = typed(
    "alert",
    need={"text": prose(200)},
    may={"block_id": NAME, "level": word("default", "info", "warning", "error", "success")},
)
_MARKDOWN = typed("markdown", need={"text": string(12_000, least=1)}, may={"block_id": NAME})
_BY_SURFACE: Mapping[Surface, Rule] = {
    Surface.MESSAGE: items(tagged({**_EVERYWHERE, "markdown": _MARKDOWN}), 50),
    Surface.MODAL: items(
        tagged({**_EVERYWHERE, "alert": _ALERT, "input": _input({**INPUTS, "file_input": FILE_INPUT})}), 100
    ),
    Surface.HOME: items(tagged(_EVERYWHERE), 100),
}
_VIEW = {"callback_id": string(255), "private_metadata": string(3000), "external_id": string(255)}
_VIEWS: Mapping[str, Rule] = {
    "modal": typed(
        "modal",
        need={"title": plain(24), "blocks": _BY_SURFACE[Surface.MODAL]},
        may=_VIEW | {"submit": plain(24), "close": plain(24), "clear_on_close": boolean, "notify_on_close": boolean},
    ),
    "home": typed("home", need={"blocks": _BY_SURFACE[Surface.HOME]}, may=_VIEW),
}


def check_blocks(blocks: Any, surface: Surface = Surface.MESSAGE, *, path: str = "/blocks") -> list[str]:
    """Every rule that the blocks break, with the place; empty when Slack would take them."""
    report = Report()
    _BY_SURFACE[surface](report, blocks, path)
    if not report.problems:
        _check_together(report, blocks, path)
    return report.problems


def check_view(view: Any) -> list[str]:
    """Every rule that a modal or Home tab breaks; empty when Slack would take it. Its size is checked apart."""
    report = Report()
    tagged(_VIEWS)(report, view, "/view")
    if not report.problems:
        _check_together(report, view["blocks"], "/view/blocks")
        if view["type"] == "modal" and "submit" not in view and any(b["type"] == "input" for b in view["blocks"]):
            report.add("a modal with an input block needs a submit button", "/view/submit")
    return report.problems


def view_bytes(view: Mapping[str, Any]) -> int:
    """How large a view is to Slack, which takes at most ``MAX_VIEW_BYTES``."""
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())


def elements_of(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The interactive elements of a block."""
    found = [block.get("accessory"), block.get("element")]
    if block["type"] == "actions":
        found += block["elements"]
    return (
        element for element in found if element is not None and element["type"] in {*CLICKABLE, *INPUTS, "file_input"}
    )


def _check_together(report: Report, blocks: list[dict[str, Any]], path: str) -> None:
    ids = Counter(block["block_id"] for block in blocks if "block_id" in block)
    for name in (name for name, times in ids.items() if times > 1):
        report.add(f"block_id already exists: {name}", path)
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > 12_000:
        report.add("no more than 12000 characters of markdown allowed", path)
    if sum(bool(e.get("focus_on_load")) for block in blocks for e in elements_of(block)) > 1:
        report.add("only one element may have focus_on_load", path)
    for number, block in enumerate(blocks):
        _check_block(report, block, f"{path}/{number}")


def _check_block(report: Report, block: dict[str, Any], path: str) -> None:
    actions = Counter(e["action_id"] for e in elements_of(block) if "action_id" in e)
    for name in (name for name, times in actions.items() if times > 1):
        report.add(f"action_id already exists: {name}", path)
    if block.get("dispatch_action") and block["element"]["type"] == "file_input":
        report.add("unsupported type: file_input with dispatch_action", f"{path}/element/type")


def slack_files(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every reference to a Slack-hosted picture, with its place."""
    for number, block in enumerate(blocks):
        for part in (block, block.get("accessory"), *(block.get("elements") or [])):
            if isinstance(part, dict) and isinstance(part.get("slack_file"), dict):
                yield f"/blocks/{number}/slack_file", part["slack_file"]


def filled_in(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks as Slack gives them back: ids for those that have none, and the defaults of text objects."""
    found: list[dict[str, Any]] = copy.deepcopy(blocks)
    for block in found:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements_of(block):
            element.setdefault("action_id", secrets.token_urlsafe(4))
    _default_texts(found)
    return found


def _default_texts(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _default_texts(item)
    elif isinstance(value, dict):
        if value.get("type") == "plain_text":
            value.setdefault("emoji", True)
        elif value.get("type") == "mrkdwn":
            value.setdefault("verbatim", False)
        for item in value.values():
            _default_texts(item)


def filled_in_view(view: Mapping[str, Any]) -> dict[str, Any]:
    """A view as Slack gives it back."""
    found: dict[str, Any] = copy.deepcopy(dict(view))
    found["blocks"] = filled_in(found["blocks"])
    _default_texts(found)
    return found
