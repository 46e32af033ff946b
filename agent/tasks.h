/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_TASKS_H
#define AGENT_TASKS_H

#include "agent/frames.h"
#include "platform/file.h"
#include "platform/process.h"
#include "platform/roots.h"

/* What the agent's worker does for it, with the types of request and answer. Paths, arguments and
 * texts are byte strings. */
typedef enum {
    FIRN_TASK_EXEC = 1, /* path, arguments, is there an environment, environment, is there input,
                           input, what to capture (FirnCapture), bytes of output to keep: pid;
                           the input may be in a memory file */
    FIRN_TASK_STATUS,   /* pid: known, exited, exit code, signal, stdout, was it cut, stderr, was it
                           cut (FirnProcessStatus); one that has ended is forgotten with it */
    FIRN_TASK_OPEN,     /* path, mode: handle */
    FIRN_TASK_CLOSE,    /* handle: nothing (0) */
    FIRN_TASK_FLUSH,    /* handle: nothing (0) */
    FIRN_TASK_READ,     /* handle, count: bytes, or how many are in a memory file, end of file */
    FIRN_TASK_WRITE,    /* handle, bytes, which may be in a memory file: how many were written */
    FIRN_TASK_SEEK,     /* handle, offset, whence: position */
    FIRN_TASK_KEYS,     /* FirnKeysTask, user, keys, reset: keys */
    FIRN_TASK_TRIM,     /* mountpoint, least extent in bytes: least extent, bytes trimmed */
    FIRN_TASK_PASSWORD, /* user, password, crypted: nothing (0) */
    FIRN_TASK_KINDS,
} FirnTaskKind;

typedef enum {
    FIRN_KEYS_GET,
    FIRN_KEYS_ADD,
    FIRN_KEYS_REMOVE,
} FirnKeysTask;

/* More bytes than these go through a memory file (platform/memory-file.h) that the agent makes and
 * sends with the request: neither process holds a copy. */
#define FIRN_TASK_BYTES_MAX (1024 * 1024)

/* The types by kind; those of answers have that of FIRN_FRAME_ERROR, too: whether
 * it was late, and a text. Every request is a pair:
 * after how many seconds it is late, and what is asked. */
extern const char *const firn_task_requests[FIRN_TASK_KINDS];
extern const char *const firn_task_answers[FIRN_TASK_KINDS];

/* What tasks work on; one for all. */
typedef struct {
    FirnRoots *roots;
    FirnProcesses *processes;
    FirnFiles *files;
} FirnTaskTable;

typedef struct {
    FirnTaskKind kind;
    const FirnTaskTable *table;
    GVariant *request;
    GVariant *answer; /* floating; once it is finished, either this or the error is there */
    GError *error;
    GMutex lock;
    char *what;         /* what it may hang on, for a message; under the lock */
    gint slow;          /* atomic; it is at what may last, and is no longer held up */
    gint64 handle;      /* of `file` */
    FirnFile *file;     /* that it works on, or has opened */
    FirnLaunch *launch; /* of the process that it starts */
    int memory;         /* the memory file that came with it; -1: none */
} FirnTask;

/* `request` has the kind's type, and is referenced; takes `memory`; `table` outlives the task. */
FirnTask *firn_task_new(FirnTaskKind kind, GVariant *request, int memory,
                        const FirnTaskTable *table);
void firn_task_free(FirnTask *task);

/* TRUE when there is something to be run; else it has its answer or error now. */
gboolean firn_task_prepare(FirnTask *task);
/* On a thread of its own; may block for ever. */
void firn_task_run(FirnTask *task);
/* After it. late: the host was told that it failed, and what came of it is undone as far as that
 * goes. */
void firn_task_finish(FirnTask *task, gboolean late);
/* What it hangs on now; free with g_free(). From any thread. */
char *firn_task_what(FirnTask *task);

#endif
