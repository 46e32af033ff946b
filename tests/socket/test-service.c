/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

/* Runs the agent with these options to its end. */
static char *run(int status, const char *first, const char *second)
{
    const char *options[] = {first, second, NULL};
    g_autoptr(TestDaemon) agent = test_daemon_spawn(options, -1);

    ck_assert_int_eq(test_daemon_wait(agent), status);
    return test_daemon_output(agent);
}

static void wait_for_file(const char *path)
{
    for (guint i = 0; i < 6000; i++) {
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return;
        g_usleep(10000);
    }
    ck_abort_msg("%s does not come", path);
}

static void wait_for_no_file(const char *path)
{
    for (guint i = 0; i < 6000; i++) {
        if (!g_file_test(path, G_FILE_TEST_EXISTS))
            return;
        g_usleep(10000);
    }
    ck_abort_msg("%s does not go", path);
}

START_TEST(test_information)
{
    g_autofree char *version = run(0, "--version", NULL);
    g_autofree char *help = run(0, "--help", NULL);
    g_autofree char *commands = run(0, "-b", "help");
    g_autofree char *asked = run(0, "-b?", NULL);

    ck_assert(g_str_has_prefix(version, "firn "));
    ck_assert(strstr(help, "--fsfreeze-hook[=PATH]") != NULL);
    ck_assert(strstr(commands, "guest-ping\n") != NULL);
    ck_assert_str_eq(commands, asked);
}
END_TEST

START_TEST(test_refusals)
{
    g_autofree char *option = run(78, "--nonsense", NULL);
    g_autofree char *value = run(78, "-m", "pigeon");
    g_autofree char *path = run(78, "-m", "unix-listen");

    ck_assert(strstr(option, "unrecognized option '--nonsense'") != NULL);
    ck_assert(strstr(value, "unsupported channel method/type: 'pigeon'") != NULL);
    ck_assert(strstr(path, "must specify a path for this channel") != NULL);
}
END_TEST

/* A line of a dump, from its key to the end; NULL when the key is not there. */
static char *find_line(const char *dump, const char *key)
{
    g_auto(GStrv) lines = g_strsplit(dump, "\n", -1);

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, key) && (*line)[strlen(key)] == '=')
            return g_strdup(*line);
    }
    return NULL;
}

/* Every line that the packaged agent dumps, for its own options, is in our dump as well. */
START_TEST(test_dump_like_the_packaged_agent)
{
    const char *command = "QGA_CONF=/nonexistent /usr/sbin/qemu-ga -D -d -v -r -m isa-serial -l /l "
                          "-f /p -F/h -t /s -b guest-ping";
    static const char *const options[] = {"-D",           "-d",           "-v",   "-r",
                                          "-misa-serial", "-l/l",         "-f/p", "-F/h",
                                          "-t/s",         "-bguest-ping", NULL};
    const char *shell[] = {"/bin/sh", "-c", command, NULL};
    g_autoptr(TestDaemon) agent = NULL;
    g_autofree char *theirs = NULL;
    g_autofree char *ours = NULL;
    g_auto(GStrv) lines = NULL;

    if (access("/usr/sbin/qemu-ga", X_OK) < 0)
        TEST_SKIP("the package qemu-guest-agent is not installed");
    ck_assert(g_spawn_sync(NULL, (char **)(guintptr)shell, NULL, 0, NULL, NULL, &theirs, NULL, NULL,
                           NULL));
    g_setenv("QGA_CONF", "/nonexistent", TRUE);
    agent = test_daemon_spawn(options, -1);
    ck_assert_int_eq(test_daemon_wait(agent), 0);
    ours = test_daemon_output(agent);
    lines = g_strsplit(theirs, "\n", -1);
    ck_assert_uint_gt(g_strv_length(lines), 8);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) parts = g_strsplit(*line, "=", 2);
        g_autofree char *found = NULL;

        if (g_strv_length(parts) < 2)
            continue;
        found = find_line(ours, parts[0]);
        ck_assert_pstr_eq(found, *line);
    }
}
END_TEST

START_TEST(test_lists)
{
    static const char *const options[] = {"--allow-rpcs=guest-ping,guest-info,guest-sync",
                                          "-bguest-sync,guest-get-devices", NULL};
    g_autoptr(TestDaemon) agent = test_daemon_start(options);
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    g_autofree char *blocked =
        test_client_error(client, "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1}}");
    g_autofree char *other = test_client_error(client, "{\"execute\":\"guest-fsfreeze-status\"}");
    g_autofree char *info = test_client_text(client, "{\"execute\":\"guest-info\"}");

    ck_assert_str_eq(blocked, "Command guest-sync has been disabled: the command is not allowed");
    ck_assert_str_eq(other,
                     "Command guest-fsfreeze-status has been disabled: the command is not allowed");
    ck_assert(strstr(info, "{\"enabled\":false,\"name\":\"guest-sync\"") != NULL);
    ck_assert(strstr(info, "{\"enabled\":true,\"name\":\"guest-ping\"") != NULL);
}
END_TEST

/* A restart would not mend it: the unit has RestartPreventExitStatus=78. */
START_TEST(test_a_misspelt_command_keeps_the_agent_down)
{
    g_autofree char *blocked = run(78, "-b", "guest-exce");
    g_autofree char *allowed = run(78, "-a", "guest-ping;guest-info");

    ck_assert(strstr(blocked, "block-rpcs: there is no command 'guest-exce'") != NULL);
    ck_assert(strstr(allowed, "allow-rpcs: there is no command 'guest-ping;guest-info'") != NULL);
}
END_TEST

START_TEST(test_the_log_tells_what_configures_it)
{
    static const char *const options[] = {"--freeze-timeout=5", NULL};
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;
    g_autofree char *output = NULL;
    char *tree = test_tree_new();

    test_tree_write(tree, "/etc/qemu/qemu-ga.conf", "[general]\nblacklist=guest-exec\nodd=1\n");
    test_tree_write(tree, "/etc/firn/firn.conf", "[general]\n#verbose=true\n");
    g_setenv("FIRN_ROOT", tree, TRUE);
    agent = test_daemon_start(options);
    client = test_daemon_connect(agent);
    test_client_ping(client);
    output = test_daemon_output(agent);
    ck_assert_msg(strstr(output, "configured by /etc/qemu/qemu-ga.conf (block-rpcs); the command "
                                 "line (") &&
                      strstr(output, "qemu-ga.conf: unknown key 'odd'"),
                  "%s", output);
    test_tree_remove(tree);
}
END_TEST

START_TEST(test_ends_by_signal)
{
    g_autoptr(TestDaemon) one = test_daemon_start(NULL);
    g_autoptr(TestDaemon) two = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(one);

    test_client_send(client, "{\"execute\":\"guest-p");
    ck_assert_int_eq(test_daemon_stop(one), 0);
    kill(test_daemon_pid(two), SIGINT);
    kill(test_daemon_pid(two), SIGTERM);
    kill(test_daemon_pid(two), SIGTERM);
    ck_assert_int_eq(test_daemon_wait(two), 0);
}
END_TEST

START_TEST(test_log_file_is_reopened)
{
    static const char *const options[] = {"-v", "--logfile=@/log", NULL};
    g_autoptr(TestDaemon) agent = test_daemon_start(options);
    g_autofree char *log = test_daemon_path(agent, "log");
    g_autofree char *moved = test_daemon_path(agent, "log.1");
    g_autoptr(TestClient) client = test_daemon_connect(agent);

    wait_for_file(log);
    ck_assert_int_eq(g_rename(log, moved), 0);
    kill(test_daemon_pid(agent), SIGHUP);
    wait_for_file(log);
    test_client_ping(client);
}
END_TEST

START_TEST(test_state_directory_is_made)
{
    static const char *const options[] = {"--statedir=@/deep/state", NULL};
    g_autoptr(TestDaemon) agent = test_daemon_start(options);
    g_autofree char *state = test_daemon_path(agent, "deep/state");
    struct stat status;

    ck_assert_int_eq(stat(state, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0700);
}
END_TEST

/* Two would take each other's freezes for their own. */
START_TEST(test_state_directory_in_use)
{
    static const char *const options[] = {"--statedir=@/state", NULL};
    g_autoptr(TestDaemon) agent = test_daemon_start(options);
    g_autofree char *state = test_daemon_path(agent, "state");
    g_autofree char *option = g_strconcat("--statedir=", state, NULL);
    g_autofree char *who = g_strdup_printf("another agent (pid %d) uses", test_daemon_pid(agent));
    const char *again[] = {"--method=unix-listen", "--path=@/socket", option, NULL};
    g_autoptr(TestDaemon) second = test_daemon_spawn(again, -1);
    g_autofree char *output = NULL;

    ck_assert_int_eq(test_daemon_wait(second), 1);
    output = test_daemon_output(second);
    ck_assert_msg(strstr(output, who) != NULL, "%s", output);
}
END_TEST

START_TEST(test_pid_file)
{
    static const char *const options[] = {"--pidfile=@/pid", NULL};
    g_autoptr(TestDaemon) agent = test_daemon_start(options);
    g_autofree char *file = test_daemon_path(agent, "pid");
    g_autofree char *option = g_strconcat("--pidfile=", file, NULL);
    const char *again[] = {"--method=unix-listen", "--path=@/socket", "--statedir=@", option, NULL};
    g_autoptr(TestDaemon) second = test_daemon_spawn(again, -1);
    g_autofree char *text = NULL;
    g_autofree char *output = NULL;

    ck_assert_int_eq(test_daemon_wait(second), 1);
    output = test_daemon_output(second);
    ck_assert_msg(strstr(output, "another instance runs with it") != NULL, "%s", output);
    ck_assert(g_file_get_contents(file, &text, NULL, NULL));
    ck_assert_int_eq(atoi(text), test_daemon_pid(agent));
    ck_assert_int_eq(test_daemon_stop(agent), 0);
    ck_assert(!g_file_test(file, G_FILE_TEST_EXISTS));
}
END_TEST

/* The pid file must not write through a link that somebody laid. */
START_TEST(test_pid_file_is_no_link)
{
    g_autofree char *link = g_strdup_printf("/tmp/firn-pid-link.%d", (int)getpid());
    g_autofree char *option = g_strconcat("--pidfile=", link, NULL);
    const char *options[] = {"--method=unix-listen", "--path=@/socket", "--statedir=@", option,
                             NULL};
    g_autoptr(TestDaemon) agent = NULL;

    unlink(link);
    ck_assert_int_eq(symlink("/tmp/firn-victim", link), 0);
    agent = test_daemon_spawn(options, -1);
    ck_assert_int_eq(test_daemon_wait(agent), 1);
    unlink(link);
    ck_assert(!g_file_test("/tmp/firn-victim", G_FILE_TEST_EXISTS));
}
END_TEST

/* The start returns when the daemon answers, with the status of how it went. */
START_TEST(test_background)
{
    static const char *const options[] = {"-d",           "--method=unix-listen", "--path=@/socket",
                                          "--statedir=@", "--pidfile=@/pid",      NULL};
    g_autoptr(TestDaemon) agent = test_daemon_spawn(options, -1);
    g_autofree char *pid_file = test_daemon_path(agent, "pid");
    g_autofree char *pid = NULL;
    TestClient *client;

    ck_assert_int_eq(test_daemon_wait(agent), 0);
    client = test_daemon_connect(agent);
    test_client_ping(client);
    ck_assert(g_file_get_contents(pid_file, &pid, NULL, NULL));
    ck_assert_int_eq(kill(atoi(pid), SIGTERM), 0);
    ck_assert_ptr_null(test_client_line(client));
    test_client_free(client);
    wait_for_no_file(pid_file);
}
END_TEST

START_TEST(test_background_that_fails)
{
    static const char *const options[] = {
        "-d",           "--method=unix-listen", "--path=/nonexistent/socket",
        "--statedir=@", "--pidfile=@/pid",      NULL};
    g_autoptr(TestDaemon) agent = test_daemon_spawn(options, -1);

    ck_assert_int_eq(test_daemon_wait(agent), 1);
}
END_TEST

static void check_notification(struct sockaddr_un *address, socklen_t size, const char *name)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 60};
    char message[256] = "";
    g_autoptr(TestDaemon) agent = NULL;

    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, size), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    g_setenv("NOTIFY_SOCKET", name, TRUE);
    agent = test_daemon_start(NULL);
    ck_assert_int_gt(recv(fd, message, sizeof(message) - 1, 0), 0);
    ck_assert(g_str_has_prefix(message, "READY=1"));
    ck_assert_int_eq(test_daemon_stop(agent), 0);
    memset(message, 0, sizeof(message));
    ck_assert_int_gt(recv(fd, message, sizeof(message) - 1, 0), 0);
    ck_assert(g_str_has_prefix(message, "STOPPING=1"));
    close(fd);
}

START_TEST(test_notification)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/firn-notify.%d", (int)getpid());
    unlink(address.sun_path);
    check_notification(&address, sizeof(address), address.sun_path);
    unlink(address.sun_path);
}
END_TEST

START_TEST(test_notification_to_an_abstract_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *name = g_strdup_printf("@firn-notify.%d", (int)getpid());

    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    check_notification(&address, (socklen_t)(sizeof(sa_family_t) + strlen(name)), name);
}
END_TEST

/* With and without a client the agent sleeps: not one wake-up, and no thread waits beside it. */
START_TEST(test_idle)
{
    g_autoptr(TestDaemon) agent = test_daemon_start(NULL);

    for (guint connected = 0; connected < 2; connected++) {
        g_autoptr(TestClient) client = connected ? test_daemon_connect(agent) : NULL;
        guint64 before, after = 0;

        if (client)
            test_client_ping(client);
        g_usleep(G_USEC_PER_SEC);
        for (guint attempt = 0; attempt < 20; attempt++) {
            before = test_daemon_status(agent, "voluntary_ctxt_switches:");
            g_usleep(2 * G_USEC_PER_SEC);
            after = test_daemon_status(agent, "voluntary_ctxt_switches:");
            if (after == before)
                break;
        }
        ck_assert_uint_eq(after, before);
        ck_assert_uint_eq(test_daemon_status(agent, "Threads:"), 1);
    }
}
END_TEST

/* Help is there above all where the configuration is broken. */
START_TEST(test_help_with_a_broken_configuration)
{
    g_autofree char *folder = g_dir_make_tmp("firn-conf-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "conf", NULL);
    g_autofree char *option = g_strdup_printf("--config=%s", file);
    const char *const asked[] = {"--help", "--version", "--block-rpcs=help"};

    ck_assert(g_file_set_contents(file, "[general]\nmethod=pigeon\n", -1, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
        const char *const options[] = {option, asked[i], NULL};
        g_autoptr(TestDaemon) agent = test_daemon_spawn(options, -1);

        ck_assert_int_eq(test_daemon_wait(agent), 0);
    }
    g_unlink(file);
    g_rmdir(folder);
}
END_TEST

/* A starter may have closed the standard descriptors: no file of the agent's gets their numbers. */
START_TEST(test_closed_descriptors)
{
    static const char *const options[] = {"-v", "--logfile=@/log", NULL};
    const char *checker = g_getenv("FIRN_WRAPPER");
    g_autofree char *script = g_strdup_printf("/tmp/firn-closed.%d", (int)getpid());
    g_autofree char *wrapper = g_strdup_printf("%s %s", script, checker ? checker : "env");
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;
    g_autofree char *path = NULL;
    g_autofree char *log = NULL;

    ck_assert(g_file_set_contents(script, "#!/bin/sh\nexec \"$@\" <&- >&- 2>&-\n", -1, NULL));
    ck_assert_int_eq(g_chmod(script, 0755), 0);
    g_setenv("FIRN_WRAPPER", wrapper, TRUE);
    agent = test_daemon_start(options);
    client = test_daemon_connect(agent);
    test_client_ping(client);
    path = test_daemon_path(agent, "log");
    ck_assert(g_file_get_contents(path, &log, NULL, NULL));
    ck_assert_ptr_nonnull(strstr(log, "guest-ping"));
    g_unlink(script);
}
END_TEST

/* Tools look for what the packaged agent logs of a request; its arguments may be secret. */
START_TEST(test_log_of_requests)
{
    static const char *const options[] = {"-v", NULL};
    const char *request = "{\"execute\": \"guest-file-open\", "
                          "\"arguments\": {\"path\": \"/secret\"}}";
    g_autoptr(TestDaemon) agent = test_daemon_start(options);
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    g_autofree char *error = test_client_error(client, request);
    g_autofree char *log = test_daemon_output(agent);

    ck_assert_ptr_nonnull(strstr(error, "/secret"));
    ck_assert_ptr_nonnull(strstr(log, "read data, count: "));
    ck_assert_ptr_nonnull(strstr(log, ", data: {\"execute\": \"guest-file-open\"}\n"));
    ck_assert_ptr_null(strstr(log, "/secret"));
}
END_TEST

/* Only a daemon changes its working directory: a path is relative to where the agent was started.
 */
START_TEST(test_working_directory)
{
    g_autofree char *before = g_get_current_dir();
    g_autofree char *folder = g_dir_make_tmp("firn-cwd-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "here", NULL);
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;

    ck_assert(g_file_set_contents(file, "x", 1, NULL));
    ck_assert_int_eq(g_chdir(folder), 0);
    agent = test_daemon_start(NULL);
    ck_assert_int_eq(g_chdir(before), 0);
    client = test_daemon_connect(agent);
    g_free(test_client_text(client, "{\"execute\":\"guest-file-open\","
                                    "\"arguments\":{\"path\":\"here\"}}"));
    g_unlink(file);
    g_rmdir(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("service");
    TCase *tests = tcase_create("service");

    tcase_add_test(tests, test_information);
    tcase_add_test(tests, test_refusals);
    tcase_add_test(tests, test_dump_like_the_packaged_agent);
    tcase_add_test(tests, test_lists);
    tcase_add_test(tests, test_a_misspelt_command_keeps_the_agent_down);
    tcase_add_test(tests, test_the_log_tells_what_configures_it);
    tcase_add_test(tests, test_ends_by_signal);
    tcase_add_test(tests, test_log_file_is_reopened);
    tcase_add_test(tests, test_state_directory_is_made);
    tcase_add_test(tests, test_state_directory_in_use);
    tcase_add_test(tests, test_pid_file);
    tcase_add_test(tests, test_pid_file_is_no_link);
    tcase_add_test(tests, test_background);
    tcase_add_test(tests, test_background_that_fails);
    tcase_add_test(tests, test_notification);
    tcase_add_test(tests, test_notification_to_an_abstract_socket);
    tcase_add_test(tests, test_help_with_a_broken_configuration);
    tcase_add_test(tests, test_closed_descriptors);
    tcase_add_test(tests, test_log_of_requests);
    tcase_add_test(tests, test_working_directory);
    tcase_add_test(tests, test_idle);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
