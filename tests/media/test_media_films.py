"""Films made to fit, without the child process around it."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import pytest
from media_making import FAST_VP8, av1_film, edited, film, matrix, scene, with_track
from PIL import Image

from bot.media.finish import index_in_front
from bot.media.limits import Wish
from bot.media.mend import look, prepare
from bot.media.notes import blank
from bot.order import Fit, Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.media.verdict import Verdict

GREEN, RED, BLUE = (20, 200, 20), (220, 20, 20), (20, 20, 220)


def mended(data: bytes, folder: Path, progress: Callable[[int, int], None] | None = None, **wish: Any) -> Verdict:
    (folder / "in").write_bytes(data)
    tell = progress or (lambda done, of: None)
    _, verdict = prepare(folder / "in", Role.VIDEO, Wish(**wish), folder / "made", tell)
    assert verdict.problems == ()
    return verdict


def done(verdict: Verdict) -> list[str]:
    return [mend.change for mend in verdict.mends]


def check_plays_everywhere(path: Path) -> None:
    """An MP4 of H.264 and AAC, 8 bits in 4:2:0, upright, of an even beat, its index in front."""
    found = look(path, Role.VIDEO, thorough=True)
    assert (found.media.format, found.media.codec, found.pixels) == ("mp4", "h264", "yuv420p")
    assert (found.turn, found.square, found.light, found.media.hdr, found.media.variable) == (1, True, "", False, False)
    assert index_in_front(path)
    with av.open(path) as made:
        assert [stream.codec.canonical_name for stream in made.streams.audio] in ([], ["aac"])
        context = made.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)


def stills(path: Path) -> list[Image.Image]:
    with av.open(path) as source:
        moving = max(source.streams.video, key=lambda stream: stream.frames)
        frames: list[Any] = list(source.decode(moving))
        return [frame.to_image() for frame in frames]


def alike(image: Image.Image, place: tuple[float, float], wanted: tuple[int, ...], within: int = 30) -> bool:
    got = image.getpixel((int(image.width * place[0]), int(image.height * place[1])))
    assert isinstance(got, tuple)
    return all(abs(a - b) <= within for a, b in zip(got, wanted, strict=True))


def average(image: Image.Image, box: tuple[int, int, int, int]) -> tuple[int, ...]:
    """The colour of this part as seen from afar: a GIF is made of dots."""
    value = image.convert("RGB").crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(value, tuple)
    return tuple(map(int, value))


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (320, 240)) -> Image.Image:
    return Image.new("RGB", size, colour)


def loudness(path: Path) -> list[tuple[float, float]]:
    """Each bit of sound: when, and how loud at most."""
    with av.open(path) as source:
        heard = []
        for frame in source.decode(audio=0):
            data = memoryview(frame.planes[0]).cast("B").cast("f")
            assert frame.time is not None
            heard += [(frame.time + n / 48000, max(map(abs, data[n : n + 48]))) for n in range(0, frame.samples, 48)]
        return heard


def flash_and_beep(at: float, *, kind: str = "matroska", codec: str = "libx264", speech: str = "aac") -> bytes:
    """4 s at 25 a second: white and loud from ``at`` on, black and silent before."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as made:
        picture: Any = made.add_stream(codec, rate=25, options={"preset": "ultrafast"} if codec == "libx264" else {})
        picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
        sound: Any = made.add_stream(speech, rate=48000, layout="mono")
        for index in range(100):
            frame: Any = av.VideoFrame(320, 240, "yuv420p")
            for plane, light in zip(frame.planes, (235 if index / 25 >= at else 16, 128, 128), strict=True):
                plane.update(bytes([light]) * plane.buffer_size)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            made.mux(picture.encode(frame))
        made.mux(picture.encode())
        speaks = sound.codec_context.format.name
        tone = (_sample(speaks, 0.5) * 24 + _sample(speaks, 0.0) * 24) * 20
        for index in range(200):
            beep: Any = av.AudioFrame(format=sound.codec_context.format.name, layout="mono", samples=960)
            loud = index * 0.02 >= at
            beep.planes[0].update(tone if loud else bytes(len(tone)))
            beep.sample_rate, beep.pts, beep.time_base = 48000, index * 960, Fraction(1, 48000)
            made.mux(sound.encode(beep))
        made.mux(sound.encode())
    return file.getvalue()


def _sample(kind: str, value: float) -> bytes:
    return struct.pack("f", value) if kind.startswith("flt") else struct.pack("h", int(value * 32767))


def sound_first(data: bytes) -> bytes:
    """The same film, its sound the first of its streams."""
    made = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(made, "w", format="mp4") as target:
        streams = {
            each.index: target.add_stream_from_template(each) for each in (source.streams.audio[0], source.streams[0])
        }
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (lambda: film("webm", codec="libvpx", sound=2.5, speech="libopus", options=FAST_VP8), ["converted", "recoded"]),
        (lambda: film(codec="libx265", sound=2.5), ["recoded"]),
        (av1_film, ["recoded"]),
        (lambda: film("matroska", codec="mpeg4", sound=2.5), ["converted", "recoded"]),
        (
            lambda: film("gif", codec="gif", pixels="rgb8", draw=lambda n: flat((n * 9, 99, 49))),
            ["converted"],
        ),
        (lambda: film(pixels="yuv420p10le"), ["colours"]),
        (lambda: film(pixels="yuv444p"), ["colours"]),
        (lambda: film("avi", codec="mpeg4", size=(321, 241)), ["cropped"]),
    ],
)
def test_whatever_it_was_it_becomes_a_film_that_plays_everywhere(
    data: Callable[[], bytes], expected: list[str], tmp_path: Path
) -> None:
    source = data()
    assert done(mended(source, tmp_path))[: len(expected)] in (expected, ["converted", *expected])
    check_plays_everywhere(tmp_path / "made")
    before, after = (look(tmp_path / name, Role.VIDEO, thorough=True).media for name in ("in", "made"))
    assert after.seconds == pytest.approx(before.seconds, abs=0.06)
    assert after.fps == pytest.approx(before.fps, rel=0.01)
    assert after.sound == before.sound
    for one, other in zip(stills(tmp_path / "in")[::9], stills(tmp_path / "made")[::9], strict=True):
        wanted, got = (average(image, (80, 80, 120, 120)) for image in (one, other))
        assert all(abs(a - b) <= 16 for a, b in zip(wanted, got, strict=True))


def test_a_film_that_only_lies_in_another_container_keeps_its_pictures_as_they_are_coded(tmp_path: Path) -> None:
    assert done(mended(film("matroska", sound=2.5), tmp_path)) == ["converted"]
    check_container = look(tmp_path / "made", Role.VIDEO, thorough=True).media
    assert (check_container.format, check_container.sound, check_container.seconds) == ("mp4", True, 2.5)
    with av.open(tmp_path / "in") as before, av.open(tmp_path / "made") as after:
        for kind in ("video", "audio"):
            one, other = ([bytes(p) for p in each.demux(**{kind: 0}) if p.size] for each in (before, after))
            assert one == other


@pytest.mark.parametrize(
    ("numbers", "corner", "size"),
    [
        ((0, 1, -1, 0), (0.9, 0.1), (240, 320)),  # a quarter clockwise
        ((-1, 0, 0, -1), (0.9, 0.9), (320, 240)),
        ((0, -1, 1, 0), (0.1, 0.9), (240, 320)),
        ((-1, 0, 0, 1), (0.9, 0.1), (320, 240)),
        ((1, 0, 0, -1), (0.1, 0.9), (320, 240)),
        ((0, 1, 1, 0), (0.1, 0.1), (240, 320)),
        ((0, -1, -1, 0), (0.9, 0.9), (240, 320)),
    ],
)
def test_a_turned_or_mirrored_film_is_set_upright(
    numbers: tuple[int, int, int, int], corner: tuple[float, float], size: tuple[int, int], tmp_path: Path
) -> None:
    picture = flat(GREEN)
    picture.paste(RED, (0, 0, 80, 60))
    assert done(mended(matrix(film(draw=lambda _: picture), numbers), tmp_path)) == ["turned"]
    check_plays_everywhere(tmp_path / "made")
    image = stills(tmp_path / "made")[3]
    assert image.size == size
    for place in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)):
        assert alike(image, place, RED if place == corner else GREEN)


@pytest.mark.parametrize("size", [(320, 240), (400, 720)])
@pytest.mark.parametrize("number", [2, 1, 5, 9])
def test_colours_stay_what_they_were_whatever_matrix_they_were_coded_with(
    number: int, size: tuple[int, int], tmp_path: Path
) -> None:
    """2 is "not said": players take the one of the size."""
    name = {2: "ITU709" if size[1] >= 720 else "ITU601", 1: "ITU709", 5: "ITU601", 9: 9}[number]

    def tag(context: Any) -> None:
        context.colorspace = number

    def draw(_: int) -> Image.Image:
        return flat((200, 60, 30), size)

    mended(film(codec="libx265", size=size, draw=draw, tune=tag, matrix_name=name, seconds=2.0, rate=5), tmp_path)
    with av.open(tmp_path / "made") as made:
        frame: Any = next(made.decode(video=0))
        assert alike(frame.to_image(src_colorspace="ITU709"), (0.5, 0.5), (200, 60, 30), within=8)


@pytest.mark.parametrize(("fit", "size"), [(Fit.CROP, (600, 200)), (Fit.PAD, (1000, 334))])
def test_a_shape_is_mended_on_wish(fit: Fit, size: tuple[int, int], tmp_path: Path) -> None:
    picture = flat(GREEN, (1000, 200))
    picture.paste(RED, (0, 0, 150, 200))
    mended(film(size=(1000, 200), draw=lambda _: picture), tmp_path, fit=fit)
    check_plays_everywhere(tmp_path / "made")
    image = stills(tmp_path / "made")[0]
    assert image.size == size
    assert alike(image, (0.5, 0.5), GREEN)
    assert alike(image, (0.01, 0.5), GREEN if fit is Fit.CROP else RED)
    assert alike(image, (0.5, 0.02), GREEN if fit is Fit.CROP else (0, 0, 0))


def test_uneven_frames_get_an_even_beat_and_keep_their_times(tmp_path: Path) -> None:
    stamps = [0, 100, 200, 300, 1000, 1100, 1200, 1300, 2000, 2100, 2400, 2500]
    data = film(stamps=stamps, draw=lambda index: flat(RED if stamps[index] < 1000 else BLUE))
    verdict = mended(data, tmp_path)
    assert [(mend.change, mend.before, mend.after) for mend in verdict.mends] == [("steadied", "variable", "10 fps")]
    check_plays_everywhere(tmp_path / "made")
    images = stills(tmp_path / "made")
    assert len(images) == 26
    assert [alike(image, (0.5, 0.5), RED) for image in images] == [True] * 10 + [False] * 16


@pytest.mark.parametrize("start", [0.0, 1.0, 1.3])
def test_the_part_that_was_chosen_is_cut_to_the_frame(start: float, tmp_path: Path) -> None:
    def draw(index: int) -> Image.Image:
        return flat(((index * 40) % 240, (index * 8) % 240, 100))

    verdict = mended(film(seconds=6.0, draw=draw, sound=6.0), tmp_path, start=start, length=2.0)
    assert done(verdict) == ["cut"]
    images = stills(tmp_path / "made")
    assert len(images) == 20
    for index, image in enumerate(images):
        number = index + round(start * 10)
        assert alike(image, (0.5, 0.5), ((number * 40) % 240, (number * 8) % 240, 100))
    with av.open(tmp_path / "made") as made:
        assert made.streams.audio[0].duration * made.streams.audio[0].time_base == pytest.approx(2.0, abs=0.05)  # type: ignore[operator]


@pytest.mark.parametrize("wish", [{}, {"start": 1.0, "length": 2.5}])
@pytest.mark.parametrize(("codec", "speech"), [("mpeg4", "libopus"), ("mpeg4", "pcm_s16le"), ("libx264", "aac")])
def test_sound_stays_in_step(wish: dict[str, Any], codec: str, speech: str, tmp_path: Path) -> None:
    mended(flash_and_beep(2.0, codec=codec, speech=speech), tmp_path, **wish)
    images = stills(tmp_path / "made")
    seen = next(index / 25 for index, image in enumerate(images) if alike(image, (0.5, 0.5), (255, 255, 255)))
    heard = next(when for when, loud in loudness(tmp_path / "made") if loud > 0.25)
    assert seen == pytest.approx(2.0 - wish.get("start", 0.0), abs=0.001)
    assert heard == pytest.approx(seen, abs=0.03)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_sound_that_is_longer_than_the_pictures_ends_with_them(codec: str, tmp_path: Path) -> None:
    mended(film("matroska", codec=codec, sound=6.0), tmp_path)
    assert whole_length(tmp_path / "made") == pytest.approx(2.5, abs=0.06)


def whole_length(path: Path) -> float:
    """By the container, whichever of its streams ends last."""
    with av.open(path) as made:
        assert made.duration is not None
        return made.duration / 1e6


@pytest.mark.parametrize("kind", ["mp4", "mov"])
def test_sound_that_goes_on_beyond_the_limit_ends_with_its_pictures_and_no_frame_is_coded_again(
    kind: str, tmp_path: Path
) -> None:
    verdict = mended(film(kind, seconds=25.0, rate=2, sound=32.0), tmp_path)
    assert done(verdict) == ["trimmed"] if kind == "mp4" else ["converted", "trimmed"]
    assert whole_length(tmp_path / "made") == pytest.approx(25.0, abs=0.03)
    with av.open(tmp_path / "in") as before, av.open(tmp_path / "made") as after:
        assert [bytes(p) for p in before.demux(video=0)] == [bytes(p) for p in after.demux(video=0)]


def spoken(codec: str, layout: str, samples: int, length: float) -> list[bytes]:
    """Packets of a loud tone."""
    context: Any = av.CodecContext.create(codec, "w")
    context.sample_rate, context.layout, context.time_base = 48000, layout, Fraction(1, 48000)
    context.format = "fltp"
    tone = _sample("fltp", 0.5) * 24 + _sample("fltp", 0.0) * 24
    packets = []
    for index in range(int(length * 48000 / samples)):
        beep: Any = av.AudioFrame(format="fltp", layout=layout, samples=samples)
        for plane in beep.planes:
            plane.update((tone * (plane.buffer_size // len(tone) + 1))[: plane.buffer_size])
        beep.sample_rate, beep.pts, beep.time_base = 48000, index * samples, Fraction(1, 48000)
        packets += [bytes(packet) for packet in context.encode(beep)]
    return packets


def film_that_speaks(codec: str, layout: str, packets: list[bytes], each: float, twice: int = 0) -> bytes:
    """3 s of pictures in Matroska, with these packets of sound, each so many seconds long.

    Packet number ``twice`` says that it begins when the one before it does.
    """
    file = io.BytesIO()
    with (
        av.open(io.BytesIO(film("matroska", seconds=3.0)), "r") as source,
        av.open(file, "w", format="matroska") as made,
    ):
        picture = made.add_stream_from_template(source.streams.video[0])
        sound: Any = made.add_stream(codec, rate=48000, layout=layout)
        for packet in source.demux():
            if packet.size:
                packet.stream = picture
                made.mux(packet)
        for index, data in enumerate(packets):
            said = av.Packet(data)
            said.pts = said.dts = round((index - (index == twice > 0)) * each * 1000)
            said.time_base, said.stream = Fraction(1, 1000), sound
            made.mux(said)
    return file.getvalue()


def test_sound_whose_settings_are_damaged_is_left_out_and_the_pictures_kept(tmp_path: Path) -> None:
    coded = film("matroska", sound=2.5)
    with av.open(io.BytesIO(coded)) as whole:
        settings = whole.streams.audio[0].codec_context.extradata
    assert settings
    damaged = coded.replace(settings, b"\xa4\x79\x1f\x3d\xff"[: len(settings)])
    assert damaged != coded
    assert done(mended(damaged, tmp_path)) == ["converted", "silenced"]
    with av.open(tmp_path / "made") as made:
        assert [stream.type for stream in made.streams] == ["video"]
    assert whole_length(tmp_path / "made") == pytest.approx(2.5, abs=0.03)


@pytest.mark.parametrize("forms", [("5.1", "stereo"), ("stereo", "5.1")])
def test_sound_that_changes_its_form_goes_on_in_step(forms: tuple[str, str], tmp_path: Path) -> None:
    packets = [packet for form in forms for packet in spoken("ac3", form, 1536, 1.5)]
    assert done(mended(film_that_speaks("ac3", forms[0], packets, 0.032), tmp_path)) == ["converted"]
    heard = [(when, loud) for when, loud in loudness(tmp_path / "made") if 0.1 < when < 2.8]
    assert min(loud for _, loud in heard) > 0.05
    assert whole_length(tmp_path / "made") == pytest.approx(3.0, abs=0.03)


def test_a_bit_of_sound_that_fits_nowhere_costs_that_bit_and_not_the_film(tmp_path: Path) -> None:
    data = film_that_speaks("aac", "stereo", spoken("aac", "stereo", 1024, 3.0), 1024 / 48000, twice=75)
    assert done(mended(data, tmp_path)) == ["converted"]
    loud = {round(when, 1): loud for when, loud in loudness(tmp_path / "made")}
    assert loud[0.5] > 0.25
    assert loud[2.5] > 0.25


def test_frames_that_an_edit_list_hides_stay_hidden_where_the_sound_is_cut(tmp_path: Path) -> None:
    assert done(mended(edited(film(seconds=4.0, sound=32.0), 1.0), tmp_path)) == ["trimmed"]
    assert look(tmp_path / "made", Role.VIDEO, thorough=True).media.seconds == pytest.approx(2.0, abs=0.001)
    assert whole_length(tmp_path / "made") == pytest.approx(2.0, abs=0.03)


def test_an_edit_list_is_followed(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(edited(film(sound=3.0, seconds=3.0), 1.0))
    assert look(tmp_path / "in", Role.VIDEO, thorough=True).media.seconds == pytest.approx(2.0, abs=0.001)


def test_wide_light_comes_into_the_range_of_a_screen_and_is_tagged(tmp_path: Path) -> None:
    def hlg(context: Any) -> None:
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 18, 9, 1

    white = flat((191, 191, 191))  # 75 % of the signal: the white of paper in HLG
    data = film(codec="libx265", pixels="yuv420p10le", tune=hlg, draw=lambda _: white)
    verdict = mended(data, tmp_path)
    assert ("tone_mapped", "HDR", "SDR") in [(mend.change, mend.before, mend.after) for mend in verdict.mends]
    check_plays_everywhere(tmp_path / "made")
    assert alike(stills(tmp_path / "made")[0], (0.5, 0.5), (230, 230, 230), within=10)


def test_oblong_pixels_become_square(tmp_path: Path) -> None:
    def wide(context: Any) -> None:
        context.sample_aspect_ratio = Fraction(2, 1)

    assert done(mended(film(size=(320, 240), tune=wide), tmp_path)) == ["scaled"]
    assert stills(tmp_path / "made")[0].size == (640, 240)


@pytest.mark.parametrize("turned", [False, True])
def test_oblong_pixels_are_cropped_and_not_squeezed(turned: bool, tmp_path: Path) -> None:
    def wide(context: Any) -> None:
        context.sample_aspect_ratio = Fraction(4, 1)

    picture = flat(GREEN)
    picture.paste(RED, (130, 0, 190, 240))  # 60 of 320 across, shown as 240 of 1280
    picture.paste(BLUE, (0, 0, 40, 240))
    data = film(size=(320, 240), tune=wide, draw=lambda _: picture)
    mended(matrix(data, (0, 1, -1, 0)) if turned else data, tmp_path, fit=Fit.CROP)
    image = stills(tmp_path / "made")[0]
    assert image.size == ((240, 720) if turned else (720, 240))
    row = [image.getpixel((120, place) if turned else (place, 120)) for place in range(720)]
    red = [place for place, (r, g, b) in enumerate(row) if r > 150]  # type: ignore[misc]
    assert [red[0], red[-1]] == pytest.approx([240, 480], abs=6)
    assert alike(image, (0.05, 0.05), GREEN)


def test_a_place_is_taken_out_of_a_fitting_film_without_moving_a_frame(tmp_path: Path) -> None:
    data = film("mov", tags={"location": "+52.5+013.4/CANARY"}, sound=2.5)
    assert b"CANARY" in data
    assert done(mended(data, tmp_path)) == ["cleaned"]
    made = (tmp_path / "made").read_bytes()
    assert b"CANARY" not in made
    assert len(made) == len(data)
    with av.open(tmp_path / "in") as before, av.open(tmp_path / "made") as after:
        assert [bytes(p) for p in before.demux()] == [bytes(p) for p in after.demux()]


def test_a_place_is_not_carried_into_a_mended_film(tmp_path: Path) -> None:
    mended(film("mov", codec="libx265", tags={"location": "+52.5+013.4/CANARY", "title": "CANARY"}), tmp_path)
    assert b"CANARY" not in (tmp_path / "made").read_bytes()


def test_boxes_that_lie_about_their_length_are_not_followed() -> None:
    with pytest.raises(ValueError, match="longer"):
        blank(io.BytesIO(b"\0\0\0\x20moov\0\0\0\xffudta" + bytes(16)))


@pytest.mark.parametrize("track", [b"gpmd", b"camm", b"djmd", b"rtmd"])
def test_a_cameras_track_of_where_it_was_is_erased_and_the_rest_kept(track: bytes, tmp_path: Path) -> None:
    data = with_track(film(sound=2.5, voices=2), track)
    verdict = mended(data, tmp_path)
    assert done(verdict) == ["cleaned"]
    made = (tmp_path / "made").read_bytes()
    assert len(made) == len(data)
    with av.open(tmp_path / "in") as source:
        streams = [(stream.index, stream.type) for stream in source.streams]
        packets = [(p.stream.index, p.pos, p.size) for p in source.demux() if p.pos is not None and p.size]
    assert [kind for _, kind in streams] == ["video", "audio", "data"]
    for index, place, length in packets:
        assert made[place : place + length] == (bytes(length) if index == 2 else data[place : place + length])


def test_other_tracks_of_a_telephone_are_no_reason_to_touch_a_film(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(with_track(film(sound=2.5, voices=2), b"mebx"))
    assert prepare(tmp_path / "in", Role.VIDEO, Wish(), tmp_path / "made", lambda done, of: None)[1].fits


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_film_need_not_begin_with_its_pictures(codec: str, tmp_path: Path) -> None:
    """What ends the reading belongs to no stream by its number: the last frames wait for it in the decoder."""

    def draw(index: int) -> Image.Image:
        return flat((index * 10, 240 - index * 10, 60))

    options = {"preset": "medium", "x265-params": "log-level=0:pools=1:frame-threads=1"}
    data = film(codec=codec, draw=draw, sound=2.5, options=options if codec == "libx265" else {"preset": "medium"})
    mended(sound_first(data), tmp_path, length=2.1 if codec == "libx264" else None)
    images = stills(tmp_path / "made")
    assert len(images) == (21 if codec == "libx264" else 25)
    for index, image in enumerate(images):
        assert alike(image, (0.5, 0.5), (index * 10, 240 - index * 10, 60), within=8)


@pytest.mark.parametrize(("codec", "options"), [("mpeg4", {"bf": "2"}), ("libx264", {"preset": "medium"})])
def test_an_avi_whose_frames_are_coded_out_of_order_is_as_long_as_all_of_them(
    codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    assert done(mended(film("avi", codec=codec, size=(160, 120), options=options), tmp_path))[-1] == "scaled"
    for name in ("in", "made"):
        media = look(tmp_path / name, Role.VIDEO, thorough=True).media
        assert (media.seconds, media.fps, media.variable) == (2.5, 10.0, False)


def test_a_film_of_too_many_bytes_is_made_smaller(tmp_path: Path) -> None:
    data = film()
    with (tmp_path / "in").open("wb") as file:
        file.write(data + struct.pack(">I4s", 200_000_001 - len(data), b"free"))
        file.truncate(200_000_001)
    _, verdict = prepare(tmp_path / "in", Role.VIDEO, Wish(), tmp_path / "made", lambda done, of: None)
    assert [(mend.change, mend.before) for mend in verdict.mends] == [("compressed", "200.1 MB")]
    check_plays_everywhere(tmp_path / "made")


def test_progress_counts_the_frames_there_are(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    mended(film(codec="libx265"), tmp_path, lambda done, of: told.append((done, of)))
    assert {of for _, of in told} == {25}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (25, 25)
    assert len({done for done, _ in told}) > 10


def test_a_film_with_a_bad_stretch_is_mended_around_it(tmp_path: Path) -> None:
    data = bytearray(film(codec="libx265", faststart=True, seconds=4.0))
    place = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[place : place + 40] = bytes(40)
    mended(bytes(data), tmp_path)
    check_plays_everywhere(tmp_path / "made")


def test_the_scene_helper_has_four_different_corners() -> None:
    image = scene(100, 100)
    assert len({image.getpixel(place) for place in ((5, 5), (95, 5), (5, 95), (95, 95))}) == 4
