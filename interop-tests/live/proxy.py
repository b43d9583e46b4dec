# SPDX-License-Identifier: MIT
"""Peers that run in the test process. A proxy between a client and a server forwards both
streams in pieces: as they arrive, byte by byte, or of random lengths. It can close the
connection after a number of bytes, and it counts and records the bytes. A scripted server
runs a function on its connection."""

import itertools
import random
import socket
import struct
import threading

from harness import Failed


# Ways to cut a stream. A function gets the number of the connection and its sender; it
# returns a function from the count of available bytes to the length of the next piece.


def as_received(connection, sender):
    return lambda n: n


def byte_by_byte(connection, sender):
    return lambda n: 1


def random_pieces(seed):
    """Mostly small pieces, sometimes a large one."""

    def pieces(connection, sender):
        rng = random.Random(f"{seed} {connection} {sender}")
        return lambda n: min(n, rng.choice((1, 2, 3, 5, 8, 13, 50, 300)))

    return pieces


def reset_on_close(connection):
    """Makes close() send a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def receive(s, count):
    """Waits for `count` bytes; returns fewer at the end of the stream."""
    got = b""
    while len(got) < count and (data := s.recv(count - len(got))):
        got += data
    return got


def receive_to_end(s):
    """Receives until the peer closes or resets the connection."""
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass


class Proxy:
    """Listens on its own port, and forwards each connection to port `to`, in pieces that
    the function `pieces` determines. After `cut` bytes, counted over both directions, it
    closes the connection, or resets it if `reset` is true."""

    def __init__(self, stage, to, pieces=as_received, cut=None, reset=False):
        self.chunks = []  # (sender, bytes), of all connections
        self.total = 0  # bytes of all chunks
        self._to, self._pieces, self._cut, self._reset = to, pieces, cut, reset
        self._lock = threading.Lock()
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        stage.add(self)

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
            for args in ((number, "client", client, server),
                         (number, "server", server, client)):
                threading.Thread(target=self._forward, args=args, daemon=True).start()

    def _forward(self, number, sender, source, sink):
        piece_length = self._pieces(number, sender)
        try:
            while data := source.recv(65536):
                while data:
                    piece = data[:piece_length(len(data))]
                    data = data[len(piece):]
                    if not self._forward_piece(sender, piece, source, sink):
                        return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One end closed the connection with an error: close the other end likewise.
            self._disconnect(source, sink)

    def _forward_piece(self, sender, piece, source, sink):
        """Returns False once the connection is cut."""
        with self._lock:
            if self._cut is not None:
                piece = piece[:self._cut - self.total]
            self.chunks.append((sender, piece))
            self.total += len(piece)
            at_end = self.total == self._cut
        sink.sendall(piece)
        if at_end:
            self._disconnect(source, sink)
        return not at_end

    def _disconnect(self, *ends):
        for s in ends:
            try:
                if self._reset:
                    reset_on_close(s)
                    s.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
                    s.close()
                else:
                    s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class ScriptedServer:
    """Listens on its own port, and calls a function with the first connection."""

    def __init__(self, stage, script):
        self._stage, self._script, self._error = stage, script, None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        stage.add(self)

    def _serve(self):
        try:
            self._listener.settimeout(self._stage.seconds_left())
            connection = self._listener.accept()[0]
            with connection:
                connection.settimeout(self._stage.seconds_left())
                self._script(connection)
        except Exception as e:
            self._error = e

    def finish(self):
        """Waits for the function to return, and fails if it raised an exception."""
        self._thread.join(self._stage.seconds_left())
        if self._error:
            raise Failed(f"the scripted server: {self._error}")

    def kill(self):
        self._listener.close()
