"""A server whose applications can break the connection, as networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

EXTENSION = "firstline.break_connection"
_NO_LINGER = struct.pack("ii", 1, 0)


class AbruptProtocol(H11Protocol):
    """Give it to uvicorn as `http=`; without it a reset cannot be told from an error of the server."""

    def connection_made(self, transport: Any) -> None:
        """Offer every request of this connection the means to break it."""
        super().connection_made(transport)
        self.app = _offering(self.app, lambda: _reset(transport))


def _offering(app: Any, break_connection: Callable[[], None]) -> ASGIApp:
    async def offered(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[EXTENSION] = {"break": break_connection}
        await app(scope, receive, send)

    return offered


def _reset(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:  # close with RST, not with FIN
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
