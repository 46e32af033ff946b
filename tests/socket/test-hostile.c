/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
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

/* --- how much memory a request costs, in KiB --- */

/* Starts the measurement of the height anew (proc(5), clear_refs). */
static void forget_height(void)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/clear_refs", test_daemon_pid(agent));
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    ck_assert_msg(fd >= 0 && write(fd, "5", 1) == 1, "%s: %s", path, g_strerror(errno));
    close(fd);
}

/* How much memory at the height, and for good, so many bytes of a request cost beyond what the
 * agent had before; `reply` gets the line. */
static void measure(const char *bytes, gsize length, guint64 *height, gint64 *kept, char **reply)
{
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    guint64 before;

    test_client_ping(client);
    before = test_daemon_status(agent, "VmRSS:");
    forget_height();
    test_client_send_bytes(client, bytes, length);
    *reply = test_client_line(client);
    *height = test_daemon_status(agent, "VmHWM:") - before;
    test_client_free(g_steal_pointer(&client));
    assert_answers();
    *kept = (gint64)test_daemon_status(agent, "VmRSS:") - (gint64)before;
}

/* An error, 64 MiB at the height beyond the message, and within 1 MiB of what was before. */
static void assert_refused(GString *message)
{
    g_autofree char *reply = NULL;
    guint64 height;
    gint64 kept;

    for (guint i = 0; i < 2; i++) { /* at first some of a library is read that was not yet */
        g_free(g_steal_pointer(&reply));
        measure(message->str, message->len, &height, &kept, &reply);
        ck_assert_msg(g_str_has_prefix(reply, "{\"error\""), "%s", reply);
        ck_assert_uint_lt(strlen(reply), 500);
    }
    ck_assert_msg(height < (64 << 10) + (message->len >> 10) || is_checked(),
                  "%.40s: %" G_GUINT64_FORMAT " KiB", message->str, height);
    ck_assert_msg(kept < 1024 || is_checked(), "%.40s keeps %" G_GINT64_FORMAT " KiB", message->str,
                  kept);
}

static GString *repeat(const char *begin, const char *text, guint count, const char *end)
{
    GString *out = g_string_new(begin);

    for (guint i = 0; i < count; i++)
        g_string_append(out, text);
    return g_string_append(out, end);
}

START_TEST(test_what_is_too_much_costs_little)
{
    g_autofree char *mebibyte = g_strnfill(1 << 20, 'a');
    g_autoptr(GString) brackets = repeat("", "[", 100000, "\n");
    g_autoptr(GString) objects = repeat("[{}", ",{}", 80000, "]\n");
    g_autoptr(GString) string =
        repeat("{\"execute\":\"guest-ping\",\"id\":\"", mebibyte, 40, "\"}\n");
    g_autoptr(GString) members = g_string_new("{\"n\":0");
    /* as much as the limits let through to json-glib */
    g_autoptr(GString) most = repeat("[[]", ",[]", 43000, "]\n");
    g_autoptr(GString) wrong_at_the_end = repeat("[{}", ",{}", 43000, ",]\n");

    for (guint i = 0; i < 300000; i++)
        g_string_append_printf(members, ",\"n%u\":0", i);
    g_string_append(members, "}\n");
    assert_refused(brackets);
    assert_refused(objects);
    assert_refused(string);
    assert_refused(members);
    assert_refused(most);
    assert_refused(wrong_at_the_end);
}
END_TEST

#define WRITTEN (32 << 20)

/* The message is held once, and little beside it. */
START_TEST(test_large_write_is_held_once)
{
    g_autofree char *path = test_daemon_path(agent, "large");
    g_autofree char *open_it = g_strdup_printf(
        "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"%s\",\"mode\":\"w\"}}", path);
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    g_autofree char *handle = test_client_text(client, open_it);
    g_autofree char *text = g_strnfill((gsize)WRITTEN / 3 * 4, 'A');
    g_autoptr(GString) message = g_string_new(NULL);
    g_autofree char *reply = NULL;
    guint64 height;
    gint64 kept;

    g_string_printf(message,
                    "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%s,"
                    "\"buf-b64\":\"%s\"}}\n",
                    handle, text);
    test_client_free(g_steal_pointer(&client));
    measure(message->str, message->len, &height, &kept, &reply);
    ck_assert_str_eq(reply, "{\"return\": {\"count\":33554430,\"eof\":false}}");
    ck_assert_msg(height < (message->len >> 10) + 8192 || is_checked(), "%" G_GUINT64_FORMAT " KiB",
                  height);
    ck_assert_msg(kept < 1024 || is_checked(), "%" G_GINT64_FORMAT " KiB are kept", kept);
}
END_TEST

#define READ_BYTES (48 << 20)

START_TEST(test_large_read_is_made_in_pieces)
{
    g_autofree char *path = test_daemon_path(agent, "large");
    g_autofree char *open_it =
        g_strdup_printf("{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"%s\"}}", path);
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    g_autofree char *handle = NULL;
    g_autofree char *request = NULL;
    g_autofree char *reply = NULL;
    guint64 height;
    gint64 kept;

    ck_assert(g_file_set_contents(path, "", 0, NULL) && truncate(path, READ_BYTES) == 0);
    handle = test_client_text(client, open_it);
    test_client_free(g_steal_pointer(&client));
    request = g_strdup_printf("{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":%s,"
                              "\"count\":%d}}\n",
                              handle, READ_BYTES);
    measure(request, strlen(request), &height, &kept, &reply);
    ck_assert_uint_gt(strlen(reply), READ_BYTES / 3 * 4);
    ck_assert_msg(height < 8192 || is_checked(), "%" G_GUINT64_FORMAT " KiB", height);
    ck_assert_msg(kept < 1024 || is_checked(), "%" G_GINT64_FORMAT " KiB are kept", kept);
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
    tcase_add_test(tests, test_what_is_too_much_costs_little);
    tcase_add_test(tests, test_large_write_is_held_once);
    tcase_add_test(tests, test_large_read_is_made_in_pieces);
    tcase_add_test(tests, test_vanishing_clients);
    tcase_add_test(tests, test_host_that_never_reads);
    tcase_add_test(tests, test_host_that_reads_late);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
