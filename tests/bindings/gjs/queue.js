// SPDX-License-Identifier: LGPL-2.1-or-later

// Queues: what an item can be, and every way to wait for one.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';
import System from 'system';

import {
    AbortSignal, Cancelled, Closed, WouldBlock, assert, assertEqual, assertRejects, assertSame, assertThrows, run, settle,
} from './support.js';

const bare = Object.assign(Object.create(null), {a: 1});

const items = {
    'null': null,
    'undefined': undefined,
    'true': true,
    'false': false,
    'zero': 0,
    'minus-zero': -0,
    'integer': -2147483648,
    'large-integer': 2 ** 53,
    'fraction': 0.1,
    'not-a-number': NaN,
    'infinity': -Infinity,
    'bigint': 10n,
    'large-bigint': -(2n ** 100n),
    'text': 'grün 🌳',
    'empty-text': '',
    'text-with-zero': 'a\0b',
    'half-a-character': 'a\ud800b',
    'array': [1, 'two', [3, [null]], undefined, -0],
    'empty-array': [],
    'object': {z: 1, a: {deep: [true, {er: null}]}, 'key with "quotes"': 2.5},
    'empty-object': {},
    'odd-keys': {'a\0b': 1, '\udfff': 2, '': 3},
    'proto-key': JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'),
    'bytes': new Uint8Array([0, 255, 7]),
    'no-bytes': new Uint8Array(0),
    'numbers': [2 ** 31, -(2 ** 31) - 1, 1e21, 1e-7, 5e-324, -1e-310, 2 ** -1022, Number.MAX_VALUE, 123456789012, -Infinity, NaN],
    'escapes': ['"', "'", '\\', '\n\r\t\b\f\v\u001f\u007f\u2028', '<>@%{}()[]', '\u{1f333}'],
    'inside': {big: 2n ** 70n, bytes: new Uint8Array([1]), text: '\0', nothing: undefined},
};

const tests = {};

for (const [name, item] of Object.entries(items)) {
    tests[`item/${name}`] = async () => {
        const queue = Thredo.Queue.new(0);

        queue.put(item);
        assertSame(queue.get(), item);
        await queue.put_async(item);
        assertSame(await queue.get_async(), item);
        assert(queue.try_put(item));
        assertSame(queue.try_get(), item);
        queue.put([item]);
        assertSame(queue.get(), [item]);
        queue.put({item});
        assertSame(queue.get(), {item});
    };
}

Object.assign(tests, {
    'item/bare-object'() {
        const queue = Thredo.Queue.new(0);
        queue.put(bare);
        assertSame(queue.get(), {a: 1});
    },

    'item/object-of-gobject'() {
        const queue = Thredo.Queue.new(0);
        const object = new Gio.Cancellable();
        queue.put(object);
        assertEqual(queue.get(), object);
    },

    'item/boxed'() {
        const queue = Thredo.Queue.new(0);
        queue.put(new GLib.Bytes([1, 2]));
        assertEqual(queue.get().get_size(), 2);
    },

    // A variant that is the item stays one, whatever its type.
    'item/variant'() {
        const queue = Thredo.Queue.new(0);
        for (const text of ["{'a': <1>}", "<'a'>", "<<{'a': <1>}>>", '()', "(<'x'>,)", "('x',)", 'int64 7']) {
            const variant = GLib.Variant.parse(null, text, null, null);
            queue.put(variant);
            const got = queue.get();
            assert(got instanceof GLib.Variant, `${text} is a ${typeof got}`);
            assert(got.equal(variant), text);
            queue.put([variant]);
            assert(queue.get()[0].equal(variant), text);
        }
    },

    async 'item/levels'() {
        const queue = Thredo.Queue.new(0);
        let item = 'bottom';
        for (let n = 1; n < 60; n++)
            item = n % 2 ? [item] : {item};
        queue.put(item);
        assertSame(queue.get(), item);
        for (let n = 0; n < 100; n++)
            item = [item];
        assertThrows([RangeError, /more than 60 levels/], () => queue.put(item));
        await assertRejects([RangeError, /more than 60 levels/], queue.put_async(item));
    },

    'item/many-bytes'() {
        const queue = Thredo.Queue.new(0);
        const bytes = Uint8Array.from({length: 100000}, (_, n) => n % 256);
        queue.put(bytes);
        assertSame(queue.get(), bytes);
    },

    // It is a copy, as what JSON makes is.
    'item/is-a-copy'() {
        const queue = Thredo.Queue.new(0);
        const item = {list: [1]};
        queue.put(item);
        item.list.push(2);
        assertSame(queue.get(), {list: [1]});
    },

    async 'item/refused'() {
        const queue = Thredo.Queue.new(0);
        const circle = [];
        circle.push({circle});
        for (const item of [() => 1, Symbol('x'), new Map(), new Date(), new Error('x'), [() => 1], {a: new Set()},
            circle, new AbortSignal(), {object: new Gio.Cancellable()}]) {
            assertThrows([TypeError, /^An item cannot /], () => queue.put(item));
            assertThrows([TypeError, /^An item cannot /], () => queue.try_put(item));
            await assertRejects([TypeError, /^An item cannot /], queue.put_async(item));
        }
        assert(queue.is_empty());
        // The same thing twice is no circle.
        const twice = [1];
        queue.put([twice, twice]);
        assertSame(queue.get(), [[1], [1]]);
    },

    'priority'() {
        const queue = Thredo.Queue.new_priority();
        for (const n of [2, 3, 1])
            queue.put(n);
        for (const n of [1, 2, 3])
            assertEqual(queue.get(), n);
        // With something to it.
        for (const item of [[2, {a: 1}], [1, {b: 2}], [1, {c: 3}], [0.5, 'first']])
            queue.put(item);
        for (const item of [[0.5, 'first'], [1, {b: 2}], [1, {c: 3}], [2, {a: 1}]])
            assertSame(queue.get(), item);
    },

    'try'() {
        const queue = Thredo.Queue.new(1);
        assertThrows(WouldBlock, () => queue.try_get());
        assert(queue.try_put([1]));
        assertThrows(WouldBlock, () => queue.try_put([2]));
        assertSame(queue.try_get(), [1]);
    },

    async 'get/later'() {
        const queue = Thredo.Queue.new(0);
        const promises = [0, 1, 2].map(() => queue.get_async());
        for (const n of [0, 1, 2])
            queue.put({n});
        assertSame(await Promise.all(promises), [{n: 0}, {n: 1}, {n: 2}]);
    },

    async 'get/cancelled'() {
        const queue = Thredo.Queue.new(0);
        const cancellable = new Gio.Cancellable();
        const promise = queue.get_async(cancellable);
        cancellable.cancel();
        await assertRejects(Cancelled, promise);
        await assertRejects(Cancelled, queue.get_async(cancellable));
        queue.put(1);
        assertEqual(queue.get(), 1);
    },

    async 'put/waits-for-room'() {
        const queue = Thredo.Queue.new(1);
        let isPut = false;
        await queue.put_async('first');
        const promise = queue.put_async({second: true}).then(() => (isPut = true));
        await settle();
        assert(!isPut);
        assertEqual(await queue.get_async(), 'first');
        await promise;
        assertSame(await queue.get_async(), {second: true});
    },

    async 'put/cancelled'() {
        const queue = Thredo.Queue.new(1);
        const cancellable = new Gio.Cancellable();
        await queue.put_async(1);
        const promise = queue.put_async(2, cancellable);
        cancellable.cancel();
        await assertRejects(Cancelled, promise);
        assertEqual(queue.get_length(), 1);
    },

    async 'callback'() {
        const queue = Thredo.Queue.new(0);
        const got = new Promise(resolve => queue.get_async(null, (source, result) => {
            assertEqual(source, queue);
            resolve(source.get_finish(result));
        }));
        queue.put([7]);
        assertSame(await got, [7]);
    },

    // As for plain introspection: neither callbacks nor items are lost by it.
    async 'promisified'() {
        const queue = Thredo.Queue.new(0);
        for (const name of ['get', 'put'])
            Gio._promisify(Thredo.Queue.prototype, `${name}_async`, `${name}_finish`);
        await queue.put_async([true, 1], null);
        assertSame(await queue.get_async(null), [true, 1]);
        queue.put(2);
        const got = new Promise(resolve =>
            queue.get_async(null, (source, result) => resolve(source.get_finish(result))));
        assertEqual(await got, 2);
    },

    async 'arguments'() {
        const queue = Thredo.Queue.new(0);
        await assertRejects([TypeError, /takes 2 arguments at most/], queue.get_async(null, null, 1));
        await assertRejects([TypeError, /AbortSignal, not number 3/], queue.get_async(3));
        assertThrows([TypeError, /AbortSignal, not an object of type Object/], () => queue.get({}));
    },

    async 'join'() {
        const queue = Thredo.Queue.new(0);
        let isDone = false;
        queue.put(1);
        const promise = queue.join_async().then(() => (isDone = true));
        await queue.get_async();
        await settle();
        assert(!isDone);
        queue.task_done();
        await promise;
    },

    async 'for-await'() {
        const queue = Thredo.Queue.new(2);
        const got = [];
        const producer = (async () => {
            for (let n = 0; n < 10; n++)
                await queue.put_async({n});
            queue.close();
        })();
        for await (const {n} of queue)
            got.push(n);
        await producer;
        assertEqual(got.join(), '0,1,2,3,4,5,6,7,8,9');
    },

    async 'for-await/several'() {
        const queue = Thredo.Queue.new(0);
        const got = [];
        const consume = async () => {
            for await (const item of queue)
                got.push(item);
        };
        const consumers = [consume(), consume(), consume()];
        for (let n = 0; n < 100; n++)
            queue.put(n);
        queue.close();
        await Promise.all(consumers);
        assertEqual(got.sort((a, b) => a - b).join(), Array.from({length: 100}, (_, n) => n).join());
    },

    async 'for-await/break'() {
        const queue = Thredo.Queue.new(0);
        for (const n of [1, 2, 3])
            queue.put(n);
        for await (const item of queue) {
            assertEqual(item, 1);
            break;
        }
        assertEqual(queue.get(), 2);
    },

    async 'for-await/cancelled'() {
        const queue = Thredo.Queue.new(0);
        const signal = new AbortSignal();
        const got = [];
        queue.put(1);
        const consumer = (async () => {
            for await (const item of queue.items(signal))
                got.push(item);
        })();
        await settle();
        signal.abort();
        await assertRejects(Cancelled, consumer);
        assertEqual(got.join(), '1');
        queue.put(2);
        assertEqual(queue.get(), 2);
    },

    async 'closed'() {
        const queue = Thredo.Queue.new(0);
        const promise = queue.get_async();
        queue.close();
        await assertRejects(Closed, promise);
        assertThrows(Closed, () => queue.put(1));
        for await (const item of queue)
            assert(false, `${item} came out of nothing`);
    },

    // A cancel and an item at once: the one or the other, and the item is there.
    async 'race'() {
        const queue = Thredo.Queue.new(0);
        const nWon = [0, 0];
        for (let n = 0; n < 2000; n++) {
            const cancellable = new Gio.Cancellable();
            const promise = queue.get_async(cancellable).then(item => item, () => null);
            if (n % 2 === 0) {
                queue.put([n]);
                cancellable.cancel();
            } else {
                cancellable.cancel();
                queue.put([n]);
            }
            const item = await promise;
            nWon[item === null ? 1 : 0]++;
            assertSame(item ?? queue.try_get(), [n]);
            assert(queue.is_empty());
        }
        assertEqual(nWon.join(), '1000,1000');
    },

    // What GJS would never free is not what items are made of.
    async 'memory'() {
        const getSize = () => {
            const [, text] = GLib.file_get_contents('/proc/self/statm');
            return Number(new TextDecoder().decode(text).split(' ')[1]);
        };
        const queue = Thredo.Queue.new(0);
        const sizes = [];
        for (let round = 0; round < 6; round++) {
            for (let n = 0; n < 4000; n++) {
                queue.put({n, text: 'x'.repeat(200)});
                queue.get();
                queue.put('x'.repeat(1000));
                await queue.get_async();
            }
            System.gc();
            sizes.push(getSize());
        }
        // Pages: each round puts more than four megabytes. How large the collector's heap is to begin
        // with is its own affair; and a sanitizer keeps what was freed, for a while.
        assert(GLib.getenv('THREDO_TEST_SANITIZED') ||
            sizes[5] - Math.max(...sizes.slice(0, 3)) < 1000, sizes.join());
    },

    async 'many'() {
        const queue = Thredo.Queue.new(100);
        const producer = (async () => {
            for (let n = 0; n < 10000; n++)
                await queue.put_async({n, text: `item ${n}`});
            queue.close();
        })();
        let next = 0;
        for await (const item of queue)
            assertSame(item, {n: next, text: `item ${next++}`});
        await producer;
        assertEqual(next, 10000);
    },
});

run('queue', tests);
