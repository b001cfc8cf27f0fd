"""What a call must look like: headers and body of a create, and the bearer key of every call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.demo.studio_state import MODELS, MODES, Asked, Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FIELDS: Mapping[str, Mapping[str, type]] = {
    "": {"model": str, "input": dict, "parameters": dict},
    "input": {"image_url": str, "video_url": str, "watermark": bool},
    "parameters": {"mode": str, "check_image": bool},
}
_ON = "enable"


def authenticate(headers: Mapping[str, str], keys: Mapping[str, str]) -> str:
    """Return the id of the key a call was made with. Rejection without a key that is known here."""
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key:
        raise Rejection(401, "InvalidApiKey", "No API-key provided.")
    if key not in keys:
        raise Rejection(401, "InvalidApiKey", "Invalid API-key provided.")
    return keys[key]


def parse_create(headers: Mapping[str, str], body: bytes) -> Asked:
    """Return what a create call asks for. Rejection for anything that the reference does not name, and by its name."""
    if headers.get("X-DashScope-Async") != _ON:
        raise Rejection(403, "AccessDenied", "current user api does not support synchronous calls")
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise _invalid("Content-Type must be application/json")
    parsed = _json(body)
    for part in _FIELDS:
        _check_fields(part, parsed[part] if part else parsed)
    asked = Asked(model=parsed["model"], **parsed["input"], **parsed["parameters"])
    _check_values(asked, resolves=headers.get("X-DashScope-OssResourceResolve") == _ON)
    return asked


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except ValueError as error:
        raise _invalid("the body is no JSON object") from error
    if not isinstance(parsed, dict):
        raise _invalid("the body is no JSON object")
    return parsed


def _without_doubles(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _invalid(f"given twice: {name}")
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _check_fields(part: str, value: dict[str, Any]) -> None:
    wanted = _FIELDS[part]
    prefix = f"{part}." if part else ""
    for name, kind in wanted.items():
        if name not in value:
            raise _invalid(f"Field required: {prefix}{name}")
        if type(value[name]) is not kind:  # a bool is an int to isinstance
            raise _invalid(f"wrong type: {prefix}{name}")
    for name in value:
        if name not in wanted:
            raise _invalid(f"unknown field: {prefix}{name}")


def _check_values(asked: Asked, *, resolves: bool) -> None:
    if asked.model not in MODELS:
        raise Rejection(400, "InvalidParameter", "Model not exist.")
    if asked.mode not in MODES:
        raise _invalid("wrong value: parameters.mode")
    for name, url in (("image_url", asked.image_url), ("video_url", asked.video_url)):
        if not url.startswith(("http://", "https://", "oss://", "data:")) or not url.isascii() or not url.isprintable():
            raise Rejection(400, "InvalidURL", f"The input.{name} is no valid URL.")
        if url.startswith("oss://") and not resolves:
            message = "Unable to download the media resource during the data inspection process."
            raise Rejection(400, "InvalidParameter.DataInspection", message)


def _invalid(message: str) -> Rejection:
    return Rejection(400, "InvalidParameter", f"Required parameter(s) missing or invalid: {message}")
