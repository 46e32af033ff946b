/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/record-read.h"
#include "tests/lib/records.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <string.h>

static FirnRecord *record;

/* Of /home, /data and /. */
static void set_up(void)
{
    g_setenv("TZ", "UTC", TRUE);
    record = test_record_new("guest-fsfreeze-freeze");
    test_record_add_target(record, "/home", "xfs", "/dev/vdb");
    test_record_add_target(record, "/data", "btrfs", "/dev/vdc");
    test_record_add_target(record, "/", "ext4", "/dev/vda");
}

static void tear_down(void)
{
    test_record_free(record);
}

/* All three were frozen, and thawed on the host's request 5 s later. */
static void set_thawed(void)
{
    FirnRecordHead *head = record->head;

    for (guint i = 0; i < head->target_count; i++) {
        FirnRecordTarget *row = &record->targets[i];

        row->state = FIRN_TARGET_THAWED;
        row->freeze_begin = test_record_time(record, 100 + 100 * i);
        row->freeze_end = test_record_time(record, 200 + 100 * i);
        row->thaw_begin = test_record_time(record, 5000000);
        row->thaw_end = test_record_time(record, 5000200 + 100 * i);
    }
    head->walk_begin = test_record_time(record, 100);
    head->walk_end = test_record_time(record, 500);
    head->thaw_begin = test_record_time(record, 5000000);
    head->thaw_end = test_record_time(record, 5000500);
    head->frozen = 3;
    head->thawed = 3;
    head->end = FIRN_END_REQUEST;
}

static void assert_note(const char *expected)
{
    g_autofree char *note = firn_record_note(record);

    ck_assert_pstr_eq(note, expected);
}

static void assert_remark(guint target, const char *expected)
{
    g_autofree char *remark = firn_record_remark(record, target);

    ck_assert_pstr_eq(remark, expected);
}

START_TEST(every_state_and_end_has_a_word_of_its_own)
{
    static const char *const outcomes[FIRN_TARGET_STATES] = {
        "pending", "stuck",  "frozen",    "frozen", "frozen", "unsupported",
        "foreign", "hidden", "elsewhere", "failed", "stuck",  "lost"};
    static const char *const ends[FIRN_ENDS] = {"none",     "request",   "failed",
                                                "empty",    "cancelled", "walk-timeout",
                                                "deadline", "shutdown",  "died"};

    for (guint i = 0; i < FIRN_TARGET_STATES; i++)
        ck_assert_str_eq(firn_target_outcome((FirnTargetState)i), outcomes[i]);
    for (guint i = 0; i < FIRN_ENDS; i++)
        ck_assert_str_eq(firn_end_name((FirnEnd)i), ends[i]);
    ck_assert_str_eq(firn_target_outcome((FirnTargetState)FIRN_TARGET_STATES), "unknown");
    ck_assert_str_eq(firn_end_name((FirnEnd)-1), "unknown");
}
END_TEST

START_TEST(a_number_that_is_no_text_reads_as_empty)
{
    ck_assert_str_eq(firn_record_text(record, record->head->who), "guest-fsfreeze-freeze");
    ck_assert_str_eq(firn_record_text(record, record->head->text_length), "");
    ck_assert_str_eq(firn_record_text(record, G_MAXUINT), "");
}
END_TEST

START_TEST(filesystems_are_named_and_counted_by_their_state)
{
    g_autofree char *name = firn_record_describe(record, 1);

    ck_assert_str_eq(name, "/data (btrfs on /dev/vdc)");
    record->targets[0].state = FIRN_TARGET_FROZEN;
    record->targets[1].state = FIRN_TARGET_THAWING;
    ck_assert_uint_eq(firn_record_count_frozen(record), 2);
    ck_assert_uint_eq(firn_record_count(record, FIRN_TARGET_PENDING), 1);
    ck_assert_int_eq(firn_record_find(record, FIRN_TARGET_THAWING), 1);
    ck_assert_int_eq(firn_record_find(record, FIRN_TARGET_STUCK), -1);
    ck_assert(firn_record_was_frozen(record, 1));
    ck_assert(!firn_record_was_frozen(record, 2));
}
END_TEST

START_TEST(times_count_from_the_request)
{
    FirnRecordTarget *row = &record->targets[0];

    ck_assert_int_eq(firn_record_started(record), G_GINT64_CONSTANT(1700000000123456));
    ck_assert_int_eq(firn_record_since(record, 0), FIRN_NEVER);
    ck_assert_int_eq(firn_record_since(record, record->head->begin + 1999), 1);
    ck_assert_int_eq(firn_record_length(record, record->head->begin, 0), FIRN_NEVER);
    ck_assert_int_eq(firn_record_held_time(record, 0), FIRN_NEVER);
    set_thawed();
    ck_assert_int_eq(firn_record_length(record, row->freeze_begin, row->freeze_end), 100);
    ck_assert_int_eq(firn_record_held_time(record, 0), 5000000);
}
END_TEST

START_TEST(no_time_of_a_damaged_record_is_out_of_range)
{
    static const gint64 odd[] = {G_MININT64, -1, 1, G_MAXINT64};

    for (guint i = 0; i < G_N_ELEMENTS(odd); i++) {
        for (guint j = 0; j < G_N_ELEMENTS(odd); j++) {
            record->head->begin = odd[i];
            record->head->real_offset = odd[j];
            ck_assert_int_ge(firn_record_started(record), 0);
            ck_assert_int_ge(firn_record_since(record, odd[j]), 0);
            ck_assert_int_ge(firn_record_length(record, odd[i], odd[j]), 0);
        }
    }
}
END_TEST

START_TEST(a_freeze_that_did_nothing_but_fail_was_refused)
{
    ck_assert(!firn_record_was_refused(record));
    g_strlcpy(record->head->message, "no", sizeof record->head->message);
    ck_assert(firn_record_was_refused(record));
    record->head->hooks_begin = test_record_time(record, 1);
    ck_assert(!firn_record_was_refused(record));
}
END_TEST

START_TEST(a_remark_says_what_the_outcome_does_not)
{
    set_thawed();
    assert_remark(0, NULL);
    record->targets[0].thaw_error = EINVAL;
    assert_remark(0, "thawed by somebody else");
    record->targets[0].thaw_error = EIO;
    assert_remark(0, "thaw failed: Input/output error");
    record->targets[1].state = FIRN_TARGET_FAILED;
    record->targets[1].error = ENOSPC;
    assert_remark(1, "No space left on device");
    record->targets[2].state = FIRN_TARGET_LOST;
    assert_remark(2, "unmounted or covered while frozen: thawed through a mount of firn's own");
    record->targets[2].thaw_error = EBUSY;
    assert_remark(2, "still frozen, and no path leads to it (Device or resource busy): mount it "
                     "again, and thaw it with 'fsfreeze --unfreeze'");
    record->targets[2].state = FIRN_TARGET_ELSEWHERE;
    record->targets[2].whose = test_record_add_text(record, "pid 812 (nginx)");
    assert_remark(2, "mounted only in the mount namespace of pid 812 (nginx)");
}
END_TEST

START_TEST(a_lost_answer_is_no_thaw_by_somebody_else)
{
    FirnRecordTarget *row = &record->targets[0];

    set_thawed();
    row->unsure = TRUE;
    row->thaw_error = EINVAL;
    assert_remark(0, "the process in its FITHAW was killed: what the call answered is not known; "
                     "it is not frozen");
    assert_note(NULL);
    row->freeze_end = 0;
    row->thaw_error = 0;
    assert_remark(0, "the process in its FIFREEZE was killed: what the call answered is not known; "
                     "it was thawed");
}
END_TEST

START_TEST(hooks_ran_forwards_to_freeze_and_backwards_to_thaw)
{
    g_autoptr(GArray) runs = NULL;
    const FirnHookRun *run;

    test_record_add_hook(record, "/hooks/a");
    test_record_add_hook(record, "/hooks/b");
    test_record_add_hook(record, "/hooks/never");
    for (guint i = 0; i < 2; i++) {
        record->hooks[i].freeze_begin = test_record_time(record, 10 + i);
        record->hooks[i].freeze_end = test_record_time(record, 20 + i);
        record->hooks[i].thaw_begin = test_record_time(record, 30 + i);
    }
    record->hooks[0].status = 7 << 8;
    record->hooks[1].status = 9;
    record->hooks[0].thaw_status = -1;
    record->hooks[1].thaw_status = -2;
    runs = firn_record_hook_runs(record);

    ck_assert_uint_eq(runs->len, 4);
    run = &g_array_index(runs, FirnHookRun, 0);
    ck_assert_str_eq(run->path, "/hooks/a");
    ck_assert(!run->thaw);
    ck_assert_int_eq(run->begin, 10);
    ck_assert_int_eq(run->end, 20);
    ck_assert_int_eq(run->status, 7);
    ck_assert_ptr_null(run->trouble);
    ck_assert_int_eq(run[1].status, 128 + 9);
    ck_assert_str_eq(run[2].path, "/hooks/b");
    ck_assert(run[2].thaw);
    ck_assert_int_eq(run[2].end, FIRN_NEVER);
    ck_assert_int_eq(run[2].status, -1);
    ck_assert_str_eq(run[2].trouble, "could not be started");
    ck_assert_str_eq(run[3].trouble, "timed out");
}
END_TEST

START_TEST(a_host_that_thawed_all_it_had_frozen_is_told_nothing)
{
    set_thawed();
    assert_note(NULL);
}
END_TEST

START_TEST(a_host_is_told_why_its_freeze_ended_early)
{
    set_thawed();
    record->head->early = TRUE;
    record->head->end = FIRN_END_DEADLINE;
    assert_note("3 filesystems were thawed early at 2023-11-14T22:13:25Z because they had been "
                "frozen for freeze-timeout: what was copied since then is not a consistent "
                "snapshot");
    record->head->end = FIRN_END_SHUTDOWN;
    record->head->frozen = 1;
    assert_note("1 filesystem was thawed early at 2023-11-14T22:13:25Z because the agent was told "
                "to stop: what was copied since then is not a consistent snapshot");
}
END_TEST

START_TEST(a_host_is_told_what_somebody_else_thawed)
{
    set_thawed();
    record->targets[0].thaw_error = EINVAL;
    record->targets[2].thaw_error = EINVAL;
    assert_note("/home (xfs on /dev/vdb), / (ext4 on /dev/vda) had been thawed by somebody else "
                "before the thaw: what was copied is not a consistent snapshot");
}
END_TEST

START_TEST(a_host_is_told_what_is_lost)
{
    set_thawed();
    record->targets[1].state = FIRN_TARGET_LOST;
    assert_note("/data (btrfs on /dev/vdc) had been unmounted or covered before the thaw; it is "
                "thawed, but what was copied may not be a consistent snapshot");
    record->targets[1].thaw_error = EBUSY;
    assert_note("/data (btrfs on /dev/vdc): still frozen, and no path leads there any more; mount "
                "it again, and thaw it with 'fsfreeze --unfreeze'");
}
END_TEST

START_TEST(a_host_that_got_an_error_for_its_freeze_gets_no_second_one)
{
    set_thawed();
    record->targets[0].thaw_error = EINVAL;
    record->head->end = FIRN_END_FAILED;
    assert_note(NULL);
}
END_TEST

START_TEST(a_freeze_that_ended_early_is_never_told_as_nothing)
{
    set_thawed();
    record->head->early = TRUE;
    assert_note("the freeze did not hold until guest-fsfreeze-thaw: what was copied is not a "
                "consistent snapshot");
}
END_TEST

START_TEST(a_note_names_a_few_filesystems_and_counts_the_rest)
{
    g_autofree char *note = NULL;

    for (guint i = 0; i < 997; i++)
        test_record_add_target(record, "/m", "ext4", "/dev/x");
    set_thawed();
    for (guint i = 0; i < 1000; i++)
        record->targets[i].thaw_error = EINVAL;
    note = firn_record_note(record);
    ck_assert_ptr_nonnull(strstr(note, "/m (ext4 on /dev/x) and 995 more had been thawed"));
    ck_assert_uint_lt(strlen(note), 300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record-read");
    TCase *tests = tcase_create("record-read");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_state_and_end_has_a_word_of_its_own);
    tcase_add_test(tests, a_number_that_is_no_text_reads_as_empty);
    tcase_add_test(tests, filesystems_are_named_and_counted_by_their_state);
    tcase_add_test(tests, times_count_from_the_request);
    tcase_add_test(tests, no_time_of_a_damaged_record_is_out_of_range);
    tcase_add_test(tests, a_freeze_that_did_nothing_but_fail_was_refused);
    tcase_add_test(tests, a_remark_says_what_the_outcome_does_not);
    tcase_add_test(tests, a_lost_answer_is_no_thaw_by_somebody_else);
    tcase_add_test(tests, hooks_ran_forwards_to_freeze_and_backwards_to_thaw);
    tcase_add_test(tests, a_host_that_thawed_all_it_had_frozen_is_told_nothing);
    tcase_add_test(tests, a_host_is_told_why_its_freeze_ended_early);
    tcase_add_test(tests, a_host_is_told_what_somebody_else_thawed);
    tcase_add_test(tests, a_host_is_told_what_is_lost);
    tcase_add_test(tests, a_host_that_got_an_error_for_its_freeze_gets_no_second_one);
    tcase_add_test(tests, a_freeze_that_ended_early_is_never_told_as_nothing);
    tcase_add_test(tests, a_note_names_a_few_filesystems_and_counts_the_rest);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
