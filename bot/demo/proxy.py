"""A small TCP proxy on loopback that carries a conversation, or lets it go wrong, for as long as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """What becomes of one connection. ``cut`` is after how many bytes of answers it is reset."""

    mute: bool = False  # accepted, and never a word
    cut: int | None = None
    delay: float = 0.0  # before anything is carried on
    pace: float | None = None  # bytes of answers a second


MUTE = Toxic(mute=True)
LOST_ANSWER = Toxic(cut=0)  # what was asked for happens, and nobody hears of it


def cut(after: int) -> Toxic:
    """Reset the connection after so many bytes of answers."""
    return Toxic(cut=after)


def delayed(seconds: float) -> Toxic:
    """Carry the conversation on so much later."""
    return Toxic(delay=seconds)


def drip(bytes_a_second: float) -> Toxic:
    """Let answers come this slowly."""
    return Toxic(pace=bytes_a_second)


class Proxy:
    """Stands before a server on loopback. ``refuse`` shuts the door itself, everything else befalls a connection."""

    def __init__(self) -> None:
        self.troubled = 0  # connections that something befell
        self.port = 0
        self._target = 0
        self._sometimes: tuple[tuple[Toxic, ...], float, random.Random] | None = None
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, target: int) -> None:
        """Listen, on the same port as before if there was one, and carry to ``target``."""
        self._target = target
        await self.accept()

    async def stop(self) -> None:
        """End everything."""
        await self.refuse()
        self._let_go()

    async def refuse(self) -> None:
        """Shut the door: connections that exist are reset, new ones refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._hold()
        self.reset()
        for talk in tuple(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def accept(self) -> None:
        """Open the door again."""
        if self._server is None:
            self._let_go()
            self._server = await asyncio.start_server(self._met, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def _hold(self) -> None:
        """Keep the port while nobody listens there: for hours of a test any other program could be given it."""
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", self.port))

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def reset(self) -> None:
        """Reset every connection that is open, so that the next ones meet what was ordered."""
        for writer in tuple(self._open):
            _reset(writer)

    def sometimes(self, *toxics: Toxic, probability: float, seed: int = 0) -> None:
        """Let one of these befall connections at random, until ``clear``; the same seed gives the same ones."""
        self._sometimes = (toxics, probability, random.Random(seed))
        self.reset()

    def clear(self) -> None:
        """Let all be well again."""
        self._sometimes = None
        self.reset()

    def _draw(self) -> Toxic:
        found = None
        if self._sometimes is not None:
            toxics, probability, dice = self._sometimes
            found = dice.choice(toxics) if dice.random() < probability else None
        self.troubled += found is not None
        return found or Toxic()

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        talk = asyncio.create_task(self._talk(reader, writer, self._draw()))
        self._talks.add(talk)
        talk.add_done_callback(lambda talk: self._over(talk, writer))

    def _over(self, talk: asyncio.Task[None], writer: asyncio.StreamWriter) -> None:
        self._talks.discard(talk)
        self._open.discard(writer)
        _reset(writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, toxic: Toxic) -> None:
        # A reset on either side is an ordinary end of a conversation here.
        with contextlib.suppress(OSError):
            await asyncio.sleep(toxic.delay)
            if toxic.mute:
                while await reader.read(_BLOCK):
                    pass
            else:
                await self._carry(reader, writer, toxic)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, toxic: Toxic) -> None:
        from_target, to_target = await asyncio.open_connection("127.0.0.1", self._target)
        asking = asyncio.create_task(_pour(reader, to_target))
        try:
            await _pour(from_target, writer, most=toxic.cut, pace=toxic.pace)
        finally:
            asking.cancel()
            to_target.transport.abort()
            await asyncio.gather(asking, return_exceptions=True)


async def _pour(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, most: int | None = None, pace: float | None = None
) -> None:
    """Carry bytes until their end, or until there were ``most``."""
    carried = 0
    if most == 0:  # the whole question must have arrived before its answer is lost
        await reader.read(1)
        return
    block = _BLOCK if pace is None else max(1, int(pace / 20))
    while data := await reader.read(block):
        data = data if most is None else data[: most - carried]
        carried += len(data)
        writer.write(data)
        await writer.drain()
        if most is not None and carried >= most:
            return
        if pace is not None:
            await asyncio.sleep(len(data) / pace)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once, with a reset instead of a farewell."""
    found = writer.get_extra_info("socket")
    if found is not None and not writer.is_closing():
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
