/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_ACCOUNTS_H
#define TESTS_LIB_ACCOUNTS_H

/* The account that test_accounts_isolate() makes, and its home. */
#define TEST_ACCOUNT "firn-alice"
#define TEST_ACCOUNT_HOME "/home/" TEST_ACCOUNT
#define TEST_ACCOUNT_UID 64242
#define TEST_ACCOUNT_GID 64243

/*
 * Gives this process, and what it starts from then on, a copy of /etc and an empty /home of its own
 * in a private mount namespace, with one account more: nothing that is done to accounts leaves it.
 * Returns NULL, or why it cannot be had (for TEST_SKIP); fails the test where it goes half way.
 */
const char *test_accounts_isolate(void);

/* What /etc/shadow has as the account's password; free with g_free(). */
char *test_accounts_password(void);

#endif
