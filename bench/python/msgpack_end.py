# SPDX-License-Identifier: MIT
"""One end of cpu.py under asyncio with msgpack: the floor for what has no objects.
`msgpack_end.py serve`, or `call PORT [CASE]...`."""
import asyncio
import sys

import msgpack
from cases import OUTSTANDING, chosen, cpu, report


class End(asyncio.Protocol):
    """Messages are [number, method, arguments], answers [number, result]."""

    def __init__(self, serving):
        self.serving, self.waiting, self.next = serving, {}, 0
        self.unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=2 ** 26)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.unpacker.feed(data)
        for message in self.unpacker:
            if self.serving:
                number, method, args = message
                result = cpu() if method == "cpu" else args[0]
                self.transport.write(msgpack.packb([number, result]))
            else:
                number, result = message
                self.waiting.pop(number).set_result(result)

    def call(self, method, *args):
        self.next += 1
        future = self.waiting[self.next] = asyncio.get_running_loop().create_future()
        self.transport.write(msgpack.packb([self.next, method, args]))
        return future


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: End(True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


async def call(port):
    loop = asyncio.get_running_loop()
    _, end = await loop.create_connection(lambda: End(False), "127.0.0.1", int(port))
    for name, method, args, calls in chosen():
        if method != "echo":
            continue
        for _ in range(2):  # the first time warms up
            theirs, own = await end.call("cpu"), cpu()
            for _ in range(calls // OUTSTANDING):
                await asyncio.gather(
                    *[end.call(method, *args) for _ in range(OUTSTANDING)])
            own = cpu() - own
            theirs = await end.call("cpu") - theirs
        report(name, own, theirs, calls // OUTSTANDING * OUTSTANDING)


asyncio.run(serve() if sys.argv[1] == "serve" else call(sys.argv[2]))
