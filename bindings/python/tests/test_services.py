# SPDX-License-Identifier: MIT
"""The parts of services under asyncio: a client that stays connected, a server that stops
gracefully, sockets and transports that are there already, limits, paging, proxies."""
import asyncio
import functools
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import unittest

import libpb
from libpb.errors import remote_error
from served import LOCAL, Pair, Person, Root


class Exceptions(unittest.TestCase):
    def made(self, *parents):
        return remote_error(parents[0], "so", "", parents)

    def test_built_in_classes(self):
        for cls in ValueError, KeyError, OSError, FileNotFoundError, UnicodeError:
            for module in "builtins", "exceptions":
                e = self.made(f"{module}.{cls.__name__}")
                self.assertIsInstance(e, cls)
                self.assertIsInstance(e, libpb.RemoteError)
                self.assertEqual((str(e), e.value), (f"{e.type}: so", "so"))
        derived = self.made("shop.SoldOut", "shop.Error", "builtins.LookupError",
                            "builtins.Exception")
        self.assertIsInstance(derived, LookupError)

    def test_what_ends_a_program_is_not_raised(self):
        for name in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException",
                     "StopIteration", "StopAsyncIteration", "Exception", "print", "no"):
            e = self.made(f"builtins.{name}", "builtins.BaseException")
            self.assertIs(type(e), libpb.RemoteError)
        self.assertIs(type(self.made("ValueError")), libpb.RemoteError)

    def test_a_constructor_that_takes_something_else(self):
        e = self.made("builtins.UnicodeDecodeError", "builtins.UnicodeError",
                      "builtins.ValueError")
        self.assertIsInstance(e, UnicodeError)
        self.assertNotIsInstance(e, UnicodeDecodeError)


class Proxy(libpb.Referenceable):
    """Passes every call on."""

    def __init__(self, to):
        self.to = to

    def find_method(self, method):
        return functools.partial(self.to.call, method) if method != "none" else None


class Proxies(Pair):
    async def test_all_methods(self):
        async with libpb.serve(LOCAL, Proxy(self.client)) as server, \
                libpb.connect(f"tcp:127.0.0.1:{server.port}") as client:
            self.assertEqual(await client.call("echo", 1, k=2), ((1,), {"k": 2}))
            with self.assertRaises(ValueError):
                await client.call("fail", "value")
            with self.assertRaises(AttributeError):
                await client.call("none")


class Connections(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        logging.getLogger("libpb").setLevel(logging.CRITICAL)

    async def check(self, client):
        async with client:
            self.assertEqual(await client.call("echo", 1), ((1,), {}))

    async def test_sockets(self):
        listening = socket.create_server(("127.0.0.1", 0))
        async with libpb.serve(listening, Root()) as server:
            self.assertEqual(server.port, listening.getsockname()[1])
            connected = socket.create_connection(("127.0.0.1", server.port))
            await self.check(await libpb.connect(connected))
        with tempfile.TemporaryDirectory() as folder:
            unix = socket.socket(socket.AF_UNIX)
            unix.bind(f"{folder}/s")
            async with libpb.serve(unix, Root()):
                await self.check(await libpb.connect(f"unix:{folder}/s"))

    async def test_transports(self):
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        async with libpb.serve(LOCAL, Root()) as server:
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=here)
            client = asyncio.ensure_future(self.connect(transport))
            await asyncio.sleep(0)
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=there)
            connection = server.serve_transport(transport)
            self.assertEqual(server.connections, {connection})
            await self.check(await client)

    async def connect(self, transport):
        return await libpb.connect(transport)

    async def test_mode_of_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/socket"
            for _ in range(2):  # the second time it replaces the socket that is left
                async with libpb.serve(f"unix:{path}:mode=600", Root()):
                    self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
                    await self.check(await libpb.connect(f"unix:{path}"))
        for mode in "abc", "888", "77777", "-1":
            with self.assertRaisesRegex(ValueError, "octal mode"):
                libpb.serve(f"unix:/x:mode={mode}", Root())

    async def test_a_realm_that_knows_the_connection(self):
        def realm(name, mind, connection):
            person = Person(name, mind)
            known.append(connection)
            return person

        known = []
        portal = libpb.Portal(realm, {"alice": "x"})
        async with libpb.serve(LOCAL, portal=portal) as server:
            async with libpb.connect(f"tcp:127.0.0.1:{server.port}",
                                     login=("alice", "x")):
                self.assertEqual(set(known), server.connections)

    async def test_a_limit_of_calls(self):
        """No more is read from a client that has so many calls waiting."""
        class Slow(Root):
            running = 0

            @libpb.remote
            async def hold(self):
                self.running += 1
                await event.wait()
                self.running -= 1

        event, root = asyncio.Event(), Slow()
        async with libpb.serve(LOCAL, root, max_calls=10) as server, \
                libpb.connect(f"tcp:127.0.0.1:{server.port}") as client:
            calls = [client.call("hold") for _ in range(3000)]
            for _ in range(50):
                await asyncio.sleep(0.001)
                self.assertLessEqual(root.running, 11)
            self.assertGreater(root.running, 0)
            event.set()
            await asyncio.wait_for(asyncio.gather(*calls), 30)
        with self.assertRaisesRegex(ValueError, "negative"):
            async with libpb.serve(LOCAL, Root(), max_calls=-1) as server:
                from libpb.server import _Served
                server._make().connection


class Stopping(unittest.IsolatedAsyncioTestCase):
    async def test_gracefully(self):
        class Slow(Root):
            @libpb.remote
            async def hold(self, seconds):
                await asyncio.sleep(seconds)
                return "done"

        server = await libpb.serve(LOCAL, Slow())
        where = f"tcp:127.0.0.1:{server.port}"
        idle, short, long = [await libpb.connect(where) for _ in range(3)]
        calls = [short.call("hold", 0.2), long.call("hold", 60)]
        await idle.call("echo")
        await server.stop(0.6)
        self.assertEqual(await calls[0], "done")
        with self.assertRaises(libpb.ConnectionLost):
            await calls[1]
        for client in idle, short, long:
            await asyncio.wait_for(client.wait_closed(), 20)
        with self.assertRaises(libpb.ConnectionLost):
            await libpb.connect(where)

    def test_by_a_signal(self):
        program = textwrap.dedent("""
            import asyncio, libpb
            class User(libpb.Avatar):
                def __init__(self, name, mind): self.name = name
                @libpb.perspective
                async def hold(self):
                    await asyncio.sleep(0.3)
                    return "done"
                async def logout(self):
                    await asyncio.sleep(0.05)
                    print("logged out", self.name, flush=True)
            async def main():
                portal = libpb.Portal(User, {"alice": "x"})
                server = await libpb.serve("tcp:0:interface=127.0.0.1", portal=portal)
                print(server.port, flush=True)
                await server.run(timeout=20)
            asyncio.run(main())
        """)
        for number in signal.SIGTERM, signal.SIGINT:
            with subprocess.Popen([sys.executable, "-B", "-c", program], text=True,
                                  stdout=subprocess.PIPE) as server:
                try:
                    port = int(server.stdout.readline())
                    asyncio.run(asyncio.wait_for(self.call(server, port, number), 60))
                    self.assertEqual(server.communicate(timeout=30)[0],
                                     "logged out alice\n")
                    self.assertEqual(server.returncode, 0)
                finally:
                    server.kill()

    async def call(self, server, port, number):
        async with libpb.connect(f"tcp:127.0.0.1:{port}", login=("alice", "x")) as client:
            call = client.call("hold")
            await asyncio.sleep(0.1)
            server.send_signal(number)
            self.assertEqual(await call, "done")


class Services(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        logging.getLogger("libpb").setLevel(logging.CRITICAL)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def serve(self, *args, **options):
        return libpb.serve(f"tcp:{self.port}:interface=127.0.0.1", *args, **options)

    def service(self, **options):
        return libpb.Service(f"tcp:127.0.0.1:{self.port}", delay=0.01, **options)

    async def test_connects_again(self):
        async with self.service() as service:
            early = asyncio.ensure_future(service.call("echo", 1))
            await asyncio.sleep(0.05)
            for _ in range(3):
                async with self.serve(Root()) as server:
                    self.assertEqual(await asyncio.wait_for(early, 20), ((1,), {}))
                    waiting = asyncio.ensure_future(service.call("wait"))
                    await service.call("echo")
                    self.assertEqual(len(server.connections), 1)
                with self.assertRaises(libpb.ConnectionLost):
                    await waiting
                early = asyncio.ensure_future(service.call("echo", 1))
                await asyncio.sleep(0)
        with self.assertRaises(libpb.ConnectionLost):
            await early
        with self.assertRaises(libpb.ConnectionLost):
            await service.call("echo")

    async def test_logs_in_again(self):
        names, set_up = [], []

        def realm(name, mind):
            names.append(name)
            return Person(name, mind)

        async def connected(client):
            set_up.append(await client.call("same", 1))

        async with self.service(login=("alice", "x"), connected=connected) as service:
            for password in "x", "y", "x":
                portal = libpb.Portal(realm, {"alice": password})
                async with self.serve(portal=portal):
                    if password == "y":
                        with self.assertRaises(libpb.LoginFailed):
                            await asyncio.wait_for(service.when_connected(), 20)
                    else:
                        self.assertIs(await asyncio.wait_for(service.call("same", 1), 20),
                                      False)
        self.assertEqual((names, set_up), (["alice"] * 2, [False] * 2))

    async def test_waits_so_long(self):
        async with self.service(wait=0.05) as service:
            with self.assertRaisesRegex(libpb.ConnectionLost, "within 0.05 seconds"):
                await service.call("echo")
            self.assertIsNone(service.client)
        for wrong in {"login": ("a", "b"), "anonymous": True}, {"nonsense": 1}:
            with self.assertRaises((TypeError, ValueError)):
                self.service(**wrong)

    async def test_a_set_up_that_fails(self):
        async with self.serve(Root()), \
                self.service(connected=lambda client: 1 / 0) as service:
            with self.assertRaises(ZeroDivisionError):
                await asyncio.wait_for(service.when_connected(), 20)


class Paging(Pair):
    class root_class(Root):
        @libpb.remote
        async def read(self, collector, n):
            await libpb.send_pages(collector, (b"x" * i for i in range(n)))

        @libpb.remote
        async def read_later(self, collector, n):
            async def pages():
                for i in range(n):
                    await asyncio.sleep(0)
                    yield i
                if n == 7:
                    raise OSError("no more")
            await libpb.send_pages(collector, pages())

        @libpb.remote
        async def forget(self, collector):
            await collector.call("gotPage", 1)
            connection, = self.server.connections
            connection.close()

    async def pages(self, *args):
        return [page async for page in libpb.get_pages(self.root, *args)]

    async def test_pages(self):
        self.assertEqual([len(p) for p in await self.pages("read", 100)],
                         list(range(100)))
        self.assertEqual(await self.pages("read_later", 5), list(range(5)))
        self.assertEqual(await self.pages("read", 0), [])
        self.assertEqual(len(self.client._protocol.callbacks), 0)
        await self.echo()
        await self.echo()
        self.assertEqual(self.counts(), (0, 0))

    async def test_failures(self):
        with self.assertRaises(libpb.RemoteError):
            await self.pages("no such method")
        self.root_object.server = self.server
        with self.assertRaises(libpb.ConnectionLost):
            await self.pages("forget")

    async def test_a_reader_that_stops(self):
        async for page in libpb.get_pages(self.root, "read", 1000):
            if page == b"xxx":
                break
        self.assertEqual(await self.echo(1), (1,))


class Names(unittest.TestCase):
    def test_dir_and_version(self):
        for name in libpb.__all__:
            self.assertIn(name, dir(libpb))
            self.assertTrue(getattr(libpb, name).__doc__, name)
        self.assertRegex(libpb.__version__, r"^\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
