/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/freezer.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "agent/freeze/finish.h"
#include "agent/freeze/run.h"
#include "agent/freeze/walk.h"
#include "agent/work.h"
#include "platform/pidfd.h"

/* How often a running freeze is looked after. */
#define WATCH_INTERVAL_MS 250

typedef enum {
    IDLE,
    FREEZING, /* a worker does everything up to the last FIFREEZE */
    HELD,
    ENDING,  /* a worker thaws */
    GUARDED, /* the guard thaws */
    STUCK,   /* all that could be is thawed, but one FIFREEZE has not returned */
} Mode;

/* Somebody waits for an answer. */
typedef struct {
    FirnFreezerDone done; /* NULL: nobody */
    gpointer data;
} Caller;

struct FirnFreezer {
    const FirnConfig *config;
    const FirnRoots *roots;
    Mode mode;
    FirnRun *run; /* NULL when idle */
    Caller freeze;
    Caller thaw;
    Caller shutdown;
    guint watch;        /* of a running freeze */
    guint guard_source; /* for the guard's end */
    gboolean walking;   /* the worker of FREEZING has not come back */
    FirnRun *next;      /* starts once the guard has ended the one before */
    Caller next_caller;
};

/* What a worker gets; the freezer outlives it. */
typedef struct {
    FirnFreezer *freezer;
    FirnRun *run;
    gboolean success;
} Job;

static void end_run(FirnFreezer *freezer);
static void start_next(FirnFreezer *freezer);
static void mind_guard(FirnFreezer *freezer);

static Job *job_new(FirnFreezer *freezer)
{
    Job *job = g_new0(Job, 1);

    job->freezer = freezer;
    job->run = firn_run_ref(freezer->run);
    return job;
}

static void job_free(Job *job)
{
    firn_run_unref(job->run);
    g_free(job);
}

static void answer(Caller *caller, gint64 count, const GError *error)
{
    Caller told = *caller;

    memset(caller, 0, sizeof *caller);
    if (told.done)
        told.done(count, error, told.data);
}

G_GNUC_PRINTF(2, 3)
static void refuse(Caller *caller, const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    va_list args;

    va_start(args, format);
    error = g_error_new_valist(G_FILE_ERROR, G_FILE_ERROR_FAILED, format, args);
    va_end(args);
    answer(caller, 0, error);
}

static void unwatch(FirnFreezer *freezer)
{
    if (freezer->watch)
        g_source_remove(freezer->watch);
    freezer->watch = 0;
}

static void stop_minding(FirnFreezer *freezer)
{
    if (freezer->guard_source)
        g_source_remove(freezer->guard_source);
    freezer->guard_source = 0;
}

void firn_freezer_free(FirnFreezer *freezer)
{
    if (!freezer)
        return;
    unwatch(freezer);
    stop_minding(freezer);
    firn_run_unref(freezer->run);
    firn_run_unref(freezer->next);
    g_free(freezer);
}

gboolean firn_freezer_is_frozen(const FirnFreezer *freezer)
{
    FirnState *state = freezer->run ? firn_run_state(freezer->run) : NULL;

    return state && firn_state_count_frozen(state) > 0;
}

gboolean firn_freezer_is_busy(const FirnFreezer *freezer)
{
    return freezer->mode == FREEZING || freezer->mode == ENDING || freezer->mode == GUARDED;
}

static void answer_freeze_ended(FirnFreezer *freezer)
{
    FirnRun *run = freezer->run;

    switch (firn_run_why(run)) {
    case FIRN_END_CANCELLED:
        refuse(&freezer->freeze, "the freeze was cancelled by guest-fsfreeze-thaw");
        return;
    case FIRN_END_SHUTDOWN:
        refuse(&freezer->freeze, "the freeze was cancelled: the agent was told to stop");
        return;
    case FIRN_END_DEADLINE:
    case FIRN_END_DIED:
        refuse(&freezer->freeze, "the freeze was undone: it took longer than freeze-timeout (%u s)",
               freezer->config->freeze_timeout);
        return;
    case FIRN_END_NONE:
    case FIRN_END_REQUEST:
    case FIRN_END_FAILED:
    case FIRN_END_EMPTY:
    case FIRN_END_WALK_TIMEOUT:
    default:
        answer(&freezer->freeze, 0, run->error);
    }
}

/* How many were thawed, or that they were not to be, which is said once. */
static void answer_thaw(FirnFreezer *freezer, gint64 count)
{
    g_autofree char *note =
        freezer->thaw.done ? firn_finish_take_note(freezer->config->state_dir) : NULL;

    if (note)
        refuse(&freezer->thaw, "%s", note);
    else
        answer(&freezer->thaw, count, NULL);
}

/* Nothing is frozen any more. The mode is set before anybody is told, who may ask for more. */
static void conclude(FirnFreezer *freezer)
{
    g_autoptr(FirnRun) run = firn_run_ref(freezer->run);
    FirnState *state = firn_run_state(run);
    gint64 count = state ? g_atomic_int_get(&state->head->thawed) : 0;

    unwatch(freezer);
    freezer->mode = freezer->walking ? STUCK : IDLE;
    if (freezer->mode == IDLE) {
        stop_minding(freezer);
        firn_run_close(run);
    }
    answer_freeze_ended(freezer);
    if (freezer->mode == IDLE && freezer->run == run)
        g_clear_pointer(&freezer->run, firn_run_unref);
    answer_thaw(freezer, count);
    answer(&freezer->shutdown, count, NULL);
    if (freezer->mode == IDLE && freezer->next)
        start_next(freezer);
}

static void end_job_run(gpointer data)
{
    Job *job = data;

    job->success = firn_run_end(job->run);
}

static void end_job_done(gpointer data)
{
    Job *job = data;
    FirnFreezer *freezer = job->freezer;

    if (job->success) {
        conclude(freezer);
    } else {
        g_autoptr(GError) error = firn_walk_thaw_error(firn_run_state(job->run));

        freezer->mode = HELD;
        answer(&freezer->freeze, 0, error);
        answer(&freezer->thaw, 0, error);
        answer(&freezer->shutdown, 0, error);
    }
    job_free(job);
}

static void end_run(FirnFreezer *freezer)
{
    freezer->mode = ENDING;
    firn_work_start("thaw", end_job_run, end_job_done, job_new(freezer));
}

/* Ends what nobody else does, or waits for the guard that does. */
static void end_or_wait(FirnFreezer *freezer)
{
    if (firn_run_claim(freezer->run))
        end_run(freezer);
    else
        freezer->mode = GUARDED;
}

/* Ends what a dead process has left in the middle; when somebody else was faster, waits for that.
 */
static void end_after(FirnFreezer *freezer, int dead)
{
    FirnRun *run = freezer->run;
    FirnState *state = firn_run_state(run);
    FirnGuard *other = NULL;

    firn_run_stop(run, FIRN_END_DIED);
    while (!firn_state_move(&state->head->ender, dead, (int)getpid())) {
        dead = g_atomic_int_get(&state->head->ender);
        other = firn_guard_of(dead);
        if (other)
            break;
    }
    if (other) {
        freezer->mode = GUARDED;
        stop_minding(freezer);
        firn_guard_forget(run->guard);
        run->guard = other;
        mind_guard(freezer);
        return;
    }
    firn_walk_adopt(state);
    end_run(freezer);
}

/* Nobody may stay frozen without a guard. */
static void replace_guard(FirnFreezer *freezer)
{
    g_autoptr(GError) error = NULL;

    g_warning("the guard of the frozen filesystems was killed: starting another");
    if (firn_run_start_guard(freezer->run, &error)) {
        mind_guard(freezer);
        return;
    }
    g_warning("%s: thawing", error->message);
    if (freezer->mode != HELD)
        return;
    g_atomic_int_set(&firn_run_state(freezer->run)->head->early, TRUE);
    firn_run_stop(freezer->run, FIRN_END_DIED);
    end_or_wait(freezer);
}

static void guard_ended(FirnFreezer *freezer)
{
    FirnState *state = firn_run_state(freezer->run);
    FirnGuard *guard = g_steal_pointer(&freezer->run->guard);
    int pid = guard->pid;

    freezer->guard_source = 0;
    firn_guard_forget(guard);
    if (g_atomic_int_get(&state->head->phase) == FIRN_PHASE_DONE &&
        g_atomic_int_get(&state->head->ender) == pid)
        conclude(freezer);
    else if (freezer->mode == GUARDED || g_atomic_int_get(&state->head->ender) == pid)
        end_after(freezer, g_atomic_int_get(&state->head->ender));
    else
        replace_guard(freezer);
}

static gboolean on_guard_ended(gint fd, GIOCondition condition, gpointer data)
{
    guard_ended(data);
    return G_SOURCE_REMOVE;
}

static gboolean look_after_guard(gpointer data)
{
    FirnFreezer *freezer = data;

    if (!firn_guard_has_ended(freezer->run->guard))
        return G_SOURCE_CONTINUE;
    guard_ended(freezer);
    return G_SOURCE_REMOVE;
}

static void mind_guard(FirnFreezer *freezer)
{
    FirnGuard *guard = freezer->run ? g_atomic_pointer_get(&freezer->run->guard) : NULL;
    int fd = guard ? firn_guard_watch_fd(guard) : -1;

    if (!guard || freezer->guard_source)
        return;
    if (fd >= 0)
        freezer->guard_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_guard_ended, freezer);
    else
        freezer->guard_source = g_timeout_add(WATCH_INTERVAL_MS, look_after_guard, freezer);
}

static void freeze_job_run(gpointer data)
{
    Job *job = data;

    job->success = firn_run_freeze(job->run);
}

static void freeze_job_done(gpointer data)
{
    Job *job = data;
    FirnFreezer *freezer = job->freezer;

    freezer->walking = FALSE;
    if (freezer->mode == STUCK) {
        freezer->mode = IDLE;
        stop_minding(freezer);
        firn_run_close(job->run);
        g_clear_pointer(&freezer->run, firn_run_unref);
        g_warning("the filesystem that hung in a freeze has come back, and is thawed");
    } else if (freezer->mode == FREEZING) {
        unwatch(freezer);
        mind_guard(freezer);
        if (firn_run_why(job->run) == FIRN_END_NONE) {
            g_free(firn_finish_take_note(freezer->config->state_dir)); /* outdated */
            freezer->mode = HELD;
            answer(&freezer->freeze, g_atomic_int_get(&firn_run_state(job->run)->head->frozen),
                   NULL);
        } else {
            end_or_wait(freezer);
        }
    }
    job_free(job);
}

static void set_timeout_error(FirnRun *run)
{
    FirnState *state = firn_run_state(run);
    int stuck = firn_walk_find_stuck(state);
    g_autofree char *name =
        stuck >= 0 ? firn_target_describe(state, (guint)stuck) : g_strdup("all filesystems");
    gint64 begin = stuck >= 0 ? state->targets[stuck].freeze_begin : state->head->walk_begin;
    gint64 seconds = (firn_state_now() - begin) / 1000000000;

    /* the worker, which still hangs, sets no error any more: the freeze is claimed */
    run->error =
        g_error_new(G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "failed to freeze %s: it hangs in the kernel since %" G_GINT64_FORMAT
                    " s (freeze-walk-timeout is %u s); all others are thawed; see whether what it "
                    "stands on is frozen or gone, or leave it out with freeze-exclude",
                    name, seconds, run->config->freeze_walk_timeout);
    g_strlcpy(state->head->message, run->error->message, sizeof state->head->message);
}

/* A filesystem that hangs costs the freeze, not the guest. */
static gboolean watch(gpointer data)
{
    FirnFreezer *freezer = data;
    FirnState *state = firn_run_state(freezer->run);

    mind_guard(freezer);
    if (freezer->mode != FREEZING || !state ||
        g_atomic_int_get(&state->head->phase) != FIRN_PHASE_WALK || !state->head->walk_deadline ||
        firn_state_now() < state->head->walk_deadline || firn_walk_find_stuck(state) < 0)
        return G_SOURCE_CONTINUE;
    firn_run_stop(freezer->run, FIRN_END_WALK_TIMEOUT);
    if (!firn_run_claim(freezer->run))
        return G_SOURCE_CONTINUE;
    set_timeout_error(freezer->run);
    freezer->watch = 0;
    end_run(freezer);
    return G_SOURCE_REMOVE;
}

static void refuse_stuck(FirnFreezer *freezer, Caller *caller)
{
    FirnState *state = firn_run_state(freezer->run);
    int stuck = firn_walk_find_stuck(state);
    g_autofree char *name =
        stuck >= 0 ? firn_target_describe(state, (guint)stuck) : g_strdup("a filesystem");

    refuse(caller,
           "cannot freeze: an earlier freeze of %s still hangs in the kernel; free what it waits "
           "for, or leave it out with freeze-exclude and restart the guest",
           name);
}

static void start(FirnFreezer *freezer, FirnRun *run)
{
    freezer->run = run;
    freezer->mode = FREEZING;
    freezer->walking = TRUE;
    freezer->watch = g_timeout_add(WATCH_INTERVAL_MS, watch, freezer);
    firn_work_start("freeze", freeze_job_run, freeze_job_done, job_new(freezer));
}

void firn_freezer_freeze(FirnFreezer *freezer, const char *const *mountpoints, const char *who,
                         FirnFreezerDone done, gpointer data)
{
    Caller caller = {done, data};
    FirnRun *run;

    if (!freezer->config->freeze_enabled) {
        refuse(&caller, "freezing is disabled on this guest: its configuration says "
                        "freeze-enabled=false");
        return;
    }
    if (freezer->mode == STUCK) {
        refuse_stuck(freezer, &caller);
        return;
    }
    if ((freezer->mode != IDLE && freezer->mode != GUARDED) || freezer->freeze.done) {
        refuse(&caller, "cannot freeze: another freeze or thaw still runs");
        return;
    }
    run = firn_run_new(freezer->config, freezer->roots, mountpoints, who);
    if (freezer->mode == GUARDED) {
        freezer->next = run;
        freezer->next_caller = caller;
        return;
    }
    freezer->freeze = caller;
    start(freezer, run);
}

static void start_next(FirnFreezer *freezer)
{
    freezer->freeze = freezer->next_caller;
    start(freezer, g_steal_pointer(&freezer->next));
}

/* Ends whatever goes on; the callers are answered when it has. */
static void end(FirnFreezer *freezer, FirnEnd why)
{
    if (freezer->mode == FREEZING && why == FIRN_END_REQUEST)
        why = FIRN_END_CANCELLED;
    if (freezer->mode == HELD && why == FIRN_END_SHUTDOWN)
        g_atomic_int_set(&firn_run_state(freezer->run)->head->early, TRUE);
    firn_run_stop(freezer->run, why);
    if (freezer->mode == HELD)
        end_or_wait(freezer);
}

void firn_freezer_thaw(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    Caller caller = {done, data};

    if (freezer->thaw.done) {
        refuse(&caller, "another thaw still runs");
        return;
    }
    freezer->thaw = caller;
    if (freezer->mode == IDLE || freezer->mode == STUCK)
        answer_thaw(freezer, 0);
    else
        end(freezer, FIRN_END_REQUEST);
}

void firn_freezer_shutdown(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    freezer->shutdown = (Caller){done, data};
    if (freezer->mode == IDLE || freezer->mode == STUCK)
        answer(&freezer->shutdown, 0, NULL);
    else
        end(freezer, FIRN_END_SHUTDOWN);
}

/* --- what an earlier instance has left ----------------------------------------------------------
 */

/* Held: it stays so, under a guard of ours. Anything else is undone. */
static void take_over(FirnFreezer *freezer)
{
    FirnRun *run = freezer->run;
    FirnState *state = firn_run_state(run);
    FirnGuard *old = run->guard;
    gboolean complete = firn_run_adopt(run);
    g_autoptr(GError) error = NULL;

    if (g_atomic_int_get(&state->head->phase) != FIRN_PHASE_HELD ||
        g_atomic_int_get(&state->head->end) != FIRN_END_NONE) {
        end_after(freezer, g_atomic_int_get(&state->head->ender));
        return;
    }
    freezer->mode = HELD;
    g_warning("an earlier instance left %u filesystems frozen: holding them until the thaw",
              firn_state_count_frozen(state));
    run->guard = NULL;
    if (!firn_run_start_guard(run, &error)) {
        g_warning("%s", error->message);
        run->guard = old;
    } else if (complete) {
        firn_guard_dismiss(old);
    } else {
        firn_guard_forget(old); /* it has what we have not, and thaws it at the deadline */
    }
    mind_guard(freezer);
}

static gboolean is_used(FirnState *state, GError **error)
{
    int agent = g_atomic_int_get(&state->head->agent);

    if (agent == (int)getpid() || !firn_pid_is_named(agent, "firn") || firn_pid_is_zombie(agent))
        return FALSE;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                "another agent (pid %d) freezes with %s: stop it, or use another 'statedir'", agent,
                state->path);
    return TRUE;
}

static gboolean look_back(FirnFreezer *freezer, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(FirnState) state = firn_state_open(freezer->config->state_dir, &problem);
    FirnGuard *guard;
    gboolean held;

    if (problem)
        g_warning("%s", problem->message);
    if (!state)
        return TRUE;
    if (!firn_state_is_of_this_boot(state, freezer->roots) ||
        g_atomic_int_get(&state->head->phase) == FIRN_PHASE_DONE) {
        firn_state_remove(state);
        return TRUE;
    }
    if (is_used(state, error))
        return FALSE;
    guard = firn_guard_find(state);
    held = g_atomic_int_get(&state->head->phase) == FIRN_PHASE_HELD &&
           g_atomic_int_get(&state->head->end) == FIRN_END_NONE;
    freezer->run = firn_run_find(freezer->config, freezer->roots, g_steal_pointer(&state), guard);
    freezer->mode = GUARDED;
    if (guard && !held)
        mind_guard(freezer); /* it is at it already */
    else
        take_over(freezer);
    return TRUE;
}

FirnFreezer *firn_freezer_new(const FirnConfig *config, const FirnRoots *roots, GError **error)
{
    FirnFreezer *freezer = g_new0(FirnFreezer, 1);

    freezer->config = config;
    freezer->roots = roots;
    if (!look_back(freezer, error)) {
        firn_freezer_free(freezer);
        return NULL;
    }
    return freezer;
}
