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
    gsize output;     /* bytes kept of one process, both streams together; each may have half of it
                         whatever the other takes, and what is more is dropped */
    gsize total;      /* bytes kept of all; the output of the oldest that have ended makes room */
    guint ended;      /* processes that have ended and were not asked for; the oldest go first */
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

/*
 * A process on its way. Its program may lie on a filesystem that does not answer, so starting has
 * three steps: firn_launch_new() makes the pipes; firn_launch_run() starts the program, and may
 * block for ever, so it may run on any thread; then firn_processes_adopt() or
 * firn_launch_abandon(), on the thread of the main loop.
 */
typedef struct FirnLaunch FirnLaunch;

/* Copies what `start` points to, and takes its input. NULL with an error. SIGPIPE must be ignored
 * in this process. */
FirnLaunch *firn_launch_new(const FirnProcessStart *start, GError **error);
/* tries: NULL, or as of FirnProgram. */
void firn_launch_run(FirnLaunch *launch, void (*tries)(const char *path, gpointer data),
                     gpointer data);
/* Takes the launch. Returns the pid of a process that is known from now on, or 0 with an error as
 * of firn_program_start(). */
pid_t firn_processes_adopt(FirnProcesses *processes, FirnLaunch *launch, GError **error);
/* Takes the launch; a process that was started after all is killed. */
void firn_launch_abandon(FirnLaunch *launch);

/* FALSE when no such process is known. What `status` points to is valid until the next call. */
gboolean firn_processes_status(FirnProcesses *processes, gint64 pid, FirnProcessStatus *status);

/* Forgets a process that has ended. */
void firn_processes_forget(FirnProcesses *processes, gint64 pid);

/* How many are known, running or not. */
guint firn_processes_count(const FirnProcesses *processes);

/* How many of them run. */
guint firn_processes_count_running(const FirnProcesses *processes);

/* TRUE when none is known and nobody holds a pipe of a process that has ended. */
gboolean firn_processes_are_idle(const FirnProcesses *processes);

/* Changes the limits of the same name, for what comes from now on. */
void firn_processes_set_output(FirnProcesses *processes, gsize output, gsize total);

#endif
