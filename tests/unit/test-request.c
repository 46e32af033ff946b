/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/request.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>

static const char *const base64[] = {"password", NULL};

/* What a request says, in one line. */
static char *describe(const char *text)
{
    g_autoptr(QgaGate) gate = qga_gate_new(NULL, base64);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_auto(QgaRequest) request = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *arguments = NULL;
    QgaText found;
    gboolean good;

    qga_gate_feed(gate, text, strlen(text));
    qga_gate_feed(gate, "\n", 1);
    ck_assert_int_eq(qga_gate_next(gate, &found, NULL), QGA_GATE_TEXT);
    good = qga_request_parse(parser, &found, &request, &error);
    ck_assert(good == (error == NULL));
    ck_assert(good == (request.name != NULL));
    if (!good)
        return g_strdup_printf("%s, id %s", error->message, request.id ? request.id : "none");
    json_object_ref(request.arguments.object);
    arguments = qga_json_text(request.arguments.object);
    return g_strdup_printf("%s, arguments %s, id %s", request.name, arguments,
                           request.id ? request.id : "none");
}

static void check_all(const char *const cases[][2], guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *found = describe(cases[i][0]);

        ck_assert_str_eq(found, cases[i][1]);
    }
}

START_TEST(test_good)
{
    static const char *const cases[][2] = {
        {"{\"execute\":\"guest-ping\"}", "guest-ping, arguments {}, id none"},
        {"{ 'execute' : 'guest-p\\u0069ng' }", "guest-ping, arguments {}, id none"},
        {"{\"id\":7,\"arguments\":{\"a\" : [1]},\"execute\":\"x\"}",
         "x, arguments {\"a\":[1]}, id 7"},
        {"{\"execute\":\"\",\"arguments\":{}}", ", arguments {}, id none"},
        {"{\"\\u0065xecute\":\"a\\nb\"}", "a\nb, arguments {}, id none"},
    };

    check_all(cases, G_N_ELEMENTS(cases));
}
END_TEST

START_TEST(test_bad)
{
    static const char *const cases[][2] = {
        {"1", "QMP input must be a JSON object, id none"},
        {"[]", "QMP input must be a JSON object, id none"},
        {"\"a\"", "QMP input must be a JSON object, id none"},
        {"null", "QMP input must be a JSON object, id none"},
        {"{}", "QMP input lacks member 'execute', id none"},
        {"{\"id\":5}", "QMP input lacks member 'execute', id 5"},
        {"{\"foo\":1}", "QMP input member 'foo' is unexpected, id none"},
        {"{\"foo\":1,\"execute\":\"guest-ping\",\"id\":[]}",
         "QMP input member 'foo' is unexpected, id []"},
        {"{\"exec-oob\":\"guest-ping\"}", "QMP input member 'exec-oob' is unexpected, id none"},
        {"{\"execute\":1,\"foo\":2,\"id\":{}}",
         "QMP input member 'execute' must be a string, id {}"},
        {"{\"execute\":null}", "QMP input member 'execute' must be a string, id none"},
        {"{\"execute\":\"a\\u0000b\"}",
         "QMP input must not contain \\u0000 outside of its member 'id', id none"},
        {"{\"execute\":\"a\",\"arguments\":{\"a\":[\"\\u0000\"]},\"id\":1}",
         "QMP input must not contain \\u0000 outside of its member 'id', id 1"},
        {"{\"arguments\":[],\"foo\":1}", "QMP input member 'arguments' must be an object, id none"},
        {"{\"execute\":\"nope\",\"arguments\":null,\"id\":null}",
         "QMP input member 'arguments' must be an object, id null"},
    };

    check_all(cases, G_N_ELEMENTS(cases));
}
END_TEST

START_TEST(test_id_letter_by_letter)
{
    static const char *const ids[] = {
        "0",
        "-0",
        "1.50",
        "1e5",
        "18446744073709551616",
        "12345678901234567890.5E-3",
        "null",
        "false",
        "\"\"",
        "[]",
        "{\"a\" :[ 1.0,\"\\u00e4\"] }",
        "\"\\u0000\"",
        "\"a\\/b\"",
    };

    for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *text = g_strdup_printf("{\"id\": %s ,\"execute\":\"x\"}", ids[i]);
        g_autofree char *found = describe(text);
        g_autofree char *wanted = g_strdup_printf("x, arguments {}, id %s", ids[i]);

        ck_assert_str_eq(found, wanted);
    }
}
END_TEST

/* json-glib refuses them, each with one error that has no id. */
START_TEST(test_wrong_structure)
{
    static const char *const texts[] = {
        "{]",
        "[}",
        "{,}",
        "{:1}",
        "[,]",
        "[1,]",
        "[1,,2]",
        "{\"a\":}",
        "{\"a\":,}",
        "{\"a\":1,}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\":[}}",
        "[true false]",
        "[1 null]",
        "{\"id\":1,\"execute\":\"guest-ping\",}",
        "{1:2}",
        "{true:2}",
        "{null:2}",
        "{[1]:2}",
        "{{}}",
        "{{}:1}",
        "{\"a\"}",
        "{\"a\",1}",
        "{\"a\" 1}",
        "{\"a\"]",
        "{\"id\":1 2}",
        "{\"a\":1:2}",
        "{\"a\"::2}",
        "{\"a\":1]",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "[1}",
        "[1:2]",
        "[\"a\" \"b\"]",
        "[\"a\":1]",
        "{\"execute\":\"x\",\"arguments\":{\"password\":\"a\" \"b\"}}",
        "{\"execute\":\"x\",\"arguments\":{\"password\":\"a\":1}}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *found = describe(texts[i]);

        ck_assert_msg(g_str_has_prefix(found, "JSON parse error, "), "%s: %s", texts[i], found);
        ck_assert_msg(g_str_has_suffix(found, ", id none"), "%s: %s", texts[i], found);
        ck_assert_uint_lt(strlen(found), 400);
    }
}
END_TEST

START_TEST(test_duplicates)
{
    static const char *const texts[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,'a':2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"b\":[1,[\"c\"]],\"a\":[1],\"b\":2}",
        "[{\"x\":{\"a\":1,\"a\":[]}}]",
        "{\"execute\":\"x\",\"execute\":\"x\"}",
        "{\"execute\":\"x\",\"id\":1,\"id\":2}",
        "{\"execute\":\"x\",\"id\":{\"a\":1,\"a\":2}}",
        "{\"execute\":\"x\",\"arguments\":{\"password\":\"a\",\"password\":\"b\"}}",
        "{\"execute\":\"x\",\"arguments\":{\"password\":\"a\"},\"arguments\":{}}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *found = describe(texts[i]);

        ck_assert_str_eq(found, "JSON parse error, duplicate key, id none");
    }
}
END_TEST

/* A string in a wrong place, or a name, of any length makes no error text of that length. */
START_TEST(test_long_text_in_a_wrong_place)
{
    g_autofree char *string = g_strnfill(1000000, 'x');
    g_autofree char *text = g_strdup_printf("{\"%s\" 1}", string);
    g_autofree char *found = describe(text);

    ck_assert(g_str_has_prefix(found, "JSON parse error, "));
    ck_assert_uint_lt(strlen(found), 400);
}
END_TEST

/* What a request that waits has of a password is its own, and is cleared with it. */
START_TEST(test_kept_base64)
{
    g_autoptr(QgaGate) gate = qga_gate_new(NULL, base64);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_auto(QgaRequest) request = {0};
    static const char bytes[] = "{\"execute\":\"x\",\"arguments\":{\"password\":\"QUJD\"}}";
    const QgaSlice *slice;
    QgaText text;

    qga_gate_feed(gate, bytes, strlen(bytes));
    ck_assert_int_eq(qga_gate_next(gate, &text, NULL), QGA_GATE_TEXT);
    ck_assert(qga_request_parse(parser, &text, &request, NULL));
    qga_request_keep(&request);
    ck_assert_int_eq(qga_gate_next(gate, &text, NULL), QGA_GATE_MORE);
    slice = qga_arguments_slice(&request.arguments, "password");
    ck_assert_uint_eq(slice->length, 4);
    ck_assert_mem_eq(request.arguments.message + slice->start, "QUJD", 4);
}
END_TEST

/* A name of any length makes no error text of that length. */
START_TEST(test_long_name)
{
    g_autofree char *name = g_strnfill(1000000, 'x');
    g_autofree char *unexpected = g_strdup_printf("{\"%s\":1}", name);
    g_autofree char *command = g_strdup_printf("{\"execute\":\"%s\"}", name);
    g_autofree char *found_unexpected = describe(unexpected);
    g_autofree char *found_command = describe(command);

    ck_assert_uint_lt(strlen(found_unexpected), 400);
    ck_assert_uint_lt(strlen(found_command), 400);
    ck_assert(g_str_has_prefix(found_unexpected, "QMP input member 'xxxx"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tests = tcase_create("request");

    tcase_add_test(tests, test_good);
    tcase_add_test(tests, test_bad);
    tcase_add_test(tests, test_id_letter_by_letter);
    tcase_add_test(tests, test_wrong_structure);
    tcase_add_test(tests, test_duplicates);
    tcase_add_test(tests, test_long_text_in_a_wrong_place);
    tcase_add_test(tests, test_kept_base64);
    tcase_add_test(tests, test_long_name);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
