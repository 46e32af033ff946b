/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_SCRIPT_H
#define AGENT_FREEZE_SCRIPT_H

#include "agent/freeze/record.h"

#include <glib.h>
#include <sys/types.h>

/* How much of a script's output is kept: its end. */
#define FIRN_SCRIPT_OUTPUT 1024

/*
 * One run of a hook script: a process group of its own without input, its output read, its time
 * bounded. The started process itself notes its number in the record and moves the hook's state
 * from one to another before it becomes the script: so the record says whether the script was
 * started, and by which process, whoever dies at whatever moment; and the script does not start
 * when the state is not `from`.
 */
typedef struct {
    const char *path;
    const char *argument; /* "freeze" or "thaw" */
    const char *reason;   /* FIRN_REASON */
    guint timeout;        /* seconds; 0: none */
    FirnEndCheck check;   /* TRUE ends it; NULL: never asked */
    gpointer data;
    FirnRecordHook *hook;
    FirnHookState from, to;

    /* what came of it */
    int status;       /* of wait(2) */
    int failed_errno; /* it could not be started, and the state is where it was */
    gboolean taken;   /* it was not started, as the state was not `from` */
    gboolean timed_out;
    gboolean cancelled;
    char output[FIRN_SCRIPT_OUTPUT + 1];
} FirnScript;

/* Runs it and waits for its end; what still holds its output open is not waited for. */
void firn_script_run(FirnScript *script);

/* The same for one that has to run: where processes, memory or descriptors are short, it is tried
 * again for ten seconds. */
void firn_script_insist(FirnScript *script);

/* Waits for the script of a hook that a dead process started, and ends it when that takes longer
 * than `timeout` seconds. */
void firn_script_await(const FirnRecordHook *hook, guint timeout);

#endif
