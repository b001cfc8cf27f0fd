"""What is answered to a mention or a direct message that starts nothing yet, with the button to the form. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.order import Kind, Quality, Role
from bot.slack.offers import Offer, Prefill, from_value
from bot.slack.wording import Message, plain, section

if TYPE_CHECKING:
    from collections.abc import Mapping

OPEN: Mapping[str, Kind] = {"form_animate": Kind.ANIMATE, "form_swap": Kind.SWAP}

_LABELS = {Kind.ANIMATE: "Animate…", Kind.SWAP: "Swap…"}
_VALUE_MOST = 2000  # characters of a button's value
_LETTERS = {Role.IMAGE: "i", Role.VIDEO: "v"}

THREAD_CLOSED = (
    "I may not read this thread. Put both files into the message that mentions me, or choose “Animate with this” or "
    "“Swap with this” from a message's menu."
)
THREAD_UNREAD = "I couldn't look at this thread just now."
STRANGER = (
    "Only people of the workspace that I'm installed in can start jobs. Nothing was started; ask somebody there to "
    "mention me with these files."
)


def is_stranger(body: Mapping[str, Any]) -> bool:
    """Return whether an interaction comes from another workspace's people (Slack Connect)."""
    home = body["team"]["id"]
    return bool((body["user"].get("team_id") or home) != home)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is known when the button is made, carried in it: Slack keeps it for us until somebody presses."""

    prefill: Prefill
    thread: str
    in_thread: bool = False  # whether there are other messages in it to look at


def invitation(wish: Wish, kind: Kind | None, note: str = "") -> Message:
    """Return what is missing, in one sentence, and the button that opens the form: both if it may be either."""
    text = " ".join(part for part in (_missing(wish.prefill, kind), note) if part)
    kinds = [kind] if kind else list(Kind)
    actions = {opened: action for action, opened in OPEN.items()}
    elements = [
        {
            "type": "button",
            "action_id": actions[each],
            "text": plain(_LABELS[each]),
            "value": to_value(wish),
        }
        for each in kinds
    ]
    return Message(text, [section(text), {"type": "actions", "elements": elements}])


def _missing(prefill: Prefill, kind: Kind | None) -> str:
    if not prefill.offers and kind is None:
        return "Mention me with `animate` or `swap`, a picture and a video, and I start at once. Or use the form:"
    pictures, videos = (1, 1) if pair(prefill) else (len(prefill.candidates(role)) for role in Role)
    found = f"I found {_number(pictures, 'picture')} and {_number(videos, 'video')} here"
    if (pictures, videos) == (1, 1):
        if kind is not None:
            return f"{found}, but I'm not sure what you want. Have a look at the form:"
        return f"{found}. Shall the picture move like the video (animate), or the character go into it (swap)?"
    return f"{found}; I need one of each. Choose in the form:"


def pair(prefill: Prefill) -> tuple[Offer, Offer] | None:
    """Return picture and video if there are two files and one way to use both; a GIF, say, may be either."""
    image, video = (prefill.candidates(role) for role in Role)
    pairs = [(one, other) for one in image for other in video if one is not other]
    return pairs[0] if len(pairs) == 1 and len(prefill.offers) == len(Role) else None


def _number(count: int, thing: str) -> str:
    return f"{count or 'no'} {thing}{'s' if count > 1 else ''}"


def to_value(wish: Wish) -> str:
    """Return a wish as a button's value. Of many files, those that fit in."""
    prefill = wish.prefill
    files = ["".join(_LETTERS[role] for role in sorted(o.roles)) + " " + o.value for o in prefill.offers]
    facts = {
        "thread": wish.thread,
        "within": wish.in_thread,
        "quality": prefill.quality,
        "start": prefill.start,
        "length": prefill.length,
    }
    while len(text := json.dumps(facts | {"files": files}, ensure_ascii=False)) > _VALUE_MOST:
        files.pop()
    return text


def from_button(value: str) -> Wish:
    """Return what ``to_value`` was given."""
    facts = json.loads(value)
    prefill = Prefill(
        quality=Quality(facts["quality"]),
        start=facts["start"],
        length=facts["length"],
        offers=tuple(_offer(*file.split(" ", 1)) for file in facts["files"]),
    )
    return Wish(prefill=prefill, thread=facts["thread"], in_thread=facts["within"])


def _offer(letters: str, value: str) -> Offer:
    source = from_value(value)
    roles = frozenset(role for role, letter in _LETTERS.items() if letter in letters)
    return replace(Offer(source.id, source.name, source.size, roles), own=source.uploaded)
