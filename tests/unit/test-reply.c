/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/reply.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>

static void keep_line(QgaReply *reply, GString *line, gpointer data)
{
    GString *out = data;

    ck_assert(qga_reply_is_finished(reply));
    g_string_append_printf(out, "%s|", line->str);
    g_string_free(line, TRUE);
}

static QgaReply *new_reply(GString *out, const char *id)
{
    return qga_reply_new(id, FALSE, FALSE, keep_line, out);
}

START_TEST(test_success)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) empty = new_reply(out, NULL);
    g_autoptr(QgaReply) value = new_reply(out, "1.50");

    ck_assert(!qga_reply_is_finished(empty));
    qga_reply_finish(empty);
    qga_reply_return(value, json_node_init_string(json_node_alloc(), "a\nb"));
    ck_assert_str_eq(out->str, "{\"return\": {}}\n|{\"return\": \"a\\nb\", \"id\": 1.50}\n|");
}
END_TEST

START_TEST(test_failure)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) begun = new_reply(out, "\"x\"");
    g_autoptr(QgaReply) unknown = new_reply(out, NULL);
    g_autoptr(QgaReply) error = new_reply(out, "{\"a\":\"\xC3\xA4\"}");

    qga_reply_fail(begun, "handle '%d' has not been found", 5);
    qga_reply_fail_not_found(unknown, "The command %s has not been found", "\xFF");
    qga_reply_fail_error(error, g_error_new_literal(g_quark_from_string("test"), 0, "why"));
    ck_assert_str_eq(
        out->str,
        "{\"error\": {\"class\":\"GenericError\",\"desc\":\"handle '5' has not been found\"}, "
        "\"id\": \"x\"}\n|"
        "{\"error\": {\"class\":\"CommandNotFound\","
        "\"desc\":\"The command \\uFFFD has not been found\"}}\n|"
        "{\"error\": {\"class\":\"GenericError\",\"desc\":\"why\"}, "
        "\"id\": {\"a\":\"\\u00E4\"}}\n|");
}
END_TEST

START_TEST(test_silent)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) good = qga_reply_new("1", TRUE, FALSE, keep_line, out);
    g_autoptr(QgaReply) bad = qga_reply_new("1", TRUE, FALSE, keep_line, out);

    qga_reply_finish(good);
    ck_assert_str_eq(out->str, "|");
    qga_reply_fail(bad, "no");
    ck_assert(g_str_has_prefix(out->str, "|{\"error\""));
}
END_TEST

START_TEST(test_sentinel)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) good = qga_reply_new(NULL, FALSE, TRUE, keep_line, out);
    g_autoptr(QgaReply) bad = qga_reply_new(NULL, FALSE, TRUE, keep_line, out);

    qga_reply_return_int(good, 7);
    ck_assert_str_eq(out->str, "\xFF{\"return\": 7}\n|");
    g_string_truncate(out, 0);
    qga_reply_fail(bad, "no");
    ck_assert_int_eq((guint8)out->str[0], 0xFF);
    ck_assert_ptr_null(strchr(out->str + 1, '\xFF'));
}
END_TEST

/* Every request gets its answer, whatever becomes of its handler. */
START_TEST(test_dropped)
{
    g_autoptr(GString) out = g_string_new(NULL);
    QgaReply *reply = new_reply(out, "3");

    qga_reply_ref(reply);
    qga_reply_unref(reply);
    ck_assert_str_eq(out->str, "");
    qga_reply_unref(reply);
    ck_assert(g_str_has_prefix(out->str, "{\"error\": {\"class\":\"GenericError\""));
    ck_assert(g_str_has_suffix(out->str, "\"id\": 3}\n|"));
}
END_TEST

/* Two large members, of so many bytes, and what stands beside them. */
typedef struct {
    gsize sizes[2];
    gsize at;
    guint member;
    gboolean alone;
    guint freed;
} Large;

static const char *large_next(gpointer data)
{
    Large *large = data;

    large->at = 0;
    return large->member == 2 ? NULL : large->member++ == 0 ? "first" : "second";
}

static gsize large_read(guint8 *bytes, gsize size, gpointer data)
{
    Large *large = data;
    gsize count = MIN(size, large->sizes[large->member - 1] - large->at);

    for (gsize i = 0; i < count; i++)
        bytes[i] = (guint8)((large->at + i) * 2654435761u >> 7);
    large->at += count;
    return count;
}

static JsonObject *large_rest(gpointer data)
{
    const Large *large = data;
    JsonObject *object = json_object_new();

    if (!large->alone)
        json_object_set_int_member(object, "count", (gint64)large->sizes[1]);
    return object;
}

static void large_free(gpointer data)
{
    ((Large *)data)->freed++;
}

static const QgaReplySource large_source = {large_next, large_read, large_rest, large_free};

static void drain(QgaReply *reply, GString *out)
{
    while (qga_reply_has_more(reply)) {
        GString *piece = qga_reply_next_piece(reply);

        ck_assert_uint_lt(piece->len, 65536);
        g_string_append_len(out, piece->str, (gssize)piece->len);
        g_string_free(piece, TRUE);
    }
}

/* GLib's own coder is the judge. */
static void append_base64(GString *out, gsize size)
{
    Large large = {.sizes = {size}, .member = 1};
    g_autofree guint8 *bytes = g_malloc(size + 1);
    g_autofree char *text = NULL;

    large_read(bytes, size, &large);
    text = g_base64_encode(bytes, size);
    g_string_append(out, text);
}

START_TEST(test_stream)
{
    static const gsize sizes[] = {0, 1, 2, 3, 4, 46079, 46080, 46081, 200000};

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(GString) wanted = g_string_new("{\"return\": {\"first\":\"");
        QgaReply *reply = new_reply(out, "7");
        Large large = {.sizes = {sizes[i], 5}, .alone = i % 2 == 1};

        qga_reply_stream(reply, &large_source, &large);
        ck_assert(qga_reply_is_finished(reply));
        ck_assert_str_eq(out->str, "{\"return\": {|");
        g_string_truncate(out, out->len - 1);
        drain(reply, out);
        append_base64(wanted, sizes[i]);
        g_string_append(wanted, "\",\"second\":\"");
        append_base64(wanted, 5);
        g_string_append(wanted,
                        large.alone ? "\"}, \"id\": 7}\n" : "\",\"count\":5}, \"id\": 7}\n");
        ck_assert_str_eq(out->str, wanted->str);
        ck_assert_uint_eq(large.freed, 1);
        qga_reply_unref(reply);
        ck_assert_uint_eq(large.freed, 1);
    }
}
END_TEST

START_TEST(test_stream_without_a_large_member)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) reply = new_reply(out, NULL);
    Large large = {.member = 2};

    qga_reply_stream(reply, &large_source, &large);
    g_string_truncate(out, out->len - 1);
    drain(reply, out);
    ck_assert_str_eq(out->str, "{\"return\": {\"count\":0}}\n");
}
END_TEST

/* Nobody reads the rest: what it was to be made of is freed all the same. */
START_TEST(test_stream_dropped)
{
    g_autoptr(GString) out = g_string_new(NULL);
    QgaReply *reply = new_reply(out, NULL);
    Large large = {.sizes = {100000, 1}};

    qga_reply_stream(reply, &large_source, &large);
    g_string_free(qga_reply_next_piece(reply), TRUE);
    g_string_free(qga_reply_next_piece(reply), TRUE);
    qga_reply_unref(reply);
    ck_assert_uint_eq(large.freed, 1);
}
END_TEST

/* Whatever bytes a string of the system has, the line is ASCII and one line. */
START_TEST(test_ascii)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) reply = new_reply(out, "[\"\xC3\xA4\"]");
    g_autofree char *expected = NULL;
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "a", "\x01\x1F\x7F\"\\/\b\f\n\r\t");
    json_object_set_string_member(object, "b", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    json_object_set_string_member(object, "c", "\xC3(\xFF\xED\xA0\x80");
    qga_json_set_string(object, "d", NULL);
    qga_json_set_uint(object, "e", G_MAXUINT64);
    json_object_set_string_member(object, "+f", "x");
    json_object_set_string_member(object, "g", "+1");
    json_object_set_string_member(object, "h", "+\":\"1");
    qga_reply_return_object(reply, object);
    /* json-glib's versions write digits in letters of either case */
    g_string_ascii_up(out);
    expected = g_ascii_strup(
        "{\"return\": {\"a\":\"\\u0001\\u001F\\u007f\\\"\\\\/\\b\\f\\n\\r\\t\","
        "\"b\":\"\\u00E4\\u20AC\\uD83D\\uDE00\","
        "\"c\":\"\\uFFFD(\\uFFFD\\uFFFD\\uFFFD\\uFFFD\","
        "\"e\":18446744073709551615,\"+f\":\"x\",\"g\":\"+1\",\"h\":\"+\\\":\\\"1\"}, "
        "\"id\": [\"\\u00E4\"]}\n|",
        -1);
    ck_assert_str_eq(out->str, expected);
}
END_TEST

static void drop_reply(QgaReply *reply, GString *line, gpointer data)
{
    QgaReply **owned = data;

    g_string_free(line, TRUE);
    g_clear_pointer(owned, qga_reply_unref);
}

START_TEST(test_dropped_when_done)
{
    QgaReply *reply = NULL;

    reply = qga_reply_new(NULL, FALSE, FALSE, drop_reply, &reply);
    qga_reply_finish(reply);
    ck_assert_ptr_null(reply);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply");
    TCase *tests = tcase_create("reply");

    tcase_add_test(tests, test_success);
    tcase_add_test(tests, test_failure);
    tcase_add_test(tests, test_silent);
    tcase_add_test(tests, test_sentinel);
    tcase_add_test(tests, test_dropped);
    tcase_add_test(tests, test_stream);
    tcase_add_test(tests, test_stream_without_a_large_member);
    tcase_add_test(tests, test_stream_dropped);
    tcase_add_test(tests, test_ascii);
    tcase_add_test(tests, test_dropped_when_done);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
