"""The form: what it asks, and what was answered. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.job import Kind, Order, Place, Problem, Quality, Role, SourceFile
from bot.media.limits import Rule, metadata_problems
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
_PICTURES = ["jpg", "jpeg", "png", "bmp", "webp"]
_VIDEOS = ["mp4", "mov", "avi"]


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
                "One person or figure, whole face visible. Up to 5 MB.",
                _PICTURES,
            ),
            _file(Role.VIDEO, "Video of the performance", "One person, 2 to 30 seconds. Up to 200 MB.", _VIDEOS),
            _quality(),
            _options(),
            {"type": "context", "elements": [_plain(_RIGHTS)]},
        ],
    }


def _file(role: Role, label: str, hint: str, filetypes: list[str]) -> dict[str, Any]:
    element = {"type": "file_input", "action_id": "file", "filetypes": filetypes, "max_files": 1}
    return {"type": "input", "block_id": str(role), "label": _plain(label), "hint": _plain(hint), "element": element}


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
    order = Order(
        kind=origin.kind,
        quality=Quality(values["quality"]["quality"]["selected_option"]["value"]),
        watermark="watermark" in _chosen(values),
        check_person="check_person" in _chosen(values),
        image=_source(files[Role.IMAGE]),
        video=_source(files[Role.VIDEO]),
    )
    place = Place(team=team, user=user, channel=origin.channel, thread=origin.thread, response_url=origin.response_url)
    errors = {str(role): text for role in Role if (text := _wrong(role, files[role]))}
    return Filled(f"view:{view['id']}:{user}", order, place, errors)


def _files(values: Mapping[str, Any], role: Role) -> list[Mapping[str, Any]]:
    files: list[Mapping[str, Any]] = values[role]["file"].get("files") or []
    return files


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
