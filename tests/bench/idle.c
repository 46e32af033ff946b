/* SPDX-License-Identifier: GPL-2.0-or-later */
/* idle [SECONDS]: what both agents cost while nothing is asked of them, a client connected. */
#include "tests/bench/peer.h"
#include "tests/bench/samples.h"

#include <stdlib.h>
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

int main(int argc, char **argv)
{
    guint seconds = argc > 1 ? (guint)atoi(argv[1]) : 60;
    BenchAgent *agents[2] = {bench_agent_start(TRUE), bench_agent_start(FALSE)};
    GArray *wakeups[2], *unshared[2], *pss[2];
    gint64 before[2];

    sleep(2);
    for (int i = 0; i < 2; i++)
        before[i] = switches(agents[i]);
    sleep(seconds);
    for (int i = 0; i < 2; i++) {
        wakeups[i] = samples_new();
        unshared[i] = samples_new();
        pss[i] = samples_new();
        samples_add(wakeups[i], (double)(switches(agents[i]) - before[i]));
        samples_add(unshared[i],
                    (double)(bench_agent_proc(agents[i], "smaps_rollup", "Private_Dirty") +
                             bench_agent_proc(agents[i], "smaps_rollup", "Private_Clean")));
        samples_add(pss[i], (double)bench_agent_proc(agents[i], "smaps_rollup", "Pss"));
    }
    samples_report("wake-ups while idle", seconds, "", FALSE, 0, wakeups[0], wakeups[1]);
    samples_report("private memory", 0, "KiB", FALSE, 1, unshared[0], unshared[1]);
    samples_report("proportional memory (PSS)", 0, "KiB", FALSE, 1, pss[0], pss[1]);
    bench_agent_stop(agents[0]);
    bench_agent_stop(agents[1]);
    return 0;
}
