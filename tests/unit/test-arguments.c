/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/arguments.h"
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
    {.name = "number", .type = QGA_TYPE_NUMBER, .optional = TRUE},
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

static QgaArguments *parse(const QgaMember *schema, const char *text, GError **error)
{
    QgaValue value = {text, text ? text + strlen(text) : NULL};

    return qga_arguments_new(schema, value, error);
}

static QgaArguments *parse_good(const char *text)
{
    g_autoptr(GError) error = NULL;
    QgaArguments *arguments = parse(all, text, &error);

    ck_assert_msg(arguments != NULL, "%s: %s", text ? text : "no arguments",
                  error ? error->message : "");
    return arguments;
}

static void check_errors(const QgaMember *schema, const char *const cases[][2], guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(QgaArguments) arguments = parse(schema, cases[i][0], &error);

        ck_assert_msg(arguments == NULL, "%s", cases[i][0]);
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
        {"{\"number\":\"1\"}", WRONG_TYPE("number", "number")},
        {"{\"string\":1}", WRONG_TYPE("string", "string")},
        {"{\"string\":[]}", WRONG_TYPE("string", "string")},
        {"{\"string\":\"a\\u0000\"}", "Parameter 'string' must not contain \\u0000"},
        {"{\"bool\":1}", WRONG_TYPE("bool", "boolean")},
        {"{\"bool\":\"true\"}", WRONG_TYPE("bool", "boolean")},
        {"{\"enum\":1}", WRONG_TYPE("enum", "string")},
        {"{\"enum\":\"foo\"}", "Parameter 'enum' does not accept value 'foo'"},
        {"{\"enum\":\"SET\"}", "Parameter 'enum' does not accept value 'SET'"},
        {"{\"base64\":1}", WRONG_TYPE("base64", "string")},
        {"{\"strings\":\"x\"}", WRONG_TYPE("strings", "array")},
        {"{\"strings\":{}}", WRONG_TYPE("strings", "array")},
        {"{\"strings\":null}", WRONG_TYPE("strings", "array")},
        {"{\"strings\":[1]}", WRONG_TYPE("strings[0]", "string")},
        {"{\"strings\":[\"a\",\"b\\u0000\"]}", "Parameter 'strings[1]' must not contain \\u0000"},
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
    g_autoptr(QgaArguments) none = parse(NULL, NULL, NULL);
    g_autoptr(QgaArguments) empty = parse(NULL, "{ }", NULL);

    ck_assert_ptr_nonnull(none);
    ck_assert_ptr_nonnull(empty);
    check_errors(NULL, cases, 1);
}
END_TEST

START_TEST(test_scalars)
{
    g_autoptr(QgaArguments) arguments =
        parse_good("{\"int\":-9223372036854775808,\"uint\":18446744073709551615,\"number\":-2.5e3,"
                   "'string':'\\u00e4','bool':true,\"enum\":\"cur\"}");
    g_autofree char *string = qga_arguments_string(arguments, "string");

    ck_assert(qga_arguments_has(arguments, "int"));
    ck_assert_int_eq(qga_arguments_int(arguments, "int", 0), G_MININT64);
    ck_assert(qga_arguments_uint(arguments, "uint", 0) == G_MAXUINT64);
    ck_assert(qga_arguments_number(arguments, "number", 0) == -2500);
    ck_assert_str_eq(string, "\xC3\xA4");
    ck_assert(qga_arguments_bool(arguments, "bool", FALSE));
    ck_assert_int_eq(qga_arguments_enum(arguments, "enum", -1), 1);
}
END_TEST

static gboolean count_calls(const QgaArguments *element, gpointer data)
{
    ++*(guint *)data;
    return TRUE;
}

START_TEST(test_fallbacks)
{
    g_autoptr(QgaArguments) arguments = parse_good(NULL);
    guint calls = 0;
    gsize length = 7;

    for (const QgaMember *member = all; member->type != QGA_TYPE_END; member++)
        ck_assert(!qga_arguments_has(arguments, member->name));
    ck_assert_int_eq(qga_arguments_int(arguments, "int", -7), -7);
    ck_assert(qga_arguments_uint(arguments, "uint", 7) == 7);
    ck_assert(qga_arguments_number(arguments, "number", 0.5) == 0.5);
    ck_assert(qga_arguments_bool(arguments, "bool", TRUE));
    ck_assert_int_eq(qga_arguments_enum(arguments, "enum", 2), 2);
    ck_assert(!qga_arguments_is_enum(arguments, "whence"));
    ck_assert_int_eq(qga_arguments_int(arguments, "whence", 3), 3);
    ck_assert_ptr_null(qga_arguments_string(arguments, "string"));
    ck_assert_ptr_null(qga_arguments_strings(arguments, "strings"));
    ck_assert_ptr_null(qga_arguments_base64(arguments, "base64", &length, NULL));
    ck_assert_uint_eq(length, 0);
    ck_assert_uint_eq(qga_arguments_each(arguments, "vcpus", count_calls, &calls), 0);
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(test_alternates)
{
    g_autoptr(QgaArguments) plain = parse_good("{\"whence\":2,\"capture\":true}");
    g_autoptr(QgaArguments) named = parse_good("{\"whence\":\"end\",\"capture\":\"none\"}");

    ck_assert(!qga_arguments_is_enum(plain, "whence"));
    ck_assert_int_eq(qga_arguments_int(plain, "whence", -1), 2);
    ck_assert_int_eq(qga_arguments_enum(plain, "whence", -1), -1);
    ck_assert(!qga_arguments_is_enum(plain, "capture"));
    ck_assert(qga_arguments_bool(plain, "capture", FALSE));
    ck_assert(qga_arguments_is_enum(named, "whence"));
    ck_assert_int_eq(qga_arguments_enum(named, "whence", -1), 2);
    ck_assert(qga_arguments_is_enum(named, "capture"));
    ck_assert_int_eq(qga_arguments_enum(named, "capture", -1), 0);
}
END_TEST

START_TEST(test_strings)
{
    g_autoptr(QgaArguments) some = parse_good("{\"strings\":[ \"a\", 'b\\n' ,\"\"]}");
    g_autoptr(QgaArguments) none = parse_good("{\"strings\":[]}");
    g_auto(GStrv) strings = qga_arguments_strings(some, "strings");
    g_auto(GStrv) empty = qga_arguments_strings(none, "strings");

    ck_assert_uint_eq(g_strv_length(strings), 3);
    ck_assert_str_eq(strings[0], "a");
    ck_assert_str_eq(strings[1], "b\n");
    ck_assert_str_eq(strings[2], "");
    ck_assert_uint_eq(g_strv_length(empty), 0);
}
END_TEST

static gboolean note_vcpu(const QgaArguments *element, gpointer data)
{
    GString *out = data;

    g_string_append_printf(out, "%d:%d:%d ", (int)qga_arguments_int(element, "logical-id", -1),
                           qga_arguments_bool(element, "online", FALSE),
                           qga_arguments_has(element, "can-offline"));
    return qga_arguments_int(element, "logical-id", -1) != 9;
}

START_TEST(test_each)
{
    g_autoptr(QgaArguments) arguments =
        parse_good("{\"vcpus\":[{\"online\":true,\"logical-id\":1,\"can-offline\":false},"
                   "{\"logical-id\":2,\"online\":false},{\"logical-id\":9,\"online\":true},"
                   "{\"logical-id\":10,\"online\":true}]}");
    g_autoptr(GString) out = g_string_new(NULL);

    ck_assert_uint_eq(qga_arguments_each(arguments, "vcpus", note_vcpu, out), 3);
    ck_assert_str_eq(out->str, "1:1:1 2:0:0 9:1:0 ");
}
END_TEST

START_TEST(test_base64)
{
    static const char *const good[][2] = {
        {"{\"base64\":\"\"}", ""},
        {"{\"base64\":\"YWJj\"}", "abc"},
        {"{\"base64\":\"YW Jj\\r\\nYQ==\"}", "abca"},
        {"{\"base64\":\"\\/\\u002b8=\"}", "\xFF\xEF"},
    };
    static const char *const bad[] = {
        "{\"base64\":\"!\"}",
        "{\"base64\":\"a\"}",
        "{\"base64\":\"YW-_\"}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(QgaArguments) arguments = parse_good(good[i][0]);
        gsize length;
        g_autofree guint8 *data = qga_arguments_base64(arguments, "base64", &length, NULL);

        ck_assert_uint_eq(length, strlen(good[i][1]));
        ck_assert_mem_eq(data, good[i][1], length + 1);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(QgaArguments) arguments = parse_good(bad[i]);
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
    g_autoptr(QgaArguments) arguments = NULL;
    g_autofree guint8 *whole = NULL;
    gsize length, whole_length;

    for (guint i = 0; i < 30000; i++) {
        g_string_append(text, i % 19 == 0 ? "Y\\nWJj" : i % 7 == 0 ? "Y W\\u004aj" : "YWJj");
        g_string_append(bytes, "abc");
    }
    g_string_append(text, "\"}");
    arguments = parse_good(text->str);
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
    g_autoptr(QgaArguments) none = parse_good("{}");
    g_autoptr(QgaArguments) bad = parse_good("{\"base64\":\"YWJjY\"}");
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
    tcase_add_test(tests, test_fallbacks);
    tcase_add_test(tests, test_alternates);
    tcase_add_test(tests, test_strings);
    tcase_add_test(tests, test_each);
    tcase_add_test(tests, test_base64);
    tcase_add_test(tests, test_base64_in_pieces);
    tcase_add_test(tests, test_base64_check);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
