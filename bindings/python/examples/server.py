#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest book for users who log in: server.py [ENDPOINT]."""
import asyncio
import dataclasses
import sys

import libpb


@libpb.copyable("guestbook.Entry")
@dataclasses.dataclass
class Entry:
    name: str
    text: str


class Guest(libpb.Avatar):
    """The avatar of a user. mind is the reference that the client passed, or None."""

    book = []
    guests = set()

    def __init__(self, name, mind):
        self.name, self.mind = name, mind
        self.guests.add(self)

    @libpb.perspective
    def read(self):
        return self.book

    @libpb.perspective
    async def write(self, text):
        if not text:
            raise libpb.Error("there is nothing written")
        entry = Entry(self.name, text)
        self.book.append(entry)
        calls = [guest.mind.call("written", entry) for guest in self.guests if guest.mind]
        await asyncio.gather(*calls, return_exceptions=True)
        return len(self.book)

    def logout(self):
        self.guests.discard(self)
        print(self.name, "has left", flush=True)


async def main(endpoint):
    portal = libpb.Portal(Guest, {"alice": "secret", "bob": "hidden"})
    async with libpb.serve(endpoint, portal=portal) as server:
        print("listening on", server.port, flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "tcp:8789"))
    except KeyboardInterrupt:
        pass
