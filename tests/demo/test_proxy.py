from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from bot.demo.proxy import Proxy


async def test_while_it_refuses_nobody_else_is_given_its_port() -> None:
    """A day of blackout in a test that ran for a minute: another test had the port when it was over."""
    target = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    proxy = Proxy()
    await proxy.start(target.sockets[0].getsockname()[1])
    for _ in range(2):
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        with socket.socket() as other, pytest.raises(OSError, match="in use") as taken:
            other.bind(("127.0.0.1", proxy.port))
        assert taken.value.errno == errno.EADDRINUSE
        await proxy.accept()
        _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.close()
    await proxy.stop()
    target.close()
