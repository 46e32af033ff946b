/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_RUN_H
#define AGENT_FREEZE_RUN_H

#include "agent/config.h"
#include "agent/freeze/guard.h"
#include "agent/freeze/state.h"
#include "agent/freeze/targets.h"
#include "agent/freeze/trace.h"
#include "platform/roots.h"

/*
 * One freeze, from its request to the thaw: the steps in their order. The functions that block are
 * for workers; the freezer decides who does what.
 */
typedef struct {
    gint refs;
    const FirnConfig *config;
    const FirnRoots *roots;
    char **mountpoints; /* NULL: all */
    char *who;
    gint stop;        /* atomic, FirnEnd: asked to end before there was a state */
    FirnState *state; /* atomic pointer; NULL until the plan is made */
    FirnTargets *targets;
    FirnTrace *trace; /* NULL: none */
    int grace;        /* descriptor of rcu_expedited, or -1 */
    int timer;        /* of the guards */
    FirnGuard *guard; /* atomic pointer; the main loop's once it is set */
    gint quiet;       /* atomic; the log is held */
    gint helpers;     /* atomic; who thaw beside the one that ends it */
    gboolean ours;    /* the state's descriptors are this process's */
    GError *error;    /* why the freeze failed */
} FirnRun;

FirnRun *firn_run_new(const FirnConfig *config, const FirnRoots *roots,
                      const char *const *mountpoints, const char *who);
FirnRun *firn_run_ref(FirnRun *run);
void firn_run_unref(FirnRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnRun, firn_run_unref)

/* NULL until there is one. Any thread. */
FirnState *firn_run_state(FirnRun *run);

/* Says why it is to end; the first one is right. Nothing more is frozen after it. Any thread. */
gboolean firn_run_stop(FirnRun *run, FirnEnd why);
FirnEnd firn_run_why(FirnRun *run);

/* TRUE for the one caller that has to see to the end. Any thread. */
gboolean firn_run_claim(FirnRun *run);

/* One that an earlier agent left, which its guard (or nobody) ends. Takes both. */
FirnRun *firn_run_find(const FirnConfig *config, const FirnRoots *roots, FirnState *state,
                       FirnGuard *guard);

/* Makes it ours: its filesystems are opened, and grace periods put back. FALSE when some cannot be
 * reached. */
gboolean firn_run_adopt(FirnRun *run);

/* Nothing is written to a disk from here to firn_run_close(). */
void firn_run_hush(FirnRun *run);

/* Starts a guard in place of one that is gone. */
gboolean firn_run_start_guard(FirnRun *run, GError **error);

/*
 * Does everything up to the last FIFREEZE. TRUE when filesystems are frozen and are to stay so;
 * FALSE when it is to end, with run->error unless it was stopped or nothing could be frozen.
 * Blocks.
 */
gboolean firn_run_freeze(FirnRun *run);

typedef enum {
    FIRN_RUN_ENDED,
    FIRN_RUN_FROZEN, /* something could not be thawed */
    FIRN_RUN_TAKEN,  /* the guard has taken over: this process had been stopped */
} FirnRunResult;

/* Undoes everything, by one who has claimed it: thaws, runs the thaw hooks, writes the report.
 * Blocks. */
FirnRunResult firn_run_end(FirnRun *run);

/* For every now and then while firn_run_end() is at work: where it hangs in one FITHAW, thaws the
 * others on a thread of their own, which firn_run_end() waits for. Does not block. */
void firn_run_help_end(FirnRun *run);

/* The last step, once nobody else uses it: the state file and the guard go. Main loop. */
void firn_run_close(FirnRun *run);

#endif
