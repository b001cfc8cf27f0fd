"""What becomes of files that do not fit as they are: mended, shown, told of, and ready to use in the end."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
from media_making import film
from PIL import Image
from turned import LONG
from world import Files, Opened, Workplace, texts_of

from bot.demo.practice import BotProcess
from bot.demo.slack import UPLOAD, dropped, slack_error, slow
from bot.demo.studio_trouble import fails
from bot.order import Role

if TYPE_CHECKING:
    from bot.demo.slack import Message

PHONE = ("IMG_0001.HEIC", "IMG_0002.MOV")
PART: dict[str, Any] = {"start": "0:05", "length": "3"}


def fetched(workplace: Workplace, role: Role) -> Path:
    """Return what Model Studio fetched."""
    (task,) = workplace.studio.tasks.values()
    path = task.fetched[role].path
    assert path is not None
    return path


def row(workplace: Workplace, name: str) -> Any:
    return json.loads(workplace.rows()[0][name])


async def test_a_telephones_files_are_sent_upright_and_in_the_chosen_part_and_the_card_says_so(
    workplace: Workplace, phone: Files
) -> None:
    await workplace.order("/swap", image=phone.image, video=phone.video, names=PHONE, **PART)
    await workplace.until(lambda: "Done" in workplace.card())

    with Image.open(fetched(workplace, Role.IMAGE)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (768, 1024))
    with av.open(str(fetched(workplace, Role.VIDEO))) as sent:
        stream = sent.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 288, 512)
        assert next(sent.decode(video=0)).rotation == 0
        assert sent.streams.audio
    card = workplace.card()
    assert "Picture: HEIC → JPEG." in card
    assert "HEVC → H.264, cut to 5–8 s of its 45 s, turned upright" in card
    assert "from 0:05, 3 s" in card
    assert "standard · 3.0 s · $0.54" in card
    (video,) = workplace.videos()
    with av.open(str(workplace.slack.world.files[video.files[0]].path)) as delivered:
        stream = delivered.streams.video[0]
        assert stream.height > stream.width
        finished = f"Finished: 3.0 s · {stream.width} × {stream.height} px · 15 fps · "
    ada = workplace.slack.person("ada")
    await ada.press(workplace.said("card")[0], "job_details")
    assert finished in "\n".join(texts_of((await ada.opened_view()).blocks))
    assert row(workplace, "video_mending")["original"]["seconds"] == 45.0
    assert row(workplace, "result")["media"]["fps"] == 15.0


async def test_what_will_be_sent_is_shown_once_with_descriptions(workplaces: Opened, tmp_path: Path) -> None:
    Image.new("RGB", (1000, 300)).save(tmp_path / "wide.png")
    workplace = await workplaces(task_seconds=60.0)
    await workplace.order(image=tmp_path / "wide.png", fit="crop")
    await workplace.until(workplace.previews)
    (preview,) = workplace.previews()
    assert preview.thread_ts == workplace.said("card")[0].ts
    assert "This is what will be sent" in preview.text
    for said in (preview.text, workplace.card()):
        assert "Picture: cropped from 1000 × 300 px to 900 × 300 px." in said
    picture, sheet = (workplace.slack.world.files[file] for file in preview.files)
    assert picture.alt_text == "The picture as it will be sent: PNG, 900 × 300 px"
    assert sheet.alt_text == "Nine frames of the video as it will be sent: 2.0 s, 288 × 512 px"
    assert picture.path.read_bytes() == fetched(workplace, Role.IMAGE).read_bytes()
    with Image.open(sheet.path) as drawn:
        assert drawn.format == "JPEG"
        assert min(drawn.size) > 500
    workplace.studio.finish(next(iter(workplace.studio.tasks)))
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.previews()) == len(workplace.videos()) == 1


def ended(workplace: Workplace) -> bool:
    return any(preview["ended"] for preview in workplace.rows("SELECT * FROM preview"))


async def seen(workplace: Workplace, predicate: Callable[[], Any], within: float = 20.0) -> None:
    """Wait for what nobody outside is told of."""
    async with asyncio.timeout(within):
        while not predicate():  # noqa: ASYNC110 -- it is asked from outside
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("effect", [True, False] if LONG else [])  # every day the simulation does it
async def test_a_preview_whose_answer_was_lost_is_shown_once_whoever_looks(workplaces: Opened, *, effect: bool) -> None:
    workplace = await workplaces(task_seconds=60.0)
    workplace.slack.trouble.next("files.completeUploadExternal", dropped(effect=effect))
    await workplace.order()
    await workplace.until(lambda: workplace.slack.calls.count("files.completeUploadExternal"))
    await workplace.bot.stop()
    await workplace.bot.start()
    await workplace.until(workplace.previews)
    await seen(workplace, partial(ended, workplace))
    assert len(workplace.previews()) == 1


async def test_nothing_is_shown_any_more_once_the_job_has_ended(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=60.0)
    workplace.slack.trouble.next(UPLOAD, None, slow(2.0))
    workplace.studio.trouble.next_tasks(fails("InternalError"))
    await workplace.order()
    await seen(workplace, lambda: workplace.slack.trouble.happened[UPLOAD])
    await workplace.in_state("rendering")
    workplace.studio.finish(next(iter(workplace.studio.tasks)))
    await workplace.until(lambda: workplace.said("failed"))
    await seen(workplace, partial(ended, workplace))
    assert not workplace.slack.calls.count("files.completeUploadExternal")


async def test_a_preview_that_can_not_be_posted_holds_up_nothing(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=1.5)
    workplace.slack.trouble.next(UPLOAD, *[slack_error("internal_error")] * 2)
    workplace.slack.trouble.next("files.completeUploadExternal", slack_error("posting_to_channel_denied"))
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1
    assert not list((workplace.folder / "data" / "spool").iterdir())


@pytest.mark.skipif(not LONG, reason="every day the simulation does it: LONG_TESTS=1")
async def test_killed_while_the_video_is_mended_it_is_mended_by_the_next_bot(workplaces: Opened, phone: Files) -> None:
    workplace = await workplaces(here=False)
    assert isinstance(workplace.bot, BotProcess)
    await workplace.order(image=phone.image, video=phone.video, names=PHONE, length="6")
    data = workplace.folder / "data" / "spool"
    await seen(workplace, lambda: list(data.glob("*/.video-*.making/made")))
    await workplace.bot.kill()
    await workplace.bot.start()
    await workplace.until(lambda: "Done" in workplace.card(), within=30)
    assert len(workplace.videos()) == len(workplace.studio.billed) == 1
    assert "cut to 0–6 s" in workplace.card()
    await seen(workplace, lambda: not list(data.iterdir()))


async def test_mending_shows_how_far_it_is(workplaces: Opened, phone: Files) -> None:
    workplace = await workplaces(task_seconds=600.0)
    said: list[str] = []

    def heard(_: str, message: Message) -> None:
        said.append(str(message.blocks))

    workplace.slack.world.listeners.append(heard)
    await workplace.order(image=phone.image, video=phone.video, names=PHONE, length="8")
    await seen(workplace, lambda: workplace.rows()[0]["state"] != "queued")
    told = [text for text in said if "Making your video fit: " in text]
    assert told
    assert all("of 80 frames" in text for text in told)
    assert "frames" not in json.dumps(workplace.rows())


def silent(source: Path, to: Path) -> None:
    """Write the film without its sound, its index at the end."""
    with av.open(str(source)) as film, av.open(str(to), "w", format="mp4") as made:
        stream = film.streams.video[0]
        copied = made.add_stream_from_template(stream)
        for packet in film.demux(stream):
            if packet.dts is not None:
                packet.stream = copied
                made.mux(packet)


async def finished_with(workplace: Workplace, change: Callable[[Path], Path]) -> Path:
    """Let Model Studio's video be another one; returns what is posted."""
    (task,) = workplace.studio.tasks.values()
    workplace.studio.finish(task.id)

    def changed() -> bool:
        if task.result is not None:
            task.result = change(task.result)
        return task.result is not None

    await workplace.studio.wait_for(changed, within=20)
    await workplace.until(lambda: "Done" in workplace.card())
    (video,) = workplace.videos()
    return workplace.slack.world.files[video.files[0]].path


def arrived(workplace: Workplace) -> bool:
    return any(len([f for f in task.fetched.values() if f.sha256]) == 2 for task in workplace.studio.tasks.values())


@pytest.fixture
async def rendering(workplaces: Opened) -> Workplace:
    workplace = await workplaces(task_seconds=600.0)
    await workplace.order()
    await workplace.studio.wait_for(partial(arrived, workplace))
    await workplace.in_state("rendering")
    return workplace


def soundless(tmp_path: Path, result: Path) -> Path:
    silent(result, tmp_path / "silent.mp4")
    return tmp_path / "silent.mp4"


@pytest.mark.parametrize("lost", [False, True], ids=["kept", "lost"])
async def test_a_soundless_result_gets_its_sound_back(rendering: Workplace, tmp_path: Path, *, lost: bool) -> None:
    if lost:
        shutil.rmtree(next((rendering.folder / "data" / "spool").iterdir()), ignore_errors=True)
    path = await finished_with(rendering, partial(soundless, tmp_path))
    with av.open(str(path)) as posted, av.open(str(rendering.media.video)) as reference:
        stream, sound = posted.streams.video[0], posted.streams.audio[0]
        assert sound.codec_context.name == "aac"
        assert sound.start_time == reference.streams.audio[0].start_time
        assert abs(float(posted.duration or 0) / 1e6 - 2.0) < 0.1
        with av.open(str(tmp_path / "silent.mp4")) as made:
            wanted = [bytes(packet) for packet in made.demux(video=0)]
        assert [bytes(packet) for packet in posted.demux(stream)] == wanted
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")
    assert "2.0 s · " in rendering.card()
    assert "with sound" in rendering.card()


@pytest.mark.skipif(not LONG, reason="one more render: LONG_TESTS=1")
async def test_where_the_reference_can_not_be_had_again_the_video_comes_without_sound(
    rendering: Workplace, tmp_path: Path
) -> None:
    shutil.rmtree(next((rendering.folder / "data" / "spool").iterdir()), ignore_errors=True)
    ada = rendering.slack.person("ada")
    for file in list(rendering.slack.world.files.values()):
        if file.user == ada.id:
            ada.delete_file(file.id)
    path = await finished_with(rendering, partial(soundless, tmp_path))
    with av.open(str(path)) as posted:
        assert not posted.streams.audio
    assert "no sound" in rendering.card()


async def test_a_result_that_can_not_be_finished_is_posted_as_it_came(rendering: Workplace, tmp_path: Path) -> None:
    result = tmp_path / "result.mp4"
    coded = bytearray(film(codec="mpeg4"))
    middle = len(coded) // 2
    coded[middle : middle + 2000] = b"\xff" * 2000  # found only by what reads every picture
    result.write_bytes(coded)
    path = await finished_with(rendering, lambda _: result)
    assert path.read_bytes() == coded
    assert "no sound" in rendering.card()


async def test_a_refused_picture_does_not_wait_for_the_video_that_is_being_mended(
    workplace: Workplace, phone: Files
) -> None:
    await workplace.order(image=b"\x89PNG\r\n\x1a\nbroken", video=phone.video, names=("a.png", PHONE[1]))
    await workplace.until(lambda: "The picture is damaged" in workplace.card())
    assert "The video" not in workplace.card()


async def test_a_part_beyond_the_end_and_a_shape_are_refused_together_with_what_to_do(
    workplace: Workplace, tmp_path: Path
) -> None:
    Image.new("RGB", (1000, 300)).save(tmp_path / "wide.png")
    await workplace.order(image=tmp_path / "wide.png", start="1:30")
    await workplace.until(lambda: "can't use these files" in workplace.card())
    card = workplace.card()
    assert "too narrow or too wide: 1000 × 300 px, the shape may be 1:3–3:1. Choose cropping or bars" in card
    assert "it would start at 90 s, the video is 0–2 s" in card
