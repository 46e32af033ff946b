/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of a freeze: made whole or not at all, locked while a process of the freeze lives, and
 * the report in the end. */
#include "agent/freeze/record.h"
#include "agent/freeze/report.h"
#include "tests/lib/shell.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOOT "/proc/sys/kernel/random/boot_id"

static const char *const hooks[] = {"/etc/hooks/1", "/etc/hooks/2", NULL};

/* The state directory, and the root of a system, each test its own. */
static char *tree;
static FirnFreezeRequest *request;

static void setup(void)
{
    tree = test_tree_new();
    test_tree_write(tree, BOOT, "b1\n");
    request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
    g_free(request->root);
    request->root = g_strdup(tree);
    request->state_dir = g_strdup(tree);
    request->who = g_strdup("test");
    request->report_keep = 8;
    request->freeze_timeout = 7;
}

static void teardown(void)
{
    firn_freeze_request_free(request);
    test_tree_remove(tree);
}

static FirnPlan *make_plan(void)
{
    static const char text[] = "1 0 8:1 / / rw - ext4 /dev/vda1 rw\n"
                               "2 1 8:2 / /home rw - xfs /dev/vda2 rw\n";
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(text, -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);

    return firn_plan_new(mounts, NULL, selection);
}

static FirnRecord *make_record(void)
{
    g_autoptr(FirnPlan) plan = make_plan();
    g_autoptr(GError) error = NULL;
    FirnRecord *record = firn_record_create(request, plan, hooks, &error);

    ck_assert_msg(record != NULL, "%s", error ? error->message : "");
    return record;
}

static gboolean exists(const char *name)
{
    g_autofree char *path = g_build_filename(tree, name, NULL);

    return access(path, F_OK) == 0;
}

static guint count_reports(void)
{
    g_autoptr(GPtrArray) reports = firn_report_load(tree, G_MAXUINT, NULL);

    return reports ? reports->len : 0;
}

START_TEST(a_record_holds_plan_hooks_and_request)
{
    g_autoptr(FirnRecord) made = make_record();
    g_autoptr(FirnRecord) record = firn_record_open(tree, NULL);
    g_autofree char *home = NULL;
    struct stat status;

    ck_assert_ptr_nonnull(record);
    ck_assert_uint_eq(record->head->target_count, 2);
    home = firn_record_describe(record, 0);
    ck_assert_str_eq(home, "/home (xfs on /dev/vda2)");
    ck_assert_str_eq(firn_record_text(record, record->targets[1].mountpoint), "/");
    ck_assert_int_eq(record->targets[0].state, FIRN_TARGET_PENDING);
    ck_assert_int_eq(record->fds[0], -1);
    ck_assert_uint_eq(record->head->hook_count, 2);
    ck_assert_str_eq(firn_record_text(record, record->hooks[1].path), "/etc/hooks/2");
    ck_assert_str_eq(firn_record_text(record, record->head->who), "test");
    ck_assert_str_eq(firn_record_text(record, record->head->log_file), "");
    ck_assert_int_eq(record->head->deadline - record->head->begin,
                     7 * G_GINT64_CONSTANT(1000000000));
    ck_assert_int_eq(fstat(record->fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert(!exists("freeze-record.new"));
    made->targets[0].error = EIO; /* one mapping for all */
    ck_assert_int_eq(record->targets[0].error, EIO);
}
END_TEST

START_TEST(without_a_record_there_is_no_error)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_record_open(tree, &error));
    ck_assert_ptr_null(error);
}
END_TEST

START_TEST(a_freeze_without_a_plan_has_a_record_too)
{
    g_autoptr(FirnRecord) record = firn_record_create(request, NULL, NULL, NULL);

    ck_assert_ptr_nonnull(record);
    ck_assert_uint_eq(record->head->target_count, 0);
    ck_assert_uint_eq(record->head->hook_count, 0);
    ck_assert(firn_record_finish(record, NULL));
    ck_assert_uint_eq(count_reports(), 1);
}
END_TEST

START_TEST(the_lock_lasts_as_long_as_the_last_process)
{
    FirnRecord *record;
    g_autoptr(FirnRecord) other = NULL;
    int life[2];
    pid_t child;
    char byte;

    if (test_on_valgrind())
        TEST_SKIP("a process that ends by _exit() is a leak to valgrind");
    record = make_record();
    other = firn_record_open(tree, NULL);
    ck_assert_int_eq(pipe(life), 0);
    ck_assert(!firn_record_lock(other));
    child = fork();
    if (child == 0) {
        close(life[1]);
        close(other->fd);
        _exit(read(life[0], &byte, 1) == 0 ? 0 : 1);
    }
    ck_assert_int_gt(child, 0);
    firn_record_free(record);
    ck_assert_msg(!firn_record_lock(other), "a process of the freeze lives");
    close(life[1]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert(firn_record_lock(other));
    close(life[0]);
}
END_TEST

START_TEST(a_record_becomes_the_report)
{
    FirnRecord *record = make_record();
    g_autoptr(GPtrArray) reports = NULL;

    record->targets[0].state = FIRN_TARGET_THAWED;
    ck_assert(firn_record_finish(record, NULL));
    firn_record_free(record);
    ck_assert(!exists("freeze-record"));
    reports = firn_report_load(tree, G_MAXUINT, NULL);
    ck_assert_uint_eq(reports->len, 1);
    record = g_ptr_array_index(reports, 0);
    ck_assert_int_eq(record->targets[0].state, FIRN_TARGET_THAWED);
}
END_TEST

/* The process that was to make the report was killed when it had. */
START_TEST(a_report_is_made_once)
{
    g_autoptr(FirnRecord) record = make_record();
    g_autoptr(FirnRecord) next = firn_record_open(tree, NULL);
    g_autoptr(GError) error = NULL;

    ck_assert(firn_record_finish(record, NULL));
    ck_assert_msg(firn_record_finish(next, &error), "%s", error ? error->message : "");
    ck_assert_uint_eq(count_reports(), 1);
}
END_TEST

/* The next freeze has begun when a late process of the one before ends it once more. */
START_TEST(the_record_of_the_next_freeze_is_left_alone)
{
    g_autoptr(FirnRecord) record = make_record();
    g_autoptr(FirnRecord) next = NULL;

    ck_assert(firn_record_finish(record, NULL));
    next = make_record();
    ck_assert(firn_record_finish(record, NULL));
    ck_assert(exists("freeze-record"));
    record->head->report_keep = 0;
    ck_assert(firn_record_finish(record, NULL));
    firn_record_forget(record);
    ck_assert(exists("freeze-record"));
    firn_record_forget(next);
    ck_assert(!exists("freeze-record"));
}
END_TEST

START_TEST(while_a_filesystem_is_stuck_the_record_stays_as_well)
{
    g_autoptr(FirnRecord) record = make_record();
    g_autoptr(FirnRecord) again = NULL;

    record->targets[1].state = FIRN_TARGET_STUCK;
    ck_assert(firn_record_finish(record, NULL));
    ck_assert(exists("freeze-record"));
    ck_assert_uint_eq(count_reports(), 1);
    ck_assert(firn_record_finish(record, NULL)); /* again, after a kill */
    ck_assert(exists("freeze-record"));
    again = firn_record_open(tree, NULL);
    ck_assert_int_eq(firn_record_find_stuck(again), 1);

    g_atomic_int_set(&record->targets[1].returned, TRUE);
    ck_assert_int_eq(firn_record_find_stuck(again), -1);
    ck_assert(firn_record_finish(again, NULL));
    ck_assert(!exists("freeze-record"));
    ck_assert_uint_eq(count_reports(), 1);
}
END_TEST

START_TEST(no_report_is_kept_where_none_is_wanted)
{
    g_autoptr(FirnRecord) record = NULL;

    request->report_keep = 0;
    record = make_record();
    ck_assert(firn_record_finish(record, NULL));
    ck_assert(!exists("freeze-record"));
    ck_assert_uint_eq(count_reports(), 0);
}
END_TEST

START_TEST(a_report_that_the_host_must_be_told_of_is_kept)
{
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(FirnRecord) next = NULL;

    request->report_keep = 0;
    record = make_record();
    record->head->early = TRUE;
    ck_assert(firn_record_finish(record, NULL));
    ck_assert_uint_eq(count_reports(), 1);

    next = make_record();
    next->head->early = TRUE;
    next->head->told = TRUE;
    ck_assert(firn_record_finish(next, NULL));
    ck_assert_uint_eq(count_reports(), 0);
}
END_TEST

START_TEST(a_full_state_directory_refuses_the_freeze)
{
    g_autoptr(FirnPlan) plan = make_plan();
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;

    if (!test_private_mounts() ||
        !test_shell(&why,
                    "mount -t tmpfs -o size=64k tmpfs %s && { head -c 200000 /dev/zero "
                    ">%s/filler 2>/dev/null || true; }",
                    tree, tree))
        TEST_SKIP("this machine does not let a test mount: %s", why ? why : "no namespace");
    ck_assert_ptr_null(firn_record_create(request, plan, hooks, &error));
    ck_assert_msg(strstr(error->message, "No space left on device") != NULL, "%s", error->message);
    ck_assert_msg(strstr(error->message, "make room there") != NULL, "%s", error->message);
    ck_assert(!exists("freeze-record"));
    ck_assert(!exists("freeze-record.new"));
}
END_TEST

START_TEST(a_missing_state_directory_is_named)
{
    g_autoptr(GError) error = NULL;

    g_free(request->state_dir);
    request->state_dir = g_build_filename(tree, "none", NULL);
    ck_assert_ptr_null(firn_record_create(request, NULL, NULL, &error));
    ck_assert_msg(strstr(error->message, request->state_dir) != NULL, "%s", error->message);
    ck_assert_msg(strstr(error->message, "'statedir'") != NULL, "%s", error->message);
}
END_TEST

static void assert_is_no_record(const char *expected)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_record_open(tree, &error));
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error->message, expected) != NULL, "%s", error->message);
}

/* Writes the record's file anew. */
static void write_record(const void *bytes, gsize length)
{
    g_autofree char *path = g_build_filename(tree, "freeze-record", NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)length), 0);
    ck_assert_int_eq(write(fd, bytes, length), (gssize)length);
    close(fd);
}

START_TEST(what_is_no_record_is_refused)
{
    g_autofree char *path = g_build_filename(tree, "freeze-record", NULL);

    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_is_no_record("freeze-record");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_is_no_record("is no record");
    ck_assert_int_eq(unlink(path), 0);
    test_tree_link(tree, "/freeze-record", "/etc/passwd");
    assert_is_no_record("freeze-record");
    ck_assert_int_eq(unlink(path), 0);
    write_record("", 0);
    assert_is_no_record("is no record");
    write_record("firnrec1", 8);
    assert_is_no_record("is no record");
}
END_TEST

/* Reads all that there is to read of one. */
static void read_all(const FirnRecord *record)
{
    g_free(firn_record_note(record));
    for (guint i = 0; i < record->head->target_count; i++)
        g_free(firn_record_describe(record, i));
    for (guint i = 0; i < record->head->hook_count; i++)
        ck_assert_ptr_nonnull(firn_record_text(record, record->hooks[i].path));
    ck_assert_ptr_nonnull(firn_record_text(record, record->head->who));
    ck_assert_ptr_nonnull(firn_record_text(record, record->head->mountpoints));
}

/* A text that begins outside of the file, or a table that is longer, would be read past its end. */
START_TEST(a_record_with_a_broken_byte_does_no_harm)
{
    static const guint8 broken[] = {0x00, 0x7f, 0x80, 0xff};
    FirnRecord *record = make_record();
    gsize size = record->size;
    g_autofree guint8 *bytes = g_memdup2(record->head, size);
    guint refused = 0;

    firn_record_free(record);
    for (gsize i = 0; i < size; i++) {
        guint8 whole = bytes[i];

        for (gsize j = 0; j < G_N_ELEMENTS(broken); j++) {
            g_autoptr(FirnRecord) read = NULL;

            bytes[i] = broken[j];
            write_record(bytes, size);
            read = firn_record_open(tree, NULL);
            refused += read == NULL;
            if (read)
                read_all(read);
        }
        bytes[i] = whole;
    }
    ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(a_record_of_any_wrong_length_is_refused)
{
    FirnRecord *record = make_record();
    gsize size = record->size;
    g_autofree guint8 *bytes = g_malloc0(size + 1);

    memcpy(bytes, record->head, size);
    firn_record_free(record);
    for (gsize length = 0; length < size; length += 7) {
        write_record(bytes, length);
        assert_is_no_record("is no record");
    }
    write_record(bytes, size + 1);
    assert_is_no_record("is no record of this version of firn: remove it");
}
END_TEST

START_TEST(another_boot_is_told)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(FirnRecord) record = make_record();

    ck_assert(firn_record_is_of_this_boot(record, roots));
    test_tree_write(tree, BOOT, "b2\n");
    ck_assert(!firn_record_is_of_this_boot(record, roots));
}
END_TEST

START_TEST(a_phase_never_goes_back)
{
    g_autoptr(FirnRecord) record = make_record();

    firn_record_advance(record, FIRN_PHASE_HELD);
    firn_record_advance(record, FIRN_PHASE_WALK);
    ck_assert_int_eq(record->head->phase, FIRN_PHASE_HELD);
    ck_assert(firn_record_move(&record->head->end, FIRN_END_NONE, FIRN_END_REQUEST));
    ck_assert(!firn_record_move(&record->head->end, FIRN_END_NONE, FIRN_END_DIED));
    ck_assert_int_eq(record->head->end, FIRN_END_REQUEST);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *tests = tcase_create("record");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_record_holds_plan_hooks_and_request);
    tcase_add_test(tests, without_a_record_there_is_no_error);
    tcase_add_test(tests, a_freeze_without_a_plan_has_a_record_too);
    tcase_add_test(tests, the_lock_lasts_as_long_as_the_last_process);
    tcase_add_test(tests, a_record_becomes_the_report);
    tcase_add_test(tests, a_report_is_made_once);
    tcase_add_test(tests, the_record_of_the_next_freeze_is_left_alone);
    tcase_add_test(tests, while_a_filesystem_is_stuck_the_record_stays_as_well);
    tcase_add_test(tests, no_report_is_kept_where_none_is_wanted);
    tcase_add_test(tests, a_report_that_the_host_must_be_told_of_is_kept);
    tcase_add_test(tests, a_full_state_directory_refuses_the_freeze);
    tcase_add_test(tests, a_missing_state_directory_is_named);
    tcase_add_test(tests, what_is_no_record_is_refused);
    tcase_add_test(tests, a_record_with_a_broken_byte_does_no_harm);
    tcase_add_test(tests, a_record_of_any_wrong_length_is_refused);
    tcase_add_test(tests, another_boot_is_told);
    tcase_add_test(tests, a_phase_never_goes_back);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
