"""Which of the scopes that the bot needs its installation lacks. Slack names the granted ones with every answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bot.errors import RemoteError
from bot.manifest import SCOPES
from bot.slack.answers import NOTHING_STARTED
from bot.slack.failures import missing_scopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.client import SlackClient

# Without one of these a job would end, paid for, with a video that nobody gets. The others are ways in.
FOR_A_JOB = frozenset({"chat:write", "files:read", "files:write", "im:write"})
ASK_SECONDS = 1.0  # whoever waits for the answer waits three at the most


def lacking(client: SlackClient) -> tuple[str, ...]:
    """Return the scopes that the manifest needs and Slack did not name; none while Slack named no scopes at all."""
    return () if client.scopes is None else tuple(scope for scope in SCOPES if scope not in client.scopes)


async def refusal(client: SlackClient) -> str:
    """Return why no job can be taken, in one sentence, or nothing.

    What is lacking is asked for once more before it is said: an admin may have added it a moment ago.
    """
    if not FOR_A_JOB.intersection(lacking(client)):
        return ""
    with contextlib.suppress(RemoteError, TimeoutError):
        async with asyncio.timeout(ASK_SECONDS):
            await client.read("auth.test")
    missing = [scope for scope in lacking(client) if scope in FOR_A_JOB]
    return nothing_started(missing) if missing else ""


def nothing_started(missing: Sequence[str]) -> str:
    """Return what is said to somebody whose wish these scopes keep from being done."""
    return f"{missing_scopes(missing)} {NOTHING_STARTED}"
