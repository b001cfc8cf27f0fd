"""A person at the practice page: the system's own Chromium, driven by clicks and keys."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from bot.demo.page.server import PageServer
from bot.demo.page.workspace import Workspace, furnish
from bot.manifest import manifest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import ConsoleMessage, Locator, Route
    from world import Files

    from bot.demo.practice import Practice

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)")
AXE = files("axe_playwright_python") / "axe.min.js"  # only the package of axe-core is used, not its wrapper
AT_REST = """() => Promise.allSettled(
    document.getAnimations().filter(one => one.effect.getTiming().iterations < Infinity).map(one => one.finished))"""
SECONDS = 30.0
expect.set_options(timeout=SECONDS * 1000)


@dataclass
class Visitor:
    """Somebody who sees the page. ``troubles`` is whatever the browser complained about."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    def noted(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(message.text)

    @property
    def form(self) -> Locator:
        return self.page.locator("dialog.view")

    @property
    def messages(self) -> Locator:
        """What everybody sees in the conversation."""
        return self.page.locator("#conversation .message:not(.private)")

    @property
    def thread(self) -> Locator:
        return self.page.locator("#thread")

    @property
    def panel(self) -> Locator:
        return self.page.locator("#panel")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def write(self, text: str, *, thread: bool = False) -> None:
        """Type into the field and press Enter."""
        await self.page.locator("#write-thread" if thread else "#write").fill(text)
        await self.page.keyboard.press("Enter")

    @asynccontextmanager
    async def held_back(self, address: str) -> AsyncIterator[None]:
        """Let no request to this address through meanwhile."""
        released = asyncio.Event()

        async def wait(route: Route) -> None:
            await released.wait()
            await route.continue_()

        await self.page.route(address, wait)
        try:
            yield
        finally:
            released.set()

    async def attach(self, *paths: Path) -> None:
        """Attach files to the message that is being written."""
        async with self.page.expect_file_chooser() as chooser:
            await self.page.locator("#conversation .composer").get_by_role("button", name="Attach a file").click()
        await (await chooser.value).set_files(paths)
        await expect(self.page.locator("#conversation .composer .chip")).to_have_count(len(paths))

    def field(self, block: str) -> Locator:
        """The file input of a form's block."""
        return self.form.locator(f"[data-block={block}] input[type=file]")

    async def choose(self, block: str, path: Path) -> None:
        """Put a file into a form's field by its file chooser."""
        async with self.page.expect_file_chooser() as chooser:
            await self.field(block).click()
        await (await chooser.value).set_files(path)
        await expect(self.form.locator(f"[data-block={block}] .chip")).to_contain_text(path.name)

    async def order(self, media: Files, command: str = "/animate") -> None:
        """Run the command, give both files, press Start and see the form close."""
        await self.write(command)
        await self.fill_in(media)

    async def fill_in(self, media: Files) -> None:
        await self.choose("image", media.image)
        await self.choose("video", media.video)
        await self.form.get_by_role("button", name="Start").click()
        await expect(self.form).to_be_hidden()

    async def plays(self, video: Locator) -> None:
        """See that a video has a picture and moves on."""
        await expect(video).to_be_visible()
        play = "v.muted = true; await v.play(); await new Promise(r => v.ontimeupdate = r)"
        assert await video.evaluate(f"async v => {{ {play}; return v.videoWidth }}") > 0

    async def audit(self) -> list[str]:
        """Every serious finding of axe about what is on the screen now."""
        await self.page.evaluate(AT_REST)  # half faded in, nothing has its contrast yet
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate("axe.run()")
        return [
            f"{violation['id']}: {node['html']} {node.get('failureSummary')}"
            for violation in found["violations"]
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]


@asynccontextmanager
async def visiting(
    practice: Practice, *, furnished: bool = False, app: str | None = None, **options: Any
) -> AsyncIterator[Visitor]:
    """Open the page of a practice world that was started, in a browser of its own."""
    if not furnished:
        furnish(practice)
    async with AsyncExitStack() as stack:
        workspace = Workspace(practice, app or manifest())
        server = PageServer(workspace)
        await server.start([0])
        stack.push_async_callback(server.stop)
        workspace.keeper.watch()
        play = await stack.enter_async_context(async_playwright())
        browser = await play.chromium.launch(executable_path=CHROMIUM)
        stack.push_async_callback(browser.close)
        context = await browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        visitor = Visitor(await context.new_page())
        visitor.page.set_default_timeout(SECONDS * 1000)
        visitor.page.on("console", visitor.noted)
        visitor.page.on("pageerror", lambda error: visitor.troubles.append(str(error)))
        await visitor.page.goto(server.url)
        await expect(visitor.page.locator("#write")).to_be_visible()
        yield visitor
