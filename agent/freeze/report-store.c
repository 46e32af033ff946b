/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"

#include <glib/gstdio.h>
#include <string.h>

#define FOLDER "reports"
#define SUFFIX ".freeze"
/* Digits of the time a freeze started at, in microseconds: names sort by time. */
#define DIGITS 20

static gboolean is_report(const char *name)
{
    return strspn(name, "0123456789") == DIGITS && g_str_equal(name + DIGITS, SUFFIX);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the reports, oldest first; NULL with an error when the folder cannot be read. */
static GPtrArray *list_names(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) directory = g_dir_open(folder, 0, error);
    const char *name;

    if (!directory)
        return NULL;
    while ((name = g_dir_read_name(directory)))
        if (is_report(name))
            g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    return g_steal_pointer(&names);
}

void firn_report_remove_oldest(const char *state_dir, guint keep)
{
    g_autofree char *folder = g_build_filename(state_dir, FOLDER, NULL);
    g_autoptr(GPtrArray) names = list_names(folder, NULL);

    for (guint i = 0; names && i + keep < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, g_ptr_array_index(names, i), NULL);

        g_unlink(path);
    }
}

char *firn_report_path(const char *state_dir, gint64 started)
{
    g_autofree char *name = g_strdup_printf("%0*" G_GINT64_FORMAT SUFFIX, DIGITS, MAX(started, 0));

    return g_build_filename(state_dir, FOLDER, name, NULL);
}

GPtrArray *firn_report_load(const char *state_dir, guint last, GError **error)
{
    g_autofree char *folder = g_build_filename(state_dir, FOLDER, NULL);
    g_autoptr(GPtrArray) reports = g_ptr_array_new_with_free_func((GDestroyNotify)firn_record_free);
    g_autoptr(GError) problem = NULL;
    g_autoptr(GPtrArray) names = list_names(folder, &problem);

    if (!names && !g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    }
    for (guint i = names && names->len > last ? names->len - last : 0; names && i < names->len;
         i++) {
        g_autofree char *path = g_build_filename(folder, g_ptr_array_index(names, i), NULL);
        FirnRecord *report = firn_record_open_report(path, NULL);

        if (report)
            g_ptr_array_add(reports, report);
    }
    return g_steal_pointer(&reports);
}

char *firn_report_note(const char *state_dir, gboolean told)
{
    g_autoptr(GPtrArray) reports = firn_report_load(state_dir, G_MAXUINT, NULL);

    for (guint i = reports ? reports->len : 0; i-- > 0;) {
        FirnRecord *record = g_ptr_array_index(reports, i);

        if (record->head->early && !record->head->told) {
            record->head->told = told;
            return firn_record_note(record);
        }
        if (record->head->frozen > 0)
            break; /* a later freeze makes older ones outdated */
    }
    return NULL;
}
