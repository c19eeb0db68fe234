# SPDX-License-Identifier: LGPL-2.1-or-later
"""I/O from Python, by plain introspection, without thredo's own overrides."""

import os
import signal
import socket
import tempfile
import time
import unittest

import gi

import plain  # noqa: F401

gi.require_version("Thredo", "1.0")
from gi.repository import Gio, GLib, Thredo  # noqa: E402

LIMIT = 60

# A keyword, which cannot stand behind a dot.
thredo_await = getattr(Thredo, "await")


def wait_until(condition, what):
    limit = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError(f"Hang: {what} did not come true")
        time.sleep(0.0001)


def wait_for_wait(thread, waiting_for):
    wait_until(lambda: thread.dup_waiting_for() == waiting_for,
               f"{thread.get_name()}: {waiting_for}, not {thread.dup_waiting_for()}")


def spawn(function, name="t"):
    """A thread whose function returns its result, or raises its error."""

    def run(thread, *data):
        thread.result = function()
        return True

    return Thredo.Thread.spawn(name, run)


def cancelled():
    cancellable = Gio.Cancellable()
    cancellable.cancel()
    return cancellable


class Scope:
    """A scope for a with block."""

    def __init__(self, timeout):
        self.scope = Thredo.Scope.new_with_timeout(int(timeout * 1000000))

    def __enter__(self):
        self.scope.enter()
        return self.scope

    def __exit__(self, *exception):
        self.scope.leave()


def gio_socket(plain):
    """It owns the file descriptor."""
    return Gio.Socket.new_from_fd(plain.detach())


class Pair:
    """A socket for the library, and the other end of it."""

    def __init__(self):
        near, self.far = socket.socketpair()
        self.near = gio_socket(near)
        self.far.settimeout(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.far.close()
        self.near.close()


class TestCase(unittest.TestCase):
    def assert_error(self, domain, code, function, *args):
        with self.assertRaises(GLib.Error) as caught:
            function(*args)
        error = caught.exception
        self.assertTrue(error.matches(domain, code),
                        f"{error.domain} {error.code}: {error.message}")
        self.assertTrue(error.message)
        return error

    def assert_io_error(self, code, function, *args):
        return self.assert_error(Gio.io_error_quark(), code, function, *args)

    def assert_thredo_error(self, code, function, *args):
        return self.assert_error(Thredo.error_quark(), code, function, *args)

    def assert_ends(self, function, waiting_for):
        """That a wait can be ended by a deadline, by a cancel and by a cancellable."""
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, function, cancelled())
        with Scope(0.001) as scope:
            self.assert_io_error(Gio.IOErrorEnum.TIMED_OUT, function, None)
        self.assertTrue(scope.is_expired())
        thread = spawn(lambda: function(None))
        wait_for_wait(thread, waiting_for)
        thread.cancel()
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, thread.join, None)


class AwaitTest(TestCase):
    def test_result(self):
        file = Gio.File.new_for_path(__file__)

        def start(cancellable, callback, *data):
            file.load_contents_async(cancellable, callback)

        result = thredo_await(start, None)
        self.assertEqual(file.load_contents_finish(result)[1], open(__file__, "rb").read())

    def test_user_data(self):
        seen = []

        def start(cancellable, callback, *data):
            seen.extend(data)
            Gio.File.new_for_path("/").query_info_async("standard::type", 0, 0, cancellable,
                                                        callback)

        self.assertIsInstance(thredo_await(start, "data", None), Gio.AsyncResult)
        self.assertEqual(seen, ["data"])

    def test_cancelled(self):
        with Pair() as pair:
            connection = pair.near.connection_factory_create_connection()
            stream = connection.get_input_stream()

            def start(cancellable, callback, *data):
                stream.read_bytes_async(1, 0, cancellable, callback)

            def read(cancellable):
                return stream.read_bytes_finish(thredo_await(start, None, cancellable))

            self.assert_io_error(Gio.IOErrorEnum.CANCELLED, read, cancelled())
            with Scope(0.001) as scope, self.assertRaises(GLib.Error) as caught:
                read(None)
            self.assertTrue(scope.is_expired())
            # Where it had begun, its finish function does not know what a deadline is.
            self.assertIn(caught.exception.code,
                          (Gio.IOErrorEnum.TIMED_OUT, Gio.IOErrorEnum.CANCELLED))
            thread = spawn(lambda: read(None))
            wait_for_wait(thread, "await")
            thread.cancel()
            self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, thread.join, None)

            pair.far.send(b"x")
            self.assertEqual(read(None).get_data(), b"x")


class FdTest(TestCase):
    def test_wait(self):
        near, far = socket.socketpair()
        with near, far:
            self.assertEqual(Thredo.wait_fd(near.fileno(), GLib.IOCondition.OUT, None),
                             GLib.IOCondition.OUT)
            self.assert_ends(
                lambda cancellable: Thredo.wait_fd(near.fileno(), GLib.IOCondition.IN, cancellable),
                "wait for a file descriptor")
            thread = spawn(lambda: Thredo.wait_fd(near.fileno(), GLib.IOCondition.IN, None))
            wait_for_wait(thread, "wait for a file descriptor")
            far.send(b"x")
            thread.join(None)
            self.assertEqual(thread.result, GLib.IOCondition.IN)

    def test_closed(self):
        near, far = socket.socketpair()
        with near, far:
            thread = spawn(lambda: Thredo.wait_fd(near.fileno(), GLib.IOCondition.IN, None))
            wait_for_wait(thread, "wait for a file descriptor")
            Thredo.notify_closing(near.fileno())
            near.close()
            self.assert_io_error(Gio.IOErrorEnum.CLOSED, thread.join, None)


class SocketTest(TestCase):
    def test_stream(self):
        with Pair() as pair:
            self.assertEqual(Thredo.socket_send(pair.near, b"a\0\xff", None), 3)
            self.assertEqual(pair.far.recv(10), b"a\0\xff")
            sent = Thredo.socket_send_all(pair.near, b"hello", None)
            self.assertEqual(tuple(sent), (True, 5))
            self.assertEqual(pair.far.recv(10), b"hello")
            pair.far.send(b"b\0\xfe")
            self.assertEqual(Thredo.socket_receive(pair.near, 2, None).get_data(), b"b\0")
            self.assertEqual(Thredo.socket_receive(pair.near, 1000, None).get_data(), b"\xfe")
            self.assert_ends(
                lambda cancellable: Thredo.socket_receive(pair.near, 10, cancellable),
                "receive on Socket")
            pair.far.shutdown(socket.SHUT_WR)
            self.assertEqual(Thredo.socket_receive(pair.near, 10, None).get_size(), 0)
            Thredo.socket_close(pair.near)
            self.assert_io_error(Gio.IOErrorEnum.CLOSED, Thredo.socket_receive, pair.near, 1, None)

    def test_datagrams(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            plain.bind(("127.0.0.1", 0))
            far.bind(("127.0.0.1", 0))
            far.settimeout(LIMIT)
            far.sendto(b"first", plain.getsockname())
            near = gio_socket(plain)
            data, address = Thredo.socket_receive_from(near, 100, None)
            self.assertEqual(data.get_data(), b"first")
            self.assertEqual(address.get_port(), far.getsockname()[1])
            self.assertEqual(Thredo.socket_send_to(near, address, b"back", None), 4)
            self.assertEqual(far.recv(100), b"back")
            near.close()

    def test_accept_and_connect(self):
        plain = socket.socket()
        plain.bind(("127.0.0.1", 0))
        plain.listen(1)
        listener = gio_socket(plain)
        address = listener.get_local_address()
        self.assert_ends(lambda cancellable: Thredo.socket_accept(listener, cancellable),
                         "accept on Socket")
        client = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM,
                                Gio.SocketProtocol.TCP)
        self.assertTrue(Thredo.socket_connect(client, address, None))
        server = Thredo.socket_accept(listener, None)
        Thredo.socket_send(server, b"welcome", None)
        self.assertEqual(Thredo.socket_receive(client, 100, None).get_data(), b"welcome")
        Thredo.socket_close(listener)
        refused = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM,
                                 Gio.SocketProtocol.TCP)
        self.assert_io_error(Gio.IOErrorEnum.CONNECTION_REFUSED, Thredo.socket_connect, refused,
                             address, None)


class StreamTest(TestCase):
    def test_lines(self):
        """What reads knows nothing of the library, and has no cancellable."""
        with Pair() as pair:
            connection = pair.near.connection_factory_create_connection()
            stream = Thredo.IOStream.new(connection)
            self.assertIsInstance(stream, Thredo.IOStream)
            self.assertEqual(stream.get_base(), connection)
            lines = Gio.DataInputStream.new(stream.get_input_stream())
            pair.far.send(b"one\ntw")
            self.assertEqual(lines.read_line_utf8(None), ("one", 3))
            self.assert_ends(lambda cancellable: lines.read_line_utf8(cancellable),
                             "receive on Socket")
            pair.far.send(b"o\n")
            self.assertEqual(lines.read_line_utf8(None), ("two", 3))
            self.assertEqual(stream.get_output_stream().write_all(b"hello"), (True, 5))
            self.assertEqual(pair.far.recv(10), b"hello")
            stream.close()
            self.assertEqual(pair.far.recv(10), b"")

    def test_bytes(self):
        with Pair() as pair:
            connection = pair.near.connection_factory_create_connection()
            stream = Thredo.InputStream.new(connection.get_input_stream())
            pair.far.send(b"abc")
            self.assertEqual(stream.read_bytes(100, None).get_data(), b"abc")
            self.assert_ends(lambda cancellable: stream.read_bytes(1, cancellable),
                             "receive on Socket")

    def test_pipe(self):
        near, far = os.pipe()
        stream = Thredo.InputStream.new(Gio.UnixInputStream.new(near, True))
        self.assert_ends(lambda cancellable: stream.read_bytes(1, cancellable),
                         "read on InputStream")
        output = Thredo.OutputStream.new(Gio.UnixOutputStream.new(far, True))
        self.assertEqual(output.write_bytes(GLib.Bytes.new(b"xyz"), None), 3)
        self.assertEqual(stream.read_bytes(100, None).get_data(), b"xyz")
        stream.close()
        self.assert_io_error(Gio.IOErrorEnum.BROKEN_PIPE, output.write_bytes,
                             GLib.Bytes.new(b"x"), None)


class ServiceTest(TestCase):
    def make(self, function):
        service = Thredo.SocketService.new(function)
        listener = service.get_listener()
        self.assertEqual(service.props.listener, listener)
        address = Gio.InetSocketAddress.new_from_string("127.0.0.1", 0)
        _, self.address = listener.add_address(address, Gio.SocketType.STREAM,
                                               Gio.SocketProtocol.TCP, None)
        return service

    def connect(self):
        return Thredo.connect(self.address, Thredo.ConnectFlags.NONE, None)

    def test_handler(self):
        seen = []

        def shout(service, connection, source_object, *data):
            seen.append((service.get_name(), type(connection)))
            lines = Gio.DataInputStream.new(connection.get_input_stream())
            while True:
                line, _ = lines.read_line_utf8(None)
                if line is None:
                    return True
                connection.get_output_stream().write_all(line.upper().encode() + b"\n")

        service = self.make(shout)
        service.set_name("shouter")
        service.start()
        self.assert_thredo_error(Thredo.Error.STATE, service.start)
        clients = [self.connect() for _ in range(10)]
        for i, client in enumerate(clients):
            client.get_output_stream().write_all(b"hello %d\n" % i)
        for i, client in enumerate(clients):
            # It closes what it reads from when it goes, if it may.
            lines = Gio.DataInputStream(base_stream=client.get_input_stream(),
                                        close_base_stream=False)
            self.assertEqual(lines.read_line_utf8(None)[0], f"HELLO {i}")
        self.assertEqual(service.get_n_connections(), 10)
        self.assertEqual(seen, [("shouter", Thredo.IOStream)] * 10)
        self.assertTrue(service.stop(Thredo.SocketServiceStop.CANCEL, None))
        self.assertEqual(service.get_n_connections(), 0)
        for client in clients:
            self.assertEqual(client.get_input_stream().read_bytes(1, None).get_size(), 0)

    def test_run(self):
        def wait_for_end(service, connection, *data):
            connection.get_input_stream().read_bytes(1, None)
            return True

        service = self.make(wait_for_end)
        thread = spawn(lambda: service.run(None))
        client = self.connect()
        wait_until(lambda: service.props.n_connections == 1, "a connection")
        thread.cancel()
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, thread.join, None)
        self.assertEqual(client.get_input_stream().read_bytes(1, None).get_size(), 0)

        thread = spawn(lambda: service.run(None))
        client = self.connect()
        wait_until(lambda: service.props.n_connections == 1, "a connection")
        client.close()
        self.assertTrue(service.stop(Thredo.SocketServiceStop.DRAIN, None))
        thread.join(None)
        self.assertTrue(thread.result)


class SignalTest(TestCase):
    def test_wait(self):
        event = Thredo.SignalEvent.new([signal.SIGUSR1, signal.SIGHUP])
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(event.wait(None), signal.SIGHUP)
        self.assert_ends(event.wait, "wait on SignalEvent")
        thread = spawn(lambda: event.wait(None))
        wait_for_wait(thread, "wait on SignalEvent")
        os.kill(os.getpid(), signal.SIGUSR1)
        thread.join(None)
        self.assertEqual(thread.result, signal.SIGUSR1)

    def test_async(self):
        event = Thredo.SignalEvent.new([signal.SIGUSR2])
        loop = GLib.MainLoop()
        results = []

        def on_ready(source, result, *data):
            results.append(source.wait_finish(result))
            loop.quit()

        event.wait_async(None, on_ready)
        os.kill(os.getpid(), signal.SIGUSR2)
        limit = GLib.timeout_add_seconds(LIMIT, loop.quit)
        loop.run()
        GLib.source_remove(limit)
        self.assertEqual(results, [signal.SIGUSR2])

    def test_invalid(self):
        self.assert_io_error(Gio.IOErrorEnum.INVALID_ARGUMENT, Thredo.SignalEvent.new,
                             [signal.SIGKILL])


class ProcessTest(TestCase):
    def test_output(self):
        command = Thredo.Command.new(["sh", "-c", "cat; echo oops >&2; exit 3"])
        command.set_input(GLib.Bytes.new(b"\0\xff" * 100000))
        self.assertIsNone(command.get_output())
        self.assertTrue(command.run(None))
        self.assertEqual(command.get_output().get_data(), b"\0\xff" * 100000)
        self.assertEqual(command.get_error_output().get_data(), b"oops\n")
        self.assertEqual(command.get_exit_status(), 3)
        self.assertEqual(command.get_term_signal(), 0)
        self.assert_thredo_error(Thredo.Error.STATE, command.run, None)

    def test_deadline(self):
        command = Thredo.Command(argv=["sh", "-c", "echo begun; exec sleep 86400"], grace=LIMIT)
        thread = spawn(lambda: command.run(None))
        wait_for_wait(thread, "run on Command 'sh'")
        thread.cancel()
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, thread.join, None)
        self.assertIn(command.get_output().get_data(), (b"", b"begun\n"))
        self.assertEqual(command.get_exit_status(), -1)

    def test_not_found(self):
        command = Thredo.Command.new(["/nowhere/to/be/found"])
        self.assert_error(GLib.quark_from_string("g-exec-error-quark"), GLib.SpawnError.NOENT,
                          command.run, None)

    def test_child(self):
        pid = GLib.spawn_async(["sh", "-c", "exit 5"],
                               flags=(GLib.SpawnFlags.SEARCH_PATH |
                                      GLib.SpawnFlags.DO_NOT_REAP_CHILD))[0]
        ended, status = Thredo.wait_child(pid, None)
        self.assertTrue(ended)
        self.assertEqual(os.waitstatus_to_exitcode(status), 5)
        self.assert_io_error(Gio.IOErrorEnum.NOT_FOUND, Thredo.wait_child, pid, None)

    def test_subprocess(self):
        process = Gio.Subprocess.new(["sleep", "86400"], Gio.SubprocessFlags.NONE)
        self.addCleanup(process.force_exit)
        self.assert_ends(
            lambda cancellable: Thredo.wait_subprocess(process, cancellable),
            f"wait on Subprocess '{process.get_identifier()}'")
        process.force_exit()
        self.assertTrue(Thredo.wait_subprocess(process, None))


class DailyTest(TestCase):
    def test_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Gio.File.new_for_path(os.path.join(folder, "file"))
            self.assert_io_error(Gio.IOErrorEnum.NOT_FOUND, Thredo.load_bytes, file, None)
            self.assertTrue(Thredo.replace_bytes(file, GLib.Bytes.new(b"\0\xff"),
                                                 Gio.FileCreateFlags.NONE, None))
            self.assertEqual(Thredo.load_bytes(file, None).get_data(), b"\0\xff")
            os.mkfifo(os.path.join(folder, "fifo"))
            fifo = file.get_parent().get_child("fifo")
            self.assert_ends(lambda cancellable: Thredo.load_bytes(fifo, cancellable),
                             f"load on File '{fifo.get_path()}'")

    def test_lookup(self):
        addresses = Thredo.lookup_by_name("127.0.0.1", None)
        self.assertEqual([address.to_string() for address in addresses], ["127.0.0.1"])
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, Thredo.lookup_by_name, "127.0.0.1",
                             cancelled())

    def test_connect_to_host(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            host = f"127.0.0.1:{server.getsockname()[1]}"
            stream = Thredo.connect_to_host(host, 0, Thredo.ConnectFlags.NONE, None)
            self.assertIsInstance(stream.get_base(), Gio.TcpConnection)
        self.assert_io_error(Gio.IOErrorEnum.CONNECTION_REFUSED, Thredo.connect_to_host, host, 0,
                             Thredo.ConnectFlags.NONE, None)

    def test_dbus(self):
        bus = Gio.TestDBus.new(Gio.TestDBusFlags.NONE)
        bus.up()
        self.addCleanup(bus.down)
        connection = Gio.DBusConnection.new_for_address_sync(
            bus.get_bus_address(),
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        reply = Thredo.dbus_call(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                 "org.freedesktop.DBus", "GetNameOwner",
                                 GLib.Variant("(s)", ("org.freedesktop.DBus",)),
                                 GLib.VariantType.new("(s)"), None)
        self.assertEqual(reply.unpack(), ("org.freedesktop.DBus",))
        connection.close_sync(None)


if __name__ == "__main__":
    unittest.main()
