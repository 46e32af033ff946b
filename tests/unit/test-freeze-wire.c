/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/wire.h"
#include "tests/lib/suite.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Agent and keeper. */
static FirnWire *agent;
static FirnWire *keeper;

static void setup(void)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    agent = firn_wire_new(ends[0]);
    keeper = firn_wire_new(ends[1]);
}

static void teardown(void)
{
    firn_wire_free(agent);
    firn_wire_free(keeper);
}

static void assert_line(FirnWire *wire, const char *expected)
{
    g_autofree char *line = firn_wire_line(wire);

    ck_assert_pstr_eq(line, expected);
}

START_TEST(lines_arrive_in_order)
{
    ck_assert(firn_wire_say(keeper, "ready", NULL));
    ck_assert(firn_wire_say_number(keeper, "frozen", 3));
    ck_assert(firn_wire_send(keeper, "done\nhal"));
    ck_assert(firn_wire_read(agent));
    assert_line(agent, "ready");
    assert_line(agent, "frozen 3");
    assert_line(agent, "done");
    assert_line(agent, NULL);
    ck_assert(firn_wire_send(keeper, "f\n"));
    ck_assert(firn_wire_read(agent));
    assert_line(agent, "half");
}
END_TEST

START_TEST(any_text_is_one_line)
{
    char text[256];
    g_autofree char *line = NULL;
    g_autofree char *value = NULL;

    for (guint i = 0; i < 255; i++)
        text[i] = (char)(i + 1);
    text[255] = '\0';
    ck_assert(firn_wire_say(keeper, "failed", text));
    ck_assert(firn_wire_read(agent));
    line = firn_wire_line(agent);
    value = firn_wire_value(line, "failed");
    ck_assert_pstr_eq(value, text);
    assert_line(agent, NULL);
}
END_TEST

START_TEST(a_value_is_of_its_word_alone)
{
    g_autofree char *whole = firn_wire_value("frozen 3", "frozen");
    g_autofree char *none = firn_wire_value("done", "done");
    g_autofree char *blank = firn_wire_value("frozen ", "frozen");

    ck_assert_pstr_eq(whole, "3");
    ck_assert_pstr_eq(none, "");
    ck_assert_pstr_eq(blank, "");
    ck_assert_ptr_null(firn_wire_value("frozen 3", "fro"));
    ck_assert_ptr_null(firn_wire_value("fro", "frozen"));
    ck_assert_ptr_null(firn_wire_value("", "frozen"));
}
END_TEST

START_TEST(what_was_said_before_the_end_is_read)
{
    ck_assert(firn_wire_say(keeper, "done", NULL));
    ck_assert_int_eq(shutdown(keeper->fd, SHUT_WR), 0);
    ck_assert(!firn_wire_read(agent));
    assert_line(agent, "done");
    assert_line(agent, NULL);
}
END_TEST

/* No SIGPIPE either. */
START_TEST(a_side_that_is_gone_takes_nothing)
{
    ck_assert_int_eq(shutdown(agent->fd, SHUT_RDWR), 0);
    ck_assert(!firn_wire_say(keeper, "done", NULL));
    ck_assert(!firn_wire_read(keeper));
}
END_TEST

/* More than a socket holds waits for the reader. */
START_TEST(a_slow_reader_gets_all_of_it)
{
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    pid_t writer;

    if (test_on_valgrind())
        TEST_SKIP("a process that ends by _exit() is a leak to valgrind");
    text = g_strnfill(4 * 1024 * 1024, 'x');
    writer = fork();

    if (writer == 0)
        _exit(firn_wire_say(keeper, "failed", text) ? 0 : 1);
    ck_assert_int_gt(writer, 0);
    while (firn_wire_read(agent) && !(line = firn_wire_line(agent)))
        g_usleep(1000);
    ck_assert_ptr_nonnull(line);
    ck_assert_uint_eq(strlen(line), strlen("failed ") + strlen(text));
    ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
}
END_TEST

/* Whoever writes without end does not fill the memory. */
START_TEST(a_line_without_end_is_the_end)
{
    g_autofree char *text = g_strnfill(1024 * 1024, 'x');
    pid_t writer = fork();

    if (writer == 0) {
        firn_wire_free(agent);
        while (firn_wire_send(keeper, text))
            ;
        _exit(0);
    }
    ck_assert_int_gt(writer, 0);
    while (firn_wire_read(agent))
        ck_assert_uint_lt(agent->input->len, 17 * 1024 * 1024);
    firn_wire_free(agent);
    ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
    agent = firn_wire_new(dup(keeper->fd));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("freeze-wire");
    TCase *tests = tcase_create("wire");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, lines_arrive_in_order);
    tcase_add_test(tests, any_text_is_one_line);
    tcase_add_test(tests, a_value_is_of_its_word_alone);
    tcase_add_test(tests, what_was_said_before_the_end_is_read);
    tcase_add_test(tests, a_side_that_is_gone_takes_nothing);
    tcase_add_test(tests, a_slow_reader_gets_all_of_it);
    tcase_add_test(tests, a_line_without_end_is_the_end);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
