#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// The parent and the kid: an event, a signal (Ctrl+C), some friends, and a deadline.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

const [SIGINT, SIGTERM] = [2, 15];

const asked = Thredo.Semaphore.new(0);
const mayPlay = Thredo.Event.new();
const allHere = Thredo.Event.new();

function isTimeout(error) {
    return error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
}

/* Whether it was done before the time was up. */
async function within(seconds, func) {
    try {
        await Thredo.timeout_after(seconds, func);
        return true;
    } catch (error) {
        if (!isTimeout(error))
            throw error;
        return false;
    }
}

async function friend(name, cancellable) {
    print(`${name}: comes to play`);
    try {
        await Thredo.sleep_async(3600, cancellable);
    } catch {
        print(`${name}: goes home`);
    }
}

async function ask() {
    for (let i = 0; i < 2; i++) {
        print('kid: may I play?');
        asked.release();
        if (await within(0.1, cancellable => mayPlay.wait_async(cancellable)))
            return;
        print('kid: why not?');
    }
    print('kid: pretty please!');
    asked.release();
    await mayPlay.wait_async();
}

async function kid(cancellable) {
    await ask();
    print('kid: builds a castle');
    const goHome = new Gio.Cancellable();
    const friends = ['Ada', 'Grace', 'Linus'].map(name => friend(name, goHome));
    allHere.set();
    try {
        await Thredo.sleep_async(3600, cancellable);
    } catch {
        print('kid: saves the castle');
    }
    goHome.cancel();
    await Promise.all(friends);
}

async function countDown() {
    for (let n = 3; n > 0; n--) {
        print(`countdown: ${n}`);
        await Thredo.sleep_async(0.05);
    }
}

const call = Thredo.SignalEvent.new([SIGINT, SIGTERM]);
const cancelKid = new Gio.Cancellable();
const kidEnds = Thredo.Event.new();
kid(cancelKid).then(() => kidEnds.set());
for (let i = 0; i < 3; i++)
    await asked.acquire_async();
print('parent: go and play');
mayPlay.set();

await allHere.wait_async();
print('parent: waits for a call (Ctrl+C)');
const patience = Number(ARGV[0] ?? 1);
if (await within(patience, cancellable => call.wait_async(cancellable)))
    print('parent: somebody calls');
else
    print('parent: it is late');
await countDown();

print('parent: we are leaving');
if (!await within(0.1, cancellable => kidEnds.wait_async(cancellable))) {
    print('parent: now!');
    cancelKid.cancel();
    await kidEnds.wait_async();
}
print('parent: everybody is gone');
