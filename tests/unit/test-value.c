/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/value.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <math.h>
#include <string.h>

static QgaValue value_of(const char *text)
{
    return (QgaValue){text, text + strlen(text)};
}

START_TEST(test_types)
{
    static const struct {
        const char *text;
        QgaValueType type;
    } cases[] = {
        {"null", QGA_VALUE_NULL},    {"true", QGA_VALUE_BOOL},   {"false", QGA_VALUE_BOOL},
        {"0", QGA_VALUE_NUMBER},     {"-1.5", QGA_VALUE_NUMBER}, {"\"\"", QGA_VALUE_STRING},
        {"'a'", QGA_VALUE_STRING},   {"[]", QGA_VALUE_ARRAY},    {"{}", QGA_VALUE_OBJECT},
        {"[null]", QGA_VALUE_ARRAY},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        ck_assert_int_eq(qga_value_type(value_of(cases[i].text)), cases[i].type);
    ck_assert(qga_value_bool(value_of("true")));
    ck_assert(!qga_value_bool(value_of("false")));
}
END_TEST

START_TEST(test_int64)
{
    static const struct {
        const char *text;
        gint64 number;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"-1", -1},
        {"9223372036854775807", G_MAXINT64},
        {"-9223372036854775807", -G_MAXINT64},
        {"-9223372036854775808", G_MININT64},
    };
    static const char *const bad[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "1.0",
        "1e2",
        "1E0",
        "-0.0",
        "99999999999999999999999999",
    };
    gint64 number;

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        ck_assert(qga_value_int64(value_of(good[i].text), &number));
        ck_assert_int_eq(number, good[i].number);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(!qga_value_int64(value_of(bad[i]), &number), "%s", bad[i]);
}
END_TEST

START_TEST(test_uint64)
{
    static const char *const bad[] = {
        "18446744073709551616", "18446744073709551620", "28446744073709551615", "-1", "-0", "1.0",
    };
    guint64 number;

    ck_assert(qga_value_uint64(value_of("18446744073709551615"), &number));
    ck_assert(number == G_MAXUINT64);
    ck_assert(qga_value_uint64(value_of("0"), &number));
    ck_assert(number == 0);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(!qga_value_uint64(value_of(bad[i]), &number), "%s", bad[i]);
}
END_TEST

START_TEST(test_double)
{
    ck_assert(qga_value_double(value_of("-1.5e3")) == -1500.0);
    ck_assert(qga_value_double(value_of("0.1")) == 0.1);
    ck_assert(isinf(qga_value_double(value_of("1e999"))));
}
END_TEST

static void check_string(const char *text, const char *wanted, gsize wanted_length)
{
    gsize length;
    g_autofree char *found = qga_value_string(value_of(text), &length);

    ck_assert_uint_eq(length, wanted_length);
    ck_assert_mem_eq(found, wanted, length + 1);
}

START_TEST(test_string)
{
    check_string("\"\"", "", 0);
    check_string("'it\"s'", "it\"s", 4);
    check_string("'it\\'s'", "it's", 4);
    check_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    check_string("\"a\\u0041\\u00e4\\u20AC\\uFFFFz\"", "aA\xC3\xA4\xE2\x82\xAC\xEF\xBF\xBFz", 11);
    check_string("\"\\ud83d\\ude00\\uD800\\uDC00\\udbff\\udfff\"",
                 "\xF0\x9F\x98\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 12);
    check_string("\"a\\u0000b\"", "a\0b", 3);
    check_string("\"\xC3\xA4\"", "\xC3\xA4", 2);
}
END_TEST

START_TEST(test_string_questions)
{
    const char *plain;
    gsize length;

    ck_assert(qga_value_string_equal(value_of("\"id\""), "id"));
    ck_assert(qga_value_string_equal(value_of("'\\u0069d'"), "id"));
    ck_assert(!qga_value_string_equal(value_of("\"idx\""), "id"));
    ck_assert(!qga_value_string_equal(value_of("\"i\""), "id"));
    ck_assert(!qga_value_string_equal(value_of("\"id\\u0000\""), "id"));
    ck_assert(qga_value_string_has_nul(value_of("\"a\\u0000\"")));
    ck_assert(qga_value_string_has_nul(value_of("\"\\\\\\u0000\"")));
    ck_assert(!qga_value_string_has_nul(value_of("\"\\\\u0000\"")));
    ck_assert(!qga_value_string_has_nul(value_of("\"\\u0001\\n0000\"")));
    ck_assert(qga_value_string_plain(value_of("\"abc\""), &plain, &length));
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(plain, "abc", 3);
    ck_assert(!qga_value_string_plain(value_of("\"a\\/b\""), &plain, &length));
}
END_TEST

START_TEST(test_shown)
{
    g_autoptr(GString) text = g_string_new("\"a");
    g_autofree char *same = qga_value_string_shown(value_of("\"foo\\n\""));
    g_autofree char *cut = NULL;

    for (guint i = 0; i < 1000; i++)
        g_string_append(text, "\xC3\xA4");
    g_string_append_c(text, '"');
    cut = qga_value_string_shown(value_of(text->str));
    ck_assert_str_eq(same, "foo\n");
    ck_assert_uint_le(strlen(cut), 260);
    ck_assert(g_utf8_validate(cut, -1, NULL));
    ck_assert(g_str_has_suffix(cut, "..."));
}
END_TEST

/* Every element, each between bars. */
static char *elements_of(const char *text)
{
    GString *out = g_string_new("|");
    QgaValueIter iter;
    QgaValue element;

    qga_value_iter_init(&iter, value_of(text));
    while (qga_value_iter_element(&iter, &element)) {
        g_string_append_len(out, element.start, element.end - element.start);
        g_string_append_c(out, '|');
    }
    return g_string_free(out, FALSE);
}

START_TEST(test_elements)
{
    static const char *const cases[][2] = {
        {"[]", "|"},
        {"[ ]", "|"},
        {"[1]", "|1|"},
        {"[ 1 , -2.5e3,null\n,true]", "|1|-2.5e3|null|true|"},
        {"[[],[[1,2],3],{\"a\":[1]} ]", "|[]|[[1,2],3]|{\"a\":[1]}|"},
        {"[\"]\",'\"',\"\\\"\",\"\\\\\" , \"a,b\"]", "|\"]\"|'\"'|\"\\\"\"|\"\\\\\"|\"a,b\"|"},
        {"[{\"}\":\"]}\\\\\\\"\"},'\\'}']", "|{\"}\":\"]}\\\\\\\"\"}|'\\'}'|"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *found = elements_of(cases[i][0]);

        ck_assert_str_eq(found, cases[i][1]);
    }
}
END_TEST

START_TEST(test_members)
{
    QgaValue object = value_of("{ \"a\" : 1 ,'b':{\"c\":[2]},\"d\\\"\": \"x:y\" }");
    g_autoptr(GString) out = g_string_new(NULL);
    QgaValueIter iter;
    QgaValue name, value;

    qga_value_iter_init(&iter, object);
    while (qga_value_iter_member(&iter, &name, &value)) {
        g_autofree char *text = qga_value_string(name, NULL);

        g_string_append_printf(out, "%s=%.*s;", text, (int)(value.end - value.start), value.start);
    }
    ck_assert_str_eq(out->str, "a=1;b={\"c\":[2]};d\"=\"x:y\";");
    qga_value_iter_init(&iter, value_of("{ }"));
    ck_assert(!qga_value_iter_member(&iter, &name, &value));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("value");
    TCase *tests = tcase_create("value");

    tcase_add_test(tests, test_types);
    tcase_add_test(tests, test_int64);
    tcase_add_test(tests, test_uint64);
    tcase_add_test(tests, test_double);
    tcase_add_test(tests, test_string);
    tcase_add_test(tests, test_string_questions);
    tcase_add_test(tests, test_shown);
    tcase_add_test(tests, test_elements);
    tcase_add_test(tests, test_members);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
