# SPDX-License-Identifier: MIT
"""How servers and connections end: the methods that are running, logouts, Ctrl-C; under
asyncio and under uvloop."""
import asyncio
import importlib.util
import logging
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import libpb
from served import LOCAL, Pair, Person, Root

UVLOOP = importlib.util.find_spec("uvloop") is not None
HERE = pathlib.Path(__file__).resolve().parents[1]


class Waiting(Root):
    def __init__(self):
        super().__init__()
        self.ended = []

    async def note(self, name):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)  # what a method does at its end
            self.ended.append(name)
            raise

    @libpb.remote
    async def hold(self, name):
        await self.note(name)

    @libpb.remote
    async def close_all(self, server):
        connection, = self.server.connections
        connection.close()
        await connection.wait_closed()
        self.ended.append("closer")


class Methods(Pair):
    root_class = Waiting

    async def test_are_cancelled_when_the_caller_goes(self):
        calls = [self.root.call("hold", name) for name in "ab"]
        await self.echo()
        self.client.close()
        for call in calls:
            with self.assertRaises(libpb.ConnectionLost):
                await call
        connection, = self.server.connections
        await asyncio.wait_for(connection.wait_closed(), 20)
        self.assertCountEqual(self.root_object.ended, "ab")

    async def test_are_awaited_when_the_server_closes(self):
        calls = [self.root.call("hold", name) for name in "ab"]
        await self.echo()
        self.server.close()
        await self.server.wait_closed()
        self.assertCountEqual(self.root_object.ended, "ab")
        for call in calls:
            with self.assertRaises(libpb.ConnectionLost):
                await call

    async def test_the_one_that_closes_goes_on(self):
        self.root_object.server = self.server
        hold, close = self.root.call("hold", "a"), self.root.call("close_all", None)
        for call in hold, close:
            with self.assertRaises(libpb.ConnectionLost):
                await call
        await self.server.wait_closed()
        self.assertEqual(self.root_object.ended, ["a", "closer"])


class Logouts(unittest.IsolatedAsyncioTestCase):
    async def test_are_awaited(self):
        left = []

        class Slow(Person):
            async def logout(self):
                await asyncio.sleep(0.05)
                left.append(self.name)

        server = await libpb.serve(LOCAL, portal=libpb.Portal(Slow, {"alice": "x"}))
        client = await libpb.connect(f"tcp:127.0.0.1:{server.port}", login=("alice", "x"))
        server.close()
        await server.wait_closed()
        self.assertEqual(left, ["alice"])
        await client.wait_closed()

    async def test_serve_forever_ends_when_it_is_closed(self):
        server = await libpb.serve(LOCAL, Root())
        asyncio.get_running_loop().call_later(0.01, server.close)
        await asyncio.wait_for(server.serve_forever(), 20)
        self.assertIsNotNone(server.port)


class Interrupts(unittest.TestCase):
    """Ctrl-C ends the server of the README while a client is connected."""

    def interrupt(self, before=""):
        text = (HERE / "README.md").read_text(encoding="utf-8")
        program = re.search(r"^```python\n# server\.py\n(.*?)^```$", text, re.S | re.M)[1]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "server.py")
            with open(path, "w") as f:
                f.write(before + program.replace("8789", str(port)))
            server = subprocess.Popen([sys.executable, "-B", path],
                                      stderr=subprocess.PIPE, text=True)
            try:
                asyncio.run(asyncio.wait_for(self.connect(server, port), 60))
                _, said = server.communicate(timeout=30)
            finally:
                server.kill()
                server.wait()
        self.assertIn("KeyboardInterrupt", said)
        self.assertNotIn("Task exception", said)

    async def connect(self, server, port):
        while True:
            try:
                client = await libpb.connect(f"tcp:127.0.0.1:{port}")
                break
            except libpb.ConnectionLost:
                await asyncio.sleep(0.02)
        waiting = client.call("slow", 60)
        await client.call("getTwo")
        server.send_signal(signal.SIGINT)
        with self.assertRaises(libpb.ConnectionLost):
            await waiting
        await client.wait_closed()

    def test_asyncio(self):
        self.interrupt()

    @unittest.skipUnless(UVLOOP, "uvloop is missing")
    def test_uvloop(self):
        self.interrupt("import uvloop\nuvloop.install()\n")


@unittest.skipUnless(UVLOOP, "uvloop is missing")
class Uvloop(unittest.TestCase):
    def test_all_of_asyncio(self):
        """The tests of clients and servers, with uvloop as the loop."""
        code = ("import unittest, uvloop; uvloop.install(); "
                "unittest.main(module='test_asyncio')")
        done = subprocess.run([sys.executable, "-B", "-c", code], text=True,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join(
                                  [os.path.dirname(__file__), *sys.path])},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("\nOK", done.stdout)


if __name__ == "__main__":
    logging.getLogger("libpb").setLevel(logging.CRITICAL)
    unittest.main()
