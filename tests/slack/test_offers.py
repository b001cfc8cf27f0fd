from __future__ import annotations

import json
from typing import Any

import pytest
from builders import QUICK, order
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.slack.blocks import check_blocks, check_view
from bot.order import Fit, Kind, Quality, Role, SourceFile
from bot.slack import filled, invitations, modal
from bot.slack.invitations import Wish
from bot.slack.offers import Offer, Prefill, from_value, offer, offers

IMAGE, VIDEO = frozenset({Role.IMAGE}), frozenset({Role.VIDEO})
BOTH, NEITHER = IMAGE | VIDEO, frozenset[Role]()


@pytest.mark.parametrize(
    ("file", "roles"),
    [
        ({"mimetype": "image/png"}, IMAGE),
        ({"mimetype": "image/heic", "name": "a.mp4"}, IMAGE),
        ({"mimetype": "video/quicktime"}, VIDEO),
        ({"mimetype": "image/gif"}, BOTH),
        ({"mimetype": "", "name": "hero.JPG"}, IMAGE),
        ({"mimetype": "", "name": "clip.mov"}, VIDEO),
        ({"name": "upload"}, BOTH),
        ({"mimetype": "application/octet-stream", "name": "x.bin"}, BOTH),
        ({"mimetype": "application/pdf", "name": "a.png"}, NEITHER),
        ({"mimetype": "text/plain"}, NEITHER),
        ({"mimetype": "image/png", "mode": "tombstone"}, NEITHER),
        ({"mimetype": "image/png", "mode": "external"}, NEITHER),
        ({"mimetype": "image/png", "is_external": True}, NEITHER),
        ({"mode": "file_access", "file_access": "check_file_info"}, NEITHER),
    ],
)
def test_a_file_is_offered_for_what_it_may_be(file: dict[str, Any], roles: frozenset[Role]) -> None:
    found = offer({"id": "F1"} | file)
    assert (found.roles if found else NEITHER) == roles


def some(count: int, roles: frozenset[Role] = BOTH, name: str = "n" * 200) -> tuple[Offer, ...]:
    return tuple(Offer(f"F{number:010}", f"{number}{name}", 200_000_000, roles) for number in range(count))


@QUICK
@given(st.text(), st.integers(0, 10**10), st.booleans())
def test_a_choice_comes_back_as_it_was_offered(name: str, size: int, own: bool) -> None:
    (found,) = offers([{"id": "F1", "name": name, "size": size}])
    back = from_value(Offer(found.id, found.name, found.size, found.roles, own).value)
    assert (back.id, back.size, back.uploaded) == ("F1", size, own)
    assert found.name.startswith(back.name)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("count", [1, 2, 98, 150])
def test_the_form_with_many_files_of_long_names_keeps_to_slacks_rules(kind: Kind, count: int) -> None:
    prefill = Prefill(offers=some(count), quality=Quality.PRO, check_person=False, note="n" * 150)
    assert check_view(modal.form(modal.Origin(kind, "C1"), prefill=prefill)) == []
    assert check_view(modal.form(modal.Origin(kind), prefill=prefill)) == []


@pytest.mark.parametrize("count", [0, 1, 2, 50])
@pytest.mark.parametrize("kind", [None, *Kind])
def test_the_answer_to_a_mention_keeps_to_slacks_rules_and_its_button_carries_the_wish(
    kind: Kind | None, count: int
) -> None:
    wish = Wish(prefill=Prefill(quality=Quality.PRO, length=5.0, offers=some(count)), thread="1.2", in_thread=True)
    message = invitations.invitation(wish, kind, invitations.THREAD_CLOSED)
    assert check_blocks(message.blocks) == []
    back = invitations.from_button(message.blocks[1]["elements"][0]["value"])
    assert (back.thread, back.in_thread, back.prefill.quality, back.prefill.length) == ("1.2", True, Quality.PRO, 5.0)
    assert [o.id for o in back.prefill.offers] == [o.id for o in wish.prefill.offers][: len(back.prefill.offers)]
    assert len(back.prefill.offers) == count or count == 50
    assert all(o.roles == BOTH for o in back.prefill.offers)


@pytest.mark.parametrize("name", ["\u202egnp.elif", ":poop:.png", "a\nb.png", "<!channel>.png", "", "\u200b"])
def test_what_a_file_is_called_neither_steers_nor_formats_a_choice(name: str) -> None:
    (found,) = offers([{"id": "F1", "name": name, "mimetype": "image/png"}])
    assert found.label == (name.replace("\u202e", "").replace("\n", " ").replace("\u200b", "") or "file")
    view = modal.form(modal.Origin(Kind.SWAP, "C1"), prefill=Prefill(offers=(found,)))
    (option, _) = view["blocks"][1]["element"]["options"]
    assert option["text"] == {"type": "plain_text", "text": found.label, "emoji": False}


def test_the_same_file_is_never_the_first_choice_for_both() -> None:
    prefill = Prefill(offers=some(2))
    assert (prefill.first(Role.IMAGE), prefill.first(Role.VIDEO)) == prefill.offers
    assert Prefill(offers=some(1)).first(Role.VIDEO) is None
    moving, still = offers([{"id": "F1", "mimetype": "image/gif"}, {"id": "F2", "mimetype": "image/png"}])
    prefill = Prefill(offers=(moving, still))
    assert (prefill.first(Role.IMAGE), prefill.first(Role.VIDEO)) == (still, moving)


def test_the_form_again_has_the_files_and_settings_of_the_order_chosen() -> None:
    before = order(
        kind=Kind.SWAP,
        quality=Quality.PRO,
        watermark=True,
        check_person=False,
        start=65.0,
        length=5.5,
        fit=Fit.PAD,
        image=SourceFile("F8", "hero.png", 10, uploaded=False),
    )
    view = modal.form(modal.Origin(before.kind, "C1"), prefill=Prefill.of(before))
    state: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            initial: Any = {"files": []} if element["type"] == "file_input" else {}
            if "initial_option" in element:
                initial = {"selected_option": element["initial_option"]}
            if element["type"] == "plain_text_input":
                initial = {"value": element.get("initial_value")}
            if element["type"] == "checkboxes":
                initial = {"selected_options": element.get("initial_options", [])}
            state.setdefault(block["block_id"], {})[element["action_id"]] = initial
    form = filled.read(view | {"id": "V1", "state": {"values": json.loads(json.dumps(state))}}, team="T", user="U")
    assert form.errors == {}
    assert form.order == before
