/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/compare.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"

/* Each agent has a folder of its own with the same in it, and is asked the same of it. */
typedef struct {
    Compare *agents;
    char *firn_tree, *peer_tree;
    char *firn_handle, *peer_handle; /* of the file that was opened last */
} Files;

static Files files;

static char *make_tree(void)
{
    char *tree = test_tree_new();

    test_tree_write(tree, "/file", "0123456789");
    return tree;
}

static void set_up(void)
{
    files = (Files){.agents = compare_new()};
    files.firn_tree = make_tree();
    files.peer_tree = make_tree();
}

static void tear_down(void)
{
    compare_free(files.agents);
    test_tree_remove(files.firn_tree);
    test_tree_remove(files.peer_tree);
    g_free(files.firn_handle);
    g_free(files.peer_handle);
}

static char *open_one(TestClient *client, const char *path, const char *mode)
{
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"%s\",\"mode\":\"%s\"}}\n", path,
        mode);

    return test_client_text(client, request);
}

/* Opens a file of the trees, or with '/' before it the machine's, with both. */
static void open_both(const char *name, const char *mode)
{
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;

    if (*name == '/') {
        firn = g_strdup(name);
        peer = g_strdup(name);
    } else {
        firn = g_build_filename(files.firn_tree, name, NULL);
        peer = g_build_filename(files.peer_tree, name, NULL);
    }
    g_free(files.firn_handle);
    g_free(files.peer_handle);
    files.firn_handle = open_one(compare_firn(files.agents), firn, mode);
    files.peer_handle = open_one(compare_peer(files.agents), peer, mode);
}

/* guest-file-COMMAND of the file that was opened last, with `rest` behind its handle. */
static char *make_request(const char *command, const char *rest)
{
    return g_strdup_printf("{\"execute\":\"guest-file-%s\",\"arguments\":{\"handle\":%%s%s}}",
                           command, rest);
}

static void same(const char *command, const char *rest)
{
    g_autofree char *request = make_request(command, rest);

    compare_same_named(files.agents, request, files.firn_handle, files.peer_handle);
}

static void differs(const char *name, const char *command, const char *rest, const char *firn,
                    const char *peer)
{
    g_autofree char *request = make_request(command, rest);

    compare_differs_named(files.agents, name, request, files.firn_handle, files.peer_handle, firn,
                          peer);
}

#define POSITION ",\"offset\":0,\"whence\":\"cur\""

START_TEST(test_open)
{
    static const char *const arguments[] = {
        "\"path\":\"/nonexist\"",
        "\"path\":\"/nonexist\",\"mode\":\"rb+\"",
        "\"path\":\"\"",
        "\"path\":\"/\",\"mode\":\"w\"",
        "\"path\":\"/\",\"mode\":\"r+\"",
        "\"path\":\"/no/file\",\"mode\":\"w\"",
        "\"path\":\"/etc/passwd/x\"",
        "\"path\":\"/x\",\"mode\":\"zz\"",
        "\"path\":\"/x\",\"mode\":\"\"",
        "\"path\":\"/x\",\"mode\":\"rw\"",
        "\"path\":\"/x\",\"mode\":\"wx\"",
        "\"path\":\"/x\",\"mode\":\"re\"",
        "\"path\":5",
        "\"mode\":\"r\"",
        "\"path\":\"/x\",\"mode\":5",
        "\"path\":\"/x\",\"flags\":5",
    };

    if (!files.agents)
        TEST_SKIP(NO_PEER);
    for (guint i = 0; i < G_N_ELEMENTS(arguments); i++) {
        g_autofree char *request =
            g_strdup_printf("{\"execute\":\"guest-file-open\",\"arguments\":{%s}}", arguments[i]);

        compare_same(files.agents, request);
    }
}
END_TEST

START_TEST(test_read)
{
    static const char *const counts[] = {",\"count\":0",     ",\"count\":4",
                                         ",\"count\":6",     ",\"count\":1",
                                         ",\"count\":0",     "",
                                         ",\"count\":-1",    ",\"count\":50331649",
                                         ",\"count\":\"1\"", ",\"count\":1.5",
                                         ",\"x\":1"};
    static const char *const places[] = {
        ",\"offset\":3,\"whence\":0",
        ",\"offset\":-1,\"whence\":1",
        ",\"offset\":-4,\"whence\":2",
        ",\"offset\":100,\"whence\":\"end\"",
        ",\"offset\":1,\"whence\":\"set\"",
        ",\"offset\":-1,\"whence\":\"set\"",
        ",\"offset\":-1000,\"whence\":1",
        ",\"offset\":0,\"whence\":3",
        ",\"offset\":0,\"whence\":-1",
        ",\"offset\":0,\"whence\":\"foo\"",
        ",\"offset\":0,\"whence\":[]",
        ",\"offset\":0,\"whence\":true",
        ",\"offset\":0",
        ",\"whence\":0",
        ",\"offset\":9223372036854775807,\"whence\":\"set\"",
    };

    if (!files.agents)
        TEST_SKIP(NO_PEER);
    open_both("file", "r");
    for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
        same("read", counts[i]);
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        same("seek", places[i]);
        same("read", ",\"count\":2");
    }
    same("write", ",\"buf-b64\":\"YQ==\"");
    same("write", ",\"buf-b64\":\"\"");
    same("flush", "");
    same("flush", ",\"x\":1");
    same("close", "");
    same("close", "");
    same("read", "");
    same("write", ",\"buf-b64\":\"YQ==\"");
    same("seek", ",\"offset\":0,\"whence\":0");
    same("flush", "");
    open_both("/proc/version", "r");
    same("read", ",\"count\":10000");
    open_both("/proc/self/mem", "r");
    same("read", ",\"count\":10");
    open_both("/", "r");
    same("read", "");
}
END_TEST

static void same_content(const char *name)
{
    g_autofree char *path = g_strconcat("/", name, NULL);
    g_autofree char *firn = test_tree_read(files.firn_tree, path);
    g_autofree char *peer = test_tree_read(files.peer_tree, path);

    ck_assert_str_eq(firn, peer);
}

START_TEST(test_write)
{
    static const char *const modes[] = {"w", "r+", "w+", "a", "a+", "wb", "rb+", "w+b", "ab+"};
    static const char *const writes[] = {
        ",\"buf-b64\":\"YWJjZGVm\"",
        ",\"buf-b64\":\"YWJjZGVm\",\"count\":3",
        ",\"buf-b64\":\"YWJjZGVm\",\"count\":0",
        ",\"buf-b64\":\"YWJjZGVm\",\"count\":7",
        ",\"buf-b64\":\"YWJjZGVm\",\"count\":-1",
        ",\"buf-b64\":\"YW\\nJj\\n\"",
        ",\"buf-b64\":\"!!!!\"",
        ",\"buf-b64\":\"YW-_\"",
        ",\"buf-b64\":5",
        ",\"count\":5",
    };

    if (!files.agents)
        TEST_SKIP(NO_PEER);
    open_both("file", modes[_i]);
    same("seek", POSITION);
    for (guint i = 0; i < G_N_ELEMENTS(writes); i++) {
        same("write", writes[i]);
        same("seek", POSITION);
    }
    same("read", ",\"count\":3");
    same("seek", ",\"offset\":1,\"whence\":0");
    same("read", ",\"count\":2");
    same("write", ",\"buf-b64\":\"WFla\"");
    same("read", ",\"count\":2");
    same("flush", "");
    same_content("file");
    same("close", "");
}
END_TEST

START_TEST(test_base64)
{
    if (!files.agents)
        TEST_SKIP(NO_PEER);
    open_both("file", "w");
    differs("file-base64", "write", ",\"buf-b64\":\"YWI\"", "*\"count\":2*", "*\"count\":0*");
    differs("file-base64", "write", ",\"buf-b64\":\"YWI=\\r\\n\"", "*\"count\":2*",
            "*Base64 data contains invalid*");
    differs("file-base64", "write", ",\"buf-b64\":\"=\"", "*Base64 data contains invalid*",
            "*\"count\":0*");
}
END_TEST

START_TEST(test_full)
{
    if (!files.agents)
        TEST_SKIP(NO_PEER);
    open_both("/dev/full", "w");
    differs("file-buffer", "write", ",\"buf-b64\":\"YWI=\"", "*failed to write to file: No space*",
            "*\"count\":2*");
    differs("file-buffer", "flush", "", "{\"return\":{}}", "*failed to flush file: No space*");
}
END_TEST

static int make_fifo(const char *tree)
{
    g_autofree char *path = g_build_filename(tree, "fifo", NULL);
    int fd;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

START_TEST(test_fifo)
{
    int firn, peer;

    if (!files.agents)
        TEST_SKIP(NO_PEER);
    firn = make_fifo(files.firn_tree);
    peer = make_fifo(files.peer_tree);
    open_both("fifo", "r");
    same("read", ",\"count\":3");
    same("seek", ",\"offset\":1,\"whence\":0");
    ck_assert_int_eq(write(firn, "abc", 3), 3);
    ck_assert_int_eq(write(peer, "abc", 3), 3);
    differs("file-fifo", "read", ",\"count\":10", "*\"buf-b64\":\"YWJj\"*",
            "*failed to read file: Resource temporarily unavailable*");
    close(firn);
    close(peer);
    same("read", ",\"count\":3");
}
END_TEST

static char *mode_of(const char *tree, const char *name)
{
    g_autofree char *path = g_build_filename(tree, name, NULL);
    struct stat status;

    ck_assert_int_eq(stat(path, &status), 0);
    return g_strdup_printf("%04o", status.st_mode & 07777);
}

START_TEST(test_nul)
{
    Compare *agents = files.agents;

    if (!agents)
        TEST_SKIP(NO_PEER);
    compare_differs(agents, "argument-nul",
                    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/x\\u0000y\"}}",
                    "*QMP input must not contain *", "*failed to open file '/x*");
    compare_differs(agents, "argument-nul",
                    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\","
                    "\"arg\":[\"a\\u0000b\"]}}",
                    "*QMP input must not contain *", "{\"return\":{\"pid\":*");
}
END_TEST

START_TEST(test_new_file)
{
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;

    if (!files.agents)
        TEST_SKIP(NO_PEER);
    open_both("fresh", "w");
    firn = mode_of(files.firn_tree, "fresh");
    peer = mode_of(files.peer_tree, "fresh");
    compare_differs_text("file-mode", firn, "0644", peer, "0666");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tests = tcase_create("file");

    umask(022); /* both agents start with it */
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_open);
    tcase_add_test(tests, test_read);
    tcase_add_loop_test(tests, test_write, 0, 9);
    tcase_add_test(tests, test_base64);
    tcase_add_test(tests, test_full);
    tcase_add_test(tests, test_fifo);
    tcase_add_test(tests, test_nul);
    tcase_add_test(tests, test_new_file);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
