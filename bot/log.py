"""Structured logs: one JSON line per event, the job's id bound, nothing in it that opens a door."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

    from structlog.typing import Processor

_SECRET = re.compile(
    r"(xox[a-z]-[\w-]+|xapp-[\w-]+|\bsk-[\w-]{8,}"  # tokens and keys
    r"|(?<=/media/)[\w-]{20,}"  # addresses of hosted media
    r"|(?<=hooks\.slack\.com/)\S+|(?<=files\.slack\.com/upload/)\S+"  # each is its own permission
    r"|(?i:(?<=[?&])(?:Signature|OSSAccessKeyId|Expires|x-oss-signature|x-oss-credential|security-token)=[^&\s]+))"
)
_HIDDEN = "[hidden]"


class Redaction:
    """Takes the known secrets, and whatever looks like one, out of every value of a log line."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the line without them."""
        cleaned: MutableMapping[str, Any] = self._clean(event)
        return cleaned

    def _clean(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._clean(name): self._clean(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(inner) for inner in value]
        if value is None or isinstance(value, int | float):
            return value
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _SECRET.sub(_HIDDEN, text)


def configure(level: str, *, secrets: Collection[str] = (), to: TextIO = sys.stderr) -> None:
    """Send every log line, the libraries' too, to ``to`` as one JSON object each."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redaction(secrets),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # They log whole addresses, and what they have to say is said by the errors they raise.
    for noisy in ("httpx", "httpcore", "aiohttp.access", "slack_sdk", "slack_bolt", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
