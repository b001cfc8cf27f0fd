"""Why a job ended badly, and what that cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.order import Role  # noqa: TC001 -- whoever reads a stored failure asks for its fields' types


class FailureCode(StrEnum):
    """Why a job ended badly, in our words. A service's own code goes into ``Failure.detail``."""

    BAD_FILES = "bad_files"  # looked at and refused by us; ``problems`` says why
    FILE_GONE = "file_gone"  # deleted or hidden at Slack before we had it
    FILE_ELSEWHERE = "file_elsewhere"  # it does not stand where the job was asked for
    FILE_FORBIDDEN = "file_forbidden"  # Slack does not let the app read files
    FILE_CHANGED = "file_changed"  # not what was checked any more
    REQUEST = "request"  # the service did not understand us: our fault
    KEY = "key"  # wrong key, or key of another region
    ACCESS = "access"  # the account may not use this model
    PAYMENT = "payment"  # unpaid bill, or the free quota is used up
    DOWNLOAD = "download"  # the service could not fetch our inputs
    IMAGE_FORMAT = "image_format"
    IMAGE_SIZE = "image_size"
    IMAGE_PERSON = "image_person"  # no person or no face in the picture
    IMAGE_FACE = "image_face"  # face hidden, cut off or turned away in the picture
    VIDEO_FORMAT = "video_format"
    VIDEO_SIZE = "video_size"
    VIDEO_LENGTH = "video_length"
    VIDEO_PERSON = "video_person"
    VIDEO_FACE = "video_face"
    FILE_FORMAT = "file_format"  # one of the two, the service does not say which
    FILE_SIZE = "file_size"
    PERSON = "person"  # none, or its pose or proportions do not fit
    PEOPLE = "people"  # more than one
    MODERATION = "moderation"
    COPYRIGHT = "copyright"
    BLOCKED = "blocked"  # the account's own content rule
    INVALID = "invalid"  # refused for an input by a code we do not know
    SERVICE = "service"  # the service broke and does not recover
    SERVICE_TIMEOUT = "service_timeout"  # three hours without a result
    TASK_LOST = "task_lost"  # the service no longer knows the task
    TASK_CANCELLED = "task_cancelled"  # cancelled at the service by somebody else
    RESULT_GONE = "result_gone"  # paid for, but the result died before we had it
    RESULT_BROKEN = "result_broken"  # paid for, but what came is no video
    UNANSWERED = "unanswered"  # it was unclear whether it was paid for, and nobody decided
    UNCOLLECTED = "uncollected"  # nowhere to post it, kept for a week, not asked for
    INTERNAL = "internal"  # a bug of ours; ``detail`` is the reference


class Spent(StrEnum):
    """What is known about money when a job ends."""

    NOTHING = "nothing"
    MAYBE = "maybe"  # up to the price of one render
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Problem:
    """One limit that one file breaks. ``found`` and ``limit`` are ready to be shown to a person."""

    role: Role
    rule: str  # a key of bot.media.limits.RULES
    found: str = ""
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a job ended badly. ``detail`` is for the log and the Details, never for a first line."""

    code: FailureCode
    detail: str = ""
    problems: tuple[Problem, ...] = ()
    spent: Spent = Spent.NOTHING
