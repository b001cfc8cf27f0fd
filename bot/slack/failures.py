"""What people read when a job ends badly: what happened and what to do. Whether it cost money stands beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.failure import FailureCode
from bot.manifest import SCOPES
from bot.media.limits import Rule
from bot.order import Role
from bot.slack.wording import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.failure import Problem

_NEW_PICTURE = "Try a picture with one person, seen from the front, whole face visible, nothing in front of it."
_NEW_VIDEO = "Try a clip that begins with one person, seen from the front, whole face visible."

SENTENCES: Mapping[FailureCode, tuple[str, str]] = {
    FailureCode.BAD_FILES: ("I can't use these files.", "Fix what is listed and start again."),
    FailureCode.FILE_GONE: ("A file is no longer available in Slack.", "Upload it again and start a new job."),
    FailureCode.FILE_ELSEWHERE: (
        "I can use only files that you upload in the form, or that stand where you asked and where I can see them.",
        "Share the file there (in a private channel, invite me first) or upload it in the form; then start again.",
    ),
    FailureCode.FILE_FORBIDDEN: (
        "Slack does not let me read files: the app lacks the permission.",
        "An admin of this workspace must add the scope and re-install the app; then start again.",
    ),
    FailureCode.FILE_CHANGED: ("A file changed after I checked it.", "Start a new job with the file you want."),
    FailureCode.REQUEST: (
        "Model Studio did not accept my request.",
        "That is not your fault. Tell whoever runs this bot; the Details have the reason.",
    ),
    FailureCode.KEY: (
        "Model Studio did not accept this bot's key.",
        "Whoever runs this bot must check the key, and that it belongs to the region that is set; then start again.",
    ),
    FailureCode.ACCESS: (
        "This bot's account may not use the model.",
        "Whoever runs this bot must activate the model for the account or workspace; then start again.",
    ),
    FailureCode.PAYMENT: (
        "Model Studio wants a bill paid, or the free quota is used up.",
        "Whoever runs this bot must settle that in the Model Studio console; then start again.",
    ),
    FailureCode.DOWNLOAD: (
        "Model Studio could not fetch the files from me.",
        "Start again in a while. If it happens again, whoever runs this bot must check that its public address works.",
    ),
    FailureCode.IMAGE_FORMAT: ("Model Studio can't read the picture.", "Save it as JPEG or PNG and start again."),
    FailureCode.IMAGE_SIZE: (
        "Model Studio refused the picture's size.",
        "Use 200 to 4096 pixels a side and start again.",
    ),
    FailureCode.IMAGE_PERSON: ("Model Studio found no person in the picture.", _NEW_PICTURE),
    FailureCode.IMAGE_FACE: ("Model Studio could not see the whole face in the picture.", _NEW_PICTURE),
    FailureCode.VIDEO_FORMAT: ("Model Studio can't read the video.", "Save it as MP4 (H.264) and start again."),
    FailureCode.VIDEO_SIZE: (
        "Model Studio refused the video's size.",
        "Use 200 to 2048 pixels a side and start again.",
    ),
    FailureCode.VIDEO_LENGTH: ("Model Studio refused the video's length.", "Use 2 to 30 seconds and start again."),
    FailureCode.VIDEO_PERSON: ("Model Studio found no person in the video.", _NEW_VIDEO),
    FailureCode.VIDEO_FACE: ("Model Studio could not see the whole face in the video.", _NEW_VIDEO),
    FailureCode.FILE_FORMAT: (
        "Model Studio can't read one of the files.",
        "Save them as JPEG and MP4 and start again.",
    ),
    FailureCode.FILE_SIZE: (
        "Model Studio refused the size of one of the files.",
        "Use a picture of 200 to 4096 pixels a side and a video of 200 to 2048, and start again.",
    ),
    FailureCode.PERSON: (
        "Model Studio could not work with the person in the picture or the video.",
        "Use one person in both, framed alike, seen from the front, well lit.",
    ),
    FailureCode.PEOPLE: (
        "Model Studio saw more than one person.",
        "Crop the picture and the video to one person each.",
    ),
    FailureCode.MODERATION: (
        "Model Studio's content check stopped this.",
        "It does not say what it minded. Other material may pass; the same will not.",
    ),
    FailureCode.COPYRIGHT: (
        "Model Studio suspects protected material.",
        "Use a character and a clip that you hold the rights to.",
    ),
    FailureCode.BLOCKED: (
        "A content rule of this bot's account stopped this.",
        "Ask whoever runs this bot which rule that is, or use other material.",
    ),
    FailureCode.INVALID: (
        "Model Studio refused one of the files.",
        "Try other material: one person in both, framed alike, seen from the front.",
    ),
    FailureCode.SERVICE: ("Model Studio broke while it worked on this.", "Start again; the same files may well pass."),
    FailureCode.SERVICE_TIMEOUT: (
        "Model Studio gave up after three hours.",
        "Start again, perhaps with a shorter clip.",
    ),
    FailureCode.TASK_LOST: (
        "Model Studio no longer knows this task.",
        "Whoever runs this bot can look for it in the Model Studio console.",
    ),
    FailureCode.TASK_CANCELLED: ("Somebody cancelled this at Model Studio.", "Start again if that was not meant."),
    FailureCode.RESULT_GONE: (
        "The video was made, but Model Studio deleted it before I could fetch it.",
        "Start again, or ask whoever runs this bot what went wrong in the last 24 hours.",
    ),
    FailureCode.RESULT_BROKEN: (
        "Model Studio's video can't be played.",
        "Start again, or ask whoever runs this bot to claim the cost back.",
    ),
    FailureCode.UNANSWERED: (
        "It stayed unclear whether Model Studio started this, and nobody decided for 24 hours.",
        "Start a new job if you still want the video.",
    ),
    FailureCode.UNCOLLECTED: (
        "There was no place where I may post the video, and nobody asked for it for 7 days.",
        "Invite me to a channel and start again.",
    ),
    FailureCode.INTERNAL: (
        "Something broke on my side.",
        "Start again. If it happens again, give the reference to whoever runs this bot.",
    ),
}

FILE = {Role.IMAGE: "picture", Role.VIDEO: "video"}

_BY_RULE: Mapping[str, str] = {
    Rule.EMPTY: "is empty.",
    Rule.KIND: "is the wrong kind of file ({found}); I need {limit} here.",
    Rule.FORMAT: "has a format I can't use ({found}); I take {limit}.",
    Rule.PLAYLIST: "is a list of other files, not a video. Upload the video itself.",
    Rule.CORRUPT: "is damaged or cut off and can't be opened to its end.",
    Rule.NO_VIDEO_STREAM: "has no pictures in it.",
    Rule.CODEC: "is coded in a way I can't read. Save it as H.264.",
    Rule.PIXELS: "has too many pixels to open: {found}, at most {limit}.",
    Rule.PART: "is over before the part that you chose: it would start at {found}, the video is {limit}.",
    Rule.TIMEOUT: "took too long to open.",
    Rule.MEMORY: "took too much memory to open.",
    Rule.SIZE: "is too big: {found}, at most {limit}.",
    Rule.SIDE_MIN: "is too small: {found}, each side at least {limit}.",
    Rule.SIDE_MAX: "is too large: {found}, each side at most {limit}.",
    Rule.SHAPE: ("is too narrow or too wide: {found}, the shape may be {limit}. Choose cropping or bars in the form."),
    Rule.TOO_SHORT: "is too short: {found}, I need {limit}. Use a longer one, or a longer part of it.",
    Rule.TOO_LONG: "is too long: {found}, I need {limit}.",
}


_FOUND_MOST = 80  # characters: there may be twenty of them in one message
_STEERING = re.compile(r"[^\w .,:×–%()/+-]|_")


def harmless(text: str) -> str:
    """Return what a file says of itself so that nothing in it steers or formats."""
    return _STEERING.sub("", text)[:_FOUND_MOST]


def problem(found: Problem) -> str:
    """Return what is wrong with one file as a plain sentence, with the limit and the value found."""
    seen = harmless(found.found) or "unknown"
    text = _BY_RULE[found.rule].format(found=seen, limit=harmless(found.limit))
    return f"The {FILE[found.role]} {text}"


def missing_scopes(scopes: Sequence[str]) -> str:
    """Return which permissions the app was not given, and who must mend that; as plain text, for a form's field."""
    named = ", ".join(f"{escape(scope)} ({SCOPES[scope]})" if scope in SCOPES else escape(scope) for scope in scopes)
    which, them = ("scope", "it") if len(scopes) == 1 else ("scopes", "them")
    return f"The app lacks the {which} {named}. An admin of this workspace must add {them} and re-install the app."
