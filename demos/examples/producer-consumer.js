#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A producer and a consumer over a queue of one, which neither can get ahead of by more.

import Thredo from 'gi://Thredo?version=1.0';

async function produce(queue) {
    for (let n = 1; n <= 5; n++) {
        await queue.put_async(n);
        print(`put ${n}`);
    }
    queue.close();
}

async function consume(queue) {
    for await (const item of queue) // until it is closed
        print(`got ${item}`);
}

const queue = Thredo.Queue.new(1);
await Promise.all([produce(queue), consume(queue)]);
print('The queue is closed, and empty');
