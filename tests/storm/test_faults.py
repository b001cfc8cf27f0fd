"""Whatever one call meets, the job ends rightly: delivered, or honestly failed, paid once at most and posted once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.demo import slack as at_slack
from bot.demo import studio_trouble as at_studio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import TurnedWorkplace  # type: ignore[attr-defined]

    Turned = Callable[..., Awaitable[TurnedWorkplace]]

DAY = 86400.0
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
    "silence": at_slack.Fault(delay=2.0, hang_up=True),
}
STUDIO: dict[str, Any] = {
    **{f"429 {wish}": at_studio.rate_limited(wish) for wish in WISHES},
    **{f"429 {code}": at_studio.rate_limited(code=code) for code in ("Throttling", "Throttling.AllocationQuota")},
    **{str(status): at_studio.http_status(status) for status in STATUSES},
    **{f"body {body[:12]}": at_studio.malformed(body, effect=False) for body in NOT_JSON},
    "page": at_studio.html(effect=False),
    "cut": at_studio.dropped(effect=False),
    "cut after": at_studio.dropped(effect=True),
    "silence": at_studio.silent(2.0),
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
    "drip": at_slack.Fault(effect=True, pace=1.0),
    "silence": at_slack.Fault(delay=2.0, hang_up=True),
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
    "silence": at_studio.silent(2.0),
}
# A 500 and the like after the paid call, and every answer that can't be read, leave it open whether it was taken.
CERTAIN = {name: fault for name, fault in STUDIO.items() if name.startswith("429")}
SLACK_CALLS = ("files.info", "chat.update", "files.getUploadURLExternal", "files.completeUploadExternal")
AT_SLACK = {
    **dict.fromkeys(SLACK_CALLS, SLACK),
    "chat.postMessage": SLACK,
    at_slack.DOWNLOAD: BYTES,
    at_slack.UPLOAD: SLACK,
}
AT_STUDIO = {"create": CERTAIN, "query": STUDIO, "result": RESULT}
AT_STORAGE = {"policy": STUDIO, "upload": {k: v for k, v in STUDIO.items() if not k.startswith("body")}}


@pytest.mark.parametrize("file_host", ["local", "modelstudio"])
async def test_a_job_that_meets_every_fault_at_every_call_is_delivered(turned: Turned, file_host: str) -> None:
    place = await turned(settings={"FILE_HOST": file_host})
    for call, faults in AT_SLACK.items():
        place.slack.trouble.next(call, *faults.values())
    for operation, faults in (AT_STUDIO | (AT_STORAGE if file_host == "modelstudio" else {})).items():
        place.studio.trouble.next(operation, *faults.values())
    await place.order()
    await place.go_on(place.shown, within=30 * DAY)
    assert place.judge(jobs=1) == {"delivered": 1}
    for call in AT_SLACK:
        assert call == "chat.update" or not place.slack.trouble.pending(call), call
