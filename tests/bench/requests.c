/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests, in turn on each agent: requests PART [N]. */
#include "tests/bench/agent.h"
#include "tests/bench/row.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PING "{\"execute\":\"guest-ping\"}\n"
#define READ_SIZE (48 << 20)
#define WRITE_SIZE (32 << 20)
#define MIB 1048576.0

typedef double (*Measure)(BenchAgent *agent, guint64 size);

/* Seconds that `count` requests took, one at a time. */
static double one_at_a_time(BenchAgent *agent, const char *request, guint count)
{
    double begin = samples_now();

    for (guint i = 0; i < count; i++)
        bench_agent_must(agent, request);
    return samples_now() - begin;
}

static double ping_rate(BenchAgent *agent, guint64 size)
{
    return 10000 / one_at_a_time(agent, PING, 10000);
}

static void set_processors(pid_t pid, const cpu_set_t *set)
{
    if (sched_setaffinity(pid, sizeof(*set), set) != 0)
        g_error("cannot choose the processor of process %d: %s", (int)pid, g_strerror(errno));
}

/* On one processor with the client. On two, each sleeps while the other works, and what is measured
 * is how long it takes to wake them: most of the time, and no agent's doing. */
static double awake_ping_rate(BenchAgent *agent, guint64 size)
{
    cpu_set_t all, one;
    double rate;
    int cpu = 0;

    if (sched_getaffinity(0, sizeof(all), &all) != 0)
        g_error("cannot ask for the processors: %s", g_strerror(errno));
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    set_processors(agent->pid, &one);
    set_processors(0, &one);
    rate = ping_rate(agent, size);
    set_processors(0, &all);
    return rate;
}

static double pipelined_rate(BenchAgent *agent, guint64 size)
{
    g_autoptr(GString) batch = g_string_new(NULL);
    double begin;

    for (int i = 0; i < 1000; i++)
        g_string_append(batch, PING);
    begin = samples_now();
    for (int round = 0; round < 20; round++) {
        bench_agent_send(agent, batch->str, batch->len);
        for (int i = 0; i < 1000; i++)
            bench_agent_read_line(agent, NULL);
    }
    return 20000 / (samples_now() - begin);
}

/* From here on VmHWM counts anew. */
static void forget_peak(BenchAgent *agent)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/clear_refs", (int)agent->pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "5", 1) != 1)
        g_error("cannot write '%s': %s", path, g_strerror(errno));
    close(fd);
}

/* Bytes that no two of are the same for long. */
static char *make_data(gsize length)
{
    char *data = g_malloc(length);

    for (gsize i = 0; i < length; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    return data;
}

static double read_once(BenchAgent *agent)
{
    g_autofree char *path = g_build_filename(agent->folder, "large", NULL);
    g_autofree char *data = make_data(READ_SIZE);
    g_autofree char *request = NULL;
    const char *reply;
    gsize length;
    gint64 handle;
    double begin, took;

    if (!g_file_set_contents(path, data, READ_SIZE, NULL))
        g_error("cannot write '%s'", path);
    handle = bench_agent_open_file(agent, "large", "r");
    request = g_strdup_printf(
        "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":%" G_GINT64_FORMAT
        ",\"count\":%d}}\n",
        handle, READ_SIZE);
    bench_agent_reserve(agent, READ_SIZE / 3 * 4 + (1 << 20));
    begin = samples_now();
    bench_agent_send(agent, request, strlen(request));
    reply = bench_agent_read_line(agent, &length);
    took = samples_now() - begin;
    if (length < READ_SIZE / 3 * 4 || !strstr(reply + length - 100, "}}"))
        g_error("%s: a short reply: %.200s", agent->name, reply);
    bench_agent_close_file(agent, handle);
    return took;
}

static double write_once(BenchAgent *agent)
{
    g_autofree char *data = make_data(WRITE_SIZE);
    g_autofree char *encoded = NULL;
    g_autofree char *request = NULL;
    gint64 handle = bench_agent_open_file(agent, "written", "w");
    double begin, took;

    encoded = g_base64_encode((guchar *)data, WRITE_SIZE);
    request = g_strdup_printf(
        "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%" G_GINT64_FORMAT
        ",\"buf-b64\":\"%s\"}}\n",
        handle, encoded);
    begin = samples_now();
    bench_agent_must(agent, request);
    took = samples_now() - begin;
    bench_agent_close_file(agent, handle);
    return took;
}

static double read_rate(BenchAgent *agent, guint64 size)
{
    return READ_SIZE / MIB / read_once(agent);
}

static double write_rate(BenchAgent *agent, guint64 size)
{
    return WRITE_SIZE / MIB / write_once(agent);
}

static double peak_of(BenchAgent *agent, double (*transfer)(BenchAgent *agent))
{
    forget_peak(agent);
    transfer(agent);
    return (double)bench_agent_proc(agent, "status", "VmHWM") / 1024;
}

static double read_peak(BenchAgent *agent, guint64 size)
{
    return peak_of(agent, read_once);
}

static double write_peak(BenchAgent *agent, guint64 size)
{
    return peak_of(agent, write_once);
}

static double kept_after(BenchAgent *agent, double (*transfer)(BenchAgent *agent))
{
    gint64 before;

    bench_agent_close_file(agent, bench_agent_open_file(agent, "small", "w"));
    before = bench_agent_private_memory(agent);
    transfer(agent);
    return (double)(bench_agent_private_memory(agent) - before) / 1024;
}

static double kept_after_read(BenchAgent *agent, guint64 size)
{
    return kept_after(agent, read_once);
}

static double kept_after_write(BenchAgent *agent, guint64 size)
{
    return kept_after(agent, write_once);
}

static double start_time(BenchAgent *agent, guint64 size)
{
    return agent->started * 1000;
}

static double exec_time(BenchAgent *agent, guint64 size)
{
    const int count = 50;
    double begin = samples_now();

    for (int i = 0; i < count; i++) {
        const char *reply = bench_agent_must(
            agent, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/true\"}}");
        const char *digits = strpbrk(reply, "0123456789");
        g_autofree char *request = g_strdup_printf(
            "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%d}}", atoi(digits));

        while (!strstr(bench_agent_must(agent, request), "exitcode"))
            ;
    }
    return (samples_now() - begin) * 1000 / count;
}

/* Milliseconds of a request in the middle of some, after a first one, which makes the agent's
 * memory grow to what it needs. */
static double request_time(BenchAgent *agent, const char *request, guint64 size)
{
    g_autoptr(GArray) times = samples_new();
    guint count = size >= 1000 ? 9 : 51;

    bench_agent_must(agent, request);
    for (guint i = 0; i < count; i++)
        samples_add(times, one_at_a_time(agent, request, 1) * 1000);
    return samples_spread(times).median;
}

static double interfaces_time(BenchAgent *agent, guint64 size)
{
    return request_time(agent, "{\"execute\":\"guest-network-get-interfaces\"}\n", size);
}

static double fsinfo_time(BenchAgent *agent, guint64 size)
{
    return request_time(agent, "{\"execute\":\"guest-get-fsinfo\"}\n", size);
}

/* A network namespace with so many interfaces, loopback among them: pairs of veth with an address
 * each. */
static void make_interfaces(guint64 count)
{
    FILE *ip;

    if (unshare(CLONE_NEWNET) != 0)
        g_error("no network namespace: %s", g_strerror(errno));
    ip = popen("ip -force -batch -", "w");
    if (!ip)
        g_error("ip cannot be run");
    fprintf(ip, "link set lo up\n");
    for (guint64 i = 0; i < count / 2; i++) {
        fprintf(ip, "link add a%d type veth peer name b%d\n", (int)i, (int)i);
        fprintf(ip, "addr add 10.%d.%d.1/24 dev a%d\n", (int)(i / 250), (int)(i % 250), (int)i);
    }
    if (pclose(ip) != 0)
        g_error("the interfaces cannot be made");
}

/* A mount namespace with so many more mounts of the filesystem that holds the scratch folder. */
static void make_mounts(guint64 count)
{
    g_autofree char *folder = g_dir_make_tmp("firn-mounts-XXXXXX", NULL);
    g_autofree char *source = g_build_filename(folder, "source", NULL);

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(source, 0700) != 0)
        g_error("no mount namespace: %s", g_strerror(errno));
    for (guint64 i = 0; i < count; i++) {
        g_autofree char *target = g_strdup_printf("%s/%d", folder, (int)i);

        if (mkdir(target, 0700) != 0 || mount(source, target, NULL, MS_BIND, NULL) != 0)
            g_error("cannot mount '%s': %s", target, g_strerror(errno));
    }
}

/* client: the server that does nothing is measured as well. goal_size: the one size that the goal
 * is for, 0 for any. */
static const struct {
    const char *part;
    Measure measure;
    int rounds;
    gboolean client;
    guint64 goal_size;
    BenchRow row;
} benches[] = {
    {"ping",
     awake_ping_rate,
     7,
     TRUE,
     0,
     {"guest-ping, one at a time", .unit = "/s", .higher = TRUE, .goal = GOAL_TIMES,
      .target = 1.5}},
    {"ping",
     ping_rate,
     7,
     TRUE,
     0,
     {"guest-ping, processors asleep", .unit = "/s", .higher = TRUE}},
    {"ping",
     pipelined_rate,
     7,
     TRUE,
     0,
     {"guest-ping, pipelined", .unit = "/s", .higher = TRUE, .goal = GOAL_TIMES, .target = 5}},
    {"exec",
     exec_time,
     9,
     FALSE,
     0,
     {"guest-exec of /bin/true to its exit status", .unit = "ms", .goal = GOAL_TIMES, .target = 1}},
    {"start",
     start_time,
     25,
     FALSE,
     0,
     {"start to first answer", .unit = "ms", .goal = GOAL_WITHIN, .target = 6}},
    {"transfer",
     read_rate,
     5,
     TRUE,
     0,
     {"guest-file-read 48 MiB", .unit = "MiB/s", .higher = TRUE, .goal = GOAL_TIMES, .target = 7}},
    {"transfer",
     write_rate,
     5,
     TRUE,
     0,
     {"guest-file-write 32 MiB", .unit = "MiB/s", .higher = TRUE, .goal = GOAL_TIMES, .target = 5}},
    {"transfer",
     read_peak,
     3,
     FALSE,
     0,
     {"peak memory, 48 MiB read", .unit = "MiB", .goal = GOAL_TIMES, .target = 3}},
    {"transfer",
     write_peak,
     3,
     FALSE,
     0,
     {"peak memory, 32 MiB write", .unit = "MiB", .goal = GOAL_TIMES, .target = 3}},
    {"transfer",
     kept_after_read,
     3,
     FALSE,
     0,
     {"memory kept after 48 MiB read", .unit = "MiB", .goal = GOAL_AT_MOST, .target = 1}},
    {"transfer",
     kept_after_write,
     3,
     FALSE,
     0,
     {"memory kept after 32 MiB write", .unit = "MiB", .goal = GOAL_AT_MOST, .target = 1}},
    {"interfaces",
     interfaces_time,
     5,
     FALSE,
     1000,
     {"guest-network-get-interfaces", .unit = "ms", .linear = TRUE, .goal = GOAL_TIMES,
      .target = 10}},
    {"mounts",
     fsinfo_time,
     5,
     FALSE,
     2000,
     {"guest-get-fsinfo", .unit = "ms", .linear = TRUE, .goal = GOAL_TIMES, .target = 5}},
};

static void run(guint bench, guint64 size)
{
    GArray *samples[] = {samples_new(), samples_new(), samples_new()};
    BenchRow row = benches[bench].row;

    row.size = size;
    if (benches[bench].goal_size && benches[bench].goal_size != size)
        row.goal = GOAL_NONE;
    for (int i = 0; i < benches[bench].rounds; i++) {
        for (guint side = BENCH_FIRN; side <= (benches[bench].client ? BENCH_CLIENT : BENCH_PEER);
             side++) {
            BenchAgent *agent = bench_agent_start((BenchSide)side);

            samples_add(samples[side], benches[bench].measure(agent, size));
            bench_agent_stop(agent);
        }
    }
    bench_row_report(&row, samples[BENCH_FIRN], samples[BENCH_PEER], samples[BENCH_CLIENT]);
    for (guint side = 0; side < G_N_ELEMENTS(samples); side++)
        g_array_unref(samples[side]);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    guint64 size = argc > 2 ? (guint64)atoll(argv[2]) : 0;
    gboolean found = FALSE;

    if (strcmp(part, "interfaces") == 0)
        make_interfaces(size);
    if (strcmp(part, "mounts") == 0)
        make_mounts(size);
    for (guint i = 0; i < G_N_ELEMENTS(benches); i++) {
        if (strcmp(benches[i].part, part) != 0)
            continue;
        run(i, size);
        found = TRUE;
    }
    if (!found)
        fprintf(stderr, "requests ping|exec|start|transfer|interfaces N|mounts N\n");
    return found ? 0 : 2;
}
