# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queues."""

import operator
import types

from gi.repository import GLib, GObject

from .base import PlainMeta, Thredo, name_property, native, overrides, public
from .errors import translated
from .sync import LARGEST, titled

ORDERS = [int(order) for order in (Thredo.QueueOrder.FIFO, Thredo.QueueOrder.LIFO, Thredo.QueueOrder.PRIORITY)]


def as_value(item):
    """An item as introspection has to be given it."""
    if isinstance(item, (GObject.Object, GObject.Value)):
        return item
    return GObject.Value(GObject.TYPE_PYOBJECT, item)


@overrides
class Queue(native.QueueMethods, Thredo.Queue, metaclass=PlainMeta):
    """A queue of any Python objects, whose waits can be cancelled; first in, first out.

    The methods are those of queue.Queue. close() ends it: getters drain what is left, and then get
    ClosedError, putters at once; `for item in queue` ends then.
    """

    _order = Thredo.QueueOrder.FIFO
    __class_getitem__ = classmethod(types.GenericAlias)

    def __init__(self, maxsize=0, *, name=None, order=None, max_size=None):
        maxsize = operator.index(max_size if max_size is not None else maxsize)
        if maxsize > LARGEST:
            raise ValueError(f"a queue holds up to {LARGEST} items")
        order = int(self._order if order is None else order)
        if order not in ORDERS:
            raise ValueError(f"order is a Thredo.QueueOrder, not {order}")
        self._init_native(order, max(maxsize, 0))
        if name is not None:
            self.set_name(name)

    @classmethod
    def new(cls, max_size=0):
        return cls(max_size)

    @property
    def maxsize(self):
        """How many items it takes before a put waits; 0 for no limit."""
        return self.get_max_size()

    @property
    def unfinished_tasks(self):
        """For how many items task_done() is still to be called."""
        return self.get_unfinished()

    name = name_property()

    @property
    def closed(self):
        """Whether close() was called."""
        return self.is_closed()

    def try_get(self):
        """As in C: get_nowait()."""
        return self.get_nowait()

    def try_put(self, item):
        """As in C: put_nowait(), and True."""
        self.put_nowait(item)
        return True

    def put_async(self, item, cancellable, callback, *data):
        """Put an item without blocking; the callback calls put_finish()."""
        Thredo.Queue.put_async(self, as_value(item), cancellable, callback, *data)

    def get_finish(self, result):
        """The item that get_async() has got."""
        try:
            return Thredo.Queue.get_finish(self, result)[-1]
        except GLib.Error as error:
            raise translated(error) from None

    def __len__(self):
        return self.get_length()

    def __bool__(self):
        return True

    def __repr__(self):
        size = self.get_max_size()
        of_size = f" of {size}" if size else ""
        return f"<{titled(self)}: {self.get_length()}{of_size} items>"


@public
class LifoQueue(Queue):
    """A queue that hands out the latest item first."""

    _order = Thredo.QueueOrder.LIFO


@public
class PriorityQueue(Queue):
    """A queue that hands out the least item first, by `<`; equal ones in the order in which they came."""

    _order = Thredo.QueueOrder.PRIORITY
