/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mountpoint a filesystem is opened by, and what is said when none will do: as a user whom
 * the kernel really refuses, as it refuses root only under SELinux and the like. */
#include "agent/freeze/targets.h"
#include "platform/superblock.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static char *tree;

static void setup(void)
{
    tree = test_tree_new();
    test_tree_write(tree, "/denied/file", "");
    test_tree_write(tree, "/open/file", "");
    test_tree_write(tree, "/state/file", "");
    g_chmod(tree, 0755);
}

static void teardown(void)
{
    test_tree_remove(tree);
}

static int mount_id(void)
{
    int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int id = firn_superblock_mount_id(fd);

    close(fd);
    return id;
}

/* One filesystem with these two folders for mountpoints; ids: of the mounts that lead there. */
static FirnPlan *make_plan(const char *first, int first_id, const char *second, int second_id)
{
    g_autofree char *text =
        g_strdup_printf("1 0 0:1 / / rw - tmpfs tmpfs rw\n%d 1 8:1 / %s/%s rw - ext4 /dev/vda1 "
                        "rw\n%d 1 8:1 / %s/%s rw - ext4 /dev/vda1 rw\n",
                        first_id, tree, first, second_id, tree, second);
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(text, (gssize)strlen(text));
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);

    return firn_plan_new(mounts, NULL, selection);
}

static FirnRecord *make_record(const FirnPlan *plan)
{
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
    FirnRecord *record;

    request->state_dir = g_build_filename(tree, "state", NULL);
    record = firn_record_create(request, plan, NULL, NULL);
    ck_assert_ptr_nonnull(record);
    return record;
}

/* Every path is told before it is opened. */
static void add_path(const char *path, gpointer data)
{
    GString *paths = data;

    g_string_append_printf(paths, "%s ", path + strlen(tree) + 1);
}

static gboolean open_targets(const FirnPlan *plan, FirnRecord *record, const char *expected,
                             GError **error)
{
    g_autoptr(GString) paths = g_string_new(NULL);
    gboolean success = firn_targets_open(plan, record, add_path, paths, error);

    ck_assert_str_eq(paths->str, expected);
    return success;
}

/* Denies a folder to everybody, and becomes somebody whom that concerns. */
static void deny(const char *folder)
{
    g_autofree char *path = g_build_filename(tree, folder, NULL);

    ck_assert_int_eq(g_chmod(path, 0), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(NOBODY), 0);
}

static void become_again(void)
{
    ck_assert_int_eq(seteuid(getuid()), 0);
}

/* Which folder a target was opened by. */
static char *opened(const FirnRecord *record)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", record->fds[0]);
    g_autofree char *path = g_file_read_link(link, NULL);

    return path ? g_path_get_basename(path) : NULL;
}

START_TEST(test_denied_takes_the_next)
{
    g_autoptr(FirnPlan) plan = make_plan("denied", mount_id(), "open", mount_id());
    g_autoptr(FirnRecord) record = make_record(plan);
    g_autofree char *path = NULL;
    gboolean success;

    ck_assert_uint_eq(plan->count, 1);
    ck_assert_uint_eq(plan->targets[0].mount_count, 2);
    deny("denied");
    success = open_targets(plan, record, "denied open ", NULL);
    become_again();
    ck_assert(success);
    ck_assert_int_eq(record->targets[0].mount_id, mount_id());
    path = opened(record);
    ck_assert_str_eq(path, "open");
}
END_TEST

START_TEST(test_denied_everywhere)
{
    g_autoptr(FirnPlan) plan = make_plan("denied", mount_id(), "missing", mount_id());
    g_autoptr(FirnRecord) record = make_record(plan);
    g_autoptr(GError) error = NULL;
    gboolean success;

    deny("denied");
    success = open_targets(plan, record, "denied missing ", &error);
    become_again();
    ck_assert(!success);
    ck_assert_msg(strstr(error->message, "/denied (ext4 on /dev/vda1): Permission denied") != NULL,
                  "%s", error->message);
    ck_assert(strstr(error->message, "SELinux is the likely cause") != NULL);
    ck_assert(strstr(error->message, "setsebool") != NULL);
    ck_assert_int_eq(record->targets[0].state, FIRN_TARGET_FAILED);
}
END_TEST

/* Another mount lies over it: the path leads elsewhere. */
START_TEST(test_shadowed)
{
    g_autoptr(FirnPlan) plan = make_plan("denied", mount_id() + 1, "open", mount_id());
    g_autoptr(FirnRecord) record = make_record(plan);
    g_autofree char *path = NULL;

    ck_assert(open_targets(plan, record, "denied open ", NULL));
    path = opened(record);
    ck_assert_str_eq(path, "open");
}
END_TEST

/* Two of one mountpoint: only the later one can be seen, and the other is not opened. */
START_TEST(a_covered_mountpoint_is_not_opened)
{
    g_autoptr(FirnPlan) plan = make_plan("open", mount_id() + 1, "open", mount_id());
    g_autoptr(FirnRecord) record = make_record(plan);

    ck_assert(open_targets(plan, record, "open ", NULL));
    ck_assert_int_eq(record->targets[0].mount_id, mount_id());
    ck_assert_int_ge(record->fds[0], 0);
}
END_TEST

START_TEST(test_no_path_leads_there)
{
    g_autoptr(FirnPlan) plan = make_plan("gone", mount_id(), "open", mount_id() + 1);
    g_autoptr(FirnRecord) record = make_record(plan);

    ck_assert(open_targets(plan, record, "gone open ", NULL));
    ck_assert_int_eq(record->targets[0].state, FIRN_TARGET_HIDDEN);
    ck_assert_int_eq(record->fds[0], -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("targets");
    TCase *tests = tcase_create("targets");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_denied_takes_the_next);
    tcase_add_test(tests, test_denied_everywhere);
    tcase_add_test(tests, test_shadowed);
    tcase_add_test(tests, a_covered_mountpoint_is_not_opened);
    tcase_add_test(tests, test_no_path_leads_there);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
