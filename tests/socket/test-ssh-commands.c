/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/accounts.h"
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_FILE TEST_ACCOUNT_HOME "/.ssh/authorized_keys"

static TestDaemon *daemon_;
static TestClient *client;
static const char *unable; /* why there are no accounts to try this with */

static void set_up(void)
{
    unable = test_accounts_isolate();
    if (unable)
        return;
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
}

static char *request(const char *name, const char *user, const char *rest)
{
    return g_strdup_printf("{\"execute\":\"guest-ssh-%s-authorized-keys\",\"arguments\":{"
                           "\"username\":\"%s\"%s}}\n",
                           name, user, rest);
}

static void assert_text(const char *name, const char *rest, const char *expected)
{
    g_autofree char *line = request(name, TEST_ACCOUNT, rest);
    g_autofree char *text = test_client_text(client, line);

    ck_assert_msg(!strcmp(text, expected), "%s: %s", line, text);
}

static void assert_error(const char *name, const char *user, const char *rest, const char *expected)
{
    g_autofree char *line = request(name, user, rest);
    g_autofree char *text = test_client_error(client, line);

    ck_assert_msg(!strcmp(text, expected), "%s: %s", line, text);
}

static void assert_file(const char *expected)
{
    g_autofree char *text = NULL;
    struct stat status;

    ck_assert(g_file_get_contents(KEYS_FILE, &text, NULL, NULL));
    ck_assert_str_eq(text, expected);
    ck_assert_int_eq(stat(KEYS_FILE, &status), 0);
    ck_assert_uint_eq(status.st_uid, TEST_ACCOUNT_UID);
    ck_assert_uint_eq(status.st_gid, TEST_ACCOUNT_GID);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
}

START_TEST(test_keys)
{
    if (unable)
        TEST_SKIP("%s", unable);
    assert_error("get", TEST_ACCOUNT, "",
                 "failed to read '" KEYS_FILE "': Failed to open file “" KEYS_FILE
                 "”: No such file or directory");
    assert_text("remove", ",\"keys\":[\"ssh-rsa A a\"]", "{}");
    assert_text("add", ",\"keys\":[\"ssh-rsa A a\",\"ssh-rsa B b\",\"\"]", "{}");
    assert_file("ssh-rsa A a\nssh-rsa B b\n");
    assert_text("add", ",\"keys\":[\"ssh-rsa A a\",\"ssh-rsa C c\"],\"reset\":false", "{}");
    assert_text("get", "", "{\"keys\":[\"ssh-rsa C c\",\"ssh-rsa B b\",\"ssh-rsa A a\"]}");
    assert_text("remove", ",\"keys\":[\"ssh-rsa B b\",\"ssh-rsa X x\",\"\"]", "{}");
    assert_file("ssh-rsa A a\nssh-rsa C c\n");
    assert_text("add", ",\"keys\":[\"ssh-rsa D d\"],\"reset\":true", "{}");
    assert_file("ssh-rsa D d\n");
    assert_text("add", ",\"keys\":[],\"reset\":true", "{}");
    assert_text("get", "", "{\"keys\":[]}");
}
END_TEST

START_TEST(test_errors)
{
    if (unable)
        TEST_SKIP("%s", unable);
    for (guint i = 0; i < 3; i++) {
        const char *const names[] = {"get", "add", "remove"};
        const char *rest = i == 0 ? "" : ",\"keys\":[\"ssh-rsa A a\"]";

        assert_error(names[i], "no-such-account", rest,
                     "failed to lookup user 'no-such-account': there is no such account");
        assert_error(names[i], "", rest, "failed to lookup user '': there is no such account");
    }
    assert_error("add", TEST_ACCOUNT, ",\"keys\":[\"# comment\"]",
                 "invalid OpenSSH public key: '# comment'");
    assert_error("remove", TEST_ACCOUNT, ",\"keys\":[\"a\\nb\"]",
                 "invalid OpenSSH public key: 'a\nb'");
    assert_error("add", TEST_ACCOUNT, "", "Parameter 'keys' is missing");
    assert_error("remove", TEST_ACCOUNT, ",\"keys\":\"x\"",
                 "Invalid parameter type for 'keys', expected: array");
    assert_error("add", TEST_ACCOUNT, ",\"keys\":[1]",
                 "Invalid parameter type for 'keys[0]', expected: string");
    assert_error("add", TEST_ACCOUNT, ",\"keys\":[],\"reset\":1",
                 "Invalid parameter type for 'reset', expected: boolean");
    assert_error("get", TEST_ACCOUNT, ",\"keys\":[]", "Parameter 'keys' is unexpected");
}
END_TEST

/* A link that the user made leads nowhere. */
START_TEST(test_links)
{
    const char *folder = TEST_ACCOUNT_HOME "/.ssh";

    if (unable)
        TEST_SKIP("%s", unable);
    ck_assert_int_eq(mkdir("/home/victim", 0777), 0);
    ck_assert_int_eq(symlink("/home/victim", folder), 0);
    assert_error("add", TEST_ACCOUNT, ",\"keys\":[\"ssh-rsa A a\"]",
                 "failed to create directory '" TEST_ACCOUNT_HOME
                 "/.ssh': it is a symbolic link, which is not followed in a user's folder");
    ck_assert_int_eq(access("/home/victim/authorized_keys", F_OK), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ssh-commands");
    TCase *tests = tcase_create("ssh-commands");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_keys);
    tcase_add_test(tests, test_errors);
    tcase_add_test(tests, test_links);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
