from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from builders import IMAGE, NOW, PRICES, VIDEO, in_state, order, queued

from bot.demo.slack.blocks import check_blocks
from bot.job import Job, JobState, Mend, Mending
from bot.media.limits import CHANGES, Change
from bot.order import Fit, Role
from bot.progress import Done
from bot.slack import mending, messages
from bot.slack.messages import View


def mended(*mends: Mend, role: Role = Role.VIDEO, **changes: Any) -> Job:
    media = IMAGE if role is Role.IMAGE else VIDEO
    changes |= {f"{role}_mending": Mending(original=media, mends=mends)}
    return in_state(JobState.READY, **changes)


def card(job: Job, **view: Any) -> str:
    made = messages.card(job, View(now=NOW, prices=PRICES, **view))
    assert check_blocks(made.blocks) == []
    return str(made.blocks)


@pytest.mark.parametrize("change", Change)
def test_every_change_has_words_with_what_it_was_and_became(change: Change) -> None:
    text = mending.mend(Mend(change, "BEFORE", "AFTER"))
    assert not re.search(r"[{}]", text)
    assert ("BEFORE" in text) is ("before" in CHANGES[change])
    assert ("AFTER" in text) is ("after" in CHANGES[change])


def test_no_two_changes_of_different_things_read_alike() -> None:
    texts = {change: mending.mend(Mend(change, "1", "2")) for change in Change}
    alike = [change for change, text in texts.items() if list(texts.values()).count(text) > 1]
    assert set(alike) == {Change.CONVERTED, Change.RECODED}  # both say which format became which


def test_the_mending_of_both_files_is_one_line() -> None:
    job = mended(Mend("converted", "HEIC", "JPEG"), Mend("turned"), role=Role.IMAGE)
    job = replace(job, video_mending=Mending(original=VIDEO, mends=(Mend("cut", "45 s", "5–35 s"),)))
    line = mending.mending_line(job)
    assert line == "Picture: HEIC → JPEG, turned upright. Video: cut to 5–35 s of its 45 s."
    assert line in card(job)


def test_of_files_that_fitted_nothing_is_said_but_in_the_preview() -> None:
    assert mending.mending_line(mended()) == ""
    assert "Made to fit" not in card(mended())
    assert "fit as they came" in mending.shown_text(mended())


@pytest.mark.parametrize(
    "hostile", ["<!channel>", "<https://evil.example|x>", "*b*", "`c`", "@here", "a\nb", "\u202ea"]
)
def test_what_a_file_calls_itself_steers_nothing(hostile: str) -> None:
    job = mended(Mend("converted", hostile, hostile))
    assert not re.search(r"[<>*`@\n\u202e]", mending.shown_text(job))


def test_the_card_says_what_was_asked_beside_the_files() -> None:
    assert "from 0:05, 10 s" in card(queued(order=order(start=5.0, length=10.0)))
    assert "from 1:02.5" in card(queued(order=order(start=62.5)))
    assert "from 0:00, 10 s" in card(queued(order=order(length=10.0)))
    assert "cropped if" in card(queued(order=order(fit=Fit.CROP)))
    assert "bars if" in card(queued(order=order(fit=Fit.PAD)))
    assert "from" not in card(queued()).replace("from_", "")


def test_a_queued_job_shows_how_many_frames_are_done() -> None:
    assert "Making your video fit: 412 of 900 frames" in card(queued(), mended=Done(412, 900))
    assert "Checking your files" in card(queued())


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (5, "0:05"), (5.5, "0:05.5"), (62.25, "1:02.25"), (3600, "60:00")]
)
def test_a_place_in_a_video_reads_as_players_show_it(seconds: float, said: str) -> None:
    assert mending.clock(seconds) == said


def test_a_finished_job_tells_what_its_video_really_is() -> None:
    job = in_state(JobState.DELIVERED)
    assert job.result is not None
    known = replace(job, result=replace(job.result, media=replace(VIDEO, seconds=5.2, size=3_140_000)))
    assert "Video: 5.2 s · 640 × 360 px · 25 fps · 3.2 MB · with sound" in card(known)
    assert "Video: " not in card(job)
