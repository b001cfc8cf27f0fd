"""The service's finished videos, fetched from where it keeps them for 24 hours (``bot.delivery.ResultSource``)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from bot.errors import Refused, Unreachable
from bot.failure import Failure, FailureCode
from bot.transfer import Rejected, TooLarge, download

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import aiohttp
    from yarl import URL

    from bot.job import Result

log = structlog.get_logger(__name__)

# The vendor publishes no list of its result hosts; all that were seen belong to this domain.
RESULT_DOMAIN = "aliyuncs.com"


class StudioResults:
    """Fetches results without any credentials, from the vendor's domain or the origin that the settings name."""

    def __init__(self, media: aiohttp.ClientSession, *, base_url: str) -> None:
        self._media = media
        self._trusted = urlsplit(base_url).hostname

    async def fetch(self, result: Result, to: Path, *, at_most: int) -> int:
        """Bring the whole video and return its bytes. Unreachable: try again. Refused: it is gone for good."""
        try:
            return await download(self._media, result.url, to, at_most=at_most, authorize=self._authorize)
        except Rejected as error:
            if error.status in {403, 404, 410}:  # object storage answers an expired signature with 403
                raise Refused(str(error), failure=Failure(FailureCode.RESULT_GONE, str(error.status))) from error
            raise Unreachable(str(error)) from error
        except TooLarge as error:
            raise Unreachable(str(error)) from error

    def _authorize(self, url: URL) -> Mapping[str, str]:
        host = url.host or ""
        if host != self._trusted and not host.endswith(f".{RESULT_DOMAIN}"):
            log.error("a result's address leads to an unknown host", host=host)
            raise Unreachable("a result at an unknown host")
        return {}
