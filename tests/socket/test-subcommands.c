/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 'firn doctor' and 'firn report' as one types them. */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *run(const char *const *arguments, int *status)
{
    g_autoptr(TestDaemon) program = test_daemon_spawn(arguments, -1);

    *status = test_daemon_wait(program);
    return test_daemon_output(program);
}

static void assert_says(const char *text, const char *what)
{
    ck_assert_msg(strstr(text, what) != NULL, "'%s' is not in:\n%s", what, text);
}

static JsonObject *parse(JsonParser *parser, const char *text)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(json_parser_load_from_data(parser, text, -1, &error), "%s", text);
    return json_node_get_object(json_parser_get_root(parser));
}

START_TEST(test_doctor)
{
    static const char *const arguments[] = {"doctor", "--path=/nonexistent/port", "--statedir=@",
                                            NULL};
    static const char *const json[] = {"doctor", "--json", "--path=/nonexistent/port", NULL};
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *text = NULL;
    g_autofree char *json_text = NULL;
    int status;

    text = run(arguments, &status);
    ck_assert_int_eq(status, 2);
    assert_says(text, "/nonexistent/port is not there");
    json_text = run(json, &status);
    ck_assert_int_eq(status, 2);
    ck_assert_str_eq(json_object_get_string_member(parse(parser, json_text), "status"), "failures");
}
END_TEST

START_TEST(test_doctor_of_a_bad_configuration)
{
    static const char *const arguments[] = {"doctor", "--freeze-timeout=soon", NULL};
    int status;
    g_autofree char *text = run(arguments, &status);

    ck_assert_int_eq(status, 2);
    assert_says(text, "freeze-timeout");
    assert_says(text, "what follows is for the defaults");
}
END_TEST

START_TEST(test_report_of_nothing)
{
    static const char *const arguments[] = {"report", "-t", "@", NULL};
    static const char *const json[] = {"report", "--json", "-t", "@", NULL};
    int status;
    g_autofree char *text = run(arguments, &status);
    g_autofree char *json_text = NULL;

    ck_assert_int_eq(status, 0);
    assert_says(text, "No freeze is on record in ");
    json_text = run(json, &status);
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(json_text, "{\"reports\":[]}\n");
}
END_TEST

START_TEST(test_usage)
{
    static const char *const helps[][3] = {{"report", "--help", NULL}, {"doctor", "--help", NULL}};
    static const char *const wrong[][4] = {{"report", "--last", NULL, NULL},
                                           {"report", "--last", "many", NULL},
                                           {"report", "--last=0", NULL, NULL},
                                           {"report", "--nonsense", NULL, NULL}};
    int status;

    for (gsize i = 0; i < G_N_ELEMENTS(helps); i++) {
        g_autofree char *text = run(helps[i], &status);

        ck_assert_int_eq(status, 0);
        ck_assert(g_str_has_prefix(text, "Usage: firn "));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *text = run(wrong[i], &status);

        ck_assert_int_eq(status, 1);
        ck_assert_msg(text[0] != '\0', "nothing was said");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subcommands");
    TCase *tests = tcase_create("subcommands");

    tcase_add_test(tests, test_doctor);
    tcase_add_test(tests, test_doctor_of_a_bad_configuration);
    tcase_add_test(tests, test_report_of_nothing);
    tcase_add_test(tests, test_usage);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
