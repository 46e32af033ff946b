/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/ioctl-trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing"

struct IoctlTrace {
    char *folder;
};

static void put(const IoctlTrace *trace, const char *file, const char *text)
{
    g_autofree char *path = g_build_filename(trace->folder, file, NULL);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        g_error("cannot write '%s': %s", path, g_strerror(errno));
    close(fd);
}

IoctlTrace *ioctl_trace_new(void)
{
    IoctlTrace *trace = g_new0(IoctlTrace, 1);
    g_autofree char *filter =
        g_strdup_printf("cmd == %lu || cmd == %lu", (gulong)FIFREEZE, (gulong)FITHAW);

    if (access(TRACEFS "/instances", F_OK) != 0 &&
        mount("tracefs", TRACEFS, "tracefs", 0, NULL) != 0)
        g_error("tracefs cannot be mounted: %s", g_strerror(errno));
    trace->folder = g_strdup_printf(TRACEFS "/instances/firn-bench-%d", (int)getpid());
    if (mkdir(trace->folder, 0700) != 0)
        g_error("cannot make '%s': %s", trace->folder, g_strerror(errno));
    put(trace, "trace_clock", "mono");
    put(trace, "buffer_size_kb", "4096");
    put(trace, "events/syscalls/sys_enter_ioctl/filter", filter);
    put(trace, "events/syscalls/sys_enter_ioctl/enable", "1");
    put(trace, "events/syscalls/sys_exit_ioctl/enable", "1");
    return trace;
}

void ioctl_trace_free(IoctlTrace *trace)
{
    put(trace, "events/enable", "0");
    if (rmdir(trace->folder) != 0)
        g_warning("cannot remove '%s': %s", trace->folder, g_strerror(errno));
    g_free(trace->folder);
    g_free(trace);
}

void ioctl_trace_clear(IoctlTrace *trace)
{
    put(trace, "trace", "");
}

/* "  name-123     [001] .....  12.345678: sys_ioctl(fd: 5, cmd: 0xc0045877, arg: 0)" and "...:
 * sys_ioctl -> 0x0" */
static gboolean parse(const char *line, int *pid, double *when, const char **rest)
{
    const char *bracket = strstr(line, " [");
    const char *call = strstr(line, ": sys_ioctl");
    const char *dash, *time;

    if (line[0] == '#' || !bracket || !call)
        return FALSE;
    for (dash = bracket; dash > line && *dash != '-'; dash--)
        ;
    *pid = atoi(dash + 1);
    for (time = call; time > line && time[-1] != ' '; time--)
        ;
    *when = g_ascii_strtod(time, NULL);
    *rest = call + 2;
    return TRUE;
}

IoctlSpan ioctl_trace_span(IoctlTrace *trace, gboolean freeze)
{
    g_autofree char *path = g_build_filename(trace->folder, "trace", NULL);
    /* Kernels differ in whether a 0x stands before the number. */
    g_autofree char *wanted = g_strdup_printf("%lx,", freeze ? (gulong)FIFREEZE : (gulong)FITHAW);
    g_autoptr(GHashTable) open_calls = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    IoctlSpan span = {0};
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    double first = 0, last = 0;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        g_error("cannot read '%s'", path);
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        const char *rest;
        double *began, when;
        int pid;

        if (!parse(*line, &pid, &when, &rest))
            continue;
        if (strstr(rest, wanted)) {
            g_hash_table_insert(open_calls, GINT_TO_POINTER(pid), g_memdup2(&when, sizeof(when)));
            continue;
        }
        began = g_hash_table_lookup(open_calls, GINT_TO_POINTER(pid));
        if (!began || !g_str_has_prefix(rest, "sys_ioctl ->"))
            continue;
        if (g_str_has_suffix(g_strchomp(*line), "-> 0x0")) {
            if (span.calls++ == 0)
                first = *began;
            last = when;
        }
        g_hash_table_remove(open_calls, GINT_TO_POINTER(pid));
    }
    span.seconds = last - first;
    return span;
}
