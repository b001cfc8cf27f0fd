"""The Web API's front: token, faults, rate limits, arguments and scopes, in this order; then the method itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bot.demo.slack import chat, conversations, uploads, views
from bot.demo.slack.access import require_scope
from bot.demo.slack.arguments import Answer, Arguments, Method, Refusal, read_arguments
from bot.demo.slack.calls import Call, Calls, Limits
from bot.demo.slack.faults import HangUp, answer_with
from bot.demo.slack.trouble import ANY, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.demo.slack.backend import Backend


class WebApi:
    """Answers ``/api/<method>`` for the bot, and keeps account of it."""

    def __init__(self, backend: Backend, trouble: Trouble, calls: Calls, more: Iterable[Method] = ()) -> None:
        self.limits = Limits(backend.world.clock)
        self._backend = backend
        self._trouble = trouble
        self._calls = calls
        everything = (*chat.METHODS, *conversations.METHODS, *uploads.METHODS, *views.METHODS, *more)
        self._methods = {method.name: method for method in everything}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. aiohttp drops what is returned after a cut connection."""
        name = request.match_info["method"]
        call = self._calls.add(Call(method=name, at=self._backend.world.clock()))

        async def work() -> web.StreamResponse:
            return await self._answer(request, name, call)

        try:
            response = await answer_with(request, self._trouble.draw(name, ANY), work)
        except HangUp:
            return web.Response()
        call.status = response.status
        self._backend.world.changed()
        return response

    async def _answer(self, request: web.Request, name: str, call: Call) -> web.Response:
        try:
            answer = {"ok": True, **await self._perform(request, name, call)}
        except Refusal as refusal:
            call.error = refusal.error
            answer = refusal.answer
        headers = {"X-OAuth-Scopes": ",".join(sorted(self._backend.scopes))}
        if answer.get("error") == "ratelimited":
            return web.json_response(answer, status=429, headers={"Retry-After": str(answer.pop("after"))})
        return web.json_response(answer, headers=headers)

    async def _perform(self, request: web.Request, name: str, call: Call) -> Answer:
        if request.method not in {"POST", "GET"}:
            raise Refusal("invalid_http_method")
        method = self._methods.get(name)
        if method is None:
            raise Refusal("unknown_method", req_method=name)
        arguments = await read_arguments(request, method)
        call.arguments = arguments.values
        self._authenticate(request, method, arguments)
        self._limit(method, arguments)
        if method.scope:
            require_scope(self._backend, method.scope)
        method.check(arguments, strict=self._backend.conduct.strict)
        return method.handler(self._backend, arguments)

    def _authenticate(self, request: web.Request, method: Method, arguments: Arguments) -> None:
        if "token" in arguments:
            raise Refusal("invalid_auth", "the token belongs into the Authorization header")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            raise Refusal("not_authed")
        right = self._backend.app_token if method.app_token else self._backend.bot_token
        if scheme != "Bearer" or token not in {self._backend.bot_token, self._backend.app_token}:
            raise Refusal("invalid_auth")
        if token != right:
            raise Refusal("not_allowed_token_type")

    def _limit(self, method: Method, arguments: Arguments) -> None:
        channel = str(arguments.values.get("channel", ""))
        after = self.limits.wait(method.name, channel, method.per_minute)
        if after and self._backend.conduct.rate_limits:
            raise Refusal("ratelimited", after=after)
