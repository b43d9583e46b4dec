#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes into the guest book of server.py: client.py ENDPOINT NAME PASSWORD TEXT."""
import asyncio
import dataclasses
import sys

import libpb


@libpb.copyable("guestbook.Entry")
@dataclasses.dataclass
class Entry:
    name: str
    text: str


class Listener(libpb.Referenceable):
    @libpb.remote
    def written(self, entry):
        print("now", entry.name, "writes:", entry.text)


async def main(endpoint, name, password, text):
    async with libpb.connect(endpoint, login=(name, password), mind=Listener()) as guest:
        for entry in await guest.call("read"):
            print(entry.name, "wrote:", entry.text)
        try:
            print(await guest.call("write", text), "entries")
        except libpb.RemoteError as e:
            if not e.check(libpb.Error):
                raise
            print("refused:", e.value)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except (libpb.ConnectionLost, libpb.LoginFailed) as e:
        sys.exit(f"client.py: {e}")
