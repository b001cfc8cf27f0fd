"""What a practice workspace consists of: plain values, to be read by tests and by whoever draws the workspace.

Times are seconds since the epoch; a ``ts`` is Slack's string form of one, unique in the workspace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Block = dict[str, Any]


class ChannelKind(StrEnum):
    """What sort of conversation it is. The value is the prefix of the scopes that read it."""

    PUBLIC = "channels"
    PRIVATE = "groups"
    DIRECT = "im"
    GROUP = "mpim"


@dataclass(slots=True)
class User:
    """A member of the workspace, or the bot's own user."""

    id: str
    name: str
    real_name: str
    bot_id: str | None = None
    team: str | None = None  # another workspace's, where it is that: they are here by Slack Connect
    guest: bool = False  # sees only the channels that they were asked into


@dataclass(frozen=True, slots=True)
class Version:
    """What a message said from an instant on."""

    at: float
    text: str
    blocks: list[Block]


@dataclass(slots=True, kw_only=True)
class Message:
    """A message everybody in the channel sees. ``versions`` holds each wording, the present one last."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: list[Block] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    bot_id: str | None = None
    subtype: str | None = None
    edited: str | None = None
    deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Ephemeral:
    """A message that one person sees; ``via`` is ``answer``, ``response_url`` or ``chat.postEphemeral``."""

    ts: str
    channel: str
    user: str
    via: str
    text: str = ""
    blocks: list[Block] = field(default_factory=list)
    thread_ts: str | None = None
    deleted: bool = False


@dataclass(slots=True)
class Channel:
    """A conversation. The bot is a member when its user's id is among ``members``."""

    id: str
    name: str
    kind: ChannelKind
    members: list[str]
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def direct(self) -> bool:
        """True for direct messages between two."""
        return self.kind is ChannelKind.DIRECT


@dataclass(slots=True, kw_only=True)
class View:
    """A modal or a Home tab as one person sees it. ``data`` is what the bot sent, with the ids Slack fills in."""

    id: str
    user: str
    data: dict[str, Any]
    hash: str
    root_id: str
    previous_id: str | None = None
    trigger_id: str | None = None
    channel: str | None = None  # where the person was when the view opened
    open: bool = True

    @property
    def blocks(self) -> list[Block]:
        """The view's blocks, ids filled in."""
        blocks: list[Block] = self.data["blocks"]
        return blocks


@dataclass(frozen=True, slots=True)
class Share:
    """One appearance of a file in a conversation."""

    channel: str
    ts: str
    user: str
    thread_ts: str | None = None


@dataclass(slots=True, kw_only=True)
class SlackFile:
    """A file. Between the first and the last step of an external upload it is not ``complete``: nobody sees it."""

    id: str
    name: str
    user: str
    size: int
    path: Path
    title: str = ""
    mimetype: str = ""
    filetype: str = ""
    created: float = 0.0
    described_at: float = 0.0  # mimetype and filetype are empty to others before this
    mode: str = "hosted"
    stub: bool = False  # events carry only its id: ``file_access: check_file_info``
    alt_text: str | None = None
    uploaded: bool = True
    complete: bool = True
    deleted: bool = False
    completed: int = 0  # how often the last step was taken
    shares: list[Share] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Trigger:
    """The short-lived right to open one view."""

    id: str
    user: str
    expires_at: float
    channel: str | None = None
    view_id: str | None = None  # the view the person acted in
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ResponseAddress:
    """The short-lived right to answer one interaction."""

    token: str
    user: str
    channel: str
    expires_at: float
    original: Message | Ephemeral | None = None
    uses: int = 0


@dataclass(slots=True, kw_only=True)
class UploadAddress:
    """Where the bytes of one external upload go, once."""

    token: str
    file: str
    length: int
    expires_at: float
    used: bool = False


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that went wrong before a person's eyes: what they did, and the error Slack showed them."""

    user: str
    action: str
    error: str
