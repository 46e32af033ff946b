/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/frames.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const types[] = {"(bay)", "(xay)", NULL, "i"};

/* One end of a connection, and what came to it. */
typedef struct {
    FirnFrames *frames;
    GString *got; /* a line for each message */
    int fd;       /* that came with the last one, where it is to be taken */
    guint64 fds;  /* how many were sent with it */
    gboolean takes_fd;
    gboolean gone;
} End;

static void on_message(FirnFrames *frames, const FirnFrameHead *head, GVariant *value,
                       gpointer data)
{
    g_autofree char *text = NULL;
    End *end = data;

    if (g_variant_get_size(value) < 100)
        text = g_variant_print(value, FALSE);
    g_string_append_printf(end->got, "%u %" G_GUINT64_FORMAT " %s\n", head->kind, head->serial,
                           text ? text : "large");
    end->fds = head->fds;
    if (end->takes_fd)
        end->fd = firn_frames_take_fd(frames);
}

static void on_gone(FirnFrames *frames, gpointer data)
{
    ((End *)data)->gone = TRUE;
}

static void end_open(End *end, int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    end->got = g_string_new(NULL);
    end->frames = firn_frames_new(fd, types, G_N_ELEMENTS(types), on_message, on_gone, end);
}

static void end_close(End *end)
{
    firn_frames_free(end->frames);
    g_string_free(end->got, TRUE);
}

static gboolean tick(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

/* Runs the main loop until that has come, or the other end is gone. */
static void assert_comes(End *end, const char *expected)
{
    gint64 limit = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    guint timer = g_timeout_add(50, tick, NULL);

    while (strcmp(end->got->str, expected) != 0 && !end->gone && g_get_monotonic_time() < limit)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
    ck_assert_str_eq(end->got->str, expected);
}

START_TEST(test_messages)
{
    End one = {0}, other = {0};
    guint8 *large = g_malloc0(8 * 1024 * 1024);
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    end_open(&one, ends[0]);
    end_open(&other, ends[1]);
    firn_frames_send(one.frames, 3, 7, g_variant_new_int32(-5), -1);
    /* more than a socket takes at once */
    firn_frames_send(one.frames, 1, 8,
                     g_variant_new("(x@ay)", (gint64)1, firn_frames_bytes(large, 8 * 1024 * 1024)),
                     -1);
    firn_frames_send(one.frames, 1, 9,
                     g_variant_new("(x@ay)", (gint64)2, firn_frames_bytes(NULL, 0)), -1);
    assert_comes(&other, "3 7 -5\n1 8 large\n1 9 (2, [])\n");
    firn_frames_send(other.frames, 0, 7, g_variant_new("(b^ay)", TRUE, "no"), -1);
    assert_comes(&one, "0 7 (true, b'no')\n");
    end_close(&one);
    while (!other.gone)
        g_main_context_iteration(NULL, TRUE);
    end_close(&other);
}
END_TEST

/* How many descriptors of the file behind `fd` this process has. */
static guint count_fds(int fd)
{
    struct stat one, other;
    guint count = 0;

    ck_assert_int_eq(fstat(fd, &one), 0);
    for (int i = 0; i < 256; i++)
        count += fstat(i, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
    return count;
}

/* A descriptor comes with the message that it was sent with, though others stand in the way, and
 * none is left open: neither of one that nobody takes, nor of one that could not be sent. */
START_TEST(test_descriptors)
{
    End one = {0}, other = {0};
    gsize length = 8 * 1024 * 1024;
    int ends[2], fd = memfd_create("test", MFD_CLOEXEC);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    end_open(&one, ends[0]);
    end_open(&other, ends[1]);
    firn_frames_send(
        one.frames, 1, 1,
        g_variant_new("(x@ay)", (gint64)1, firn_frames_bytes(g_malloc0(length), length)), -1);
    firn_frames_send(one.frames, 3, 2, g_variant_new_int32(2), fd);
    ck_assert_uint_eq(count_fds(fd), 2);
    assert_comes(&other, "1 1 large\n3 2 2\n");
    ck_assert_uint_eq(count_fds(fd), 1);
    other.takes_fd = TRUE;
    firn_frames_send(one.frames, 3, 3, g_variant_new_int32(3), fd);
    firn_frames_send(one.frames, 1, 4,
                     g_variant_new("(x@ay)", (gint64)4, firn_frames_bytes(NULL, 0)), -1);
    g_string_truncate(other.got, 0);
    while (!strstr(other.got->str, "3 3 3"))
        g_main_context_iteration(NULL, TRUE);
    ck_assert_int_ge(other.fd, 0);
    ck_assert_uint_eq(count_fds(fd), 2);
    close(other.fd);
    assert_comes(&other, "3 3 3\n1 4 (4, [])\n");
    ck_assert_int_eq(other.fd, -1);
    firn_frames_send(
        one.frames, 1, 5,
        g_variant_new("(x@ay)", (gint64)5, firn_frames_bytes(g_malloc0(length), length)), -1);
    firn_frames_send(one.frames, 3, 6, g_variant_new_int32(6), fd);
    end_close(&one);
    end_close(&other);
    ck_assert_uint_eq(count_fds(fd), 1);
    close(fd);
}
END_TEST

/* A message tells that a descriptor was sent with it, also where there was no room for that. */
START_TEST(test_no_room_for_a_descriptor)
{
    struct rlimit before, none;
    End one = {0}, other = {.takes_fd = TRUE};
    int ends[2], fd = memfd_create("test", MFD_CLOEXEC);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    end_open(&one, ends[0]);
    end_open(&other, ends[1]);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    firn_frames_send(one.frames, 3, 1, g_variant_new_int32(1), fd);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_comes(&other, "3 1 1\n");
    ck_assert_int_eq(other.fd, -1);
    ck_assert_uint_eq(other.fds, 1);
    end_close(&one);
    end_close(&other);
    close(fd);
}
END_TEST

/* Sends these bytes one by one from an end that speaks otherwise. */
static void assert_ends(const FirnFrameHead *head, const char *value)
{
    End end = {0};
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    end_open(&end, ends[0]);
    for (gsize i = 0; i < sizeof *head; i++) {
        ck_assert_int_eq(send(ends[1], (const char *)head + i, 1, MSG_NOSIGNAL), 1);
        g_main_context_iteration(NULL, FALSE);
    }
    if (!end.gone)
        ck_assert_int_ge(send(ends[1], value, strlen(value), MSG_NOSIGNAL), 0);
    while (!end.gone)
        g_main_context_iteration(NULL, TRUE);
    ck_assert_str_eq(end.got->str, "");
    end_close(&end);
    close(ends[1]);
}

/* What is no message ends the connection, and nothing of it is handed on. */
START_TEST(test_wrong)
{
    const guint32 magic = 0x464e5231;

    assert_ends(&(const FirnFrameHead){magic + 1, 3, 1, 4}, "abcd");
    assert_ends(&(const FirnFrameHead){magic, 2, 1, 4}, "abcd");
    assert_ends(&(const FirnFrameHead){magic, 4, 1, 4}, "abcd");
    assert_ends(&(const FirnFrameHead){magic, 3, 1, G_MAXUINT64}, "abcd");
    assert_ends(&(const FirnFrameHead){magic, 3, 1, 3}, "abc");
    assert_ends(&(const FirnFrameHead){magic, 0, 1, 4}, "abcd");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frames");
    TCase *tests = tcase_create("frames");

    tcase_add_test(tests, test_messages);
    tcase_add_test(tests, test_descriptors);
    tcase_add_test(tests, test_no_room_for_a_descriptor);
    tcase_add_test(tests, test_wrong);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
