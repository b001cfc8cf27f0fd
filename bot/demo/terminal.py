"""``understudy demo --once``: one whole job in the practice world, told in the terminal."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot.demo import samples
from bot.demo.practice import Practice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.demo.slack import Message, SlackFile, View, World
    from bot.order import Kind

# A practice task takes this long at least, so that one sees the card move; the longest clip renders in about 30 s.
TASK_SECONDS = 4.0
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is played: which command, what the form's other fields hold, or whether by a mention in a thread."""

    kind: Kind
    options: Mapping[str, str] = field(default_factory=dict)
    thread: bool = False


def run(image: Path | None, video: Path | None, scene: Scene) -> int:
    """Play the whole flow once and save the video in the present folder. Returns the exit status."""
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            pass
    except OSError as error:
        _say(f"The video would be saved in this folder, which takes none: {os.strerror(error.errno or 0)}.")
        return 1
    with tempfile.TemporaryDirectory(prefix="understudy-demo-") as folder:
        return asyncio.run(_play(Path(folder), image, video, scene))


async def _play(folder: Path, image: Path | None, video: Path | None, scene: Scene) -> int:
    _say("A practice workspace: nothing leaves this computer, nothing costs money.")
    if image is None or video is None:
        image, video = folder / "character.png", folder / "dancer.mp4"
        await asyncio.to_thread(samples.character, image)
        await asyncio.to_thread(samples.dancer, video)
    practice = Practice(folder / "practice", task_seconds=TASK_SECONDS)
    try:
        async with practice:
            return await _job(practice, image, video, scene)
    except (RuntimeError, TimeoutError) as error:
        kept = Path(tempfile.gettempdir()) / "understudy-demo.log"
        shutil.copyfile(practice.log, kept)
        _say(f"The demo broke off: {error}. The bot's log is in {kept}")
        return 1


async def _job(practice: Practice, image: Path, video: Path, scene: Scene) -> int:
    world = practice.slack.world
    transcript = Transcript(world)
    world.listeners.append(transcript.heard)
    begin = _mention if scene.thread else _form
    if not await begin(practice, image, video, scene):
        return 1
    return await _outcome(practice, transcript, scene.kind)


async def _form(practice: Practice, image: Path, video: Path, scene: Scene) -> bool:
    ada = practice.slack.person("ada")
    _say(f"ada types /{scene.kind} in #general and the form opens.")
    await ada.command(f"/{scene.kind}")
    view = await ada.opened_view()
    _say(f"ada gives {image.name} and {video.name} and presses Start.")
    entries: dict[str, str | list[str]] = {
        "image": [await ada.upload(image)],
        "video": [await ada.upload(video)],
        **scene.options,
    }
    submission = await ada.submit(view, entries)
    if submission.errors:
        _refused(submission.errors, view)
        return False
    if not submission.answer.ok:
        raise RuntimeError("the form was not taken")
    return True


async def _mention(practice: Practice, image: Path, video: Path, scene: Scene) -> bool:
    ada, ben = practice.slack.person("ada"), practice.slack.person("ben")
    _say(f"ben writes in #general and attaches {image.name}: This is our character.")
    root = ben.say("This is our character.", files=[await ben.upload(image)])
    _say(f"  in the thread: ben attaches {video.name}: And this is how she should move.")
    ben.say("And this is how she should move.", files=[await ben.upload(video)], thread_ts=root.ts)
    wish = f"{scene.kind} {scene.options.get('quality', '')}".strip()
    _say(f"  in the thread: ada writes: @understudy {wish}")
    heard = await ada.mention(wish, thread_ts=root.ts)
    if heard is None or not heard.answer.ok:
        raise RuntimeError("the mention was not taken")
    world = practice.slack.world
    await world.wait_for(
        lambda: world.whispers("ada") or world.messages(root.channel, thread=root.ts, by_bot=True), PATIENCE_SECONDS
    )
    for whisper in world.whispers("ada"):
        _say(f"  only to ada: {whisper.text}")
    return not world.whispers("ada")


def _refused(errors: dict[str, str], view: View) -> None:
    labels = {block["block_id"]: block["label"]["text"] for block in view.blocks if block["type"] == "input"}
    for field_id, text in errors.items():
        _say(f"Under “{labels[field_id]}” the form says: {text}")


async def _outcome(practice: Practice, transcript: Transcript, kind: Kind) -> int:
    await practice.slack.world.wait_for(lambda: transcript.ended, PATIENCE_SECONDS)
    if transcript.video is None:
        return 1
    target = Path.cwd() / f"understudy-{kind}.mp4"
    await asyncio.to_thread(shutil.copyfile, transcript.video.path, target)
    bill = practice.studio.billed[-1]
    _say(f"Saved as {target.name}: {bill.seconds:.1f} s of practice render, {bill.price:.2f} practice dollars.")
    return 0


@dataclass
class Transcript:
    """Prints what the bot says in the workspace, each wording once, and notes how it ended."""

    world: World
    video: SlackFile | None = None
    failed: bool = False
    _said: set[tuple[str, str]] = field(default_factory=set)

    @property
    def ended(self) -> bool:
        """True when the card says the last word: after the video, or after the failure's reply."""
        return self.failed or (self.video is not None and any("Done" in text for _, text in self._said))

    def heard(self, _: str, message: Message) -> None:
        """Take notice of a new or edited message."""
        if message.user != self.world.bot.id or (message.ts, message.text) in self._said:
            return
        self._said.add((message.ts, message.text))
        kind = (message.metadata or {}).get("event_payload", {}).get("kind")
        where = "  the card" if kind == "card" else "  in the thread"
        _say(f"{where}: {self._readable(message)}")
        for file in map(self.world.files.__getitem__, message.files):
            film = file.mimetype.startswith("video/")
            _say(f"{where}: {'▶' if film else '▣'} {file.title or file.name} ({file.size / 1e6:.1f} MB)")
            self.video = file if film else self.video
        self.failed = self.failed or kind == "failed"

    def _readable(self, message: Message) -> str:
        text = message.text
        for user in self.world.users.values():
            text = text.replace(f"<@{user.id}>", f"@{user.name}")
        return text


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
