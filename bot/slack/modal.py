"""The form: what it asks, and what was answered. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.job import Kind, Order, Place, Problem, Quality, Role, SourceFile
from bot.media.limits import Rule, metadata_problems
from bot.slack.failures import problem
from bot.slack.files import NO_BYTES
from bot.slack.offers import Prefill, from_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.offers import Offer

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
EMPTY = Prefill()
_UPLOADED = "upload"  # the choice that is none of the files that are there
_NO_FILE = SourceFile("")
_CHOICES_MOST = 99  # a select holds 100
_BOTH = "This, or the file chosen above? Choose “Another one” above, or take this one away."


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the form was asked for; travels in the form itself. Without a channel the form asks for one."""

    kind: Kind
    channel: str = ""
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


def form(origin: Origin, *, prefill: Prefill = EMPTY) -> dict[str, Any]:
    """Return the view that asks for the two files and the options, filled in as far as ``prefill`` goes."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": origin.to_metadata(),
        "title": _plain(TITLES[origin.kind]),
        "submit": _plain("Start"),
        "close": _plain("Not now"),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": WHICH[origin.kind]}},
            *([{"type": "context", "elements": [_plain(prefill.note)]}] if prefill.note else []),
            *_picture(prefill),
            *_video(prefill),
            _quality(prefill.quality),
            _options(prefill),
            *([] if origin.channel else [_conversation()]),
            {"type": "context", "elements": [_plain(_RIGHTS)]},
        ],
    }


def _picture(prefill: Prefill) -> list[dict[str, Any]]:
    hint = "One person or figure, whole face visible. Up to 5 MB."
    return _role(Role.IMAGE, "Picture of the character", hint, _PICTURES, prefill)


def _video(prefill: Prefill) -> list[dict[str, Any]]:
    hint = "One person, 2 to 30 seconds. Up to 200 MB."
    return _role(Role.VIDEO, "Video of the performance", hint, _VIDEOS, prefill)


def _role(role: Role, label: str, hint: str, filetypes: list[str], prefill: Prefill) -> list[dict[str, Any]]:
    """A file field, and above it the files that are in Slack already: a file field itself can't be filled in."""
    element = {"type": "file_input", "action_id": "file", "filetypes": filetypes, "max_files": 1}
    field = {"type": "input", "block_id": str(role), "label": _plain(label), "hint": _plain(hint), "element": element}
    candidates = prefill.candidates(role)[:_CHOICES_MOST]
    if not candidates:
        return [field]
    return [
        _choice(role, label, candidates, prefill.first(role)),
        field | {"label": _plain(f"{label}: another one"), "optional": True},
    ]


def _choice(role: Role, label: str, candidates: Sequence[Offer], first: Offer | None) -> dict[str, Any]:
    other = _option(_UPLOADED, "Another one, which I upload below")
    options = [_option(candidate.value, candidate.label) for candidate in candidates]
    at = candidates.index(first) if first in candidates else len(candidates)
    options.append(other)
    element = {"type": "static_select", "action_id": "file", "options": options, "initial_option": options[at]}
    return {"type": "input", "block_id": _here(role), "label": _plain(label), "optional": True, "element": element}


def _here(role: Role) -> str:
    return f"{role}_here"


def _quality(chosen: Quality) -> dict[str, Any]:
    options = {
        Quality.STANDARD: _option(Quality.STANDARD, "Standard: faster and cheaper, 15 frames a second"),
        Quality.PRO: _option(Quality.PRO, "Pro: smoother and dearer, 25 frames a second"),
    }
    element: dict[str, Any] = {"type": "radio_buttons", "action_id": "quality", "options": [*options.values()]}
    element["initial_option"] = options[chosen]
    return {"type": "input", "block_id": "quality", "label": _plain("Quality"), "element": element}


def _options(prefill: Prefill) -> dict[str, Any]:
    check = _option("check_person", "Check the picture for a person first (turn off for mascots and animals)")
    watermark = _option("watermark", "Put an “AI generated” mark into the video")
    element: dict[str, Any] = {"type": "checkboxes", "action_id": "options", "options": [check, watermark]}
    if chosen := [check] * prefill.check_person + [watermark] * prefill.watermark:
        element["initial_options"] = chosen  # Slack takes no empty list here
    return {"type": "input", "block_id": "options", "label": _plain("Options"), "optional": True, "element": element}


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
        "label": _plain("Where the video goes"),
        "hint": _plain("I must be a member there. Leave it empty to get it in our direct messages."),
        "optional": True,
        "element": element,
    }


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


def read(view: Mapping[str, Any], *, team: str, user: str, addresses: Sequence[Mapping[str, Any]] = ()) -> Filled:
    """Return what a submitted form asks for. ``key`` is the same whenever Slack sends the same submission.

    ``addresses`` are the submission's ``response_urls``, there only if the form asked for the conversation.
    """
    origin = Origin.from_metadata(view["private_metadata"])
    values = view["state"]["values"]
    given = {role: _given(values, role) for role in Role}
    order = Order(
        kind=origin.kind,
        quality=Quality(values["quality"]["quality"]["selected_option"]["value"]),
        watermark="watermark" in _chosen(values),
        check_person="check_person" in _chosen(values),
        image=given[Role.IMAGE].source,
        video=given[Role.VIDEO].source,
    )
    errors = {file.field: file.error for file in given.values() if file.error}
    return Filled(f"view:{view['id']}:{user}", order, _place(origin, values, team, user, addresses), errors)


def _place(
    origin: Origin, values: Mapping[str, Any], team: str, user: str, addresses: Sequence[Mapping[str, Any]]
) -> Place:
    if origin.channel:
        url = origin.response_url
        return Place(team=team, user=user, channel=origin.channel, thread=origin.thread, response_url=url)
    chosen = values["conversation"]["channel"].get("selected_conversation")
    url = next((str(a["response_url"]) for a in addresses if chosen and a.get("channel_id") == chosen), None)
    # A message to a person's id goes into their direct messages with the bot.
    return Place(team=team, user=user, channel=chosen or user, response_url=url)


@dataclass(frozen=True, slots=True)
class _Given:
    """What one role's two fields say: a file, or under which field what is wrong."""

    source: SourceFile
    field: str
    error: str


def _given(values: Mapping[str, Any], role: Role) -> _Given:
    uploads: list[Mapping[str, Any]] = values[role]["file"].get("files") or []
    here = values.get(_here(role))
    value = ((here["file"].get("selected_option") or {}).get("value") if here else None) or _UPLOADED
    if value != _UPLOADED:
        if uploads:
            return _Given(_NO_FILE, str(role), _BOTH)
        source = from_value(value)
        found = metadata_problems(role, name=source.name, mimetype="", size=source.size or None)
        return _Given(source, _here(role), " ".join(problem(each) for each in found))
    if not uploads and here:
        return _Given(_NO_FILE, _here(role), "Choose a file here, or upload one below.")
    if len(uploads) != 1:
        return _Given(_NO_FILE, str(role), "I need exactly one file here.")
    return _Given(_source(uploads[0]), str(role), " ".join(problem(each) for each in early_problems(role, uploads[0])))


def _chosen(values: Mapping[str, Any]) -> set[str]:
    return {option["value"] for option in values["options"]["options"].get("selected_options") or []}


def _source(file: Mapping[str, Any]) -> SourceFile:
    size = file.get("size")
    name = str(file.get("name") or "").encode(errors="replace").decode()  # half an emoji can't be stored
    return SourceFile(str(file["id"]), name, size if isinstance(size, int) else 0)


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
