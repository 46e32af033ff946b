/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/processors.h"

#include "platform/text-file.h"

#include <string.h>

#define FOLDER "/sys/devices/system/cpu"

static char *online_file(const FirnRoots *roots, gint64 id)
{
    return firn_roots_pathf(roots, FOLDER "/cpu%" G_GINT64_FORMAT "/online", id);
}

/* FALSE for a processor that went away meanwhile. A processor without the file is always on. */
static gboolean read_processor(const FirnRoots *roots, FirnProcessor *processor, GError **error)
{
    g_autofree char *path = online_file(roots, processor->id);
    g_autoptr(GError) cause = NULL;
    g_autofree char *text = firn_text_file_read(path, &cause);

    processor->can_offline = text != NULL;
    processor->online = !text || !g_str_equal(text, "0");
    if (!text && !g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    return TRUE;
}

static gboolean parse_id(const char *name, gint64 *id)
{
    char *end;

    if (!g_str_has_prefix(name, "cpu") || !g_ascii_isdigit(name[3]))
        return FALSE;
    *id = g_ascii_strtoll(name + 3, &end, 10);
    return *end == '\0';
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    const FirnProcessor *one = a, *other = b;

    return one->id < other->id ? -1 : one->id > other->id;
}

GArray *firn_processors_read(const FirnRoots *roots, GError **error)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(FirnProcessor));
    g_autofree char *folder = firn_roots_path(roots, FOLDER);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    const char *name;

    if (!dir)
        return NULL;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        FirnProcessor processor;

        if (!parse_id(name, &processor.id) || !g_file_test(path, G_FILE_TEST_IS_DIR))
            continue;
        if (!read_processor(roots, &processor, error))
            return NULL;
        g_array_append_val(all, processor);
    }
    g_array_sort(all, by_id);
    return g_steal_pointer(&all);
}

gboolean firn_processor_set(const FirnRoots *roots, gint64 id, gboolean online, GError **error)
{
    g_autofree char *folder = firn_roots_pathf(roots, FOLDER "/cpu%" G_GINT64_FORMAT, id);
    g_autofree char *path = online_file(roots, id);
    FirnProcessor processor = {.id = id};

    if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "open(\"" FOLDER "/cpu%" G_GINT64_FORMAT "/\"): No such file or directory", id);
        return FALSE;
    }
    if (!read_processor(roots, &processor, error))
        return FALSE;
    if (!processor.online == !online)
        return TRUE;
    if (!processor.can_offline) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "logical processor #%" G_GINT64_FORMAT " can't be offlined", id);
        return FALSE;
    }
    return firn_text_file_write(path, online ? "1" : "0", error);
}
