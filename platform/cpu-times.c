/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/cpu-times.h"

#include "platform/text-file.h"

#include <string.h>
#include <unistd.h>

/* "cpu3 10 20 30 40 …"; the line of all together has no number. */
static gboolean parse_line(const char *line, guint ticks, FirnCpuTimes *times)
{
    char *at;

    if (!g_str_has_prefix(line, "cpu") || !g_ascii_isdigit(line[3]))
        return FALSE;
    memset(times, 0, sizeof *times);
    times->cpu = (guint)g_ascii_strtoull(line + 3, &at, 10);
    while (times->columns < FIRN_CPU_COLUMNS) {
        char *end;
        guint64 value = g_ascii_strtoull(at, &end, 10);

        if (end == at)
            break;
        times->ms[times->columns++] = value / ticks * 1000 + value % ticks * 1000 / ticks;
        at = end;
    }
    return times->columns > FIRN_CPU_IDLE;
}

GArray *firn_cpu_times_read(const FirnRoots *roots, guint ticks, GError **error)
{
    g_autofree char *path = firn_roots_path(roots, "/proc/stat");
    g_autofree char *text = firn_text_file_read(path, error);
    char *line = text;
    GArray *all;

    if (!text)
        return NULL;
    if (ticks == 0)
        ticks = (guint)MAX(sysconf(_SC_CLK_TCK), 1);
    all = g_array_new(FALSE, FALSE, sizeof(FirnCpuTimes));
    /* The CPUs come first; the lines after them can be long and are not looked at. */
    while (line && g_str_has_prefix(line, "cpu")) {
        char *end = strchr(line, '\n');
        FirnCpuTimes times;

        if (end)
            *end = '\0';
        if (parse_line(line, ticks, &times))
            g_array_append_val(all, times);
        line = end ? end + 1 : NULL;
    }
    return all;
}
