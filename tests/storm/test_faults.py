"""Whatever one call meets, the job ends rightly: delivered, or honestly failed, paid once at most and posted once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from mishaps import AT_SLACK, AT_STORAGE, AT_STUDIO, HOSTS, RESULT, SILENT, SLACK_CALLS, STUDIO, unclear_creates
from turned import LONG
from world import text_of

from bot.delivery import MORE_COPIES
from bot.demo import slack as at_slack
from bot.demo import studio_trouble as at_studio

if TYPE_CHECKING:
    from turned import Turned, TurnedWorkplace

DAY, HOUR = 86400.0, 3600.0


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
    """Every fourth fault at each call with one of the two file hosts, every fourth with the other; or all with both."""
    place = await turned(settings={"FILE_HOST": file_host})
    share = slice(None) if LONG else slice(HOSTS.index(file_host), None, 2 * len(HOSTS))
    for call, faults in AT_SLACK.items():
        place.slack.trouble.next(call, *list(faults.values())[share])
    for operation, faults in (AT_STUDIO | (AT_STORAGE if file_host == "modelstudio" else {})).items():
        if operation == "cancel":  # has a test of its own: nobody wants to cancel this one
            continue
        place.studio.trouble.next(operation, *list(faults.values())[share])
    place.slack.trouble.next("files.info", SILENT["files.info"])
    place.studio.trouble.next("query", SILENT["query"])
    await place.order()
    await place.go_on(place.shown, within=30 * DAY)
    assert place.judge(jobs=1) == {"delivered": 1}
    for call in AT_SLACK:
        assert call == "chat.update" or not place.slack.trouble.pending(call), call


def met_but(place: TurnedWorkplace, left: int) -> bool:
    return place.studio.trouble.pending("cancel") <= left


async def cancelled_despite(place: TurnedWorkplace, *faults: Any) -> None:
    """Have the one of two jobs that waits at Model Studio cancelled, whatever the wish meets on its way."""
    for _ in range(2):
        await place.order()
    await place.go_on(lambda: place.said("card")[1:] and {s for s, _ in place.states()} == {"rendering"}, within=DAY)
    place.studio.trouble.next("cancel", *faults)
    # Not always the second: whose files were ready first is a matter of moments.
    (waiting,) = [row for row in place.rows() if place.studio.tasks[row["task_id"]].status == "PENDING"]
    (card,) = [m for m in place.said("card") if (m.metadata or {})["event_payload"]["job"] == waiting["id"]]
    await place.slack.person("ada").press(card, "job_cancel")
    for left in reversed(range(len(faults))):
        await place.go_on(partial(met_but, place, left), within=DAY)
        place.turn(HOUR)  # the longest rest; gone through second by second it is ten thousand looks at the task
    await place.go_on(lambda: ("cancelled", None) in place.states(), within=DAY)
    (other,) = [row for row in place.rows() if row["id"] != waiting["id"]]
    place.studio.finish(other["task_id"])
    await place.go_on(place.shown, within=DAY)
    assert place.judge(jobs=2) == {"delivered": 1, "cancelled": 1}
    assert "It cost nothing." in text_of(card)
    assert len(place.studio.billed) == 1


async def test_a_wish_to_cancel_that_meets_every_fault_is_heard_in_the_end(turned: Turned) -> None:
    # Those that ask for an hour's rest are for the long form, each alone. The last one is heard, and its answer lost.
    quick = [name for name in AT_STUDIO["cancel"] if not name.startswith("429")]
    faults = [AT_STUDIO["cancel"][name] for name in ["429 1", *quick] if name != "cut after"]
    await cancelled_despite(
        await turned(task_seconds=600.0), *faults[:: 1 if LONG else 4], AT_STUDIO["cancel"]["cut after"]
    )


@pytest.mark.parametrize("effect", [True, False])
async def test_a_create_whose_answer_is_lost_is_never_simply_sent_again(turned: Turned, *, effect: bool) -> None:
    place = await turned()
    place.studio.trouble.next("create", at_studio.dropped(effect=effect))
    await place.order()
    await to_the_end(place)
    assert place.judge(jobs=1).total() == 1


@pytest.mark.parametrize("call", [*SLACK_CALLS, at_slack.UPLOAD] if LONG else [SLACK_CALLS[-1]])
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


async def test_throttling_is_waited_out(turned: Turned) -> None:
    place = await turned()
    place.studio.trouble.next("create", at_studio.refused(429, "Throttling", "Requests throttling triggered."))
    place.slack.trouble.next("chat.update", at_slack.rate_limited(0), times=2)
    await place.order()
    await place.go_on(place.shown, within=DAY)
    assert place.judge(jobs=1) == {"delivered": 1}


async def test_broken_copies_are_counted_and_not_the_tries_at_a_service_that_is_away(turned: Turned) -> None:
    place = await turned()
    place.studio.trouble.next("result", at_studio.http_status(503), times=7)
    place.studio.trouble.next("result", at_studio.malformed("no video", effect=False), times=2)
    await place.order()
    await place.go_on(place.shown, within=DAY)
    assert not place.studio.trouble.pending("result")
    assert place.judge(jobs=1) == {"delivered": 1}


@pytest.mark.skipif(not LONG, reason="the long form: LONG_TESTS=1")
async def test_a_video_that_stays_broken_is_said_to_be_and_to_have_cost_money(turned: Turned) -> None:
    place = await turned()
    place.studio.trouble.always("result", at_studio.malformed("no video", effect=False))
    await place.order()
    await place.go_on(place.shown, within=DAY)
    assert place.judge(jobs=1) == {"failed": 1}
    assert "result_broken" in place.rows()[0]["failure"]
    assert place.studio.trouble.happened["result"] == MORE_COPIES + 1


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
    if call == "cancel":
        await cancelled_despite(await turned(task_seconds=600.0), AT_STUDIO[call][name])
        return
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
