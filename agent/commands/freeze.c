/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "agent/freeze/plan.h"

static void guest_fsfreeze_status(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    gboolean frozen = firn_freezer_is_frozen(context->freezer);

    qga_reply_return(reply, json_node_init_string(json_node_alloc(), frozen ? "frozen" : "thawed"));
}

/* A freeze or thaw has ended; data: the reply, kept until now. */
static void on_freezer_done(gint64 count, const GError *error, gpointer data)
{
    g_autoptr(QgaReply) reply = data;

    if (error) {
        qga_reply_fail(reply, "%s", error->message);
        return;
    }
    qga_reply_return_int(reply, count);
}

static void guest_fsfreeze_freeze(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;

    firn_freezer_freeze(context->freezer, NULL, "guest-fsfreeze-freeze", on_freezer_done,
                        qga_reply_ref(reply));
}

static void guest_fsfreeze_freeze_list(const QgaArguments *arguments, QgaReply *reply,
                                       gpointer data)
{
    const FirnContext *context = data;
    g_auto(GStrv) mountpoints = qga_json_get_strings(arguments->object, "mountpoints");

    firn_freezer_freeze(context->freezer, (const char *const *)mountpoints,
                        "guest-fsfreeze-freeze-list", on_freezer_done, qga_reply_ref(reply));
}

static void guest_fsfreeze_thaw(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;

    firn_freezer_thaw(context->freezer, on_freezer_done, qga_reply_ref(reply));
}

/* One filesystem to trim, and how that went. */
typedef struct {
    char *path;
    guint64 minimum;
    guint64 trimmed;
    GError *error;
} Trim;

typedef struct {
    FirnWorker *worker;
    QgaReply *reply;
    GPtrArray *trims; /* of Trim */
    guint done;
} TrimJob;

static void trim_free(gpointer data)
{
    Trim *trim = data;

    g_free(trim->path);
    g_clear_error(&trim->error);
    g_free(trim);
}

static JsonObject *trim_object(const Trim *trim)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "path", trim->path);
    if (trim->error) {
        json_object_set_string_member(object, "error", trim->error->message);
    } else {
        json_object_set_int_member(object, "minimum", (gint64)trim->minimum);
        json_object_set_int_member(object, "trimmed", (gint64)trim->trimmed);
    }
    return object;
}

/* The last one first, as the packaged agent tells them. */
static void trim_finish(const TrimJob *job)
{
    JsonObject *object = json_object_new();
    JsonArray *paths = json_array_new();

    for (guint i = job->trims->len; i-- > 0;)
        json_array_add_object_element(paths, trim_object(g_ptr_array_index(job->trims, i)));
    json_object_set_array_member(object, "paths", paths);
    qga_reply_return_object(job->reply, object);
}

static void trim_job_free(gpointer data)
{
    TrimJob *job = data;

    qga_reply_unref(job->reply);
    g_ptr_array_unref(job->trims);
    g_free(job);
}

static void trim_answered(GVariant *answer, const GError *error, gpointer data);

/* The worker does one after the other: one that hangs costs no other. */
static void trim_next(TrimJob *job)
{
    const Trim *trim;

    if (job->done == job->trims->len) {
        trim_finish(job);
        trim_job_free(job);
        return;
    }
    trim = g_ptr_array_index(job->trims, job->done);
    firn_worker_ask(job->worker, FIRN_TASK_TRIM, g_variant_new("(^ayt)", trim->path, trim->minimum),
                    -1, trim_answered, job, trim_job_free);
}

static void trim_answered(GVariant *answer, const GError *error, gpointer data)
{
    TrimJob *job = data;
    Trim *trim = g_ptr_array_index(job->trims, job->done++);

    if (error)
        trim->error = g_error_copy(error);
    else
        g_variant_get(answer, "(tt)", &trim->minimum, &trim->trimmed);
    trim_next(job);
}

/* The path by which a filesystem is to be reached, NULL when none of it can be seen. */
static const char *visible_path(const FirnPlanTarget *target)
{
    for (guint i = 0; i < target->mount_count; i++) {
        if (!target->mounts[i].hidden)
            return target->mounts[i].path;
    }
    return NULL;
}

/* Every writable filesystem with a disk, once, in the order of mounting: a plan backwards. What a
 * freeze leaves out is trimmed all the same. */
static GPtrArray *plan_trims(const FirnMounts *mounts, guint64 minimum)
{
    g_autoptr(FirnSelection) everything = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, everything);
    GPtrArray *trims = g_ptr_array_new_with_free_func(trim_free);

    for (guint i = plan->count; i-- > 0;) {
        const char *path = visible_path(&plan->targets[i]);
        Trim *trim;

        if (!path || plan->targets[i].read_only)
            continue;
        trim = g_new0(Trim, 1);
        trim->path = g_strdup(path);
        trim->minimum = minimum;
        g_ptr_array_add(trims, trim);
    }
    return trims;
}

static void guest_fstrim(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    GError *error = NULL;
    g_autoptr(FirnMounts) mounts = firn_mounts_read(context->roots, &error);
    TrimJob *job;

    if (!mounts) {
        qga_reply_fail_error(reply, error);
        return;
    }
    job = g_new0(TrimJob, 1);
    job->reply = qga_reply_ref(reply);
    job->trims = plan_trims(
        mounts, (guint64)json_object_get_int_member_with_default(arguments->object, "minimum", 0));
    job->worker = context->worker;
    trim_next(job);
}

static const QgaMember list_arguments[] = {
    {"mountpoints", QGA_TYPE_LIST, TRUE, .element = QGA_TYPE_STRING}, {0}};
static const QgaMember trim_arguments[] = {{"minimum", QGA_TYPE_INT, TRUE}, {0}};
static const char *const states[] = {"thawed", "frozen", NULL};
static const QgaMember status_returns = {.type = QGA_TYPE_ENUM, .values = states};
static const QgaMember count_returns = {.type = QGA_TYPE_INT};
static const QgaMember trim_path[] = {{"path", QGA_TYPE_STRING},
                                      {"trimmed", QGA_TYPE_INT, TRUE},
                                      {"minimum", QGA_TYPE_INT, TRUE},
                                      {"error", QGA_TYPE_STRING, TRUE},
                                      {0}};
static const QgaMember trim_members[] = {
    {"paths", QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = trim_path}, {0}};
static const QgaMember trim_returns = {.type = QGA_TYPE_STRUCT, .members = trim_members};

static const QgaCommand rows[] = {
    {"guest-fsfreeze-status", NULL, &status_returns,
     "Tells whether filesystems are frozen, once a running freeze has ended.",
     QGA_COMMAND_FROZEN_SAFE, guest_fsfreeze_status},
    {"guest-fsfreeze-freeze", NULL, &count_returns,
     "Freezes all filesystems, in reverse mount order, and tells how many.", QGA_COMMAND_NONE,
     guest_fsfreeze_freeze},
    {"guest-fsfreeze-freeze-list", list_arguments, &count_returns,
     "Freezes the filesystems of these mountpoints, all when the list is left out; unknown ones "
     "are "
     "ignored.",
     QGA_COMMAND_NONE, guest_fsfreeze_freeze_list},
    {"guest-fsfreeze-thaw", NULL, &count_returns,
     "Thaws what was frozen, cancels a freeze that still runs, and tells how many were thawed.",
     QGA_COMMAND_FROZEN_SAFE, guest_fsfreeze_thaw},
    {"guest-fstrim", trim_arguments, &trim_returns,
     "Tells the disks of all writable filesystems which blocks are free.", QGA_COMMAND_NONE,
     guest_fstrim},
};

void firn_freeze_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context, NULL);
}
