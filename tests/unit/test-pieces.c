/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies that go out in pieces. */
#include "agent/policy.h"
#include "agent/session.h"
#include "tests/lib/suite.h"

#include <string.h>

#define SIZE 500000

/* A client that takes one piece, then is full until it is told to go on. */
typedef struct {
    GString *sent;
    gboolean full;
    guint freed;
} Client;

static void client_send(GString *line, gpointer data)
{
    Client *client = data;

    g_string_append_len(client->sent, line->str, (gssize)line->len);
    client->full = TRUE;
    g_string_free(line, TRUE);
}

static gboolean client_is_full(gpointer data)
{
    return ((Client *)data)->full;
}

static void client_set_reading(gboolean reading, gpointer data)
{
}

static void client_finished(gpointer data)
{
}

static const FirnSessionWay way = {client_send, client_is_full, client_set_reading,
                                   client_finished};

typedef struct {
    gsize left;
    gboolean named;
    guint *freed;
} Source;

static const char *source_next(gpointer data)
{
    Source *source = data;
    gboolean named = source->named;

    source->named = TRUE;
    return named ? NULL : "data";
}

static gsize source_read(guint8 *bytes, gsize size, gpointer data)
{
    Source *source = data;
    gsize count = MIN(size, source->left);

    memset(bytes, 'a', count);
    source->left -= count;
    return count;
}

static JsonObject *source_rest(gpointer data)
{
    return json_object_new();
}

static void source_free(gpointer data)
{
    (*((Source *)data)->freed)++;
    g_free(data);
}

static void handle_large(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    static const QgaReplySource way_out = {source_next, source_read, source_rest, source_free};
    Source *source = g_new(Source, 1);

    *source = (Source){SIZE, FALSE, data};
    qga_reply_stream(reply, &way_out, source);
}

static void handle_sync(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_reply_return(reply, json_node_init_string(json_node_alloc(), "sync"));
}

static const QgaCommand rows[] = {
    {"large", NULL, NULL, "Answers in pieces.", QGA_COMMAND_NONE, handle_large},
    {"sync", NULL, NULL, "Answers at once.", QGA_COMMAND_SYNC, handle_sync},
};

typedef struct {
    Client client;
    FirnConfig *config;
    QgaCommands *commands;
    FirnPolicy *policy;
    FirnSession *session;
} Fixture;

static void fixture_open(Fixture *fixture)
{
    *fixture = (Fixture){.client.sent = g_string_new(NULL)};
    fixture->config = firn_config_new();
    fixture->commands = qga_commands_new();
    qga_commands_add(fixture->commands, rows, G_N_ELEMENTS(rows), &fixture->client.freed, NULL);
    fixture->policy = firn_policy_new(fixture->config, NULL);
    fixture->session = firn_session_new(fixture->commands, fixture->policy, &way, &fixture->client);
}

static void fixture_close(Fixture *fixture)
{
    firn_session_free(fixture->session);
    firn_policy_free(fixture->policy);
    firn_config_free(fixture->config);
    qga_commands_free(fixture->commands);
    g_string_free(fixture->client.sent, TRUE);
}

static void feed(Fixture *fixture, const char *text)
{
    firn_session_feed(fixture->session, text, strlen(text));
}

/* Takes pieces until nothing more comes. */
static void drain(Fixture *fixture)
{
    while (fixture->client.full) {
        fixture->client.full = FALSE;
        firn_session_advance(fixture->session);
    }
}

static char *expected_large(void)
{
    g_autofree char *bytes = g_strnfill(SIZE, 'a');
    g_autofree char *text = g_base64_encode((const guchar *)bytes, SIZE);

    return g_strdup_printf("{\"return\": {\"data\":\"%s\"}}\n", text);
}

START_TEST(test_reply_in_pieces)
{
    g_autofree char *expected = expected_large();
    Fixture fixture;

    fixture_open(&fixture);
    feed(&fixture, "{\"execute\":\"large\"}");
    ck_assert_uint_lt(fixture.client.sent->len, strlen(expected));
    ck_assert_uint_eq(fixture.client.freed, 0);
    drain(&fixture);
    ck_assert_str_eq(fixture.client.sent->str, expected);
    ck_assert_uint_eq(fixture.client.freed, 1);
    fixture_close(&fixture);
}
END_TEST

START_TEST(test_sync_behind_half_a_reply)
{
    g_autofree char *large = expected_large();
    g_autofree char *expected = g_strconcat(large, "{\"return\": \"sync\"}\n", NULL);
    Fixture fixture;

    fixture_open(&fixture);
    feed(&fixture, "{\"execute\":\"large\"}");
    feed(&fixture, "{\"execute\":\"sync\"}");
    drain(&fixture);
    ck_assert_str_eq(fixture.client.sent->str, expected);
    fixture_close(&fixture);
}
END_TEST

START_TEST(test_client_leaves_half_a_reply)
{
    Fixture fixture;

    fixture_open(&fixture);
    feed(&fixture, "{\"execute\":\"large\"}");
    ck_assert(!firn_session_cut(fixture.session));
    firn_session_left(fixture.session);
    ck_assert_uint_eq(fixture.client.freed, 1);
    g_string_truncate(fixture.client.sent, 0);
    drain(&fixture);
    feed(&fixture, "{\"execute\":\"sync\"}");
    drain(&fixture);
    ck_assert_str_eq(fixture.client.sent->str, "{\"return\": \"sync\"}\n");
    fixture_close(&fixture);
}
END_TEST

START_TEST(test_agent_ends_in_half_a_reply)
{
    Fixture fixture;

    fixture_open(&fixture);
    feed(&fixture, "{\"execute\":\"large\"}");
    firn_session_free(g_steal_pointer(&fixture.session));
    ck_assert_uint_eq(fixture.client.freed, 1);
    fixture_close(&fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pieces");
    TCase *tests = tcase_create("pieces");

    tcase_add_test(tests, test_reply_in_pieces);
    tcase_add_test(tests, test_sync_behind_half_a_reply);
    tcase_add_test(tests, test_client_leaves_half_a_reply);
    tcase_add_test(tests, test_agent_ends_in_half_a_reply);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
