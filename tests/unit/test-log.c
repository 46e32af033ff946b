/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/log.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/suite.h"

static char *folder;
static char *file;

static void setup(void)
{
    folder = g_dir_make_tmp("firn-log-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
    file = g_build_filename(folder, "log", NULL);
}

static void teardown(void)
{
    firn_log_close();
    g_unlink(file);
    g_rmdir(folder);
    g_free(file);
    g_free(folder);
}

static char **read_lines(void)
{
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(file, &text, NULL, NULL));
    return g_strsplit(g_strchomp(text), "\n", -1);
}

START_TEST(test_lines)
{
    g_auto(GStrv) lines = NULL;
    struct stat status;

    ck_assert(firn_log_open(file, FALSE, NULL));
    g_warning("one");
    g_message("two\nthree\x1b");
    g_info("quiet");
    g_debug("quiet");
    lines = read_lines();
    ck_assert_uint_eq(g_strv_length(lines), 2);
    ck_assert(g_regex_match_simple("^[0-9]+\\.[0-9]{6}: warning: one$", lines[0], 0, 0));
    ck_assert(g_regex_match_simple("^[0-9]+\\.[0-9]{6}: message: two\\\\x0athree\\\\x1b$", lines[1],
                                   0, 0));
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
}
END_TEST

/* U+009B begins a terminal's control sequence, as ESC [ does; bytes that are no UTF-8 may, too. */
START_TEST(test_controls_are_escaped)
{
    g_auto(GStrv) lines = NULL;

    ck_assert(firn_log_open(file, FALSE, NULL));
    g_warning("%s", "\xc3\xa4 \xc2\x9b"
                    "2J \x9b"
                    "2J \x7f \xe2\x82");
    lines = read_lines();
    ck_assert_msg(g_str_has_suffix(lines[0], ": \xc3\xa4 \\xc2\\x9b2J \\x9b2J \\x7f \\xe2\\x82"),
                  "%s", lines[0]);
}
END_TEST

START_TEST(test_no_link_is_followed)
{
    g_autofree char *victim = g_strconcat(file, ".victim", NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(symlink(victim, file), 0);
    ck_assert(!firn_log_open(file, FALSE, &error));
    ck_assert_msg(strstr(error->message, "it is a symbolic link"), "%s", error->message);
    ck_assert(!g_file_test(victim, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(test_verbose)
{
    g_auto(GStrv) lines = NULL;

    ck_assert(firn_log_open(file, TRUE, NULL));
    g_info("one");
    g_debug("two");
    lines = read_lines();
    ck_assert_uint_eq(g_strv_length(lines), 2);
}
END_TEST

START_TEST(test_hold)
{
    struct stat status;
    g_auto(GStrv) lines = NULL;
    double earlier, later;

    ck_assert(firn_log_open(file, FALSE, NULL));
    firn_log_hold();
    firn_log_hold();
    g_warning("held");
    g_usleep(20000);
    firn_log_release();
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_int_eq(status.st_size, 0);
    firn_log_release();
    g_warning("after");
    lines = read_lines();
    ck_assert_uint_eq(g_strv_length(lines), 2);
    ck_assert(g_str_has_suffix(lines[0], ": warning: held"));
    ck_assert(g_str_has_suffix(lines[1], ": warning: after"));
    earlier = g_ascii_strtod(lines[0], NULL);
    later = g_ascii_strtod(lines[1], NULL);
    ck_assert_double_ge(later - earlier, 0.02);
}
END_TEST

START_TEST(test_hold_is_bounded)
{
    g_auto(GStrv) lines = NULL;

    ck_assert(firn_log_open(file, FALSE, NULL));
    firn_log_hold();
    for (guint i = 0; i < 600; i++)
        g_warning("entry %u", i);
    firn_log_release();
    lines = read_lines();
    ck_assert_uint_eq(g_strv_length(lines), 513);
    ck_assert(g_str_has_suffix(lines[0], "88 older log entries were lost"));
    ck_assert(g_str_has_suffix(lines[1], "entry 88"));
    ck_assert(g_str_has_suffix(lines[512], "entry 599"));
}
END_TEST

START_TEST(test_reopen)
{
    g_autofree char *moved = g_strconcat(file, ".1", NULL);
    g_auto(GStrv) lines = NULL;

    ck_assert(firn_log_open(file, FALSE, NULL));
    g_warning("old");
    ck_assert_int_eq(g_rename(file, moved), 0);
    firn_log_reopen();
    g_warning("new");
    lines = read_lines();
    g_unlink(moved);
    ck_assert_uint_eq(g_strv_length(lines), 1);
    ck_assert(g_str_has_suffix(lines[0], "new"));
}
END_TEST

START_TEST(test_cannot_open)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!firn_log_open("/nonexistent/log", FALSE, &error));
    ck_assert(strstr(error->message, "unable to open specified log file /nonexistent/log: ") !=
              NULL);
}
END_TEST

static gpointer log_many(gpointer data)
{
    for (guint i = 0; i < 200; i++)
        g_warning("line of a thread");
    return NULL;
}

START_TEST(test_threads)
{
    GThread *threads[4];
    g_auto(GStrv) lines = NULL;

    ck_assert(firn_log_open(file, FALSE, NULL));
    for (guint i = 0; i < 4; i++)
        threads[i] = g_thread_new("log", log_many, NULL);
    for (guint i = 0; i < 50; i++) {
        firn_log_hold();
        firn_log_release();
    }
    for (guint i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    lines = read_lines();
    for (char **line = lines; *line; line++)
        ck_assert(strstr(*line, "line of a thread") != NULL || strstr(*line, "lost") != NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = tcase_create("log");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_lines);
    tcase_add_test(tests, test_controls_are_escaped);
    tcase_add_test(tests, test_no_link_is_followed);
    tcase_add_test(tests, test_verbose);
    tcase_add_test(tests, test_hold);
    tcase_add_test(tests, test_hold_is_bounded);
    tcase_add_test(tests, test_reopen);
    tcase_add_test(tests, test_cannot_open);
    tcase_add_test(tests, test_threads);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
