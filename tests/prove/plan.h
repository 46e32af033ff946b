/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PROVE_PLAN_H
#define TESTS_PROVE_PLAN_H

#include "tests/lib/tracee.h"

#include <glib.h>

/* Which process of the freeze a tracee is. */
typedef enum {
    PROVE_AGENT,
    PROVE_KEEPER,
    PROVE_CHILD, /* of the keeper: a sync, or a hook before it is executed */
    PROVE_WATCHER,
    PROVE_WATCHER_CHILD, /* which thaws */
    PROVE_RESUMED,       /* a keeper that goes on where another one was killed */
    PROVE_ROLES,
} ProveRole;

extern const char *const prove_role_names[PROVE_ROLES];

/* How a freeze goes where nothing strikes it. */
typedef enum {
    PROVE_REQUEST,  /* the host thaws */
    PROVE_DEADLINE, /* nobody does: the keeper thaws at the deadline */
    PROVE_WATCH,    /* the keeper is killed while it holds */
    PROVE_RESUME,   /* keeper and watcher are */
    PROVE_STORIES,
} ProveStory;

extern const char *const prove_story_names[PROVE_STORIES];

/* A system call of a story. */
typedef struct {
    ProveStory story;
    ProveRole role;
    char *name;       /* of the call: see test_call_name() */
    guint nth;        /* call of this name by processes of this role, from 1 on */
    gboolean effect;  /* others see what it does: see test_call_has_effect() */
    gboolean again;   /* the second one at its place: one errno is enough */
    gboolean turn;    /* it has one, waits, or follows such a call in its process */
    gboolean watcher; /* there was one by then */
    char *place;      /* in the program: alike for the rounds of a loop */
    gboolean foreign; /* FIFREEZE or FITHAW of what somebody else has frozen */
    const int *errnos;
} ProvePoint;

/* What is done there. */
typedef enum {
    PROVE_KILL_KEEPER,
    PROVE_KILL_WATCHER,
    PROVE_KILL_AGENT,
    PROVE_KILL_BOTH, /* keeper and watcher */
    PROVE_KILL_ALL,
    PROVE_KILL_CHILD, /* that makes the call */
    PROVE_STOP_KEEPER,
    PROVE_STOP_WATCHER,
    PROVE_STOP_AGENT,
    PROVE_TRACE, /* who makes the call stays in its ptrace stop */
    PROVE_FAIL,
    PROVE_FAIL_ON, /* as does every call of this name after it, by any of them */
    PROVE_KINDS,
} ProveKind;

extern const char *const prove_kind_names[PROVE_KINDS];

typedef struct {
    const ProvePoint *point;
    ProveKind kind;
    gboolean after; /* strikes when the call has been made */
    int error;      /* of PROVE_FAIL and PROVE_FAIL_ON */
} ProveRun;

typedef struct {
    GPtrArray *points; /* ProvePoint * */
    guint calls;       /* before prove_plan_thin() */
    guint by_kind[PROVE_KINDS];
    GArray *runs; /* ProveRun, in the order in which they are to be made */
} ProvePlan;

ProvePlan *prove_plan_new(void);
/* Takes over a point. */
void prove_plan_add(ProvePlan *plan, ProvePoint *point);
/*
 * Of calls without an effect that are made at the same place of the program, which is what a loop
 * does, keeps the first and the second of all stories. A call with an effect stays, in each story.
 */
void prove_plan_thin(ProvePlan *plan);
/*
 * All runs on the points so far. A process that is killed or stopped between two calls with an
 * effect has done to all others what it had done after the first one, so that this happens at calls
 * with an effect, before and after them, and at the ones that follow them, where the record may say
 * more. every: at all calls. An errno is injected at all calls in either case. In an order in which
 * any beginning is spread evenly over kinds and points. */
void prove_plan_make(ProvePlan *plan, guint32 seed, gboolean every);

/* "request keeper FIFREEZE 2 kill-both after"; free with g_free(). */
char *prove_run_name(const ProveRun *run);

#endif
