/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/freezing.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (60 * G_USEC_PER_SEC)
#define TICK_US 5000
#define FAMILY 64

const char *const test_places[] = {"/mnt/ext4", "/mnt/xfs", "/mnt/btrfs"};

void test_freezing_check_namespace(void)
{
    ck_assert_msg(g_file_test("/run/firn-test-namespace", G_FILE_TEST_EXISTS),
                  "this test freezes: run it with tests/kernel/run");
}

int test_freezing_ioctl(const char *mountpoint, gulong request)
{
    int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    ck_assert_msg(fd >= 0, "%s: %s", mountpoint, g_strerror(errno));
    result = ioctl(fd, request, 0) < 0 ? errno : 0;
    close(fd);
    return result;
}

void test_freezing_assert_thawed(const char *mountpoint)
{
    ck_assert_msg(test_freezing_ioctl(mountpoint, FITHAW) == EINVAL, "%s is frozen", mountpoint);
}

void test_freezing_assert_frozen(const char *mountpoint)
{
    int result = test_freezing_ioctl(mountpoint, FIFREEZE);

    if (result == 0)
        test_freezing_ioctl(mountpoint, FITHAW);
    ck_assert_msg(result == EBUSY, "%s is not frozen", mountpoint);
}

void test_freezing_assert_all_thawed(void)
{
    for (guint i = 0; i < TEST_PLACES; i++)
        test_freezing_assert_thawed(test_places[i]);
}

void test_freezing_assert_all_frozen(void)
{
    for (guint i = 0; i < TEST_PLACES; i++)
        test_freezing_assert_frozen(test_places[i]);
}

/* --- processes ----------------------------------------------------------------------------------
 */

/* Other tests may run in namespaces of their own. */
static gboolean process_is_here(const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/ns/mnt", pid);
    g_autofree char *its = g_file_read_link(path, NULL);
    g_autofree char *own = g_file_read_link("/proc/self/ns/mnt", NULL);

    return g_strcmp0(its, own) == 0;
}

static gboolean process_is_named(const char *pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
    g_autofree char *start = g_strdup_printf("(%s) ", name);
    g_autofree char *text = NULL;
    const char *at;

    if (!g_ascii_isdigit(pid[0]) || !g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    at = strstr(text, start);
    return at && at[strlen(start)] != 'Z' && at[strlen(start)] != 'X' && process_is_here(pid);
}

/* Returns how many there are, at most FAMILY. */
static guint list_named(const char *name, int *pids)
{
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    const char *entry;
    guint count = 0;

    while (count < FAMILY && (entry = g_dir_read_name(dir))) {
        if (process_is_named(entry, name))
            pids[count++] = atoi(entry);
    }
    return count;
}

int test_freezing_find(const char *name)
{
    int pids[FAMILY];

    return list_named(name, pids) > 0 ? pids[0] : 0;
}

int test_freezing_await_process(const char *name)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    int pid;

    while ((pid = test_freezing_find(name)) == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "there is no %s", name);
        g_usleep(TICK_US);
    }
    return pid;
}

static void signal_named(const char *name, int signal)
{
    int pids[FAMILY];
    guint count = list_named(name, pids);

    for (guint i = 0; i < count; i++)
        kill(pids[i], signal);
}

void test_freezing_kill_all(TestDaemon *daemon)
{
    static const int signals[] = {SIGSTOP, SIGKILL};

    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++) {
        kill(test_daemon_pid(daemon), signals[i]);
        signal_named("firn-keeper", signals[i]);
        signal_named("firn-watcher", signals[i]);
    }
    test_freezing_await_zombie(test_daemon_pid(daemon));
    waitpid(test_daemon_pid(daemon), NULL, 0);
    /* their descriptors are closed then; not for ever, as one may hang in the kernel */
    for (int i = 0;
         i < 400 && (test_freezing_find("firn-keeper") || test_freezing_find("firn-watcher")); i++)
        g_usleep(TICK_US);
}

/* --- waiting ------------------------------------------------------------------------------------
 */

static gboolean is_over(const char *state_dir)
{
    g_autofree char *record = g_build_filename(state_dir, "freeze-record", NULL);
    g_autofree char *expedited = NULL;

    if (g_file_test(record, G_FILE_TEST_EXISTS) || test_freezing_find("firn-keeper") ||
        test_freezing_find("firn-watcher"))
        return FALSE;
    return !g_file_get_contents("/sys/kernel/rcu_expedited", &expedited, NULL, NULL) ||
           expedited[0] == '0';
}

void test_freezing_await_end(const char *state_dir)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (!is_over(state_dir)) {
        ck_assert_msg(g_get_monotonic_time() < end, "a freeze is not ended");
        g_usleep(TICK_US);
    }
}

static gboolean has_come_to(const char *state_dir, FirnPhase phase)
{
    g_autoptr(FirnRecord) record = firn_record_open(state_dir, NULL);

    return record && g_atomic_int_get(&record->head->phase) >= (int)phase;
}

void test_freezing_await_phase(const char *state_dir, FirnPhase phase)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (!has_come_to(state_dir, phase)) {
        ck_assert_msg(g_get_monotonic_time() < end, "a freeze does not come to phase %d",
                      (int)phase);
        g_usleep(TICK_US);
    }
}

void test_freezing_await_frozen(const char *state_dir, guint count)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    guint frozen = 0;

    while (frozen < count) {
        g_autoptr(FirnRecord) record = firn_record_open(state_dir, NULL);

        ck_assert_msg(g_get_monotonic_time() < end, "only %u are frozen", frozen);
        frozen = record ? firn_record_count_frozen(record) : 0;
        g_usleep(TICK_US);
    }
}

static gboolean process_is_zombie(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    const char *after;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return TRUE;
    after = strrchr(text, ')');
    return after && (after[2] == 'Z' || after[2] == 'X');
}

void test_freezing_await_zombie(int pid)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (!process_is_zombie(pid)) {
        ck_assert_msg(g_get_monotonic_time() < end, "process %d does not end", pid);
        g_usleep(TICK_US);
    }
}

void test_freezing_stop_ext4(const char *mountpoint)
{
    guint32 without_sync = 2; /* EXT4_GOING_FLAGS_NOLOGFLUSH */
    int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    ck_assert_int_eq(ioctl(fd, _IOR('X', 125, guint32), &without_sync), 0);
    close(fd);
}

void test_freezing_await(TestDaemon *daemon, const char *request, const char *expected)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    for (;;) {
        g_autoptr(TestClient) client = test_daemon_connect(daemon);
        g_autofree char *text = test_client_text(client, request);

        if (!strcmp(text, expected))
            return;
        ck_assert_msg(g_get_monotonic_time() < end, "%s: still %s", request, text);
        g_usleep(TICK_US);
    }
}

void test_freezing_ask(TestDaemon *daemon, const char *request, const char *expected)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *text = test_client_text(client, request);

    ck_assert_str_eq(text, expected);
}

char *test_freezing_ask_error(TestDaemon *daemon, const char *request)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);

    return test_client_error(client, request);
}

char *test_freezing_shell(const char *format, ...)
{
    g_autofree char *command = NULL;
    char *output = NULL;
    int status = -1;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    {
        const char *argv[] = {"sh", "-c", command, NULL};

        ck_assert(g_spawn_sync(NULL, (char **)(guintptr)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                               &output, NULL, &status, NULL));
    }
    ck_assert_msg(status == 0, "'%s' failed", command);
    return g_strchomp(output);
}

void test_freezing_make_hooks(const char *folder)
{
    static const char *const names[] = {"10-first", "20-second"};

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        g_autofree char *text =
            g_strdup_printf("#!/bin/sh\necho %s $1 $FIRN_REASON >>%s/log\n", names[i], folder);

        ck_assert(g_file_set_contents(path, text, -1, NULL));
        ck_assert_int_eq(g_chmod(path, 0755), 0);
    }
}

void test_freezing_await_hook(const char *folder, const char *start)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (test_freezing_count_hooks(folder, start) == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "no '%s'", start);
        g_usleep(TICK_US);
    }
}

gboolean test_freezing_are_hooks_paired(const char *folder)
{
    return test_freezing_count_hooks(folder, "10-first freeze") ==
               test_freezing_count_hooks(folder, "10-first thaw") &&
           test_freezing_count_hooks(folder, "20-second freeze") ==
               test_freezing_count_hooks(folder, "20-second thaw");
}

guint test_freezing_count_hooks(const char *folder, const char *start)
{
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint count = 0;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        count += g_str_has_prefix(*line, start);
    return count;
}
