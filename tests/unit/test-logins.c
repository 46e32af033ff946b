/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/logins.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <utmp.h>

static void add_entry(GByteArray *utmp, short type, const char *user, gint64 seconds, int micro)
{
    struct utmp entry = {.ut_type = type, .ut_tv = {(int32_t)seconds, micro}};

    /* A name of full length has no 0 at its end. */
    memcpy(entry.ut_user, user, MIN(strlen(user), sizeof entry.ut_user));
    g_byte_array_append(utmp, (const guint8 *)&entry, sizeof entry);
}

static void check_login(GPtrArray *logins, guint at, const char *user, gint64 since)
{
    const FirnLogin *login = logins->pdata[at];

    ck_assert_str_eq(login->user, user);
    ck_assert_int_eq(login->since, since);
}

START_TEST(test_utmp)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GByteArray) utmp = g_byte_array_new();
    g_autoptr(GPtrArray) logins = NULL;

    add_entry(utmp, BOOT_TIME, "reboot", 900, 0);
    add_entry(utmp, USER_PROCESS, "root", 1500, 0);
    add_entry(utmp, USER_PROCESS, "ada", 2000, 5);
    add_entry(utmp, USER_PROCESS, "ada", 1000, 250000);
    add_entry(utmp, DEAD_PROCESS, "gone", 1200, 0);
    add_entry(utmp, USER_PROCESS, "", 1200, 0);
    add_entry(utmp, USER_PROCESS, "name-of-thirty-two-letters-000032", 3000000000, 0);
    g_byte_array_append(utmp, (const guint8 *)"cut", 3);
    test_tree_write_length(tree, "/run/utmp", utmp->data, utmp->len);
    test_tree_write(tree, "/run/systemd/sessions/1", "USER=other\nREALTIME=1000000\n");
    logins = firn_logins_read(roots);
    ck_assert_uint_eq(logins->len, 3);
    check_login(logins, 0, "root", 1500000000);
    check_login(logins, 1, "ada", 1000250000);
    check_login(logins, 2, "name-of-thirty-two-letters-00003", 3000000000000000);
    test_tree_remove(tree);
}
END_TEST

START_TEST(test_sessions)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GPtrArray) logins = NULL;

    test_tree_write(tree, "/run/systemd/sessions/1",
                    "# This is private data. Do not parse.\nUID=1000\nUSER=ada\nACTIVE=1\n"
                    "CLASS=user\nREALTIME=1700000000123456\nMONOTONIC=12345\n");
    test_tree_write(tree, "/run/systemd/sessions/1.ref", "");
    test_tree_write(tree, "/run/systemd/sessions/c1",
                    "USER=gdm\nCLASS=greeter\nREALTIME=1600000000000000\n");
    test_tree_write(tree, "/run/systemd/sessions/7", "USER=\nREALTIME=x\n");
    test_tree_write(tree, "/run/systemd/sessions/8",
                    "USER=root\nCLASS=user-early\nREALTIME=1600000000000000\n");
    test_tree_write(tree, "/run/systemd/sessions/9",
                    "USER=root\nCLASS=manager\nREALTIME=1500000000000000\n");
    logins = firn_logins_read(roots);
    ck_assert_uint_eq(logins->len, 2);
    check_login(logins, 0, "root", 1600000000000000);
    check_login(logins, 1, "ada", 1700000000123456);
    test_tree_remove(tree);
}
END_TEST

/* Who has logged out is not listed, though something of the session still runs. */
START_TEST(test_ended_sessions)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GPtrArray) logins = NULL;

    test_tree_write(tree, "/proc/77/stat", "");
    test_tree_write(tree, "/run/systemd/sessions/1",
                    "USER=ada\nSTATE=active\nCLASS=user\nLEADER=77\nREALTIME=5000000\n");
    test_tree_write(tree, "/run/systemd/sessions/2",
                    "USER=bob\nSTATE=closing\nCLASS=user\nLEADER=77\nREALTIME=1000000\n");
    test_tree_write(tree, "/run/systemd/sessions/3",
                    "USER=cai\nSTATE=online\nCLASS=user\nLEADER=78\nREALTIME=1000000\n");
    test_tree_write(tree, "/run/systemd/sessions/4",
                    "USER=dan\nSTATE=opening\nCLASS=user-incomplete\nREALTIME=1000000\n");
    test_tree_write(tree, "/run/systemd/sessions/5",
                    "USER=eve\nSTATE=online\nCLASS=user-light\nLEADER=77\nREALTIME=6000000\n");
    logins = firn_logins_read(roots);
    ck_assert_uint_eq(logins->len, 2);
    check_login(logins, 0, "ada", 5000000);
    check_login(logins, 1, "eve", 6000000);
    test_tree_remove(tree);
}
END_TEST

/* A distribution that is leaving utmp may have an empty one. */
START_TEST(test_empty_utmp)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GPtrArray) logins = NULL;

    test_tree_write(tree, "/run/utmp", "");
    test_tree_write(tree, "/run/systemd/sessions/1", "USER=ada\nREALTIME=5000000\n");
    logins = firn_logins_read(roots);
    ck_assert_uint_eq(logins->len, 1);
    check_login(logins, 0, "ada", 5000000);
    test_tree_remove(tree);
}
END_TEST

START_TEST(test_nobody)
{
    g_autoptr(FirnRoots) roots = firn_roots_new("/nonexistent");
    g_autoptr(GPtrArray) logins = firn_logins_read(roots);

    ck_assert_uint_eq(logins->len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("logins");
    TCase *tests = tcase_create("logins");

    tcase_add_test(tests, test_utmp);
    tcase_add_test(tests, test_sessions);
    tcase_add_test(tests, test_ended_sessions);
    tcase_add_test(tests, test_empty_utmp);
    tcase_add_test(tests, test_nobody);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
