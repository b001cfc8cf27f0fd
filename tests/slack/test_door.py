from __future__ import annotations

import hashlib
import hmac
import io
import json
import logging
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from builders import ADA, CHANNEL, NOW, PRICES, TEAM, Clock, in_state, queued, unclear
from structlog.testing import capture_logs

from bot.intake import Intake
from bot.job import Job, JobState
from bot.moves import Moves
from bot.order import Kind
from bot.slack.card import Cards
from bot.slack.client import SlackClient
from bot.slack.door import Door, Signatures, reachable
from bot.slack.listeners import Listeners
from bot.slack.modal import Origin
from bot.spool import Spool
from bot.store import Store
from bot.web import SLACK_BYTES, Health, Media, routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
SLASH = {
    "command": "/animate",
    "text": "help",
    "team_id": TEAM,
    "user_id": ADA,
    "channel_id": CHANNEL,
    "trigger_id": "1.2",
    "response_url": "http://127.0.0.1:9/private-response",
}


def signature(body: bytes, stamp: str, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def signed(body: bytes, *, content_type: str = FORM, at: float = NOW) -> dict[str, str]:
    stamp = str(int(at))
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(body, stamp),
    }


def form(payload: Mapping[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


class Slack:
    """Slack's side of the few calls a door makes, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.identity: dict[str, Any] = {"ok": True, "team_id": TEAM, "user_id": "U0BOT", "bot_id": "B0BOT"}

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.json_response(self.identity)


@pytest.fixture
def slack() -> Slack:
    return Slack()


@pytest.fixture
def store(database: Path) -> Any:
    with closing(Store(database, clock=Clock())) as opened:
        yield opened


@pytest.fixture
async def door(slack: Slack, store: Store) -> AsyncIterator[Door]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", slack.answer)
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        client = SlackClient(token="xoxb-1", base_url=str(server.make_url("/api/")), session=session, rested=60.0)
        cards = Cards(client, store, prices=PRICES, tasks_at_once=1, clock=Clock())
        moves = Moves(store.jobs, changed=cards.changed)

        async def tidy(_: str) -> None:
            pass

        intake = Intake(store=store, moves=moves, clock=Clock(), wake=lambda: None, tidy=tidy, check_room=lambda: None)
        listeners = Listeners(client=client, intake=intake, store=store, cards=cards, clock=Clock())
        yield Door(client, listeners, token="xoxb-1", signatures=Signatures(SECRET, clock=Clock()))
        await listeners.drain(within=1)


@pytest.fixture
async def http(door: Door, store: Store, tmp_path: Path) -> AsyncIterator[TestClient[Any, Any]]:
    """The whole way in: the web application with the door behind it."""

    async def reasons() -> list[str]:
        return []

    media = Media(store.addresses, Spool(tmp_path / "spool", limit=10**6))
    application = routes(media=media, health=Health(reasons), receive=door.receive)
    async with TestClient(TestServer(application)) as client:
        yield client


BODY = urlencode(SLASH).encode()
GOOD = signed(BODY)
UNSIGNED: dict[str, dict[str, str]] = {
    "no signature": {k: v for k, v in GOOD.items() if k != "X-Slack-Signature"},
    "no time stamp": {k: v for k, v in GOOD.items() if k != "X-Slack-Request-Timestamp"},
    "nothing at all": {},
    "another secret": GOOD | {"X-Slack-Signature": signature(BODY, str(int(NOW)), "other")},
    "another body": GOOD | {"X-Slack-Signature": signature(BODY + b"x", str(int(NOW)))},
    "another version": GOOD | {"X-Slack-Signature": GOOD["X-Slack-Signature"].replace("v0", "v1")},
    "an empty signature": GOOD | {"X-Slack-Signature": ""},
    "half a signature": GOOD | {"X-Slack-Signature": GOOD["X-Slack-Signature"][:20]},
    "a signature that is no ASCII": GOOD | {"X-Slack-Signature": "v0=\u00e9\u00e9"},
    "stale": signed(BODY, at=NOW - 301),
    "from the future": signed(BODY, at=NOW + 301),
    "another time": GOOD | {"X-Slack-Request-Timestamp": str(int(NOW) + 1)},
    **{
        f"time stamp {stamp!r}": GOOD
        | {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(BODY, stamp)}
        for stamp in (
            "",
            "now",
            "1e9",
            f"{NOW}",
            f"-{int(NOW)}",
            f"+{int(NOW)}",
            "1_800_000_000",
            "9" * 5000,
            "0x6b49d200",
        )
    },
    "a time stamp in other digits": GOOD
    | {"X-Slack-Request-Timestamp": "\u0661\u0668", "X-Slack-Signature": signature(BODY, "\u0661\u0668")},
}


@pytest.mark.parametrize("headers", UNSIGNED.values(), ids=UNSIGNED)
async def test_what_slack_did_not_sign_is_refused_and_logged_in_one_line_without_its_body(
    door: Door, headers: dict[str, str]
) -> None:
    with capture_logs() as logs:
        answer = await door.receive(BODY, headers)
    assert answer.status == 401
    assert [line["event"] for line in logs] == ["a request was not signed by Slack"]
    assert "private-response" not in str(logs)


async def test_bytes_that_are_no_text_are_refused(door: Door) -> None:
    body = b"command=%2Fanimate&text=\xff\xfe"
    assert (await door.receive(body, signed(body))).status == 401


@pytest.mark.parametrize("age", [-300, 0, 300])
async def test_what_slack_signed_within_five_minutes_is_answered(door: Door, age: float) -> None:
    answer = await door.receive(BODY, signed(BODY, at=NOW - age))
    assert answer.status == 200
    assert "your picture moves" in json.loads(answer.body)["text"]


async def test_without_a_secret_nothing_is_let_in(slack: Slack, store: Store) -> None:
    async with aiohttp.ClientSession() as session:
        client = SlackClient(token="xoxb-1", base_url="http://127.0.0.1:9/", session=session, rested=60.0)
        cards = Cards(client, store, prices=PRICES, tasks_at_once=1, clock=Clock())
        intake: Any = None
        listeners = Listeners(client=client, intake=intake, store=store, cards=cards, clock=Clock())
        answer = await Door(client, listeners, token="xoxb-1", signatures=None).receive(BODY, GOOD)
    assert answer.status == 401
    assert slack.asked == []


WHO = {"user": {"id": ADA}, "team": {"id": TEAM}}
NONSENSE: dict[str, tuple[bytes, str]] = {
    "a broken payload": (b"payload=%7Bbroken", FORM),
    "an empty payload": (b"payload=", FORM),
    "a payload that is a list": (b"payload=%5B1%5D", FORM),
    "a payload that is a number": (b"payload=1", FORM),
    "a payload that is null": (b"payload=null", FORM),
    "a payload of half a sign": (b"payload=%ff", FORM),
    "a list": (b"[1, 2]", JSON),
    "a string": (b'"x"', JSON),
    "null": (b"null", JSON),
    "broken JSON": (b"{", JSON),
    "nothing": (b"", JSON),
    "no form": (b"hello", FORM),
    "another content type": (b"hello", "text/plain"),
    "deeply nested": (b"[" * 100_000, JSON),
    "a deeply nested object": (b'{"a":' * 100_000, JSON),
    "a deeply nested payload": (b"payload=" + b"%5B" * 100_000, FORM),
    "a very long number": (b'{"type": ' + b"9" * 5000 + b"}", JSON),
    "an object of no kind": (b'{"a": 1}', JSON),
    "a payload of no kind": (form({"a": 1}), FORM),
    "a kind that is a list": (form({"type": ["block_actions"]}), FORM),
    "a kind that is a number": (b'{"type": 7}', JSON),
    "a kind that is null": (b'{"type": null}', JSON),
    "a kind that never was": (form({"type": "carrier_pigeon"}), FORM),
    "a press without anything": (form({"type": "block_actions"}), FORM),
    "a press of nothing": (form({"type": "block_actions", "actions": []}), FORM),
    "actions that are no list": (form({"type": "block_actions", "actions": 5}), FORM),
    "a submission of nothing": (form({"type": "view_submission"}), FORM),
    "a team that is a list": (form({"type": "block_actions", "team": [1], "user": 3}), FORM),
    "authorizations that are a number": (form({"type": "event_callback", "authorizations": 5}), FORM),
    "an event that is a string": (b'{"type": "event_callback", "event": "x"}', JSON),
    "a command of nothing": (b"command=", FORM),
    **{
        f"a command without {name}": (urlencode({k: v for k, v in SLASH.items() if k != name}).encode(), FORM)
        for name in ("user_id", "team_id", "channel_id", "trigger_id")
    },
    "a shortcut without a trigger": (form({"type": "shortcut", **WHO, "callback_id": "animate_new"}), FORM),
    "a message shortcut without its message": (
        form(
            {"type": "message_action", **WHO, "callback_id": "animate_this", "trigger_id": "1", "channel": {"id": "C"}}
        ),
        FORM,
    ),
    "a press in no team": (
        form({"type": "block_actions", **WHO, "team": None, "trigger_id": "1", "actions": [{}]}),
        FORM,
    ),
    "a submission of a view of no kind": (form({"type": "view_submission", **WHO, "view": {"id": "V"}}), FORM),
}


@pytest.mark.parametrize(("body", "content_type"), NONSENSE.values(), ids=NONSENSE)
async def test_signed_nonsense_is_not_understood_and_never_a_bug(
    door: Door, caplog: pytest.LogCaptureFixture, body: bytes, content_type: str
) -> None:
    with capture_logs() as logs:
        answer = await door.receive(body, signed(body, content_type=content_type))
    assert 400 <= answer.status < 500
    assert len(logs) <= 1
    assert not [line for line in logs if line["log_level"] == "error"]
    assert caplog.records == []


@pytest.mark.parametrize("name", list(NONSENSE)[:19])
async def test_nonsense_that_cannot_be_read_gets_400_and_one_line_without_its_body(door: Door, name: str) -> None:
    body, content_type = NONSENSE[name]
    with capture_logs() as logs:
        answer = await door.receive(body, signed(body, content_type=content_type))
    assert answer.status == 400
    (line,) = logs
    assert line["size"] == len(body)
    assert all(not isinstance(value, str) or body.decode()[:8] not in value for value in line.values() if body)


@pytest.mark.parametrize("charset", ["nonsense", "utf-7", "\u00e9", "utf-16", '"'])
@pytest.mark.parametrize("kind", [FORM, JSON])
async def test_an_odd_charset_is_no_bug(http: TestClient[Any, Any], kind: str, charset: str) -> None:
    body = b"payload=%5B1%5D" if kind == FORM else b"[1]"
    headers = signed(body, content_type=f"{kind}; charset={charset}")
    async with http.post("/slack/events", data=body, headers=headers) as response:
        assert response.status == 400


@pytest.mark.parametrize("charset", ["utf-8", "nonsense"])
async def test_a_good_request_is_answered_whatever_charset_it_claims(http: TestClient[Any, Any], charset: str) -> None:
    headers = signed(BODY, content_type=f"{FORM}; charset={charset}")
    async with http.post("/slack/events", data=BODY, headers=headers) as response:
        assert response.status == 200
        assert response.content_type == JSON


async def test_a_header_that_is_no_ascii_on_the_wire_is_unsigned(http: TestClient[Any, Any]) -> None:
    headers = GOOD | {"X-Slack-Signature": "v0=\u00e9"}
    async with http.post("/slack/events", data=BODY, headers=headers) as response:
        assert response.status == 401


@pytest.mark.parametrize("declared", [True, False])
async def test_what_is_too_large_is_refused_before_anything_is_done_with_it(
    http: TestClient[Any, Any], *, declared: bool
) -> None:
    body = b"x" * (SLACK_BYTES + 1)

    async def stream() -> AsyncIterator[bytes]:
        yield body[:1000]
        yield body[1000:]

    with capture_logs() as logs:
        async with http.post(
            "/slack/events", data=io.BytesIO(body) if declared else stream(), headers=signed(body)
        ) as response:
            assert response.status == 413
    assert logs == []


async def test_slacks_largest_form_fits(http: TestClient[Any, Any]) -> None:
    body = BODY + b"&more=" + b"x" * 900_000
    async with http.post("/slack/events", data=body, headers=signed(body)) as response:
        assert response.status == 200


def submission(view_id: str = "V1") -> bytes:
    def field(action: str, value: Mapping[str, Any]) -> dict[str, Any]:
        return {action: value}

    image = {"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 10}
    video = {"id": "F2", "name": "b.mp4", "mimetype": "video/mp4", "size": 10}
    values = {
        "image": field("file", {"files": [image]}),
        "video": field("file", {"files": [video]}),
        "quality": field("quality", {"selected_option": {"value": "pro"}}),
        "options": field("options", {"selected_options": []}),
    }
    view = {
        "id": view_id,
        "type": "modal",
        "callback_id": "order",
        "private_metadata": Origin(Kind.SWAP, CHANNEL).to_metadata(),
        "state": {"values": values},
    }
    return form({"type": "view_submission", "team": {"id": TEAM}, "user": {"id": ADA}, "view": view})


async def test_a_submission_is_stored_when_it_is_acknowledged_and_once_however_often_it_comes(
    door: Door, store: Store
) -> None:
    for _ in range(3):
        answer = await door.receive(submission(), signed(submission()))
        assert (answer.status, answer.body) == (200, "")
        (job,) = await store.jobs.unfinished()
        assert (job.order.kind, job.place.user, job.key) == (Kind.SWAP, ADA, f"view:V1:{ADA}")


def press(action: str, job: Job, user: str = ADA, team: str = TEAM) -> bytes:
    actions = [{"type": "button", "action_id": action, "block_id": "b", "value": job.id}]
    sent = {"type": "block_actions", "team": {"id": team}, "user": {"id": user}, "trigger_id": "1.2"}
    return form(sent | {"actions": actions})


@pytest.mark.parametrize(
    ("action", "before", "state"),
    [
        ("job_cancel", queued(), JobState.CANCELLED),
        ("job_send_again", unclear(), JobState.READY),
        ("job_stop_here", unclear(), JobState.CANCELLED),
        ("job_deliver_again", in_state(JobState.RENDERED), JobState.RENDERED),
    ],
)
async def test_a_button_does_what_it_says(door: Door, store: Store, action: str, before: Job, state: JobState) -> None:
    await store.jobs.add(before)
    body = press(action, before)
    assert (await door.receive(body, signed(body))).status == 200
    assert (await store.jobs.get(before.id)).state is state


@pytest.mark.parametrize(("user", "team"), [("U0BOB", TEAM), (ADA, "T0OTHER")])
async def test_a_strangers_press_does_nothing(door: Door, store: Store, user: str, team: str) -> None:
    job = await store.jobs.add(queued())
    body = press("job_cancel", job, user, team)
    assert (await door.receive(body, signed(body))).status == 200
    assert await store.jobs.get(job.id) == job


async def test_a_bug_in_a_listener_is_logged_without_the_body(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(command: dict[str, Any]) -> None:
        raise LookupError(command["response_url"][:0])

    door.app.command("/broken")(broken)
    body = urlencode(SLASH | {"command": "/broken"}).encode()
    with capture_logs() as logs:
        answer = await door.receive(body, signed(body))
    assert answer.status == 500
    assert [line["event"] for line in logs] == ["bug in a listener"]
    assert "private-response" not in str([{k: v for k, v in line.items() if k != "exc_info"} for line in logs])
    assert caplog.records == []


async def test_a_door_is_known_once_slack_told_who_we_are(door: Door, slack: Slack) -> None:
    assert not door.known
    assert await reachable(door) == ""
    assert door.known
    assert await reachable(door) == ""
    assert slack.asked == ["/api/auth.test"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"ok": False, "error": "invalid_auth"}, "Slack refuses this bot's token (invalid_auth)"),
        ({"ok": False, "error": "ratelimited"}, "Slack is out of reach (auth.test: ratelimited)"),
    ],
)
async def test_why_slack_cannot_be_used_is_said_without_the_token(
    door: Door, slack: Slack, answer: dict[str, Any], reason: str
) -> None:
    slack.identity = answer
    assert await reachable(door) == reason
    assert not door.known


async def test_bolts_own_lines_are_never_written(door: Door) -> None:
    """They hold whole bodies, response addresses among them."""
    del door
    assert not logging.getLogger("bot.slack.bolt").isEnabledFor(logging.CRITICAL)
