"""Structured logs: one JSON line per event, the job's id bound, nothing in it that opens a door."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Collection

    from structlog.typing import Processor

# In a line of JSON: a quote or a backslash ends the value.
_SECRETS = (
    r"xox[a-z]-[\w-]+",
    r"xapp-[\w-]+",
    r"\bsk-[\w-]{8,}",
    r"(?<=/media/)[\w-]{20,}",
    r"(?<=hooks\.slack\.com/)[^\s\"\\]+",
    r"(?<=files\.slack\.com/upload/)[^\s\"\\]+",  # each such address is its own permission
    r"(?i:(?<=[?&])(?:Signature|OSSAccessKeyId|Expires|x-oss-signature|x-oss-credential|security-token)=[^&\s\"\\]+)",
)
_HIDDEN = "[hidden]"


class Redaction:
    """Takes the known secrets, and whatever looks like one, out of a finished line: nothing can get in behind it."""

    def __init__(self, secrets: Collection[str]) -> None:
        known = sorted((json.dumps(secret)[1:-1] for secret in secrets if secret), key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(re.escape, known), *_SECRETS]))

    def __call__(self, _: Any, __: str, line: str) -> str:
        """Return the line without them."""
        return self._pattern.sub(_HIDDEN, line)


class _NamedLogger:
    """Writes lines at once, several times cheaper than by way of ``logging``, and knows whose they are."""

    def __init__(self, to: TextIO, name: str = "") -> None:
        self._to = to
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line. A full disk costs the line, never the work that it tells of."""
        with suppress(OSError, ValueError):
            self._to.write(f"{line}\n")
            self._to.flush()

    debug = info = warning = error = critical = exception = msg


def configure(level: str, *, secrets: Collection[str] = (), to: TextIO = sys.stderr) -> None:
    """Send every log line, the libraries' too, to ``to`` as one JSON object each."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    ending: list[Any] = [structlog.processors.JSONRenderer(), Redaction(secrets)]
    structlog.configure(
        processors=[*shared, *ending],
        logger_factory=partial(_NamedLogger, to),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # They log whole addresses, and what they have to say is said by the errors they raise.
    for noisy in ("httpx", "httpcore", "aiohttp.access", "slack_sdk", "slack_bolt", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
