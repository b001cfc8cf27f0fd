"""Model Studio's error codes in our words. Source: its error code pages, and codes that real calls were answered with.

A code is looked up without regard to case. Where one code means several things, its message decides.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(StrEnum):
    """What a refused call means for a call that costs money."""

    FINAL = "final"  # nothing was taken, and sending the same again does not help
    LATER = "later"  # nothing was taken; the same may be sent again
    UNSURE = "unsure"  # the service itself does not know


_GROUPS: Mapping[FailureCode, str] = {
    FailureCode.REQUEST: "InvalidParameter BadRequest.EmptyInput BadRequest.EmptyParameters BadRequest.EmptyModel "
    "BadRequest.IllegalInput UnsupportedOperation NotFound Conflict",
    FailureCode.KEY: "InvalidApiKey Endpoint.AccessDenied",
    FailureCode.ACCESS: "AccessDenied AccessDenied.Unpurchased Model.AccessDenied Workspace.AccessDenied "
    "App.AccessDenied ModelNotFound model_not_found WorkSpaceNotFound",
    FailureCode.PAYMENT: "Arrearage AllocationQuota.FreeTierOnly CommodityNotPurchased PrepaidBillOverdue "
    "PostpaidBillOverdue",
    FailureCode.DOWNLOAD: "BadRequest.InputDownloadFailed BadRequest.ResourceNotExist InvalidParameter.DataInspection "
    "InvalidURL InvalidURL.ConnectionRefused InvalidURL.Timeout",
    FailureCode.IMAGE_FORMAT: "InvalidImage.FileFormat InvalidImageFormat",
    FailureCode.IMAGE_SIZE: "InvalidImage.ImageSize InvalidImageResolution InvalidImage.Resolution",
    FailureCode.IMAGE_PERSON: "InvalidImage.NoHumanFace InvalidImage.NoHuman",
    FailureCode.IMAGE_FACE: "InvalidImage.FullFace InvalidImage.FrontBody",
    FailureCode.VIDEO_FORMAT: "InvalidVideo.FileFormat InvalidFile.FPS",
    FailureCode.VIDEO_SIZE: "InvalidVideo.Resolution",
    FailureCode.VIDEO_LENGTH: "InvalidVideo.Duration InvalidFile.Duration",
    FailureCode.VIDEO_PERSON: "InvalidVideo.NoHuman",
    FailureCode.VIDEO_FACE: "InvalidVideo.FullFace InvalidVideo.FrontBody",
    FailureCode.FILE_FORMAT: "BadRequest.UnsupportedFileFormat InvalidFile.Format InvalidFile.Openerror",
    FailureCode.FILE_SIZE: "BadRequest.TooLarge InvalidFile.Size InvalidFile.Resolution InvalidFile.AspectRatio",
    FailureCode.PERSON: "InvalidPerson InvalidFile.NoHuman InvalidFile.FullFace InvalidFile.FrontBody "
    "InvalidFile.BodyProportion InvalidFile.FacePose InvalidFile.FullBody InvalidFile.BodyPose InvalidFile.Content "
    "InvalidFile.Value",
    FailureCode.PEOPLE: "InvalidFile.MultiHuman",
    FailureCode.MODERATION: "DataInspectionFailed data_inspection_failed",
    FailureCode.COPYRIGHT: "IPInfringementSuspect",
    FailureCode.BLOCKED: "CustomRoleBlocked",
    FailureCode.SERVICE: "Throttling Throttling.RateQuota Throttling.BurstRate Throttling.Concurrency "
    "Throttling.AllocationQuota LimitRequests insufficient_quota InternalError InternalError.Algo "
    "InternalError.Upload InternalError.FileUpload SystemError ModelServiceFailed RequestTimeOut ResponseTimeout "
    "ServiceUnavailable ModelUnavailable",
    FailureCode.SERVICE_TIMEOUT: "InternalError.Timeout",
}
CODES: Mapping[str, FailureCode] = {
    **{name: code for code, names in _GROUPS.items() for name in names.split()},
    "NOT AUTHORIZED": FailureCode.KEY,
}
_FOLDED = {name.casefold(): code for name, code in CODES.items()}

# The first that is found in the message decides, for the codes that say too little by themselves.
HINTS: Mapping[str, tuple[tuple[str, FailureCode], ...]] = {
    "InvalidParameter": (
        ("download", FailureCode.DOWNLOAD),
        ("requested media resource", FailureCode.DOWNLOAD),
        ("access the media resource", FailureCode.DOWNLOAD),
        ("of multimodal url", FailureCode.DOWNLOAD),  # a wrong Content-Type
        ("decode the image", FailureCode.IMAGE_FORMAT),
        ("invalid video file", FailureCode.VIDEO_FORMAT),
        ("format is not supported", FailureCode.FILE_FORMAT),
        ("format not supported", FailureCode.FILE_FORMAT),
    ),
    "InternalError.Algo": (("of multimodal url", FailureCode.DOWNLOAD),),  # no Content-Length
    "AccessDenied": (
        ("synchronous calls", FailureCode.REQUEST),  # a header that tells how to be called
        ("policy", FailureCode.REQUEST),
    ),
    "Throttling.AllocationQuota": (("free allocated quota", FailureCode.PAYMENT),),
    "insufficient_quota": (("free allocated quota", FailureCode.PAYMENT),),
}
_FOLDED_HINTS = {name.casefold(): hints for name, hints in HINTS.items()}

# Codes of these families that are not listed mean what the family means.
_FAMILIES: Mapping[str, FailureCode] = {
    "invalidurl.": FailureCode.DOWNLOAD,
    "invalid": FailureCode.INVALID,  # the vendor's lists are incomplete, but its Invalid... codes are deterministic
}
_LATER = ("throttling", "limitrequests", "insufficient_quota")
_UNSURE = frozenset({"requesttimeout", "responsetimeout"})
_DETAIL_MOST = 200
_MESSAGE_MOST = 1000
# Addresses, with or without a scheme or quoted, our own media paths, keys, and whatever is long enough for a token.
_SECRET = re.compile(
    r"[a-z][a-z0-9+.-]*://\S*|\S*%2f\S*|\S*/media/\S*|[\w-]+(?:\.[\w-]+)+(?::\d+)?/\S*|\bsk-[\w*-]+|[\w-]{32,}",
    re.IGNORECASE,
)


def failure_code(code: str, message: str = "") -> FailureCode:
    """Return what a code means. An unknown ``Invalid...`` is about an input, any other unknown one a broken service."""
    folded, said = code.casefold(), message.casefold()
    for needle, meaning in _FOLDED_HINTS.get(folded, ()):
        if needle in said:
            return meaning
    if folded in _FOLDED:
        return _FOLDED[folded]
    family = (meaning for prefix, meaning in _FAMILIES.items() if folded.startswith(prefix))
    return next(family, FailureCode.SERVICE)


def verdict(code: str, message: str = "") -> Verdict:
    """Return what a refusal with this code says about the refused call."""
    folded = code.casefold()
    if folded in _UNSURE:
        return Verdict.UNSURE
    if folded.startswith(_LATER) and failure_code(code, message) is not FailureCode.PAYMENT:
        return Verdict.LATER
    return Verdict.FINAL


def failure_of(code: str, message: str = "") -> Failure:
    """Return a failure that cost nothing. Its detail is the code and the message's beginning, without any address."""
    said = f"{code[:_DETAIL_MOST] or 'no code'}: {message[:_MESSAGE_MOST]}"  # cut first: the patterns are for sentences
    said = "".join(letter if letter.isprintable() else " " for letter in said)
    detail = " ".join(_SECRET.sub("\N{HORIZONTAL ELLIPSIS}", said).split())
    return Failure(failure_code(code, message), detail.rstrip(": ")[:_DETAIL_MOST])
