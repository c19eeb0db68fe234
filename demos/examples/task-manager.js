#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A task manager that starts more and more work, until Ctrl+C ends all of it.

import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

const SIGINT = 2;

async function task(n, cancellable) {
    print(`task ${n} works`);
    try {
        await Thredo.sleep_async(3600, cancellable);
    } catch {
        print(`task ${n} is cancelled`);
    }
}

// With an argument, it starts as many tasks, or with 0 goes on until Ctrl+C.
const limit = Number(ARGV[0] ?? 5);
const call = Thredo.SignalEvent.new([SIGINT]);
const end = new Gio.Cancellable();
const tasks = [];
let isCalled = false;

while (!isCalled && (limit === 0 || tasks.length < limit)) {
    tasks.push(task(tasks.length + 1, end));
    isCalled = await Thredo.ignore_after(0.1, cancellable => call.wait_async(cancellable), 0) !== 0;
}
end.cancel();
await Promise.all(tasks);
print(isCalled ? `Ctrl+C ends ${tasks.length} tasks` : `${tasks.length} tasks are enough`);
