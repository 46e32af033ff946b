/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "platform/descriptors.h"
#include "platform/superblock.h"

/* For the record, the sockets, pipes and scripts beside the targets. */
#define SPARE_DESCRIPTORS 64

static gboolean is_gone(int cause)
{
    return cause == ESTALE || cause == ENOENT || cause == ENOTDIR || cause == ELOOP;
}

/* 0 or the errno that says most of why none of its mountpoints would do. */
static int target_open(const FirnPlanTarget *target, FirnRecord *record, guint row,
                       FirnTargetsProgress progress, gpointer data)
{
    int cause = ESTALE;

    for (guint i = 0; i < target->mount_count; i++) {
        const FirnPlanMount *mount = &target->mounts[i];
        int failure;

        if (mount->hidden)
            continue;
        progress(mount->path, data);
        failure = firn_superblock_open(mount->path, mount->id, &record->fds[row]);
        if (!failure) {
            record->targets[row].mount_id = mount->id;
            return 0;
        }
        if (is_gone(cause))
            cause = failure;
    }
    return cause;
}

static const char *target_remedy(int cause)
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

gboolean firn_targets_open(const FirnPlan *plan, FirnRecord *record, FirnTargetsProgress progress,
                           gpointer data, GError **error)
{
    if (!firn_descriptors_make_room(plan->count + SPARE_DESCRIPTORS))
        g_warning("cannot raise the limit of open files by %u: %s", plan->count + SPARE_DESCRIPTORS,
                  g_strerror(errno));
    for (guint i = 0; i < plan->count; i++) {
        FirnRecordTarget *row = &record->targets[i];
        int cause = target_open(&plan->targets[i], record, i, progress, data);
        g_autofree char *name = NULL;

        if (!cause)
            continue;
        name = firn_record_describe(record, i);
        if (is_gone(cause)) {
            row->state = FIRN_TARGET_HIDDEN;
            g_warning("%s is not frozen: no path leads to it", name);
            continue;
        }
        row->state = FIRN_TARGET_FAILED;
        row->error = cause;
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                    "failed to open %s: %s; %s", name, g_strerror(cause), target_remedy(cause));
        return FALSE;
    }
    return TRUE;
}

/* Any mount of the device that can be seen; one on the way to which nothing may hang is not looked
 * for: the caller is patient, but not for ever. */
static int target_open_seen(const FirnRecordTarget *row)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);
    g_autoptr(FirnMounts) mounts = firn_mounts_read(roots, NULL);

    for (guint i = 0; mounts && i < mounts->count; i++) {
        const FirnMount *mount = &mounts->entries[i];
        int fd;

        if (mount->device == (dev_t)row->device &&
            !firn_superblock_open(mount->mountpoint, mount->id, &fd))
            return fd;
    }
    return -1;
}

/*
 * A frozen superblock outlives its last umount(2), and whoever mounts its device again gets the
 * same one. O_EXCL says whether there is one: nobody can open a block device so while a filesystem
 * has it (open(2)). Without that, the mount might be the first one of something else.
 */
static int target_mount(const FirnRecord *record, const FirnRecordTarget *row)
{
    const char *source = firn_record_text(record, row->source);
    const char *place = "/proc"; /* any folder: nobody else sees this */
    int device = open(source, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);

    if (device >= 0) {
        close(device);
        errno = ENODEV;
        return -1;
    }
    if (errno != EBUSY || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    if (mount(source, place, firn_record_text(record, row->type), 0, NULL) < 0 &&
        mount(source, place, firn_record_text(record, row->type), MS_RDONLY, NULL) < 0)
        return -1;
    return open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int firn_targets_reach(const FirnRecord *record, guint target, gboolean *mounted)
{
    const FirnRecordTarget *row = &record->targets[target];
    int fd = target_open_seen(row);

    *mounted = fd >= 0;
    return fd >= 0 ? fd : target_mount(record, row);
}
