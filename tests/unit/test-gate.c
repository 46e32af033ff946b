/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/gate.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>

#define PING "{\"execute\":\"guest-ping\"}"
#define BAD_UNICODE "a \\u in a string is not a valid Unicode character"

static const char *const base64[] = {"password", "buf-b64", NULL};

static QgaGate *gate_new(const QgaGateLimits *limits)
{
    return qga_gate_new(limits, base64);
}

static void append_text(GString *out, const QgaText *text)
{
    g_string_append_len(out, text->json, (gssize)text->length);
    if (text->id)
        g_string_append_printf(out, " id=%s", text->id);
    for (guint i = 0; i < text->slice_count; i++)
        g_string_append_printf(out, " %s=%.*s", text->slices[i].name, (int)text->slices[i].length,
                               text->message + text->slices[i].start);
    for (guint i = 0; i < text->wide_count; i++)
        g_string_append_printf(out, " wide=%u", text->wide[i]);
    if (text->has_nul)
        g_string_append(out, " nul");
}

/* Feeds the gate, asking after every feed, and writes down what comes out: a line a text, a line
 * with '!' before it an error. */
static void feed_into(QgaGate *gate, const char *bytes, gsize count, GString *out)
{
    QgaText text;

    qga_gate_feed(gate, bytes, count);
    for (;;) {
        g_autoptr(GError) error = NULL;
        QgaGateResult found = qga_gate_next(gate, &text, &error);

        if (found == QGA_GATE_MORE)
            return;
        if (found == QGA_GATE_TEXT) {
            ck_assert_ptr_null(error);
            ck_assert_uint_eq(strlen(text.json), text.length);
            append_text(out, &text);
        } else {
            ck_assert(error->domain == QGA_GATE_ERROR_DOMAIN);
            g_string_append_printf(out, "!%s", error->message);
        }
        g_string_append_c(out, '\n');
    }
}

static char *scan_pieces(const char *bytes, gsize count, gsize piece)
{
    g_autoptr(QgaGate) gate = gate_new(NULL);
    GString *out = g_string_new(NULL);

    for (gsize at = 0; at < count; at += piece)
        feed_into(gate, bytes + at, MIN(piece, count - at), out);
    return g_string_free(out, FALSE);
}

static char *scan_text(const char *text)
{
    return scan_pieces(text, strlen(text), strlen(text));
}

static void check_text(const char *text, const char *expected)
{
    g_autofree char *wanted = g_strdup_printf("%s\n", expected);
    g_autofree char *spaced = g_strdup_printf(" \t\r\n%s \n", text);
    g_autofree char *found = scan_text(spaced);

    ck_assert_str_eq(found, wanted);
}

START_TEST(test_right_texts_come_out_as_they_are)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"a\":{}}",
        "[[],{},[{}]]",
        "null",
        "true",
        "false",
        "0",
        "10",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "\"\"",
        "\"a'b\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\uFFFF\\u00e4\"",
        "\"\\ud83d\\ude00\\uD800\\uDC00\"",
        "\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"",
        "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"",
        "{\"a\":{\"a\":1,\"b\":[{\"a\":1},{\"a\":1}]},\"b\":{\"a\":1}}",
        "{\"\":1,\"a\":2,\"A\":3}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        check_text(texts[i], texts[i]);
}
END_TEST

/* What json-glib's versions would read in different ways, or not at all. */
START_TEST(test_texts_are_written_anew)
{
    static const char *const cases[][2] = {
        {"{\"a\" : [ 1 , 2 ] ,\n\"b\"\t:\r\nnull }", "{\"a\":[1,2],\"b\":null}"},
        {"''", "\"\""},
        {"'a\"b'", "\"a\\\"b\""},
        {"'a\\'b'", "\"a'b\""},
        {"'a\\\"b\\\\'", "\"a\\\"b\\\\\""},
        {"'\xC3\xA4\\u00e4'", "\"\xC3\xA4\\u00e4\""},
        {"\"a\\u0000b\"", "\"a\\uFFFDb\" nul"},
        {"'\\u0000'", "\"\\uFFFD\" nul"},
        {"-0", "0"},
        {"[0.5,-0.0,1e5,1E+5,1e-05,12.5e300,1e999]", "[0.5,0.5,0.5,0.5,0.5,0.5,0.5]"},
        {"123456789012345678901234567890", "0.5"},
        {"18446744073709551616", "0.5"},
        {"-9223372036854775809", "0.5"},
        {"[0.5,18446744073709551615,9223372036854775808]",
         "[0.5,-1,-9223372036854775808] wide=1 wide=2"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        check_text(cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(test_the_id_keeps_its_letters)
{
    static const char *const ids[][2] = {
        {"0", "0"},
        {"-0", "-0"},
        {"1.50", "1.50"},
        {"1e5", "1e5"},
        {"18446744073709551616", "18446744073709551616"},
        {"null", "null"},
        {"\"\"", "\"\""},
        {"{\"a\" :[ 1.0,\"\\u00e4\"] }", "{\"a\" :[ 1.0,\"\\u00e4\"] }"},
        {"[1,\n\t'x']", "[1,  \"x\"]"},
        {"\"\\u0000\"", "\"\\u0000\""},
        {"\"a\\/b\"", "\"a\\/b\""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *text = g_strdup_printf("{\"id\" : %s ,\"a\":1}", ids[i][0]);
        g_autofree char *found = scan_text(text);
        g_autofree char *wanted = g_strdup_printf(",\"a\":1} id=%s\n", ids[i][1]);

        ck_assert_msg(g_str_has_suffix(found, wanted), "%s: %s", text, found);
    }
    check_text("{\"a\":{\"id\":7}}", "{\"a\":{\"id\":7}}");
    check_text("{\"\\u0069d\":7}", "{\"\\u0069d\":7} id=7");
}
END_TEST

START_TEST(test_base64_is_cut_out)
{
    static const char *const cases[][2] = {
        {"{\"arguments\":{\"password\":\"QUJD\"}}",
         "{\"arguments\":{\"password\":null}} password=QUJD"},
        {"{'arguments' : { 'x':1, 'buf-b64' : 'Q\\/ '} }",
         "{\"arguments\":{\"x\":1,\"buf-b64\":null}} buf-b64=Q\\/ "},
        {"{\"arg\\u0075ments\":{\"p\\u0061ssword\":\"QQ\"}}",
         "{\"arg\\u0075ments\":{\"p\\u0061ssword\":null}} password=QQ"},
        {"{\"arguments\":{\"password\":[\"QQ\"],\"a\":{\"password\":\"QQ\"}}}",
         "{\"arguments\":{\"password\":[\"QQ\"],\"a\":{\"password\":\"QQ\"}}}"},
        {"{\"password\":\"QQ\",\"a\":{\"password\":\"QQ\"}}",
         "{\"password\":\"QQ\",\"a\":{\"password\":\"QQ\"}}"},
        {"[\"arguments\",{\"password\":\"QQ\"}]", "[\"arguments\",{\"password\":\"QQ\"}]"},
        {"{\"arguments\":{\"password\":\"Q\",\"a\":\"b\"},\"b\":{\"a\":\"c\"}}",
         "{\"arguments\":{\"password\":null,\"a\":\"b\"},\"b\":{\"a\":\"c\"}} password=Q"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        check_text(cases[i][0], cases[i][1]);
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
    {"{\"a\":1 a}", "invalid keyword"},
    {"tru ", "invalid keyword"},
    {"truee ", "invalid keyword"},
    {"{\"a\":nul}", "invalid keyword"},
    {"{nul:1}", "invalid keyword"},
    {"{\"a\":NULL}", "invalid keyword"},
    {"{\"a\":@}", "stray '@'"},
    {"{\"a\":%d}", "stray '%'"},
    {"{\"a\":+1}", "invalid keyword"},
    {"{\"a\":.5}", "invalid keyword"},
    {"{\"a\":01}", "invalid keyword"},
    {"{\"a\":-01}", "invalid keyword"},
    {"{\"a\":1.}", "invalid keyword"},
    {"{\"a\":-}", "invalid keyword"},
    {"{\"a\":1e}", "invalid keyword"},
    {"{\"a\":1e+}", "invalid keyword"},
    {"[0x10]", "invalid keyword"},
    {"[NaN]", "invalid keyword"},
    {"// c\n", "stray '/'"},
    {"/* c */", "stray '/'"},
    {"\f", "stray '\f'"},
    {"{\"a\":\"x\ny\"}", "stray '\n'"},
    {"{\"a\":\"x\ty\"}", "stray '\t'"},
    {"{\"a\":'x\x1F'}", "stray '\x1F'"},
    {"{\"a\":\"\\q\"}", "invalid escape sequence in string"},
    {"{\"a\":\"\\'\"}", "invalid escape sequence in string"},
    {"{\"a\":\"\\x41\"}", "invalid escape sequence in string"},
    {"{\"a\":\"\\u12g4\"}", BAD_UNICODE},
    {"{\"a\":\"\\u12\"}", BAD_UNICODE},
    {"{\"a\":\"\\ud800\"}", BAD_UNICODE},
    {"{\"a\":\"\\ud800x\"}", BAD_UNICODE},
    {"{\"a\":\"\\ud800\\n\"}", BAD_UNICODE},
    {"{\"a\":\"\\ud800\\\"\"}", BAD_UNICODE},
    {"{\"a\":\"\\ud800\\u0041\"}", BAD_UNICODE},
    {"{\"a\":\"\\ud800\\ud800\"}", BAD_UNICODE},
    {"{\"a\":\"\\udc00\"}", BAD_UNICODE},
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
    {"{\"arguments\":{\"password\":\"\xFE\"}}", "invalid UTF-8 sequence in string"},
    {"[1[2]]", "expected separator"},
    {"{\"a\":\"b\"{}}", "expected separator"},
    {"{\"a\":nul,\"b\":\"\\q\",\"c\":@}", "invalid keyword"},
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

/* Tokens in the wrong place are json-glib's to refuse; the gate finds the end of the text. */
START_TEST(test_order_of_tokens_is_not_looked_at)
{
    static const char *const texts[] = {"{]",   "[}",     "{,}",     "{:1}",        "[,]",
                                        "[1,]", "[1,,2]", "{\"a\"}", "{\"a\":1:2}", "{1:2,[:]}"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *joined = g_strconcat(texts[i], PING, NULL);
        g_autofree char *wanted = g_strconcat(texts[i], "\n", PING, "\n", NULL);
        g_autofree char *found = scan_text(joined);

        ck_assert_str_eq(found, wanted);
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
        g_autoptr(QgaGate) gate = gate_new(NULL);
        g_autoptr(GString) found = g_string_new(NULL);

        feed_into(gate, stream->str, split, found);
        feed_into(gate, stream->str + split, stream->len - split, found);
        ck_assert_str_eq(g_strchomp(found->str), whole);
    }
}
END_TEST

/* As the packaged agent does. */
START_TEST(test_bracket_of_the_other_kind_ends_the_text)
{
    static const char *const texts[] = {"{]", "[}", "{\"a\":[{\"b\":1]]", "[[{}}"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *joined = g_strconcat(texts[i], PING, NULL);
        g_autofree char *wanted = g_strconcat(texts[i], "\n", PING, "\n", NULL);
        g_autofree char *found = scan_text(joined);

        ck_assert_str_eq(found, wanted);
    }
}
END_TEST

/* Of a request that was cut off, the line of the next one is lost, and no other. */
START_TEST(test_cut_off_text_ends_with_the_next_line)
{
    g_autofree char *found = scan_text("{\"a\":{\"b\":1\n" PING "\n" PING "\n");

    ck_assert_str_eq(found, "!JSON parse error, expected separator\n" PING "\n");
}
END_TEST

START_TEST(test_end_without_newline)
{
    g_autoptr(QgaGate) gate = gate_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(gate, PING PING, strlen(PING PING), out);
    ck_assert_str_eq(out->str, PING "\n" PING "\n");
    g_string_truncate(out, 0);
    feed_into(gate, "12", 2, out);
    ck_assert_str_eq(out->str, "");
    feed_into(gate, "3{}", 3, out);
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
    g_autoptr(QgaGate) gate = gate_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(gate, "{\"a\":\"x", 7, out);
    qga_gate_reset(gate);
    feed_into(gate, PING, strlen(PING), out);
    feed_into(gate, "@", 1, out);
    qga_gate_reset(gate);
    feed_into(gate, "1 ", 2, out);
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
    QgaGateLimits limits = {.max_depth = 2};
    g_autoptr(QgaGate) gate = gate_new(&limits);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(gate, "[[]]\n[[[]]]\n{}", 14, out);
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

static const QgaGateLimits small = {.max_message = 1000};

START_TEST(test_size)
{
    g_autoptr(GString) string = repeat("x", 998, "\"");
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaGate) gate = gate_new(&small);

    g_string_prepend_c(string, '"');
    feed_into(gate, string->str, string->len, out);
    ck_assert_uint_eq(out->len, 1001);
    g_string_truncate(out, 0);
    g_string_insert_c(string, 1, 'x');
    feed_into(gate, string->str, string->len, out);
    feed_into(gate, PING, strlen(PING), out);
    ck_assert_str_eq(out->str, "!JSON message size limit exceeded (1000 bytes)\n" PING "\n");
}
END_TEST

/* One error for a message of any size, at once; its bytes are not kept; requests that stand in its
 * strings are never taken for requests; what follows its last brace is. */
START_TEST(test_oversize)
{
    g_autoptr(QgaGate) gate = gate_new(&small);
    g_autoptr(GString) out = g_string_new(NULL);

    feed_into(gate, "{\"a\":{\"b\":'", 11, out);
    for (guint i = 0; i < 10000; i++) {
        feed_into(gate, PING "\\'\\\\", strlen(PING) + 4, out);
        ck_assert_uint_le(qga_gate_memory(gate), 20000);
    }
    ck_assert_str_eq(out->str, "!JSON message size limit exceeded (1000 bytes)\n");
    feed_into(gate, "'}}" PING, strlen(PING) + 3, out);
    ck_assert_str_eq(out->str, "!JSON message size limit exceeded (1000 bytes)\n" PING "\n");
}
END_TEST

START_TEST(test_oversize_resync)
{
    static const char *const ends[] = {"\n", "\xFF", "\"\n", "\"@\n"};

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autoptr(QgaGate) gate = gate_new(&small);
        g_autoptr(GString) string = repeat("x", 5000, ends[i]);
        g_autoptr(GString) out = g_string_new(NULL);

        g_string_prepend(string, "{\"a\":\"");
        g_string_append(string, PING);
        for (gsize at = 0; at < string->len; at++)
            feed_into(gate, string->str + at, 1, out);
        /* A line break inside the string ends the line's request only with the next one. */
        if (i == 0)
            feed_into(gate, "\n" PING, strlen(PING) + 1, out);
        ck_assert(g_str_has_prefix(out->str, "!JSON message size limit exceeded"));
        ck_assert_ptr_nonnull(strstr(out->str, "\n" PING "\n"));
        ck_assert_ptr_null(strchr(out->str + 1, '!'));
    }
}
END_TEST

START_TEST(test_memory)
{
    g_autoptr(QgaGate) gate = gate_new(NULL);
    g_autoptr(GString) large = repeat("0123456789abcdef", 1 << 20, "\"}}" PING "[");
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_prepend(large, "{\"arguments\":{\"buf-b64\":\"");
    for (gsize at = 0; at < large->len; at += 65536)
        feed_into(gate, large->str + at, MIN(65536, large->len - at), out);
    ck_assert_uint_gt(out->len, 16 << 20);
    ck_assert_uint_le(qga_gate_memory(gate), 20000);
    g_string_truncate(out, 0);
    feed_into(gate, "]", 1, out);
    ck_assert_str_eq(out->str, "[]\n");
}
END_TEST

START_TEST(test_members)
{
    g_autoptr(GString) most = g_string_new("[{\"n\":0");
    g_autoptr(GString) more = g_string_new("{\"n\":[{},{\"a\":1}]");
    g_autofree char *found_most = NULL;
    g_autofree char *found_more = NULL;

    for (guint i = 1; i < QGA_GATE_MAX_MEMBERS; i++)
        g_string_append_printf(most, ",\"n%u\":0", i);
    g_string_append(most, "},{\"n\":0}]");
    for (guint i = 1; i < 300000; i++)
        g_string_append_printf(more, ",\"n%u\":{}", i);
    g_string_append(more, "}" PING);
    found_most = scan_pieces(most->str, most->len, 4096);
    ck_assert_str_eq(g_strchomp(found_most), most->str);
    found_more = scan_pieces(more->str, more->len, 4096);
    ck_assert_str_eq(found_more, "!JSON object member count limit exceeded\n" PING "\n");
}
END_TEST

START_TEST(test_strings_that_are_no_base64_are_bounded)
{
    g_autofree char *fits = g_strnfill((1 << 20) - 2, 'x');
    g_autofree char *base64_text =
        g_strdup_printf("{\"arguments\":{\"buf-b64\":\"%s%s\"}}", fits, fits);
    g_autofree char *most = g_strdup_printf("{\"arguments\":{\"a\":\"%s\"}}", fits);
    g_autofree char *more = g_strdup_printf("{\"arguments\":{\"a\":\"%sxx\"}}" PING, fits);
    g_autofree char *found_base64 = scan_pieces(base64_text, strlen(base64_text), 65536);
    g_autofree char *found_most = scan_pieces(most, strlen(most), 65536);
    g_autofree char *found_more = scan_pieces(more, strlen(more), 65536);

    ck_assert(g_str_has_prefix(found_base64, "{\"arguments\":{\"buf-b64\":null}} buf-b64=xx"));
    ck_assert(strcmp(g_strchomp(found_most), most) == 0);
    ck_assert_str_eq(found_more, "!JSON string size limit exceeded (1 MiB)\n" PING "\n");
}
END_TEST

/* What json-glib gets is bounded, not only each string of it. */
START_TEST(test_text_beside_base64_is_bounded)
{
    g_autofree char *string = g_strnfill(1000000, 'x');
    g_autoptr(GString) text = g_string_new("[0");
    g_autofree char *found = NULL;

    for (guint i = 0; i < 9; i++)
        g_string_append_printf(text, ",\"%s\"", string);
    g_string_append(text, "]" PING);
    found = scan_pieces(text->str, text->len, 65536);
    ck_assert_str_eq(found, "!JSON message size limit exceeded (8388608 bytes)\n" PING "\n");
    g_free(found);
    g_string_printf(text, "{\"id\":[0%*s]}" PING, 9000000, "");
    found = scan_pieces(text->str, text->len, 65536);
    ck_assert_str_eq(found, "!JSON message size limit exceeded (8388608 bytes)\n" PING "\n");
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

int main(void)
{
    Suite *suite = suite_create("gate");
    TCase *tests = tcase_create("gate");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_right_texts_come_out_as_they_are);
    tcase_add_test(tests, test_texts_are_written_anew);
    tcase_add_test(tests, test_the_id_keeps_its_letters);
    tcase_add_test(tests, test_base64_is_cut_out);
    tcase_add_test(tests, test_broken);
    tcase_add_test(tests, test_order_of_tokens_is_not_looked_at);
    tcase_add_test(tests, test_bracket_of_the_other_kind_ends_the_text);
    tcase_add_test(tests, test_cut_off_text_ends_with_the_next_line);
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
    tcase_add_test(tests, test_members);
    tcase_add_test(tests, test_strings_that_are_no_base64_are_bounded);
    tcase_add_test(tests, test_text_beside_base64_is_bounded);
    tcase_add_test(tests, test_random);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
