#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first of four requests: when one has its answer, the others are cancelled and closed."""

import http.server

import thredo

with thredo.more_magic():
    import urllib.request

all_here = thredo.Barrier(4)
gone = thredo.Semaphore(0)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        all_here.wait()
        if self.path != "/fast":
            self.connection.recv(1)  # it has nothing more to say, until it goes
            gone.release()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"fast")

    def log_message(self, *args):
        pass


class Server(thredo.ThredoMixIn, http.server.HTTPServer):
    pass


def ask(url, path):
    try:
        with urllib.request.urlopen(url + path) as response:
            return response.read().decode()
    except thredo.CancelledError:
        print(f"{path}: cancelled\n", end="", flush=True)
        raise


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        serving = thredo.spawn(server.serve_forever)
        url = f"http://127.0.0.1:{server.server_port}/"
        with thredo.ThreadGroup(wait=any) as group:
            for path in "slow", "slower", "fast", "slowest":
                group.spawn(ask, url, path)
        print("The answer is:", group.completed.result)

        for _ in range(3):
            gone.acquire()
        print("The server has seen three go")
        serving.cancel()


thredo.run(main)
