"""The Web API's ``files.*`` methods, external upload included; its bytes go to the file host."""

from __future__ import annotations

import mimetypes
import secrets
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bot.demo.slack.access import existing_file, postable_channel, thread_root
from bot.demo.slack.arguments import Answer, Arguments, Method, Refusal
from bot.demo.slack.blocks import check_blocks, filled_in
from bot.demo.slack.model import Message, Share, SlackFile, UploadAddress
from bot.demo.slack.wire import full_file_json

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import Channel

_TYPES = {"jpeg": "jpg", "jpe": "jpg", "qt": "mov"}
_KINDS = {
    "heic": "image/heic",
    "avif": "image/avif",
    "webp": "image/webp",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
}


def describe(name: str) -> tuple[str, str]:
    """What Slack makes of a file's name: its mimetype and filetype."""
    suffix = PurePosixPath(name).suffix.lower().removeprefix(".")
    if not suffix:
        return "application/octet-stream", "binary"
    guessed = _KINDS.get(suffix) or mimetypes.guess_type(f"x.{suffix}")[0]
    return guessed or "application/octet-stream", _TYPES.get(suffix, suffix)


def new_file(backend: Backend, name: str, size: int, *, user: str, mimetype: str | None = None) -> SlackFile:
    """Enter a file into the workspace. Its bytes are expected at its ``path``."""
    world = backend.world
    guessed, filetype = describe(name)
    file = SlackFile(
        id=world.new_id("F"),
        name=name,
        title=name,
        user=user,
        size=size,
        path=backend.folder,
        mimetype=guessed if mimetype is None else mimetype,
        filetype=filetype,
        created=world.clock(),
        described_at=world.clock() + backend.conduct.describe_delay,
    )
    file.path = backend.folder / file.id
    world.files[file.id] = file
    return file


def share(backend: Backend, files: list[SlackFile], message: Message) -> Message:
    """Post a message that carries files, and note on each where it was shared."""
    message.files = [file.id for file in files]
    for file in files:
        file.shares.append(Share(message.channel, message.ts, message.user, message.thread_ts))
    return backend.world.post(message)


def _info(backend: Backend, arguments: Arguments) -> Answer:
    file = existing_file(backend, arguments.text("file"))
    return {"file": full_file_json(file, backend), "comments": [], "response_metadata": {"next_cursor": ""}}


def _delete(backend: Backend, arguments: Arguments) -> Answer:
    file = existing_file(backend, arguments.text("file"))
    if file.user != backend.world.bot.id:
        raise Refusal("cant_delete_file")
    delete_file(file)
    return {}


def delete_file(file: SlackFile) -> None:
    """Let a file's bytes go; its messages keep a tombstone."""
    file.deleted = True
    file.path.unlink(missing_ok=True)


def _get_upload_url(backend: Backend, arguments: Arguments) -> Answer:
    name, length = arguments.text("filename"), arguments.number("length", 0)
    if not name or length <= 0:
        raise Refusal("missing_argument")
    if backend.conduct.uploads == "none":
        raise Refusal("file_uploads_disabled")
    if backend.conduct.uploads == "images" and not describe(name)[0].startswith("image/"):
        raise Refusal("file_uploads_except_images_disabled")
    if length > backend.conduct.max_file_size:
        raise Refusal("file_upload_size_restricted")
    file = new_file(backend, name, length, user=backend.world.bot.id)
    file.uploaded = file.complete = False
    file.alt_text = arguments.maybe("alt_txt")
    at = backend.world.clock() + backend.conduct.upload_lifetime
    address = UploadAddress(token=secrets.token_urlsafe(24), file=file.id, length=length, expires_at=at)
    backend.world.uploads[address.token] = address
    return {"upload_url": f"{backend.url}/upload/v1/{address.token}", "file_id": file.id}


def _complete(backend: Backend, arguments: Arguments) -> Answer:
    files = _uploaded_files(backend, arguments)
    channels = _destinations(backend, arguments)
    thread = thread_root(channels[0], arguments.maybe("thread_ts")) if channels else None
    blocks = arguments.data("blocks", "invalid_blocks_format") or []
    if blocks and (problems := check_blocks(blocks)):
        raise Refusal("invalid_blocks", *problems)
    comment = arguments.text("initial_comment")
    for file in files:
        file.complete = True
        file.completed += 1
    for channel in channels:
        _share_soon(backend, files, channel, thread=thread, text=comment, blocks=[] if comment else filled_in(blocks))
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


def _uploaded_files(backend: Backend, arguments: Arguments) -> list[SlackFile]:
    entries = arguments.data("files")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise Refusal("invalid_arguments", "must be an array of objects [json-pointer:/files]")
    known = {"id", "title", "highlight_type", "alt_txt"}
    if unknown := {name for entry in entries for name in entry} - known:
        raise Refusal(
            "invalid_arguments", *(f"unknown field: {name} [json-pointer:/files]" for name in sorted(unknown))
        )
    return [_uploaded_file(backend, entry) for entry in entries]


def _uploaded_file(backend: Backend, entry: dict[str, Any]) -> SlackFile:
    file = backend.world.files.get(str(entry.get("id", "")))
    if file is None or not file.uploaded or file.user != backend.world.bot.id:
        raise Refusal("file_not_found")
    if file.deleted:
        raise Refusal("file_deleted")
    file.title = str(entry.get("title") or file.title)
    file.alt_text = entry.get("alt_txt") or file.alt_text
    return file


def _destinations(backend: Backend, arguments: Arguments) -> list[Channel]:
    single = arguments.maybe("channel_id")
    keys = [single] if single else arguments.names("channels")
    if len(keys) > 100:
        raise Refusal("invalid_arguments", "no more than 100 items allowed [json-pointer:/channels]")
    if len(keys) != 1 and "thread_ts" in arguments:
        raise Refusal("invalid_arguments", "thread_ts needs a single channel [json-pointer:/thread_ts]")
    return [postable_channel(backend, key, files=True) for key in keys]


def _share_soon(
    backend: Backend,
    files: list[SlackFile],
    channel: Channel,
    *,
    thread: str | None,
    text: str,
    blocks: list[dict[str, Any]],
) -> None:
    # Known at Slack (python-slack-sdk 1818, 1575): alt_txt on what is no image, and the share never happens.
    visible = [f for f in files if not f.alt_text or f.mimetype.startswith("image/")]
    if backend.conduct.share_delay is None or not visible:
        return

    def appear() -> None:
        message = Message(
            ts=backend.world.new_ts(),
            channel=channel.id,
            user=backend.world.bot.id,
            bot_id=backend.world.bot.bot_id,
            text=text,
            blocks=blocks,
            thread_ts=thread,
        )
        share(backend, visible, message)

    backend.later(backend.conduct.share_delay, appear)


METHODS = (
    Method(
        name="files.info",
        handler=_info,
        required=frozenset({"file"}),
        optional=frozenset({"count", "cursor", "limit", "page"}),
        scope="files:read",
        accepts_json=False,
        per_minute=100,
    ),
    Method(name="files.delete", handler=_delete, required=frozenset({"file"}), scope="files:write"),
    Method(
        name="files.getUploadURLExternal",
        handler=_get_upload_url,
        required=frozenset({"filename", "length"}),
        optional=frozenset({"alt_txt", "snippet_type"}),
        scope="files:write",
        accepts_json=False,
        per_minute=100,
    ),
    Method(
        name="files.completeUploadExternal",
        handler=_complete,
        required=frozenset({"files"}),
        optional=frozenset(
            {"channel_id", "channels", "thread_ts", "initial_comment", "blocks", "username", "icon_emoji", "icon_url"}
        ),
        scope="files:write",
        per_minute=100,
    ),
)
