"""What Slack tells the bot when a person does something: the payloads of commands, interactions and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.demo.slack.model import ChannelKind, Ephemeral, Message, View
from bot.demo.slack.wire import file_json, message_json, view_json

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import Channel, ResponseAddress, Trigger, User

Json = dict[str, Any]
TOKEN = "stand-in-verification"  # noqa: S105 -- the deprecated verification token, secret to nobody


class Payloads:
    """Builds payloads for one workspace."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._world = backend.world

    def response_url(self, address: ResponseAddress) -> str:
        """The address that answers an interaction."""
        return f"{self._backend.url}/response/{address.token}"

    def command(self, user: User, channel: Channel, command: str, text: str, trigger: Trigger) -> Json:
        """A slash command: all strings, no files, no thread."""
        names = {ChannelKind.DIRECT: "directmessage", ChannelKind.PRIVATE: "privategroup"}
        return {
            "token": TOKEN,
            "team_id": self._world.team_id,
            "team_domain": "practice",
            "channel_id": channel.id,
            "channel_name": names.get(channel.kind, channel.name),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": self._world.app_id,
            "is_enterprise_install": "false",
            "response_url": self.response_url(self._world.new_response(user.id, channel.id)),
            "trigger_id": trigger.id,
        }

    def _interaction(self, kind: str, user: User, trigger: Trigger | None = None) -> Json:
        team = user.team or self._world.team_id
        found: Json = {
            "type": kind,
            "token": TOKEN,
            "team": {"id": self._world.team_id, "domain": "practice"},
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": team},
            "api_app_id": self._world.app_id,
            "enterprise": None,
            "is_enterprise_install": False,
        }
        return found | ({"trigger_id": trigger.id} if trigger else {})

    def submission(self, user: User, view: View, state: Json, trigger: Trigger, addresses: list[Json]) -> Json:
        """A submitted modal. It says nothing of the channel, unless the view asked for it."""
        return self._interaction("view_submission", user, trigger) | {
            "view": view_json(view, self._world, state=state),
            "response_urls": addresses,
        }

    def closing(self, user: User, view: View, *, cleared: bool) -> Json:
        """A modal that the person closed."""
        return self._interaction("view_closed", user) | {
            "view": view_json(view, self._world),
            "is_cleared": cleared,
        }

    def message_shortcut(self, user: User, message: Message, callback_id: str, trigger: Trigger) -> Json:
        """A shortcut on a message, its files included."""
        address = self._world.new_response(user.id, message.channel)
        return self._interaction("message_action", user, trigger) | {
            "callback_id": callback_id,
            "message_ts": message.ts,
            "channel": self._channel(message.channel),
            "message": self.pushed_message(message),
            "response_url": self.response_url(address),
            "action_ts": self._world.new_ts(),
        }

    def global_shortcut(self, user: User, callback_id: str, trigger: Trigger) -> Json:
        """A shortcut from the search bar: no channel, no response_url."""
        return self._interaction("shortcut", user, trigger) | {
            "callback_id": callback_id,
            "action_ts": self._world.new_ts(),
        }

    def action(
        self, user: User, place: Message | Ephemeral | View, action: Json, state: Json, trigger: Trigger
    ) -> Json:
        """A button or another element that was used in a message or a view."""
        found = self._interaction("block_actions", user, trigger) | {"actions": [action]}
        if isinstance(place, View):
            view = view_json(place, self._world, state=state)
            return found | {"container": {"type": "view", "view_id": place.id}, "view": view}
        address = self._world.new_response(user.id, place.channel, place)
        container: Json = {"type": "message", "message_ts": place.ts, "channel_id": place.channel}
        container["is_ephemeral"] = isinstance(place, Ephemeral)
        if place.thread_ts:
            container["thread_ts"] = place.thread_ts
        found |= {"container": container, "channel": self._channel(place.channel), "state": {"values": state}}
        found["response_url"] = self.response_url(address)
        return found | ({"message": self.pushed_message(place)} if isinstance(place, Message) else {})

    def _channel(self, key: str) -> Json:
        channel = self._world.channels[key]
        names = {ChannelKind.DIRECT: "directmessage", ChannelKind.PRIVATE: "privategroup"}
        return {"id": channel.id, "name": names.get(channel.kind, channel.name)}

    def pushed_message(self, message: Message) -> Json:
        """A message as events and interactions carry it: its files may be stubs."""
        found = message_json(message, self._backend)
        if message.files:
            files = [self._world.files[key] for key in message.files]
            found["files"] = [file_json(file, self._backend, pushed=True) for file in files]
        return found

    def event(self, event: Json) -> Json:
        """The envelope around an event."""
        authorization = {
            "enterprise_id": None,
            "team_id": self._world.team_id,
            "user_id": self._world.bot.id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        return {
            "token": TOKEN,
            "team_id": self._world.team_id,
            "api_app_id": self._world.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self._world.new_id("Ev"),
            "event_time": int(self._world.clock()),
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
            "event_context": self._world.new_id("EC"),
        }

    def mention(self, message: Message) -> Json:
        """Somebody named the bot in a channel."""
        found = self.pushed_message(message) | {"type": "app_mention", "channel": message.channel}
        found.pop("subtype", None)
        team = self._world.users[message.user].team
        if team is None:
            return self.event(found | {"event_ts": message.ts})
        theirs = {"team": team, "user_team": team, "source_team": team}
        return self.event(found | theirs | {"event_ts": message.ts}) | {"is_ext_shared_channel": True}

    def direct_message(self, message: Message) -> Json:
        """Somebody, perhaps the bot itself, wrote in the bot's direct messages."""
        found = self.pushed_message(message) | {"channel": message.channel, "channel_type": "im"}
        return self.event(found | {"event_ts": message.ts})

    def direct_message_change(self, what: str, message: Message) -> Json:
        """A direct message says something else now, or is gone."""
        before = message.versions[-2] if what == "changed" else message.versions[-1]
        now = self.pushed_message(message)
        ts = self._world.new_ts()
        found: Json = {
            "type": "message",
            "subtype": f"message_{what}",
            "channel": message.channel,
            "channel_type": "im",
        }
        found |= {"hidden": True, "ts": ts, "event_ts": ts}
        extra: Json = {"previous_message": now | {"text": before.text, "blocks": before.blocks}}
        extra |= {"message": now} if what == "changed" else {"deleted_ts": message.ts}
        return self.event(found | extra)

    def home_opened(self, user: User) -> Json:
        """Somebody looks at the bot's Home tab."""
        ts = self._world.new_ts()
        event: Json = {"type": "app_home_opened", "user": user.id, "channel": self._world.dm(user.id).id, "tab": "home"}
        if user.id in self._world.homes:
            event["view"] = view_json(self._world.homes[user.id], self._world)
        return self.event(event | {"event_ts": ts})
