"""``response_url``: five answers in thirty minutes, also where the bot is no member."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.demo.slack.arguments import Arguments, Refusal
from bot.demo.slack.calls import Call, Calls
from bot.demo.slack.chat import POST_LIMIT, content
from bot.demo.slack.faults import HangUp, answer_with
from bot.demo.slack.model import Ephemeral, Message
from bot.demo.slack.trouble import RESPONSE, Trouble

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import ResponseAddress

MAX_USES = 5
_KNOWN = {
    *("text", "blocks", "attachments", "markdown_text", "response_type", "replace_original", "delete_original"),
    *("thread_ts", "mrkdwn", "metadata", "unfurl_links", "unfurl_media"),
}


def say(backend: Backend, arguments: Arguments, *, user: str, channel: str, via: str) -> Message | Ephemeral:
    """Show what the bot answered to an interaction: to everybody if it says so, else to the person alone."""
    text, blocks = content(backend, arguments, POST_LIMIT)
    thread = arguments.maybe("thread_ts")
    ts = backend.world.new_ts()
    if arguments.text("response_type", "ephemeral") == "in_channel":
        bot = backend.world.bot
        posted = Message(
            ts=ts, channel=channel, user=bot.id, bot_id=bot.bot_id, text=text, blocks=blocks, thread_ts=thread
        )
        return backend.world.post(posted)
    whisper = Ephemeral(ts=ts, channel=channel, user=user, via=via, text=text, blocks=blocks, thread_ts=thread)
    backend.world.ephemerals.append(whisper)
    backend.world.changed()
    return whisper


class Responses:
    """Answers ``/response/<token>``."""

    def __init__(self, backend: Backend, trouble: Trouble, calls: Calls) -> None:
        self._backend = backend
        self._trouble = trouble
        self._calls = calls

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one answer."""
        call = self._calls.add(Call(method=RESPONSE, at=self._backend.world.clock()))

        async def work() -> web.StreamResponse:
            return await self._answer(request, call)

        try:
            response = await answer_with(request, self._trouble.draw(RESPONSE), work)
        except HangUp:
            return web.Response()
        call.status = response.status
        self._backend.world.changed()
        return response

    async def _answer(self, request: web.Request, call: Call) -> web.Response:
        try:
            address = self._address(request.match_info["token"])
            arguments = _arguments(await request.read())
            call.arguments = arguments.values
            self._apply(address, arguments)
        except Refusal as refusal:
            call.error = refusal.error
            status = 404 if refusal.error in {"expired_url", "used_url"} else 400
            return web.json_response(refusal.answer, status=status)
        return web.Response(text="ok")

    def _address(self, token: str) -> ResponseAddress:
        address = self._backend.world.responses.get(token)
        if address is None or self._backend.world.clock() > address.expires_at:
            raise Refusal("expired_url")
        if address.uses >= MAX_USES:
            raise Refusal("used_url")
        return address

    def _apply(self, address: ResponseAddress, arguments: Arguments) -> None:
        original = address.original
        if arguments.flag("delete_original") and original is not None:
            self._delete(original)
        elif arguments.flag("replace_original") and original is not None:
            self._replace(original, arguments)
        else:
            say(self._backend, arguments, user=address.user, channel=address.channel, via=RESPONSE)
        address.uses += 1

    def _delete(self, original: Message | Ephemeral) -> None:
        if isinstance(original, Message):
            self._backend.world.deleted(original)
        else:
            original.deleted = True

    def _replace(self, original: Message | Ephemeral, arguments: Arguments) -> None:
        original.text, original.blocks = content(self._backend, arguments, POST_LIMIT)
        if isinstance(original, Message):
            original.edited = self._backend.world.new_ts()
            self._backend.world.edited(original)


def _arguments(body: bytes) -> Arguments:
    try:
        values: Any = json.loads(body)
    except ValueError:
        raise Refusal("invalid_payload") from None
    if not isinstance(values, dict):
        raise Refusal("invalid_payload")
    if unknown := sorted(values.keys() - _KNOWN):
        raise Refusal("invalid_arguments", *(f"unknown argument: {name}" for name in unknown))
    if values.get("response_type", "ephemeral") not in {"ephemeral", "in_channel"}:
        raise Refusal("invalid_arguments", "unknown response_type")
    return Arguments({name: value for name, value in values.items() if value is not None})
