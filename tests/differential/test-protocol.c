/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/compare.h"
#include "tests/lib/suite.h"

#include <string.h>

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"

/* The command of that name in guest-info's return, or NULL. */
static JsonObject *find_command(JsonNode *info, const char *name)
{
    JsonArray *list =
        json_object_get_array_member(json_node_get_object(info), "supported_commands");

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *command = json_array_get_object_element(list, i);

        if (!strcmp(json_object_get_string_member(command, "name"), name))
            return command;
    }
    return NULL;
}

/* The commands of the peer's that firn does not have alike; free with g_free(). */
static char *compare_commands(JsonNode *firn, JsonNode *peer)
{
    JsonArray *list =
        json_object_get_array_member(json_node_get_object(peer), "supported_commands");
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *command = json_array_get_object_element(list, i);
        const char *name = json_object_get_string_member(command, "name");
        JsonObject *ours = find_command(firn, name);

        if (!ours || json_object_get_size(ours) != json_object_get_size(command) ||
            json_object_get_boolean_member(ours, "enabled") !=
                json_object_get_boolean_member(command, "enabled") ||
            json_object_get_boolean_member(ours, "success-response") !=
                json_object_get_boolean_member(command, "success-response"))
            g_string_append_printf(names, "%s ", name);
    }
    return g_string_free(names, FALSE);
}

/* A reply made canonical, with its id behind it; free with g_free(). */
static char *describe(const char *line)
{
    g_autofree char *reply = compare_canonical(line, COMPARE_ALL, NULL);
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    JsonNode *id = json_object_get_member(json_node_get_object(node), "id");
    g_autofree char *text = id ? json_to_string(id, FALSE) : NULL;

    return g_strconcat(reply, text, NULL);
}

START_TEST(test_requests)
{
    static const char *const requests[] = {
        "{\"execute\":\"guest-ping\"}",
        "{\"execute\":\"guest-ping\",\"arguments\":{}}",
        "{\"execute\":\"guest-ping\",\"id\":7}",
        "{'execute':'guest-ping'}",
        "{\"execute\":\"guest-ping\",\"arguments\":{\"x\":1}}",
        "{\"execute\":\"guest-ping\",\"arguments\":[]}",
        "{\"execute\":\"guest-ping\",\"arguments\":null}",
        "{\"execute\":\"guest-ping\",\"other\":1}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":-9223372036854775808}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":9223372036854775807}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":18446744073709551615}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1.0}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":\"1\"}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":null}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1,\"x\":2}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{}}",
        "{\"execute\":\"guest-sync\"}",
        "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":12}}",
        "{\"execute\":\"guest-fsfreeze-status\"}",
        "{\"execute\":\"guest-fsfreeze-thaw\"}",
        "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":[1]}}",
        "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":\"x\"}}",
        "{\"execute\":\"guest-fstrim\",\"arguments\":{\"minimum\":\"x\"}}",
        "{\"execute\":\"nope\"}",
        "{\"execute\":\"\"}",
        "{\"execute\":1}",
        "{\"execute\":null}",
        "{\"foo\":1}",
        "{}",
        "[]",
        "1",
        "\"a\"",
        "null",
        "true",
        "{\"execute\":\"guest-ping\",}",
        "{\"execute\" \"guest-ping\"}",
        "{\"execute\":\"guest-ping\",\"execute\":\"guest-ping\"}",
        "{\"execute\":\"guest-ping\",\"arguments\":{\"a\":1,\"a\":2}}",
    };
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++)
        compare_same(compare, requests[i]);
    compare_differs(compare, "get-devices", "{\"execute\":\"guest-get-devices\"}",
                    "*CommandNotFound*The command guest-get-devices has not been found*",
                    "*CommandNotFound*Command guest-get-devices has been disabled*");
}
END_TEST

/* Sends any bytes and a sync behind them; the replies until the sync's, a line each, as
 * they are or canonical. Free with g_free(). */
static char *exchange(TestClient *client, const char *bytes, gboolean letters)
{
    GString *replies = g_string_new(NULL);

    test_client_send(client, bytes);
    test_client_send(client,
                     "\n{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":77}}\n");
    for (;;) {
        g_autofree char *line = test_client_line(client);
        g_autofree char *reply = NULL;

        ck_assert_msg(line != NULL, "an agent hung up at %s", bytes);
        if ((guchar)*line == 0xff)
            return g_string_free(replies, FALSE);
        reply = letters ? g_strdup(line) : describe(line);
        g_string_append_printf(replies, "%s\n", reply);
    }
}

/* Texts, good and bad, as scanners meet them. */
START_TEST(test_texts)
{
    static const char *const texts[] = {
        "}",
        "]",
        ",",
        ":",
        "tru",
        "nul",
        "01",
        "-",
        "1.",
        "+1",
        ".5",
        "1e5",
        "1e",
        "0x10",
        "NaN",
        "Infinity",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"\xc3\x28\"",
        "\xc3\xa4",
        "\x7f",
        "%",
        "\"%s\"",
        "{\"execute\":\"guest-ping\"} garbage",
        "/* comment */ 1",
        "// comment",
        "{execute:\"guest-ping\"}",
        "{1:2}",
        "[1 2]",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "{,}",
        "[,]",
        "'a\"b'",
        "{\"execute\":\"guest-ping\"}{\"execute\":\"guest-ping\",\"id\":2}",
        "{'execute':'guest-ping','id':'it\\'s'}",
        "{\"execute\":\"guest-ping\",\"id\":{\"a\":[1,2.5,null,true,\"x\\u00e4\"]}}",
        "{\"execute\":\"guest-ping\",\"id\":\"\\u0000\"}",
        "{\"execute\":\"guest-ping\",\"id\":18446744073709551615}",
        "{\"execute\":\"guest-ping\",\"id\":null}",
        "{\"execute\":\"nope\",\"id\":5}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":\"x\"},\"id\":5}",
        "{\"execute\":\"guest-p\\u0069ng\"}",
        "{\"exec-oob\":\"guest-ping\"}",
        "{\"execute\":\"guest-ping\",\"control\":1}",
        "{\"execute\":\"\xf0\x9f\x98\x80\"}",
        "{\"execute\":\"\\ud83d\\ude00\"}",
        "\t\r\n {\"execute\":\"guest-ping\"}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":9223372036854775808}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":-0}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1e3}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":true}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":[]}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":{}}}",
    };
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *firn = exchange(compare_firn(compare), texts[i], FALSE);
        g_autofree char *peer = exchange(compare_peer(compare), texts[i], FALSE);

        ck_assert_msg(!strcmp(firn, peer), "%s\n  firn: %s\n  peer: %s", texts[i], firn, peer);
    }
}
END_TEST

static void differs_lines(const char *name, const char *bytes, const char *firn, const char *peer)
{
    g_autoptr(Compare) compare = compare_new();
    g_autofree char *from_firn = exchange(compare_firn(compare), bytes, TRUE);
    g_autofree char *from_peer = exchange(compare_peer(compare), bytes, TRUE);

    compare_differs_text(name, from_firn, firn, from_peer, peer);
}

START_TEST(test_text_differences)
{
    g_autoptr(Compare) installed = compare_new();

    if (!installed)
        TEST_SKIP(NO_PEER);
    differs_lines("stray-0xff", "\xff", "", "*JSON parse error, stray*");
    differs_lines("stray-0xff", "{\"execute\":\"guest-pi\xff", "", "*JSON parse error, stray*");
    differs_lines("rest-of-bad-text", "{\"execute\":\"guest-pi\nng\"}",
                  "*JSON parse error, stray*\n",
                  "*stray*guest-pi*\n*JSON parse error, expecting value*\n");
    differs_lines("id-numbers", "{\"execute\":\"guest-ping\",\"id\":1.0}", "*\"id\": 1.0}*",
                  "*\"id\": 1}*");
    differs_lines("id-numbers",
                  "{\"execute\":\"guest-ping\",\"id\":123456789012345678901234567890}",
                  "*\"id\": 123456789012345678901234567890}*", "*\"id\": 1.23456789*e+29}*");
    differs_lines("execute-nul", "{\"execute\":\"guest-ping\\u0000x\"}",
                  "*must not contain \\\\u0000*", "*CommandNotFound*guest-ping?u0000x*");
}
END_TEST

START_TEST(test_disabled)
{
    const char *const options[] = {"--block-rpcs=guest-get-time", NULL};
    g_autoptr(Compare) compare = compare_new_with(options);

    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_differs(compare, "disabled", "{\"execute\":\"guest-get-time\"}",
                    "*CommandNotFound*Command guest-get-time has been disabled: the command is not "
                    "allowed\"*",
                    "*CommandNotFound*Command guest-get-time has been disabled\"*");
}
END_TEST

/* What the packaged agent lists and firn does not, and what of it is said otherwise. */
START_TEST(test_info)
{
    g_autoptr(Compare) compare = compare_new();
    g_autoptr(JsonNode) firn = NULL;
    g_autoptr(JsonNode) peer = NULL;
    g_autofree char *differences = NULL;

    if (!compare)
        TEST_SKIP(NO_PEER);
    firn = test_client_value(compare_firn(compare), "{\"execute\":\"guest-info\"}");
    peer = test_client_value(compare_peer(compare), "{\"execute\":\"guest-info\"}");
    differences = compare_commands(firn, peer);
    ck_assert_str_eq(differences, "guest-get-devices ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protocol");
    TCase *tests = tcase_create("protocol");

    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_requests);
    tcase_add_test(tests, test_texts);
    tcase_add_test(tests, test_text_differences);
    tcase_add_test(tests, test_disabled);
    tcase_add_test(tests, test_info);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
