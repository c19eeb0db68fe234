#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An echo server with a thread for each client, and plain code in it, that can be cancelled."""

import thredo
from thredo import socket


def echo(client):
    with client, client.makefile("rb") as lines:
        for line in lines:
            client.sendall(line)


def serve(listener):
    with listener, thredo.ThreadGroup() as clients:
        while True:
            client, address = listener.accept()
            clients.spawn(echo, client)


def talk(connection, *lines):
    for line in lines:
        connection.sendall(line + b"\n")
        print(connection.recv(100).decode(), end="")


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    server = thredo.spawn(serve, listener)

    with socket.create_connection(address) as short, socket.create_connection(address) as long:
        talk(short, b"one", b"two")
        talk(long, b"three", b"four")
        server.cancel()  # with the threads of both clients
        if long.recv(100) == b"":
            print("The server has ended, and so have its connections")


thredo.run(main)
