/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_RECORD_H
#define AGENT_FREEZE_RECORD_H

#include <glib.h>
#include <sys/types.h>

/*
 * What happened in one freeze, from the request to the thaw: filled in by the engine as it goes,
 * told by the journal and 'firn report'. Strings belong to the record. Times are microseconds of
 * CLOCK_BOOTTIME since the record was made; FIRN_NEVER where it did not happen.
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
    FIRN_THAW_NONE,     /* still frozen, or nothing was */
    FIRN_THAW_REQUEST,  /* guest-fsfreeze-thaw */
    FIRN_THAW_CANCEL,   /* the same, while the freeze still ran */
    FIRN_THAW_ROLLBACK, /* the freeze failed */
    FIRN_THAW_DEADLINE, /* freeze-timeout */
    FIRN_THAW_SHUTDOWN, /* the agent was told to stop */
    FIRN_THAW_RESTART,  /* the agent found it so when it started */
    FIRN_THAW_REASONS,
} FirnThawReason;

typedef struct {
    char *mountpoint;
    char *type;
    char *source;
    dev_t device;
    FirnOutcome outcome;
    int error;         /* errno, 0 for none */
    gint64 sync_begin; /* first syncfs, before the hooks */
    gint64 sync_end;
    gint64 resync_begin; /* the syncfs after them, first pass to last */
    gint64 resync_end;
    gint64 freeze_begin; /* FIFREEZE */
    gint64 freeze_end;
    gint64 thaw_begin; /* FITHAW */
    gint64 thaw_end;
} FirnRecordFilesystem;

typedef struct {
    char *name;    /* path of the script */
    gboolean thaw; /* run with "thaw", else with "freeze" */
    gint64 begin;
    gint64 end;
    int status; /* exit status; 128 + signal; -1 when it could not be started or timed out */
} FirnRecordHook;

typedef struct {
    char *who;           /* the requester, such as "guest-fsfreeze-freeze" */
    gint64 started;      /* CLOCK_REALTIME, microseconds since the epoch */
    gint64 zero;         /* CLOCK_BOOTTIME of the start, microseconds; not saved */
    gint64 freeze_begin; /* the walk, before the first FIFREEZE */
    gint64 freeze_end;   /* the walk is over; the host is answered */
    gint64 thaw_begin;
    gint64 thaw_end; /* the last FITHAW is done */
    guint frozen;    /* as answered */
    guint thawed;    /* as answered */
    FirnThawReason thaw_reason;
    char *error;         /* of the freeze, as answered; NULL for none */
    GArray *filesystems; /* FirnRecordFilesystem, in the order of the freeze */
    GArray *hooks;       /* FirnRecordHook, in the order they ran */
} FirnRecord;

/* A record that starts now. Free with firn_record_free(). */
FirnRecord *firn_record_new(const char *who);
void firn_record_free(FirnRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnRecord, firn_record_free)

/* The time now, as the record counts. */
gint64 firn_record_now(const FirnRecord *record);

/* Appends a filesystem, of which nothing has happened yet. The pointer is good until the next is
 * added. */
FirnRecordFilesystem *firn_record_add_filesystem(FirnRecord *record, const char *mountpoint,
                                                 const char *type, const char *source,
                                                 dev_t device);
FirnRecordFilesystem *firn_record_filesystem(const FirnRecord *record, guint index);

/* Appends a hook that ran from `begin` till now. */
void firn_record_add_hook(FirnRecord *record, const char *name, gboolean thaw, gint64 begin,
                          int status);
const FirnRecordHook *firn_record_hook(const FirnRecord *record, guint index);

/* As text, for a file: ASCII lines, any names. Free with g_free(). */
char *firn_record_save(const FirnRecord *record, gsize *length);
/* NULL with an error when it is no such text. `zero` is 0. */
FirnRecord *firn_record_load(const char *text, gsize length, GError **error);

/* Words for people and programs, such as "frozen"; "request". */
const char *firn_outcome_name(FirnOutcome outcome);
const char *firn_thaw_reason_name(FirnThawReason reason);

#endif
