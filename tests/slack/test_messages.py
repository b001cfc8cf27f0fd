from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from builders import (
    ADA,
    BOB,
    EVERY_KIND_OF_JOB,
    NOW,
    PRICES,
    QUICK,
    any_job,
    in_state,
    order,
    place,
    queued,
    texts_of,
    unclear,
)
from hypothesis import example, given
from hypothesis import strategies as st

from bot.demo.slack.blocks import check_blocks
from bot.estimate import DOCUMENTED
from bot.failure import Failure, FailureCode, Problem, Spent
from bot.job import Ask, Delivery, Job, JobState, Target
from bot.media.limits import Rule
from bot.order import Kind, Quality, Role, SourceFile
from bot.queue import Prices, Standing
from bot.slack import answers, controls, messages, wording
from bot.slack.failures import SENTENCES
from bot.slack.messages import View

VIEW = View(now=NOW + 100, prices=PRICES, standing=Standing(2, 540.0))
PROBLEMS = tuple(Problem(role, rule, "4000 × 200 px", "200 px") for role in Role for rule in Rule)
KEPT = Delivery(target=Target.KEPT)

# Every way a card may have to look, with what a reader must find in it.
LOOKS: dict[str, tuple[Job, str]] = {
    "queued": (queued(), "Checking your files"),
    "ready": (in_state(JobState.READY), "Waiting, 2nd in line, about 9 min"),
    "ready, refused for now": (
        in_state(JobState.READY, failures=1, due_at=NOW + 200),
        "I keep trying. Nothing is spent",
    ),
    "submitting": (in_state(JobState.SUBMITTING), "Starting at Model Studio"),
    "settling": (in_state(JobState.SUBMITTING, due_at=NOW + 1), "Making sure of it with Model Studio"),
    "submitting, to be cancelled": (in_state(JobState.SUBMITTING, cancel_by=ADA), "To be cancelled, if"),
    "unclear": (unclear(), "I can't tell whether it was started"),
    "rendering, not begun": (in_state(JobState.RENDERING), "waiting to be rendered"),
    "rendering": (in_state(JobState.RENDERING, task_started_at=NOW), "Rendering, 2 min so far, usually about 2 min"),
    "rendering, to be stopped": (in_state(JobState.RENDERING, cancel_by=ADA), "Asking Model Studio to stop"),
    "rendering, too late": (in_state(JobState.RENDERING, cancel_by=ADA, too_late=True), "can't be stopped any more"),
    "rendered": (in_state(JobState.RENDERED), "Posting the video"),
    "kept": (in_state(JobState.RENDERED, delivery=KEPT), "I keep it for 7 days"),
    "delivered": (in_state(JobState.DELIVERED), "Done: standard · 4.0 s · $0.40"),
    "delivered, after doubts": (in_state(JobState.DELIVERED, doubts=1), "may have cost up to $0.40 more"),
    "cancelled": (in_state(JobState.CANCELLED, cancelled_by=BOB), f"Cancelled by <@{BOB}>.\nIt cost nothing."),
    "cancelled while unclear": (unclear().cancelled(ADA, now=NOW), "It may have cost up to $0.40."),
    **{
        f"failed: {code}": (in_state(JobState.FAILED, failure=Failure(code, "InvalidParameter")), SENTENCES[code][0])
        for code in FailureCode
    },
}


def text_of(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(str(text["text"]) for text in texts_of(blocks))


def buttons(message: wording.Message) -> list[str]:
    return [e["action_id"] for block in message.blocks if block["type"] == "actions" for e in block["elements"]]


@pytest.mark.parametrize(("job", "found"), LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("standing", [Standing(2, 540.0), None])
def test_every_card_says_where_the_job_stands_and_keeps_to_slacks_rules(
    job: Job, found: str, standing: Standing | None
) -> None:
    card = messages.card(job, replace(VIEW, standing=standing))
    assert check_blocks(card.blocks) == []
    if standing is not None:
        assert found in text_of(card.blocks)
    assert f"<@{ADA}>" in text_of(card.blocks)
    assert job.id in text_of(card.blocks)
    assert 0 < len(card.text) < 3000


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("quality", Quality)
def test_a_card_names_what_was_ordered(kind: Kind, quality: Quality) -> None:
    text = text_of(messages.card(queued(order=order(kind=kind, quality=quality)), VIEW).blocks)
    assert f"*{kind.title()}* · {quality} ·" in text
    assert "hero.png + dance.mp4" in text


@pytest.mark.parametrize("kind", EVERY_KIND_OF_JOB)
def test_status_and_jobs_say_the_same_as_the_card(kind: JobState | Ask) -> None:
    job = any_job(kind)
    first = messages.status_lines(job, VIEW)[0]
    assert first in answers.status_text(job, VIEW)
    assert first in answers.jobs_text([(job, VIEW, "")], wording.Handle("/animate"))
    assert first in text_of(messages.card(job, VIEW).blocks)


RUNNING, ENDED = [controls.DETAILS], [controls.AGAIN, controls.DETAILS]
SERVICE = Failure(FailureCode.SERVICE)
PRO_ORDER = order(quality=Quality.PRO)


@pytest.mark.parametrize(
    ("job", "actions"),
    [
        (queued(), [controls.CANCEL, *RUNNING]),
        (in_state(JobState.READY), [controls.CANCEL, *RUNNING]),
        (in_state(JobState.SUBMITTING), [controls.CANCEL, *RUNNING]),
        (in_state(JobState.RENDERING), [controls.CANCEL, *RUNNING]),
        (in_state(JobState.RENDERING, cancel_by=ADA), RUNNING),
        (unclear(), [controls.SEND_AGAIN, controls.STOP_HERE, *RUNNING]),
        (unclear(cancel_by=ADA), [controls.SEND_AGAIN, controls.STOP_HERE, *RUNNING]),
        (in_state(JobState.RENDERED), RUNNING),
        (in_state(JobState.RENDERED, delivery=KEPT), [controls.DELIVER_AGAIN, *RUNNING]),
        (in_state(JobState.DELIVERED), [controls.AGAIN, controls.PRO, controls.DETAILS, controls.DELETE]),
        (in_state(JobState.DELIVERED, order=PRO_ORDER), [*ENDED, controls.DELETE]),
        (in_state(JobState.DELIVERED, order=PRO_ORDER, delivery=Delivery(removed_by=ADA)), ENDED),
        (in_state(JobState.FAILED, failure=SERVICE), [controls.RETRY, *ENDED]),
        (in_state(JobState.FAILED, failure=Failure(FailureCode.MODERATION)), ENDED),
        (in_state(JobState.CANCELLED), ENDED),
    ],
)
def test_a_card_has_the_buttons_that_make_sense(job: Job, actions: list[str]) -> None:
    card = messages.card(job, VIEW)
    assert buttons(card) == actions
    assert set(actions) <= set(controls.ACTIONS)
    values = [e["value"] for block in card.blocks if block["type"] == "actions" for e in block["elements"]]
    assert values == [job.id] * len(actions)


def test_what_may_cost_money_is_confirmed_and_a_free_cancellation_is_not() -> None:
    def confirmed(job: Job) -> list[bool]:
        blocks = messages.card(job, VIEW).blocks
        return ["confirm" in e for block in blocks if block["type"] == "actions" for e in block["elements"]]

    def cost(spent: Spent) -> Job:
        return in_state(JobState.FAILED, failure=Failure(FailureCode.SERVICE, spent=spent))

    assert confirmed(queued()) == [False, False]
    assert confirmed(in_state(JobState.RENDERING)) == [True, False]
    assert confirmed(unclear()) == [True, False, False]
    assert confirmed(in_state(JobState.DELIVERED)) == [False, True, False, True]
    assert confirmed(cost(Spent.NOTHING)) == [False, False, False]
    assert confirmed(cost(Spent.YES)) == [True, False, False]


@pytest.mark.parametrize("code", FailureCode)
@pytest.mark.parametrize("spent", Spent)
def test_a_failure_says_what_happened_then_whether_it_cost_money(code: FailureCode, spent: Spent) -> None:
    job = in_state(JobState.RENDERED).failed(Failure(code, "InvalidFile.Resolution", spent=spent), now=NOW)
    told = messages.told(job, PRICES)
    assert check_blocks(told.blocks) == []
    assert told.blocks[0]["text"]["text"] == f"<@{ADA}>"
    first, second = told.blocks[1]["text"]["text"].split("\n")
    assert first == " ".join(SENTENCES[code])
    assert "InvalidFile" not in first
    assert job.id not in first
    money = {
        Spent.NOTHING: "It cost nothing.",
        Spent.MAYBE: "It may have cost up to $0.40.",
        Spent.YES: "It cost $0.40.",
    }
    assert second == money[spent]
    assert "InvalidFile.Resolution" in text_of(told.blocks[2:])
    assert job.id in text_of(told.blocks[2:])
    assert told.text == f"<@{ADA}> {first} {second}"


def test_every_problem_of_both_files_is_listed_within_slacks_limits() -> None:
    job = in_state(JobState.FAILED, failure=Failure(FailureCode.BAD_FILES, problems=PROBLEMS))
    for message in (messages.card(job, VIEW), messages.told(job, PRICES)):
        assert check_blocks(message.blocks) == []
        assert text_of(message.blocks).count("•") == len(PROBLEMS)


HOSTILE = st.lists(
    st.sampled_from(
        [
            "<!channel>",
            "<!here>",
            "<@U1>",
            "<#C1>",
            "<https://evil.example|click>",
            "*b*",
            "`c`",
            "&lt;",
            "😀",
            "\ud83d",
        ]
    )
    | st.sampled_from(["\n", "\r\n", "\u202e", "\u2066", "\u200f", "\u2028", "\x85", "\x00", "a" * 300])
    | st.text(max_size=8),
    min_size=1,
    max_size=8,
).map("".join)


@QUICK
@given(HOSTILE, HOSTILE, st.sampled_from(EVERY_KIND_OF_JOB))
@example("\u202egnp.exe", "a\x00b\u202ec", JobState.FAILED)
def test_names_and_details_mention_link_and_format_nothing(name: str, detail: str, kind: JobState | Ask) -> None:
    files = order(image=SourceFile("F1", name), video=SourceFile("F2", name))
    failure = Failure(FailureCode.BAD_FILES, detail, (Problem(Role.IMAGE, Rule.CODEC, detail[:80], detail[:80]),))
    job = any_job(kind, order=files)
    if job.state is JobState.FAILED:
        job = replace(job, failure=failure)
    made = [messages.card(job, VIEW)]
    if job.failure:
        made.append(messages.told(job, PRICES))
    for message in made:
        assert check_blocks(message.blocks) == []
        _harmless(message)


def _harmless(message: wording.Message) -> None:
    formatted = [message.text, *(t["text"] for t in texts_of(message.blocks) if t["type"] == "mrkdwn")]
    assert all(set(re.findall(r"<[^>]*>", text)) <= {f"<@{ADA}>"} for text in formatted)
    plain = [t["text"] for t in texts_of(message.blocks) if t["type"] == "plain_text"]
    odd = [char for char in "".join(plain) if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} and char != "\n"]
    assert odd == []


@QUICK
@given(HOSTILE)
def test_what_was_found_in_a_file_mentions_and_links_nothing_in_a_private_answer(found: str) -> None:
    """Private answers are formatted text throughout."""
    problems = (Problem(Role.VIDEO, Rule.FORMAT, found[:80], found[:80]),)
    job = in_state(JobState.FAILED, failure=Failure(FailureCode.BAD_FILES, found, problems))
    for text in (answers.status_text(job, VIEW), answers.jobs_text([(job, VIEW, "")], wording.Handle("/animate"))):
        assert re.findall(r"<[^>]*>", text) == []
        assert len(text.splitlines()) <= 4


@QUICK
@given(st.text(max_size=80), st.integers(2, 60))
def test_cleaned_words_are_one_short_line_without_anything_that_steers_it(text: str, most: int) -> None:
    found = wording.clean(text, most)
    assert len(found) <= most
    assert len(found.splitlines()) <= 1
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} for char in found)
    assert found == found.strip()
    assert wording.clean(found, most) == found


def test_cleaning_keeps_ordinary_words() -> None:
    assert wording.clean("Zoë's héros – 2 (final).png", 60) == "Zoë's héros – 2 (final).png"
    assert wording.clean("a\r\n\tb\u2028c", 60) == "a b c"
    assert wording.clean("abcdef", 4) == "abc…"


@QUICK
@given(st.text(max_size=80))
def test_escaped_text_mentions_and_links_nothing_and_can_be_read_back(text: str) -> None:
    escaped = wording.escape(text)
    assert not set("<>") & set(escaped)
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_the_words_beside_the_video_mention_its_requester_and_say_what_it_is() -> None:
    text = messages.comment(in_state(JobState.DELIVERED, order=order(kind=Kind.SWAP, quality=Quality.PRO)), PRICES)
    assert text == f"<@{ADA}> your video is ready: swap · pro · 4.0 s · $0.40. AI-generated."


def test_a_link_in_the_place_of_the_video_says_the_same_and_links() -> None:
    job = in_state(JobState.RENDERED)
    text = messages.pointer(job, "https://s.example/f", PRICES).text
    assert text == f"{messages.comment(job, PRICES)} <https://s.example/f|Open the video>"


@pytest.mark.parametrize(
    ("job", "found"),
    [
        (in_state(JobState.CANCELLED), "is cancelled"),
        (in_state(JobState.DELIVERED), "is done already"),
        (in_state(JobState.FAILED), "has ended already"),
        (in_state(JobState.RENDERED), "can't be stopped any more"),
        (in_state(JobState.RENDERING, cancel_by=ADA, too_late=True), "can't be stopped any more"),
        (in_state(JobState.RENDERING, cancel_by=ADA), "I'm asking Model Studio to stop"),
        (in_state(JobState.SUBMITTING, cancel_by=ADA), "I'm asking Model Studio to stop"),
    ],
)
def test_the_answer_to_a_cancellation_is_true_of_the_state(job: Job, found: str) -> None:
    assert found in answers.cancelled_text(job, PRICES)
    assert job.id in answers.cancelled_text(job, PRICES)


def test_nobody_without_jobs_is_shown_an_empty_list() -> None:
    assert "no jobs yet" in answers.jobs_text([], wording.Handle("/animate"))


def test_help_names_prices_limits_and_every_first_word() -> None:
    prices = Prices("CNY", {k: 0.1 * n for n, k in enumerate(itertools.product(Kind, Quality), 1)})
    text = answers.help_text(prices, DOCUMENTED, wording.Handle("/animate"))
    for found in (
        "¥0.10 / ¥0.20",
        "¥0.30 / ¥0.40",
        "HEIC",
        "up to 100 MB",
        "up to 1000 MB",
        "30 s",
        "jobs",
        "status ID",
        "cancel ID",
    ):
        assert found in text
    assert len(text) < 3000


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "5 s"),
        (-3, "5 s"),
        (5.1, "10 s"),
        (54.9, "55 s"),
        (55, "1 min"),
        (89, "1 min"),
        (91, "2 min"),
        (3569, "59 min"),
        (3570, "1 h 0 min"),
        (3600, "1 h 0 min"),
        (7380, "2 h 3 min"),
    ],
)
def test_a_length_of_time_as_people_say_it(seconds: float, said: str) -> None:
    assert wording.duration(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (22, "22nd"),
        (101, "101st"),
        (111, "111th"),
        (112, "112th"),
        (123, "123rd"),
    ],
)
def test_a_place_in_line_as_people_say_it(number: int, said: str) -> None:
    assert wording.ordinal(number) == said


@pytest.mark.parametrize(
    ("currency", "amount", "said"),
    [
        ("USD", 0.6, "$0.60"),
        ("USD", 0.601, "$0.61"),
        ("CNY", 12, "¥12.00"),
        ("EUR", 1, "EUR 1.00"),
        ("USD", 0.12 * 5, "$0.60"),
        ("USD", 0.1 * 3, "$0.30"),
        ("USD", 0, "$0.00"),
    ],
)
def test_an_amount_is_rounded_up_to_a_cent(currency: str, amount: float, said: str) -> None:
    assert wording.price(Prices(currency, {}), amount) == said


@QUICK
@given(st.floats(0, 10_000))
def test_nobody_pays_more_than_was_said(amount: float) -> None:
    said = float(wording.price(PRICES, amount).removeprefix("$"))
    assert amount - 1e-6 <= said < amount + 0.01 + 1e-6


def test_a_failed_job_without_a_reason_is_our_bug() -> None:
    with pytest.raises(ValueError, match="has a failure"):
        messages.failure_lines(replace(in_state(JobState.FAILED), failure=None), PRICES)


def test_a_card_names_its_requester_and_not_who_reads_it() -> None:
    assert f"for <@{BOB}>" in text_of(messages.card(queued(place=place(user=BOB)), VIEW).blocks)
