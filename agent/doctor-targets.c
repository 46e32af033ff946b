/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/doctor-child.h"
#include "agent/freeze/look.h"
#include "platform/superblock.h"

/* How long one filesystem may be silent, in seconds, and how many may hang before the rest is
 * believed. */
#define PATIENCE 2
#define MOST_HANGING 3

typedef struct {
    const FirnRoots *roots;
    const FirnPlan *plan;
    guint first;
} Work;

static gboolean is_gone(int cause)
{
    return cause == ESTALE || cause == ENOENT || cause == ENOTDIR || cause == ELOOP;
}

/* As a freeze does it: the first of its mountpoints that works. 0 or an errno. */
static int target_open(const FirnPlanTarget *target, int out, int *fd)
{
    int cause = ESTALE;

    for (guint i = 0; i < target->mount_count; i++) {
        const FirnPlanMount *mount = &target->mounts[i];
        g_autofree char *path = g_strescape(mount->path, NULL);
        int failure;

        if (mount->hidden)
            continue;
        firn_doctor_child_say(out, "opening %s", path);
        failure = firn_superblock_open(mount->path, mount->id, fd);
        if (!failure)
            return 0;
        if (is_gone(cause))
            cause = failure;
    }
    return cause;
}

/* ext2, ext3 and ext4 open their folders after an emergency stop, and then answer so; XFS does not
 * open any more. */
static gboolean is_shut_down(const FirnPlanTarget *target, int fd)
{
    return g_str_has_prefix(target->type, "ext") && fsync(fd) < 0 && errno == EIO;
}

/* In the child: "opening PATH" before what may hang, and one line for each target. */
static void targets_examine(int out, gpointer data)
{
    const Work *work = data;

    for (guint i = work->first; i < work->plan->count; i++) {
        const FirnPlanTarget *target = &work->plan->targets[i];
        int fd = -1;
        int cause = target_open(target, out, &fd);
        g_autofree char *holder = cause ? NULL : firn_look_find_holder(work->roots, target, fd);
        g_autofree char *text = holder ? g_strescape(holder, NULL) : NULL;

        if (is_gone(cause))
            firn_doctor_child_say(out, "gone");
        else if (cause)
            firn_doctor_child_say(out, "error %d", cause);
        else if (firn_mount_type_cannot_freeze(target->type))
            firn_doctor_child_say(out, "unsupported");
        else if (holder)
            firn_doctor_child_say(out, "held %s", text);
        else
            firn_doctor_child_say(out, is_shut_down(target, fd) ? "shut-down" : "ok");
        if (fd >= 0)
            close(fd);
    }
}

static const char *after(const char *line, const char *word)
{
    return g_str_has_prefix(line, word) ? line + strlen(word) : NULL;
}

/* What a line says of a target. */
static void target_set(FirnDoctorTarget *target, const char *line)
{
    const char *value;

    if ((value = after(line, "error "))) {
        target->state = FIRN_DOCTOR_ERROR;
        target->text = g_strdup(g_strerror(atoi(value)));
    } else if ((value = after(line, "held "))) {
        target->state = FIRN_DOCTOR_HELD;
        target->text = g_strcompress(value);
    } else if (g_str_equal(line, "gone")) {
        target->state = FIRN_DOCTOR_HIDDEN;
    } else if (g_str_equal(line, "unsupported")) {
        target->state = FIRN_DOCTOR_UNSUPPORTED;
    } else if (g_str_equal(line, "shut-down")) {
        target->state = FIRN_DOCTOR_SHUT_DOWN;
    }
}

/* Takes over what the child said of targets from `first` on; the first one of which it said
 * nothing. path: receives what it was opening last; free with g_free(). */
static guint targets_take(FirnDoctor *doctor, guint first, const char *said, char **path)
{
    g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
    guint next = first;

    *path = g_strdup(doctor->plan->targets[first].mountpoint);
    for (char **line = lines; *line && **line && next < doctor->plan->count; line++) {
        const char *opened = after(*line, "opening ");

        if (opened) {
            g_free(*path);
            *path = g_strcompress(opened);
        } else {
            target_set(&doctor->targets[next++], *line);
        }
    }
    return next;
}

/* By the table alone, of another machine's files. */
static void targets_assume(FirnDoctor *doctor)
{
    for (guint i = 0; i < doctor->plan->count; i++) {
        const FirnPlanTarget *target = &doctor->plan->targets[i];

        if (target->mounts[0].hidden)
            doctor->targets[i].state = FIRN_DOCTOR_HIDDEN;
        else if (firn_mount_type_cannot_freeze(target->type))
            doctor->targets[i].state = FIRN_DOCTOR_UNSUPPORTED;
    }
}

void firn_doctor_examine_targets(FirnDoctor *doctor, const FirnRoots *roots)
{
    Work work = {.roots = roots, .plan = doctor->plan};
    guint hanging = 0;

    targets_assume(doctor);
    if (!firn_roots_are_host(roots))
        return;
    while (work.first < doctor->plan->count && hanging < MOST_HANGING) {
        g_autofree char *path = NULL;
        gboolean hung;
        g_autofree char *said = firn_doctor_child_run(targets_examine, &work, PATIENCE, &hung);
        FirnDoctorTarget *target;

        work.first = targets_take(doctor, work.first, said, &path);
        if (work.first == doctor->plan->count)
            return;
        target = &doctor->targets[work.first++];
        target->state = hung ? FIRN_DOCTOR_HANGS : FIRN_DOCTOR_ERROR;
        target->text = hung ? g_steal_pointer(&path) : g_strdup("the process that tried it ended");
        hanging++;
    }
}

const char *firn_doctor_target_reason(FirnDoctorTargetState state)
{
    switch (state) {
    case FIRN_DOCTOR_HIDDEN:
        return "cannot be reached";
    case FIRN_DOCTOR_UNSUPPORTED:
        return "cannot be frozen";
    case FIRN_DOCTOR_ERROR:
        return "cannot be opened";
    case FIRN_DOCTOR_SHUT_DOWN:
        return "shut down";
    case FIRN_DOCTOR_HANGS:
        return "hangs";
    case FIRN_DOCTOR_HELD:
        return "would not be frozen in time";
    case FIRN_DOCTOR_FREEZES:
    default:
        return "would be frozen";
    }
}
