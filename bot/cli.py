"""The commands."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

from bot import log
from bot.app import serve as serve_bot
from bot.config import ConfigError, read
from bot.lock import FolderInUse
from bot.manifest import manifest as app_manifest
from bot.store import NewerDatabase

# Exit status for settings or a data folder that can't be used; a platform should not simply start again.
UNUSABLE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="understudy")
def main() -> None:
    """Understudy: a Slack bot that has a character perform what the person in a video does."""


@main.command()
def serve() -> None:
    """Run the bot, configured by the environment and a .env file (see the README)."""
    try:
        settings = read()
    except ConfigError as error:
        click.echo(f"The settings can't be used:\n{error}", err=True)
        sys.exit(UNUSABLE)
    _forget_environment()
    log.configure(settings.log_level, secrets=settings.secrets())
    try:
        serve_bot(settings)
    except (FolderInUse, NewerDatabase) as error:
        click.echo(f"Can't start: {error}", err=True)
        sys.exit(UNUSABLE)


@main.command()
@click.option("--public-url", metavar="URL", help="Where the internet reaches the bot: adds HTTP mode's request URLs.")
def manifest(public_url: str | None) -> None:
    """Print the app manifest to paste into Slack: for Socket Mode, or for HTTP mode with --public-url."""
    if public_url is not None and not re.match(r"https://[^/\s]+", public_url):
        raise click.BadParameter("must begin with https:// and name a host", param_hint="--public-url")
    click.echo(app_manifest(public_url), nl=False)


@main.command()
@click.argument("image", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("video", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--swap", is_flag=True, help="Put the character in the place of the person, instead of animating it.")
@click.option("--pro", is_flag=True, help="Pro quality instead of standard.")
@click.option("--start", metavar="TIME", help="Where the part of the video begins that is used, as 5 or 0:05.")
@click.option("--length", metavar="TIME", help="How long that part is; by default as long as possible.")
def demo(
    image: Path | None, video: Path | None, *, swap: bool, pro: bool, start: str | None, length: str | None
) -> None:
    """See the whole flow without any account: the real bot against a practice Slack and a practice Model Studio.

    Without IMAGE and VIDEO it uses sample media that it makes itself. The finished video is saved in this folder.
    """
    if (image is None) != (video is None):
        raise click.UsageError("Give both, a picture and a video, or none.")
    # Imported late: the practice world is no part of the bot that serves.
    from bot.demo.terminal import run  # noqa: PLC0415

    options = {"quality": "pro" if pro else "standard", "start": start or "", "length": length or ""}
    sys.exit(run(image, video, swap=swap, options=options))


def _forget_environment() -> None:
    """Take our settings and proxies out of the environment: libraries are handed their values and find none there."""
    for name in list(os.environ):
        if re.match(r"(?i)(slack_|dashscope_|(http|https|all|no)_proxy$)", name):
            del os.environ[name]
