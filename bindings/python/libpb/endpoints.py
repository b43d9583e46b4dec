# SPDX-License-Identifier: MIT
"""Twisted's endpoint strings, for asyncio to connect to and to listen on.

Clients: tcp:HOST:PORT, unix:PATH, tls:HOST:PORT, each with timeout=SECONDS; tls also with
hostname=NAME (the name in the server's certificate) and trustRoots=FILE. Servers:
tcp:PORT, unix:PATH, tls:PORT, tcp and tls with interface=ADDRESS, tls also with
privateKey=FILE and certKey=FILE, unix with mode=OCTAL. HOST:PORT means tcp, and ssl: means tls:. Within a part,
":" and "\\" are written "\\:" and "\\\\". An IPv6 address may be written in brackets
instead.

The C library has a parser of its own, in the part that opens sockets. The extension is
linked without that part: under asyncio, Python opens the sockets, and needs the strings
in pieces."""
from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from typing import Any, Callable, Dict, List, Optional, Set

__all__ = ["Endpoint"]

_KINDS = {"tcp": "tcp", "unix": "unix", "tls": "tls", "ssl": "tls"}
_CLIENT: Dict[str, Set[str]] = {
    "tcp": {"host", "port", "timeout"},
    "unix": {"path", "timeout"},
    "tls": {"host", "port", "timeout", "hostname", "trustRoots"},
}
_SERVER: Dict[str, Set[str]] = {
    "tcp": {"port", "interface"},
    "unix": {"address", "mode"},
    "tls": {"port", "interface", "privateKey", "certKey"},
}
_PLACES = {"tcp": ["host", "port"], "tls": ["host", "port"], "unix": ["path"]}


def _split(text: str) -> List[str]:
    parts, part, at, literal = [], "", 0, False
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            at += 1
            part += text[at]
        elif letter == "[" and not part or letter == "]" and literal:
            literal = letter == "["
        elif letter == ":" and not literal:
            parts.append(part)
            part = ""
        else:
            part += letter
        at += 1
    return [*parts, part]


def _is_mode(text: str) -> bool:
    return 0 < len(text) <= 4 and set(text) <= set("01234567")


def _bind_unix(path: str, mode: int) -> socket.socket:
    """A socket that is bound to a path and has its mode before anybody can connect."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
        sock.bind(path)
        os.chmod(path, mode)
    except BaseException:
        sock.close()
        raise
    return sock


class Endpoint:
    """A parsed endpoint string. Raises ValueError if it is malformed."""

    def __init__(self, text: str, server: bool = False,
                 context: Optional[ssl.SSLContext] = None) -> None:
        parts = _split(text)
        if len(parts) == 2 and parts[0] not in _KINDS and parts[1].isdigit():
            parts = ["tcp", f"port={parts[1]}",
                     f"{'interface' if server else 'host'}={parts[0]}"]
        self.text = text
        self.kind = _KINDS.get(parts[0], "")
        if not self.kind:
            raise ValueError(f"{text!r} is not an endpoint: it does not begin with "
                             "tcp:, unix: or tls:")
        known = (_SERVER if server else _CLIENT)[self.kind]
        places = [p for p in _PLACES[self.kind] if not server or p != "host"]
        places = ["address" if server and p == "path" else p for p in places]
        self.args: Dict[str, str] = {}
        for part in parts[1:]:
            name, equals, value = part.partition("=")
            if not equals or name not in known:
                if not places:
                    raise ValueError(f"{text!r}: {part!r} is not expected")
                name, value = places.pop(0), part
            elif name in places:
                places.remove(name)
            self.args[name] = value
        if not all(self.args.values()):
            raise ValueError(f"{text!r} has an empty part")
        missing = [p for p in places if p not in self.args]
        if missing:
            raise ValueError(f"{text!r} has no {missing[0]}")
        if "port" in self.args and not self.args["port"].isdigit():
            raise ValueError(f"{text!r}: {self.args['port']!r} is not a port")
        if not _is_mode(self.args.get("mode", "666")):
            raise ValueError(f"{text!r}: {self.args['mode']!r} is not an octal mode")
        self.context = context
        if self.kind == "tls" and context is None:
            self.context = self._server_context() if server else self._client_context()

    @classmethod
    def of_socket(cls, sock: socket.socket, context: Optional[ssl.SSLContext] = None
                  ) -> "Endpoint":
        """An endpoint that is a socket: a connected one, or one to listen on."""
        self = cls.__new__(cls)
        self.text, self.kind, self.args, self.sock = "sock", "sock", {}, sock
        self.context = context
        return self

    sock: Optional[socket.socket] = None

    def _client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.args.get("trustRoots"))

    def _server_context(self) -> ssl.SSLContext:
        key = self.args.get("privateKey")
        certificate = self.args.get("certKey", key)
        if certificate is None:
            raise ValueError(
                f"{self.text!r} has no privateKey=FILE, and ssl= is not given")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        return context

    @property
    def timeout(self) -> Optional[float]:
        """The timeout of the endpoint in seconds, or None."""
        return float(self.args["timeout"]) if "timeout" in self.args else None

    async def connect(self, factory: Callable[[], asyncio.BaseProtocol]) -> Any:
        """Connects. Returns the transport and the protocol."""
        loop = asyncio.get_running_loop()
        name = self.args.get("hostname") if self.context else None
        if self.sock is not None:
            return await loop.create_connection(
                factory, sock=self.sock, ssl=self.context,
                server_hostname="" if self.context else None)
        if self.kind == "unix":
            return await loop.create_unix_connection(
                factory, self.args["path"], ssl=self.context,
                server_hostname="" if self.context else None)
        return await loop.create_connection(
            factory, self.args["host"], int(self.args["port"]), ssl=self.context,
            server_hostname=name)

    async def listen(self, factory: Callable[[], asyncio.BaseProtocol]
                     ) -> asyncio.AbstractServer:
        """Listens. Returns the server."""
        loop = asyncio.get_running_loop()
        unix = getattr(socket, "AF_UNIX", None)
        if self.kind == "unix" and "mode" in self.args:
            sock = _bind_unix(self.args["address"], int(self.args["mode"], 8))
            return await loop.create_unix_server(factory, sock=sock, ssl=self.context)
        if self.kind == "unix":
            return await loop.create_unix_server(factory, self.args["address"],
                                                 ssl=self.context)
        if self.sock is not None and self.sock.family == unix:
            return await loop.create_unix_server(factory, sock=self.sock,
                                                 ssl=self.context)
        if self.sock is not None:
            return await loop.create_server(factory, sock=self.sock, ssl=self.context)
        return await loop.create_server(factory, self.args.get("interface") or None,
                                        int(self.args["port"]), ssl=self.context)
