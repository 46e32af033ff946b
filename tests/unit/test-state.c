/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/finish.h"
#include "agent/freeze/state.h"
#include "agent/freeze/targets.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE                                                                                      \
    "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"                                                        \
    "21 20 8:2 / /home\\040of rw - xfs /dev/sda2 rw\n"

static char *tree;
static FirnConfig *config;
static FirnRoots *roots;

static void setup(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
    config = firn_config_new();
    g_free(config->state_dir);
    config->state_dir = g_strdup(tree);
    test_tree_write(tree, "/proc/sys/kernel/random/boot_id",
                    "11111111-2222-3333-4444-555555555555\n");
}

static void teardown(void)
{
    firn_config_free(config);
    firn_roots_free(roots);
    test_tree_remove(tree);
}

static FirnState *make(GError **error)
{
    static const char *const hooks[] = {"/etc/hook", NULL};
    static const char *const asked[] = {"/", "/home of", NULL};
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(TABLE, -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);

    return firn_state_create(config, roots, plan, hooks, "guest-fsfreeze-freeze", asked, error);
}

START_TEST(test_shared)
{
    g_autoptr(FirnState) state = make(NULL);
    g_autoptr(FirnState) other = NULL;
    g_autofree char *name = NULL;
    struct stat status;

    ck_assert_ptr_nonnull(state);
    ck_assert_int_eq(stat(state->path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    other = firn_state_open(tree, NULL);
    ck_assert_ptr_nonnull(other);
    ck_assert_uint_eq(other->head->target_count, 2);
    ck_assert_str_eq(firn_state_text(other, other->targets[0].mountpoint), "/home of");
    ck_assert_str_eq(firn_state_text(other, other->hooks[0].path), "/etc/hook");
    ck_assert_str_eq(firn_state_text(other, other->head->asked), "/,/home of");
    ck_assert_str_eq(firn_state_text(other, 1000000), "");
    name = firn_target_describe(other, 0);
    ck_assert_str_eq(name, "/home of (xfs on /dev/sda2)");
    ck_assert_uint_eq(firn_state_count_frozen(other), 0);
    g_atomic_int_set(&state->targets[1].state, FIRN_TARGET_FROZEN);
    ck_assert_uint_eq(firn_state_count_frozen(other), 1);
    ck_assert(firn_state_is_of_this_boot(other, roots));
    test_tree_write(tree, "/proc/sys/kernel/random/boot_id", "another\n");
    ck_assert(!firn_state_is_of_this_boot(other, roots));
    firn_state_remove(state);
    ck_assert_ptr_null(firn_state_open(tree, NULL));
}
END_TEST

/* Whatever is in the file, nothing outside it is read. */
START_TEST(test_damaged)
{
    g_autoptr(FirnState) state = make(NULL);
    g_autofree char *path = g_strdup(state->path);
    g_autofree char *whole = NULL;
    gsize length;

    ck_assert(g_file_get_contents(path, &whole, &length, NULL));
    for (gsize cut = 0; cut < length; cut += 97) {
        g_autoptr(GError) error = NULL;

        ck_assert(g_file_set_contents(path, whole, (gssize)cut, NULL));
        ck_assert_ptr_null(firn_state_open(tree, &error));
        ck_assert_ptr_nonnull(error);
    }
    for (gsize i = 0; i < 64; i++) {
        g_autofree char *copy = g_memdup2(whole, length);
        FirnState *opened;

        copy[i] = (char)~copy[i];
        ck_assert(g_file_set_contents(path, copy, (gssize)length, NULL));
        opened = firn_state_open(tree, NULL);
        firn_state_free(opened);
    }
}
END_TEST

START_TEST(test_no_state)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_state_open(tree, &error));
    ck_assert_ptr_null(error);
}
END_TEST

START_TEST(test_no_folder)
{
    g_autoptr(GError) error = NULL;

    g_free(config->state_dir);
    config->state_dir = g_strdup("/no/such/folder");
    ck_assert_ptr_null(make(&error));
    ck_assert_msg(strstr(error->message, "--statedir") != NULL, "%s", error->message);
}
END_TEST

START_TEST(test_note)
{
    g_autoptr(FirnState) state = make(NULL);
    g_autofree char *note = NULL;

    config->report_keep = 1;
    g_atomic_int_set(&state->head->frozen, 2);
    g_atomic_int_set(&state->head->early, TRUE);
    g_atomic_int_set(&state->head->end, FIRN_END_DEADLINE);
    state->hooks[0].word = FIRN_HOOK_THAWED;
    firn_finish(state);
    note = firn_finish_take_note(tree);
    ck_assert_ptr_nonnull(note);
    ck_assert_msg(g_str_has_prefix(note, "2 filesystems were thawed early at "), "%s", note);
    ck_assert_msg(strstr(note, "freeze-timeout") != NULL, "%s", note);
    ck_assert_ptr_null(firn_finish_take_note(tree));
    ck_assert_int_eq(state->head->phase, FIRN_PHASE_DONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tests = tcase_create("state");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_shared);
    tcase_add_test(tests, test_damaged);
    tcase_add_test(tests, test_no_state);
    tcase_add_test(tests, test_no_folder);
    tcase_add_test(tests, test_note);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
