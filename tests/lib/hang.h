/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_HANG_H
#define TESTS_LIB_HANG_H

/*
 * A filesystem whose FIFREEZE hangs: /mnt/hung, an image with dirty data on /mnt/ext4, which the
 * test itself has frozen; and /mnt/other, mounted after it, which is frozen before it. Only in the
 * namespace of tests/kernel/ns. A thaw of /mnt/ext4 by the test lets it go on.
 */
typedef struct {
    char *hung; /* loop devices */
    char *other;
} TestHang;

void test_hang_begin(TestHang *hang);
/* Waits up to 60 s until nobody uses the two any more, and removes them. */
void test_hang_end(TestHang *hang);

/* Waits up to 60 s until a process can write in the folder, and sync: nothing is frozen, and
 * nothing hangs. */
void test_hang_assert_writable(const char *folder);

#endif
