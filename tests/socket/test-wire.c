/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#define PING "{\"execute\":\"guest-ping\"}"
#define PONG "{\"return\": {}}"

static TestDaemon *agent;
static TestClient *client;

static void setup(void)
{
    agent = test_daemon_start(NULL);
    client = test_daemon_connect(agent);
}

static void teardown(void)
{
    test_client_free(client);
    test_daemon_free(agent);
}

#define ASSERT_LINE(expected)                                                                      \
    do {                                                                                           \
        g_autofree char *read_line = test_client_line(client);                                     \
        ck_assert_pstr_eq(read_line, expected);                                                    \
    } while (0)

START_TEST(test_byte_by_byte)
{
    const char *text = "{ \"execute\" : 'guest-sync', \"arguments\": {\"id\": 42},\"id\":[1.50]}\n";

    for (const char *at = text; *at; at++) {
        test_client_send_bytes(client, at, 1);
        if (at - text == 30)
            ck_assert(!test_client_has_input(client, 50));
    }
    ASSERT_LINE("{\"return\": 42, \"id\": [1.50]}");
}
END_TEST

START_TEST(test_pipelined)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < 3000; i++)
        g_string_append_printf(text, "{\"execute\":\"guest-ping\",\"id\":%u}", i);
    test_client_send(client, text->str);
    for (guint i = 0; i < 3000; i++) {
        g_autofree char *expected = g_strdup_printf("{\"return\": {}, \"id\": %u}", i);

        ASSERT_LINE(expected);
    }
}
END_TEST

START_TEST(test_sentinel)
{
    test_client_send(client,
                     "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":7}}\n" PING "\n");
    ASSERT_LINE("\xff{\"return\": 7}");
    ASSERT_LINE(PONG);
    test_client_send(client, "{\"execute\":\"guest-sync-delimited\"}");
    ASSERT_LINE("\xff{\"error\": {\"class\":\"GenericError\",\"desc\":\"Parameter 'id' is "
                "missing\"}}");
}
END_TEST

START_TEST(test_ff_forgets)
{
    test_client_send(client, "{\"execute\":\"guest-p\xff" PING "\xff\xff" PING);
    ASSERT_LINE(PONG);
    ASSERT_LINE(PONG);
    ck_assert(!test_client_has_input(client, 50));
}
END_TEST

START_TEST(test_errors)
{
    static const struct {
        const char *request;
        const char *desc; /* or its beginning */
    } table[] = {
        {"{\"execute\":\"nope\"}", "The command nope has not been found"},
        {"{\"execute\":1}", "QMP input member 'execute' must be a string"},
        {"{\"foo\":1}", "QMP input member 'foo' is unexpected"},
        {"{}", "QMP input lacks member 'execute'"},
        {"[]", "QMP input must be a JSON object"},
        {"{\"execute\":\"guest-ping\",\"arguments\":[]}",
         "QMP input member 'arguments' must be an object"},
        {"{\"execute\":\"guest-ping\",}", "JSON parse error, "},
        {"{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1,\"x\":2}}",
         "Parameter 'x' is unexpected"},
        {"{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1.0}}",
         "Invalid parameter type for 'id', expected: integer"},
        {"{\"execute\":\"guest-get-devices\"}", "The command guest-get-devices has not been found"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *desc = test_client_error(client, table[i].request);

        ck_assert_msg(g_str_has_prefix(desc, table[i].desc), "%s", desc);
        test_client_ping(client);
    }
}
END_TEST

START_TEST(test_info)
{
    g_autoptr(JsonNode) info = test_client_value(client, "{\"execute\":\"guest-info\"}");
    JsonObject *object = json_node_get_object(info);
    JsonArray *commands = json_object_get_array_member(object, "supported_commands");
    gboolean seen = FALSE;

    ck_assert_int_gt((int)strlen(json_object_get_string_member(object, "version")), 0);
    ck_assert_uint_gt(json_array_get_length(commands), 8);
    for (guint i = 0; i < json_array_get_length(commands); i++) {
        JsonObject *command = json_array_get_object_element(commands, i);

        ck_assert(json_object_has_member(command, "success-response"));
        if (strcmp(json_object_get_string_member(command, "name"), "guest-ping") != 0)
            continue;
        seen = TRUE;
        ck_assert(json_object_get_boolean_member(command, "enabled"));
        ck_assert(json_object_get_boolean_member(command, "success-response"));
    }
    ck_assert(seen);
}
END_TEST

/* The second client is served once the first leaves, and gets nothing of it. */
START_TEST(test_one_client_at_a_time)
{
    g_autoptr(TestClient) second = test_daemon_connect(agent);

    test_client_ping(client);
    test_client_send(second, PING);
    ck_assert(!test_client_has_input(second, 200));
    test_client_send(client, "{\"execute\":\"guest-sync\",\"argu");
    test_client_free(client);
    client = g_steal_pointer(&second);
    ASSERT_LINE(PONG);
    test_client_ping(client);
    ck_assert(!test_client_has_input(client, 50));
}
END_TEST

START_TEST(test_many_clients_in_turn)
{
    for (guint i = 0; i < 200; i++) {
        g_autoptr(TestClient) next = test_daemon_connect(agent);

        if (client)
            test_client_free(g_steal_pointer(&client));
        test_client_ping(next);
    }
}
END_TEST

/* As `echo REQUEST | socat - UNIX:SOCKET` does. */
START_TEST(test_replies_after_end_of_file)
{
    test_client_send(client, PING "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1}}");
    test_client_shutdown(client);
    ASSERT_LINE(PONG);
    ASSERT_LINE("{\"return\": 1}");
    ASSERT_LINE(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *tests = tcase_create("wire");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_byte_by_byte);
    tcase_add_test(tests, test_pipelined);
    tcase_add_test(tests, test_sentinel);
    tcase_add_test(tests, test_ff_forgets);
    tcase_add_test(tests, test_errors);
    tcase_add_test(tests, test_info);
    tcase_add_test(tests, test_one_client_at_a_time);
    tcase_add_test(tests, test_many_clients_in_turn);
    tcase_add_test(tests, test_replies_after_end_of_file);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
