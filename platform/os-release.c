/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/os-release.h"

#include "platform/text-file.h"

#include <string.h>

static gboolean is_name(const char *text)
{
    if (!g_ascii_isalpha(*text) && *text != '_')
        return FALSE;
    for (; *text; text++) {
        if (!g_ascii_isalnum(*text) && *text != '_')
            return FALSE;
    }
    return TRUE;
}

/* In double quotes, where a shell keeps both characters of \\', the packaged agent takes that for a
 * single quote; in place. */
static void ease_quotes(char *value)
{
    char *to = value;

    for (const char *from = value; *from; from++) {
        if (from[0] == '\\' && from[1] == '\'')
            continue;
        *to++ = *from;
        if (from[0] == '\\' && from[1])
            *to++ = *++from;
    }
    *to = '\0';
}

static void add_line(GHashTable *values, char *line)
{
    char *equals, *value;

    g_strstrip(line);
    equals = strchr(line, '=');
    if (*line == '#' || !equals)
        return;
    *equals = '\0';
    if (!is_name(line))
        return;
    if (equals[1] == '"')
        ease_quotes(equals + 1);
    value = g_shell_unquote(equals + 1, NULL);
    if (value)
        g_hash_table_replace(values, g_strdup(line), value);
}

static char *read_first(const FirnRoots *roots)
{
    static const char *const places[] = {"/etc/os-release", "/usr/lib/os-release"};
    char *text = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(places) && !text; i++) {
        g_autofree char *path = firn_roots_path(roots, places[i]);

        text = firn_text_file_read(path, NULL);
    }
    return text;
}

GHashTable *firn_os_release_read(const FirnRoots *roots, const char *file)
{
    GHashTable *values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *text = file ? firn_text_file_read(file, NULL) : read_first(roots);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

    for (char **line = lines; *line; line++)
        add_line(values, *line);
    return values;
}
