#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Happy eyeballs: of several addresses, some dead, the first to answer is connected to.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

Gio._promisify(Gio.SocketClient.prototype, 'connect_async', 'connect_finish');

async function connect(name, address, cancellable) {
    try {
        const client = new Gio.SocketClient({enable_proxy: false});
        const connection = await client.connect_async(address, cancellable);
        print(`${name}: answers`);
        return connection;
    } catch {
        print(`${name}: ${cancellable.is_cancelled() ? 'is given up' : 'refuses'}`);
        return null;
    }
}

// One after the other, each as soon as the one before has failed, or has had its time.
async function connectToFirst(addresses, headStart = 0.25) {
    const cancellable = new Gio.Cancellable();
    const isConnected = Thredo.Event.new();
    const attempts = [];
    let winner = null;

    for (const [name, address] of addresses) {
        print(`${name}: is tried`);
        const attempt = connect(name, address, cancellable).then(connection => {
            winner ??= connection;
            if (winner)
                isConnected.set();
        });
        attempts.push(attempt);
        await Promise.race([attempt, isConnected.wait_async(), Thredo.sleep_async(headStart)]);
        if (winner)
            break;
    }
    await Promise.race([isConnected.wait_async(), Promise.all(attempts)]);
    cancellable.cancel();
    await Promise.all(attempts);
    return winner;
}

function newSocket() {
    return Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM, Gio.SocketProtocol.TCP);
}

function listen(backlog) {
    const socket = newSocket();
    socket.bind(Gio.InetSocketAddress.new_from_string('127.0.0.1', 0), false);
    socket.set_listen_backlog(backlog);
    socket.listen();
    return socket;
}

const [silent, refusing, good] = [listen(0), listen(10), listen(10)];
const addresses = new Map([['silent', silent], ['dead', refusing], ['good', good]].map(
    ([name, socket]) => [name, socket.get_local_address()]));
refusing.close();
const fillers = Array.from({length: 8}, newSocket); // it says nothing while its backlog is full
for (const filler of fillers) {
    filler.set_blocking(false);
    try {
        filler.connect(silent.get_local_address(), null);
    } catch {
        // It is not waited for.
    }
}

const connection = await connectToFirst(addresses);
if (connection.get_remote_address().port === addresses.get('good').port)
    print('Connected to the good one');
