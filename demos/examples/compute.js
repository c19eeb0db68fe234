#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Two programs that compute, and a third that would for ever, until its thread is cancelled.

import Thredo from 'gi://Thredo?version=1.0';

const COUNT_PRIMES = `BEGIN {
    for (n = first; n < end; n++) {
        for (i = 2; i * i <= n && n % i; i++)
            ;
        count += n > 1 && i * i > n;
    }
    print count;
}`;

const ranges = [[0, 20000], [20000, 40000]];
const endless = Thredo.Thread.spawn_command(['sh', '-c', 'while :; do :; done']);
const threads = ranges.map(([first, end]) => Thredo.Thread.spawn_command(
    ['awk', '-v', `first=${first}`, '-v', `end=${end}`, COUNT_PRIMES]));

for (const [i, thread] of threads.entries()) {
    const [first, end] = ranges[i];
    print(`${(await thread.join_async()).trim()} primes from ${first} to ${end}`);
}

endless.cancel();
await endless.wait_async();
if (endless.state === Thredo.ThreadState.CANCELLED)
    print('The endless one is cancelled');
