/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What the other kernel tests stand on: the namespace holds what it promises, and freezes. */

START_TEST(test_marked)
{
    ck_assert(g_file_test("/run/firn-test-namespace", G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(test_mounts)
{
    const char *const expected[] = {"/mnt/ext4",  "/mnt/xfs",   "/mnt/btrfs",
                                    "/mnt/copy1", "/mnt/copy2", NULL};
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint disks = 0;

    ck_assert(g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL));
    for (guint i = 0; expected[i]; i++) {
        g_autofree char *place = g_strdup_printf(" %s ", expected[i]);

        ck_assert_msg(strstr(text, place) != NULL, "%s is not mounted", expected[i]);
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        const char *source = strstr(*line, " - ");

        if (!source || !strstr(source, " /dev/"))
            continue;
        ck_assert_msg(strstr(source, " /dev/loop") != NULL, "a disk is mounted: %s", *line);
        disks++;
    }
    ck_assert_uint_eq(disks, 5);
}
END_TEST

START_TEST(test_freeze)
{
    const char *const places[] = {"/mnt/ext4", "/mnt/xfs", "/mnt/btrfs"};
    int fd = open(places[_i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int frozen, again, error, thawed;

    ck_assert_int_ge(fd, 0);
    frozen = ioctl(fd, FIFREEZE, 0);
    again = ioctl(fd, FIFREEZE, 0);
    error = errno;
    thawed = ioctl(fd, FITHAW, 0);
    close(fd);
    ck_assert_int_eq(frozen, 0);
    ck_assert_int_eq(again, -1);
    ck_assert_int_eq(error, EBUSY);
    ck_assert_int_eq(thawed, 0);
}
END_TEST

START_TEST(test_root_cannot_freeze)
{
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ioctl(fd, FIFREEZE, 0), -1);
    ck_assert_int_eq(errno, EOPNOTSUPP);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("namespace");
    TCase *tests = tcase_create("namespace");

    tcase_add_test(tests, test_marked);
    tcase_add_test(tests, test_mounts);
    tcase_add_loop_test(tests, test_freeze, 0, 3);
    tcase_add_test(tests, test_root_cannot_freeze);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
