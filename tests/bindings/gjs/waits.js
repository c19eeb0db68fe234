// SPDX-License-Identifier: LGPL-2.1-or-later

// Everything else that can be waited for, and what ends a wait: signals, cancellables, time limits.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

import {
    AbortSignal, Broken, Cancelled, Deadlock, FOREVER, InvalidArgument, TimedOut, assert, assertEqual, assertRejects,
    assertThrows, run, settle,
} from './support.js';

const SIGUSR1 = 10;

const tests = {
    async 'sleep'() {
        const begun = GLib.get_monotonic_time();
        assertEqual(await Thredo.sleep_async(0.02), true);
        assert(GLib.get_monotonic_time() - begun >= 20000);
        Thredo.sleep(0.01);
        assert(GLib.get_monotonic_time() - begun >= 30000);
        await Thredo.sleep_async(0);
        await assertRejects(InvalidArgument, Thredo.sleep_async(-1));
        await assertRejects([TypeError, /number of seconds/], Thredo.sleep_async('1'));
        await assertRejects([TypeError, /number of seconds/], Thredo.sleep_async(NaN));
        assertThrows([TypeError, /number of seconds, not undefined/], () => Thredo.sleep());
    },

    async 'sleep/cancelled'() {
        for (const seconds of [FOREVER, Infinity]) {
            const cancellable = new Gio.Cancellable();
            const promise = Thredo.sleep_async(seconds, cancellable);
            cancellable.cancel();
            await assertRejects(Cancelled, promise);
        }
    },

    async 'event'() {
        const event = Thredo.Event.new();
        let isOver = false;
        const promise = event.wait_async().then(() => (isOver = true));
        await settle();
        assert(!isOver);
        event.set();
        await promise;
        event.wait();
        const cancellable = new Gio.Cancellable();
        event.clear();
        const cancelled = event.wait_async(cancellable);
        cancellable.cancel();
        await assertRejects(Cancelled, cancelled);
    },

    async 'semaphore'() {
        const semaphore = Thredo.Semaphore.new(1);
        await semaphore.acquire_async();
        const cancellable = new Gio.Cancellable();
        const cancelled = semaphore.acquire_async(cancellable);
        const next = semaphore.acquire_async();
        cancellable.cancel();
        await assertRejects(Cancelled, cancelled);
        semaphore.release();
        await next;
        assertEqual(semaphore.value, 0);
        const bounded = Thredo.BoundedSemaphore.new(1);
        await bounded.acquire_async();
        bounded.release();
    },

    // The lock belongs to the main thread, and still only one of its functions has it at a time.
    async 'lock'() {
        const lock = Thredo.Lock.new();
        let nInside = 0;
        const work = async () => {
            await lock.acquire_async();
            try {
                assertEqual(++nInside, 1);
                await Thredo.sleep_async(0.001);
                nInside--;
            } finally {
                lock.release();
            }
        };
        await Promise.all(Array.from({length: 10}, work));
        assert(!lock.locked);
    },

    // Nothing could release it meanwhile.
    async 'lock/twice'() {
        const lock = Thredo.Lock.new();
        await lock.acquire_async();
        assertThrows(Deadlock, () => lock.acquire());
        lock.release();
        lock.acquire();
        lock.release();
    },

    async 'rlock'() {
        const lock = Thredo.RLock.new();
        await lock.acquire_async();
        lock.acquire();
        lock.release();
        lock.release();
    },

    async 'condition'() {
        const lock = Thredo.Lock.new();
        const condition = Thredo.Condition.new(lock);
        let isReady = false;
        const waiter = (async () => {
            await lock.acquire_async();
            while (!isReady)
                await condition.wait_async();
            lock.release();
        })();
        await settle();
        await lock.acquire_async();
        isReady = true;
        condition.notify(1);
        lock.release();
        await waiter;
        lock.acquire();
        assertEqual(condition.wait_for(() => isReady), true);
        lock.release();
    },

    'condition/predicate-throws'() {
        const lock = Thredo.Lock.new();
        const condition = Thredo.Condition.new(lock);
        lock.acquire();
        assertThrows([RangeError, /mine/], () => condition.wait_for(() => {
            throw new RangeError('mine');
        }, Thredo.timeout(1)));
        assert(lock.locked);
        lock.release();
    },

    async 'barrier'() {
        const barrier = Thredo.Barrier.new(2);
        assertEqual((await Promise.all([barrier.wait_async(), barrier.wait_async()])).sort().join(), '0,1');
        const promise = barrier.wait_async();
        barrier.abort();
        await assertRejects(Broken, promise);
        assertEqual(Thredo.Barrier.new(1).wait(), 0);
    },

    async 'signal-event'() {
        const event = Thredo.SignalEvent.new([SIGUSR1]);
        const promise = event.wait_async();
        const process = Gio.Subprocess.new(['sh', '-c', 'kill -USR1 $PPID'], Gio.SubprocessFlags.NONE);
        assertEqual(await promise, SIGUSR1);
        process.wait(null);
    },

    async 'fd'() {
        const process = Gio.Subprocess.new(['cat'],
            Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE);
        const input = process.get_stdin_pipe();
        const {fd} = process.get_stdout_pipe();
        const promise = Thredo.wait_fd_async(fd, GLib.IOCondition.IN);
        assertEqual(await Thredo.wait_fd_async(input.fd, GLib.IOCondition.OUT), GLib.IOCondition.OUT);
        await settle();
        input.write_bytes(new GLib.Bytes([1]), null);
        assertEqual(await promise, GLib.IOCondition.IN);
        assertEqual(Thredo.wait_fd(fd, GLib.IOCondition.IN), GLib.IOCondition.IN);
        const cancellable = new Gio.Cancellable();
        const cancelled = Thredo.wait_fd_async(fd, GLib.IOCondition.PRI, cancellable);
        cancellable.cancel();
        await assertRejects(Cancelled, cancelled);
        input.close(null);
        process.wait(null);
    },

    async 'command'() {
        const command = new Thredo.Command({argv: ['cat'], grace: 0.25});
        assertEqual(command.grace, 0.25);
        command.set_grace(0.5);
        assertEqual(command.grace, 0.5);
        command.grace = 1;
        assertEqual(command.grace, 1);
        command.set_input(new GLib.Bytes(new TextEncoder().encode('fed')));
        command.run();
        assertEqual(new TextDecoder().decode(command.get_output().toArray()), 'fed');
    },

    'monitor'() {
        const monitor = new Thredo.Monitor({interval: 0.5});
        assertEqual(monitor.interval, 0.5);
        assertEqual(monitor.get_interval(), 0.5);
        monitor.set_interval(0.25);
        assertEqual(monitor.interval, 0.25);
        monitor.interval = 2;
        assertEqual(monitor.get_interval(), 2);
        assertEqual(monitor.loop_latency, monitor.get_loop_latency());
    },

    async 'abort-signal'() {
        const queue = Thredo.Queue.new(0);
        const signal = new AbortSignal();
        const promises = [queue.get_async(signal), Thredo.sleep_async(FOREVER, signal)];
        assertEqual(Thredo.cancellable_from(signal), Thredo.cancellable_from(signal));
        const reason = new Error('enough');
        signal.abort(reason);
        for (const promise of promises)
            assertEqual((await assertRejects(Cancelled, promise)).cause, reason);
        await assertRejects(Cancelled, queue.get_async(signal));
        assertThrows(Cancelled, () => queue.get(signal));
        assertThrows(Cancelled, () => Thredo.check_cancelled(signal));

        const aborted = new AbortSignal();
        aborted.abort();
        assertThrows(Cancelled, () => queue.get(aborted));
    },

    'cancellable-from'() {
        const cancellable = new Gio.Cancellable();
        assertEqual(Thredo.cancellable_from(cancellable), cancellable);
        assertEqual(Thredo.cancellable_from(null), null);
        assertEqual(Thredo.cancellable_from(undefined), null);
        for (const other of [{}, 'x', 1, () => {}])
            assertThrows([TypeError, /Gio.Cancellable or an AbortSignal/], () => Thredo.cancellable_from(other));
    },

    async 'timeout'() {
        const queue = Thredo.Queue.new(0);
        const limit = Thredo.timeout(0.02);
        const begun = GLib.get_monotonic_time();
        await assertRejects(TimedOut, queue.get_async(limit));
        assert(GLib.get_monotonic_time() - begun >= 20000);
        await assertRejects(TimedOut, queue.get_async(limit));
        queue.put(1);
        assertEqual(await queue.get_async(Thredo.timeout(FOREVER)), 1);
        await Thredo.timeout_after(Infinity, signal => Thredo.sleep_async(0, signal));
    },

    async 'timeout/stack'() {
        async function waitHere() {
            await Thredo.sleep_async(FOREVER, Thredo.timeout(0.01));
        }
        const error = await assertRejects(TimedOut, waitHere());
        assert(/Promise created here[^]*waitHere/.test(error.stack), error.stack);
    },

    // Where it is cancelled before that, it is that.
    async 'timeout/cancelled'() {
        const limit = Thredo.timeout(FOREVER);
        const promise = Thredo.sleep_async(FOREVER, limit);
        limit.cancel();
        await assertRejects(Cancelled, promise);
    },

    // No main loop runs meanwhile.
    'timeout/blocking'() {
        const queue = Thredo.Queue.new(0);
        assertThrows(TimedOut, () => queue.get(Thredo.timeout(0.02)));
        queue.put(1);
        assertEqual(queue.get(Thredo.timeout(FOREVER)), 1);
        assertThrows(TimedOut, () => Thredo.sleep(FOREVER, Thredo.timeout(0.001)));
    },

    async 'timeout-after'() {
        const queue = Thredo.Queue.new(0);
        await assertRejects(TimedOut, Thredo.timeout_after(0.01, signal => queue.get_async(signal)));
        queue.put('here');
        assertEqual(await Thredo.timeout_after(FOREVER, signal => queue.get_async(signal)), 'here');
        await assertRejects([RangeError, /mine/], Thredo.timeout_after(FOREVER, async () => {
            throw new RangeError('mine');
        }));
    },

    async 'timeout-after/outer'() {
        const outer = new AbortSignal();
        const promise = Thredo.timeout_after(FOREVER, signal => Thredo.sleep_async(FOREVER, signal), outer);
        await settle();
        outer.abort(new Error('enough'));
        assertEqual((await assertRejects(Cancelled, promise)).cause.message, 'enough');
        await assertRejects(Cancelled, Thredo.timeout_after(1, signal => Thredo.sleep_async(FOREVER, signal), outer));
        await assertRejects(TimedOut, Thredo.timeout_after(0.01, signal =>
            Thredo.timeout_after(FOREVER, inner => Thredo.sleep_async(FOREVER, inner), signal)));
    },

    async 'ignore-after'() {
        const sleep = signal => Thredo.sleep_async(FOREVER, signal);
        assertEqual(await Thredo.ignore_after(0.01, sleep), null);
        assertEqual(await Thredo.ignore_after(0.01, sleep, 'late'), 'late');
        assertEqual(await Thredo.ignore_after(0.01, signal => Thredo.sleep(FOREVER, signal), 'late'), 'late');
        assertEqual(await Thredo.ignore_after(FOREVER, async () => 'early', 'late'), 'early');
        // Only its own.
        await assertRejects(TimedOut, Thredo.timeout_after(0.01, signal =>
            Thredo.ignore_after(FOREVER, sleep, null, signal)));
        await assertRejects(TimedOut, Thredo.ignore_after(FOREVER, () => Thredo.timeout_after(0.01, sleep)));
    },

    async 'scope'() {
        const queue = Thredo.Queue.new(0);
        const scope = Thredo.Scope.new_with_timeout(0.01);
        assertThrows(TimedOut, () => scope.run(() => queue.get()));
        assert(scope.is_expired());
        assertEqual(Thredo.Scope.new().run(() => 7), 7);
        assertThrows([RangeError, /mine/], () => Thredo.Scope.new().run(() => {
            throw new RangeError('mine');
        }));
        // All have been left.
        Thredo.sleep(0);
        const late = queue.get_async();
        assertThrows([TypeError, /timeout_after/], () => Thredo.Scope.new().run(() => late));
        queue.put(1);
        await late;
    },

    'scope/deadline'() {
        const scope = Thredo.Scope.new();
        assertEqual(scope.deadline, Thredo.NO_DEADLINE);
        assertEqual(scope.get_deadline(), Thredo.NO_DEADLINE);
        for (const never of [Thredo.NO_DEADLINE, Infinity]) {
            scope.deadline = 1;
            assertEqual(scope.get_deadline(), 1);
            scope.deadline = never;
            scope.run(() => Thredo.sleep(0.001));
            scope.set_deadline(1);
            scope.set_deadline(never);
            assertEqual(scope.deadline, Thredo.NO_DEADLINE);
            assertEqual(new Thredo.Scope({deadline: never}).deadline, Thredo.NO_DEADLINE);
        }
        scope.deadline = 1;
        assertThrows(TimedOut, () => scope.run(() => Thredo.sleep(FOREVER)));
        assertThrows([TypeError, /number of microseconds/], () => scope.set_deadline('1'));
    },
};

run('waits', tests);
