/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PROVE_SCENE_H
#define TESTS_PROVE_SCENE_H

#include "tests/lib/tracee.h"
#include "tests/prove/host.h"
#include "tests/prove/plan.h"
#include "tests/prove/truth.h"

#include <glib.h>

/* One agent under the tracer, and what it and its freeze do and suffer in one run. */

#define PROVE_FREEZE_TIMEOUT_S 1

typedef struct {
    TestTracees *tracees;
    ProveTruth truth;
    pid_t agent; /* 0: none runs */
    ProveHost *host;

    ProveStory story;
    ProvePlan *recorded; /* takes the points; NULL: nothing is recorded */
    const ProveRun *run; /* NULL: nothing strikes */
    gboolean live;       /* the story has come to its points */
    GHashTable *counts;  /* of calls so far, by "ROLE NAME" */
    gint64 struck;       /* when it struck; 0: not yet */
    pid_t struck_pid;    /* the process whose call it was */
    pid_t stopped;       /* by SIGSTOP, until the deadline has passed */
    pid_t held;          /* in its ptrace stop, until then */
    gboolean agent_killed;
    gboolean foreign_lost; /* killed inside of a call on the foreign one */
    gboolean hook_killed;  /* a child was, which may have been about to be a hook */
    gboolean too_long;     /* frozen past the deadline: told once */
    GString *faults;       /* what is wrong, a line each */
    GString *trace;        /* its calls, a line each */
} ProveScene;

ProveScene *prove_scene_new(void);
/* Kills all, and thaws what somebody else had frozen. */
void prove_scene_free(ProveScene *scene);

/* Before a run; starts an agent where none runs. */
void prove_scene_begin(ProveScene *scene, ProveStory story, const ProveRun *run);
void prove_scene_start_agent(ProveScene *scene);

/* Lets the host ask, and all go on until it is answered. */
void prove_scene_ask(ProveScene *scene, const char *first, const char *second);

/* Until the condition holds; FALSE after so many seconds. */
gboolean prove_scene_await(ProveScene *scene, gboolean (*over)(ProveScene *scene), int seconds);

void prove_scene_fault(ProveScene *scene, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* TRUE when no process is left but the agent. */
gboolean prove_scene_is_quiet(ProveScene *scene);
gboolean prove_scene_is_thawed(ProveScene *scene);

/* After a fault: everything is killed and made anew. */
void prove_scene_clean(ProveScene *scene);

/* Puts a fault down where something is frozen, hooks are not paired, and so on. */
void prove_scene_check(ProveScene *scene);

#endif
