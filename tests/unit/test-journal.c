/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/journal.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <string.h>

/* What came to the log: "LEVEL KEY=value KEY=value ...", one line an entry. */
static GString *seen;

static GLogWriterOutput write_entry(GLogLevelFlags level, const GLogField *fields, gsize count,
                                    gpointer data)
{
    g_string_append(seen, level & G_LOG_LEVEL_WARNING   ? "warning"
                          : level & G_LOG_LEVEL_MESSAGE ? "message"
                                                        : "info");
    for (gsize i = 0; i < count; i++)
        g_string_append_printf(seen, " %s=%s", fields[i].key, (const char *)fields[i].value);
    g_string_append_c(seen, '\n');
    return G_LOG_WRITER_HANDLED;
}

static void set_up(void)
{
    seen = g_string_new(NULL);
    g_log_set_writer_func(write_entry, NULL, NULL);
}

static void tear_down(void)
{
    g_string_free(seen, TRUE);
}

static FirnAccount *make_account(guint filesystems)
{
    FirnAccount *account = firn_account_new("guest-fsfreeze-freeze", 1);

    for (guint i = 0; i < filesystems; i++) {
        FirnAccountFilesystem *filesystem =
            firn_account_add_filesystem(account, "/home", "xfs", "/dev/vda2", 0);

        filesystem->outcome = FIRN_OUTCOME_FROZEN;
        filesystem->freeze_begin = 100;
        filesystem->freeze_end = 350;
        filesystem->thaw_begin = 5000350;
        filesystem->thaw_end = 5000350;
    }
    account->freeze_begin = 100;
    account->freeze_end = 400;
    account->thaw_begin = 5000400;
    account->thaw_end = 5000500;
    account->frozen = filesystems;
    account->thawed = filesystems;
    account->thaw_reason = FIRN_THAW_REQUEST;
    return account;
}

START_TEST(test_freeze)
{
    g_autoptr(FirnAccount) account = make_account(1);

    firn_journal_freeze(account);
    ck_assert_str_eq(seen->str,
                     "message GLIB_DOMAIN=firn FIRN_EVENT=freeze FIRN_WHO=guest-fsfreeze-freeze "
                     "FIRN_FILESYSTEMS=1 FIRN_DURATION_USEC=300 "
                     "MESSAGE=froze 1 filesystem in 0.30 ms PRIORITY=5\n");
}
END_TEST

START_TEST(test_failed_freeze)
{
    g_autoptr(FirnAccount) account = make_account(0);

    account->error = g_strdup("failed to freeze /x");
    firn_journal_freeze(account);
    ck_assert(g_str_has_prefix(seen->str, "warning"));
    ck_assert_ptr_nonnull(strstr(seen->str, "FIRN_ERROR=failed to freeze /x"));
}
END_TEST

START_TEST(test_thaw)
{
    g_autoptr(FirnAccount) account = make_account(1);

    firn_account_add_hook(account, "/hook", FALSE, 0, 20, 0);
    firn_account_add_hook(account, "/hook", TRUE, 0, 20, 3);
    firn_journal_thaw(account);
    ck_assert_str_eq(seen->str,
                     "message GLIB_DOMAIN=firn FIRN_EVENT=filesystem "
                     "FIRN_WHO=guest-fsfreeze-freeze FIRN_MOUNTPOINT=/home FIRN_TYPE=xfs "
                     "FIRN_DEVICE=/dev/vda2 FIRN_OUTCOME=frozen FIRN_DURATION_USEC=250 "
                     "FIRN_HELD_USEC=5000000 MESSAGE=/home (xfs on /dev/vda2) was frozen in "
                     "0.25 ms and held for 5.0 s PRIORITY=5\n"
                     "message GLIB_DOMAIN=firn FIRN_EVENT=hook FIRN_WHO=guest-fsfreeze-freeze "
                     "FIRN_HOOK=/hook FIRN_REASON=freeze FIRN_DURATION_USEC=20 FIRN_STATUS=0 "
                     "MESSAGE=hook /hook freeze took 0.02 ms PRIORITY=5\n"
                     "warning GLIB_DOMAIN=firn FIRN_EVENT=hook FIRN_WHO=guest-fsfreeze-freeze "
                     "FIRN_HOOK=/hook FIRN_REASON=thaw FIRN_DURATION_USEC=20 FIRN_STATUS=3 "
                     "MESSAGE=hook /hook thaw ended with status 3 after 0.02 ms PRIORITY=4\n"
                     "message GLIB_DOMAIN=firn FIRN_EVENT=thaw FIRN_WHO=guest-fsfreeze-freeze "
                     "FIRN_FILESYSTEMS=1 FIRN_REASON=request FIRN_DURATION_USEC=100 "
                     "FIRN_HELD_USEC=5000000 MESSAGE=thawed 1 filesystem after 5.0 s (request) "
                     "PRIORITY=5\n");
}
END_TEST

START_TEST(test_trouble)
{
    g_autoptr(FirnAccount) account = make_account(2);

    firn_account_filesystem(account, 0)->outcome = FIRN_OUTCOME_FAILED;
    firn_account_filesystem(account, 0)->error = EIO;
    firn_account_filesystem(account, 1)->outcome = FIRN_OUTCOME_UNSUPPORTED;
    account->thaw_reason = FIRN_THAW_DEADLINE;
    firn_journal_thaw(account);
    ck_assert_ptr_nonnull(strstr(seen->str, "failed to freeze: Input/output error PRIORITY=4"));
    ck_assert_ptr_nonnull(strstr(seen->str, "was not frozen: unsupported PRIORITY=5"));
    ck_assert_ptr_nonnull(strstr(seen->str, "(deadline) PRIORITY=4"));
}
END_TEST

/* Of many filesystems only trouble is news. */
START_TEST(test_many)
{
    g_autoptr(FirnAccount) account = make_account(65);

    firn_account_filesystem(account, 64)->outcome = FIRN_OUTCOME_STUCK;
    firn_journal_thaw(account);
    ck_assert(g_str_has_prefix(seen->str, "info"));
    ck_assert_ptr_nonnull(strstr(seen->str, "was not frozen: stuck PRIORITY=4"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *tests = tcase_create("journal");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_freeze);
    tcase_add_test(tests, test_failed_freeze);
    tcase_add_test(tests, test_thaw);
    tcase_add_test(tests, test_trouble);
    tcase_add_test(tests, test_many);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
