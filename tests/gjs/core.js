// SPDX-License-Identifier: LGPL-2.1-or-later

// The core from JavaScript, by plain introspection. JavaScript runs on its main
// thread only, so no function of its own is spawned here: waits are the async
// forms, as promises.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';
import System from 'system';

const LIMIT_SECONDS = 60;
const FOREVER = 24 * 3600 * 1000000;

Gio._promisify(Thredo.Queue.prototype, 'put_async', 'put_finish');
Gio._promisify(Thredo.Queue.prototype, 'get_async', 'get_finish');
Gio._promisify(Thredo.Queue.prototype, 'join_async', 'join_finish');
Gio._promisify(Thredo.Group.prototype, 'join_async', 'join_finish');
Gio._promisify(Thredo.Group.prototype, 'next_done_async', 'next_done_finish');
Gio._promisify(Thredo.Thread.prototype, 'join_async', 'join_finish');

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

const tests = {
    'queue/items'() {
        const queue = Thredo.Queue.new(0);
        for (const item of [1, 'text', true, 1.5])
            queue.put(item, null);
        assertEqual(queue.get_length(), 4);
        for (const item of [1, 'text', true, 1.5])
            assertEqual(last(queue.get(null)), item);
        assert(queue.is_empty(), 'The queue is not empty');
    },

    'queue/object'() {
        const queue = Thredo.Queue.new(0);
        const item = new Gio.Cancellable();
        queue.put(item, null);
        assertEqual(last(queue.get(null)), item);
    },

    'queue/orders'() {
        const lifo = new Thredo.Queue({order: Thredo.QueueOrder.LIFO});
        const smallestFirst = Thredo.Queue.new_priority(0, null);
        for (const n of [2, 3, 1]) {
            lifo.put(n, null);
            smallestFirst.put(n, null);
        }
        for (const n of [1, 3, 2])
            assertEqual(last(lifo.get(null)), n);
        for (const n of [1, 2, 3])
            assertEqual(last(smallestFirst.get(null)), n);
    },

    'queue/try'() {
        const queue = Thredo.Queue.new(1);
        assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK, () => queue.try_get());
        assert(queue.try_put(1), 'Not put');
        assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK, () => queue.try_put(2));
        assertEqual(last(queue.try_get()), 1);
    },

    'queue/close'() {
        const queue = Thredo.Queue.new(0);
        queue.put(1, null);
        queue.close();
        assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED, () => queue.put(2, null));
        assertEqual(last(queue.get(null)), 1);
        assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED, () => queue.get(null));
    },

    'queue/task-done'() {
        const queue = Thredo.Queue.new(0);
        assertThrows(Thredo.error_quark(), Thredo.Error.STATE, () => queue.task_done());
    },

    async 'queue/get-async'() {
        const queue = Thredo.Queue.new(0);
        const promise = queue.get_async(null);
        queue.put('late', null);
        assertEqual(last(await promise), 'late');
    },

    async 'queue/get-async/ready'() {
        const queue = Thredo.Queue.new(0);
        queue.put('early', null);
        assertEqual(last(await queue.get_async(null)), 'early');
    },

    async 'queue/get-async/in-order'() {
        const queue = Thredo.Queue.new(0);
        const promises = [0, 1, 2, 3].map(() => queue.get_async(null));
        for (let n = 0; n < 4; n++)
            queue.put(n, null);
        assertEqual((await Promise.all(promises)).map(last).join(), '0,1,2,3');
    },

    async 'queue/get-async/cancelled'() {
        const queue = Thredo.Queue.new(0);
        const cancellable = new Gio.Cancellable();
        const promise = queue.get_async(cancellable);
        cancellable.cancel();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, promise);
        queue.put(1, null);
        assertEqual(last(queue.get(null)), 1);
    },

    async 'queue/get-async/closed'() {
        const queue = Thredo.Queue.new(0);
        const promise = queue.get_async(null);
        queue.close();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED, promise);
    },

    async 'queue/put-async'() {
        const queue = Thredo.Queue.new(1);
        queue.put(1, null);
        const promise = queue.put_async(2, null);
        assertEqual(last(queue.get(null)), 1);
        await promise;
        assertEqual(last(queue.get(null)), 2);
    },

    async 'queue/join-async'() {
        const queue = Thredo.Queue.new(0);
        queue.put(1, null);
        const promise = queue.join_async(null);
        queue.get(null);
        queue.task_done();
        await promise;
    },

    async 'group/join-async'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        await group.join_async(null);
        assertThrows(Thredo.error_quark(), Thredo.Error.STATE, () => group.join(null));
    },

    'group/join'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ANY);
        assertEqual(group.get_policy(), Thredo.GroupWait.ANY);
        assertEqual(group.get_threads().length, 0);
        assertEqual(group.next_done(null), null);
        assert(group.join(null), 'Not joined');
        assertEqual(group.get_completed(), null);
    },

    async 'group/next-done-async'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        assertEqual(await group.next_done_async(null), null);
        await group.join_async(null);
    },

    'scope/timeout'() {
        const scope = Thredo.Scope.new_with_timeout(1000);
        scope.enter();
        try {
            assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT, () => Thredo.sleep(FOREVER, null));
        } finally {
            scope.leave();
        }
        assert(scope.is_expired(), 'The scope is not expired');
        Thredo.sleep(0, null);
    },

    'scope/cancel'() {
        const scope = Thredo.Scope.new();
        scope.enter();
        try {
            assertEqual(Thredo.get_cancellable(), scope.get_cancellable());
            assertEqual(Gio.Cancellable.get_current(), scope.get_cancellable());
            scope.cancel();
            assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, () => Thredo.sleep(0, null));
            assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, () => Thredo.check_cancelled(null));
        } finally {
            scope.leave();
        }
        Thredo.sleep(0, null);
    },

    'scope/shield'() {
        const outer = Thredo.Scope.new();
        const shield = new Thredo.Scope({shielded: true});
        outer.enter();
        outer.cancel();
        shield.enter();
        try {
            Thredo.sleep(0, null);
        } finally {
            shield.leave();
            outer.leave();
        }
    },

    'thread/self'() {
        const self = Thredo.Thread.self();
        assertEqual(Thredo.Thread.self(), self);
        assert(Thredo.Thread.list_all().includes(self), 'Not listed');
        assertEqual(self.get_state(), Thredo.ThreadState.RUNNING);
        assertThrows(Thredo.error_quark(), Thredo.Error.STATE, () => self.join(null));
    },

    'sleep/negative'() {
        assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.INVALID_ARGUMENT, () => Thredo.sleep(-1, null));
    },

    'cancellable/explicit'() {
        const cancellable = new Gio.Cancellable();
        cancellable.cancel();
        assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, () => Thredo.sleep(0, cancellable));
    },
};

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
