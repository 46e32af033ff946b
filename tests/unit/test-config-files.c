/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files configure the agent, and which of them wins. */
#include "agent/config.h"

#include <string.h>

#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#define QEMU_GA "/etc/qemu/qemu-ga.conf"
#define SYSCONFIG "/etc/sysconfig/qemu-ga"
#define DEFAULT "/etc/default/qemu-guest-agent"
#define OWN "/etc/firn/firn.conf"

static char *tree;
static FirnConfig *config;

static void set_up(void)
{
    tree = test_tree_new();
    config = firn_config_new();
    g_setenv(FIRN_ROOT_VARIABLE, tree, TRUE);
    g_unsetenv("QGA_CONF");
}

static void tear_down(void)
{
    firn_config_free(config);
    test_tree_remove(tree);
}

/* With up to two options; NULL when all is well, else the error's text. */
static char *parse(const char *one, const char *two)
{
    const char *argv[] = {"firn", one, two, NULL};
    int argc = 1 + (one != NULL) + (two != NULL);
    GError *error = NULL;
    FirnAction action;
    char *text;

    if (firn_config_parse(config, argc, (char **)(guintptr)argv, &action, &error))
        return NULL;
    ck_assert_int_eq(firn_config_exit_status(error), 78);
    text = g_strdup(error->message);
    g_error_free(error);
    return text;
}

static void assert_parses(void)
{
    g_autofree char *error = parse(NULL, NULL);

    ck_assert_msg(error == NULL, "%s", error);
}

static void assert_list(char **list, const char *expected)
{
    g_autofree char *text = g_strjoinv(",", list);

    ck_assert_str_eq(text, expected);
}

static void assert_texts(GPtrArray *texts, const char *expected)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (guint i = 0; i < texts->len; i++)
        g_string_append_printf(all, "%s\n", (const char *)texts->pdata[i]);
    ck_assert_str_eq(all->str, expected);
}

START_TEST(test_own_file_wins_and_blocks_add_up)
{
    test_tree_write(tree, QEMU_GA,
                    "[general]\nblock-rpcs=guest-exec\nallow-rpcs=guest-ping,guest-exec\n"
                    "fsfreeze-hook=/old/hook\nverbose=true\n");
    test_tree_write(tree, OWN,
                    "[general]\nblock-rpcs=guest-file-open\nallow-rpcs=guest-info\n"
                    "verbose=false\n");
    assert_parses();
    assert_list(config->block_rpcs, "guest-exec,guest-file-open");
    assert_list(config->allow_rpcs, "guest-info");
    ck_assert_str_eq(config->fsfreeze_hook, "/old/hook");
    ck_assert(!config->verbose);
    assert_texts(config->sources, QEMU_GA " (block-rpcs, allow-rpcs, fsfreeze-hook, verbose)\n" OWN
                                          " (block-rpcs, allow-rpcs, verbose)\n");
    assert_texts(config->warnings, "");
}
END_TEST

START_TEST(test_a_file_of_comments_does_not_count)
{
    test_tree_write(tree, QEMU_GA, "[general]\nblacklist=guest-exec\n");
    test_tree_write(tree, OWN, "# all defaults\n[general]\n#verbose=true\n");
    assert_parses();
    assert_list(config->block_rpcs, "guest-exec");
    assert_texts(config->sources, QEMU_GA " (block-rpcs)\n");
}
END_TEST

START_TEST(test_options_win_and_blocks_add_up)
{
    g_autofree char *error = NULL;

    test_tree_write(tree, OWN,
                    "[general]\nblock-rpcs=guest-exec\nallow-rpcs=guest-exec,guest-ping\n");
    error = parse("-bguest-file-open", "--allow-rpcs=guest-info");
    ck_assert_pstr_eq(error, NULL);
    assert_list(config->block_rpcs, "guest-exec,guest-file-open");
    assert_list(config->allow_rpcs, "guest-info");
}
END_TEST

START_TEST(test_a_named_file_is_the_only_one)
{
    g_autofree char *option = g_strconcat("-c", tree, "/other", NULL);
    g_autofree char *error = NULL;

    test_tree_write(tree, QEMU_GA, "[general]\nverbose=true\n");
    test_tree_write(tree, "/other", "[general]\npath=/x\n");
    error = parse(option, NULL);
    ck_assert_pstr_eq(error, NULL);
    ck_assert(!config->verbose);
    ck_assert_str_eq(config->path, "/x");
}
END_TEST

START_TEST(test_sysconfig)
{
    test_tree_write(tree, SYSCONFIG,
                    "# This is a systemd environment file\n"
                    "BLACKLIST_RPC=guest-file-open,guest-exec\n"
                    "BLOCK_RPCS=\"guest-exec-status\"\n"
                    "FILTER_RPC_ARGS=\"--allow-rpcs=guest-ping --block-rpcs=guest-info -v\"\n"
                    "FSFREEZE_HOOK_PATHNAME='/etc/qemu-ga/fsfreeze-hook'\n");
    assert_parses();
    assert_list(config->block_rpcs, "guest-file-open,guest-exec,guest-exec-status,guest-info");
    assert_list(config->allow_rpcs, "guest-ping");
    ck_assert_str_eq(config->fsfreeze_hook, "/etc/qemu-ga/fsfreeze-hook");
    ck_assert(config->verbose);
    assert_texts(config->sources, SYSCONFIG " (block-rpcs, allow-rpcs, verbose, fsfreeze-hook)\n");
}
END_TEST

START_TEST(test_hook_switches)
{
    static const struct {
        const char *text;
        const char *hook;
    } table[] = {
        {"FSFREEZE_HOOK_PATHNAME=\n", "/etc/qemu/fsfreeze-hook"},
        {"FSFREEZE_HOOK_PATHNAME=/dev/null\n", NULL},
        {"FSFREEZE_HOOK_ENABLE=0\nFSFREEZE_HOOK_PATHNAME=/h\n", NULL},
        {"FSFREEZE_HOOK_ENABLE=1\nFSFREEZE_HOOK_PATHNAME=/h\n", "/h"},
        {"FSFREEZE_HOOK_ENABLE=1\n", "/etc/qemu/fsfreeze-hook"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        test_tree_write(tree, SYSCONFIG, table[i].text);
        firn_config_free(config);
        config = firn_config_new();
        assert_parses();
        ck_assert_pstr_eq(config->fsfreeze_hook, table[i].hook);
    }
}
END_TEST

START_TEST(test_daemon_arguments)
{
    g_autofree char *text =
        g_strdup_printf("DAEMON_ARGS=\"-m isa-serial -c %s/other -p '/dev/tty S1'\"\n", tree);

    test_tree_write(tree, DEFAULT, text);
    test_tree_write(tree, "/other", "[general]\nblacklist=guest-exec\nsome-key=1\n");
    assert_parses();
    ck_assert_int_eq(config->method, FIRN_METHOD_ISA_SERIAL);
    ck_assert_str_eq(config->path, "/dev/tty S1");
    assert_list(config->block_rpcs, "guest-exec");
    ck_assert_uint_eq(config->warnings->len, 1);
}
END_TEST

/* Other programs wrote these files: what they have for themselves does not keep the agent down. */
START_TEST(test_what_is_passed_over)
{
    test_tree_write(tree, QEMU_GA,
                    "[general]\nblock-rpcs=guest-exec\nshiny=1\n[other]\nverbose=1\n");
    test_tree_write(tree, SYSCONFIG, "export\nTHING=1\n");
    assert_parses();
    assert_list(config->block_rpcs, "guest-exec");
    assert_texts(config->warnings,
                 QEMU_GA ": unknown group [other]: remove it\n" QEMU_GA
                         ": unknown key 'shiny' in [general]: remove it\n" SYSCONFIG
                         ": the line 'export' sets no variable: remove it\n" SYSCONFIG
                         ": unknown variable THING: remove it, or say it in "
                         "/etc/firn/firn.conf\n");
}
END_TEST

START_TEST(test_mistakes)
{
    static const struct {
        const char *file;
        const char *text;
        const char *says;
    } table[] = {
        {OWN, "[general]\nshiny=1\n", OWN ": unknown key 'shiny'"},
        {OWN, "[general]\nallow-rpcs=\n", "key 'allow-rpcs': the list is empty: name the commands"},
        {OWN, "[general]\nallow-rpcs= , \n", "the list is empty"},
        {OWN, "[general]\nblock-rpcs=a\n block-rpcs = b\n", "key 'block-rpcs' is there twice"},
        {QEMU_GA, "[general]\nallow-rpcs=\n", QEMU_GA ": key 'allow-rpcs': the list is empty"},
        {QEMU_GA, "[general]\nverbose=yes\n", QEMU_GA ": key 'verbose': invalid value 'yes'"},
        {QEMU_GA, "nonsense\n", QEMU_GA},
        {SYSCONFIG, "FILTER_RPC_ARGS=--allow-rpcs=\n", "FILTER_RPC_ARGS: option '--allow-rpcs'"},
        {SYSCONFIG, "FILTER_RPC_ARGS=--zz\n", "unrecognized option '--zz'"},
        {SYSCONFIG, "BLOCK_RPCS=\"guest-exec\n", SYSCONFIG ": variable BLOCK_RPCS: "},
        {DEFAULT, "DAEMON_ARGS=\"-b 'guest-exec\"\n", DEFAULT ": variable DAEMON_ARGS: "},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *error = NULL;

        tear_down();
        set_up();
        test_tree_write(tree, table[i].file, table[i].text);
        error = parse(NULL, NULL);
        ck_assert_msg(error != NULL, "%s was taken", table[i].text);
        ck_assert_msg(strstr(error, table[i].says) != NULL, "%s: %s", table[i].text, error);
    }
}
END_TEST

START_TEST(test_a_link_to_nowhere_is_a_mistake)
{
    g_autofree char *error = NULL;

    test_tree_link(tree, OWN, "/nonexistent/firn.conf");
    error = parse(NULL, NULL);
    ck_assert_ptr_nonnull(error);
    ck_assert_ptr_nonnull(strstr(error, OWN));
}
END_TEST

START_TEST(test_the_hook_folder_is_the_default)
{
    assert_parses();
    ck_assert_ptr_null(config->fsfreeze_hook);
    test_tree_write(tree, FIRN_HOOK_FOLDER "/10-hook", "");
    assert_parses();
    ck_assert_str_eq(config->fsfreeze_hook, FIRN_HOOK_FOLDER);
    test_tree_write(tree, OWN, "[general]\nfsfreeze-hook=\n");
    assert_parses();
    ck_assert_ptr_null(config->fsfreeze_hook);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config-files");
    TCase *tests = tcase_create("config-files");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_own_file_wins_and_blocks_add_up);
    tcase_add_test(tests, test_a_file_of_comments_does_not_count);
    tcase_add_test(tests, test_options_win_and_blocks_add_up);
    tcase_add_test(tests, test_a_named_file_is_the_only_one);
    tcase_add_test(tests, test_sysconfig);
    tcase_add_test(tests, test_hook_switches);
    tcase_add_test(tests, test_daemon_arguments);
    tcase_add_test(tests, test_what_is_passed_over);
    tcase_add_test(tests, test_mistakes);
    tcase_add_test(tests, test_a_link_to_nowhere_is_a_mistake);
    tcase_add_test(tests, test_the_hook_folder_is_the_default);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
