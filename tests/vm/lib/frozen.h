/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_VM_LIB_FROZEN_H
#define TESTS_VM_LIB_FROZEN_H

#include "tests/vm/lib/guest.h"

/* Whether a guest's filesystems are frozen, as its own programs find out: by writing to them. */
#define TEST_FREEZE "{\"execute\":\"guest-fsfreeze-freeze\"}\n"
#define TEST_STATUS "{\"execute\":\"guest-fsfreeze-status\"}\n"
#define TEST_THAW "{\"execute\":\"guest-fsfreeze-thaw\"}\n"

/* Fails unless the return is this JSON text. */
void test_frozen_ask(TestClient *client, const char *request, const char *expected);

/* Waits until guest-fsfreeze-status is this JSON text, for up to a minute. */
void test_frozen_await_status(TestGuest *guest, TestClient *client, const char *expected);

/* Fails unless a write to each of these places, words with spaces between them, comes to its end
 * within a minute; one that is answered by an error has. */
void test_frozen_assert_writable(TestGuest *guest, const char *places);
/* The same for every filesystem of a disk. */
void test_frozen_assert_none(TestGuest *guest);

/* Starts a write to `place` and fails unless it stands still, which it does until the thaw. */
void test_frozen_assert_held(TestGuest *guest, const char *place);

/* Fails unless the next thaw is answered by an error with this text, and the one after it by 0. */
void test_frozen_assert_told_once(TestClient *client, const char *why);

#endif
