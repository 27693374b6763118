"""A conversation with an MCP server over its standard input and output, one JSON message a line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


class ToolError(Exception):
    """The server's tool said that it failed."""


class Conversation:
    """Call it with a tool's name and arguments; it gives the tool's structured answer."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path) -> None:
        self._errors = (folder / "stderr").open("w")
        self._server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=env,
            cwd=folder,
            text=True,
        )
        self._number = 0
        client = {"name": "firstline-tests", "version": "1"}
        self._ask("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo=client)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def __call__(self, tool: str, **arguments: Any) -> Any:
        answer = self._ask("tools/call", name=tool, arguments=arguments)
        texts = [c.get("text", "") for c in answer.get("content", [])]
        if answer.get("isError"):
            raise ToolError(" ".join(texts))
        if "structuredContent" in answer:
            return answer["structuredContent"]
        try:
            return json.loads(texts[0])
        except ValueError:
            return texts

    def close(self) -> None:
        self._server.kill()
        self._server.wait()
        self._errors.close()

    def _ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        self._say({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        assert self._server.stdout is not None
        for line in self._server.stdout:
            message = json.loads(line)
            if message.get("id") == self._number:
                if "error" in message:
                    raise ToolError(str(message["error"]))
                return message["result"]
        raise ToolError("the server has gone")

    def _say(self, message: Any) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(message) + "\n")
        self._server.stdin.flush()
