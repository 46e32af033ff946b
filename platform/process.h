/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_PROCESS_H
#define PLATFORM_PROCESS_H

#include <glib.h>
#include <sys/types.h>

/*
 * Processes that were started for somebody who asks for their end later. Their output is collected
 * on the main loop through pipes that never block; no thread, and no wakeup while nothing runs. A
 * process is reaped as soon as it ends; what it wrote until then is kept, and whoever still
 * holds its pipe may write on, which is forgotten.
 */
typedef struct FirnProcesses FirnProcesses;

/* What bounds the memory of it. */
typedef struct {
    gsize output; /* bytes kept of one process, both streams together; what is more is dropped */
    gsize total;  /* bytes kept of all; the oldest that have ended make room */
    guint ended;  /* processes that have ended and were not asked for; the oldest go first */
    guint ended_time; /* seconds that such a process is remembered */
} FirnProcessLimits;

/* The values of the protocol's capture-output, in its order. */
typedef enum {
    FIRN_CAPTURE_NONE,
    FIRN_CAPTURE_STDOUT,
    FIRN_CAPTURE_STDERR,
    FIRN_CAPTURE_SEPARATED,
    FIRN_CAPTURE_MERGED, /* both as stdout, in the order they were written */
} FirnCapture;

typedef struct {
    const char *path;
    const char *const *argv;
    const char *const *environment; /* NULL: as of FirnProgram */
    guint8 *input;                  /* taken, even on failure; NULL: stdin is /dev/null */
    gsize input_length;
    FirnCapture capture;
} FirnProcessStart;

typedef struct {
    const guint8 *data;
    gsize length;
    gboolean truncated; /* there was more than the limits let keep */
    GByteArray *array;  /* what the data are in; a reference keeps them when all is forgotten */
} FirnProcessOutput;

typedef struct {
    gboolean exited;
    int exit_code; /* -1 when a signal ended it */
    int signal;    /* 0 when it exited */
    FirnProcessOutput out, err;
} FirnProcessStatus;

/* Free with firn_processes_free(), which leaves running processes alone. */
FirnProcesses *firn_processes_new(const FirnProcessLimits *limits);
void firn_processes_free(FirnProcesses *processes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnProcesses, firn_processes_free)

/* Starts one; returns its pid, or 0 with an error as of firn_program_start(). SIGPIPE must be
 * ignored in this process. */
pid_t firn_processes_start(FirnProcesses *processes, const FirnProcessStart *start, GError **error);

/* FALSE when no such process is known. What `status` points to is valid until the next call. */
gboolean firn_processes_status(FirnProcesses *processes, gint64 pid, FirnProcessStatus *status);

/* Forgets a process that has ended. */
void firn_processes_forget(FirnProcesses *processes, gint64 pid);

/* How many are known, running or not. */
guint firn_processes_count(const FirnProcesses *processes);

#endif
