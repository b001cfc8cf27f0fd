"""The workspace itself: who is there, what was said, what is open. Knows nothing of HTTP."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from bot.demo.slack.model import (
    Channel,
    ChannelKind,
    Ephemeral,
    Message,
    Mishap,
    ResponseAddress,
    SlackFile,
    Trigger,
    UploadAddress,
    User,
    Version,
    View,
)
from bot.demo.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class World(Watched):
    """All state of the practice workspace. Read it freely; whoever changes it calls ``changed`` afterwards."""

    def __init__(self, *, team_id: str = "T0STANDIN", clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.team_id = team_id
        self.team_name = "Practice"
        self.app_id = "A0STANDIN"
        self.clock = clock
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, SlackFile] = {}
        self.ephemerals: list[Ephemeral] = []
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.responses: dict[str, ResponseAddress] = {}
        self.uploads: dict[str, UploadAddress] = {}
        self.mishaps: list[Mishap] = []
        self.violations: list[str] = []  # what the bot did that nothing else refuses or shows
        self.listeners: list[Callable[[str, Message], None]] = []
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._last_ts = 0
        self.bot = self.add_user("understudy", bot_id=self.new_id("B"))

    def new_id(self, prefix: str) -> str:
        """An id in Slack's form, never given before."""
        self._numbers[prefix] += 1
        return f"{prefix}0{self._numbers[prefix]:09d}"

    def new_ts(self) -> str:
        """A message's time stamp: unique, and later than every earlier one."""
        self._last_ts = max(self._last_ts + 1, int(self.clock() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add_user(
        self,
        name: str,
        real_name: str | None = None,
        *,
        bot_id: str | None = None,
        team: str | None = None,
        guest: bool = False,
    ) -> User:
        """Let somebody join the workspace, as a ``guest`` perhaps, or with another ``team`` its shared channels."""
        user = User(self.new_id("U"), name, real_name or name.title(), bot_id, team, guest)
        self.users[user.id] = user
        self.changed()
        return user

    def add_channel(
        self,
        name: str,
        *,
        members: Iterable[User | str] = (),
        kind: ChannelKind = ChannelKind.PUBLIC,
        with_bot: bool = True,
        archived: bool = False,
    ) -> Channel:
        """Make a conversation; without ``members`` everybody is in it but the bot and guests."""
        people = [m if isinstance(m, str) else m.id for m in members] or [u.id for u in self.people() if not u.guest]
        if with_bot:
            people.append(self.bot.id)
        prefix = "D" if kind is ChannelKind.DIRECT else "C"
        channel = Channel(self.new_id(prefix), name, kind, list(dict.fromkeys(people)), archived)
        self.channels[channel.id] = channel
        self.changed()
        return channel

    def people(self) -> list[User]:
        """Everybody but bots."""
        return [user for user in self.users.values() if user.bot_id is None]

    def user(self, key: str) -> User:
        """Find a user by id or name; KeyError if there is none."""
        if key in self.users:
            return self.users[key]
        return _by_name(self.users.values(), key)

    def channel(self, key: str) -> Channel:
        """Find a conversation by id or name, with or without ``#``; KeyError if there is none."""
        if key in self.channels:
            return self.channels[key]
        return _by_name(self.channels.values(), key.removeprefix("#"))

    def dm(self, key: str) -> Channel:
        """The direct messages between this person and the bot, opened if need be."""
        user = self.user(key)
        for channel in self.channels.values():
            if channel.direct and set(channel.members) == {user.id, self.bot.id}:
                return channel
        return self.add_channel("", members=[user], kind=ChannelKind.DIRECT)

    def post(self, message: Message) -> Message:
        """Put a message into its channel and tell everybody who listens."""
        message.versions.append(Version(self.clock(), message.text, message.blocks))
        self.channels[message.channel].messages[message.ts] = message
        self._tell("posted", message)
        return message

    def edited(self, message: Message) -> None:
        """Note that a message says something else now."""
        message.versions.append(Version(self.clock(), message.text, message.blocks))
        self._tell("changed", message)

    def deleted(self, message: Message) -> None:
        """Take a message away. It stays in the channel's record, marked."""
        message.deleted = True
        self._tell("deleted", message)

    def _tell(self, what: str, message: Message) -> None:
        for listener in self.listeners:
            listener(what, message)
        self.changed()

    def message(self, channel: str, ts: str) -> Message | None:
        """The message with this time stamp, unless it is deleted."""
        found = self.channel(channel).messages.get(ts)
        return None if found is None or found.deleted else found

    def messages(self, channel: str, *, thread: str | None = None, by_bot: bool = False) -> list[Message]:
        """What can be seen in a channel, oldest first: all of it, or one thread with its parent."""
        found = [m for m in self.channel(channel).messages.values() if not m.deleted]
        if thread is not None:
            found = [m for m in found if thread in {m.ts, m.thread_ts}]
        return [m for m in found if m.user == self.bot.id] if by_bot else found

    def whispers(self, user: str) -> list[Ephemeral]:
        """The private answers that this person still sees, oldest first."""
        user_id = self.user(user).id
        return [e for e in self.ephemerals if e.user == user_id and not e.deleted]

    def stack(self, user: str) -> list[View]:
        """The open modals of a person, the one they see last."""
        user_id = self.user(user).id
        return [v for v in self.views.values() if v.user == user_id and v.open]

    def new_trigger(self, user: str, lifetime: float, *, channel: str | None, view_id: str | None = None) -> Trigger:
        """Grant the right to open one view."""
        name = f"{self.new_id('TR')}.{secrets.token_hex(8)}"
        at = self.clock() + lifetime
        trigger = Trigger(id=name, user=user, expires_at=at, channel=channel, view_id=view_id)
        self.triggers[name] = trigger
        return trigger

    def new_response(self, user: str, channel: str, original: Message | Ephemeral | None = None) -> ResponseAddress:
        """Grant the right to answer an interaction: 30 minutes long, as Slack documents."""
        address = ResponseAddress(
            token=secrets.token_urlsafe(18),
            user=user,
            channel=channel,
            expires_at=self.clock() + 30 * 60,
            original=original,
        )
        self.responses[address.token] = address
        return address

    def mishap(self, user: str, action: str, error: str) -> None:
        """Record what a person saw going wrong."""
        self.mishaps.append(Mishap(user, action, error))
        self.changed()

    def violation(self, what: str) -> None:
        """Record a breach of the rules that the bot itself is not told about."""
        self.violations.append(what)
        self.changed()


N = TypeVar("N", User, Channel)


def _by_name(things: Iterable[N], name: str) -> N:
    for thing in things:
        if thing.name == name and name:
            return thing
    raise KeyError(name)
