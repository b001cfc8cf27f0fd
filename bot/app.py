"""The only place that builds things, starts them and stops them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from bot import studio as model_studio
from bot.clock import steady_clock
from bot.delivery import Deliverer, Patience
from bot.engine import Engine
from bot.errors import RemoteError, SpoolFull, StoreUnavailable
from bot.hosting.local import LocalHost
from bot.hosting.modelstudio import ModelStudioHost
from bot.inputs import Inputs, largest
from bot.intake import Intake
from bot.lock import only_process
from bot.media.child import Children
from bot.media.prepare import Preparer
from bot.media.probe import Prober
from bot.moves import Moves
from bot.pace import Pace
from bot.previews import Previews
from bot.progress import Progress
from bot.results import StudioResults
from bot.slack.card import Cards
from bot.slack.client import CALL_SECONDS, SlackClient, slack_session
from bot.slack.door import Door, Signatures, reachable
from bot.slack.files import SlackFiles
from bot.slack.listeners import Listeners
from bot.slack.outlet import SlackBoard, SlackOutlet
from bot.spool import Spool
from bot.steps import Steps
from bot.store import Store
from bot.transfer import media_session
from bot.web import Health, Media, routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import aiohttp
    import httpx

    from bot.config import Settings
    from bot.hosting import FileHost
    from bot.slack.door import Socket

log = structlog.get_logger(__name__)

# A platform kills what is still there 10 s after SIGTERM: the steps in hand get most of it, the cards the rest.
STEPS_SECONDS = 5.5
CARDS_SECONDS = 1.5
CLOSING_SECONDS = 0.5  # after all that
RESTED_SECONDS = 60.0  # after these every rate is whole again
SOCKET_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the bot is built on: its settings, its connections, its clock, and how long it waits for what."""

    settings: Settings
    store: Store
    client: SlackClient
    media: aiohttp.ClientSession
    http: httpx.AsyncClient
    clock: Callable[[], float]
    patience: Patience
    pace: Pace


class Bot:
    """Everything that runs, wired together. Made on the running loop."""

    def __init__(self, around: Around) -> None:
        settings, store, client, clock = around.settings, around.store, around.client, around.clock
        self.store = store
        self.spool = Spool(settings.data_dir / "spool", limit=int(settings.spool_max))
        self.progress = Progress(changed=self._progressed)
        self.moves = Moves(store.jobs, changed=self._changed)
        self.children = Children()  # no more than two in the whole bot
        self.preparer = Preparer(children=self.children)
        self.cards = Cards(
            client,
            store,
            prices=model_studio.PRICES[settings.dashscope_api_region],
            tasks_at_once=around.pace.tasks_at_once,
            clock=clock,
            progress=self.progress,
            edit_seconds=around.pace.edit,
        )
        self.previews = _previews(around, self)
        self.steps = _steps(around, self)
        self.engine = Engine(self.steps, clock=clock)
        intake = Intake(
            store=store,
            moves=self.moves,
            clock=clock,
            wake=self.engine.wake,
            tidy=self.steps.tidy,
            check_room=self.spool.check,
        )
        self.listeners = Listeners(client=client, intake=intake, store=store, cards=self.cards, clock=clock)
        self.door = _door(around, self.listeners)
        app_token = settings.slack_app_token
        self.socket: Socket | None = self.door.socket(app_token.get_secret_value()) if app_token else None
        self.web = routes(
            media=Media(store.addresses, self.spool),
            health=Health(self.reasons, self.notes),
            receive=None if app_token else self.door.receive,
        )

    def _changed(self, job_id: str) -> None:
        self.cards.changed(job_id)
        self.previews.changed(job_id)

    def _progressed(self, job_id: str) -> None:
        self.cards.progressed(job_id)

    async def reasons(self) -> list[str]:
        """Return why the bot can't do its work right now; nothing if it can."""
        found = [await reachable(self.door)]
        if self.socket is not None and not await self.socket.connected():
            found.append("Slack's Socket Mode is not connected")
        try:
            await self.store.check()
        except StoreUnavailable as error:
            found.append(f"the database is not writable ({error})")
        try:
            self.spool.check()
        except (SpoolFull, OSError) as error:
            found.append(f"there is no room for files ({error})")
        if not self.engine.alive:
            found.append("the job loop does not run")
        return [reason for reason in found if reason]

    def notes(self) -> list[str]:
        """Return what somebody has to mend although the bot does its work: taken out of service it could not say so."""
        return [complaint] if (complaint := self.door.complaint) else []


def _previews(around: Around, bot: Bot) -> Previews:
    return Previews(
        store=around.store,
        spool=bot.spool,
        painter=bot.preparer,
        board=SlackBoard(around.client, around.media, bot.cards),
        clock=around.clock,
        patience=around.patience,
        after=around.pace.preview,
    )


def _steps(around: Around, bot: Bot) -> Steps:
    studio = model_studio.Studio(around.http, clock=around.clock, steady=around.clock, rested=around.pace.rested)
    host = _host(around, studio)
    inputs = _inputs(around, bot, host)
    return Steps(
        store=around.store,
        studio=studio,
        inputs=inputs,
        deliverer=_deliverer(around, bot, inputs),
        host=host,
        spool=bot.spool,
        moves=bot.moves,
        clock=around.clock,
        pace=around.pace,
    )


def _host(around: Around, studio: model_studio.Studio) -> FileHost:
    if around.settings.hosts_files_itself:
        return LocalHost(around.settings.public_url or "", clock=around.clock)
    return ModelStudioHost(studio, around.media, clock=around.clock)


def _inputs(around: Around, bot: Bot, host: FileHost) -> Inputs:
    settings = around.settings
    token, spool_max = settings.slack_bot_token.get_secret_value(), int(settings.spool_max)
    return Inputs(
        source=SlackFiles(around.client, around.media, token=token, api_url=settings.slack_api_url),
        preparer=bot.preparer,
        host=host,
        spool=bot.spool,
        store=around.store,
        moves=bot.moves,
        progress=bot.progress,
        clock=around.clock,
        most=lambda role: largest(role, spool=spool_max),
    )


def _deliverer(around: Around, bot: Bot, inputs: Inputs) -> Deliverer:
    return Deliverer(
        results=StudioResults(around.media, base_url=studio_base(around.settings)),
        player=Prober(children=bot.children),
        finisher=bot.preparer,
        references=inputs,
        outlet=SlackOutlet(around.client, around.media, bot.cards, prices=bot.cards.prices),
        spool=bot.spool,
        moves=bot.moves,
        clock=around.clock,
        patience=around.patience,
    )


def _door(around: Around, listeners: Listeners) -> Door:
    secret = around.settings.slack_signing_secret
    signatures = Signatures(secret.get_secret_value(), clock=time.time) if secret else None
    token = around.settings.slack_bot_token.get_secret_value()
    return Door(around.client, listeners, token=token, signatures=signatures)


def studio_base(settings: Settings) -> str:
    """Return where Model Studio's API is, by region, workspace or override."""
    return model_studio.base_url(
        settings.dashscope_api_region, settings.dashscope_workspace_id, settings.dashscope_http_base_url
    )


@contextlib.asynccontextmanager
async def built(
    settings: Settings,
    *,
    patience: Patience | None = None,
    pace: Pace | None = None,
    clock: Callable[[], float] | None = None,
    silence: float | None = None,
) -> AsyncIterator[Bot]:
    """Build the bot around the data folder, which the caller holds, and take it apart again.

    ``silence`` is after how many seconds of it a service is given up; unset, each has its own measure.
    """
    clock, pace = clock or steady_clock(), pace or Pace()
    pace = replace(pace, poll=settings.poll_seconds, tasks_at_once=settings.tasks_at_once)
    limit = {} if silence is None else {"silence_seconds": silence}
    async with contextlib.AsyncExitStack() as stack:
        store = Store(settings.data_dir / "understudy.db", clock=clock)
        stack.callback(store.close)
        if await store.jobs.never_any():  # so no process before this one asked anybody much
            pace = replace(pace, rested=max(pace.rested, RESTED_SECONDS))
        media = await stack.enter_async_context(media_session(**limit))
        key = settings.dashscope_api_key.get_secret_value()
        http = await stack.enter_async_context(model_studio.studio_http(key, studio_base(settings), **limit))
        client = SlackClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=await stack.enter_async_context(slack_session(silence or CALL_SECONDS)),
            clock=clock,
            turn=pace.turn,
            rested=pace.rested,
        )
        yield Bot(
            Around(
                settings=settings,
                store=store,
                client=client,
                media=media,
                http=http,
                clock=clock,
                patience=patience or Patience(),
                pace=pace,
            )
        )


async def run(
    settings: Settings,
    *,
    until: asyncio.Event,
    serving: asyncio.Event | None = None,
    patience: Patience | None = None,
    pace: Pace | None = None,
) -> None:
    """Serve until ``until`` is set; then finish or leave every step within 8 seconds. Sets ``serving`` once it does."""
    async with built(settings, patience=patience, pace=pace) as bot:
        await serve_with(bot, settings, until=until, serving=serving)


async def serve_with(
    bot: Bot, settings: Settings, *, until: asyncio.Event, serving: asyncio.Event | None = None
) -> None:
    """Do what ``run`` does with a bot that is built."""
    await bot.steps.start()
    await bot.cards.start()
    await bot.previews.start()
    runner = web.AppRunner(bot.web, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    await site.start()
    works = (bot.engine.run(), bot.cards.run(), bot.previews.run(), _connect(bot))
    loops = [asyncio.create_task(work) for work in works]
    if serving is not None:
        serving.set()
    log.info("serving", port=runner.addresses[0][1], socket_mode=bot.socket is not None)
    try:
        await until.wait()
    finally:
        log.info("stopping")
        await _stop(bot, runner, loops)
        log.info("stopped")


async def _stop(bot: Bot, runner: web.AppRunner, loops: list[asyncio.Task[None]]) -> None:
    """First nothing new comes in, then what is in hand ends, then the last word is shown."""
    loops[-1].cancel()
    bot.previews.stop()
    # Beside the rest: a Slack that answers no goodbye, or a client that reads slowly, must not keep the steps waiting.
    closing = [asyncio.create_task(runner.cleanup())]
    if bot.socket is not None:
        closing.append(asyncio.create_task(bot.socket.close()))
    await bot.engine.stop(within=STEPS_SECONDS)
    await bot.listeners.drain(within=0.5)
    await bot.cards.stop(within=CARDS_SECONDS)
    await asyncio.wait(closing, timeout=CLOSING_SECONDS)
    for task in (*loops, *closing):
        task.cancel()
    await asyncio.gather(*loops, *closing, return_exceptions=True)


async def _connect(bot: Bot) -> None:
    """Get in touch with Slack, for as long as it takes: the jobs of yesterday don't wait for it."""
    while reason := await reachable(bot.door):
        log.error("Slack can't be used", reason=reason)
        await asyncio.sleep(SOCKET_RETRY_SECONDS)
    while bot.socket is not None:
        try:
            await bot.socket.connect()
        except RemoteError as error:
            log.warning("Socket Mode did not connect", reason=str(error))
            await asyncio.sleep(SOCKET_RETRY_SECONDS)
        else:
            return


def serve(settings: Settings) -> None:
    """Run the bot in this process until SIGTERM or SIGINT. Raises FolderInUse if another one does not leave in time."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with only_process(settings.data_dir):
        asyncio.run(_serve(settings))


def calm_collector() -> None:
    """Let Python's garbage collector leave alone what lives as long as the process, and look less often.

    An answer makes a few thousand objects, and nearly all of them are freed without the collector: as it comes, it
    takes every eighth of the time of answering.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


async def _serve(settings: Settings) -> None:
    calm_collector()
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)
    await run(settings, until=until)
