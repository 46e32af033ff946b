/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests beside the packaged agent, in turn: requests ping|transfer|exec|start|interfaces
 * N|mounts N. */
#include "tests/bench/peer.h"
#include "tests/bench/samples.h"

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

static gint64 open_file(BenchAgent *agent, const char *name, const char *mode)
{
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"%s/%s\","
                        "\"mode\":\"%s\"}}",
                        agent->folder, name, mode);
    const char *reply = bench_agent_must(agent, request);

    return g_ascii_strtoll(strchr(reply, ':') + 1, NULL, 10);
}

static void close_file(BenchAgent *agent, gint64 handle)
{
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":%" G_GINT64_FORMAT "}}",
        handle);

    bench_agent_must(agent, request);
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

static double read_once(BenchAgent *agent)
{
    g_autofree char *path = g_build_filename(agent->folder, "large", NULL);
    g_autofree char *data = g_malloc(READ_SIZE);
    g_autofree char *request = NULL;
    const char *reply;
    gsize length;
    gint64 handle;
    double begin, took;

    for (gsize i = 0; i < READ_SIZE; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    if (!g_file_set_contents(path, data, READ_SIZE, NULL))
        g_error("cannot write '%s'", path);
    handle = open_file(agent, "large", "r");
    request = g_strdup_printf(
        "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":%" G_GINT64_FORMAT
        ",\"count\":%d}}",
        handle, READ_SIZE);
    bench_agent_reserve(agent, READ_SIZE / 3 * 4 + (1 << 20));
    begin = samples_now();
    bench_agent_send(agent, request, strlen(request));
    reply = bench_agent_read_line(agent, &length);
    took = samples_now() - begin;
    if (length < READ_SIZE / 3 * 4 || !strstr(reply + length - 100, "}}"))
        g_error("%s: a short reply: %.200s", agent->name, reply);
    close_file(agent, handle);
    return took;
}

static double write_once(BenchAgent *agent)
{
    g_autofree char *data = g_malloc0(WRITE_SIZE);
    g_autofree char *encoded = NULL;
    g_autofree char *request = NULL;
    gint64 handle = open_file(agent, "written", "w");
    double begin, took;

    for (gsize i = 0; i < WRITE_SIZE; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    encoded = g_base64_encode((guchar *)data, WRITE_SIZE);
    request = g_strdup_printf(
        "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%" G_GINT64_FORMAT
        ",\"buf-b64\":\"%s\"}}",
        handle, encoded);
    begin = samples_now();
    bench_agent_must(agent, request);
    took = samples_now() - begin;
    close_file(agent, handle);
    return took;
}

static double read_rate(BenchAgent *agent, guint64 size)
{
    return READ_SIZE / 1048576.0 / read_once(agent);
}

static double write_rate(BenchAgent *agent, guint64 size)
{
    return WRITE_SIZE / 1048576.0 / write_once(agent);
}

static double read_peak(BenchAgent *agent, guint64 size)
{
    forget_peak(agent);
    read_once(agent);
    return (double)bench_agent_proc(agent, "status", "VmHWM") / 1024;
}

static double write_peak(BenchAgent *agent, guint64 size)
{
    forget_peak(agent);
    write_once(agent);
    return (double)bench_agent_proc(agent, "status", "VmHWM") / 1024;
}

static double private_memory(BenchAgent *agent)
{
    return (double)(bench_agent_proc(agent, "smaps_rollup", "Private_Dirty") +
                    bench_agent_proc(agent, "smaps_rollup", "Private_Clean")) /
           1024;
}

static double growth_after_transfer(BenchAgent *agent, guint64 size)
{
    double before;

    close_file(agent, open_file(agent, "small", "w"));
    before = private_memory(agent);
    read_once(agent);
    return MAX(private_memory(agent) - before, 0.001);
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

static double interfaces_time(BenchAgent *agent, guint64 size)
{
    guint count = size >= 1000 ? 3 : 30;

    return one_at_a_time(agent, "{\"execute\":\"guest-network-get-interfaces\"}\n", count) * 1000 /
           count;
}

static double mounts_time(BenchAgent *agent, guint64 size)
{
    guint count = size >= 1000 ? 3 : 30;

    return one_at_a_time(agent, "{\"execute\":\"guest-get-fsinfo\"}\n", count) * 1000 / count;
}

static void compare(const char *what, guint64 size, const char *unit, gboolean higher,
                    double wanted, int rounds, Measure measure)
{
    g_autoptr(GArray) firn = samples_new();
    g_autoptr(GArray) peer = samples_new();

    for (int i = 0; i < rounds; i++) {
        for (int side = 0; side < 2; side++) {
            BenchAgent *agent = bench_agent_start(side == 0);

            samples_add(side == 0 ? firn : peer, measure(agent, size));
            bench_agent_stop(agent);
        }
    }
    samples_report(what, size, unit, higher, wanted, firn, peer);
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

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    guint64 size = argc > 2 ? (guint64)atoll(argv[2]) : 0;

    if (strcmp(part, "ping") == 0) {
        compare("guest-ping, one at a time", 0, "/s", TRUE, 1.5, 5, ping_rate);
        compare("guest-ping, pipelined", 0, "/s", TRUE, 3, 5, pipelined_rate);
    } else if (strcmp(part, "transfer") == 0) {
        compare("guest-file-read 48 MiB", 0, "MiB/s", TRUE, 8, 5, read_rate);
        compare("guest-file-write 32 MiB", 0, "MiB/s", TRUE, 8, 5, write_rate);
        compare("peak memory, 48 MiB read", 0, "MiB", FALSE, 3, 3, read_peak);
        compare("peak memory, 32 MiB write", 0, "MiB", FALSE, 3, 3, write_peak);
        compare("memory kept after 48 MiB read", 0, "MiB", FALSE, 0, 3, growth_after_transfer);
    } else if (strcmp(part, "exec") == 0) {
        compare("guest-exec /bin/true to exit status", 0, "ms", FALSE, 1, 9, exec_time);
    } else if (strcmp(part, "start") == 0) {
        compare("start to first answer", 0, "ms", FALSE, 1, 15, start_time);
    } else if (strcmp(part, "interfaces") == 0) {
        make_interfaces(size);
        compare("guest-network-get-interfaces", size, "ms", FALSE, size >= 1000 ? 10 : 1, 3,
                interfaces_time);
    } else if (strcmp(part, "mounts") == 0) {
        make_mounts(size);
        compare("guest-get-fsinfo", size, "ms", FALSE, size >= 2000 ? 3 : 1, 3, mounts_time);
    } else {
        fprintf(stderr, "requests ping|transfer|exec|start|interfaces N|mounts N\n");
        return 2;
    }
    return 0;
}
