# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installed typelib, used as a user's first program does."""

import gi

gi.require_version('Thredo', '1.0')
from gi.repository import GLib, Thredo  # noqa: E402

assert Thredo.MAJOR_VERSION == 1

queue = Thredo.Queue.new(1)
queue.put(42, None)
try:
    queue.try_put(43)
except GLib.Error as error:
    assert 'g-io-error-quark' in error.domain, error.domain
else:
    raise AssertionError('a full queue took another item')

lock = Thredo.Lock(name='lock')
assert lock.acquire(None) and lock.get_owner() == Thredo.Thread.self()
assert lock.release()
try:
    lock.release()
except GLib.Error as error:
    assert error.matches(Thredo.error_quark(), Thredo.Error.NOT_OWNER), error
else:
    raise AssertionError('a lock that nobody owns was released')

ok, item = queue.get(None)
assert ok and item == 42, (ok, item)
print(item)
