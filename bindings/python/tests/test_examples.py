# SPDX-License-Identifier: MIT
"""Runs the examples, and the programs of README.md, and compares what they print."""
import contextlib
import io
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parents[1]


class Programs(unittest.TestCase):
    def start(self, *args):
        process = subprocess.Popen([sys.executable, "-B", *map(str, args)], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def run_client(self, *args):
        done = subprocess.run([sys.executable, "-B", *map(str, args)],
                              capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr


class Examples(Programs):
    def test_guest_book(self):
        server = self.start(HERE / "examples/server.py", "tcp:0:interface=127.0.0.1")
        port = re.fullmatch(r"listening on (\d+)\n", server.stdout.readline())[1]
        client = [HERE / "examples/client.py", f"tcp:127.0.0.1:{port}"]
        self.assertEqual(self.run_client(*client, "alice", "secret", "hello"),
                         "now alice writes: hello\n1 entries\n")
        self.assertEqual(server.stdout.readline(), "alice has left\n")
        self.assertEqual(self.run_client(*client, "bob", "hidden", ""),
                         "alice wrote: hello\nrefused: there is nothing written\n")
        self.assertIn("client.py: twisted.cred.error.UnauthorizedLogin",
                      self.run_client(*client, "bob", "guessed", "x"))


class Readme(Programs):
    @classmethod
    def setUpClass(cls):
        text = (HERE / "README.md").read_text(encoding="utf-8")
        cls.programs = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", text,
                                       re.S | re.M))
        cls.prints = re.findall(r"^```text\n(.*?)^```$", text, re.S | re.M)

    def converse(self, server, client, prints):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with tempfile.TemporaryDirectory() as folder:
            for name in server, client:
                program = self.programs[name].replace("8789", str(port))
                pathlib.Path(folder, name).write_text(program, encoding="utf-8")
            process = self.start(pathlib.Path(folder, server))
            while process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.02)
            self.assertEqual(self.run_client(pathlib.Path(folder, client)), prints)

    def test_client_and_server(self):
        self.converse("server.py", "client.py", self.prints[0])

    def test_login(self):
        self.converse("login_server.py", "login_client.py", self.prints[1])

    def test_formats(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(self.programs["formats.py"], {"__name__": "formats"})
        self.assertEqual(out.getvalue(), self.prints[2])

    def test_clients_that_fail(self):
        """Each client, without a server, and with one that fails every call."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        with tempfile.TemporaryDirectory() as folder:
            clients = [[HERE / "examples/client.py", f"tcp:127.0.0.1:{port}", "a", "b", "c"]]
            for name, program in self.programs.items():
                if "libpb.connect(" in program:
                    clients.append([pathlib.Path(folder, name)])
                    clients[-1][0].write_text(program.replace("8789", port), encoding="utf-8")
            self.assertEqual(len(clients), 3)
            for client in clients:
                self.fails(client)
            with self.failing_server(port):
                for client in clients:
                    self.fails(client)

    def fails(self, client):
        done = subprocess.run([sys.executable, "-B", *map(str, client)], capture_output=True,
                              text=True, timeout=60)
        with self.subTest(client[0].name, said=done.stdout + done.stderr):
            self.assertEqual(done.returncode, 1)
            self.assertNotEqual(done.stderr, "")

    @contextlib.contextmanager
    def failing_server(self, port):
        program = pathlib.Path(os.environ["builddir"], "tests", "failing_server")
        with subprocess.Popen([program, f"tcp:{port}:interface=127.0.0.1"], text=True,
                              stdout=subprocess.PIPE) as server:
            self.assertEqual(server.stdout.readline(), "failing\n")
            yield
            server.terminate()

    def test_the_rest(self):
        known = {"server.py", "client.py", "login_server.py", "login_client.py",
                 "copies.py", "formats.py", "tasting.py", "service.py", "proxy.py",
                 "pages.py", "stock.py"}
        self.assertEqual(set(self.programs), known)
        for name in "copies.py", "proxy.py", "pages.py", "tasting.py", "stock.py":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(self.programs[name], {"__name__": name})


if __name__ == "__main__":
    unittest.main()
