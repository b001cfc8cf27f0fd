"""A form that was filled in: the order it makes, or what can't be right under which field. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.media.limits import metadata_problems
from bot.order import Fit, Order, Place, Quality, Role, SourceFile
from bot.slack.failures import problem
from bot.slack.files import NO_BYTES, described_problems, name_of, size_of
from bot.slack.modal import LONGEST, SHORTEST, UPLOADED, Origin, here
from bot.slack.offers import from_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NO_FILE = SourceFile("")
_BOTH = "This, or the file chosen above? Choose “Another one” above, or take this one away."
_NO_BYTES = "Slack doesn't have this file itself: it was deleted, or is only a link or a text. Upload the file."
# Seconds with or without a fraction, or minutes and hours before them, as players show a place in a video.
_TIME = re.compile(
    r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{1,3})?)\s*(?:s|sec|seconds)?", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A submitted form: an order, or a sentence for each field that can't be right."""

    key: str
    order: Order
    place: Place
    errors: Mapping[str, str]
    parent: str | None = None  # the job that this one follows


def read(view: Mapping[str, Any], *, team: str, user: str, addresses: Sequence[Mapping[str, Any]] = ()) -> Filled:
    """Return what a submitted form asks for. ``key`` is the same whenever Slack sends the same submission.

    ``addresses`` are the submission's ``response_urls``, there only if the form asked for the conversation.
    """
    origin = Origin.from_metadata(view["private_metadata"])
    values = view["state"]["values"]
    given = {role: _given(values, role) for role in Role}
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
        image=given[Role.IMAGE].source,
        video=given[Role.VIDEO].source,
    )
    errors = {file.field: file.error for file in given.values() if file.error}
    errors |= {name: text for name, typed in times.items() if (text := _wrong_time(name, typed))}
    place = _place(origin, values, team, user, addresses)
    return Filled(f"view:{view['id']}:{user}", order, place, errors, origin.parent)


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
    select = values.get(here(role))
    value = ((select["file"].get("selected_option") or {}).get("value") if select else None) or UPLOADED
    if value != UPLOADED:
        if uploads:
            return _Given(_NO_FILE, str(role), _BOTH)
        source = from_value(value)
        found = metadata_problems(role, name=source.name, mimetype="", size=source.size or None)
        return _Given(source, here(role), " ".join(problem(each) for each in found))
    if not uploads and select:
        return _Given(_NO_FILE, here(role), "Choose a file here, or upload one below.")
    if len(uploads) != 1:
        return _Given(_NO_FILE, str(role), "I need exactly one file here.")
    return _Given(_source(uploads[0]), str(role), _early(role, uploads[0]))


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
    if name == "length" and seconds is not None and not SHORTEST <= seconds <= LONGEST:
        return f"This must be between {SHORTEST:g} and {LONGEST:g} seconds."
    return ""


def _chosen(values: Mapping[str, Any]) -> set[str]:
    return {option["value"] for option in values["options"]["options"].get("selected_options") or []}


def _source(file: Mapping[str, Any]) -> SourceFile:
    return SourceFile(str(file["id"]), name_of(file), size_of(file) or 0)


def _early(role: Role, file: Mapping[str, Any]) -> str:
    """What a form's file object already rules out; no promise if that is nothing."""
    if file.get("mode") in NO_BYTES or file.get("is_external"):
        return _NO_BYTES
    return " ".join(problem(each) for each in described_problems(role, file))
