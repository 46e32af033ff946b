/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/request.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>

static char *slice(const char *start, gsize length)
{
    return g_strndup(start ? start : "none", start ? length : 4);
}

/* What a request says, in one line. */
static char *describe(const char *text)
{
    g_auto(QgaRequest) request = {0};
    g_autoptr(GError) error = NULL;
    gboolean good = qga_request_parse(text, strlen(text), &request, &error);
    gsize length = (gsize)(request.arguments.end - request.arguments.start);
    g_autofree char *arguments = slice(request.arguments.start, length);
    g_autofree char *id = slice(request.id, request.id_length);

    ck_assert(good == (error == NULL));
    ck_assert(good == (request.name != NULL));
    if (!good)
        return g_strdup_printf("%s, id %s", error->message, id);
    return g_strdup_printf("%s, arguments %s, id %s", request.name, arguments, id);
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
        {"{\"execute\":\"guest-ping\"}", "guest-ping, arguments none, id none"},
        {"{ 'execute' : 'guest-p\\u0069ng' }", "guest-ping, arguments none, id none"},
        {"{\"id\":7,\"arguments\":{\"a\" : [1]},\"execute\":\"x\"}",
         "x, arguments {\"a\" : [1]}, id 7"},
        {"{\"execute\":\"\",\"arguments\":{}}", ", arguments {}, id none"},
        {"{\"\\u0065xecute\":\"a\\nb\"}", "a\nb, arguments none, id none"},
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
         "QMP input member 'execute' must not contain \\u0000, id none"},
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
        "'x'",
        "\"\\u0000\"",
        "\"a\\/b\"",
    };

    for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *text = g_strdup_printf("{\"id\": %s ,\"execute\":\"x\"}", ids[i]);
        g_autofree char *found = describe(text);
        g_autofree char *wanted = g_strdup_printf("x, arguments none, id %s", ids[i]);

        ck_assert_str_eq(found, wanted);
    }
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
    tcase_add_test(tests, test_long_name);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
