"""Inputs in Model Studio's temporary storage: no address of our own is needed, but nothing can be taken back.

The vendor offers it for development and tests. Objects live for 48 hours and serve one model of one account.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from bot.errors import Refused
from bot.failure import Failure, FailureCode, Problem
from bot.hosting import Hosted
from bot.media.limits import Rule, content_type, suffix
from bot.transfer import Rejected, upload_form

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import aiohttp

    from bot.job import Media
    from bot.order import Kind, Role
    from bot.studio import Studio, UploadPolicy

LIFETIME_SECONDS = 48 * 3600.0
_MB = 1 << 20
_STORAGE_CODE = re.compile(r"<Code>(\w{1,64})</Code>")  # object storage answers in XML


class ModelStudioHost:
    """Uploads each file under a policy of its own, so that no name is ever taken already."""

    revocable = False

    def __init__(self, studio: Studio, media: aiohttp.ClientSession, *, clock: Callable[[], float]) -> None:
        self._studio = studio
        self._media = media
        self._clock = clock

    async def put(self, path: Path, *, kind: Kind, role: Role, media: Media) -> Hosted:
        """Upload the file for the kind's model. Refused when the storage does not take it, Unreachable to try again.

        A policy lives for minutes: one that ran out is replaced once.
        """
        try:
            return await self._upload(path, kind, role, media)
        except Rejected as error:
            if not _wants_new_policy(error):
                raise _refused(error) from error
        try:
            return await self._upload(path, kind, role, media)
        except Rejected as error:
            raise _refused(error) from error

    async def _upload(self, path: Path, kind: Kind, role: Role, media: Media) -> Hosted:
        policy = await self._studio.upload_policy(kind)
        _check_size(policy, role, media)
        name, began = f"{role}{suffix(media)}", self._clock()
        await upload_form(
            self._media, policy.host, policy.form(name), path, name=name, content_type=content_type(media)
        )
        return Hosted(
            token=secrets.token_urlsafe(32), url=f"oss://{policy.key(name)}", expires_at=began + LIFETIME_SECONDS
        )


def _check_size(policy: UploadPolicy, role: Role, media: Media) -> None:
    if policy.size_most is not None and media.size > policy.size_most:
        detail = f"{role}: {media.size / _MB:.1f} MB, the temporary storage takes {policy.size_most / _MB:g} MB"
        limit = f"{policy.size_most / _MB:g} MB in Model Studio's temporary storage"
        problem = Problem(role, Rule.SIZE, found=f"{media.size / _MB:.1f} MB", limit=limit)
        raise Refused(detail, failure=Failure(FailureCode.BAD_FILES, detail, problems=(problem,)))


def _wants_new_policy(error: Rejected) -> bool:
    return error.status == 409 or (error.status == 403 and "expired" in error.answer)


def _refused(error: Rejected) -> Refused:
    found = _STORAGE_CODE.search(error.answer)
    word = found[1] if found else ""
    if word == "EntityTooLarge":
        code = FailureCode.FILE_SIZE
    else:
        code = FailureCode.ACCESS if error.status in {401, 403} else FailureCode.REQUEST
    return Refused(str(error), failure=Failure(code, f"temporary storage: {error.status} {word}".rstrip()))
