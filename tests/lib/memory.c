/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/memory.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static gboolean ends_here(const char *last, const char *backwards)
{
    while (*backwards && *last == *backwards) {
        backwards++;
        last--;
    }
    return *backwards == '\0';
}

static gboolean search(const char *bytes, gsize length, const char *backwards)
{
    gsize size = strlen(backwards);

    for (gsize at = size; at <= length; at++) {
        const char *last = memchr(bytes + at - 1, backwards[0], length - at + 1);

        if (!last)
            return FALSE;
        if (ends_here(last, backwards))
            return TRUE;
        at = (gsize)(last - bytes) + 1;
    }
    return FALSE;
}

/* Larger ones are a sanitizer's own, and mostly not there. */
#define MAPPING_MAX ((guint64)1 << 30)

/* One mapping; what cannot be read of it holds nothing. */
static gboolean search_mapping(int memory, guint64 start, guint64 end, const char *backwards)
{
    gsize length = end - start > MAPPING_MAX ? 0 : (gsize)(end - start);
    g_autofree char *bytes = g_malloc(length);
    gsize done = 0;
    gboolean found;

    while (done < length) {
        gssize n = pread(memory, bytes + done, length - done, (off_t)(start + done));

        if (n <= 0)
            break;
        done += (gsize)n;
    }
    found = search(bytes, done, backwards);
    if (length > 0)
        explicit_bzero(bytes, length);
    return found;
}

gboolean test_memory_holds(int pid, const char *backwards)
{
    g_autofree char *maps = g_strdup_printf("/proc/%d/maps", pid);
    g_autofree char *path = g_strdup_printf("/proc/%d/mem", pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gboolean found = FALSE;
    int memory = open(path, O_RDONLY | O_CLOEXEC);

    ck_assert_msg(memory >= 0, "cannot read %s", path);
    ck_assert(g_file_get_contents(maps, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line && !found; line++) {
        guint64 start, end;
        char right;

        if (sscanf(*line, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x %*c%c", &start, &end,
                   &right) == 3 &&
            right == 'w')
            found = search_mapping(memory, start, end, backwards);
    }
    close(memory);
    return found;
}
