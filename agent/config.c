/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config.h"

#include <getopt.h>
#include <string.h>

#include "agent/config-keys.h"

#define GROUP "general"
#define OWN_FILE "/etc/firn/firn.conf"
#define PEER_FILE "/etc/qemu/qemu-ga.conf"
#define VIRTIO_PATH "/dev/virtio-ports/org.qemu.guest_agent.0"
#define SERIAL_PATH "/dev/ttyS0"

/* Long options that are no keys, numbered after the keys. */
enum { OPTION_CONFIG = 1000, OPTION_DUMP, OPTION_HELP, OPTION_VERSION, OPTION_KEY = 2000 };

G_DEFINE_QUARK(firn - config - error - quark, firn_config_error)

FirnConfig *firn_config_new(void)
{
    FirnConfig *config = g_new0(FirnConfig, 1);
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    for (guint i = 0; i < count; i++)
        firn_config_key_reset(&keys[i], config);
    return config;
}

void firn_config_free(FirnConfig *config)
{
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    if (!config)
        return;
    for (guint i = 0; i < count; i++)
        firn_config_key_clear(&keys[i], config);
    g_free(config);
}

static gboolean load_key(FirnConfig *config, GKeyFile *file, const char *path, const char *name,
                         GError **error)
{
    const FirnConfigKey *key = firn_config_key_find(name);
    g_autofree char *value = NULL;

    if (!key) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "%s: unknown key '%s' in [" GROUP "]: remove it or correct its name, "
                    "'firn --help' lists the keys",
                    path, name);
        return FALSE;
    }
    value = g_key_file_get_string(file, GROUP, name, error);
    if (value)
        g_strchomp(value);
    if (value && key->type == FIRN_KEY_COMMANDS && strchr(value, '#')) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "%s: key '%s': '%s' has a '#', which no command has: give the comment a line "
                    "of its own",
                    path, name, value);
        return FALSE;
    }
    if (!value || !firn_config_key_set(key, config, value, error)) {
        g_prefix_error(error, "%s: key '%s': ", path, name);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_groups(GKeyFile *file, const char *path, GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

    for (char **group = groups; *group; group++) {
        if (strcmp(*group, GROUP) == 0)
            continue;
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "%s: unknown group [%s]: put its keys into [" GROUP "] or remove it", path,
                    *group);
        return FALSE;
    }
    return TRUE;
}

gboolean firn_config_load(FirnConfig *config, const char *path, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_auto(GStrv) names = NULL;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error)) {
        g_prefix_error(error, "error loading configuration from path: %s, ", path);
        return FALSE;
    }
    if (!check_groups(file, path, error))
        return FALSE;
    names = g_key_file_get_keys(file, GROUP, NULL, NULL);
    for (char **name = names; name && *name; name++) {
        if (!load_key(config, file, path, *name, error))
            return FALSE;
    }
    return TRUE;
}

/* The command line as getopt_long() wants it, made from the table of keys. */
typedef struct {
    GArray *options; /* of struct option, ends with {0} */
    GString *letters;
} OptionTable;

static void option_add(OptionTable *table, const char *name, int argument, char letter, int value)
{
    struct option option = {.name = name, .has_arg = argument, .val = value};

    g_array_append_val(table->options, option);
    if (letter)
        g_string_append_c(table->letters, letter);
}

static OptionTable option_table_new(void)
{
    OptionTable table = {g_array_new(TRUE, TRUE, sizeof(struct option)), g_string_new(":")};
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    for (guint i = 0; i < count; i++) {
        const FirnConfigKey *key = &keys[i];
        gboolean optional = key->type == FIRN_KEY_BOOL || key->type == FIRN_KEY_HOOK;
        int argument = optional ? optional_argument : required_argument;

        option_add(&table, key->name, argument, key->letter, OPTION_KEY + (int)i);
        if (key->letter && key->type == FIRN_KEY_HOOK)
            g_string_append(table.letters, "::");
        else if (key->letter && key->type != FIRN_KEY_BOOL)
            g_string_append(table.letters, ":");
        if (key->alias)
            option_add(&table, key->alias, argument, 0, OPTION_KEY + (int)i);
    }
    option_add(&table, "config", required_argument, 'c', OPTION_CONFIG);
    g_string_append_c(table.letters, ':');
    option_add(&table, "dump-conf", no_argument, 'D', OPTION_DUMP);
    option_add(&table, "help", no_argument, 'h', OPTION_HELP);
    option_add(&table, "version", no_argument, 'V', OPTION_VERSION);
    return table;
}

static void option_table_clear(OptionTable *table)
{
    g_array_free(table->options, TRUE);
    g_string_free(table->letters, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OptionTable, option_table_clear)

/* What getopt_long() found, with a letter turned into its long option's number. */
static int next_option(int argc, char **argv, const OptionTable *table)
{
    const struct option *options = (const struct option *)(gpointer)table->options->data;
    int found = getopt_long(argc, argv, table->letters->str, options, NULL);

    switch (found) {
    case 'c':
        return OPTION_CONFIG;
    case 'D':
        return OPTION_DUMP;
    case 'h':
        return OPTION_HELP;
    case 'V':
        return OPTION_VERSION;
    default:
        break;
    }
    if (found > 0 && found < OPTION_CONFIG && found != '?' && found != ':')
        return OPTION_KEY + firn_config_key_of_letter((char)found);
    return found;
}

/* The value of an option as it was written, for messages. */
static void set_option_error(GError **error, char **argv, int found)
{
    const char *problem = found == ':' ? "option requires an argument" : "unrecognized option";
    g_autofree char *name = NULL;

    if (optopt > 0 && optopt < OPTION_CONFIG)
        name = g_strdup_printf("-%c", optopt);
    else
        name = g_strdup(argv[optind - 1]);
    g_set_error(error, FIRN_CONFIG_ERROR, 0, "%s '%s', try '%s --help' for more information.",
                problem, name, argv[0]);
}

static gboolean take_option(FirnConfig *config, int option, FirnAction *action, GError **error)
{
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);
    const FirnConfigKey *key;
    const char *value = optarg;

    switch (option) {
    case OPTION_CONFIG:
        return TRUE;
    case OPTION_DUMP:
        *action = FIRN_ACTION_DUMP;
        return TRUE;
    case OPTION_HELP:
        *action = FIRN_ACTION_HELP;
        return TRUE;
    case OPTION_VERSION:
        *action = FIRN_ACTION_VERSION;
        return TRUE;
    default:
        break;
    }
    key = &keys[option - OPTION_KEY];
    if (key->type == FIRN_KEY_COMMANDS && (!strcmp(value, "help") || !strcmp(value, "?"))) {
        *action = FIRN_ACTION_COMMANDS;
        return TRUE;
    }
    if (!value)
        value = key->type == FIRN_KEY_BOOL ? "true" : FIRN_DEFAULT_HOOK;
    if (!firn_config_key_set(key, config, value, error)) {
        g_prefix_error(error, "option '--%s': ", key->name);
        return FALSE;
    }
    return TRUE;
}

static gboolean parse_options(FirnConfig *config, int argc, char **argv, FirnAction *action,
                              GError **error)
{
    g_auto(OptionTable) table = option_table_new();
    int option;

    optind = 0;
    while ((option = next_option(argc, argv, &table)) != -1) {
        if (option == '?' || option == ':') {
            set_option_error(error, argv, option);
            return FALSE;
        }
        if (!take_option(config, option, action, error))
            return FALSE;
        /* what is asked for first is answered, whatever follows */
        if (*action == FIRN_ACTION_HELP || *action == FIRN_ACTION_VERSION)
            return TRUE;
    }
    if (optind < argc) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "unexpected argument '%s': values follow their option (a hook's path without "
                    "a space, as in -F/path), try '%s --help' for more information.",
                    argv[optind], argv[0]);
        return FALSE;
    }
    return TRUE;
}

/* The value of the last -c; a faulty command line is complained about later. */
static const char *find_config_option(int argc, char **argv)
{
    g_auto(OptionTable) table = option_table_new();
    const char *file = NULL;
    int option;

    optind = 0;
    while ((option = next_option(argc, argv, &table)) != -1) {
        if (option == OPTION_CONFIG)
            file = optarg;
    }
    return file;
}

static gboolean load_file(FirnConfig *config, const char *asked, GError **error)
{
    const char *file = asked;

    if (!file)
        file = g_getenv("QGA_CONF");
    if (!file)
        file = g_file_test(OWN_FILE, G_FILE_TEST_EXISTS) ? OWN_FILE : PEER_FILE;
    if (!asked && !g_file_test(file, G_FILE_TEST_EXISTS))
        return TRUE;
    return firn_config_load(config, file, error);
}

/* TRUE when the command line asks for what needs no configuration: help with a broken one, above
 * all. */
static gboolean asks_for_text(int argc, char **argv, FirnAction *action)
{
    g_autoptr(FirnConfig) scratch = firn_config_new();

    return parse_options(scratch, argc, argv, action, NULL) &&
           (*action == FIRN_ACTION_HELP || *action == FIRN_ACTION_VERSION ||
            *action == FIRN_ACTION_COMMANDS);
}

gboolean firn_config_parse(FirnConfig *config, int argc, char **argv, FirnAction *action,
                           GError **error)
{
    *action = FIRN_ACTION_RUN;
    opterr = 0;
    /* getopt_long() moves operands to the end: both passes see an array of their own */
    g_autofree char **copy = g_memdup2(argv, sizeof(char *) * ((gsize)argc + 1));
    const char *file = find_config_option(argc, copy);
    g_autoptr(GError) problem = NULL;

    if (!load_file(config, file, &problem)) {
        if (asks_for_text(argc, argv, action))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    return parse_options(config, argc, argv, action, error);
}

static void make_absolute(char **path)
{
    char *absolute;

    if (!*path)
        return;
    absolute = g_canonicalize_filename(*path, NULL);
    g_free(*path);
    *path = absolute;
}

gboolean firn_config_settle(FirnConfig *config, gboolean activated, GError **error)
{
    gboolean listens =
        config->method == FIRN_METHOD_UNIX_LISTEN || config->method == FIRN_METHOD_VSOCK_LISTEN;

    if (!config->path && config->method == FIRN_METHOD_VIRTIO_SERIAL)
        config->path = g_strdup(VIRTIO_PATH);
    if (!config->path && config->method == FIRN_METHOD_ISA_SERIAL)
        config->path = g_strdup(SERIAL_PATH);
    if (!config->path && listens && !activated) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "must specify a path for this channel: method %s needs --path=%s",
                    firn_method_name(config->method),
                    config->method == FIRN_METHOD_VSOCK_LISTEN ? "CID:PORT" : "SOCKET");
        return FALSE;
    }
    if (!g_path_is_absolute(config->state_dir)) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "statedir '%s' is no absolute path: give one that begins with '/'",
                    config->state_dir);
        return FALSE;
    }
    if (config->method != FIRN_METHOD_VSOCK_LISTEN)
        make_absolute(&config->path);
    make_absolute(&config->log_file);
    make_absolute(&config->pid_file);
    make_absolute(&config->fsfreeze_hook);
    return TRUE;
}

static const char *default_path(const FirnConfig *config)
{
    if (config->path)
        return config->path;
    if (config->method == FIRN_METHOD_VIRTIO_SERIAL)
        return VIRTIO_PATH;
    return config->method == FIRN_METHOD_ISA_SERIAL ? SERIAL_PATH : NULL;
}

char *firn_config_dump(const FirnConfig *config)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    for (guint i = 0; i < count; i++) {
        g_autofree char *value = firn_config_key_get(&keys[i], config);

        if (!value && !strcmp(keys[i].name, "path"))
            value = g_strdup(default_path(config));
        if (value)
            g_key_file_set_string(file, GROUP, keys[i].name, value);
    }
    return g_key_file_to_data(file, NULL, NULL);
}

static void help_line(GString *text, char letter, const char *name, const char *value,
                      const char *help)
{
    g_autofree char *option = NULL;

    option = g_strdup_printf("--%s%s", name, value ? value : "");
    if (letter)
        g_string_append_printf(text, "  -%c, %-26s %s\n", letter, option, help);
    else
        g_string_append_printf(text, "      %-26s %s\n", option, help);
}

char *firn_config_help(const char *program)
{
    GString *text = g_string_new(NULL);
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    g_string_append_printf(text,
                           "Usage: %s [-m <method> -p <path>] [<options>]\n"
                           "       %s doctor|report --help\n"
                           "firn " FIRN_VERSION
                           ", a guest agent; every key of [general] in " OWN_FILE "\nor " PEER_FILE
                           " is an option too\n\n",
                           program, program);
    for (guint i = 0; i < count; i++)
        help_line(text, keys[i].letter, keys[i].name, keys[i].placeholder, keys[i].help);
    help_line(text, 'c', "config", "=FILE", "read this file instead");
    help_line(text, 'D', "dump-conf", NULL, "print the configuration and exit");
    help_line(text, 'V', "version", NULL, "print the version and exit");
    help_line(text, 'h', "help", NULL, "print this and exit");
    return g_string_free(text, FALSE);
}
