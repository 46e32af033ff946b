/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#define PING "{\"execute\":\"guest-ping\"}\n"

/* A pty: the test has the host's end, the agent opens the other by its path. */
static TestClient *open_host(char **path)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(grantpt(fd), 0);
    ck_assert_int_eq(unlockpt(fd), 0);
    *path = g_strdup(ptsname(fd));
    return test_client_new(fd);
}

static TestDaemon *start(const char *method, const char *path, const char *option)
{
    g_autofree char *method_option = g_strconcat("--method=", method, NULL);
    const char *options[] = {method_option, "--path", path, "--statedir=@", option, NULL};

    return test_daemon_spawn(options, -1);
}

/* The agent sets the line to raw before it reads: what is sent earlier may be echoed. */
static void wait_until_raw(const char *path)
{
    for (guint i = 0; i < 6000; i++) {
        int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        struct termios settings;
        gboolean raw = fd >= 0 && tcgetattr(fd, &settings) == 0 && !(settings.c_lflag & ECHO);

        if (fd >= 0)
            close(fd);
        if (raw)
            return;
        g_usleep(10000);
    }
    ck_abort_msg("the agent does not set up its line");
}

static void check_method(const char *method)
{
    g_autofree char *path = NULL;
    g_autoptr(TestClient) host = open_host(&path);
    g_autoptr(TestDaemon) agent = start(method, path, NULL);
    g_autofree char *text = NULL;
    g_autofree char *long_text = g_strnfill(100000, 'a');
    g_autofree char *request = NULL;

    wait_until_raw(path);
    test_client_ping(host);
    /* bytes a cooked line would touch */
    text = test_client_text(host, "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":\r\n\t"
                                  "{\"id\":3}}");
    ck_assert_str_eq(text, "3");
    request = g_strdup_printf("{\"execute\":\"guest-ping\",\"id\":\"%s\"}", long_text);
    test_client_send(host, request);
    g_free(text);
    text = test_client_line(host);
    ck_assert_uint_eq(strlen(text), strlen("{\"return\": {}, \"id\": \"\"}") + 100000);
    ck_assert_int_eq(test_daemon_stop(agent), 0);
}

START_TEST(test_virtio)
{
    check_method("virtio-serial");
}
END_TEST

START_TEST(test_isa)
{
    check_method("isa-serial");
}
END_TEST

/* A member of the line's group could put requests into it with TIOCSTI. */
START_TEST(test_nobody_else_opens_the_line)
{
    g_autofree char *path = NULL;
    g_autoptr(TestClient) host = open_host(&path);
    g_autoptr(TestDaemon) agent = NULL;
    pid_t child;
    int status;

    if (getuid() != 0)
        TEST_SKIP("only root becomes another user");
    ck_assert_int_eq(chmod(path, 0666), 0);
    agent = start("isa-serial", path, NULL);
    wait_until_raw(path);
    test_client_ping(host);
    child = fork();
    if (child == 0) {
        if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
            _exit(2);
        _exit(open(path, O_RDWR | O_NOCTTY | O_CLOEXEC) < 0 && errno == EBUSY ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_eq(test_daemon_stop(agent), 0);
}
END_TEST

START_TEST(test_device_goes)
{
    g_autofree char *path = NULL;
    g_autoptr(TestClient) host = open_host(&path);
    g_autoptr(TestDaemon) agent = start("virtio-serial", path, NULL);
    g_autofree char *output = NULL;

    wait_until_raw(path);
    test_client_ping(host);
    test_client_free(g_steal_pointer(&host));
    ck_assert_int_eq(test_daemon_wait(agent), 1);
    output = test_daemon_output(agent);
    ck_assert_msg(strstr(output, "is lost: ") && strstr(output, "--retry-path"), "%s", output);
}
END_TEST

/* With --retry-path the next device is taken when it comes, by the same path. */
START_TEST(test_device_comes_back)
{
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *link = g_strdup_printf("/tmp/firn-port.%d", (int)getpid());
    g_autoptr(TestClient) host = open_host(&first);
    g_autoptr(TestClient) next = NULL;
    g_autoptr(TestDaemon) agent = start("virtio-serial", link, "--retry-path");

    unlink(link);
    g_usleep(200000); /* it may have found nothing by now, or not yet looked */
    ck_assert_int_eq(symlink(first, link), 0);
    wait_until_raw(first);
    test_client_ping(host);
    unlink(link);
    test_client_send(host, "{\"execute\":\"half a");
    next = open_host(&second);
    ck_assert_int_eq(symlink(second, link), 0);
    test_client_free(g_steal_pointer(&host));
    wait_until_raw(second);
    test_client_ping(next);
    unlink(link);
    ck_assert_int_eq(test_daemon_stop(agent), 0);
}
END_TEST

START_TEST(test_missing_device)
{
    g_autoptr(TestDaemon) agent = start("virtio-serial", "/nonexistent/port", NULL);
    g_autofree char *output = NULL;

    ck_assert_int_eq(test_daemon_wait(agent), 1);
    output = test_daemon_output(agent);
    ck_assert_msg(strstr(output, "error opening channel '/nonexistent/port': No such file") &&
                      strstr(output, "--retry-path"),
                  "%s", output);
}
END_TEST

START_TEST(test_no_device)
{
    g_autoptr(TestDaemon) agent = start("isa-serial", "/etc/passwd", "--retry-path");
    g_autofree char *output = NULL;

    ck_assert_int_eq(test_daemon_wait(agent), 1);
    output = test_daemon_output(agent);
    ck_assert_msg(strstr(output, "it is no serial device") != NULL, "%s", output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("serial");
    TCase *tests = tcase_create("serial");

    tcase_add_test(tests, test_virtio);
    tcase_add_test(tests, test_isa);
    tcase_add_test(tests, test_nobody_else_opens_the_line);
    tcase_add_test(tests, test_device_goes);
    tcase_add_test(tests, test_device_comes_back);
    tcase_add_test(tests, test_missing_device);
    tcase_add_test(tests, test_no_device);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
