/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config-files.h"

#include <string.h>

#include "agent/config-options.h"

#define GROUP FIRN_CONFIG_GROUP

/* FALSE, with the error made one of the configuration's: domain and file. */
static gboolean fail(GError **error, GError *cause, const char *name)
{
    g_set_error(error, FIRN_CONFIG_ERROR, 0, "error loading configuration from path: %s, %s", name,
                cause->message);
    g_error_free(cause);
    return FALSE;
}

static gboolean load_key(FirnConfigLayer *layer, GKeyFile *file, const char *name, GError **error)
{
    const FirnConfigKey *key = firn_config_key_find(name);
    g_autofree char *value = NULL;
    GError *cause = NULL;

    if (!key && layer->foreign) {
        firn_config_layer_warn(layer, "remove it", "unknown key '%s' in [" GROUP "]", name);
        return TRUE;
    }
    if (!key) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "%s: unknown key '%s' in [" GROUP "]: remove it or correct its name, "
                    "'firn --help' lists the keys",
                    layer->name, name);
        return FALSE;
    }
    value = g_key_file_get_string(file, GROUP, name, &cause);
    if (value)
        g_strchomp(value);
    if (value && firn_config_layer_set(layer, key, value, &cause))
        return TRUE;
    g_set_error(error, FIRN_CONFIG_ERROR, 0, "%s: key '%s': %s", layer->name, name, cause->message);
    g_error_free(cause);
    return FALSE;
}

static gboolean check_groups(FirnConfigLayer *layer, GKeyFile *file, GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

    for (char **group = groups; *group; group++) {
        if (strcmp(*group, GROUP) == 0)
            continue;
        if (layer->foreign) {
            firn_config_layer_warn(layer, "remove it", "unknown group [%s]", *group);
            continue;
        }
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "%s: unknown group [%s]: put its keys into [" GROUP "] or remove it",
                    layer->name, *group);
        return FALSE;
    }
    return TRUE;
}

/* Of a key that is there twice, a GKeyFile has the last value only: the first one's would be lost
 * without a word. */
static gboolean check_once(const FirnConfigLayer *layer, const char *text, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gboolean ours = FALSE;

    for (char **line = lines; *line; line++) {
        g_autofree char *key = NULL;

        g_strchug(*line);
        if (**line == '[')
            ours = g_str_has_prefix(*line, "[" GROUP "]");
        if (!ours || **line == '#' || !strchr(*line, '='))
            continue;
        key = g_strstrip(g_strndup(*line, strcspn(*line, "=")));
        if (g_hash_table_contains(seen, key)) {
            g_set_error(error, FIRN_CONFIG_ERROR, 0,
                        "%s: key '%s' is there twice: make one line of the two", layer->name, key);
            return FALSE;
        }
        g_hash_table_add(seen, g_steal_pointer(&key));
    }
    return TRUE;
}

gboolean firn_config_file_load(FirnConfig *config, const char *path, const char *name,
                               gboolean foreign, GError **error)
{
    g_auto(FirnConfigLayer) layer = firn_config_layer_begin(config, name, foreign);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *text = NULL;
    g_auto(GStrv) keys = NULL;
    GError *cause = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, &cause) ||
        !g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, &cause))
        return fail(error, cause, name);
    if (!check_groups(&layer, file, error) || !check_once(&layer, text, error))
        return FALSE;
    keys = g_key_file_get_keys(file, GROUP, NULL, NULL);
    for (char **key = keys; key && *key; key++) {
        if (!load_key(&layer, file, *key, error))
            return FALSE;
    }
    return TRUE;
}

/* What a variable's value is. */
typedef enum { VARIABLE_KEY, VARIABLE_HOOK, VARIABLE_SWITCH, VARIABLE_OPTIONS } VariableKind;

/* In the order they are taken in. The names are those that Red Hat's, SUSE's (/etc/sysconfig) and
 * Debian's (/etc/default) files for the packaged agent have. */
static const struct {
    const char *name;
    VariableKind kind;
    const char *key;
} variables[] = {
    {"BLACKLIST_RPC", VARIABLE_KEY, "block-rpcs"},
    {"BLOCK_RPCS", VARIABLE_KEY, "block-rpcs"},
    {"FILTER_RPC_ARGS", VARIABLE_OPTIONS, NULL},
    {"DAEMON_ARGS", VARIABLE_OPTIONS, NULL},
    {"FSFREEZE_HOOK_PATHNAME", VARIABLE_HOOK, "fsfreeze-hook"},
    {"FSFREEZE_HOOK_ENABLE", VARIABLE_SWITCH, "fsfreeze-hook"},
};

/* A command line without the program's name. Its -c is a file of the packaged agent's. */
static gboolean take_options(FirnConfigLayer *layer, const char *text, GError **error)
{
    g_autofree char *line = g_strconcat("firn ", text, NULL);
    g_auto(GStrv) argv = NULL;
    g_autofree char **items = NULL;
    FirnAction action = FIRN_ACTION_RUN;
    const char *file;
    int argc;

    if (!g_shell_parse_argv(line, &argc, &argv, error))
        return FALSE;
    items = g_memdup2(argv, sizeof(char *) * ((gsize)argc + 1)); /* getopt_long(3) moves them */
    file = firn_config_options_file(argc, items);
    if (file && !firn_config_file_load(layer->config, file, file, TRUE, error))
        return FALSE;
    return firn_config_options_parse(layer, argc, items, &action, error);
}

/* 0 switches hooks off, whatever the path is; anything else needs a path, or means the default. */
static gboolean take_switch(FirnConfigLayer *layer, const FirnConfigKey *key, const char *value,
                            GError **error)
{
    if (strcmp(value, "0") == 0)
        return firn_config_layer_set(layer, key, "", error);
    if (layer->config->fsfreeze_hook)
        return TRUE;
    return firn_config_layer_set(layer, key, FIRN_DEFAULT_HOOK, error);
}

static gboolean take_variable(FirnConfigLayer *layer, VariableKind kind, const FirnConfigKey *key,
                              const char *value, GError **error)
{
    switch (kind) {
    case VARIABLE_KEY:
        return firn_config_layer_set(layer, key, value, error);
    case VARIABLE_HOOK:
        return firn_config_layer_set(layer, key, *value ? value : FIRN_DEFAULT_HOOK, error);
    case VARIABLE_SWITCH:
        return take_switch(layer, key, value, error);
    case VARIABLE_OPTIONS:
    default:
        return take_options(layer, value, error);
    }
}

/* Takes the variable's value out of the table; without quotes. */
static gboolean take_from(FirnConfigLayer *layer, GHashTable *values, guint number, GError **error)
{
    const char *name = variables[number].name;
    const FirnConfigKey *key =
        variables[number].key ? firn_config_key_find(variables[number].key) : NULL;
    const char *quoted = g_hash_table_lookup(values, name);
    g_autofree char *value = NULL;
    GError *cause = NULL;
    gboolean taken;

    if (!quoted)
        return TRUE;
    value = g_shell_unquote(quoted, &cause);
    taken = value && take_variable(layer, variables[number].kind, key, value, &cause);
    g_hash_table_remove(values, name);
    if (taken)
        return TRUE;
    g_set_error(error, FIRN_CONFIG_ERROR, 0, "%s: variable %s: %s", layer->name, name,
                cause->message);
    g_error_free(cause);
    return FALSE;
}

/* From name to value, as it is quoted; the caller frees it with g_hash_table_unref(). */
static GHashTable *read_variables(const FirnConfigLayer *layer, const char *text)
{
    GHashTable *values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line; line++) {
        g_auto(GStrv) parts = NULL;

        g_strstrip(*line);
        if (!**line || **line == '#' || **line == ';')
            continue;
        parts = g_strsplit(*line, "=", 2);
        if (g_strv_length(parts) == 2)
            g_hash_table_replace(values, g_strdup(g_strstrip(parts[0])),
                                 g_strdup(g_strstrip(parts[1])));
        else
            firn_config_layer_warn(layer, "remove it", "the line '%s' sets no variable", *line);
    }
    return values;
}

gboolean firn_config_variables_load(FirnConfig *config, const char *path, const char *name,
                                    gboolean foreign, GError **error)
{
    g_auto(FirnConfigLayer) layer = firn_config_layer_begin(config, name, foreign);
    g_autoptr(GHashTable) values = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GList) left = NULL;
    GError *cause = NULL;

    if (!g_file_get_contents(path, &text, NULL, &cause))
        return fail(error, cause, name);
    values = read_variables(&layer, text);
    for (guint i = 0; i < G_N_ELEMENTS(variables); i++) {
        if (!take_from(&layer, values, i, error))
            return FALSE;
    }
    left = g_list_sort(g_hash_table_get_keys(values), (GCompareFunc)strcmp);
    for (GList *item = left; item; item = item->next)
        firn_config_layer_warn(&layer, "remove it, or say it in /etc/firn/firn.conf",
                               "unknown variable %s", (const char *)item->data);
    return TRUE;
}
