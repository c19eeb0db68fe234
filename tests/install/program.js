// SPDX-License-Identifier: LGPL-2.1-or-later

// The installed overrides, used as a user's first program does.

import Thredo from 'gi://Thredo?version=1.0';

const queue = Thredo.Queue.new(1);
const promise = queue.get_async();

queue.put({answer: [42]});
const {answer} = await promise;
if (answer[0] !== 42)
    throw new Error(`The answer is ${answer}`);
print(await Thredo.Thread.spawn_command(['echo', '-n', `${answer}`]).join_async());
