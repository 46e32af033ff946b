/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/record-read.h"

#include <errno.h>
#include <sys/wait.h>

/* A host is told so many filesystems by name; the report has them all. */
#define MAX_NAMED 5

const char *firn_target_outcome(FirnTargetState state)
{
    static const char *const names[FIRN_TARGET_STATES] = {
        [FIRN_TARGET_PENDING] = "pending",
        /* over, and still nobody knows: it hangs in there */
        [FIRN_TARGET_FREEZING] = "stuck",
        [FIRN_TARGET_FROZEN] = "frozen",
        [FIRN_TARGET_THAWING] = "frozen",
        [FIRN_TARGET_THAWED] = "frozen",
        [FIRN_TARGET_UNSUPPORTED] = "unsupported",
        [FIRN_TARGET_FOREIGN] = "foreign",
        [FIRN_TARGET_HIDDEN] = "hidden",
        [FIRN_TARGET_ELSEWHERE] = "elsewhere",
        [FIRN_TARGET_FAILED] = "failed",
        [FIRN_TARGET_STUCK] = "stuck",
        [FIRN_TARGET_LOST] = "lost",
    };

    return (guint)state < G_N_ELEMENTS(names) ? names[state] : "unknown";
}

const char *firn_end_name(FirnEnd end)
{
    static const char *const names[FIRN_ENDS] = {
        [FIRN_END_NONE] = "none",           [FIRN_END_REQUEST] = "request",
        [FIRN_END_FAILED] = "failed",       [FIRN_END_EMPTY] = "empty",
        [FIRN_END_CANCELLED] = "cancelled", [FIRN_END_WALK_TIMEOUT] = "walk-timeout",
        [FIRN_END_DEADLINE] = "deadline",   [FIRN_END_SHUTDOWN] = "shutdown",
        [FIRN_END_DIED] = "died",
    };

    return (guint)end < G_N_ELEMENTS(names) ? names[end] : "unknown";
}

const char *firn_record_text(const FirnRecord *record, guint text)
{
    return text < record->head->text_length ? record->texts + text : "";
}

char *firn_record_describe(const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];

    return g_strdup_printf("%s (%s on %s)", firn_record_text(record, row->mountpoint),
                           firn_record_text(record, row->type),
                           firn_record_text(record, row->source));
}

FirnTargetState firn_record_state(const FirnRecord *record, guint target)
{
    return (FirnTargetState)g_atomic_int_get(&record->targets[target].state);
}

FirnEnd firn_record_end(const FirnRecord *record)
{
    return (FirnEnd)g_atomic_int_get(&record->head->end);
}

guint firn_record_count(const FirnRecord *record, FirnTargetState state)
{
    guint count = 0;

    for (guint i = 0; i < record->head->target_count; i++)
        count += firn_record_state(record, i) == state;
    return count;
}

guint firn_record_count_frozen(const FirnRecord *record)
{
    return firn_record_count(record, FIRN_TARGET_FROZEN) +
           firn_record_count(record, FIRN_TARGET_THAWING);
}

int firn_record_find(const FirnRecord *record, FirnTargetState state)
{
    for (guint i = 0; i < record->head->target_count; i++)
        if (firn_record_state(record, i) == state)
            return (int)i;
    return -1;
}

/* Of two times, of which a damaged record may have any. */
static gint64 difference(gint64 from, gint64 to)
{
    return to > from ? (gint64)(((guint64)to - (guint64)from) / 1000) : 0;
}

gint64 firn_record_started(const FirnRecord *record)
{
    return difference(0,
                      (gint64)((guint64)record->head->begin + (guint64)record->head->real_offset));
}

gint64 firn_record_since(const FirnRecord *record, gint64 time)
{
    return time == 0 ? FIRN_NEVER : difference(record->head->begin, time);
}

gint64 firn_record_length(const FirnRecord *record, gint64 begin, gint64 end)
{
    gint64 from = firn_record_since(record, begin);
    gint64 to = firn_record_since(record, end);

    return from == FIRN_NEVER || to == FIRN_NEVER ? FIRN_NEVER : MAX(to - from, 0);
}

gboolean firn_record_was_frozen(const FirnRecord *record, guint target)
{
    FirnTargetState state = firn_record_state(record, target);

    return state == FIRN_TARGET_FROZEN || state == FIRN_TARGET_THAWING ||
           state == FIRN_TARGET_THAWED;
}

gint64 firn_record_held_time(const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];

    if (firn_record_state(record, target) != FIRN_TARGET_THAWED)
        return FIRN_NEVER;
    return firn_record_length(record, row->freeze_end, row->thaw_end);
}

gboolean firn_record_was_refused(const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;

    return head->message[0] && head->sync_begin == 0 && head->hooks_begin == 0 &&
           head->walk_begin == 0;
}

/* Its FITHAW found it thawed, and that FITHAW was the first. */
static gboolean was_thawed_by_others(const FirnRecordTarget *target)
{
    return target->thaw_error == EINVAL && !target->unsure;
}

static char *remark_unsure(const FirnRecordTarget *target)
{
    const char *call = target->freeze_end == 0 ? "FIFREEZE" : "FITHAW";
    g_autofree char *since = NULL;

    if (target->thaw_error == 0)
        since = g_strdup("it was thawed");
    else if (target->thaw_error == EINVAL)
        since = g_strdup("it is not frozen");
    else
        since = g_strdup_printf("thaw failed: %s", g_strerror(target->thaw_error));
    return g_strdup_printf("the process in its %s was killed: what the call answered is not known; "
                           "%s",
                           call, since);
}

char *firn_record_remark(const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];
    FirnTargetState state = firn_record_state(record, target);

    if (state == FIRN_TARGET_FAILED && row->error != 0)
        return g_strdup(g_strerror(row->error));
    if (state == FIRN_TARGET_LOST && row->thaw_error != 0)
        return g_strdup_printf(
            "still frozen, and no path leads to it (%s): mount it again, and thaw "
            "it with 'fsfreeze --unfreeze'",
            g_strerror(row->thaw_error));
    if (state == FIRN_TARGET_LOST)
        return g_strdup("unmounted or covered while frozen: thawed through a mount of firn's own");
    if (state == FIRN_TARGET_ELSEWHERE)
        return g_strdup_printf("mounted only in the mount namespace of %s",
                               firn_record_text(record, row->whose));
    if (row->unsure)
        return remark_unsure(row);
    if (was_thawed_by_others(row))
        return g_strdup("thawed by somebody else");
    if (row->thaw_error != 0)
        return g_strdup_printf("thaw failed: %s", g_strerror(row->thaw_error));
    return NULL;
}

/* As a shell would say it. */
static int exit_status(int status)
{
    if (status < 0)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void append_run(GArray *runs, const FirnRecord *record, const FirnRecordHook *hook,
                       gboolean thaw)
{
    int status = thaw ? hook->thaw_status : hook->status;
    FirnHookRun run = {
        .path = firn_record_text(record, hook->path),
        .thaw = thaw,
        .begin = firn_record_since(record, thaw ? hook->thaw_begin : hook->freeze_begin),
        .end = firn_record_since(record, thaw ? hook->thaw_end : hook->freeze_end),
        .status = exit_status(status),
    };

    if (status < 0)
        run.trouble = status == -1 ? "timed out" : "could not be started";
    if (run.begin != FIRN_NEVER)
        g_array_append_val(runs, run);
}

GArray *firn_record_hook_runs(const FirnRecord *record)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(FirnHookRun));

    for (guint i = 0; i < record->head->hook_count; i++)
        append_run(runs, record, &record->hooks[i], FALSE);
    for (guint i = record->head->hook_count; i > 0; i--)
        append_run(runs, record, &record->hooks[i - 1], TRUE);
    return runs;
}

/* NULL for an end that the host knows of: it asked for it, or got an error for its freeze. */
static const char *why_early(FirnEnd end)
{
    static const char *const reasons[FIRN_ENDS] = {
        [FIRN_END_DEADLINE] = "they had been frozen for freeze-timeout",
        [FIRN_END_SHUTDOWN] = "the agent was told to stop",
        [FIRN_END_DIED] = "the process that kept them frozen was killed",
    };

    return (guint)end < G_N_ELEMENTS(reasons) ? reasons[end] : NULL;
}

static void append_early(GString *out, const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;
    const char *why = why_early(firn_record_end(record));
    gint64 since = MAX(firn_record_since(record, head->thaw_begin), 0);
    gint64 seconds = (firn_record_started(record) + since) / G_USEC_PER_SEC;
    g_autoptr(GDateTime) time = why ? g_date_time_new_from_unix_local(seconds) : NULL;
    g_autofree char *when = time ? g_date_time_format_iso8601(time) : g_strdup("an unknown time");

    if (why)
        g_string_append_printf(out,
                               "%u filesystem%s thawed early at %s because %s: what was copied "
                               "since then is not a consistent snapshot",
                               head->frozen, head->frozen == 1 ? " was" : "s were", when, why);
}

static gboolean is_of_others(const FirnRecord *record, guint target)
{
    return was_thawed_by_others(&record->targets[target]);
}

static gboolean is_lost(const FirnRecord *record, guint target)
{
    return firn_record_state(record, target) == FIRN_TARGET_LOST &&
           record->targets[target].thaw_error == 0;
}

static gboolean is_left(const FirnRecord *record, guint target)
{
    return firn_record_state(record, target) == FIRN_TARGET_LOST &&
           record->targets[target].thaw_error != 0;
}

/* Appends "/a (xfs on /dev/vdb), /b (ext4 on /dev/vdc) and 3 more WHAT", when there are any. */
static void append_names(GString *out, const FirnRecord *record,
                         gboolean (*is_meant)(const FirnRecord *record, guint target),
                         const char *what)
{
    guint count = 0;

    for (guint i = 0; i < record->head->target_count; i++) {
        g_autofree char *name = NULL;

        if (!is_meant(record, i) || count++ >= MAX_NAMED)
            continue;
        name = firn_record_describe(record, i);
        if (count > 1)
            g_string_append(out, ", ");
        else if (out->len > 0)
            g_string_append(out, "; ");
        g_string_append(out, name);
    }
    if (count > MAX_NAMED)
        g_string_append_printf(out, " and %u more", count - MAX_NAMED);
    if (count > 0)
        g_string_append(out, what);
}

char *firn_record_note(const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;
    GString *out;

    /* of any other end the host got an error for its freeze, or had not been told of success */
    if (!head->early && firn_record_end(record) != FIRN_END_REQUEST)
        return NULL;
    out = g_string_new(NULL);
    if (head->early)
        append_early(out, record);
    append_names(out, record, is_of_others,
                 " had been thawed by somebody else before the thaw: what was copied is not a "
                 "consistent snapshot");
    append_names(
        out, record, is_lost,
        " had been unmounted or covered before the thaw; it is thawed, but what was copied "
        "may not be a consistent snapshot");
    append_names(
        out, record, is_left,
        ": still frozen, and no path leads there any more; mount it again, and thaw it with "
        "'fsfreeze --unfreeze'");
    if (out->len == 0 && head->early)
        g_string_append(out, "the freeze did not hold until guest-fsfreeze-thaw: what was copied "
                             "is not a consistent snapshot");
    return g_string_free(out, out->len == 0);
}
