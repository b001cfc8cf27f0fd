"""Everything that may befall a call, by kind of call."""

from __future__ import annotations

from typing import Any

from bot.demo import slack as at_slack
from bot.demo import studio_trouble as at_studio

WISHES = (None, 0, 1, 3600, "Wed, 21 Oct 2099 07:28:00 GMT", "soon", "-5", "inf", "nan", "1e999")
STATUSES = (500, 501, 502, 503, 504, 520)
NOT_JSON = ("", "[]", '"text"', "null", "7", "{", '{"ok": true}', "[" * 100_000, '{"ok": true, "file": 1}', "NaN")

# What tells Slack's caller for certain, or as good as, that nothing happened.
SLACK: dict[str, Any] = {
    **{f"429 {wish}": at_slack.rate_limited(wish) for wish in WISHES},
    **{str(status): at_slack.http_status(status) for status in STATUSES},
    **{f"body {body[:12]}": at_slack.malformed(body, effect=False) for body in NOT_JSON},
    "page": at_slack.html(effect=False),
    "text": at_slack.Fault(status=200, body="ok", content_type="text/plain"),
    "gzip": at_slack.Fault(status=200, body="ok", content_type="application/gzip"),
    "cut": at_slack.dropped(effect=False),
    "internal_error": at_slack.slack_error("internal_error"),
    "service_unavailable": at_slack.slack_error("service_unavailable"),
    "ratelimited": at_slack.slack_error("ratelimited"),
}
STUDIO: dict[str, Any] = {
    **{f"429 {wish}": at_studio.rate_limited(wish) for wish in WISHES},
    **{f"429 {code}": at_studio.rate_limited(code=code) for code in ("Throttling", "Throttling.AllocationQuota")},
    **{str(status): at_studio.http_status(status) for status in STATUSES},
    **{f"body {body[:12]}": at_studio.malformed(body, effect=False) for body in NOT_JSON},
    "page": at_studio.html(effect=False),
    "cut": at_studio.dropped(effect=False),
    "cut after": at_studio.dropped(effect=True),
}
BYTES: dict[str, Any] = {
    **{f"cut after {sent}": at_slack.cut(sent) for sent in (0, 1, 1000)},
    "cut, no length": at_slack.cut(1000, announced=False),
    "too short a length": at_slack.wrong_length(10),
    "too long a length": at_slack.wrong_length(10_000_000),
    "endless": at_slack.endless(),
    "500": at_slack.http_status(500),
    "503": at_slack.http_status(503, Retry_After="7"),
    "429": at_slack.http_status(429, Retry_After="soon"),
    "cut": at_slack.dropped(effect=False),
    "drip": at_slack.Fault(effect=True, pace=0.1),
}
RESULT: dict[str, Any] = {
    **{f"cut after {sent}": at_studio.cut(sent) for sent in (0, 1, 1000)},
    "cut, no length": at_studio.cut(1000, announced=False),
    "no length": at_studio.unannounced(),
    "too short a length": at_studio.wrong_length(10),
    "too long a length": at_studio.wrong_length(10_000_000),
    "500": at_studio.http_status(500),
    "503": at_studio.http_status(503, Retry_After="7"),
    "429": at_studio.http_status(429, Retry_After="nan"),
    "page": at_studio.http_status(502),
    "cut": at_studio.dropped(effect=False),
}
# A 500 and the like after the paid call, and every answer that can't be read, leave it open whether it was taken.
CERTAIN = {name: fault for name, fault in STUDIO.items() if name.startswith("429")}
SLACK_CALLS = ("files.info", "chat.update", "files.getUploadURLExternal", "files.completeUploadExternal")
AT_SLACK: dict[str, dict[str, Any]] = {
    **dict.fromkeys((*SLACK_CALLS, "chat.postMessage", at_slack.UPLOAD), SLACK),
    at_slack.DOWNLOAD: BYTES,
}
AT_STUDIO: dict[str, dict[str, Any]] = {"create": CERTAIN, "query": STUDIO, "cancel": STUDIO, "result": RESULT}
AT_STORAGE: dict[str, dict[str, Any]] = {
    "policy": STUDIO,
    "upload": {name: STUDIO[name] for name in ("500", "503", "429 1", "cut", "page")},
}
# An hour-long silence, here cut short to seconds, costs its seconds: the everyday suite hears only some.
SILENT: dict[str, Any] = {"files.info": at_slack.Fault(delay=9.0, hang_up=True), "query": at_studio.silent(9.0)}
HOSTS = ("local", "modelstudio")


def unclear_creates() -> dict[str, Any]:
    lost = {name: fault for name, fault in STUDIO.items() if not name.startswith("429")}
    return lost | {"late": at_studio.late(0.3), "200 {}": at_studio.malformed("{}", effect=True)}
