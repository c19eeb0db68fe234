#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An echo server with a thread for each client, and plain code in it, that can be cancelled."""

import thredo
from thredo import socket


def echo(client):
    with client:
        for line in client.makefile("rb"):
            client.sendall(line)


def serve(listener):
    with listener, thredo.ThreadGroup() as clients:
        while True:
            client, address = listener.accept()
            clients.spawn(echo, client)


def talk(connection, *lines):
    replies = connection.makefile("rb")
    for line in lines:
        connection.sendall(line + b"\n")
        print(replies.readline().decode(), end="")
    return replies


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    server = thredo.spawn(serve, listener)

    with socket.create_connection(address) as short, socket.create_connection(address) as long:
        talk(short, b"one", b"two")
        rest = talk(long, b"three", b"four")
        server.cancel()  # with the threads of both clients
        if rest.readline() == b"":
            print("The server has ended, and so have its connections")


thredo.run(main)
