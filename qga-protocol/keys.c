/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/keys.h"

#include "qga-protocol/value.h"

#include <string.h>

#define TABLE_MIN 64u
#define TABLE_IDLE 1024u

typedef struct {
    guint64 hash;
    gsize start;
    gsize end;
    guint slot;
} Key;

/* `table` maps hashes to indexes into `list` plus 1, with linear probing. Names leave in the
 * opposite order of their coming, so emptying a slot never breaks a probe to an older one. */
struct QgaKeys {
    GArray *list;  /* of Key */
    GArray *marks; /* of guint: where the names of each open object begin in `list` */
    guint *table;
    guint table_size; /* a power of two, at least twice the length of `list` */
    guint64 secret[2];
};

QgaKeys *qga_keys_new(void)
{
    QgaKeys *keys = g_new0(QgaKeys, 1);

    keys->list = g_array_new(FALSE, FALSE, sizeof(Key));
    keys->marks = g_array_new(FALSE, FALSE, sizeof(guint));
    keys->table_size = TABLE_MIN;
    keys->table = g_new0(guint, keys->table_size);
    for (guint i = 0; i < G_N_ELEMENTS(keys->secret); i++)
        keys->secret[i] = ((guint64)g_random_int() << 32 | g_random_int()) | 1;
    return keys;
}

void qga_keys_free(QgaKeys *keys)
{
    if (!keys)
        return;
    g_array_unref(keys->list);
    g_array_unref(keys->marks);
    g_free(keys->table);
    g_free(keys);
}

static guint64 mix(guint64 a, guint64 b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (guint64)product ^ (guint64)(product >> 64);
}

static guint64 hash_bytes(const QgaKeys *keys, guint64 seed, const char *bytes, gsize length)
{
    guint64 hash = seed ^ keys->secret[0];

    for (gsize i = 0; i < length; i += 8) {
        guint64 word = 0;

        memcpy(&word, bytes + i, MIN(length - i, 8));
        hash = mix(hash ^ word, keys->secret[1] ^ i);
    }
    return mix(hash ^ length, keys->secret[0]);
}

static guint64 hash_name(const QgaKeys *keys, guint64 seed, QgaValue name)
{
    const char *plain;
    gsize length;
    g_autofree char *decoded = NULL;

    if (qga_value_string_plain(name, &plain, &length))
        return hash_bytes(keys, seed, plain, length);
    decoded = qga_value_string(name, &length);
    return hash_bytes(keys, seed, decoded, length);
}

static gboolean same_name(QgaValue one, QgaValue other)
{
    gsize lengths[2];
    g_autofree char *first = qga_value_string(one, &lengths[0]);
    g_autofree char *second = qga_value_string(other, &lengths[1]);

    return lengths[0] == lengths[1] && memcmp(first, second, lengths[0]) == 0;
}

static void put(QgaKeys *keys, guint index)
{
    Key *key = &g_array_index(keys->list, Key, index);
    guint slot = (guint)(key->hash >> 32) & (keys->table_size - 1);

    while (keys->table[slot])
        slot = (slot + 1) & (keys->table_size - 1);
    keys->table[slot] = index + 1;
    key->slot = slot;
}

static void resize(QgaKeys *keys, guint size)
{
    g_free(keys->table);
    keys->table_size = size;
    keys->table = g_new0(guint, size);
    for (guint i = 0; i < keys->list->len; i++)
        put(keys, i);
}

void qga_keys_open_object(QgaKeys *keys)
{
    guint mark = keys->list->len;

    g_array_append_val(keys->marks, mark);
}

void qga_keys_close_object(QgaKeys *keys)
{
    guint mark = g_array_index(keys->marks, guint, keys->marks->len - 1);

    for (guint i = keys->list->len; i > mark; i--)
        keys->table[g_array_index(keys->list, Key, i - 1).slot] = 0;
    g_array_set_size(keys->list, mark);
    g_array_set_size(keys->marks, keys->marks->len - 1);
}

gboolean qga_keys_add(QgaKeys *keys, const char *text, gsize start, gsize end)
{
    QgaValue name = {text + start, text + end};
    guint mark = g_array_index(keys->marks, guint, keys->marks->len - 1);
    /* The depth goes into the hash: the same name in each of many open objects must not pile up. */
    Key key = {hash_name(keys, mix(keys->marks->len, keys->secret[1]), name), start, end, 0};
    guint slot = (guint)(key.hash >> 32) & (keys->table_size - 1);

    for (; keys->table[slot]; slot = (slot + 1) & (keys->table_size - 1)) {
        guint index = keys->table[slot] - 1;
        const Key *other = &g_array_index(keys->list, Key, index);
        QgaValue other_name = {text + other->start, text + other->end};

        if (index >= mark && other->hash == key.hash && same_name(name, other_name))
            return FALSE;
    }
    g_array_append_val(keys->list, key);
    if (keys->list->len * 2 > keys->table_size)
        resize(keys, keys->table_size * 2);
    else
        put(keys, keys->list->len - 1);
    return TRUE;
}

void qga_keys_clear(QgaKeys *keys)
{
    while (keys->marks->len > 0)
        qga_keys_close_object(keys);
    if (keys->table_size > TABLE_IDLE) {
        resize(keys, TABLE_MIN);
        g_array_unref(keys->list);
        keys->list = g_array_new(FALSE, FALSE, sizeof(Key));
    }
}
