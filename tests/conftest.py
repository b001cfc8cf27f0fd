"""Fixtures of the practice world (see ``world.py``)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from world import COVERAGE, BotHere, Files, Opened, Workplace

from bot.demo import samples, samples_phone
from bot.pace import Pace
from bot.store import Store


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: half of the time of the tests that start a bot is waiting."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("media")
    files = Files(image=folder / "hero.png", video=folder / "dance.mp4")
    samples.character(files.image)
    samples.dancer(files.video, seconds=2.0, size=(288, 512))  # small: hundreds of jobs look at it
    return files


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all its tables and nothing in them."""
    path = tmp_path_factory.mktemp("database") / "jobs.db"
    Store(path, clock=time.time).close()
    return path


@pytest.fixture
def database(tmp_path: Path, new_database: Path) -> Path:
    """A copy of it for one test: to make the tables takes longer than most tests of them."""
    return shutil.copyfile(new_database, tmp_path / "jobs.db")


@pytest.fixture(scope="session")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A HEIC picture and a sideways HEVC film of 45 s."""
    folder = tmp_path_factory.mktemp("phone")
    files = Files(image=folder / "IMG_0001.HEIC", video=folder / "IMG_0002.MOV")
    samples_phone.telephone_picture(files.image)
    samples_phone.telephone_film(files.video)
    return files


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests, so that the same inputs are rendered once."""
    return tmp_path_factory.mktemp("renders")


@pytest.fixture
async def workplaces(tmp_path: Path, media: Files, renders: Path) -> AsyncIterator[Opened]:
    """Opens practice worlds: ``here=True`` with the bot in this process, else with the bot as a process of its own."""
    async with AsyncExitStack() as stack:

        async def opened(*, here: bool = True, started: bool = True, **options: Any) -> Workplace:
            settings = {"POLL_SECONDS": "0.1", "LOG_LEVEL": "WARNING", **options.pop("settings", {})}
            settings |= {} if here else COVERAGE
            pace = options.pop("pace", Pace())
            defaults: dict[str, Any] = {"task_seconds": 0.0, "fast": True, "renders": renders}
            place = Workplace(tmp_path / "world", settings=settings, **(defaults | options))
            place.media = media
            if here:
                place.bot = BotHere(pace=pace)
            stack.push_async_callback(place.stop)
            if started:
                await place.start()
            return place

        yield opened


@pytest.fixture
async def workplace(workplaces: Opened) -> Workplace:
    """One practice world with the bot in this process."""
    return await workplaces()
