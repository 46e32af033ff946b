/* SPDX-License-Identifier: GPL-2.0-or-later */
/* idle: what both agents cost while nothing is asked of them, a client connected. */
#include "tests/bench/agent.h"
#include "tests/bench/row.h"

#include <unistd.h>

/* Context switches of all threads. */
static gint64 switches(const BenchAgent *agent)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)agent->pid);
    g_autoptr(GDir) tasks = g_dir_open(path, 0, NULL);
    gint64 total = 0;

    for (const char *task; tasks && (task = g_dir_read_name(tasks));) {
        g_autofree char *file = g_strdup_printf("task/%s/status", task);

        total += bench_agent_proc(agent, file, "voluntary_ctxt_switches");
        total += bench_agent_proc(agent, file, "nonvoluntary_ctxt_switches");
    }
    return total;
}

#define SIDES 2
#define SECONDS 60
#define MEMORY_ROUNDS 5

/* Both at once: nothing is asked of either. */
static void compare_wakeups(void)
{
    BenchAgent *agents[SIDES];
    gint64 before[SIDES];
    GArray *wakeups[SIDES];

    for (guint side = 0; side < SIDES; side++)
        agents[side] = bench_agent_start((BenchSide)side);
    sleep(2);
    for (guint side = 0; side < SIDES; side++)
        before[side] = switches(agents[side]);
    sleep(SECONDS);
    for (guint side = 0; side < SIDES; side++) {
        wakeups[side] = samples_new();
        samples_add(wakeups[side], (double)(switches(agents[side]) - before[side]));
        bench_agent_stop(agents[side]);
    }
    bench_row_report(&(BenchRow){"wake-ups in 60 s of idling", .unit = "", .goal = GOAL_AT_MOST},
                     wakeups[BENCH_FIRN], wakeups[BENCH_PEER], NULL);
}

static void compare_memory(void)
{
    GArray *alone[SIDES] = {samples_new(), samples_new()};
    GArray *shared[SIDES] = {samples_new(), samples_new()};

    for (guint i = 0; i < MEMORY_ROUNDS * SIDES; i++) {
        BenchAgent *agent = bench_agent_start((BenchSide)(i % SIDES));

        samples_add(alone[i % SIDES], (double)bench_agent_private_memory(agent));
        samples_add(shared[i % SIDES], (double)bench_agent_proc(agent, "smaps_rollup", "Pss"));
        bench_agent_stop(agent);
    }
    bench_row_report(
        &(BenchRow){"private memory, idle", .unit = "KiB", .goal = GOAL_AT_MOST, .target = 512},
        alone[BENCH_FIRN], alone[BENCH_PEER], NULL);
    bench_row_report(&(BenchRow){"proportional memory (PSS), idle", .unit = "KiB"},
                     shared[BENCH_FIRN], shared[BENCH_PEER], NULL);
}

int main(void)
{
    compare_wakeups();
    compare_memory();
    return 0;
}
