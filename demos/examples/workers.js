#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A pool of workers on a queue, who end when it is closed and the work is done.

import Thredo from 'gi://Thredo?version=1.0';

async function worker(jobs) {
    for await (const n of jobs) {
        const square = Thredo.Thread.spawn_command(['expr', n, '*', n]);
        print(`${n} squared is ${(await square.join_async()).trim()}`);
        jobs.task_done();
    }
}

const jobs = Thredo.Queue.new(0);
const workers = [1, 2, 3, 4].map(() => worker(jobs));
for (let n = 1; n <= 8; n++)
    jobs.try_put(n);
await jobs.join_async(); // until all are done
jobs.close();
await Promise.all(workers);
print('No job is left, and no worker');
