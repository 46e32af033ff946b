/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/freeze/account-state.h"
#include "agent/freeze/plan.h"
#include "agent/freeze/walk.h"
#include "agent/log.h"
#include "platform/grace-periods.h"
#include "platform/superblock.h"

#define NS_PER_SECOND ((gint64)1000000000)

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
    firn_run_close(run);
    g_strfreev(run->mountpoints);
    g_free(run->who);
    firn_targets_unref(run->targets);
    firn_trace_close(run->trace);
    if (run->grace >= 0)
        close(run->grace);
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

    return !state || firn_state_move(&state->head->ender, FIRN_ENDER_NONE, FIRN_ENDER_AGENT);
}

static void set_phase(FirnRun *run, FirnPhase phase)
{
    g_atomic_int_set(&run->state->head->phase, (int)phase);
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
    FirnState *state = firn_state_create(run->config, run->roots, plan, NULL, run->who,
                                         (const char *const *)run->mountpoints, error);
    int stop;

    if (!state)
        return FALSE;
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
    return TRUE;
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
    if (firn_state_move(expedited, TRUE, FALSE))
        firn_grace_periods_expedite(run->grace, FALSE);
}

static gint64 after(gint64 time, guint seconds)
{
    return seconds > 0 ? time + seconds * NS_PER_SECOND : 0;
}

static gboolean walk(FirnRun *run, GError **error)
{
    FirnStateHead *head = run->state->head;
    gboolean complete;

    g_atomic_int_set(&run->quiet, TRUE);
    firn_log_hold();
    firn_trace_freeze_begin(run->trace, head->target_count);
    expedite(run, TRUE);
    head->walk_begin = firn_state_now();
    head->walk_deadline = after(head->walk_begin, run->config->freeze_walk_timeout);
    head->deadline = after(head->walk_begin, run->config->freeze_timeout);
    set_phase(run, FIRN_PHASE_WALK);
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
    firn_account_tell_freeze(run->state);
    set_phase(run, FIRN_PHASE_HELD);
    return firn_run_why(run) == FIRN_END_NONE;
}

gboolean firn_run_freeze(FirnRun *run)
{
    GError *error = NULL;

    if (prepare(run, &error) && walk(run, &error))
        return keep(run);
    if (!error)
        return FALSE;
    run->error = error;
    if (run->state)
        g_strlcpy(run->state->head->message, error->message, sizeof run->state->head->message);
    if (run->state)
        firn_account_tell_freeze(run->state);
    firn_run_stop(run, FIRN_END_FAILED);
    return FALSE;
}

gboolean firn_run_end(FirnRun *run)
{
    FirnState *state = firn_run_state(run);

    if (!state)
        return TRUE;
    expedite(run, FALSE);
    set_phase(run, FIRN_PHASE_THAW);
    state->head->thaw_begin = firn_state_now();
    firn_walk_thaw(state, run->trace);
    state->head->thaw_end = firn_state_now();
    if (firn_state_count_frozen(state) > 0) {
        set_phase(run, FIRN_PHASE_HELD);
        return FALSE;
    }
    set_phase(run, FIRN_PHASE_DONE);
    firn_account_tell_end(state, run->config->state_dir);
    return TRUE;
}

void firn_run_close(FirnRun *run)
{
    if (firn_state_move(&run->quiet, TRUE, FALSE))
        firn_log_release();
}
