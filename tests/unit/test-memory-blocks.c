/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/memory-blocks.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <errno.h>

#define MEMORY "/sys/devices/system/memory"

static char *tree;
static FirnRoots *roots;

static void set_up(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
}

static void tear_down(void)
{
    firn_roots_free(roots);
    test_tree_remove(tree);
}

static void write_blocks(void)
{
    test_tree_write(tree, MEMORY "/block_size_bytes", "8000000\n");
    test_tree_write(tree, MEMORY "/memory0/state", "online\n");
    test_tree_write(tree, MEMORY "/memory0/removable", "0\n");
    test_tree_write(tree, MEMORY "/memory2/state", "offline\n");
    test_tree_write(tree, MEMORY "/memory2/removable", "1\n");
    test_tree_write(tree, MEMORY "/memory10/state", "going-offline\n");
    test_tree_write(tree, MEMORY "/memory11/phys_index", "0000000b\n");
    test_tree_write(tree, MEMORY "/memory-tier/x", "\n");
}

static void check(GArray *all, guint at, guint64 index, gboolean online, gboolean can_offline)
{
    const FirnMemoryBlock *block = &g_array_index(all, FirnMemoryBlock, at);

    ck_assert_uint_eq(block->index, index);
    ck_assert_int_eq(block->online, online);
    ck_assert_int_eq(block->can_offline, can_offline);
}

START_TEST(test_read)
{
    g_autoptr(GArray) all = NULL;
    guint64 size = 0;

    write_blocks();
    all = firn_memory_blocks_read(roots, NULL);
    ck_assert_uint_eq(all->len, 4);
    check(all, 0, 0, TRUE, FALSE);
    check(all, 1, 2, FALSE, TRUE);
    check(all, 2, 10, FALSE, FALSE);
    check(all, 3, 11, TRUE, FALSE);
    ck_assert(firn_memory_block_size(roots, &size, NULL));
    ck_assert_uint_eq(size, 0x8000000);
}
END_TEST

static void check_set(guint64 index, gboolean online, FirnMemoryResult wanted, int wanted_cause)
{
    int cause = -1;

    ck_assert_int_eq(firn_memory_block_set(roots, index, online, &cause), wanted);
    ck_assert_int_eq(cause, wanted_cause);
}

START_TEST(test_set)
{
    g_autofree char *state = NULL;

    check_set(0, FALSE, FIRN_MEMORY_UNSUPPORTED, ENOENT);
    write_blocks();
    check_set(0, TRUE, FIRN_MEMORY_DONE, 0);
    check_set(2, TRUE, FIRN_MEMORY_DONE, 0);
    state = test_tree_read(tree, MEMORY "/memory2/state");
    ck_assert_str_eq(state, "online");
    check_set(3, TRUE, FIRN_MEMORY_NOT_FOUND, ENOENT);
    check_set(G_MAXUINT64, TRUE, FIRN_MEMORY_NOT_FOUND, ENOENT);
    check_set(11, FALSE, FIRN_MEMORY_UNSUPPORTED, ENOENT);
    check_set(11, TRUE, FIRN_MEMORY_DONE, 0);
}
END_TEST

/* A folder in the place of the file stands for a kernel that refuses. */
START_TEST(test_kernel_refuses)
{
    test_tree_write(tree, MEMORY "/memory5/state/x", "");
    check_set(5, FALSE, FIRN_MEMORY_FAILED, EISDIR);
}
END_TEST

START_TEST(test_none)
{
    g_autoptr(GArray) none = firn_memory_blocks_read(roots, NULL);
    g_autoptr(GError) no_folder = NULL;
    g_autoptr(GError) no_file = NULL;
    g_autoptr(GError) no_block = NULL;
    g_autoptr(GError) no_number = NULL;
    guint64 size;

    ck_assert_uint_eq(none->len, 0);
    ck_assert(!firn_memory_block_size(roots, &size, &no_folder));
    ck_assert_str_eq(no_folder->message,
                     "open(\"/sys/devices/system/memory/\"): No such file or directory");
    test_tree_write(tree, MEMORY "/probe", "");
    ck_assert(!firn_memory_block_size(roots, &size, &no_file));
    ck_assert_str_eq(no_file->message,
                     "open sysfs file \"block_size_bytes\": No such file or directory");
    ck_assert_ptr_null(firn_memory_blocks_read(roots, &no_block));
    ck_assert_str_eq(no_block->message, "guest reported zero memory blocks!");
    test_tree_write(tree, MEMORY "/block_size_bytes", "zzz\n");
    ck_assert(!firn_memory_block_size(roots, &size, &no_number));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory-blocks");
    TCase *tests = tcase_create("memory-blocks");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_read);
    tcase_add_test(tests, test_set);
    tcase_add_test(tests, test_kernel_refuses);
    tcase_add_test(tests, test_none);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
