/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Freezes beside the packaged agent, in turn, inside tests/kernel/ns: freeze ROUNDS [MEGABYTES],
 * with so much dirty data on each filesystem. Times come from the kernel's own record of the
 * ioctls.
 */
#include "tests/bench/agent.h"
#include "tests/bench/ioctl-trace.h"
#include "tests/bench/row.h"
#include "tests/bench/writers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A freeze within a second of the last one profits from grace periods under way; a real one comes
 * alone. */
#define COLD_USEC 1500000
#define EXPEDITED "/sys/kernel/rcu_expedited"

typedef struct {
    GArray *walk, *thaw, *stall, *stalled_walk;
} Side;

static Side side_new(void)
{
    return (Side){samples_new(), samples_new(), samples_new(), samples_new()};
}

static guint reply_count(const char *reply)
{
    const char *value = strstr(reply, "\"return\":");

    return value ? (guint)strtoul(value + strlen("\"return\":"), NULL, 10) : 0;
}

static char **scratch_mountpoints(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    GPtrArray *found = g_ptr_array_new();

    g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL);
    lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", 6);

        if (strstr(*line, " /dev/loop") && g_strv_length(words) > 4)
            g_ptr_array_add(found, g_strdup(words[4]));
    }
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(found, FALSE);
}

static void make_dirty(char **mountpoints, gsize bytes)
{
    for (char **mountpoint = mountpoints; bytes && *mountpoint; mountpoint++)
        writers_make_dirty(*mountpoint, bytes);
}

/* Left behind by somebody, it would make the packaged agent as fast as firn. */
static void check_grace_periods(void)
{
    g_autofree char *text = NULL;

    if (g_file_get_contents(EXPEDITED, &text, NULL, NULL) && atoi(text) != 0)
        g_error("%s is not 0 while nothing is frozen: write 0 to it and measure again", EXPEDITED);
}

/* steady: with writers that go on all the time, and whose longest wait is measured. */
static void one_round(BenchSide which, char **mountpoints, gsize dirty, gboolean steady,
                      IoctlTrace *trace, Side *side)
{
    BenchAgent *agent;
    Writers *writers = NULL;
    IoctlSpan freeze, thaw;
    guint frozen;

    check_grace_periods();
    agent = bench_agent_start(which);
    g_usleep(COLD_USEC);
    make_dirty(mountpoints, dirty);
    if (steady) {
        writers = writers_start(mountpoints);
        g_usleep(100000);
    }
    ioctl_trace_clear(trace);
    frozen = reply_count(bench_agent_must(agent, "{\"execute\":\"guest-fsfreeze-freeze\"}\n"));
    if (reply_count(bench_agent_must(agent, "{\"execute\":\"guest-fsfreeze-thaw\"}\n")) != frozen)
        g_error("%s thawed another number than it froze", agent->name);
    if (writers)
        samples_add(side->stall, writers_stop(writers) * 1000);
    freeze = ioctl_trace_span(trace, TRUE);
    thaw = ioctl_trace_span(trace, FALSE);
    if (freeze.calls != g_strv_length(mountpoints) || frozen != freeze.calls)
        g_error("%s froze %u, the kernel saw %u, %u are mounted", agent->name, frozen, freeze.calls,
                g_strv_length(mountpoints));
    samples_add(steady ? side->stalled_walk : side->walk, freeze.seconds * 1000);
    samples_add(side->thaw, thaw.seconds * 1000);
    bench_agent_stop(agent);
}

/* The sizes that goals are for. */
#define WALK_GOAL_SIZE 64
#define THAW_GOAL_SIZE 256

static void report_clean(guint count, const Side *firn, const Side *peer)
{
    BenchRow walk = {"freeze walk, clean and cold", count, .unit = "ms", .linear = TRUE};
    BenchRow thaw = {"thaw", count, .unit = "ms"};

    if (count == WALK_GOAL_SIZE) {
        walk.goal = GOAL_TIMES;
        walk.target = 100;
    }
    if (count == THAW_GOAL_SIZE) {
        thaw.goal = GOAL_TIMES;
        thaw.target = 1;
    }
    bench_row_report(&walk, firn->walk, peer->walk, NULL);
    bench_row_report(&thaw, firn->thaw, peer->thaw, NULL);
}

static void report_dirty(const Side *firn, const Side *peer)
{
    BenchRow walk = {"freeze walk, 3 × 256 MiB dirty", .unit = "ms", .goal = GOAL_TIMES,
                     .target = 100};
    BenchRow stall = {"longest stall of a writer", .unit = "ms", .goal = GOAL_TIMES, .target = 30};
    BenchRow steady = {"freeze walk under these writers", .unit = "ms"};

    bench_row_report(&walk, firn->walk, peer->walk, NULL);
    bench_row_report(&stall, firn->stall, peer->stall, NULL);
    bench_row_report(&steady, firn->stalled_walk, peer->stalled_walk, NULL);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    gsize dirty = argc > 2 ? (gsize)atoi(argv[2]) << 20 : 0;
    Side firn = side_new(), peer = side_new();
    g_auto(GStrv) mountpoints = NULL;
    IoctlTrace *trace;
    guint count;

    if (access("/run/firn-test-namespace", F_OK) != 0) {
        fprintf(stderr, "run it by './dev bench freeze': it freezes every filesystem it can see\n");
        return 2;
    }
    mountpoints = scratch_mountpoints();
    count = g_strv_length(mountpoints);
    trace = ioctl_trace_new();
    for (int i = 0; i < rounds; i++) {
        for (int steady = 0; steady <= (dirty > 0); steady++) {
            one_round(BENCH_FIRN, mountpoints, dirty, steady, trace, &firn);
            one_round(BENCH_PEER, mountpoints, dirty, steady, trace, &peer);
        }
    }
    ioctl_trace_free(trace);
    if (dirty)
        report_dirty(&firn, &peer);
    else
        report_clean(count, &firn, &peer);
    return 0;
}
