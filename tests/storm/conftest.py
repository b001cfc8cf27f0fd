"""Fixtures of the practice world whose time is turned by hand (see ``turned.py``)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from turned import Turned, TurnedWorkplace
from world import Files


@pytest.fixture
async def turned(tmp_path: Path, media: Files, renders: Path) -> AsyncIterator[Turned]:
    """Opens practice worlds whose time is turned by hand."""
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> TurnedWorkplace:
            settings = {"LOG_LEVEL": "CRITICAL", **options.pop("settings", {})}
            defaults: dict[str, Any] = {"task_seconds": 0.0, "fast": True, "renders": renders}
            place = TurnedWorkplace(tmp_path / "world", settings=settings, **(defaults | options))
            place.media = media
            stack.push_async_callback(place.stop)
            await place.start()
            return place

        yield opened
