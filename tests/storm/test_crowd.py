"""A crowd: many people order, and everybody presses everybody's buttons, while Slack and the bot fail now and then."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from turned import FINAL, LONG
from world import text_of

from bot.demo import slack as at_slack
from bot.demo import studio_trouble as at_studio
from bot.slack import controls

if TYPE_CHECKING:
    from turned import Turned, TurnedWorkplace

    from bot.demo.slack import Message

DAY = 86400.0
ORDERS, PEOPLE, PRESSES = (200, 50, 1200) if LONG else (3, 3, 24)
MORE = ORDERS // 2  # jobs that buttons may add
# ``CROWD_SEEDS="7 8"`` replays these; a failure names its own.
SEEDS = [int(seed) for seed in os.environ.get("CROWD_SEEDS", "1 2" if LONG else "1").split()]
BUSY: dict[str, Any] = {str(wish): at_slack.rate_limited(wish) for wish in (None, 1, 30)}
CALLS = (
    "chat.update",
    "chat.postMessage",
    "chat.delete",
    "files.delete",
    "files.info",
    "files.getUploadURLExternal",
    "files.completeUploadExternal",
    "conversations.open",
)
TASKS = (at_studio.fails("InternalError"), at_studio.fails("DataInspectionFailed"), at_studio.unknown_at_first(3))


class Crowd:
    """Orders, presses and crashes, all by one seed."""

    def __init__(self, place: TurnedWorkplace, seed: int) -> None:
        self.place = place
        self.dice = random.Random(seed)
        self.ordered = self.pressed = 0
        self.wrong: Counter[str] = Counter()
        self.people = [place.slack.person(who).id for who in ("ada", "ben")]
        for index in range(PEOPLE - 2):
            user = place.slack.world.add_user(f"person{index}")
            place.slack.world.channel("general").members.append(user.id)
            self.people.append(user.id)

    def brew(self) -> None:
        """Let some of the next calls be refused for now, and some of the next tasks fail."""
        for call in CALLS:
            busy = [self.dice.choice([*BUSY.values()]) if self.dice.random() < 0.2 else None for _ in range(20)]
            self.place.slack.trouble.next(call, *busy[: 20 - self.place.slack.trouble.pending(call)])
        if self.dice.random() < 0.3:
            self.place.studio.trouble.next_tasks(self.dice.choice(TASKS), None)

    async def order(self) -> None:
        if self.ordered < ORDERS:
            kind = self.dice.choice(["/animate", "/animate", "/swap"])
            await self.place.order(kind, who=self.people[self.ordered % PEOPLE])
            self.ordered += 1

    async def press(self) -> None:
        """Let anybody press any button of any card; now and then twice."""
        cards = self.place.said("card")
        if not cards or self.pressed >= PRESSES:
            return
        card = self.dice.choice(cards)
        actions = [e["action_id"] for block in card.blocks if block["type"] == "actions" for e in block["elements"]]
        if len(self.place.rows()) >= ORDERS + MORE:
            actions = [action for action in actions if action not in {controls.RETRY, controls.PRO, controls.AGAIN}]
        owner = self.owner(card)
        who = owner if self.dice.random() < 0.6 else self.dice.choice(self.people)
        for action in [self.dice.choice(actions)] * self.dice.choice((1, 1, 2)):
            self.wrong[action] += who != owner
            self.pressed += 1
            if action in str(card.blocks):
                await self.place.slack.person(who).press(card, action)
        await self.place.settle()
        await self.look_at_form(who)

    async def look_at_form(self, who: str) -> None:
        """Close what a button opened, or send it off."""
        person = self.place.slack.person(who)
        while (view := person.top_view()) is not None:
            sent = view.data["callback_id"] == "order" and self.dice.random() < 0.5 and await person.submit(view)
            if not (sent and sent.closed):
                await person.close(view)

    def owner(self, card: Message) -> str:
        job = (card.metadata or {})["event_payload"]["job"]
        return next(str(row["requester"]) for row in self.place.rows() if row["id"] == job)

    async def crash(self) -> None:
        if self.dice.random() < 0.03:
            await self.place.bot.crash()
            await self.place.bot.start()

    async def blow(self) -> None:
        place, end = self.place, self.place.clock() + 30 * DAY
        while self.ordered < ORDERS or self.pressed < PRESSES or not place.shown() or self.removing():
            assert place.clock() < end, place.states()
            self.brew()
            await self.order()
            await place.settle()
            for _ in range(3):
                await self.press()
            await place.settle()
            at = await place.bot.next_at(fine=False)
            place.turn(
                max(
                    2.0,  # forms are opened within Slack's tier, too: a hundred a minute
                    min(60.0, (at or place.clock()) - place.clock()),
                )
            )
            await self.crash()

    def removing(self) -> bool:
        return bool(self.place.rows("SELECT 1 FROM job WHERE removing = 1"))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_crowd_at_the_buttons_breaks_no_promise(turned: Turned, seed: int) -> None:
    place = await turned()
    crowd = Crowd(place, seed)
    await crowd.blow()
    rows = place.rows()
    assert ORDERS <= len(rows) <= ORDERS + MORE + 2
    assert all(row["state"] in FINAL and row["ask"] is None for row in rows)
    assert sum(crowd.wrong.values()) > PRESSES / 20  # or it was no crowd
    judge_wishes(place, rows)
    judge_ends(place, rows)
    assert not place.slack.world.violations
    assert not place.slack.api.limits.exceeded  # also by a bot that does not know what the one before it called


def judge_wishes(place: TurnedWorkplace, rows: list[dict[str, Any]]) -> None:
    """Whatever was done to a job, its requester wished; and what a button made, it made once."""
    requesters = {row["id"]: row["requester"] for row in rows}
    for row in rows:
        for event in place.rows(f"SELECT who FROM event WHERE job_id = '{row['id']}' AND who != ''"):
            assert event["who"] == row["requester"]
        if row["parent"] and not row["key"].startswith("view:"):
            assert requesters[row["parent"]] == row["requester"]
    made = Counter((row["parent"], row["key"].partition(":")[0]) for row in rows if row["parent"])
    assert all(count == 1 for (_, how), count in made.items() if how in {"retry", "pro"})


def judge_ends(place: TurnedWorkplace, rows: list[dict[str, Any]]) -> None:
    """Nobody was left in the dark, no video was posted twice, none was paid twice."""
    world = place.slack.world
    every = [m for channel in world.channels.values() for m in channel.messages.values() if m.user == world.bot.id]
    posted = Counter(name for m in every for name in {world.files[f].name for f in m.files} if name.endswith(".mp4"))
    told = {m.metadata["event_payload"]["job"] for m in place.said("failed") if m.metadata}
    cards = {m.metadata["event_payload"]["job"]: text_of(m) for m in place.said("card") if m.metadata}
    threads = {m.metadata["event_payload"]["job"]: m.ts for m in place.said("card") if m.metadata}
    addresses = place.rows("SELECT url, job_id FROM address")
    owners = {row["url"]: row["job_id"] for row in addresses}
    tasks = [place.studio.tasks[bill.task_id].asked for bill in place.studio.billed]
    billed = Counter(owners[asked.image_url] for asked in tasks if asked is not None)
    for row in rows:
        videos = posted[f"{row['kind']}-{row['id']}.mp4"]
        assert videos <= 1, f"{row['id']} was posted {videos} times"
        assert billed[row["id"]] <= 1
        match str(row["state"]):
            case "delivered":
                assert videos == 1 or any(
                    "Open the video" in m.text and m.thread_ts == threads[row["id"]] for m in every
                )
                assert "Done" in cards[row["id"]]
            case "failed":
                assert row["id"] in told
            case "cancelled":
                assert f"Cancelled by <@{row['requester']}>" in cards[row["id"]]
            case other:
                raise AssertionError(other)
