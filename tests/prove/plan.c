/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prove/plan.h"

#include <errno.h>
#include <string.h>

#include "tests/lib/calls.h"

const char *const prove_role_names[] = {"agent",   "keeper",          "child",
                                        "watcher", "watcher's-child", "resumed"};
const char *const prove_story_names[] = {"request", "deadline", "watch", "resume"};
const char *const prove_kind_names[] = {
    "kill-keeper", "kill-watcher", "kill-agent", "kill-both", "kill-all", "kill-child",
    "stop-keeper", "stop-watcher", "stop-agent", "trace",     "fail",     "fail-on"};

ProvePlan *prove_plan_new(void)
{
    ProvePlan *plan = g_new0(ProvePlan, 1);

    plan->points = g_ptr_array_new();
    plan->runs = g_array_new(FALSE, FALSE, sizeof(ProveRun));
    return plan;
}

void prove_plan_add(ProvePlan *plan, ProvePoint *point)
{
    g_ptr_array_add(plan->points, point);
}

/* Keys of the hash tables are places, values are counts. */
static guint plan_count(GHashTable *counts, const ProvePoint *point)
{
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, point->place)) + 1;

    g_hash_table_insert(counts, point->place, GUINT_TO_POINTER(count));
    return count;
}

void prove_plan_thin(ProvePlan *plan)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *kept = g_ptr_array_new();

    for (guint i = 0; i < plan->points->len; i++) {
        ProvePoint *point = plan->points->pdata[i];
        guint nth = plan_count(seen, point);

        point->again = nth > 1 && !point->effect;
        if (nth <= 2 || point->effect)
            g_ptr_array_add(kept, point);
    }
    plan->calls = plan->points->len;
    plan->points = kept;
}

static gboolean is_child(ProveRole role)
{
    return role == PROVE_CHILD || role == PROVE_WATCHER_CHILD;
}

/* After one process was killed, a second fault: who makes the call is killed there, or all are, or
 * the call fails. */
static gboolean fits_second(const ProvePoint *point, ProveKind kind)
{
    gboolean watcher = point->role == PROVE_WATCHER || point->role == PROVE_WATCHER_CHILD;

    switch (kind) {
    case PROVE_KILL_KEEPER:
        return !watcher;
    case PROVE_KILL_WATCHER:
        return watcher;
    case PROVE_KILL_ALL:
    case PROVE_KILL_CHILD:
    case PROVE_FAIL:
        return TRUE;
    case PROVE_KILL_AGENT:
    case PROVE_KILL_BOTH:
    case PROVE_STOP_KEEPER:
    case PROVE_STOP_WATCHER:
    case PROVE_STOP_AGENT:
    case PROVE_TRACE:
    case PROVE_FAIL_ON:
    case PROVE_KINDS:
    default:
        return FALSE;
    }
}

/* Whether there is somebody to do it to, or a sense in it. */
static gboolean fits(const ProvePoint *point, ProveKind kind)
{
    if ((point->story == PROVE_WATCH || point->story == PROVE_RESUME) &&
        (!fits_second(point, kind) || (kind == PROVE_KILL_CHILD && !is_child(point->role))))
        return FALSE;
    switch (kind) {
    case PROVE_KILL_WATCHER:
    case PROVE_KILL_BOTH:
    case PROVE_STOP_WATCHER:
        return point->watcher || point->role == PROVE_WATCHER;
    case PROVE_KILL_CHILD:
        return is_child(point->role);
    case PROVE_FAIL_ON: /* what a machine that is full does not stop doing */
        return !point->again && point->role != PROVE_CHILD && point->role != PROVE_WATCHER_CHILD &&
               (point->errnos[0] == EAGAIN || point->errnos[0] == ENOMEM ||
                point->errnos[0] == EMFILE);
    case PROVE_FAIL:
        return point->errnos[0] != 0;
    case PROVE_KILL_KEEPER:
    case PROVE_KILL_AGENT:
    case PROVE_KILL_ALL:
    case PROVE_STOP_KEEPER:
    case PROVE_STOP_AGENT:
    case PROVE_TRACE:
    case PROVE_KINDS:
    default:
        return TRUE;
    }
}

static gboolean is_kill(ProveKind kind)
{
    return kind <= PROVE_KILL_CHILD;
}

static void add_runs(GArray *runs, const ProvePoint *point, ProveKind kind, gboolean every)
{
    ProveRun run = {point, kind, FALSE, 0};
    gboolean fails = kind == PROVE_FAIL || kind == PROVE_FAIL_ON;

    if (!fits(point, kind) || !(every || fails || point->turn))
        return;
    if (kind == PROVE_FAIL) {
        for (const int *error = point->errnos; *error && !(point->again && run.error); error++) {
            run.error = *error;
            g_array_append_val(runs, run);
        }
        return;
    }
    run.error = kind == PROVE_FAIL_ON ? point->errnos[0] : 0;
    g_array_append_val(runs, run);
    if (is_kill(kind) && point->effect) {
        run.after = TRUE;
        g_array_append_val(runs, run);
    }
}

static guint greatest_divisor(guint a, guint b)
{
    while (b) {
        guint rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* A step that visits all of `count` and comes near to all of them early: the golden ratio's. */
static guint stride(guint count)
{
    guint step = MAX(1, (guint)((double)count * 0.618));

    while (greatest_divisor(step, count) != 1)
        step++;
    return step;
}

/* The kinds take turns in proportion to their runs: each time the one that is furthest behind. */
void prove_plan_make(ProvePlan *plan, guint32 seed, gboolean every)
{
    GArray *runs[PROVE_KINDS];
    guint done[PROVE_KINDS] = {0}, total = 0;

    for (int kind = 0; kind < PROVE_KINDS; kind++) {
        runs[kind] = g_array_new(FALSE, FALSE, sizeof(ProveRun));
        for (guint i = 0; i < plan->points->len; i++)
            add_runs(runs[kind], plan->points->pdata[i], (ProveKind)kind, every);
        total += runs[kind]->len;
        plan->by_kind[kind] = runs[kind]->len;
    }
    while (plan->runs->len < total) {
        int next = -1;
        guint at;

        for (int kind = 0; kind < PROVE_KINDS; kind++) {
            if (done[kind] < runs[kind]->len &&
                (next < 0 ||
                 (double)done[kind] / runs[kind]->len < (double)done[next] / runs[next]->len))
                next = kind;
        }
        at = (guint)(((guint64)seed + (guint64)done[next] * stride(runs[next]->len)) %
                     runs[next]->len);
        g_array_append_val(plan->runs, g_array_index(runs[next], ProveRun, at));
        done[next]++;
    }
    for (int kind = 0; kind < PROVE_KINDS; kind++)
        g_array_unref(runs[kind]);
}

static const char *errno_name(int error)
{
    switch (error) {
#define NAME(name)                                                                                 \
    case name:                                                                                     \
        return #name
        NAME(EPERM);
        NAME(EINTR);
        NAME(EIO);
        NAME(EAGAIN);
        NAME(ENOMEM);
        NAME(EBUSY);
        NAME(ENFILE);
        NAME(EMFILE);
        NAME(ENOSPC);
        NAME(ENOLCK);
        NAME(EOPNOTSUPP);
        NAME(EADDRINUSE);
        NAME(ENOBUFS);
        NAME(ECONNREFUSED);
#undef NAME
    default:
        return "";
    }
}

char *prove_run_name(const ProveRun *run)
{
    const ProvePoint *point = run->point;

    return g_strdup_printf("%s %s %s %u %s%s%s%s", prove_story_names[point->story],
                           prove_role_names[point->role], point->name, point->nth,
                           prove_kind_names[run->kind], run->error ? " " : "",
                           errno_name(run->error), run->after ? " after" : "");
}
