# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sockets and selectors wait with: one file descriptor, on the library's loop."""

from gi.repository import GLib

from .base import Thredo, native
from .sync import Event

IN = int(GLib.IOCondition.IN)
OUT = int(GLib.IOCondition.OUT)
PRI = int(GLib.IOCondition.PRI)

check_cancelled = native.check_cancelled
sleep = native.sleep
wait_fd = native.wait_fd
notify_closing = Thredo.notify_closing
Flag = Event
