/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/freezer.h"

#include <string.h>

#include "agent/freeze/run.h"
#include "agent/freeze/walk.h"
#include "agent/work.h"

/* How often a running freeze is looked after. */
#define WATCH_INTERVAL_MS 250

typedef enum {
    IDLE,
    FREEZING, /* a worker does everything up to the last FIFREEZE */
    HELD,
    ENDING, /* a worker thaws */
    STUCK,  /* all that could be is thawed, but one FIFREEZE has not returned */
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
    guint watch;      /* of a running freeze */
    gboolean walking; /* the worker of FREEZING has not come back */
    gint64 stuck_since;
};

/* What a worker gets; the freezer outlives it. */
typedef struct {
    FirnFreezer *freezer;
    FirnRun *run;
    gboolean success;
} Job;

static void end_run(FirnFreezer *freezer);

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

FirnFreezer *firn_freezer_new(const FirnConfig *config, const FirnRoots *roots, GError **error)
{
    FirnFreezer *freezer = g_new0(FirnFreezer, 1);

    freezer->config = config;
    freezer->roots = roots;
    return freezer;
}

static void unwatch(FirnFreezer *freezer)
{
    if (freezer->watch)
        g_source_remove(freezer->watch);
    freezer->watch = 0;
}

void firn_freezer_free(FirnFreezer *freezer)
{
    if (!freezer)
        return;
    unwatch(freezer);
    firn_run_unref(freezer->run);
    g_free(freezer);
}

gboolean firn_freezer_is_frozen(const FirnFreezer *freezer)
{
    const FirnState *state = freezer->run ? firn_run_state(freezer->run) : NULL;

    return state && firn_state_count_frozen(state) > 0;
}

gboolean firn_freezer_is_busy(const FirnFreezer *freezer)
{
    return freezer->mode == FREEZING || freezer->mode == ENDING;
}

static guint thawed(const FirnFreezer *freezer)
{
    const FirnState *state = firn_run_state(freezer->run);

    return state ? (guint)g_atomic_int_get(&state->head->thawed) : 0;
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
    case FIRN_END_NONE:
    case FIRN_END_REQUEST:
    case FIRN_END_FAILED:
    case FIRN_END_EMPTY:
    case FIRN_END_WALK_TIMEOUT:
    case FIRN_END_DEADLINE:
    case FIRN_END_DIED:
    default:
        answer(&freezer->freeze, 0, run->error);
    }
}

/* Nothing is frozen any more. The mode is set before anybody is told, who may ask for more. */
static void conclude(FirnFreezer *freezer)
{
    FirnRun *run = freezer->run;
    gint64 count = thawed(freezer);

    unwatch(freezer);
    freezer->mode = freezer->walking ? STUCK : IDLE;
    firn_run_close(run);
    firn_run_ref(run);
    answer_freeze_ended(freezer);
    if (freezer->mode == IDLE) {
        freezer->run = NULL;
        firn_run_unref(run);
    }
    answer(&freezer->thaw, count, NULL);
    answer(&freezer->shutdown, count, NULL);
    firn_run_unref(run);
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
        g_warning("the filesystem that hung has been thawed");
        g_clear_pointer(&freezer->run, firn_run_unref);
        freezer->mode = IDLE;
    } else if (freezer->mode == FREEZING && firn_run_why(job->run) == FIRN_END_NONE) {
        const FirnState *state = firn_run_state(job->run);

        unwatch(freezer);
        freezer->mode = HELD;
        answer(&freezer->freeze, g_atomic_int_get(&state->head->frozen), NULL);
    } else if (freezer->mode == FREEZING) {
        unwatch(freezer);
        if (firn_run_claim(job->run))
            end_run(freezer);
    }
    job_free(job);
}

static void set_timeout_error(FirnFreezer *freezer)
{
    const FirnState *state = firn_run_state(freezer->run);
    int stuck = firn_walk_find_stuck(state);
    g_autofree char *name = stuck >= 0 ? firn_target_describe(state, (guint)stuck) : NULL;
    gint64 begin = stuck >= 0 ? state->targets[stuck].freeze_begin : state->head->walk_begin;
    gint64 seconds = (firn_state_now() - begin) / 1000000000;

    if (!name)
        name = g_strdup("all filesystems");
    g_clear_error(&freezer->run->error);
    freezer->run->error =
        g_error_new(G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "failed to freeze %s: it hangs since %" G_GINT64_FORMAT
                    " s (freeze-walk-timeout); all others were thawed; see whether what it stands "
                    "on is frozen or gone, or leave it out with freeze-exclude",
                    name, seconds);
}

/* A filesystem that hangs costs the freeze, not the guest. */
static gboolean watch(gpointer data)
{
    FirnFreezer *freezer = data;
    FirnState *state = firn_run_state(freezer->run);

    if (freezer->mode != FREEZING || !state || !state->head->walk_deadline ||
        firn_state_now() < state->head->walk_deadline)
        return G_SOURCE_CONTINUE;
    firn_run_stop(freezer->run, FIRN_END_WALK_TIMEOUT);
    if (!firn_run_claim(freezer->run))
        return G_SOURCE_CONTINUE;
    set_timeout_error(freezer);
    freezer->stuck_since = firn_state_now();
    freezer->watch = 0;
    end_run(freezer);
    return G_SOURCE_REMOVE;
}

static void refuse_stuck(FirnFreezer *freezer)
{
    const FirnState *state = firn_run_state(freezer->run);
    int stuck = firn_walk_find_stuck(state);
    g_autofree char *name =
        stuck >= 0 ? firn_target_describe(state, (guint)stuck) : g_strdup("a filesystem");

    refuse(&freezer->freeze,
           "cannot freeze: an earlier freeze of %s still hangs in the kernel; free what it waits "
           "for, or leave it out with freeze-exclude and restart the guest",
           name);
}

void firn_freezer_freeze(FirnFreezer *freezer, const char *const *mountpoints, const char *who,
                         FirnFreezerDone done, gpointer data)
{
    Caller caller = {done, data};

    if (freezer->mode != IDLE && freezer->mode != STUCK) {
        refuse(&caller, "cannot freeze: another freeze or thaw still runs");
        return;
    }
    freezer->freeze = caller;
    if (!freezer->config->freeze_enabled) {
        refuse(&freezer->freeze, "freezing is disabled on this guest: its configuration says "
                                 "freeze-enabled=false");
        return;
    }
    if (freezer->mode == STUCK) {
        refuse_stuck(freezer);
        return;
    }
    freezer->run = firn_run_new(freezer->config, freezer->roots, mountpoints, who);
    freezer->mode = FREEZING;
    freezer->walking = TRUE;
    freezer->watch = g_timeout_add(WATCH_INTERVAL_MS, watch, freezer);
    firn_work_start("freeze", freeze_job_run, freeze_job_done, job_new(freezer));
}

/* Ends whatever goes on; the callers are answered when it has. */
static void end(FirnFreezer *freezer, FirnEnd why)
{
    if (freezer->mode == FREEZING)
        why = why == FIRN_END_REQUEST ? FIRN_END_CANCELLED : why;
    firn_run_stop(freezer->run, why);
    if (freezer->mode == HELD) {
        firn_run_claim(freezer->run);
        end_run(freezer);
    }
}

void firn_freezer_thaw(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    Caller caller = {done, data};

    if (freezer->mode == IDLE || freezer->mode == STUCK) {
        answer(&caller, 0, NULL);
        return;
    }
    if (freezer->thaw.done) {
        refuse(&caller, "another thaw still runs");
        return;
    }
    freezer->thaw = caller;
    end(freezer, FIRN_END_REQUEST);
}

void firn_freezer_shutdown(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    Caller caller = {done, data};

    if (freezer->mode == IDLE || freezer->mode == STUCK) {
        answer(&caller, 0, NULL);
        return;
    }
    freezer->shutdown = caller;
    end(freezer, FIRN_END_SHUTDOWN);
}
