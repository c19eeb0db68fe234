/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-queue-store-private.h"

typedef struct
{
  GValue item;
  guint64 number; /* equal items come out in the order of these */
} Entry;

static inline Entry *
entry_at (ThredoQueueStore *self,
          guint             index)
{
  return &g_array_index (self->array, Entry, index);
}

void
thredo_queue_store_init (ThredoQueueStore *self,
                         ThredoQueueOrder  order)
{
  self->order = order;
  if (order == THREDO_QUEUE_ORDER_FIFO)
    thredo_fifo_init (&self->fifo);
  else
    self->array = g_array_new (FALSE, FALSE, sizeof (Entry));
}

/* Of an empty one. */
void
thredo_queue_store_clear (ThredoQueueStore *self)
{
  if (self->order == THREDO_QUEUE_ORDER_FIFO)
    thredo_fifo_clear (&self->fifo);
  g_clear_pointer (&self->array, g_array_unref);
  if (self->compare_destroy != NULL)
    self->compare_destroy (self->compare_data);
}

static gboolean
get_integer (const GValue *value,
             gint64       *number)
{
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value)))
    {
    case G_TYPE_CHAR:
      *number = g_value_get_schar (value);
      return TRUE;
    case G_TYPE_UCHAR:
      *number = g_value_get_uchar (value);
      return TRUE;
    case G_TYPE_BOOLEAN:
      *number = g_value_get_boolean (value);
      return TRUE;
    case G_TYPE_INT:
      *number = g_value_get_int (value);
      return TRUE;
    case G_TYPE_UINT:
      *number = g_value_get_uint (value);
      return TRUE;
    case G_TYPE_LONG:
      *number = g_value_get_long (value);
      return TRUE;
    case G_TYPE_INT64:
      *number = g_value_get_int64 (value);
      return TRUE;
    case G_TYPE_ENUM:
      *number = g_value_get_enum (value);
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
get_double (const GValue *value,
            double       *number)
{
  gint64 integer;

  if (G_VALUE_HOLDS_DOUBLE (value))
    *number = g_value_get_double (value);
  else if (G_VALUE_HOLDS_FLOAT (value))
    *number = (double) g_value_get_float (value);
  else if (G_VALUE_HOLDS_UINT64 (value))
    *number = (double) g_value_get_uint64 (value);
  else if (G_VALUE_HOLDS_ULONG (value))
    *number = (double) g_value_get_ulong (value);
  else if (get_integer (value, &integer))
    *number = (double) integer;
  else
    return FALSE;
  return TRUE;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_naturally (const GValue *a,
                              const GValue *b);

static gboolean
is_sequence (GVariant *variant)
{
  return g_variant_is_of_type (variant, G_VARIANT_TYPE_TUPLE) ||
         (g_variant_is_of_type (variant, G_VARIANT_TYPE_ARRAY) &&
          !g_variant_is_of_type (variant, G_VARIANT_TYPE_DICTIONARY));
}

static GVariant *
unbox (GVariant *variant)
{
  GVariant *inner = g_variant_ref (variant);

  while (g_variant_is_of_type (inner, G_VARIANT_TYPE_VARIANT))
    {
      GVariant *box = inner;

      inner = g_variant_get_variant (box);
      g_variant_unref (box);
    }
  return inner;
}

/* Arrays and tuples by the first element in which they differ, and the longer one last. */
static int
compare_variants (GVariant *boxed_a,
                  GVariant *boxed_b)
{
  g_autoptr(GVariant) a = unbox (boxed_a);
  g_autoptr(GVariant) b = unbox (boxed_b);
  int order = 0;

  if (is_sequence (a) && is_sequence (b))
    {
      gsize n_a = g_variant_n_children (a), n_b = g_variant_n_children (b);

      for (gsize i = 0; order == 0 && i < MIN (n_a, n_b); i++)
        {
          g_autoptr(GVariant) child_a = g_variant_get_child_value (a, i);
          g_autoptr(GVariant) child_b = g_variant_get_child_value (b, i);

          order = compare_variants (child_a, child_b);
        }
      return order != 0 ? order : COMPARE (n_a, n_b);
    }

  if (g_variant_type_is_basic (g_variant_get_type (a)) &&
      g_variant_type_is_basic (g_variant_get_type (b)))
    {
      g_auto(GValue) value_a = G_VALUE_INIT;
      g_auto(GValue) value_b = G_VALUE_INIT;

      g_dbus_gvariant_to_gvalue (a, &value_a);
      g_dbus_gvariant_to_gvalue (b, &value_b);
      order = compare_naturally (&value_a, &value_b);
    }
  return order;
}

/* Numbers by size, strings as strcmp() has them, variants by what is in them, and everything
 * else equal. */
static int
compare_naturally (const GValue *a,
                   const GValue *b)
{
  gint64 integer_a, integer_b;
  double double_a, double_b;

  if (G_VALUE_HOLDS_STRING (a) && G_VALUE_HOLDS_STRING (b))
    return g_strcmp0 (g_value_get_string (a), g_value_get_string (b));
  if (G_VALUE_HOLDS_VARIANT (a) && G_VALUE_HOLDS_VARIANT (b) &&
      g_value_get_variant (a) != NULL && g_value_get_variant (b) != NULL)
    return compare_variants (g_value_get_variant (a), g_value_get_variant (b));
  /* Wide integers as such: a double would take some for equal. */
  if (get_integer (a, &integer_a) && get_integer (b, &integer_b))
    return COMPARE (integer_a, integer_b);
  if (G_VALUE_HOLDS_UINT64 (a) && G_VALUE_HOLDS_UINT64 (b))
    return COMPARE (g_value_get_uint64 (a), g_value_get_uint64 (b));
  if (G_VALUE_HOLDS_ULONG (a) && G_VALUE_HOLDS_ULONG (b))
    return COMPARE (g_value_get_ulong (a), g_value_get_ulong (b));
  if (get_double (a, &double_a) && get_double (b, &double_b))
    return COMPARE (double_a, double_b);
  return 0;
}

static int
compare (ThredoQueueStore *self,
         const GValue     *a,
         const GValue     *b)
{
  return self->compare != NULL ? self->compare (a, b, self->compare_data)
                               : compare_naturally (a, b);
}

/* Of two that are in the queue: those that cannot be compared are as good as equal. */
static gboolean
is_before (ThredoQueueStore *self,
           Entry            *a,
           Entry            *b)
{
  int order = compare (self, &a->item, &b->item);

  return order != 0 && order != G_MININT ? order < 0 : a->number < b->number;
}

gboolean
thredo_queue_store_find_place (ThredoQueueStore *self,
                               const GValue     *item,
                               guint            *place)
{
  *place = self->array->len;
  if (self->order == THREDO_QUEUE_ORDER_LIFO)
    return TRUE;

  while (*place > 0)
    {
      guint parent = (*place - 1) / 2;
      int order = compare (self, item, &entry_at (self, parent)->item);

      if (order == G_MININT)
        return FALSE;
      if (order >= 0) /* of equal ones it is the latest */
        break;
      *place = parent;
    }
  return TRUE;
}

void
thredo_queue_store_push_at (ThredoQueueStore *self,
                            const GValue     *item,
                            guint             place)
{
  Entry entry = { *item, self->last_number++ };
  guint index = self->array->len;

  g_array_append_val (self->array, entry);
  while (index > place)
    {
      guint parent = (index - 1) / 2;

      *entry_at (self, index) = *entry_at (self, parent);
      index = parent;
    }
  *entry_at (self, index) = entry;
}

GValue *
thredo_queue_store_peek_sorted (ThredoQueueStore *self)
{
  if (self->order == THREDO_QUEUE_ORDER_LIFO)
    return &entry_at (self, self->array->len - 1)->item;
  return &entry_at (self, 0)->item;
}

void
thredo_queue_store_drop_sorted (ThredoQueueStore *self)
{
  guint length = self->array->len - 1;
  Entry last = *entry_at (self, length);
  guint index = 0;

  g_array_set_size (self->array, length);
  if (self->order == THREDO_QUEUE_ORDER_LIFO || length == 0)
    return;

  for (;;)
    {
      guint child = 2 * index + 1;

      if (child >= length)
        break;
      if (child + 1 < length &&
          is_before (self, entry_at (self, child + 1), entry_at (self, child)))
        child++;
      if (!is_before (self, entry_at (self, child), &last))
        break;
      *entry_at (self, index) = *entry_at (self, child);
      index = child;
    }
  *entry_at (self, index) = last;
}
