"""The vendor's temporary storage: upload policies, the upload form, and objects that one model may fetch."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from aiohttp import BodyPartReader, web

from bot.demo.studio_state import DAY, MODELS, Rejection, new_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aiohttp import MultipartReader

    from bot.demo.studio_state import StudioState

_FORM = (
    "OSSAccessKeyId",
    "Signature",
    "policy",
    "x-oss-object-acl",
    "x-oss-forbid-overwrite",
    "key",
    "success_action_status",
)
_OPTIONAL = "x-oss-content-type"
_ACCESS_KEY = "LTAI-practice"
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A permission to upload under one folder, for one model."""

    text: str
    signature: str
    folder: str
    model: str
    expires_at: float
    max_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An uploaded object."""

    path: Path
    model: str
    at: float
    size: int
    sha256: str


class TemporaryStorage:
    """Hands out policies and takes files. ``objects`` are by key, without the ``oss://``."""

    def __init__(self, state: StudioState, folder: Path) -> None:
        self.policy_seconds = 300
        self.max_size_mb = 100
        self.objects: dict[str, Stored] = {}
        self._state = state
        self._folder = folder
        self._policies: dict[str, Policy] = {}

    def policy(self, query: Mapping[str, str], host: str) -> dict[str, object]:
        """Return the answer's data for a policy request. Each has a folder of its own."""
        model = query.get("model", "")
        if query.get("action") != "getPolicy":
            raise Rejection(400, "InvalidParameter", "Required parameter(s) missing or invalid: action")
        if model not in MODELS:
            raise Rejection(400, "InvalidParameter", "Model not exist.")
        policy = self._new_policy(model)
        return {
            "policy": policy.text,
            "signature": policy.signature,
            "oss_access_key_id": _ACCESS_KEY,
            "upload_host": host,
            "upload_dir": policy.folder,
            "expire_in_seconds": self.policy_seconds,
            "max_file_size_mb": self.max_size_mb,
            "x_oss_object_acl": "private",
            "x_oss_forbid_overwrite": "true",
            "capacity_limit_mb": 999999999,
        }

    def _new_policy(self, model: str) -> Policy:
        now = self._state.now()
        day = time.strftime("%Y-%m-%d", time.gmtime(now))
        folder = f"dashscope-instant/practice/{day}/{secrets.token_hex(16)}"
        text = base64.b64encode(json.dumps({"expiration": now + self.policy_seconds, "dir": folder}).encode()).decode()
        policy = Policy(
            text=text,
            signature=base64.b64encode(secrets.token_bytes(20)).decode(),
            folder=folder,
            model=model,
            expires_at=now + self.policy_seconds,
            max_size=self.max_size_mb << 20,
        )
        self._policies[text] = policy
        return policy

    async def upload(self, request: web.Request) -> web.Response:
        """Take one file by form. The fields' order is checked: everything after the file would be ignored by OSS."""
        if not request.content_type.startswith("multipart/form-data"):
            raise Rejection(412, "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data")
        if request.content_length is None:
            raise Rejection(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        try:
            fields, file = await _form(await request.multipart())
        except ValueError as error:
            raise Rejection(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed.") from error
        policy = self._permitted(fields)
        await self._keep(fields["key"], policy, file)
        return web.Response(status=200)

    def _permitted(self, fields: Mapping[str, str]) -> Policy:
        missing = [name for name in _FORM if name not in fields]
        if missing:
            raise Rejection(403, "AccessDenied", f"Invalid according to Policy: missing {', '.join(missing)}")
        policy = self._policies.get(fields["policy"])
        given = (fields["OSSAccessKeyId"], fields["Signature"])
        if policy is None or given != (_ACCESS_KEY, policy.signature):
            raise Rejection(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
        if self._state.now() >= policy.expires_at:
            raise Rejection(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
        fixed = {"x-oss-object-acl": "private", "x-oss-forbid-overwrite": "true", "success_action_status": "200"}
        name = fields["key"].removeprefix(f"{policy.folder}/")
        wrong = [field for field, value in fixed.items() if fields[field] != value]
        if wrong or name == fields["key"] or not name:
            raise Rejection(403, "AccessDenied", f"Invalid according to Policy: {', '.join(wrong) or 'key'}")
        if fields["key"] in self.objects:
            raise Rejection(409, "FileAlreadyExists", "The object you specified already exists.")
        return policy

    async def _keep(self, key: str, policy: Policy, file: BodyPartReader) -> None:
        path = self._folder / secrets.token_hex(8)
        digest, size = hashlib.sha256(), 0
        with new_file(path) as sink:
            while chunk := await file.read_chunk(_CHUNK):
                size += len(chunk)
                if size > policy.max_size:
                    raise Rejection(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
                digest.update(chunk)
                sink.write(chunk)
        self.objects[key] = Stored(
            path=path, model=policy.model, at=self._state.now(), size=size, sha256=digest.hexdigest()
        )

    def find(self, url: str, model: str) -> Stored | None:
        """The object behind an ``oss://`` address, if it was uploaded for this model less than 48 hours ago."""
        stored = self.objects.get(url.removeprefix("oss://"))
        if stored is None or stored.model != model or self._state.now() - stored.at > 2 * DAY:
            return None
        return stored


async def _form(reader: MultipartReader) -> tuple[dict[str, str], BodyPartReader]:
    """Read the fields up to the file, which must come after all of them, each in its place."""
    fields: dict[str, str] = {}
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise Rejection(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed.")
        if part.name == "file":
            return fields, part
        fields[part.name] = await part.text()
        _check_order(tuple(fields))
    raise Rejection(400, "IncorrectNumberOfFilesInPOSTRequest", "POST requires exactly one file upload per request.")


def _check_order(names: tuple[str, ...]) -> None:
    known = [name for name in (*_FORM, _OPTIONAL) if name in names]
    if list(names) != known:
        raise Rejection(400, "InvalidArgument", f"unknown or out of order: {names[-1]}")


def storage_error(rejection: Rejection) -> web.Response:
    """Say no as object storage does: in XML."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(rejection.code)}</Code><Message>{escape(rejection.message)}</Message></Error>"
    )
    return web.Response(status=rejection.status, text=body, content_type="application/xml")
