#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// The first of four requests: when one has its answer, the others are cancelled and closed.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');
Gio._promisify(Gio.OutputStream.prototype, 'write_all_async', 'write_all_finish');
Gio._promisify(Gio.SocketClient.prototype, 'connect_to_host_async', 'connect_to_host_finish');

const allHere = Thredo.Barrier.new(4);
const gone = Thredo.Semaphore.new(0);

function write(connection, text, cancellable = null) {
    const bytes = new TextEncoder().encode(text);
    return connection.get_output_stream().write_all_async(bytes, 0, cancellable);
}

// Up to the blank line.
async function readHead(input, cancellable = null) {
    const lines = [];
    for (;;) {
        const [line] = await input.read_line_async(0, cancellable);
        if (!line?.trim())
            return lines;
        lines.push(line.trim());
    }
}

async function serve(connection) {
    const input = Gio.DataInputStream.new(connection.get_input_stream());
    const [request] = await readHead(input);
    await allHere.wait_async();
    if (request === 'GET /fast HTTP/1.0') {
        await write(connection, 'HTTP/1.0 200 OK\r\n\r\nfast\n');
    } else {
        await input.read_line_async(0, null); // it has nothing more to say, until it goes
        gone.release();
    }
    connection.close(null);
}

async function request(port, path, cancellable) {
    const client = new Gio.SocketClient({enable_proxy: false});
    let connection = null;
    try {
        connection = await client.connect_to_host_async('127.0.0.1', port, cancellable);
        await write(connection, `GET /${path} HTTP/1.0\r\n\r\n`, cancellable);
        const input = Gio.DataInputStream.new(connection.get_input_stream());
        await readHead(input, cancellable);
        const [line] = await input.read_line_async(0, cancellable);
        return line;
    } catch (error) {
        print(`${path}: cancelled`);
        throw error;
    } finally {
        connection?.close(null);
    }
}

const service = new Gio.SocketService();
service.connect('incoming', (self, connection) => void serve(connection));
const port = service.add_any_inet_port(null);

const cancellable = new Gio.Cancellable();
const requests = ['slow', 'slower', 'fast', 'slowest'].map(path => request(port, path, cancellable));
const answer = await Promise.any(requests);
cancellable.cancel();
await Promise.allSettled(requests);
print('The answer is:', answer);

for (let i = 0; i < 3; i++)
    await gone.acquire_async();
print('The server has seen three go');
