/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config-options.h"

#include <getopt.h>
#include <string.h>

/* Long options that are no keys, numbered after the keys. */
enum { OPTION_CONFIG = 1000, OPTION_DUMP, OPTION_HELP, OPTION_VERSION, OPTION_KEY = 2000 };

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

static gboolean take_option(FirnConfigLayer *layer, int option, FirnAction *action, GError **error)
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
    if ((key->type == FIRN_KEY_BLOCKED || key->type == FIRN_KEY_ALLOWED) &&
        (!strcmp(value, "help") || !strcmp(value, "?"))) {
        *action = FIRN_ACTION_COMMANDS;
        return TRUE;
    }
    if (!value)
        value = key->type == FIRN_KEY_BOOL ? "true" : FIRN_DEFAULT_HOOK;
    if (!firn_config_layer_set(layer, key, value, error)) {
        g_prefix_error(error, "option '--%s': ", key->name);
        return FALSE;
    }
    return TRUE;
}

gboolean firn_config_options_parse(FirnConfigLayer *layer, int argc, char **argv,
                                   FirnAction *action, GError **error)
{
    g_auto(OptionTable) table = option_table_new();
    int option;

    opterr = 0;
    optind = 0;
    while ((option = next_option(argc, argv, &table)) != -1) {
        if (option == '?' || option == ':') {
            set_option_error(error, argv, option);
            return FALSE;
        }
        if (!take_option(layer, option, action, error))
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

const char *firn_config_options_file(int argc, char **argv)
{
    /* getopt_long() moves operands to the end: the caller's array stays as it is */
    g_autofree char **copy = g_memdup2(argv, sizeof(char *) * ((gsize)argc + 1));
    g_auto(OptionTable) table = option_table_new();
    const char *file = NULL;
    int option;

    opterr = 0;
    optind = 0;
    while ((option = next_option(argc, copy, &table)) != -1) {
        if (option == OPTION_CONFIG)
            file = optarg;
    }
    return file;
}
