/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/freezer.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "agent/freeze/caller.h"
#include "agent/freeze/finish.h"
#include "agent/freeze/remains.h"
#include "agent/freeze/run.h"
#include "agent/freeze/undo.h"
#include "agent/freeze/walk.h"
#include "agent/work.h"
#include "platform/pidfd.h"

/* How often a running freeze is looked after. */
#define WATCH_INTERVAL_MS 250
#define NS_PER_SECOND ((gint64)1000000000)
/* A host that cancels, or a service manager that stops, waits no longer than this for a call that
 * hangs in the kernel. */
#define CANCEL_NS (2 * NS_PER_SECOND)
/* The guard has so long to act after the deadline, before the agent does in its place. */
#define GUARD_NS (2 * NS_PER_SECOND)

typedef enum {
    IDLE,
    FREEZING, /* a worker does everything up to the last FIFREEZE */
    HELD,
    ENDING,  /* a worker thaws */
    GUARDED, /* the guard thaws */
    STUCK,   /* all that could be is thawed, but one FIFREEZE has not returned */
} Mode;

struct FirnFreezer {
    const FirnConfig *config;
    const FirnRoots *roots;
    Mode mode;
    FirnRun *run; /* NULL when idle */
    FirnCaller freeze;
    FirnCaller thaw;
    FirnCaller shutdown;
    guint watch;        /* from the freeze to the thaw */
    gint64 asked;       /* when it was told to end, by firn_state_now(); 0: it was not */
    guint guard_source; /* for the guard's end */
    gboolean walking;   /* the worker of FREEZING has not come back */
    FirnRun *next;      /* starts once the guard has ended the one before */
    FirnCaller next_caller;
};

/* What a worker gets; the freezer outlives it. */
typedef struct {
    FirnFreezer *freezer;
    FirnRun *run;
    FirnRunResult result;
} Job;

static void end_run(FirnFreezer *freezer);
static void start_next(FirnFreezer *freezer);
static void mind_guard(FirnFreezer *freezer);
static void await_ender(FirnFreezer *freezer);
static gboolean watch(gpointer data);

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

static void unwatch(FirnFreezer *freezer)
{
    if (freezer->watch)
        g_source_remove(freezer->watch);
    freezer->watch = 0;
}

static void start_watch(FirnFreezer *freezer)
{
    if (!freezer->watch)
        freezer->watch = g_timeout_add(WATCH_INTERVAL_MS, watch, freezer);
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

static void answer_freeze_ended(FirnFreezer *freezer, FirnRun *run)
{
    switch (firn_run_why(run)) {
    case FIRN_END_CANCELLED:
        firn_caller_refuse(&freezer->freeze, "the freeze was cancelled by guest-fsfreeze-thaw");
        return;
    case FIRN_END_SHUTDOWN:
        firn_caller_refuse(&freezer->freeze,
                           "the freeze was cancelled: the agent was told to stop");
        return;
    case FIRN_END_DIED:
        firn_caller_refuse(&freezer->freeze,
                           "the freeze was undone: its guard process was killed, and no "
                           "other could be started");
        return;
    case FIRN_END_DEADLINE:
        firn_caller_refuse(&freezer->freeze,
                           "the freeze was undone: it took longer than freeze-timeout (%u s)",
                           freezer->config->freeze_timeout);
        return;
    case FIRN_END_NONE:
    case FIRN_END_REQUEST:
    case FIRN_END_FAILED:
    case FIRN_END_EMPTY:
    case FIRN_END_WALK_TIMEOUT:
    default:
        firn_caller_answer(&freezer->freeze, 0, run->error);
    }
}

/* How many were thawed, or that they were not to be, which is said once. */
static void answer_thaw(FirnFreezer *freezer, gint64 count)
{
    g_autofree char *note =
        freezer->thaw.done ? firn_finish_take_note(freezer->config->state_dir) : NULL;

    if (note)
        firn_caller_refuse(&freezer->thaw, "%s", note);
    else
        firn_caller_answer(&freezer->thaw, count, NULL);
}

static void refuse_stuck(FirnFreezer *freezer, FirnCaller *caller)
{
    FirnState *state = firn_run_state(freezer->run);
    int stuck = state ? firn_walk_find_stuck(state) : -1;
    g_autofree char *name =
        stuck >= 0 ? firn_target_describe(state, (guint)stuck) : g_strdup("a filesystem");

    firn_caller_refuse(
        caller,
        "cannot freeze: an earlier freeze of %s still hangs in the kernel; free what it waits "
        "for, or leave it out with freeze-exclude and restart the guest",
        name);
}

/* Those who wait for the end of the freeze, and the one who waits to begin another. */
static void answer_all(FirnFreezer *freezer, gint64 count)
{
    answer_thaw(freezer, count);
    firn_caller_answer(&freezer->shutdown, count, NULL);
    if (!freezer->next)
        return;
    if (freezer->mode == IDLE) {
        start_next(freezer);
    } else {
        g_clear_pointer(&freezer->next, firn_run_unref);
        refuse_stuck(freezer, &freezer->next_caller);
    }
}

/* Nothing of it is left: the next one may begin. */
static void close_run(FirnFreezer *freezer)
{
    freezer->mode = IDLE;
    freezer->asked = 0;
    unwatch(freezer);
    stop_minding(freezer);
    firn_run_close(freezer->run);
}

static gboolean is_settled(FirnFreezer *freezer)
{
    FirnState *state = firn_run_state(freezer->run);

    return !freezer->walking && (!state || firn_undo_is_settled(state));
}

/* Nothing is frozen any more. The mode is set before anybody is told, who may ask for more. */
static void conclude(FirnFreezer *freezer)
{
    g_autoptr(FirnRun) run = firn_run_ref(freezer->run);
    FirnState *state = firn_run_state(run);
    gint64 count = state ? g_atomic_int_get(&state->head->thawed) : 0;

    if (state && !run->ours && firn_walk_find_stuck(state) >= 0)
        firn_run_adopt(run); /* the guard, which had it, has ended */
    if (is_settled(freezer))
        close_run(freezer);
    else
        freezer->mode = STUCK;
    if (freezer->mode == IDLE)
        g_clear_pointer(&freezer->run, firn_run_unref); /* an answer may start the next freeze */
    answer_freeze_ended(freezer, run);
    answer_all(freezer, count);
}

/* What hung may have come back. */
static void try_unstick(FirnFreezer *freezer)
{
    if (!is_settled(freezer)) {
        if (!freezer->walking)
            firn_undo_start(firn_run_state(freezer->run));
        return;
    }
    close_run(freezer);
    g_clear_pointer(&freezer->run, firn_run_unref);
    g_warning("the filesystem that hung in a freeze has come back, and is thawed");
}

static void end_job_run(gpointer data)
{
    Job *job = data;

    job->result = firn_run_end(job->run);
}

static void end_job_done(gpointer data)
{
    Job *job = data;
    FirnFreezer *freezer = job->freezer;

    if (job->result == FIRN_RUN_ENDED) {
        conclude(freezer);
    } else if (job->result == FIRN_RUN_TAKEN) {
        await_ender(freezer);
    } else {
        g_autoptr(GError) error = firn_walk_thaw_error(firn_run_state(job->run));

        freezer->mode = HELD;
        freezer->asked = 0;
        firn_caller_answer(&freezer->freeze, 0, error);
        firn_caller_answer(&freezer->thaw, 0, error);
        firn_caller_answer(&freezer->shutdown, 0, error);
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

/* Waits for another process that ends it. */
static void await_other(FirnFreezer *freezer, FirnGuard *other)
{
    freezer->mode = GUARDED;
    stop_minding(freezer);
    firn_guard_forget(freezer->run->guard);
    freezer->run->guard = other;
    mind_guard(freezer);
}

/* The process that ends it, when it lives and is not this one; a thread of a killed one may hang
 * in the kernel for ever. */
static FirnGuard *find_ender(FirnState *state)
{
    int ender = g_atomic_int_get(&state->head->ender);

    return ender == 0 || ender == (int)getpid() || firn_pid_is_zombie(ender) ? NULL
                                                                             : firn_guard_of(ender);
}

/* Ends what a dead process has left in the middle; when somebody else was faster, waits for that.
 */
static void end_after(FirnFreezer *freezer)
{
    FirnRun *run = freezer->run;
    FirnState *state = firn_run_state(run);
    int dead;

    firn_run_stop(run, FIRN_END_DIED);
    do {
        FirnGuard *other = find_ender(state);

        if (other) {
            await_other(freezer, other);
            return;
        }
        dead = g_atomic_int_get(&state->head->ender);
    } while (!firn_state_move(&state->head->ender, dead, (int)getpid()));
    if (!run->ours)
        firn_run_adopt(run);
    if (!firn_pid_is_running(g_atomic_int_get(&state->head->freezer)))
        firn_walk_adopt_freezing(state);
    firn_walk_adopt_thawing(state);
    end_run(freezer);
}

/* The guard has taken over what this process was at. */
static void await_ender(FirnFreezer *freezer)
{
    if (g_atomic_int_get(&firn_run_state(freezer->run)->head->phase) == FIRN_PHASE_DONE)
        conclude(freezer);
    else if (freezer->run->guard)
        freezer->mode = GUARDED;
    else
        end_after(freezer);
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
    if (freezer->mode == HELD)
        g_atomic_int_set(&firn_run_state(freezer->run)->head->early, TRUE);
    firn_run_stop(freezer->run, FIRN_END_DIED);
    if (freezer->mode == HELD)
        end_or_wait(freezer);
}

static void guard_ended(FirnFreezer *freezer)
{
    FirnStateHead *head = firn_run_state(freezer->run)->head;
    FirnGuard *guard = g_steal_pointer(&freezer->run->guard);
    gboolean over = g_atomic_int_get(&head->phase) == FIRN_PHASE_DONE;
    gboolean ours = freezer->mode == ENDING || freezer->mode == STUCK;
    int pid = guard->pid;

    freezer->guard_source = 0;
    firn_guard_forget(guard);
    if (over && !ours && (freezer->mode == GUARDED || g_atomic_int_get(&head->ender) == pid))
        conclude(freezer);
    else if (over)
        return; /* it had nothing left to do */
    else if (freezer->mode == GUARDED || g_atomic_int_get(&head->ender) == pid)
        end_after(freezer);
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

    firn_run_freeze(job->run);
}

static void freeze_job_done(gpointer data)
{
    Job *job = data;
    FirnFreezer *freezer = job->freezer;

    freezer->walking = FALSE;
    if (freezer->mode == STUCK) {
        try_unstick(freezer);
    } else if (freezer->mode == FREEZING) {
        mind_guard(freezer);
        if (firn_run_why(job->run) == FIRN_END_NONE) {
            g_free(firn_finish_take_note(freezer->config->state_dir)); /* outdated */
            freezer->mode = HELD;
            firn_caller_answer(&freezer->freeze,
                               g_atomic_int_get(&firn_run_state(job->run)->head->frozen), NULL);
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

/* A call that hangs in the kernel is left behind at its deadline, or soon after it was cancelled.
 */
static gboolean is_overdue(const FirnFreezer *freezer, FirnState *state)
{
    gint64 now = firn_state_now();
    int phase = state ? g_atomic_int_get(&state->head->phase) : FIRN_PHASE_PREPARE;
    gboolean cancelled = freezer->asked && now - freezer->asked > CANCEL_NS;

    if (phase == FIRN_PHASE_PREPARE)
        return cancelled;
    if (phase != FIRN_PHASE_WALK || firn_walk_find_stuck(state) < 0)
        return FALSE;
    return cancelled || (state->head->walk_deadline && now >= state->head->walk_deadline);
}

/* A filesystem that hangs costs the freeze, not the guest. */
static void watch_freeze(FirnFreezer *freezer)
{
    FirnState *state = firn_run_state(freezer->run);

    mind_guard(freezer);
    if (!is_overdue(freezer, state))
        return;
    firn_run_stop(freezer->run, FIRN_END_WALK_TIMEOUT);
    if (!firn_run_claim(freezer->run))
        return;
    if (firn_run_why(freezer->run) == FIRN_END_WALK_TIMEOUT)
        set_timeout_error(freezer->run);
    end_run(freezer);
}

/* The guard sees to the deadline, unless it was stopped. */
static void watch_held(FirnFreezer *freezer)
{
    FirnStateHead *head = firn_run_state(freezer->run)->head;

    if (g_atomic_int_get(&head->end) != FIRN_END_NONE) {
        freezer->mode = GUARDED; /* it does */
        return;
    }
    if (!head->deadline || firn_state_now() < head->deadline + GUARD_NS ||
        !firn_run_stop(freezer->run, FIRN_END_DEADLINE))
        return;
    g_warning("the guard has not thawed at the deadline: thawing");
    g_atomic_int_set(&head->early, TRUE);
    end_or_wait(freezer);
}

/* One that was stopped in the middle ends nothing; killed, its work comes to us. */
static void watch_guarded(FirnFreezer *freezer)
{
    FirnGuard *guard = freezer->run->guard;

    if (guard && firn_pid_is_stopped(guard->pid)) {
        g_warning("the process that ends the freeze (pid %d) was stopped: taking over", guard->pid);
        firn_guard_kill(guard);
    }
}

static gboolean watch(gpointer data)
{
    FirnFreezer *freezer = data;

    switch (freezer->mode) {
    case FREEZING:
        watch_freeze(freezer);
        break;
    case HELD:
        watch_held(freezer);
        break;
    case GUARDED:
        watch_guarded(freezer);
        break;
    case STUCK:
        try_unstick(freezer);
        break;
    case ENDING:
        firn_run_help_end(freezer->run);
        break;
    case IDLE:
    default:
        break;
    }
    return G_SOURCE_CONTINUE;
}

static void start(FirnFreezer *freezer, FirnRun *run)
{
    freezer->run = run;
    freezer->mode = FREEZING;
    freezer->walking = TRUE;
    start_watch(freezer);
    firn_work_start("freeze", freeze_job_run, freeze_job_done, job_new(freezer));
}

void firn_freezer_freeze(FirnFreezer *freezer, const char *const *mountpoints, const char *who,
                         FirnFreezerDone done, gpointer data)
{
    FirnCaller caller = {done, data};
    FirnRun *run;

    if (!freezer->config->freeze_enabled) {
        firn_caller_refuse(&caller, "freezing is disabled on this guest: its configuration says "
                                    "freeze-enabled=false");
        return;
    }
    if (freezer->mode == STUCK)
        try_unstick(freezer);
    if (freezer->mode == STUCK) {
        refuse_stuck(freezer, &caller);
        return;
    }
    if ((freezer->mode != IDLE && freezer->mode != GUARDED) || freezer->freeze.done) {
        firn_caller_refuse(&caller, "cannot freeze: another freeze or thaw still runs");
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
    freezer->asked = firn_state_now();
    firn_run_stop(freezer->run, why);
    if (freezer->mode == HELD)
        end_or_wait(freezer);
    if (freezer->next) {
        g_clear_pointer(&freezer->next, firn_run_unref);
        firn_caller_refuse(&freezer->next_caller, "the freeze was cancelled before it began");
    }
}

void firn_freezer_thaw(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    FirnCaller caller = {done, data};

    if (freezer->thaw.done) {
        firn_caller_refuse(&caller, "another thaw still runs");
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
    freezer->shutdown = (FirnCaller){done, data};
    if (freezer->mode == IDLE || freezer->mode == STUCK)
        firn_caller_answer(&freezer->shutdown, 0, NULL);
    else
        end(freezer, FIRN_END_SHUTDOWN);
}

/* --- what an earlier instance has left ----------------------------------------------------------
 */

static gboolean is_held(FirnState *state)
{
    return g_atomic_int_get(&state->head->phase) == FIRN_PHASE_HELD &&
           g_atomic_int_get(&state->head->end) == FIRN_END_NONE;
}

/* Held: it stays so, under a guard of ours. Anything else is undone. */
static void take_over(FirnFreezer *freezer)
{
    FirnRun *run = freezer->run;
    FirnState *state = firn_run_state(run);
    FirnGuard *old = run->guard;
    gboolean complete = firn_run_adopt(run);
    g_autoptr(GError) error = NULL;

    if (!is_held(state)) {
        end_after(freezer);
        return;
    }
    freezer->mode = HELD;
    firn_run_hush(run);
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

static void look_back(FirnFreezer *freezer, FirnState *state)
{
    FirnGuard *guard = firn_guard_find(state);

    freezer->run = firn_run_find(freezer->config, freezer->roots, state, guard);
    start_watch(freezer);
    if (g_atomic_int_get(&state->head->phase) == FIRN_PHASE_DONE) {
        freezer->mode = STUCK;
        if (freezer->config->log_file)
            firn_run_hush(freezer->run); /* it may lie on what hangs */
        firn_run_adopt(freezer->run);
        try_unstick(freezer);
    } else if (guard && !is_held(state)) {
        freezer->mode = GUARDED; /* it is at it already */
        firn_run_hush(freezer->run);
        mind_guard(freezer);
    } else {
        take_over(freezer);
    }
}

FirnFreezer *firn_freezer_new(const FirnConfig *config, const FirnRoots *roots)
{
    FirnFreezer *freezer = g_new0(FirnFreezer, 1);
    FirnState *state = firn_remains_find(config, roots);

    freezer->config = config;
    freezer->roots = roots;
    if (state)
        look_back(freezer, state);
    return freezer;
}
