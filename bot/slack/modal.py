"""The form: what it asks, and what was answered. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.job import Fit, Kind, Order, Place, Problem, Quality, Role, SourceFile
from bot.media.limits import LIMITS, MB, MENDABLE, Rule, metadata_problems
from bot.slack.failures import problem
from bot.slack.files import NO_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLBACK_ID = "order"

TITLES = {Kind.ANIMATE: "Animate a character", Kind.SWAP: "Swap a person"}
WHICH = {
    Kind.ANIMATE: (
        "*Animate*: your picture moves like the person in the video; the background is the picture's. "
        "To put your character *into* the video, use `/swap`."
    ),
    Kind.SWAP: (
        "*Swap*: your character takes the place of the person in the video; scene, light and camera are the video's. "
        "To make your *picture* move, use `/animate`."
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
# Seconds with or without a fraction, or minutes and hours before them, as players show a place in a video.
_TIME = re.compile(
    r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{1,3})?)\s*(?:s|sec|seconds)?", re.IGNORECASE | re.ASCII
)
_SHORTEST, _LONGEST = LIMITS[Role.VIDEO].seconds or (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the form was asked for; travels in the form itself."""

    kind: Kind
    channel: str
    thread: str | None = None
    response_url: str | None = field(default=None, repr=False)

    def to_metadata(self) -> str:
        """Return it as text for the view."""
        return json.dumps({"kind": self.kind, "channel": self.channel, "thread": self.thread, "url": self.response_url})

    @classmethod
    def from_metadata(cls, text: str) -> Origin:
        """Return what ``to_metadata`` was given."""
        data = json.loads(text)
        return cls(Kind(data["kind"]), data["channel"], data["thread"], data["url"])


def form(origin: Origin) -> dict[str, Any]:
    """Return the view that asks for the two files and the options."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": origin.to_metadata(),
        "title": _plain(TITLES[origin.kind]),
        "submit": _plain("Start"),
        "close": _plain("Not now"),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": WHICH[origin.kind]}},
            _file(
                Role.IMAGE,
                "Picture of the character",
                f"One person or figure, whole face visible. {_up_to(Role.IMAGE)}",
            ),
            _file(Role.VIDEO, "Video of the performance", f"One person. {_up_to(Role.VIDEO)}"),
            _time(
                "start",
                "Start of the part to use",
                "Seconds or minutes: 5, 5.5 or 0:05. Empty: from the start.",
                "0:00",
            ),
            _time(
                "length",
                "Length of that part",
                f"In seconds, {_SHORTEST:g} to {_LONGEST:g}. Empty: as much as possible.",
                "30",
            ),
            _fit(),
            _quality(),
            _options(),
            {"type": "context", "elements": [_plain(_RIGHTS)]},
        ],
    }


def _file(role: Role, label: str, hint: str) -> dict[str, Any]:
    # No list of file types: telephones give files any ending, or none, and what is in a file is looked at anyway.
    element = {"type": "file_input", "action_id": "file", "max_files": 1}
    return {"type": "input", "block_id": str(role), "label": _plain(label), "hint": _plain(hint), "element": element}


def _up_to(role: Role) -> str:
    return f"Nearly every format, up to {MENDABLE[role].size // MB} MB."


def _time(name: str, label: str, hint: str, example: str) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": name, "max_length": 20, "placeholder": _plain(example)}
    block = {"type": "input", "block_id": name, "label": _plain(label), "hint": _plain(hint), "element": element}
    return block | {"optional": True}


def _fit() -> dict[str, Any]:
    options = [_option(fit, text) for fit, text in _FITS.items()]
    element = {"type": "static_select", "action_id": "fit", "options": options, "initial_option": options[0]}
    label = _plain("If the picture or the video is too narrow or too wide")
    hint = _plain("Shapes from 1:3 to 3:1 are taken as they are.")
    return {"type": "input", "block_id": "fit", "label": label, "hint": hint, "element": element}


def _quality() -> dict[str, Any]:
    standard = _option(Quality.STANDARD, "Standard: faster and cheaper, 15 frames a second")
    pro = _option(Quality.PRO, "Pro: smoother and dearer, 25 frames a second")
    element = {"type": "radio_buttons", "action_id": "quality", "options": [standard, pro], "initial_option": standard}
    return {"type": "input", "block_id": "quality", "label": _plain("Quality"), "element": element}


def _options() -> dict[str, Any]:
    check = _option("check_person", "Check the picture for a person first (turn off for mascots and animals)")
    watermark = _option("watermark", "Put an “AI generated” mark into the video")
    element = {"type": "checkboxes", "action_id": "options", "options": [check, watermark], "initial_options": [check]}
    return {"type": "input", "block_id": "options", "label": _plain("Options"), "optional": True, "element": element}


def _option(value: str, text: str) -> dict[str, Any]:
    return {"text": _plain(text), "value": str(value)}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


@dataclass(frozen=True, slots=True)
class Filled:
    """A submitted form: an order, or a sentence for each field that can't be right."""

    key: str
    order: Order
    place: Place
    errors: Mapping[str, str]


def read(view: Mapping[str, Any], *, team: str, user: str) -> Filled:
    """Return what a submitted form asks for. ``key`` is the same whenever Slack sends the same submission."""
    origin = Origin.from_metadata(view["private_metadata"])
    values = view["state"]["values"]
    files = {role: _files(values, role) for role in Role}
    times = {name: _typed(values, name) for name in ("start", "length")}
    start, length = (_seconds(text) for text in times.values())
    order = Order(
        kind=origin.kind,
        quality=Quality(values["quality"]["quality"]["selected_option"]["value"]),
        watermark="watermark" in _chosen(values),
        check_person="check_person" in _chosen(values),
        start=start or 0.0,
        length=length,
        fit=_chosen_fit(values),
        image=_source(files[Role.IMAGE]),
        video=_source(files[Role.VIDEO]),
    )
    place = Place(team=team, user=user, channel=origin.channel, thread=origin.thread, response_url=origin.response_url)
    errors = {str(role): text for role in Role if (text := _wrong(role, files[role]))}
    errors |= {name: text for name, typed in times.items() if (text := _wrong_time(name, typed))}
    return Filled(f"view:{view['id']}:{user}", order, place, errors)


def _files(values: Mapping[str, Any], role: Role) -> list[Mapping[str, Any]]:
    files: list[Mapping[str, Any]] = values[role]["file"].get("files") or []
    return files


def _typed(values: Mapping[str, Any], name: str) -> str:
    field = values.get(name) or {}  # a form that was opened before an update has none
    return (field.get(name, {}).get("value") or "").strip()


def _chosen_fit(values: Mapping[str, Any]) -> Fit:
    option = (values.get("fit") or {}).get("fit", {}).get("selected_option") or {}
    return Fit(option.get("value", Fit.NONE))


def _seconds(text: str) -> float | None:
    """Return what was typed as seconds; None for nothing, or for what is no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))


def _wrong_time(name: str, text: str) -> str:
    seconds = _seconds(text)
    if text and seconds is None:
        return "I don't understand this time. Write seconds, or minutes and seconds: 5, 5.5 or 0:05."
    if name == "length" and seconds is not None and not _SHORTEST <= seconds <= _LONGEST:
        return f"This must be between {_SHORTEST:g} and {_LONGEST:g} seconds."
    return ""


def _chosen(values: Mapping[str, Any]) -> set[str]:
    return {option["value"] for option in values["options"]["options"].get("selected_options") or []}


def _wrong(role: Role, files: list[Mapping[str, Any]]) -> str:
    if len(files) != 1:
        return "I need exactly one file here."
    return " ".join(problem(found) for found in early_problems(role, files[0]))


def _source(files: list[Mapping[str, Any]]) -> SourceFile:
    if not files:
        return SourceFile("")
    size = files[0].get("size")
    name = str(files[0].get("name") or "").encode(errors="replace").decode()  # half an emoji can't be stored
    return SourceFile(str(files[0]["id"]), name, size if isinstance(size, int) else 0)


def early_problems(role: Role, file: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what a form's file object already rules out; no promise if that is nothing."""
    if file.get("mode") in NO_BYTES or file.get("is_external"):
        return (Problem(role, Rule.CORRUPT),)
    size = file.get("size")
    return metadata_problems(
        role,
        name=str(file.get("name") or ""),
        mimetype=str(file.get("mimetype") or ""),
        size=size if isinstance(size, int) else None,
    )
