#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// The failure of a program: it reaches whoever joins the thread, and nobody else.

import Thredo from 'gi://Thredo?version=1.0';

const PARSE = `case "$1" in
*[!0-9]*) echo "'$1' is no number" >&2; exit 1 ;;
*) echo "$1" ;;
esac`;

async function askFor(text) {
    const thread = Thredo.Thread.spawn_command(['sh', '-c', PARSE, 'sh', text]);
    try {
        print('It was', (await thread.join_async()).trim());
    } catch (error) {
        print('It failed:', error.message.replace(/.* exited with status 1: /, ''));
    }
}

await askFor('7');
await askFor('seven');
await askFor('8');
