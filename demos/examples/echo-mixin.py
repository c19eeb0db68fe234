#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An echo server of Python's socketserver, whose threads can be cancelled by a mix-in."""

import socketserver

import thredo
from thredo import socket


class EchoHandler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            for line in self.rfile:
                self.wfile.write(line)
            print("server: the client has gone\n", end="", flush=True)
        except thredo.CancelledError:
            print("server: cancelled in the middle of a conversation\n", end="", flush=True)
            raise


class EchoServer(thredo.ThredoMixIn, socketserver.TCPServer):
    allow_reuse_address = True


def talk(connection, line):
    connection.sendall(line)
    print("client:", connection.recv(100))


def main():
    with EchoServer(("127.0.0.1", 0), EchoHandler) as server:
        serving = thredo.spawn(server.serve_forever)
        with socket.create_connection(server.server_address) as connection:
            talk(connection, b"Hello\n")
            serving.cancel()
            print("client:", connection.recv(100))


thredo.run(main)
