/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

static int unix_socket(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static char *scratch_path(const char *name)
{
    return g_strdup_printf("/tmp/firn-%s.%d", name, (int)getpid());
}

/* As systemd's socket unit hands it over: no method, no path. */
START_TEST(test_activation)
{
    static const char *const options[] = {"--statedir=@", NULL};
    g_autofree char *path = scratch_path("activated");
    int fd = unix_socket(path, SOCK_STREAM);
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;

    ck_assert_int_eq(listen(fd, 4), 0);
    agent = test_daemon_spawn(options, fd);
    close(fd);
    client = test_client_connect(path);
    test_client_ping(client);
    ck_assert_int_eq(test_daemon_stop(agent), 0);
    /* the socket is the manager's */
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
}
END_TEST

START_TEST(test_activation_with_a_wrong_socket)
{
    static const char *const options[] = {"--statedir=@", NULL};
    g_autofree char *path = scratch_path("wrong");
    int fd = unix_socket(path, SOCK_DGRAM);
    g_autoptr(TestDaemon) agent = test_daemon_spawn(options, fd);
    g_autofree char *output = NULL;

    close(fd);
    unlink(path);
    ck_assert_int_eq(test_daemon_wait(agent), 1);
    output = test_daemon_output(agent);
    ck_assert_msg(strstr(output, "no listening unix or vsock stream socket") != NULL, "%s", output);
}
END_TEST

START_TEST(test_socket_file)
{
    g_autoptr(TestDaemon) agent = test_daemon_start(NULL);
    g_autofree char *path = test_daemon_path(agent, "socket");
    struct stat status;

    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0077, 0);
    ck_assert_int_eq(test_daemon_stop(agent), 0);
    ck_assert_int_eq(stat(path, &status), -1);
}
END_TEST

/* A socket that a killed agent left is taken over. */
START_TEST(test_stale_socket)
{
    g_autofree char *path = scratch_path("stale");
    g_autofree char *option = g_strconcat("--path=", path, NULL);
    const char *options[] = {"--method=unix-listen", option, "--statedir=@", NULL};
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;

    close(unix_socket(path, SOCK_STREAM));
    agent = test_daemon_spawn(options, -1);
    client = test_client_connect(path);
    test_client_ping(client);
    ck_assert_int_eq(test_daemon_stop(agent), 0);
}
END_TEST

static void assert_refused_path(const char *path, const char *says)
{
    const char *options[] = {"--method=unix-listen", "--path", path, "--statedir=@", NULL};
    g_autoptr(TestDaemon) agent = test_daemon_spawn(options, -1);
    g_autofree char *output = NULL;

    ck_assert_int_eq(test_daemon_wait(agent), 1);
    output = test_daemon_output(agent);
    ck_assert_msg(strstr(output, says) != NULL, "%s", output);
}

START_TEST(test_paths_that_are_refused)
{
    g_autoptr(TestDaemon) agent = test_daemon_start(NULL);
    g_autofree char *used = test_daemon_path(agent, "socket");
    g_autofree char *file = test_daemon_path(agent, "output");
    g_autofree char *long_path = g_strnfill(200, 'x');
    g_autoptr(TestClient) client = NULL;

    long_path[0] = '/';
    assert_refused_path(used, "another process listens there");
    assert_refused_path(file, "there is a file that is no socket");
    assert_refused_path(long_path, "a socket's path has at most 107 bytes");
    assert_refused_path("/nonexistent/socket",
                        "Failed to bind socket to /nonexistent/socket: No such file");
    client = test_daemon_connect(agent);
    test_client_ping(client);
}
END_TEST

static int vsock_connect(guint port)
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = port};
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    for (guint i = 0; i < 6000; i++) {
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        g_usleep(10000);
    }
    ck_abort_msg("nobody listens on vsock port %u: %s", port, g_strerror(errno));
}

/* Whether one can talk to oneself over vsock here. */
static gboolean vsock_loops_back(guint port)
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = port};
    int server = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_vm any = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
    struct pollfd entry = {.fd = client, .events = POLLOUT};
    int error = EIO;
    socklen_t size = sizeof(error);
    gboolean works = FALSE;

    if (server >= 0 && client >= 0 && bind(server, (struct sockaddr *)&any, sizeof(any)) == 0 &&
        listen(server, 1) == 0 &&
        (connect(client, (struct sockaddr *)&address, sizeof(address)) == 0 ||
         errno == EINPROGRESS))
        works = poll(&entry, 1, 2000) > 0 &&
                getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    if (server >= 0)
        close(server);
    if (client >= 0)
        close(client);
    return works;
}

START_TEST(test_vsock)
{
    guint port = 20000 + (guint)getpid() % 20000;
    g_autofree char *option = g_strdup_printf("--path=-1:%u", port);
    const char *options[] = {"--method=vsock-listen", option, "--vsock-peer=any", "--statedir=@",
                             NULL};
    g_autoptr(TestDaemon) agent = NULL;

    if (!vsock_loops_back(port + 1))
        TEST_SKIP("no vsock loopback here: %s", "the kernel's vsock_loopback module is missing");
    agent = test_daemon_spawn(options, -1);
    for (guint i = 0; i < 3; i++) {
        g_autoptr(TestClient) client = test_client_new(vsock_connect(port));

        test_client_ping(client);
    }
    ck_assert_int_eq(test_daemon_stop(agent), 0);
}
END_TEST

START_TEST(test_vsock_addresses)
{
    static const char *const wrong[] = {"xx", "1", "1:", ":1", "1:x", "-2:1", "1:99999999999"};

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        const char *options[] = {"--method=vsock-listen", "--path", wrong[i], "--statedir=@", NULL};
        g_autoptr(TestDaemon) agent = test_daemon_spawn(options, -1);
        g_autofree char *output = NULL;

        ck_assert_int_eq(test_daemon_wait(agent), 78);
        output = test_daemon_output(agent);
        ck_assert_msg(strstr(output, "error parsing address '") != NULL, "%s", output);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tests = tcase_create("listen");

    tcase_add_test(tests, test_activation);
    tcase_add_test(tests, test_activation_with_a_wrong_socket);
    tcase_add_test(tests, test_socket_file);
    tcase_add_test(tests, test_stale_socket);
    tcase_add_test(tests, test_paths_that_are_refused);
    tcase_add_test(tests, test_vsock);
    tcase_add_test(tests, test_vsock_addresses);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
