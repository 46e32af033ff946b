/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/diskstats.h"

#include <string.h>

/* Takes the next word off *at; NULL at the end. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " \t");
    gsize length = strcspn(word, " \t");

    if (length == 0)
        return NULL;
    *at = word + length;
    if (**at)
        *(*at)++ = '\0';
    return word;
}

static gboolean next_number(char **at, guint64 max, guint64 *value)
{
    const char *word = next_word(at);

    return word && g_ascii_string_to_unsigned(word, 10, 0, max, value, NULL);
}

/* "254 0 vda 83501 26598 ..."; a newer kernel may have more columns than are known here. */
static gboolean parse_line(char *line, FirnDiskstat *stat)
{
    guint64 major_number, minor_number;
    const char *word;

    if (!next_number(&line, G_MAXUINT32, &major_number) ||
        !next_number(&line, G_MAXUINT32, &minor_number))
        return FALSE;
    stat->major = (guint)major_number;
    stat->minor = (guint)minor_number;
    stat->name = next_word(&line);
    if (!stat->name)
        return FALSE;
    while (stat->columns < FIRN_DISKSTAT_COLUMNS && (word = next_word(&line))) {
        if (!g_ascii_string_to_unsigned(word, 10, 0, G_MAXUINT64, &stat->values[stat->columns],
                                        NULL))
            return FALSE;
        stat->columns++;
    }
    return stat->columns == FIRN_DISKSTAT_DISCARD_IOS || stat->columns == FIRN_DISKSTAT_FLUSH_IOS ||
           stat->columns == FIRN_DISKSTAT_COLUMNS;
}

FirnDiskstats *firn_diskstats_parse(char *text)
{
    FirnDiskstats *stats = g_new0(FirnDiskstats, 1);

    stats->text = text;
    stats->entries = g_array_new(FALSE, FALSE, sizeof(FirnDiskstat));
    for (char *line = text; line && *line;) {
        char *newline = strchr(line, '\n');
        FirnDiskstat stat = {0};

        if (newline)
            *newline = '\0';
        if (parse_line(line, &stat))
            g_array_append_val(stats->entries, stat);
        line = newline ? newline + 1 : NULL;
    }
    return stats;
}

FirnDiskstats *firn_diskstats_read(const FirnRoots *roots, GError **error)
{
    g_autofree char *path = firn_roots_path(roots, "/proc/diskstats");
    char *text;

    return g_file_get_contents(path, &text, NULL, error) ? firn_diskstats_parse(text) : NULL;
}

void firn_diskstats_free(FirnDiskstats *stats)
{
    if (!stats)
        return;
    g_array_unref(stats->entries);
    g_free(stats->text);
    g_free(stats);
}
