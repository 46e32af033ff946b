/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/journal.h"
#include "tests/lib/records.h"
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

/* The record that the tests tell of: nothing has happened. */
static FirnRecord *record;

static void set_up(void)
{
    record = test_record_new("guest-fsfreeze-freeze");
    seen = g_string_new(NULL);
    g_log_set_writer_func(write_entry, NULL, NULL);
}

static void tear_down(void)
{
    g_string_free(seen, TRUE);
    test_record_free(record);
}

static gint64 at(gint64 microseconds)
{
    return test_record_time(record, microseconds);
}

/* So many filesystems were frozen, held for 5 s and thawed on request. */
static void fill(guint filesystems)
{
    FirnRecordHead *head = record->head;

    for (guint i = 0; i < filesystems; i++) {
        FirnRecordTarget *row = test_record_add_target(record, "/home", "xfs", "/dev/vda2");

        row->state = FIRN_TARGET_THAWED;
        row->freeze_begin = at(100);
        row->freeze_end = at(350);
        row->thaw_begin = at(5000350);
        row->thaw_end = at(5000350);
    }
    head->walk_begin = at(100);
    head->walk_end = at(400);
    head->thaw_begin = at(5000400);
    head->thaw_end = at(5000500);
    head->frozen = filesystems;
    head->thawed = filesystems;
    head->end = FIRN_END_REQUEST;
}

static void set_message(const char *message)
{
    g_strlcpy(record->head->message, message, sizeof record->head->message);
}

static void assert_seen(const char *text)
{
    ck_assert_msg(strstr(seen->str, text) != NULL, "no \"%s\" in:\n%s", text, seen->str);
}

#define FROZE                                                                                      \
    "message GLIB_DOMAIN=firn FIRN_EVENT=freeze FIRN_WHO=guest-fsfreeze-freeze "                   \
    "FIRN_FILESYSTEMS=1 FIRN_DURATION_USEC=300 "                                                   \
    "MESSAGE=froze 1 filesystem in 0.30 ms PRIORITY=5\n"

START_TEST(a_freeze_that_went_well_has_an_entry)
{
    fill(1);
    firn_journal_freeze(record);
    ck_assert_str_eq(seen->str, FROZE);
}
END_TEST

START_TEST(a_freeze_that_failed_has_a_warning_with_its_error)
{
    fill(0);
    set_message("failed to freeze /x");
    firn_journal_freeze(record);
    ck_assert(g_str_has_prefix(seen->str, "warning"));
    assert_seen("FIRN_ERROR=failed to freeze /x");
    assert_seen("MESSAGE=freeze failed: failed to freeze /x PRIORITY=4");
}
END_TEST

START_TEST(a_refused_freeze_has_one_entry_that_says_so)
{
    test_record_add_target(record, "/home", "xfs", "/dev/vda2");
    set_message("freezing is switched off (freeze-enabled=false)");
    record->head->end = FIRN_END_FAILED;
    firn_journal_thaw(record);
    ck_assert_str_eq(seen->str,
                     "warning GLIB_DOMAIN=firn FIRN_EVENT=freeze FIRN_WHO=guest-fsfreeze-freeze "
                     "FIRN_FILESYSTEMS=0 FIRN_ERROR=freezing is switched off "
                     "(freeze-enabled=false) MESSAGE=freeze refused: freezing is switched off "
                     "(freeze-enabled=false) PRIORITY=4\n");
}
END_TEST

START_TEST(a_freeze_that_was_broken_off_is_not_told_as_done)
{
    record->head->end = FIRN_END_CANCELLED;
    firn_journal_freeze(record);
    assert_seen("MESSAGE=froze nothing: the freeze ended before its first filesystem (cancelled) "
                "PRIORITY=5");
    record->head->walk_begin = at(100);
    record->head->frozen = 2;
    record->head->end = FIRN_END_DIED;
    firn_journal_freeze(record);
    assert_seen("MESSAGE=froze 2 filesystems, and ended before the last (died) PRIORITY=4");
}
END_TEST

static void add_hook(void)
{
    FirnRecordHook *hook = test_record_add_hook(record, "/hook");

    hook->freeze_begin = at(1);
    hook->freeze_end = at(21);
    hook->thaw_begin = at(1);
    hook->thaw_end = at(21);
    hook->thaw_status = 3 << 8;
}

#define THAWED                                                                                     \
    "message GLIB_DOMAIN=firn FIRN_EVENT=filesystem FIRN_WHO=guest-fsfreeze-freeze "               \
    "FIRN_MOUNTPOINT=/home FIRN_TYPE=xfs FIRN_DEVICE=/dev/vda2 FIRN_OUTCOME=frozen "               \
    "FIRN_DURATION_USEC=250 FIRN_HELD_USEC=5000000 MESSAGE=/home (xfs on /dev/vda2) was frozen "   \
    "in 0.25 ms and held for 5.0 s PRIORITY=5\n"                                                   \
    "message GLIB_DOMAIN=firn FIRN_EVENT=hook FIRN_WHO=guest-fsfreeze-freeze FIRN_HOOK=/hook "     \
    "FIRN_REASON=freeze FIRN_DURATION_USEC=20 FIRN_STATUS=0 MESSAGE=hook /hook freeze took "       \
    "0.02 ms PRIORITY=5\n"                                                                         \
    "warning GLIB_DOMAIN=firn FIRN_EVENT=hook FIRN_WHO=guest-fsfreeze-freeze FIRN_HOOK=/hook "     \
    "FIRN_REASON=thaw FIRN_DURATION_USEC=20 FIRN_STATUS=3 MESSAGE=hook /hook thaw ended with "     \
    "status 3 after 0.02 ms PRIORITY=4\n"                                                          \
    "message GLIB_DOMAIN=firn FIRN_EVENT=thaw FIRN_WHO=guest-fsfreeze-freeze FIRN_FILESYSTEMS=1 "  \
    "FIRN_REASON=request FIRN_DURATION_USEC=100 FIRN_HELD_USEC=5000000 MESSAGE=thawed 1 "          \
    "filesystem after 5.0 s (request) PRIORITY=5\n"

START_TEST(how_a_freeze_went_is_told_before_how_it_ended)
{
    fill(1);
    add_hook();
    firn_journal_thaw(record);
    ck_assert_str_eq(seen->str, FROZE THAWED);
}
END_TEST

START_TEST(what_the_log_has_is_not_told_again)
{
    fill(1);
    add_hook();
    record->head->logged = TRUE;
    firn_journal_thaw(record);
    ck_assert_str_eq(seen->str, THAWED);
}
END_TEST

START_TEST(hooks_that_did_not_end_by_themselves_are_told_as_that)
{
    fill(1);
    add_hook();
    record->hooks[0].status = -2;
    record->hooks[0].thaw_status = -1;
    firn_journal_thaw(record);
    assert_seen("FIRN_STATUS=-1 MESSAGE=hook /hook freeze could not be started after 0.02 ms");
    assert_seen("FIRN_STATUS=-1 MESSAGE=hook /hook thaw timed out after 0.02 ms PRIORITY=4");
}
END_TEST

START_TEST(trouble_with_a_filesystem_is_a_warning_with_its_reason)
{
    fill(5);
    record->targets[0].state = FIRN_TARGET_FAILED;
    record->targets[0].error = EIO;
    record->targets[1].state = FIRN_TARGET_UNSUPPORTED;
    record->targets[2].thaw_error = EINVAL;
    record->targets[3].unsure = TRUE;
    record->targets[3].freeze_end = 0;
    record->targets[4].state = FIRN_TARGET_LOST;
    record->head->end = FIRN_END_DEADLINE;
    firn_journal_thaw(record);
    assert_seen("failed to freeze: Input/output error PRIORITY=4");
    assert_seen("was not frozen: unsupported PRIORITY=5");
    assert_seen("was frozen in 0.25 ms and held for 5.0 s, thawed by somebody else PRIORITY=4");
    assert_seen("was frozen, the process in its FIFREEZE was killed: what the call answered is not "
                "known; it was thawed PRIORITY=4");
    assert_seen("is lost: unmounted or covered while frozen: thawed through a mount of firn's own "
                "PRIORITY=4");
    assert_seen("(deadline) PRIORITY=4");
}
END_TEST

START_TEST(a_filesystem_of_another_namespace_is_told_with_whose_it_is)
{
    fill(1);
    record->targets[0].state = FIRN_TARGET_ELSEWHERE;
    record->targets[0].whose = test_record_add_text(record, "pid 812 (nginx)");
    firn_journal_thaw(record);
    assert_seen("was not frozen: elsewhere, mounted only in the mount namespace of pid 812 (nginx) "
                "PRIORITY=5");
}
END_TEST

START_TEST(of_many_filesystems_only_trouble_is_news)
{
    fill(65);
    record->targets[64].state = FIRN_TARGET_STUCK;
    record->head->logged = TRUE;
    firn_journal_thaw(record);
    ck_assert(g_str_has_prefix(seen->str, "info"));
    assert_seen("was not frozen: stuck PRIORITY=4");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *tests = tcase_create("journal");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_freeze_that_went_well_has_an_entry);
    tcase_add_test(tests, a_freeze_that_failed_has_a_warning_with_its_error);
    tcase_add_test(tests, a_refused_freeze_has_one_entry_that_says_so);
    tcase_add_test(tests, a_freeze_that_was_broken_off_is_not_told_as_done);
    tcase_add_test(tests, how_a_freeze_went_is_told_before_how_it_ended);
    tcase_add_test(tests, what_the_log_has_is_not_told_again);
    tcase_add_test(tests, hooks_that_did_not_end_by_themselves_are_told_as_that);
    tcase_add_test(tests, trouble_with_a_filesystem_is_a_warning_with_its_reason);
    tcase_add_test(tests, a_filesystem_of_another_namespace_is_told_with_whose_it_is);
    tcase_add_test(tests, of_many_filesystems_only_trouble_is_news);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
