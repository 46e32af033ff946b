/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/account-state.h"
#include "agent/freeze/report.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <errno.h>
#include <string.h>

static char *tree;
static FirnConfig *config;
static FirnState *state;

/* The state of a freeze of /home and /, asked for a millisecond after the clock began. */
static void set_up(void)
{
    static const char *const hooks[] = {"/hooks/a", "/hooks/b", NULL};
    g_autoptr(FirnRoots) roots = NULL;
    g_autoptr(FirnPlan) plan = NULL;
    g_autoptr(GError) error = NULL;

    tree = test_tree_new();
    test_tree_write(tree, "/proc/self/mountinfo",
                    "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                    "2 1 8:2 / /home rw - xfs /dev/sda2 rw\n");
    roots = firn_roots_new(tree);
    config = firn_config_new();
    g_free(config->state_dir);
    config->state_dir = g_strdup(tree);
    plan = firn_plan_make(roots, config, NULL, NULL);
    state = firn_state_create(config, roots, plan, hooks, "guest-fsfreeze-freeze", NULL, &error);
    ck_assert_msg(state != NULL, "%s", error ? error->message : "");
    state->head->begin = 1000000;
    state->head->real_offset = 5000000;
}

static void tear_down(void)
{
    firn_state_free(state);
    firn_config_free(config);
    test_tree_remove(tree);
}

START_TEST(test_fresh)
{
    g_autoptr(FirnAccount) account = firn_account_of_state(state);

    ck_assert_str_eq(account->who, "guest-fsfreeze-freeze");
    ck_assert_int_eq(account->started, 6000);
    ck_assert_int_eq(account->freeze_begin, FIRN_NEVER);
    ck_assert_int_eq(account->thaw_reason, FIRN_THAW_NONE);
    ck_assert_ptr_null(account->error);
    ck_assert_uint_eq(account->filesystems->len, 2);
    ck_assert_uint_eq(account->hooks->len, 0);
    ck_assert_str_eq(firn_account_filesystem(account, 0)->mountpoint, "/home");
    ck_assert_int_eq(firn_account_filesystem(account, 0)->outcome, FIRN_OUTCOME_PENDING);
}
END_TEST

START_TEST(test_finished)
{
    g_autoptr(FirnAccount) account = NULL;
    const FirnAccountFilesystem *home, *root;

    state->targets[0].state = FIRN_TARGET_THAWED;
    state->targets[0].freeze_begin = 2000000;
    state->targets[0].freeze_end = 2500000;
    state->targets[0].thaw_error = EINVAL;
    state->targets[1].state = FIRN_TARGET_FAILED;
    state->targets[1].error = EIO;
    state->head->walk_begin = 1900000;
    state->head->frozen = 1;
    state->head->thawed = 1;
    state->head->end = FIRN_END_DEADLINE;
    g_strlcpy(state->head->message, "it failed", sizeof state->head->message);
    account = firn_account_of_state(state);

    home = firn_account_filesystem(account, 0);
    root = firn_account_filesystem(account, 1);
    ck_assert_int_eq(home->outcome, FIRN_OUTCOME_FROZEN);
    ck_assert_int_eq(home->freeze_begin, 1000);
    ck_assert_int_eq(home->freeze_end, 1500);
    ck_assert_int_eq(home->thaw_begin, FIRN_NEVER);
    ck_assert_int_eq(home->thaw_error, EINVAL);
    ck_assert_int_eq(root->outcome, FIRN_OUTCOME_FAILED);
    ck_assert_int_eq(root->error, EIO);
    ck_assert_int_eq(account->freeze_begin, 900);
    ck_assert_uint_eq(account->frozen, 1);
    ck_assert_uint_eq(account->thawed, 1);
    ck_assert_int_eq(account->thaw_reason, FIRN_THAW_DEADLINE);
    ck_assert_str_eq(account->error, "it failed");
}
END_TEST

/* Hooks run forwards to freeze and backwards to thaw. */
START_TEST(test_hooks)
{
    g_autoptr(FirnAccount) account = NULL;

    for (guint i = 0; i < 2; i++) {
        state->hooks[i].freeze_begin = 2000000 + i;
        state->hooks[i].freeze_end = 3000000 + i;
        state->hooks[i].thaw_begin = 4000000 + i;
        state->hooks[i].thaw_end = 5000000 + i;
    }
    state->hooks[0].status = 7 << 8;
    state->hooks[1].status = 9;
    state->hooks[0].thaw_status = -1;
    account = firn_account_of_state(state);

    ck_assert_uint_eq(account->hooks->len, 4);
    ck_assert_str_eq(firn_account_hook(account, 0)->name, "/hooks/a");
    ck_assert_int_eq(firn_account_hook(account, 0)->status, 7);
    ck_assert_int_eq(firn_account_hook(account, 1)->status, 128 + 9);
    ck_assert_str_eq(firn_account_hook(account, 2)->name, "/hooks/b");
    ck_assert(firn_account_hook(account, 2)->thaw);
    ck_assert_str_eq(firn_account_hook(account, 3)->name, "/hooks/a");
    ck_assert_int_eq(firn_account_hook(account, 3)->status, -1);
}
END_TEST

START_TEST(test_told)
{
    g_autoptr(GPtrArray) accounts = NULL;

    firn_account_tell_freeze(state);
    firn_account_tell_end(state, config->state_dir);
    accounts = firn_report_load(config->state_dir, 5, NULL);
    ck_assert_uint_eq(accounts->len, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("account-state");
    TCase *tests = tcase_create("account-state");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_fresh);
    tcase_add_test(tests, test_finished);
    tcase_add_test(tests, test_hooks);
    tcase_add_test(tests, test_told);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
