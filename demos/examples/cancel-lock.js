#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Two that take turns: one that waits for its turn is cancelled, then one that has it.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

// A lock belongs to a thread, and all of JavaScript is one. A semaphore belongs to nobody.

async function hold(lock, held, goOn, cancellable) {
    await lock.acquire_async(cancellable);
    try {
        print('holder: has the lock');
        held.set();
        await goOn.wait_async(cancellable);
        print('holder: is done, and gives it back');
    } catch {
        print('holder: is cancelled, and gives it back');
    } finally {
        lock.release();
    }
}

async function want(lock, wanted, cancellable) {
    print('waiter: wants the lock');
    wanted.set();
    try {
        await lock.acquire_async(cancellable);
    } catch {
        print('waiter: is cancelled, without it');
        return;
    }
    print('waiter: has the lock');
    lock.release();
}

async function play(cancelsTheHolder) {
    const lock = Thredo.Semaphore.new(1);
    const [held, wanted, goOn] = [Thredo.Event.new(), Thredo.Event.new(), Thredo.Event.new()];
    const [holderEnd, waiterEnd] = [new Gio.Cancellable(), new Gio.Cancellable()];
    const holder = hold(lock, held, goOn, holderEnd);
    await held.wait_async();
    const waiter = want(lock, wanted, waiterEnd);
    await wanted.wait_async();

    if (cancelsTheHolder) {
        holderEnd.cancel();
    } else {
        waiterEnd.cancel();
        await waiter;
        goOn.set();
    }
    await Promise.all([holder, waiter]);
}

print('== the waiter is cancelled');
await play(false);
print('== the holder is cancelled');
await play(true);
