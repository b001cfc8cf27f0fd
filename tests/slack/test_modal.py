from __future__ import annotations

import json
from typing import Any

import pytest
from builders import ADA, CHANNEL, TEAM

from bot.demo.slack.blocks import MAX_VIEW_BYTES, check_view, view_bytes
from bot.order import Fit, Kind, Place, Quality, Role, SourceFile
from bot.slack import filled, modal
from bot.slack.modal import Origin

URL = "https://hooks.slack.com/commands/T0TEAM/1234567890123/" + "x" * 24
IMAGE = {"id": "F1", "name": "hero.png", "mimetype": "image/png", "size": 1000, "mode": "hosted"}
VIDEO = {"id": "F2", "name": "dance.mp4", "mimetype": "video/mp4", "size": 2000, "mode": "hosted"}


def submission(
    *,
    origin: Origin | None = None,
    image: Any = IMAGE,
    video: Any = VIDEO,
    quality: str = "standard",
    options: Any = (),
    start: str | None = None,
    length: str | None = None,
    fit: str = "none",
) -> dict[str, Any]:
    """A view as Slack sends it when Start is pressed."""

    def files(given: Any) -> list[Any]:
        return given if isinstance(given, list) else [given]

    chosen = [{"value": value, "text": {"type": "plain_text", "text": value}} for value in options]
    return {
        "id": "V123",
        "private_metadata": (origin or Origin(Kind.ANIMATE, CHANNEL)).to_metadata(),
        "state": {
            "values": {
                "image": {"file": {"type": "file_input", "files": files(image)}},
                "video": {"file": {"type": "file_input", "files": files(video)}},
                "quality": {"quality": {"type": "radio_buttons", "selected_option": {"value": quality}}},
                "options": {"options": {"type": "checkboxes", "selected_options": chosen}},
                "start": {"start": {"type": "plain_text_input", "value": start}},
                "length": {"length": {"type": "plain_text_input", "value": length}},
                "fit": {"fit": {"type": "static_select", "selected_option": {"value": fit}}},
            }
        },
    }


def read(view: dict[str, Any], *, user: str = ADA) -> filled.Filled:
    return filled.read(view, team=TEAM, user=user)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("url", [None, URL])
def test_the_form_keeps_to_slacks_rules(kind: Kind, url: str | None) -> None:
    view = modal.form(Origin(kind, CHANNEL, thread="1700000000.000100", response_url=url))
    assert check_view(view) == []
    assert view_bytes(view) < MAX_VIEW_BYTES
    assert view["callback_id"] == modal.CALLBACK_ID


def blocks(kind: Kind = Kind.ANIMATE) -> dict[str, dict[str, Any]]:
    return {block.get("block_id", ""): block for block in modal.form(Origin(kind, CHANNEL))["blocks"]}


def test_the_form_asks_for_one_picture_and_one_video() -> None:
    image, video = blocks()["image"]["element"], blocks()["video"]["element"]
    assert (image["type"], image["max_files"]) == (video["type"], video["max_files"]) == ("file_input", 1)
    assert "filetypes" not in image | video  # a telephone's HEIC may be called anything


def test_standard_is_chosen_and_the_person_check_is_on_until_changed() -> None:
    assert blocks()["quality"]["element"]["initial_option"]["value"] == Quality.STANDARD
    options = blocks()["options"]["element"]
    assert [option["value"] for option in options["initial_options"]] == ["check_person"]
    assert {option["value"] for option in options["options"]} == {"check_person", "watermark"}


def test_the_form_says_where_the_files_go_and_asks_for_the_right_to_the_face() -> None:
    text = json.dumps(modal.form(Origin(Kind.ANIMATE, CHANNEL)))
    for found in ("shown in the job's thread", "Alibaba Model Studio", "you may use this face"):
        assert found in text


@pytest.mark.parametrize("kind", Kind)
def test_each_form_says_what_it_does_and_names_the_other(kind: Kind) -> None:
    first = modal.form(Origin(kind, CHANNEL))["blocks"][0]["text"]["text"]
    assert first.startswith(f"*{kind.title()}*")
    assert {Kind.ANIMATE: "choose *Swap*", Kind.SWAP: "choose *Animate*"}[kind] in first


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("quality", Quality)
@pytest.mark.parametrize("options", [[], ["watermark"], ["check_person"], ["check_person", "watermark"]])
def test_a_submission_is_read_as_it_was_filled_in(kind: Kind, quality: Quality, options: list[str]) -> None:
    origin = Origin(kind, CHANNEL, thread="1.2", response_url=URL)
    filled = read(submission(origin=origin, quality=quality, options=options))
    assert filled.errors == {}
    assert filled.place == Place(team=TEAM, user=ADA, channel=CHANNEL, thread="1.2", response_url=URL)
    assert (filled.order.kind, filled.order.quality) == (kind, quality)
    assert filled.order.watermark is ("watermark" in options)
    assert filled.order.check_person is ("check_person" in options)
    assert filled.order.image == SourceFile("F1", "hero.png", 1000)
    assert filled.order.video == SourceFile("F2", "dance.mp4", 2000)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        (None, 0.0),
        (" ", 0.0),
        ("0", 0.0),
        ("5", 5.0),
        ("5.5", 5.5),
        ("5,25", 5.25),
        ("0:05", 5.0),
        ("1:02.5", 62.5),
        ("1:00:00", 3600.0),
        (" 12 s ", 12.0),
        ("90", 90.0),
    ],
)
def test_the_part_to_use_begins_where_people_say_so(typed: str | None, seconds: float) -> None:
    filled = read(submission(start=typed))
    assert filled.errors == {}
    assert filled.order.start == seconds


@pytest.mark.parametrize("typed", ["-1", "five", "1:2:3:4", "nan", "inf", "1e3", "0x5", "\u0665", "5:", "9" * 15])
def test_a_beginning_that_is_no_time_is_said_under_its_field(typed: str) -> None:
    errors = read(submission(start=typed)).errors
    assert list(errors) == ["start"]
    assert "0:05" in errors["start"]


@pytest.mark.parametrize(("typed", "seconds"), [(None, None), ("2", 2.0), ("30", 30.0), ("0:10", 10.0), ("7.5", 7.5)])
def test_the_part_is_as_long_as_asked(typed: str | None, seconds: float | None) -> None:
    filled = read(submission(length=typed))
    assert filled.errors == {}
    assert filled.order.length == seconds


@pytest.mark.parametrize("typed", ["0", "1.9", "30.5", "45", "1:00"])
def test_a_part_of_a_length_that_is_never_taken_is_said_under_its_field(typed: str) -> None:
    assert read(submission(length=typed)).errors == {"length": "This must be between 2 and 30 seconds."}


@pytest.mark.parametrize("fit", Fit)
def test_what_is_to_be_done_about_a_shape_is_chosen_in_words(fit: Fit) -> None:
    assert read(submission(fit=fit)).order.fit is fit
    options = {option["value"]: option["text"]["text"] for option in blocks()["fit"]["element"]["options"]}
    assert set(options) == set(Fit)
    assert blocks()["fit"]["element"]["initial_option"]["value"] == Fit.NONE


def test_a_form_that_was_opened_before_an_update_is_read_all_the_same() -> None:
    view = submission()
    for name in ("start", "length", "fit"):
        del view["state"]["values"][name]
    filled = read(view)
    assert filled.errors == {}
    assert (filled.order.start, filled.order.length, filled.order.fit) == (0.0, None, Fit.NONE)


def test_the_same_submission_has_the_same_key_and_another_one_another() -> None:
    key = read(submission()).key
    assert read(submission(quality="pro")).key == key  # Slack sent it again, or the person pressed twice
    assert read(submission() | {"id": "V124"}).key != key
    assert read(submission(), user="U0BOB").key != key


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("change", "found"),
    [
        ([], "exactly one file"),
        ([IMAGE, IMAGE], "exactly one file"),
        ({"size": 2 * 10**9}, "too big"),
        ({"size": 0}, "is empty"),
        ({"mimetype": "text/plain"}, "(text)"),
        ({"name": "list.m3u8"}, "list of other files"),
        ({"mode": "tombstone"}, "doesn't have this file"),
        ({"is_external": True}, "doesn't have this file"),
    ],
)
def test_what_a_file_object_rules_out_is_said_under_its_own_field(role: Role, change: Any, found: str) -> None:
    files = {Role.IMAGE: IMAGE, Role.VIDEO: VIDEO}
    wrong = change if isinstance(change, list) else files[role] | change
    given: dict[str, Any] = {str(role): wrong}
    errors = read(submission(**given)).errors
    assert set(errors) == {role}
    assert set(errors) <= {block_id for block_id in blocks() if block_id}
    assert found in errors[role]


def test_both_fields_are_wrong_at_once() -> None:
    assert set(read(submission(image=VIDEO, video=IMAGE)).errors) == {"image", "video"}


def test_every_problem_of_one_file_is_said() -> None:
    errors = read(submission(image=IMAGE | {"mimetype": "video/mp4", "size": 106_100_000})).errors
    assert "(video)" in errors["image"]
    assert "106.1 MB, at most 100 MB" in errors["image"]


@pytest.mark.parametrize("missing", ["name", "mimetype", "size", "mode"])
def test_a_file_object_that_says_little_is_no_error(missing: str) -> None:
    image = {name: value for name, value in IMAGE.items() if name != missing}
    filled = read(submission(image=image))
    assert filled.errors == {}
    assert filled.order.image.id == "F1"


@pytest.mark.parametrize("nothing", [None, []])
def test_fields_left_empty_arrive_as_nothing(nothing: Any) -> None:
    view = submission(options=[])
    view["state"]["values"]["options"]["options"]["selected_options"] = nothing
    view["state"]["values"]["image"]["file"]["files"] = nothing
    filled = read(view)
    assert set(filled.errors) == {"image"}
    assert not filled.order.check_person


def test_a_name_cut_through_the_middle_of_a_sign_can_be_stored() -> None:
    """JSON may bring half of a surrogate pair; a name is decoration and must not make an order impossible."""
    filled = read(submission(image=IMAGE | {"name": json.loads('"party \\ud83d"')}))
    filled.order.image.name.encode()
    assert filled.order.image.name.startswith("party")


def test_no_secret_is_in_what_an_origin_prints() -> None:
    origin = Origin(Kind.ANIMATE, CHANNEL, response_url=URL)
    assert URL not in repr(origin)
    assert Origin.from_metadata(origin.to_metadata()) == origin
