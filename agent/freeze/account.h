/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_ACCOUNT_H
#define AGENT_FREEZE_ACCOUNT_H

#include <glib.h>
#include <sys/types.h>

/*
 * What happened in one freeze, from the request to the thaw, as the journal and 'firn report' tell
 * it: made from the engine's record when all is over, kept as text. Strings belong to the account.
 * Times are microseconds of CLOCK_BOOTTIME since the freeze was asked for; FIRN_NEVER where it did
 * not happen.
 */
#define FIRN_NEVER ((gint64)-1)

typedef enum {
    FIRN_OUTCOME_PENDING, /* its turn did not come: an error, a cancel or a deadline before it */
    FIRN_OUTCOME_FROZEN,  /* by us */
    FIRN_OUTCOME_UNSUPPORTED, /* EOPNOTSUPP; not counted */
    FIRN_OUTCOME_FOREIGN,     /* EBUSY: frozen by somebody else; not counted, not thawed */
    FIRN_OUTCOME_HIDDEN,      /* no mountpoint leads to it; not counted */
    FIRN_OUTCOME_FAILED,      /* `error` says why; everything was thawed */
    FIRN_OUTCOME_STUCK,       /* did not return by the walk's deadline; everything was thawed */
    FIRN_OUTCOMES,
} FirnOutcome;

typedef enum {
    FIRN_THAW_NONE,         /* still frozen */
    FIRN_THAW_REQUEST,      /* guest-fsfreeze-thaw */
    FIRN_THAW_FAILED,       /* the freeze failed and was undone */
    FIRN_THAW_EMPTY,        /* nothing could be frozen */
    FIRN_THAW_CANCELLED,    /* guest-fsfreeze-thaw while the freeze still ran */
    FIRN_THAW_WALK_TIMEOUT, /* a filesystem hung in FIFREEZE */
    FIRN_THAW_DEADLINE,     /* freeze-timeout */
    FIRN_THAW_SHUTDOWN,     /* the agent was told to stop */
    FIRN_THAW_DIED,         /* the agent was killed */
    FIRN_THAW_REASONS,
} FirnThawReason;

typedef struct {
    char *mountpoint;
    char *type;
    char *source;
    dev_t device;
    FirnOutcome outcome;
    int error;         /* errno of FIFREEZE, 0 for none */
    int thaw_error;    /* errno of FITHAW; EINVAL: somebody else had thawed it */
    gint64 sync_begin; /* first syncfs, before the hooks */
    gint64 sync_end;
    gint64 freeze_begin; /* FIFREEZE */
    gint64 freeze_end;
    gint64 thaw_begin; /* FITHAW */
    gint64 thaw_end;
} FirnAccountFilesystem;

typedef struct {
    char *name;    /* path of the script */
    gboolean thaw; /* run with "thaw", else with "freeze" */
    gint64 begin;
    gint64 end;
    int status; /* exit status; 128 + signal; -1 when it could not be started or timed out */
} FirnAccountHook;

typedef struct {
    char *who;           /* the requester, such as "guest-fsfreeze-freeze" */
    gint64 started;      /* CLOCK_REALTIME, microseconds since the epoch */
    gint64 resync_begin; /* the syncing after the hooks, first pass to last */
    gint64 resync_end;
    gint64 freeze_begin; /* the walk, before the first FIFREEZE */
    gint64 freeze_end;   /* the walk is over; the host is answered */
    gint64 thaw_begin;
    gint64 thaw_end; /* the last FITHAW is done */
    guint frozen;    /* as answered */
    guint thawed;    /* as answered */
    FirnThawReason thaw_reason;
    char *error;         /* of the freeze, as answered; NULL for none */
    GArray *filesystems; /* FirnAccountFilesystem, in the order of the freeze */
    GArray *hooks;       /* FirnAccountHook, in the order they ran */
} FirnAccount;

/* Of a freeze that nothing has happened in yet. started: CLOCK_REALTIME, microseconds. Free with
 * firn_account_free(). */
FirnAccount *firn_account_new(const char *who, gint64 started);
void firn_account_free(FirnAccount *account);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnAccount, firn_account_free)

/* Appends a filesystem, of which nothing has happened yet. The pointer is good until the next is
 * added. */
FirnAccountFilesystem *firn_account_add_filesystem(FirnAccount *account, const char *mountpoint,
                                                   const char *type, const char *source,
                                                   dev_t device);
FirnAccountFilesystem *firn_account_filesystem(const FirnAccount *account, guint index);

/* Appends a hook that ran. */
void firn_account_add_hook(FirnAccount *account, const char *name, gboolean thaw, gint64 begin,
                           gint64 end, int status);
const FirnAccountHook *firn_account_hook(const FirnAccount *account, guint index);

/* As text, for a file: ASCII lines, any names. Free with g_free(). */
char *firn_account_save(const FirnAccount *account, gsize *length);
/* NULL with an error when it is no such text. */
FirnAccount *firn_account_load(const char *text, gsize length, GError **error);

/* Words for people and programs, such as "frozen"; "request". */
const char *firn_outcome_name(FirnOutcome outcome);
const char *firn_thaw_reason_name(FirnThawReason reason);

#endif
