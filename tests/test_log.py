from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import structlog

from bot import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
HOSTED = "https://bot.example/media/u3Jk_9-aZbYcXdWeVfUgThSiRjQkPlOm/image.png"
RESULT = (
    "https://dashscope-result.oss-cn-beijing.aliyuncs.com/a/b.mp4"
    "?Expires=1711111111&OSSAccessKeyId=LTAI5secretid&Signature=abc%2Bsecret%3D"
)
# What stands in the text, and the part of it that opens a door.
SECRETS = {
    "a bot token": ("xoxb-123-456-AbCdEf", "123-456-AbCdEf"),
    "a user token": ("xoxp-123-AbCdEf", "123-AbCdEf"),
    "an app token": ("xapp-1-A111-222-abcdef", "A111-222-abcdef"),
    "a Model Studio key": ("sk-0123456789abcdef", "0123456789abcdef"),
    "the signing secret": (SIGNING, SIGNING),
    "a hosted address": (HOSTED, "u3Jk_9-aZbYcXdWeVfUgThSiRjQkPlOm"),
    "a response address": ("https://hooks.slack.com/commands/T1/2/AbCdEf", "AbCdEf"),
    "a result's signature": (RESULT, "abc%2Bsecret"),
    "a result's key id": (RESULT, "LTAI5secretid"),
}


class Logs:
    """Everything written since, as lines and as objects."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def restored() -> Iterator[None]:
    """Leave logging as it was: it belongs to the whole process."""
    root, kept = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    noisy = {
        name: logging.getLogger(name).level
        for name in ("httpx", "httpcore", "aiohttp.access", "slack_sdk", "slack_bolt", "asyncio")
    }
    yield
    root.handlers[:], root.level = handlers, level
    root.setLevel(level)
    for name, before in noisy.items():
        logging.getLogger(name).setLevel(before)
    structlog.configure(**kept)


@pytest.fixture
def logs(restored: None) -> Logs:
    del restored
    found = Logs()
    log.configure("INFO", secrets=[SIGNING, ""], to=found.stream)
    return found


def _event(text: str) -> None:
    structlog.get_logger("bot.x").info(text)


def _value(text: str) -> None:
    structlog.get_logger("bot.x").info("x", url=text)


def _nested(text: str) -> None:
    structlog.get_logger("bot.x").info("x", body={"a": [{"b": (text, 1)}]})


def _object(text: str) -> None:
    structlog.get_logger("bot.x").info("x", error=ValueError(text), raw=text.encode())


def _bound(text: str) -> None:
    with structlog.contextvars.bound_contextvars(job=text):
        structlog.get_logger("bot.x").info("x")


def _library(text: str) -> None:
    logging.getLogger("library").warning("about %s", text)


def _raise(text: str) -> NoReturn:
    raise ValueError(text) from LookupError(text)


def _traceback(text: str) -> None:
    try:
        _raise(text)
    except ValueError:
        structlog.get_logger("bot.x").exception("bug")


def _librarys_traceback(text: str) -> None:
    try:
        _raise(text)
    except ValueError:
        logging.getLogger("library").exception("bug")


def _key(text: str) -> None:
    structlog.get_logger("bot.x").info("x", body={text: 1})


WAYS = [_event, _value, _nested, _object, _bound, _library, _traceback, _librarys_traceback, _key]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_no_secret_gets_into_a_line_whichever_way_it_comes(
    logs: Logs, way: Callable[[str], None], text: str, secret: str
) -> None:
    way(f"before {text} after")
    assert secret not in logs.text
    assert "[hidden]" in logs.text
    assert len(logs.lines) == 1


@pytest.mark.parametrize(
    "text",
    ["https://bot.example/media/", "a task-1234567890123", "sk-1", "Expires=soon", "risk-management-of-things"],
)
def test_what_opens_no_door_stays_readable(logs: Logs, text: str) -> None:
    _value(text)
    assert logs.lines[0]["url"] == text


def test_a_line_says_when_how_bad_who_and_which_job(logs: Logs) -> None:
    with structlog.contextvars.bound_contextvars(job="J1"):
        structlog.get_logger("bot.x").warning("put off", reason="busy", count=3, share=0.5, nothing=None, yes=True)
    (line,) = logs.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "put off",
        "level": "warning",
        "logger": "bot.x",
        "job": "J1",
        "reason": "busy",
        "count": 3,
        "share": 0.5,
        "nothing": None,
        "yes": True,
    }


def test_a_librarys_line_is_one_like_ours(logs: Logs) -> None:
    logging.getLogger("library").error("broken %d", 7)
    (line,) = logs.lines
    assert (line["event"], line["level"], line["logger"]) == ("broken 7", "error", "library")


def test_a_traceback_stands_in_its_line(logs: Logs) -> None:
    _traceback("why")
    (line,) = logs.lines
    assert "LookupError: why" in line["exception"]
    assert "ValueError: why" in line["exception"]


@pytest.mark.parametrize(
    "text", ['"}\n{"event": "forged"}', "a\r\nb", "a\x85b", "a\u2028b\u2029c", "\x1b[2J", "\x00", "\u202eabc"]
)
def test_hostile_text_makes_no_second_line(logs: Logs, text: str) -> None:
    for way in WAYS:
        before = len(logs.text.splitlines())
        way(text)
        assert len(logs.text.splitlines()) == before + 1
    assert logs.lines[0]["event"] == text


def test_text_that_is_no_unicode_loses_no_line(restored: None, tmp_path: Any) -> None:
    """JSON may bring half of a surrogate pair, and what is written to is encoded."""
    del restored
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        log.configure("INFO", to=stream)
        structlog.get_logger("bot.x").info("x", name="half \ud83d")
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == 1


def test_the_level_is_kept(logs: Logs) -> None:
    structlog.get_logger("bot.x").debug("x")
    logging.getLogger("library").debug("x")
    assert logs.text == ""


@pytest.mark.parametrize("name", ["httpx", "httpcore", "aiohttp.access", "slack_sdk.web", "slack_bolt.app"])
def test_libraries_that_log_whole_addresses_are_silent_even_at_debug(restored: None, name: str) -> None:
    del restored
    found = Logs()
    log.configure("DEBUG", to=found.stream)
    logging.getLogger(name).info("GET https://bot.example/secret")
    logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in found.lines] == ["trouble"]


def test_a_log_that_cannot_be_written_costs_the_line_and_nothing_else(restored: None) -> None:
    del restored

    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(27, "File too large")

    log.configure("INFO", to=Full())
    structlog.get_logger("bot.x").error("lost")
