# SPDX-License-Identifier: LGPL-2.1-or-later
"""ThredoMixIn, for servers of Python's own socketserver, and the clients plain."""

import contextlib
import http.client
import http.server
import socket as plain
import socketserver
import ssl
import sys
import unittest
import xmlrpc.client
import xmlrpc.server

import net
from net import LIMIT, Thredo


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            for line in self.rfile:
                self.wfile.write(line)
        except BaseException as error:
            self.server.ends.append(type(error))
            raise
        else:
            self.server.ends.append(None)


class Server(Thredo.ThredoMixIn, socketserver.TCPServer):
    def __init__(self, handler=Echo, address=("127.0.0.1", 0)):
        self.ends = []
        self.errors = []
        super().__init__(address, handler)

    def handle_error(self, request, client_address):
        self.errors.append(sys.exc_info()[0])


@contextlib.contextmanager
def serving(server):
    """A server in a thread, which is cancelled at the end."""
    with server:
        thread = net.spawn_waiting(server.serve_forever)
        try:
            yield thread
        finally:
            thread.cancel()


@contextlib.contextmanager
def talking(server, line=b"hello\n"):
    """A client that has had its first answer."""
    with plain.create_connection(server.server_address, LIMIT) as client:
        client.sendall(line)
        assert client.recv(100) == line
        yield client


class Serving(unittest.TestCase):
    def test_echo(self):
        with Server() as server, serving(server), contextlib.ExitStack() as stack:
            clients = [stack.enter_context(talking(server)) for _ in range(5)]
            for client in clients:
                client.sendall(b"again\n")
                self.assertEqual(client.recv(100), b"again\n")

    def test_sockets(self):
        seen = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                seen.append((type(self.request), type(Thredo.Thread.self())))
                self.request.sendall(b"x")

        with Server(Handler) as server, serving(server):
            self.assertIsInstance(server.socket, Thredo.socket.socket)
            with plain.create_connection(server.server_address, LIMIT) as client:
                self.assertEqual(client.recv(1), b"x")
        self.assertEqual(seen, [(Thredo.socket.socket, Thredo.Thread)])

    def test_cancel(self):
        """It ends when the threads of its requests have ended."""
        server = Server()
        thread = net.spawn_waiting(server.serve_forever)
        with talking(server) as one, talking(server) as other:
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)
            self.assertEqual(server.ends, [Thredo.ThreadCancelled] * 2)
            self.assertEqual((one.recv(1), other.recv(1)), (b"", b""))
        self.assertEqual(server.errors, [])
        server.server_close()

    def test_deadline(self):
        server = Server()
        with server, talking_later(server) as client:
            with self.assertRaises(Thredo.ThreadTimeout):
                Thredo.timeout_after(0.1, server.serve_forever)
            self.assertEqual(client.recv(1), b"")

    def test_cancelled_scope(self):
        server = Server()
        scope = Thredo.Scope()

        def serve():
            try:
                with scope:
                    server.serve_forever()
            except Thredo.CancelledError as error:
                return type(error)

        with server:
            thread = net.spawn_waiting(serve)
            scope.cancel()
            self.assertIs(thread.join(), Thredo.CancelledError)

    def test_shutdown(self):
        """Requests go on, until they end."""
        server = Server()
        thread = net.spawn_waiting(server.serve_forever)
        with talking(server) as client:
            server.shutdown()
            thread.join()
            client.sendall(b"again\n")
            self.assertEqual(client.recv(100), b"again\n")
            closing = net.spawn_waiting(server.server_close)
        closing.join()
        self.assertEqual(server.ends, [None])

    def test_shutdown_before(self):
        for _ in range(50):
            with Server() as server:
                thread = Thredo.spawn(server.serve_forever)
                server.shutdown()
                thread.join()
                server.shutdown()

    def test_serve_again(self):
        with Server() as server:
            for _ in range(3):
                thread = net.spawn_waiting(server.serve_forever)
                with talking(server):
                    pass
                server.shutdown()
                thread.join()

    def test_daemon_threads(self):
        server = Server()
        server.daemon_threads = True
        thread = net.spawn_waiting(server.serve_forever)
        with talking(server):
            server.shutdown()
            server.server_close()
            self.assertEqual(server.ends, [])
            thread.join()
            server.cancel_requests()
            self.assertEqual(server.ends, [Thredo.ThreadCancelled])

    def test_block_on_close(self):
        server = Server()
        server.block_on_close = False
        net.spawn_waiting(server.serve_forever)
        with talking(server):
            server.shutdown()
            server.server_close()
            self.assertEqual(server.ends, [])
        net.wait_until(lambda: server.ends == [None], "the request does not end")

    def test_error(self):
        class Failing(socketserver.BaseRequestHandler):
            def handle(self):
                raise LookupError

        with Server(Failing) as server, serving(server):
            with plain.create_connection(server.server_address, LIMIT) as client:
                self.assertEqual(client.recv(1), b"")
            net.wait_until(lambda: server.errors == [LookupError], "no error")

    def test_own_deadline_is_an_error(self):
        class Slow(socketserver.BaseRequestHandler):
            def handle(self):
                Thredo.timeout_after(0.01, self.request.recv, 1)

        with Server(Slow) as server, serving(server):
            with plain.create_connection(server.server_address, LIMIT) as client:
                self.assertEqual(client.recv(1), b"")
            net.wait_until(lambda: server.errors == [Thredo.ThreadTimeout], "no error")

    def test_handle_request(self):
        with Server() as server:
            thread = net.spawn_waiting(server.handle_request)
            with talking(server):
                thread.join()
            thread = net.spawn_waiting(server.handle_request)
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)
            server.timeout = 0.01
            expired = []
            server.handle_timeout = lambda: expired.append(True)
            server.handle_request()
            self.assertEqual(expired, [True])

    def test_service_actions(self):
        calls = []

        class Active(Server):
            def service_actions(self):
                calls.append(True)

        with Active() as server:
            thread = Thredo.spawn(server.serve_forever, 0.001)
            net.wait_until(lambda: len(calls) > 3, "service_actions() is not called")
            thread.cancel()

    def test_many(self):
        """No thread of a request is kept."""
        with Server() as server, serving(server):
            for _ in range(200):
                with talking(server):
                    pass
            net.wait_until(lambda: not server._ThredoMixIn__requests, "requests are kept")
            self.assertEqual(server.ends, [None] * 200)


@contextlib.contextmanager
def talking_later(server):
    """A client that has not been accepted yet."""
    with plain.create_connection(server.server_address, LIMIT) as client:
        client.sendall(b"")
        yield client


class Kinds(unittest.TestCase):
    """Servers of all kinds."""

    def test_udp(self):
        class Handler(socketserver.DatagramRequestHandler):
            def handle(self):
                self.wfile.write(self.rfile.read().upper())

        class Udp(Thredo.ThredoMixIn, socketserver.UDPServer):
            pass

        server = Udp(("127.0.0.1", 0), Handler)
        with serving(server), plain.socket(plain.AF_INET, plain.SOCK_DGRAM) as client:
            client.settimeout(LIMIT)
            client.sendto(b"hello", server.server_address)
            self.assertEqual(client.recv(100), b"HELLO")

    def test_unix(self):
        class Unix(Thredo.ThredoMixIn, socketserver.UnixStreamServer):
            ends = []

        server = Unix("\0thredo-mixin-%d" % id(self), Echo)
        with serving(server), plain.socket(plain.AF_UNIX) as client:
            client.settimeout(LIMIT)
            client.connect(server.server_address)
            client.sendall(b"hello\n")
            self.assertEqual(client.recv(100), b"hello\n")

    def test_http(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"hello")

            def log_message(self, *args):
                pass

        class Http(Thredo.ThredoMixIn, http.server.HTTPServer):
            pass

        server = Http(("127.0.0.1", 0), Handler)
        with serving(server):
            connection = http.client.HTTPConnection(*server.server_address, timeout=LIMIT)
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().read(), b"hello")
            connection.close()

    def test_xmlrpc(self):
        class Rpc(Thredo.ThredoMixIn, xmlrpc.server.SimpleXMLRPCServer):
            pass

        server = Rpc(("127.0.0.1", 0), logRequests=False)
        server.register_function(pow)
        with serving(server), xmlrpc.client.ServerProxy("http://127.0.0.1:%d" % server.server_address[1]) as proxy:
            self.assertEqual(proxy.pow(2, 10), 1024)

    def test_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*net.certificate())
        server = Server()
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.assertIsInstance(server.socket, Thredo.ssl.SSLSocket)
        client_context = ssl.create_default_context(cafile=net.certificate()[0])
        thread = net.spawn_waiting(server.serve_forever)
        with plain.create_connection(server.server_address, LIMIT) as bare, \
                client_context.wrap_socket(bare, server_hostname="localhost") as client:
            client.sendall(b"hello\n")
            self.assertEqual(client.recv(100), b"hello\n")
            thread.cancel()
            self.assertEqual(server.ends, [Thredo.ThreadCancelled])
        server.server_close()

    def test_tls_by_get_request(self):
        """As many do it, with a context of Python's own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*net.certificate())

        class Tls(Server):
            def get_request(self):
                sock, address = super().get_request()
                return context.wrap_socket(sock, server_side=True), address

        client_context = ssl.create_default_context(cafile=net.certificate()[0])
        with Tls() as server, serving(server):
            with plain.create_connection(server.server_address, LIMIT) as bare, \
                    client_context.wrap_socket(bare, server_hostname="localhost") as client:
                client.sendall(b"hello\n")
                self.assertEqual(client.recv(100), b"hello\n")

    def test_not_bound_yet(self):
        class Late(Thredo.ThredoMixIn, socketserver.TCPServer):
            ends = []

        server = Late(("127.0.0.1", 0), Echo, bind_and_activate=False)
        self.assertIsInstance(server.socket, Thredo.socket.socket)
        server.server_bind()
        server.server_activate()
        with serving(server), talking(server):
            pass


if __name__ == "__main__":
    unittest.main()
