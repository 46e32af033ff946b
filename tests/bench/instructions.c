/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions each agent spends on a request, counted by callgrind: a run with many requests less
 * a run with few, over the difference. They repeat exactly, whatever else the machine does.
 */
#include "tests/bench/peer.h"
#include "tests/bench/samples.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FEW 50
#define MANY 250

static const char *const requests[] = {
    "guest-ping",
    "guest-info",
    "guest-get-time",
    "guest-get-fsinfo",
    "guest-network-get-interfaces",
    "guest-get-osinfo",
    "guest-fsfreeze-status",
};

/* Callgrind's "Collected : N" of a run with `count` requests. */
static gint64 collected(gboolean firn, const char *name, guint count)
{
    g_autofree char *request = g_strdup_printf("{\"execute\":\"%s\"}\n", name);
    g_autofree char *errors = NULL;
    g_autofree char *path = NULL;
    BenchAgent *agent;
    const char *at;

    close(g_file_open_tmp("firn-callgrind-XXXXXX", &path, NULL));
    agent = bench_agent_start_under(firn, TRUE, path);
    for (guint i = 0; i < count; i++)
        bench_agent_must(agent, request);
    bench_agent_stop(agent);
    if (!g_file_get_contents(path, &errors, NULL, NULL))
        g_error("cannot read '%s'", path);
    unlink(path);
    at = strstr(errors, "Collected : ");
    if (!at)
        g_error("callgrind said nothing of %s:\n%s", name, errors);
    return g_ascii_strtoll(at + strlen("Collected : "), NULL, 10);
}

int main(void)
{
    if (access("/usr/bin/valgrind", X_OK) != 0)
        g_error("/usr/bin/valgrind cannot be run: %s", g_strerror(errno));
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *what = g_strdup_printf("instructions, %s", requests[i]);
        g_autoptr(GArray) firn = samples_new();
        g_autoptr(GArray) peer = samples_new();

        for (int side = 0; side < 2; side++) {
            gint64 many = collected(side == 0, requests[i], MANY);
            gint64 few = collected(side == 0, requests[i], FEW);

            samples_add(side == 0 ? firn : peer, (double)(many - few) / (MANY - FEW));
        }
        samples_report(what, 0, "", FALSE, 0, firn, peer);
    }
    return 0;
}
