/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_STATE_H
#define AGENT_FREEZE_STATE_H

#include "agent/config.h"
#include "agent/freeze/plan.h"

#include <glib.h>

/*
 * What one freeze has done so far: a file in the state directory, mapped by the agent, its guard,
 * and whoever finishes after them. It is the state file and the guard's shared page, and the
 * report is made from it. It is complete before anything is frozen, so that later nobody allocates
 * or opens anything to keep it.
 *
 * Words that several processes change are marked atomic: read and write them with g_atomic_int_*().
 * Times are nanoseconds of CLOCK_BOOTTIME, 0 for never.
 */

typedef enum {
    FIRN_TARGET_PENDING,
    FIRN_TARGET_FREEZING, /* FIFREEZE has been called: nobody knows yet */
    FIRN_TARGET_FROZEN,
    FIRN_TARGET_THAWING,
    FIRN_TARGET_THAWED,
    FIRN_TARGET_UNSUPPORTED, /* cannot be frozen: not counted */
    FIRN_TARGET_FOREIGN,     /* somebody else had frozen it: not counted, never thawed */
    FIRN_TARGET_HIDDEN,      /* no mountpoint leads to it: not counted */
    FIRN_TARGET_FAILED,
} FirnTargetState;

typedef struct {
    gint state; /* atomic, FirnTargetState */
    gint fd;    /* its number in the guard, for the next agent (pidfd_getfd(2)); -1 */
    gint mount_id;
    gint error;      /* errno of FIFREEZE, when it failed */
    gint thaw_error; /* errno of FITHAW; EINVAL: somebody else had thawed it */
    gint undoer;     /* atomic; pid of the process that undoes it once it returns (undo.h) */
    guint disk;
    guint64 device;   /* dev_t of the superblock */
    guint mountpoint; /* strings: see firn_state_text() */
    guint type;
    guint source;
    gint64 sync_begin; /* of the first pass */
    gint64 sync_end;
    gint64 freeze_begin;
    gint64 freeze_end;
    gint64 thaw_begin;
    gint64 thaw_end;
} FirnStateTarget;

typedef enum {
    FIRN_HOOK_PENDING,
    FIRN_HOOK_FREEZING, /* the script runs, or ran and was not waited for */
    FIRN_HOOK_FROZEN,   /* it ended, well or not: it gets its "thaw" */
    FIRN_HOOK_THAWING,
    FIRN_HOOK_THAWED,
} FirnHookState;

/*
 * In one word with the process that runs the script, which is its process group too: so that of
 * several who are about to start it one does, and everybody knows which.
 */
#define FIRN_HOOK_STATE(word) ((FirnHookState)((word)&15))
#define FIRN_HOOK_PID(word) ((word) >> 4)
#define FIRN_HOOK_WORD(state, pid) ((gint)(pid) << 4 | (gint)(state))

typedef struct {
    gint word;   /* atomic, FIRN_HOOK_WORD() */
    gint status; /* of "freeze", as wait(2) gives it; -1: timed out, -2: could not be started */
    gint thaw_status;
    guint path;
    gint64 freeze_begin;
    gint64 freeze_end;
    gint64 thaw_begin;
    gint64 thaw_end;
} FirnStateHook;

typedef enum {
    FIRN_PHASE_PREPARE, /* nothing has been done yet */
    FIRN_PHASE_HOOKS,
    FIRN_PHASE_WALK,
    FIRN_PHASE_HELD, /* the walk has ended, and the host may have been told */
    FIRN_PHASE_THAW,
    FIRN_PHASE_THAW_HOOKS,
    FIRN_PHASE_DONE,
} FirnPhase;

/* Why a freeze ended. */
typedef enum {
    FIRN_END_NONE,         /* it has not */
    FIRN_END_REQUEST,      /* guest-fsfreeze-thaw */
    FIRN_END_FAILED,       /* rolled back: see `message` */
    FIRN_END_EMPTY,        /* nothing could be frozen */
    FIRN_END_CANCELLED,    /* guest-fsfreeze-thaw while it still ran */
    FIRN_END_WALK_TIMEOUT, /* a filesystem hung */
    FIRN_END_DEADLINE,     /* held for freeze-timeout */
    FIRN_END_SHUTDOWN,     /* the agent was told to stop */
    FIRN_END_DIED,         /* the agent was killed */
} FirnEnd;

typedef struct {
    char magic[8];
    guint version;
    guint target_count;
    guint hook_count;
    guint text_length;
    char boot[40]; /* of /proc/sys/kernel/random/boot_id: another one's filesystems are thawed */

    gint phase;     /* atomic, FirnPhase */
    gint end;       /* atomic, FirnEnd; once set, nothing more is frozen */
    gint ender;     /* atomic; pid of the one process that sees to the end, 0: none yet */
    gint early;     /* atomic; thawed early after the host may have been told that it was frozen */
    gint expedited; /* atomic; rcu_expedited is ours to put back */
    gint freezer;   /* atomic; pid of the agent that calls FIFREEZE */
    gint agent;     /* atomic; pids of now */
    gint guard;     /* atomic */
    gint frozen;    /* atomic; how many the walk froze */
    gint thawed;    /* atomic; how many FITHAW thawed since */
    gint told;      /* atomic; pid of who logged how the freeze went, maybe still in its memory */

    guint freeze_timeout; /* the configuration's, for whoever finishes */
    guint walk_timeout;
    guint hook_timeout;
    guint report_keep;
    guint verbose;
    guint log_file; /* text; empty: none */
    guint who;      /* text: who asked */
    guint asked;    /* text: mountpoints asked for with commas between them; empty: all */

    gint64 real_offset;   /* add to a time for nanoseconds since the epoch */
    gint64 walk_deadline; /* 0: none */
    gint64 deadline;      /* 0: none */
    gint64 begin;
    gint64 sync_begin; /* before the hooks */
    gint64 sync_end;
    gint64 hooks_begin;
    gint64 hooks_end;
    gint64 last_sync_begin; /* after them */
    gint64 last_sync_end;
    gint64 walk_begin; /* the first FIFREEZE */
    gint64 walk_end;
    gint64 thaw_begin; /* the first FITHAW */
    gint64 thaw_end;
    gint64 thaw_hooks_begin;
    gint64 thaw_hooks_end;
    gint64 finished;
    char message[1024]; /* the error the host got, or "" */
} FirnStateHead;

typedef struct {
    FirnStateHead *head;
    FirnStateTarget *targets; /* in the order of freezing */
    FirnStateHook *hooks;     /* in the order of "freeze" */
    const char *texts;
    gsize size;
    char *path;
    int *fds; /* of the targets, open in this process or -1; not shared, but copied by fork(2) */
} FirnState;

/*
 * Writes a new one into the state directory, in place of an old one. hooks: paths, may be NULL; who
 * asked; mountpoints: NULL for all. NULL with an error that tells the remedy. Free with
 * firn_state_free(), which keeps the file.
 */
FirnState *firn_state_create(const FirnConfig *config, const FirnRoots *roots, const FirnPlan *plan,
                             const char *const *hooks, const char *who,
                             const char *const *mountpoints, GError **error);

/* Maps what is in the state directory, or in file `path`. NULL without error when there is none,
 * with one when it is none of ours. */
FirnState *firn_state_open(const char *state_dir, GError **error);
FirnState *firn_state_open_file(const char *path, GError **error);
void firn_state_free(FirnState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnState, firn_state_free)

/* Removes the file; what is mapped stays readable. */
void firn_state_remove(const FirnState *state);

/* TRUE when it was made since this machine was started. */
gboolean firn_state_is_of_this_boot(const FirnState *state, const FirnRoots *roots);

/* A text of the state; "" for a number that is none. */
const char *firn_state_text(const FirnState *state, guint text);

/* The descriptor by which this process reaches a target of the state, or -1. Safe after fork(). */
int firn_state_fd(const FirnState *state, const FirnStateTarget *target);

/* How many are frozen now, for all that is known. */
guint firn_state_count_frozen(const FirnState *state);

/* Moves on an atomic word from one value to another; FALSE when it was not at `from`. */
gboolean firn_state_move(gint *word, int from, int to);

/* Moves the phase on to a later one; several may be at it. */
void firn_state_advance(FirnState *state, FirnPhase phase);

/* The clock of all times in it. Safe after fork(). */
gint64 firn_state_now(void);

const char *firn_target_state_name(FirnTargetState state); /* such as "frozen" */
const char *firn_end_name(FirnEnd end);                    /* such as "deadline" */

#endif
