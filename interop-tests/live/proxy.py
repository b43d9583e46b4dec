# SPDX-License-Identifier: MIT
"""Peers that the runner plays itself. A proxy between the two ends of a conversation
passes both streams on whole, byte by byte, or cut at random places; it can cut the
connection, and it counts and records. A scripted server does what a function tells it."""

import itertools
import random
import socket
import struct
import threading

from harness import Failed


def whole(connection, who):
    return lambda n: n


def single(connection, who):
    return lambda n: 1


def random_by(seed):
    """Mostly small pieces, now and then a large one."""

    def pieces(connection, who):
        rng = random.Random(f"{seed} {connection} {who}")
        return lambda n: min(n, rng.choice((1, 2, 3, 5, 8, 13, 50, 300)))

    return pieces


def reset(connection):
    """Makes close() break the connection instead of ending it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read(s, count):
    """That many bytes; fewer at the end of the stream."""
    got = b""
    while len(got) < count and (data := s.recv(count - len(got))):
        got += data
    return got


def read_to_end(s):
    """Until the peer ends the connection, in whatever way."""
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass


class Proxy:
    """Listens on a port of its own, and passes each connection on to port `to`. For each
    stream, pieces(number of the connection, who speaks) gives a function from the length
    of what is there to that of the next piece. After `cut` bytes of both streams together
    it drops the connection, roughly if `rough`."""

    def __init__(self, stage, to, pieces=whole, cut=None, rough=False):
        self.chunks = []  # (who said it, bytes), of all connections
        self.total = 0  # bytes of all chunks
        self._to, self._pieces, self._cut, self._rough = to, pieces, cut, rough
        self._lock = threading.Lock()
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        stage.keep(self)

    def kill(self):
        with self._lock:
            for s in [self._listener, *self._open]:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()

    def _accept(self):
        for number in itertools.count():
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open += [client, server]
            for s in client, server:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pump in ((number, "client", client, server),
                         (number, "server", server, client)):
                threading.Thread(target=self._pump, args=pump, daemon=True).start()

    def _pump(self, number, who, source, sink):
        piece_of = self._pieces(number, who)
        try:
            while data := source.recv(65536):
                while data:
                    piece = data[:piece_of(len(data))]
                    data = data[len(piece):]
                    if not self._pass(who, piece, source, sink):
                        return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One end broke off: so does the other.
            self._drop(source, sink)

    def _pass(self, who, piece, source, sink):
        """False once the connection is cut."""
        with self._lock:
            if self._cut is not None:
                piece = piece[:self._cut - self.total]
            self.chunks.append((who, piece))
            self.total += len(piece)
            at_end = self.total == self._cut
        sink.sendall(piece)
        if at_end:
            self._drop(source, sink)
        return not at_end

    def _drop(self, *ends):
        for s in ends:
            try:
                if self._rough:
                    reset(s)
                    s.shutdown(socket.SHUT_RD)  # wakes the pump that reads it
                    s.close()
                else:
                    s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class ScriptedServer:
    """Listens on a port of its own, and gives the first connection to a function."""

    def __init__(self, stage, script):
        self._stage, self._script, self._why = stage, script, None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        stage.keep(self)

    def _serve(self):
        try:
            self._listener.settimeout(self._stage.left())
            connection = self._listener.accept()[0]
            with connection:
                connection.settimeout(self._stage.left())
                self._script(connection)
        except Exception as e:
            self._why = e

    def done(self):
        """Waits for the function, and raises what it raised."""
        self._thread.join(self._stage.left())
        if self._why:
            raise Failed(f"the scripted server: {self._why}")

    def kill(self):
        self._listener.close()
