"""Who may use which file: what they upload in the form, and what stands in the conversation they ask in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from builders import order, place, queued

from bot.demo.slack import DOWNLOAD, ChannelKind, SlackStandIn, slack_error
from bot.errors import Refused
from bot.failure import FailureCode
from bot.order import Role, SourceFile
from bot.slack.client import SlackClient, slack_session
from bot.slack.failures import SENTENCES
from bot.slack.files import SlackFiles, admitted
from bot.slack.sources import Sources
from bot.transfer import media_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN = "xoxb-files"
BYTES = b"\x89PNG not really, but bytes all the same"
GONE, ELSEWHERE = FailureCode.FILE_GONE, FailureCode.FILE_ELSEWHERE


@dataclass
class Room:
    """A workspace in which ada asks in #general."""

    slack: SlackStandIn
    client: SlackClient
    files: SlackFiles
    to: Path

    async def given(self, owner: str, where: str, mode: str) -> str:
        """Somebody's file that stands somewhere, and is in some state."""
        file = await self.slack.person(owner).upload(BYTES, name="hero.png")
        if where == "own direct messages":
            self.slack.person("ada").say("", channel=self.slack.world.dm("ada").id, files=[file])
        elif where:
            self.slack.person(owner).say("", channel=where, files=[file])
        found = self.slack.world.files[file]
        match mode:
            case "stub":
                found.stub = True
            case "deleted":
                self.slack.person(owner).delete_file(file)
            case "hosted":
                pass
            case other:
                found.mode = other
        return file

    async def outcome(self, file: str, *, uploaded: bool) -> FailureCode | None:
        """What comes of ada's job with this file as its picture."""
        source = SourceFile(file, uploaded=uploaded)
        asked = place(user=self.slack.person("ada").id, channel=self.slack.world.channel("general").id)
        try:
            await self.files.fetch(queued(order=order(image=source), place=asked), Role.IMAGE, self.to, at_most=10**6)
        except Refused as refused:
            return refused.failure.code
        assert self.to.read_bytes() == BYTES
        return None


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with (
        SlackStandIn(bot_token=TOKEN, signing_secret="s", folder=tmp_path / "slack") as slack,
        slack_session() as session,
        media_session() as media,
    ):
        world, ada, ben = slack.world, slack.person("ada"), slack.person("ben")
        world.add_channel("random")
        world.add_channel("secret", kind=ChannelKind.PRIVATE, members=[ben.id])
        world.add_channel("shared secret", kind=ChannelKind.PRIVATE, members=[ada.id, ben.id])
        world.dm("ben").name = "ben's direct messages"
        client = SlackClient(token=TOKEN, base_url=slack.api_url, session=session, rested=60.0)
        yield Room(slack, client, SlackFiles(client, media, token=TOKEN, api_url=slack.api_url), tmp_path / "image")


# Whose file, where it stands, its state at Slack; then what comes of it when ada gave it in the form, and when she
# only named or chose it in #general.
MATRIX: list[tuple[tuple[str, str, str], FailureCode | None, FailureCode | None]] = [
    (("ada", "", "hosted"), None, None),
    (("ada", "general", "hosted"), None, None),
    (("ada", "random", "hosted"), None, ELSEWHERE),
    (("ada", "own direct messages", "hosted"), None, ELSEWHERE),
    (("ben", "", "hosted"), ELSEWHERE, ELSEWHERE),
    (("ben", "general", "hosted"), ELSEWHERE, None),
    (("ben", "random", "hosted"), ELSEWHERE, ELSEWHERE),
    (("ben", "secret", "hosted"), ELSEWHERE, ELSEWHERE),
    (("ben", "shared secret", "hosted"), ELSEWHERE, ELSEWHERE),
    (("ben", "ben's direct messages", "hosted"), ELSEWHERE, ELSEWHERE),
    (("ben", "general", "stub"), ELSEWHERE, None),
    (("ben", "secret", "stub"), ELSEWHERE, ELSEWHERE),
    (("ada", "general", "deleted"), GONE, GONE),
    (("ada", "", "deleted"), GONE, GONE),
    (("ben", "general", "tombstone"), GONE, GONE),
    (("ben", "general", "hidden_by_limit"), GONE, GONE),
    (("ben", "general", "external"), GONE, GONE),
    (("ben", "general", "snippet"), GONE, GONE),
]


@pytest.mark.parametrize(("given", "uploaded", "named"), MATRIX)
async def test_only_what_was_uploaded_in_the_form_or_stands_where_it_is_asked_for_is_used(
    room: Room, given: tuple[str, str, str], uploaded: FailureCode | None, named: FailureCode | None
) -> None:
    file = await room.given(*given)
    assert await room.outcome(file, uploaded=True) is uploaded
    assert await room.outcome(file, uploaded=False) is named
    used = [outcome for outcome in (uploaded, named) if outcome is None]
    assert room.slack.calls.count(DOWNLOAD) == len(used)  # what may not be used is not even fetched
    ada, channel = room.slack.person("ada").id, room.slack.world.channel("general").id
    offered, refused = await Sources(room.client).named([file], user=ada, channel=channel)
    assert (len(offered), refused) == ((1, 0) if named is None else (0, 1))


async def test_a_file_that_never_was_and_one_that_is_hidden_get_the_same_sentence(room: Room) -> None:
    hidden = await room.given("ben", "secret", "hosted")
    assert await room.outcome("F0NEVER", uploaded=False) is await room.outcome(hidden, uploaded=False) is ELSEWHERE


@pytest.mark.parametrize("code", ["file_not_found", "not_visible", "access_denied", "file_not_shared"])
async def test_what_slack_does_not_show_the_bot_is_answered_with_what_to_do(room: Room, code: str) -> None:
    file = await room.given("ben", "general", "hosted")
    room.slack.trouble.next("files.info", slack_error(code))
    assert await room.outcome(file, uploaded=False) is ELSEWHERE
    happened, advice = SENTENCES[ELSEWHERE]
    assert "stand where you asked" in happened
    assert "upload it in the form" in advice


@pytest.mark.parametrize("shape", [{}, {"shares": []}, {"shares": {"public": 3}}, {"channels": "C1"}, {"user": None}])
def test_an_answer_of_another_shape_lets_nobody_use_anything(shape: dict[str, Any]) -> None:
    for uploaded in (True, False):
        assert not admitted(shape, uploaded=uploaded, user="U1", channel="C1")


@pytest.mark.parametrize(
    "shape",
    [{"channels": ["C1"]}, {"groups": ["C1"]}, {"ims": ["C1"]}, {"shares": {"private": {"C1": []}}}],
)
def test_wherever_slack_says_that_a_file_stands_counts(shape: dict[str, Any]) -> None:
    assert admitted(shape, uploaded=False, user="U1", channel="C1")
    assert not admitted(shape, uploaded=False, user="U1", channel="C2")
