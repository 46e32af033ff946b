/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/endurance.h"

#include <check.h>

#define TIMES 10000
#define WARM_UP 500
/* Requests that are sent before their replies are read. */
#define BATCH 50
#define SLACK_KIB 2048

static void ask(TestClient *client, const char *request, gboolean silent, guint times)
{
    for (guint done = 0; done < times; done += BATCH) {
        g_autoptr(GString) batch = g_string_new(NULL);

        for (guint i = 0; i < BATCH; i++)
            g_string_append(batch, request);
        test_client_send(client, batch->str);
        for (guint i = 0; i < BATCH && !silent; i++)
            g_free(test_client_line(client));
        test_client_ping(client);
    }
}

static guint count_entries(int pid, const char *folder)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, folder);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    guint count = 0;

    while (dir && g_dir_read_name(dir))
        count++;
    return count;
}

static gboolean has_children(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", pid, pid);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && *text;
}

/* A worker's thread may outlast its reply for a moment. */
static gboolean settles(int pid, guint fds, guint threads)
{
    for (int tries = 0; tries < 600; tries++) {
        if (count_entries(pid, "fd") == fds && count_entries(pid, "task") <= threads &&
            !has_children(pid))
            return TRUE;
        g_usleep(100 * 1000);
    }
    return FALSE;
}

void test_endure(TestDaemon *daemon, const char *request, gboolean silent)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    /* A checker finds leaks by itself, keeps memory of its own, and is slow. */
    gboolean checked = g_getenv("FIRN_CHECKER") != NULL;
    int pid = test_daemon_pid(daemon);
    guint64 before, after;
    guint fds, threads;

    test_client_ping(client); /* or the connection may not have been accepted yet */
    fds = count_entries(pid, "fd");
    threads = count_entries(pid, "task");
    ask(client, request, silent, checked ? BATCH : WARM_UP);
    before = test_daemon_status(daemon, "VmRSS:");
    ask(client, request, silent, checked ? BATCH : TIMES);
    ck_assert_msg(settles(pid, fds, threads), "%s leaves descriptors, threads or children behind",
                  request);
    after = test_daemon_status(daemon, "VmRSS:");
    ck_assert_msg(checked || after <= before + SLACK_KIB, "%s took %d KiB", request,
                  (int)(after - before));
}
