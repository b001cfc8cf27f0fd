"""Block Kit's text objects, options and interactive elements, with the limits Slack documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.demo.slack.rules import (
    Report,
    Rule,
    at_least_one,
    boolean,
    both,
    exactly_one,
    integer,
    items,
    record,
    string,
    tagged,
    typed,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = string(255, least=1)  # of an action or a block
ADDRESS = string(3000, least=1)


def plain(most: int) -> Rule:
    """A ``plain_text`` object."""
    return typed("plain_text", need={"text": string(most, least=1)}, may={"emoji": boolean})


def prose(most: int) -> Rule:
    """A text object of either kind."""
    mrkdwn = typed("mrkdwn", need={"text": string(most, least=1)}, may={"verbatim": boolean})
    return tagged({"plain_text": plain(most), "mrkdwn": mrkdwn})


SLACK_FILE = both(record(may={"id": NAME, "url": ADDRESS}), exactly_one("id", "url"))
CONFIRM = record(
    need={"title": plain(100), "text": prose(300), "confirm": plain(30), "deny": plain(30)},
    may={"style": word("primary", "danger")},
)
IMAGE = both(
    typed("image", need={"alt_text": string(2000)}, may={"image_url": ADDRESS, "slack_file": SLACK_FILE}),
    exactly_one("image_url", "slack_file"),
)
BUTTON = typed(
    "button",
    need={"text": plain(75)},
    may={
        "action_id": NAME,
        "url": ADDRESS,
        "value": string(2000),
        "style": word("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)


def option(text: Rule, **more: Rule) -> Rule:
    """An option object; its ``value`` is at most 150 characters long."""
    return record(need={"text": text, "value": string(150, least=1)}, may={"description": plain(75), **more})


OVERFLOW = typed(
    "overflow",
    need={"options": items(option(plain(75), url=ADDRESS), 5)},
    may={"action_id": NAME, "confirm": CONFIRM},
)
_OPTION = option(plain(75))
_CHOICE = option(prose(75))
_GROUP = record(need={"label": plain(75), "options": items(_OPTION, 100)})
_COMMON = {"action_id": NAME, "focus_on_load": boolean}


def offered(element: Mapping[str, Any]) -> list[Any]:
    """Every option that an element offers, those of its groups included."""
    groups = element.get("option_groups") or [element]
    return [choice for group in groups if isinstance(group, dict) for choice in group.get("options") or []]


def _initial_is_offered(report: Report, value: Any, path: str) -> None:
    if not isinstance(value, dict):
        return
    single = [value["initial_option"]] if "initial_option" in value else []
    for choice in [*single, *value.get("initial_options", [])]:
        if choice not in offered(value):
            report.add("initial option does not match an option", path)


def _distinct_values(report: Report, value: Any, path: str) -> None:
    if not isinstance(value, dict):
        return
    values = [choice.get("value") for choice in offered(value) if isinstance(choice, dict)]
    if len(set(values)) != len(values):
        report.add("option values must be unique", f"{path}/options")


def _numeral(report: Report, value: Any, path: str) -> None:
    try:
        float(value if isinstance(value, str) else "")
    except ValueError:
        report.add("must be a number in a string", path)


STATIC_SELECT = both(
    typed(
        "static_select",
        may=_COMMON
        | {
            "options": items(_OPTION, 100),
            "option_groups": items(_GROUP, 100),
            "initial_option": _OPTION,
            "placeholder": plain(150),
            "confirm": CONFIRM,
        },
    ),
    exactly_one("options", "option_groups"),
    _initial_is_offered,
    _distinct_values,
)
RADIO_BUTTONS = both(
    typed(
        "radio_buttons",
        need={"options": items(_CHOICE, 10)},
        may=_COMMON | {"initial_option": _CHOICE, "confirm": CONFIRM},
    ),
    _initial_is_offered,
    _distinct_values,
)
CHECKBOXES = both(
    typed(
        "checkboxes",
        need={"options": items(_CHOICE, 10)},
        may=_COMMON | {"initial_options": items(_CHOICE, 10), "confirm": CONFIRM},
    ),
    _initial_is_offered,
    _distinct_values,
)
CONVERSATIONS_SELECT = typed(
    "conversations_select",
    may=_COMMON
    | {
        "placeholder": plain(150),
        "initial_conversation": NAME,
        "default_to_current_conversation": boolean,
        "response_url_enabled": boolean,
        "confirm": CONFIRM,
        "filter": both(
            record(
                may={
                    "include": items(word("im", "mpim", "private", "public"), 4),
                    "exclude_external_shared_channels": boolean,
                    "exclude_bot_users": boolean,
                }
            ),
            at_least_one("include", "exclude_external_shared_channels", "exclude_bot_users"),
        ),
    },
)
_DISPATCH = record(need={"trigger_actions_on": items(word("on_enter_pressed", "on_character_entered"), 2)})
PLAIN_TEXT_INPUT = typed(
    "plain_text_input",
    may=_COMMON
    | {
        "initial_value": string(3000),
        "multiline": boolean,
        "min_length": integer(0, 3000),
        "max_length": integer(1, 3000),
        "dispatch_action_config": _DISPATCH,
        "placeholder": plain(150),
    },
)
NUMBER_INPUT = typed(
    "number_input",
    need={"is_decimal_allowed": boolean},
    may=_COMMON
    | {
        "initial_value": _numeral,
        "min_value": _numeral,
        "max_value": _numeral,
        "dispatch_action_config": _DISPATCH,
        "placeholder": plain(150),
    },
)
FILE_INPUT = typed(
    "file_input",
    may={"action_id": NAME, "filetypes": items(string(20, least=1), 100), "max_files": integer(1, 10)},
)

CHOOSERS: Mapping[str, Rule] = {
    "static_select": STATIC_SELECT,
    "radio_buttons": RADIO_BUTTONS,
    "checkboxes": CHECKBOXES,
    "conversations_select": CONVERSATIONS_SELECT,
}
CLICKABLE: Mapping[str, Rule] = {"button": BUTTON, "overflow": OVERFLOW, **CHOOSERS}
INPUTS: Mapping[str, Rule] = {"plain_text_input": PLAIN_TEXT_INPUT, "number_input": NUMBER_INPUT, **CHOOSERS}
