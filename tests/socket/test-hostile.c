/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#define PING "{\"execute\":\"guest-ping\"}"

static TestDaemon *agent;

static void setup(void)
{
    agent = test_daemon_start(NULL);
}

static void teardown(void)
{
    test_daemon_free(agent);
}

/* Checkers keep freed memory for a while: then it is they who count. */
static gboolean is_checked(void)
{
    return g_getenv("FIRN_CHECKER") != NULL;
}

static void assert_answers(void)
{
    g_autoptr(TestClient) client = test_daemon_connect(agent);

    test_client_ping(client);
}

/* Writes everything while throwing the replies away. */
static void pour(int fd, const char *bytes, gsize length)
{
    static char replies[65536];

    while (length > 0) {
        struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};
        ssize_t n;

        ck_assert_msg(poll(&entry, 1, 60000) > 0, "the agent neither reads nor writes");
        if (entry.revents & POLLIN && read(fd, replies, sizeof(replies)) < 0)
            ck_assert_int_eq(errno, EAGAIN);
        if (!(entry.revents & POLLOUT))
            continue;
        n = write(fd, bytes, MIN(length, 32768));
        ck_assert_msg(n > 0 || errno == EAGAIN, "the agent hung up: %s", g_strerror(errno));
        if (n > 0) {
            bytes += n;
            length -= (gsize)n;
        }
    }
}

static void pour_and_leave(const char *bytes, gsize length)
{
    g_autoptr(TestClient) client = test_daemon_connect(agent);

    pour(test_client_fd(client), bytes, length);
}

static char random_byte(GRand *random)
{
    return (char)g_rand_int_range(random, 0, 256);
}

#define ROUND (1 << 20)

static void fill_random(GRand *random, char *bytes)
{
    for (gsize i = 0; i < ROUND; i++)
        bytes[i] = random_byte(random);
}

/* Mostly punctuation, so that deep and odd structures come up. */
static void fill_punctuation(GRand *random, char *bytes)
{
    static const char alphabet[] = "{}[]:,\"'\\ \n0123456789eE.-+truefalsn\xff\x80";

    for (gsize i = 0; i < ROUND; i++)
        bytes[i] = alphabet[g_rand_int_range(random, 0, sizeof(alphabet) - 1)];
}

/* Good requests with a byte changed now and then. Only commands that change nothing. */
static void fill_mutated(GRand *random, char *bytes)
{
    static const char *const requests[] = {
        PING "\n",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":123456}}",
        "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":-1},\"id\":{\"a\":[1,2]}}",
        "{\"execute\":\"guest-fsfreeze-status\",\"arguments\":{}}",
        "{\"execute\":\"guest-nope\",\"arguments\":{\"x\":\"\\ud83d\\ude00\"}}\n",
    };
    gsize at = 0;

    while (at < ROUND) {
        const char *text = requests[g_rand_int_range(random, 0, G_N_ELEMENTS(requests))];
        gsize length = MIN(strlen(text), ROUND - at);

        memcpy(bytes + at, text, length);
        if (g_rand_int_range(random, 0, 2))
            bytes[at + (gsize)g_rand_int_range(random, 0, (gint32)length)] = random_byte(random);
        at += length;
    }
}

/* 12 million bytes, the same ones each time. */
START_TEST(test_random_bytes)
{
    static void (*const fillers[])(GRand *, char *) = {fill_random, fill_punctuation, fill_mutated};
    GRand *random = g_rand_new_with_seed(20240607);
    g_autofree char *bytes = g_malloc(ROUND);
    guint64 before = 0, after;

    for (guint round = 0; round < 12; round++) {
        fillers[round % 3](random, bytes);
        pour_and_leave(bytes, ROUND);
        assert_answers();
        if (round == 2)
            before = test_daemon_status(agent, "VmRSS:");
    }
    after = test_daemon_status(agent, "VmRSS:");
    g_rand_free(random);
    ck_assert_msg(after < before + 4096 || is_checked(),
                  "memory grew from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " KiB", before,
                  after);
}
END_TEST

START_TEST(test_deep_nesting)
{
    g_autofree char *brackets = g_strnfill(100000, '[');
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    g_autofree char *desc = test_client_error(client, brackets);

    ck_assert_str_eq(desc, "JSON nesting depth limit exceeded");
    test_client_free(g_steal_pointer(&client));
    assert_answers();
}
END_TEST

/* A message of 100 MiB is refused, and its memory comes back. */
START_TEST(test_large_message)
{
    g_autofree char *filler = g_strnfill(1 << 20, 'a');
    guint64 before = test_daemon_status(agent, "VmRSS:");
    g_autoptr(TestClient) client = test_daemon_connect(agent);

    pour(test_client_fd(client), "{\"execute\":\"", 12);
    for (guint i = 0; i < 100; i++)
        pour(test_client_fd(client), filler, 1 << 20);
    pour(test_client_fd(client), "\xff", 1);
    test_client_free(g_steal_pointer(&client));
    assert_answers();
    ck_assert(test_daemon_status(agent, "VmRSS:") < before + 16384 || is_checked());
}
END_TEST

/* In the middle of a request, with replies under way, with nothing said at all. */
START_TEST(test_vanishing_clients)
{
    for (guint i = 0; i < 300; i++) {
        g_autoptr(TestClient) client = test_daemon_connect(agent);

        if (i % 3 == 0)
            test_client_send(client, "{\"execute\":\"guest-pi");
        else if (i % 3 == 1)
            test_client_send(client,
                             "{\"execute\":\"guest-info\"}{\"execute\":\"guest-info\"}" PING);
    }
    assert_answers();
}
END_TEST

/* A second without any work: a paused agent must not spin. */
static void assert_comes_to_rest(void)
{
    for (guint i = 0; i < 60; i++) {
        guint64 ticks = test_daemon_ticks(agent);

        g_usleep(G_USEC_PER_SEC);
        if (test_daemon_ticks(agent) == ticks)
            return;
    }
    ck_abort_msg("the agent works without end");
}

/* Sends requests until the agent stops reading. Returns how many bytes it took. */
static gsize stuff(int fd)
{
    static const char request[] = "{\"execute\":\"guest-info\"}";
    gsize taken = 0;

    for (;;) {
        struct pollfd entry = {.fd = fd, .events = POLLOUT};
        ssize_t n;

        /* a loaded machine may make it pause a while: then less is stuffed, no more */
        if (poll(&entry, 1, 1000) <= 0)
            return taken;
        n = write(fd, request, sizeof(request) - 1);
        if (n > 0)
            taken += (gsize)n;
        ck_assert_msg(taken < 64 << 20, "the agent reads without end");
    }
}

START_TEST(test_host_that_never_reads)
{
    guint64 before = test_daemon_status(agent, "VmRSS:");
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    gsize taken = stuff(test_client_fd(client));

    ck_assert(test_daemon_status(agent, "VmRSS:") < before + 32768 || is_checked());
    assert_comes_to_rest();
    ck_assert_uint_gt(taken, 0);
    /* it leaves in the middle of a reply, and the next one is served */
    test_client_free(g_steal_pointer(&client));
    assert_answers();
}
END_TEST

/* One that starts to read gets every reply. */
START_TEST(test_host_that_reads_late)
{
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    guint count = 0;

    for (; count < 2000; count++) {
        struct pollfd entry = {.fd = test_client_fd(client), .events = POLLOUT};

        if (poll(&entry, 1, 500) <= 0)
            break;
        test_client_send(client, "{\"execute\":\"guest-info\"}");
    }
    for (guint i = 0; i < count; i++) {
        g_autofree char *line = test_client_line(client);
        g_autoptr(JsonNode) value = test_reply_value(line);

        ck_assert(JSON_NODE_HOLDS_OBJECT(value));
    }
    test_client_ping(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tests = tcase_create("hostile");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_random_bytes);
    tcase_add_test(tests, test_deep_nesting);
    tcase_add_test(tests, test_large_message);
    tcase_add_test(tests, test_vanishing_clients);
    tcase_add_test(tests, test_host_that_never_reads);
    tcase_add_test(tests, test_host_that_reads_late);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
