#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// An echo server with a promise for each client, and plain code in it, that can be cancelled.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');
Gio._promisify(Gio.OutputStream.prototype, 'write_all_async', 'write_all_finish');
Gio._promisify(Gio.SocketClient.prototype, 'connect_to_host_async', 'connect_to_host_finish');

class Lines {
    constructor(connection) {
        this._connection = connection;
        this._input = Gio.DataInputStream.new(connection.get_input_stream());
    }

    async read(cancellable = null) {
        const [line] = await this._input.read_line_async(0, cancellable);
        return line;
    }

    write(line, cancellable = null) {
        const bytes = new TextEncoder().encode(`${line}\n`);
        return this._connection.get_output_stream().write_all_async(bytes, 0, cancellable);
    }
}

class EchoServer {
    constructor() {
        this._cancellable = new Gio.Cancellable();
        this._clients = new Set();
        this._service = new Gio.SocketService();
        this._service.connect('incoming', (service, connection) => {
            const client = this._echo(connection).catch(() => {});
            this._clients.add(client);
            client.finally(() => this._clients.delete(client));
        });
        this.port = this._service.add_any_inet_port(null);
    }

    async _echo(connection) {
        const lines = new Lines(connection);
        let line;
        try {
            while ((line = await lines.read(this._cancellable)) !== null)
                await lines.write(line, this._cancellable);
        } finally {
            connection.close(null);
        }
    }

    // All have ended when it is fulfilled.
    cancel() {
        this._service.stop();
        this._cancellable.cancel();
        return Promise.all(this._clients);
    }
}

async function connect(port) {
    const client = new Gio.SocketClient({enable_proxy: false});
    return new Lines(await client.connect_to_host_async('127.0.0.1', port, null));
}

async function talk(connection, ...lines) {
    for (const line of lines) {
        await connection.write(line);
        print(await connection.read());
    }
}

const server = new EchoServer();
const [short, long] = await Promise.all([connect(server.port), connect(server.port)]);
await talk(short, 'one', 'two');
await talk(long, 'three', 'four');
await server.cancel(); // with the promises of both clients
if (await Thredo.timeout_after(1, cancellable => long.read(cancellable)) === null)
    print('The server has ended, and so have its connections');
