// SPDX-License-Identifier: LGPL-2.1-or-later

// Locks and the like from JavaScript, by plain introspection. JavaScript runs on
// its main thread only: who waits there is a promise, and never a thread.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import GObject from 'gi://GObject';
import Thredo from 'gi://Thredo?version=1.0';
import System from 'system';

const LIMIT_SECONDS = 60;

for (const type of [Thredo.Lock, Thredo.RLock, Thredo.Semaphore])
    Gio._promisify(type.prototype, 'acquire_async', 'acquire_finish');
for (const type of [Thredo.Event, Thredo.Condition, Thredo.Barrier])
    Gio._promisify(type.prototype, 'wait_async', 'wait_finish');

// The out parameter of a call that returns whether it worked, too.
function last(result) {
    return Array.isArray(result) ? result[result.length - 1] : result;
}

function assert(condition, message) {
    if (!condition)
        throw new Error(message);
}

function assertEqual(actual, expected) {
    assert(actual === expected, `${actual} is not ${expected}`);
}

function assertMatches(error, domain, code) {
    if (!(error instanceof GLib.Error))
        throw error;
    assert(error.matches(domain, code), `${error.domain} ${error.code}: ${error.message}`);
    assert(error.message !== '', 'The error says nothing');
}

function assertThrows(domain, code, func) {
    let error = null;
    try {
        func();
    } catch (e) {
        error = e;
    }
    assert(error !== null, 'Nothing was thrown');
    assertMatches(error, domain, code);
}

async function assertRejects(domain, code, promise) {
    let error = null;
    try {
        await promise;
    } catch (e) {
        error = e;
    }
    assert(error !== null, 'Nothing was thrown');
    assertMatches(error, domain, code);
}

function assertIoError(code, func) {
    assertThrows(Gio.io_error_quark(), code, func);
}

function assertThredoError(code, func) {
    assertThrows(Thredo.error_quark(), code, func);
}

// Calls what has to wait in a scope that is over at once: it is told so.
function assertBlocks(func) {
    const scope = Thredo.Scope.new_with_timeout(1000);
    scope.enter();
    try {
        assertIoError(Gio.IOErrorEnum.TIMED_OUT, func);
    } finally {
        scope.leave();
    }
}

function cancelled() {
    const cancellable = new Gio.Cancellable();
    cancellable.cancel();
    return cancellable;
}

const Own = GObject.registerClass({
    GTypeName: 'TestJsLockable',
    Implements: [Thredo.Lockable],
}, class Own extends GObject.Object {
    _init() {
        super._init();
        this.depth = 0;
    }

    vfunc_acquire() {
        this.depth++;
        return true;
    }

    vfunc_try_acquire() {
        return this.vfunc_acquire();
    }

    vfunc_release() {
        if (this.depth === 0)
            throw new GLib.Error(Thredo.error_quark(), Thredo.Error.NOT_OWNER, 'It is nobody\'s');
        this.depth--;
        return true;
    }

    vfunc_is_owned() {
        return this.depth > 0;
    }
});

const locks = {'Lock': Thredo.Lock, 'RLock': Thredo.RLock};
const tests = {};

for (const [noun, type] of Object.entries(locks)) {
    Object.assign(tests, {
        [`${noun}/owner`]() {
            const lock = type.new();
            assert(!lock.is_locked(), 'A new lock is locked');
            assertEqual(lock.get_owner(), null);
            assert(lock.acquire(null), 'Not acquired');
            assert(lock.is_locked() && lock.is_owned(), 'Not owned');
            assertEqual(lock.get_owner(), Thredo.Thread.self());
            assert(!lock.get_abandoned(), 'It was abandoned');
            assert(lock.release(), 'Not released');
            assert(lock.try_acquire(), 'Not acquired');
            lock.release();
            assert(!lock.is_locked() && !lock.is_owned(), 'Still owned');
        },

        [`${noun}/properties`]() {
            const lock = new type({name: 'l'});
            assertEqual(lock.name, 'l');
            lock.name = null;
            assertEqual(lock.get_name(), null);
            assertEqual(lock.locked, false);
            assertEqual(lock.owner, null);
            lock.acquire(null);
            assertEqual(lock.locked, true);
            assertEqual(lock.owner, Thredo.Thread.self());
            assertEqual(lock.abandoned, false);
            lock.release();
            assert(lock instanceof GObject.Object, 'No object');
            assert(GObject.type_is_a(type.$gtype, Thredo.Lockable.$gtype), 'Not lockable');
        },

        [`${noun}/not-owner`]() {
            const lock = type.new();
            assertThredoError(Thredo.Error.NOT_OWNER, () => lock.release());
            lock.acquire(null);
            lock.release();
            assertThredoError(Thredo.Error.NOT_OWNER, () => lock.release());
            assert(!lock.is_locked(), 'It is locked');
        },

        [`${noun}/cancelled`]() {
            const lock = type.new();
            assertIoError(Gio.IOErrorEnum.CANCELLED, () => lock.acquire(cancelled()));
            assert(!lock.is_locked(), 'It is locked');
        },

        async [`${noun}/acquire-async`]() {
            const lock = type.new();
            assert(await lock.acquire_async(null), 'Not acquired');
            assert(lock.is_owned(), 'Not owned by the thread of the main loop');
            lock.release();
        },

        async [`${noun}/acquire-async/cancelled`]() {
            const lock = type.new();
            await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED,
                lock.acquire_async(cancelled()));
            assert(!lock.is_locked(), 'It is locked');

            lock.acquire(null);
            const cancellable = new Gio.Cancellable();
            const promise = lock.acquire_async(cancellable);
            if (noun === 'Lock') {
                cancellable.cancel();
                await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, promise);
            } else {
                await promise;
                assertEqual(lock.get_depth(), 2);
                lock.release();
            }
            assert(lock.is_owned(), 'It is not owned any more');
            lock.release();
            assert(!lock.is_locked(), 'It is locked');
        },
    });
}

Object.assign(tests, {
    async 'Lock/acquire-async/in-order'() {
        const lock = Thredo.Lock.new();
        const order = [];

        async function use(n) {
            await lock.acquire_async(null);
            try {
                order.push(n);
                assert(lock.is_owned(), 'Not owned');
                await Promise.resolve();
                assertEqual(order[order.length - 1], n);
            } finally {
                lock.release();
            }
        }

        lock.acquire(null);
        const promises = [0, 1, 2, 3].map(use);
        assertEqual(order.length, 0);
        lock.release();
        await Promise.all(promises);
        assertEqual(order.join(), '0,1,2,3');
        assert(!lock.is_locked(), 'It is locked');
    },

    'Lock/twice'() {
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.FAIL);
        assertEqual(Thredo.get_deadlock_policy(), Thredo.DeadlockPolicy.FAIL);
        const lock = new Thredo.Lock({name: 'L'});
        Thredo.Thread.self().set_name('main');
        lock.acquire(null);
        assert(!lock.try_acquire(), 'Acquired twice');
        let error = null;
        try {
            lock.acquire(null);
        } catch (e) {
            error = e;
        }
        assertMatches(error, Thredo.error_quark(), Thredo.Error.DEADLOCK);
        assertEqual(error.message,
            "Deadlock of 1 thread: 'main' holds Lock 'L', waits for Lock 'L' held by 'main'");
        lock.release();
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.REPORT);
    },

    'RLock/depth'() {
        const lock = Thredo.RLock.new();
        for (let depth = 1; depth <= 3; depth++) {
            lock.acquire(null);
            assertEqual(lock.get_depth(), depth);
        }
        assertEqual(lock.depth, 3);
        assertEqual(lock.release_all(), 3);
        assertEqual(lock.depth, 0);
        lock.reacquire(2);
        assertEqual(lock.depth, 2);
        lock.release();
        lock.release();
    },

    'Semaphore/permits'() {
        const semaphore = Thredo.Semaphore.new(2);
        assertEqual(semaphore.value, 2);
        assert(semaphore.acquire(null), 'Not acquired');
        assert(semaphore.try_acquire(), 'Not acquired');
        assert(!semaphore.try_acquire(), 'One too many');
        assertBlocks(() => semaphore.acquire(null));
        assert(semaphore.release_many(3), 'Not released');
        assert(semaphore.release(), 'Not released');
        assertEqual(semaphore.get_value(), 4);
        assertEqual(new Thredo.Semaphore({value: 3}).get_value(), 3);
    },

    'Semaphore/bounded'() {
        const semaphore = Thredo.BoundedSemaphore.new(1);
        assert(semaphore instanceof Thredo.Semaphore, 'No semaphore');
        assertThredoError(Thredo.Error.STATE, () => semaphore.release());
        assert(semaphore.try_acquire(), 'Not acquired');
        assertThredoError(Thredo.Error.STATE, () => semaphore.release_many(2));
        assertEqual(semaphore.value, 0);
        assert(semaphore.release(), 'Not released');
        assertEqual(semaphore.bound, 1);
        assertEqual(new Thredo.BoundedSemaphore({value: 3}).get_bound(), 3);
    },

    async 'Semaphore/acquire-async'() {
        const semaphore = Thredo.Semaphore.new(0);
        let nAcquired = 0;
        const promises = [0, 1, 2].map(async () => {
            await semaphore.acquire_async(null);
            nAcquired++;
        });
        semaphore.release();
        await promises[0];
        assertEqual(nAcquired, 1);
        semaphore.release_many(3);
        await Promise.all(promises);
        assertEqual(semaphore.get_value(), 1);
    },

    async 'Semaphore/acquire-async/cancelled'() {
        const semaphore = Thredo.Semaphore.new(0);
        const cancellable = new Gio.Cancellable();
        const first = semaphore.acquire_async(cancellable);
        const second = semaphore.acquire_async(null);
        cancellable.cancel();
        semaphore.release();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, first);
        await second;
        assertEqual(semaphore.get_value(), 0);
    },

    'Event/set-and-clear'() {
        const event = new Thredo.Event({name: 'e'});
        assert(!event.is_set(), 'A new event is set');
        assertBlocks(() => event.wait(null));
        event.set();
        assert(event.is_set(), 'Not set');
        assert(event.wait(null), 'Not waited');
        assertIoError(Gio.IOErrorEnum.CANCELLED, () => event.wait(cancelled()));
        event.clear();
        assert(!event.is_set(), 'Not cleared');
    },

    async 'Event/wait-async'() {
        const event = Thredo.Event.new();
        const cancellable = new Gio.Cancellable();
        const promises = [0, 1, 2].map(() => event.wait_async(null));
        const other = event.wait_async(cancellable);
        cancellable.cancel();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, other);
        event.set();
        event.clear();
        await Promise.all(promises);
        assert(!event.is_set(), 'It is set');
        event.set();
        await event.wait_async(null);
    },

    'Condition/lockable'() {
        const lock = Thredo.Lock.new();
        assertEqual(Thredo.Condition.new(lock).get_lockable(), lock);
        assertEqual(new Thredo.Condition({lockable: lock}).lockable, lock);
        assert(Thredo.Condition.new(null).lockable instanceof Thredo.RLock, 'Another lock');
    },

    async 'Condition/not-owner'() {
        const condition = Thredo.Condition.new(null);
        assertThredoError(Thredo.Error.NOT_OWNER, () => condition.wait(null));
        assertThredoError(Thredo.Error.NOT_OWNER, () => condition.notify(1));
        assertThredoError(Thredo.Error.NOT_OWNER, () => condition.notify_all());
        assertThredoError(Thredo.Error.NOT_OWNER, () => condition.wait_for(() => true, null));
        await assertRejects(Thredo.error_quark(), Thredo.Error.NOT_OWNER, condition.wait_async(null));
    },

    'Condition/wait-for'() {
        const condition = Thredo.Condition.new(null);
        const lock = condition.get_lockable();
        let nAsked = 0;
        lock.acquire(null);
        assert(condition.wait_for(() => {
            nAsked++;
            assert(lock.is_owned(), 'Not owned');
            return true;
        }, null), 'Not waited');
        assertEqual(nAsked, 1);
        assertBlocks(() => condition.wait_for(() => false, null));
        assertBlocks(() => condition.wait(null));
        assertEqual(lock.get_depth(), 1);
        lock.release();
    },

    async 'Condition/wait-async'() {
        const condition = Thredo.Condition.new(null);
        const lock = condition.get_lockable();
        const promises = [1, 2].map(async depth => {
            for (let n = 0; n < depth; n++)
                lock.acquire(null);
            const promise = condition.wait_async(null);
            assert(!lock.is_owned(), 'Still owned');
            await promise;
            assertEqual(lock.get_depth(), depth);
            lock.release_all();
        });
        assertEqual(condition.get_n_waiting(), 2);
        for (let n = 0; n < 2; n++) {
            lock.acquire(null);
            condition.notify(1);
            assertEqual(condition.n_waiting, 1 - n);
            lock.release();
            await promises[n];
        }
        assert(!lock.is_locked(), 'It is locked');
    },

    async 'Condition/wait-async/cancelled'() {
        const condition = Thredo.Condition.new(Thredo.Lock.new());
        const lock = condition.get_lockable();
        const cancellable = new Gio.Cancellable();
        lock.acquire(null);
        const promise = condition.wait_async(cancellable);
        assert(!lock.is_owned(), 'Still owned');
        cancellable.cancel();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, promise);
        assert(lock.is_owned(), 'The lock is not had back');
        assertEqual(condition.get_n_waiting(), 0);
        lock.release();
    },

    async 'Condition/own-lockable'() {
        const own = new Own();
        const condition = Thredo.Condition.new(own);
        assertEqual(condition.get_lockable(), own);
        assertThredoError(Thredo.Error.NOT_OWNER, () => condition.notify(1));
        assertThredoError(Thredo.Error.NOT_OWNER, () => own.release());
        assert(own.acquire(null), 'Not acquired');
        assertBlocks(() => condition.wait(null));
        assert(own.is_owned(), 'The lock is not had back');
        assert(condition.notify_all(), 'Not notified');
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_SUPPORTED,
            condition.wait_async(null));
        assertEqual(own.depth, 1);
        assert(own.release(), 'Not released');
    },

    'Barrier/alone'() {
        const barrier = new Thredo.Barrier({parties: 1, name: 'b'});
        for (let n = 0; n < 3; n++)
            assertEqual(last(barrier.wait(null)), 0);
        assertEqual(barrier.parties, 1);
        assertEqual(barrier.broken, false);
    },

    'Barrier/action'() {
        let nCalled = 0;
        const barrier = Thredo.Barrier.new_with_action(1, self => {
            assertEqual(self, barrier);
            nCalled++;
            return true;
        });
        barrier.wait(null);
        barrier.wait(null);
        assertEqual(nCalled, 2);
    },

    'Barrier/action-fails'() {
        const barrier = Thredo.Barrier.new_with_action(1, () => {
            throw new GLib.Error(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY, 'I am busy');
        });
        assertIoError(Gio.IOErrorEnum.BUSY, () => barrier.wait(null));
        assert(barrier.is_broken(), 'Not broken');
        assertThredoError(Thredo.Error.BROKEN, () => barrier.wait(null));
        barrier.reset();
        assert(!barrier.is_broken(), 'Still broken');
    },

    async 'Barrier/wait-async'() {
        const barrier = Thredo.Barrier.new(3);
        const promises = [0, 1].map(() => barrier.wait_async(null));
        assertEqual(barrier.get_n_waiting(), 2);
        assertEqual(last(barrier.wait(null)), 2);
        assertEqual((await Promise.all(promises)).map(last).join(), '0,1');
        assertEqual(barrier.n_waiting, 0);
    },

    async 'Barrier/wait-async/cancelled'() {
        const barrier = Thredo.Barrier.new(3);
        const cancellable = new Gio.Cancellable();
        const first = barrier.wait_async(cancellable);
        const second = barrier.wait_async(null);
        cancellable.cancel();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, first);
        await assertRejects(Thredo.error_quark(), Thredo.Error.BROKEN, second);
        await assertRejects(Thredo.error_quark(), Thredo.Error.BROKEN, barrier.wait_async(null));
        barrier.reset();
        const third = barrier.wait_async(null);
        barrier.abort();
        await assertRejects(Thredo.error_quark(), Thredo.Error.BROKEN, third);
    },

    'Monitor/snapshot'() {
        const monitor = Thredo.Monitor.new();
        const lock = new Thredo.Lock({name: 'held'});
        const self = Thredo.Thread.self();
        lock.acquire(null);
        const infos = monitor.snapshot();
        lock.release();
        const own = infos.find(info => info.get_thread() === self);
        assertEqual(own.get_id(), self.get_id());
        assertEqual(own.name, self.get_name());
        assertEqual(own.state, Thredo.ThreadState.RUNNING);
        assertEqual(own.waiting_for, null);
        assertEqual(own.get_waiting_for(), null);
        assertEqual(own.get_held().join(), "Lock 'held'");
        assertEqual(own.held.join(), "Lock 'held'");
        // What was handed out is ours, and goes but once.
        System.gc();
        assertEqual(monitor.find_deadlocks().length, 0);
        System.gc();
        assertEqual(own.get_thread(), self);
    },

    async 'Monitor/deadlock'() {
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.FAIL);
        const monitor = Thredo.Monitor.new();
        const lock = new Thredo.Lock({name: 'L'});
        const heard = new Promise(resolve => monitor.connect('deadlock',
            (source, deadlock) => resolve([source, deadlock])));
        lock.acquire(null);
        assertThredoError(Thredo.Error.DEADLOCK, () => lock.acquire(null));
        lock.release();
        const [source, deadlock] = await heard;
        assertEqual(source, monitor);
        assertEqual(deadlock.get_threads().length, 1);
        assertEqual(deadlock.get_threads()[0], Thredo.Thread.self());
        assertEqual(deadlock.get_objects()[0], lock);
        assert(deadlock.get_description().startsWith('Deadlock of 1 thread: '), deadlock.description);
        assertEqual(deadlock.description, deadlock.get_description());
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.REPORT);
    },
});

let nFailed = 0;

async function runAll() {
    const names = Object.keys(tests);
    let n = 0;

    print(`1..${names.length}`);
    for (const name of names) {
        n++;
        try {
            await tests[name]();
            print(`ok ${n} /gjs/${name}`);
        } catch (error) {
            nFailed++;
            print(`not ok ${n} /gjs/${name}`);
            print(`# ${error}\n${error.stack ?? ''}`.trim().replaceAll('\n', '\n# '));
        }
    }
}

const loop = new GLib.MainLoop(null, false);

GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, LIMIT_SECONDS, () => {
    print('Bail out! Hang: a promise was never settled');
    System.exit(1);
});
runAll().finally(() => loop.quit());
loop.run();
System.exit(nFailed > 0 ? 1 : 0);
