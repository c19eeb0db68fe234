// SPDX-License-Identifier: LGPL-2.1-or-later

// The API from Vala: threads, groups, queues, scopes, locks, and the methods that are async.

const TimeSpan FOREVER = 24 * TimeSpan.HOUR;

class Adder : Thredo.Thread {
	public int[] numbers;

	public Adder (int[] numbers) {
		Object (name: "adder");
		this.numbers = numbers;
	}

	public override bool run () throws Error {
		int sum = 0;
		foreach (var number in numbers)
			sum += number;
		set_result (sum);
		return true;
	}
}

void test_thread () {
	try {
		var thread = Thredo.Thread.spawn ("answer", (thread) => {
			assert_true (Thredo.Thread.self () == thread);
			thread.set_result (42);
			return true;
		});
		assert_true (thread.join ());
		Value result;
		assert_true (thread.get_result (out result));
		assert_cmpint (result.get_int (), CompareOperator.EQ, 42);
		assert_cmpstr (thread.name, CompareOperator.EQ, "answer");
		assert_null (thread.group);
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_thread_class () {
	try {
		var adder = new Adder ({ 1, 2, 3 });
		adder.start ();
		adder.join ();
		Value result;
		assert_true (adder.get_result (out result));
		assert_cmpint (result.get_int (), CompareOperator.EQ, 6);
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_thread_fails () {
	try {
		var thread = Thredo.Thread.spawn (null, (thread) => {
			throw new FileError.NOENT ("as ordered");
		});
		thread.join ();
		assert_not_reached ();
	} catch (FileError error) {
		assert_cmpstr (error.message, CompareOperator.EQ, "as ordered");
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_thread_cancelled () {
	try {
		var thread = Thredo.Thread.spawn ("sleeper", (thread) => Thredo.sleep (FOREVER));
		thread.cancel ();
		thread.join ();
		assert_not_reached ();
	} catch (Thredo.Error.THREAD_CANCELLED error) {
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_command () {
	try {
		var group = new Thredo.Group ();
		var thread = group.spawn_command ({ "echo", "from outside" });
		group.join ();
		Value result;
		assert_true (thread.get_result (out result));
		assert_cmpstr (result.get_string (), CompareOperator.EQ, "from outside\n");
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_command_group () {
	try {
		var group = new Thredo.Group ();
		group.max_running = 1;
		var thread = group.spawn_command ({ "echo", "hello" });
		group.join ();
		Value result;
		assert_true (thread.get_result (out result));
		assert_cmpstr (result.get_string (), CompareOperator.EQ, "hello\n");
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_native () {
	try {
		new Thredo.Group ().spawn_native ("/nowhere/libnothing.so", "work");
		assert_not_reached ();
	} catch (IOError.NOT_FOUND error) {
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_queue () {
	try {
		var queue = new Thredo.Queue ();
		queue.put (1);
		queue.put ("two");
		queue.put (new Cancellable ());
		assert_cmpint (queue.get ().get_int (), CompareOperator.EQ, 1);
		assert_cmpstr ((string) queue.get (), CompareOperator.EQ, "two");
		assert_true (queue.try_get ().get_object () is Cancellable);
		queue.put (3);
		var cancellable = new Cancellable ();
		cancellable.cancel ();
		try {
			queue.get (cancellable);
			assert_not_reached ();
		} catch (IOError.CANCELLED error) {
		}
		assert_cmpint ((int) queue.get (), CompareOperator.EQ, 3);
		try {
			queue.try_get ();
			assert_not_reached ();
		} catch (IOError.WOULD_BLOCK error) {
		}

		var sorted = new Thredo.Queue.priority (0, (a, b) => b.get_int () - a.get_int ());
		foreach (var number in new int[] { 1, 3, 2 })
			sorted.put (number);
		for (int number = 3; number > 0; number--)
			assert_cmpint ((int) sorted.get (), CompareOperator.EQ, number);

		var limited = new Thredo.Queue (1);
		limited.put (1);
		assert_true (limited.is_full ());
		limited.close ();
		assert_true (limited.closed);
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_workers () {
	try {
		var jobs = new Thredo.Queue ();
		var results = new Thredo.Queue ();
		var group = new Thredo.Group ();
		group.name = "workers";
		for (int i = 0; i < 3; i++) {
			group.spawn (null, (thread) => {
				try {
					while (true)
						results.put (2 * (int) jobs.get ());
				} catch (IOError.CLOSED error) {
					return true;
				}
			});
		}
		foreach (var thread in group.get_threads ())
			assert_true (thread.group == group);
		for (int i = 0; i < 100; i++)
			jobs.put (i);
		jobs.close ();
		group.join ();
		int sum = 0;
		while (!results.is_empty ())
			sum += (int) results.get ();
		assert_cmpint (sum, CompareOperator.EQ, 9900);
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_group_results () {
	try {
		var group = new Thredo.Group (Thredo.GroupWait.RESULT);
		group.spawn ("first", (thread) => {
			thread.set_result ("it");
			return true;
		});
		assert_cmpstr (group.next_result ().get_string (), CompareOperator.EQ, "it");
		try {
			group.next_result ();
			assert_not_reached ();
		} catch (Thredo.Error.STATE error) {
		}
		Thredo.Thread? last = group.next_done ();
		assert_null (last);
		group.join ();
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_scope () {
	var scope = new Thredo.Scope.with_timeout (TimeSpan.MILLISECOND);
	scope.enter ();
	try {
		Thredo.sleep (FOREVER);
		assert_not_reached ();
	} catch (IOError.TIMED_OUT error) {
		assert_true (scope.is_expired ());
		var shield = new Thredo.Scope.shield ();
		shield.enter ();
		try {
			Thredo.sleep (1);
		} catch (Error inner) {
			assert_no_error (inner);
		}
		shield.leave ();
	} catch (Error error) {
		assert_no_error (error);
	} finally {
		scope.leave ();
	}
}

void test_locks () {
	try {
		var @lock = new Thredo.Lock ();
		var changed = new Thredo.Condition (@lock);
		bool is_ready = false;
		@lock.acquire ();
		assert_true (@lock.owner == Thredo.Thread.self ());
		var thread = Thredo.Thread.spawn ("setter", (thread) => {
			@lock.acquire ();
			is_ready = true;
			changed.notify ();
			return @lock.release ();
		});
		changed.wait_for ((condition) => is_ready);
		@lock.release ();
		thread.join ();
		assert_null (@lock.owner);

		Thredo.Lockable lockable = new Thredo.RLock ();
		lockable.acquire ();
		assert_true (lockable.is_owned ());
		lockable.release ();

		var semaphore = new Thredo.BoundedSemaphore (1);
		semaphore.acquire ();
		assert_false (semaphore.try_acquire ());
		semaphore.release ();
		try {
			semaphore.release ();
			assert_not_reached ();
		} catch (Thredo.Error.STATE error) {
		}

		uint index;
		var barrier = new Thredo.Barrier.with_action (1, (barrier) => {
			is_ready = false;
			return true;
		});
		barrier.wait ();
		barrier.wait (out index);
		assert_cmpuint (index, CompareOperator.EQ, 0);
		assert_false (is_ready);
	} catch (Error error) {
		assert_no_error (error);
	}
}

async void use_everything () throws Error {
	var queue = new Thredo.Queue (1);
	yield queue.put_async ("item");
	var item = yield queue.get_async ();
	assert_cmpstr (item.get_string (), CompareOperator.EQ, "item");
	yield Thredo.sleep_async (TimeSpan.MILLISECOND);

	var event = new Thredo.Event ();
	var thread = Thredo.Thread.spawn ("waiter", (thread) => {
		event.wait ();
		thread.set_result (5);
		return true;
	});
	event.set ();
	yield event.wait_async ();
	yield thread.wait_async ();
	yield thread.join_async ();

	var group = new Thredo.Group ();
	group.add (thread);
	assert_true ((yield group.next_done_async ()) == thread);
	group.spawn (null, (thread) => {
		thread.set_result (7);
		return true;
	});
	var result = yield group.next_result_async ();
	assert_cmpint (result.get_int (), CompareOperator.EQ, 7);
	yield group.join_async ();

	var semaphore = new Thredo.Semaphore ();
	yield semaphore.acquire_async ();
	semaphore.release ();
	var @lock = new Thredo.Lock ();
	yield @lock.acquire_async ();
	@lock.release ();
	uint index;
	var barrier = new Thredo.Barrier (1);
	yield barrier.wait_async ();
	yield barrier.wait_async (null, out index);
	assert_cmpuint (index, CompareOperator.EQ, 0);
	yield queue.join_async (cancelled ());
}

Cancellable cancelled () {
	var cancellable = new Cancellable ();
	cancellable.cancel ();
	return cancellable;
}

async void get_from_closed () throws Error {
	var queue = new Thredo.Queue ();
	queue.close ();
	yield queue.get_async ();
}

void test_async () {
	var loop = new MainLoop ();
	use_everything.begin ((source, result) => {
		try {
			use_everything.end (result);
			assert_not_reached ();
		} catch (IOError.CANCELLED error) {
		} catch (Error error) {
			assert_no_error (error);
		}
		loop.quit ();
	});
	loop.run ();
}

void test_async_closed () {
	var loop = new MainLoop ();
	get_from_closed.begin ((source, result) => {
		try {
			get_from_closed.end (result);
			assert_not_reached ();
		} catch (IOError.CLOSED error) {
		} catch (Error error) {
			assert_no_error (error);
		}
		loop.quit ();
	});
	loop.run ();
}

void test_await () {
	try {
		var file = File.new_for_path ("/");
		var result = Thredo.await ((cancellable, callback) =>
			file.query_info_async.begin ("standard::*", 0, Priority.DEFAULT, cancellable, (owned) callback));
		var info = file.query_info_async.end (result);
		assert_true (info.get_file_type () == FileType.DIRECTORY);
	} catch (Error error) {
		assert_no_error (error);
	}
}

// What is received is in the caller's buffer, or a slice of it.
void test_sockets () {
	try {
		var listener = new Socket (SocketFamily.IPV4, SocketType.STREAM, SocketProtocol.DEFAULT);
		listener.bind (new InetSocketAddress (new InetAddress.loopback (SocketFamily.IPV4), 0), true);
		listener.listen ();
		var client = new Socket (SocketFamily.IPV4, SocketType.STREAM, SocketProtocol.DEFAULT);
		Thredo.socket_connect (client, listener.get_local_address ());
		var server = Thredo.socket_accept (listener);
		uint8 buffer[8] = { 0 };
		Thredo.socket_send_all (client, "one".data);
		assert_cmpint ((int) Thredo.socket_receive (server, buffer), CompareOperator.EQ, 3);
		assert_cmpstr ((string) buffer, CompareOperator.EQ, "one");
		Thredo.socket_send_all (client, "two".data);
		SocketAddress? address;
		assert_cmpint ((int) Thredo.socket_receive_from (server, out address, buffer[3:7]), CompareOperator.EQ, 3);
		assert_cmpstr ((string) buffer, CompareOperator.EQ, "onetwo");
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_monitor () {
	try {
		var mutex = new Thredo.Lock ();
		mutex.name = "watched";
		mutex.acquire ();
		var waiter = Thredo.Thread.spawn ("waiter", (thread) => mutex.acquire () && mutex.release ());
		while (waiter.state != Thredo.ThreadState.WAITING)
			Thread.yield ();
		var monitor = new Thredo.Monitor ();
		bool is_found = false;
		foreach (var info in monitor.list_locks ()) {
			if (info.name != "watched")
				continue;
			is_found = true;
			unowned uint64[] ids = info.get_waiting_ids ();
			assert_cmpint (ids.length, CompareOperator.EQ, 1);
			assert_true (ids[0] == waiter.id);
		}
		assert_true (is_found);
		foreach (var info in monitor.snapshot ())
			assert_cmpint (info.get_group_ids ().length, CompareOperator.EQ, info.group_path.length);
		mutex.release ();
		waiter.join ();
	} catch (Error error) {
		assert_no_error (error);
	}
}

void test_run () {
	try {
		int n_called = 0;
		Thredo.run (Thredo.RunFlags.HANDLE_SIGNALS, (thread) => {
			n_called++;
			return true;
		});
		assert_cmpint (n_called, CompareOperator.EQ, 1);
	} catch (Error error) {
		assert_no_error (error);
	}
}

int main (string[] args) {
	Test.init (ref args);
	Test.add_func ("/vala/thread", test_thread);
	Test.add_func ("/vala/thread/class", test_thread_class);
	Test.add_func ("/vala/thread/fails", test_thread_fails);
	Test.add_func ("/vala/thread/cancelled", test_thread_cancelled);
	Test.add_func ("/vala/command", test_command);
	Test.add_func ("/vala/command/group", test_command_group);
	Test.add_func ("/vala/native", test_native);
	Test.add_func ("/vala/queue", test_queue);
	Test.add_func ("/vala/workers", test_workers);
	Test.add_func ("/vala/group-results", test_group_results);
	Test.add_func ("/vala/scope", test_scope);
	Test.add_func ("/vala/locks", test_locks);
	Test.add_func ("/vala/async", test_async);
	Test.add_func ("/vala/async/closed", test_async_closed);
	Test.add_func ("/vala/await", test_await);
	Test.add_func ("/vala/sockets", test_sockets);
	Test.add_func ("/vala/monitor", test_monitor);
	Test.add_func ("/vala/run", test_run);
	return Test.run ();
}
