/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/timeline.h"
#include "tests/lib/suite.h"

#include <string.h>

static void assert_duration(gint64 microseconds, const char *expected)
{
    g_autofree char *text = firn_timeline_duration(microseconds);

    ck_assert_str_eq(text, expected);
}

START_TEST(test_durations)
{
    assert_duration(0, "0.00 ms");
    assert_duration(420, "0.42 ms");
    assert_duration(31400, "31 ms");
    assert_duration(4200000, "4.2 s");
    assert_duration(600000000, "10 min");
    assert_duration(-5, "0.00 ms");
}
END_TEST

START_TEST(test_printable)
{
    g_autofree char *utf8 = firn_timeline_printable("/é\n\x1b[0m\xff", TRUE);
    g_autofree char *ascii = firn_timeline_printable("/é", FALSE);

    ck_assert_str_eq(utf8, "/é\\012\\033[0m\\377");
    ck_assert_str_eq(ascii, "/\\303\\251");
}
END_TEST

static void assert_fixed(const char *text, guint columns, gboolean utf8, const char *expected)
{
    g_autoptr(GString) out = g_string_new(NULL);

    firn_timeline_append_fixed(out, text, columns, utf8);
    ck_assert_str_eq(out->str, expected);
}

START_TEST(test_fixed)
{
    assert_fixed("/home", 8, TRUE, "/home   ");
    assert_fixed("/var/lib/kubelet/pods/1", 12, TRUE, "/var…/pods/1");
    assert_fixed("/var/lib/kubelet/pods/1", 12, FALSE, "/var..pods/1");
    assert_fixed("漢字漢字漢字", 7, TRUE, "漢…漢字");
    assert_fixed("", 3, TRUE, "   ");
}
END_TEST

static const FirnTimelinePanel panels[] = {
    {"sync", 0, 300000, 1}, {"freeze", 300000, 302000, 2}, {"held", 302000, 5000000, 1}};
static const FirnSpan first[] = {{FIRN_SPAN_SYNC, 0, 150000},
                                 {FIRN_SPAN_FREEZE, 300000, 301000},
                                 {FIRN_SPAN_HELD, 301000, 5000000}};
static const FirnSpan second[] = {{FIRN_SPAN_SYNC, 0, 300000},
                                  {FIRN_SPAN_FREEZE, 301000, 302000},
                                  {FIRN_SPAN_HELD, 302000, 5000000}};
static const FirnTimelineRow rows[] = {{"/home", first, 3}, {"/", second, 3}};

START_TEST(test_ascii)
{
    g_autofree char *text = firn_timeline_draw(panels, 3, rows, 2, 60, FALSE);

    ck_assert_str_eq(text, "       sync           freeze                held\n"
                           "       300 ms         2.00 ms               4.7 s\n"
                           "/home |~~~~~~~       |###########==========|==============|\n"
                           "/     |~~~~~~~~~~~~~~|          ###########|==============|\n"
                           "       = frozen  ~ sync  # freeze\n");
}
END_TEST

START_TEST(test_utf8)
{
    g_autofree char *text = firn_timeline_draw(panels, 3, rows, 2, 100, TRUE);

    ck_assert(g_utf8_validate(text, -1, NULL));
    ck_assert_ptr_nonnull(strstr(text, "█"));
    ck_assert_ptr_nonnull(strstr(text, "═ frozen"));
}
END_TEST

/* Shorter than a column, of no length, and outside: nothing is lost and nothing overruns. */
START_TEST(test_extremes)
{
    static const FirnTimelinePanel odd[] = {{"none", 5, 5, 1}, {"all", 0, G_MAXINT64, 1}};
    static const FirnSpan spans[] = {{FIRN_SPAN_HELD, -100, -50},
                                     {FIRN_SPAN_FAILED, 7, 7},
                                     {FIRN_SPAN_THAW, G_MAXINT64, G_MAXINT64},
                                     {FIRN_SPAN_SYNC, 50, 10}};
    static const FirnTimelineRow row[] = {{"", spans, 4}};
    g_autofree char *text = firn_timeline_draw(odd, 2, row, 1, 0, FALSE);
    g_autofree char *nothing = firn_timeline_draw(NULL, 0, NULL, 0, 80, TRUE);

    ck_assert_ptr_nonnull(strstr(text, "x failed"));
    ck_assert_ptr_nonnull(strstr(text, "_ thaw"));
    ck_assert_ptr_null(strstr(text, "= frozen"));
    ck_assert_str_eq(nothing, "\n\n\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timeline");
    TCase *tests = tcase_create("timeline");

    tcase_add_test(tests, test_durations);
    tcase_add_test(tests, test_printable);
    tcase_add_test(tests, test_fixed);
    tcase_add_test(tests, test_ascii);
    tcase_add_test(tests, test_utf8);
    tcase_add_test(tests, test_extremes);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
