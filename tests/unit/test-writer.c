/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/writer.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <math.h>
#include <string.h>

START_TEST(test_structure)
{
    g_autoptr(GString) out = g_string_new("> ");
    g_autoptr(QgaWriter) writer = qga_writer_new(out);

    qga_writer_begin_object(writer);
    qga_writer_name(writer, "list");
    qga_writer_begin_array(writer);
    qga_writer_begin_object(writer);
    qga_writer_end_object(writer);
    qga_writer_begin_array(writer);
    qga_writer_end_array(writer);
    qga_writer_int(writer, -1);
    qga_writer_bool(writer, TRUE);
    qga_writer_string(writer, NULL);
    qga_writer_raw(writer, "1.50", 4);
    qga_writer_end_array(writer);
    qga_writer_member_string(writer, "left out", NULL);
    qga_writer_member_string(writer, "text", "a");
    qga_writer_member_int(writer, "int", G_MININT64);
    qga_writer_member_uint(writer, "uint", G_MAXUINT64);
    qga_writer_member_bool(writer, "bool", FALSE);
    qga_writer_member_double(writer, "double", 0.5);
    qga_writer_member_base64(writer, "data", "abcd", 4);
    qga_writer_end_object(writer);
    ck_assert_str_eq(out->str, "> {\"list\": [{}, [], -1, true, \"\", 1.50], \"text\": \"a\", "
                               "\"int\": -9223372036854775808, \"uint\": 18446744073709551615, "
                               "\"bool\": false, \"double\": 0.5, \"data\": \"YWJjZA==\"}");
}
END_TEST

static void check_string(const char *text, gsize length, const char *wanted)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaWriter) writer = qga_writer_new(out);

    qga_writer_string_length(writer, text, length);
    ck_assert_str_eq(out->str, wanted);
}

START_TEST(test_strings)
{
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1F\x7F", "\"\\u0001\\u001F\\u007F\""},
        {"\xC3\xA4\xE2\x82\xAC", "\"\\u00E4\\u20AC\""},
        {"\xF0\x9F\x98\x80", "\"\\uD83D\\uDE00\""},
        {"a\xFFz", "\"a\\uFFFDz\""},
        {"\xC3", "\"\\uFFFD\""},
        {"\xC3z", "\"\\uFFFDz\""},
        {"\xED\xA0\x80", "\"\\uFFFD\\uFFFD\\uFFFD\""},
        {"\xF0\x9F\x98", "\"\\uFFFD\\uFFFD\\uFFFD\""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        check_string(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    check_string("a\0b", 3, "\"a\\u0000b\"");
    check_string("\xC3\xA4", 1, "\"\\uFFFD\"");
}
END_TEST

START_TEST(test_doubles)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-3, "-3"},
        {100000, "100000"},
        {1e15, "1000000000000000"},
        {1e17, "100000000000000000"},
        {0.1, "0.1"},
        {-1.25, "-1.25"},
        {1.0 / 3, "0.3333333333333333"},
        {1e-7, "1e-07"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(QgaWriter) writer = qga_writer_new(out);

        qga_writer_double(writer, cases[i].value);
        ck_assert_str_eq(out->str, cases[i].text);
        ck_assert(g_ascii_strtod(out->str, NULL) == cases[i].value);
    }
}
END_TEST

START_TEST(test_no_number)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaWriter) writer = qga_writer_new(out);

    qga_writer_begin_array(writer);
    qga_writer_double(writer, NAN);
    qga_writer_double(writer, -INFINITY);
    qga_writer_double(writer, 1e300);
    qga_writer_end_array(writer);
    ck_assert(g_str_has_prefix(out->str, "[null, null, 1"));
    ck_assert_ptr_null(strchr(out->str, 'e'));
}
END_TEST

/* Pieces of any size give what the whole gives. */
START_TEST(test_base64_pieces)
{
    guint8 data[100];

    for (guint i = 0; i < sizeof(data); i++)
        data[i] = (guint8)(i * 7);
    for (gsize piece = 1; piece <= sizeof(data); piece++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(QgaWriter) writer = qga_writer_new(out);
        g_autofree char *base64 = g_base64_encode(data, sizeof(data));
        g_autofree char *wanted = g_strdup_printf("[\"%s\", 1]", base64);

        qga_writer_begin_array(writer);
        qga_writer_begin_base64(writer);
        for (gsize at = 0; at < sizeof(data); at += piece)
            qga_writer_base64_piece(writer, data + at, MIN(piece, sizeof(data) - at));
        qga_writer_base64_piece(writer, NULL, 0);
        qga_writer_end_base64(writer);
        qga_writer_int(writer, 1);
        qga_writer_end_array(writer);
        ck_assert_str_eq(out->str, wanted);
    }
}
END_TEST

START_TEST(test_reserve)
{
    g_autoptr(GString) out = g_string_new("x");
    g_autoptr(QgaWriter) writer = qga_writer_new(out);
    const char *buffer;

    qga_writer_reserve(writer, 100000);
    buffer = out->str;
    ck_assert_str_eq(out->str, "x");
    for (guint i = 0; i < 10000; i++)
        qga_writer_string(writer, "123456");
    ck_assert_ptr_eq(out->str, buffer);
}
END_TEST

START_TEST(test_values)
{
    static const char *const cases[][2] = {
        {"1.50", "1.50"},
        {"\"a\\u00e4\\/\"", "\"a\\u00e4\\/\""},
        {"{\"a\" : [ 1e5,null]}", "{\"a\" : [ 1e5,null]}"},
        {"[1,\r\n2]", "[1,  2]"},
        {"'it\"s \\u0000'", "\"it\\\"s \\u0000\""},
        {"[\"\xC3\xA4\",'\\'']", "[\"\\u00E4\",\"'\"]"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(QgaWriter) writer = qga_writer_new(out);
        const char *text = cases[i][0];

        qga_writer_value(writer, (QgaValue){text, text + strlen(text)});
        ck_assert_str_eq(out->str, cases[i][1]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("writer");
    TCase *tests = tcase_create("writer");

    tcase_add_test(tests, test_structure);
    tcase_add_test(tests, test_strings);
    tcase_add_test(tests, test_doubles);
    tcase_add_test(tests, test_no_number);
    tcase_add_test(tests, test_base64_pieces);
    tcase_add_test(tests, test_reserve);
    tcase_add_test(tests, test_values);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
