"""The form: what it asks. ``filled.py`` reads what was answered. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.media.limits import LIMITS, MB, MENDABLE
from bot.order import Fit, Kind, Quality, Role
from bot.slack.offers import Prefill
from bot.slack.wording import plain, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.offers import Offer

CALLBACK_ID = "order"

TITLES = {Kind.ANIMATE: "Animate a character", Kind.SWAP: "Swap a person"}
WHICH = {
    Kind.ANIMATE: (
        "*Animate*: your picture moves like the person in the video; the background is the picture's. "
        "To put your character *into* the video, choose *Swap* instead."
    ),
    Kind.SWAP: (
        "*Swap*: your character takes the place of the person in the video; scene, light and camera are the video's. "
        "To make your *picture* move, choose *Animate* instead."
    ),
}
_RIGHTS = (
    "The files will be shown in the job's thread and sent to Alibaba Model Studio. "
    "By starting you confirm that you may use this face and this material."
)
_FITS = {
    Fit.NONE: "Tell me, and do nothing",
    Fit.CROP: "Crop it: keep the middle",
    Fit.PAD: "Keep all of it, with bars beside it",
}
EMPTY = Prefill()
UPLOADED = "upload"  # the choice that is none of the files that are there
SHORTEST, LONGEST = LIMITS[Role.VIDEO].seconds or (0.0, 0.0)
_CHOICES_MOST = 99  # a select holds 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the form was asked for; travels in the form itself. Without a channel the form asks for one."""

    kind: Kind
    channel: str = ""
    thread: str | None = None
    response_url: str | None = field(default=None, repr=False)
    parent: str | None = None  # the job whose button opened the form

    def to_metadata(self) -> str:
        """Return it as text for the view."""
        facts = {"kind": self.kind, "channel": self.channel, "thread": self.thread, "url": self.response_url}
        return json.dumps(facts | {"parent": self.parent})

    @classmethod
    def from_metadata(cls, text: str) -> Origin:
        """Return what ``to_metadata`` was given."""
        data = json.loads(text)
        # A form that was opened before an update names no parent.
        return cls(Kind(data["kind"]), data["channel"], data["thread"], data["url"], data.get("parent"))


def form(origin: Origin, *, prefill: Prefill = EMPTY) -> dict[str, Any]:
    """Return the view that asks for the two files and the options, filled in as far as ``prefill`` goes."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": origin.to_metadata(),
        "title": plain(TITLES[origin.kind]),
        "submit": plain("Start"),
        "close": plain("Not now"),
        "blocks": [
            section(WHICH[origin.kind]),
            *([{"type": "context", "elements": [plain(prefill.note)]}] if prefill.note else []),
            *_role(
                Role.IMAGE,
                "Picture of the character",
                f"One person or figure, whole face visible. {_up_to(Role.IMAGE)}",
                prefill,
            ),
            *_role(Role.VIDEO, "Video of the performance", f"One person. {_up_to(Role.VIDEO)}", prefill),
            *_part(prefill),
            _fit(prefill.fit),
            _quality(prefill.quality),
            _options(prefill),
            *([] if origin.channel else [_conversation()]),
            {"type": "context", "elements": [plain(_RIGHTS)]},
        ],
    }


def notice(kind: Kind, text: str) -> dict[str, Any]:
    """Return the view that stands in the form's place where no form would help."""
    return {"type": "modal", "title": plain(TITLES[kind]), "close": plain("Close"), "blocks": [section(text)]}


def _role(role: Role, label: str, hint: str, prefill: Prefill) -> list[dict[str, Any]]:
    """A file field, and above it the files that are in Slack already: a file field itself can't be filled in."""
    # No list of file types: telephones give files any ending, or none, and what is in a file is looked at anyway.
    element = {"type": "file_input", "action_id": "file", "max_files": 1}
    field = {"type": "input", "block_id": str(role), "label": plain(label), "hint": plain(hint), "element": element}
    candidates = prefill.candidates(role)[:_CHOICES_MOST]
    if not candidates:
        return [field]
    return [
        _choice(role, label, candidates, prefill.first(role)),
        field | {"label": plain(f"{label}: another one"), "optional": True},
    ]


def _choice(role: Role, label: str, candidates: Sequence[Offer], first: Offer | None) -> dict[str, Any]:
    other = _option(UPLOADED, "Another one, which I upload below")
    options = [_option(candidate.value, candidate.label) for candidate in candidates]
    at = candidates.index(first) if first in candidates else len(candidates)
    options.append(other)
    element = {"type": "static_select", "action_id": "file", "options": options, "initial_option": options[at]}
    return {"type": "input", "block_id": here(role), "label": plain(label), "optional": True, "element": element}


def here(role: Role) -> str:
    """Return the block that holds the choices of a role; the block of its upload is called as the role is."""
    return f"{role}_here"


FORM_MB = 100


def _up_to(role: Role) -> str:
    most = MENDABLE[role].size // MB
    if most <= FORM_MB:
        return f"Nearly every format, up to {most} MB."
    # Slack promises no more for a field of a form; a message takes any file.
    return f"Nearly every format, up to {FORM_MB} MB here. Larger: post it, then choose this from its menu (⋮)."


def _part(prefill: Prefill) -> list[dict[str, Any]]:
    start = "Seconds or minutes: 5, 5.5 or 0:05. Empty: from the start."
    length = f"In seconds, {SHORTEST:g} to {LONGEST:g}. Empty: as much as possible."
    return [
        _time("start", "Start of the part to use", start, "0:00", prefill.start),
        _time("length", "Length of that part", length, "30", prefill.length),
    ]


def _time(name: str, label: str, hint: str, example: str, seconds: float | None) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": name, "max_length": 20, "placeholder": plain(example)}
    if seconds is not None:
        element["initial_value"] = f"{seconds:g}"
    block = {"type": "input", "block_id": name, "label": plain(label), "hint": plain(hint), "element": element}
    return block | {"optional": True}


def _fit(chosen: Fit) -> dict[str, Any]:
    options = {fit: _option(fit, text) for fit, text in _FITS.items()}
    element: dict[str, Any] = {"type": "static_select", "action_id": "fit", "options": [*options.values()]}
    element["initial_option"] = options[chosen]
    label = plain("If the picture or the video is too narrow or too wide")
    hint = plain("Shapes from 1:3 to 3:1 are taken as they are.")
    return {"type": "input", "block_id": "fit", "label": label, "hint": hint, "element": element}


def _quality(chosen: Quality) -> dict[str, Any]:
    options = {
        Quality.STANDARD: _option(Quality.STANDARD, "Standard: faster and cheaper, 15 frames a second"),
        Quality.PRO: _option(Quality.PRO, "Pro: smoother and dearer, 25 frames a second"),
    }
    element: dict[str, Any] = {"type": "radio_buttons", "action_id": "quality", "options": [*options.values()]}
    element["initial_option"] = options[chosen]
    return {"type": "input", "block_id": "quality", "label": plain("Quality"), "element": element}


def _options(prefill: Prefill) -> dict[str, Any]:
    check = _option("check_person", "Check the picture for a person first (turn off for mascots and animals)")
    watermark = _option("watermark", "Put an “AI generated” mark into the video")
    element: dict[str, Any] = {"type": "checkboxes", "action_id": "options", "options": [check, watermark]}
    if chosen := [check] * prefill.check_person + [watermark] * prefill.watermark:
        element["initial_options"] = chosen  # Slack takes no empty list here
    return {"type": "input", "block_id": "options", "label": plain("Options"), "optional": True, "element": element}


def _conversation() -> dict[str, Any]:
    element = {
        "type": "conversations_select",
        "action_id": "channel",
        "default_to_current_conversation": True,
        "response_url_enabled": True,
        # Other people's direct messages are closed to every bot.
        "filter": {"include": ["public", "private", "mpim"], "exclude_bot_users": True},
    }
    return {
        "type": "input",
        "block_id": "conversation",
        "label": plain("Where the video goes"),
        "hint": plain("I must be a member there. Leave it empty to get it in our direct messages."),
        "optional": True,
        "element": element,
    }


def _option(value: str, text: str) -> dict[str, Any]:
    return {"text": plain(text), "value": str(value)}
