"""The commands, started as a person starts them."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import av
import pytest
import yaml
from click.testing import CliRunner
from turned import LONG
from world import COVERAGE, Files

from bot.cli import main

KEPT = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}


def understudy(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env={**KEPT, **COVERAGE, "PYTHONPATH": str(Path(__file__).parent.parent), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = understudy("--help", folder=tmp_path)
    assert shown.returncode == 0
    for command in ("demo", "serve", "manifest"):
        assert f"  {command} " in shown.stdout


def test_serve_names_everything_that_is_wrong_at_once_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POLL_SECONDS=never\nADMINS=U1\n")
    ended = understudy("serve", folder=tmp_path, SLACK_BOT_TOKEN="hush-hush", FILE_HOST="local")
    assert ended.returncode == 2
    for name in (
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "DASHSCOPE_API_KEY",
        "POLL_SECONDS",
        "PUBLIC_URL",
        "ADMINS is not supported yet",
    ):
        assert name in ended.stderr
    assert "hush-hush" not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_manifest_prints_socket_mode_or_the_request_urls(tmp_path: Path) -> None:
    plain = yaml.safe_load(understudy("manifest", folder=tmp_path).stdout)
    assert plain["settings"]["socket_mode_enabled"] is True
    public = understudy("manifest", "--public-url", "https://bot.example.com/", folder=tmp_path).stdout
    urls = {command["url"] for command in yaml.safe_load(public)["features"]["slash_commands"]}
    assert urls == {"https://bot.example.com/slack/events"}
    assert understudy("manifest", "--public-url", "ftp://x", folder=tmp_path).returncode == 2


def test_the_demo_shows_the_whole_flow_and_leaves_a_playable_video(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=not-for-the-demo\n")
    ended = understudy("demo", "--once", folder=tmp_path, DASHSCOPE_API_KEY="not-for-the-demo")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the card: Animate: Checking your files" in ended.stdout
    assert "your video is ready" in ended.stdout
    with av.open(str(tmp_path / "understudy-animate.mp4")) as film:
        assert film.streams.video[0].frames > 30
        assert film.streams.audio
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "understudy-animate.mp4"]


@pytest.mark.skipif(not Path("/proc").exists(), reason="no folder here that takes no files even from root")
def test_the_demo_says_at_once_where_it_can_not_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, arguments in ((Path("/proc"), ["--once"]), (tmp_path, ["--no-browser", "--folder", "file/in-it"])):
        ended = understudy("demo", *arguments, folder=folder)
        assert (ended.returncode, ended.stderr) == (1, "")
        assert "folder" in ended.stdout
        assert ended.stdout.count("\n") == 1


def test_the_demo_says_why_it_refuses_ones_own_files(tmp_path: Path, media: Files) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    refused = understudy("demo", "--once", str(media.image), str(broken), folder=tmp_path)
    assert refused.returncode == 1
    assert "can't use these files" in refused.stdout


def test_the_demo_serves_its_page_with_nothing_of_ours_in_the_bot_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-from-a-file\n")
    place, temporary = tmp_path / "here", tmp_path / "temporary"
    place.mkdir()
    temporary.mkdir()
    shutil.copy(tmp_path / ".env", place)
    environment = KEPT | COVERAGE | {"PYTHONPATH": str(Path(__file__).parent.parent), "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0"],
        cwd=place,
        env=environment | {"DASHSCOPE_API_KEY": "sk-from-outside"},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        shown = "".join(itertools.islice(demo.stdout, 2))
        address = re.search(r"http://127\.0\.0\.1:\d+/", shown)
        assert address, shown
        with urllib.request.urlopen(address[0], timeout=10) as response:
            assert b"Practice workspace" in response.read()
        if Path("/proc/self/environ").exists():
            (bot,) = _environments(b"HOME=" + str(temporary).encode())
            assert b"from-outside" not in bot
            assert b"DASHSCOPE_API_KEY=" in bot
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 0
    assert [path.name for path in place.iterdir()] == [".env"]
    assert list(temporary.iterdir()) == []


def _environments(mark: bytes) -> list[bytes]:
    """Return the environments of all processes that have this in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # ended, or somebody else's
            found.append(path.read_bytes())
    return [environment for environment in found if mark in environment]


@pytest.mark.skipif(not LONG, reason="thirty seconds take the practice studio half a minute: LONG_TESTS=1")
@pytest.mark.parametrize("part", [("--start", "0:05", "--length", "2"), ()], ids=" ".join)
def test_the_demo_delivers_what_a_telephone_brings(tmp_path: Path, phone: Files, part: tuple[str, ...]) -> None:
    ended = understudy("demo", "--once", str(phone.image), str(phone.video), "--swap", *part, folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the card: Swap: Checking your files" in ended.stdout
    assert "Picture: HEIC → JPEG." in ended.stdout
    assert f"cut to {'5–7' if part else '0–30'} s of its 45 s, turned upright" in ended.stdout
    with av.open(str(tmp_path / "understudy-swap.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.height > stream.width
        assert stream.frames == (30 if part else 450)


@pytest.mark.skipif(not LONG, reason="one more film is rendered: LONG_TESTS=1")
def test_the_demo_shows_a_mention_in_a_thread(tmp_path: Path, media: Files) -> None:
    wish = ("--swap", "--pro", "--thread")
    swapped = understudy("demo", "--once", str(media.image), str(media.video), *wish, folder=tmp_path)
    assert swapped.returncode == 0, swapped.stdout + swapped.stderr
    assert "in the thread: ada writes: @understudy swap pro" in swapped.stdout
    assert "swap · pro" in swapped.stdout
    assert (tmp_path / "understudy-swap.mp4").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("demo", "--once", "no-such-file.png", "neither.mp4"),
        ("demo", "--once", __file__),
        ("demo", "--once", "--thread", "--length", "5"),
        ("demo", "--swap"),
        ("demo", "--length", "5"),
        ("demo", "--port", "70000"),
    ],
)
def test_a_wrong_call_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2
