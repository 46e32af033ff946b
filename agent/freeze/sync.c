/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/child.h"

/* More disks than that do not get faster by being asked at once. */
#define WORKERS_MAX 16
/* A pass that takes no longer leaves a walk little to write. */
#define SHORT_PASS_NS ((gint64)30 * 1000 * 1000)
/* Whoever writes without end does not keep the freeze from coming. */
#define PASSES_MAX 5
#define TICK_MS 50
#define NS_PER_SECOND ((gint64)1000000000)

typedef struct {
    FirnRecord *record;
    gboolean first; /* the pass whose times are told */
    guint workers;
    pid_t pids[WORKERS_MAX];
    int done; /* reading end of a pipe that the workers have the other end of */
} Pass;

static gboolean is_to_sync(const FirnRecord *record, guint i)
{
    return record->fds[i] >= 0 && record->targets[i].state == FIRN_TARGET_PENDING;
}

static guint count_disks(const FirnRecord *record)
{
    guint count = 0;

    for (guint i = 0; i < record->head->target_count; i++) {
        if (is_to_sync(record, i))
            count = MAX(count, record->targets[i].disk + 1);
    }
    return count;
}

/* In the child: every disk whose number falls to this worker, one filesystem after the other. */
static void sync_work(const Pass *pass, guint worker)
{
    for (guint i = 0; i < pass->record->head->target_count; i++) {
        FirnRecordTarget *target = &pass->record->targets[i];
        gint64 begin = firn_record_now();

        if (!is_to_sync(pass->record, i) || target->disk % pass->workers != worker)
            continue;
        target->error = pass->record->calls->sync(pass->record->fds[i]);
        if (!pass->first)
            continue;
        target->sync_begin = begin;
        target->sync_end = firn_record_now();
    }
}

static gboolean pass_start(Pass *pass, GError **error)
{
    guint wanted = MIN(count_disks(pass->record), WORKERS_MAX);
    int ends[2];
    int cause = 0;

    if (pipe2(ends, O_CLOEXEC) < 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                    "cannot sync: no pipe: %s; nothing is frozen", g_strerror(errno));
        return FALSE;
    }
    pass->done = ends[0];
    pass->workers = wanted;
    for (guint i = 0; i < wanted && !cause; i++) {
        pid_t pid = firn_child_fork(pass->record, ends[1]);

        if (pid == 0) {
            sync_work(pass, i);
            _exit(0);
        }
        if (pid < 0)
            cause = errno;
        pass->pids[i] = pid;
    }
    close(ends[1]);
    if (cause)
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                    "cannot sync: no process could be made: %s; raise TasksMax of the service, or "
                    "try again; nothing is frozen",
                    g_strerror(cause));
    return !cause;
}

/* What has not ended a moment after its kill hangs in the kernel, and is left there. */
static void pass_end(Pass *pass)
{
    struct pollfd entry = {.fd = pass->done, .events = POLLIN};
    int options;

    for (guint i = 0; i < pass->workers; i++) {
        if (pass->pids[i] > 0)
            kill(pass->pids[i], SIGKILL);
    }
    options = poll(&entry, 1, TICK_MS) == 1 ? 0 : WNOHANG;
    for (guint i = 0; i < pass->workers; i++) {
        if (pass->pids[i] > 0)
            waitpid(pass->pids[i], NULL, options);
    }
    close(pass->done);
}

/* TRUE when all workers ended by themselves. limit: 0 for none. */
static gboolean pass_await(const Pass *pass, gint64 limit, FirnEndCheck check, gpointer data)
{
    struct pollfd entry = {.fd = pass->done, .events = POLLIN};

    while (poll(&entry, 1, TICK_MS) != 1) {
        if (check(data) || (limit && firn_record_now() >= limit))
            return FALSE;
    }
    return TRUE;
}

/* A worker that has ended is waited for, and its siblings too, which have as well. */
static void pass_reap(Pass *pass)
{
    for (guint i = 0; i < pass->workers; i++) {
        if (pass->pids[i] > 0)
            waitpid(pass->pids[i], NULL, 0);
        pass->pids[i] = 0;
    }
}

/* FALSE when it was not waited for to its end; with an error when it could not be begun. */
static gboolean run_pass(FirnRecord *record, gint64 limit, gboolean first, FirnEndCheck check,
                         gpointer data, GError **error)
{
    Pass pass = {.record = record, .first = first};
    gboolean complete;

    if (!pass_start(&pass, error)) {
        if (pass.workers > 0)
            pass_end(&pass);
        return FALSE;
    }
    complete = pass_await(&pass, limit, check, data);
    if (complete)
        pass_reap(&pass);
    pass_end(&pass);
    return complete;
}

static gboolean check_targets(FirnRecord *record, GError **error)
{
    for (guint i = 0; i < record->head->target_count; i++) {
        FirnRecordTarget *target = &record->targets[i];
        g_autofree char *name = NULL;

        if (target->state != FIRN_TARGET_PENDING || !target->error)
            continue;
        target->state = FIRN_TARGET_FAILED;
        name = firn_record_describe(record, i);
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(target->error),
                    "failed to sync %s: %s; data written to it is lost: see the kernel's log for "
                    "errors of the disk, or leave it out with freeze-exclude; nothing is frozen",
                    name, g_strerror(target->error));
        return FALSE;
    }
    return TRUE;
}

static gint64 limit_of(guint timeout)
{
    return timeout > 0 ? firn_record_now() + timeout * NS_PER_SECOND : 0;
}

gboolean firn_sync_before_hooks(FirnRecord *record, guint timeout, FirnEndCheck check,
                                gpointer data, GError **error)
{
    FirnRecordHead *head = record->head;
    g_autoptr(GError) problem = NULL;
    gboolean complete;

    head->sync_begin = firn_record_now();
    complete = run_pass(record, limit_of(timeout), TRUE, check, data, &problem);
    head->sync_end = firn_record_now();
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (check(data))
        return FALSE;
    if (!complete)
        g_warning("not all is synced after %u s (freeze-sync-timeout): freezing all the same",
                  timeout);
    return check_targets(record, error);
}

gboolean firn_sync_before_walk(FirnRecord *record, guint timeout, FirnEndCheck check, gpointer data,
                               GError **error)
{
    FirnRecordHead *head = record->head;
    gint64 limit = limit_of(timeout);
    /* what hung before would hang again */
    gboolean again = !limit || head->sync_end - head->sync_begin < timeout * NS_PER_SECOND;
    g_autoptr(GError) problem = NULL;

    head->last_sync_begin = firn_record_now();
    for (guint i = 0; i < PASSES_MAX && again; i++) {
        gint64 begin = firn_record_now();

        again = run_pass(record, limit, FALSE, check, data, &problem) && !check(data) &&
                firn_record_now() - begin > SHORT_PASS_NS;
    }
    head->last_sync_end = firn_record_now();
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    return !check(data) && check_targets(record, error);
}
