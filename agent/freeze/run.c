/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/freeze/account-state.h"
#include "agent/freeze/finish.h"
#include "agent/freeze/hooks.h"
#include "agent/freeze/memory.h"
#include "agent/freeze/plan.h"
#include "agent/freeze/sync.h"
#include "agent/freeze/walk.h"
#include "agent/log.h"
#include "platform/grace-periods.h"
#include "platform/pidfd.h"
#include "platform/superblock.h"

#define NS_PER_SECOND ((gint64)1000000000)
/* How often is seen whether those who help thawing are done; where nothing hangs nobody helps. */
#define HELP_US 5000

FirnRun *firn_run_new(const FirnConfig *config, const FirnRoots *roots,
                      const char *const *mountpoints, const char *who)
{
    FirnRun *run = g_new0(FirnRun, 1);

    run->refs = 1;
    run->config = config;
    run->roots = roots;
    run->mountpoints = g_strdupv((char **)(guintptr)mountpoints);
    run->who = g_strdup(who);
    run->grace = -1;
    run->timer = firn_guard_timer();
    return run;
}

FirnRun *firn_run_ref(FirnRun *run)
{
    g_atomic_int_inc(&run->refs);
    return run;
}

void firn_run_unref(FirnRun *run)
{
    if (!run || !g_atomic_int_dec_and_test(&run->refs))
        return;
    firn_guard_forget(run->guard);
    g_strfreev(run->mountpoints);
    g_free(run->who);
    firn_targets_unref(run->targets);
    firn_trace_close(run->trace);
    if (run->grace >= 0)
        close(run->grace);
    if (run->timer >= 0)
        close(run->timer);
    firn_state_free(run->state);
    g_clear_error(&run->error);
    g_free(run);
}

FirnState *firn_run_state(FirnRun *run)
{
    return g_atomic_pointer_get(&run->state);
}

gboolean firn_run_stop(FirnRun *run, FirnEnd why)
{
    FirnState *state;

    if (!firn_state_move(&run->stop, FIRN_END_NONE, (int)why))
        return FALSE;
    state = firn_run_state(run);
    return !state || firn_state_move(&state->head->end, FIRN_END_NONE, (int)why);
}

FirnEnd firn_run_why(FirnRun *run)
{
    const FirnState *state = firn_run_state(run);

    return (FirnEnd)(state ? g_atomic_int_get(&state->head->end) : g_atomic_int_get(&run->stop));
}

gboolean firn_run_claim(FirnRun *run)
{
    FirnState *state = firn_run_state(run);

    return !state || firn_state_move(&state->head->ender, 0, (int)getpid());
}

static void set_phase(FirnRun *run, FirnPhase phase)
{
    firn_state_advance(run->state, phase);
}

/* A state directory on a filesystem that gets frozen would freeze the agent with it. */
static gboolean check_state_dir(const FirnRun *run, const FirnPlan *plan, GError **error)
{
    int fd = open(run->config->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int id = fd >= 0 ? firn_superblock_mount_id(fd) : -1;

    if (fd >= 0)
        close(fd);
    for (guint i = 0; id >= 0 && i < plan->count; i++) {
        for (guint j = 0; j < plan->targets[i].mount_count; j++) {
            if (plan->targets[i].mounts[j].id != id)
                continue;
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "the state directory %s lies on %s, which is to be frozen: set 'statedir' "
                        "to a folder below /run, or another tmpfs",
                        run->config->state_dir, plan->targets[i].mountpoint);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean make_state(FirnRun *run, const FirnPlan *plan, GError **error)
{
    g_auto(GStrv) hooks = firn_hooks_list(run->config->fsfreeze_hook, error);
    FirnState *state;
    int stop;

    if (!hooks)
        return FALSE;
    state = firn_state_create(run->config, run->roots, plan, (const char *const *)hooks, run->who,
                              (const char *const *)run->mountpoints, error);
    if (!state)
        return FALSE;
    run->ours = TRUE;
    g_atomic_pointer_set(&run->state, state);
    stop = g_atomic_int_get(&run->stop);
    if (stop != FIRN_END_NONE)
        g_atomic_int_set(&state->head->end, stop);
    return TRUE;
}

static void open_helpers(FirnRun *run)
{
    g_autoptr(GError) error = NULL;
    const char *why = "freeze-expedite=false";

    if (run->config->freeze_expedite == FIRN_EXPEDITE_AUTO)
        run->grace = firn_grace_periods_open(run->roots, &why);
    if (run->grace < 0)
        g_info("grace periods are not expedited: %s", why);
    if (!run->config->trace_marker)
        return;
    run->trace = firn_trace_open(run->roots, &error);
    if (!run->trace)
        g_warning("%s", error->message);
}

gboolean firn_run_start_guard(FirnRun *run, GError **error)
{
    FirnGuard *guard =
        firn_guard_start(run->state, run->timer, run->grace, run->trace, NULL, error);

    g_atomic_pointer_set(&run->guard, guard);
    return guard != NULL;
}

static gboolean prepare(FirnRun *run, GError **error)
{
    g_autoptr(FirnPlan) plan =
        firn_plan_make(run->roots, run->config, (const char *const *)run->mountpoints, error);

    if (!plan || !check_state_dir(run, plan, error) || !make_state(run, plan, error))
        return FALSE;
    run->targets = firn_targets_open(plan, run->state, error);
    if (!run->targets)
        return FALSE;
    open_helpers(run);
    return firn_run_start_guard(run, error);
}

static void expedite(FirnRun *run, gboolean on)
{
    gint *expedited = &run->state->head->expedited;

    if (run->grace < 0)
        return;
    if (on) {
        /* said before it is done, so that whoever finds this puts it back */
        g_atomic_int_set(expedited, TRUE);
        if (firn_grace_periods_expedite(run->grace, TRUE))
            return;
    }
    /* put back before it is said: somebody who finds this in between does it again */
    if (!g_atomic_int_get(expedited))
        return;
    firn_grace_periods_expedite(run->grace, FALSE);
    g_atomic_int_set(expedited, FALSE);
}

static gint64 after(gint64 time, guint seconds)
{
    return seconds > 0 ? time + seconds * NS_PER_SECOND : 0;
}

/* Nothing is frozen yet, but applications may stand still from the first hook on. */
static gboolean quiesce(FirnRun *run, GError **error)
{
    FirnState *state = run->state;
    guint timeout = run->config->freeze_sync_timeout;

    if (!firn_sync_before_hooks(state, run->targets, timeout, error) ||
        firn_run_why(run) != FIRN_END_NONE)
        return FALSE;
    state->head->deadline = after(firn_state_now(), run->config->freeze_timeout);
    set_phase(run, FIRN_PHASE_HOOKS);
    firn_guard_arm(run->timer, state);
    if (!firn_hooks_freeze(state, error) ||
        !firn_sync_before_walk(state, run->targets, timeout, error))
        return FALSE;
    return firn_run_why(run) == FIRN_END_NONE;
}

void firn_run_hush(FirnRun *run)
{
    if (!firn_state_move(&run->quiet, FALSE, TRUE))
        return;
    firn_log_hold();
    firn_memory_lock(FIRN_MEMORY_GLIB);
}

static gboolean walk(FirnRun *run, GError **error)
{
    FirnStateHead *head = run->state->head;
    gboolean complete;

    firn_run_hush(run);
    firn_trace_freeze_begin(run->trace, head->target_count);
    expedite(run, TRUE);
    head->walk_begin = firn_state_now();
    head->walk_deadline = after(head->walk_begin, run->config->freeze_walk_timeout);
    head->deadline = after(head->walk_begin, run->config->freeze_timeout);
    set_phase(run, FIRN_PHASE_WALK);
    firn_guard_arm(run->timer, run->state);
    complete = firn_walk_freeze(run->state, run->trace, error);
    head->walk_end = firn_state_now();
    expedite(run, FALSE);
    firn_trace_freeze_end(run->trace, (guint)g_atomic_int_get(&head->frozen),
                          complete ? 0 : ECANCELED);
    return complete;
}

/* Freezing nothing is no error, but nobody will thaw it either. */
static gboolean keep(FirnRun *run)
{
    if (g_atomic_int_get(&run->state->head->frozen) == 0) {
        firn_run_stop(run, FIRN_END_EMPTY);
        return FALSE;
    }
    set_phase(run, FIRN_PHASE_HELD);
    firn_guard_arm(run->timer, run->state);
    return firn_run_why(run) == FIRN_END_NONE;
}

gboolean firn_run_freeze(FirnRun *run)
{
    g_autoptr(GError) error = NULL;
    gboolean kept = prepare(run, &error) && quiesce(run, &error) && walk(run, &error) && keep(run);

    /* one that was given up on while it hung has its error already */
    if (error && firn_run_stop(run, FIRN_END_FAILED)) {
        if (run->state)
            g_strlcpy(run->state->head->message, error->message, sizeof run->state->head->message);
        run->error = g_steal_pointer(&error);
    }
    if (run->state && g_atomic_int_get(&run->state->head->ender) == 0)
        firn_account_tell_freeze(run->state);
    return kept;
}

/* Disks may be written to again. */
static void wake(FirnRun *run)
{
    if (!firn_state_move(&run->quiet, TRUE, FALSE))
        return;
    firn_log_release();
}

/* It stays as it was, to be tried again; FALSE when somebody else is at that already. */
static gboolean give_back(FirnRun *run)
{
    FirnStateHead *head = run->state->head;

    if (!firn_state_move(&head->ender, (int)getpid(), 0))
        return FALSE;
    g_atomic_int_set(&head->end, FIRN_END_NONE);
    g_atomic_int_set(&run->stop, FIRN_END_NONE);
    g_atomic_int_set(&head->phase, FIRN_PHASE_HELD);
    return TRUE;
}

static gpointer help_thread(gpointer data)
{
    FirnRun *run = data;

    firn_walk_thaw(run->state, NULL);
    g_atomic_int_add(&run->helpers, -1);
    firn_run_unref(run);
    return NULL;
}

void firn_run_help_end(FirnRun *run)
{
    FirnState *state = firn_run_state(run);
    GThread *thread;

    if (!state || !firn_walk_is_held_up(state))
        return;
    g_atomic_int_inc(&run->helpers);
    thread = g_thread_try_new("thaw", help_thread, firn_run_ref(run), NULL);
    if (thread) {
        g_thread_unref(thread);
        return;
    }
    g_atomic_int_add(&run->helpers, -1); /* there is a next time */
    firn_run_unref(run);
}

static void thaw_all(FirnRun *run)
{
    firn_walk_thaw(run->state, run->trace);
    while (g_atomic_int_get(&run->helpers) > 0)
        g_usleep(HELP_US);
}

/* The guard thaws as well once the deadline has passed: what it is at is not thawed yet, and no
 * error either. */
static void await_others(FirnRun *run)
{
    FirnState *state = run->state;

    while (firn_state_count_frozen(state) > 0) {
        g_autoptr(GError) error = firn_walk_thaw_error(state);

        if (error)
            return;
        if (!firn_pid_is_running(g_atomic_int_get(&state->head->guard)))
            firn_walk_adopt_thawing(state);
        g_usleep(HELP_US);
        thaw_all(run);
    }
}

FirnRunResult firn_run_end(FirnRun *run)
{
    FirnState *state = firn_run_state(run);

    if (!state)
        return FIRN_RUN_ENDED;
    expedite(run, FALSE);
    set_phase(run, FIRN_PHASE_THAW);
    if (!state->head->thaw_begin)
        state->head->thaw_begin = firn_state_now();
    thaw_all(run);
    await_others(run);
    state->head->thaw_end = firn_state_now();
    if (firn_state_count_frozen(state) > 0)
        return give_back(run) ? FIRN_RUN_FROZEN : FIRN_RUN_TAKEN;
    if (!run->config->log_file || firn_walk_find_stuck(state) < 0)
        wake(run); /* a log may lie on what hangs */
    return firn_finish(state) ? FIRN_RUN_ENDED : FIRN_RUN_TAKEN;
}

FirnRun *firn_run_find(const FirnConfig *config, const FirnRoots *roots, FirnState *state,
                       FirnGuard *guard)
{
    FirnRun *run = firn_run_new(config, roots, NULL, firn_state_text(state, state->head->who));

    run->state = state;
    run->guard = guard;
    g_atomic_int_set(&run->stop, g_atomic_int_get(&state->head->end));
    return run;
}

gboolean firn_run_adopt(FirnRun *run)
{
    FirnState *state = run->state;
    int stuck = firn_walk_find_stuck(state);
    int undoer = stuck >= 0 ? g_atomic_int_get(&state->targets[stuck].undoer) : 0;
    int other = undoer > 0 ? firn_pidfd_open(undoer) : -1;
    gboolean complete;

    if (g_atomic_int_get(&state->head->expedited)) {
        firn_grace_periods_restore(run->roots);
        g_atomic_int_set(&state->head->expedited, FALSE);
    }
    run->targets =
        firn_targets_recover(state, run->guard ? run->guard->pidfd : other, run->roots, &complete);
    if (other >= 0)
        close(other);
    run->ours = TRUE;
    open_helpers(run);
    g_atomic_int_set(&state->head->agent, (gint)getpid());
    return complete;
}

void firn_run_close(FirnRun *run)
{
    wake(run);
    firn_guard_dismiss(g_steal_pointer(&run->guard));
    if (run->state)
        firn_state_remove(run->state);
}
