"""The README's table of what is taken, mended and refused, held against the limits themselves."""

from __future__ import annotations

from pathlib import Path

from bot.media.limits import FPS_MAX, LIMITS, MB, MENDABLE, SECONDS_TOLERANCE, Limits, format_name
from bot.order import Role

README = Path(__file__).parents[2] / "README.md"
DASH, TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"


def names(formats: tuple[str, ...]) -> str:
    return ", ".join(format_name(name) for name in formats)


def sides(limits: Limits) -> str:
    return f"{limits.side_min}{DASH}{limits.side_max} px"


def table() -> str:
    image, video = LIMITS[Role.IMAGE], LIMITS[Role.VIDEO]
    more_image, more_video = MENDABLE[Role.IMAGE], MENDABLE[Role.VIDEO]
    assert video.seconds is not None
    shortest, longest = (f"{bound:g}" for bound in video.seconds)
    shape = f"1:{image.shape}{DASH}{image.shape}:1"
    other_images = names(more_image.formats[len(image.formats) :])
    other_videos = names(more_video.formats[len(video.formats) :])
    frame = f"4096 {TIMES} {more_video.pixels // 4096} px"
    notes = "place, camera, comments: taken out, pixels untouched"
    rows = [
        ("", "taken as it is", "mended", "refused"),
        ("---", "---", "---", "---"),
        ("picture: format", names(image.formats), f"{other_images} → JPEG or PNG", "anything else"),
        ("bytes", f"up to {image.size // MB} MB", f"up to {more_image.size // MB} MB → best that fits", "more"),
        ("each side", sides(image), "scaled", f"more than {more_image.pixels // 10**6} megapixels"),
        ("shape", shape, "cropped or padded, if asked", "otherwise"),
        ("notes", "none", notes, DASH),
        ("look", "upright, 8-bit, opaque, one picture", "turned, 8-bit RGB, laid on white, the first", DASH),
        ("video: format", names(video.formats), f"{other_videos} → MP4", "anything else"),
        ("codec", "H.264, MPEG-4, Motion JPEG, 8-bit 4:2:0", "HEVC, VP9, AV1, 10-bit, HDR → H.264", "unknown ones"),
        ("bytes", f"up to {video.size // MB} MB", f"up to {more_video.size // MB} MB", "more"),
        ("each side", f"{sides(video)}, even", "scaled, made even", f"more pixels than {frame}"),
        ("shape", shape, "cropped or padded, if asked", "otherwise"),
        (
            "length",
            f"{shortest}{DASH}{longest} s, {SECONDS_TOLERANCE:g} s either way where no frame is coded again",
            f"longer: cut to the chosen {longest} s; longer sound ends with the pictures",
            f"under {shortest} s",
        ),
        ("frames a second", "even", f"variable → even, at most {FPS_MAX}", DASH),
        ("turned, mirrored", DASH, "set upright", DASH),
        ("notes", "others", "place: taken out, frames untouched", DASH),
    ]
    return "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows)


def test_the_readme_says_what_the_limits_are() -> None:
    _, _, rest = README.read_text(encoding="utf-8").partition("<!-- media table -->\n")
    assert rest.startswith(table() + "\n"), table()
