"""The commands."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

from bot.order import Kind

# Exit status for settings or a data folder that can't be used; a platform should not simply start again.
UNUSABLE = 2

# Each command imports what it needs by itself: all of it together takes longer than any help or manifest.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="understudy")
def main() -> None:
    """Understudy: a Slack bot that has a character perform what the person in a video does."""


@main.command()
def serve() -> None:
    """Run the bot, configured by the environment and a .env file (see the README)."""
    from bot import log  # noqa: PLC0415 -- as said above
    from bot.app import serve as serve_bot  # noqa: PLC0415
    from bot.config import ConfigError, read  # noqa: PLC0415
    from bot.lock import FolderInUse  # noqa: PLC0415
    from bot.store import NewerDatabase  # noqa: PLC0415

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
    from bot.manifest import manifest as app_manifest  # noqa: PLC0415

    if public_url is not None and not re.match(r"https://[^/\s]+", public_url):
        raise click.BadParameter("must begin with https:// and name a host", param_hint="--public-url")
    click.echo(app_manifest(public_url), nl=False)


@main.command()
@click.argument("image", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("video", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="Where the page listens; else 3000 or the next free port.")
@click.option("--browser/--no-browser", default=True, help="Open the page by itself, or only say where it is.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep everything in there, afterwards too."
)
@click.option("--once", is_flag=True, help="No page: play one job in the terminal, save its video here and end.")
@click.option("--swap", is_flag=True, help="With --once: put the character in the place of the person.")
@click.option("--pro", is_flag=True, help="With --once: pro quality instead of standard.")
@click.option("--start", metavar="TIME", help="With --once: where the part of the video begins, as 5 or 0:05.")
@click.option("--length", metavar="TIME", help="With --once: how long it is; by default as long as possible.")
@click.option("--thread", is_flag=True, help="With --once: a mention in a thread that holds both files, not the form.")
def demo(
    image: Path | None,
    video: Path | None,
    *,
    port: int | None,
    browser: bool,
    folder: Path | None,
    once: bool,
    swap: bool,
    pro: bool,
    thread: bool,
    **part: str | None,
) -> None:
    """See it work in the browser without any account: the real bot, a practice Slack and a practice Model Studio.

    IMAGE and VIDEO are for --once; in the page files are dropped into the form. Without them it uses sample media that
    it makes itself.
    """
    if once:
        from bot.demo.terminal import Scene, run  # noqa: PLC0415

        if (image is None) != (video is None):
            raise click.UsageError("Give both, a picture and a video, or none.")
        if thread and any(part.values()):
            raise click.UsageError("--start and --length are filled into the form; --thread plays without one.")
        options = {"quality": "pro" if pro else "standard", **{name: text or "" for name, text in part.items()}}
        sys.exit(run(image, video, Scene(kind=Kind.SWAP if swap else Kind.ANIMATE, options=options, thread=thread)))
    if image is not None or swap or pro or thread or any(part.values()):
        raise click.UsageError("Files and what is wanted of them go with --once; in the page it is done by hand.")
    from bot.demo.page.run import serve as serve_page  # noqa: PLC0415

    sys.exit(serve_page(port=port, browser=browser, folder=folder))


def _forget_environment() -> None:
    """Take our settings and proxies out of the environment: libraries are handed their values and find none there."""
    for name in list(os.environ):
        if re.match(r"(?i)(slack_|dashscope_|(http|https|all|no)_proxy$)", name):
            del os.environ[name]
