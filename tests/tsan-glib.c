/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ThreadSanitizer knows what an uninstrumented library does only where that
 * library calls libc. GLib's locks and reference counts are futexes and
 * atomics of its own, so that whatever they order looks like a race.
 *
 * The functions here stand in front of GLib's, by being in the executable, and
 * tell ThreadSanitizer what orders what. They are for the tests under
 * -Db_sanitize=thread, and are compiled nowhere else.
 */

#include <dlfcn.h>

#include <gio/gio.h>
#include <sanitizer/tsan_interface.h>

/* The function behind ours. Racing threads find the same one. */
#define BEHIND(name) \
  static __typeof__ (name) *behind; \
  __typeof__ (name) *real = __atomic_load_n (&behind, __ATOMIC_RELAXED); \
  if (real == NULL) \
    { \
      real = (__typeof__ (name) *) dlsym (RTLD_NEXT, #name); \
      __atomic_store_n (&behind, real, __ATOMIC_RELAXED); \
    }

#undef g_mutex_trylock

void
g_mutex_lock (GMutex *mutex)
{
  BEHIND (g_mutex_lock);
  real (mutex);
  __tsan_acquire (mutex);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  BEHIND (g_mutex_trylock);
  if (!real (mutex))
    return FALSE;
  __tsan_acquire (mutex);
  return TRUE;
}

void
g_mutex_unlock (GMutex *mutex)
{
  BEHIND (g_mutex_unlock);
  __tsan_release (mutex);
  real (mutex);
}

void
g_rec_mutex_lock (GRecMutex *mutex)
{
  BEHIND (g_rec_mutex_lock);
  real (mutex);
  __tsan_acquire (mutex);
}

gboolean
g_rec_mutex_trylock (GRecMutex *mutex)
{
  BEHIND (g_rec_mutex_trylock);
  if (!real (mutex))
    return FALSE;
  __tsan_acquire (mutex);
  return TRUE;
}

void
g_rec_mutex_unlock (GRecMutex *mutex)
{
  BEHIND (g_rec_mutex_unlock);
  __tsan_release (mutex);
  real (mutex);
}

void
g_cond_wait (GCond  *cond,
             GMutex *mutex)
{
  BEHIND (g_cond_wait);
  __tsan_release (mutex);
  real (cond, mutex);
  __tsan_acquire (mutex);
}

gboolean
g_cond_wait_until (GCond  *cond,
                   GMutex *mutex,
                   gint64  end_time)
{
  gboolean signalled;

  BEHIND (g_cond_wait_until);
  __tsan_release (mutex);
  signalled = real (cond, mutex, end_time);
  __tsan_acquire (mutex);

  return signalled;
}

/* What was done under each of the references is seen by whoever drops the
 * last. So the count goes down here as long as it is not that: to look at it and
 * to acquire has to come after all others have counted down. No test that runs
 * under ThreadSanitizer waits for a toggle reference to be told of the last but
 * one. */
void
g_object_unref (gpointer object)
{
  guint *count = (guint *) &G_OBJECT (object)->ref_count;
  guint seen = __atomic_load_n (count, __ATOMIC_ACQUIRE);

  BEHIND (g_object_unref);
  __tsan_release (object);
  while (seen > 1)
    {
      if (__atomic_compare_exchange_n (count, &seen, seen - 1, FALSE,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return;
    }
  __tsan_acquire (object);
  real (object);
}

/* What was done before a source was attached is seen when it is dispatched. */
guint
g_source_attach (GSource      *source,
                 GMainContext *context)
{
  BEHIND (g_source_attach);
  __tsan_release (source);
  return real (source, context);
}

typedef struct
{
  gatomicrefcount ref_count;
  GSourceFunc func; /* of another type for each kind of source */
  gpointer data;
  GDestroyNotify notify;
} Callback;

static void
callback_ref (gpointer data)
{
  g_atomic_ref_count_inc (&((Callback *) data)->ref_count);
}

static void
callback_unref (gpointer data)
{
  Callback *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->notify != NULL)
    self->notify (self->data);
  g_free (self);
}

/* Just before the function is called, in the thread that calls it. */
static void
callback_get (gpointer     data,
              GSource     *source,
              GSourceFunc *func,
              gpointer    *func_data)
{
  Callback *self = data;

  __tsan_acquire (self);
  __tsan_acquire (source);
  *func = self->func;
  *func_data = self->data;
}

static GSourceCallbackFuncs callback_funcs = { callback_ref, callback_unref, callback_get };

void
g_source_set_callback (GSource        *source,
                       GSourceFunc     func,
                       gpointer        data,
                       GDestroyNotify  notify)
{
  Callback *callback = g_new (Callback, 1);

  *callback = (Callback) { .func = func, .data = data, .notify = notify };
  g_atomic_ref_count_init (&callback->ref_count);
  __tsan_release (callback);
  g_source_set_callback_indirect (source, callback, &callback_funcs);
}

/* An idle source, where the context is another thread's. */
typedef struct
{
  GSourceFunc func;
  gpointer data;
  GDestroyNotify notify;
} Invocation;

static gboolean
invocation_call (gpointer data)
{
  Invocation *self = data;

  __tsan_acquire (self);
  return self->func (self->data);
}

static void
invocation_free (gpointer data)
{
  Invocation *self = data;

  __tsan_acquire (self);
  if (self->notify != NULL)
    self->notify (self->data);
  g_free (self);
}

void
g_main_context_invoke_full (GMainContext   *context,
                            int             priority,
                            GSourceFunc     func,
                            gpointer        data,
                            GDestroyNotify  notify)
{
  Invocation *invocation = g_new (Invocation, 1);

  BEHIND (g_main_context_invoke_full);
  *invocation = (Invocation) { func, data, notify };
  __tsan_release (invocation);
  real (context, priority, invocation_call, invocation, invocation_free);
}

void
g_main_context_invoke (GMainContext *context,
                       GSourceFunc   func,
                       gpointer      data)
{
  g_main_context_invoke_full (context, G_PRIORITY_DEFAULT, func, data, NULL);
}

void
g_async_queue_push (GAsyncQueue *queue,
                    gpointer     data)
{
  BEHIND (g_async_queue_push);
  __tsan_release (queue);
  real (queue, data);
}

gpointer
g_async_queue_pop (GAsyncQueue *queue)
{
  gpointer data;

  BEHIND (g_async_queue_pop);
  data = real (queue);
  __tsan_acquire (queue);

  return data;
}

/* As with an object: all that was done under the others is seen by whoever drops the
 * last. */
gboolean
g_atomic_ref_count_dec (gatomicrefcount *count)
{
  BEHIND (g_atomic_ref_count_dec);
  __tsan_release (count);
  if (!real (count))
    return FALSE;
  __tsan_acquire (count);
  return TRUE;
}

/* What the function behind ours was to call at once. */
static __thread GDestroyNotify box_clear;

static void
box_clear_acquired (gpointer box)
{
  GDestroyNotify clear = box_clear;

  __tsan_acquire (box);
  if (clear != NULL)
    clear (box);
}

void
g_atomic_rc_box_release_full (gpointer       box,
                              GDestroyNotify clear)
{
  BEHIND (g_atomic_rc_box_release_full);
  __tsan_release (box);
  box_clear = clear;
  real (box, box_clear_acquired);
}

void
g_atomic_rc_box_release (gpointer box)
{
  g_atomic_rc_box_release_full (box, NULL);
}
