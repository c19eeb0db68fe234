// SPDX-License-Identifier: LGPL-2.1-or-later

// What the tests of the overrides share: assertions, and a run that fails where it hangs.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';
import System from 'system';

const LIMIT_SECONDS = 60;

export const FOREVER = 24 * 3600;
export const NATIVE = GLib.getenv('THREDO_TEST_NATIVE');

export const Cancelled = [Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED];
export const TimedOut = [Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT];
export const Closed = [Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED];
export const NotFound = [Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND];
export const WouldBlock = [Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK];
export const InvalidArgument = [Gio.io_error_quark(), Gio.IOErrorEnum.INVALID_ARGUMENT];
export const ThreadCancelled = [Thredo.error_quark(), Thredo.Error.THREAD_CANCELLED];
export const WrongState = [Thredo.error_quark(), Thredo.Error.STATE];
export const Deadlock = [Thredo.error_quark(), Thredo.Error.DEADLOCK];
export const Broken = [Thredo.error_quark(), Thredo.Error.BROKEN];

export function assert(condition, message) {
    if (!condition)
        throw new Error(message ?? 'It is not so');
}

export function assertEqual(actual, expected) {
    assert(Object.is(actual, expected), `${actual} is not ${expected}`);
}

function isSame(a, b) {
    if (Object.is(a, b))
        return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
        return false;
    const keys = Object.keys(a);
    const otherKeys = Object.keys(b);
    return Object.getPrototypeOf(a) === Object.getPrototypeOf(b) && keys.length === otherKeys.length &&
        keys.every((key, i) => key === otherKeys[i] && isSame(a[key], b[key]));
}

// To the order of keys, the sign of a zero and the type of a number.
export function assertSame(actual, expected) {
    assert(isSame(actual, expected), `${String(actual)} is not the same as ${String(expected)}`);
}

// What is expected is a domain and a code, or a class and what its message says.
function check(error, [expected, more]) {
    assert(error !== null, 'Nothing was thrown');
    if (typeof expected === 'function') {
        assert(error instanceof expected, `This is no ${expected.name}: ${error}`);
        assert(more.test(error.message), `It says: ${error.message}`);
        return;
    }
    if (!(error instanceof GLib.Error))
        throw error;
    assert(error.matches(expected, more), `${error.domain} ${error.code}: ${error.message}`);
}

export function assertThrows(expected, func) {
    let error = null;
    try {
        func();
    } catch (e) {
        error = e;
    }
    check(error, expected);
    return error;
}

export async function assertRejects(expected, promise) {
    let error = null;
    try {
        await promise;
    } catch (e) {
        error = e;
    }
    check(error, expected);
    return error;
}

// Lets everything happen that can happen now.
export async function settle() {
    const context = GLib.MainContext.default();
    for (let i = 0; i < 10; i++)
        await null;
    while (context.iteration(false))
        await null;
}

// What browsers have and GJS has not, as small as it can be.
export class AbortSignal {
    aborted = false;
    reason = undefined;
    #listeners = [];

    addEventListener(name, listener) {
        if (name === 'abort')
            this.#listeners.push(listener);
    }

    abort(reason) {
        if (this.aborted)
            return;
        this.aborted = true;
        this.reason = reason;
        for (const listener of this.#listeners)
            listener();
    }
}

export function run(suite, tests) {
    const loop = new GLib.MainLoop(null, false);
    let nFailed = 0;

    async function runAll() {
        const names = Object.keys(tests);
        let n = 0;

        print(`1..${names.length}`);
        for (const name of names) {
            n++;
            try {
                await tests[name]();
                print(`ok ${n} /overrides/${suite}/${name}`);
            } catch (error) {
                nFailed++;
                print(`not ok ${n} /overrides/${suite}/${name}`);
                print(`# ${error}\n${error.stack ?? ''}`.trim().replaceAll('\n', '\n# '));
            }
            System.gc();
        }
    }

    GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, LIMIT_SECONDS, () => {
        print('Bail out! Hang: a promise was never settled');
        System.exit(1);
        return GLib.SOURCE_REMOVE;
    });
    runAll().finally(() => loop.quit());
    loop.run();
    System.exit(nFailed > 0 ? 1 : 0);
}
