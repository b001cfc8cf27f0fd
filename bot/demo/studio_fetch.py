"""The service's side of fetching an input: over HTTP as its crawler does, or from its own temporary storage."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import TYPE_CHECKING

import aiohttp

from bot.demo.studio_media import MAX_BYTES
from bot.demo.studio_state import Fetched, TaskError, new_file
from bot.demo.studio_trouble import Operation
from bot.order import Role

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.studio_state import StudioState, StudioTask
    from bot.demo.studio_storage import TemporaryStorage
    from bot.demo.studio_trouble import Fault, Trouble

USER_AGENT = "Mozilla/5.0 (compatible; DashScopeUserBot/1.0)"
_UNABLE = TaskError("InvalidParameter", "Unable to download the media resource during the data inspection process.")
_BY_STATUS = {
    401: "Don't have authorization to access the media resource.",
    403: "Don't have authorization to access the media resource.",
    404: "Failed to find the requested media resource.",
    410: "Failed to find the requested media resource.",
}


class Fetcher:
    """Fetches inputs into ``folder``, each under the name of its content. Never follows a redirect."""

    def __init__(
        self, state: StudioState, trouble: Trouble, storage: TemporaryStorage, folder: Path, timeout: float
    ) -> None:
        self._state = state
        self._trouble = trouble
        self._storage = storage
        self._folder = folder
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, 10.0))
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the connections' pool."""
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        self._session = aiohttp.ClientSession(headers=headers, timeout=self._timeout, auto_decompress=False)

    async def stop(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def fetch(self, task: StudioTask, role: Role) -> Path:
        """Return where the input lies now, and note it in the task. Raises ``TaskError`` with the vendor's code."""
        if task.asked is None:
            raise TaskError("InternalError", "this task was not made here")
        url = task.asked.url(role)
        fetched = task.fetched[role] = Fetched(began_at=self._state.now())
        self._state.requests[Operation.FETCH] += 1
        fault = self._trouble.draw(Operation.FETCH)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.error is not None:
                raise TaskError(*fault.error)
        if url.startswith("oss://"):
            self._stored(url, task.model, fetched)
        elif url.startswith("data:"):
            raise _no_data_url(role)
        else:
            await self._download(url, role, fetched, fault)
        fetched.ended_at = self._state.now()
        self._state.changed()
        if fetched.path is None:
            raise _UNABLE
        return fetched.path

    def _stored(self, url: str, model: str, fetched: Fetched) -> None:
        stored = self._storage.find(url, model)
        if stored is None:
            raise TaskError("InvalidParameter", _BY_STATUS[404])
        fetched.path, fetched.size, fetched.sha256 = stored.path, stored.size, stored.sha256

    async def _download(self, url: str, role: Role, fetched: Fetched, fault: Fault | None) -> None:
        if self._session is None:
            raise RuntimeError("not started")
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                _check_head(response, role)
                await self._read(response, fetched, None if fault is None else fault.sent)
        except aiohttp.InvalidURL as error:
            raise TaskError("InvalidURL", "The URL is invalid.") from error
        except TimeoutError as error:
            raise TaskError("InvalidURL.Timeout", "Download timeout, please check network connection.") from error
        except aiohttp.ClientConnectorError as error:
            message = f"Connection to {error.host} refused, please provide available URL"
            raise TaskError("InvalidURL.ConnectionRefused", message) from error
        except aiohttp.ClientError as error:
            raise TaskError(_UNABLE.code, _UNABLE.message) from error

    async def _read(self, response: aiohttp.ClientResponse, fetched: Fetched, most: int | None) -> None:
        """Keep the body. With ``most`` the connection is given up after so many bytes, as a bad network would."""
        partial = self._folder / f"{secrets.token_hex(8)}.part"
        digest = hashlib.sha256()
        with new_file(partial) as sink:
            async for chunk in response.content.iter_chunked(1 << 18):
                fetched.size += len(chunk)
                if most is not None and fetched.size > most:
                    raise TaskError(_UNABLE.code, _UNABLE.message)
                digest.update(chunk)
                sink.write(chunk)
        fetched.sha256 = digest.hexdigest()
        fetched.path = partial.replace(self._folder / fetched.sha256)


def _check_head(response: aiohttp.ClientResponse, role: Role) -> None:
    if response.status != 200:
        raise TaskError("InvalidParameter", _BY_STATUS.get(response.status, _UNABLE.message))
    if not response.content_type.startswith(f"{role}/"):
        raise TaskError("InvalidParameter", "Wrong Content-Type of multimodal url")
    if response.content_length is None:
        raise TaskError("InternalError.Algo", "Missing Content-Length of multimodal url")
    if response.content_length > MAX_BYTES[role]:
        raise TaskError("InvalidFile.Size", f"The {role} is too large.")


def _no_data_url(role: Role) -> TaskError:
    if role is Role.VIDEO:
        return TaskError("InvalidVideo.FileFormat", "Invalid video type. Only mp4/mov/avi is supported.")
    return TaskError("InvalidImage.FileFormat", "Failed to decode the image.")
