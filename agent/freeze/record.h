/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_RECORD_H
#define AGENT_FREEZE_RECORD_H

#include "agent/freeze/plan.h"
#include "agent/freeze/request.h"
#include "platform/superblock.h"

#include <glib.h>

/*
 * What one freeze has done so far, and all that is told of it later: one file in the state
 * directory, mapped by the keeper and the watcher. It is complete before the first hook and the
 * first FIFREEZE, so that nobody allocates, opens or enlarges anything to go on writing it. When
 * the freeze is over the file is renamed: it is the report.
 *
 * One process at a time writes it: the keeper, or whoever has killed the keeper before. Words
 * marked atomic are read by the other one meanwhile: use g_atomic_int_*(). Times are nanoseconds
 * of CLOCK_BOOTTIME, 0 for never.
 */

typedef enum {
    FIRN_TARGET_PENDING,     /* its turn has not come */
    FIRN_TARGET_FREEZING,    /* FIFREEZE has been called: nobody knows yet */
    FIRN_TARGET_FROZEN,      /* by us */
    FIRN_TARGET_THAWING,     /* FITHAW has been called: nobody knows yet */
    FIRN_TARGET_THAWED,      /* it was frozen by us, and is not any more */
    FIRN_TARGET_UNSUPPORTED, /* cannot be frozen: not counted */
    FIRN_TARGET_FOREIGN,     /* somebody else had frozen it: not counted, never thawed */
    FIRN_TARGET_HIDDEN,      /* no mountpoint leads to it: not counted */
    FIRN_TARGET_ELSEWHERE,   /* only another mount namespace has it mounted: not counted */
    FIRN_TARGET_FAILED,      /* could not be opened, synced or frozen: `error` */
    FIRN_TARGET_STUCK,       /* its FIFREEZE did not return by the walk's deadline */
    FIRN_TARGET_LOST, /* frozen by us, and no path led to it at the thaw: thawed through a mount of
                       * its own, or still frozen where there is a thaw_error */
    FIRN_TARGET_STATES,
} FirnTargetState;

typedef struct {
    gint state; /* atomic, FirnTargetState */
    gint mount_id;
    gint error;      /* errno of open, syncfs or FIFREEZE, when one failed */
    gint thaw_error; /* errno of FITHAW; EINVAL: somebody else had thawed it */
    gint unsure;     /* its caller was killed in FIFREEZE or FITHAW, and the answer with it */
    gint apart;      /* the process of its own that thaws it, or did not come back; 0: none */
    gint returned;   /* atomic; of STUCK: the call has returned, and what came of it is undone */
    guint disk;
    guint64 device;   /* dev_t of the superblock */
    guint mountpoint; /* texts: see firn_record_text() */
    guint type;
    guint source;
    guint whose;       /* text, of ELSEWHERE: whose namespace, such as "pid 812 (nginx)" */
    gint64 sync_begin; /* of the first pass */
    gint64 sync_end;
    gint64 freeze_begin;
    gint64 freeze_end;
    gint64 thaw_begin;
    gint64 thaw_end;
} FirnRecordTarget;

typedef enum {
    FIRN_HOOK_PENDING,
    FIRN_HOOK_FREEZING, /* the script runs, or ran and was not waited for */
    FIRN_HOOK_FROZEN,   /* it ended, well or not: it gets its "thaw" */
    FIRN_HOOK_THAWING,
    FIRN_HOOK_THAWED,
} FirnHookState;

typedef struct {
    gint state; /* atomic, FirnHookState; the script's process itself moves it when it starts */
    gint pid;   /* of the script, which leads its process group; to kill it only, and only where */
    gint64 started; /* /proc/PID/stat says that it started then (clock ticks since boot) */
    gint status;    /* of "freeze", as wait(2) gives it; -1: timed out, -2: could not be started */
    gint thaw_status;
    guint path; /* text */
    gint64 freeze_begin;
    gint64 freeze_end;
    gint64 thaw_begin;
    gint64 thaw_end;
} FirnRecordHook;

/* How far the freeze has come. */
typedef enum {
    FIRN_PHASE_PREPARE, /* nothing has been done yet */
    FIRN_PHASE_HOOKS,   /* from the first hook on */
    FIRN_PHASE_WALK,    /* from before the first FIFREEZE on */
    FIRN_PHASE_HELD,    /* the walk has ended, and the host may have been told */
    FIRN_PHASE_THAW,    /* from before the first FITHAW on */
    FIRN_PHASE_THAW_HOOKS,
    FIRN_PHASE_DONE, /* all is told */
} FirnPhase;

/* Why a freeze ended. */
typedef enum {
    FIRN_END_NONE,         /* it has not */
    FIRN_END_REQUEST,      /* guest-fsfreeze-thaw */
    FIRN_END_FAILED,       /* rolled back, or refused: see `message` */
    FIRN_END_EMPTY,        /* nothing could be frozen */
    FIRN_END_CANCELLED,    /* guest-fsfreeze-thaw while it still ran */
    FIRN_END_WALK_TIMEOUT, /* a filesystem hung in FIFREEZE */
    FIRN_END_DEADLINE,     /* held for freeze-timeout */
    FIRN_END_SHUTDOWN,     /* the agent was told to stop */
    FIRN_END_DIED,         /* the agent, or the keeper, was killed */
    FIRN_ENDS,
} FirnEnd;

/* What an agent has asked for and not been answered yet. */
typedef enum {
    FIRN_ASKED_NOTHING,
    FIRN_ASKED_THAW,
    FIRN_ASKED_STOP,
} FirnAsked;

typedef struct {
    char magic[8];
    guint version;
    guint target_count;
    guint hook_count;
    guint text_length;
    char boot[40]; /* of /proc/sys/kernel/random/boot_id: another boot's filesystems are thawed */

    gint keeper;  /* their numbers, to kill them only, and only if /proc/PID/stat says */
    gint watcher; /* that they started then (clock ticks since boot); 0: none */
    gint64 keeper_start;
    gint64 watcher_start;

    gint phase;     /* atomic, FirnPhase */
    gint end;       /* atomic, FirnEnd; once it is set, nothing more is frozen */
    gint expedited; /* atomic; rcu_expedited is ours to put back */
    gint early;     /* thawed early, or not whole, after the host may have been told it is frozen */
    gint told;      /* atomic; the host's thaw has been answered, with an error for `early` */
    gint answered;  /* the host has been answered how the freeze went */
    gint asked;     /* FirnAsked: the agent waits for the answer */
    gint reported;  /* the log has been told how the freeze ended */
    gint logged;    /* so has the log of a process that lives */
    guint frozen;   /* how many the walk froze, as answered */
    gint thawed;    /* atomic; how many FITHAW thawed since, as answered */

    guint freeze_timeout; /* seconds, the configuration's, for whoever finishes; 0: none */
    guint walk_timeout;
    guint hook_timeout;
    guint report_keep;
    guint verbose;
    guint log_file;    /* text; empty: none */
    guint who;         /* text: who asked, such as "guest-fsfreeze-freeze" */
    guint mountpoints; /* text: mountpoints asked for with commas between them; empty: all */

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
    char message[1024]; /* the error the host got for the freeze, or "" */
} FirnRecordHead;

typedef struct {
    FirnRecordHead *head;
    FirnRecordTarget *targets; /* in the order of freezing */
    FirnRecordHook *hooks;     /* in the order of "freeze" */
    const char *texts;
    gsize size;
    char *path; /* of the file */
    int fd;     /* of the file, locked (flock(2)) by the processes of a running freeze */
    int *fds;   /* of each target, by which this process reaches it; -1: it does not */
    const FirnSuperblockCalls *calls; /* the kernel's, outside tests */
} FirnRecord;

/*
 * Makes a new one in the request's state directory, locked. plan: NULL for a freeze that was
 * refused before there was one. hooks: paths, may be NULL. NULL with an error that tells the
 * remedy. Free with firn_record_free(), which keeps the file.
 */
FirnRecord *firn_record_create(const FirnFreezeRequest *request, const FirnPlan *plan,
                               const char *const *hooks, GError **error);

/* Maps the one in the state directory for reading and writing, without its lock. NULL without
 * error when there is none, with one when it is none of ours or of this version. */
FirnRecord *firn_record_open(const char *state_dir, GError **error);

/* The same of one whose descriptor, with its lock, and path a process has passed on. Takes the
 * descriptor. */
FirnRecord *firn_record_adopt(int fd, const char *path, GError **error);

/* TRUE when the state directory has a record of this boot, or one that cannot be read; frozen: whether it says that something is.
 * One of an earlier boot is removed: its filesystems are thawed. */
gboolean firn_record_is_left(const char *state_dir, const FirnRoots *roots, gboolean *frozen);

/* Maps a report, for reading and for firn_record_take_note(). The same results. */
FirnRecord *firn_record_open_report(const char *path, GError **error);

/* About how many bytes one of so many targets takes. */
gsize firn_record_estimate(guint targets);

void firn_record_free(FirnRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnRecord, firn_record_free)

/*
 * Takes the lock of a record that was opened. FALSE: a process of its freeze lives still. The lock
 * is gone when the last process that has the descriptor is, and only then (flock(2)).
 */
gboolean firn_record_lock(FirnRecord *record);

/* TRUE when something is frozen that keeper and watcher should have thawed seconds ago: they are
 * stopped, or hang. */
gboolean firn_record_is_overdue(const FirnRecord *record);

/*
 * Makes it a report, the last step: renames the file into the folder "reports" of the state
 * directory, and removes the oldest beyond report_keep. While a target is STUCK the file keeps its
 * old name as well, so that the next keeper finds it; firn_record_forget() takes that away.
 */
gboolean firn_record_finish(FirnRecord *record, GError **error);
void firn_record_forget(const FirnRecord *record);

/* TRUE when it was made since this machine was started. */
gboolean firn_record_is_of_this_boot(const FirnRecord *record, const FirnRoots *roots);

/* A text of the record; "" for a number that is none. */
const char *firn_record_text(const FirnRecord *record, guint text);

/* "/home (xfs on /dev/vdb)"; free with g_free(). */
char *firn_record_describe(const FirnRecord *record, guint target);

/* How many targets are in that state. */
guint firn_record_count(const FirnRecord *record, FirnTargetState state);
/* How many are frozen now, for all that is known: FROZEN or THAWING. */
guint firn_record_count_frozen(const FirnRecord *record);
/* The first target in that state, or -1. */
int firn_record_find(const FirnRecord *record, FirnTargetState state);

/* The target whose FIFREEZE has not returned since it was given up; -1: none. */
int firn_record_find_stuck(const FirnRecord *record);

/* What the host has to be told of a freeze that was ended early or is not whole, in a sentence;
 * NULL when there is nothing. Free with g_free(). */
char *firn_record_note(const FirnRecord *record);

/* What a step that takes time asks now and then: TRUE once the freeze is to end. */
typedef gboolean (*FirnEndCheck)(gpointer data);

/* Moves on an atomic word from one value to another; FALSE when it was not at `from`. */
gboolean firn_record_move(gint *word, int from, int to);
/* Moves the phase on to a later one. */
void firn_record_advance(FirnRecord *record, FirnPhase phase);

/* The clock of all times in it. A system call alone. */
gint64 firn_record_now(void);

/* Words for people and programs: "frozen" for all that was frozen by us, "pending", "unsupported",
 * "foreign", "hidden", "elsewhere", "failed", "stuck", "lost". */
const char *firn_target_outcome(FirnTargetState state);
const char *firn_end_name(FirnEnd end); /* such as "deadline" */

#endif
