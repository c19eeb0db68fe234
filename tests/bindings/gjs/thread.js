// SPDX-License-Identifier: LGPL-2.1-or-later

// Threads without JavaScript inside, groups of them, and what is said to those who want it inside.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

import {
    AbortSignal, Cancelled, NATIVE, NotFound, ThreadCancelled, WrongState, assert, assertEqual, assertRejects, assertSame,
    assertThrows, run, settle,
} from './support.js';

const SLEEP = ['sleep', '86400'];
const MainThreadAlone = [Error, /GJS runs JavaScript on its main thread alone/];
const ExitedWith3 = [GLib.quark_from_string('g-spawn-exit-error-quark'), 3];

const tests = {
    async 'command'() {
        const thread = Thredo.Thread.spawn_command(['echo', 'grün']);
        assertEqual(await thread.join_async(), 'grün\n');
        assertEqual(thread.result, 'grün\n');
        assertEqual(thread.get_result(), 'grün\n');
        assertEqual(thread.join(), 'grün\n');
        assertEqual(thread.name, 'echo');
    },

    async 'command/bytes'() {
        const thread = Thredo.Thread.spawn_command(['printf', 'a\\377']);
        const bytes = await thread.join_async();
        assert(bytes instanceof GLib.Bytes);
        assertEqual(bytes.toArray().join(), '97,255');
    },

    async 'command/fails'() {
        const thread = Thredo.Thread.spawn_command(['sh', '-c', 'echo no luck >&2; exit 3']);
        const error = await assertRejects(ExitedWith3, thread.join_async());
        assertEqual(error.message, "Command 'sh' exited with status 3: no luck");
        assertEqual(thread.result, null);
        assertEqual(await thread.wait_async(), true);
    },

    async 'command/cancelled'() {
        const thread = Thredo.Thread.spawn_command(SLEEP);
        const promise = thread.join_async();
        thread.cancel();
        await assertRejects(ThreadCancelled, promise);
    },

    'command/arguments'() {
        for (const argv of [[], 'ls', null, undefined])
            assertThrows([TypeError, /^A command is an array/], () => Thredo.Thread.spawn_command(argv));
        assertThrows([TypeError, /null character/], () => Thredo.Thread.spawn_command(['echo', 'a\0b']));
    },

    async 'native'() {
        for (const argument of ['grün', '', null]) {
            const thread = Thredo.Thread.spawn_native(NATIVE, 'native_echo', argument);
            assertEqual(await thread.join_async(), argument);
        }
        const thread = Thredo.Thread.spawn_native(NATIVE, 'native_echo');
        assertEqual(await thread.join_async(), null);
    },

    async 'native/fails'() {
        const thread = Thredo.Thread.spawn_native(NATIVE, 'native_fail', 'as ordered');
        const error = await assertRejects([GLib.file_error_quark(), GLib.FileError.NOENT], thread.join_async());
        assertEqual(error.message, 'as ordered');
    },

    'native/not-found'() {
        assertThrows(NotFound, () => Thredo.Thread.spawn_native('/nowhere/libnothing.so', 'work'));
        assertThrows(NotFound, () => Thredo.Thread.spawn_native(NATIVE, 'native_nothing'));
    },

    // A cancel of the wait leaves the thread alone.
    async 'join/cancelled'() {
        const thread = Thredo.Thread.spawn_native(NATIVE, 'native_sleep');
        const signal = new AbortSignal();
        const promises = [thread.join_async(signal), thread.wait_async(signal)];
        signal.abort(new Error('not now'));
        for (const promise of promises) {
            const error = await assertRejects(Cancelled, promise);
            assertEqual(error.cause.message, 'not now');
        }
        assert(thread.is_alive());
        thread.cancel();
        assertEqual(await thread.wait_async(), true);
        assertEqual(thread.get_state(), Thredo.ThreadState.CANCELLED);
    },

    async 'join/stack'() {
        const thread = Thredo.Thread.spawn_command(['false']);
        try {
            await thread.join_async();
        } catch (error) {
            assert(error.stack.includes('Promise created here'));
            assert(error.stack.includes('thread.js'));
        }
    },

    async 'group'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        const threads = ['one', 'two'].map(word => group.spawn_command(['echo', word]));
        assertEqual(await group.join_async(), true);
        assertEqual(threads.map(thread => thread.result.trim()).join(), 'one,two');
        assertThrows(WrongState, () => group.spawn_command(['true']));
    },

    async 'group/native'() {
        const group = Thredo.Group.new(Thredo.GroupWait.RESULT);
        group.spawn_native(NATIVE, 'native_sleep');
        const first = group.spawn_native(NATIVE, 'native_echo', 'first');
        await group.join_async();
        assertEqual(group.get_completed(), first);
        assertEqual(first.result, 'first');
    },

    async 'group/max-running'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        group.set_max_running(1);
        const first = group.spawn_command(SLEEP);
        const others = [group.spawn_command(['echo', 'two']), group.spawn_native(NATIVE, 'native_echo', 'three')];
        assertEqual(others.map(thread => thread.get_state()).join(),
            [Thredo.ThreadState.NEW, Thredo.ThreadState.NEW].join());
        assertThrows([TypeError, /^A command is an array/], () => group.spawn_command([]));
        first.cancel();
        assertEqual(await group.join_async(), true);
        assertEqual(others.map(thread => thread.result.trim()).join(), 'two,three');
    },

    async 'group/fails'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        const sleeper = group.spawn_command(SLEEP);
        group.spawn_command(['sh', '-c', 'exit 3']);
        await assertRejects(ExitedWith3, group.join_async());
        assertEqual(sleeper.get_state(), Thredo.ThreadState.CANCELLED);
    },

    async 'group/cancelled'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        const cancellable = new Gio.Cancellable();
        const sleeper = group.spawn_command(SLEEP);
        const promise = group.join_async(cancellable);
        await settle();
        cancellable.cancel();
        await assertRejects(Cancelled, promise);
        assert(!sleeper.is_alive());
    },

    // In the order in which they end, which is told to each by the one before.
    async 'group/for-await'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        const scripts = ['one', 'two', 'three'].map(word => `read line; echo ${word}`);
        const order = [];
        const threads = scripts.map(script => group.spawn_native(NATIVE, 'native_sleep', script));
        const end = [2, 0, 1];
        threads[end[0]].cancel();
        for await (const thread of group) {
            order.push(threads.indexOf(thread));
            if (order.length < end.length)
                threads[end[order.length]].cancel();
        }
        assertEqual(order.join(), end.join());
        await group.join_async();
    },

    async 'group/in-order/cancelled'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        const signal = new AbortSignal();
        group.spawn_native(NATIVE, 'native_sleep');
        const promise = group.in_order(signal).next();
        signal.abort();
        await assertRejects(Cancelled, promise);
        group.cancel();
        await group.join_async();
    },

    async 'group/next-result'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        group.spawn_native(NATIVE, 'native_echo', 'one');
        assertEqual(await group.next_result_async(), 'one');
        group.spawn_native(NATIVE, 'native_echo');
        assertEqual(await group.next_result_async(), null);
        await assertRejects(WrongState, group.next_result_async());
        group.spawn_native(NATIVE, 'native_echo', 'two');
        assertEqual(group.next_result(), 'two');
        assertEqual(await group.next_done_async(), null);
        await group.join_async();
    },

    // Nothing of this may run, hang, or be a critical.
    async 'refused'() {
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        const never = () => {
            throw new Error('It was called');
        };
        for (const refused of [
            () => Thredo.Thread.new('x', never),
            () => Thredo.Thread.spawn('x', never),
            () => group.spawn('x', never),
            () => Thredo.run(Thredo.RunFlags.DEFAULT, never),
            () => Thredo.await(never, null),
            () => Thredo.SocketService.new(never),
            () => new Thredo.SocketService(),
            () => Thredo.Barrier.new_with_action(2, never),
            () => Thredo.Queue.new_priority(0, never),
            () => Thredo.get_main_context(),
        ])
            assertThrows(MainThreadAlone, refused);
        const error = assertThrows(MainThreadAlone, () => Thredo.Thread.spawn('x', never));
        assert(/spawn_command.*spawn_native.*_async/.test(error.message), error.message);
        await group.join_async();
    },

    async 'refused/subclass'() {
        const Worker = GObject.registerClass(class Worker extends Thredo.Thread {
            vfunc_run() {
                throw new Error('It was called');
            }
        });
        const Lazy = GObject.registerClass(class Lazy extends Worker {});
        const group = Thredo.Group.new(Thredo.GroupWait.ALL);
        for (const thread of [new Worker(), new Lazy()]) {
            assertThrows(MainThreadAlone, () => thread.start());
            assertThrows(MainThreadAlone, () => group.add(thread));
        }
        await group.join_async();
    },

    async 'many'() {
        for (let i = 0; i < 20; i++) {
            const group = Thredo.Group.new(Thredo.GroupWait.ALL);
            for (let n = 0; n < 50; n++)
                group.spawn_native(NATIVE, 'native_echo', `${n}`);
            const results = [];
            for await (const thread of group)
                results.push(Number(thread.result));
            assertSame(results.sort((a, b) => a - b), Array.from({length: 50}, (_, n) => n));
            await group.join_async();
        }
    },
};

run('thread', tests);
