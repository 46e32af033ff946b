/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/policy.h"

#include <string.h>

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

/* NULL when both lists have nothing but commands. */
static char *check_names(const char *allow, const char *block)
{
    static const QgaCommand rows[] = {{.name = "guest-one"}, {.name = "guest-two"}};
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(QgaCommands) commands = qga_commands_new();
    GError *error = NULL;
    char *text = NULL;

    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), NULL, NULL);
    g_strfreev(config->allow_rpcs);
    g_strfreev(config->block_rpcs);
    config->allow_rpcs = g_strsplit(allow, ",", -1);
    config->block_rpcs = g_strsplit(block, ",", -1);
    if (firn_policy_check_names(config, commands, &error))
        return NULL;
    ck_assert_int_eq(firn_config_exit_status(error), 78);
    text = g_strdup(error->message);
    g_error_free(error);
    return text;
}

START_TEST(test_names_that_are_no_commands)
{
    static const char *const wrong[] = {"guest-oen", "\"guest-one\"", "guest-one;guest-two",
                                        "guest-one # no programs"};
    g_autofree char *fine = check_names("guest-one", "guest-one,guest-two");
    g_autofree char *elsewhere = check_names("guest-get-devices", "guest-get-devices");

    ck_assert_pstr_eq(fine, NULL);
    ck_assert_pstr_eq(elsewhere, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *named = g_strdup_printf("there is no command '%s'", wrong[i]);
        g_autofree char *allowed = check_names(wrong[i], "");
        g_autofree char *blocked = check_names("", wrong[i]);

        ck_assert_ptr_nonnull(allowed);
        ck_assert(g_str_has_prefix(allowed, "allow-rpcs: ") && strstr(allowed, named));
        ck_assert_ptr_nonnull(blocked);
        ck_assert(g_str_has_prefix(blocked, "block-rpcs: ") && strstr(blocked, named));
    }
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
    tcase_add_test(tests, test_names_that_are_no_commands);
    tcase_add_test(tests, test_freezing_disabled);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
