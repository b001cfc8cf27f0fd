"""What a person does in the page, done at the stand-in Slack by that person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.demo.page.workspace import as_sent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.demo.page.workspace import Workspace
    from bot.demo.slack import Channel, Delivery, Ephemeral, Message, Person, User, View

Json = dict[str, Any]
_NOT_A_COMMAND = "“{command}” is no command here. To send a message that begins with a slash, put a space before it."
_NOT_IN_THREADS = "Slack takes no slash commands in threads. Type it in the channel."


class Impossible(Exception):
    """What was asked for does not exist (any more); the sentence is for the person."""


class Deeds:
    """Everything that can be done in the page, by name."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._slack = workspace.practice.slack
        self._world = workspace.practice.slack.world
        self._by_name: Mapping[str, Callable[[User, Json], Awaitable[Json]]] = {
            "say": self._say,
            "press": self._press,
            "submit": self._submit,
            "close": self._close,
            "shortcut": self._shortcut,
            "message-shortcut": self._message_shortcut,
            "home": self._home,
            "sample": self._sample,
            "switch": self._switch,
            "kill": self._kill,
            "start": self._start,
        }

    async def do(self, name: str, user: User, wanted: Json) -> Json:
        """Do one thing. Impossible, KeyError, TypeError or ValueError if it can't be done as asked."""
        return await self._by_name[name](user, wanted)

    def _person(self, user: User) -> Person:
        return self._slack.person(user.id)

    def _channel(self, user: User, key: str) -> Channel:
        channel = self._world.channels[key]
        if user.id not in channel.members:
            raise Impossible("You are not in that conversation.")
        return channel

    async def _say(self, user: User, wanted: Json) -> Json:
        """Send a message, or what begins with a slash as a command."""
        channel, text = self._channel(user, wanted["channel"]), str(wanted.get("text") or "")
        files, thread = [str(file) for file in wanted.get("files") or []], wanted.get("thread")
        if text.startswith("/"):
            if thread:
                raise Impossible(_NOT_IN_THREADS)
            return await self._command(user, channel, text)
        if not text.strip() and not files:
            raise Impossible("There is nothing to send.")
        if any(self._world.files[file].user != user.id for file in files):
            raise Impossible("That file is somebody else's.")
        self._write(user, channel, as_sent(self._workspace, text.strip()), files, thread)
        return {}

    def _write(self, user: User, channel: Channel, text: str, files: list[str], thread: str | None) -> None:
        person, events = self._person(user), self._workspace.app["events"]
        if channel.direct and "message.im" in events:
            # The bot hears of it in its own time: the message stands there all the same.
            self._slack.backend.spawn(person.direct_message(text, files=files, thread_ts=thread))
        elif not channel.direct and "app_mention" in events and f"<@{self._world.bot.id}>" in text:
            named = person.mention(text, channel=channel.id, files=files, thread_ts=thread)
            self._slack.backend.spawn(named)
        else:
            person.say(text, channel=channel.id, files=files, thread_ts=thread)

    async def _command(self, user: User, channel: Channel, text: str) -> Json:
        command, _, rest = text.partition(" ")
        if command == "/invite":
            return self._invite(channel)
        if command not in {known["command"] for known in self._workspace.app["commands"]}:
            raise Impossible(_NOT_A_COMMAND.format(command=command))
        return _outcome(await self._person(user).command(command, rest.strip(), channel=channel.id))

    def _invite(self, channel: Channel) -> Json:
        if channel.direct:
            raise Impossible("Nobody can be invited into direct messages.")
        if self._world.bot.id in channel.members:
            raise Impossible(f"{self._world.bot.real_name} is here already.")
        channel.members.append(self._world.bot.id)
        self._world.changed()
        return {}

    def _place(self, user: User, wanted: Json) -> Message | Ephemeral | View:
        """Return what holds the element: a message, a private answer, a modal or the Home tab."""
        kind, _, rest = str(wanted["place"]).partition("/")
        found: Message | Ephemeral | View | None = None
        if kind == "message":
            channel, _, ts = rest.partition("/")
            found = self._world.message(self._channel(user, channel).id, ts)
        elif kind == "whisper":
            found = next((w for w in self._world.whispers(user.id) if w.ts == rest), None)
        elif kind == "view":
            found = next((v for v in self._world.stack(user.id) if v.id == rest), None)
        elif kind == "home":
            found = self._world.homes.get(user.id)
        if found is None:
            raise Impossible("That is gone by now.")
        return found

    async def _press(self, user: User, wanted: Json) -> Json:
        place = self._place(user, wanted)
        delivery = await self._person(user).press(
            place,
            str(wanted["action"]),
            wanted.get("value"),
            entries=wanted.get("entries") or {},
            block_id=wanted.get("block"),
        )
        return _outcome(delivery)

    async def _submit(self, user: User, wanted: Json) -> Json:
        view = self._view(user, wanted)
        submission = await self._person(user).submit(view, wanted.get("entries") or {})
        if submission.delivery is not None and not submission.answer.ok:
            return {"error": submission.answer.error}
        return {"errors": submission.errors, "closed": submission.closed}

    def _view(self, user: User, wanted: Json) -> View:
        found = next((view for view in self._world.stack(user.id) if view.id == wanted["view"]), None)
        if found is None:
            raise Impossible("That form is closed by now.")
        return found

    async def _close(self, user: User, wanted: Json) -> Json:
        await self._person(user).close(self._view(user, wanted))
        return {}

    async def _shortcut(self, user: User, wanted: Json) -> Json:
        return _outcome(await self._person(user).shortcut(self._known_shortcut("global", wanted)))

    async def _message_shortcut(self, user: User, wanted: Json) -> Json:
        message = self._world.message(self._channel(user, wanted["channel"]).id, str(wanted["ts"]))
        if message is None:
            raise Impossible("That message is gone by now.")
        callback_id = self._known_shortcut("message", wanted)
        return _outcome(await self._person(user).message_shortcut(message, callback_id))

    def _known_shortcut(self, kind: str, wanted: Json) -> str:
        known = {s["id"] for s in self._workspace.app["shortcuts"] if s["type"] == kind}
        if wanted["id"] not in known:
            raise Impossible("The app has no such shortcut.")
        return str(wanted["id"])

    async def _home(self, user: User, _: Json) -> Json:
        if self._workspace.app["home"] and "app_home_opened" in self._workspace.app["events"]:
            self._slack.backend.spawn(self._person(user).open_home())
        return {}

    async def _sample(self, user: User, wanted: Json) -> Json:
        path = await self._workspace.samples.path(str(wanted["name"]))
        return {"file": await self._person(user).upload(path)}

    async def _switch(self, _: User, wanted: Json) -> Json:
        self._workspace.switches.turn(str(wanted["name"]), on=bool(wanted["on"]))
        return {}

    async def _kill(self, _: User, __: Json) -> Json:
        await self._workspace.keeper.kill()
        return {}

    async def _start(self, _: User, __: Json) -> Json:
        await self._workspace.keeper.start()
        return {}


def _outcome(delivery: Delivery) -> Json:
    return {} if delivery.answer.ok else {"error": delivery.answer.error}
