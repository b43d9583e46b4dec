# SPDX-License-Identifier: MIT
"""Cacheable and RemoteCache under asyncio: in one process, and against Twisted, which is
the other side in each role."""
import asyncio
import gc
import logging
import os
import subprocess
import sys
import types
import unittest

import libpb
from served import LOCAL, Pair, Root

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "twisted_caches.py")


@libpb.cacheable("shop.Stock")
class Stock(libpb.Cacheable):
    def __init__(self, count=1, parts=None):
        self.count, self.parts, self.observers, self.stopped = count, parts, [], 0

    def state_to_cache(self, avatar, observer):
        self.observers.append(observer)
        return {"count": self.count, "parts": self.parts}

    def stopped_observing(self, avatar, observer):
        self.observers.remove(observer)
        self.stopped += 1

    def sell(self):
        self.count -= 1
        for observer in self.observers:
            observer.options(answer=False).call("count", self.count)


@libpb.cacheable("shop.Stock")
class Shown(libpb.RemoteCache):
    @libpb.observe("count")
    def set_count(self, count):
        self.count = count

    @libpb.observe
    def fail(self):
        raise libpb.Error("no")


class Failing(libpb.Cacheable):
    def getStateToCacheAndObserveFor(self, avatar, observer):
        raise KeyError("state")


class Shop(Root):
    def __init__(self):
        super().__init__()
        self.stock, self.outer = Stock(5), None
        self.outer = Stock(7, [self.stock, self.stock])

    @libpb.remote
    def get(self, name, times=1):
        it = getattr(self, name)
        return it if times == 1 else [it] * times

    @libpb.remote
    def is_stock(self, it):
        return it is self.stock

    @libpb.remote
    def failing(self):
        return Failing()


class InOneProcess(Pair):
    root_class = Shop

    async def settle(self):
        gc.collect()
        for _ in range(3):
            await self.echo()

    async def test_kept_up_to_date(self):
        stock = self.root_object.stock
        one = await self.root.call("get", "stock")
        other, third = await self.root.call("get", "stock", 2)
        self.assertEqual((type(one), one.count), (Shown, 5))
        self.assertEqual({one, other, third}, {one})
        self.assertIsNot(one, other)
        stock.sell()
        await self.echo()
        self.assertEqual((one.count, other.count, third.count), (4, 4, 4))
        self.assertTrue(await self.root.call("is_stock", one))
        self.assertEqual(len(stock.observers), 1)
        del one, third
        await self.settle()
        self.assertEqual(len(stock.observers), 1)
        stock.sell()
        await self.echo()
        self.assertEqual(other.count, 3)
        del other
        await self.settle()
        self.assertEqual((stock.observers, stock.stopped), ([], 1))
        again = await self.root.call("get", "stock")
        self.assertEqual(again.count, 3)

    async def test_within_a_cache(self):
        outer = await self.root.call("get", "outer")
        a, b = outer.parts
        self.assertEqual((outer.count, a.count, a), (7, 5, b))
        self.root_object.stock.sell()
        await self.echo()
        self.assertEqual(a.count, 4)

    async def test_deep(self):
        for _ in range(300):
            self.root_object.outer = Stock(1, self.root_object.outer)
        deep = await self.root.call("get", "outer")
        depth = 0
        while isinstance(deep.parts, Shown):
            deep, depth = deep.parts, depth + 1
        self.assertEqual(depth, 300)

    async def test_an_answer_that_is_dropped(self):
        stock = self.root_object.stock
        call = self.root.call("get", "stock")
        call.cancel()
        await self.settle()
        stock.sell()
        self.assertEqual((await self.root.call("get", "stock")).count, 4)

    async def test_calls_of_observers(self):
        shown = await self.root.call("get", "stock")
        observer, = self.root_object.stock.observers
        self.assertIsNone(await observer.call("count", 9))
        self.assertEqual(shown.count, 9)
        with self.assertRaisesRegex(libpb.RemoteError, "no"):
            await observer.call("fail")
        with self.assertRaises(AttributeError):
            await observer.call("set_count")
        with self.assertRaisesRegex(libpb.RemoteError, "KeyError: 'state'"):
            await self.root.call("failing")

    async def test_the_end_of_the_connection(self):
        shown = await self.root.call("get", "stock")
        self.client.close()
        await self.client.wait_closed()
        connections = list(self.server.connections)
        for connection in connections:
            await connection.wait_closed()
        self.assertEqual(self.root_object.stock.observers, [])
        self.assertEqual(shown.count, 5)

    async def test_leaks(self):
        for _ in range(50):
            await self.root.call("get", "outer")
        await self.settle()
        before = len(gc.get_objects())
        for _ in range(300):
            await self.root.call("get", "outer")
        await self.settle()
        self.assertLess(len(gc.get_objects()) - before, 100)
        self.assertEqual(self.root_object.stock.observers, [])

    async def test_registration(self):
        for cls in object, libpb.Referenceable:
            with self.assertRaises(TypeError):
                libpb.cacheable("x.Y")(cls)
        with self.assertRaises(TypeError):
            libpb.cacheable("")
        module = types.ModuleType("shelf")
        for name in "One", "Two":
            setattr(module, name, type(name, (BaseException,), {}))
        libpb.copyable_tree(module, BaseException)
        libpb.copyable_tree(module, BaseException, "other")
        from libpb.flavors import COPIES
        self.assertIs(COPIES["shelf.One"], module.One)
        self.assertIs(COPIES["other.Two"], module.Two)


class AgainstTwisted(unittest.IsolatedAsyncioTestCase):
    async def test_twisted_has_the_caches(self):
        logging.getLogger("libpb").setLevel(logging.CRITICAL)
        shop = Shop()

        class Serving(libpb.Root):
            @libpb.remote
            def get(self, times):
                return [shop.stock] * times

            @libpb.remote
            def is_stock(self, it):
                return it is shop.stock

            @libpb.remote
            def sell(self):
                shop.stock.sell()

            @libpb.remote
            def observers(self):
                return len(shop.stock.observers)

        async with libpb.serve(LOCAL, Serving()) as server:
            client = await asyncio.create_subprocess_exec(
                sys.executable, "-B", PEER, "call", str(server.port),
                stderr=asyncio.subprocess.PIPE)
            _, said = await asyncio.wait_for(client.communicate(), 60)
        self.assertEqual(client.returncode, 0, said.decode())
        self.assertEqual(shop.stock.observers, [])

    async def test_libpb_has_the_caches(self):
        with subprocess.Popen([sys.executable, "-B", PEER, "serve"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as peer:
            port = int(peer.stdout.readline())
            async with libpb.connect(f"tcp:127.0.0.1:{port}") as client:
                one, two = await client.call("get", 2)
                self.assertEqual((one.count, one), (5, two))
                await client.call("sell")
                self.assertEqual((one.count, two.count), (4, 4))
                self.assertTrue(await client.call("is_stock", one))
                self.assertEqual(await client.call("observers"), 1)
                del one
                gc.collect()
                await client.call("sell")
                self.assertEqual(two.count, 3)
                self.assertEqual(await client.call("observers"), 1)
                del two
                gc.collect()
                await client.call("sell")
                self.assertEqual(await client.call("observers"), 0)
            peer.stdin.close()


if __name__ == "__main__":
    unittest.main()
