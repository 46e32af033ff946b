/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/hang.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/freezing.h"

#define PATIENCE_US (60 * G_USEC_PER_SEC)

void test_hang_begin(TestHang *hang)
{
    g_free(test_freezing_shell("mkdir -p /mnt/hung /mnt/other && truncate -s 40M /mnt/ext4/image "
                               "/run/other && mkfs.ext4 -q -F /mnt/ext4/image && mkfs.ext4 -q -F "
                               "/run/other"));
    hang->hung = test_freezing_shell("losetup -f --show /mnt/ext4/image");
    hang->other = test_freezing_shell("losetup -f --show /run/other");
    g_free(
        test_freezing_shell("mount %s /mnt/hung && mount %s /mnt/other", hang->hung, hang->other));
    /* what the fresh filesystem writes by itself must not hang at the end of the test */
    g_free(test_freezing_shell("sync -f /mnt/hung"));
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FIFREEZE), 0);
    g_free(test_freezing_shell("dd if=/dev/zero of=/mnt/hung/data bs=1M count=4 2>/dev/null"));
}

/* A process that has just thawed it may still be about to end. */
static void unmount(const char *folder)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (umount(folder) != 0) {
        ck_assert_msg(errno == EBUSY && g_get_monotonic_time() < end, "cannot unmount %s: %s",
                      folder, g_strerror(errno));
        g_usleep(10 * 1000);
    }
}

void test_hang_end(TestHang *hang)
{
    unmount("/mnt/hung");
    unmount("/mnt/other");
    g_free(test_freezing_shell("losetup -d %s && losetup -d %s && rm -f /mnt/ext4/image /run/other",
                               hang->hung, hang->other));
    g_free(hang->hung);
    g_free(hang->other);
}

void test_hang_assert_writable(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "written", NULL);
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        int fd;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        _exit(pwrite(fd, "x", 1, 0) != 1 || fsync(fd) < 0);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "%s is still frozen", folder);
        g_usleep(5000);
    }
    ck_assert_int_eq(status, 0);
}
