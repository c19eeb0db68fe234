// SPDX-License-Identifier: LGPL-2.1-or-later

// What Thredo is in JavaScript.
//
// GJS runs JavaScript on its main thread alone. So every wait is a promise here, threads are those
// that need no JavaScript inside, and what would run a JavaScript function in another thread says
// so in an error. Durations are seconds, and the items of queues any value that JSON could have.

const {Gio, GLib, GObject} = imports.gi;

let Thredo;

const MAIN_THREAD_ALONE =
    'GJS runs JavaScript on its main thread alone, so no JavaScript function can run in another thread';
const OTHER_THREADS =
    'Use Thredo.Thread.spawn_command(argv) for a program, ' +
    'Thredo.Thread.spawn_native(library, symbol, argument) for a function of a library, ' +
    'or a method that ends in _async, whose promise blocks nobody';

// --- durations -------------------------------------------------------------------------------

// As long as there is no need to say how long. A number in JavaScript is exact to here.
const FOREVER = Number.MAX_SAFE_INTEGER;

function toMicroseconds(seconds) {
    if (typeof seconds !== 'number' || Number.isNaN(seconds))
        throw new TypeError(`A duration is a number of seconds, not ${describe(seconds)}`);
    return Math.max(Math.min(Math.round(seconds * 1e6), FOREVER), -FOREVER);
}

function toSeconds(microseconds) {
    return microseconds / 1e6;
}

// A property, and the methods for it, as another number than in C.
function overrideNumber(klass, name, fromC, toC) {
    const {get, set} = Object.getOwnPropertyDescriptor(klass.prototype, name);
    const getter = klass.prototype[`get_${name}`];
    const setter = klass.prototype[`set_${name}`];
    const camelName = name.replace(/_(.)/g, (match, letter) => letter.toUpperCase());
    const names = new Set([name, camelName, name.replaceAll('_', '-')]);

    for (const each of names) {
        Object.defineProperty(klass.prototype, each, {
            get() {
                return fromC(get.call(this));
            },
            set(number) {
                set.call(this, toC(number));
            },
            configurable: true,
            enumerable: true,
        });
    }
    if (getter) {
        klass.prototype[`get_${name}`] = function () {
            return fromC(get.call(this));
        };
    }
    if (!setter)
        return;
    klass.prototype[`set_${name}`] = function (number) {
        setter.call(this, toC(number));
    };

    const init = klass.prototype._init;
    klass.prototype._init = function (properties = {}, ...rest) {
        const converted = {...properties};
        for (const each of names) {
            if (each in converted)
                converted[each] = toC(converted[each]);
        }
        return init.call(this, converted, ...rest);
    };
}

function overrideDuration(klass, name) {
    overrideNumber(klass, name, toSeconds, toMicroseconds);
}

// --- what ends a wait ------------------------------------------------------------------------

// What is known of a Gio.Cancellable: until when it lasts, and what it follows.
const limits = new WeakMap();
const followers = new WeakMap();

function isSignal(value) {
    return typeof value === 'object' && typeof value.aborted === 'boolean' &&
        typeof value.addEventListener === 'function';
}

function cancellable_from(signal) {
    if (signal === null || signal === undefined)
        return null;
    if (signal instanceof Gio.Cancellable)
        return signal;
    if (!isSignal(signal)) {
        throw new TypeError('What ends a wait is a Gio.Cancellable or an AbortSignal, not ' +
            describe(signal));
    }

    let cancellable = followers.get(signal);
    if (cancellable === undefined) {
        cancellable = new Gio.Cancellable();
        followers.set(signal, cancellable);
        limits.set(cancellable, {signal});
        if (signal.aborted)
            cancellable.cancel();
        else
            signal.addEventListener('abort', () => cancellable.cancel(), {once: true});
    }
    return cancellable;
}

// A cancellable that is cancelled when the time is over, and knows that it was for that.
function makeTimeout(seconds) {
    const microseconds = toMicroseconds(seconds);
    const milliseconds = Math.max(Math.ceil(microseconds / 1000), 0);
    const cancellable = new Gio.Cancellable();
    const limit = {
        deadline: GLib.get_monotonic_time() + microseconds,
        expired: false,
        source: 0,
    };

    limits.set(cancellable, limit);
    if (milliseconds < 2 ** 31) {
        limit.source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, milliseconds, () => {
            limit.source = 0;
            limit.expired = !cancellable.is_cancelled();
            cancellable.cancel();
            return GLib.SOURCE_REMOVE;
        });
    }
    return cancellable;
}

function timeout(seconds) {
    return makeTimeout(seconds);
}

// By a source, and not by the signal, which comes in whichever thread cancels.
function follow(cancellable, other) {
    if (other === null)
        return () => {};
    if (other.is_cancelled()) {
        cancellable.cancel();
        return () => {};
    }

    const source = other.source_new();
    source.set_callback(() => {
        cancellable.cancel();
        return GLib.SOURCE_REMOVE;
    });
    source.attach(null);
    return () => source.destroy();
}

function isIOError(error, code) {
    return error instanceof GLib.Error && error.matches(Gio.io_error_quark(), code);
}

// Tells the end of a time limit from a cancel.
function explain(error, cancellable) {
    const limit = cancellable !== null ? limits.get(cancellable) : undefined;

    if (limit === undefined || !isIOError(error, Gio.IOErrorEnum.CANCELLED))
        return error;
    if (limit.expired) {
        const expired = new Gio.IOErrorEnum({
            code: Gio.IOErrorEnum.TIMED_OUT,
            message: 'The time limit has passed',
        });
        expired.stack = error.stack;
        limit.error = expired;
        return expired;
    }
    if (limit.signal?.reason !== undefined)
        error.cause = limit.signal.reason;
    return error;
}

async function limitAround(seconds, func, signal) {
    const other = cancellable_from(signal);
    const cancellable = makeTimeout(seconds);
    const limit = limits.get(cancellable);
    const unfollow = follow(cancellable, other);

    try {
        return await func(cancellable);
    } catch (error) {
        throw explain(explain(error, cancellable), other);
    } finally {
        unfollow();
        if (limit.source !== 0)
            GLib.source_remove(limit.source);
        limit.source = 0;
    }
}

function timeout_after(seconds, func, signal = null) {
    return limitAround(seconds, func, signal);
}

async function ignore_after(seconds, func, timeout_result = null, signal = null) {
    let limit;

    try {
        return await limitAround(seconds, cancellable => {
            limit = limits.get(cancellable);
            return func(cancellable);
        }, signal);
    } catch (error) {
        if (limit?.error === undefined || error !== limit.error)
            throw error;
        return timeout_result;
    }
}

// --- items -----------------------------------------------------------------------------------

// What a Value of GObject can hold goes as that: numbers, strings, booleans, null, objects, boxed
// types. Everything else is a variant of the type "v" with what writeVariant() writes of it inside,
// by which it can be told from a variant that is an item itself.
//
// It is written as text and parsed, for GJS 1.74 never frees what a constructor of GLib.Variant
// returns; and that is one call, whatever there is inside.

const ODD_TEXT = /[\0\p{Surrogate}]/u;

function describe(value) {
    if (value === null || value === undefined)
        return String(value);
    if (typeof value === 'function')
        return 'a function';
    if (typeof value === 'object')
        return `an object of type ${value.constructor?.name ?? 'unknown'}`;
    return `${typeof value} ${String(value)}`;
}

function isPlain(value) {
    const prototype = Object.getPrototypeOf(value);
    return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// GJS has a type for Object itself, whose values are nothing to C.
function isOfC(value) {
    return value instanceof GObject.Object ||
        (value.constructor !== Object && value.constructor?.$gtype !== undefined);
}

// What a string of a variant cannot have in it goes by its UTF-16 units.
function writeString(string) {
    if (!ODD_TEXT.test(string))
        return JSON.stringify(string);
    return `@aq [${Array.from({length: string.length}, (_, n) => string.charCodeAt(n)).join()}]`;
}

const LEAST_NORMAL = 2 ** -1022;

function writeNumber(number) {
    if (Object.is(number | 0, number))
        return String(number);
    if (!Number.isFinite(number))
        return Number.isNaN(number) ? 'nan' : String(number).replace('Infinity', 'inf');
    if (Object.is(number, -0))
        return '-0.0';
    // What the parser takes for an overflow, in units of the least number there is.
    if (Math.abs(number) < LEAST_NORMAL)
        return `(int64 ${number / Number.MIN_VALUE},)`;
    const digits = String(number);
    return /[.e]/.test(digits) ? digits : `${digits}.0`;
}

function writeObject(object, around) {
    const entries = Object.entries(object).map(([key, value]) =>
        [writeString(key), writeVariant(value, around), ODD_TEXT.test(key)]);

    if (entries.length === 0)
        return '@a{sv} {}';
    if (entries.some(([, , isOdd]) => isOdd))
        return `[${entries.map(([key, value]) => `(<${key}>, <${value}>)`).join()}]`;
    return `{${entries.map(([key, value]) => `${key}: <${value}>`).join()}}`;
}

function writeVariant(value, around = []) {
    switch (typeof value) {
    case 'boolean':
        return String(value);
    case 'number':
        return writeNumber(value);
    case 'string':
        return writeString(value);
    case 'bigint':
        return `("${value}",)`;
    case 'undefined':
        return '()';
    case 'object':
        break;
    default:
        throw new TypeError(`An item cannot be ${describe(value)}, nor have it inside`);
    }

    if (value === null)
        return '@mv nothing';
    if (value instanceof GLib.Variant)
        return `(<${value.print(true)}>,)`;
    if (value instanceof Uint8Array)
        return `@ay [${value.join()}]`;
    if (around.includes(value))
        throw new TypeError('An item cannot have itself inside');
    if (Array.isArray(value)) {
        const elements = Array.from(value, each => `<${writeVariant(each, [...around, value])}>`);
        return elements.length === 0 ? '@av []' : `[${elements.join()}]`;
    }
    if (isPlain(value))
        return writeObject(value, [...around, value]);
    throw new TypeError(`An item cannot be ${describe(value)}, nor have it inside`);
}

// Variants have no more than 128 levels, and each of ours takes two.
const MOST_LEVELS = 60;

function countLevels(value) {
    if (typeof value !== 'object' || value === null || value instanceof GLib.Variant)
        return 1;
    return 1 + Object.values(value).reduce((most, each) => Math.max(most, countLevels(each)), 0);
}

function addProperty(object, key, value) {
    Object.defineProperty(object, key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
    });
}

function getChildren(variant) {
    return Array.from({length: variant.n_children()}, (_, i) => variant.get_child_value(i));
}

function fromVariant(variant) {
    const object = {};

    switch (variant.get_type_string()) {
    case 'v':
        return fromVariant(variant.get_variant());
    case 'mv':
        return variant.n_children() === 0 ? null : fromVariant(variant.get_child_value(0));
    case '()':
        return undefined;
    case '(x)':
        return variant.get_child_value(0).get_int64() * Number.MIN_VALUE;
    case '(s)':
        return BigInt(variant.get_child_value(0).unpack());
    case '(v)':
        return variant.get_child_value(0).get_variant();
    case 'ay':
        return Uint8Array.from(variant.get_data_as_bytes().toArray());
    case 'aq':
        return getChildren(variant).map(unit => String.fromCharCode(unit.get_uint16())).join('');
    case 'av':
        return getChildren(variant).map(fromVariant);
    case 'a{sv}':
    case 'a(vv)':
        for (const entry of getChildren(variant)) {
            const [key, value] = getChildren(entry);
            addProperty(object, fromVariant(key), fromVariant(value));
        }
        return object;
    default:
        return variant.recursiveUnpack();
    }
}

function box(value) {
    const text = `<${writeVariant(value)}>`;

    try {
        return GLib.Variant.parse(null, text, null, null);
    } catch (error) {
        if (countLevels(value) > MOST_LEVELS)
            throw new RangeError(`An item cannot have more than ${MOST_LEVELS} levels`);
        throw error;
    }
}

function toItem(value) {
    switch (typeof value) {
    case 'boolean':
    case 'number':
        return value;
    case 'string':
        if (!ODD_TEXT.test(value))
            return value;
        break;
    case 'object':
        if (value === null)
            return value;
        if (value instanceof GLib.Variant ? value.get_type_string() !== 'v' : isOfC(value))
            return value;
        break;
    }
    return box(value);
}

function fromItem(value) {
    if (value instanceof GLib.Variant && value.get_type_string() === 'v')
        return fromVariant(value.get_variant());
    return value;
}

// --- waits -----------------------------------------------------------------------------------

// Each of these makes of what the C function returns what the caller wants.
const same = result => result;
const second = result => result[1];

// GJS 1.74 never frees what is in a Value that a call fills in; of one that it returns it does.
function useBoxed(owner, ...names) {
    for (const name of names)
        owner[name] = owner[`${name}_boxed`];
}

function checkCount(name, args, most) {
    if (args.length > most)
        throw new TypeError(`${name}() takes ${most} arguments at most, not ${args.length}`);
}

// A call that blocks. The main loop does not run meanwhile, so a time limit is a scope.
function overrideBlocking(owner, name, convert = same, prepare = null) {
    const call = owner[name];
    const count = call.length;

    owner[name] = function (...args) {
        checkCount(name, args, count);
        args.length = count;
        if (prepare !== null)
            args[0] = prepare(args[0]);
        const cancellable = cancellable_from(args[count - 1]);
        const limit = cancellable !== null ? limits.get(cancellable) : undefined;
        args[count - 1] = cancellable;
        if (limit?.deadline === undefined)
            return convert.call(this, call.apply(this, args));

        const scope = Thredo.Scope.new();
        scope.set_deadline(limit.deadline);
        try {
            return scope.run(() => convert.call(this, call.apply(this, args)));
        } catch (error) {
            limit.expired = limit.expired || scope.is_expired();
            if (scope.is_expired() && isIOError(error, Gio.IOErrorEnum.TIMED_OUT))
                limit.error = error;
            throw explain(error, cancellable);
        }
    };
}

function overrideFinish(owner, name, convert) {
    const finish = owner[name];

    owner[name] = function (result) {
        return convert.call(this, finish.call(this, result));
    };
}

// A call that returns a promise, or takes a callback as it does in C.
function overrideAsync(owner, name, convert = same, prepare = null) {
    const begin = owner[name];
    const finishName = name.replace(/_async$/, '_finish');
    const count = begin.length;

    if (convert !== same)
        overrideFinish(owner, finishName, convert);
    const finish = owner[finishName];

    // By this Gio._promisify() knows what is a promise already.
    owner[`_original_${name}`] = begin;
    owner[name] = function (...args) {
        const where = new Error().stack;
        const start = callback => {
            checkCount(name, args, count);
            args.length = count;
            if (prepare !== null)
                args[0] = prepare(args[0]);
            args[count - 2] = cancellable_from(args[count - 2]);
            args[count - 1] = callback;
            begin.apply(this, args);
        };

        if (typeof args[count - 1] === 'function')
            return start(args[count - 1]);
        return new Promise((resolve, reject) => {
            start((source, result) => {
                try {
                    resolve(finish.call(this, result));
                } catch (error) {
                    error.stack = `${error.stack}### Promise created here ###\n${where}`;
                    reject(explain(error, args[count - 2]));
                }
            });
        });
    };
}

// Both forms of a wait.
function overrideWait(owner, name, convert = same, prepare = null) {
    overrideBlocking(owner, name, convert, prepare);
    overrideAsync(owner, `${name}_async`, convert, prepare);
}

// --- what is refused -------------------------------------------------------------------------

function makeRefusal(label, instead) {
    return new Error(`${label}: ${MAIN_THREAD_ALONE}. ${instead}.`);
}

function refuse(owner, name, label, instead) {
    owner[name] = function () {
        throw makeRefusal(label, instead);
    };
}

// A class of threads that was made in JavaScript.
function refuseJavaScriptThread(thread, label) {
    let prototype = Object.getPrototypeOf(thread);

    for (; prototype !== null && prototype !== Thredo.Thread.prototype;
        prototype = Object.getPrototypeOf(prototype)) {
        if (Object.hasOwn(prototype, 'vfunc_run'))
            throw makeRefusal(label, OTHER_THREADS);
    }
}

// --- the classes -----------------------------------------------------------------------------

// Of a thread alone, or in a group.
function overrideSpawn(owner) {
    const {spawn_command: spawnCommand, spawn_native: spawnNative} = owner;

    owner.spawn_command = function (argv) {
        if (!Array.isArray(argv) || argv.length === 0)
            throw new TypeError(`A command is an array of a program and its arguments, not ${describe(argv)}`);
        const words = argv.map(String);
        if (words.some(word => word.includes('\0')))
            throw new TypeError('No program can be given an argument with a null character in it');
        return spawnCommand.call(this, words);
    };
    owner.spawn_native = function (library, symbol, argument = null) {
        return spawnNative.call(this, library, symbol, argument);
    };
}

function overrideThread(Thread) {
    const start = Thread.prototype.start;
    const getResult = Thread.prototype.get_result_boxed;
    const resultOf = thread => fromItem(getResult.call(thread));

    refuse(Thread, 'new', 'Thredo.Thread.new()', OTHER_THREADS);
    refuse(Thread, 'spawn', 'Thredo.Thread.spawn()', OTHER_THREADS);
    Thread.prototype.start = function () {
        refuseJavaScriptThread(this, 'start()');
        return start.call(this);
    };
    overrideSpawn(Thread);

    Thread.prototype.get_result = function () {
        return resultOf(this);
    };
    Object.defineProperty(Thread.prototype, 'result', {
        get() {
            return resultOf(this);
        },
        configurable: true,
    });
    overrideWait(Thread.prototype, 'join', function () {
        return resultOf(this);
    });
    overrideWait(Thread.prototype, 'wait');
}

function overrideGroup(Group) {
    const add = Group.prototype.add;

    refuse(Group.prototype, 'spawn', 'spawn()',
        'Use spawn_command(argv) for a program, spawn_native(library, symbol, argument) for a ' +
        'function of a library, or add() for a thread of either kind');
    Group.prototype.add = function (thread) {
        refuseJavaScriptThread(thread, 'add()');
        return add.call(this, thread);
    };
    overrideSpawn(Group.prototype);
    overrideWait(Group.prototype, 'join');
    overrideWait(Group.prototype, 'next_done');
    useBoxed(Group.prototype, 'next_result', 'next_result_finish');
    overrideWait(Group.prototype, 'next_result', fromItem);

    Group.prototype.in_order = async function* (signal = null) {
        let thread;
        while ((thread = await this.next_done_async(signal)) !== null)
            yield thread;
    };
    Group.prototype[Symbol.asyncIterator] = function () {
        return this.in_order();
    };
}

function overrideQueue(Queue) {
    const {try_put: tryPut, try_get_boxed: tryGet} = Queue.prototype;
    const newPriority = Queue.new_priority;

    overrideWait(Queue.prototype, 'put', same, toItem);
    useBoxed(Queue.prototype, 'get', 'get_finish');
    overrideWait(Queue.prototype, 'get', fromItem);
    overrideWait(Queue.prototype, 'join');
    Queue.prototype.try_put = function (item) {
        return tryPut.call(this, toItem(item));
    };
    Queue.prototype.try_get = function () {
        return fromItem(tryGet.call(this));
    };
    Queue.new_priority = function (maxSize = 0, compare = null) {
        if (compare !== null) {
            throw makeRefusal('Thredo.Queue.new_priority()',
                'Whoever puts compares. Put items that have an order of their own: numbers, strings, or ' +
                'arrays that begin with one');
        }
        return newPriority(maxSize, null);
    };

    // Until the queue is closed and empty.
    Queue.prototype.items = async function* (signal = null) {
        for (;;) {
            let item;
            try {
                item = await this.get_async(signal);
            } catch (error) {
                if (isIOError(error, Gio.IOErrorEnum.CLOSED))
                    return;
                throw error;
            }
            yield item;
        }
    };
    Queue.prototype[Symbol.asyncIterator] = function () {
        return this.items();
    };
}

// A number can only be one more than this, which GJS does not take.
const NO_DEADLINE = 2n ** 63n - 1n;

function toDeadline(deadline) {
    if (typeof deadline !== 'number' || Number.isNaN(deadline))
        throw new TypeError(`A deadline is a number of microseconds, not ${describe(deadline)}`);
    return deadline >= Number(NO_DEADLINE) ? NO_DEADLINE : deadline;
}

function overrideScope(Scope) {
    const newWithTimeout = Scope.new_with_timeout;

    // Of what it has to round GJS warns where a method returns it, and not where it is a property.
    overrideNumber(Scope, 'deadline', same, toDeadline);
    Scope.new_with_timeout = function (seconds) {
        return newWithTimeout(toMicroseconds(seconds));
    };

    // For code that blocks: what comes after an await is not in the scope any more.
    Scope.prototype.run = function (func) {
        let result;

        this.enter();
        try {
            result = func();
        } finally {
            this.leave();
        }
        if (typeof result?.then === 'function') {
            throw new TypeError('A scope surrounds code that blocks, and ends before a promise does. ' +
                'Use Thredo.timeout_after()');
        }
        return result;
    };
}

// What the predicate throws ends the wait.
function overrideWaitFor(Condition) {
    overrideBlocking(Condition.prototype, 'wait_for');
    const waitFor = Condition.prototype.wait_for;

    Condition.prototype.wait_for = function (predicate, ...args) {
        const failures = [];
        const result = waitFor.call(this, (...parameters) => {
            try {
                return predicate(...parameters);
            } catch (error) {
                failures.push(error);
                return true;
            }
        }, ...args);
        if (failures.length > 0)
            throw failures[0];
        return result;
    };
}

// Whoever could release the lock is on the thread that would wait.
function overrideAcquire(Lock) {
    const acquire = Lock.prototype.acquire;

    Lock.prototype.acquire = function (...args) {
        if (this.is_owned()) {
            throw new Thredo.Error({
                code: Thredo.Error.DEADLOCK,
                message: 'The main thread has the lock, and would wait for itself. Use acquire_async()',
            });
        }
        return acquire.apply(this, args);
    };
}

function overrideSync() {
    for (const [klass, name] of [
        [Thredo.Event, 'wait'],
        [Thredo.Semaphore, 'acquire'],
        [Thredo.Lock, 'acquire'],
        [Thredo.RLock, 'acquire'],
        [Thredo.Condition, 'wait'],
        [Thredo.SignalEvent, 'wait'],
    ])
        overrideWait(klass.prototype, name);
    overrideWait(Thredo.Barrier.prototype, 'wait', second);
    overrideWaitFor(Thredo.Condition);
    overrideAcquire(Thredo.Lock);
    refuse(Thredo.Barrier, 'new_with_action', 'Thredo.Barrier.new_with_action()',
        'Whoever comes last runs the action. Use Thredo.Barrier.new(), and the index that ' +
        'its wait has');
}

function overrideFunctions() {
    overrideWait(Thredo, 'sleep', same, toMicroseconds);
    overrideWait(Thredo, 'wait_fd');
    for (const name of [
        'check_cancelled',
        'connect',
        'connect_to_host',
        'dbus_call',
        'load_bytes',
        'lookup_by_name',
        'replace_bytes',
        'socket_accept',
        'socket_connect',
        'socket_receive',
        'socket_receive_from',
        'socket_send',
        'socket_send_all',
        'socket_send_to',
        'socket_wait',
        'wait_child',
        'wait_subprocess',
    ])
        overrideBlocking(Thredo, name);
    refuse(Thredo, 'run', 'Thredo.run()', OTHER_THREADS);
    refuse(Thredo, 'get_main_context', 'Thredo.get_main_context()',
        'The sources of this context are called in a thread of its own. Attach them to ' +
        'GLib.MainContext.default()');
    refuse(Thredo, 'await', 'Thredo.await()',
        "Await the promise of the method itself, as Gio._promisify() or the method's override makes it");
}

function overrideServices() {
    const instead = 'Use Gio.SocketService, whose signal "incoming" comes on the main thread';

    refuse(Thredo.SocketService, 'new', 'Thredo.SocketService.new()', instead);
    refuse(Thredo.SocketService.prototype, '_init', 'new Thredo.SocketService()', instead);
    overrideBlocking(Thredo.Command.prototype, 'run');
    overrideDuration(Thredo.Command, 'grace');
}

function overrideMonitor(Monitor) {
    overrideDuration(Monitor, 'interval');
    overrideDuration(Monitor, 'loop_latency');
    overrideBlocking(Monitor, 'new_for_process');
    overrideAsync(Monitor, 'new_for_process_async');
    overrideWait(Monitor.prototype, 'cancel_thread');
    overrideWait(Monitor.prototype, 'cancel_group');
}

function _init() {
    Thredo = this;

    Thredo.cancellable_from = cancellable_from;
    Thredo.timeout = timeout;
    Thredo.timeout_after = timeout_after;
    Thredo.ignore_after = ignore_after;

    overrideScope(Thredo.Scope);
    overrideThread(Thredo.Thread);
    overrideGroup(Thredo.Group);
    overrideQueue(Thredo.Queue);
    overrideSync();
    overrideFunctions();
    overrideServices();
    overrideMonitor(Thredo.Monitor);
}
