/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_SCRIPT_H
#define AGENT_FREEZE_SCRIPT_H

#include "agent/freeze/state.h"

#include <glib.h>
#include <sys/types.h>

/* How much of a script's output is kept: its end. */
#define FIRN_SCRIPT_OUTPUT 1024

/*
 * One run of a hook script: a process group of its own without input, its output read, its time
 * bounded. The started process itself moves the hook's word (see state.h) from one state to another
 * before it becomes the script: so the word says whether the script was started, and by which
 * process, whoever dies at whatever moment; it does not start when the word is not at `from`.
 */
typedef struct {
    const char *path;
    const char *argument; /* "freeze" or "thaw" */
    const char *reason;   /* FIRN_REASON */
    guint timeout;        /* seconds; 0: none */
    gint *cancel;         /* atomic: ends it once it is not 0; NULL: never */
    gint *word;           /* atomic, in shared memory */
    FirnHookState from, to;

    /* what came of it */
    int status;       /* of wait(2) */
    int failed_errno; /* it could not be started, and the word is where it was */
    gboolean taken;   /* it was not started, as the word was not at `from` */
    gboolean timed_out;
    gboolean cancelled;
    char output[FIRN_SCRIPT_OUTPUT + 1];
} FirnScript;

/* Runs it and waits for its end; what still holds its output open is not waited for. */
void firn_script_run(FirnScript *script);

/* The same for one that has to run: where processes, memory or descriptors are short, it is tried
 * again for ten seconds. */
void firn_script_insist(FirnScript *script);

/* Waits for a script that somebody else started, and ends it when that takes too long. */
void firn_script_await(pid_t pid, guint timeout);

#endif
