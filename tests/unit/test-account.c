/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/account.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

static FirnAccount *again(const FirnAccount *account)
{
    gsize length;
    g_autofree char *text = firn_account_save(account, &length);
    g_autoptr(GError) error = NULL;
    FirnAccount *loaded = firn_account_load(text, length, &error);

    if (!loaded)
        ck_abort_msg("%s in:\n%s", error->message, text);
    return loaded;
}

START_TEST(test_new)
{
    g_autoptr(FirnAccount) account = firn_account_new("guest-fsfreeze-freeze", 77);
    const FirnAccountFilesystem *filesystem =
        firn_account_add_filesystem(account, "/", "ext4", "/dev/vda1", makedev(254, 1));

    ck_assert_int_eq(account->started, 77);
    ck_assert_int_eq(account->freeze_begin, FIRN_NEVER);
    ck_assert_int_eq(filesystem->freeze_begin, FIRN_NEVER);
    ck_assert_int_eq(filesystem->outcome, FIRN_OUTCOME_PENDING);
}
END_TEST

START_TEST(test_saved_and_loaded)
{
    g_autoptr(FirnAccount) account = firn_account_new("who?\n[freeze]\n", G_MAXINT64);
    g_autoptr(FirnAccount) loaded = NULL;
    FirnAccountFilesystem *filesystem;

    filesystem = firn_account_add_filesystem(account, "/a b\t\xff[x]=\n", "ext4", " /dev/x y ",
                                             makedev(259, 70000));
    filesystem->outcome = FIRN_OUTCOME_FAILED;
    filesystem->error = EIO;
    filesystem->sync_begin = 0;
    filesystem->sync_end = 12;
    filesystem->freeze_begin = 15;
    filesystem->freeze_end = 16;
    filesystem->thaw_begin = G_MAXINT64 - 1;
    filesystem->thaw_end = G_MAXINT64;
    firn_account_add_filesystem(account, "", "", "", 0);
    firn_account_add_hook(account, "/etc/hook é", TRUE, 5, 6, -1);
    account->freeze_begin = 14;
    account->freeze_end = 17;
    account->frozen = 2;
    account->thawed = 3;
    account->thaw_reason = FIRN_THAW_WALK_TIMEOUT;
    account->error = g_strdup("failed to freeze '/x': \"odd\"\\");
    loaded = again(account);

    ck_assert_str_eq(loaded->who, account->who);
    ck_assert_int_eq(loaded->started, account->started);
    ck_assert_int_eq(loaded->freeze_begin, 14);
    ck_assert_int_eq(loaded->thaw_begin, FIRN_NEVER);
    ck_assert_uint_eq(loaded->frozen, 2);
    ck_assert_uint_eq(loaded->thawed, 3);
    ck_assert_int_eq(loaded->thaw_reason, FIRN_THAW_WALK_TIMEOUT);
    ck_assert_str_eq(loaded->error, account->error);
    ck_assert_uint_eq(loaded->filesystems->len, 2);
    filesystem = firn_account_filesystem(loaded, 0);
    ck_assert_str_eq(filesystem->mountpoint, "/a b\t\xff[x]=\n");
    ck_assert_str_eq(filesystem->source, " /dev/x y ");
    ck_assert(filesystem->device == makedev(259, 70000));
    ck_assert_int_eq(filesystem->outcome, FIRN_OUTCOME_FAILED);
    ck_assert_int_eq(filesystem->error, EIO);
    ck_assert_int_eq(filesystem->sync_begin, 0);
    ck_assert_int_eq(filesystem->thaw_end, G_MAXINT64);
    ck_assert_str_eq(firn_account_filesystem(loaded, 1)->mountpoint, "");
    ck_assert_uint_eq(loaded->hooks->len, 1);
    ck_assert_str_eq(firn_account_hook(loaded, 0)->name, "/etc/hook é");
    ck_assert_int_eq(firn_account_hook(loaded, 0)->status, -1);
    ck_assert(firn_account_hook(loaded, 0)->thaw);
}
END_TEST

START_TEST(test_nonsense)
{
    static const char *const texts[] = {"", "nonsense", "[filesystem 0]\nmountpoint=/\n",
                                        "[freeze\n", "\xff\xfe"};
    g_autoptr(FirnAccount) odd = NULL;
    static const char claims[] = "[freeze]\nstarted=x\nfilesystems=4000000000\nthaw-reason=no\n"
                                 "freeze-begin=-77\n[filesystem 1]\n[hook 0]\nstatus=99999999999\n";

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        ck_assert_ptr_null(firn_account_load(texts[i], strlen(texts[i]), &error));
        ck_assert_ptr_nonnull(error);
    }
    odd = firn_account_load(claims, strlen(claims), NULL);
    ck_assert_ptr_nonnull(odd);
    ck_assert_str_eq(odd->who, "");
    ck_assert_int_eq(odd->freeze_begin, FIRN_NEVER);
    ck_assert_uint_eq(odd->filesystems->len, 0);
    ck_assert_uint_eq(odd->hooks->len, 1);
}
END_TEST

START_TEST(test_names)
{
    ck_assert_str_eq(firn_outcome_name(FIRN_OUTCOME_FOREIGN), "foreign");
    ck_assert_str_eq(firn_outcome_name(FIRN_OUTCOME_STUCK), "stuck");
    ck_assert_str_eq(firn_outcome_name((FirnOutcome)99), "unknown");
    ck_assert_str_eq(firn_thaw_reason_name(FIRN_THAW_DIED), "died");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("account");
    TCase *tests = tcase_create("account");

    tcase_add_test(tests, test_new);
    tcase_add_test(tests, test_saved_and_loaded);
    tcase_add_test(tests, test_nonsense);
    tcase_add_test(tests, test_names);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
