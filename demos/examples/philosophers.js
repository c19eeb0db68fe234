#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Five philosophers lock each other out, until a timeout: one leaves, and the others eat.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

const NAMES = ['Aristotle', 'Hypatia', 'Confucius', 'Avicenna', 'Kant'];

const forks = NAMES.map(() => Thredo.Semaphore.new(1));
const allHaveOne = Thredo.Barrier.new(NAMES.length);

async function dine(seat, cancellable) {
    const [left, right] = [forks[seat], forks[(seat + 1) % NAMES.length]];

    await left.acquire_async(cancellable);
    try {
        await allHaveOne.wait_async(cancellable);
        await right.acquire_async(cancellable);
        print(NAMES[seat], 'eats');
        right.release();
    } catch {
        print(NAMES[seat], 'leaves');
    } finally {
        left.release();
    }
}

const cancellables = NAMES.map(() => new Gio.Cancellable());
const philosophers = Promise.all(NAMES.map((name, seat) => dine(seat, cancellables[seat])));
const isTimeout = await Promise.race([philosophers.then(() => false), Thredo.sleep_async(0.3)]);
if (isTimeout) {
    print('Time is up, and nobody has eaten');
    cancellables[0].cancel();
}
await philosophers;
