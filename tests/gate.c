/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The gate that events and ends of threads are made of, where it can be opened and
 * shut at the very moments that matter.
 */

#include "gate.h"

#include "support.h"

static const ThredoWaitInfo info = { "test", "wait", "Gate", NULL };

static ThredoWaitState
wait_since (ThredoGate *gate,
            guint       turn)
{
  return thredo_gate_wait (gate, thredo_slot_self (), &info, gate, turn, NULL, NULL, NULL);
}

static void
open_gate (ThredoGate *gate)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_gate_open (gate, 1, &batch);
  thredo_wake_batch_flush (&batch);
}

static void
refuse (ThredoGate *gate)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_gate_refuse (gate, 0, &batch);
  thredo_wake_batch_flush (&batch);
}

static void
assert_waits (ThredoGate *gate)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (1000);
  ThredoWaitState outcome;

  thredo_scope_enter (scope);
  outcome = wait_since (gate, thredo_gate_get_turn (gate));
  thredo_scope_leave (scope);
  g_assert_cmpint (outcome, ==, THREDO_WAIT_TIMED_OUT);
  g_assert_null (gate->waiting.first);
}

static void
test_shut (void)
{
  ThredoGate gate = { 0 };

  thredo_gate_init (&gate, 1);
  g_assert_false (thredo_gate_is_open (&gate));
  g_assert_false (thredo_gate_keep_open (&gate));
  assert_waits (&gate);

  open_gate (&gate);
  g_assert_true (thredo_gate_is_open (&gate));
  g_assert_true (thredo_gate_keep_open (&gate));
  g_assert_cmpint (wait_since (&gate, thredo_gate_get_turn (&gate)), ==, THREDO_WAIT_DONE);

  thredo_gate_shut (&gate, 0);
  g_assert_false (thredo_gate_is_open (&gate));
  assert_waits (&gate);
  thredo_gate_clear (&gate);
}

/* It was open in between, and who came before has not seen it, on its way into line. */
static void
test_missed (void)
{
  ThredoGate gate = { 0 };
  guint turn;

  thredo_gate_init (&gate, 1);
  for (int i = 0; i < 3; i++)
    {
      turn = thredo_gate_get_turn (&gate);
      open_gate (&gate);
      thredo_gate_shut (&gate, 0);
      g_assert_cmpint (wait_since (&gate, turn), ==, THREDO_WAIT_DONE);
      assert_waits (&gate);
    }
  g_assert_cmpint (wait_since (&gate, turn), ==, THREDO_WAIT_DONE);
  thredo_gate_clear (&gate);
}

static void
test_missed_in_line (void)
{
  ThredoGate gate = { 0 };
  ThredoWait wait = { 0 };
  guint turn;

  thredo_gate_init (&gate, 1);
  thredo_wait_init (&wait);
  turn = thredo_gate_get_turn (&gate);
  thredo_wait_arm (&wait);
  open_gate (&gate);
  thredo_gate_shut (&gate, 0);
  thredo_gate_line_up (&gate, &wait, turn);
  g_assert_cmpint (thredo_wait_get_state (&wait), ==, THREDO_WAIT_DONE);
  g_assert_null (gate.waiting.first);

  thredo_wait_arm (&wait);
  thredo_gate_line_up (&gate, &wait, thredo_gate_get_turn (&gate));
  g_assert_cmpint (thredo_wait_get_state (&wait), ==, THREDO_WAIT_ARMED);
  g_assert_true (gate.waiting.first == &wait);
  open_gate (&gate);
  thredo_gate_shut (&gate, 0);
  g_assert_cmpint (thredo_wait_get_state (&wait), ==, THREDO_WAIT_DONE);
  g_assert_null (gate.waiting.first);
  thredo_wait_clear (&wait);
  thredo_gate_clear (&gate);
}

/* To shut what is shut begins no turn: nobody passes. */
static void
test_shut_again (void)
{
  ThredoGate gate = { 0 };
  guint turn;

  thredo_gate_init (&gate, 1);
  turn = thredo_gate_get_turn (&gate);
  thredo_gate_shut (&gate, 0);
  thredo_gate_shut (&gate, 0);
  g_assert_cmpuint (thredo_gate_get_turn (&gate), ==, turn);
  assert_waits (&gate);
  thredo_gate_clear (&gate);
}

static void
test_refuse (void)
{
  ThredoGate gate = { 0 };
  guint turn;

  thredo_gate_init (&gate, 1);
  for (int i = 0; i < 3; i++)
    {
      turn = thredo_gate_get_turn (&gate);
      refuse (&gate);
      g_assert_cmpint (wait_since (&gate, turn), ==, THREDO_WAIT_REFUSED);
      assert_waits (&gate);
    }
  open_gate (&gate);
  g_assert_cmpint (wait_since (&gate, turn), ==, THREDO_WAIT_DONE);
  thredo_gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/gate/shut", test_shut);
  g_test_add_func ("/gate/missed", test_missed);
  g_test_add_func ("/gate/missed-in-line", test_missed_in_line);
  g_test_add_func ("/gate/shut-again", test_shut_again);
  g_test_add_func ("/gate/refuse", test_refuse);

  return g_test_run ();
}
