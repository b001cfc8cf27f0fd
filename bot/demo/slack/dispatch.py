"""How Slack calls the bot: signed HTTP, or Socket Mode while a bot is connected. Only events are tried again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.demo.slack.backend import Backend
    from bot.demo.slack.sockets import SocketMode

Json = dict[str, Any]
FORM = "application/x-www-form-urlencoded"


class Kind(StrEnum):
    """What is delivered; the value is Socket Mode's name for it."""

    COMMAND = "slash_commands"
    INTERACTION = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True)
class Answer:
    """How the bot took one delivery. ``error`` is what Slack makes of a bad answer, None after a good one."""

    status: int | None
    body: Any = None  # parsed JSON, else the text
    seconds: float = 0.0
    error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when the bot acknowledged in time."""
        return self.error is None


@dataclass(slots=True)
class Delivery:
    """One request to the bot, kept so that it can be sent again byte for byte. ``answers`` grows with each sending."""

    kind: Kind
    payload: Json
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    @property
    def answer(self) -> Answer:
        """How the last sending went."""
        return self.answers[-1]


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's signature of a request."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return f"v0={digest}"


def packed(kind: Kind, payload: Json) -> Delivery:
    """A payload in the form in which HTTP carries it."""
    if kind is Kind.EVENT:
        return Delivery(kind, payload, json.dumps(payload).encode(), "application/json")
    fields = payload if kind is Kind.COMMAND else {"payload": json.dumps(payload)}
    return Delivery(kind, payload, urlencode(fields).encode(), FORM)


class Dispatcher:
    """Delivers to the bot. ``request_url`` is its address in HTTP mode; a connected socket goes first."""

    def __init__(self, backend: Backend, sockets: SocketMode) -> None:
        self.request_url: str | None = None
        self.deliveries: list[Delivery] = []
        self._backend = backend
        self._sockets = sockets
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of the connections to the bot."""
        if self._session is not None:
            await self._session.close()

    async def deliver(self, kind: Kind, payload: Json) -> Delivery:
        """Send something once, as Slack does with commands and interactions."""
        delivery = packed(kind, payload)
        self.deliveries.append(delivery)
        await self._send(delivery, self._signed(delivery))
        return delivery

    async def event(self, payload: Json) -> Delivery:
        """Send an event, again after each bad answer, as long as ``Conduct.retry_delays`` says."""
        delivery = await self.deliver(Kind.EVENT, payload)
        for number, delay in enumerate(self._backend.conduct.retry_delays, start=1):
            answer = delivery.answer
            if answer.ok or answer.headers.get("X-Slack-No-Retry") == "1":
                break
            await asyncio.sleep(delay)
            await self._send(delivery, self._signed(delivery) | retry_headers(number, answer))
        return delivery

    async def replay(self, delivery: Delivery, *, retry: int | None = None) -> Answer:
        """Send the very same bytes, time stamp and signature again, with Slack's retry headers or without."""
        extra = {} if retry is None else retry_headers(retry, Answer(None, error="operation_timeout"))
        kept = {name: value for name, value in delivery.headers.items() if not name.startswith("X-Slack-Retry")}
        return await self._send(delivery, kept | extra)

    async def verify(self) -> Answer:
        """Ask the bot to prove that the request address is its own, as Slack does when one is entered."""
        challenge = self._backend.world.new_id("CH")
        payload = {"token": "stand-in", "challenge": challenge, "type": "url_verification"}
        delivery = packed(Kind.EVENT, payload)
        answer = await self._post(delivery, self._signed(delivery))
        echoed = answer.body.get("challenge") if isinstance(answer.body, dict) else answer.body
        if answer.ok and echoed != challenge:
            return Answer(answer.status, answer.body, answer.seconds, "challenge_failed", answer.headers)
        return answer

    def _signed(self, delivery: Delivery) -> dict[str, str]:
        timestamp = str(int(self._backend.world.clock()))
        return {
            "Content-Type": delivery.content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._backend.signing_secret, timestamp, delivery.body),
        }

    async def _send(self, delivery: Delivery, headers: dict[str, str]) -> Answer:
        delivery.headers = headers
        if self._sockets.connected:
            answer = await self._sockets.send(delivery, headers)
        elif self.request_url:
            answer = await self._post(delivery, headers)
        else:
            answer = Answer(None, error="dispatch_failed")
        delivery.answers.append(answer)
        self._backend.world.changed()
        return answer

    async def _post(self, delivery: Delivery, headers: dict[str, str]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        started = time.monotonic()
        try:
            async with (
                asyncio.timeout(self._backend.conduct.answer_limit),
                self._session.post(self.request_url or "", data=delivery.body, headers=headers) as response,
            ):
                body = _parsed(await response.text(), response.content_type)
        except TimeoutError:
            return Answer(None, seconds=time.monotonic() - started, error="operation_timeout")
        except aiohttp.ClientError:
            return Answer(None, seconds=time.monotonic() - started, error="dispatch_failed")
        error = None if response.status == 200 else "http_service_error"
        return Answer(response.status, body, time.monotonic() - started, error, response.headers)


def retry_headers(number: int, answer: Answer) -> dict[str, str]:
    """What marks an event as a repetition, and why it is one."""
    reasons = {"operation_timeout": "http_timeout", "dispatch_failed": "connection_failed"}
    reason = reasons.get(answer.error or "", "http_error")
    return {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}


def _parsed(text: str, content_type: str) -> Any:
    if content_type != "application/json":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
