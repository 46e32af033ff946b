/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/child.h"
#include "agent/freeze/look.h"
#include "agent/freeze/targets.h"
#include "platform/pidfd.h"

#define PATIENCE_MS 1000

/* --- freezing ----------------------------------------------------------------------------------
 */

static FirnTargetState walk_judge(int cause)
{
    switch (cause) {
    case 0:
        return FIRN_TARGET_FROZEN;
    case EOPNOTSUPP:
    case ENOTTY: /* no such call for this file at all */
        return FIRN_TARGET_UNSUPPORTED;
    case EBUSY:
        return FIRN_TARGET_FOREIGN;
    default:
        return FIRN_TARGET_FAILED;
    }
}

/*
 * FALSE when the watcher has given this one up meanwhile (FIRN_TARGET_STUCK) and ended the freeze:
 * then nobody but this process knows that it is frozen, and this process thaws it.
 */
static gboolean walk_freeze_one(FirnRecord *record, guint i)
{
    FirnRecordTarget *target = &record->targets[i];
    int cause;

    target->freeze_begin = firn_record_now();
    g_atomic_int_set(&target->state, FIRN_TARGET_FREEZING);
    cause = record->calls->freeze(record->fds[i]);
    target->freeze_end = firn_record_now();
    target->error = cause;
    if (firn_record_move(&target->state, FIRN_TARGET_FREEZING, (int)walk_judge(cause))) {
        record->head->frozen += cause == 0;
        return TRUE;
    }
    if (cause == 0) {
        target->thaw_begin = firn_record_now();
        target->thaw_error = record->calls->thaw(record->fds[i]);
        target->thaw_end = firn_record_now();
    }
    return FALSE;
}

static const char *walk_remedy(int cause)
{
    switch (cause) {
    case EPERM:
    case EACCES:
        return "run the agent as root with CAP_SYS_ADMIN, and see 'ausearch -m avc' for SELinux";
    case EIO:
    case EROFS:
        return "see the kernel's log for errors of the disk, or leave it out with freeze-exclude";
    default:
        return "leave it out with freeze-exclude if it cannot be helped";
    }
}

static void walk_set_error(const FirnRecord *record, guint i, GError **error)
{
    g_autofree char *name = firn_record_describe(record, i);
    int cause = record->targets[i].error;

    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "failed to freeze %s: %s; %s; nothing is frozen", name, g_strerror(cause),
                walk_remedy(cause));
}

static gboolean walk_is_ending(const FirnRecord *record)
{
    return g_atomic_int_get(&record->head->end) != FIRN_END_NONE;
}

gboolean firn_walk_freeze(FirnRecord *record, const FirnTrace *trace, FirnEndCheck check,
                          gpointer data, GError **error)
{
    for (guint i = 0; i < record->head->target_count; i++) {
        FirnRecordTarget *target = &record->targets[i];
        const char *mountpoint = firn_record_text(record, target->mountpoint);
        gboolean known;

        if (target->state != FIRN_TARGET_PENDING)
            continue;
        if (walk_is_ending(record) || check(data))
            return FALSE;
        firn_trace_filesystem_begin(trace, mountpoint);
        known = walk_freeze_one(record, i);
        firn_trace_filesystem_end(trace, mountpoint, target->error);
        if (!known)
            return FALSE;
        if (target->state == FIRN_TARGET_FAILED) {
            walk_set_error(record, i, error);
            return FALSE;
        }
    }
    return !walk_is_ending(record);
}

/* --- thawing -----------------------------------------------------------------------------------
 */

/*
 * EINVAL says that it is not frozen by us any more: somebody else has thawed it. But there are two
 * more reasons. The answer of a FITHAW before may have been lost. And since Linux 6.8, where
 * freezes nest, FITHAW lets go of ours and says EINVAL when another one remains, as that of a
 * suspended device.
 */
static gboolean walk_was_ours(const FirnRecordTarget *target, int cause)
{
    g_autoptr(FirnRoots) roots = NULL;
    g_autofree char *suspended = NULL;

    if (cause == 0 || target->unsure)
        return TRUE;
    roots = firn_roots_new(NULL);
    suspended = firn_look_find_suspended(roots, (dev_t)target->device, -1);
    return suspended != NULL;
}

/* Nothing, where somebody else has settled it while this process hung in the thaw. */
static void walk_settle_thaw(FirnRecord *record, FirnRecordTarget *target, int cause)
{
    gboolean failed = cause && cause != EINVAL;
    gboolean ours = !failed && walk_was_ours(target, cause);

    if (g_atomic_int_get(&target->state) != FIRN_TARGET_THAWING)
        return;
    target->thaw_end = firn_record_now();
    target->thaw_error = ours ? 0 : cause;
    if (!failed && !ours)
        record->head->early = TRUE;
    if (firn_record_move(&target->state, FIRN_TARGET_THAWING,
                         failed ? FIRN_TARGET_FROZEN : FIRN_TARGET_THAWED) &&
        ours)
        g_atomic_int_inc(&record->head->thawed);
}

static void walk_begin_thaw(FirnRecordTarget *target)
{
    target->thaw_begin = firn_record_now();
    g_atomic_int_set(&target->state, FIRN_TARGET_THAWING);
}

void firn_walk_thaw(FirnRecord *record, const FirnTrace *trace)
{
    guint before = (guint)g_atomic_int_get(&record->head->thawed);
    guint frozen = firn_record_count_frozen(record);
    int cause = 0;

    if (frozen == 0)
        return;
    firn_trace_thaw_begin(trace, frozen);
    for (guint i = record->head->target_count; i-- > 0;) {
        FirnRecordTarget *target = &record->targets[i];

        if (target->state != FIRN_TARGET_FROZEN || record->fds[i] < 0)
            continue;
        walk_begin_thaw(target);
        walk_settle_thaw(record, target, record->calls->thaw(record->fds[i]));
        if (target->state == FIRN_TARGET_FROZEN)
            cause = target->thaw_error;
    }
    firn_trace_thaw_end(trace, (guint)g_atomic_int_get(&record->head->thawed) - before, cause);
}

/* In a child, or where none can be had: a target that this process has no descriptor of. */
static void walk_thaw_unopened(FirnRecord *record, guint i)
{
    FirnRecordTarget *target = &record->targets[i];
    gboolean mounted;
    int fd = firn_targets_reach(record, i, &mounted);
    int cause = fd >= 0 ? record->calls->thaw(fd) : errno;

    if (mounted) {
        walk_settle_thaw(record, target, cause);
    } else {
        target->thaw_end = firn_record_now();
        /* ENODEV: there is no such superblock any more; EINVAL: it is not frozen */
        target->thaw_error = cause == ENODEV || cause == EINVAL ? 0 : cause;
        record->head->early = TRUE;
        firn_record_move(&target->state, FIRN_TARGET_THAWING, FIRN_TARGET_LOST);
    }
    if (fd >= 0)
        close(fd);
}

static void walk_thaw_one(FirnRecord *record, guint i)
{
    if (record->fds[i] >= 0)
        walk_settle_thaw(record, &record->targets[i], record->calls->thaw(record->fds[i]));
    else
        walk_thaw_unopened(record, i);
}

/* FALSE when no process could be made. */
static gboolean walk_thaw_in_child(FirnRecord *record, guint i)
{
    struct pollfd entry = {.events = POLLIN};
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return FALSE;
    pid = firn_child_fork(record, ends[1]);
    if (pid == 0) {
        walk_thaw_one(record, i);
        _exit(0);
    }
    close(ends[1]);
    entry.fd = ends[0];
    if (pid > 0)
        record->targets[i].apart = (gint)pid;
    if (pid > 0 && poll(&entry, 1, PATIENCE_MS) == 1)
        waitpid(pid, NULL, 0);
    else if (pid > 0 && firn_pid_is_stopped(pid))
        kill(pid, SIGKILL); /* by a debugger: it would never thaw; another child will */
    close(ends[0]);
    return pid > 0;
}

void firn_walk_thaw_apart(FirnRecord *record)
{
    for (guint i = record->head->target_count; i-- > 0;) {
        FirnRecordTarget *target = &record->targets[i];

        if (g_atomic_int_get(&target->state) != FIRN_TARGET_FROZEN)
            continue;
        target->apart = TRUE;
        walk_begin_thaw(target);
        if (walk_thaw_in_child(record, i))
            continue;
        target->apart = FALSE;
        if (record->fds[i] >= 0)
            walk_thaw_one(record, i);
        else /* this process must not end up in another mount namespace */
            g_atomic_int_set(&target->state, FIRN_TARGET_FROZEN);
    }
}

void firn_walk_adopt(FirnRecord *record)
{
    for (guint i = 0; i < record->head->target_count; i++) {
        FirnRecordTarget *target = &record->targets[i];
        int now = g_atomic_int_get(&target->state);

        if (now != FIRN_TARGET_FREEZING && now != FIRN_TARGET_THAWING)
            continue;
        target->unsure = TRUE;
        target->apart = FALSE;
        if (firn_record_move(&target->state, now, FIRN_TARGET_FROZEN))
            record->head->frozen += now == FIRN_TARGET_FREEZING;
    }
}

void firn_walk_reap(FirnRecord *record)
{
    for (guint i = 0; i < record->head->target_count; i++) {
        FirnRecordTarget *target = &record->targets[i];

        if (!target->apart || waitpid((pid_t)target->apart, NULL, WNOHANG) == 0)
            continue;
        target->apart = FALSE;
        if (firn_record_move(&target->state, FIRN_TARGET_THAWING, FIRN_TARGET_FROZEN))
            target->unsure = TRUE; /* it was killed, and its answer with it */
    }
}

GError *firn_walk_thaw_error(const FirnRecord *record)
{
    for (guint i = 0; i < record->head->target_count; i++) {
        const FirnRecordTarget *target = &record->targets[i];
        int now = g_atomic_int_get((gint *)(guintptr)&target->state);
        g_autofree char *name = NULL;

        if (now != FIRN_TARGET_FROZEN && now != FIRN_TARGET_THAWING)
            continue;
        name = firn_record_describe(record, i);
        if (now == FIRN_TARGET_THAWING)
            return g_error_new(
                G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                "failed to thaw %s: its FITHAW does not return: see the kernel's log for the disk "
                "below it; all others are thawed",
                name);
        return g_error_new(G_FILE_ERROR, (int)g_file_error_from_errno(target->thaw_error),
                           "failed to thaw %s: %s; it is still frozen, and firn goes on trying: "
                           "see the kernel's log",
                           name, g_strerror(target->thaw_error));
    }
    return NULL;
}
