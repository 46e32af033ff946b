/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/accounts.h"
#include "tests/lib/daemon.h"
#include "tests/lib/memory.h"
#include "tests/lib/suite.h"

#include <string.h>

/* The system's own chpasswd works here, on a copy of /etc that nothing else sees. */
static TestDaemon *daemon_;
static TestClient *client;
static const char *unable;

static void set_up(void)
{
    const char *const options[] = {"--verbose", NULL};

    unable = test_accounts_isolate();
    if (!unable && !g_file_test("/usr/sbin/chpasswd", G_FILE_TEST_IS_EXECUTABLE))
        unable = "there is no /usr/sbin/chpasswd";
    if (unable)
        return;
    daemon_ = test_daemon_start(options);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
}

static char *request(const char *user, const char *password, const char *crypted)
{
    g_autofree char *encoded = g_base64_encode((const guchar *)password, strlen(password));

    return g_strdup_printf("{\"execute\":\"guest-set-user-password\",\"arguments\":{"
                           "\"username\":\"%s\",\"password\":\"%s\",\"crypted\":%s}}\n",
                           user, encoded, crypted);
}

START_TEST(test_sets)
{
    g_autofree char *plain = request(TEST_ACCOUNT, "Oongai7zae9", "false");
    g_autofree char *crypted = request(TEST_ACCOUNT, "$6$salt$hash", "true");
    g_autofree char *reply = NULL;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *log = NULL;

    if (unable)
        TEST_SKIP("%s", unable);
    reply = test_client_text(client, plain);
    ck_assert_str_eq(reply, "{}");
    first = test_accounts_password();
    ck_assert_msg(*first == '$', "%s", first);
    g_free(reply);
    reply = test_client_text(client, crypted);
    ck_assert_str_eq(reply, "{}");
    second = test_accounts_password();
    ck_assert_str_eq(second, "$6$salt$hash");
    log = test_daemon_output(daemon_);
    ck_assert_ptr_nonnull(strstr(log, "guest-set-user-password"));
    ck_assert_ptr_null(strstr(log, "Oongai7zae9"));
    ck_assert_ptr_null(strstr(log, "T29uZ2Fp")); /* as base64 */
    ck_assert_ptr_null(strstr(log, "$6$salt"));
}
END_TEST

/* What is freed is overwritten at its front at once. */
#define FRONT "YWFhYWFhYWFhYWFhYWFhYWFh"
/* "password>?>for?>", and the beginning of its base64; backwards. */
static const char *const traces[] = {">?rof>?>drowssap", "Qmcvd3czFGc"};

/* The agent's worker, its one child; 0 where none was started yet. */
static int worker_pid(void)
{
    int agent = test_daemon_pid(daemon_);
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", agent, agent);
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    return (int)g_ascii_strtoll(text, NULL, 10);
}

/* Neither the agent has it nor the worker, which is done with a request when it takes the next. */
static void assert_no_trace(const char *what, const char *trace)
{
    int worker = worker_pid();

    ck_assert_int_gt(worker, 0);
    g_free(test_client_error(client,
                             "{\"execute\":\"guest-file-flush\",\"arguments\":{\"handle\":999}}"));
    ck_assert_msg(!test_memory_holds(test_daemon_pid(daemon_), trace), "the agent: %s: %s", what,
                  trace);
    ck_assert_msg(!test_memory_holds(worker, trace), "the worker: %s: %s", what, trace);
}

/* Asks for what ends well and for what fails at each step, with this in place of '/' in the base64,
 * and looks for the traces after each. */
static void ask_all(const char *beginning, const char *slash, gboolean look)
{
    static const struct {
        const char *user, *end, *crypted, *more;
    } cases[] = {
        {TEST_ACCOUNT, "", "false", ""},         {"no-such-account", "", "false", ""},
        {TEST_ACCOUNT, "!", "false", ""},        {TEST_ACCOUNT, "", "5", ""},
        {TEST_ACCOUNT, "", "false", ",\"x\":1"}, {TEST_ACCOUNT, "", "false", ",,"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = g_strdup_printf(
            "{\"execute\":\"guest-set-user-password\",\"arguments\":{"
            "\"username\":\"%s\",\"password\":\"" FRONT "%sPz5mb3I%sPg==%s\","
            "\"crypted\":%s}%s}\n",
            cases[i].user, beginning, slash, cases[i].end, cases[i].crypted, cases[i].more);
        g_autofree char *twice = g_strconcat(line, line, NULL); /* the second may have to wait */
        g_autofree char *reply = NULL;

        test_client_send(client, twice);
        g_free(test_client_line(client));
        reply = test_client_line(client);
        ck_assert_msg((i == 0) == (strstr(reply, "error") == NULL), "%u: %s", i, reply);
        test_client_ping(client); /* an error is on its way before its handler returns */
        for (guint j = 0; look && j < G_N_ELEMENTS(traces); j++)
            assert_no_trace(line, traces[j]);
    }
}

/* Whatever becomes of the request, the memory of agent and worker holds nothing of the password
 * afterwards.
 * When a function is called for the first time the dynamic linker saves the registers on the stack,
 * and with them what was copied last: so others' passwords are set before. */
START_TEST(test_leaves_no_trace)
{
    if (unable)
        TEST_SKIP("%s", unable);
    if (test_on_valgrind())
        TEST_SKIP("valgrind keeps the registers, and what is in them, in memory");
    for (guint i = 0; i < 4; i++)
        ask_all("b3RoZXJzb3V0", i % 2 ? "\\/" : "/", FALSE);
    ask_all("cGFzc3dvcmQ+", "/", TRUE);
    ask_all("cGFzc3dvcmQ+", "\\/", TRUE);
}
END_TEST

START_TEST(test_refuses)
{
    static const struct {
        const char *user, *password, *error;
    } cases[] = {
        {"a:b", "x", "forbidden characters in username"},
        {"a\\nb", "x", "forbidden characters in username"},
        {TEST_ACCOUNT, "x\ny", "forbidden characters in raw password"},
        {TEST_ACCOUNT, "x\n", "forbidden characters in raw password"},
        {"no-such-account", "x",
         "child process has failed to set user password: failed to lookup user "
         "'no-such-account': there is no such account"},
    };
    g_autofree char *password = NULL;

    if (unable)
        TEST_SKIP("%s", unable);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = request(cases[i].user, cases[i].password, "false");
        g_autofree char *text = test_client_error(client, line);

        ck_assert_str_eq(text, cases[i].error);
    }
    password = test_accounts_password();
    ck_assert_str_eq(password, "!");
}
END_TEST

START_TEST(test_bad_arguments)
{
    static const struct {
        const char *arguments, *error;
    } cases[] = {
        {"\"username\":\"a\",\"password\":\"\"", "Parameter 'crypted' is missing"},
        {"\"username\":\"a\",\"crypted\":true", "Parameter 'password' is missing"},
        {"\"password\":\"\",\"crypted\":true", "Parameter 'username' is missing"},
        {"\"username\":\"a\",\"password\":\"!\",\"crypted\":true",
         "Base64 data contains invalid characters"},
        {"\"username\":\"a\",\"password\":\"\",\"crypted\":1",
         "Invalid parameter type for 'crypted', expected: boolean"},
        {"\"username\":1,\"password\":\"\",\"crypted\":true",
         "Invalid parameter type for 'username', expected: string"},
    };

    if (unable)
        TEST_SKIP("%s", unable);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = g_strdup_printf(
            "{\"execute\":\"guest-set-user-password\",\"arguments\":{%s}}\n", cases[i].arguments);
        g_autofree char *text = test_client_error(client, line);

        ck_assert_str_eq(text, cases[i].error);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("password-commands");
    TCase *tests = tcase_create("password-commands");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_sets);
    tcase_add_test(tests, test_leaves_no_trace);
    tcase_add_test(tests, test_refuses);
    tcase_add_test(tests, test_bad_arguments);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
