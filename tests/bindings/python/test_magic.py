# SPDX-License-Identifier: LGPL-2.1-or-later
"""more_magic(): unmodified libraries that can be cancelled, and nobody who notices."""

import contextlib
import http.server
import os
import socket as plain
import subprocess
import sys
import tempfile
import textwrap
import threading
import time as plain_time
import unittest
import unittest.mock
import warnings

import net
from net import LIMIT, Thredo

# What there is around the test says nothing of proxies and certificates.
for name in list(os.environ):
    if name.lower().endswith(("_proxy", "_ca_bundle")):
        del os.environ[name]

with Thredo.more_magic():
    import http.client as magic_http_client
    import socketserver as magic_socketserver
    import urllib.error as magic_urllib_error
    import urllib.request as magic_urllib_request
    import xmlrpc.client as magic_xmlrpc_client
    import xmlrpc.server as magic_xmlrpc_server

    import requests as magic_requests

import urllib.error  # noqa: E402
import urllib.request  # noqa: E402


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        data = self.rfile.read(length)
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def http_server(tls=False):
    """The address of a server of Python's own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if tls:
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*net.certificate())
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{scheme}://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Clients(net.Ways, unittest.TestCase):
    """Clients of a server who accepts, and says nothing."""

    def silent(self, call, go_on=None, scheme="http"):
        @contextlib.contextmanager
        def blocked():
            with net.silent_server() as listener, contextlib.ExitStack() as stack:
                def answer():
                    sock = stack.enter_context(listener.accept()[0])
                    sock.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
                    sock.shutdown(plain.SHUT_WR)

                yield (lambda: call(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/")), answer

        return blocked

    def test_requests(self):
        self.check_all(self.silent(lambda url: magic_requests.get(url).close()))

    def test_requests_session(self):
        with magic_requests.Session() as session:
            self.check_all(self.silent(lambda url: session.get(url)))

    def test_urllib(self):
        def get(url):
            with magic_urllib_request.urlopen(url) as answer:
                self.assertEqual(answer.read(), b"hello")

        self.check_all(self.silent(get))

    def test_http_client(self):
        def get(url):
            connection = magic_http_client.HTTPConnection(url[7:-1])
            with contextlib.closing(connection):
                connection.request("GET", "/")
                self.assertEqual(connection.getresponse().read(), b"hello")

        self.check_all(self.silent(get))

    def test_xmlrpc(self):
        def call(url):
            with magic_xmlrpc_client.ServerProxy(url) as proxy:
                proxy.hello()

        self.check_all(self.silent(call), but=["completed", "shielded"])

    def test_tls(self):
        for call in (magic_requests.get, magic_urllib_request.urlopen):
            with self.subTest(call=call):
                self.check_all(self.silent(call, scheme="https"), but=["completed", "shielded"])

    def test_asyncore(self):
        try:
            with Thredo.more_magic(), warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                import asyncore
        except ImportError:
            self.skipTest("this Python has none any more")
        with net.silent_server() as listener:
            client = asyncore.dispatcher(plain.create_connection(listener.getsockname()))
            client.writable = lambda: False
            with contextlib.closing(client):
                thread = net.spawn_waiting(asyncore.loop)
                thread.cancel()
                self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def test_body_that_does_not_come(self):
        with net.silent_server() as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            for call in (lambda: magic_requests.get(url),
                         lambda: magic_urllib_request.urlopen(url).read()):
                thread = net.spawn_waiting(call)
                with listener.accept()[0] as sock:
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
                    net.wait_for_wait(thread)
                    thread.cancel()
                    self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def test_others_close_when_one_has_won(self):
        with net.silent_server() as silent, http_server() as url:
            urls = [f"http://127.0.0.1:{silent.getsockname()[1]}/"] * 3 + [url]
            with Thredo.ThreadGroup(wait=any) as group:
                for one in urls:
                    group.spawn(magic_requests.get, one)
            self.assertEqual(group.completed.result.text, "hello")


class Working(unittest.TestCase):
    """They work as they do without."""

    def test_requests(self):
        with http_server() as url, magic_requests.Session() as session:
            for _ in range(3):
                self.assertEqual(session.get(url).text, "hello")
                self.assertEqual(session.post(url, data=b"x" * 100000).content, b"x" * 100000)
            with self.assertRaises(magic_requests.exceptions.ConnectionError):
                session.get("http://127.0.0.1:1/")
            with Thredo.ThreadGroup() as group:
                threads = [group.spawn(session.get, url) for _ in range(8)]
            self.assertEqual({thread.result.text for thread in threads}, {"hello"})

    def test_requests_timeout(self):
        with net.silent_server() as listener:
            with self.assertRaises(magic_requests.exceptions.Timeout):
                magic_requests.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.05)

    def test_tls(self):
        certificate, _ = net.certificate()
        with http_server(tls=True) as url:
            with magic_requests.Session() as session:
                session.verify = certificate
                for _ in range(2):
                    self.assertEqual(session.get(url).text, "hello")
            context = Thredo.ssl.create_default_context(cafile=certificate)
            with magic_urllib_request.urlopen(url, context=context) as answer:
                self.assertEqual(answer.read(), b"hello")
            with self.assertRaises(magic_requests.exceptions.SSLError):
                magic_requests.get(url)
            with self.assertRaises(urllib.error.URLError):
                magic_urllib_request.urlopen(url)

    def test_socketserver(self):
        class Echo(magic_socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    self.wfile.write(line)

        with magic_socketserver.TCPServer(("127.0.0.1", 0), Echo) as server:
            thread = net.spawn_waiting(server.serve_forever)
            with plain.create_connection(server.server_address, LIMIT) as client:
                client.sendall(b"hello\n")
                self.assertEqual(client.recv(10), b"hello\n")
            net.wait_for_wait(thread)
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def test_xmlrpc(self):
        with magic_xmlrpc_server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False) as server:
            server.register_function(lambda a, b: a + b, "add")
            thread = net.spawn_waiting(server.serve_forever)
            with magic_xmlrpc_client.ServerProxy("http://127.0.0.1:%d" % server.server_address[1]) as proxy:
                self.assertEqual(proxy.add(2, 3), 5)
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def test_alias(self):
        import thredo.requests
        with http_server() as url, thredo.requests.get_session() as session:
            self.assertEqual(session.get(url).text, "hello")


class Unnoticed(unittest.TestCase):
    """What others see."""

    def test_modules(self):
        import http.client
        import socketserver

        import requests

        self.assertIs(sys.modules["socket"], plain)
        for theirs, ours in ((http.client, magic_http_client), (socketserver, magic_socketserver),
                             (urllib.request, magic_urllib_request), (requests, magic_requests)):
            with self.subTest(module=theirs.__name__):
                self.assertIs(sys.modules[theirs.__name__], theirs)
                self.assertIsNot(theirs, ours)
        for module in (http.client, socketserver, urllib.request):
            self.assertIs(module.socket, plain)
        for module in (magic_http_client, magic_socketserver, magic_urllib_request):
            self.assertIs(module.socket, Thredo.socket)
        self.assertIs(magic_urllib_error, urllib.error)  # which has nothing to do with sockets

    def test_nothing_of_ours_in_their_modules(self):
        for name, module in list(sys.modules.items()):
            if name.startswith(("thredo", "gi.", "test_", "net", "__main__")):
                continue
            for attribute, value in list(vars(module).items()):
                if value is Thredo.socket or value is Thredo.ssl or value is Thredo.selectors:
                    self.fail(f"{name}.{attribute}")

    def test_copies_are_the_same_everywhere(self):
        with Thredo.more_magic():
            import http.client
            with Thredo.more_magic():
                import http.client as inner
            import requests
        self.assertIs(http.client, magic_http_client)
        self.assertIs(inner, magic_http_client)
        self.assertIs(requests, magic_requests)

    def test_from(self):
        with Thredo.more_magic():
            import os as its_os
            import socket
            from http import HTTPStatus, client
            from http.client import HTTPConnection
            from urllib import parse, request
        self.assertIs(client, magic_http_client)
        self.assertIs(HTTPConnection, magic_http_client.HTTPConnection)
        self.assertIs(HTTPStatus, http.HTTPStatus)
        self.assertIs(request, magic_urllib_request)
        self.assertIs(parse, urllib.parse)
        self.assertIs(socket, Thredo.socket)
        self.assertIs(its_os, os)

    def test_import_is_as_before(self):
        import builtins
        before = builtins.__import__
        with Thredo.more_magic():
            self.assertIsNot(builtins.__import__, before)
        self.assertIs(builtins.__import__, before)
        with self.assertRaises(KeyError), Thredo.more_magic():
            raise KeyError
        self.assertIs(builtins.__import__, before)

    def test_errors(self):
        for statement in ("import no_such_module", "import http.no_such_module", "from http.client import nothing",
                          "import requests.no_such_module"):
            with self.subTest(statement=statement), Thredo.more_magic():
                with self.assertRaises(ImportError) as caught:
                    exec(statement, {})
                self.assertNotIn("thredo_magic.no", str(caught.exception))

    def test_other_threads(self):
        """They import meanwhile, with and without it."""
        script = textwrap.dedent("""
            import sys, threading
            import gi
            gi.require_version("Thredo", "1.0")
            from gi.repository import Thredo
            import socket
            start = threading.Barrier(8)
            found = {}

            def magic(i):
                start.wait()
                with Thredo.more_magic():
                    import http.client, requests, urllib.request
                found[i] = (http.client.socket, urllib.request.socket, requests)

            def usual(i):
                start.wait()
                import http.client, requests, urllib.request
                found[i] = (http.client.socket, urllib.request.socket, requests)

            threads = [threading.Thread(target=usual if i % 2 else magic, args=(i,)) for i in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            for i in range(8):
                assert found[i][:2] == (((socket,) if i % 2 else (Thredo.socket,)) * 2), found
                assert found[i][2] is found[i % 2][2], found
            assert found[0][2] is not found[1][2]
            """)
        for _ in range(3):
            subprocess.run([sys.executable, "-c", script], check=True, timeout=LIMIT)

    def test_package_of_ones_own(self):
        """What is copied of a package with a bit of everything, and what it imports later."""
        with tempfile.TemporaryDirectory() as folder:
            package = os.path.join(folder, "thredo_sample")
            os.mkdir(package)
            files = {
                "__init__.py": "from . import wire\nfrom .data import Record\n",
                "wire.py": "import sys, socket, time\n"
                           "from dataclasses import dataclass\n"
                           "@dataclass\nclass Message:\n    text: 'str' = ''\n"
                           "def later():\n    import http.client, ssl\n    return http.client, ssl\n"
                           "def myself():\n    return sys.modules['thredo_sample.wire']\n",
                "data.py": "class Record: pass\n",
            }
            for name, text in files.items():
                with open(os.path.join(package, name), "w", encoding="utf-8") as file:
                    file.write(text)
            sys.path.insert(0, folder)
            self.addCleanup(sys.path.remove, folder)
            with Thredo.more_magic():
                import thredo_sample
            wire = thredo_sample.wire
            self.assertIs(wire.socket, Thredo.socket)
            self.assertEqual(wire.later(), (magic_http_client, Thredo.ssl))
            self.assertIs(wire.myself(), wire)
            self.assertEqual(wire.Message("x").text, "x")
            self.assertNotIn("thredo_sample", sys.modules)
            del thredo_sample
            import thredo_sample
            self.assertIs(thredo_sample.wire.socket, plain)

    def test_sleep(self):
        with Thredo.more_magic():
            import time
        self.assertIsNot(time, plain_time)
        self.assertIs(time.monotonic, plain_time.monotonic)
        thread = net.spawn_waiting(time.sleep, LIMIT)
        thread.cancel()
        self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)
        with self.assertRaises(ValueError):
            time.sleep(-1)

    def test_time_zone(self):
        with Thredo.more_magic():
            import time
        self.addCleanup(plain_time.tzset)
        with unittest.mock.patch.dict(os.environ):
            for zone, seconds in ("ABC-1DEF,M3.2.0,M11.1.0", -3600), ("GHI7", 25200):
                os.environ["TZ"] = zone
                time.tzset()
                self.assertEqual((time.timezone, time.tzname[0]), (seconds, zone[:3]))


if __name__ == "__main__":
    unittest.main()
