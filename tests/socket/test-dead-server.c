/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/*
 * A file server that is gone: a FUSE filesystem in a mount namespace of the test's own whose server
 * does not even answer the mount.
 */

static char *dead;
static int server = -1;
static TestDaemon *daemon_;

static gboolean mount_dead(void)
{
    g_autofree char *options = NULL;

    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return FALSE;
    server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    options = g_strdup_printf("fd=%d,rootmode=40000,user_id=0,group_id=0", server);
    return server >= 0 && mount("test", dead, "fuse.test", 0, options) == 0;
}

static void set_up(void)
{
    const char *const options[] = {"--task-timeout=1", NULL};

    dead = g_dir_make_tmp("firn-dead-XXXXXX", NULL);
    ck_assert_ptr_nonnull(dead);
    if (mount_dead())
        daemon_ = test_daemon_start(options);
}

static void tear_down(void)
{
    g_clear_pointer(&daemon_, test_daemon_free);
    if (server >= 0)
        close(server); /* which ends all that waits for it */
    umount2(dead, MNT_DETACH);
    g_rmdir(dead);
    g_free(dead);
}

#define NEED_SERVER()                                                                              \
    if (!daemon_)                                                                                  \
    TEST_SKIP("no FUSE filesystem can be mounted here")

/* Each with an '@' where the folder is. */
static const char *const requests[] = {
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"@/file\"}}",
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"@/file\",\"mode\":\"w\"}}",
    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"@/program\"}}",
    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"program\","
    "\"env\":[\"PATH=/nowhere:@\"]}}",
};

static char *request_of(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", 2);

    return g_strjoinv(dead, parts);
}

/* The request ends in an error that names the path; what came behind it is answered. */
START_TEST(test_names_the_path)
{
    g_autofree char *request = request_of(requests[_i]);
    g_autoptr(TestClient) client = NULL;
    g_autofree char *log = NULL;
    g_autofree char *error = NULL;

    NEED_SERVER();
    client = test_daemon_connect(daemon_);
    error = test_client_error(client, request);
    ck_assert_msg(strstr(error, dead) && strstr(error, "no answer within 1 s"), "%s", error);
    test_client_ping(client);
    g_free(test_client_text(client, "{\"execute\":\"guest-exec\",\"arguments\":"
                                    "{\"path\":\"true\"}}"));
    log = test_daemon_output(daemon_);
    ck_assert_ptr_nonnull(strstr(log, dead));
    ck_assert_int_eq(test_daemon_stop(daemon_), 0);
}
END_TEST

/* A new client gets answers while the request of the one before hangs, and nothing keeps the agent
 * from ending. */
START_TEST(test_ends)
{
    g_autofree char *request = request_of(requests[_i]);
    g_autoptr(TestClient) first = NULL;
    g_autoptr(TestClient) second = NULL;

    NEED_SERVER();
    first = test_daemon_connect(daemon_);
    test_client_send(first, request);
    g_clear_pointer(&first, test_client_free);
    second = test_daemon_connect(daemon_);
    test_client_ping(second);
    ck_assert_int_eq(test_daemon_stop(daemon_), 0);
}
END_TEST

/* However many a host tries, no more threads hang than are allowed to. */
START_TEST(test_bounded)
{
    g_autofree char *request = request_of(requests[0]);
    g_autoptr(TestClient) client = NULL;
    guint refused = 0;

    NEED_SERVER();
    client = test_daemon_connect(daemon_);
    for (guint i = 0; i < 40; i++) {
        g_autofree char *error = test_client_error(client, request);

        refused += strstr(error, "earlier requests hang") != NULL;
    }
    ck_assert_uint_eq(refused, 8);
    ck_assert_int_eq(test_daemon_stop(daemon_), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dead-server");
    TCase *tests = tcase_create("dead-server");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, test_names_the_path, 0, G_N_ELEMENTS(requests));
    tcase_add_loop_test(tests, test_ends, 0, G_N_ELEMENTS(requests));
    tcase_add_test(tests, test_bounded);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
