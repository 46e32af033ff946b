/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>

static char *state_dir;

static void set_up(void)
{
    state_dir = g_dir_make_tmp("firn-report-XXXXXX", NULL);
    ck_assert_ptr_nonnull(state_dir);
    g_setenv("TZ", "UTC", TRUE);
}

static void tear_down(void)
{
    const char *argv[] = {"rm", "-rf", state_dir, NULL};

    g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                 NULL, NULL);
    g_clear_pointer(&state_dir, g_free);
}

static void set_times(FirnAccountFilesystem *filesystem, gint64 sync_end, gint64 freeze_begin,
                      gint64 thaw_begin)
{
    filesystem->outcome = FIRN_OUTCOME_FROZEN;
    filesystem->sync_begin = 0;
    filesystem->sync_end = sync_end;
    filesystem->freeze_begin = freeze_begin;
    filesystem->freeze_end = freeze_begin + 1000;
    filesystem->thaw_begin = thaw_begin;
    filesystem->thaw_end = thaw_begin + 200;
}

/* /home and / frozen, /snap not freezable, a hook before and after. */
static FirnAccount *make_account(void)
{
    FirnAccount *account =
        firn_account_new("guest-fsfreeze-freeze", G_GINT64_CONSTANT(1700000000123456));
    FirnAccountFilesystem *snap;

    firn_account_add_filesystem(account, "/home", "xfs", "/dev/vda2", 0);
    firn_account_add_filesystem(account, "/snap", "squashfs", "/dev/loop1", 0);
    firn_account_add_filesystem(account, "/", "ext4", "/dev/vda1", 0);
    set_times(firn_account_filesystem(account, 0), 300000, 450000, 4455000);
    set_times(firn_account_filesystem(account, 2), 100000, 452000, 4454000);
    snap = firn_account_filesystem(account, 1);
    snap->outcome = FIRN_OUTCOME_UNSUPPORTED;
    snap->error = EOPNOTSUPP;
    snap->freeze_begin = 451000;
    snap->freeze_end = 451010;
    firn_account_add_hook(account, "/etc/hooks/10-db", FALSE, 400000, 440000, 0);
    firn_account_add_hook(account, "/etc/hooks/10-db", TRUE, 4460000, 4461000, 7);
    account->resync_begin = 440000;
    account->resync_end = 450000;
    account->freeze_begin = 450000;
    account->freeze_end = 453000;
    account->thaw_begin = 4454000;
    account->thaw_end = 4456000;
    account->frozen = 2;
    account->thawed = 2;
    account->thaw_reason = FIRN_THAW_REQUEST;
    return account;
}

START_TEST(test_text)
{
    g_autoptr(FirnAccount) account = make_account();
    g_autofree char *text = firn_report_text(account, 100, FALSE);

    ck_assert_str_eq(
        text, "2023-11-14 22:13:20.123 +0000  guest-fsfreeze-freeze\n"
              "  2 frozen in 3.00 ms, held for 4.0 s, 2 thawed (request)\n"
              "\n"
              "  filesystem type     device         sync   freeze     held     thaw  outcome\n"
              "  /home      xfs      /dev/vda2    300 ms  1.00 ms    4.0 s  0.20 ms  frozen\n"
              "  /snap      squashfs /dev/loop1        -  0.01 ms        -        -  unsupported\n"
              "  /          ext4     /dev/vda1    100 ms  1.00 ms    4.0 s  0.20 ms  frozen\n"
              "\n"
              "  hook freeze    40 ms  /etc/hooks/10-db\n"
              "  hook thaw    1.00 ms  /etc/hooks/10-db: status 7\n"
              "\n"
              "         sync         hooks     sync      freeze             held      thaw         "
              "hooks\n"
              "         300 ms       40 ms     10 ms     3.00 ms            4.0 s     2.00 ms      "
              "1.00 ms\n"
              "  hooks |            |hhhhhhhhh|         |                  |         |            "
              "|xxxxxxxxx|\n"
              "  /home |~~~~~~~~~~~~|         |~~~~~~~~~|######============|=========|======_     "
              "|         |\n"
              "  /snap |            |         |~~~~~~~~~|      x           |         |            "
              "|         |\n"
              "  /     |~~~~        |         |~~~~~~~~~|            ######|=========|_           "
              "|         |\n"
              "         = frozen  ~ sync  h hook  # freeze  _ thaw  x failed or not frozen\n");
}
END_TEST

START_TEST(test_error)
{
    g_autoptr(FirnAccount) account = make_account();
    g_autofree char *text = NULL;

    account->error = g_strdup("failed to freeze /x: \x1b[31m");
    account->frozen = 0;
    account->thaw_reason = FIRN_THAW_FAILED;
    firn_account_filesystem(account, 0)->outcome = FIRN_OUTCOME_FAILED;
    firn_account_filesystem(account, 0)->error = EIO;
    firn_account_filesystem(account, 2)->thaw_error = EINVAL;
    text = firn_report_text(account, 80, TRUE);
    ck_assert_ptr_nonnull(strstr(text, "error: failed to freeze /x: \\033[31m\n"));
    ck_assert_ptr_nonnull(strstr(text, "thawed (failed)"));
    ck_assert_ptr_nonnull(strstr(text, "failed: Input/output error"));
    ck_assert_ptr_nonnull(strstr(text, "✗"));
    ck_assert_ptr_nonnull(strstr(text, "frozen, thawed by somebody else"));
    ck_assert_ptr_null(strstr(text, "held for"));
}
END_TEST

START_TEST(test_nothing_happened)
{
    g_autoptr(FirnAccount) account = firn_account_new("guest-fsfreeze-freeze", 1);
    g_autofree char *text = firn_report_text(account, 0, FALSE);

    ck_assert_ptr_nonnull(strstr(text, "  0 frozen\n"));
}
END_TEST

/* A thousand filesystems are all in the table, and the timeline stays one to look at. */
START_TEST(test_many)
{
    g_autoptr(FirnAccount) account = firn_account_new("guest-fsfreeze-freeze", 1);
    g_autofree char *text = NULL;

    for (guint i = 0; i < 1000; i++) {
        g_autofree char *mountpoint = g_strdup_printf("/m/%u", i);

        firn_account_add_filesystem(account, mountpoint, "ext4", "/dev/x", 0);
        set_times(firn_account_filesystem(account, i), 10, 450000 + i, 900000 - i);
    }
    account->freeze_begin = 450000;
    account->freeze_end = 452000;
    text = firn_report_text(account, 100, TRUE);
    ck_assert_ptr_nonnull(strstr(text, "/m/999"));
    ck_assert_ptr_nonnull(strstr(text, "and 960 more\n"));
}
END_TEST

START_TEST(test_json)
{
    g_autoptr(GPtrArray) accounts =
        g_ptr_array_new_with_free_func((GDestroyNotify)firn_account_free);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *text = NULL;
    JsonObject *report, *filesystem;
    JsonArray *list;

    g_ptr_array_add(accounts, make_account());
    text = firn_report_json(accounts);
    ck_assert(json_parser_load_from_data(parser, text, -1, NULL));
    list =
        json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), "reports");
    ck_assert_uint_eq(json_array_get_length(list), 1);
    report = json_array_get_object_element(list, 0);
    ck_assert_str_eq(json_object_get_string_member(report, "who"), "guest-fsfreeze-freeze");
    ck_assert_int_eq(json_object_get_int_member(report, "frozen"), 2);
    ck_assert_str_eq(json_object_get_string_member(report, "thaw-reason"), "request");
    ck_assert(!json_object_has_member(report, "error"));
    list = json_object_get_array_member(report, "filesystems");
    filesystem = json_array_get_object_element(list, 0);
    ck_assert_str_eq(json_object_get_string_member(filesystem, "mountpoint"), "/home");
    ck_assert_int_eq(json_object_get_int_member(filesystem, "freeze-usec"), 1000);
    ck_assert_int_eq(json_object_get_int_member(filesystem, "held-usec"), 4004200);
    filesystem = json_array_get_object_element(list, 1);
    ck_assert_str_eq(json_object_get_string_member(filesystem, "outcome"), "unsupported");
    ck_assert(!json_object_has_member(filesystem, "held-usec"));
    list = json_object_get_array_member(report, "hooks");
    ck_assert_int_eq(json_object_get_int_member(json_array_get_object_element(list, 1), "status"),
                     7);
}
END_TEST

START_TEST(test_store)
{
    g_autoptr(GPtrArray) nothing = firn_report_load(state_dir, 10, NULL);
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GPtrArray) last = NULL;
    g_autofree char *folder = g_build_filename(state_dir, "reports", NULL);
    g_autofree char *odd = g_build_filename(folder, "00000000000000000003.freeze", NULL);
    g_autofree char *file = g_build_filename(folder, "00000000000000000009.freeze", NULL);
    g_autofree char *stranger = g_build_filename(folder, "notes", NULL);
    GStatBuf status;

    ck_assert_uint_eq(nothing->len, 0);
    for (guint i = 0; i < 10; i++) {
        g_autoptr(FirnAccount) account = make_account();

        account->started = i;
        ck_assert(firn_report_store(state_dir, 8, account, NULL));
    }
    ck_assert_int_eq(g_stat(file, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(g_stat(folder, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0700);
    ck_assert(g_file_set_contents(stranger, "x", 1, NULL));
    all = firn_report_load(state_dir, 100, NULL);
    ck_assert_uint_eq(all->len, 8);
    ck_assert_int_eq(((FirnAccount *)g_ptr_array_index(all, 0))->started, 2);
    /* one that was damaged is passed over */
    ck_assert(g_file_set_contents(odd, "[free", 5, NULL));
    last = firn_report_load(state_dir, 7, NULL);
    ck_assert_uint_eq(last->len, 6);
    ck_assert_int_eq(((FirnAccount *)g_ptr_array_index(last, 5))->started, 9);
}
END_TEST

START_TEST(test_store_fails)
{
    g_autoptr(FirnAccount) account = make_account();
    g_autoptr(GError) error = NULL;

    ck_assert(!firn_report_store("/proc/nonexistent", 8, account, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "/proc/nonexistent/reports"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_text);
    tcase_add_test(tests, test_error);
    tcase_add_test(tests, test_nothing_happened);
    tcase_add_test(tests, test_many);
    tcase_add_test(tests, test_json);
    tcase_add_test(tests, test_store);
    tcase_add_test(tests, test_store_fails);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
