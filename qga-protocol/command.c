/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/command.h"

#include <string.h>

typedef struct {
    const QgaCommand *row;
    gpointer data;
} Entry;

typedef struct {
    gpointer data;
    GDestroyNotify free_data;
} Family;

struct QgaCommands {
    GHashTable *entries; /* name to Entry */
    GArray *families;    /* of Family */
    GArray *sorted;      /* of const QgaCommand * */
    GPtrArray *base64;   /* names, ends with NULL */
};

static void clear_family(gpointer data)
{
    Family *family = data;

    if (family->free_data)
        family->free_data(family->data);
}

QgaCommands *qga_commands_new(void)
{
    QgaCommands *commands = g_new0(QgaCommands, 1);

    commands->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    commands->families = g_array_new(FALSE, FALSE, sizeof(Family));
    g_array_set_clear_func(commands->families, clear_family);
    commands->sorted = g_array_new(FALSE, FALSE, sizeof(const QgaCommand *));
    commands->base64 = g_ptr_array_new();
    g_ptr_array_add(commands->base64, NULL);
    return commands;
}

void qga_commands_free(QgaCommands *commands)
{
    if (!commands)
        return;
    g_hash_table_unref(commands->entries);
    g_array_unref(commands->families);
    g_array_unref(commands->sorted);
    g_ptr_array_unref(commands->base64);
    g_free(commands);
}

static int compare_rows(gconstpointer a, gconstpointer b)
{
    const QgaCommand *const *one = a, *const *other = b;

    return strcmp((*one)->name, (*other)->name);
}

/* The row's names of base64, in front of the NULL at the end. */
static void commands_add_base64(QgaCommands *commands, const QgaMember *member)
{
    for (; member && member->type != QGA_TYPE_END; member++) {
        if (member->type == QGA_TYPE_BASE64 &&
            !g_strv_contains((const char *const *)commands->base64->pdata, member->name))
            g_ptr_array_insert(commands->base64, 0, (gpointer)(guintptr)member->name);
    }
}

void qga_commands_add(QgaCommands *commands, const QgaCommand *rows, guint count, gpointer data,
                      GDestroyNotify free_data)
{
    Family family = {data, free_data};

    for (guint i = 0; i < count; i++) {
        const QgaCommand *row = &rows[i];
        Entry *entry = g_new(Entry, 1);

        *entry = (Entry){row, data};
        if (!g_hash_table_insert(commands->entries, g_strdup(row->name), entry))
            g_error("two commands are named %s", row->name);
        g_array_append_val(commands->sorted, row);
        commands_add_base64(commands, row->arguments);
    }
    g_array_append_val(commands->families, family);
    g_array_sort(commands->sorted, compare_rows);
}

const QgaCommand *qga_commands_find(const QgaCommands *commands, const char *name, gpointer *data)
{
    const Entry *entry = g_hash_table_lookup(commands->entries, name);

    if (!entry)
        return NULL;
    if (data)
        *data = entry->data;
    return entry->row;
}

const QgaCommand *const *qga_commands_list(const QgaCommands *commands, guint *count)
{
    *count = commands->sorted->len;
    return (const QgaCommand *const *)(gconstpointer)commands->sorted->data;
}

const char *const *qga_commands_base64(const QgaCommands *commands)
{
    return (const char *const *)commands->base64->pdata;
}
