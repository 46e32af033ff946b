/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/scanner.h"
#include "tests/lib/memory.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#define PING "{\"execute\":\"guest-ping\"}"

/* Feeds the scanner, asking after every feed, and writes down what comes out: a line a text, a line
 * with '!' before it an error. */
static void feed_into(QgaScanner *scanner, const char *bytes, gsize count, GString *out)
{
    const char *text;
    gsize length;

    qga_scanner_feed(scanner, bytes, count);
    for (;;) {
        g_autoptr(GError) error = NULL;
        QgaScan found = qga_scanner_next(scanner, &text, &length, &error);

        if (found == QGA_SCAN_MORE)
            return;
        if (found == QGA_SCAN_TEXT) {
            ck_assert_ptr_null(error);
            g_string_append_len(out, text, (gssize)length);
        } else {
            ck_assert(error->domain == QGA_SCANNER_ERROR);
            g_string_append_printf(out, "!%s", error->message);
        }
        g_string_append_c(out, '\n');
    }
}

static char *scan_pieces(const char *bytes, gsize count, gsize piece)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);
    GString *out = g_string_new(NULL);

    for (gsize at = 0; at < count; at += piece)
        feed_into(scanner, bytes + at, MIN(piece, count - at), out);
    return g_string_free(out, FALSE);
}

static char *scan_text(const char *text)
{
    return scan_pieces(text, strlen(text), strlen(text));
}

static void check_valid(const char *text)
{
    g_autofree char *wanted = g_strdup_printf("%s\n", text);
    g_autofree char *spaced = g_strdup_printf(" \t\r\n%s \n", text);
    g_autofree char *found = scan_text(spaced);

    ck_assert_str_eq(found, wanted);
}

START_TEST(test_valid)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"a\":{}}",
        "[[],{},[{}]]",
        "{\"a\" : [ 1 , 2 ] ,\n\"b\"\t:\r\nnull }",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "10",
        "-1",
        "0.5",
        "-0.0",
        "1e5",
        "1E+5",
        "1e-05",
        "12.5e300",
        "123456789012345678901234567890",
        "1e999",
        "\"\"",
        "''",
        "\"a'b\"",
        "'a\"b'",
        "'a\\'b'",
        "'a\\\"b'",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\\u00e4\"",
        "\"\\ud83d\\ude00\\uD800\\uDC00\"",
        "\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"",
        "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"",
        "{\"a\":{\"a\":1,\"b\":[{\"a\":1},{\"a\":1}]},\"b\":{\"a\":1}}",
        "{\"\":1,\"a\":2,\"A\":3}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        check_valid(texts[i]);
}
END_TEST

static const struct {
    const char *text; /* no brace behind what is wrong */
    const char *error;
} broken[] = {
    {"}", "expecting value"},
    {"]", "expecting value"},
    {":", "expecting value"},
    {",", "expecting value"},
    {"{]", "expecting value"},
    {"[}", "expecting value"},
    {"{,}", "expecting value"},
    {"{:1}", "expecting value"},
    {"[,]", "expecting value"},
    {"[1,]", "expecting value"},
    {"[1,,2]", "expecting value"},
    {"{\"a\":}", "expecting value"},
    {"{\"a\":,}", "expecting value"},
    {"{\"a\":1,}", "expecting value"},
    {"{\"a\":[}", "expecting value"},
    {"{\"execute\":\"guest-ping\",}", "expecting value"},
    {"{1:2}", "key is not a string in object"},
    {"{true:2}", "key is not a string in object"},
    {"{[1]:2}", "key is not a string in object"},
    {"{\"a\"}", "missing : in object pair"},
    {"{\"a\",1}", "missing : in object pair"},
    {"{\"a\" 1}", "missing : in object pair"},
    {"{\"a\"]", "missing : in object pair"},
    {"{\"a\":1 2}", "expected separator in dict"},
    {"{\"a\":1:2}", "expected separator in dict"},
    {"{\"a\":1]", "expected separator in dict"},
    {"{\"a\":1a}", "expected separator in dict"},
    {"[1 2]", "expected separator in list"},
    {"[1}", "expected separator in list"},
    {"[1[2]]", "expected separator in list"},
    {"[\"a\" \"b\"]", "expected separator in list"},
    {"tru ", "invalid keyword 'tru'"},
    {"truee ", "invalid keyword 'truee'"},
    {"{\"a\":nul}", "invalid keyword 'nul'"},
    {"{nul:1}", "invalid keyword 'nul'"},
    {"{\"a\":NULL}", "stray 'N'"},
    {"{\"a\":@}", "stray '@'"},
    {"{\"a\":%d}", "stray '%'"},
    {"{\"a\":+1}", "stray '+'"},
    {"{\"a\":.5}", "stray '.'"},
    {"{\"a\":01}", "stray '01'"},
    {"{\"a\":-01}", "stray '-01'"},
    {"{\"a\":1.}", "stray '1.}'"},
    {"{\"a\":-}", "stray '-}'"},
    {"{\"a\":1e}", "stray '1e}'"},
    {"{\"a\":1e+}", "stray '1e+}'"},
    {"[0x10]", "expected separator in list"},
    {"// c\n", "stray '/'"},
    {"/* c */", "stray '/'"},
    {"\f", "stray '\f'"},
    {"{\"a\":\"x\ny\"}", "stray '\"x\n'"},
    {"{\"a\":\"x\ty\"}", "stray '\"x\t'"},
    {"{\"a\":'x\x1F'}", "stray ''x\x1F'"},
    {"{\"a\":\"\\q\"}", "invalid escape sequence in string"},
    {"{\"a\":\"\\'\"}", "invalid escape sequence in string"},
    {"{\"a\":\"\\x41\"}", "invalid escape sequence in string"},
    {"{\"a\":\"\\u12g4\"}", "\\u12g is not a valid Unicode character"},
    {"{\"a\":\"\\u12\"}", "\\u12\" is not a valid Unicode character"},
    {"{\"a\":\"\\ud800\"}", "\\ud800 is not a valid Unicode character"},
    {"{\"a\":\"\\ud800x\"}", "\\ud800 is not a valid Unicode character"},
    {"{\"a\":\"\\ud800\\n\"}", "\\ud800 is not a valid Unicode character"},
    {"{\"a\":\"\\ud800\\\"\"}", "\\ud800 is not a valid Unicode character"},
    {"{\"a\":\"\\ud800\\u0041\"}", "\\ud800 is not a valid Unicode character"},
    {"{\"a\":\"\\ud800\\ud800\"}", "\\ud800 is not a valid Unicode character"},
    {"{\"a\":\"\\udc00\"}", "\\udc00 is not a valid Unicode character"},
    {"{\"a\":\"\x80\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xC0\x80\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xC3(\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xC3\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xE0\x80\x80\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xED\xA0\x80\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xF0\x80\x80\x80\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xF4\x90\x80\x80\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xF5\x80\x80\x80\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":\"\xFE\"}", "invalid UTF-8 sequence in string"},
    {"{\"a\":1,\"a\":2}", "duplicate key"},
    {"{\"a\":1,'a':2}", "duplicate key"},
    {"{\"a\":1,\"\\u0061\":2}", "duplicate key"},
    {"{\"b\":[1,[\"c\"]],\"a\":[1],\"b\":2}", "duplicate key"},
    {"[{\"x\":{\"a\":1,\"a\":[]}}]", "duplicate key"},
    /* the first error of order is told, but one that loses the brackets before it */
    {"{\"a\":1,\"a\":2 3}", "duplicate key"},
    {"{\"a\":1 \"b\":@}", "stray '@'"},
};

/* Every broken text has one error, and the good text behind it is found, with a line break between
 * them or without. */
START_TEST(test_broken)
{
    for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autofree char *wanted =
            g_strdup_printf("!JSON parse error, %s\n" PING "\n", broken[i].error);
        g_autofree char *joined = g_strconcat(broken[i].text, PING, NULL);
        g_autofree char *lines = g_strconcat(broken[i].text, "\n", PING, NULL);
        g_autofree char *found_joined = scan_text(joined);
        g_autofree char *found_lines = scan_text(lines);

        ck_assert_str_eq(found_joined, wanted);
        ck_assert_str_eq(found_lines, wanted);
    }
}
END_TEST

/* What comes out does not depend on how the bytes came in. */
START_TEST(test_every_split)
{
    g_autoptr(GString) stream = g_string_new("{\"execute\": \"guest-sync\", 'id': 17}");
    g_autofree char *whole = NULL;

    g_string_append(stream, " 12 null\"a\\u00e4\\ud83d\\ude00\xC3\xA4\xF0\x9F\x98\x80\"[1.5e+3]");
    for (guint i = 0; i < G_N_ELEMENTS(broken); i++)
        g_string_append_printf(stream, "%s\n" PING, broken[i].text);
    g_string_append(stream, "{\"half\":\"\xFF" PING "12\xFFtru\xFF"
                            "\xFF\xFF[1,2\xFF 3 ");
    whole = scan_pieces(stream->str, stream->len, stream->len);
    ck_assert_str_eq(strrchr(g_strchomp(whole), '\n'), "\n3");
    for (gsize piece = 1; piece < 200; piece++) {
        g_autofree char *found = scan_pieces(stream->str, stream->len, piece);

        ck_assert_str_eq(g_strchomp(found), whole);
    }
    for (gsize split = 1; split < stream->len; split++) {
        g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);
        g_autoptr(GString) found = g_string_new(NULL);

        feed_into(scanner, stream->str, split, found);
        feed_into(scanner, stream->str + split, stream->len - split, found);
        ck_assert_str_eq(g_strchomp(found->str), whole);
    }
}
END_TEST

START_TEST(test_end_without_newline)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(scanner, PING PING, strlen(PING PING), out);
    ck_assert_str_eq(out->str, PING "\n" PING "\n");
    g_string_truncate(out, 0);
    feed_into(scanner, "12", 2, out);
    ck_assert_str_eq(out->str, "");
    feed_into(scanner, "3{}", 3, out);
    ck_assert_str_eq(out->str, "123\n{}\n");
}
END_TEST

START_TEST(test_forget)
{
    static const char *const halves[] = {
        "{",   "{\"a", "{\"a\":\"\\", "{\"a\":\"\\u00", "\"\xC3", "[1,2", "{\"a\":1 2",
        "tru", "-",    "12",          "true",           "",
    };

    for (guint i = 0; i < G_N_ELEMENTS(halves); i++) {
        g_autofree char *stream = g_strconcat(halves[i], "\xFF", PING, NULL);
        g_autofree char *found = scan_text(stream);

        ck_assert_str_eq(found, PING "\n");
    }
}
END_TEST

START_TEST(test_reset)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(scanner, "{\"a\":\"x", 7, out);
    qga_scanner_reset(scanner);
    feed_into(scanner, PING, strlen(PING), out);
    feed_into(scanner, "@", 1, out);
    qga_scanner_reset(scanner);
    feed_into(scanner, "1 ", 2, out);
    ck_assert_str_eq(out->str, PING "\n!JSON parse error, stray '@'\n1\n");
}
END_TEST

/* `count` times `text`, then `tail`. */
static GString *repeat(const char *text, gsize count, const char *tail)
{
    GString *out = g_string_new(NULL);

    for (gsize i = 0; i < count; i++)
        g_string_append(out, text);
    return g_string_append(out, tail);
}

START_TEST(test_depth)
{
    g_autoptr(GString) most = repeat("[", 1024, "");
    g_autoptr(GString) deep = repeat("[", 100000, PING);
    g_autofree char *found_deep = scan_pieces(deep->str, deep->len, deep->len);
    g_autofree char *found_most = NULL;

    for (guint i = 0; i < 1024; i++)
        g_string_append_c(most, ']');
    found_most = scan_text(most->str);
    ck_assert_str_eq(g_strchomp(found_most), most->str);
    ck_assert_str_eq(found_deep, "!JSON nesting depth limit exceeded\n" PING "\n");
}
END_TEST

START_TEST(test_depth_limit)
{
    QgaScannerLimits limits = {.max_depth = 2};
    g_autoptr(QgaScanner) scanner = qga_scanner_new(&limits);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(scanner, "[[]]\n[[[]]]\n{}", 14, out);
    ck_assert_str_eq(out->str, "[[]]\n!JSON nesting depth limit exceeded\n{}\n");
}
END_TEST

START_TEST(test_tokens)
{
    g_autoptr(GString) many = repeat("[],", 1 << 20, "1]\n" PING);
    g_autofree char *found = NULL;

    g_string_prepend_c(many, '[');
    found = scan_pieces(many->str, many->len, 65536);
    ck_assert_str_eq(found, "!JSON token count limit exceeded\n" PING "\n");
}
END_TEST

static const QgaScannerLimits small = {.max_message = 1000};

START_TEST(test_size)
{
    g_autoptr(GString) string = repeat("x", 998, "\"");
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaScanner) scanner = qga_scanner_new(&small);

    g_string_prepend_c(string, '"');
    feed_into(scanner, string->str, string->len, out);
    ck_assert_uint_eq(out->len, 1001);
    g_string_truncate(out, 0);
    g_string_insert_c(string, 1, 'x');
    feed_into(scanner, string->str, string->len, out);
    feed_into(scanner, PING, strlen(PING), out);
    ck_assert_str_eq(out->str, "!JSON message size limit exceeded (1000 bytes)\n" PING "\n");
}
END_TEST

/* One error for a message of any size, at once; its bytes are not kept; requests that stand in its
 * strings are never taken for requests; what follows its last brace is. */
START_TEST(test_oversize)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(&small);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(scanner, "{\"a\":{\"b\":'", 11, out);
    for (guint i = 0; i < 10000; i++) {
        feed_into(scanner, PING "\\'\\\\", strlen(PING) + 4, out);
        ck_assert_uint_le(qga_scanner_memory(scanner), 20000);
    }
    ck_assert_str_eq(out->str, "!JSON message size limit exceeded (1000 bytes)\n");
    feed_into(scanner, "'}}" PING, strlen(PING) + 3, out);
    ck_assert_str_eq(out->str, "!JSON message size limit exceeded (1000 bytes)\n" PING "\n");
}
END_TEST

START_TEST(test_oversize_resync)
{
    static const char *const ends[] = {"\n", "\xFF", "\"\n", "\"@\n"};

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autoptr(QgaScanner) scanner = qga_scanner_new(&small);
        g_autoptr(GString) string = repeat("x", 5000, ends[i]);
        g_autoptr(GString) out = g_string_new(NULL);

        g_string_prepend(string, "{\"a\":\"");
        g_string_append(string, PING);
        for (gsize at = 0; at < string->len; at++)
            feed_into(scanner, string->str + at, 1, out);
        /* A line break inside the string ends the line's request only with the next one. */
        if (i == 0)
            feed_into(scanner, "\n" PING, strlen(PING) + 1, out);
        ck_assert(g_str_has_prefix(out->str, "!JSON message size limit exceeded"));
        ck_assert_ptr_nonnull(strstr(out->str, "\n" PING "\n"));
        ck_assert_ptr_null(strchr(out->str + 1, '!'));
    }
}
END_TEST

START_TEST(test_memory)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);
    g_autoptr(GString) large = repeat("0123456789abcdef", 1 << 20, "\"]" PING "[");
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_prepend(large, "[\"");
    for (gsize at = 0; at < large->len; at += 65536)
        feed_into(scanner, large->str + at, MIN(65536, large->len - at), out);
    ck_assert_uint_eq(out->len, large->len + 1);
    ck_assert_uint_le(qga_scanner_memory(scanner), 16384);
    g_string_truncate(out, 0);
    feed_into(scanner, "]", 1, out);
    ck_assert_str_eq(out->str, "[]\n");
}
END_TEST

/* Many names, and many equal ones in many objects: each is looked at once. */
START_TEST(test_many_names)
{
    g_autoptr(GString) names = g_string_new("{");
    g_autofree char *found = NULL;
    g_autofree char *found_twice = NULL;

    for (guint i = 0; i < 100000; i++)
        g_string_append_printf(names, "\"n%u\":{\"a\":%u},", i, i);
    g_string_append(names, "\"last\":0}");
    found = scan_pieces(names->str, names->len, 4096);
    ck_assert_uint_eq(strlen(found), names->len + 1);
    g_string_truncate(names, names->len - 1);
    g_string_append(names, ",\"n50000\":0}");
    found_twice = scan_pieces(names->str, names->len, 4096);
    ck_assert_str_eq(found_twice, "!JSON parse error, duplicate key\n");
}
END_TEST

/* Random bytes and mutated requests, the same ones every time: nothing breaks, what comes out is
 * the same whatever the pieces, and a line break brings the next good request back. */
START_TEST(test_random)
{
    static const char seeds[] =
        "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":-12.5e3,"
        "'buf-b64':\"aGV\\u00e4\\ud83d\\ude00\xC3\xA4=\",\"x\":[true,null]},"
        "\"id\":{\"a\":[1,{}]}}";
    static const char marks[] = "{}[]:,\"'\\u\n 019-e.tfn\xFF\xC3\x01";
    g_autoptr(GRand) random = g_rand_new_with_seed(20240229);

    for (guint round = 0; round < 3000; round++) {
        g_autoptr(GString) bytes = g_string_new_len(seeds, (gssize)strlen(seeds));
        gint32 changes = g_rand_int_range(random, 0, 12);
        gsize piece = (gsize)g_rand_int_range(random, 1, 40);
        g_autofree char *whole = NULL;
        g_autofree char *pieces = NULL;

        for (gint32 i = 0; i < changes; i++) {
            gsize at = (gsize)g_rand_int_range(random, 0, (gint32)bytes->len);

            if (g_rand_boolean(random))
                bytes->str[at] = marks[g_rand_int_range(random, 0, sizeof(marks) - 1)];
            else if (g_rand_boolean(random))
                bytes->str[at] = (char)g_rand_int_range(random, 0, 256);
            else
                g_string_erase(bytes, (gssize)at, 1);
        }
        g_string_append(bytes, "\n\"\n" PING "\n" PING "\n");
        whole = scan_pieces(bytes->str, bytes->len, bytes->len);
        pieces = scan_pieces(bytes->str, bytes->len, piece);
        ck_assert_str_eq(pieces, whole);
        ck_assert(g_str_has_suffix(whole, PING "\n"));
    }
}
END_TEST

/* "Sesame-Oeffne-Dich-42", which stands nowhere in this program but where it is fed. */
#define TERCES "24-hciD-enffeO-emaseS"

/* Feeds a text that the secret is put into for '%', in pieces, and forgets it. */
static void feed_secret(QgaScanner *scanner, const char *text, gsize piece)
{
    gsize before = strcspn(text, "%"), length = strlen(text) + strlen(TERCES) - 1;
    g_autofree char *bytes = g_malloc(length);

    memcpy(bytes, text, before);
    for (gsize i = 0; i < strlen(TERCES); i++)
        bytes[before + i] = TERCES[strlen(TERCES) - 1 - i];
    memcpy(bytes + before + strlen(TERCES), text + before + 1, strlen(text) - before - 1);
    ck_assert(test_memory_holds(getpid(), TERCES));
    for (gsize at = 0; at < length; at += piece) {
        const char *found;
        gsize size;
        GError *error = NULL;

        qga_scanner_feed(scanner, bytes + at, MIN(piece, length - at));
        while (qga_scanner_next(scanner, &found, &size, &error) != QGA_SCAN_MORE)
            g_clear_error(&error);
    }
    explicit_bzero(bytes, length);
}

#define NO_SEARCH "valgrind keeps the registers, and what is in them, in memory"

/* Nothing is kept of a text that may have had a password in it. */
START_TEST(test_clears)
{
    g_autofree char *long_name = g_strnfill(50000, 'x');
    g_autofree char *long_text = g_strdup_printf("{\"%s\":\"%%\"}\n", long_name);
    const char *const texts[] = {
        "{\"a\":\"%\"}",    PING "{\"a\":\"%\"}" PING "\n", "{\"a\":\"%\"}\n" PING "\n{\"b",
        "{\"a\":[\"%\"}\n", "{\"a\":\"%\\x\",,}\n",         "{\"a\":1,\"a\":\"%\"}\n",
        long_text,
    };

    if (test_on_valgrind())
        TEST_SKIP(NO_SEARCH);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        for (gsize piece = 1; piece < 100000; piece *= 9) {
            g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);

            feed_secret(scanner, texts[i], piece);
            ck_assert_msg(!test_memory_holds(getpid(), TERCES), "%.40s by %zu", texts[i], piece);
        }
    }
}
END_TEST

/* Nor of one that has not ended when its client leaves. */
START_TEST(test_clears_on_reset)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);

    if (test_on_valgrind())
        TEST_SKIP(NO_SEARCH);
    feed_secret(scanner, "{\"a\":\"%\"", 1000);
    ck_assert(test_memory_holds(getpid(), TERCES));
    qga_scanner_reset(scanner);
    ck_assert(!test_memory_holds(getpid(), TERCES));
    feed_secret(scanner, "{\"a\":\"%\"", 1000);
    g_clear_pointer(&scanner, qga_scanner_free);
    ck_assert(!test_memory_holds(getpid(), TERCES));
}
END_TEST

/* Behind a large text the memory of it is given back with the next one's beginning in it. */
START_TEST(test_clears_behind_large)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);
    g_autofree char *large = g_strnfill(3 << 20, ' ');
    g_autofree char *text = g_strconcat("[\"", large, "\"]{\"a\":\"%\"", NULL);

    if (test_on_valgrind())
        TEST_SKIP(NO_SEARCH);
    feed_secret(scanner, text, 65536);
    feed_secret(scanner, "%}\n", 65536);
    ck_assert(!test_memory_holds(getpid(), TERCES));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scanner");
    TCase *tests = tcase_create("scanner");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_valid);
    tcase_add_test(tests, test_broken);
    tcase_add_test(tests, test_every_split);
    tcase_add_test(tests, test_end_without_newline);
    tcase_add_test(tests, test_forget);
    tcase_add_test(tests, test_reset);
    tcase_add_test(tests, test_depth);
    tcase_add_test(tests, test_depth_limit);
    tcase_add_test(tests, test_tokens);
    tcase_add_test(tests, test_size);
    tcase_add_test(tests, test_oversize);
    tcase_add_test(tests, test_oversize_resync);
    tcase_add_test(tests, test_memory);
    tcase_add_test(tests, test_many_names);
    tcase_add_test(tests, test_random);
    tcase_add_test(tests, test_clears);
    tcase_add_test(tests, test_clears_on_reset);
    tcase_add_test(tests, test_clears_behind_large);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
