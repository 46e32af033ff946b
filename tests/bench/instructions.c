/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions each agent spends on a request, counted by callgrind: a run with many requests less
 * a run with few, over the difference. They repeat exactly, whatever else the machine does.
 */
#include "tests/bench/agent.h"
#include "tests/bench/row.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FEW 50
#define MANY 250
#define PIECE (64 << 10)
#define COLLECTED "Collected : "

typedef struct {
    const char *what;
    const char *command; /* NULL: none, only the start, a ping and the end */
    const char *more;    /* arguments that follow the handle of a file; NULL: no arguments */
} Request;

/* A file larger than what is read of it. */
static gint64 open_large(BenchAgent *agent)
{
    g_autofree char *path = g_build_filename(agent->folder, "large", NULL);

    if (!g_file_set_contents(path, "", 0, NULL) || truncate(path, 2 * MANY * PIECE) != 0)
        g_error("cannot make '%s': %s", path, g_strerror(errno));
    return bench_agent_open_file(agent, "large", "r+");
}

static void ask(BenchAgent *agent, const Request *request, guint count)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_printf(text, "{\"execute\":\"%s\"", request->command);
    if (request->more)
        g_string_append_printf(text, ",\"arguments\":{\"handle\":%" G_GINT64_FORMAT ",%s}",
                               open_large(agent), request->more);
    g_string_append(text, "}\n");
    for (guint i = 0; i < count; i++)
        bench_agent_must(agent, text->str);
}

/* What callgrind counted in a run with so many requests. */
static gint64 collect(BenchSide side, const Request *request, guint count)
{
    g_autofree char *report = NULL;
    g_autofree char *path = NULL;
    BenchAgent *agent;
    const char *at;

    close(g_file_open_tmp("firn-callgrind-XXXXXX", &path, NULL));
    agent = bench_agent_start_callgrind(side, path);
    if (request->command)
        ask(agent, request, count);
    bench_agent_stop(agent);
    if (!g_file_get_contents(path, &report, NULL, NULL))
        g_error("cannot read '%s'", path);
    unlink(path);
    at = strstr(report, COLLECTED);
    if (!at)
        g_error("callgrind said nothing of %s:\n%s", request->what, report);
    return g_ascii_strtoll(at + strlen(COLLECTED), NULL, 10);
}

static double count(BenchSide side, const Request *request)
{
    if (!request->command)
        return (double)collect(side, request, 0);
    return (double)(collect(side, request, MANY) - collect(side, request, FEW)) / (MANY - FEW);
}

int main(void)
{
    g_autofree char *data = g_strnfill(PIECE / 3 * 4, 'A');
    g_autofree char *written = g_strdup_printf("\"buf-b64\":\"%s\"", data);
    const Request requests[] = {
        {"start and end", NULL, NULL},
        {"guest-ping", "guest-ping", NULL},
        {"guest-info", "guest-info", NULL},
        {"guest-get-time", "guest-get-time", NULL},
        {"guest-get-osinfo", "guest-get-osinfo", NULL},
        {"guest-get-fsinfo", "guest-get-fsinfo", NULL},
        {"guest-network-get-interfaces", "guest-network-get-interfaces", NULL},
        {"guest-fsfreeze-status", "guest-fsfreeze-status", NULL},
        {"guest-file-read 64 KiB", "guest-file-read", "\"count\":65536"},
        {"guest-file-write 64 KiB", "guest-file-write", written},
    };

    if (access("/usr/bin/valgrind", X_OK) != 0)
        g_error("/usr/bin/valgrind cannot be run: %s", g_strerror(errno));
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *what = g_strdup_printf("instructions, %s", requests[i].what);
        g_autoptr(GArray) firn = samples_new();
        g_autoptr(GArray) peer = samples_new();

        samples_add(firn, count(BENCH_FIRN, &requests[i]));
        samples_add(peer, count(BENCH_PEER, &requests[i]));
        bench_row_report(&(BenchRow){what, .unit = ""}, firn, peer, NULL);
    }
    return 0;
}
