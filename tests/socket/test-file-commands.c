/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *tree;
static TestDaemon *daemon_;
static TestClient *client;

static void set_up(void)
{
    tree = test_tree_new();
    test_tree_write(tree, "/file", "0123456789");
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
    test_tree_remove(tree);
}

/* A request of guest-file-NAME; `format` is for what is in the braces of its arguments. */
G_GNUC_PRINTF(2, 0) static char *make_request(const char *name, const char *format, va_list args)
{
    g_autofree char *arguments = g_strdup_vprintf(format, args);

    return g_strdup_printf("{\"execute\":\"guest-file-%s\",\"arguments\":{%s}}\n", name, arguments);
}

G_GNUC_PRINTF(3, 4)
static void assert_text(const char *expected, const char *name, const char *format, ...)
{
    g_autofree char *request = NULL;
    g_autofree char *text = NULL;
    g_autoptr(JsonNode) wanted = json_from_string(expected, NULL);
    g_autoptr(JsonNode) value = NULL;
    va_list args;

    va_start(args, format);
    request = make_request(name, format, args);
    va_end(args);
    value = test_client_value(client, request);
    text = json_to_string(value, FALSE);
    ck_assert_msg(json_node_equal(value, wanted), "%s: %s", request, text);
}

G_GNUC_PRINTF(3, 4)
static void assert_error(const char *expected, const char *name, const char *format, ...)
{
    g_autofree char *request = NULL;
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    request = make_request(name, format, args);
    va_end(args);
    text = test_client_error(client, request);
    ck_assert_msg(!strcmp(text, expected), "%s: %s", request, text);
}

static gint64 open_file(const char *name, const char *mode)
{
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"%s/%s\","
                        "\"mode\":\"%s\"}}\n",
                        tree, name, mode);
    g_autoptr(JsonNode) value = test_client_value(client, request);

    return json_node_get_int(value);
}

START_TEST(test_read_and_seek)
{
    long handle = open_file("file", "r");

    assert_text("{\"count\":0,\"buf-b64\":\"\",\"eof\":false}", "read",
                "\"handle\":%ld,\"count\":0", handle);
    assert_text("{\"count\":4,\"buf-b64\":\"MDEyMw==\",\"eof\":false}", "read",
                "\"handle\":%ld,\"count\":4", handle);
    assert_text("{\"count\":6,\"buf-b64\":\"NDU2Nzg5\",\"eof\":true}", "read", "\"handle\":%ld",
                handle);
    assert_text("{\"position\":2,\"eof\":false}", "seek",
                "\"handle\":%ld,\"offset\":2,\"whence\":0", handle);
    assert_text("{\"position\":3,\"eof\":false}", "seek",
                "\"handle\":%ld,\"offset\":1,\"whence\":\"cur\"", handle);
    assert_text("{\"position\":9,\"eof\":false}", "seek",
                "\"handle\":%ld,\"offset\":-1,\"whence\":\"end\"", handle);
    assert_text("{\"position\":0,\"eof\":false}", "seek",
                "\"handle\":%ld,\"offset\":0,\"whence\":\"set\"", handle);
    assert_text("{\"count\":10,\"buf-b64\":\"MDEyMzQ1Njc4OQ==\",\"eof\":true}", "read",
                "\"handle\":%ld,\"count\":50331648", handle);
    assert_text("{}", "flush", "\"handle\":%ld", handle);
    assert_text("{}", "close", "\"handle\":%ld", handle);
}
END_TEST

START_TEST(test_write)
{
    long handle = open_file("file", "w");
    g_autofree char *text = NULL;

    assert_text("{\"count\":3,\"eof\":false}", "write", "\"handle\":%ld,\"buf-b64\":\"YWJj\"",
                handle);
    assert_text("{\"count\":2,\"eof\":false}", "write",
                "\"handle\":%ld,\"buf-b64\":\"ZGVm\",\"count\":2", handle);
    /* as Proxmox and others send it, with line ends */
    assert_text("{\"count\":3,\"eof\":false}", "write",
                "\"handle\":%ld,\"buf-b64\":\" Z2\\nhp\\r\\n\"", handle);
    assert_text("{\"count\":0,\"eof\":false}", "write", "\"handle\":%ld,\"buf-b64\":\"\"", handle);
    text = test_tree_read(tree, "/file"); /* there before any flush or close */
    ck_assert_str_eq(text, "abcdeghi");
}
END_TEST

START_TEST(test_open_errors)
{
    assert_error("failed to open file '/nonexist' (mode: 'r'): No such file or directory", "open",
                 "\"path\":\"/nonexist\"");
    assert_error("failed to open file '' (mode: 'r'): No such file or directory", "open",
                 "\"path\":\"\"");
    assert_error("failed to open file '/' (mode: 'w'): Is a directory", "open",
                 "\"path\":\"/\",\"mode\":\"w\"");
    assert_error("invalid file open mode 'zz'", "open", "\"path\":\"/x\",\"mode\":\"zz\"");
    assert_error("invalid file open mode ''", "open", "\"path\":\"/x\",\"mode\":\"\"");
    assert_error("Parameter 'path' is missing", "open", "\"mode\":\"r\"");
    assert_error("Invalid parameter type for 'path', expected: string", "open", "\"path\":1");
    assert_error("Invalid parameter type for 'mode', expected: string", "open",
                 "\"path\":\"/\",\"mode\":null");
    assert_error("Parameter 'flags' is unexpected", "open", "\"path\":\"/\",\"flags\":1");
}
END_TEST

START_TEST(test_unknown_handle)
{
    const char *const rest[] = {"", "", "", ",\"buf-b64\":\"\"", ",\"offset\":0,\"whence\":0"};
    const char *const names[] = {"close", "flush", "read", "write", "seek"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        assert_error("handle '5' has not been found", names[i], "\"handle\":5%s", rest[i]);
        assert_error("handle '-1' has not been found", names[i], "\"handle\":-1%s", rest[i]);
        assert_error("Invalid parameter type for 'handle', expected: integer", names[i],
                     "\"handle\":\"5\"%s", rest[i]);
        assert_error("Parameter 'handle' is missing", names[i], "%s",
                     *rest[i] ? rest[i] + 1 : rest[i]);
    }
}
END_TEST

START_TEST(test_bad_arguments)
{
    long handle = open_file("file", "r");
    long written = open_file("other", "w");

    assert_error("value '-1' is invalid for argument count", "read", "\"handle\":%ld,\"count\":-1",
                 handle);
    assert_error("value '50331649' is invalid for argument count", "read",
                 "\"handle\":%ld,\"count\":50331649", handle);
    assert_error("failed to write to file: Bad file descriptor", "write",
                 "\"handle\":%ld,\"buf-b64\":\"YQ==\"", handle);
    assert_error("failed to read file: Bad file descriptor", "read", "\"handle\":%ld", written);
    assert_error("value '-1' is invalid for argument count", "write",
                 "\"handle\":%ld,\"buf-b64\":\"YQ==\",\"count\":-1", written);
    assert_error("value '2' is invalid for argument count", "write",
                 "\"handle\":%ld,\"buf-b64\":\"YQ==\",\"count\":2", written);
    assert_error("Base64 data contains invalid characters", "write",
                 "\"handle\":%ld,\"buf-b64\":\"!!\"", written);
    assert_error("failed to seek file: Invalid argument", "seek",
                 "\"handle\":%ld,\"offset\":-1,\"whence\":\"set\"", handle);
    assert_error("invalid whence code 3", "seek", "\"handle\":%ld,\"offset\":0,\"whence\":3",
                 handle);
    assert_error("invalid whence code -1", "seek", "\"handle\":%ld,\"offset\":0,\"whence\":-1",
                 handle);
    assert_error("Parameter 'whence' does not accept value 'foo'", "seek",
                 "\"handle\":%ld,\"offset\":0,\"whence\":\"foo\"", handle);
    assert_error("Invalid parameter type for 'whence', expected: GuestFileWhence", "seek",
                 "\"handle\":%ld,\"offset\":0,\"whence\":true", handle);
    assert_error("Parameter 'whence' is missing", "seek", "\"handle\":%ld,\"offset\":0", handle);
}
END_TEST

/* A read of a FIFO nobody writes to, or of nothing yet, does not stop the agent. */
START_TEST(test_fifo)
{
    g_autofree char *path = g_build_filename(tree, "fifo", NULL);
    long reader, writer;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    reader = open_file("fifo", "r");
    assert_text("{\"count\":0,\"buf-b64\":\"\",\"eof\":true}", "read", "\"handle\":%ld", reader);
    writer = open_file("fifo", "w");
    assert_error("failed to read file: Resource temporarily unavailable", "read", "\"handle\":%ld",
                 reader);
    assert_text("{\"count\":1,\"eof\":false}", "write", "\"handle\":%ld,\"buf-b64\":\"YQ==\"",
                writer);
    assert_text("{\"count\":1,\"buf-b64\":\"YQ==\",\"eof\":false}", "read", "\"handle\":%ld",
                reader);
    assert_error("failed to seek file: Illegal seek", "seek",
                 "\"handle\":%ld,\"offset\":1,\"whence\":\"set\"", reader);
    assert_text("{}", "close", "\"handle\":%ld", reader);
    assert_error("failed to write to file: Broken pipe", "write",
                 "\"handle\":%ld,\"buf-b64\":\"YQ==\"", writer);
}
END_TEST

/* What does not fit is told, for it must not be written twice. */
START_TEST(test_full_fifo)
{
    g_autofree char *path = g_build_filename(tree, "fifo", NULL);
    g_autofree char *letters = g_strnfill(16384, 'a');
    g_autofree char *third = g_base64_encode((const guchar *)letters, 16384);
    g_autofree char *rest = g_strnfill(1 << 20, 'A');
    long writer;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    open_file("fifo", "r");
    writer = open_file("fifo", "w");
    /* a pipe holds 65536 bytes, pipe(7), and the agent writes 49152 at once */
    assert_text("{\"count\":16384,\"eof\":false}", "write", "\"handle\":%ld,\"buf-b64\":\"%s\"",
                writer, third);
    assert_text("{\"count\":49152,\"eof\":false}", "write", "\"handle\":%ld,\"buf-b64\":\"%s\"",
                writer, rest);
    assert_error("failed to write to file: Resource temporarily unavailable", "write",
                 "\"handle\":%ld,\"buf-b64\":\"YQ==\"", writer);
}
END_TEST

/* The numbers of a restarted agent are other ones. */
START_TEST(test_restart)
{
    g_autoptr(TestDaemon) second = NULL;
    gint64 first = open_file("file", "r");

    test_client_free(client);
    ck_assert_int_eq(test_daemon_stop(daemon_), 0);
    second = test_daemon_start(NULL);
    client = test_daemon_connect(second);
    ck_assert_int_gt(open_file("file", "r"), first);
    assert_error("handle '5' has not been found", "close", "\"handle\":5");
}
END_TEST

#define LARGE (48 * 1024 * 1024)

/* The largest write and read there are, and what they leave in memory. */
START_TEST(test_large)
{
    g_autofree guint8 *data = g_malloc(LARGE);
    g_autofree char *encoded = NULL;
    g_autofree char *request = NULL;
    g_autofree guint8 *decoded = NULL;
    g_autoptr(JsonNode) value = NULL;
    gboolean checked = g_getenv("FIRN_CHECKER") != NULL;
    guint64 before = test_daemon_status(daemon_, "VmRSS:");
    long handle = open_file("large", "w+");
    gsize length;

    for (gsize i = 0; i < LARGE; i++)
        data[i] = (guint8)(i * 2654435761U >> 13);
    encoded = g_base64_encode(data, LARGE);
    request = g_strdup_printf("{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%ld,"
                              "\"buf-b64\":\"%s\"}}\n",
                              handle, encoded);
    value = test_client_value(client, request);
    ck_assert_int_eq(json_object_get_int_member(json_node_get_object(value), "count"), LARGE);
    assert_text("{\"position\":0,\"eof\":false}", "seek",
                "\"handle\":%ld,\"offset\":0,\"whence\":0", handle);
    g_clear_pointer(&value, json_node_unref);
    g_clear_pointer(&request, g_free);
    request = g_strdup_printf("{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":%ld,"
                              "\"count\":%d}}\n",
                              handle, LARGE);
    value = test_client_value(client, request);
    ck_assert_int_eq(json_object_get_int_member(json_node_get_object(value), "count"), LARGE);
    decoded = g_base64_decode(json_object_get_string_member(json_node_get_object(value), "buf-b64"),
                              &length);
    ck_assert_uint_eq(length, LARGE);
    ck_assert_int_eq(memcmp(decoded, data, LARGE), 0);
    test_client_ping(client);
    if (!checked) /* a checker keeps memory for itself */
        ck_assert_uint_le(test_daemon_status(daemon_, "VmRSS:"), before + 4096);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file-commands");
    TCase *tests = tcase_create("file-commands");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_read_and_seek);
    tcase_add_test(tests, test_write);
    tcase_add_test(tests, test_open_errors);
    tcase_add_test(tests, test_unknown_handle);
    tcase_add_test(tests, test_bad_arguments);
    tcase_add_test(tests, test_fifo);
    tcase_add_test(tests, test_full_fifo);
    tcase_add_test(tests, test_large);
    suite_add_tcase(suite, tests);
    tests = tcase_create("restart");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_restart);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
