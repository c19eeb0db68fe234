/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-deadlock-private.h"

#include "fork.h"
#include "thredo-enum-types.h"
#include "thredo-error.h"
#include "thredo-listener-private.h"
#include "thredo-thread.h"

/**
 * ThredoDeadlock:
 *
 * Threads that wait for each other in a circle, and would for ever.
 *
 * Each of [method@Thredo.Deadlock.get_threads] waits for that of
 * [method@Thredo.Deadlock.get_objects] which has the same place, and which the next
 * thread owns, the first one being next after the last. An object is a
 * [class@Thredo.Lock], a [class@Thredo.RLock], or the next thread itself if it is
 * being joined.
 *
 * It is found at the moment in which the last of the threads is about to block. What
 * happens then says [func@Thredo.set_deadlock_policy].
 *
 * An object of this class tells what was found. It does not change when one of the
 * threads gets away, and keeps references to all of them. One of another process, which is
 * watched, has no objects, but the numbers of the threads.
 *
 * Since: 1.0
 */

/**
 * ThredoDeadlockPolicy:
 * @THREDO_DEADLOCK_POLICY_REPORT: warn, and let the thread wait, which a cancel or a
 *   deadline may yet end
 * @THREDO_DEADLOCK_POLICY_FAIL: let the call that would close the circle fail with
 *   `THREDO_ERROR_DEADLOCK`. A [class@Thredo.Condition] that wants its lock back
 *   cannot fail; there it is a warning
 * @THREDO_DEADLOCK_POLICY_CANCEL: cancel the youngest of the threads in the circle
 *   that a cancel reaches. If all are shielded it is a warning
 *
 * What is to happen when a deadlock is found.
 *
 * Since: 1.0
 */

struct _ThredoDeadlock
{
  GObject parent_instance;

  GPtrArray *threads;
  GPtrArray *objects;
  GArray *ids; /* of the threads */
  char *description;
};

enum
{
  PROP_0,
  PROP_DESCRIPTION,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoDeadlock, thredo_deadlock, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static struct
{
  ThredoMutex lock;
  gboolean is_set;
  ThredoDeadlockPolicy policy;
} process;

static gboolean
is_join (const ThredoChainLink *link)
{
  return THREDO_IS_THREAD (link->object);
}

static void
append_object (GString               *string,
               const ThredoChainLink *link)
{
  const char *name = link->info->get_name (link->object);

  g_string_append (string, link->info->noun);
  if (name != NULL)
    g_string_append_printf (string, " '%s'", name);
}

static char *
describe (GArray *cycle)
{
  GString *string = g_string_new (NULL);

  g_string_append_printf (string, "Deadlock of %u thread%s:",
                          cycle->len, cycle->len > 1 ? "s" : "");
  for (guint i = 0; i < cycle->len; i++)
    {
      const ThredoChainLink *links = (const ThredoChainLink *) cycle->data;
      const ThredoChainLink *before = &links[(i + cycle->len - 1) % cycle->len];
      const ThredoChainLink *next = &links[(i + 1) % cycle->len];

      g_string_append_printf (string, "%s '%s'", i > 0 ? ";" : "",
                              thredo_thread_get_name (links[i].thread));
      if (!is_join (before))
        {
          g_string_append (string, " holds ");
          append_object (string, before);
          g_string_append_c (string, ',');
        }
      if (is_join (&links[i]))
        {
          g_string_append (string, " waits for the end of ");
          append_object (string, &links[i]);
        }
      else
        {
          g_string_append (string, " waits for ");
          append_object (string, &links[i]);
          g_string_append_printf (string, " held by '%s'", thredo_thread_get_name (next->thread));
        }
    }

  return g_string_free (string, FALSE);
}

ThredoDeadlock *
thredo_deadlock_new (GArray *cycle)
{
  ThredoDeadlock *self = g_object_new (THREDO_TYPE_DEADLOCK, NULL);

  for (guint i = 0; i < cycle->len; i++)
    {
      ThredoChainLink *link = &g_array_index (cycle, ThredoChainLink, i);
      guint64 id = thredo_thread_get_id (link->thread);

      g_ptr_array_add (self->threads, g_object_ref (link->thread));
      g_ptr_array_add (self->objects, g_object_ref (link->object));
      g_array_append_val (self->ids, id);
    }
  self->description = describe (cycle);

  return self;
}

/* In another process. */
ThredoDeadlock *
thredo_deadlock_new_elsewhere (const char    *description,
                               const guint64 *ids,
                               guint          n_ids)
{
  ThredoDeadlock *self = g_object_new (THREDO_TYPE_DEADLOCK, NULL);

  self->description = g_strdup (description);
  if (n_ids > 0)
    g_array_append_vals (self->ids, ids, n_ids);

  return self;
}

/* The youngest that a cancel reaches, or NULL. */
static ThredoThread *
choose_victim (GArray *cycle)
{
  ThredoThread *victim = NULL;

  for (guint i = 0; i < cycle->len; i++)
    {
      ThredoChainLink *link = &g_array_index (cycle, ThredoChainLink, i);

      if (!link->is_shielded &&
          (victim == NULL || thredo_thread_get_id (link->thread) > thredo_thread_get_id (victim)))
        victim = link->thread;
    }
  return victim;
}

/* On the thread that has closed the circle. */
static gboolean
handle (GArray    *cycle,
        gboolean   may_refuse,
        GError   **error)
{
  g_autoptr(ThredoDeadlock) deadlock = thredo_deadlock_new (cycle);
  ThredoDeadlockPolicy policy = thredo_get_deadlock_policy ();
  ThredoThread *victim = NULL;

  thredo_listener_tell_all (deadlock);

  if (policy == THREDO_DEADLOCK_POLICY_FAIL && may_refuse)
    {
      g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_DEADLOCK, deadlock->description);
      return FALSE;
    }

  if (policy == THREDO_DEADLOCK_POLICY_CANCEL)
    victim = choose_victim (cycle);
  if (victim == NULL)
    {
      g_warning ("%s", deadlock->description);
      return TRUE;
    }

  /* Before it is said, which may take long enough for the circle to come apart. */
  thredo_thread_cancel (victim);
  g_message ("%s; '%s' is cancelled", deadlock->description, thredo_thread_get_name (victim));
  return TRUE;
}

__attribute__ ((constructor)) static void
install_handler (void)
{
  thredo_chain_set_handler (handle);
  thredo_fork_protect (&process.lock, NULL);
}

static void
thredo_deadlock_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_DESCRIPTION:
      g_value_set_string (value, thredo_deadlock_get_description (THREDO_DEADLOCK (object)));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_deadlock_finalize (GObject *object)
{
  ThredoDeadlock *self = THREDO_DEADLOCK (object);

  g_ptr_array_unref (self->threads);
  g_ptr_array_unref (self->objects);
  g_array_unref (self->ids);
  g_free (self->description);

  G_OBJECT_CLASS (thredo_deadlock_parent_class)->finalize (object);
}

static void
thredo_deadlock_class_init (ThredoDeadlockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_deadlock_get_property;
  object_class->finalize = thredo_deadlock_finalize;

  /**
   * ThredoDeadlock:description:
   *
   * Who waits for what, in one line.
   *
   * Since: 1.0
   */
  properties[PROP_DESCRIPTION] =
      g_param_spec_string ("description", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_deadlock_init (ThredoDeadlock *self)
{
  self->threads = g_ptr_array_new_with_free_func (g_object_unref);
  self->objects = g_ptr_array_new_with_free_func (g_object_unref);
  self->ids = g_array_new (FALSE, FALSE, sizeof (guint64));
}

static ThredoDeadlockPolicy
get_policy_of_environment (void)
{
  const char *nick = g_getenv ("THREDO_DEADLOCK_POLICY");
  GEnumClass *policies;
  GEnumValue *value;

  if (nick == NULL || *nick == '\0')
    return THREDO_DEADLOCK_POLICY_REPORT;

  policies = g_type_class_ref (THREDO_TYPE_DEADLOCK_POLICY);
  value = g_enum_get_value_by_nick (policies, nick);
  g_type_class_unref (policies);
  if (value != NULL)
    return value->value;

  g_warning ("THREDO_DEADLOCK_POLICY is '%s', and not one of 'report', 'fail' and 'cancel'", nick);
  return THREDO_DEADLOCK_POLICY_REPORT;
}

/**
 * thredo_set_deadlock_policy:
 * @policy: what is to happen
 *
 * Says what is to happen when threads wait for each other in a circle.
 *
 * Whenever a thread is about to block on something that another thread owns, a lock
 * or the end of that thread, the library looks whether that one waits for something
 * too, and so on. If the way leads back to the first thread, nobody in the circle
 * would ever run again. Locks, recursive locks, the locks of conditions, and threads
 * that are joined are followed; groups, queues and semaphores have no owner, and
 * are not.
 *
 * It holds for the process, for deadlocks that are found from now on. Before it was
 * called it is what the environment variable `THREDO_DEADLOCK_POLICY` says (`report`,
 * `fail` or `cancel`), and without it `report`. In any case
 * [signal@Thredo.Monitor::deadlock] is emitted. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_set_deadlock_policy (ThredoDeadlockPolicy policy)
{
  g_return_if_fail (policy >= THREDO_DEADLOCK_POLICY_REPORT &&
                    policy <= THREDO_DEADLOCK_POLICY_CANCEL);

  thredo_mutex_lock (&process.lock);
  process.policy = policy;
  process.is_set = TRUE;
  thredo_mutex_unlock (&process.lock);
}

/**
 * thredo_get_deadlock_policy:
 *
 * Gets what is to happen when threads wait for each other in a circle.
 *
 * Returns: what [func@Thredo.set_deadlock_policy] has said, or the environment
 *
 * Since: 1.0
 */
ThredoDeadlockPolicy
thredo_get_deadlock_policy (void)
{
  ThredoDeadlockPolicy policy;
  gboolean is_set;

  thredo_mutex_lock (&process.lock);
  is_set = process.is_set;
  policy = process.policy;
  thredo_mutex_unlock (&process.lock);
  if (is_set)
    return policy;

  policy = get_policy_of_environment ();
  thredo_mutex_lock (&process.lock);
  if (!process.is_set)
    process.policy = policy;
  process.is_set = TRUE;
  policy = process.policy;
  thredo_mutex_unlock (&process.lock);

  return policy;
}

/**
 * thredo_deadlock_get_threads:
 * @self: a deadlock
 *
 * Gets the threads, in the order in which each waits for the next.
 *
 * Returns: (element-type Thredo.Thread) (transfer none): the threads
 *
 * Since: 1.0
 */
GPtrArray *
thredo_deadlock_get_threads (ThredoDeadlock *self)
{
  g_return_val_if_fail (THREDO_IS_DEADLOCK (self), NULL);

  return self->threads;
}

/**
 * thredo_deadlock_get_objects:
 * @self: a deadlock
 *
 * Gets what the threads wait for, in the same order.
 *
 * Returns: (element-type GObject.Object) (transfer none): locks, and threads that are
 *   joined
 *
 * Since: 1.0
 */
GPtrArray *
thredo_deadlock_get_objects (ThredoDeadlock *self)
{
  g_return_val_if_fail (THREDO_IS_DEADLOCK (self), NULL);

  return self->objects;
}

/**
 * thredo_deadlock_get_thread_ids:
 * @self: a deadlock
 * @n_ids: (out): how many there are
 *
 * Gets the numbers of the threads, in the order in which each waits for the next.
 *
 * Returns: (array length=n_ids) (transfer none): the numbers
 *
 * Since: 1.0
 */
const guint64 *
thredo_deadlock_get_thread_ids (ThredoDeadlock *self,
                                gsize          *n_ids)
{
  g_return_val_if_fail (THREDO_IS_DEADLOCK (self), NULL);
  g_return_val_if_fail (n_ids != NULL, NULL);

  *n_ids = self->ids->len;
  return (const guint64 *) self->ids->data;
}

/**
 * thredo_deadlock_get_description:
 * @self: a deadlock
 *
 * Gets who waits for what, in one line, for logs and messages.
 *
 * Returns: the line, such as "Deadlock of 2 threads: 'A' holds Lock 'L1', waits for
 *   Lock 'L2' held by 'B'; 'B' holds Lock 'L2', waits for Lock 'L1' held by 'A'"
 *
 * Since: 1.0
 */
const char *
thredo_deadlock_get_description (ThredoDeadlock *self)
{
  g_return_val_if_fail (THREDO_IS_DEADLOCK (self), NULL);

  return self->description;
}
