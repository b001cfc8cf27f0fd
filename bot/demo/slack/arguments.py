"""The arguments of a Web API call, as strictly as Slack documents them, and the errors they may earn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from bot.demo.slack.backend import Backend

Answer = dict[str, Any]


class Refusal(Exception):
    """Slack says no: ``ok: false`` with this error, and perhaps what is wrong in detail."""

    def __init__(self, error: str, *messages: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.answer: Answer = {"ok": False, "error": error, **extra}
        if messages:
            self.answer["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in messages]}


@dataclass(frozen=True, slots=True)
class Arguments:
    """Typed access to what was sent; anything of the wrong type is refused as ``invalid_arguments``."""

    values: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """A string. Numbers sent as JSON are taken for one, as Slack does."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Refusal("invalid_arguments", f"must be a string [json-pointer:/{name}]")
        return str(value)

    def maybe(self, name: str) -> str | None:
        """A string, or None when it is absent or empty."""
        return self.text(name) or None

    def number(self, name: str, default: int) -> int:
        """A whole number, from JSON or a form."""
        value = self.values.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise Refusal("invalid_arguments", f"must be an integer [json-pointer:/{name}]") from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean, from JSON or a form."""
        value = self.values.get(name, default)
        if value in (True, "true", "1", 1):
            return True
        if value in (False, "false", "0", 0):
            return False
        raise Refusal("invalid_arguments", f"must be a boolean [json-pointer:/{name}]")

    def data(self, name: str, error: str = "invalid_arguments") -> Any:
        """A structure, sent as JSON or as JSON in a form's field; None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refusal(error, f"not valid JSON [json-pointer:/{name}]") from None

    def names(self, name: str) -> list[str]:
        """A list of ids: a JSON list, or separated by commas."""
        value = self.values.get(name) or []
        found = value.split(",") if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise Refusal("invalid_arguments", f"must be a list of strings [json-pointer:/{name}]")
        return [item.strip() for item in found if item.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the Web API: what it does, what it takes, what it needs. ``per_minute`` is its documented tier."""

    name: str
    handler: Callable[[Backend, Arguments], Answer]
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    scope: str | None = None  # handlers check scopes that depend on the conversation themselves
    per_minute: int = 50
    accepts_json: bool = True
    app_token: bool = False
    # Bolt sends the team with every call that it makes for a listener.
    tolerated: frozenset[str] = frozenset({"pretty", "team_id"})

    def check(self, arguments: Arguments, *, strict: bool) -> None:
        """Refuse a call that lacks an argument, or has one that is not this method's."""
        given = {name for name, value in arguments.values.items() if value is not None}
        if missing := sorted(self.required - given):
            messages = [f"missing required field: {name}" for name in missing]
            raise Refusal(self._missing(missing), *messages)
        unknown = sorted(given - self.required - self.optional - self.tolerated)
        if strict and unknown:
            raise Refusal("invalid_arguments", *(f"unknown argument: {name}" for name in unknown))

    def _missing(self, names: list[str]) -> str:
        legacy = {"channel": "channel_not_found", "users": "users_list_not_supplied", "file": "file_not_found"}
        return legacy.get(names[0], "invalid_arguments")


async def read_arguments(request: web.Request, method: Method) -> Arguments:
    """Gather a call's arguments from the query, a form or a JSON body."""
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        if not method.accepts_json:
            raise Refusal("invalid_arguments", "this method takes a form, not JSON")
        values.update(_object(await request.read()))
    elif request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        values.update(await request.post())
    elif await request.read():
        raise Refusal("invalid_post_type")
    return Arguments(values)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal("json_not_object")
    return value
