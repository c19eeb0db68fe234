#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session of requests, unmodified: it can be cancelled, and has its deadlines, all the same."""

import http.server

import thredo

with thredo.more_magic():
    import requests

asked = thredo.Semaphore(0)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for all of a session

    def do_GET(self):
        if self.path == "/never":
            asked.release()
            self.connection.recv(1)  # until the client goes
            self.close_connection = True
            return
        body = f"page {self.path}, cookie {self.headers['Cookie']}".encode()
        self.send_response(200)
        self.send_header("Set-Cookie", "visited=yes")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(thredo.ThredoMixIn, http.server.HTTPServer):
    pass


def get(session, url):
    try:
        return session.get(url).text
    except thredo.ThreadCancelled:
        print("cancelled while it waited for an answer")
        raise


def main():
    with Server(("127.0.0.1", 0), Handler) as server, requests.Session() as session:
        serving = thredo.spawn(server.serve_forever)
        session.trust_env = False  # no proxy for this host
        url = f"http://127.0.0.1:{server.server_port}"

        print(get(session, f"{url}/one"))
        print(get(session, f"{url}/two"))
        try:
            with thredo.timeout_after(0.2):
                get(session, f"{url}/never")
        except thredo.ThreadTimeout:
            print("no answer within a fifth of a second")
            asked.acquire()

        thread = thredo.spawn(get, session, f"{url}/never")
        asked.acquire()
        thread.cancel()
        print(get(session, f"{url}/three"))
        serving.cancel()


thredo.run(main)
