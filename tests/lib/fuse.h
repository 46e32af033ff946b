/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_FUSE_H
#define TESTS_LIB_FUSE_H

#include <sys/types.h>

/*
 * A FUSE filesystem (fuse(4), linux/fuse.h) by a process of the test: a folder with one folder
 * "data" in it. It stands for what a server answers for: NFS, CIFS, sshfs. It ends with the test.
 */
typedef enum {
    TEST_FUSE_OPEN = 0,
    TEST_FUSE_DEAD = 1,    /* the server answers nothing but the mount */
    TEST_FUSE_PRIVATE = 2, /* an unprivileged user's own: root may not look at it */
} TestFuseFlags;

typedef struct {
    pid_t server;
    const char *folder;
} TestFuse;

/* Mounts it there. */
TestFuse test_fuse_begin(const char *folder, int flags);
/* The server answers no more; and does again. */
void test_fuse_hang(const TestFuse *fuse);
void test_fuse_go_on(const TestFuse *fuse);
/* Ends the server and detaches the mount. */
void test_fuse_end(TestFuse *fuse);

#endif
