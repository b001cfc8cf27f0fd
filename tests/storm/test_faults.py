"""Whatever one call meets, the job ends rightly: delivered, or honestly failed, paid once at most and posted once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from turned import LONG

from bot.demo import slack as at_slack
from bot.demo import studio_trouble as at_studio

if TYPE_CHECKING:
    from turned import Turned, TurnedWorkplace

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
AT_STUDIO: dict[str, dict[str, Any]] = {"create": CERTAIN, "query": STUDIO, "result": RESULT}
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


async def to_the_end(place: TurnedWorkplace, *, within: float = 30 * DAY) -> None:
    """Go on until the job ended and is shown so; who is asked about an unclear create stops there."""
    while True:
        await place.go_on(place.shown, within=within)
        asking = [index for index, (_, ask) in enumerate(place.states()) if ask == "unclear"]
        if not asking:
            return
        for index in asking:
            card = place.said("card")[index]
            await place.slack.person("ada").press(card, "job_stop_here")


@pytest.mark.parametrize("file_host", HOSTS)
async def test_a_job_that_meets_every_fault_at_every_call_is_delivered(turned: Turned, file_host: str) -> None:
    """Each fault at each call with one of the two file hosts; the long form has all of them with both."""
    place = await turned(settings={"FILE_HOST": file_host})
    share = slice(None) if LONG else slice(HOSTS.index(file_host), None, len(HOSTS))
    for call, faults in AT_SLACK.items():
        place.slack.trouble.next(call, *list(faults.values())[share])
    for operation, faults in (AT_STUDIO | (AT_STORAGE if file_host == "modelstudio" else {})).items():
        place.studio.trouble.next(operation, *list(faults.values())[share])
    place.slack.trouble.next("files.info", SILENT["files.info"])
    place.studio.trouble.next("query", SILENT["query"])
    await place.order()
    await place.go_on(place.shown, within=30 * DAY)
    assert place.judge(jobs=1) == {"delivered": 1}
    for call in AT_SLACK:
        assert call == "chat.update" or not place.slack.trouble.pending(call), call


@pytest.mark.parametrize("effect", [True, False])
async def test_a_create_whose_answer_is_lost_is_never_simply_sent_again(turned: Turned, *, effect: bool) -> None:
    place = await turned()
    place.studio.trouble.next("create", at_studio.dropped(effect=effect))
    await place.order()
    await to_the_end(place)
    assert place.judge(jobs=1).total() == 1


@pytest.mark.parametrize("call", [*SLACK_CALLS, at_slack.UPLOAD])
async def test_an_answer_of_slacks_lost_after_its_effect_posts_no_second_video(turned: Turned, call: str) -> None:
    place = await turned()
    place.slack.trouble.next(call, at_slack.dropped(effect=True), at_slack.malformed(effect=True))
    await place.order()
    await place.go_on(place.shown, within=DAY)
    assert place.judge(jobs=1) == {"delivered": 1}


async def test_states_that_run_backwards_are_unknown_or_unheard_of_end_no_job(turned: Turned) -> None:
    place = await turned()
    strange = at_studio.TaskFault(says=("UNKNOWN", "SUSPENDED", "RUNNING", "PENDING", "UNKNOWN"), backwards=True)
    place.studio.trouble.next_tasks(strange)
    await place.order()
    await place.go_on(place.shown, within=DAY)
    assert place.judge(jobs=1) == {"delivered": 1}


async def test_a_success_without_an_address_is_asked_for_until_its_day_is_over_then_said_honestly(
    turned: Turned,
) -> None:
    place = await turned()
    place.studio.trouble.next_tasks(at_studio.TaskFault(no_address=True))
    await place.order()
    began = place.clock()
    await place.go_on(lambda: place.rows()[0]["failures"] > 5, within=DAY)
    place.turn(DAY - 3600)
    assert place.states() == [("rendering", None)]
    await place.go_on(place.shown, within=DAY)
    assert place.judge(jobs=1) == {"failed": 1}
    assert place.clock() - began > DAY
    assert "may have cost" in place.card()


async def test_a_login_page_instead_of_a_file_is_a_missing_scope_and_costs_nothing(turned: Turned) -> None:
    place = await turned()
    place.slack.trouble.next(at_slack.DOWNLOAD, at_slack.html(effect=False))
    await place.order()
    await place.go_on(place.shown, within=DAY)
    assert place.judge(jobs=1) == {"failed": 1}
    assert not place.studio.calls


EACH = [
    *((HOSTS[0], call, name) for call, faults in AT_SLACK.items() for name in faults),
    *((HOSTS[0], call, name) for call, faults in AT_STUDIO.items() for name in faults),
    *((HOSTS[1], call, name) for call, faults in AT_STORAGE.items() for name in faults),
    *((host, "create", name) for host in HOSTS for name in unclear_creates()),
    *((HOSTS[0], call, "silence") for call in SILENT),
]


@pytest.mark.parametrize(("file_host", "call", "name"), EACH if LONG else [])
async def test_each_fault_alone_at_each_call(turned: Turned, file_host: str, call: str, name: str) -> None:
    place = await turned(settings={"FILE_HOST": file_host})
    if name == "silence":
        trouble: Any = place.slack.trouble if call == "files.info" else place.studio.trouble
        trouble.next(call, SILENT[call])
    elif call in AT_SLACK:
        place.slack.trouble.next(call, AT_SLACK[call][name])
    else:
        faults: dict[str, Any] = {**STUDIO, **RESULT} if call == "result" else STUDIO | unclear_creates()
        place.studio.trouble.next(call, faults[name])
    await place.order()
    await to_the_end(place)
    ends = place.judge(jobs=1)
    assert call == "create" or ends == {"delivered": 1}
