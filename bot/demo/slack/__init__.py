"""A stand-in for Slack: a real server on loopback, strict about what it is sent, that misbehaves on demand."""

from __future__ import annotations

from bot.demo.slack.backend import DEFAULT_SCOPES, Conduct
from bot.demo.slack.blocks import Surface, check_blocks, check_view
from bot.demo.slack.calls import Call, Calls
from bot.demo.slack.dispatch import Answer, Delivery, Dispatcher, Kind, sign
from bot.demo.slack.model import (
    Channel,
    ChannelKind,
    Ephemeral,
    Message,
    Mishap,
    Share,
    SlackFile,
    User,
    Version,
    View,
)
from bot.demo.slack.people import Person, Submission
from bot.demo.slack.server import SlackStandIn
from bot.demo.slack.trouble import (
    ANY,
    DOWNLOAD,
    RESPONSE,
    UPLOAD,
    Fault,
    Trouble,
    cut,
    dropped,
    endless,
    html,
    http_status,
    malformed,
    rate_limited,
    redirected,
    slack_error,
    slow,
    trickle,
    wrong_length,
)
from bot.demo.slack.world import World

__all__ = [
    "ANY",
    "DEFAULT_SCOPES",
    "DOWNLOAD",
    "RESPONSE",
    "UPLOAD",
    "Answer",
    "Call",
    "Calls",
    "Channel",
    "ChannelKind",
    "Conduct",
    "Delivery",
    "Dispatcher",
    "Ephemeral",
    "Fault",
    "Kind",
    "Message",
    "Mishap",
    "Person",
    "Share",
    "SlackFile",
    "SlackStandIn",
    "Submission",
    "Surface",
    "Trouble",
    "User",
    "Version",
    "View",
    "World",
    "check_blocks",
    "check_view",
    "cut",
    "dropped",
    "endless",
    "html",
    "http_status",
    "malformed",
    "rate_limited",
    "redirected",
    "sign",
    "slack_error",
    "slow",
    "trickle",
    "wrong_length",
]
