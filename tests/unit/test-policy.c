/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/policy.h"

#include "tests/lib/suite.h"

static const QgaCommand one = {.name = "guest-one"};
static const QgaCommand two = {.name = "guest-two", .flags = QGA_COMMAND_FROZEN_SAFE};

static char *judge(const char *allow, const char *block, const QgaCommand *command)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnPolicy) policy = firn_policy_new(config, NULL);

    g_strfreev(config->allow_rpcs);
    g_strfreev(config->block_rpcs);
    config->allow_rpcs = g_strsplit(allow, ",", -1);
    config->block_rpcs = g_strsplit(block, ",", -1);
    return firn_policy_refuses(policy, command);
}

static void assert_allowed(const char *allow, const char *block, const QgaCommand *command)
{
    g_autofree char *refusal = judge(allow, block, command);

    ck_assert_msg(refusal == NULL, "%s", refusal);
}

static void assert_refused(const char *allow, const char *block, const QgaCommand *command)
{
    g_autofree char *refusal = judge(allow, block, command);
    g_autofree char *expected =
        g_strdup_printf("Command %s has been disabled: the command is not allowed", command->name);

    ck_assert_pstr_eq(refusal, expected);
}

START_TEST(test_lists)
{
    assert_allowed("", "", &one);
    assert_refused("", "guest-one", &one);
    assert_allowed("", "guest-one", &two);
    assert_allowed("guest-one", "", &one);
    assert_refused("guest-one", "", &two);
    assert_refused("guest-one,guest-two", "guest-two", &two);
    assert_allowed("guest-one,guest-two", "guest-two", &one);
}
END_TEST

START_TEST(test_freezing_disabled)
{
    static const QgaCommand freeze = {.name = "guest-fsfreeze-freeze"};
    static const QgaCommand list = {.name = "guest-fsfreeze-freeze-list"};
    static const QgaCommand thaw = {.name = "guest-fsfreeze-thaw"};
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnPolicy) policy = firn_policy_new(config, NULL);
    g_autofree char *refused = NULL;
    g_autofree char *refused_list = NULL;
    g_autofree char *allowed = NULL;

    config->freeze_enabled = FALSE;
    refused = firn_policy_refuses(policy, &freeze);
    refused_list = firn_policy_refuses(policy, &list);
    allowed = firn_policy_refuses(policy, &thaw);
    ck_assert_ptr_nonnull(refused);
    ck_assert_ptr_nonnull(refused_list);
    ck_assert_ptr_null(allowed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tests = tcase_create("policy");

    tcase_add_test(tests, test_lists);
    tcase_add_test(tests, test_freezing_disabled);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
