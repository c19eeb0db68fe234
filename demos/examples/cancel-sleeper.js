#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A sleeper is cancelled, wakes at once, and has time to clean up.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

async function sleeper(asleep, cancellable) {
    try {
        print('sleeper: good night, for an hour');
        asleep.set();
        await Thredo.sleep_async(3600, cancellable);
        print('sleeper: good morning');
    } catch (error) {
        print('sleeper: cancelled, makes the bed');
        await Thredo.sleep_async(0.01); // what is not given the cancellable is not cancelled
        print('sleeper: the bed is made');
        throw error;
    }
}

const asleep = Thredo.Event.new();
const cancellable = new Gio.Cancellable();
const end = sleeper(asleep, cancellable);
await asleep.wait_async();
print('main: get up');
cancellable.cancel();
try {
    await end;
} catch (error) {
    if (error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
        print('main: the sleeper was cancelled');
}
