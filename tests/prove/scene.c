/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prove/scene.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/lib/calls.h"
#include "tests/lib/freezing.h"

#define FOLDER "/run/firn-prove"
#define SOCKET FOLDER "/socket"
#define STATE_DIR FOLDER "/state"
#define HOOKS FOLDER "/hooks"
#define HOOK_LOG FOLDER "/hooks.log"
#define OUTPUT FOLDER "/output"
#define SWITCH "/sys/kernel/rcu_expedited"

/* The host holds so long in a story where it thaws. */
#define HOLD_US 20000
/* Something may be frozen so long: freeze-timeout, freeze-walk-timeout, the watcher's second, and
 * what a slow machine needs. */
#define LIMIT_US ((PROVE_FREEZE_TIMEOUT_S + 2 + 1 + 3) * G_USEC_PER_SEC)
/* A process that is stopped while nothing is frozen is continued after that. */
#define STOP_US (PROVE_FREEZE_TIMEOUT_S * G_USEC_PER_SEC + 700 * 1000)

static const char *const options[] = {
    "--method=unix-listen",    "--path=" SOCKET,          "--statedir=" STATE_DIR,
    "--fsfreeze-hook=" HOOKS,  "--freeze-timeout=1",      "--freeze-walk-timeout=2",
    "--freeze-hook-timeout=2", "--freeze-sync-timeout=1", NULL};

void prove_scene_fault(ProveScene *scene, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_string_append(scene->faults, "    ");
    g_string_append_vprintf(scene->faults, format, args);
    g_string_append_c(scene->faults, '\n');
    va_end(args);
}

static TestTracee *scene_find(ProveScene *scene, ProveRole role)
{
    GList *list = test_tracees_list(scene->tracees);
    TestTracee *found = NULL;

    for (GList *at = list; at; at = at->next) {
        TestTracee *tracee = at->data;

        if (tracee->role == role && tracee->pid == tracee->tid)
            found = tracee;
    }
    g_list_free(list);
    return found;
}

/* --- strikes ------------------------------------------------------------------------------------
 */

/* caller: whose call it is, which has either not begun or is over. */
static void scene_kill(ProveScene *scene, ProveRole role, const TestTracee *caller)
{
    GList *list = test_tracees_list(scene->tracees);

    for (GList *at = list; at; at = at->next) {
        TestTracee *tracee = at->data;

        if (tracee->role != role || tracee->pid != tracee->tid)
            continue;
        if (tracee != caller && tracee->inside) {
            prove_truth_lose(&scene->truth, tracee);
            if (prove_truth_place(&scene->truth, tracee) == PROVE_FOREIGN)
                scene->foreign_lost = TRUE;
        }
        if (tracee == caller && prove_truth_place(&scene->truth, tracee) == PROVE_FOREIGN)
            scene->foreign_lost = TRUE; /* nobody can tell whether the call was made */
        kill(tracee->pid, SIGKILL);
        if (role == PROVE_AGENT)
            scene->agent_killed = TRUE;
    }
    g_list_free(list);
}

static void scene_kill_keeper(ProveScene *scene, const TestTracee *caller)
{
    scene_kill(scene, PROVE_KEEPER, caller);
    scene_kill(scene, PROVE_RESUMED, caller);
}

static void scene_stop(ProveScene *scene, ProveRole role)
{
    TestTracee *tracee = scene_find(scene, role);

    if (!tracee && role == PROVE_KEEPER)
        tracee = scene_find(scene, PROVE_RESUMED);
    if (!tracee)
        return;
    scene->stopped = tracee->pid;
    kill(tracee->pid, SIGSTOP);
}

static TestCallNext scene_strike(ProveScene *scene, TestTracee *tracee)
{
    scene->struck = g_get_monotonic_time();
    scene->struck_pid = tracee->pid;
    g_string_append_printf(scene->trace, "-- %s\n", prove_kind_names[scene->run->kind]);
    switch (scene->run->kind) {
    case PROVE_KILL_KEEPER:
        scene_kill_keeper(scene, tracee);
        break;
    case PROVE_KILL_WATCHER:
        scene_kill(scene, PROVE_WATCHER, tracee);
        break;
    case PROVE_KILL_AGENT:
        scene_kill(scene, PROVE_AGENT, tracee);
        break;
    case PROVE_KILL_ALL:
        scene_kill(scene, PROVE_AGENT, tracee);
        G_GNUC_FALLTHROUGH;
    case PROVE_KILL_BOTH:
        scene_kill(scene, PROVE_WATCHER, tracee);
        scene_kill_keeper(scene, tracee);
        break;
    case PROVE_KILL_CHILD:
        scene->hook_killed = TRUE;
        kill(tracee->pid, SIGKILL);
        break;
    case PROVE_STOP_KEEPER:
        scene_stop(scene, PROVE_KEEPER);
        break;
    case PROVE_STOP_WATCHER:
        scene_stop(scene, PROVE_WATCHER);
        break;
    case PROVE_STOP_AGENT:
        scene_stop(scene, PROVE_AGENT);
        break;
    case PROVE_TRACE:
        scene->held = tracee->tid;
        scene->hook_killed = scene->hook_killed || tracee->role == PROVE_CHILD;
        /* the watcher has to kill it there */
        scene->foreign_lost = prove_truth_place(&scene->truth, tracee) == PROVE_FOREIGN;
        return TEST_CALL_HOLD;
    case PROVE_FAIL:
    case PROVE_FAIL_ON:
        test_tracees_fail_with(tracee, scene->run->error);
        return TEST_CALL_FAIL;
    case PROVE_KINDS:
    default:
        break;
    }
    return TEST_CALL_GO;
}

/* --- what the tracer sees -----------------------------------------------------------------------
 */

static void on_born(TestTracee *tracee, TestTracee *parent, gpointer data)
{
    static const ProveRole children[] = {PROVE_KEEPER,        PROVE_CHILD,         PROVE_CHILD,
                                         PROVE_WATCHER_CHILD, PROVE_WATCHER_CHILD, PROVE_CHILD};

    (void)data;
    if (parent && tracee->pid != tracee->tid)
        return; /* a thread */
    tracee->role = parent ? children[parent->role] : PROVE_CHILD;
    tracee->watched = TRUE;
}

static gboolean on_exec(TestTracee *tracee, gpointer data)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", tracee->pid);
    g_autofree char *line = NULL, *program = NULL;
    gsize length = 0;

    (void)data;
    if (tracee->role == PROVE_AGENT)
        return TRUE;
    if (!g_file_get_contents(path, &line, &length, NULL) || length == 0)
        return FALSE;
    program = g_path_get_basename(line);
    for (gsize i = 0; i < length; i += strlen(line + i) + 1) {
        if (!strcmp(line + i, "--resume")) {
            tracee->role = PROVE_RESUMED;
            return TRUE;
        }
    }
    return g_str_has_prefix(program, "firn");
}

static void scene_name_watcher(TestTracee *tracee)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", tracee->pid);
    g_autofree char *name = NULL;

    if (g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "firn-watcher"))
        tracee->role = PROVE_WATCHER;
}

/* The number of this call among those of its name and role; 0: one more round of a loop. */
static guint scene_count(ProveScene *scene, const TestTracee *tracee, const char *name)
{
    g_autofree char *key = g_strdup_printf("%s %s", prove_role_names[tracee->role], name);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(scene->counts, key));

    if (test_call_waits(tracee->call) && tracee->repeated > 0)
        return 0;
    g_hash_table_insert(scene->counts, g_strdup(key), GUINT_TO_POINTER(count + 1));
    return count + 1;
}

/* Closing one end tells the other one; closing the record may let go of its lock. */
static gboolean scene_closes_more(const TestTracee *tracee)
{
    g_autofree char *path = NULL;
    g_autofree char *file = NULL;

    if (tracee->call != SYS_close)
        return FALSE;
    path = g_strdup_printf("/proc/%d/fd/%d", tracee->pid, (int)tracee->args[0]);
    file = g_file_read_link(path, NULL);
    return file && (g_str_has_prefix(file, "socket:") || g_str_has_prefix(file, "pipe:") ||
                    strstr(file, "freeze-record"));
}

static void scene_record(ProveScene *scene, TestTracee *tracee, const char *name, guint nth)
{
    ProvePoint *point = g_new0(ProvePoint, 1);

    point->story = scene->story;
    point->role = tracee->role;
    point->name = g_strdup(name);
    point->nth = nth;
    point->place =
        g_strdup_printf("%s %#lx %#lx", name, (gulong)tracee->place[0], (gulong)tracee->place[1]);
    point->effect = test_call_has_effect(tracee->call, tracee->args) || scene_closes_more(tracee);
    point->turn = point->effect || test_call_waits(tracee->call) || tracee->follows;
    tracee->follows = point->effect;
    point->watcher = scene_find(scene, PROVE_WATCHER) != NULL;
    point->foreign = prove_truth_place(&scene->truth, tracee) == PROVE_FOREIGN;
    point->errnos = test_call_errnos(tracee->call, tracee->args);
    prove_plan_add(scene->recorded, point);
}

static gboolean scene_is_there(const ProveScene *scene, const TestTracee *tracee, const char *name,
                               guint nth)
{
    const ProvePoint *point = scene->run ? scene->run->point : NULL;

    return point && !scene->struck && point->role == tracee->role && point->nth == nth &&
           !strcmp(point->name, name);
}

static TestCallNext on_enter(TestTracee *tracee, gpointer data)
{
    ProveScene *scene = data;
    g_autofree char *name = NULL;
    guint nth;

    prove_truth_enter(&scene->truth, tracee);
    g_clear_pointer(&tracee->of_test, g_free);
    if (!scene->live)
        return TEST_CALL_GO;
    name = test_call_name(tracee->call, tracee->args);
    nth = scene_count(scene, tracee, name);
    if (nth == 0)
        return TEST_CALL_GO;
    if (scene->recorded)
        scene_record(scene, tracee, name, nth);
    if (scene->run && scene->struck && scene->run->kind == PROVE_FAIL_ON &&
        tracee->pid == scene->struck_pid && !strcmp(name, scene->run->point->name)) {
        test_tracees_fail_with(tracee, scene->run->error);
        return TEST_CALL_FAIL;
    }
    if (!scene_is_there(scene, tracee, name, nth))
        return TEST_CALL_GO;
    if (!scene->run->after)
        return scene_strike(scene, tracee);
    tracee->of_test = g_strdup("strike");
    return TEST_CALL_GO;
}

static void on_leave(TestTracee *tracee, gpointer data)
{
    ProveScene *scene = data;
    g_autofree char *name = test_call_name(tracee->call, tracee->args);
    g_autofree char *strikes = g_steal_pointer(&tracee->of_test);

    prove_truth_leave(&scene->truth, tracee);
    if (tracee->repeated == 0)
        g_string_append_printf(
            scene->trace, "%.6f %s %d %s(%#lx, %#lx, %#lx) = %ld%s\n",
            (double)g_get_monotonic_time() / G_USEC_PER_SEC, prove_role_names[tracee->role],
            tracee->pid, name, (gulong)tracee->args[0], (gulong)tracee->args[1],
            (gulong)tracee->args[2], (glong)tracee->result, tracee->injected ? " (injected)" : "");
    if (tracee->call == SYS_prctl && tracee->args[0] == PR_SET_NAME)
        scene_name_watcher(tracee);
    if (strikes && scene->run && !scene->struck)
        scene_strike(scene, tracee);
}

static void on_death(TestTracee *tracee, int status, gpointer data)
{
    ProveScene *scene = data;

    g_string_append_printf(scene->trace, "%.6f %s %d ends with %#x\n",
                           (double)g_get_monotonic_time() / G_USEC_PER_SEC,
                           prove_role_names[tracee->role], tracee->pid, status);
    if (tracee->pid != tracee->tid || tracee->role != PROVE_AGENT || tracee->pid != scene->agent)
        return;
    scene->agent = 0;
    if (!scene->agent_killed)
        prove_scene_fault(scene, "the agent ended by itself, with status %#x", status);
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void scene_let_go(ProveScene *scene)
{
    TestTracee *held = scene->held ? test_tracees_find(scene->tracees, scene->held) : NULL;

    if (scene->stopped && test_tracees_find(scene->tracees, scene->stopped))
        kill(scene->stopped, SIGCONT);
    if (held)
        test_tracees_release(scene->tracees, held);
    scene->stopped = scene->held = 0;
}

static void scene_watch_time(ProveScene *scene)
{
    gint64 now = g_get_monotonic_time();
    gboolean frozen = scene->truth.begin != 0;

    if (frozen && !scene->too_long && now > scene->truth.begin + LIMIT_US) {
        scene->too_long = TRUE;
        prove_scene_fault(scene, "%u frozen past the deadline", prove_truth_count(&scene->truth));
    }
    if ((scene->stopped || scene->held) &&
        (frozen ? scene->too_long : now > scene->struck + STOP_US))
        scene_let_go(scene);
}

/* What happens when the host knows that all is frozen. */
static void scene_hold(ProveScene *scene)
{
    gboolean frozen = scene->truth.begin != 0;
    gint64 held = g_get_monotonic_time() - scene->host->first.answered;

    if (!g_atomic_int_get(&scene->host->first_answered) || g_atomic_int_get(&scene->host->go))
        return;
    if (!scene->live) {
        scene->live = TRUE;
        if (scene->story == PROVE_WATCH || scene->story == PROVE_RESUME)
            scene_kill_keeper(scene, NULL);
        if (scene->story == PROVE_RESUME)
            scene_kill(scene, PROVE_WATCHER, NULL);
    }
    /* without an agent there is nobody to ask */
    if (scene->agent == 0 || (scene->story == PROVE_REQUEST || scene->story == PROVE_RESUME
                                  ? held > HOLD_US
                                  : !frozen || held > 8 * G_USEC_PER_SEC))
        g_atomic_int_set(&scene->host->go, 1);
}

typedef struct {
    ProveScene *scene;
    gboolean (*over)(ProveScene *scene);
} Wait;

static Wait waiting; /* for what test_tracees_run() asks, which has the scene alone */

static gboolean scene_tick(gpointer data)
{
    ProveScene *scene = data;

    scene_watch_time(scene);
    scene_hold(scene);
    return waiting.over(scene);
}

gboolean prove_scene_await(ProveScene *scene, gboolean (*over)(ProveScene *scene), int seconds)
{
    waiting = (Wait){scene, over};
    return test_tracees_run(scene->tracees, g_get_monotonic_time() + seconds * G_USEC_PER_SEC,
                            scene_tick);
}

static gboolean is_answered(ProveScene *scene)
{
    return g_atomic_int_get(&scene->host->done);
}

void prove_scene_ask(ProveScene *scene, const char *first, const char *second)
{
    prove_host_begin(scene->host, SOCKET, first, second);
    if (!prove_scene_await(scene, is_answered, 3 * PROVE_PATIENCE_S))
        prove_scene_fault(scene, "the host's process does not end");
}

gboolean prove_scene_is_quiet(ProveScene *scene)
{
    GList *list = test_tracees_list(scene->tracees);
    gboolean quiet = TRUE;

    for (GList *at = list; at; at = at->next)
        quiet = quiet && ((TestTracee *)at->data)->role == PROVE_AGENT;
    g_list_free(list);
    return quiet;
}

gboolean prove_scene_is_thawed(ProveScene *scene)
{
    return scene->truth.begin == 0;
}

/* --- checks -------------------------------------------------------------------------------------
 */

static void scene_check_places(ProveScene *scene)
{
    int foreign = test_freezing_ioctl(prove_places[PROVE_FOREIGN], FIFREEZE);

    for (int i = 0; i < PROVE_PLACES; i++) {
        if (test_freezing_ioctl(prove_places[i], FITHAW) != EINVAL)
            prove_scene_fault(scene, "%s was left frozen", prove_places[i]);
        scene->truth.frozen[i] = FALSE;
    }
    scene->truth.begin = 0;
    if (foreign == EBUSY)
        scene->foreign_lost = FALSE;
    else if (!scene->foreign_lost)
        prove_scene_fault(scene, "somebody else's freeze of %s was thawed",
                          prove_places[PROVE_FOREIGN]);
}

/* Of one hook: "freeze" and "thaw" by turns. */
static void scene_check_hook(ProveScene *scene, char **lines, const char *hook)
{
    gboolean frozen = FALSE, paired = TRUE;
    g_autoptr(GString) seen = g_string_new(NULL);

    for (char **line = lines; *line; line++) {
        gboolean freeze = g_str_has_suffix(*line, " freeze");

        if (!g_str_has_prefix(*line, hook))
            continue;
        paired = paired && freeze != frozen;
        frozen = freeze;
        g_string_append(seen, freeze ? " freeze" : " thaw");
    }
    /* a script that is killed itself, or given up, has not written that it ran */
    if (!scene->hook_killed && (!paired || frozen))
        prove_scene_fault(scene, "hook %s ran:%s", hook, seen->str);
}

static void scene_check_hooks(ProveScene *scene)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(HOOK_LOG, &text, NULL, NULL))
        return;
    lines = g_strsplit(text, "\n", -1);
    scene_check_hook(scene, lines, "10-first");
    scene_check_hook(scene, lines, "20-second");
    g_unlink(HOOK_LOG);
}

static char scene_read_switch(void)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(SWITCH, &text, NULL, NULL) ? text[0] : '0';
}

static gboolean is_switch_back(ProveScene *scene)
{
    (void)scene;
    return scene_read_switch() == '0';
}

static void scene_name_left(ProveScene *scene)
{
    GList *list = test_tracees_list(scene->tracees);

    for (GList *at = list; at; at = at->next) {
        TestTracee *tracee = at->data;
        g_autofree char *name = test_call_name(tracee->call, tracee->args);

        if (tracee->role != PROVE_AGENT)
            prove_scene_fault(scene, "%s %d is left behind, in %s", prove_role_names[tracee->role],
                              tracee->pid, name);
    }
    g_list_free(list);
}

void prove_scene_check(ProveScene *scene)
{
    if (!prove_scene_await(scene, prove_scene_is_quiet, 6))
        scene_name_left(scene);
    scene_check_places(scene);
    scene_check_hooks(scene);
    if (!prove_scene_await(scene, is_switch_back, 1))
        prove_scene_fault(scene, "rcu_expedited is still raised");
}

/* --- beginning and end --------------------------------------------------------------------------
 */

void prove_scene_start_agent(ProveScene *scene)
{
    const char *argv[G_N_ELEMENTS(options) + 1] = {g_getenv("FIRN_BINARY")};

    ck_assert_msg(argv[0] != NULL, "FIRN_BINARY does not say where the agent is");
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
        argv[i + 1] = options[i];
    scene->agent_killed = FALSE;
    scene->agent = test_tracees_spawn(scene->tracees, argv, OUTPUT, PROVE_AGENT);
}

static void scene_make_hooks(void)
{
    static const char *const names[] = {"10-first", "20-second"};

    ck_assert_int_eq(g_mkdir_with_parents(HOOKS, 0700), 0);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(HOOKS, names[i], NULL);
        g_autofree char *text = g_strdup_printf("#!/bin/sh\necho %s $1 >>" HOOK_LOG "\n", names[i]);

        ck_assert(g_file_set_contents(path, text, -1, NULL));
        ck_assert_int_eq(g_chmod(path, 0755), 0);
    }
}

static const TestTraceesEvents events = {on_born, on_exec, on_enter, on_leave, on_death};

ProveScene *prove_scene_new(void)
{
    ProveScene *scene = g_new0(ProveScene, 1);

    test_freezing_check_namespace();
    scene->tracees = test_tracees_new(&events, scene);
    if (!scene->tracees) {
        g_free(scene);
        return NULL;
    }
    prove_truth_init(&scene->truth);
    scene_make_hooks();
    scene->host = prove_host_new();
    scene->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    scene->faults = g_string_new(NULL);
    scene->trace = g_string_new(NULL);
    ck_assert_int_eq(test_freezing_ioctl(prove_places[PROVE_FOREIGN], FIFREEZE), 0);
    return scene;
}

void prove_scene_begin(ProveScene *scene, ProveStory story, const ProveRun *run)
{
    if (scene->agent == 0)
        prove_scene_start_agent(scene);
    scene->story = story;
    scene->run = run;
    scene->live = story == PROVE_REQUEST;
    scene->struck = 0;
    scene->struck_pid = scene->stopped = scene->held = 0;
    scene->agent_killed = scene->foreign_lost = scene->too_long = FALSE;
    scene->hook_killed = FALSE;
    g_hash_table_remove_all(scene->counts);
    g_string_truncate(scene->faults, 0);
    g_string_truncate(scene->trace, 0);
    prove_truth_reset(&scene->truth);
}

void prove_scene_clean(ProveScene *scene)
{
    scene->agent = 0;
    test_tracees_free(scene->tracees);
    for (int i = 0; i < PROVE_PLACES; i++)
        test_freezing_ioctl(prove_places[i], FITHAW);
    test_freezing_ioctl(prove_places[PROVE_FOREIGN], FIFREEZE);
    g_free(test_freezing_shell("rm -rf " STATE_DIR " " HOOK_LOG "; echo 0 >" SWITCH));
    prove_truth_init(&scene->truth);
    scene->tracees = test_tracees_new(&events, scene);
}

void prove_scene_free(ProveScene *scene)
{
    scene->agent_killed = TRUE;
    test_tracees_free(scene->tracees);
    test_freezing_ioctl(prove_places[PROVE_FOREIGN], FITHAW);
    g_hash_table_unref(scene->counts);
    g_string_free(scene->faults, TRUE);
    g_string_free(scene->trace, TRUE);
    g_free(scene);
}
