/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/endurance.h"

#include <check.h>
#include <stdlib.h>

#define TIMES 10000
#define WARM_UP 500
#define SLACK_KIB 2048

typedef struct {
    const char *text;
    gboolean silent;
} Request;

static void ask_one(TestClient *client, guint times, gpointer data)
{
    const Request *request = data;
    g_autoptr(GString) batch = g_string_new(NULL);

    for (guint i = 0; i < TEST_ENDURE_BATCH; i++)
        g_string_append(batch, request->text);
    for (guint done = 0; done < times; done += TEST_ENDURE_BATCH) {
        test_client_send(client, batch->str);
        for (guint i = 0; i < TEST_ENDURE_BATCH && !request->silent; i++)
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

static gboolean has_children(int pid);

/* The agent's worker is its child for as long as the agent lives; its children count. */
static gboolean is_worker(const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid);
    g_autofree char *name = NULL;

    return g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "firn-worker") &&
           !has_children(atoi(pid));
}

static gboolean has_children(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", pid, pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) children = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    children = g_strsplit(g_strstrip(text), " ", -1);
    for (char **child = children; *child; child++) {
        if (**child && !is_worker(*child))
            return TRUE;
    }
    return FALSE;
}

/* A worker's thread may outlast its reply for a moment; and what was counted before may have been
 * more than is needed. */
static gboolean settles(int pid, guint fds, guint threads)
{
    for (int tries = 0; tries < 600; tries++) {
        if (count_entries(pid, "fd") <= fds && count_entries(pid, "task") <= threads &&
            !has_children(pid))
            return TRUE;
        g_usleep(100 * 1000);
    }
    return FALSE;
}

/* Waits until there are no children, whose descriptors go with them; the descriptors left. */
static guint rest(int pid)
{
    for (int tries = 0; tries < 600 && has_children(pid); tries++)
        g_usleep(100 * 1000);
    g_usleep(100 * 1000);
    return count_entries(pid, "fd");
}

void test_endure_asking(TestDaemon *daemon, const char *what, TestEndureAsk ask, gpointer data)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    /* A checker finds leaks by itself, keeps memory of its own, and is slow. */
    gboolean checked = g_getenv("FIRN_CHECKER") != NULL;
    int pid = test_daemon_pid(daemon);
    guint64 before, after;
    guint fds, threads;

    test_client_ping(client);             /* or the connection may not have been accepted yet */
    ask(client, TEST_ENDURE_BATCH, data); /* makes what is made once, such as a thread of GLib's */
    fds = rest(pid);
    threads = count_entries(pid, "task");
    ask(client, checked ? TEST_ENDURE_BATCH : WARM_UP, data);
    before = test_daemon_status(daemon, "VmRSS:");
    ask(client, checked ? TEST_ENDURE_BATCH : TIMES, data);
    ck_assert_msg(settles(pid, fds, threads), "%s leaves descriptors, threads or children behind",
                  what);
    after = test_daemon_status(daemon, "VmRSS:");
    ck_assert_msg(checked || after <= before + SLACK_KIB, "%s took %d KiB", what,
                  (int)(after - before));
}

void test_endure(TestDaemon *daemon, const char *request, gboolean silent)
{
    Request one = {request, silent};

    test_endure_asking(daemon, request, ask_one, &one);
}
