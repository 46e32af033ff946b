/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/walk.h"

#include <errno.h>

#include "agent/freeze/targets.h"
#include "platform/superblock.h"

/* For so long one may hang in FITHAW before the others are thawed beside it. */
#define HELD_UP_NS ((gint64)1000000000)

static gboolean is_ending(const FirnState *state)
{
    return g_atomic_int_get(&state->head->end) != FIRN_END_NONE;
}

/* FITHAW of one that the caller has set to THAWING. */
static gboolean thaw(FirnState *state, FirnStateTarget *target)
{
    int cause;

    target->thaw_begin = firn_state_now();
    cause = firn_superblock_thaw(firn_state_fd(state, target));
    target->thaw_end = firn_state_now();
    target->thaw_error = cause;
    /* EINVAL: somebody else was faster */
    if (cause && cause != EINVAL) {
        firn_state_move(&target->state, FIRN_TARGET_THAWING, FIRN_TARGET_FROZEN);
        return FALSE;
    }
    g_atomic_int_set(&target->state, FIRN_TARGET_THAWED);
    if (!cause)
        g_atomic_int_inc(&state->head->thawed);
    return !cause;
}

/* The end was decided while it hung: nobody else thaws this one. Until it is thawed its word says
 * that nobody knows, so that whoever finds it sees to it, should this process die here. */
static void take_back(FirnState *state, FirnStateTarget *target)
{
    int cause;

    target->thaw_begin = firn_state_now();
    cause = firn_superblock_thaw(firn_state_fd(state, target));
    target->thaw_end = firn_state_now();
    target->thaw_error = cause;
    if (cause && cause != EINVAL)
        return; /* as if it still hung: it will be tried again */
    if (firn_state_move(&target->state, FIRN_TARGET_FREEZING, FIRN_TARGET_THAWED))
        g_atomic_int_inc(&state->head->frozen);
    if (!cause)
        g_atomic_int_inc(&state->head->thawed);
}

/* After a success. */
static void settle(FirnState *state, FirnStateTarget *target)
{
    if (is_ending(state)) {
        take_back(state, target);
        return;
    }
    if (!firn_state_move(&target->state, FIRN_TARGET_FREEZING, FIRN_TARGET_FROZEN))
        return;
    g_atomic_int_inc(&state->head->frozen);
    if (is_ending(state) &&
        firn_state_move(&target->state, FIRN_TARGET_FROZEN, FIRN_TARGET_THAWING))
        thaw(state, target);
}

static FirnTargetState judge(int cause)
{
    switch (cause) {
    case EOPNOTSUPP:
    case ENOTTY: /* no such call for this file at all */
        return FIRN_TARGET_UNSUPPORTED;
    case EBUSY:
        return FIRN_TARGET_FOREIGN;
    default:
        return FIRN_TARGET_FAILED;
    }
}

static void freeze(FirnState *state, FirnStateTarget *target)
{
    int cause;

    target->freeze_begin = firn_state_now();
    cause = firn_superblock_freeze(firn_state_fd(state, target));
    target->freeze_end = firn_state_now();
    target->error = cause;
    if (cause)
        firn_state_move(&target->state, FIRN_TARGET_FREEZING, judge(cause));
    else
        settle(state, target);
}

static const char *remedy(int cause)
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

static void set_failure(const FirnState *state, guint i, GError **error)
{
    g_autofree char *name = firn_target_describe(state, i);
    int cause = state->targets[i].error;

    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "failed to freeze %s: %s; %s; nothing is frozen", name, g_strerror(cause),
                remedy(cause));
}

gboolean firn_walk_freeze(FirnState *state, const FirnTrace *trace, GError **error)
{
    for (guint i = 0; i < state->head->target_count; i++) {
        FirnStateTarget *target = &state->targets[i];
        const char *mountpoint = firn_state_text(state, target->mountpoint);

        if (is_ending(state))
            return FALSE;
        if (!firn_state_move(&target->state, FIRN_TARGET_PENDING, FIRN_TARGET_FREEZING))
            continue;
        firn_trace_filesystem_begin(trace, mountpoint);
        freeze(state, target);
        firn_trace_filesystem_end(trace, mountpoint, target->error);
        if (g_atomic_int_get(&target->state) == FIRN_TARGET_FAILED) {
            set_failure(state, i, error);
            return FALSE;
        }
    }
    return !is_ending(state);
}

guint firn_walk_thaw(FirnState *state, const FirnTrace *trace)
{
    guint frozen = firn_state_count_frozen(state);
    guint thawed = 0;
    int cause = 0;

    firn_trace_thaw_begin(trace, frozen);
    for (guint i = state->head->target_count; i-- > 0;) {
        FirnStateTarget *target = &state->targets[i];

        if (!firn_state_move(&target->state, FIRN_TARGET_FROZEN, FIRN_TARGET_THAWING))
            continue;
        thawed += thaw(state, target);
        if (g_atomic_int_get(&target->state) == FIRN_TARGET_FROZEN)
            cause = target->thaw_error;
    }
    firn_trace_thaw_end(trace, thawed, cause);
    return thawed;
}

gboolean firn_walk_is_held_up(const FirnState *state)
{
    gint64 now = firn_state_now();
    guint waiting = 0;
    guint hanging = 0;

    for (guint i = 0; i < state->head->target_count; i++) {
        FirnStateTarget *target = &state->targets[i];
        int at = g_atomic_int_get(&target->state);

        waiting += at == FIRN_TARGET_FROZEN;
        if (at != FIRN_TARGET_THAWING)
            continue;
        if (!target->thaw_begin || now - target->thaw_begin < HELD_UP_NS)
            return FALSE;
        hanging++;
    }
    return waiting > 0 && hanging > 0;
}

static void adopt(FirnState *state, FirnTargetState left)
{
    for (guint i = 0; i < state->head->target_count; i++)
        firn_state_move(&state->targets[i].state, (int)left, FIRN_TARGET_FROZEN);
}

void firn_walk_adopt_freezing(FirnState *state)
{
    adopt(state, FIRN_TARGET_FREEZING);
}

void firn_walk_adopt_thawing(FirnState *state)
{
    adopt(state, FIRN_TARGET_THAWING);
}

int firn_walk_find_stuck(const FirnState *state)
{
    for (guint i = 0; i < state->head->target_count; i++) {
        if (g_atomic_int_get(&state->targets[i].state) == FIRN_TARGET_FREEZING)
            return (int)i;
    }
    return -1;
}

GError *firn_walk_thaw_error(const FirnState *state)
{
    for (guint i = 0; i < state->head->target_count; i++) {
        FirnStateTarget *target = &state->targets[i];
        g_autofree char *name = NULL;

        if (g_atomic_int_get(&target->state) != FIRN_TARGET_FROZEN || !target->thaw_error)
            continue;
        name = firn_target_describe(state, i);
        return g_error_new(G_FILE_ERROR, (int)g_file_error_from_errno(target->thaw_error),
                           "failed to thaw %s: %s; it is still frozen: see the kernel's log, and "
                           "thaw again",
                           name, g_strerror(target->thaw_error));
    }
    return NULL;
}
