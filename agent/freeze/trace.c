/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifdef HAVE_SYS_SDT_H
#include <sys/sdt.h>
#else
#define DTRACE_PROBE1(provider, name, a)
#define DTRACE_PROBE2(provider, name, a, b)
#endif

struct FirnTrace {
    int fd;
};

/* The kernel cuts a line at a page less its header; a mountpoint may be longer than this. */
#define LINE_MAX_BYTES 1024

static const char *const places[] = {
    "/sys/kernel/tracing/trace_marker",
    "/sys/kernel/debug/tracing/trace_marker",
};

char *firn_trace_marker_path(const FirnRoots *roots)
{
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = firn_roots_path(roots, places[i]);

        if (access(path, F_OK) == 0)
            return g_steal_pointer(&path);
    }
    return NULL;
}

FirnTrace *firn_trace_open(const FirnRoots *roots, GError **error)
{
    g_autofree char *path = firn_trace_marker_path(roots);
    FirnTrace *trace;
    int fd;

    if (!path) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "no trace marker: %s is not there; mount tracefs on /sys/kernel/tracing, or "
                    "set trace-marker=false",
                    places[0]);
        return NULL;
    }
    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int code = errno;

        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                    "cannot open the trace marker %s: %s", path, g_strerror(code));
        return NULL;
    }
    trace = g_new0(FirnTrace, 1);
    trace->fd = fd;
    return trace;
}

void firn_trace_close(FirnTrace *trace)
{
    if (!trace)
        return;
    close(trace->fd);
    g_free(trace);
}

/* A line that does not get through is no reason to do anything else. */
static void G_GNUC_PRINTF(2, 3) mark(const FirnTrace *trace, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    int length;

    if (!trace)
        return;
    va_start(args, format);
    length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length <= 0)
        return;
    if (length >= (int)sizeof line) {
        length = sizeof line - 1;
        line[length - 1] = '\n';
    }
    while (write(trace->fd, line, (size_t)length) < 0 && errno == EINTR)
        ;
}

void firn_trace_freeze_begin(const FirnTrace *trace, guint filesystems)
{
    DTRACE_PROBE1(firn, freeze_begin, filesystems);
    mark(trace, "firn: freeze_begin filesystems=%u\n", filesystems);
}

void firn_trace_freeze_end(const FirnTrace *trace, guint frozen, int error)
{
    DTRACE_PROBE2(firn, freeze_end, frozen, error);
    mark(trace, "firn: freeze_end frozen=%u error=%d\n", frozen, error);
}

void firn_trace_filesystem_begin(const FirnTrace *trace, const char *mountpoint)
{
    DTRACE_PROBE1(firn, filesystem_begin, mountpoint);
    mark(trace, "firn: filesystem_begin mountpoint=%s\n", mountpoint);
}

void firn_trace_filesystem_end(const FirnTrace *trace, const char *mountpoint, int error)
{
    DTRACE_PROBE2(firn, filesystem_end, mountpoint, error);
    mark(trace, "firn: filesystem_end error=%d mountpoint=%s\n", error, mountpoint);
}

void firn_trace_thaw_begin(const FirnTrace *trace, guint filesystems)
{
    DTRACE_PROBE1(firn, thaw_begin, filesystems);
    mark(trace, "firn: thaw_begin filesystems=%u\n", filesystems);
}

void firn_trace_thaw_end(const FirnTrace *trace, guint thawed, int error)
{
    DTRACE_PROBE2(firn, thaw_end, thawed, error);
    mark(trace, "firn: thaw_end thawed=%u error=%d\n", thawed, error);
}

void firn_trace_deadline(const FirnTrace *trace, guint filesystems)
{
    DTRACE_PROBE1(firn, deadline, filesystems);
    mark(trace, "firn: deadline filesystems=%u\n", filesystems);
}

int firn_trace_descriptor(const FirnTrace *trace)
{
    return trace ? trace->fd : -1;
}

gboolean firn_trace_has_probes(void)
{
#ifdef HAVE_SYS_SDT_H
    return TRUE;
#else
    return FALSE;
#endif
}
