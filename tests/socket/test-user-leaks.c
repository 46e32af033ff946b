/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/accounts.h"
#include "tests/lib/endurance.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <unistd.h>

/*
 * Each command on files, processes, keys and passwords ten thousand times. Passwords go to a
 * recorded chpasswd in a tree that stands for "/"; the account's entry alone is the machine's.
 */

static const char *const file_requests[] = {
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/nonexist\"}}",
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/\",\"mode\":\"w\"}}",
    "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":%ld,\"count\":4}}",
    "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":5}}",
    "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%ld,\"buf-b64\":\"YQ==\"}}",
    "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%ld,\"buf-b64\":\"!\"}}",
    "{\"execute\":\"guest-file-seek\",\"arguments\":{\"handle\":%ld,\"offset\":0,\"whence\":0}}",
    "{\"execute\":\"guest-file-flush\",\"arguments\":{\"handle\":%ld}}",
    "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":5}}",
    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/nonexist\",\"capture-output\":true}}",
    "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":1}}",
};

static gint64 open_null(TestDaemon *daemon)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autoptr(JsonNode) value =
        test_client_value(client, "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":"
                                  "\"/dev/null\",\"mode\":\"r+\"}}");

    return json_node_get_int(value);
}

START_TEST(test_requests)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_auto(GStrv) parts = g_strsplit(file_requests[_i], "%ld", 2);
    g_autofree char *handle = g_strdup_printf("%ld", (long)open_null(daemon));
    g_autofree char *text = g_strjoinv(handle, parts);

    test_endure(daemon, text, FALSE);
}
END_TEST

/* Sends a batch of one request each of `numbers`, NULL for none, and returns the numbers that the
 * replies have, in the member `name` or as they are. */
static gint64 *ask_numbers(TestClient *client, const char *before, const gint64 *numbers,
                           const char *after, const char *name)
{
    g_autoptr(GString) batch = g_string_new(NULL);
    gint64 *results = g_new0(gint64, TEST_ENDURE_BATCH);

    for (guint i = 0; i < TEST_ENDURE_BATCH; i++) {
        g_string_append(batch, before);
        if (numbers)
            g_string_append_printf(batch, "%" G_GINT64_FORMAT, numbers[i]);
        g_string_append(batch, after);
    }
    test_client_send(client, batch->str);
    for (guint i = 0; i < TEST_ENDURE_BATCH; i++) {
        g_autofree char *line = test_client_line(client);
        g_autoptr(JsonNode) value = test_reply_value(line);

        if (JSON_NODE_HOLDS_VALUE(value))
            results[i] = json_node_get_int(value);
        else if (name)
            results[i] = json_object_get_int_member(json_node_get_object(value), name);
    }
    return results;
}

static void open_and_close(TestClient *client, guint times, gpointer data)
{
    for (guint done = 0; done < times; done += TEST_ENDURE_BATCH) {
        g_autofree gint64 *handles =
            ask_numbers(client, "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/dev/",
                        NULL, "null\"}}", NULL);
        g_autofree gint64 *none = ask_numbers(
            client, "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":", handles, "}}",
            NULL);

        ck_assert_int_gt(handles[0], 0);
        ck_assert_int_eq(none[0], 0);
    }
}

START_TEST(test_open_and_close)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);

    test_endure_asking(daemon, "opening and closing", open_and_close, NULL);
}
END_TEST

/* Asks for the end of a process until it is told. */
static void wait_end(TestClient *client, gint64 pid)
{
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%" G_GINT64_FORMAT "}}", pid);

    for (int tries = 0; tries < 60000; tries++) {
        g_autofree char *text = test_client_text(client, request);

        if (strstr(text, "\"exited\":true"))
            return;
        g_usleep(1000);
    }
    ck_abort_msg("process %" G_GINT64_FORMAT " does not end", pid);
}

static void execute(TestClient *client, guint times, gpointer data)
{
    gboolean asked = data != NULL;

    for (guint done = 0; done < times; done += TEST_ENDURE_BATCH) {
        g_autofree gint64 *pids =
            ask_numbers(client,
                        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/echo\",\"arg\":"
                        "[\"x\"],\"input-data\":\"YQ==\",\"capture-output\":true",
                        NULL, "}}", "pid");

        for (guint i = 0; asked && i < TEST_ENDURE_BATCH; i++)
            wait_end(client, pids[i]);
    }
}

/* Loop 0: nobody asks how the processes ended, 1: somebody does. */
START_TEST(test_exec)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);

    test_endure_asking(daemon, "guest-exec", execute, _i ? daemon : NULL);
}
END_TEST

#define USER "\"username\":\"" TEST_ACCOUNT "\""

static const char *const key_requests[] = {
    "{\"execute\":\"guest-ssh-get-authorized-keys\",\"arguments\":{" USER "}}",
    "{\"execute\":\"guest-ssh-add-authorized-keys\",\"arguments\":{" USER
    ",\"keys\":[\"ssh-rsa A a\"],\"reset\":true}}",
    "{\"execute\":\"guest-ssh-add-authorized-keys\",\"arguments\":{" USER
    ",\"keys\":[\"ssh-rsa B b\"]}}",
    "{\"execute\":\"guest-ssh-remove-authorized-keys\",\"arguments\":{" USER
    ",\"keys\":[\"ssh-rsa B b\"]}}",
    "{\"execute\":\"guest-ssh-get-authorized-keys\",\"arguments\":{\"username\":\"no-one\"}}",
};

START_TEST(test_keys)
{
    const char *unable = test_accounts_isolate();
    g_autoptr(TestDaemon) daemon = NULL;

    if (unable)
        TEST_SKIP("%s", unable);
    daemon = test_daemon_start(NULL);
    test_endure(daemon, key_requests[_i], FALSE);
}
END_TEST

START_TEST(test_password)
{
    char *tree = test_tree_new();
    g_autofree char *sbin = g_strconcat(tree, "/usr/sbin", NULL);
    g_autofree char *program = g_strconcat(sbin, "/chpasswd", NULL);
    g_autoptr(TestDaemon) daemon = NULL;

    ck_assert_int_eq(g_mkdir_with_parents(sbin, 0755), 0);
    ck_assert_int_eq(symlink("/bin/true", program), 0);
    g_setenv("FIRN_ROOT", tree, TRUE);
    daemon = test_daemon_start(NULL);
    test_endure(daemon,
                "{\"execute\":\"guest-set-user-password\",\"arguments\":{\"username\":\"root\","
                "\"password\":\"eA==\",\"crypted\":true}}",
                FALSE);
    test_tree_remove(tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("user-leaks");
    TCase *tests = tcase_create("leaks");

    tcase_set_timeout(tests, 20);
    tcase_add_loop_test(tests, test_requests, 0, G_N_ELEMENTS(file_requests));
    tcase_add_test(tests, test_open_and_close);
    tcase_add_loop_test(tests, test_exec, 0, 2);
    tcase_add_loop_test(tests, test_keys, 0, G_N_ELEMENTS(key_requests));
    tcase_add_test(tests, test_password);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
