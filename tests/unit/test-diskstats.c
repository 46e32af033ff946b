/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/diskstats.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

static const FirnDiskstat *get(const FirnDiskstats *stats, guint index)
{
    ck_assert_uint_lt(index, stats->entries->len);
    return &g_array_index(stats->entries, FirnDiskstat, index);
}

START_TEST(test_columns)
{
    g_autoptr(FirnDiskstats) stats = firn_diskstats_parse(
        g_strdup(" 254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
                 "   8      16 sdb 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
                 "   8      17 sdb1 1 2 3 4 5 6 7 8 9 10 11\n"
                 " 104       0 cciss/c0d0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n"));

    ck_assert_uint_eq(stats->entries->len, 4);
    ck_assert_str_eq(get(stats, 0)->name, "vda");
    ck_assert_uint_eq(get(stats, 0)->major, 254);
    ck_assert_uint_eq(get(stats, 0)->minor, 0);
    ck_assert_uint_eq(get(stats, 0)->columns, FIRN_DISKSTAT_COLUMNS);
    ck_assert_uint_eq(get(stats, 0)->values[FIRN_DISKSTAT_READ_SECTORS], 3);
    ck_assert_uint_eq(get(stats, 0)->values[FIRN_DISKSTAT_FLUSH_TICKS], 17);
    ck_assert_uint_eq(get(stats, 1)->columns, 15);
    ck_assert_uint_eq(get(stats, 2)->columns, 11);
    ck_assert_str_eq(get(stats, 3)->name, "cciss/c0d0");
    ck_assert_uint_eq(get(stats, 3)->columns, FIRN_DISKSTAT_COLUMNS);
}
END_TEST

START_TEST(test_nonsense)
{
    g_autoptr(FirnDiskstats) stats =
        firn_diskstats_parse(g_strdup("\n"
                                      "8\n"
                                      "8 0\n"
                                      "8 0 sda\n"
                                      "8 0 sda 1 2 3 4 5 6 7 8 9 10\n"
                                      "8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12\n"
                                      "-8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
                                      "8 0 sda 1 2 3 4 5 6 7 8 9 10 -11\n"
                                      "8 0 sda 1 2 3 4 5 6 7 8 9 10 99999999999999999999\n"
                                      "4294967296 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
                                      "8 0 sdb 1 2 3 4 5 6 7 8 9 10 18446744073709551615"));

    ck_assert_uint_eq(stats->entries->len, 1);
    ck_assert_str_eq(get(stats, 0)->name, "sdb");
    ck_assert_uint_eq(get(stats, 0)->values[FIRN_DISKSTAT_WEIGHT_TICKS], G_MAXUINT64);
}
END_TEST

START_TEST(test_file)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GError) error = NULL;
    g_autoptr(FirnDiskstats) stats = NULL;

    ck_assert_ptr_null(firn_diskstats_read(roots, &error));
    ck_assert_ptr_nonnull(error);
    test_tree_write(tree, "/proc/diskstats", "7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n");
    stats = firn_diskstats_read(roots, NULL);
    ck_assert_ptr_nonnull(stats);
    ck_assert_uint_eq(stats->entries->len, 1);
    test_tree_remove(tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("diskstats");
    TCase *tests = tcase_create("diskstats");

    tcase_add_test(tests, test_columns);
    tcase_add_test(tests, test_nonsense);
    tcase_add_test(tests, test_file);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
