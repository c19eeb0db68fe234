#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Happy eyeballs: of several addresses, some dead, the first to answer is connected to."""

import thredo
from thredo import socket


def connect(name, address):
    sock = socket.socket()
    try:
        sock.connect(address)
        print(f"{name}: answers")
        return sock
    except OSError:
        print(f"{name}: refuses")
    except thredo.CancelledError:
        print(f"{name}: is given up")
        sock.close()
        raise
    sock.close()


def try_each(group, addresses, head_start):
    """One after the other, each as soon as the one before has failed, or has had its time."""
    for name, address in addresses.items():
        print(f"{name}: is tried")
        thread = group.spawn(connect, name, address)
        with thredo.ignore_after(head_start):
            thread.wait()
            if thread.result:
                return


def connect_to_first(addresses, head_start=0.25):
    with thredo.ThreadGroup(wait=object) as group:  # for the first that is not None
        group.spawn(try_each, group, addresses, head_start)
    if group.completed is None:
        raise OSError("no address answers")
    return group.completed.result


def listen(backlog):
    sock = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    return sock, sock.getsockname()


def main():
    silent, silent_address = listen(0)
    refusing, refusing_address = listen(1)
    good, good_address = listen(1)
    refusing.close()
    fillers = [socket.socket() for _ in range(8)]  # it says nothing while its backlog is full
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(silent_address)

    connection = connect_to_first(
        {"silent": silent_address, "dead": refusing_address, "good": good_address})
    if connection.getpeername() == good_address:
        print("Connected to the good one")
    for sock in silent, good, connection, *fillers:
        sock.close()


thredo.run(main)
