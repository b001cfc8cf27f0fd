"""Filling in a view as Slack's client does: what the inputs hold, and what the client itself complains about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bot.demo.slack.blocks import elements_of
from bot.demo.slack.elements import offered
from bot.demo.slack.model import ChannelKind
from bot.demo.slack.wire import file_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import Block

Json = dict[str, Any]
# What a person enters: text, an option's value, several of those, file ids; by action_id where a block has several.
Entry = str | list[str] | Mapping[str, "str | list[str] | None"] | None
_KINDS = {
    ChannelKind.PUBLIC: "public",
    ChannelKind.PRIVATE: "private",
    ChannelKind.DIRECT: "im",
    ChannelKind.GROUP: "mpim",
}
REQUIRED = "Please complete this required field."
FILE_INPUT_MAX = 100 * 10**6  # bytes, by Slack's documentation of August 2026; older ones said 10 MB


class Form:
    """The state of a view's, or a message's, inputs."""

    def __init__(self, backend: Backend, blocks: list[Block], *, channel: str | None = None) -> None:
        self._backend = backend
        self._blocks = blocks
        self._channel = channel
        self._enter: Mapping[str, Callable[[Json, Any], Json]] = {
            "plain_text_input": self._typed,
            "number_input": self._typed,
            "static_select": self._chosen,
            "radio_buttons": self._chosen,
            "checkboxes": self._ticked,
            "conversations_select": self._conversation,
            "file_input": self._files,
        }

    def state(self, entries: Mapping[str, Entry]) -> Json:
        """``view.state.values``: every input's content, initial values where nothing is entered.

        ValueError for an entry that fits no input or no option.
        """
        state: Json = {}
        for block in self._blocks:
            elements = [e for e in elements_of(block) if e["type"] in self._enter]
            if elements:
                state[block["block_id"]] = self._block_state(elements, entries, block["block_id"])
        if unknown := entries.keys() - state.keys():
            raise ValueError(f"no such input: {', '.join(sorted(unknown))}; there are {', '.join(state)}")
        return state

    def _block_state(self, elements: list[Json], entries: Mapping[str, Entry], block_id: str) -> Json:
        state = {}
        for element in elements:
            entry: Any = entries.get(block_id, _NOTHING)
            if isinstance(entry, Mapping):
                entry = entry.get(element["action_id"], _NOTHING)
            entered = self._untouched(element) if entry is _NOTHING else entry
            state[element["action_id"]] = {"type": element["type"], **self._enter[element["type"]](element, entered)}
        return state

    def _typed(self, element: Json, entered: Any) -> Json:
        return {"value": entered or None}

    def _chosen(self, element: Json, entered: Any) -> Json:
        return {"selected_option": None if entered is None else _option(element, entered)}

    def _ticked(self, element: Json, entered: Any) -> Json:
        return {"selected_options": [_option(element, value) for value in entered or []]}

    def _conversation(self, element: Json, entered: Any) -> Json:
        return {"selected_conversation": entered or None}

    def _untouched(self, element: Json) -> Any:
        initial = _initial(element)
        if initial is None and element.get("default_to_current_conversation") and self._channel is not None:
            kinds = element.get("filter", {}).get("include", [*_KINDS.values()])
            current = self._backend.world.channels[self._channel]
            return current.id if _KINDS[current.kind] in kinds else None
        return initial

    def _files(self, element: Json, entered: Any) -> Json:
        keys = [entered] if isinstance(entered, str) else entered or []
        files = self._backend.world.files
        if unknown := [key for key in keys if key not in files]:
            raise ValueError(f"no such file: {unknown}")
        return {"files": [file_json(files[key], self._backend, pushed=True) for key in keys]}

    def complaints(self, state: Json) -> dict[str, str]:
        """What Slack's client refuses to submit, by block."""
        found = {}
        for block in self._blocks:
            if block["type"] == "input":
                value = state[block["block_id"]][block["element"]["action_id"]]
                if complaint := self._complaint(block, value):
                    found[block["block_id"]] = complaint
        return found

    def _complaint(self, block: Block, value: Json) -> str | None:
        content = next(v for k, v in value.items() if k != "type")
        if not content:
            return None if block.get("optional") else REQUIRED
        element = block["element"]
        checks: Mapping[str, Callable[[Json, Any], str | None]] = {
            "plain_text_input": _text_complaint,
            "number_input": _number_complaint,
            "file_input": self._file_complaint,
        }
        check = checks.get(element["type"])
        return check(element, content) if check else None

    def _file_complaint(self, element: Json, files: list[Json]) -> str | None:
        if len(files) > element.get("max_files", 10):
            return "You have added too many files."
        if any(self._backend.world.files[file["id"]].size > FILE_INPUT_MAX for file in files):
            return f"Files here may have up to {FILE_INPUT_MAX // 10**6} MB."
        allowed = element.get("filetypes")
        suffixes = {PurePosixPath(self._backend.world.files[file["id"]].name).suffix.lower()[1:] for file in files}
        if allowed and suffixes - set(allowed):
            return "This type of file isn't allowed."
        return None


_NOTHING = object()


def _initial(element: Json) -> Any:
    """What an input holds before anybody touches it, in the form in which a person would enter it."""
    if "initial_option" in element:
        return element["initial_option"]["value"]
    if "initial_options" in element:
        return [choice["value"] for choice in element["initial_options"]]
    return element.get("initial_value") or element.get("initial_conversation")


def _option(element: Json, value: str) -> Json:
    for choice in offered(element):
        if choice["value"] == value:
            return dict(choice)
    raise ValueError(f"no such option: {value!r}; there are {[choice['value'] for choice in offered(element)]}")


def _text_complaint(element: Json, text: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    return None if least <= len(text) <= most else f"Please enter {least} to {most} characters."


def _number_complaint(element: Json, text: str) -> str | None:
    try:
        number = float(text) if element["is_decimal_allowed"] else int(text)
    except ValueError:
        return "Please enter a valid number."
    least, most = float(element.get("min_value", "-inf")), float(element.get("max_value", "inf"))
    return None if least <= number <= most else "This number is out of range."
