#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// The result of a program: whoever joins a thread is given what it has written.

import Thredo from 'gi://Thredo?version=1.0';

const FIBONACCI = 'a=0 b=1; for i in $(seq "$1"); do b=$((a + b)) a=$((b - a)); done; echo "$a"';

const numbers = [10, 30, 90];
const threads = numbers.map(n => Thredo.Thread.spawn_command(['sh', '-c', FIBONACCI, 'sh', n]));

for (const [i, thread] of threads.entries())
    print(`fibonacci (${numbers[i]}) = ${(await thread.join_async()).trim()}`);
