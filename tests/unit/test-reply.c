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
    return qga_reply_new(id, id ? strlen(id) : 0, FALSE, FALSE, keep_line, out);
}

START_TEST(test_success)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) empty = new_reply(out, NULL);
    g_autoptr(QgaReply) value = new_reply(out, "1.50");

    ck_assert(!qga_reply_is_finished(empty));
    qga_reply_finish(empty);
    qga_writer_string(qga_reply_begin(value), "a\nb");
    qga_reply_finish(value);
    ck_assert_str_eq(out->str, "{\"return\": {}}\n|{\"return\": \"a\\nb\", \"id\": 1.50}\n|");
}
END_TEST

START_TEST(test_failure)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) begun = new_reply(out, "'x'");
    g_autoptr(QgaReply) unknown = new_reply(out, NULL);
    g_autoptr(QgaReply) error = new_reply(out, "{\"a\":\"\xC3\xA4\"}");

    qga_writer_begin_array(qga_reply_begin(begun));
    qga_reply_fail(begun, "handle '%d' has not been found", 5);
    qga_reply_fail_not_found(unknown, "The command %s has not been found", "\xFF");
    qga_reply_fail_error(error, g_error_new_literal(g_quark_from_string("test"), 0, "why"));
    ck_assert_str_eq(
        out->str,
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"handle '5' has not been found\"}, "
        "\"id\": \"x\"}\n|"
        "{\"error\": {\"class\": \"CommandNotFound\", "
        "\"desc\": \"The command \\uFFFD has not been found\"}}\n|"
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"why\"}, "
        "\"id\": {\"a\":\"\\u00E4\"}}\n|");
}
END_TEST

START_TEST(test_silent)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) good = qga_reply_new("1", 1, TRUE, FALSE, keep_line, out);
    g_autoptr(QgaReply) bad = qga_reply_new("1", 1, TRUE, FALSE, keep_line, out);

    qga_reply_finish(good);
    ck_assert_str_eq(out->str, "|");
    qga_reply_fail(bad, "no");
    ck_assert(g_str_has_prefix(out->str, "|{\"error\""));
}
END_TEST

START_TEST(test_sentinel)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) good = qga_reply_new(NULL, 0, FALSE, TRUE, keep_line, out);
    g_autoptr(QgaReply) bad = qga_reply_new(NULL, 0, FALSE, TRUE, keep_line, out);

    qga_writer_int(qga_reply_begin(good), 7);
    qga_reply_finish(good);
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
    qga_writer_begin_array(qga_reply_begin(reply));
    qga_reply_unref(reply);
    ck_assert(g_str_has_prefix(out->str, "{\"error\": {\"class\": \"GenericError\""));
    ck_assert(g_str_has_suffix(out->str, "\"id\": 3}\n|"));
}
END_TEST

/* A value of four parts, one a call. */
static gboolean write_more(QgaWriter *writer, gpointer data)
{
    guint *left = data;

    if (--*left > 0) {
        qga_writer_base64_piece(writer, "abcd", 4);
        return TRUE;
    }
    qga_writer_end_base64(writer);
    return FALSE;
}

static void count_free(gpointer data)
{
    *(guint *)data += 100;
}

START_TEST(test_pieces)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(QgaReply) reply = new_reply(out, "7");
    guint left = 4;

    qga_writer_begin_base64(qga_reply_begin(reply));
    qga_reply_finish_in_pieces(reply, write_more, &left, count_free);
    ck_assert(qga_reply_is_finished(reply));
    while (qga_reply_has_more(reply)) {
        GString *piece = qga_reply_next_piece(reply);

        g_string_append_printf(out, "%s|", piece->str);
        g_string_free(piece, TRUE);
    }
    ck_assert_str_eq(out->str, "{\"return\": \"|YWJj|ZGFi|Y2RhYmNk|\", \"id\": 7}\n|");
    ck_assert_uint_eq(left, 100);
}
END_TEST

/* Nobody reads the rest: what it was to be made of is freed all the same. */
START_TEST(test_pieces_dropped)
{
    g_autoptr(GString) out = g_string_new(NULL);
    QgaReply *reply = new_reply(out, NULL);
    guint left = 4;

    qga_writer_begin_base64(qga_reply_begin(reply));
    qga_reply_finish_in_pieces(reply, write_more, &left, count_free);
    qga_reply_unref(reply);
    ck_assert_uint_eq(left, 104);
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

    reply = qga_reply_new(NULL, 0, FALSE, FALSE, drop_reply, &reply);
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
    tcase_add_test(tests, test_pieces);
    tcase_add_test(tests, test_pieces_dropped);
    tcase_add_test(tests, test_dropped_when_done);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
