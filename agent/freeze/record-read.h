/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_RECORD_READ_H
#define AGENT_FREEZE_RECORD_READ_H

#include "agent/freeze/record.h"

/*
 * What a record tells, in the units and words of the log and the report: microseconds since the
 * freeze was asked for, FIRN_NEVER where something did not happen. Whatever is in the record, also
 * in one that was damaged, nothing of this fails.
 */
#define FIRN_NEVER ((gint64)-1)

/* What has become of a filesystem, and why the freeze ended, as they are now (atomic). */
FirnTargetState firn_record_state(const FirnRecord *record, guint target);
FirnEnd firn_record_end(const FirnRecord *record);

/* When the freeze was asked for: CLOCK_REALTIME, microseconds since the epoch. */
gint64 firn_record_started(const FirnRecord *record);

/* A time of the record, such as `freeze_begin`: microseconds since the freeze was asked for. */
gint64 firn_record_since(const FirnRecord *record, gint64 time);

/* From one time of the record to another: the difference of what firn_record_since() gives for
 * them, at least 0; FIRN_NEVER when one of them is. */
gint64 firn_record_length(const FirnRecord *record, gint64 begin, gint64 end);

/* TRUE for a filesystem that we froze, whatever became of it since, but for a lost one. */
gboolean firn_record_was_frozen(const FirnRecord *record, guint target);

/* From the end of its FIFREEZE to the end of its FITHAW; FIRN_NEVER for a filesystem that we did
 * not freeze and thaw. */
gint64 firn_record_held_time(const FirnRecord *record, guint target);

/* TRUE when the freeze failed before it did anything: no sync, no hook, no FIFREEZE. */
gboolean firn_record_was_refused(const FirnRecord *record);

/* What is to be said of a filesystem beside its outcome, such as "thawed by somebody else"; NULL
 * when the outcome says it all. Of an `unsure` one it is FIFREEZE's answer that was lost where
 * there is no `freeze_end`, else FITHAW's. Free with g_free(). */
char *firn_record_remark(const FirnRecord *record, guint target);

/* One run of a hook. */
typedef struct {
    const char *path; /* the record's */
    gboolean thaw;    /* it got "thaw", else "freeze" */
    gint64 begin;     /* microseconds since the freeze was asked for */
    gint64 end;       /* FIRN_NEVER when it was not waited for */
    int status;       /* exit status; 128 + signal; -1 when it timed out or could not be started */
    const char *trouble; /* what -1 means, in words; else NULL */
} FirnHookRun;

/* The hooks that ran, of FirnHookRun, in their order: forwards for "freeze", backwards for "thaw".
 * Free with g_array_unref(), before the record. */
GArray *firn_record_hook_runs(const FirnRecord *record);

#endif
