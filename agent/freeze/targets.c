/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/targets.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "platform/descriptors.h"
#include "platform/pidfd.h"
#include "platform/superblock.h"

/* For the guard, its pipes, and clients that come meanwhile. */
#define SPARE_DESCRIPTORS 64

struct FirnTargets {
    gint refs;
    GArray *fds;
};

char *firn_target_describe(const FirnState *state, guint target)
{
    const FirnStateTarget *row = &state->targets[target];

    return g_strdup_printf("%s (%s on %s)", firn_state_text(state, row->mountpoint),
                           firn_state_text(state, row->type), firn_state_text(state, row->source));
}

static FirnTargets *targets_new(void)
{
    FirnTargets *targets = g_new0(FirnTargets, 1);

    targets->refs = 1;
    targets->fds = g_array_new(FALSE, FALSE, sizeof(int));
    return targets;
}

FirnTargets *firn_targets_ref(FirnTargets *targets)
{
    g_atomic_int_inc(&targets->refs);
    return targets;
}

void firn_targets_unref(FirnTargets *targets)
{
    if (!targets || !g_atomic_int_dec_and_test(&targets->refs))
        return;
    for (guint i = 0; i < targets->fds->len; i++)
        close(g_array_index(targets->fds, int, i));
    g_array_unref(targets->fds);
    g_free(targets);
}

static void keep(FirnTargets *targets, FirnState *state, guint i, int fd)
{
    state->fds[i] = fd;
    g_array_append_val(targets->fds, fd);
}

/* A machine may have thousands of filesystems, and a process 1024 descriptors. */
static void make_room(guint count)
{
    if (!firn_descriptors_make_room(count + SPARE_DESCRIPTORS))
        g_warning("cannot raise the limit of open files by %u: %s", count + SPARE_DESCRIPTORS,
                  g_strerror(errno));
}

/* What says most of why none of the mountpoints would do. */
static int weigh(int before, int cause)
{
    gboolean gone = cause == ESTALE || cause == ENOENT || cause == ENOTDIR || cause == ELOOP;

    return gone && before ? before : cause;
}

static gboolean is_gone(int cause)
{
    return cause == ESTALE || cause == ENOENT || cause == ENOTDIR || cause == ELOOP;
}

/* 0 or why not. */
static int open_target(const FirnPlanTarget *target, FirnState *state, guint row,
                       FirnTargets *targets)
{
    int cause = 0;

    for (guint i = 0; i < target->mount_count; i++) {
        int fd = -1;
        int failure = firn_superblock_open(target->mounts[i].path, target->mounts[i].id, &fd);

        if (!failure) {
            state->targets[row].mount_id = target->mounts[i].id;
            keep(targets, state, row, fd);
            return 0;
        }
        cause = weigh(cause, failure);
    }
    return cause;
}

static const char *remedy(int cause)
{
    switch (cause) {
    case EACCES:
    case EPERM:
        return "SELinux is the likely cause: allow it with 'setsebool -P "
               "virt_qemu_ga_read_nonsecurity_files on' (see 'ausearch -m avc'), or leave the "
               "filesystem out with freeze-exclude";
    case EMFILE:
    case ENFILE:
        return "raise LimitNOFILE in the service's unit";
    default:
        return "see the kernel's log, or leave the filesystem out with freeze-exclude";
    }
}

FirnTargets *firn_targets_open(const FirnPlan *plan, FirnState *state, GError **error)
{
    g_autoptr(FirnTargets) targets = targets_new();

    make_room(plan->count);
    for (guint i = 0; i < plan->count; i++) {
        FirnStateTarget *row = &state->targets[i];
        int cause = open_target(&plan->targets[i], state, i, targets);
        g_autofree char *name = NULL;

        if (!cause)
            continue;
        name = firn_target_describe(state, i);
        if (is_gone(cause)) {
            g_atomic_int_set(&row->state, FIRN_TARGET_HIDDEN);
            g_warning("%s is not frozen: no path leads to it", name);
            continue;
        }
        g_atomic_int_set(&row->state, FIRN_TARGET_FAILED);
        row->error = cause;
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                    "failed to open %s: %s; %s", name, g_strerror(cause), remedy(cause));
        return NULL;
    }
    return g_steal_pointer(&targets);
}

/* Any mount of the device. */
static int open_by_device(const FirnMounts *mounts, const FirnStateTarget *row)
{
    for (guint i = 0; mounts && i < mounts->count; i++) {
        const FirnMount *mount = &mounts->entries[i];
        int fd;

        if (mount->device == (dev_t)row->device &&
            !firn_superblock_open(mount->mountpoint, mount->id, &fd))
            return fd;
    }
    return -1;
}

static gboolean may_be_frozen(FirnStateTarget *row)
{
    int now = g_atomic_int_get(&row->state);

    return now == FIRN_TARGET_FREEZING || now == FIRN_TARGET_FROZEN || now == FIRN_TARGET_THAWING;
}

FirnTargets *firn_targets_recover(FirnState *state, int guard, const FirnRoots *roots,
                                  gboolean *complete)
{
    FirnTargets *targets = targets_new();
    g_autoptr(FirnMounts) mounts = NULL;

    *complete = TRUE;
    make_room(state->head->target_count);
    for (guint i = 0; i < state->head->target_count; i++) {
        FirnStateTarget *row = &state->targets[i];
        int fd;

        if (!may_be_frozen(row))
            continue;
        fd = guard >= 0 && row->fd >= 0 ? firn_pidfd_take(guard, row->fd) : -1;
        if (fd < 0 && !mounts)
            mounts = firn_mounts_read(roots, NULL);
        if (fd < 0)
            fd = open_by_device(mounts, row);
        if (fd >= 0) {
            keep(targets, state, i, fd);
        } else {
            g_autofree char *name = firn_target_describe(state, i);

            g_warning("cannot reach %s, which was left frozen: mount it again and thaw it with "
                      "'fsfreeze --unfreeze'",
                      name);
            *complete = FALSE;
        }
    }
    return targets;
}
