/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config.h"

#include <glib/gstdio.h>
#include <string.h>

#include "agent/config-keys.h"
#include "tests/lib/suite.h"

/* Parses "firn" and these arguments; a NULL ends them. Returns the error's text or NULL. */
static char *parse(FirnConfig *config, FirnAction *action, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    GError *error = NULL;
    char *text = NULL;
    const char *argument;
    va_list args;

    g_ptr_array_add(argv, g_strdup("firn"));
    va_start(args, action);
    while ((argument = va_arg(args, const char *)))
        g_ptr_array_add(argv, g_strdup(argument));
    va_end(args);
    g_ptr_array_add(argv, NULL);
    if (!firn_config_parse(config, (int)argv->len - 1, (char **)argv->pdata, action, &error)) {
        text = g_strdup(error->message);
        g_error_free(error);
    }
    return text;
}

static char *write_file(const char *text)
{
    char *path = NULL;
    int fd = g_file_open_tmp("firn-config-XXXXXX", &path, NULL);

    ck_assert_int_ge(fd, 0);
    g_close(fd, NULL);
    ck_assert(g_file_set_contents(path, text, -1, NULL));
    return path;
}

/* No file of this machine's is read. */
static void setup(void)
{
    g_setenv("QGA_CONF", "/nonexistent/qemu-ga.conf", TRUE);
}

static char *get(const FirnConfig *config, const char *name)
{
    return firn_config_key_get(firn_config_key_find(name), config);
}

#define ASSERT_KEY(config, name, expected)                                                         \
    do {                                                                                           \
        g_autofree char *key_value = get(config, name);                                            \
        ck_assert_pstr_eq(key_value, expected);                                                    \
    } while (0)

START_TEST(test_defaults)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    FirnAction action;
    g_autofree char *error = parse(config, &action, NULL);

    ck_assert_pstr_eq(error, NULL);
    ck_assert_int_eq(action, FIRN_ACTION_RUN);
    ck_assert_int_eq(config->method, FIRN_METHOD_VIRTIO_SERIAL);
    ck_assert(config->freeze_enabled);
    ck_assert_uint_eq(config->freeze_timeout, 600);
    ck_assert_uint_eq(config->exec_output_max, 6 << 20);
    ck_assert_ptr_null(config->fsfreeze_hook);
    ck_assert_str_eq(config->state_dir, "/run/firn");
    ck_assert_uint_eq(g_strv_length(config->block_rpcs), 0);
    ck_assert(firn_config_settle(config, FALSE, NULL));
    ck_assert_str_eq(config->path, "/dev/virtio-ports/org.qemu.guest_agent.0");
}
END_TEST

START_TEST(test_short_options)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    FirnAction action;
    g_autofree char *error =
        parse(config, &action, "-dvr", "-m", "unix-listen", "-p", "/s", "-l", "/log", "-f", "/pid",
              "-t", "/state", "-F/hook", "-b", "a,b", "-a", "c", NULL);

    ck_assert_pstr_eq(error, NULL);
    ASSERT_KEY(config, "daemon", "true");
    ASSERT_KEY(config, "verbose", "true");
    ASSERT_KEY(config, "retry-path", "true");
    ASSERT_KEY(config, "method", "unix-listen");
    ASSERT_KEY(config, "path", "/s");
    ASSERT_KEY(config, "logfile", "/log");
    ASSERT_KEY(config, "pidfile", "/pid");
    ASSERT_KEY(config, "statedir", "/state");
    ASSERT_KEY(config, "fsfreeze-hook", "/hook");
    ASSERT_KEY(config, "block-rpcs", "a,b");
    ASSERT_KEY(config, "allow-rpcs", "c");
}
END_TEST

START_TEST(test_hook_alone)
{
    g_autoptr(FirnConfig) one = firn_config_new();
    g_autoptr(FirnConfig) two = firn_config_new();
    FirnAction action;
    g_autofree char *first = parse(one, &action, "-F", "-v", NULL);
    g_autofree char *second = parse(two, &action, "--fsfreeze-hook", NULL);

    ck_assert_pstr_eq(first, NULL);
    ck_assert_pstr_eq(second, NULL);
    ck_assert_str_eq(one->fsfreeze_hook, "/etc/qemu/fsfreeze-hook");
    ck_assert_str_eq(two->fsfreeze_hook, "/etc/qemu/fsfreeze-hook");
}
END_TEST

START_TEST(test_every_key_is_an_option)
{
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    for (guint i = 0; i < count; i++) {
        g_autoptr(FirnConfig) config = firn_config_new();
        g_autofree char *standard = firn_config_key_get(&keys[i], config);
        g_autofree char *option =
            g_strdup_printf("--%s=%s", keys[i].name, standard ? standard : "/x");
        FirnAction action;
        g_autofree char *error = parse(config, &action, option, NULL);

        ck_assert_msg(error == NULL, "%s: %s", option, error);
        ck_assert_ptr_eq(firn_config_key_find(keys[i].name), &keys[i]);
    }
}
END_TEST

START_TEST(test_negated)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autofree char *file = write_file("[general]\nverbose=true\nfreeze-expedite=auto\n");
    FirnAction action;
    g_autofree char *error = parse(config, &action, "-c", file, "--verbose=false",
                                   "--freeze-enabled=false", "--freeze-expedite=false", NULL);

    g_unlink(file);
    ck_assert_pstr_eq(error, NULL);
    ck_assert(!config->verbose);
    ck_assert(!config->freeze_enabled);
    ck_assert_int_eq(config->freeze_expedite, FIRN_EXPEDITE_NEVER);
}
END_TEST

START_TEST(test_actions)
{
    static const struct {
        const char *option;
        FirnAction action;
    } table[] = {
        {"-D", FIRN_ACTION_DUMP},         {"--dump-conf", FIRN_ACTION_DUMP},
        {"-h", FIRN_ACTION_HELP},         {"--help", FIRN_ACTION_HELP},
        {"-V", FIRN_ACTION_VERSION},      {"--version", FIRN_ACTION_VERSION},
        {"-bhelp", FIRN_ACTION_COMMANDS}, {"-b?", FIRN_ACTION_COMMANDS},
        {"-ahelp", FIRN_ACTION_COMMANDS}, {"--blacklist=help", FIRN_ACTION_COMMANDS},
        {"--daemonize", FIRN_ACTION_RUN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(FirnConfig) config = firn_config_new();
        FirnAction action;
        g_autofree char *error = parse(config, &action, table[i].option, NULL);

        ck_assert_msg(error == NULL, "%s: %s", table[i].option, error);
        ck_assert_msg(action == table[i].action, "%s", table[i].option);
    }
}
END_TEST

START_TEST(test_file_then_options)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autofree char *file = write_file("[general]\ndaemon=1\nmethod=isa-serial\nblacklist=a, b\n"
                                       "freeze-timeout=0 \nexec-output-max=2K\t\nlogfile= \n");
    FirnAction action;
    g_autofree char *error =
        parse(config, &action, "--method=unix-listen", "-b", "c,a", "-c", file, NULL);

    g_unlink(file);
    ck_assert_pstr_eq(error, NULL);
    ck_assert(config->daemonize);
    ck_assert_int_eq(config->method, FIRN_METHOD_UNIX_LISTEN);
    ck_assert_uint_eq(config->freeze_timeout, 0);
    ck_assert_uint_eq(config->exec_output_max, 2048);
    ck_assert_ptr_null(config->log_file);
    ASSERT_KEY(config, "block-rpcs", "a,b,c");
}
END_TEST

START_TEST(test_file_by_environment)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autofree char *file = write_file("[general]\npath=/env\n");
    FirnAction action;
    g_autofree char *error = NULL;

    g_setenv("QGA_CONF", file, TRUE);
    error = parse(config, &action, NULL);
    g_unlink(file);
    ck_assert_pstr_eq(error, NULL);
    ck_assert_str_eq(config->path, "/env");
}
END_TEST

START_TEST(test_refused_options)
{
    static const struct {
        const char *option;
        const char *says;
    } table[] = {
        {"--zz", "unrecognized option '--zz', try 'firn --help'"},
        {"-z", "unrecognized option '-z'"},
        {"-m", "option requires an argument '-m'"},
        {"--path", "option requires an argument '--path'"},
        {"--method=foo", "option '--method': unsupported channel method/type: 'foo': use virtio"},
        {"--verbose=maybe", "option '--verbose': invalid value 'maybe': use true or false"},
        {"--freeze-timeout=-1", "invalid value '-1': use a whole number from 0"},
        {"--freeze-timeout=1h", "invalid value '1h'"},
        {"--freeze-timeout=", "invalid value ''"},
        {"--exec-output-max=4X", "use a number of bytes"},
        {"--exec-output-max=99999999999G", "use a number of bytes"},
        {"--freeze-expedite=often", "use auto or false"},
        {"--allow-rpcs=", "option '--allow-rpcs': the list is empty"},
        {"--vsock-peer=host", "invalid value 'host': use a context's number"},
        {"--vsock-peer=4294967295", "invalid value '4294967295'"},
        {"/etc/hook", "unexpected argument '/etc/hook'"},
        {"-c/nonexistent", "/nonexistent"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(FirnConfig) config = firn_config_new();
        FirnAction action;
        g_autofree char *error = parse(config, &action, table[i].option, NULL);

        ck_assert_msg(error != NULL, "%s was taken", table[i].option);
        ck_assert_msg(strstr(error, table[i].says) != NULL, "%s: %s", table[i].option, error);
    }
}
END_TEST

START_TEST(test_refused_files)
{
    static const struct {
        const char *text;
        const char *says;
    } table[] = {
        {"[general]\nfoo=1\n", ": unknown key 'foo' in [general]: remove it"},
        {"[general]\nverbose=yes\n", ": key 'verbose': invalid value 'yes': use true or false"},
        {"[general]\nmethod=bla\n", ": key 'method': unsupported channel method/type: 'bla'"},
        {"[zork]\na=b\n", ": unknown group [zork]"},
        {"garbage\n[general]\n", "error loading configuration from path: "},
        {"[general]\nfreeze-timeout=soon\n", "key 'freeze-timeout': invalid value 'soon'"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(FirnConfig) config = firn_config_new();
        g_autofree char *file = write_file(table[i].text);
        g_autoptr(GError) error = NULL;

        ck_assert(!firn_config_load(config, file, &error));
        g_unlink(file);
        ck_assert_msg(strstr(error->message, table[i].says) != NULL, "%s", error->message);
        ck_assert_msg(strstr(error->message, file) != NULL, "%s", error->message);
    }
}
END_TEST

START_TEST(test_settle)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(GError) error = NULL;

    config->method = FIRN_METHOD_VSOCK_LISTEN;
    ck_assert(!firn_config_settle(config, FALSE, &error));
    ck_assert(strstr(error->message, "must specify a path for this channel") != NULL);
    ck_assert(firn_config_settle(config, TRUE, NULL));
    g_free(config->state_dir);
    config->state_dir = g_strdup("relative");
    g_clear_error(&error);
    ck_assert(!firn_config_settle(config, TRUE, &error));
    ck_assert(strstr(error->message, "statedir 'relative'") != NULL);
}
END_TEST

/* What is dumped can be read, and dumps the same. */
START_TEST(test_dump)
{
    g_autoptr(FirnConfig) one = firn_config_new();
    g_autoptr(FirnConfig) two = firn_config_new();
    FirnAction action;
    g_autofree char *error = parse(one, &action, "-F", "-b", "x,y", "-l", "/a b", NULL);
    g_autofree char *dump = firn_config_dump(one);
    g_autofree char *file = write_file(dump);
    g_autofree char *again = NULL;

    ck_assert_pstr_eq(error, NULL);
    ck_assert(firn_config_load(two, file, NULL));
    g_unlink(file);
    again = firn_config_dump(two);
    ck_assert_str_eq(dump, again);
    /* the packaged agent's keys come first, in its order */
    ck_assert_msg(g_str_has_prefix(dump,
                                   "[general]\ndaemon=false\nmethod=virtio-serial\n"
                                   "path=/dev/virtio-ports/org.qemu.guest_agent.0\nlogfile=/a b\n"
                                   "pidfile=/run/firn/firn.pid\n"
                                   "fsfreeze-hook=/etc/qemu/fsfreeze-hook\nstatedir=/run/firn\n"
                                   "verbose=false\nretry-path=false\nblock-rpcs=x,y\n"),
                  "%s", dump);
}
END_TEST

START_TEST(test_help_fits_a_screen)
{
    g_autofree char *help = firn_config_help("/usr/sbin/firn");
    g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

    ck_assert_uint_le(g_strv_length(lines), 40);
    for (char **line = lines; *line; line++)
        ck_assert_msg(strlen(*line) <= 80, "%s", *line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("config");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_defaults);
    tcase_add_test(tests, test_short_options);
    tcase_add_test(tests, test_hook_alone);
    tcase_add_test(tests, test_every_key_is_an_option);
    tcase_add_test(tests, test_negated);
    tcase_add_test(tests, test_actions);
    tcase_add_test(tests, test_file_then_options);
    tcase_add_test(tests, test_file_by_environment);
    tcase_add_test(tests, test_refused_options);
    tcase_add_test(tests, test_refused_files);
    tcase_add_test(tests, test_settle);
    tcase_add_test(tests, test_dump);
    tcase_add_test(tests, test_help_fits_a_screen);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
