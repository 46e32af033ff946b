/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/compare.h"
#include "tests/lib/accounts.h"
#include "tests/lib/suite.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Keys and passwords, of an account that nothing but these tests sees. */

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"
#define FOLDER TEST_ACCOUNT_HOME "/.ssh"
#define KEYS_FILE FOLDER "/authorized_keys"

static Compare *agents;
static const char *unable;

static void set_up(void)
{
    unable = test_accounts_isolate();
    if (unable)
        return;
    agents = compare_new();
    if (!agents)
        unable = NO_PEER;
}

static void tear_down(void)
{
    compare_free(agents);
}

static char *make_request(const char *command, const char *rest)
{
    return g_strdup_printf("{\"execute\":\"guest-ssh-%s-authorized-keys\",\"arguments\":{"
                           "\"username\":\"" TEST_ACCOUNT "\"%s}}",
                           command, rest);
}

/* Starts from this text of the file, or from no folder for NULL. */
static void put_file(const char *text, mode_t mode)
{
    unlink(KEYS_FILE);
    rmdir(FOLDER);
    if (!text)
        return;
    ck_assert_int_eq(mkdir(FOLDER, 0700), 0);
    ck_assert(g_file_set_contents(KEYS_FILE, text, -1, NULL));
    ck_assert_int_eq(chmod(KEYS_FILE, mode), 0);
    ck_assert_int_eq(chown(FOLDER, TEST_ACCOUNT_UID, TEST_ACCOUNT_GID), 0);
    ck_assert_int_eq(chown(KEYS_FILE, TEST_ACCOUNT_UID, TEST_ACCOUNT_GID), 0);
}

/* Mode and owner, and whatever is in it but empty lines and white space at its end. */
static char *describe(const char *path, gboolean text)
{
    g_autofree char *content = NULL;
    struct stat status;

    if (lstat(path, &status) != 0)
        return g_strdup("nothing");
    if (text)
        ck_assert(g_file_get_contents(path, &content, NULL, NULL));
    return g_strdup_printf("%o %u:%u %s", status.st_mode, status.st_uid, status.st_gid,
                           content ? g_strchomp(content) : "");
}

static char *change(TestClient *client, const char *before, mode_t mode, const char *request)
{
    g_autofree char *line = NULL;
    g_autofree char *reply = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *file = NULL;

    put_file(before, mode);
    test_client_send(client, request);
    line = test_client_line(client);
    reply = compare_canonical(line, COMPARE_ALL, NULL);
    folder = describe(FOLDER, FALSE);
    file = describe(KEYS_FILE, TRUE);
    return g_strdup_printf("%s\n%s\n%s", reply, folder, file);
}

#define SOME "# mine\n\nssh-rsa A a\nfrom=\"x\" ssh-rsa B b\n"

START_TEST(test_keys)
{
    static const struct {
        const char *before, *command, *rest;
    } cases[] = {
        {NULL, "get", ""},
        {NULL, "remove", ",\"keys\":[\"ssh-rsa A a\"]"},
        {NULL, "add", ",\"keys\":[]"},
        {NULL, "add", ",\"keys\":[\"ssh-rsa A a\",\"ssh-rsa B b\",\"ssh-rsa A a\",\"\"]"},
        {SOME, "get", ""},
        {SOME, "add", ",\"keys\":[\"ssh-rsa C c\"],\"reset\":true"},
        {SOME, "add", ",\"keys\":[],\"reset\":true"},
        {SOME, "add", ",\"keys\":[\"# comment\"]"},
        {SOME, "add", ",\"keys\":[\"ssh-rsa A\\nssh-rsa B\"]"},
        {SOME, "add", ""},
        {SOME, "add", ",\"keys\":\"x\""},
        {SOME, "add", ",\"keys\":[5]"},
        {SOME, "add", ",\"keys\":[],\"reset\":5"},
        {SOME, "remove", ",\"keys\":[\"# mine\"]"},
        {SOME, "remove", ""},
        {SOME, "get", ",\"keys\":[]"},
    };

    if (unable)
        TEST_SKIP("%s", unable);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *request = make_request(cases[i].command, cases[i].rest);
        g_autofree char *peer = NULL;
        g_autofree char *firn = NULL;

        peer = change(compare_peer(agents), cases[i].before, 0600, request);
        firn = change(compare_firn(agents), cases[i].before, 0600, request);
        ck_assert_msg(!strcmp(firn, peer), "%s\n  firn: %s\n  peer: %s", request, firn, peer);
    }
}
END_TEST

START_TEST(test_keys_file)
{
    g_autofree char *add = make_request("add", ",\"keys\":[\"ssh-rsa C c\",\"\",\"ssh-rsa D d\"]");
    g_autofree char *again = make_request("add", ",\"keys\":[\"ssh-rsa A a\"]");
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;

    if (unable)
        TEST_SKIP("%s", unable);
    firn = change(compare_firn(agents), "ssh-rsa A a", 0640, add);
    peer = change(compare_peer(agents), "ssh-rsa A a", 0640, add);
    compare_differs_text("ssh-empty-key", firn, "*ssh-rsa C c\nssh-rsa D d", peer,
                         "*ssh-rsa C c\n\nssh-rsa D d");
    compare_differs_text("ssh-mode", firn, "*\n100640 *", peer, "*\n100600 *");
    g_free(firn);
    g_free(peer);
    firn = change(compare_firn(agents), "  ssh-rsa A a", 0600, again);
    peer = change(compare_peer(agents), "  ssh-rsa A a", 0600, again);
    compare_differs_text("ssh-spaces", firn, "*   ssh-rsa A a", peer,
                         "*   ssh-rsa A a\nssh-rsa A a");
}
END_TEST

START_TEST(test_links)
{
    g_autofree char *request = make_request("add", ",\"keys\":[\"ssh-rsa A a\"]");

    if (unable)
        TEST_SKIP("%s", unable);
    ck_assert_int_eq(mkdir("/home/victim", 0777), 0);
    ck_assert_int_eq(symlink("/home/victim", FOLDER), 0);
    compare_differs(agents, "ssh-links", request, "*failed to create directory*symbolic link*",
                    "{\"return\":{}}");
}
END_TEST

START_TEST(test_unknown_user)
{
    if (unable)
        TEST_SKIP("%s", unable);
    compare_differs(agents, "ssh-unknown-user",
                    "{\"execute\":\"guest-ssh-get-authorized-keys\",\"arguments\":{\"username\":"
                    "\"no-such-account\"}}",
                    "*failed to lookup user 'no-such-account': there is no such account*",
                    "*failed to lookup user 'no-such-account': Success*");
}
END_TEST

static char *password_request(const char *user, const char *password, gsize length,
                              gboolean crypted)
{
    g_autofree char *encoded = g_base64_encode((const guchar *)password, length);

    return g_strdup_printf("{\"execute\":\"guest-set-user-password\",\"arguments\":{"
                           "\"username\":\"%s\",\"password\":\"%s\",\"crypted\":%s}}",
                           user, encoded, crypted ? "true" : "false");
}

static void same_password(const char *user, const char *password, gboolean crypted)
{
    g_autofree char *request = password_request(user, password, strlen(password), crypted);

    compare_same(agents, request);
}

START_TEST(test_password)
{
    static const char *const bad[] = {
        "\"username\":\"a\",\"password\":\"\"",
        "\"username\":\"a\",\"crypted\":true",
        "\"password\":\"\",\"crypted\":true",
        "\"username\":\"a\",\"password\":\"!!!!\",\"crypted\":true",
        "\"username\":\"a\",\"password\":\"\",\"crypted\":1",
        "\"username\":1,\"password\":\"\",\"crypted\":true",
    };
    g_autofree char *unknown = password_request("no-such-account", "x", 1, FALSE);
    g_autofree char *nul = password_request(TEST_ACCOUNT, "x\0y", 3, FALSE);
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;

    if (unable)
        TEST_SKIP("%s", unable);
    same_password(TEST_ACCOUNT, "Oongai7zae9", FALSE);
    same_password(TEST_ACCOUNT, "$6$salt$hash", TRUE);
    firn = test_accounts_password();
    ck_assert_str_eq(firn, "$6$salt$hash");
    same_password(TEST_ACCOUNT, "", TRUE);
    peer = test_accounts_password();
    ck_assert_str_eq(peer, "");
    same_password("a:b", "x", FALSE);
    same_password("a\\nb", "x", FALSE);
    same_password(TEST_ACCOUNT, "x\ny", FALSE);
    same_password(TEST_ACCOUNT, "x\n", TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *request =
            g_strdup_printf("{\"execute\":\"guest-set-user-password\",\"arguments\":{%s}}", bad[i]);

        compare_same(agents, request);
    }
    compare_differs(agents, "password-reason", unknown,
                    "*child process has failed to set user password: *there is no such account*",
                    "*child process has failed to set user password\"*");
    compare_differs(agents, "password-nul", nul, "*forbidden characters in raw password*",
                    "{\"return\":{}}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("account");
    TCase *tests = tcase_create("account");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_keys);
    tcase_add_test(tests, test_keys_file);
    tcase_add_test(tests, test_links);
    tcase_add_test(tests, test_unknown_user);
    tcase_add_test(tests, test_password);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
