# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installed typelib and overrides, used as a user's first program does."""

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import GLib, Thredo  # noqa: E402

import thredo  # noqa: E402

assert Thredo.MAJOR_VERSION == 1
assert thredo.Queue is Thredo.Queue

queue = Thredo.Queue(1)
queue.put({"answer": 42})
try:
    queue.try_put(43)
except GLib.Error as error:
    assert "g-io-error-quark" in error.domain, error.domain
else:
    raise AssertionError("a full queue took another item")

lock = Thredo.Lock(name="lock")
with lock:
    assert lock.owner == Thredo.Thread.self()
try:
    lock.release()
except GLib.Error as error:
    assert error.matches(Thredo.error_quark(), Thredo.Error.NOT_OWNER), error
else:
    raise AssertionError("a lock that nobody owns was released")

assert queue.get() == {"answer": 42}
queue.close()
try:
    queue.get()
except GLib.Error as error:
    assert "g-io-error-quark" in error.domain, error.domain
else:
    raise AssertionError("a closed queue had another item")

assert Thredo.spawn(sum, [1, 2, 3]).join() == 6
assert Thredo.run(sum, [1, 2]) == 3
with Thredo.ignore_after(0.01) as scope:
    Thredo.sleep(60)
assert scope.expired
