/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "agent/config-files.h"
#include "agent/config-keys.h"
#include "agent/config-options.h"
#include "platform/roots.h"

#define OWN_FILE "/etc/firn/firn.conf"
#define QEMU_GA_FILE "/etc/qemu/qemu-ga.conf"
#define SYSCONFIG_FILE "/etc/sysconfig/qemu-ga"
#define DEFAULT_FILE "/etc/default/qemu-guest-agent"
#define VIRTIO_PATH "/dev/virtio-ports/org.qemu.guest_agent.0"
#define SERIAL_PATH "/dev/ttyS0"

G_DEFINE_QUARK(firn - config - error - quark, firn_config_error)

FirnConfig *firn_config_new(void)
{
    FirnConfig *config = g_new0(FirnConfig, 1);
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    config->sources = g_ptr_array_new_with_free_func(g_free);
    config->warnings = g_ptr_array_new_with_free_func(g_free);
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
    g_ptr_array_unref(config->sources);
    g_ptr_array_unref(config->warnings);
    g_free(config);
}

gboolean firn_config_load(FirnConfig *config, const char *path, GError **error)
{
    return firn_config_file_load(config, path, path, strcmp(path, QEMU_GA_FILE) == 0, error);
}

/* What a package installs below /etc/firn, and links to nowhere count as well: they are errors. */
static gboolean exists(const char *path)
{
    return g_file_test(path, G_FILE_TEST_EXISTS) || g_file_test(path, G_FILE_TEST_IS_SYMLINK);
}

/* Hooks in the folder run unless the configuration names others. */
static void use_hook_folder(FirnConfig *config, const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, FIRN_HOOK_FOLDER);

    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
        return;
    g_free(config->fsfreeze_hook);
    config->fsfreeze_hook = g_strdup(FIRN_HOOK_FOLDER);
}

/* The files of this machine, those of the packaged agent first. */
static gboolean load_system_files(FirnConfig *config, GError **error)
{
    static const struct {
        const char *name;
        gboolean (*load)(FirnConfig *config, const char *path, const char *name, gboolean foreign,
                         GError **error);
        gboolean foreign;
    } files[] = {
        {QEMU_GA_FILE, firn_config_file_load, TRUE},
        {SYSCONFIG_FILE, firn_config_variables_load, TRUE},
        {DEFAULT_FILE, firn_config_variables_load, TRUE},
        {OWN_FILE, firn_config_file_load, FALSE},
    };
    g_autoptr(FirnRoots) roots = firn_roots_new(g_getenv(FIRN_ROOT_VARIABLE));

    use_hook_folder(config, roots);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = firn_roots_path(roots, files[i].name);

        if (exists(path) && !files[i].load(config, path, files[i].name, files[i].foreign, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean load_files(FirnConfig *config, const char *asked, GError **error)
{
    const char *variable = g_getenv("QGA_CONF");

    if (asked)
        return firn_config_load(config, asked, error);
    if (!variable)
        return load_system_files(config, error);
    return !exists(variable) || firn_config_load(config, variable, error);
}

/* TRUE when the command line asks for what needs no configuration: help with a broken one, above
 * all. */
static gboolean asks_for_text(int argc, char **argv, FirnAction *action)
{
    g_autoptr(FirnConfig) scratch = firn_config_new();
    g_auto(FirnConfigLayer) layer = firn_config_layer_begin(scratch, "the command line", FALSE);
    /* getopt_long() moves operands to the end */
    g_autofree char **copy = g_memdup2(argv, sizeof(char *) * ((gsize)argc + 1));

    return firn_config_options_parse(&layer, argc, copy, action, NULL) &&
           (*action == FIRN_ACTION_HELP || *action == FIRN_ACTION_VERSION ||
            *action == FIRN_ACTION_COMMANDS);
}

gboolean firn_config_parse(FirnConfig *config, int argc, char **argv, FirnAction *action,
                           GError **error)
{
    const char *file = firn_config_options_file(argc, argv);
    g_autoptr(GError) problem = NULL;
    g_auto(FirnConfigLayer) layer = {0};

    *action = FIRN_ACTION_RUN;
    if (!load_files(config, file, &problem)) {
        if (asks_for_text(argc, argv, action))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    layer = firn_config_layer_begin(config, "the command line", FALSE);
    return firn_config_options_parse(&layer, argc, argv, action, error);
}

int firn_config_exit_status(const GError *error)
{
    return error->domain == FIRN_CONFIG_ERROR ? EX_CONFIG : EXIT_FAILURE;
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
            g_key_file_set_string(file, FIRN_CONFIG_GROUP, keys[i].name, value);
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
                           ", a guest agent; every key of [general] in " OWN_FILE
                           "\nis an option too\n\n",
                           program, program);
    for (guint i = 0; i < count; i++)
        help_line(text, keys[i].letter, keys[i].name, keys[i].placeholder, keys[i].help);
    help_line(text, 'c', "config", "=FILE", "read this file instead");
    help_line(text, 'D', "dump-conf", NULL, "print the configuration and exit");
    help_line(text, 'V', "version", NULL, "print the version and exit");
    help_line(text, 'h', "help", NULL, "print this and exit");
    return g_string_free(text, FALSE);
}
