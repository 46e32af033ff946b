/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/undo.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/guard.h"
#include "agent/freeze/memory.h"
#include "agent/freeze/walk.h"
#include "platform/descriptors.h"
#include "platform/pidfd.h"
#include "platform/superblock.h"

#define RETRY_MS 100

static gboolean is_alive(pid_t pid)
{
    return pid > 0 && firn_pid_is_running(pid);
}

/* TRUE for the one process that is to do it. */
static gboolean claim(FirnStateTarget *target)
{
    int who = g_atomic_int_get(&target->undoer);

    return !is_alive(who) && firn_state_move(&target->undoer, who, (int)getpid());
}

/* It is thawed, by us or by nobody's doing; the file goes before others may make a new one. */
static void settle(FirnState *state, FirnStateTarget *target)
{
    if (!firn_state_move(&target->state, FIRN_TARGET_FREEZING, FIRN_TARGET_THAWING))
        return; /* its caller has done it */
    if (g_atomic_int_get(&state->head->phase) == FIRN_PHASE_DONE)
        firn_state_remove(state);
    g_atomic_int_set(&target->state, FIRN_TARGET_THAWED);
}

/* A FITHAW that comes while FIFREEZE is half done fails with EINVAL, as it does when nothing is
 * frozen: which of them it is says whether the caller is still in it. */
static void undo(FirnState *state, FirnStateTarget *target, int fd)
{
    while (g_atomic_int_get(&target->state) == FIRN_TARGET_FREEZING) {
        gboolean dead = !is_alive(g_atomic_int_get(&state->head->freezer));
        int cause = firn_superblock_thaw(fd);

        if (cause == 0)
            g_atomic_int_inc(&state->head->thawed);
        if (cause == 0 || (dead && cause == EINVAL))
            settle(state, target);
        else
            poll(NULL, 0, RETRY_MS);
    }
}

static FirnStateTarget *find(FirnState *state)
{
    int stuck = firn_walk_find_stuck(state);

    return stuck >= 0 ? &state->targets[stuck] : NULL;
}

/* Keeps the filesystem open alone, under the number by which the next agent takes it from here. */
static int settle_in(FirnStateTarget *target, int fd)
{
    if (target->fd < 0)
        target->fd = fd;
    else if (target->fd != fd)
        fd = dup2(fd, target->fd);
    firn_descriptors_close_but(&fd, 1);
    return fd;
}

void firn_undo_start(FirnState *state)
{
    FirnStateTarget *target = find(state);
    int fd = target ? firn_state_fd(state, target) : -1;
    sigset_t all;

    if (fd < 0 || is_alive(g_atomic_int_get(&target->undoer)))
        return;
    if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) != 0)
        return;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, FIRN_GUARD_NAME);
    fd = settle_in(target, fd);
    if (claim(target)) {
        firn_memory_lock(FIRN_MEMORY_SYSTEM_CALLS);
        undo(state, target, fd);
    }
    _exit(0);
}

gboolean firn_undo_is_settled(FirnState *state)
{
    for (guint i = 0; i < state->head->target_count; i++) {
        FirnStateTarget *target = &state->targets[i];
        int now = g_atomic_int_get(&target->state);
        int undoer = g_atomic_int_get(&target->undoer);
        /* once all is done, only such a process leaves this, and it has thawed by then */
        gboolean over = g_atomic_int_get(&state->head->phase) == FIRN_PHASE_DONE;
        gboolean open = now == FIRN_TARGET_FREEZING || (now == FIRN_TARGET_THAWING && !over);

        if (undoer > 0)
            waitpid(undoer, NULL, WNOHANG); /* it may be our child */
        if (is_alive(undoer))
            return FALSE;
        if (open && (state->fds[i] >= 0 || is_alive(g_atomic_int_get(&state->head->freezer))))
            return FALSE;
    }
    return TRUE;
}
