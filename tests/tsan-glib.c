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

#undef g_object_ref
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

/* The last reference is dropped after all that was done under the others. */
gpointer
g_object_ref (gpointer object)
{
  BEHIND (g_object_ref);
  return real (object);
}

void
g_object_unref (gpointer object)
{
  BEHIND (g_object_unref);
  __tsan_release (object);
  __tsan_acquire (object);
  real (object);
}

/* What was done before a source was attached is seen when it is dispatched. */
guint
g_source_attach (GSource      *source,
                 GMainContext *context)
{
  BEHIND (g_source_attach);
  __tsan_release (context != NULL ? context : g_main_context_default ());
  return real (source, context);
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
