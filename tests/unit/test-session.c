/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/session.h"

#include <string.h>

#include "tests/lib/suite.h"

/* A session whose commands end when the test says so. */
typedef struct {
    FirnConfig *config;
    FirnPolicy *policy;
    QgaCommands *commands;
    FirnSession *session;
    GString *sent;    /* every line */
    GPtrArray *slow;  /* replies of commands that still run, oldest first */
    GString *started; /* names of the commands that ran, with spaces between */
    gboolean full;
    gboolean reading;
    guint finished;
} Bench;

static Bench bench;

static void start(const char *name)
{
    g_string_append_printf(bench.started, "%s ", name);
}

static void run_fast(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    start("fast");
    qga_reply_finish(reply);
}

static void run_slow(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    start("slow");
    g_ptr_array_add(bench.slow, qga_reply_ref(reply));
}

static void run_sync(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_reply_return_int(reply, json_object_get_int_member(arguments->object, "id"));
}

static void run_ping(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    start("ping");
    qga_reply_finish(reply);
}

static void run_status(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_reply_return(
        reply, json_node_init_string(json_node_alloc(), bench.slow->len > 0 ? "busy" : "thawed"));
}

static void end_slow(void)
{
    g_autoptr(QgaReply) reply = g_ptr_array_steal_index(bench.slow, 0);

    qga_reply_return_int(reply, 7);
}

/* As the engine does: the freeze that is cancelled fails, then the thaw counts. */
static void run_thaw(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    start("thaw");
    if (bench.slow->len > 0) {
        g_autoptr(QgaReply) freeze = g_ptr_array_steal_index(bench.slow, 0);

        qga_reply_fail(freeze, "cancelled");
    }
    qga_reply_return_int(reply, 3);
}

static const QgaMember id[] = {{"id", QGA_TYPE_INT}, {0}};
static const QgaCommand rows[] = {
    {"fast", NULL, NULL, NULL, QGA_COMMAND_NONE, run_fast},
    {"silent", NULL, NULL, NULL, QGA_COMMAND_SILENT, run_fast},
    {"slow", NULL, NULL, NULL, QGA_COMMAND_NONE, run_slow},
    {"brief", NULL, NULL, NULL, QGA_COMMAND_BRIEF, run_slow},
    {"guest-sync", id, NULL, NULL, QGA_COMMAND_SYNC, run_sync},
    {"guest-sync-delimited", id, NULL, NULL, QGA_COMMAND_SYNC | QGA_COMMAND_SENTINEL, run_sync},
    {"guest-ping", NULL, NULL, NULL, QGA_COMMAND_NONE, run_ping},
    {"guest-fsfreeze-freeze", NULL, NULL, NULL, QGA_COMMAND_NONE, run_slow},
    {"guest-fsfreeze-status", NULL, NULL, NULL, QGA_COMMAND_NONE, run_status},
    {"guest-fsfreeze-thaw", NULL, NULL, NULL, QGA_COMMAND_NONE, run_thaw},
};

static void send_line(GString *line, gpointer data)
{
    g_string_append_len(bench.sent, line->str, (gssize)line->len);
    g_string_free(line, TRUE);
}

static gboolean is_full(gpointer data)
{
    return bench.full;
}

static void set_reading(gboolean reading, gpointer data)
{
    bench.reading = reading;
}

static void finished(gpointer data)
{
    bench.finished++;
}

static void setup(void)
{
    static const FirnSessionWay way = {send_line, is_full, set_reading, finished};

    bench = (Bench){.reading = TRUE};
    bench.config = firn_config_new();
    bench.policy = firn_policy_new(bench.config, NULL);
    bench.commands = qga_commands_new();
    bench.sent = g_string_new(NULL);
    bench.started = g_string_new(NULL);
    bench.slow = g_ptr_array_new();
    qga_commands_add(bench.commands, rows, G_N_ELEMENTS(rows), NULL, NULL);
    bench.session = firn_session_new(bench.commands, bench.policy, &way, NULL);
}

static void teardown(void)
{
    firn_session_free(bench.session);
    while (bench.slow->len > 0)
        end_slow();
    g_ptr_array_free(bench.slow, TRUE);
    g_string_free(bench.sent, TRUE);
    g_string_free(bench.started, TRUE);
    qga_commands_free(bench.commands);
    firn_policy_free(bench.policy);
    firn_config_free(bench.config);
}

static void feed(const char *text)
{
    firn_session_feed(bench.session, text, strlen(text));
}

static void request(const char *name)
{
    g_autofree char *text = g_strdup_printf("{'execute':'%s'}\n", name);

    feed(text);
}

#define SYNC(id) feed("{'execute':'guest-sync','arguments':{'id':" id "}}")

/* What was sent since the last call. */
#define ASSERT_SENT(expected)                                                                      \
    do {                                                                                           \
        ck_assert_str_eq(bench.sent->str, expected);                                               \
        g_string_truncate(bench.sent, 0);                                                          \
    } while (0)

#define OK "{\"return\": {}}\n"
#define SEVEN "{\"return\": 7}\n"

START_TEST(test_order)
{
    feed("{'execute':'slow','id':1}{'execute':'fast','id':2}{'execute':'slow','id':3}{'execute':"
         "'nope'}{'execute':'silent'}");
    ASSERT_SENT("");
    ck_assert_str_eq(bench.started->str, "slow ");
    end_slow();
    ck_assert_str_eq(bench.started->str, "slow fast slow ");
    ASSERT_SENT("{\"return\": 7, \"id\": 1}\n{\"return\": {}, \"id\": 2}\n");
    end_slow();
    ASSERT_SENT("{\"return\": 7, \"id\": 3}\n{\"error\": {\"class\":\"CommandNotFound\","
                "\"desc\":\"The command nope has not been found\"}}\n");
    ck_assert_str_eq(bench.started->str, "slow fast slow fast ");
}
END_TEST

START_TEST(test_broken_text_keeps_its_place)
{
    request("slow");
    feed("{'execute':}");
    ASSERT_SENT("");
    end_slow();
    ck_assert(g_str_has_prefix(bench.sent->str, SEVEN "{\"error\""));
}
END_TEST

START_TEST(test_sync_drops)
{
    request("slow");
    request("fast");
    SYNC("5");
    ASSERT_SENT("{\"return\": 5}\n");
    end_slow();
    ASSERT_SENT("");
    ck_assert_str_eq(bench.started->str, "slow ");
    request("fast");
    ASSERT_SENT(OK);
}
END_TEST

/* A client may send a command and a sync at once; the reply of a brief one is not lost. */
START_TEST(test_sync_behind_a_brief_command)
{
    request("brief");
    request("brief");
    SYNC("5");
    request("fast");
    ASSERT_SENT("");
    end_slow();
    end_slow();
    ASSERT_SENT(SEVEN SEVEN "{\"return\": 5}\n" OK);
    ck_assert_str_eq(bench.started->str, "slow slow fast ");
}
END_TEST

/* One that hangs is not waited for. */
START_TEST(test_sync_behind_a_brief_command_that_hangs)
{
    request("brief");
    request("brief");
    SYNC("4");
    SYNC("5");
    request("fast");
    while (bench.sent->len == 0)
        g_main_context_iteration(NULL, TRUE);
    ASSERT_SENT("{\"return\": 5}\n");
    end_slow();
    ASSERT_SENT(OK);
    ck_assert_str_eq(bench.started->str, "slow fast ");
}
END_TEST

/* Nor is one that waits behind another command. */
START_TEST(test_sync_behind_a_freeze_and_a_brief_command)
{
    request("guest-fsfreeze-freeze");
    request("brief");
    SYNC("5");
    ASSERT_SENT("{\"return\": 5}\n");
    end_slow();
    ASSERT_SENT("");
    ck_assert_str_eq(bench.started->str, "slow ");
}
END_TEST

/* A sync that gets an error synchronizes nothing, and costs no reply of others. */
START_TEST(test_refused_sync_drops_nothing)
{
    request("slow");
    feed("{'execute':'guest-sync'}{'execute':'guest-sync','arguments':{'id':'x'}}");
    request("fast");
    ASSERT_SENT("");
    end_slow();
    ASSERT_SENT(SEVEN "{\"error\": {\"class\":\"GenericError\","
                      "\"desc\":\"Parameter 'id' is missing\"}}\n"
                      "{\"error\": {\"class\":\"GenericError\",\"desc\":"
                      "\"Invalid parameter type for 'id', expected: integer\"}}\n" OK);
}
END_TEST

START_TEST(test_ping_after_sync)
{
    request("slow");
    request("guest-ping");
    ASSERT_SENT("");
    SYNC("5");
    request("guest-ping");
    ASSERT_SENT("{\"return\": 5}\n" OK);
    request("guest-fsfreeze-status");
    request("guest-ping");
    ASSERT_SENT("");
    end_slow();
    ASSERT_SENT("{\"return\": \"thawed\"}\n" OK);
}
END_TEST

START_TEST(test_status_waits)
{
    request("guest-fsfreeze-freeze");
    firn_session_left(bench.session);
    feed("{'execute':'guest-sync-delimited','arguments':{'id':1}}\n"
         "{'execute':'guest-fsfreeze-status','arguments':{}}\n");
    ASSERT_SENT("\xff{\"return\": 1}\n");
    end_slow();
    ASSERT_SENT("{\"return\": \"thawed\"}\n");
}
END_TEST

START_TEST(test_thaw_cancels)
{
    request("guest-fsfreeze-freeze");
    request("guest-fsfreeze-status");
    request("guest-fsfreeze-freeze");
    ASSERT_SENT("");
    request("guest-fsfreeze-thaw");
    ck_assert_str_eq(bench.started->str, "slow thaw ");
    ASSERT_SENT("{\"error\": {\"class\":\"GenericError\",\"desc\":\"cancelled\"}}\n"
                "{\"return\": \"thawed\"}\n"
                "{\"error\": {\"class\":\"GenericError\",\"desc\":\"the freeze was cancelled by "
                "guest-fsfreeze-thaw\"}}\n"
                "{\"return\": 3}\n");
}
END_TEST

START_TEST(test_thaw_of_another_client)
{
    request("guest-fsfreeze-freeze");
    firn_session_left(bench.session);
    request("guest-fsfreeze-thaw");
    ASSERT_SENT("{\"return\": 3}\n");
}
END_TEST

START_TEST(test_thaw_waits_for_others)
{
    request("slow");
    request("guest-fsfreeze-thaw");
    ASSERT_SENT("");
    end_slow();
    ASSERT_SENT(SEVEN "{\"return\": 3}\n");
}
END_TEST

START_TEST(test_left)
{
    request("slow");
    request("fast");
    feed("{'execute':'fast'");
    firn_session_left(bench.session);
    feed("}");
    end_slow();
    ck_assert_str_eq(bench.started->str, "slow ");
    ck_assert_ptr_null(strstr(bench.sent->str, "return"));
    g_string_truncate(bench.sent, 0);
    request("fast");
    ASSERT_SENT(OK);
}
END_TEST

/* Whoever sent the requests may be the client that comes: they go on, half a request does not. */
START_TEST(test_cut)
{
    request("slow");
    request("fast");
    feed("{'execute':'fast'");
    ck_assert(firn_session_cut(bench.session));
    request("fast");
    end_slow();
    ASSERT_SENT(SEVEN OK OK);
}
END_TEST

START_TEST(test_eof)
{
    request("slow");
    request("fast");
    firn_session_eof(bench.session);
    ck_assert_uint_eq(bench.finished, 0);
    end_slow();
    ck_assert_uint_eq(bench.finished, 1);
    ASSERT_SENT(SEVEN OK);
}
END_TEST

START_TEST(test_full_output_pauses)
{
    bench.full = TRUE;
    feed("{'execute':'fast'}{'execute':'fast'}");
    ck_assert_str_eq(bench.started->str, "");
    ck_assert(!bench.reading);
    bench.full = FALSE;
    firn_session_advance(bench.session);
    ck_assert_str_eq(bench.started->str, "fast fast ");
    ck_assert(bench.reading);
}
END_TEST

/* So are the answers to bad requests, which hold their ids, while they wait for an earlier one. */
START_TEST(test_held_replies_are_bounded)
{
    g_autofree char *long_id = g_strnfill(100000, 'a');
    g_autofree char *bad = g_strdup_printf("{\"execute\":\"none\",\"id\":\"%s\"}\n", long_id);
    guint fed = 0;

    request("slow");
    for (; bench.reading && fed < 1000; fed++)
        feed(bad);
    ck_assert_uint_lt(fed, 30);
    end_slow();
    ck_assert(bench.reading);
    request("fast");
    ck_assert(g_str_has_suffix(bench.sent->str, OK));
}
END_TEST

START_TEST(test_waiting_is_bounded)
{
    guint fed = 0;

    request("slow");
    for (; bench.reading && fed < 100000; fed++)
        request("fast");
    ck_assert_uint_lt(fed, 100000);
    end_slow();
    ck_assert(bench.reading);
    ck_assert_uint_eq(bench.slow->len, 0);
    request("fast");
    ck_assert(g_str_has_suffix(bench.sent->str, OK));
}
END_TEST

START_TEST(test_waiting_bytes_are_bounded)
{
    g_autofree char *long_id = g_strnfill(1000000, 'a');
    g_autofree char *big = g_strdup_printf("{'execute':'fast','id':['%s','%s']}", long_id, long_id);

    request("slow");
    feed(big);
    ck_assert(!bench.reading);
    end_slow();
    ck_assert(bench.reading);
    ck_assert(g_str_has_prefix(bench.sent->str, SEVEN "{\"return\": {}, \"id\": [\"aaa"));
}
END_TEST

START_TEST(test_blocked)
{
    g_strfreev(bench.config->block_rpcs);
    bench.config->block_rpcs = g_strsplit("fast", ",", -1);
    request("fast");
    ASSERT_SENT("{\"error\": {\"class\":\"CommandNotFound\",\"desc\":\"Command fast has been "
                "disabled: the command is not allowed\"}}\n");
    ck_assert_str_eq(bench.started->str, "");
}
END_TEST

START_TEST(test_stop)
{
    request("slow");
    request("fast");
    firn_session_stop(bench.session);
    end_slow();
    ck_assert_str_eq(bench.started->str, "slow ");
    ck_assert(!bench.reading);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *tests = tcase_create("session");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_order);
    tcase_add_test(tests, test_broken_text_keeps_its_place);
    tcase_add_test(tests, test_sync_drops);
    tcase_add_test(tests, test_sync_behind_a_brief_command);
    tcase_add_test(tests, test_sync_behind_a_brief_command_that_hangs);
    tcase_add_test(tests, test_sync_behind_a_freeze_and_a_brief_command);
    tcase_add_test(tests, test_refused_sync_drops_nothing);
    tcase_add_test(tests, test_ping_after_sync);
    tcase_add_test(tests, test_status_waits);
    tcase_add_test(tests, test_thaw_cancels);
    tcase_add_test(tests, test_thaw_of_another_client);
    tcase_add_test(tests, test_thaw_waits_for_others);
    tcase_add_test(tests, test_left);
    tcase_add_test(tests, test_cut);
    tcase_add_test(tests, test_eof);
    tcase_add_test(tests, test_full_output_pauses);
    tcase_add_test(tests, test_waiting_is_bounded);
    tcase_add_test(tests, test_held_replies_are_bounded);
    tcase_add_test(tests, test_waiting_bytes_are_bounded);
    tcase_add_test(tests, test_blocked);
    tcase_add_test(tests, test_stop);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
