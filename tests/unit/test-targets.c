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
    g_autofree char *text = g_strdup_printf(
        "%d 1 8:1 / %s/%s rw - ext4 /dev/vda1 rw\n%d 1 8:1 / %s/%s rw - ext4 /dev/vda1 rw\n",
        first_id, tree, first, second_id, tree, second);
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(text, (gssize)strlen(text));
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);

    return firn_plan_new(mounts, NULL, selection);
}

static FirnState *make_state(const FirnPlan *plan)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    FirnState *state;

    g_free(config->state_dir);
    config->state_dir = g_build_filename(tree, "state", NULL);
    state = firn_state_create(config, roots, plan, NULL, "test", NULL, NULL);
    ck_assert_ptr_nonnull(state);
    return state;
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
static char *opened(const FirnState *state)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", state->fds[0]);
    g_autofree char *path = g_file_read_link(link, NULL);

    return path ? g_path_get_basename(path) : NULL;
}

START_TEST(test_denied_takes_the_next)
{
    g_autoptr(FirnPlan) plan = make_plan("denied", mount_id(), "open", mount_id());
    g_autoptr(FirnState) state = make_state(plan);
    g_autoptr(FirnTargets) targets = NULL;
    g_autofree char *path = NULL;

    ck_assert_uint_eq(plan->count, 1);
    ck_assert_uint_eq(plan->targets[0].mount_count, 2);
    deny("denied");
    targets = firn_targets_open(plan, state, NULL);
    become_again();
    ck_assert_ptr_nonnull(targets);
    path = opened(state);
    ck_assert_str_eq(path, "open");
}
END_TEST

START_TEST(test_denied_everywhere)
{
    g_autoptr(FirnPlan) plan = make_plan("denied", mount_id(), "denied", mount_id());
    g_autoptr(FirnState) state = make_state(plan);
    g_autoptr(FirnTargets) targets = NULL;
    g_autoptr(GError) error = NULL;

    deny("denied");
    targets = firn_targets_open(plan, state, &error);
    become_again();
    ck_assert_ptr_null(targets);
    ck_assert_msg(strstr(error->message, "/denied (ext4 on /dev/vda1): Permission denied") != NULL,
                  "%s", error->message);
    ck_assert(strstr(error->message, "SELinux is the likely cause") != NULL);
    ck_assert(strstr(error->message, "setsebool") != NULL);
    ck_assert_int_eq(state->targets[0].state, FIRN_TARGET_FAILED);
}
END_TEST

/* Another mount lies over it: the path leads elsewhere. */
START_TEST(test_shadowed)
{
    g_autoptr(FirnPlan) plan = make_plan("denied", mount_id() + 1, "open", mount_id());
    g_autoptr(FirnState) state = make_state(plan);
    g_autoptr(FirnTargets) targets = firn_targets_open(plan, state, NULL);
    g_autofree char *path = NULL;

    ck_assert_ptr_nonnull(targets);
    path = opened(state);
    ck_assert_str_eq(path, "open");
}
END_TEST

START_TEST(test_no_path_leads_there)
{
    g_autoptr(FirnPlan) plan = make_plan("gone", mount_id(), "open", mount_id() + 1);
    g_autoptr(FirnState) state = make_state(plan);
    g_autoptr(FirnTargets) targets = firn_targets_open(plan, state, NULL);

    ck_assert_ptr_nonnull(targets);
    ck_assert_int_eq(state->targets[0].state, FIRN_TARGET_HIDDEN);
    ck_assert_int_eq(state->fds[0], -1);
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
    tcase_add_test(tests, test_no_path_leads_there);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
