/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The keeper: one freeze, from its plan to its report, as a process of its own. This file is that
 * freeze, in its order:
 *
 *   plan     what is to be frozen, and in which order                      plan.h
 *   record   all that will be noted has its room now                       record.h
 *   open     a descriptor of each filesystem                               targets.h
 *   look     what would make FIFREEZE wait for hours refuses the freeze    look.h
 *   watcher  from here on a second process ends what this one cannot       watcher.h
 *   sync     what is dirty is written                                      sync.h
 *   hooks    each script is called with "freeze"                           hooks.h
 *   sync     what came meanwhile
 *   walk     FIFREEZE of one after the other                               walk.h
 *   hold     until the agent says so, the deadline passes, or SIGTERM
 *   thaw     FITHAW of one after the other, backwards
 *   hooks    each script that was called is called with "thaw"
 *   report   the record becomes the report, and the log is told
 *
 * A step that fails goes to the thaw. So does the agent's word to end, and the agent's own end
 * before it was answered: nobody would thaw. An agent that is gone while the freeze is held leaves
 * it to the next agent, which connects to the socket in the state directory, and to the deadline.
 *
 * What killed processes have left is ended here as well (keeper_resume()): the record says how far
 * they had come, and the same steps go on from there.
 *
 * The process has one thread, so that fork(2) copies all of it, and takes no signal but SIGTERM. It
 * writes to no disk and to no log between the first FIFREEZE and the last FITHAW.
 */

#include "agent/freeze/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/freeze/child.h"
#include "agent/freeze/hooks.h"
#include "agent/freeze/journal.h"
#include "agent/freeze/look.h"
#include "agent/freeze/memory.h"
#include "agent/freeze/plan.h"
#include "agent/freeze/reach.h"
#include "agent/freeze/report.h"
#include "agent/freeze/state-dir.h"
#include "agent/freeze/sync.h"
#include "agent/freeze/targets.h"
#include "agent/freeze/walk.h"
#include "agent/log.h"
#include "platform/descriptors.h"
#include "platform/grace-periods.h"
#include "platform/pidfd.h"

#define KEEPER_NAME "firn-keeper"
#define NS_PER_SECOND ((gint64)1000000000)
#define NS_PER_MS ((gint64)1000000)
/* How often a filesystem that could not be thawed is tried again. */
#define RETRY_MS 250
/* How often, and how long between, the lock of what a killed process has left is tried. */
#define LOCK_TRIES 100
#define LOCK_TICK_MS 20

/* --- before the first hook --- */

/* The agent kills a keeper that hangs before `ready`, and names this. */
static void keeper_say_opening(const char *path, gpointer data)
{
    g_autofree char *text = g_strconcat("opening ", path, NULL);

    keeper_say(data, "at", text);
}

static void keeper_open_helpers(Keeper *keeper)
{
    g_autoptr(GError) error = NULL;
    const char *why = "freeze-expedite=false";

    if (keeper->request->expedite)
        keeper->grace = firn_grace_periods_open(keeper->roots, &why);
    if (keeper->grace < 0)
        g_info("grace periods are not expedited: %s", why);
    if (!keeper->request->trace_marker)
        return;
    keeper->trace = firn_trace_open(keeper->roots, &error);
    if (!keeper->trace)
        g_warning("%s", error->message);
}

/* A filesystem whose FIFREEZE would wait for hours would stop its writers as long. */
static gboolean keeper_look(Keeper *keeper, GError **error)
{
    for (guint i = 0; i < keeper->plan->count; i++) {
        g_autofree char *holder = NULL;

        if (keeper->record->fds[i] < 0)
            continue;
        holder =
            firn_look_find_holder(keeper->roots, &keeper->plan->targets[i], keeper->record->fds[i]);
        if (!holder)
            continue;
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "cannot freeze %s: %s; nothing is frozen", keeper->plan->targets[i].mountpoint,
                    holder);
        return FALSE;
    }
    return TRUE;
}

static gboolean keeper_make_record(Keeper *keeper, const FirnPlan *plan, GError **error)
{
    g_auto(GStrv) hooks = plan ? firn_hooks_list(keeper->request->hook, error) : NULL;

    if (plan && !hooks)
        return FALSE;
    keeper->record = firn_record_create(keeper->request, plan, (const char *const *)hooks, error);
    return keeper->record != NULL;
}

static gboolean keeper_prepare(Keeper *keeper, GError **error)
{
    static const FirnMemoryFunction libraries[] = {(FirnMemoryFunction)g_free, NULL};
    const FirnFreezeRequest *request = keeper->request;

    if (!request->enabled) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "freezing is disabled on this guest: its configuration says "
                    "freeze-enabled=false");
        return FALSE;
    }
    keeper->plan = firn_plan_make(keeper->roots, (const char *const *)request->exclude,
                                  (const char *const *)request->include,
                                  (const char *const *)request->mountpoints, error);
    if (!keeper->plan || !keeper_make_record(keeper, keeper->plan, error))
        return FALSE;
    if (!firn_targets_open(keeper->plan, keeper->record, keeper_say_opening, keeper, error) ||
        !keeper_look(keeper, error))
        return FALSE;
    keeper->listener = firn_reach_listen(request->state_dir, error);
    if (keeper->listener < 0)
        return FALSE;
    keeper_open_helpers(keeper);
    if (!keeper_start_watcher(keeper, error))
        return FALSE;
    keeper_say(keeper, "ready", NULL);
    firn_memory_lock(libraries);
    return TRUE;
}

/* --- freezing --- */

static gint64 keeper_after(gint64 time, guint seconds)
{
    return seconds > 0 ? time + seconds * NS_PER_SECOND : 0;
}

/* Nothing is frozen yet, but applications may stand still from the first hook on. */
static gboolean keeper_quiesce(Keeper *keeper, GError **error)
{
    FirnRecord *record = keeper->record;
    guint timeout = keeper->request->sync_timeout;

    if (!firn_sync_before_hooks(record, timeout, keeper_is_ending, keeper, error))
        return FALSE;
    record->head->deadline = keeper_after(firn_record_now(), record->head->freeze_timeout);
    firn_record_advance(record, FIRN_PHASE_HOOKS);
    return firn_hooks_freeze(record, keeper_is_ending, keeper, error) &&
           firn_sync_before_walk(record, timeout, keeper_is_ending, keeper, error);
}

/* Said before it is done, and unsaid after it is undone: whoever finds it said puts it back. */
static void keeper_expedite(Keeper *keeper, gboolean on)
{
    gint *expedited = &keeper->record->head->expedited;

    /* what killed processes have left raised; they may not have let go of it yet, so that it stays
     * noted until the end */
    if (keeper->grace < 0 && !on && g_atomic_int_get(expedited))
        firn_grace_periods_reclaim(keeper->roots, keeper->hindered);
    if (keeper->grace < 0)
        return;
    if (on) {
        g_atomic_int_set(expedited, TRUE);
        if (firn_grace_periods_expedite(keeper->grace))
            return;
    }
    if (!g_atomic_int_get(expedited))
        return;
    firn_grace_periods_restore(keeper->grace);
    g_atomic_int_set(expedited, FALSE);
}

/* Nobody may stay frozen without a watcher. */
static void keeper_replace_watcher(Keeper *keeper)
{
    struct pollfd entry = {.fd = keeper->watcher.end, .events = POLLIN};
    g_autoptr(GError) error = NULL;

    if (keeper->watcher.end >= 0 && poll(&entry, 1, 0) != 1)
        return;
    firn_watcher_dismiss(&keeper->watcher);
    g_warning("the watcher of the frozen filesystems was killed: starting another");
    if (keeper_start_watcher(keeper, &error))
        return;
    g_warning("%s: thawing", error->message);
    keeper_set_end(keeper, FIRN_END_DIED);
}

static gboolean keeper_walk(Keeper *keeper, GError **error)
{
    FirnRecord *record = keeper->record;
    FirnRecordHead *head = record->head;
    gboolean complete;

    keeper_replace_watcher(keeper);
    firn_trace_freeze_begin(keeper->trace, head->target_count);
    keeper_expedite(keeper, TRUE);
    head->walk_begin = firn_record_now();
    head->walk_deadline = keeper_after(head->walk_begin, head->walk_timeout);
    head->deadline = keeper_after(head->walk_begin, head->freeze_timeout);
    firn_record_advance(record, FIRN_PHASE_WALK);
    complete = firn_walk_freeze(record, keeper->trace, keeper_is_ending, keeper, error);
    head->walk_end = firn_record_now();
    keeper_expedite(keeper, FALSE);
    firn_trace_freeze_end(keeper->trace, head->frozen, complete ? 0 : ECANCELED);
    if (complete && head->frozen == 0)
        keeper_set_end(keeper, FIRN_END_EMPTY);
    return complete && head->frozen > 0 && !keeper_is_ending(keeper);
}

/* --- holding --- */

static void keeper_hold(Keeper *keeper)
{
    FirnRecordHead *head = keeper->record->head;

    firn_record_advance(keeper->record, FIRN_PHASE_HELD);
    head->answered = TRUE;
    keeper_say_number(keeper, "frozen", head->frozen);
    firn_journal_freeze(keeper->record);
    head->logged = TRUE;
    while (keeper_end(keeper) == FIRN_END_NONE) {
        keeper_sleep(keeper, head->deadline);
        keeper_replace_watcher(keeper);
    }
    if (keeper_end(keeper) == FIRN_END_DEADLINE)
        firn_trace_deadline(keeper->trace, firn_record_count_frozen(keeper->record));
}

/* --- thawing --- */

/* What has not been thawed at once: FITHAW failed, or hangs, or nothing leads to the filesystem. */
static void keeper_thaw_rest(Keeper *keeper)
{
    FirnRecord *record = keeper->record;

    while (firn_record_count_frozen(record) > 0) {
        firn_walk_reap(record);
        firn_walk_thaw_apart(record);
        if (firn_record_count_frozen(record) == 0)
            break;
        keeper_tell_hanging(keeper);
        keeper_sleep(keeper, firn_record_now() + RETRY_MS * NS_PER_MS);
        if (keeper->watcher.end >= 0)
            keeper_replace_watcher(keeper);
    }
}

static void keeper_thaw(Keeper *keeper)
{
    FirnRecordHead *head = keeper->record->head;

    keeper_expedite(keeper, FALSE);
    if (!head->thaw_begin)
        head->thaw_begin = firn_record_now();
    firn_record_advance(keeper->record, FIRN_PHASE_THAW);
    firn_walk_thaw(keeper->record, keeper->trace);
    keeper_thaw_rest(keeper);
    head->thaw_end = firn_record_now();
    firn_record_advance(keeper->record, FIRN_PHASE_THAW_HOOKS);
}

/* --- telling --- */

/* Disks may be written to again; but the log's may be the one that hangs in its freeze. */
static void keeper_release_log(Keeper *keeper)
{
    gboolean stuck = keeper->record && firn_record_find_stuck(keeper->record) >= 0;
    const char *file = stuck ? NULL : keeper->request->log_file;
    g_autoptr(GError) error = NULL;

    if (!keeper->quiet)
        return;
    keeper->quiet = FALSE;
    if (!firn_log_open(file, keeper->request->verbose, &error))
        g_warning("%s", error->message);
    firn_log_release();
}

/* What is logged from here on waits in memory. */
static void keeper_hush(Keeper *keeper)
{
    if (!keeper->quiet)
        firn_log_hold();
    keeper->quiet = TRUE;
}

static void keeper_write_report(Keeper *keeper)
{
    FirnRecord *record = keeper->record;
    g_autoptr(GError) error = NULL;

    if (!record->head->finished)
        record->head->finished = firn_record_now();
    if (!record->head->reported)
        firn_journal_thaw(record);
    if (!record->head->reported && record->head->early) {
        g_autofree char *note = firn_record_note(record);

        g_warning("%s", note ? note : "the freeze ended early");
    }
    record->head->reported = TRUE;
    keeper_accept(keeper);
    keeper_listen(keeper); /* a thaw that came after the deadline is answered by this process */
    keeper_answer_thaw(keeper);
    if (!firn_record_finish(record, &error))
        g_warning("no report of this freeze: %s", error->message);
}

/* From whatever has been reached to the end. error: of the step that failed; NULL for none. */
static void keeper_finish(Keeper *keeper, const GError *error)
{
    FirnRecordHead *head = keeper->record->head;
    g_autofree char *stuck = keeper_stuck_name(keeper->record);

    if (error && firn_record_move(&head->end, FIRN_END_NONE, FIRN_END_FAILED))
        g_strlcpy(head->message, error->message, sizeof head->message);
    keeper_thaw(keeper);
    keeper_release_log(keeper);
    firn_hooks_thaw(keeper->record);
    keeper_expedite(keeper, FALSE);
    if (!head->message[0] && !head->answered) {
        g_autofree char *why = keeper_explain_end(keeper);

        g_strlcpy(head->message, why ? why : "", sizeof head->message);
    }
    keeper_answer_freeze(keeper);
    keeper_write_report(keeper);
    firn_record_advance(keeper->record, FIRN_PHASE_DONE);
    firn_watcher_dismiss(&keeper->watcher);
    firn_reach_unlisten(keeper->request->state_dir, keeper->listener);
    keeper->listener = -1;
    if (stuck)
        keeper_say(keeper, "stuck", stuck);
    keeper_say(keeper, "done", NULL);
}

/* The watcher has ended the freeze while this process stood in a FIFREEZE, and told everybody. What
 * came of the call is undone by now. */
static void keeper_come_back(Keeper *keeper)
{
    int stuck = firn_record_find_stuck(keeper->record);
    g_autofree char *name = firn_record_describe(keeper->record, (guint)stuck);

    g_atomic_int_set(&keeper->record->targets[stuck].returned, TRUE);
    keeper_release_log(keeper);
    g_warning("the FIFREEZE of %s, which hung, has returned: the filesystem is %s", name,
              keeper->record->targets[stuck].error == EBUSY
                  ? "somebody else's freeze, and left alone"
                  : "thawed");
    if (keeper_phase(keeper) == FIRN_PHASE_DONE)
        firn_record_forget(keeper->record);
}

/* --- what killed processes have left --- */

/* A process that was just killed lets go of the lock a moment after its sockets. */
static gboolean keeper_lock(FirnRecord *record)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (firn_record_lock(record))
            return TRUE;
        if (firn_record_find_stuck(record) >= 0 ||
            g_atomic_int_get(&record->head->phase) == FIRN_PHASE_PREPARE)
            return FALSE;
        poll(NULL, 0, LOCK_TICK_MS);
    }
    return FALSE;
}

/*
 * The agent has found nobody who answers, and somebody has the lock: processes that are stopped, or
 * hang. They are killed first, as the watcher does, so that nobody thaws beside this process. A
 * keeper that stands in a FIFREEZE is left there.
 */
static void keeper_oust(FirnRecord *record)
{
    FirnRecordHead *head = record->head;
    int hanging = firn_record_find(record, FIRN_TARGET_FREEZING);

    firn_pid_kill((pid_t)head->watcher, head->watcher_start);
    if (firn_record_find_stuck(record) >= 0)
        return;
    if (hanging >= 0 && firn_pid_start((pid_t)head->keeper) == head->keeper_start &&
        firn_pid_hangs((pid_t)head->keeper))
        firn_record_move(&record->targets[hanging].state, FIRN_TARGET_FREEZING, FIRN_TARGET_STUCK);
    else
        firn_pid_kill((pid_t)head->keeper, head->keeper_start);
}

static void keeper_set_refusal(const char *stuck, GError **error)
{
    if (stuck)
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "cannot freeze: an earlier freeze of %s still hangs in the kernel; free what "
                    "it waits for, or leave it out with freeze-exclude and restart the guest",
                    stuck);
    else
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "cannot freeze: another freeze or thaw still runs");
}

/* Only the lock says that they are all dead; or all but a keeper that hangs in its FIFREEZE, when
 * the others of its freeze have not been thawed yet. */
static gboolean keeper_may_take(Keeper *keeper, FirnRecord *previous, gboolean oust, GError **error)
{
    g_autofree char *stuck = NULL;

    if (keeper_lock(previous) || g_atomic_int_get(&previous->head->phase) == FIRN_PHASE_PREPARE)
        return TRUE;
    if (oust) {
        keeper_oust(previous);
        if (keeper_lock(previous))
            return TRUE;
    }
    stuck = keeper_stuck_name(previous);
    keeper->hindered = stuck != NULL;
    if (oust && stuck && g_atomic_int_get(&previous->head->phase) != FIRN_PHASE_DONE)
        return TRUE;
    keeper_set_refusal(stuck, error);
    return FALSE;
}

/* The keeper that hung in its FIFREEZE, and was killed or not, is waited for: nobody else undoes
 * what comes of it, should it be dead. */
static void keeper_await_stuck(Keeper *keeper)
{
    FirnRecord *record = keeper->record;
    int stuck = firn_record_find_stuck(record);

    while (!firn_record_lock(record))
        poll(NULL, 0, RETRY_MS);
    if (stuck < 0 || firn_record_find_stuck(record) < 0)
        return; /* it has come back, and seen to it */
    firn_record_move(&record->targets[stuck].state, FIRN_TARGET_STUCK, FIRN_TARGET_FREEZING);
    firn_walk_adopt(record);
    firn_walk_thaw_apart(record);
    firn_record_forget(record);
}

/* What was in FIFREEZE when its process was killed may be frozen, by us or by somebody else: what
 * the call answered is lost. A guest that stays frozen for ever is worse. */
static void keeper_adopt(FirnRecord *record)
{
    int stuck = firn_record_find_stuck(record);

    if (stuck >= 0)
        firn_record_move(&record->targets[stuck].state, FIRN_TARGET_STUCK, FIRN_TARGET_FREEZING);
    firn_walk_adopt(record);
}

/* TRUE when it is to be held on. */
static gboolean keeper_takes_hold(const Keeper *keeper)
{
    return keeper_phase(keeper) == FIRN_PHASE_HELD && keeper_end(keeper) == FIRN_END_NONE;
}

/* Goes on from where the record stands. */
static void keeper_resume(Keeper *keeper)
{
    FirnRecordHead *head = keeper->record->head;
    g_autoptr(GError) error = NULL;

    head->logged = FALSE; /* the entry may have died in its process's memory */
    if (keeper_phase(keeper) < FIRN_PHASE_HELD || keeper_end(keeper) != FIRN_END_NONE)
        firn_record_move(&head->end, FIRN_END_NONE, FIRN_END_DIED);
    if (keeper->listener < 0)
        keeper->listener = firn_reach_listen(keeper->request->state_dir, &error);
    if (error)
        g_warning("%s", error->message);
    g_clear_error(&error);
    if (firn_record_count_frozen(keeper->record) > 0 && !keeper_start_watcher(keeper, &error)) {
        g_warning("%s: thawing", error->message);
        keeper_set_end(keeper, FIRN_END_DIED);
    }
    keeper_say(keeper, "ready", NULL);
    if (keeper_takes_hold(keeper)) {
        g_warning("killed processes left %u filesystems frozen: holding them until the thaw",
                  firn_record_count_frozen(keeper->record));
        keeper_hold(keeper);
    }
    keeper_finish(keeper, NULL);
}

/* What is there is none, and may be written over. Any other error might hide one. */
static gboolean keeper_is_no_record(const GError *error)
{
    return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_INVAL) ||
           g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_LOOP);
}

/* FALSE with an error when there may be one, and it cannot be had, or when the processes of an
 * earlier freeze are not gone. */
static gboolean keeper_settle_previous(Keeper *keeper, gboolean hold, GError **error)
{
    g_autoptr(GError) problem = NULL;
    FirnRecord *previous = firn_record_open(keeper->request->state_dir, &problem);

    if (problem && !keeper_is_no_record(problem)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (problem)
        g_warning("%s", problem->message);
    if (!previous)
        return TRUE;
    if (!keeper_may_take(keeper, previous, hold, error)) {
        firn_record_free(previous);
        return FALSE;
    }
    if (!firn_record_is_of_this_boot(previous, keeper->roots)) {
        firn_record_forget(previous);
        firn_record_free(previous);
        return TRUE;
    }
    if (!keeper->hindered)
        keeper_adopt(previous);
    keeper->record = previous;
    if (keeper->message && keeper_phase(keeper) == FIRN_PHASE_PREPARE) {
        g_strlcpy(previous->head->message, keeper->message, sizeof previous->head->message);
        keeper_set_end(keeper, FIRN_END_FAILED);
        g_clear_pointer(&keeper->message, g_free);
    }
    if (!hold)
        keeper_set_end(keeper, FIRN_END_DIED);
    if (g_atomic_int_get(&previous->head->phase) == FIRN_PHASE_DONE)
        g_atomic_int_set(&previous->head->phase, FIRN_PHASE_THAW);
    keeper_resume(keeper);
    if (keeper->hindered)
        keeper_await_stuck(keeper);
    g_clear_pointer(&keeper->record, firn_record_free);
    return TRUE;
}

/* --- the process --- */

/* A freeze that is refused before there is a plan leaves a report as well, where one can be kept.
 */
static void keeper_refuse(Keeper *keeper, const GError *error)
{
    if (!keeper->record && !keeper_make_record(keeper, NULL, NULL)) {
        keeper_release_log(keeper);
        g_warning("freeze failed: %s", error->message);
        keeper_say(keeper, "failed", error->message);
        keeper_say(keeper, "done", NULL);
        return;
    }
    keeper_finish(keeper, error);
}

static void keeper_freeze(Keeper *keeper)
{
    g_autoptr(GError) error = NULL;
    FirnWire *agent = g_steal_pointer(&keeper->agent); /* it has not asked for what was before */
    gboolean free = firn_state_dir_check(keeper->request->state_dir, &error) &&
                    keeper_settle_previous(keeper, FALSE, &error);

    keeper->agent = agent;
    if (!free) {
        keeper_release_log(keeper);
        g_warning("freeze failed: %s", error->message);
        keeper_say(keeper, "failed", error->message);
        keeper_say(keeper, "done", NULL);
        return;
    }
    keeper_hush(keeper); /* the end of the one before has told the log */
    if (!keeper_prepare(keeper, &error)) {
        keeper_refuse(keeper, error);
        return;
    }
    if (keeper_quiesce(keeper, &error) && keeper_walk(keeper, &error))
        keeper_hold(keeper);
    if (firn_record_find_stuck(keeper->record) >= 0)
        keeper_come_back(keeper);
    else
        keeper_finish(keeper, error);
}

static void keeper_recover(Keeper *keeper)
{
    g_autoptr(GError) error = NULL;

    if (!firn_state_dir_check(keeper->request->state_dir, &error) ||
        !keeper_settle_previous(keeper, TRUE, &error)) {
        keeper_release_log(keeper);
        g_warning("%s", error->message);
        if (!keeper->hindered)
            return; /* without the last word: the agent tries again */
    }
    if (!error && keeper->message) { /* the agent killed the keeper before there was a record */
        g_set_error_literal(&error, G_FILE_ERROR, G_FILE_ERROR_AGAIN, keeper->message);
        keeper_refuse(keeper, error);
    }
    keeper_say(keeper, "done", NULL);
}

static void keeper_settle_in(Keeper *keeper)
{
    struct sigaction action = {.sa_handler = keeper_terminate};
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigaction(SIGTERM, &action, NULL);
    setsid();
    firn_child_call(KEEPER_NAME);
    firn_descriptors_keep_private();
    keeper_hush(keeper);
    firn_log_open(NULL, TRUE, NULL);
    keeper->listener = -1;
    keeper->grace = -1;
    keeper->watcher = (FirnWatcher){0, -1, -1};
    keeper->program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    keeper->request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
}

/* The watcher has become this: it has passed on the numbers of the record's descriptor, the agent's
 * and the listening socket, and the record's path. */
static int keeper_continue(Keeper *keeper, char **passed)
{
    g_autoptr(GError) error = NULL;

    keeper->record = firn_record_adopt(atoi(passed[0]), passed[3], &error);
    if (!keeper->record) {
        g_warning("%s", error->message);
        return EXIT_FAILURE;
    }
    keeper->agent = atoi(passed[1]) >= 0 ? firn_wire_new(atoi(passed[1])) : NULL;
    keeper->listener = atoi(passed[2]);
    keeper->request->state_dir = g_path_get_dirname(keeper->record->path);
    if (keeper->record->head->log_file)
        keeper->request->log_file =
            g_strdup(firn_record_text(keeper->record, keeper->record->head->log_file));
    keeper->request->verbose = keeper->record->head->verbose != 0;
    keeper->roots = firn_roots_new(NULL);
    keeper_resume(keeper);
    return EXIT_SUCCESS;
}

static int keeper_run(Keeper *keeper, int argc, char **argv)
{
    gboolean resume = FALSE;

    if (argc == 6 && !strcmp(argv[1], "--resume"))
        return keeper_continue(keeper, argv + 2);
    if (argc != 2 || atoi(argv[1]) <= STDERR_FILENO) {
        fprintf(stderr, "firn-keeper is for firn: it holds one freeze\n");
        return EXIT_FAILURE;
    }
    keeper->agent = firn_wire_new(atoi(argv[1]));
    if (!keeper_await(keeper, &resume))
        return EXIT_SUCCESS;
    keeper->roots = firn_roots_new(keeper->request->root);
    if (resume)
        keeper_recover(keeper);
    else
        keeper_freeze(keeper);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    Keeper keeper = {0};
    int status;

    keeper_settle_in(&keeper);
    status = keeper_run(&keeper, argc, argv);
    keeper_clear(&keeper);
    return status;
}
