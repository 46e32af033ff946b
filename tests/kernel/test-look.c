/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a freeze would wait for, told beforehand: real scrubs, balances and the like on btrfs, each
 * held against what the kernel does.
 */
#include "agent/freeze/look.h"
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE "/mnt/btrfs"
#define PATIENCE_US (60 * G_USEC_PER_SEC)
#define TICK_US 2000

/* Slow enough to run for minutes. */
#define THROTTLE                                                                                   \
    "echo 200000 >/sys/fs/btrfs/$(findmnt -no UUID " PLACE ")/devinfo/1/scrub_speed_max"

static FirnRoots *roots;
static int fd;

static void setup(void)
{
    test_freezing_check_namespace();
    roots = firn_roots_new(NULL);
    fd = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    g_free(test_freezing_shell("dd if=/dev/urandom of=%s/data bs=1M count=30 2>&1; sync", PLACE));
}

static void teardown(void)
{
    close(fd);
    firn_roots_free(roots);
}

static char *look(void)
{
    FirnPlanTarget target = {.type = "btrfs", .mountpoint = PLACE};

    return firn_look_find_holder(roots, &target, fd);
}

static void await_look(const char *what, const char *remedy)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    for (;;) {
        g_autofree char *text = look();

        if (text && strstr(text, what)) {
            ck_assert_msg(strstr(text, remedy) && strstr(text, PLACE), "%s", text);
            return;
        }
        ck_assert_msg(g_get_monotonic_time() < end, "'%s' is never said, but '%s'", what,
                      text ? text : "nothing");
        g_usleep(TICK_US);
    }
}

static void await_nothing(void)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    for (;;) {
        g_autofree char *text = look();

        if (!text)
            return;
        ck_assert_msg(g_get_monotonic_time() < end, "still: %s", text);
        g_usleep(TICK_US);
    }
}

/* Whether a freeze, undone at once, ends in two seconds. */
static gboolean freezes(void)
{
    pid_t pid = fork();
    gint64 end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
    int status;

    if (pid == 0)
        _exit(test_freezing_ioctl(PLACE, FIFREEZE) || test_freezing_ioctl(PLACE, FITHAW));
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (g_get_monotonic_time() > end) /* it thaws by itself when its turn comes */
            return FALSE;
        g_usleep(TICK_US);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A freeze that waited before may still have its turn. */
static void await_freeze(void)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (!freezes()) {
        ck_assert_msg(g_get_monotonic_time() < end, "%s cannot be frozen", PLACE);
        g_usleep(TICK_US);
    }
}

static void start(const char *command)
{
    g_free(test_freezing_shell("(%s) </dev/null >/run/look-log 2>&1 &", command));
}

START_TEST(test_a_filesystem_at_rest_is_held_by_nothing)
{
    g_autofree char *text = look();

    ck_assert_msg(!text, "%s", text);
    ck_assert(freezes());
}
END_TEST

START_TEST(test_a_scrub_is_named)
{
    g_free(test_freezing_shell(THROTTLE));
    start("btrfs scrub start -B " PLACE);
    await_look("a scrub of " PLACE " runs", "'btrfs scrub cancel " PLACE "'");
    ck_assert(!freezes());
    g_free(test_freezing_shell("btrfs scrub cancel %s", PLACE));
    await_nothing();
    await_freeze();
}
END_TEST

/* One that lasts cannot be had on a small filesystem: they are started again and again. */
START_TEST(test_a_balance_is_named_unless_it_is_paused)
{
    static const char pause[] =
        "for i in $(seq 200); do btrfs balance start --full-balance " PLACE " >/dev/null 2>&1 & "
        "btrfs balance pause " PLACE " 2>/dev/null && wait && exit 0; wait; done; exit 1";

    start("while [ ! -e /run/look-end ]; do btrfs balance start --full-balance " PLACE "; done");
    await_look("a balance of " PLACE " runs", "'btrfs balance pause " PLACE "'");
    g_free(test_freezing_shell("touch /run/look-end"));
    await_nothing();
    g_free(test_freezing_shell("sleep 1; %s", pause));
    await_nothing();
    await_freeze();
    g_free(test_freezing_shell("btrfs balance cancel %s", PLACE));
}
END_TEST

/* A second device on a file in memory. */
static char *make_device(void)
{
    return test_freezing_shell("truncate -s 256M /run/look-image; losetup -f --show "
                               "/run/look-image");
}

START_TEST(test_a_device_that_is_being_removed_is_named)
{
    g_autofree char *device = make_device();
    g_autofree char *command = g_strdup_printf(
        "while [ ! -e /run/look-removed ]; do btrfs device add -K -f %s " PLACE " && "
        "btrfs balance start --full-balance " PLACE " && btrfs device remove %s " PLACE "; done; "
        "losetup -d %s; touch /run/look-over",
        device, device, device);

    start(command);
    await_look("a device of " PLACE " is being removed", "'btrfs device remove cancel " PLACE "'");
    g_free(test_freezing_shell("touch /run/look-removed; for i in $(seq 600); do [ ! -e "
                               "/run/look-over ] || exit 0; sleep 0.1; done; exit 1"));
    await_nothing();
}
END_TEST

/* FIFREEZE does not wait for it, but what is held would not stand still. */
START_TEST(test_a_device_that_is_being_replaced_is_named)
{
    g_autofree char *device = make_device();
    g_autofree char *command =
        g_strdup_printf("btrfs replace start -B -f 1 %s " PLACE "; losetup -d %s", device, device);

    g_free(test_freezing_shell(THROTTLE));
    start(command);
    await_look("a device of " PLACE " is being replaced", "'btrfs replace cancel " PLACE "'");
    g_free(test_freezing_shell("btrfs replace cancel %s || :", PLACE));
    await_nothing();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("look");
    TCase *tests = tcase_create("look");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_a_filesystem_at_rest_is_held_by_nothing);
    tcase_add_test(tests, test_a_scrub_is_named);
    tcase_add_test(tests, test_a_balance_is_named_unless_it_is_paused);
    tcase_add_test(tests, test_a_device_that_is_being_removed_is_named);
    tcase_add_test(tests, test_a_device_that_is_being_replaced_is_named);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
