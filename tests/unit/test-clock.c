/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/clock.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <errno.h>
#include <string.h>

/* No clock is touched: the calls that would are recorded here. */
typedef struct {
    struct timespec system;
    struct rtc_time rtc;
    int sets, rtc_sets, rtc_reads;
    int system_errno, rtc_errno;
} Record;

static char *tree;
static FirnRoots *roots;
static Record record;

static int record_system(const struct timespec *time, gpointer data)
{
    record.system = *time;
    record.sets++;
    errno = record.system_errno;
    return record.system_errno ? -1 : 0;
}

/* A read after the first finds the second turned. */
static int record_rtc(int fd, unsigned long request, struct rtc_time *time, gpointer data)
{
    if (request == RTC_SET_TIME) {
        record.rtc = *time;
        record.rtc_sets++;
    } else {
        *time = record.rtc;
        time->tm_sec += record.rtc_reads > 0;
        record.rtc_reads++;
    }
    errno = record.rtc_errno;
    return record.rtc_errno ? -1 : 0;
}

static const FirnClockCalls calls = {record_system, record_rtc, NULL};

static void set_up(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
    memset(&record, 0, sizeof record);
    /* 2023-11-14 22:13:20 */
    record.rtc = (struct rtc_time){20, 13, 22, 14, 10, 123, 0, 0, 0};
}

static void tear_down(void)
{
    firn_roots_free(roots);
    test_tree_remove(tree);
}

#define TIME G_GINT64_CONSTANT(1700000000123456789)

static void check_rtc(int hour)
{
    ck_assert_int_eq(record.rtc_sets, 1);
    ck_assert_int_eq(record.rtc.tm_year, 123);
    ck_assert_int_eq(record.rtc.tm_mon, 10);
    ck_assert_int_eq(record.rtc.tm_mday, 14);
    ck_assert_int_eq(record.rtc.tm_hour, hour);
    ck_assert_int_eq(record.rtc.tm_min, 13);
    ck_assert_int_eq(record.rtc.tm_sec, 20);
}

START_TEST(test_set)
{
    g_autoptr(GError) error = NULL;

    test_tree_write(tree, "/dev/rtc0", "");
    ck_assert(firn_clock_set(roots, &calls, TIME, &error));
    ck_assert_int_eq(record.system.tv_sec, 1700000000);
    ck_assert_int_eq(record.system.tv_nsec, 123456789);
    check_rtc(22);
}
END_TEST

/* A machine whose hardware clock is kept in local time. */
START_TEST(test_set_local)
{
    g_setenv("TZ", "EST5", TRUE);
    test_tree_write(tree, "/dev/rtc", "");
    test_tree_write(tree, "/etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n");
    ck_assert(firn_clock_set(roots, &calls, TIME, NULL));
    check_rtc(17);
    record.rtc_reads = 0;
    ck_assert(firn_clock_set_from_rtc(roots, &calls, NULL));
    ck_assert_int_eq(record.system.tv_sec, 1700000001);
    record.rtc_sets = 0;
    g_setenv("TZ", "EST6", TRUE); /* the zone is another one now */
    ck_assert(firn_clock_set(roots, &calls, TIME, NULL));
    check_rtc(16);
}
END_TEST

START_TEST(test_set_refused)
{
    static const gint64 bad[] = {-1, G_MININT64, G_MAXINT64,
                                 G_GINT64_CONSTANT(3155760000000000000)};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        ck_assert(!firn_clock_set(roots, &calls, bad[i], &error));
        ck_assert_str_eq(error->message, "Invalid time");
    }
    ck_assert_int_eq(record.sets, 0);
}
END_TEST

START_TEST(test_no_rights)
{
    g_autoptr(GError) system = NULL;
    g_autoptr(GError) rtc = NULL;

    test_tree_write(tree, "/dev/rtc0", "");
    record.system_errno = EPERM;
    ck_assert(!firn_clock_set(roots, &calls, TIME, &system));
    ck_assert_str_eq(system->message, "Failed to set time to guest: Operation not permitted");
    ck_assert_int_eq(record.rtc_sets, 0);
    record.system_errno = 0;
    record.rtc_errno = EACCES;
    ck_assert(!firn_clock_set(roots, &calls, TIME, &rtc));
    ck_assert_str_eq(rtc->message,
                     "the system's time is set, but the hardware clock is not: cannot "
                     "set the hardware clock: Permission denied; the agent needs "
                     "CAP_SYS_TIME");
}
END_TEST

START_TEST(test_no_rtc)
{
    g_autoptr(GError) set = NULL;
    g_autoptr(GError) from = NULL;

    ck_assert(!firn_clock_set(roots, &calls, TIME, &set));
    ck_assert_ptr_nonnull(strstr(set->message, "the system's time is set, but the hardware clock"));
    ck_assert_ptr_nonnull(strstr(set->message, "/dev/rtc0, /dev/rtc): No such file"));
    ck_assert_int_eq(record.sets, 1);
    ck_assert(!firn_clock_set_from_rtc(roots, &calls, &from));
    ck_assert_ptr_nonnull(strstr(from->message, "/dev/rtc0, /dev/rtc): No such file"));
    ck_assert_int_eq(record.sets, 1);
}
END_TEST

START_TEST(test_from_rtc)
{
    test_tree_write(tree, "/dev/rtc0", "");
    ck_assert(firn_clock_set_from_rtc(roots, &calls, NULL));
    ck_assert_int_eq(record.system.tv_sec, 1700000001);
    ck_assert_int_eq(record.system.tv_nsec, 0);
    ck_assert_int_eq(record.rtc_sets, 0);
}
END_TEST

/* Without calls, which is what other roots than the machine's get, no clock is set. */
START_TEST(test_no_calls)
{
    g_autoptr(GError) set = NULL;
    g_autoptr(GError) from = NULL;

    ck_assert(!firn_clock_set(roots, NULL, TIME, &set));
    ck_assert(!firn_clock_set_from_rtc(roots, NULL, &from));
    ck_assert_ptr_nonnull(strstr(set->message, "another tree than this machine's"));
    ck_assert_ptr_nonnull(strstr(from->message, "another tree than this machine's"));
}
END_TEST

START_TEST(test_now)
{
    ck_assert_int_gt(firn_clock_now(), TIME);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tests = tcase_create("clock");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_set);
    tcase_add_test(tests, test_set_local);
    tcase_add_test(tests, test_set_refused);
    tcase_add_test(tests, test_no_rights);
    tcase_add_test(tests, test_no_rtc);
    tcase_add_test(tests, test_from_rtc);
    tcase_add_test(tests, test_no_calls);
    tcase_add_test(tests, test_now);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
