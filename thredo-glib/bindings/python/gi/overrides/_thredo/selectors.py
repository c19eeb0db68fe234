# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole of Python's selectors module, whose select() is a wait of the library."""

import selectors as _plain

from . import rebind as _rebind
from . import select as _select


class SelectSelector(_plain.SelectSelector):
    """As Python's, but its select() can be cancelled."""

    _select = staticmethod(_select.select)


class PollSelector(_plain.PollSelector):
    """As Python's, but its select() can be cancelled."""

    _selector_cls = _select.poll


class EpollSelector(_plain.EpollSelector):
    """As Python's, but its select() can be cancelled."""

    _selector_cls = _select.epoll


DefaultSelector = EpollSelector

_rebind.stand_in_for(_plain, globals())
__all__ = [name for name in vars(_plain) if not name.startswith("_")]
