"""The people of the workspace: what they do, and what they get to see of the bot's answer."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.demo.slack.arguments import Arguments, Refusal
from bot.demo.slack.blocks import elements_of
from bot.demo.slack.dispatch import Answer, Delivery, Dispatcher, Kind
from bot.demo.slack.elements import offered
from bot.demo.slack.form import Entry, Form
from bot.demo.slack.model import Channel, ChannelKind, Ephemeral, Message, User, View
from bot.demo.slack.payloads import Payloads
from bot.demo.slack.responses import say
from bot.demo.slack.uploads import delete_file, new_file, share
from bot.demo.slack.views import MAX_STACK, checked_view, replace, show, stack_height

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import Trigger

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Submission:
    """What came of submitting a modal. ``delivery`` is None when Slack's client itself refused."""

    delivery: Delivery | None = None
    errors: dict[str, str] = field(default_factory=dict)  # by block_id, as shown under the inputs
    closed: bool = False
    view: View | None = None  # what the person sees now

    @property
    def answer(self) -> Answer:
        """How the bot took it; only after it was sent."""
        if self.delivery is None:
            raise ValueError("this form never left the client")
        return self.delivery.answer


class Person:
    """Somebody at their Slack client. What goes wrong before their eyes is in ``world.mishaps``."""

    def __init__(self, backend: Backend, dispatcher: Dispatcher, user: User) -> None:
        self.user = user
        self._backend = backend
        self._world = backend.world
        self._dispatcher = dispatcher
        self._payloads = Payloads(backend)

    @property
    def id(self) -> str:
        """The user's id."""
        return self.user.id

    def _channel(self, key: str | None) -> Channel:
        if key is not None:
            return self._world.channel(key)
        for channel in self._world.channels.values():
            if self.id in channel.members and not channel.direct:
                return channel
        return self._world.dm(self.id)

    def _trigger(self, *, channel: str | None = None, view: View | None = None) -> Trigger:
        lifetime = self._backend.conduct.trigger_lifetime
        return self._world.new_trigger(self.id, lifetime, channel=channel, view_id=view.id if view else None)

    async def _interact(self, action: str, payload: Json) -> Delivery:
        return self._noted(action, await self._dispatcher.deliver(Kind.INTERACTION, payload))

    def _noted(self, action: str, delivery: Delivery) -> Delivery:
        if delivery.answer.error is not None:
            self._world.mishap(self.id, action, delivery.answer.error)
        return delivery

    async def command(self, command: str, text: str = "", *, channel: str | None = None) -> Delivery:
        """Enter a slash command; an answer in words is then among the person's ``whispers`` or in the channel."""
        self._must_belong_here()
        place = self._channel(channel)
        payload = self._payloads.command(self.user, place, command, text, self._trigger(channel=place.id))
        delivery = self._noted(command, await self._dispatcher.deliver(Kind.COMMAND, payload))
        self._show(command, delivery.answer, place)
        return delivery

    def _show(self, action: str, answer: Answer, place: Channel) -> None:
        if not answer.ok or not answer.body:
            return
        values = answer.body if isinstance(answer.body, dict) else {"text": answer.body}
        try:
            say(self._backend, Arguments(values), user=self.id, channel=place.id, via="answer")
        except Refusal as refusal:
            self._world.mishap(self.id, action, refusal.error)

    async def upload(self, source: Path | bytes, *, name: str | None = None, mimetype: str | None = None) -> str:
        """Put a file into Slack as a form's file input does: the person's own, shared nowhere. Returns its id."""
        if isinstance(source, Path):
            name, size = name or source.name, (await asyncio.to_thread(source.stat)).st_size
        else:
            name, size = name or "file.bin", len(source)
        file = new_file(self._backend, name, size, user=self.id, mimetype=mimetype)
        if isinstance(source, Path):
            await asyncio.to_thread(shutil.copyfile, source, file.path)
        else:
            await asyncio.to_thread(file.path.write_bytes, source)
        self._world.changed()
        return file.id

    def top_view(self) -> View | None:
        """The modal that the person sees, if any."""
        stack = self._world.stack(self.id)
        return stack[-1] if stack else None

    async def opened_view(self, within: float = 5.0) -> View:
        """Wait until a modal is open and return the one the person sees."""
        return await self._world.wait_for(self.top_view, within)

    async def submit(self, view: View, entries: Mapping[str, Entry] | None = None, *, check: bool = True) -> Submission:
        """Fill in a modal and press its submit button. Without ``check`` the client's own checks are left out."""
        if not view.open:
            raise ValueError("this view is closed")
        form = Form(self._backend, view.blocks, channel=view.channel)
        state = form.state(entries or {})
        if check and (complaints := form.complaints(state)):
            return Submission(errors=complaints, view=view)
        addresses = self._response_urls(view, state)
        payload = self._payloads.submission(self.user, view, state, self._trigger(view=view), addresses)
        delivery = await self._interact("submit", payload)
        return self._after_submit(view, delivery)

    def _response_urls(self, view: View, state: Json) -> list[Json]:
        found = []
        for block in view.blocks:
            for element in elements_of(block):
                chosen = state.get(block["block_id"], {}).get(element.get("action_id"), {}).get("selected_conversation")
                if element.get("response_url_enabled") and chosen:
                    address = self._payloads.response_url(self._world.new_response(self.id, chosen))
                    place = {"block_id": block["block_id"], "action_id": element["action_id"], "channel_id": chosen}
                    found.append(place | {"response_url": address})
        return found

    def _after_submit(self, view: View, delivery: Delivery) -> Submission:
        if not delivery.answer.ok:
            return Submission(delivery=delivery, view=view)
        body = delivery.answer.body or {}
        try:
            errors = self._respond(view, body if isinstance(body, dict) else {"response_action": str(body)})
        except Refusal as refusal:
            self._world.mishap(self.id, "submit", refusal.error)
            self._world.violation(f"a response to a submitted view that Slack refuses: {refusal.answer}")
            errors = {}
        self._world.changed()
        return Submission(delivery=delivery, errors=errors, closed=not view.open, view=self.top_view())

    def _respond(self, view: View, body: Json) -> dict[str, str]:
        match body.get("response_action"):
            case None:
                view.open = False
            case "clear":
                self._close_all(view)
            case "errors":
                return _known_errors(view, body.get("errors"))
            case "update":
                replace(view, checked_view(self._backend, body.get("view"), "modal"))
            case "push":
                data = checked_view(self._backend, body.get("view"), "modal")
                if stack_height(self._backend, view) >= MAX_STACK:
                    raise Refusal("push_limit_reached")
                show(self._backend, data, user=self.id, channel=view.channel, below=view)
            case unknown:
                raise Refusal("invalid_response_action", str(unknown))
        return {}

    def _close_all(self, view: View) -> None:
        for other in self._world.stack(self.id):
            other.open = other.open and other.root_id != view.root_id

    async def close(self, view: View, *, clear: bool = False) -> Delivery | None:
        """Close a modal, or with ``clear`` all on its stack. The bot hears of it if the view asked for that."""
        if clear or view.data.get("clear_on_close"):
            self._close_all(view)
        view.open = False
        self._world.changed()
        if not view.data.get("notify_on_close"):
            return None
        return await self._interact("close", self._payloads.closing(self.user, view, cleared=clear))

    async def press(
        self,
        place: Message | Ephemeral | View,
        action_id: str,
        value: str | list[str] | None = None,
        *,
        entries: Mapping[str, Entry] | None = None,
        block_id: str | None = None,
    ) -> Delivery:
        """Press a button, or choose ``value`` in another element; ``entries`` are what the inputs around it hold.

        ``block_id`` says which, where several blocks have one. ValueError if there is no such element any more.
        """
        block, element = _find(place.blocks, action_id, block_id)
        held = dict(entries or {})
        if element["type"] not in {"button", "overflow"}:
            held[block["block_id"]] = {action_id: value}
        state = Form(self._backend, place.blocks, channel=place.channel).state(held)
        action = {"type": element["type"], "action_id": action_id, "block_id": block["block_id"]}
        action |= state.get(block["block_id"], {}).get(action_id) or _clicked(element, value)
        action["action_ts"] = self._world.new_ts()
        trigger = self._trigger(channel=place.channel, view=place if isinstance(place, View) else None)
        return await self._interact(action_id, self._payloads.action(self.user, place, action, state, trigger))

    async def message_shortcut(self, message: Message, callback_id: str) -> Delivery:
        """Choose one of the bot's shortcuts from a message's menu; the bot need not be in that channel."""
        self._must_belong_here()
        trigger = self._trigger(channel=message.channel)
        return await self._interact(
            callback_id, self._payloads.message_shortcut(self.user, message, callback_id, trigger)
        )

    async def shortcut(self, callback_id: str) -> Delivery:
        """Choose one of the bot's shortcuts from the search bar, where guests have none."""
        self._must_belong_here()
        if self.user.guest:
            raise ValueError("guests are not offered these")
        return await self._interact(
            callback_id, self._payloads.global_shortcut(self.user, callback_id, self._trigger())
        )

    def _must_belong_here(self) -> None:
        if self.user.team is not None:
            raise ValueError("people of other workspaces are not offered this")

    def say(
        self, text: str, *, channel: str | None = None, files: Sequence[str] = (), thread_ts: str | None = None
    ) -> Message:
        """Write a message that the bot is not told of. ``files`` are ids from ``upload``."""
        place = self._channel(channel)
        carried = [self._world.files[key] for key in files]
        message = Message(
            ts=self._world.new_ts(),
            channel=place.id,
            user=self.id,
            text=text,
            thread_ts=thread_ts,
            subtype="file_share" if carried else None,
        )
        return share(self._backend, carried, message)

    async def mention(
        self, text: str, *, channel: str | None = None, files: Sequence[str] = (), thread_ts: str | None = None
    ) -> Delivery | None:
        """Name the bot in a message. It hears of it only where it is a member, and never so in direct messages."""
        name = f"<@{self._world.bot.id}>"
        named = text if name in text else f"{name} {text}"
        message = self.say(named, channel=channel, files=files, thread_ts=thread_ts)
        place = self._world.channels[message.channel]
        if self._world.bot.id not in place.members or place.kind is ChannelKind.DIRECT:
            return None
        return await self._dispatcher.event(self._payloads.mention(message))

    async def direct_message(self, text: str, *, files: Sequence[str] = (), thread_ts: str | None = None) -> Delivery:
        """Write to the bot privately."""
        place = self._world.dm(self.id)
        message = self.say(text, channel=place.id, files=files, thread_ts=thread_ts)
        return await self._dispatcher.event(self._payloads.direct_message(message))

    async def open_home(self) -> Delivery:
        """Look at the bot's Home tab."""
        return await self._dispatcher.event(self._payloads.home_opened(self.user))

    def delete_file(self, file_id: str) -> None:
        """Delete a file of one's own."""
        delete_file(self._world.files[file_id])
        self._world.changed()


def _find(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json]:
    for block in blocks:
        for element in elements_of(block):
            if element["action_id"] == action_id and block_id in {None, block["block_id"]}:
                return block, element
    raise ValueError(f"nothing to press is called {action_id}")


def _clicked(element: Json, value: Any) -> Json:
    if element["type"] == "overflow":
        return {"selected_option": next(choice for choice in offered(element) if choice["value"] == value)}
    return {name: element[name] for name in ("text", "value", "style") if name in element}


def _known_errors(view: View, errors: Any) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise Refusal("invalid_errors", "errors must be an object by block_id")
    if unknown := sorted(errors.keys() - inputs):
        raise Refusal("invalid_errors", *(f"no input block is called {name}" for name in unknown))
    if not all(isinstance(value, str) and value for value in errors.values()):
        raise Refusal("invalid_errors", "every error must be a string")
    return dict(errors)
