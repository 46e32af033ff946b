/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/record-read.h"
#include "agent/freeze/report.h"
#include "tests/lib/records.h"
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

static void set_times(FirnRecord *record, guint target, gint64 sync_end, gint64 freeze_begin,
                      gint64 thaw_begin)
{
    FirnRecordTarget *row = &record->targets[target];

    row->state = FIRN_TARGET_THAWED;
    row->sync_begin = test_record_time(record, 0);
    row->sync_end = test_record_time(record, sync_end);
    row->freeze_begin = test_record_time(record, freeze_begin);
    row->freeze_end = test_record_time(record, freeze_begin + 1000);
    row->thaw_begin = test_record_time(record, thaw_begin);
    row->thaw_end = test_record_time(record, thaw_begin + 200);
}

static void add_hook(FirnRecord *record)
{
    FirnRecordHook *hook = test_record_add_hook(record, "/etc/hooks/10-db");

    hook->freeze_begin = test_record_time(record, 400000);
    hook->freeze_end = test_record_time(record, 440000);
    hook->thaw_begin = test_record_time(record, 4460000);
    hook->thaw_end = test_record_time(record, 4461000);
    hook->thaw_status = 7 << 8;
}

static void set_phases(FirnRecord *record)
{
    FirnRecordHead *head = record->head;

    head->last_sync_begin = test_record_time(record, 440000);
    head->last_sync_end = test_record_time(record, 450000);
    head->walk_begin = test_record_time(record, 450000);
    head->walk_end = test_record_time(record, 453000);
    head->thaw_begin = test_record_time(record, 4454000);
    head->thaw_end = test_record_time(record, 4456000);
    head->frozen = 2;
    head->thawed = 2;
    head->end = FIRN_END_REQUEST;
}

/* /home and / frozen, /snap not freezable, a hook before and after. */
static FirnRecord *make_record(void)
{
    FirnRecord *record = test_record_new("guest-fsfreeze-freeze");
    FirnRecordTarget *snap;

    test_record_add_target(record, "/home", "xfs", "/dev/vda2");
    test_record_add_target(record, "/snap", "squashfs", "/dev/loop1");
    test_record_add_target(record, "/", "ext4", "/dev/vda1");
    set_times(record, 0, 300000, 450000, 4455000);
    set_times(record, 2, 100000, 452000, 4454000);
    snap = &record->targets[1];
    snap->state = FIRN_TARGET_UNSUPPORTED;
    snap->error = EOPNOTSUPP;
    snap->freeze_begin = test_record_time(record, 451000);
    snap->freeze_end = test_record_time(record, 451010);
    add_hook(record);
    set_phases(record);
    return record;
}

static void add_elsewhere(FirnRecord *record)
{
    FirnRecordTarget *row = test_record_add_target(record, "/data", "xfs", "/dev/vdc");

    row->state = FIRN_TARGET_ELSEWHERE;
    row->device = 0xfd05;
    record->targets[record->head->target_count - 1].whose =
        test_record_add_text(record, "pid 812 (nginx)");
}

/* What is printed of it contains the text, or does not. */
static void assert_printed(const FirnRecord *record, gboolean utf8, const char *expected,
                           gboolean there)
{
    g_autofree char *text = firn_report_text(record, 80, utf8);

    ck_assert_msg((strstr(text, expected) != NULL) == there, "\"%s\" is%s in:\n%s", expected,
                  there ? " not" : "", text);
}

START_TEST(a_report_has_a_table_the_hooks_and_a_timeline)
{
    FirnRecord *record = make_record();
    g_autofree char *text = firn_report_text(record, 100, FALSE);

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
    test_record_free(record);
}
END_TEST

START_TEST(a_failed_freeze_tells_its_error_and_each_filesystems)
{
    FirnRecord *record = make_record();

    g_strlcpy(record->head->message, "failed to freeze /x: \x1b[31m", 64);
    record->head->frozen = 0;
    record->head->end = FIRN_END_FAILED;
    record->targets[0].state = FIRN_TARGET_FAILED;
    record->targets[0].error = EIO;
    record->targets[2].thaw_error = EINVAL;
    assert_printed(record, TRUE, "error: failed to freeze /x: \\033[31m\n", TRUE);
    assert_printed(record, TRUE, "thawed (failed)", TRUE);
    assert_printed(record, TRUE, "failed: Input/output error", TRUE);
    assert_printed(record, TRUE, "✗", TRUE);
    assert_printed(record, TRUE, "frozen, thawed by somebody else", TRUE);
    assert_printed(record, TRUE, "held for", FALSE);
    test_record_free(record);
}
END_TEST

START_TEST(a_refused_freeze_tells_why_and_no_more)
{
    FirnRecord *record = test_record_new("guest-fsfreeze-freeze");
    g_autofree char *text = NULL;

    test_record_add_target(record, "/home", "xfs", "/dev/vda2");
    g_strlcpy(record->head->message, "hook /h: not executable", 64);
    record->head->end = FIRN_END_FAILED;
    text = firn_report_text(record, 80, FALSE);
    ck_assert_str_eq(text, "2023-11-14 22:13:20.123 +0000  guest-fsfreeze-freeze\n"
                           "  refused: hook /h: not executable\n");
    test_record_free(record);
}
END_TEST

START_TEST(a_freeze_of_nothing_is_told)
{
    FirnRecord *record = test_record_new("guest-fsfreeze-freeze");

    assert_printed(record, FALSE, "  0 frozen\n", TRUE);
    test_record_free(record);
}
END_TEST

START_TEST(filesystems_of_other_namespaces_are_told_of_apart)
{
    FirnRecord *record = make_record();

    add_elsewhere(record);
    assert_printed(record, FALSE,
                   "\n\n  not frozen: /dev/vdc, mounted at /data in the mount namespace of pid 812 "
                   "(nginx)\n\n  hook freeze",
                   TRUE);
    assert_printed(record, FALSE, "  /data ", FALSE);
    test_record_free(record);
}
END_TEST

START_TEST(a_stuck_and_a_lost_filesystem_are_drawn_as_what_they_are)
{
    FirnRecord *record = make_record();
    g_autofree char *text = NULL;

    record->targets[0].state = FIRN_TARGET_LOST;
    record->targets[0].thaw_begin = 0;
    record->targets[0].thaw_end = 0;
    record->targets[2].state = FIRN_TARGET_STUCK;
    record->targets[2].freeze_end = 0;
    text = firn_report_text(record, 100, FALSE);
    ck_assert_ptr_nonnull(strstr(text, "lost: unmounted or covered while frozen: thawed through a "
                                       "mount of firn's own\n"));
    ck_assert_ptr_nonnull(strstr(text, "|######============|=========|============|"));
    ck_assert_ptr_nonnull(strstr(text, "  stuck\n"));
    ck_assert_ptr_nonnull(strstr(text, "            xxxxxx|"));
    test_record_free(record);
}
END_TEST

START_TEST(a_thousand_filesystems_are_in_the_table_and_a_few_in_the_timeline)
{
    FirnRecord *record = test_record_new("guest-fsfreeze-freeze");

    for (guint i = 0; i < 1000; i++) {
        g_autofree char *mountpoint = g_strdup_printf("/m/%u", i);

        test_record_add_target(record, mountpoint, "ext4", "/dev/x");
        set_times(record, i, 10, 450000 + i, 900000 - i);
    }
    add_elsewhere(record);
    record->head->walk_begin = test_record_time(record, 450000);
    record->head->walk_end = test_record_time(record, 452000);
    assert_printed(record, TRUE, "/m/999", TRUE);
    assert_printed(record, TRUE, "and 960 more\n", TRUE);
    test_record_free(record);
}
END_TEST

/* The JSON of one record; free the parser. */
static JsonObject *parse(const FirnRecord *record, JsonParser *parser)
{
    g_autoptr(GPtrArray) reports = g_ptr_array_new();
    g_autofree char *text = NULL;
    JsonArray *list;

    g_ptr_array_add(reports, (gpointer)(guintptr)record);
    text = firn_report_json(reports);
    ck_assert_ptr_null(strchr(text, '\n'));
    for (const char *at = text; *at; at++)
        ck_assert(!g_ascii_iscntrl(*at));
    ck_assert(g_utf8_validate(text, -1, NULL));
    ck_assert(json_parser_load_from_data(parser, text, -1, NULL));
    list =
        json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), "reports");
    ck_assert_uint_eq(json_array_get_length(list), 1);
    return json_array_get_object_element(list, 0);
}

static JsonObject *element(JsonObject *report, const char *list, guint index)
{
    return json_array_get_object_element(json_object_get_array_member(report, list), index);
}

START_TEST(json_has_all_of_a_report)
{
    FirnRecord *record = make_record();
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *report, *home, *snap;

    report = parse(record, parser);
    home = element(report, "filesystems", 0);
    snap = element(report, "filesystems", 1);
    ck_assert_str_eq(json_object_get_string_member(report, "who"), "guest-fsfreeze-freeze");
    ck_assert_int_eq(json_object_get_int_member(report, "started-usec"),
                     G_GINT64_CONSTANT(1700000000123456));
    ck_assert_int_eq(json_object_get_int_member(report, "frozen"), 2);
    ck_assert_str_eq(json_object_get_string_member(report, "thaw-reason"), "request");
    ck_assert(!json_object_has_member(report, "error"));
    ck_assert_str_eq(json_object_get_string_member(home, "mountpoint"), "/home");
    ck_assert_int_eq(json_object_get_int_member(home, "freeze-usec"), 1000);
    ck_assert_int_eq(json_object_get_int_member(home, "held-usec"), 4004200);
    ck_assert(!json_object_has_member(home, "remark"));
    ck_assert_str_eq(json_object_get_string_member(snap, "outcome"), "unsupported");
    ck_assert(!json_object_has_member(snap, "held-usec"));
    ck_assert_int_eq(json_object_get_int_member(element(report, "hooks", 1), "status"), 7);
    test_record_free(record);
}
END_TEST

START_TEST(json_tells_what_was_unusual)
{
    FirnRecord *record = make_record();
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *report, *data;

    add_elsewhere(record);
    record->targets[0].thaw_error = EINVAL;
    g_strlcpy(record->head->message, "it failed", 64);
    report = parse(record, parser);
    data = element(report, "filesystems", 3);
    ck_assert_str_eq(json_object_get_string_member(report, "error"), "it failed");
    ck_assert_str_eq(json_object_get_string_member(element(report, "filesystems", 0), "remark"),
                     "thawed by somebody else");
    ck_assert_str_eq(json_object_get_string_member(data, "outcome"), "elsewhere");
    ck_assert_str_eq(json_object_get_string_member(data, "namespace"), "pid 812 (nginx)");
    ck_assert_str_eq(json_object_get_string_member(data, "device-number"), "253:5");
    test_record_free(record);
}
END_TEST

/* A mountpoint is any bytes but NUL. */
START_TEST(json_is_json_whatever_a_filesystem_is_called)
{
    FirnRecord *record = test_record_new("guest-fsfreeze-freeze");
    g_autoptr(JsonParser) parser = json_parser_new();
    char name[256];

    for (guint i = 0; i < 0x80; i++)
        name[i] = (char)(i + 1);
    g_strlcpy(name + 0x7f, "\xc3\xa9\xff\xc3", sizeof name - 0x7f);
    test_record_add_target(record, name, "ext4", "/dev/vda");
    g_strlcpy(name + 0x7f, "\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd", sizeof name - 0x7f);
    ck_assert_str_eq(json_object_get_string_member(element(parse(record, parser), "filesystems", 0),
                                                   "mountpoint"),
                     name);
    test_record_free(record);
}
END_TEST

/* The report of a freeze that was asked for `started` microseconds after the epoch. */
static void make_report(gint64 started)
{
    char root[] = "", who[] = "guest-fsfreeze-freeze";
    FirnFreezeRequest request = {
        .root = root, .state_dir = state_dir, .who = who, .report_keep = 8};
    g_autoptr(GError) error = NULL;
    g_autoptr(FirnRecord) record = firn_record_create(&request, NULL, NULL, &error);

    ck_assert_msg(record != NULL, "%s", error ? error->message : "");
    record->head->real_offset = started * 1000 - record->head->begin;
    ck_assert(firn_record_finish(record, &error));
}

static char *path_of(const char *name)
{
    return g_build_filename(state_dir, "reports", name, NULL);
}

static void make_file(const char *name)
{
    g_autofree char *path = path_of(name);

    ck_assert(g_file_set_contents(path, "x", 1, NULL));
}

static gboolean exists(const char *name)
{
    g_autofree char *path = path_of(name);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

START_TEST(as_many_reports_as_configured_are_kept_and_read_oldest_first)
{
    g_autoptr(GPtrArray) reports = NULL;
    g_autofree char *file = path_of("00000000000000000009.freeze");
    g_autofree char *folder = path_of(NULL);
    GStatBuf status;

    for (guint i = 0; i < 10; i++)
        make_report(i);
    reports = firn_report_load(state_dir, 100, NULL);
    ck_assert_uint_eq(reports->len, 8);
    ck_assert_int_eq(firn_record_started(g_ptr_array_index(reports, 0)), 2);
    ck_assert_int_eq(firn_record_started(g_ptr_array_index(reports, 7)), 9);
    ck_assert_int_eq(g_stat(file, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(g_stat(folder, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0700);
}
END_TEST

START_TEST(a_damaged_report_is_passed_over)
{
    g_autoptr(GPtrArray) reports = NULL;

    for (guint i = 1; i < 4; i++)
        make_report(i);
    make_file("00000000000000000002.freeze");
    reports = firn_report_load(state_dir, 2, NULL);
    ck_assert_uint_eq(reports->len, 1);
    ck_assert_int_eq(firn_record_started(g_ptr_array_index(reports, 0)), 3);
}
END_TEST

START_TEST(nothing_but_old_reports_is_removed)
{
    make_report(10);
    make_report(11);
    make_file("0notes");
    firn_report_remove_oldest(state_dir, 1);
    ck_assert(!exists("00000000000000000010.freeze"));
    ck_assert(exists("00000000000000000011.freeze"));
    firn_report_remove_oldest(state_dir, 0);
    ck_assert(!exists("00000000000000000011.freeze"));
    ck_assert(exists("0notes"));
}
END_TEST

START_TEST(no_folder_is_no_report_and_one_that_cannot_be_read_is_named)
{
    g_autoptr(GPtrArray) none = firn_report_load(state_dir, 10, NULL);
    g_autofree char *folder = path_of(NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_uint_eq(none->len, 0);
    ck_assert(g_file_set_contents(folder, "x", 1, NULL));
    ck_assert_ptr_null(firn_report_load(state_dir, 10, &error));
    ck_assert_msg(strstr(error->message, folder) != NULL, "%s", error->message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_report_has_a_table_the_hooks_and_a_timeline);
    tcase_add_test(tests, a_failed_freeze_tells_its_error_and_each_filesystems);
    tcase_add_test(tests, a_refused_freeze_tells_why_and_no_more);
    tcase_add_test(tests, a_freeze_of_nothing_is_told);
    tcase_add_test(tests, filesystems_of_other_namespaces_are_told_of_apart);
    tcase_add_test(tests, a_stuck_and_a_lost_filesystem_are_drawn_as_what_they_are);
    tcase_add_test(tests, a_thousand_filesystems_are_in_the_table_and_a_few_in_the_timeline);
    tcase_add_test(tests, json_has_all_of_a_report);
    tcase_add_test(tests, json_tells_what_was_unusual);
    tcase_add_test(tests, json_is_json_whatever_a_filesystem_is_called);
    tcase_add_test(tests, as_many_reports_as_configured_are_kept_and_read_oldest_first);
    tcase_add_test(tests, a_damaged_report_is_passed_over);
    tcase_add_test(tests, nothing_but_old_reports_is_removed);
    tcase_add_test(tests, no_folder_is_no_report_and_one_that_cannot_be_read_is_named);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
