from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from bot.errors import SpoolFull
from bot.spool import RESERVE_BYTES, Spool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Spool:
    return Spool(folder, limit=1000)


def put(spool: Spool, job_id: str, name: str, size: int) -> Path:
    path = spool.path(job_id, name)
    path.write_bytes(b"x" * size)
    return path


def test_each_job_has_a_folder_that_only_the_owner_opens(spool: Spool, folder: Path) -> None:
    path = spool.path("J1", "image")
    assert path == folder / "J1" / "image"
    assert {stat.S_IMODE(p.stat().st_mode) for p in (folder, path.parent)} == {0o700}
    assert spool.path("J1", "image") == path


def test_finding_makes_nothing(spool: Spool, folder: Path) -> None:
    assert spool.find("J1", "image") == folder / "J1" / "image"
    assert not (folder / "J1").exists()


def test_a_file_is_held_only_if_it_is_there_whole(spool: Spool) -> None:
    assert not spool.holds("J1", "image", 0)
    put(spool, "J1", "image", 10)
    assert spool.holds("J1", "image", 10)
    assert not spool.holds("J1", "image", 11)
    assert not spool.holds("J1", "video", 10)


def test_a_file_takes_the_place_of_another_or_is_dropped(spool: Spool) -> None:
    put(spool, "J1", "image.came", 10)
    put(spool, "J1", "image", 3)
    spool.rename("J1", "image.came", "image")
    assert spool.size("J1", "image") == 10
    assert not spool.find("J1", "image.came").exists()
    for _ in range(2):
        spool.drop("J1", "image")
    with pytest.raises(FileNotFoundError):
        spool.size("J1", "image")


def test_room_is_up_to_the_limit_and_not_a_byte_more(spool: Spool) -> None:
    put(spool, "J1", "image", 400)
    path = spool.path("J2", "image")
    spool.make_room(path, 600, evictable=[])
    spool.settle(path)
    with pytest.raises(SpoolFull, match="601 bytes"):
        spool.make_room(path, 601, evictable=[])


def test_what_is_promised_is_not_promised_twice(spool: Spool) -> None:
    one, two = spool.path("J1", "image"), spool.path("J2", "image")
    spool.make_room(one, 700, evictable=[])
    with pytest.raises(SpoolFull):
        spool.make_room(two, 301, evictable=[])
    spool.make_room(two, 300, evictable=[])
    spool.settle(one)  # it did not come
    spool.settle(one)
    spool.make_room(spool.path("J3", "image"), 700, evictable=[])


def test_a_file_on_its_way_in_counts_once(spool: Spool) -> None:
    path = spool.path("J1", "image")
    spool.make_room(path, 500, evictable=[])
    path.with_name("image.part").write_bytes(b"x" * 500)
    spool.make_room(spool.path("J2", "image"), 500, evictable=[])


def test_a_file_that_is_here_counts_while_other_files_of_its_name_are_on_their_way(spool: Spool) -> None:
    """The video of J1 came; its picture, and the video of J2, did not yet."""
    put(spool, "J1", "video", 500)
    spool.make_room(spool.path("J1", "image"), 10, evictable=[])
    spool.make_room(spool.path("J2", "video"), 10, evictable=[])
    with pytest.raises(SpoolFull):
        spool.make_room(spool.path("J3", "video"), 500, evictable=[])


def test_a_refused_promise_is_none(spool: Spool) -> None:
    with pytest.raises(SpoolFull):
        spool.make_room(spool.path("J1", "image"), 1001, evictable=[])
    spool.make_room(spool.path("J2", "image"), 1000, evictable=[])


def test_media_are_thrown_out_in_the_order_given_and_no_more_than_needed(spool: Spool) -> None:
    for job_id in ("J1", "J2", "J3"):
        put(spool, job_id, "video", 300)
    spool.make_room(spool.path("J4", "video"), 500, evictable=iter(["J3", "J1", "J2"]))
    assert not spool.holds("J3", "video", 300)
    assert not spool.holds("J1", "video", 300)
    assert spool.holds("J2", "video", 300)


def test_nothing_is_thrown_out_while_there_is_room(spool: Spool) -> None:
    put(spool, "J1", "video", 300)
    spool.make_room(spool.path("J2", "video"), 700, evictable=["J1"])
    assert spool.holds("J1", "video", 300)


def test_a_job_whose_file_is_on_its_way_in_is_not_thrown_out(spool: Spool) -> None:
    """Its folder would be gone when the file is whole, and with it the file that came before."""
    put(spool, "J1", "image", 300)
    coming = spool.path("J1", "video")
    with spool.using("J1"):
        spool.make_room(coming, 300, evictable=[])
        with pytest.raises(SpoolFull):
            spool.make_room(spool.path("J2", "video"), 500, evictable=["J1"])
        assert spool.holds("J1", "image", 300)
        assert coming.parent.is_dir()
    spool.make_room(spool.path("J2", "video"), 500, evictable=["J1"])
    assert not spool.holds("J1", "image", 300)


def test_the_database_keeps_its_room_on_the_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free
    spool = Spool(folder, limit=2**62)
    with pytest.raises(SpoolFull):
        spool.make_room(spool.path("J1", "video"), free - RESERVE_BYTES + 64 * 2**20, evictable=[])


def test_clearing_takes_one_jobs_files_and_may_be_repeated(spool: Spool) -> None:
    put(spool, "J1", "image", 1)
    put(spool, "J2", "image", 1)
    spool.clear("J1")
    spool.clear("J1")
    assert not spool.find("J1", "image").parent.exists()
    assert spool.holds("J2", "image", 1)


def test_sweeping_leaves_the_living(spool: Spool, folder: Path) -> None:
    for job_id in ("J1", "J2", "J3"):
        put(spool, job_id, "image", 1)
    spool.sweep({"J2", "J9"})
    assert [entry.name for entry in folder.iterdir()] == ["J2"]
