# SPDX-License-Identifier: LGPL-2.1-or-later
"""ThredoMixIn: servers of socketserver that can be cancelled."""

import socket as plain
import threading
import time

from . import socket, waiting
from .base import public
from .errors import CancelledError, ThreadCancelled
from .scope import Scope
from .thread import spawn


class _Serving:
    """One run of serve_forever()."""

    def __init__(self):
        self.stop = Scope()
        self.stopping = False
        self.ended = False
        self.end = waiting.Flag()


@public
class ThredoMixIn:
    """Makes a server handle each request in a thread of its own, and everything about it a wait that
    can be cancelled:

        class Server(Thredo.ThredoMixIn, socketserver.TCPServer):
            pass

    Its sockets, also those that the handlers get, are those of Thredo.socket. A thread that is
    cancelled in serve_forever() cancels the threads of the requests, and ends when they have ended.
    """

    daemon_threads = False
    """Whether server_close() leaves the threads of requests alone."""

    block_on_close = True
    """Whether server_close() waits for the threads of requests to end, if they are no daemons."""

    __guard = threading.Lock()  # of what follows, for all servers: it is never held for long
    __serving = None
    __requests = None

    # The socket that the server's __init__() makes is taken over.

    @property
    def socket(self):
        """The socket that the server listens on."""
        try:
            return self.__dict__["socket"]
        except KeyError:
            raise AttributeError("socket") from None

    @socket.setter
    def socket(self, value):
        if isinstance(value, plain.socket):
            value = socket.adopt(value)
        self.__dict__["socket"] = value

    # Serving

    def __current(self, new=False):
        with self.__guard:
            if self.__serving is None or (new and self.__serving.ended):
                self.__serving = _Serving()
            return self.__serving

    def serve_forever(self, poll_interval=0.5):
        """Handles requests, each in its thread, until shutdown() or a cancel, which ends them as
        well. service_actions() is called after each request, and every poll_interval seconds if
        there is one."""
        serving = self.__current(new=True)
        interval = None if _is_idle(self.service_actions) else poll_interval
        try:
            with serving.stop:
                while True:
                    if waiting.wait_fd(self.fileno(), waiting.IN, interval):
                        self._handle_request_noblock()
                    self.service_actions()
        except CancelledError:
            if serving.stopping:
                waiting.check_cancelled()  # there may be another reason
                return
            self.cancel_requests()
            raise
        finally:
            serving.ended = True
            serving.end.set()

    def shutdown(self):
        """Makes serve_forever(), in another thread, return, and waits until it has. Requests go on."""
        serving = self.__current()
        serving.stopping = True
        serving.stop.cancel()
        serving.end.wait()

    def handle_request(self):
        """Waits for a request, as long as the server's timeout allows, and handles it in a thread."""
        limits = [limit for limit in (self.socket.gettimeout(), self.timeout) if limit is not None]
        deadline = time.monotonic() + min(limits) if limits else None
        left = None if deadline is None else max(0, deadline - time.monotonic())
        if waiting.wait_fd(self.fileno(), waiting.IN, left):
            return self._handle_request_noblock()
        return self.handle_timeout()

    def process_request(self, request, client_address):
        """Starts a thread for a request."""
        if isinstance(request, plain.socket) and getattr(request, "_sslobj", None) is None:
            request = socket.adopt(request)  # a TLS connection of Python's own stays as it is
        own = []
        with self.__guard:  # the thread ends after it has been noted
            if self.__requests is None:
                self.__requests = set()
            thread = spawn(self.__run, own, request, client_address,
                                daemon=self.daemon_threads, name=f"request of {client_address}")
            own.append(thread)
            self.__requests.add(thread)

    def __run(self, own, request, client_address):
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self.__guard:
                self.__requests.discard(own[0])
            own.clear()

    def process_request_thread(self, request, client_address):
        """Handles a request, in its thread."""
        try:
            self.finish_request(request, client_address)
        except ThreadCancelled:
            raise
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    # The end

    def __live_requests(self):
        with self.__guard:
            return list(self.__requests or ())

    def cancel_requests(self):
        """Cancels the threads of all requests, and waits until they have ended."""
        threads = self.__live_requests()
        for thread in threads:
            thread.cancel(blocking=False)
        with Scope(shielded=True):
            for thread in threads:
                thread.wait()

    def server_close(self):
        """Closes the server's socket, and waits for the threads of requests: see block_on_close."""
        super().server_close()
        if self.block_on_close and not self.daemon_threads:
            for thread in self.__live_requests():
                thread.wait()


def _is_idle(service_actions):
    """Whether a server's service_actions() is the one that does nothing."""
    function = getattr(service_actions, "__func__", None)
    return getattr(function, "__qualname__", None) == "BaseServer.service_actions"
