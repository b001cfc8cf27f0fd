from __future__ import annotations

from typing import Any

import pytest

from bot.demo.slack import Surface, check_blocks, check_view


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(value), "value": value}


def modal(*blocks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("T"), "submit": plain("Go"), "blocks": list(blocks), **changes}


def asked(element: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain("L"), "element": element, **changes}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
BUTTON = {"type": "button", "text": plain("Press"), "action_id": "a", "value": "v", "style": "danger"}
CONFIRM = {"title": plain("Sure?"), "text": plain("Really"), "confirm": plain("Yes"), "deny": plain("No")}
SELECT = {"type": "static_select", "action_id": "s", "options": [option("x"), option("y")]}
FILE_INPUT = {"type": "file_input", "action_id": "f", "filetypes": ["jpg", "png"], "max_files": 1}
IMAGE = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}
RICH = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "x", "style": {"bold": True}}]},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U1"}]}],
        },
    ],
}


@pytest.mark.parametrize(
    "block",
    [
        SECTION,
        {"type": "section", "fields": [plain("a")], "accessory": SELECT},
        {"type": "section", "text": plain("a"), "accessory": IMAGE},
        {"type": "header", "text": plain("x" * 150), "block_id": "h"},
        {"type": "context", "elements": [plain("a"), IMAGE]},
        actions(BUTTON, BUTTON | {"action_id": "b", "confirm": CONFIRM}),
        {"type": "divider"},
        {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "a", "title": plain("t")},
        {"type": "markdown", "text": "# x"},
        RICH,
        actions({"type": "overflow", "options": [option("1"), option("2")]}),
        asked(SELECT | {"initial_option": option("y")}),
    ],
)
def test_a_good_block_may_stand_in_a_message(block: dict[str, Any]) -> None:
    assert check_blocks([block]) == []


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"type": "marquee"}, "unsupported type: marquee [json-pointer:/blocks/0/type]"),
        (SECTION | {"colour": "red"}, "unknown field: colour"),
        ({"type": "section"}, "must have one of text, fields"),
        ({"type": "section", "text": plain("x" * 3001)}, "no more than 3000"),
        ({"type": "section", "text": plain("")}, "must be more than 0"),
        ({"type": "section", "text": {"type": "html", "text": "x"}}, "unsupported type: html"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "must be one of plain_text"),
        ({"type": "header", "text": plain("x" * 151)}, "no more than 150"),
        ({"type": "context", "elements": [plain("a")] * 11}, "no more than 10 items"),
        ({"type": "context", "elements": [BUTTON]}, "unsupported type: button"),
        (actions(), "at least 1"),
        (actions(*[BUTTON | {"action_id": str(n)} for n in range(26)]), "no more than 25 items"),
        (actions(BUTTON | {"text": plain("x" * 76)}), "no more than 75"),
        (actions(BUTTON | {"value": "x" * 2001}), "no more than 2000"),
        (actions(BUTTON | {"style": "default"}), "must be one of primary, danger"),
        (actions(BUTTON | {"confirm": CONFIRM | {"title": plain("x" * 101)}}), "no more than 100"),
        (actions(BUTTON, BUTTON), "action_id already exists: a"),
        (actions({"type": "overflow", "options": []}), "at least 1"),
        ({"type": "image", "image_url": "https://example.com"}, "missing required field: alt_text"),
        (IMAGE | {"slack_file": {"id": "F1"}}, "exactly one of image_url, slack_file"),
        ({"type": "alert", "text": plain("x")}, "unsupported type: alert"),
        (asked(FILE_INPUT), "unsupported type: file_input"),
        (asked(SELECT | {"initial_option": option("z")}), "initial option does not match"),
        (asked(SELECT | {"options": [option("x"), option("x")]}), "must be unique"),
        (asked(SELECT | {"options": [option(str(n)) for n in range(101)]}), "no more than 100 items"),
        (asked({"type": "number_input"}), "missing required field: is_decimal_allowed"),
        (asked({"type": "number_input", "is_decimal_allowed": True, "min_value": "x"}), "must be a number"),
        ({"type": "markdown", "text": "x" * 12_001}, "no more than 12000"),
        ("text", "unsupported type: None"),
    ],
)
def test_a_bad_block_is_refused_with_the_reason(block: Any, told: str) -> None:
    assert any(told in problem for problem in check_blocks([block])), check_blocks([block])


def test_blocks_are_counted_and_told_apart() -> None:
    assert check_blocks([SECTION] * 50) == []
    assert "no more than 50 items" in check_blocks([SECTION] * 51)[0]
    assert check_blocks([SECTION] * 100, Surface.MODAL) == []
    assert "no more than 100 items" in check_blocks([SECTION] * 101, Surface.MODAL)[0]
    assert "block_id already exists: b" in check_blocks([SECTION | {"block_id": "b"}] * 2)[0]
    assert "12000 characters of markdown" in check_blocks([{"type": "markdown", "text": "x" * 7000}] * 2)[0]


def test_a_form_with_files_is_taken() -> None:
    view = modal(
        asked(FILE_INPUT, block_id="image"),
        asked(FILE_INPUT | {"filetypes": ["mp4"]}, block_id="video", optional=True, hint=plain("h")),
        asked({"type": "radio_buttons", "options": [option("std"), option("pro")], "initial_option": option("std")}),
        asked({"type": "checkboxes", "options": [option("w")]}, optional=True),
        asked({"type": "plain_text_input", "multiline": True, "max_length": 500}),
        asked({"type": "conversations_select", "default_to_current_conversation": True}),
        {"type": "alert", "text": plain("careful"), "level": "warning"},
        callback_id="form",
        private_metadata="x" * 3000,
        notify_on_close=True,
    )
    assert check_view(view) == []
    assert check_view({"type": "home", "blocks": [SECTION]}) == []


@pytest.mark.parametrize(
    ("view", "told"),
    [
        (modal(SECTION, title=plain("x" * 25)), "no more than 24 characters allowed [json-pointer:/view/title/text]"),
        (modal(SECTION, submit=plain("x" * 25)), "no more than 24"),
        (modal(SECTION, callback_id="x" * 256), "no more than 255"),
        (modal(SECTION, private_metadata="x" * 3001), "no more than 3000"),
        (modal(SECTION, state={}), "unknown field: state"),
        (modal(), "at least 1"),
        ({"type": "modal", "title": plain("T"), "blocks": [asked(FILE_INPUT)]}, "needs a submit button"),
        (modal(asked(FILE_INPUT | {"max_files": 11})), "must be between 1 and 10"),
        (modal(asked(FILE_INPUT | {"initial_files": []})), "unknown field: initial_files"),
        (modal(asked(FILE_INPUT, dispatch_action=True)), "unsupported type: file_input with dispatch_action"),
        (modal({"type": "section", "text": plain("a"), "accessory": FILE_INPUT}), "unsupported type: file_input"),
        (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
        (modal({"type": "alert", "text": plain("x" * 201)}), "no more than 200"),
        (modal(*[asked(SELECT | {"focus_on_load": True})] * 2), "only one element may have focus_on_load"),
        ({"type": "home", "blocks": [asked(FILE_INPUT)]}, "unsupported type: file_input"),
        ({"type": "home", "title": plain("T"), "blocks": [SECTION]}, "unknown field: title"),
        ({"blocks": []}, "unsupported type: None"),
        (None, "unsupported type: None"),
    ],
)
def test_a_bad_view_is_refused_with_the_reason(view: Any, told: str) -> None:
    assert any(told in problem for problem in check_view(view)), check_view(view)
