/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What only one thread can have at a time, in each of its forms. */

#pragma once

#include "support.h"

G_BEGIN_DECLS

typedef struct
{
  const char *name;
  gpointer (*create) (void);
  gboolean (*acquire) (gpointer       object,
                       GCancellable  *cancellable,
                       GError       **error);
  gboolean (*try_acquire) (gpointer object);
  gboolean (*release) (gpointer   object,
                       GError   **error);
  void (*acquire_async) (gpointer             object,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data);
  gboolean (*acquire_finish) (gpointer       object,
                              GAsyncResult  *result,
                              GError       **error);
  gboolean (*is_free) (gpointer object);
} Exclusive;

#define DEFINE_EXCLUSIVE_CALLS(type) \
  static gboolean type##_acquire (gpointer object, GCancellable *cancellable, GError **error) \
  { \
    return thredo_##type##_acquire (object, cancellable, error); \
  } \
  static gboolean type##_try_acquire (gpointer object) \
  { \
    return thredo_##type##_try_acquire (object); \
  } \
  static gboolean type##_release (gpointer object, GError **error) \
  { \
    return thredo_##type##_release (object, error); \
  } \
  static void type##_acquire_async (gpointer object, GCancellable *cancellable, \
                                    GAsyncReadyCallback callback, gpointer user_data) \
  { \
    thredo_##type##_acquire_async (object, cancellable, callback, user_data); \
  } \
  static gboolean type##_acquire_finish (gpointer object, GAsyncResult *result, GError **error) \
  { \
    return thredo_##type##_acquire_finish (object, result, error); \
  }

#define EXCLUSIVE_CALLS(type) \
  .name = #type, .create = type##_create, .acquire = type##_acquire, \
  .try_acquire = type##_try_acquire, .release = type##_release, \
  .acquire_async = type##_acquire_async, .acquire_finish = type##_acquire_finish, \
  .is_free = type##_is_free

DEFINE_EXCLUSIVE_CALLS (lock)
DEFINE_EXCLUSIVE_CALLS (rlock)
DEFINE_EXCLUSIVE_CALLS (semaphore)

static gpointer
lock_create (void)
{
  return thredo_lock_new ();
}

static gboolean
lock_is_free (gpointer object)
{
  return !thredo_lock_is_locked (object);
}

static gpointer
rlock_create (void)
{
  return thredo_rlock_new ();
}

static gboolean
rlock_is_free (gpointer object)
{
  return !thredo_rlock_is_locked (object) && thredo_rlock_get_depth (object) == 0;
}

static gpointer
semaphore_create (void)
{
  return thredo_semaphore_new (1);
}

static gboolean
semaphore_is_free (gpointer object)
{
  return thredo_semaphore_get_value (object) == 1;
}

static const Exclusive exclusives[] = {
  { EXCLUSIVE_CALLS (lock) },
  { EXCLUSIVE_CALLS (rlock) },
  { EXCLUSIVE_CALLS (semaphore) },
};

#undef DEFINE_EXCLUSIVE_CALLS
#undef EXCLUSIVE_CALLS

G_END_DECLS
