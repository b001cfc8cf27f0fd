"""The practice page as a person sees it. One walk through it every day; the rest with LONG_TESTS=1."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from page_visitor import needs_browser, visiting
from playwright.async_api import expect
from turned import LONG

from bot.demo.slack import http_status
from bot.demo.studio_trouble import fails

if TYPE_CHECKING:
    from pathlib import Path

    from world import Opened, Workplace

pytestmark = needs_browser
long_form = pytest.mark.skipif(not LONG, reason="the long form: LONG_TESTS=1")


async def test_a_newcomer_gets_from_the_command_to_a_video_that_plays(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        await ada.page.locator("#write").press_sequentially("/ani")
        await expect(ada.page.get_by_role("option")).to_contain_text("/animate")
        await ada.page.keyboard.press("Enter")
        await ada.page.keyboard.press("Enter")
        await ada.form.get_by_role("button", name="Start").click()
        await expect(ada.form.locator(".error")).to_have_count(2)  # nothing was given
        await expect(ada.field("image")).to_be_focused()
        assert await ada.audit() == []
        await ada.fill_in(workplace.media)
        await ada.page.locator(".thread-link").click()
        await ada.plays(ada.thread.locator("video"))
        await expect(ada.messages.last).to_contain_text("Done")
        await expect(ada.page.locator("#announcer")).to_contain_text("Understudy: Animate: Done")
        await expect(ada.panel.locator(".task")).to_contain_text("done")
        assert await ada.audit() == []
    assert ada.troubles == []


@long_form
async def test_a_swap_begins_from_a_messages_menu_in_a_thread(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        await ada.attach(workplace.media.image, workplace.media.video)
        await ada.write("Can we put her on stage?")
        await ada.messages.last.hover()
        await ada.messages.last.get_by_role("button", name="Reply in thread").click()
        await ada.write("I'll try", thread=True)
        await expect(ada.thread.locator(".message")).to_have_count(2)
        first = ada.thread.locator(".message").first
        await first.hover()
        await first.get_by_role("button", name="More actions").click()
        assert await ada.audit() == []
        await ada.page.get_by_role("menuitem", name="Swap with this").click()
        await expect(ada.form).to_contain_text("hero.png")  # what the message holds is chosen already
        assert await ada.audit() == []
        await ada.form.get_by_role("button", name="Start").click()
        await expect(ada.form).to_be_hidden()
        await ada.plays(ada.thread.locator("video").last)
        await expect(ada.thread).to_contain_text("Swap")
    assert ada.troubles == []


@long_form
async def test_the_bot_hears_mentions_and_direct_messages(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        await ada.attach(workplace.media.image, workplace.media.video)
        await ada.write("@understudy animate please")
        await ada.page.locator(".thread-link").click()
        await expect(ada.thread).to_contain_text("Done")
        await ada.page.locator(".place", has_text="Understudy").click()
        await ada.attach(workplace.media.image, workplace.media.video)
        await ada.write("swap")
        await ada.page.locator(".thread-link").click()
        await expect(ada.thread).to_contain_text("Done")
        await ada.plays(ada.thread.locator("video").last)
        await ada.page.get_by_role("button", name="Shortcuts").first.click()
        await ada.page.get_by_role("menuitem").first.click()
        await expect(ada.form).to_be_visible()
    assert ada.troubles == []


@long_form
async def test_a_file_of_the_wrong_kind_is_refused_under_its_field(workplace: Workplace, tmp_path: Path) -> None:
    shutil.copy(workplace.media.image, tmp_path / "still.png")
    async with visiting(workplace) as ada:
        await ada.write("/animate")
        await ada.choose("image", workplace.media.image)
        await ada.choose("video", tmp_path / "still.png")
        await ada.form.get_by_role("button", name="Start").click()
        await expect(ada.form.locator("[data-block=video] .error")).to_be_visible()
        await expect(ada.form.locator("[data-block=image] .error")).to_have_count(0)
        await ada.form.get_by_role("button", name="Remove still.png").click()
        await ada.choose("video", workplace.media.video)
        await ada.form.get_by_role("button", name="Start").click()
        await expect(ada.form).to_be_hidden()
        await expect(ada.messages.last).to_contain_text("Done")
    assert ada.troubles == []


@long_form
async def test_what_the_bot_finds_wrong_is_said_in_the_thread(workplace: Workplace, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video at all")
    async with visiting(workplace) as ada:
        await ada.write("/animate")
        await ada.choose("image", workplace.media.image)
        await ada.choose("video", tmp_path / "broken.mp4")
        await ada.form.get_by_role("button", name="Start").click()
        await expect(ada.messages.last).to_contain_text("can't use these files")
        await ada.page.locator(".thread-link").click()
        await expect(ada.thread.locator(".message").last).to_contain_text("It cost nothing")
    assert ada.troubles == []


@long_form
async def test_cancelling_asks_first_and_only_the_requester_may(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=600.0)
    async with visiting(workplace) as ada:
        await ada.order(workplace.media)
        await expect(ada.messages.last).to_contain_text("Rendering")
        await ada.page.get_by_label("Ben").check(force=True)
        await ada.button("Cancel").click()
        await ada.page.locator("dialog.confirm").get_by_role("button").last.click()
        await expect(ada.page.locator(".message.private")).to_contain_text("Only visible to you")
        await ada.page.get_by_label("Ada").check(force=True)
        await expect(ada.page.locator(".message.private")).to_have_count(0)
        await ada.button("Cancel").click()
        await ada.page.locator("dialog.confirm").get_by_role("button").first.click()  # not after all
        await expect(ada.button("Cancel")).to_be_visible()
        await ada.button("Cancel").click()
        await ada.page.locator("dialog.confirm").get_by_role("button").last.click()
        await expect(ada.messages.last).to_contain_text("can't be stopped any more")
    assert ada.troubles == []


@long_form
async def test_a_job_outlives_the_bot_that_is_killed_and_its_buttons_still_work(workplaces: Opened) -> None:
    workplace = await workplaces(here=False, task_seconds=600.0)
    async with visiting(workplace) as ada:
        await ada.order(workplace.media)
        await expect(ada.messages.last).to_contain_text("Rendering")
        await ada.button("Kill the bot").click()
        await expect(ada.panel.get_by_role("status")).to_contain_text("Killed")
        await ada.write("/animate")
        await expect(ada.page.locator("#notices")).to_contain_text("dispatch_failed")
        await ada.button("Start").click()
        await expect(ada.panel.get_by_role("status")).to_contain_text("Running")
        await ada.button("Cancel").click()
        await ada.page.locator("dialog.confirm").get_by_role("button").last.click()
        await expect(ada.messages.last).to_contain_text("can't be stopped any more")
        for task in workplace.studio.tasks:
            workplace.studio.finish(task)
        await expect(ada.messages.last).to_contain_text("Done")
        assert len(workplace.studio.billed) == 1
    assert ada.troubles == []


@long_form
async def test_a_refusal_by_the_content_check_costs_nothing_and_the_switch_ends_it(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        await ada.page.get_by_role("switch", name="Refuse").click()
        await expect(ada.page.get_by_role("switch", name="Refuse")).to_be_checked()
        await ada.order(workplace.media)
        await expect(ada.messages.last).to_contain_text("cost nothing")
        await expect(ada.panel.locator(".task")).to_contain_text("DataInspectionFailed")
        await ada.page.get_by_role("switch", name="Refuse").click()
        await ada.order(workplace.media, "/swap")
        await expect(ada.messages.last).to_contain_text("Done")
    assert ada.troubles == []


@long_form
async def test_where_the_bot_is_not_invited_the_card_goes_to_direct_messages(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        await ada.page.get_by_role("button", name="press").click()
        await expect(ada.page.locator(".welcome")).to_contain_text("was not invited here")
        await ada.order(workplace.media)
        await expect(ada.page.locator(".message.private")).to_contain_text("direct messages")
        await ada.page.locator(".place", has_text="Understudy").click()
        await expect(ada.messages.last).to_contain_text("Done")
        await ada.page.get_by_role("button", name="press").click()
        await ada.write("/invite @understudy")
        await ada.order(workplace.media)
        await expect(ada.messages.last).to_contain_text("Done")
    assert ada.troubles == []


@long_form
async def test_the_whole_way_goes_by_keyboard(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        keys = ada.page.keyboard
        await ada.page.locator("#write").focus()
        await keys.type("/animate")
        await keys.press("Enter")
        await expect(ada.form).to_be_visible()
        for sample in ("Drawn character", "Drawn dancer, with sound"):
            await ada.form.get_by_role("button", name=sample).focus()
            await keys.press("Enter")
            await expect(ada.form.get_by_role("button", name=re.compile("Remove"))).to_have_count(
                1 if sample == "Drawn character" else 2
            )
        await keys.press("Escape")
        await expect(ada.form).to_be_hidden()
        await expect(ada.page.locator("#write")).to_be_focused()
    assert ada.troubles == []


@long_form
async def test_nothing_is_started_before_its_files_are_here(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        await ada.write("/animate")
        await ada.choose("image", workplace.media.image)
        await ada.form.get_by_role("status").evaluate(
            "p => { heard = []; new MutationObserver(() => heard.push(p.textContent)).observe(p, {childList: true}) }"
        )
        async with ada.held_back("**/do/sample?*"):
            await ada.form.get_by_role("button", name="Drawn dancer, with sound").click()
            await expect(ada.form.get_by_role("button", name="Start")).to_be_disabled()
            await expect(ada.form).to_contain_text("A file is still coming")
            await ada.page.keyboard.press("Enter")
        await expect(ada.form.get_by_role("button", name="Remove dancer.mp4")).to_be_visible()
        await expect(ada.form.locator(".chip")).to_have_count(2)
        assert await ada.page.evaluate("heard") == ["A file is still coming …", "From Understudy"]
        await ada.form.get_by_role("button", name="Start").click()
        await expect(ada.form).to_be_hidden()
        await expect(ada.messages.last).to_contain_text("Done")
    assert ada.troubles == []


@long_form
async def test_a_message_is_not_sent_without_the_file_that_is_coming(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        async with ada.held_back("**/upload?*"):
            async with ada.page.expect_file_chooser() as chooser:
                await ada.button("Attach a file").click()
            await (await chooser.value).set_files(workplace.media.image)
            await ada.write("Look at her")
            await expect(ada.page.locator("#notices")).to_contain_text("A file is still coming")
            await expect(ada.messages.filter(has_text="Look at her")).to_have_count(0)
        await expect(ada.page.locator("#conversation .composer .chip")).to_have_count(1)
        await ada.page.locator("#write").press("Enter")
        await expect(ada.messages.filter(has_text="Look at her").locator(".picture")).to_be_visible()
    assert ada.troubles == []


@long_form
async def test_what_one_began_to_write_is_ones_own_and_stays_where_it_was_begun(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        field, chips = ada.page.locator("#write"), ada.page.locator("#conversation .composer .chip")
        await ada.attach(workplace.media.image)
        await field.fill("not yet")
        await ada.page.get_by_role("button", name="press").click()
        await expect(field).to_have_value("")
        await expect(chips).to_have_count(0)
        await ada.page.locator(".place", has_text="studio").click()
        await expect(field).to_have_value("not yet")
        await ada.page.get_by_label("Ben").check(force=True)
        await expect(field).to_have_value("")
        await expect(chips).to_have_count(0)
        await ada.page.get_by_label("Ada").check(force=True)
        await expect(field).to_have_value("not yet")
        await expect(chips).to_have_count(1)
    assert ada.troubles == []


@long_form
async def test_words_that_were_refused_come_back_before_what_was_begun_meanwhile(workplace: Workplace) -> None:
    async with visiting(workplace) as ada:
        field = ada.page.locator("#write")
        async with ada.held_back("**/do/say?*"):
            await ada.write("first")
            await expect(field).to_have_value("")
            await field.fill("second")
            await ada.page.context.set_offline(True)
        await expect(field).to_have_value("first\nsecond")


@long_form
async def test_a_failed_job_is_ordered_again_by_its_button(workplace: Workplace) -> None:
    workplace.studio.trouble.next_tasks(fails("InternalError"))
    async with visiting(workplace) as ada:
        await ada.order(workplace.media)
        await ada.button("Retry").click()
        await ada.page.locator(".thread-link").click()  # the new card stands where the button was
        await expect(ada.thread).to_contain_text("Done")
        await ada.plays(ada.thread.locator("video"))
    assert len(workplace.studio.billed) == 1
    assert ada.troubles == []


@long_form
async def test_a_bot_that_slack_keeps_waiting_is_shown_so_and_can_be_killed_meanwhile(workplaces: Opened) -> None:
    workplace = await workplaces(here=False)
    async with visiting(workplace) as ada:
        state = ada.panel.get_by_role("status")
        for _ in range(2):
            await ada.button("Kill the bot").click()
            await expect(state).to_contain_text("Killed")
            workplace.slack.trouble.always("auth.test", http_status(503))
            await ada.button("Start").click()
            await expect(state).to_contain_text("Starting")
            await expect(ada.button("Kill the bot")).to_be_visible()
        workplace.slack.trouble.clear()
        await expect(state).to_contain_text("Running")


@long_form
async def test_ten_jobs_at_once_keep_the_page_smooth(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=0.3)
    async with visiting(workplace) as ada:
        tools = await ada.page.context.new_cdp_session(ada.page)
        # Thread time and not the wall's: it is the same on a machine that is busy elsewhere.
        await tools.send("Performance.enable", {"timeDomain": "threadTicks"})

        async def busy() -> float:
            metrics = (await tools.send("Performance.getMetrics"))["metrics"]
            return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")

        took: list[float] = []
        for jobs in (1, 11):
            before = await busy()
            for _ in range(jobs - len(took)):
                await workplace.order()
            await expect(ada.panel.locator(".state.succeeded")).to_have_count(jobs)
            await expect(ada.messages.filter(has_text="Done")).to_have_count(jobs)
            took.append(await busy() - before)
        one, ten = took
        assert ten < 15 * one  # no more than ten times one, but for chance
    assert ada.troubles == []
