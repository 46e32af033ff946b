/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/base64.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>

/* GLib's own coder is the judge. */
START_TEST(test_encode)
{
    g_autofree guint8 *data = g_malloc(40000);

    for (gsize i = 0; i < 40000; i++)
        data[i] = (guint8)(i * 2654435761u >> 7);
    for (gsize length = 0; length < 40000; length += length < 70 ? 1 : 1999) {
        gsize size = qga_base64_encoded_length(length);
        g_autofree char *found = g_malloc(size + 1);
        g_autofree char *wanted = g_base64_encode(data, length);

        found[size] = '\0';
        qga_base64_encode(data, length, found);
        ck_assert_int_eq(found[size], '\0');
        ck_assert_str_eq(found, wanted);
    }
}
END_TEST

START_TEST(test_there_and_back)
{
    guint8 data[257], back[300];
    char text[400];

    for (guint i = 0; i < sizeof(data); i++)
        data[i] = (guint8)(255 - i);
    for (gsize length = 0; length <= sizeof(data); length++) {
        gsize decoded;

        qga_base64_encode(data, length, text);
        ck_assert(qga_base64_decode(text, qga_base64_encoded_length(length), back, &decoded));
        ck_assert_uint_eq(decoded, length);
        ck_assert_mem_eq(back, data, length);
    }
}
END_TEST

START_TEST(test_decode)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"YQ==", "a"},
        {"YWI=", "ab"},
        {"YWJj", "abc"},
        {"YR==", "a"},
        {" Y\tW\r\nJ j ", "abc"},
        {"YWJjZGVm\nZ2hp\n", "abcdefghi"},
        {"Y Q = =", "a"},
        {"YQ", "a"},
        {"YQ=", "a"},
        {"YWI", "ab"},
        {"YQ==YWI=YWJj", "aababc"},
        {"+/+/", "\xFB\xFF\xBF"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint8 out[64];
        gsize decoded;

        ck_assert_msg(qga_base64_decode(cases[i][0], strlen(cases[i][0]), out, &decoded), "%s",
                      cases[i][0]);
        ck_assert_uint_eq(decoded, strlen(cases[i][1]));
        ck_assert_mem_eq(out, cases[i][1], decoded);
    }
}
END_TEST

START_TEST(test_refuse)
{
    static const char *const texts[] = {
        "!",    "!!!!", "a",     "YWJjY", "=",      "====",
        "Y===", "YQ=a", "YWJj=", "YW-_",  "YWJj\v", "YWJj\x80",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        guint8 out[64];
        gsize decoded;

        ck_assert_msg(!qga_base64_decode(texts[i], strlen(texts[i]), out, &decoded), "%s",
                      texts[i]);
    }
}
END_TEST

/* Every character at every place of a text that is long enough for decoding many at once. */
START_TEST(test_each_character)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const gsize size = 64;

    for (gsize place = 0; place < size; place++) {
        for (guint c = 1; c < 256; c++) {
            g_autofree char *text = g_strdup(digits);
            g_autofree guint8 *out = g_malloc(size / 4 * 3 + 3);
            gsize decoded, wanted_length;
            gboolean good;

            if (strchr(" \t\r\n=", (int)c))
                continue;
            text[place] = (char)c;
            good = qga_base64_decode(text, size, out, &decoded);
            ck_assert_msg(good == (strchr(digits, (int)c) != NULL), "%u at %zu", c, place);
            if (good) {
                g_autofree guchar *wanted = g_base64_decode(text, &wanted_length);

                ck_assert_uint_eq(decoded, wanted_length);
                ck_assert_mem_eq(out, wanted, decoded);
            }
        }
    }
}
END_TEST

/* Pieces of any size, wherever they cut a group, give what the whole gives. */
START_TEST(test_pieces)
{
    static const char text[] = "YW Jj\nYQ==YWI=\r\nWFla";
    gsize size = strlen(text);

    for (gsize piece = 1; piece <= size; piece++) {
        QgaBase64Decoder decoder = {0};
        guint8 out[64];
        gsize length = 0, count;

        for (gsize at = 0; at < size; at += piece) {
            ck_assert(qga_base64_decode_piece(&decoder, text + at, MIN(piece, size - at),
                                              out + length, &count));
            ck_assert_uint_le(count, MIN(piece, size - at) / 4 * 3 + 3);
            length += count;
        }
        ck_assert(qga_base64_decode_end(&decoder, out + length, &count));
        ck_assert_uint_eq(count, 0);
        ck_assert_uint_eq(length, 9);
        ck_assert_mem_eq(out, "abcaabXYZ", 9);
    }
}
END_TEST

START_TEST(test_pieces_end)
{
    QgaBase64Decoder open = {0}, single = {0};
    guint8 out[8];
    gsize count;

    ck_assert(qga_base64_decode_piece(&open, "YWI", 3, out, &count));
    ck_assert_uint_eq(count, 0);
    ck_assert(qga_base64_decode_end(&open, out, &count));
    ck_assert_uint_eq(count, 2);
    ck_assert_mem_eq(out, "ab", 2);
    ck_assert(qga_base64_decode_piece(&single, "Y", 1, out, &count));
    ck_assert(!qga_base64_decode_end(&single, out, &count));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base64");
    TCase *tests = tcase_create("base64");

    tcase_add_test(tests, test_encode);
    tcase_add_test(tests, test_there_and_back);
    tcase_add_test(tests, test_decode);
    tcase_add_test(tests, test_refuse);
    tcase_add_test(tests, test_each_character);
    tcase_add_test(tests, test_pieces);
    tcase_add_test(tests, test_pieces_end);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
