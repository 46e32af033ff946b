/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A child that hangs for hours keeps nothing but what it works on. */
#include "agent/freeze/child.h"
#include "platform/pidfd.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char *tree;
static FirnRecord *record;

static void setup(void)
{
    static const char text[] = "1 0 8:1 / / rw - ext4 /dev/vda1 rw\n"
                               "2 1 8:2 / /b rw - ext4 /dev/vda2 rw\n"
                               "3 1 8:3 / /c rw - ext4 /dev/vda3 rw\n";
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(text, -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);

    tree = test_tree_new();
    request->state_dir = g_strdup(tree);
    record = firn_record_create(request, plan, NULL, NULL);
    ck_assert_ptr_nonnull(record);
    /* not in the order of their numbers, and one is not open */
    record->fds[2] = open(tree, O_RDONLY | O_CLOEXEC);
    record->fds[0] = open(tree, O_RDONLY | O_CLOEXEC);
}

static void teardown(void)
{
    firn_record_free(record);
    test_tree_remove(tree);
}

static gboolean is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* 0, or what is wrong with the descriptors of this process. */
static int find_fault(int pipe, int socket)
{
    guint count = 0;

    if (!is_open(record->fds[0]) || !is_open(record->fds[2]) || !is_open(pipe))
        return 1;
    if (is_open(record->fd) || is_open(socket) || is_open(STDIN_FILENO))
        return 2;
    for (int fd = 0; fd < 1024; fd++)
        count += is_open(fd);
    return count == 3 ? 0 : 3;
}

START_TEST(a_child_has_the_targets_and_its_pipe_alone)
{
    int ends[2], sockets[2], status;
    pid_t pid;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    pid = firn_child_fork(record, ends[1]);
    if (pid == 0) {
        record->targets[1].error = find_fault(ends[1], sockets[0]);
        record->targets[1].thaw_error = 1;
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(record->targets[1].error, 0);
    ck_assert_msg(record->targets[1].thaw_error == 1, "the child writes to a record of its own");
}
END_TEST

START_TEST(a_child_does_not_keep_the_lock)
{
    g_autoptr(FirnRecord) other = firn_record_open(tree, NULL);
    int ends[2];
    pid_t pid;
    char byte;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid = firn_child_fork(record, ends[1]);
    if (pid == 0) {
        ck_assert(write(ends[1], "", 1) == 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    close(record->fd);
    ck_assert(firn_record_lock(other));
    record->fd = dup(other->fd);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_process_gets_its_name)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        firn_child_call("firn-watcher");
        _exit(firn_pid_is_named(getpid(), "firn-watcher") ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("child");
    TCase *tests = tcase_create("child");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_child_has_the_targets_and_its_pipe_alone);
    tcase_add_test(tests, a_child_does_not_keep_the_lock);
    tcase_add_test(tests, a_process_gets_its_name);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
