/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#define N_WAITERS 10

/* --- items ---------------------------------------------------------------- */

static void
put_int (ThredoQueue *queue,
         int          number)
{
  g_auto(GValue) value = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;
  gboolean ok;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, number);
  ok = thredo_queue_put (queue, &value, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static gboolean
try_put_int (ThredoQueue  *queue,
             int           number,
             GError      **error)
{
  g_auto(GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, number);
  return thredo_queue_try_put (queue, &value, error);
}

static int
get_int (ThredoQueue *queue)
{
  g_auto(GValue) value = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_queue_get (queue, &value, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_true (G_VALUE_HOLDS_INT (&value));

  return g_value_get_int (&value);
}

static void
task_done (ThredoQueue *queue)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_queue_task_done (queue, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

/* --- threads that use a queue once ---------------------------------------- */

typedef struct
{
  ThredoQueue *queue;
  GCancellable *cancellable;
  ThredoScope *scope;
  int number;
  gboolean ok;
  ThredoThread *thread;
} Use;

static gboolean
get_once (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Use *use = user_data;
  g_auto(GValue) value = G_VALUE_INIT;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);

  use->ok = thredo_queue_get (use->queue, &value, use->cancellable, error);
  if (use->ok)
    use->number = g_value_get_int (&value);
  else
    g_assert_false (G_IS_VALUE (&value));

  return use->ok;
}

static gboolean
put_once (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Use *use = user_data;
  g_auto(GValue) value = G_VALUE_INIT;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, use->number);
  use->ok = thredo_queue_put (use->queue, &value, use->cancellable, error);

  return use->ok;
}

static gboolean
join_once (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);

  use->ok = thredo_queue_join (use->queue, use->cancellable, error);

  return use->ok;
}

static void
use_start (Use              *use,
           ThredoThreadFunc  func)
{
  g_autoptr(GError) error = NULL;

  use->thread = thredo_thread_spawn ("user", func, use, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (use->thread);
}

static void
use_start_and_park (Use              *use,
                    ThredoThreadFunc  func)
{
  use_start (use, func);
  support_wait_for_state (use->thread, THREDO_THREAD_STATE_WAITING);
}

static void
use_end_ok (Use *use)
{
  support_join_ok (use->thread);
  g_assert_true (use->ok);
  g_clear_object (&use->thread);
}

/* The use failed, and this is what its thread was told. */
static void
use_end_failed (Use    *use,
                GQuark  domain,
                int     code)
{
  g_assert_false (thredo_thread_join (use->thread, NULL, NULL));
  g_assert_false (use->ok);
  g_assert_error (thredo_thread_get_error (use->thread), domain, code);
  g_clear_object (&use->thread);
}

/* --- making one ----------------------------------------------------------- */

static void
test_new (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (3);

  g_assert_true (THREDO_IS_QUEUE (queue));
  g_assert_cmpuint (thredo_queue_get_max_size (queue), ==, 3);
  g_assert_cmpint (thredo_queue_get_order (queue), ==, THREDO_QUEUE_ORDER_FIFO);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 0);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 0);
  g_assert_true (thredo_queue_is_empty (queue));
  g_assert_false (thredo_queue_is_full (queue));
  g_assert_false (thredo_queue_is_closed (queue));
  g_assert_null (thredo_queue_get_name (queue));

  thredo_queue_set_name (queue, "jobs");
  g_assert_cmpstr (thredo_queue_get_name (queue), ==, "jobs");
  thredo_queue_set_name (queue, NULL);
  g_assert_null (thredo_queue_get_name (queue));
}

static void
test_new_full (void)
{
  g_autoptr(ThredoQueue) lifo = thredo_queue_new_full (THREDO_QUEUE_ORDER_LIFO, 0, NULL);
  g_autoptr(ThredoQueue) priority = thredo_queue_new_full (THREDO_QUEUE_ORDER_PRIORITY, 7, NULL);

  g_assert_cmpint (thredo_queue_get_order (lifo), ==, THREDO_QUEUE_ORDER_LIFO);
  g_assert_cmpuint (thredo_queue_get_max_size (lifo), ==, 0);
  g_assert_cmpint (thredo_queue_get_order (priority), ==, THREDO_QUEUE_ORDER_PRIORITY);
  g_assert_cmpuint (thredo_queue_get_max_size (priority), ==, 7);
}

static void
test_length (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (2);
  g_autoptr(ThredoQueue) unbounded = thredo_queue_new (0);

  put_int (queue, 1);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
  g_assert_false (thredo_queue_is_empty (queue));
  g_assert_false (thredo_queue_is_full (queue));
  put_int (queue, 2);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 2);
  g_assert_true (thredo_queue_is_full (queue));
  get_int (queue);
  g_assert_false (thredo_queue_is_full (queue));
  get_int (queue);
  g_assert_true (thredo_queue_is_empty (queue));

  for (int i = 0; i < 1000; i++)
    put_int (unbounded, i);
  g_assert_cmpuint (thredo_queue_get_length (unbounded), ==, 1000);
  g_assert_false (thredo_queue_is_full (unbounded));
}

static void
test_enormous_max_size (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (G_MAXUINT);
  g_autoptr(ThredoQueue) priority = thredo_queue_new_priority (G_MAXUINT, NULL, NULL, NULL);

  g_assert_cmpuint (thredo_queue_get_max_size (queue), ==, G_MAXUINT);
  for (int i = 0; i < 100; i++)
    {
      put_int (queue, i);
      put_int (priority, -i);
    }
  g_assert_false (thredo_queue_is_full (queue));
  g_assert_false (thredo_queue_is_full (priority));
  for (int i = 0; i < 100; i++)
    {
      g_assert_cmpint (get_int (queue), ==, i);
      g_assert_cmpint (get_int (priority), ==, i - 99);
    }
}

/* --- order ---------------------------------------------------------------- */

static void
test_fifo (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  int next = 0;

  /* In waves, so that the ring inside grows while its head is anywhere. */
  for (int i = 0, put = 0; i < 200; i++)
    {
      for (int j = 0; j < 7; j++)
        put_int (queue, put++);
      for (int j = 0; j < 5; j++)
        g_assert_cmpint (get_int (queue), ==, next++);
    }
  while (!thredo_queue_is_empty (queue))
    g_assert_cmpint (get_int (queue), ==, next++);
  g_assert_cmpint (next, ==, 1400);
}

static void
test_lifo (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_LIFO, 0, NULL);

  for (int i = 0; i < 100; i++)
    put_int (queue, i);
  for (int i = 99; i >= 50; i--)
    g_assert_cmpint (get_int (queue), ==, i);
  put_int (queue, 1000);
  g_assert_cmpint (get_int (queue), ==, 1000);
  for (int i = 49; i >= 0; i--)
    g_assert_cmpint (get_int (queue), ==, i);
  g_assert_true (thredo_queue_is_empty (queue));
}

static void
test_priority_numbers (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, NULL, NULL, NULL);
  g_autoptr(GRand) rand = g_rand_new_with_seed (7);
  int last = G_MININT;

  put_int (queue, G_MAXINT);
  put_int (queue, G_MININT);
  for (int i = 0; i < 1000; i++)
    put_int (queue, g_rand_int_range (rand, -500, 500));
  for (int i = 0; i < 1002; i++)
    {
      int number = get_int (queue);

      g_assert_cmpint (last, <=, number);
      last = number;
    }
  g_assert_cmpint (last, ==, G_MAXINT);
}

static void
test_priority_doubles (void)
{
  static const double numbers[] = { 3.5, -1e300, 0.0, 1e-300, 2.0, 1e300 };
  static const double sorted[] = { -1e300, 0.0, 1e-300, 2.0, 3.5, 1e300 };
  g_autoptr(ThredoQueue) queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_PRIORITY, 0, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      g_value_init (&value, G_TYPE_DOUBLE);
      g_value_set_double (&value, numbers[i]);
      g_assert_true (thredo_queue_try_put (queue, &value, NULL));
    }
  for (guint i = 0; i < G_N_ELEMENTS (sorted); i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      g_assert_true (thredo_queue_try_get (queue, &value, NULL));
      g_assert_cmpfloat (g_value_get_double (&value), ==, sorted[i]);
    }
}

static void
test_priority_wide_numbers (void)
{
  static const guint64 numbers[] = { G_MAXUINT64, 1, G_MAXUINT64 - 1, 0 };
  static const guint64 sorted[] = { 0, 1, G_MAXUINT64 - 1, G_MAXUINT64 };
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, NULL, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      g_value_init (&value, G_TYPE_UINT64);
      g_value_set_uint64 (&value, numbers[i]);
      g_assert_true (thredo_queue_try_put (queue, &value, NULL));
    }
  for (guint i = 0; i < G_N_ELEMENTS (sorted); i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      g_assert_true (thredo_queue_try_get (queue, &value, NULL));
      g_assert_cmpuint (g_value_get_uint64 (&value), ==, sorted[i]);
    }
}

static void
test_priority_strings (void)
{
  static const char *words[] = { "pear", "apple", "", "quince", "banana" };
  static const char *sorted[] = { "", "apple", "banana", "pear", "quince" };
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, NULL, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      g_value_init (&value, G_TYPE_STRING);
      g_value_set_string (&value, words[i]);
      g_assert_true (thredo_queue_try_put (queue, &value, NULL));
    }
  for (guint i = 0; i < G_N_ELEMENTS (sorted); i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      g_assert_true (thredo_queue_try_get (queue, &value, NULL));
      g_assert_cmpstr (g_value_get_string (&value), ==, sorted[i]);
    }
}

/* Compares by tens only, so that there are many equals, told apart by units. */
static int
compare_tens (const GValue *a,
              const GValue *b,
              gpointer      user_data)
{
  int *n_calls = user_data;

  g_atomic_int_inc (n_calls);
  return g_value_get_int (a) / 10 - g_value_get_int (b) / 10;
}

static void
test_priority_variants (void)
{
  const char *const texts[] = { "<[<3>, <{'a': <1>}>]>", "(1.5, 'b')", "<(1.5, 'a', 'x')>",
                                "[<1.5>, <'a'>]", "(int64 2, true)", "<[<int16 -1>]>" };
  const char *const sorted[] = { "<[<int16 -1>]>", "[<1.5>, <'a'>]", "<(1.5, 'a', 'x')>",
                                 "(1.5, 'b')", "(int64 2, true)", "<[<3>, <{'a': <1>}>]>" };
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, NULL, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_auto(GValue) item = G_VALUE_INIT;

      g_value_init (&item, G_TYPE_VARIANT);
      g_value_take_variant (&item, g_variant_ref_sink (g_variant_new_parsed (texts[i])));
      g_assert_true (thredo_queue_put (queue, &item, NULL, NULL));
    }
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_auto(GValue) item = G_VALUE_INIT;
      g_autoptr(GVariant) expected = g_variant_ref_sink (g_variant_new_parsed (sorted[i]));

      g_assert_true (thredo_queue_get (queue, &item, NULL, NULL));
      g_assert_cmpvariant (g_value_get_variant (&item), expected);
    }
}

/* What has no order of its own comes out as it came. */
static void
test_priority_unordered_variants (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, NULL, NULL, NULL);

  for (int i = 3; i > 0; i--)
    {
      g_auto(GValue) item = G_VALUE_INIT;

      g_value_init (&item, G_TYPE_VARIANT);
      g_value_set_variant (&item, g_variant_new_parsed ("(7, {'a': %i})", i));
      g_assert_true (thredo_queue_put (queue, &item, NULL, NULL));
    }
  for (int i = 3; i > 0; i--)
    {
      g_auto(GValue) item = G_VALUE_INIT;
      g_autoptr(GVariant) expected =
          g_variant_ref_sink (g_variant_new_parsed ("(7, {'a': %i})", i));

      g_assert_true (thredo_queue_get (queue, &item, NULL, NULL));
      g_assert_cmpvariant (g_value_get_variant (&item), expected);
    }
}

static void
test_priority_stable (void)
{
  int n_calls = 0;
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, compare_tens, &n_calls, NULL);
  g_autoptr(GRand) rand = g_rand_new_with_seed (11);
  int units[50] = { 0 };
  int seen[50] = { 0 };
  int last_ten = 0;

  /* Every ten gets its units in rising order, the tens come in any. */
  for (int i = 0; i < 2000; i++)
    {
      int ten = g_rand_int_range (rand, 0, 50);

      if (units[ten] < 10)
        put_int (queue, ten * 10 + units[ten]++);
    }
  g_assert_cmpint (n_calls, >, 0);
  while (!thredo_queue_is_empty (queue))
    {
      int number = get_int (queue);

      g_assert_cmpint (number / 10, >=, last_ten);
      last_ten = number / 10;
      g_assert_cmpint (number % 10, ==, seen[last_ten]);
      seen[last_ten]++;
    }
  for (int i = 0; i < 50; i++)
    g_assert_cmpint (seen[i], ==, units[i]);
}

static void
test_priority_stable_interleaved (void)
{
  int n_calls = 0;
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, compare_tens, &n_calls, NULL);

  put_int (queue, 21);
  put_int (queue, 11);
  put_int (queue, 22);
  put_int (queue, 12);
  g_assert_cmpint (get_int (queue), ==, 11);
  put_int (queue, 13);
  put_int (queue, 5);
  g_assert_cmpint (get_int (queue), ==, 5);
  g_assert_cmpint (get_int (queue), ==, 12);
  put_int (queue, 20);
  g_assert_cmpint (get_int (queue), ==, 13);
  g_assert_cmpint (get_int (queue), ==, 21);
  g_assert_cmpint (get_int (queue), ==, 22);
  g_assert_cmpint (get_int (queue), ==, 20);
}

static int
compare_descending (const GValue *a,
                    const GValue *b,
                    gpointer      user_data)
{
  return g_value_get_int (b) - g_value_get_int (a);
}

static void
test_priority_compare (void)
{
  int n_destroyed = 0;
  ThredoQueue *queue;

  queue = thredo_queue_new_priority (0, compare_descending, &n_destroyed, support_count_destroy);
  put_int (queue, 1);
  put_int (queue, 3);
  put_int (queue, 2);
  g_assert_cmpint (get_int (queue), ==, 3);
  g_assert_cmpint (get_int (queue), ==, 2);
  g_assert_cmpint (n_destroyed, ==, 0);
  g_object_unref (queue);
  g_assert_cmpint (n_destroyed, ==, 1);
}

/* 0 is the least, and all that a negative number can be compared with. */
static int
compare_if_positive (const GValue *a,
                     const GValue *b,
                     gpointer      user_data)
{
  int number_a = g_value_get_int (a);
  int number_b = g_value_get_int (b);

  if (number_a == 0 || number_b == 0)
    return (number_b == 0) - (number_a == 0);
  return number_a < 0 || number_b < 0 ? G_MININT : number_a - number_b;
}

static void
test_priority_incomparable (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (0, compare_if_positive, NULL, NULL);
  g_autoptr(GError) error = NULL;

  put_int (queue, -1);
  g_assert_false (try_put_int (queue, 5, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
  g_assert_cmpint (get_int (queue), ==, -1);

  /* They get on with the least of all, but not with each other. */
  put_int (queue, 0);
  put_int (queue, 7);
  put_int (queue, -2);
  put_int (queue, 8);
  g_assert_false (try_put_int (queue, -3, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 4);
  g_assert_cmpint (get_int (queue), ==, 0);
  g_assert_cmpint (get_int (queue) + get_int (queue) + get_int (queue), ==, 7 - 2 + 8);
  g_assert_true (thredo_queue_is_empty (queue));
}

/* --- values --------------------------------------------------------------- */

static GValue *
value_new (GPtrArray *values,
           GType      type)
{
  GValue *value = g_new0 (GValue, 1);

  g_value_init (value, type);
  g_ptr_array_add (values, value);

  return value;
}

static void
value_free (gpointer value)
{
  g_value_unset (value);
  g_free (value);
}

static GPtrArray *
make_values (void)
{
  GPtrArray *values = g_ptr_array_new_with_free_func (value_free);
  const char *words[] = { "one", "two", NULL };

  g_value_set_boolean (value_new (values, G_TYPE_BOOLEAN), TRUE);
  g_value_set_schar (value_new (values, G_TYPE_CHAR), -7);
  g_value_set_uchar (value_new (values, G_TYPE_UCHAR), 200);
  g_value_set_int (value_new (values, G_TYPE_INT), G_MININT);
  g_value_set_uint (value_new (values, G_TYPE_UINT), G_MAXUINT);
  g_value_set_long (value_new (values, G_TYPE_LONG), G_MINLONG);
  g_value_set_ulong (value_new (values, G_TYPE_ULONG), G_MAXULONG);
  g_value_set_int64 (value_new (values, G_TYPE_INT64), G_MININT64);
  g_value_set_uint64 (value_new (values, G_TYPE_UINT64), G_MAXUINT64);
  g_value_set_float (value_new (values, G_TYPE_FLOAT), 0.5f);
  g_value_set_double (value_new (values, G_TYPE_DOUBLE), 1e-300);
  g_value_set_enum (value_new (values, THREDO_TYPE_QUEUE_ORDER), THREDO_QUEUE_ORDER_LIFO);
  g_value_set_flags (value_new (values, THREDO_TYPE_RUN_FLAGS), THREDO_RUN_HANDLE_SIGNALS);
  g_value_set_gtype (value_new (values, G_TYPE_GTYPE), THREDO_TYPE_QUEUE);
  g_value_set_pointer (value_new (values, G_TYPE_POINTER), values);
  g_value_set_string (value_new (values, G_TYPE_STRING), "text");
  g_value_set_string (value_new (values, G_TYPE_STRING), "");
  g_value_set_string (value_new (values, G_TYPE_STRING), NULL);
  g_value_set_variant (value_new (values, G_TYPE_VARIANT), g_variant_new ("(is)", 5, "five"));
  g_value_set_boxed (value_new (values, G_TYPE_STRV), words);
  g_value_take_boxed (value_new (values, G_TYPE_BYTES), g_bytes_new ("abc", 3));
  g_value_set_boxed (value_new (values, G_TYPE_BYTES), NULL);
  g_value_take_object (value_new (values, G_TYPE_OBJECT), g_object_new (G_TYPE_OBJECT, NULL));
  g_value_take_object (value_new (values, THREDO_TYPE_QUEUE), thredo_queue_new (0));
  g_value_set_object (value_new (values, G_TYPE_OBJECT), NULL);
  g_value_take_param (value_new (values, G_TYPE_PARAM),
                      g_param_spec_int ("number", NULL, NULL, 0, 1, 0, G_PARAM_READWRITE));

  return values;
}

static void
assert_same_value (const GValue *a,
                   const GValue *b)
{
  g_assert_cmpstr (G_VALUE_TYPE_NAME (a), ==, G_VALUE_TYPE_NAME (b));

  if (G_VALUE_HOLDS_STRING (a))
    g_assert_cmpstr (g_value_get_string (a), ==, g_value_get_string (b));
  else if (G_VALUE_HOLDS_VARIANT (a))
    g_assert_cmpvariant (g_value_get_variant (a), g_value_get_variant (b));
  else if (G_VALUE_HOLDS (a, G_TYPE_STRV))
    g_assert_cmpstrv (g_value_get_boxed (a), g_value_get_boxed (b));
  else
    g_assert_cmpmem (&a->data[0], sizeof a->data[0], &b->data[0], sizeof b->data[0]);
}

static void
test_values (void)
{
  g_autoptr(GPtrArray) values = make_values ();
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < values->len; i++)
    {
      gboolean ok = thredo_queue_put (queue, g_ptr_array_index (values, i), NULL, &error);

      g_assert_no_error (error);
      g_assert_true (ok);
    }
  for (guint i = 0; i < values->len; i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;
      gboolean ok = thredo_queue_get (queue, &value, NULL, &error);

      g_assert_no_error (error);
      g_assert_true (ok);
      assert_same_value (&value, g_ptr_array_index (values, i));
    }
}

typedef struct
{
  ThredoQueue *from;
  ThredoQueue *to;
} Pipe;

static gboolean
forward (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  Pipe *pipe = user_data;

  for (;;)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      if (!thredo_queue_get (pipe->from, &value, NULL, error))
        return FALSE;
      if (!thredo_queue_put (pipe->to, &value, NULL, error))
        return FALSE;
    }
}

/* Every kind of value, handed to a parked getter, and from a parked putter. */
static void
test_values_handed_over (void)
{
  g_autoptr(GPtrArray) values = make_values ();
  g_autoptr(ThredoQueue) from = thredo_queue_new (1);
  g_autoptr(ThredoQueue) to = thredo_queue_new (1);
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Pipe pipe = { from, to };

  thread = thredo_thread_spawn ("forward", forward, &pipe, NULL, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < values->len; i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      support_wait_for_wait (thread, "get on Queue");
      g_assert_true (thredo_queue_put (from, g_ptr_array_index (values, i), NULL, &error));
      g_assert_true (thredo_queue_get (to, &value, NULL, &error));
      assert_same_value (&value, g_ptr_array_index (values, i));
    }
  put_int (to, -1);
  for (guint i = 0; i < values->len; i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      g_assert_true (thredo_queue_put (from, g_ptr_array_index (values, i), NULL, &error));
      support_wait_for_wait (thread, "put on Queue");
      if (i == 0)
        {
          g_assert_cmpint (get_int (to), ==, -1);
        }
      else
        {
          g_assert_true (thredo_queue_get (to, &value, NULL, &error));
          assert_same_value (&value, g_ptr_array_index (values, i - 1));
        }
    }
  thredo_queue_close (from);
  thredo_queue_close (to);
  thredo_thread_wait (thread, NULL, NULL);
}

static void
test_value_misuse (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*");
  g_assert_false (thredo_queue_put (queue, NULL, NULL, NULL));
  g_test_assert_expected_messages ();
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*");
  g_assert_false (thredo_queue_try_put (queue, NULL, NULL));
  g_test_assert_expected_messages ();
  g_assert_true (thredo_queue_is_empty (queue));
}

/* --- ownership ------------------------------------------------------------ */

static void
test_owns_object (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
  GValue value = G_VALUE_INIT;
  GWeakRef weak;
  gpointer alive;

  g_weak_ref_init (&weak, object);
  g_value_init (&value, G_TYPE_OBJECT);
  g_value_take_object (&value, object);
  g_assert_true (thredo_queue_put (queue, &value, NULL, NULL));
  g_assert_cmpuint (object->ref_count, ==, 2);
  g_value_unset (&value);
  g_assert_cmpuint (object->ref_count, ==, 1);

  g_assert_true (thredo_queue_get (queue, &value, NULL, NULL));
  g_assert_true (g_value_get_object (&value) == object);
  g_assert_cmpuint (object->ref_count, ==, 1);
  g_value_unset (&value);
  alive = g_weak_ref_get (&weak);
  g_assert_null (alive);
  g_weak_ref_clear (&weak);
}

static void
test_owns_object_handed_over (void)
{
  g_autoptr(ThredoQueue) from = thredo_queue_new (0);
  g_autoptr(ThredoQueue) to = thredo_queue_new (0);
  g_autoptr(ThredoThread) thread = NULL;
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
  GValue value = G_VALUE_INIT;
  Pipe pipe = { from, to };

  g_object_add_weak_pointer (object, (gpointer *) &object);
  thread = thredo_thread_spawn ("forward", forward, &pipe, NULL, NULL);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  g_value_init (&value, G_TYPE_OBJECT);
  g_value_take_object (&value, object);
  g_assert_true (thredo_queue_put (from, &value, NULL, NULL));
  g_value_unset (&value);
  g_assert_true (thredo_queue_get (to, &value, NULL, NULL));
  thredo_queue_close (from);
  thredo_thread_wait (thread, NULL, NULL);

  g_assert_true (g_value_get_object (&value) == object);
  g_assert_cmpuint (object->ref_count, ==, 1);
  g_value_unset (&value);
  g_assert_null (object);
}

static void
test_owns_string (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  char text[] = "before";
  GValue value = G_VALUE_INIT;
  g_auto(GValue) taken = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_STRING);
  g_value_set_static_string (&value, text);
  g_assert_true (thredo_queue_put (queue, &value, NULL, NULL));
  g_value_unset (&value);
  g_value_init (&value, G_TYPE_STRING);
  g_value_take_string (&value, g_strdup ("heap"));
  g_assert_true (thredo_queue_put (queue, &value, NULL, NULL));
  g_value_unset (&value);

  g_assert_true (thredo_queue_get (queue, &taken, NULL, NULL));
  g_assert_cmpstr (g_value_get_string (&taken), ==, "before");
  g_value_unset (&taken);
  g_assert_true (thredo_queue_get (queue, &taken, NULL, NULL));
  g_assert_cmpstr (g_value_get_string (&taken), ==, "heap");
}

/* A boxed type that knows how many copies of it there are. */
typedef struct
{
  int *n_alive;
} Parcel;

static gpointer
parcel_copy (gpointer boxed)
{
  Parcel *copy = g_new (Parcel, 1);

  *copy = *(Parcel *) boxed;
  g_atomic_int_inc (copy->n_alive);

  return copy;
}

static void
parcel_free (gpointer boxed)
{
  Parcel *parcel = boxed;

  g_atomic_int_add (parcel->n_alive, -1);
  g_free (parcel);
}

static GType parcel_get_type (void);

G_DEFINE_BOXED_TYPE (Parcel, parcel, parcel_copy, parcel_free)

static void
put_parcel (ThredoQueue *queue,
            Parcel      *parcel)
{
  g_auto(GValue) value = G_VALUE_INIT;

  g_value_init (&value, parcel_get_type ());
  g_value_set_boxed (&value, parcel);
  g_assert_true (thredo_queue_put (queue, &value, NULL, NULL));
}

static void
test_owns_boxed (void)
{
  ThredoQueue *queue = thredo_queue_new (0);
  int n_alive = 0;
  Parcel parcel = { &n_alive };
  GValue value = G_VALUE_INIT;

  for (int i = 0; i < 3; i++)
    put_parcel (queue, &parcel);
  g_assert_cmpint (n_alive, ==, 3);
  g_assert_true (thredo_queue_get (queue, &value, NULL, NULL));
  g_assert_cmpint (n_alive, ==, 3);
  g_value_unset (&value);
  g_assert_cmpint (n_alive, ==, 2);
  g_object_unref (queue);
  g_assert_cmpint (n_alive, ==, 0);
}

static int
compare_equal (const GValue *a,
               const GValue *b,
               gpointer      user_data)
{
  return 0;
}

static void
test_owns_dropped (void)
{
  ThredoQueue *queues[] = {
    thredo_queue_new (0),
    thredo_queue_new_full (THREDO_QUEUE_ORDER_LIFO, 0, NULL),
    thredo_queue_new_priority (0, compare_equal, NULL, NULL),
  };

  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      int n_alive = 0;
      Parcel parcel = { &n_alive };
      GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
      GValue value = G_VALUE_INIT;

      g_object_add_weak_pointer (object, (gpointer *) &object);
      put_parcel (queues[i], &parcel);
      put_parcel (queues[i], &parcel);
      g_value_init (&value, G_TYPE_OBJECT);
      g_value_take_object (&value, object);
      g_assert_true (thredo_queue_put (queues[i], &value, NULL, NULL));
      g_value_unset (&value);
      g_assert_nonnull (object);
      g_assert_cmpint (n_alive, ==, 2);

      g_object_unref (queues[i]);
      g_assert_cmpint (n_alive, ==, 0);
      g_assert_null (object);
    }
}

/* What was refused, cancelled or timed out is still the caller's, and only his. */
static void
test_owns_refused (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(ThredoScope) scope = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) object = g_object_new (G_TYPE_OBJECT, NULL);
  g_auto(GValue) value = G_VALUE_INIT;

  put_int (queue, 1);
  g_value_init (&value, G_TYPE_OBJECT);
  g_value_set_object (&value, object);
  g_assert_cmpuint (object->ref_count, ==, 2);

  g_assert_false (thredo_queue_try_put (queue, &value, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_cmpuint (object->ref_count, ==, 2);

  scope = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  thredo_scope_enter (scope);
  g_assert_false (thredo_queue_put (queue, &value, NULL, &error));
  thredo_scope_leave (scope);
  support_assert_timed_out (&error);
  g_assert_cmpuint (object->ref_count, ==, 2);

  thredo_queue_close (queue);
  g_assert_false (thredo_queue_put (queue, &value, NULL, &error));
  support_assert_closed (&error);
  g_assert_cmpuint (object->ref_count, ==, 2);
}

/* --- pointers ------------------------------------------------------------- */

static void
test_pointer_round_trip (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;
  int numbers[3];

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      gboolean ok = thredo_queue_put_pointer (queue, &numbers[i], NULL, &error);

      g_assert_no_error (error);
      g_assert_true (ok);
    }
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 3);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      gpointer item = thredo_queue_get_pointer (queue, NULL, &error);

      g_assert_no_error (error);
      g_assert_true (item == &numbers[i]);
    }
}

static void
test_pointer_free_func (void)
{
  ThredoQueue *queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_FIFO, 0, support_count_destroy);
  int n_freed = 0;
  gpointer item;

  for (int i = 0; i < 5; i++)
    g_assert_true (thredo_queue_put_pointer (queue, &n_freed, NULL, NULL));
  item = thredo_queue_get_pointer (queue, NULL, NULL);
  g_assert_true (item == &n_freed);
  item = thredo_queue_get_pointer (queue, NULL, NULL);
  g_assert_true (item == &n_freed);
  g_assert_cmpint (n_freed, ==, 0);

  /* Closing keeps what is inside: it can still be drained. */
  thredo_queue_close (queue);
  g_assert_cmpint (n_freed, ==, 0);
  g_object_unref (queue);
  g_assert_cmpint (n_freed, ==, 3);
}

static void
test_pointer_refused (void)
{
  ThredoQueue *queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_FIFO, 1, support_count_destroy);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  int n_freed = 0;

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_queue_put_pointer (queue, &n_freed, cancellable, &error));
  support_assert_cancelled (&error);
  thredo_queue_close (queue);
  g_assert_false (thredo_queue_put_pointer (queue, &n_freed, NULL, &error));
  support_assert_closed (&error);
  g_assert_null (thredo_queue_get_pointer (queue, NULL, &error));
  support_assert_closed (&error);
  g_object_unref (queue);
  g_assert_cmpint (n_freed, ==, 0);
}

static void
test_pointer_on_another_item (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;

  put_int (queue, 5);
  put_int (queue, 6);
  g_assert_null (thredo_queue_get_pointer (queue, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 2);
  g_assert_cmpint (get_int (queue), ==, 5);
  g_assert_cmpint (get_int (queue), ==, 6);
}

static gboolean
get_pointer_once (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  Use *use = user_data;

  use->ok = thredo_queue_get_pointer (use->queue, use->cancellable, error) != NULL;

  return use->ok;
}

/* A parked get_pointer() that an item arrives for which is no pointer. */
static void
test_pointer_on_another_item_parked (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Use use = { .queue = queue };

  use_start_and_park (&use, get_pointer_once);
  put_int (queue, 5);
  use_end_failed (&use, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
  g_assert_cmpint (get_int (queue), ==, 5);
}

static void
test_pointer_null (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*");
  g_assert_false (thredo_queue_put_pointer (queue, NULL, NULL, NULL));
  g_test_assert_expected_messages ();
  g_assert_true (thredo_queue_is_empty (queue));
}

/* --- get ------------------------------------------------------------------ */

static void
test_get_waits (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Use use = { .queue = queue };

  use_start_and_park (&use, get_once);
  put_int (queue, 42);
  use_end_ok (&use);
  g_assert_cmpint (use.number, ==, 42);
  g_assert_true (thredo_queue_is_empty (queue));
}

static void
test_get_ignoring_errors (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_auto(GValue) value = G_VALUE_INIT;

  thredo_queue_close (queue);
  g_assert_false (thredo_queue_get (queue, &value, NULL, NULL));
  g_assert_false (thredo_queue_try_get (queue, &value, NULL));
  g_assert_null (thredo_queue_get_pointer (queue, NULL, NULL));
}

static void
test_get_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Use use = { .queue = queue };

  use_start_and_park (&use, get_once);
  thredo_thread_cancel (use.thread);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  put_int (queue, 1);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
}

static void
test_get_cancellable (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { .queue = queue, .cancellable = cancellable };

  use_start_and_park (&use, get_once);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_get_scope_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { .queue = queue, .scope = scope };

  use_start_and_park (&use, get_once);
  thredo_scope_cancel (scope);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_get_deadline (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  thredo_scope_enter (scope);
  g_assert_false (thredo_queue_get (queue, &value, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_true (thredo_scope_is_expired (scope));
  thredo_scope_leave (scope);

  put_int (queue, 1);
  g_assert_cmpint (get_int (queue), ==, 1);
}

static void
test_get_outer_deadline (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoScope) outer = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(ThredoScope) inner = thredo_scope_new_with_timeout (SUPPORT_FOREVER);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  thredo_scope_enter (outer);
  thredo_scope_enter (inner);
  g_assert_false (thredo_queue_get (queue, &value, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_true (thredo_scope_is_expired (outer));
  g_assert_false (thredo_scope_is_expired (inner));
  thredo_scope_leave (inner);
  thredo_scope_leave (outer);
}

/* The cancel comes first: an item that is there is left where it is. */
static void
test_get_cancelled_before (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  put_int (queue, 1);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_queue_get (queue, &value, cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_null (thredo_queue_get_pointer (queue, cancellable, &error));
  support_assert_cancelled (&error);

  thredo_scope_enter (scope);
  g_assert_false (thredo_queue_get (queue, &value, NULL, &error));
  support_assert_timed_out (&error);
  /* A cancel beats a deadline. */
  g_assert_false (thredo_queue_get (queue, &value, cancellable, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);

  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
  g_assert_cmpint (get_int (queue), ==, 1);
}

static gboolean
get_shielded (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  gboolean ok;

  thredo_scope_enter (shield);
  ok = get_once (thread, use, error);
  thredo_scope_leave (shield);
  if (!ok)
    return FALSE;

  /* And outside of the shield the cancel is felt. */
  return thredo_check_cancelled (NULL, error);
}

static void
test_get_shielded (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { .queue = queue };
  g_autoptr(GError) error = NULL;

  use_start_and_park (&use, get_shielded);
  thredo_thread_cancel (use.thread);
  g_assert_true (thredo_thread_is_cancelled (use.thread));
  put_int (queue, 7);
  g_assert_false (thredo_thread_join (use.thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_true (use.ok);
  g_assert_cmpint (use.number, ==, 7);
  g_clear_object (&use.thread);

  /* An explicit cancellable reaches into the shield. */
  use = (Use) { .queue = queue, .cancellable = cancellable };
  use_start_and_park (&use, get_shielded);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Ten wait, one in the middle is cancelled: the rest is served in order. */
static void
test_get_in_order (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Use uses[N_WAITERS];
  int next = 100;

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .queue = queue };
      use_start_and_park (&uses[i], get_once);
    }
  thredo_thread_cancel (uses[4].thread);
  use_end_failed (&uses[4], G_IO_ERROR, G_IO_ERROR_CANCELLED);

  for (int i = 0; i < N_WAITERS - 1; i++)
    {
      put_int (queue, 100 + i);
      /* Handed over, not left for whoever comes first. */
      g_assert_cmpuint (thredo_queue_get_length (queue), ==, 0);
    }
  for (int i = 0; i < N_WAITERS; i++)
    {
      if (i == 4)
        continue;
      use_end_ok (&uses[i]);
      g_assert_cmpint (uses[i].number, ==, next++);
    }
}

/* First, last and neighbours leave the line too, by each cause there is. */
static void
test_get_in_order_many_leave (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use uses[N_WAITERS];
  int next = 0;

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .queue = queue };
      if (i == 3)
        uses[i].cancellable = cancellable;
      if (i == 4)
        uses[i].scope = scope;
      use_start_and_park (&uses[i], get_once);
    }
  g_cancellable_cancel (cancellable);
  thredo_scope_set_deadline (scope, 0);
  thredo_thread_cancel (uses[0].thread);
  thredo_thread_cancel (uses[N_WAITERS - 1].thread);
  use_end_failed (&uses[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  use_end_failed (&uses[3], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  use_end_failed (&uses[4], G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  use_end_failed (&uses[N_WAITERS - 1], G_IO_ERROR, G_IO_ERROR_CANCELLED);

  for (int i = 0; i < N_WAITERS - 4; i++)
    put_int (queue, i);
  for (int i = 0; i < N_WAITERS; i++)
    {
      if (uses[i].thread == NULL)
        continue;
      use_end_ok (&uses[i]);
      g_assert_cmpint (uses[i].number, ==, next++);
    }
}

static void
test_waiting_for (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  Use getter = { .queue = queue };
  Use putter = { .queue = queue };
  Use joiner = { .queue = queue };

  thredo_queue_set_name (queue, "jobs");
  use_start (&getter, get_once);
  support_wait_for_wait (getter.thread, "get on Queue 'jobs'");
  support_cancel_and_join (getter.thread);
  g_assert_null (thredo_thread_dup_waiting_for (getter.thread));
  g_clear_object (&getter.thread);

  put_int (queue, 1);
  use_start (&putter, put_once);
  support_wait_for_wait (putter.thread, "put on Queue 'jobs'");
  support_cancel_and_join (putter.thread);
  g_clear_object (&putter.thread);

  thredo_queue_set_name (queue, NULL);
  use_start (&joiner, join_once);
  support_wait_for_wait (joiner.thread, "join on Queue");
  support_cancel_and_join (joiner.thread);
  g_clear_object (&joiner.thread);
}

typedef struct
{
  ThredoQueue *queue;
  gboolean done;
} LoopCall;

static gboolean
use_queue_on_loop (gpointer user_data)
{
  LoopCall *call = user_data;
  g_auto(GValue) value = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  /* It would block, and the loop must not. */
  g_assert_false (thredo_queue_get (call->queue, &value, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_assert_true (try_put_int (call->queue, 1, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_queue_try_get (call->queue, &value, &error));
  g_assert_no_error (error);
  g_atomic_int_set (&call->done, TRUE);

  return G_SOURCE_REMOVE;
}

static void
test_get_on_loop_thread (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  LoopCall call = { queue, FALSE };

  g_main_context_invoke (thredo_get_main_context (), use_queue_on_loop, &call);
  support_wait_for_int (&call.done, TRUE);
}

typedef struct
{
  ThredoQueue *queue;
  ThredoThread *main_thread;
  ThredoThread *putters[2];
  gboolean done;
} BlockingCallback;

static gboolean
put_when_main_waits (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  BlockingCallback *callback = user_data;

  support_wait_for_state (callback->main_thread, THREDO_THREAD_STATE_WAITING);
  put_int (callback->queue, 3);

  return TRUE;
}

static gboolean
get_in_callback (gpointer user_data)
{
  BlockingCallback *callback = user_data;

  for (int i = 0; i < 2; i++)
    {
      callback->putters[i] =
          thredo_thread_spawn ("putter", put_when_main_waits, callback, NULL, NULL);
      g_assert_cmpint (get_int (callback->queue), ==, 3);
    }
  callback->done = TRUE;

  return G_SOURCE_REMOVE;
}

/* It works, and is warned of once. */
static void
test_get_in_main_loop (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  BlockingCallback callback = { .queue = queue, .main_thread = thredo_thread_self () };

  g_idle_add (get_in_callback, &callback);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, "*thredo_queue_get()*main loop*");
  support_iterate_until (&callback.done);
  g_test_assert_expected_messages ();
  for (int i = 0; i < 2; i++)
    {
      support_join_ok (callback.putters[i]);
      g_object_unref (callback.putters[i]);
    }
}

/* --- put ------------------------------------------------------------------ */

static void
test_put_waits (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (2);
  Use use = { .queue = queue, .number = 3 };

  put_int (queue, 1);
  put_int (queue, 2);
  use_start_and_park (&use, put_once);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 2);
  g_assert_cmpint (get_int (queue), ==, 1);
  use_end_ok (&use);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 2);
  g_assert_cmpint (get_int (queue), ==, 2);
  g_assert_cmpint (get_int (queue), ==, 3);
}

/* The room a try_get() makes is a parked putter's as well. */
static void
test_put_waits_for_try_get (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_auto(GValue) value = G_VALUE_INIT;
  Use use = { .queue = queue, .number = 2 };

  put_int (queue, 1);
  use_start_and_park (&use, put_once);
  g_assert_true (thredo_queue_try_get (queue, &value, NULL));
  use_end_ok (&use);
  g_assert_cmpint (get_int (queue), ==, 2);
}

static void
assert_only_first_item (ThredoQueue *queue)
{
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 1);
  g_assert_cmpint (get_int (queue), ==, 1);
  g_assert_true (thredo_queue_is_empty (queue));
}

static void
test_put_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  Use use = { .queue = queue, .number = 2 };

  put_int (queue, 1);
  use_start_and_park (&use, put_once);
  thredo_thread_cancel (use.thread);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_only_first_item (queue);
}

static void
test_put_cancellable (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { .queue = queue, .cancellable = cancellable, .number = 2 };

  put_int (queue, 1);
  use_start_and_park (&use, put_once);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_only_first_item (queue);
}

static void
test_put_scope_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { .queue = queue, .scope = scope, .number = 2 };

  put_int (queue, 1);
  use_start_and_park (&use, put_once);
  thredo_scope_cancel (scope);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_only_first_item (queue);
}

static void
test_put_deadline (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  put_int (queue, 1);
  g_value_init (&value, G_TYPE_INT);
  thredo_scope_enter (scope);
  g_assert_false (thredo_queue_put (queue, &value, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  assert_only_first_item (queue);
}

static void
test_put_cancelled_before (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  g_cancellable_cancel (cancellable);
  g_value_init (&value, G_TYPE_INT);
  g_assert_false (thredo_queue_put (queue, &value, cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_true (thredo_queue_is_empty (queue));
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 0);
}

static void
test_put_in_order (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  Use uses[N_WAITERS];

  put_int (queue, -1);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .queue = queue, .number = i };
      use_start_and_park (&uses[i], put_once);
    }
  thredo_thread_cancel (uses[4].thread);
  use_end_failed (&uses[4], G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_assert_cmpint (get_int (queue), ==, -1);
  for (int i = 0; i < N_WAITERS; i++)
    {
      if (i == 4)
        continue;
      /* The next in line moved up as the item before it left. */
      g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
      g_assert_cmpint (get_int (queue), ==, i);
      use_end_ok (&uses[i]);
    }
  g_assert_true (thredo_queue_is_empty (queue));
}

/* Parked putters of a priority queue: what is inside is sorted, who waits is not. */
static void
test_put_waits_priority (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (2, NULL, NULL, NULL);
  Use use = { .queue = queue, .number = 0 };

  put_int (queue, 5);
  put_int (queue, 3);
  use_start_and_park (&use, put_once);
  g_assert_cmpint (get_int (queue), ==, 3);
  use_end_ok (&use);
  g_assert_cmpint (get_int (queue), ==, 0);
  g_assert_cmpint (get_int (queue), ==, 5);
}

/* Who waits to put what cannot be compared is sent home when there is room, and the
 * next one goes. */
static void
test_put_waits_incomparable (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (2, compare_if_positive, NULL, NULL);
  Use bad = { .queue = queue, .number = -3 };
  Use good = { .queue = queue, .number = 4 };

  put_int (queue, 2);
  put_int (queue, 3);
  use_start_and_park (&bad, put_once);
  use_start_and_park (&good, put_once);
  g_assert_cmpint (get_int (queue), ==, 2);
  use_end_failed (&bad, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  use_end_ok (&good);
  g_assert_cmpint (get_int (queue), ==, 3);
  g_assert_cmpint (get_int (queue), ==, 4);
  g_assert_true (thredo_queue_is_empty (queue));
}

/* --- try_put, try_get ----------------------------------------------------- */

static void
test_try (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  g_assert_false (thredo_queue_try_get (queue, &value, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_true (try_put_int (queue, 1, &error));
  g_assert_no_error (error);
  g_assert_false (try_put_int (queue, 2, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_true (thredo_queue_try_get (queue, &value, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_value_get_int (&value), ==, 1);
}

static void
test_try_hands_over (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  Use use = { .queue = queue };

  use_start_and_park (&use, get_once);
  g_assert_true (try_put_int (queue, 9, NULL));
  use_end_ok (&use);
  g_assert_cmpint (use.number, ==, 9);
}

/* They ask for nothing but the queue. */
static void
test_try_when_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  thredo_scope_enter (scope);
  thredo_scope_cancel (scope);
  g_assert_false (thredo_check_cancelled (NULL, NULL));
  g_assert_true (try_put_int (queue, 1, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_queue_try_get (queue, &value, &error));
  g_assert_no_error (error);
  task_done (queue);
  thredo_scope_leave (scope);
}

/* --- task_done, join ------------------------------------------------------ */

static void
test_join_nothing (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;

  g_assert_true (thredo_queue_join (queue, NULL, &error));
  g_assert_no_error (error);
}

static void
test_join_waits (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Use joiners[3];
  int number = 0;

  put_int (queue, 1);
  g_assert_true (try_put_int (queue, 2, NULL));
  g_assert_true (thredo_queue_put_pointer (queue, &number, NULL, NULL));
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 3);
  for (int i = 0; i < 3; i++)
    {
      joiners[i] = (Use) { .queue = queue };
      use_start_and_park (&joiners[i], join_once);
    }

  get_int (queue);
  get_int (queue);
  g_assert_nonnull (thredo_queue_get_pointer (queue, NULL, NULL));
  g_assert_true (thredo_queue_is_empty (queue));
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 3);
  task_done (queue);
  task_done (queue);
  for (int i = 0; i < 3; i++)
    g_assert_cmpint (thredo_thread_get_state (joiners[i].thread), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 1);
  task_done (queue);
  for (int i = 0; i < 3; i++)
    use_end_ok (&joiners[i]);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 0);
}

/* An item handed to a parked getter, and one of a parked putter, count as well. */
static void
test_join_handed_over (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  Use getter = { .queue = queue };
  Use putter = { .queue = queue, .number = 3 };

  use_start_and_park (&getter, get_once);
  put_int (queue, 1);
  use_end_ok (&getter);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 1);
  put_int (queue, 2);
  use_start_and_park (&putter, put_once);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 2);
  get_int (queue);
  use_end_ok (&putter);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 3);
  get_int (queue);
  for (int i = 0; i < 3; i++)
    task_done (queue);
  g_assert_true (thredo_queue_join (queue, NULL, NULL));
}

static void
test_task_done_too_often (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_queue_task_done (queue, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  put_int (queue, 1);
  get_int (queue);
  task_done (queue);
  g_assert_false (thredo_queue_task_done (queue, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_false (thredo_queue_task_done (queue, NULL));
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 0);

  /* And the queue is none the worse for it. */
  put_int (queue, 2);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 1);
}

static void
test_join_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoScope) late = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;
  Use joiners[4] = {
    { .queue = queue },
    { .queue = queue, .cancellable = cancellable },
    { .queue = queue, .scope = scope },
    { .queue = queue },
  };

  put_int (queue, 1);
  for (int i = 0; i < 4; i++)
    use_start_and_park (&joiners[i], join_once);
  thredo_thread_cancel (joiners[0].thread);
  g_cancellable_cancel (cancellable);
  thredo_scope_cancel (scope);
  for (int i = 0; i < 3; i++)
    use_end_failed (&joiners[i], G_IO_ERROR, G_IO_ERROR_CANCELLED);

  thredo_scope_enter (late);
  g_assert_false (thredo_queue_join (queue, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (late);

  get_int (queue);
  task_done (queue);
  use_end_ok (&joiners[3]);
}

/* --- close ---------------------------------------------------------------- */

static void
test_close_drain (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;

  put_int (queue, 1);
  put_int (queue, 2);
  put_int (queue, 3);
  thredo_queue_close (queue);
  g_assert_true (thredo_queue_is_closed (queue));

  g_value_init (&value, G_TYPE_INT);
  g_assert_false (thredo_queue_put (queue, &value, NULL, &error));
  support_assert_closed (&error);
  g_assert_false (thredo_queue_try_put (queue, &value, &error));
  support_assert_closed (&error);
  g_assert_false (thredo_queue_put_pointer (queue, queue, NULL, &error));
  support_assert_closed (&error);
  g_value_unset (&value);

  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 3);
  g_assert_cmpint (get_int (queue), ==, 1);
  g_assert_cmpint (get_int (queue), ==, 2);
  g_assert_true (thredo_queue_try_get (queue, &value, &error));
  g_value_unset (&value);
  g_assert_false (thredo_queue_get (queue, &value, NULL, &error));
  support_assert_closed (&error);
  g_assert_false (thredo_queue_try_get (queue, &value, &error));
  support_assert_closed (&error);
  g_assert_null (thredo_queue_get_pointer (queue, NULL, &error));
  support_assert_closed (&error);

  /* What was taken has still to be done. */
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 3);
  for (int i = 0; i < 3; i++)
    task_done (queue);
  g_assert_true (thredo_queue_join (queue, NULL, &error));
}

static void
test_close_twice (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);

  thredo_queue_close (queue);
  thredo_queue_close (queue);
  g_assert_true (thredo_queue_is_closed (queue));
}

static void
test_close_getters (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Use uses[N_WAITERS];

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .queue = queue };
      use_start_and_park (&uses[i], i % 2 ? get_once : get_pointer_once);
    }
  thredo_queue_close (queue);
  for (int i = 0; i < N_WAITERS; i++)
    use_end_failed (&uses[i], G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_close_putters (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;
  Use uses[N_WAITERS];

  put_int (queue, -1);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .queue = queue, .number = i };
      use_start_and_park (&uses[i], put_once);
    }
  thredo_queue_close (queue);
  for (int i = 0; i < N_WAITERS; i++)
    use_end_failed (&uses[i], G_IO_ERROR, G_IO_ERROR_CLOSED);

  g_assert_cmpint (get_int (queue), ==, -1);
  g_assert_false (thredo_queue_get (queue, &value, NULL, &error));
  support_assert_closed (&error);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 1);
}

/* Joiners are not sent away: what is inside may still be drained and done. */
static void
test_close_joiners (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Use use = { .queue = queue };

  put_int (queue, 1);
  use_start_and_park (&use, join_once);
  thredo_queue_close (queue);
  g_assert_cmpint (get_int (queue), ==, 1);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  task_done (queue);
  use_end_ok (&use);
}

/* --- dropped -------------------------------------------------------------- */

static void
test_drop_getters (void)
{
  ThredoQueue *queue = thredo_queue_new (0);
  Use uses[3];

  for (int i = 0; i < 3; i++)
    {
      uses[i] = (Use) { .queue = queue };
      use_start_and_park (&uses[i], i == 1 ? get_pointer_once : get_once);
    }
  g_object_unref (queue);
  for (int i = 0; i < 3; i++)
    use_end_failed (&uses[i], G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_drop_putters (void)
{
  ThredoQueue *queue = thredo_queue_new (1);
  Use uses[3];

  put_int (queue, -1);
  for (int i = 0; i < 3; i++)
    {
      uses[i] = (Use) { .queue = queue };
      use_start_and_park (&uses[i], put_once);
    }
  g_object_unref (queue);
  for (int i = 0; i < 3; i++)
    use_end_failed (&uses[i], G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_drop_joiners (void)
{
  ThredoQueue *queue = thredo_queue_new (1);
  Use use = { .queue = queue };

  put_int (queue, -1);
  use_start_and_park (&use, join_once);
  g_object_unref (queue);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* --- async ---------------------------------------------------------------- */

static gboolean
finish_get_int (ThredoQueue   *queue,
                GAsyncResult **result,
                int           *number,
                GError       **error)
{
  g_auto(GValue) value = G_VALUE_INIT;
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_queue_get_finish (queue, *result, &value, error);
  if (ok)
    *number = g_value_get_int (&value);
  else
    g_assert_false (G_IS_VALUE (&value));
  g_clear_object (result);

  return ok;
}

static gboolean
finish_put (ThredoQueue   *queue,
            GAsyncResult **result,
            GError       **error)
{
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_queue_put_finish (queue, *result, error);
  g_clear_object (result);

  return ok;
}

static void
put_int_async (ThredoQueue   *queue,
               int            number,
               GCancellable  *cancellable,
               GAsyncResult **result)
{
  g_auto(GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, number);
  thredo_queue_put_async (queue, &value, cancellable, support_keep_result, result);
}

static void
test_async_at_once (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  gboolean ok;
  int number = 0;

  put_int_async (queue, 8, NULL, &result);
  /* As in GIO: never before the call has returned. */
  g_assert_null (result);
  ok = finish_put (queue, &result, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);

  thredo_queue_get_async (queue, NULL, support_keep_result, &result);
  g_assert_null (result);
  ok = finish_get_int (queue, &result, &number, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (number, ==, 8);
}

/* An async getter, served by a thread. */
static void
test_async_get_sync_put (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  Use use = { .queue = queue, .number = 5 };
  gboolean ok;
  int number = 0;

  thredo_queue_get_async (queue, NULL, support_keep_result, &result);
  use_start (&use, put_once);
  use_end_ok (&use);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 0);
  ok = finish_get_int (queue, &result, &number, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (number, ==, 5);
}

/* An async putter waits for room that a thread makes. */
static void
test_async_put_sync_get (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  Use use = { .queue = queue };
  gboolean ok;

  put_int (queue, 1);
  put_int_async (queue, 2, NULL, &result);
  g_main_context_iteration (NULL, FALSE);
  g_assert_null (result);
  use_start (&use, get_once);
  use_end_ok (&use);
  g_assert_cmpint (use.number, ==, 1);
  ok = finish_put (queue, &result, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (get_int (queue), ==, 2);
}

/* A parked thread, served by an async call, in both directions. */
static void
test_async_serves_thread (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  Use getter = { .queue = queue };
  Use putter = { .queue = queue, .number = 3 };
  int number = 0;

  use_start_and_park (&getter, get_once);
  put_int_async (queue, 1, NULL, &result);
  g_assert_true (finish_put (queue, &result, &error));
  use_end_ok (&getter);
  g_assert_cmpint (getter.number, ==, 1);

  put_int (queue, 2);
  use_start_and_park (&putter, put_once);
  thredo_queue_get_async (queue, NULL, support_keep_result, &result);
  g_assert_true (finish_get_int (queue, &result, &number, &error));
  g_assert_cmpint (number, ==, 2);
  use_end_ok (&putter);
  g_assert_cmpint (get_int (queue), ==, 3);
}

/* Threads and async calls wait in one line. */
static void
test_async_in_order (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  GAsyncResult *results[3] = { NULL, NULL, NULL };
  Use uses[3];
  int number = 0;

  for (int i = 0; i < 3; i++)
    {
      thredo_queue_get_async (queue, NULL, support_keep_result, &results[i]);
      uses[i] = (Use) { .queue = queue };
      use_start_and_park (&uses[i], get_once);
    }
  for (int i = 0; i < 6; i++)
    put_int (queue, i);
  for (int i = 2; i >= 0; i--)
    {
      g_assert_true (finish_get_int (queue, &results[i], &number, NULL));
      g_assert_cmpint (number, ==, 2 * i);
      use_end_ok (&uses[i]);
      g_assert_cmpint (uses[i].number, ==, 2 * i + 1);
    }
}

static void
test_async_get_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *first = NULL;
  GAsyncResult *second = NULL;
  int number = 0;

  thredo_queue_get_async (queue, cancellable, support_keep_result, &first);
  thredo_queue_get_async (queue, NULL, support_keep_result, &second);
  g_cancellable_cancel (cancellable);
  g_assert_false (finish_get_int (queue, &first, &number, &error));
  support_assert_cancelled (&error);

  put_int (queue, 1);
  g_assert_true (finish_get_int (queue, &second, &number, &error));
  g_assert_cmpint (number, ==, 1);

  /* Cancelled beforehand: the item stays. */
  put_int (queue, 2);
  thredo_queue_get_async (queue, cancellable, support_keep_result, &first);
  g_assert_null (first);
  g_assert_false (finish_get_int (queue, &first, &number, &error));
  support_assert_cancelled (&error);
  g_assert_cmpint (get_int (queue), ==, 2);
}

static void
test_async_put_cancelled (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *first = NULL;
  GAsyncResult *second = NULL;

  put_int (queue, 1);
  put_int_async (queue, 2, cancellable, &first);
  put_int_async (queue, 3, NULL, &second);
  g_cancellable_cancel (cancellable);
  g_assert_false (finish_put (queue, &first, &error));
  support_assert_cancelled (&error);
  g_assert_cmpint (get_int (queue), ==, 1);
  g_assert_true (finish_put (queue, &second, &error));
  g_assert_cmpint (get_int (queue), ==, 3);

  put_int_async (queue, 4, cancellable, &first);
  g_assert_false (finish_put (queue, &first, &error));
  support_assert_cancelled (&error);
  g_assert_true (thredo_queue_is_empty (queue));
}

/* The cancel comes after the item and before the callback: the item has won. */
static void
test_async_cancelled_late (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  gboolean ok;
  int number = 0;

  thredo_queue_get_async (queue, cancellable, support_keep_result, &result);
  put_int (queue, 1);
  g_assert_true (thredo_queue_is_empty (queue));
  g_cancellable_cancel (cancellable);
  ok = finish_get_int (queue, &result, &number, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (number, ==, 1);

  g_cancellable_reset (cancellable);
  put_int_async (queue, 2, cancellable, &result);
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
  g_cancellable_cancel (cancellable);
  ok = finish_put (queue, &result, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (get_int (queue), ==, 2);
}

static void
test_async_closed (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(ThredoQueue) full = thredo_queue_new (1);
  g_autoptr(GError) error = NULL;
  GAsyncResult *get = NULL;
  GAsyncResult *put = NULL;
  int number = 0;

  put_int (full, 1);
  thredo_queue_get_async (queue, NULL, support_keep_result, &get);
  put_int_async (full, 2, NULL, &put);
  thredo_queue_close (queue);
  thredo_queue_close (full);
  g_assert_false (finish_get_int (queue, &get, &number, &error));
  support_assert_closed (&error);
  g_assert_false (finish_put (full, &put, &error));
  support_assert_closed (&error);

  thredo_queue_get_async (full, NULL, support_keep_result, &get);
  g_assert_true (finish_get_int (full, &get, &number, &error));
  g_assert_cmpint (number, ==, 1);
  thredo_queue_get_async (full, NULL, support_keep_result, &get);
  g_assert_false (finish_get_int (full, &get, &number, &error));
  support_assert_closed (&error);
}

static void
test_async_join (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  GAsyncResult *cancelled = NULL;

  thredo_queue_join_async (queue, NULL, support_keep_result, &result);
  g_assert_null (result);
  support_iterate_until_result (&result);
  g_assert_true (thredo_queue_join_finish (queue, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);

  put_int (queue, 1);
  thredo_queue_join_async (queue, NULL, support_keep_result, &result);
  thredo_queue_join_async (queue, cancellable, support_keep_result, &cancelled);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&cancelled);
  g_assert_false (thredo_queue_join_finish (queue, cancelled, &error));
  support_assert_cancelled (&error);
  g_clear_object (&cancelled);

  get_int (queue);
  g_assert_null (result);
  task_done (queue);
  support_iterate_until_result (&result);
  g_assert_true (thredo_queue_join_finish (queue, result, &error));
  g_clear_object (&result);
}

static void
test_async_owns (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(GError) error = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
  GValue value = G_VALUE_INIT;
  GAsyncResult *result = NULL;

  g_object_add_weak_pointer (object, (gpointer *) &object);
  g_value_init (&value, G_TYPE_OBJECT);
  g_value_set_object (&value, object);
  put_int (queue, 1);
  thredo_queue_put_async (queue, &value, cancellable, support_keep_result, &result);
  g_value_unset (&value);
  g_cancellable_cancel (cancellable);
  g_assert_false (finish_put (queue, &result, &error));
  support_assert_cancelled (&error);
  g_assert_cmpuint (object->ref_count, ==, 1);

  g_value_init (&value, G_TYPE_OBJECT);
  g_value_set_object (&value, object);
  thredo_queue_put_async (queue, &value, NULL, support_keep_result, &result);
  g_value_unset (&value);
  g_assert_cmpint (get_int (queue), ==, 1);
  g_assert_true (finish_put (queue, &result, &error));
  g_assert_cmpuint (object->ref_count, ==, 2);
  thredo_queue_get_async (queue, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_true (thredo_queue_get_finish (queue, result, &value, &error));
  g_clear_object (&result);
  g_assert_cmpuint (object->ref_count, ==, 2);
  g_object_unref (object);
  g_value_unset (&value);
  g_assert_null (object);
}

/* A call whose answer nobody listens to is still carried out. */
static void
test_async_without_callback (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_auto(GValue) value = G_VALUE_INIT;

  put_int (queue, 1);
  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, 2);
  thredo_queue_put_async (queue, &value, NULL, NULL, NULL);
  g_assert_cmpint (get_int (queue), ==, 1);
  g_assert_cmpint (get_int (queue), ==, 2);
}

typedef struct
{
  ThredoQueue *queue;
  GThread *answered_on;
  GMainContext *context;
  gboolean done;
  int number;
} ContextUse;

static void
answer_in_context (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  ContextUse *use = user_data;
  g_auto(GValue) value = G_VALUE_INIT;

  g_assert_true (source == G_OBJECT (use->queue));
  g_assert_true (g_main_context_is_owner (use->context));
  g_assert_true (thredo_queue_get_finish (use->queue, result, &value, NULL));
  use->number = g_value_get_int (&value);
  use->answered_on = g_thread_self ();
  g_atomic_int_set (&use->done, TRUE);
}

static gboolean
get_async_in_own_context (ThredoThread  *thread,
                          gpointer       user_data,
                          GError       **error)
{
  ContextUse *use = user_data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  use->context = context;
  g_main_context_push_thread_default (context);
  thredo_queue_get_async (use->queue, NULL, answer_in_context, use);
  support_iterate_until (&use->done);
  g_main_context_pop_thread_default (context);
  g_assert_true (use->answered_on == g_thread_self ());

  return TRUE;
}

static void
test_async_thread_default (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) thread = NULL;
  ContextUse use = { .queue = queue };

  thread = thredo_thread_spawn ("own context", get_async_in_own_context, &use, NULL, NULL);
  put_int (queue, 4);
  support_join_ok (thread);
  g_assert_cmpint (use.number, ==, 4);
}

/* Many calls at once, in the main loop, answered by a thread. */
static gboolean
put_hundreds (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  ThredoQueue *queue = user_data;

  for (int i = 0; i < 500; i++)
    put_int (queue, i);

  return TRUE;
}

static void
test_async_many (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (10);
  g_autoptr(ThredoThread) thread = NULL;
  GAsyncResult *results[500] = { NULL };
  int number = 0;

  for (int i = 0; i < 500; i++)
    thredo_queue_get_async (queue, NULL, support_keep_result, &results[i]);
  thread = thredo_thread_spawn ("putter", put_hundreds, queue, NULL, NULL);
  for (int i = 0; i < 500; i++)
    {
      g_assert_true (finish_get_int (queue, &results[i], &number, NULL));
      g_assert_cmpint (number, ==, i);
    }
  support_join_ok (thread);
  g_assert_true (thredo_queue_is_empty (queue));
}

/* --- crowds --------------------------------------------------------------- */

#define N_PUTTERS 4
#define N_GETTERS 4

typedef struct
{
  ThredoQueue *queue;
  guint n_items; /* of each putter */
  gboolean in_order;
  gboolean pointers;
  guint8 *seen;
  guint next_putter;
} Crowd;

static gboolean
put_many (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Crowd *crowd = user_data;
  guint putter = g_atomic_int_add (&crowd->next_putter, 1);

  for (guint i = 0; i < crowd->n_items; i++)
    {
      guint id = i * N_PUTTERS + putter;

      if (crowd->pointers)
        {
          if (!thredo_queue_put_pointer (crowd->queue, &crowd->seen[id], NULL, error))
            return FALSE;
        }
      else
        {
          GValue value = G_VALUE_INIT;

          g_value_init (&value, G_TYPE_UINT);
          g_value_set_uint (&value, id);
          if (!thredo_queue_put (crowd->queue, &value, NULL, error))
            return FALSE;
        }
    }

  return TRUE;
}

static gboolean
get_many (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Crowd *crowd = user_data;
  guint next[N_PUTTERS] = { 0 };

  for (;;)
    {
      guint id;

      if (crowd->pointers)
        {
          guint8 *place = thredo_queue_get_pointer (crowd->queue, NULL, error);

          if (place == NULL)
            break;
          id = place - crowd->seen;
        }
      else
        {
          GValue value = G_VALUE_INIT;

          if (!thredo_queue_get (crowd->queue, &value, NULL, error))
            break;
          id = g_value_get_uint (&value);
        }

      /* Nobody else has this place, if nothing is delivered twice. */
      g_assert_cmpuint (id, <, N_PUTTERS * crowd->n_items);
      crowd->seen[id]++;
      if (crowd->in_order)
        g_assert_cmpuint (id / N_PUTTERS, >=, next[id % N_PUTTERS]);
      next[id % N_PUTTERS] = id / N_PUTTERS + 1;
      if (!thredo_queue_task_done (crowd->queue, error))
        return FALSE;
    }

  if (error != NULL && g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    {
      g_clear_error (error);
      return TRUE;
    }

  return FALSE;
}

static void
run_crowd (ThredoQueue *queue,
           guint        n_items,
           gboolean     pointers)
{
  Crowd crowd = {
    .queue = queue,
    .n_items = support_rounds (n_items / N_PUTTERS),
    .in_order = thredo_queue_get_order (queue) == THREDO_QUEUE_ORDER_FIFO,
    .pointers = pointers,
  };
  g_autoptr(GError) error = NULL;
  ThredoThread *putters[N_PUTTERS];
  ThredoThread *getters[N_GETTERS];

  crowd.seen = g_new0 (guint8, N_PUTTERS * crowd.n_items);
  for (int i = 0; i < N_GETTERS; i++)
    getters[i] = thredo_thread_spawn ("getter", get_many, &crowd, NULL, NULL);
  for (int i = 0; i < N_PUTTERS; i++)
    putters[i] = thredo_thread_spawn ("putter", put_many, &crowd, NULL, NULL);
  for (int i = 0; i < N_PUTTERS; i++)
    {
      support_join_ok (putters[i]);
      g_object_unref (putters[i]);
    }
  g_assert_true (thredo_queue_join (queue, NULL, &error));
  g_assert_no_error (error);
  thredo_queue_close (queue);
  for (int i = 0; i < N_GETTERS; i++)
    {
      support_join_ok (getters[i]);
      g_object_unref (getters[i]);
    }

  for (guint i = 0; i < N_PUTTERS * crowd.n_items; i++)
    g_assert_cmpuint (crowd.seen[i], ==, 1);
  g_assert_true (thredo_queue_is_empty (queue));
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 0);
  g_free (crowd.seen);
}

static void
test_crowd_unbounded (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);

  run_crowd (queue, 1000000, FALSE);
}

static void
test_crowd_bounded (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (64);

  run_crowd (queue, 1000000, FALSE);
}

static void
test_crowd_bounded_to_one (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);

  run_crowd (queue, 50000, FALSE);
}

static void
test_crowd_pointers (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (64);

  run_crowd (queue, 1000000, TRUE);
}

static void
test_crowd_lifo (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_LIFO, 64, NULL);

  run_crowd (queue, 200000, FALSE);
}

static void
test_crowd_priority (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new_priority (64, NULL, NULL, NULL);

  run_crowd (queue, 200000, FALSE);
}

/* A queue of one, with one item in it, and everybody at once: two get, one puts,
 * and one tries to. Nobody is left waiting. */

typedef struct
{
  ThredoQueue *queue;
  int round;
  int n_back;
  gboolean over;
} Rush;

typedef struct
{
  Rush *rush;
  int number;
} Rusher;

static void
rush_once (Rusher *rusher)
{
  ThredoQueue *queue = rusher->rush->queue;

  if (rusher->number < 2)
    get_int (queue);
  else if (rusher->number == 2)
    put_int (queue, 2);
  else
    try_put_int (queue, 3, NULL);
}

static gpointer
rush (gpointer user_data)
{
  Rusher *rusher = user_data;
  g_autoptr(GRand) rand = g_rand_new_with_seed ((guint32) rusher->number);

  for (int round = 1;; round++)
    {
      while (g_atomic_int_get (&rusher->rush->round) < round)
        {
          if (g_atomic_int_get (&rusher->rush->over))
            return NULL;
          g_thread_yield ();
        }
      for (volatile int spin = g_rand_int_range (rand, 0, 3000); spin > 0; spin--)
        ;
      rush_once (rusher);
      g_atomic_int_inc (&rusher->rush->n_back);
    }
}

static void
run_rush (int n_rushers)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  int n_rounds = (int) support_rounds (5000);
  Rush shared = { .queue = queue };
  Rusher rushers[4];
  GThread *threads[4];

  for (int i = 0; i < n_rushers; i++)
    {
      rushers[i] = (Rusher) { &shared, i };
      threads[i] = g_thread_new ("rusher", rush, &rushers[i]);
    }
  for (int round = 1; round <= n_rounds; round++)
    {
      gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;
      g_auto(GValue) rest = G_VALUE_INIT;

      put_int (queue, 1);
      g_atomic_int_set (&shared.n_back, 0);
      g_atomic_int_set (&shared.round, round);
      while (g_atomic_int_get (&shared.n_back) < n_rushers)
        {
          if (g_get_monotonic_time () > limit)
            g_error ("Hang: round %d, %d of %d are back, %u items are left", round,
                     g_atomic_int_get (&shared.n_back), n_rushers,
                     thredo_queue_get_length (queue));
          g_thread_yield ();
        }
      thredo_queue_try_get (queue, &rest, NULL);
      g_assert_true (thredo_queue_is_empty (queue));
    }
  g_atomic_int_set (&shared.over, TRUE);
  for (int i = 0; i < n_rushers; i++)
    g_thread_join (threads[i]);
}

static void
test_rush (void)
{
  run_rush (3);
}

static void
test_rush_with_try (void)
{
  run_rush (4);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/queue/new/default", test_new);
  g_test_add_func ("/queue/new/full", test_new_full);
  g_test_add_func ("/queue/new/enormous-max-size", test_enormous_max_size);
  g_test_add_func ("/queue/length", test_length);
  g_test_add_func ("/queue/order/fifo", test_fifo);
  g_test_add_func ("/queue/order/lifo", test_lifo);
  g_test_add_func ("/queue/priority/numbers", test_priority_numbers);
  g_test_add_func ("/queue/priority/doubles", test_priority_doubles);
  g_test_add_func ("/queue/priority/wide-numbers", test_priority_wide_numbers);
  g_test_add_func ("/queue/priority/strings", test_priority_strings);
  g_test_add_func ("/queue/priority/variants", test_priority_variants);
  g_test_add_func ("/queue/priority/unordered-variants", test_priority_unordered_variants);
  g_test_add_func ("/queue/priority/stable", test_priority_stable);
  g_test_add_func ("/queue/priority/stable-interleaved", test_priority_stable_interleaved);
  g_test_add_func ("/queue/priority/compare", test_priority_compare);
  g_test_add_func ("/queue/priority/incomparable", test_priority_incomparable);
  g_test_add_func ("/queue/values/each-type", test_values);
  g_test_add_func ("/queue/values/handed-over", test_values_handed_over);
  g_test_add_func ("/queue/values/misuse", test_value_misuse);
  g_test_add_func ("/queue/owns/object", test_owns_object);
  g_test_add_func ("/queue/owns/object-handed-over", test_owns_object_handed_over);
  g_test_add_func ("/queue/owns/string", test_owns_string);
  g_test_add_func ("/queue/owns/boxed", test_owns_boxed);
  g_test_add_func ("/queue/owns/dropped", test_owns_dropped);
  g_test_add_func ("/queue/owns/refused", test_owns_refused);
  g_test_add_func ("/queue/pointer/round-trip", test_pointer_round_trip);
  g_test_add_func ("/queue/pointer/free-func", test_pointer_free_func);
  g_test_add_func ("/queue/pointer/refused", test_pointer_refused);
  g_test_add_func ("/queue/pointer/another-item", test_pointer_on_another_item);
  g_test_add_func ("/queue/pointer/another-item-parked", test_pointer_on_another_item_parked);
  g_test_add_func ("/queue/pointer/null", test_pointer_null);
  g_test_add_func ("/queue/get/waits", test_get_waits);
  g_test_add_func ("/queue/get/ignoring-errors", test_get_ignoring_errors);
  g_test_add_func ("/queue/get/cancelled", test_get_cancelled);
  g_test_add_func ("/queue/get/cancellable", test_get_cancellable);
  g_test_add_func ("/queue/get/scope-cancelled", test_get_scope_cancelled);
  g_test_add_func ("/queue/get/deadline", test_get_deadline);
  g_test_add_func ("/queue/get/outer-deadline", test_get_outer_deadline);
  g_test_add_func ("/queue/get/cancelled-before", test_get_cancelled_before);
  g_test_add_func ("/queue/get/shielded", test_get_shielded);
  g_test_add_func ("/queue/get/in-order", test_get_in_order);
  g_test_add_func ("/queue/get/in-order-many-leave", test_get_in_order_many_leave);
  g_test_add_func ("/queue/get/loop-thread", test_get_on_loop_thread);
  g_test_add_func ("/queue/get/in-main-loop", test_get_in_main_loop);
  g_test_add_func ("/queue/put/waits", test_put_waits);
  g_test_add_func ("/queue/put/waits-for-try-get", test_put_waits_for_try_get);
  g_test_add_func ("/queue/put/waits-priority", test_put_waits_priority);
  g_test_add_func ("/queue/put/waits-incomparable", test_put_waits_incomparable);
  g_test_add_func ("/queue/put/cancelled", test_put_cancelled);
  g_test_add_func ("/queue/put/cancellable", test_put_cancellable);
  g_test_add_func ("/queue/put/scope-cancelled", test_put_scope_cancelled);
  g_test_add_func ("/queue/put/deadline", test_put_deadline);
  g_test_add_func ("/queue/put/cancelled-before", test_put_cancelled_before);
  g_test_add_func ("/queue/put/in-order", test_put_in_order);
  g_test_add_func ("/queue/waiting-for", test_waiting_for);
  g_test_add_func ("/queue/try/would-block", test_try);
  g_test_add_func ("/queue/try/hands-over", test_try_hands_over);
  g_test_add_func ("/queue/try/when-cancelled", test_try_when_cancelled);
  g_test_add_func ("/queue/join/nothing", test_join_nothing);
  g_test_add_func ("/queue/join/waits", test_join_waits);
  g_test_add_func ("/queue/join/handed-over", test_join_handed_over);
  g_test_add_func ("/queue/join/cancelled", test_join_cancelled);
  g_test_add_func ("/queue/task-done/too-often", test_task_done_too_often);
  g_test_add_func ("/queue/close/drain", test_close_drain);
  g_test_add_func ("/queue/close/twice", test_close_twice);
  g_test_add_func ("/queue/close/getters", test_close_getters);
  g_test_add_func ("/queue/close/putters", test_close_putters);
  g_test_add_func ("/queue/close/joiners", test_close_joiners);
  g_test_add_func ("/queue/drop/getters", test_drop_getters);
  g_test_add_func ("/queue/drop/putters", test_drop_putters);
  g_test_add_func ("/queue/drop/joiners", test_drop_joiners);
  g_test_add_func ("/queue/async/at-once", test_async_at_once);
  g_test_add_func ("/queue/async/get-sync-put", test_async_get_sync_put);
  g_test_add_func ("/queue/async/put-sync-get", test_async_put_sync_get);
  g_test_add_func ("/queue/async/serves-thread", test_async_serves_thread);
  g_test_add_func ("/queue/async/in-order", test_async_in_order);
  g_test_add_func ("/queue/async/get-cancelled", test_async_get_cancelled);
  g_test_add_func ("/queue/async/put-cancelled", test_async_put_cancelled);
  g_test_add_func ("/queue/async/cancelled-late", test_async_cancelled_late);
  g_test_add_func ("/queue/async/closed", test_async_closed);
  g_test_add_func ("/queue/async/join", test_async_join);
  g_test_add_func ("/queue/async/owns", test_async_owns);
  g_test_add_func ("/queue/async/without-callback", test_async_without_callback);
  g_test_add_func ("/queue/async/thread-default", test_async_thread_default);
  g_test_add_func ("/queue/async/many", test_async_many);
  g_test_add_func ("/queue/rush/put-and-get", test_rush);
  g_test_add_func ("/queue/rush/try-put", test_rush_with_try);
  g_test_add_func ("/queue/crowd/unbounded", test_crowd_unbounded);
  g_test_add_func ("/queue/crowd/bounded", test_crowd_bounded);
  g_test_add_func ("/queue/crowd/bounded-to-one", test_crowd_bounded_to_one);
  g_test_add_func ("/queue/crowd/pointers", test_crowd_pointers);
  g_test_add_func ("/queue/crowd/lifo", test_crowd_lifo);
  g_test_add_func ("/queue/crowd/priority", test_crowd_priority);

  return g_test_run ();
}
