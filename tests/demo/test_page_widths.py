"""What is beside what on the practice page at each width, and that the focus is never lost on the way there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from page_visitor import needs_browser, visiting
from playwright.async_api import expect
from turned import LONG

if TYPE_CHECKING:
    from world import Workplace

pytestmark = needs_browser
long_form = pytest.mark.skipif(not LONG, reason="the long form: LONG_TESTS=1")


@long_form
@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1000, 1280, 1440])
async def test_every_width_and_both_looks_are_usable(workplace: Workplace, look: str, width: int) -> None:
    size = {"width": width, "height": 844}
    async with visiting(workplace, viewport=size, color_scheme=look) as ada:
        await ada.order(workplace.media)
        await ada.page.locator(".thread-link").click()
        await ada.plays(ada.thread.locator("video"))
        assert await ada.audit() == []
        if 960 <= width < 1344:  # the panel makes way for the thread, and comes back over it
            await expect(ada.panel).to_be_hidden()
            await ada.page.get_by_role("button", name="Show what is behind the scenes").click()
            await expect(ada.panel.get_by_role("heading", name="Behind the scenes")).to_be_in_viewport()
            assert await ada.audit() == []
            await ada.panel.get_by_role("button", name="Hide what is behind the scenes").click()
        await ada.thread.get_by_role("button", name="Close the thread").click()
        if width < 960:
            await ada.page.get_by_role("button", name="Show what is behind the scenes").click()
            await expect(ada.panel).to_be_visible()
            assert await ada.audit() == []
            await ada.panel.get_by_role("button", name="Hide what is behind the scenes").click()
            await ada.page.get_by_role("button", name="Conversations").click()
            await expect(ada.page.locator("#sidebar")).to_be_in_viewport()
            assert await ada.audit() == []
        wide = "[...document.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        assert await ada.page.evaluate(f"{wide}.map(e => e.outerHTML.slice(0, 200))") == []
    assert ada.troubles == []


@long_form
async def test_the_panel_comes_back_after_the_thread_it_made_way_for_and_focus_is_never_lost(
    workplace: Workplace,
) -> None:
    async with visiting(workplace, viewport={"width": 1280, "height": 844}) as ada:
        show, hide = "Show what is behind the scenes", "Hide what is behind the scenes"
        await ada.order(workplace.media)
        await ada.page.locator(".thread-link").click()
        await expect(ada.panel).to_be_hidden()
        await ada.page.keyboard.press("Escape")
        await expect(ada.panel).to_be_visible()
        await ada.panel.get_by_role("button", name=hide).click()
        await expect(ada.page.get_by_role("button", name=show)).to_be_focused()
        await ada.page.locator(".thread-link").click()
        await ada.page.keyboard.press("Escape")
        await expect(ada.thread).to_be_hidden()
        await expect(ada.panel).to_be_hidden()  # it was put away by hand
        await ada.page.set_viewport_size({"width": 390, "height": 844})
        await ada.page.get_by_role("button", name=show).press("Enter")
        await expect(ada.panel.get_by_role("button", name=hide)).to_be_focused()
        await ada.page.keyboard.press("Enter")
        await expect(ada.page.get_by_role("button", name=show)).to_be_focused()
    assert ada.troubles == []


@long_form
async def test_on_a_telephone_the_list_closes_and_what_is_covered_is_out_of_reach(workplace: Workplace) -> None:
    async with visiting(workplace, viewport={"width": 390, "height": 844}) as ada:
        listed, conversation = ada.page.locator("#sidebar"), ada.page.locator("#conversation")
        for leave in ("Escape", "tap"):
            await ada.page.get_by_role("button", name="Conversations").click()
            await expect(listed).to_be_in_viewport()
            assert await conversation.evaluate("part => part.inert")
            await (ada.page.keyboard.press(leave) if leave == "Escape" else ada.page.mouse.click(370, 400))
            await expect(listed).to_be_hidden()
            assert not await conversation.evaluate("part => part.inert")
            await expect(ada.page.get_by_role("button", name="Conversations")).to_be_focused()
    assert ada.troubles == []
