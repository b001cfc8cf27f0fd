"""The commands, started as a person starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import pytest
import yaml
from turned import LONG
from world import COVERAGE, Files

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
    ended = understudy("demo", folder=tmp_path, DASHSCOPE_API_KEY="not-for-the-demo")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the card: Animate: Checking your files" in ended.stdout
    assert "your video is ready" in ended.stdout
    with av.open(str(tmp_path / "understudy-animate.mp4")) as film:
        assert film.streams.video[0].frames > 30
        assert film.streams.audio
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "understudy-animate.mp4"]


def test_the_demo_takes_own_files_and_says_why_it_refuses_them(tmp_path: Path, media: Files) -> None:
    swapped = understudy("demo", str(media.image), str(media.video), "--swap", "--pro", folder=tmp_path)
    assert swapped.returncode == 0, swapped.stdout + swapped.stderr
    assert "swap · pro" in swapped.stdout
    assert (tmp_path / "understudy-swap.mp4").exists()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    refused = understudy("demo", str(media.image), str(broken), folder=tmp_path)
    assert refused.returncode == 1
    assert "can't use these files" in refused.stdout
    assert understudy("demo", str(media.image), folder=tmp_path).returncode == 2


@pytest.mark.parametrize("part", [("--start", "0:05", "--length", "2")] + ([()] if LONG else []), ids=" ".join)
def test_the_demo_delivers_what_a_telephone_brings(tmp_path: Path, phone: Files, part: tuple[str, ...]) -> None:
    """The 30 seconds that are used by default take the practice studio half a minute: LONG_TESTS=1."""
    ended = understudy("demo", str(phone.image), str(phone.video), *part, folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Picture: HEIC → JPEG." in ended.stdout
    assert f"cut to {'5–7' if part else '0–30'} s of its 45 s, turned upright" in ended.stdout
    with av.open(str(tmp_path / "understudy-animate.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.height > stream.width
        assert stream.frames == (30 if part else 450)


@pytest.mark.parametrize("arguments", [("nonsense",), ("demo", "no-such-file.png", "neither.mp4")])
def test_a_wrong_call_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert understudy(*arguments, folder=tmp_path).returncode == 2
