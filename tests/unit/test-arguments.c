/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/request.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>

static const char *const whences[] = {"set", "cur", "end", NULL};
static const char *const captures[] = {"none", "stdout", NULL};

static const QgaMember vcpu[] = {
    {.name = "logical-id", .type = QGA_TYPE_INT},
    {.name = "online", .type = QGA_TYPE_BOOL},
    {.name = "can-offline", .type = QGA_TYPE_BOOL, .optional = TRUE},
    {0},
};
static const QgaMember range[] = {
    {.name = "from", .type = QGA_TYPE_UINT64},
    {.name = "cpus", .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = vcpu},
    {0},
};

/* One member of each type. */
static const QgaMember all[] = {
    {.name = "int", .type = QGA_TYPE_INT, .optional = TRUE},
    {.name = "uint", .type = QGA_TYPE_UINT64, .optional = TRUE},
    {.name = "string", .type = QGA_TYPE_STRING, .optional = TRUE},
    {.name = "bool", .type = QGA_TYPE_BOOL, .optional = TRUE},
    {.name = "enum", .type = QGA_TYPE_ENUM, .optional = TRUE, .values = whences},
    {.name = "base64", .type = QGA_TYPE_BASE64, .optional = TRUE},
    {.name = "strings", .type = QGA_TYPE_LIST, .optional = TRUE, .element = QGA_TYPE_STRING},
    {.name = "ints", .type = QGA_TYPE_LIST, .optional = TRUE, .element = QGA_TYPE_INT},
    {.name = "vcpus",
     .type = QGA_TYPE_LIST,
     .optional = TRUE,
     .element = QGA_TYPE_STRUCT,
     .members = vcpu},
    {.name = "range", .type = QGA_TYPE_STRUCT, .optional = TRUE, .members = range},
    {.name = "whence",
     .type = QGA_TYPE_INT_OR_ENUM,
     .optional = TRUE,
     .values = whences,
     .type_name = "GuestFileWhence"},
    {.name = "capture", .type = QGA_TYPE_BOOL_OR_ENUM, .optional = TRUE, .values = captures},
    {0},
};

static const QgaMember required[] = {
    {.name = "handle", .type = QGA_TYPE_INT},
    {.name = "path", .type = QGA_TYPE_STRING},
    {.name = "count", .type = QGA_TYPE_INT, .optional = TRUE},
    {0},
};

static const char *const base64[] = {"base64", NULL};

/* Arguments with the gate that holds what they are slices of. */
typedef struct {
    QgaGate *gate;
    QgaRequest request;
} Parsed;

static void parsed_clear(Parsed *parsed)
{
    qga_request_clear(&parsed->request);
    qga_gate_free(parsed->gate);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parsed, parsed_clear)

/* text: the arguments; NULL: none. */
static gboolean parse(Parsed *parsed, const QgaMember *schema, const char *text, GError **error)
{
    g_autofree char *bytes =
        g_strdup_printf("{\"execute\":\"x\"%s%s}", text ? ",'arguments':" : "", text ? text : "");
    g_autoptr(JsonParser) parser = json_parser_new();
    QgaText found;

    *parsed = (Parsed){.gate = qga_gate_new(NULL, base64)};
    qga_gate_feed(parsed->gate, bytes, strlen(bytes));
    ck_assert_int_eq(qga_gate_next(parsed->gate, &found, NULL), QGA_GATE_TEXT);
    return qga_request_parse(parser, &found, &parsed->request, error) &&
           qga_arguments_check(&parsed->request.arguments, schema, error);
}

static const QgaArguments *parse_good(Parsed *parsed, const char *text)
{
    g_autoptr(GError) error = NULL;
    gboolean good = parse(parsed, all, text, &error);

    ck_assert_msg(good, "%s: %s", text ? text : "no arguments", error ? error->message : "");
    return &parsed->request.arguments;
}

static void check_errors(const QgaMember *schema, const char *const cases[][2], guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autoptr(GError) error = NULL;
        g_auto(Parsed) parsed = {0};

        ck_assert_msg(!parse(&parsed, schema, cases[i][0], &error), "%s", cases[i][0]);
        ck_assert(error->domain == QGA_ARGUMENTS_ERROR);
        ck_assert_str_eq(error->message, cases[i][1]);
    }
}

#define WRONG_TYPE(path, type) "Invalid parameter type for '" path "', expected: " type

START_TEST(test_wrong_types)
{
    static const char *const cases[][2] = {
        {"{\"int\":1.0}", WRONG_TYPE("int", "integer")},
        {"{\"int\":1e2}", WRONG_TYPE("int", "integer")},
        {"{\"int\":\"1\"}", WRONG_TYPE("int", "integer")},
        {"{\"int\":null}", WRONG_TYPE("int", "integer")},
        {"{\"int\":9223372036854775808}", WRONG_TYPE("int", "integer")},
        {"{\"int\":-9223372036854775809}", WRONG_TYPE("int", "integer")},
        {"{\"int\":18446744073709551615}", WRONG_TYPE("int", "integer")},
        {"{\"uint\":1.0}", "Parameter 'uint' expects uint64"},
        {"{\"uint\":-1}", "Parameter 'uint' expects uint64"},
        {"{\"uint\":\"1\"}", "Parameter 'uint' expects uint64"},
        {"{\"uint\":18446744073709551616}", "Parameter 'uint' expects uint64"},
        {"{\"string\":1}", WRONG_TYPE("string", "string")},
        {"{\"string\":[]}", WRONG_TYPE("string", "string")},
        {"{\"bool\":1}", WRONG_TYPE("bool", "boolean")},
        {"{\"bool\":\"true\"}", WRONG_TYPE("bool", "boolean")},
        {"{\"enum\":1}", WRONG_TYPE("enum", "string")},
        {"{\"enum\":\"foo\"}", "Parameter 'enum' does not accept value 'foo'"},
        {"{\"enum\":\"SET\"}", "Parameter 'enum' does not accept value 'SET'"},
        {"{\"base64\":1}", WRONG_TYPE("base64", "string")},
        {"{\"base64\":null}", WRONG_TYPE("base64", "string")},
        {"{\"base64\":[\"QQ\"]}", WRONG_TYPE("base64", "string")},
        {"{\"string\":null}", WRONG_TYPE("string", "string")},
        {"{\"int\":0.5}", WRONG_TYPE("int", "integer")},
        {"{\"ints\":[-1,18446744073709551615]}", WRONG_TYPE("ints[1]", "integer")},
        {"{\"whence\":18446744073709551615}", WRONG_TYPE("whence", "integer")},
        {"{\"strings\":\"x\"}", WRONG_TYPE("strings", "array")},
        {"{\"strings\":{}}", WRONG_TYPE("strings", "array")},
        {"{\"strings\":null}", WRONG_TYPE("strings", "array")},
        {"{\"strings\":[1]}", WRONG_TYPE("strings[0]", "string")},
        {"{\"ints\":[1,2,\"x\"]}", WRONG_TYPE("ints[2]", "integer")},
        {"{\"vcpus\":[1]}", WRONG_TYPE("vcpus[0]", "object")},
        {"{\"vcpus\":[{\"logical-id\":0}]}", "Parameter 'vcpus[0].online' is missing"},
        {"{\"vcpus\":[{\"online\":1,\"x\":1}]}", "Parameter 'vcpus[0].logical-id' is missing"},
        {"{\"vcpus\":[{\"online\":true,\"logical-id\":0},{\"online\":1,\"logical-id\":0}]}",
         WRONG_TYPE("vcpus[1].online", "boolean")},
        {"{\"vcpus\":[{\"x\":1,\"online\":true,\"logical-id\":0},{}],\"y\":1}",
         "Parameter 'vcpus[0].x' is unexpected"},
        {"{\"range\":[]}", WRONG_TYPE("range", "object")},
        {"{\"range\":{\"from\":1}}", "Parameter 'range.cpus' is missing"},
        {"{\"range\":{\"from\":1,\"cpus\":[{}]}}",
         "Parameter 'range.cpus[0].logical-id' is missing"},
        {"{\"whence\":null}", WRONG_TYPE("whence", "GuestFileWhence")},
        {"{\"whence\":1.0}", WRONG_TYPE("whence", "integer")},
        {"{\"whence\":\"foo\"}", "Parameter 'whence' does not accept value 'foo'"},
        {"{\"capture\":1}", WRONG_TYPE("capture", "boolean")},
        {"{\"capture\":\"foo\"}", "Parameter 'capture' does not accept value 'foo'"},
        {"{\"x\":1}", "Parameter 'x' is unexpected"},
        {"{\"\xC3\xA4\\\"\":1,\"y\":1}", "Parameter '\xC3\xA4\"' is unexpected"},
    };

    check_errors(all, cases, G_N_ELEMENTS(cases));
}
END_TEST

/* As the packaged agent: each member in the schema's order, missing or wrong, then what the schema
 * does not have. */
START_TEST(test_order_of_errors)
{
    static const char *const cases[][2] = {
        {NULL, "Parameter 'handle' is missing"},
        {"{}", "Parameter 'handle' is missing"},
        {"{\"x\":1}", "Parameter 'handle' is missing"},
        {"{\"path\":1,\"x\":1}", "Parameter 'handle' is missing"},
        {"{\"path\":1,\"handle\":\"a\"}", WRONG_TYPE("handle", "integer")},
        {"{\"handle\":1,\"count\":null}", "Parameter 'path' is missing"},
        {"{\"x\":1,\"handle\":1,\"path\":\"\",\"count\":\"\"}", WRONG_TYPE("count", "integer")},
        {"{\"x\":1,\"handle\":1,\"y\":1,\"path\":\"\"}", "Parameter 'x' is unexpected"},
    };

    check_errors(required, cases, G_N_ELEMENTS(cases));
}
END_TEST

START_TEST(test_no_schema)
{
    static const char *const cases[][2] = {{"{\"x\":1}", "Parameter 'x' is unexpected"}};
    g_auto(Parsed) none = {0};
    g_auto(Parsed) empty = {0};

    ck_assert(parse(&none, NULL, NULL, NULL));
    ck_assert(parse(&empty, NULL, "{ }", NULL));
    check_errors(NULL, cases, 1);
}
END_TEST

START_TEST(test_scalars)
{
    g_auto(Parsed) parsed = {0};
    JsonObject *object =
        parse_good(&parsed, "{\"int\":-9223372036854775808,\"uint\":18446744073709551615,"
                            "'string':'\\u00e4','bool':true,\"enum\":\"cur\"}")
            ->object;

    ck_assert_int_eq(json_object_get_int_member(object, "int"), G_MININT64);
    ck_assert((guint64)json_object_get_int_member(object, "uint") == G_MAXUINT64);
    ck_assert_str_eq(json_object_get_string_member(object, "string"), "\xC3\xA4");
    ck_assert(json_object_get_boolean_member(object, "bool"));
    ck_assert_int_eq(qga_member_index(whences, json_object_get_string_member(object, "enum")), 1);
}
END_TEST

/* Beyond int64 by place, not by value: what has the same bits is another number. */
START_TEST(test_numbers_beyond_int64)
{
    static const char *const cases[][2] = {
        {"{\"ints\":[-1,-1],\"uint\":-1}", "Parameter 'uint' expects uint64"},
        {"{\"uint\":18446744073709551615,\"ints\":[1,18446744073709551615]}",
         WRONG_TYPE("ints[1]", "integer")},
    };
    g_auto(Parsed) parsed = {0};
    JsonObject *object =
        parse_good(&parsed, "{\"ints\":[-1,5,-9223372036854775808],\"int\":-1,\"whence\":2,"
                            "\"uint\":9223372036854775808}")
            ->object;

    ck_assert(json_object_get_int_member(object, "uint") == G_MININT64);
    check_errors(all, cases, G_N_ELEMENTS(cases));
}
END_TEST

START_TEST(test_nothing_given)
{
    g_auto(Parsed) parsed = {0};
    const QgaArguments *arguments = parse_good(&parsed, NULL);
    gsize length = 7;

    ck_assert_uint_eq(json_object_get_size(arguments->object), 0);
    ck_assert_ptr_null(qga_json_get_strings(arguments->object, "strings"));
    ck_assert_ptr_null(qga_arguments_slice(arguments, "base64"));
    ck_assert_ptr_null(qga_arguments_base64(arguments, "base64", &length, NULL));
    ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(test_alternates)
{
    g_auto(Parsed) plain = {0};
    g_auto(Parsed) named = {0};

    parse_good(&plain, "{\"whence\":2,\"capture\":true}");
    parse_good(&named, "{\"whence\":\"end\",\"capture\":\"none\"}");
}
END_TEST

START_TEST(test_strings)
{
    g_auto(Parsed) some = {0};
    g_auto(Parsed) none = {0};
    JsonObject *object = parse_good(&some, "{\"strings\":[ \"a\", 'b\\n' ,\"\"]}")->object;
    g_auto(GStrv) strings = qga_json_get_strings(object, "strings");
    g_auto(GStrv) empty =
        qga_json_get_strings(parse_good(&none, "{\"strings\":[]}")->object, "strings");

    ck_assert_uint_eq(g_strv_length(strings), 3);
    ck_assert_str_eq(strings[0], "a");
    ck_assert_str_eq(strings[1], "b\n");
    ck_assert_str_eq(strings[2], "");
    ck_assert_uint_eq(g_strv_length(empty), 0);
}
END_TEST

static const QgaMember replies[] = {
    {.name = "size", .type = QGA_TYPE_UINT64},
    {.name = "load", .type = QGA_TYPE_NUMBER, .optional = TRUE},
    {.name = "data", .type = QGA_TYPE_BASE64, .optional = TRUE},
    {0},
};

START_TEST(test_returns)
{
    static const QgaMember list = {
        .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = replies};
    static const char *const cases[][2] = {
        {"[]", NULL},
        {"[{\"size\":1,\"load\":0.5,\"data\":\"QQ==\"},{\"size\":0,\"load\":1}]", NULL},
        {"{}", WRONG_TYPE("return", "array")},
        {"[{}]", "Parameter 'return[0].size' is missing"},
        {"[{\"size\":-1}]", "Parameter 'return[0].size' expects uint64"},
        {"[{\"size\":1,\"data\":null}]", WRONG_TYPE("return[0].data", "string")},
        {"[{\"size\":1,\"x\":2}]", "Parameter 'return[0].x' is unexpected"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = json_from_string(cases[i][0], NULL);
        g_autoptr(GError) error = NULL;

        ck_assert(qga_returns_check(&list, node, &error) == !cases[i][1]);
        ck_assert_pstr_eq(error ? error->message : NULL, cases[i][1]);
    }
}
END_TEST

START_TEST(test_base64)
{
    static const char *const good[][2] = {
        {"{\"base64\":\"\"}", ""},
        {"{\"base64\":\"YWJj\"}", "abc"},
        {"{\"base64\":\"YW Jj\\r\\nYQ==\"}", "abca"},
        {"{\"base64\":\"\\/\\u002b8=\"}", "\xFF\xEF"},
        {"{\"base64\":\"YR==\"}", "a"},
        {"{\"base64\":\" YW\\tJ j \"}", "abc"},
        {"{\"base64\":\"Y Q = =\"}", "a"},
        {"{\"base64\":\"YQ\"}", "a"},
        {"{\"base64\":\"YQ=\"}", "a"},
        {"{\"base64\":\"YWI\"}", "ab"},
        {"{\"base64\":\"YQ==YWI=YWJj\"}", "aababc"},
        {"{\"base64\":\"+/+/\"}", "\xFB\xFF\xBF"},
    };
    static const char *const bad[] = {
        "{\"base64\":\"!\"}",          "{\"base64\":\"a\"}",
        "{\"base64\":\"YW-_\"}",       "{\"base64\":\"!!!!\"}",
        "{\"base64\":\"YWJjY\"}",      "{\"base64\":\"=\"}",
        "{\"base64\":\"Y===\"}",       "{\"base64\":\"YQ=a\"}",
        "{\"base64\":\"YWJj=\"}",      "{\"base64\":\"YWJj\xC3\xA4\"}",
        "{\"base64\":\"YW\\u0000J\"}", "{\"base64\":\"YW\\fJj\"}",
        "{\"base64\":\"YW\\u0141j\"}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_auto(Parsed) parsed = {0};
        const QgaArguments *arguments = parse_good(&parsed, good[i][0]);
        gsize length;
        g_autofree guint8 *data = qga_arguments_base64(arguments, "base64", &length, NULL);

        ck_assert_uint_eq(length, strlen(good[i][1]));
        ck_assert_mem_eq(data, good[i][1], length + 1);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(Parsed) parsed = {0};
        const QgaArguments *arguments = parse_good(&parsed, bad[i]);
        g_autoptr(GError) error = NULL;
        gsize length;

        ck_assert_ptr_null(qga_arguments_base64(arguments, "base64", &length, &error));
        ck_assert_str_eq(error->message, "Base64 data contains invalid characters");
    }
}
END_TEST

static gboolean append_bytes(const guint8 *bytes, gsize length, gpointer data)
{
    GString *out = data;

    g_string_append_len(out, (const char *)bytes, (gssize)length);
    return out->len < 100000;
}

/* Larger than one piece, with line breaks and escapes that shift the groups. */
START_TEST(test_base64_in_pieces)
{
    g_autoptr(GString) text = g_string_new("{\"base64\":\"");
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);
    const QgaArguments *arguments;
    g_auto(Parsed) parsed = {0};
    g_autofree guint8 *whole = NULL;
    gsize length, whole_length;

    for (guint i = 0; i < 30000; i++) {
        g_string_append(text, i % 19 == 0 ? "Y\\nWJj" : i % 7 == 0 ? "Y W\\u004aj" : "YWJj");
        g_string_append(bytes, "abc");
    }
    g_string_append(text, "\"}");
    arguments = parse_good(&parsed, text->str);
    ck_assert(qga_arguments_base64_check(arguments, "base64", &length, NULL));
    ck_assert_uint_eq(length, bytes->len);
    qga_arguments_base64_each(arguments, "base64", append_bytes, out);
    ck_assert_str_eq(out->str, bytes->str);
    whole = qga_arguments_base64(arguments, "base64", &whole_length, NULL);
    ck_assert_uint_eq(whole_length, bytes->len);
    ck_assert_str_eq((const char *)whole, bytes->str);
}
END_TEST

START_TEST(test_base64_check)
{
    g_auto(Parsed) without = {0};
    g_auto(Parsed) broken = {0};
    const QgaArguments *none = parse_good(&without, "{}");
    const QgaArguments *bad = parse_good(&broken, "{\"base64\":\"YWJjY\"}");
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    gsize length = 7;

    ck_assert(qga_arguments_base64_check(none, "base64", &length, NULL));
    ck_assert_uint_eq(length, 0);
    qga_arguments_base64_each(none, "base64", append_bytes, out);
    ck_assert_uint_eq(out->len, 0);
    ck_assert(!qga_arguments_base64_check(bad, "base64", &length, &error));
    ck_assert_uint_eq(length, 0);
    ck_assert_str_eq(error->message, "Base64 data contains invalid characters");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arguments");
    TCase *tests = tcase_create("arguments");

    tcase_add_test(tests, test_wrong_types);
    tcase_add_test(tests, test_order_of_errors);
    tcase_add_test(tests, test_no_schema);
    tcase_add_test(tests, test_scalars);
    tcase_add_test(tests, test_numbers_beyond_int64);
    tcase_add_test(tests, test_nothing_given);
    tcase_add_test(tests, test_alternates);
    tcase_add_test(tests, test_strings);
    tcase_add_test(tests, test_returns);
    tcase_add_test(tests, test_base64);
    tcase_add_test(tests, test_base64_in_pieces);
    tcase_add_test(tests, test_base64_check);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
