// SPDX-License-Identifier: LGPL-2.1-or-later

// I/O from JavaScript, by plain introspection. JavaScript runs on its main thread
// only, so what calls back elsewhere, thredo_await() and the functions of a service,
// is not for it: it has the asynchronous calls themselves.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';
import System from 'system';

const LIMIT_SECONDS = 60;
const SIGUSR1 = 10;
const SIGKILL = 9;

Gio._promisify(Thredo.SignalEvent.prototype, 'wait_async', 'wait_finish');
Gio._promisify(Gio.InputStream.prototype, 'read_bytes_async', 'read_bytes_finish');

function assert(condition, message) {
    if (!condition)
        throw new Error(message);
}

function assertEqual(actual, expected) {
    assert(actual === expected, `${actual} is not ${expected}`);
}

function assertThrows(domain, code, func) {
    let error = null;
    try {
        func();
    } catch (e) {
        error = e;
    }
    assert(error !== null, 'Nothing was thrown');
    if (!(error instanceof GLib.Error))
        throw error;
    assert(error.matches(domain, code), `${error.domain} ${error.code}: ${error.message}`);
    assert(error.message !== '', 'The error says nothing');
}

function assertIoError(code, func) {
    assertThrows(Gio.io_error_quark(), code, func);
}

// Calls what has to wait, in a scope that is over at once, and with a cancellable.
function assertBlocks(func) {
    const scope = Thredo.Scope.new_with_timeout(1000);
    scope.enter();
    try {
        assertIoError(Gio.IOErrorEnum.TIMED_OUT, () => func(null));
    } finally {
        scope.leave();
    }

    const cancellable = new Gio.Cancellable();
    cancellable.cancel();
    assertIoError(Gio.IOErrorEnum.CANCELLED, () => func(cancellable));
}

function text(bytes) {
    return new TextDecoder().decode(bytes.toArray());
}

function bytes(string) {
    return new GLib.Bytes(new TextEncoder().encode(string));
}

// A socket that listens at a port of its own, and a pair of connected ones.
function listen() {
    const socket = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM,
        Gio.SocketProtocol.TCP);
    socket.bind(Gio.InetSocketAddress.new_from_string('127.0.0.1', 0), false);
    socket.listen();
    return socket;
}

function connectPair() {
    const listener = listen();
    const near = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM,
        Gio.SocketProtocol.TCP);
    assert(Thredo.socket_connect(near, listener.get_local_address(), null), 'Not connected');
    const far = Thredo.socket_accept(listener, null);
    Thredo.socket_close(listener);
    return [near, far];
}

const tests = {
    'fd'() {
        const [near, far] = connectPair();
        assertEqual(Thredo.wait_fd(near.get_fd(), GLib.IOCondition.OUT, null),
            GLib.IOCondition.OUT);
        assertBlocks(c => Thredo.wait_fd(near.get_fd(), GLib.IOCondition.IN, c));
        Thredo.socket_send(far, [120], null);
        assertEqual(Thredo.wait_fd(near.get_fd(), GLib.IOCondition.IN, null),
            GLib.IOCondition.IN);
        Thredo.notify_closing(near.get_fd());
    },

    'socket'() {
        const [near, far] = connectPair();
        assertEqual(Thredo.socket_send(near, [104, 0, 255], null), 3);
        const received = Thredo.socket_receive(far, 100, null).toArray();
        assertEqual(String(Array.from(received)), '104,0,255');
        assertBlocks(c => Thredo.socket_receive(far, 100, c));
        Thredo.socket_close(near);
        assertEqual(Thredo.socket_receive(far, 100, null).get_size(), 0);
        assertIoError(Gio.IOErrorEnum.CLOSED, () => Thredo.socket_receive(near, 1, null));
    },

    'socket/accept'() {
        const listener = listen();
        assertBlocks(c => Thredo.socket_accept(listener, c));
    },

    'streams'() {
        const [near, far] = connectPair();
        const stream = Thredo.IOStream.new(near.connection_factory_create_connection());
        assert(stream instanceof Thredo.IOStream, 'Of another type');
        const lines = new Gio.DataInputStream({base_stream: stream.get_input_stream()});
        Thredo.socket_send(far, bytes('one\ntw').toArray(), null);
        assertEqual(lines.read_line_utf8(null)[0], 'one');
        assertBlocks(c => lines.read_line_utf8(c));
        Thredo.socket_send(far, bytes('o\n').toArray(), null);
        assertEqual(lines.read_line_utf8(null)[0], 'two');
        stream.get_output_stream().write_bytes(bytes('hello'), null);
        assertEqual(text(Thredo.socket_receive(far, 100, null)), 'hello');
        stream.close(null);
        assertEqual(Thredo.socket_receive(far, 100, null).get_size(), 0);
    },

    async 'streams/async'() {
        const [near, far] = connectPair();
        const stream = Thredo.IOStream.new(near.connection_factory_create_connection());
        const reading = stream.get_input_stream().read_bytes_async(100, GLib.PRIORITY_DEFAULT,
            null);
        Thredo.socket_send(far, bytes('later').toArray(), null);
        assertEqual(text(await reading), 'later');
    },

    'command'() {
        const command = Thredo.Command.new(['sh', '-c', 'cat; echo oops >&2; exit 3']);
        command.set_input(bytes('hello'));
        assertEqual(command.get_output(), null);
        assert(command.run(null), 'Not run');
        assertEqual(text(command.get_output()), 'hello');
        assertEqual(text(command.get_error_output()), 'oops\n');
        assertEqual(command.get_exit_status(), 3);
        assertThrows(Thredo.error_quark(), Thredo.Error.STATE, () => command.run(null));
    },

    'command/deadline'() {
        const command = new Thredo.Command({argv: ['sleep', '86400'], grace: 1000});
        assertEqual(command.argv.join(' '), 'sleep 86400');
        assertBlocks(c => new Thredo.Command({argv: ['sleep', '86400']}).run(c));
    },

    'child'() {
        const [, pid] = GLib.spawn_async(null, ['sh', '-c', 'exit 5'], null,
            GLib.SpawnFlags.SEARCH_PATH | GLib.SpawnFlags.DO_NOT_REAP_CHILD, null);
        const [ended, status] = Thredo.wait_child(pid, null);
        assert(ended, 'It has not ended');
        assertEqual(status >> 8, 5);
    },

    async 'signal-event'() {
        const event = Thredo.SignalEvent.new([SIGUSR1]);
        assertBlocks(c => event.wait(c));
        const waiting = event.wait_async(null);
        GLib.spawn_command_line_sync(`kill -USR1 ${new Gio.Credentials().get_unix_pid()}`);
        assertEqual(await waiting, SIGUSR1);
        assertIoError(Gio.IOErrorEnum.INVALID_ARGUMENT, () => Thredo.SignalEvent.new([SIGKILL]));
    },

    'service'() {
        const service = Thredo.SocketService.new(() => true);
        service.set_name('server');
        service.max_connections = 3;
        assertEqual(service.get_max_connections(), 3);
        service.listener.add_address(Gio.InetSocketAddress.new_from_string('127.0.0.1', 0),
            Gio.SocketType.STREAM, Gio.SocketProtocol.TCP, null);
        assertBlocks(c => service.run(c));
        assert(service.start(), 'Not started');
        assertThrows(Thredo.error_quark(), Thredo.Error.STATE, () => service.start());
        assert(service.stop(Thredo.SocketServiceStop.DRAIN, null), 'Not stopped');
    },

    'file'() {
        const [file, stream] = Gio.File.new_tmp('thredo-XXXXXX');
        stream.close(null);
        Thredo.replace_bytes(file, bytes('contents'), Gio.FileCreateFlags.NONE, null);
        assertEqual(text(Thredo.load_bytes(file, null)), 'contents');
        file.delete(null);
        assertIoError(Gio.IOErrorEnum.NOT_FOUND, () => Thredo.load_bytes(file, null));
    },

    'network'() {
        assertEqual(Thredo.lookup_by_name('127.0.0.1', null)[0].to_string(), '127.0.0.1');
        const listener = listen();
        const port = listener.get_local_address().get_port();
        const stream = Thredo.connect_to_host('127.0.0.1', port, Thredo.ConnectFlags.NONE, null);
        assert(stream.base_io_stream instanceof Gio.TcpConnection, 'Of another type');
        stream.close(null);
    },
};

let nFailed = 0;

async function runAll() {
    const names = Object.keys(tests);
    let n = 0;

    print(`1..${names.length}`);
    for (const name of names) {
        n++;
        try {
            await tests[name]();
            print(`ok ${n} /gjs/io/${name}`);
        } catch (error) {
            nFailed++;
            print(`not ok ${n} /gjs/io/${name}`);
            print(`# ${error}\n${error.stack ?? ''}`.trim().replaceAll('\n', '\n# '));
        }
    }
}

const loop = new GLib.MainLoop(null, false);

GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, LIMIT_SECONDS, () => {
    print('Bail out! Hang: a promise was never settled');
    System.exit(1);
});
runAll().finally(() => loop.quit());
loop.run();
System.exit(nFailed > 0 ? 1 : 0);
