/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>

/* Processors and memory blocks of a tree, so that nothing of the machine is switched. */
static char *tree;
static TestDaemon *daemon_;
static TestClient *client;

#define CPU "/sys/devices/system/cpu"
#define MEMORY "/sys/devices/system/memory"

static void set_up(void)
{
    tree = test_tree_new();
    g_setenv("FIRN_ROOT", tree, TRUE);
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
    test_tree_remove(tree);
}

static void write_processors(void)
{
    test_tree_write(tree, CPU "/cpu0/topology/core_id", "0\n");
    test_tree_write(tree, CPU "/cpu1/online", "1\n");
    test_tree_write(tree, CPU "/cpu2/online", "0\n");
}

static void write_blocks(void)
{
    test_tree_write(tree, MEMORY "/block_size_bytes", "8000000\n");
    test_tree_write(tree, MEMORY "/memory0/state", "online\n");
    test_tree_write(tree, MEMORY "/memory0/removable", "1\n");
    test_tree_write(tree, MEMORY "/memory1/state", "offline\n");
    test_tree_write(tree, MEMORY "/memory1/removable", "1\n");
    test_tree_write(tree, MEMORY "/memory2/phys_index", "00000002\n");
}

static void check_value(const char *request, const char *wanted)
{
    g_autofree char *text = test_client_text(client, request);

    ck_assert_str_eq(text, wanted);
}

static void check_error(const char *request, const char *wanted)
{
    g_autofree char *text = test_client_error(client, request);

    ck_assert_str_eq(text, wanted);
}

static void check_file(const char *path, const char *wanted)
{
    g_autofree char *text = test_tree_read(tree, path);

    ck_assert_str_eq(text, wanted);
}

START_TEST(test_get_vcpus)
{
    write_processors();
    check_value("{\"execute\":\"guest-get-vcpus\"}",
                "[{\"logical-id\":0,\"online\":true,\"can-offline\":false},"
                "{\"logical-id\":1,\"online\":true,\"can-offline\":true},"
                "{\"logical-id\":2,\"online\":false,\"can-offline\":true}]");
}
END_TEST

#define SET_VCPUS(LIST) "{\"execute\":\"guest-set-vcpus\",\"arguments\":{\"vcpus\":" LIST "}}"

/* The reply is the length of what was done, in the order given. */
START_TEST(test_set_vcpus)
{
    write_processors();
    check_value(SET_VCPUS("[]"), "0");
    check_value(SET_VCPUS("[{\"logical-id\":1,\"online\":false},"
                          "{\"logical-id\":0,\"online\":true,\"can-offline\":false}]"),
                "2");
    check_file(CPU "/cpu1/online", "0");
    check_value(SET_VCPUS("[{\"logical-id\":1,\"online\":true},"
                          "{\"logical-id\":0,\"online\":false},"
                          "{\"logical-id\":2,\"online\":true}]"),
                "1");
    check_file(CPU "/cpu1/online", "1");
    check_file(CPU "/cpu2/online", "0\n");
}
END_TEST

START_TEST(test_set_vcpus_refused)
{
    write_processors();
    check_error(SET_VCPUS("[{\"logical-id\":0,\"online\":false}]"),
                "logical processor #0 can't be offlined");
    check_error(SET_VCPUS("[{\"logical-id\":99,\"online\":true}]"),
                "open(\"/sys/devices/system/cpu/cpu99/\"): No such file or directory");
    check_error(SET_VCPUS("[{\"logical-id\":0}]"), "Parameter 'vcpus[0].online' is missing");
    check_error(SET_VCPUS("[{\"logical-id\":1,\"online\":1}]"),
                "Invalid parameter type for 'vcpus[0].online', expected: boolean");
    check_error(SET_VCPUS("[{\"logical-id\":\"1\",\"online\":true}]"),
                "Invalid parameter type for 'vcpus[0].logical-id', expected: integer");
    check_error(SET_VCPUS("[{\"logical-id\":1,\"online\":true,\"x\":1}]"),
                "Parameter 'vcpus[0].x' is unexpected");
    check_error(SET_VCPUS("{}"), "Invalid parameter type for 'vcpus', expected: array");
    check_error("{\"execute\":\"guest-set-vcpus\"}", "Parameter 'vcpus' is missing");
}
END_TEST

START_TEST(test_get_memory_blocks)
{
    check_value("{\"execute\":\"guest-get-memory-blocks\"}", "[]");
    check_error("{\"execute\":\"guest-get-memory-block-info\"}",
                "open(\"/sys/devices/system/memory/\"): No such file or directory");
    write_blocks();
    check_value("{\"execute\":\"guest-get-memory-blocks\"}",
                "[{\"phys-index\":0,\"online\":true,\"can-offline\":true},"
                "{\"phys-index\":1,\"online\":false,\"can-offline\":true},"
                "{\"phys-index\":2,\"online\":true,\"can-offline\":false}]");
    check_value("{\"execute\":\"guest-get-memory-block-info\"}", "{\"size\":134217728}");
}
END_TEST

#define SET_BLOCKS(LIST)                                                                           \
    "{\"execute\":\"guest-set-memory-blocks\",\"arguments\":{\"mem-blks\":" LIST "}}"

/* Each block by itself: one that cannot be had keeps no other from being switched. */
START_TEST(test_set_memory_blocks)
{
    check_value(SET_BLOCKS("[]"), "[]");
    check_value(SET_BLOCKS("[{\"phys-index\":0,\"online\":true}]"),
                "[{\"phys-index\":0,\"response\":\"operation-not-supported\",\"error-code\":2}]");
    write_blocks();
    test_tree_write(tree, MEMORY "/memory5/state/x", "");
    check_value(SET_BLOCKS("[{\"phys-index\":9,\"online\":true},"
                           "{\"phys-index\":0,\"online\":false},"
                           "{\"phys-index\":1,\"online\":true,\"can-offline\":true},"
                           "{\"phys-index\":2,\"online\":false},"
                           "{\"phys-index\":5,\"online\":false}]"),
                "[{\"phys-index\":9,\"response\":\"not-found\",\"error-code\":2},"
                "{\"phys-index\":0,\"response\":\"success\"},"
                "{\"phys-index\":1,\"response\":\"success\"},"
                "{\"phys-index\":2,\"response\":\"operation-not-supported\",\"error-code\":2},"
                "{\"phys-index\":5,\"response\":\"operation-failed\",\"error-code\":21}]");
    check_file(MEMORY "/memory0/state", "offline");
    check_file(MEMORY "/memory1/state", "online");
}
END_TEST

START_TEST(test_set_memory_blocks_refused)
{
    check_error("{\"execute\":\"guest-set-memory-blocks\"}", "Parameter 'mem-blks' is missing");
    check_error(SET_BLOCKS("[{\"online\":true}]"), "Parameter 'mem-blks[0].phys-index' is missing");
    check_error(SET_BLOCKS("[{\"phys-index\":0,\"online\":null}]"),
                "Invalid parameter type for 'mem-blks[0].online', expected: boolean");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hardware-commands");
    TCase *tests = tcase_create("tree");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_get_vcpus);
    tcase_add_test(tests, test_set_vcpus);
    tcase_add_test(tests, test_set_vcpus_refused);
    tcase_add_test(tests, test_get_memory_blocks);
    tcase_add_test(tests, test_set_memory_blocks);
    tcase_add_test(tests, test_set_memory_blocks_refused);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
