/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Threads that acquire locks in any order, and all that they do in a log with one
 * order. Whatever the library says of a deadlock is checked against a replay of
 * that: at some moment between the beginning of the wait that closed the circle and
 * the report, each of those named owned and waited for what it says, and nobody's
 * wait had been cancelled before.
 *
 * That no deadlock is missed shows in that every round ends: with the policies to
 * fail and to cancel by itself, and with the one to report by help for those alone
 * that were reported.
 */

#include "support.h"

#include <stdio.h>
#include <string.h>

#define N_ROUNDS 1000
#define N_STEPS 24
#define N_THREADS 6
#define N_LOCKS 6
#define NOBODY -1

typedef enum
{
  WANTS,     /* before it waits */
  GOT,       /* after it waited, or tried */
  GAVE_UP,   /* after a wait that did not happen */
  GIVES,     /* before it releases */
  CANCELLED, /* after its wait was cancelled by somebody */
  REPORTED,  /* by the thread, or FOUND by the main thread */
  FOUND,
} Action;

typedef struct
{
  Action action;
  int thread;
  int object;  /* a lock, or N_LOCKS and the number of a thread that is joined */
  guint since; /* of what was found: the length of the log when the search began */
  char *text;
} Entry;

typedef struct _Round Round;

typedef struct
{
  Round *round;
  int number;
  ThredoThread *thread;
  GRand *random;
  guint depth[N_LOCKS];
  guint n_held;
  gboolean has_joined;
} Player;

struct _Round
{
  ThredoDeadlockPolicy policy;
  ThredoLockable *locks[N_LOCKS];
  Player players[N_THREADS];
  SupportGate start;

  GMutex mutex; /* guards what is below */
  GCond changed;
  GArray *log;
  guint n_helped; /* entries that were looked at for reports */
  guint n_ended;
  GCancellable *waits[N_THREADS];
};

/* What a handler of the log belongs to. */
static Round *current_round;

static guint n_reports;
static guint n_found;
static guint n_of_length[N_THREADS + 1];

static const char *const thread_names[N_THREADS] = { "t0", "t1", "t2", "t3", "t4", "t5" };
static const char *const lock_names[N_LOCKS] = { "a", "b", "c", "d", "e", "f" };

/* --- the log -------------------------------------------------------------- */

static void
clear_entry (gpointer data)
{
  g_free (((Entry *) data)->text);
}

static guint
get_length (Round *round)
{
  guint length;

  g_mutex_lock (&round->mutex);
  length = round->log->len;
  g_mutex_unlock (&round->mutex);

  return length;
}

static void
append_locked (Round      *round,
               Action      action,
               int         thread,
               int         object,
               const char *text)
{
  Entry entry = { action, thread, object, 0, g_strdup (text) };

  g_array_append_val (round->log, entry);
}

static void
note (Player *player,
      Action  action,
      int     object)
{
  Round *round = player->round;

  g_mutex_lock (&round->mutex);
  append_locked (round, action, player->number, object, NULL);
  g_mutex_unlock (&round->mutex);
}

static int
find_number (const char *const *names,
             guint              n_names,
             const char        *name)
{
  for (guint i = 0; i < n_names; i++)
    {
      if (g_str_equal (names[i], name))
        return i;
    }
  g_error ("There is nothing called '%s'", name);
}

static void
note_report (Round      *round,
             const char *reporter,
             const char *text)
{
  g_mutex_lock (&round->mutex);
  append_locked (round, REPORTED, find_number (thread_names, N_THREADS, reporter), 0, text);
  g_cond_signal (&round->changed);
  g_mutex_unlock (&round->mutex);
}

static void
handle_message (const char     *domain,
                GLogLevelFlags  level,
                const char     *text,
                gpointer        user_data)
{
  note_report (current_round, thredo_thread_get_name (thredo_thread_self ()), text);
}

static void
print_log (Round *round)
{
  static const char *const actions[] = { "wants", "got", "gave up", "gives", "is cancelled",
                                         "reports", "found" };

  for (guint i = 0; i < round->log->len; i++)
    {
      Entry *entry = &g_array_index (round->log, Entry, i);

      g_printerr ("%4u t%d %s %s%d %s\n", i, entry->thread, actions[entry->action],
                  entry->object < N_LOCKS ? "lock " : "thread ", entry->object % N_LOCKS,
                  entry->text != NULL ? entry->text : "");
    }
}

/* --- the players ---------------------------------------------------------- */

/* Everything that can block: with a cancellable that others know. */
static gboolean
player_wait (Player *self,
             int     object)
{
  Round *round = self->round;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = NULL;
  g_autoptr(GError) error = NULL;
  gboolean got;

  if (g_rand_int_range (self->random, 0, 8) == 0)
    scope = thredo_scope_new_with_timeout (g_rand_int_range (self->random, 0, 1000));

  g_mutex_lock (&round->mutex);
  append_locked (round, WANTS, self->number, object, NULL);
  round->waits[self->number] = cancellable;
  g_mutex_unlock (&round->mutex);

  if (scope != NULL)
    thredo_scope_enter (scope);
  if (object < N_LOCKS)
    got = thredo_lockable_acquire (round->locks[object], cancellable, &error);
  else
    got = thredo_thread_wait (round->players[object - N_LOCKS].thread, cancellable, &error);
  if (scope != NULL)
    thredo_scope_leave (scope);

  g_mutex_lock (&round->mutex);
  round->waits[self->number] = NULL;
  if (g_error_matches (error, THREDO_ERROR, THREDO_ERROR_DEADLOCK))
    append_locked (round, REPORTED, self->number, 0, error->message);
  append_locked (round, got ? GOT : GAVE_UP, self->number, object, NULL);
  g_mutex_unlock (&round->mutex);

  return got;
}

static void
player_count (Player *self,
              int     lock)
{
  self->depth[lock]++;
  self->n_held++;
}

static void
player_release (Player *self,
                int     lock)
{
  g_autoptr(GError) error = NULL;

  note (self, GIVES, lock);
  thredo_lockable_release (self->round->locks[lock], &error);
  g_assert_no_error (error);
  self->depth[lock]--;
  self->n_held--;
}

static void
player_release_some (Player *self)
{
  int lock = g_rand_int_range (self->random, 0, N_LOCKS);

  if (self->depth[lock] > 0)
    player_release (self, lock);
}

static void
player_release_all (Player *self)
{
  for (int lock = 0; lock < N_LOCKS; lock++)
    {
      while (self->depth[lock] > 0)
        player_release (self, lock);
    }
}

static void
player_acquire (Player *self)
{
  int lock = g_rand_int_range (self->random, 0, N_LOCKS);

  /* Half of them are plain ones: a deadlock of one, which is to be rare. */
  if (self->depth[lock] > 0 && lock % 2 == 0 && g_rand_int_range (self->random, 0, 16) > 0)
    return;
  if (player_wait (self, lock))
    player_count (self, lock);
  else if (g_rand_boolean (self->random))
    player_release_all (self);
}

static void
player_try (Player *self)
{
  int lock = g_rand_int_range (self->random, 0, N_LOCKS);

  if (thredo_lockable_try_acquire (self->round->locks[lock]))
    {
      note (self, GOT, lock);
      player_count (self, lock);
    }
}

static void
player_join (Player *self)
{
  int other = g_rand_int_range (self->random, 0, N_THREADS);

  if (other != self->number && !self->has_joined)
    {
      self->has_joined = TRUE;
      player_wait (self, N_LOCKS + other);
    }
}

static void
cancel_wait (Round *round,
             int    thread)
{
  g_autoptr(GCancellable) cancellable = NULL;

  g_mutex_lock (&round->mutex);
  if (round->waits[thread] != NULL)
    cancellable = g_object_ref (round->waits[thread]);
  g_mutex_unlock (&round->mutex);
  if (cancellable == NULL)
    return;

  g_cancellable_cancel (cancellable);
  g_mutex_lock (&round->mutex);
  if (round->waits[thread] == cancellable)
    append_locked (round, CANCELLED, thread, 0, NULL);
  g_mutex_unlock (&round->mutex);
}

static gboolean
play (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Player *self = user_data;
  Round *round = self->round;

  support_gate_wait (&round->start);
  for (guint i = 0; i < N_STEPS && !thredo_thread_is_cancelled (thread); i++)
    {
      int what = g_rand_int_range (self->random, 0, 100);

      if (what < 50 && self->n_held < 5)
        player_acquire (self);
      else if (what < 60)
        player_try (self);
      else if (what < 90)
        player_release_some (self);
      else if (what < 94)
        cancel_wait (round, g_rand_int_range (self->random, 0, N_THREADS));
      else if (what < 97)
        player_join (self);
      else
        g_thread_yield ();
    }
  player_release_all (self);

  g_mutex_lock (&round->mutex);
  round->n_ended++;
  g_cond_signal (&round->changed);
  g_mutex_unlock (&round->mutex);
  return TRUE;
}

/* --- what a text says ----------------------------------------------------- */

typedef struct
{
  guint n;
  int threads[N_THREADS];
  int objects[N_THREADS]; /* what each of them waits for */
  int victim;
} Told;

/* Something in quotation marks. */
static const char *
parse_name (const char *text,
            char        name[8])
{
  int length = 0;

  g_assert_cmpint (sscanf (text, "'%7[^']'%n", name, &length), ==, 1);
  g_assert_cmpint (length, >, 0);
  return text + length;
}

static const char *
parse_word (const char *text,
            const char *word)
{
  if (!g_str_has_prefix (text, word))
    g_error ("'%s' does not begin with '%s'", text, word);
  return text + strlen (word);
}

static const char *
parse_lock (const char *text,
            int        *lock)
{
  char name[8];

  text = parse_word (text, *text == 'R' ? "RLock " : "Lock ");
  text = parse_name (text, name);
  *lock = find_number (lock_names, N_LOCKS, name);
  return text;
}

static const char *
parse_thread (const char *text,
              int        *thread)
{
  char name[8];

  text = parse_name (text, name);
  *thread = find_number (thread_names, N_THREADS, name);
  return text;
}

static Told
parse (const char *text)
{
  int held[N_THREADS], next[N_THREADS], length = 0;
  Told told = { .victim = NOBODY };

  g_assert_cmpint (sscanf (text, "Deadlock of %u thread%n", &told.n, &length), ==, 1);
  g_assert_cmpuint (told.n, <=, N_THREADS);
  text = parse_word (text + length, told.n > 1 ? "s: " : ": ");

  for (guint i = 0; i < told.n; i++)
    {
      if (i > 0)
        text = parse_word (text, "; ");
      text = parse_thread (text, &told.threads[i]);
      held[i] = NOBODY;
      if (g_str_has_prefix (text, " holds "))
        {
          text = parse_lock (text + strlen (" holds "), &held[i]);
          text = parse_word (text, ",");
        }
      if (g_str_has_prefix (text, " waits for the end of "))
        {
          text = parse_thread (text + strlen (" waits for the end of Thread "), &next[i]);
          told.objects[i] = N_LOCKS + next[i];
        }
      else
        {
          text = parse_lock (parse_word (text, " waits for "), &told.objects[i]);
          text = parse_thread (parse_word (text, " held by "), &next[i]);
        }
    }
  if (*text != '\0')
    {
      text = parse_thread (parse_word (text, "; "), &told.victim);
      text = parse_word (text, " is cancelled");
    }
  g_assert_cmpstr (text, ==, "");

  for (guint i = 0; i < told.n; i++)
    {
      guint after = (i + 1) % told.n;

      g_assert_cmpint (next[i], ==, told.threads[after]);
      g_assert_cmpint (held[after], ==, told.objects[i] < N_LOCKS ? told.objects[i] : NOBODY);
    }
  return told;
}

/* --- the replay ----------------------------------------------------------- */

typedef struct
{
  int owners[N_LOCKS];
  guint depth[N_LOCKS];
  int wanted[N_THREADS];
  guint since[N_THREADS];  /* the entry in which it was */
  guint leaves[N_THREADS]; /* the one in which its wait was cancelled, 0: none */
} State;

static void
state_init (State *self)
{
  *self = (State) { .depth = { 0 } };
  for (int i = 0; i < N_LOCKS; i++)
    self->owners[i] = NOBODY;
  for (int i = 0; i < N_THREADS; i++)
    self->wanted[i] = NOBODY;
}

static void
state_apply (State *self,
             Round *round,
             guint  index)
{
  Entry *entry = &g_array_index (round->log, Entry, index);
  int thread = entry->thread, object = entry->object;

  switch (entry->action)
    {
    case WANTS:
      self->wanted[thread] = object;
      self->since[thread] = index;
      self->leaves[thread] = 0;
      break;
    case GOT:
      self->wanted[thread] = NOBODY;
      if (object >= N_LOCKS)
        break;
      if (self->depth[object]++ == 0)
        self->owners[object] = thread;
      g_assert_cmpint (self->owners[object], ==, thread);
      break;
    case GAVE_UP:
      self->wanted[thread] = NOBODY;
      break;
    case GIVES:
      g_assert_cmpint (self->owners[object], ==, thread);
      if (--self->depth[object] == 0)
        self->owners[object] = NOBODY;
      break;
    case CANCELLED:
      self->leaves[thread] = index;
      break;
    default:
      break;
    }
}

/* Whether it is as it was told, and nobody was on his way out already at some entry;
 * then `key` tells this deadlock from any other. */
static gboolean
state_has (State       *self,
           const Told  *told,
           guint        from,
           char       **key)
{
  guint since[N_THREADS] = { 0 };
  GString *string;

  for (guint i = 0; i < told->n; i++)
    {
      int thread = told->threads[i], object = told->objects[i];
      int next = object < N_LOCKS ? self->owners[object] : object - N_LOCKS;

      if (self->wanted[thread] != object || next != told->threads[(i + 1) % told->n])
        return FALSE;
      if (self->leaves[thread] != 0 && self->leaves[thread] <= from)
        return FALSE;
      since[thread] = self->since[thread] + 1;
    }

  string = g_string_new (NULL);
  for (int i = 0; i < N_THREADS; i++)
    g_string_append_printf (string, "%u ", since[i]);
  *key = g_string_free (string, FALSE);
  return TRUE;
}

/* Whether there was, from one entry to another, what was told. Of reports there is
 * only one of each. */
static gboolean
was_so (Round      *round,
        const Told *told,
        guint       from,
        guint       to,
        GHashTable *told_before)
{
  State state;

  state_init (&state);
  for (guint i = 0; i < to; i++)
    {
      g_autofree char *key = NULL;

      state_apply (&state, round, i);
      if (i < from || !state_has (&state, told, from, &key))
        continue;
      if (told_before == NULL || g_hash_table_add (told_before, g_steal_pointer (&key)))
        return TRUE;
    }
  return FALSE;
}

/* Where the wait began that a report was made of, or the last report of it. */
static guint
find_beginning (Round *round,
                guint  report)
{
  int thread = g_array_index (round->log, Entry, report).thread;

  while (report-- > 0)
    {
      Entry *entry = &g_array_index (round->log, Entry, report);

      if (entry->thread == thread && (entry->action == WANTS || entry->action == REPORTED))
        return report;
    }
  g_assert_not_reached ();
}

static void
assert_was_so (Round      *round,
               guint       index,
               GHashTable *told_before)
{
  Entry *entry = &g_array_index (round->log, Entry, index);
  Told told = parse (entry->text);
  guint from = entry->since;

  if (entry->action == REPORTED)
    {
      from = find_beginning (round, index);
      g_assert_cmpint (told.threads[0], ==, entry->thread);
      n_reports++;
      n_of_length[told.n]++;
    }
  else
    {
      n_found++;
      told_before = NULL;
    }

  if (!was_so (round, &told, from, index, told_before))
    {
      print_log (round);
      g_error ("What entry %u says was not so, or was said before", index);
    }

  /* Nobody is shielded, and they were made in order. */
  if (told.victim != NOBODY)
    {
      for (guint i = 0; i < told.n; i++)
        g_assert_cmpint (told.threads[i], <=, told.victim);
    }
  if (entry->action == REPORTED)
    g_assert_cmpint (told.victim != NOBODY, ==, round->policy == THREDO_DEADLOCK_POLICY_CANCEL);
}

static void
check_log (Round *round)
{
  g_autoptr(GHashTable) told_before = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < round->log->len; i++)
    {
      if (g_array_index (round->log, Entry, i).text != NULL)
        assert_was_so (round, i, told_before);
    }
}

/* --- a round -------------------------------------------------------------- */

/* Of each deadlock that was reported since, cancels the wait of one. */
static void
help (Round *round)
{
  while (round->n_helped < round->log->len)
    {
      Entry *entry = &g_array_index (round->log, Entry, round->n_helped++);

      if (entry->action == REPORTED)
        {
          Told told = parse (entry->text);

          g_mutex_unlock (&round->mutex);
          cancel_wait (round, told.threads[g_test_rand_int_range (0, told.n)]);
          g_mutex_lock (&round->mutex);
        }
    }
}

static void
look (Round         *round,
      ThredoMonitor *monitor)
{
  guint since = get_length (round);
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);

  g_mutex_lock (&round->mutex);
  for (guint i = 0; i < deadlocks->len; i++)
    {
      const char *text = thredo_deadlock_get_description (g_ptr_array_index (deadlocks, i));
      Entry entry = { FOUND, NOBODY, 0, since > 0 ? since - 1 : 0, g_strdup (text) };

      g_array_append_val (round->log, entry);
    }
  g_mutex_unlock (&round->mutex);
}

/* Until all have ended. */
static void
watch (Round *round)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  g_mutex_lock (&round->mutex);
  while (round->n_ended < N_THREADS)
    {
      gint64 now = g_get_monotonic_time ();

      if (now > limit)
        {
          print_log (round);
          g_error ("Hang: a round does not end, policy %d", round->policy);
        }
      if (round->policy == THREDO_DEADLOCK_POLICY_REPORT)
        help (round);
      g_mutex_unlock (&round->mutex);
      look (round, monitor);
      g_mutex_lock (&round->mutex);
      if (round->n_ended < N_THREADS)
        g_cond_wait_until (&round->changed, &round->mutex, now + 500);
    }
  g_mutex_unlock (&round->mutex);
}

static void
play_round (ThredoDeadlockPolicy policy)
{
  Round round = { .policy = policy };

  g_mutex_init (&round.mutex);
  g_cond_init (&round.changed);
  support_gate_init (&round.start);
  round.log = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (round.log, clear_entry);
  current_round = &round;

  for (int i = 0; i < N_LOCKS; i++)
    round.locks[i] = g_object_new (i % 2 == 0 ? THREDO_TYPE_LOCK : THREDO_TYPE_RLOCK,
                                   "name", lock_names[i],
                                   NULL);
  for (int i = 0; i < N_THREADS; i++)
    {
      Player *player = &round.players[i];
      g_autoptr(GError) error = NULL;

      player->round = &round;
      player->number = i;
      player->random = g_rand_new_with_seed (g_test_rand_int ());
      player->thread = thredo_thread_spawn (thread_names[i], play, player, NULL, &error);
      g_assert_no_error (error);
    }
  support_gate_open (&round.start);
  watch (&round);

  for (int i = 0; i < N_THREADS; i++)
    {
      support_join_ok (round.players[i].thread);
      g_object_unref (round.players[i].thread);
      g_rand_free (round.players[i].random);
    }
  check_log (&round);
  for (int i = 0; i < N_LOCKS; i++)
    {
      g_assert_true (thredo_lockable_try_acquire (round.locks[i]));
      g_assert_true (thredo_lockable_release (round.locks[i], NULL));
      g_object_unref (round.locks[i]);
    }

  current_round = NULL;
  g_array_unref (round.log);
  support_gate_clear (&round.start);
  g_cond_clear (&round.changed);
  g_mutex_clear (&round.mutex);
}

static void
test_replay (gconstpointer user_data)
{
  guint n_rounds = support_rounds (N_ROUNDS);
  ThredoDeadlockPolicy policy = GPOINTER_TO_INT (user_data);

  n_reports = n_found = 0;
  memset (n_of_length, 0, sizeof n_of_length);
  thredo_set_deadlock_policy (policy);
  for (guint i = 0; i < n_rounds; i++)
    play_round (policy);

  g_test_message ("%u reports, %u found", n_reports, n_found);
  for (guint i = 1; i <= N_THREADS; i++)
    g_test_message ("%u of %u threads", n_of_length[i], i);
  g_assert_cmpuint (n_reports, >, 0);
  if (n_rounds >= 100)
    {
      for (guint i = 1; i <= 3; i++)
        g_assert_cmpuint (n_of_length[i], >, 0);
    }
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  g_log_set_handler ("Thredo", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE, handle_message, NULL);

  g_test_add_data_func ("/replay/report", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_REPORT),
                        test_replay);
  g_test_add_data_func ("/replay/fail", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_FAIL), test_replay);
  g_test_add_data_func ("/replay/cancel", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_CANCEL),
                        test_replay);

  return g_test_run ();
}
