"""The Web API's ``views.*`` methods: modals, which need a trigger, and Home tabs, which don't."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from bot.demo.slack.access import require_scope
from bot.demo.slack.arguments import Answer, Arguments, Method, Refusal
from bot.demo.slack.blocks import MAX_VIEW_BYTES, check_view, elements_of, filled_in_view, slack_files, view_bytes
from bot.demo.slack.model import View
from bot.demo.slack.wire import view_json

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import Trigger

MAX_STACK = 3


def checked_view(backend: Backend, view: Any, kind: str) -> dict[str, Any]:
    """The view with Slack's ids filled in; refused when it breaks a rule of Block Kit, or is of another kind."""
    if problems := check_view(view):
        raise Refusal("invalid_arguments", *problems)
    if view["type"] != kind:
        raise Refusal("invalid_arguments", f"must be a {kind} [json-pointer:/view/type]")
    if view_bytes(view) > MAX_VIEW_BYTES:
        raise Refusal("view_too_large")
    if any(element["type"] == "file_input" for block in view["blocks"] for element in elements_of(block)):
        require_scope(backend, "files:read")
    for path, reference in slack_files(view["blocks"]):
        file = backend.world.files.get(reference.get("id", ""))
        if file is None and "id" in reference:
            raise Refusal("invalid_arguments", f"invalid slack file [json-pointer:/view{path}]")
    return filled_in_view(view)


def _exchange(backend: Backend, arguments: Arguments) -> Trigger:
    trigger = backend.world.triggers.get(arguments.text("trigger_id"))
    if trigger is None:
        raise Refusal("invalid_trigger_id")
    if trigger.used:
        raise Refusal("exchanged_trigger_id")
    if backend.world.clock() > trigger.expires_at:
        raise Refusal("expired_trigger_id")
    return trigger


def _check_external_id(backend: Backend, data: dict[str, Any], *, besides: View | None = None) -> None:
    name = data.get("external_id")
    others = (v for v in backend.world.views.values() if v.open and v is not besides)
    if name and any(view.data.get("external_id") == name for view in others):
        raise Refusal("duplicate_external_id")


def show(backend: Backend, data: dict[str, Any], *, user: str, channel: str | None, below: View | None) -> View:
    """Put a modal before a person: on top of another, or as the first."""
    world = backend.world
    name = world.new_id("V")
    view = View(
        id=name,
        user=user,
        data=data,
        hash=secrets.token_hex(6),
        root_id=below.root_id if below else name,
        previous_id=below.id if below else None,
        channel=channel,
    )
    world.views[name] = view
    world.changed()
    return view


def _open(backend: Backend, arguments: Arguments) -> Answer:
    trigger = _exchange(backend, arguments)
    data = checked_view(backend, arguments.data("view"), "modal")
    _check_external_id(backend, data)
    trigger.used = True
    view = show(backend, data, user=trigger.user, channel=trigger.channel, below=None)
    view.trigger_id = trigger.id
    return {"view": view_json(view, backend.world)}


def _push(backend: Backend, arguments: Arguments) -> Answer:
    trigger = _exchange(backend, arguments)
    data = checked_view(backend, arguments.data("view"), "modal")
    _check_external_id(backend, data)
    below = backend.world.views.get(trigger.view_id or "")
    if below is None or not below.open:
        raise Refusal("not_found")
    if stack_height(backend, below) >= MAX_STACK:
        raise Refusal("push_limit_reached")
    trigger.used = True
    return {
        "view": view_json(show(backend, data, user=trigger.user, channel=below.channel, below=below), backend.world)
    }


def stack_height(backend: Backend, view: View) -> int:
    """How many modals lie on each other where this one is."""
    return sum(other.open and other.root_id == view.root_id for other in backend.world.views.values())


def _update(backend: Backend, arguments: Arguments) -> Answer:
    views = [*backend.world.views.values(), *backend.world.homes.values()]
    key, external = arguments.maybe("view_id"), arguments.maybe("external_id")
    if not key and not external:
        raise Refusal("invalid_arguments", "missing required field: view_id")
    found = [v for v in views if v.open and (v.id == key or (external and v.data.get("external_id") == external))]
    if not found:
        raise Refusal("not_found")
    view = found[0]
    data = checked_view(backend, arguments.data("view"), view.data["type"])
    _check_external_id(backend, data, besides=view)
    replace(view, data, expected=arguments.maybe("hash"))
    return {"view": view_json(view, backend.world)}


def replace(view: View, data: dict[str, Any], *, expected: str | None = None) -> None:
    """Change what a view shows, if its hash is still the expected one."""
    if expected is not None and expected != view.hash:
        raise Refusal("hash_conflict")
    view.data = data
    view.hash = secrets.token_hex(6)


def _publish(backend: Backend, arguments: Arguments) -> Answer:
    user = arguments.text("user_id")
    if user not in backend.world.users:
        raise Refusal("user_not_found")
    data = checked_view(backend, arguments.data("view"), "home")
    view = backend.world.homes.get(user)
    if view is None:
        name = backend.world.new_id("V")
        view = View(id=name, user=user, data=data, hash=secrets.token_hex(6), root_id=name)
        backend.world.homes[user] = view
    else:
        replace(view, data, expected=arguments.maybe("hash"))
    return {"view": view_json(view, backend.world)}


METHODS = (
    Method(name="views.open", handler=_open, required=frozenset({"trigger_id", "view"}), per_minute=100),
    Method(name="views.push", handler=_push, required=frozenset({"trigger_id", "view"}), per_minute=100),
    Method(
        name="views.update",
        handler=_update,
        required=frozenset({"view"}),
        optional=frozenset({"view_id", "external_id", "hash"}),
        per_minute=100,
    ),
    Method(
        name="views.publish",
        handler=_publish,
        required=frozenset({"user_id", "view"}),
        optional=frozenset({"hash"}),
        per_minute=100,
    ),
)
