/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config-keys.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#define AT(member) offsetof(FirnConfig, member)

static const FirnConfigKey keys[] = {
    {"daemon", 'd', "daemonize", FIRN_KEY_BOOL, AT(daemonize), "false", NULL, "become a daemon"},
    {"method", 'm', NULL, FIRN_KEY_METHOD, AT(method), "virtio-serial", "=METHOD",
     "or isa-serial, unix-listen, vsock-listen"},
    {"path", 'p', NULL, FIRN_KEY_STRING, AT(path), NULL, "=PATH",
     "device or socket; CID:PORT for vsock-listen"},
    {"logfile", 'l', NULL, FIRN_KEY_STRING, AT(log_file), NULL, "=FILE",
     "default: the journal or stderr"},
    {"pidfile", 'f', NULL, FIRN_KEY_STRING, AT(pid_file), FIRN_DEFAULT_PID_FILE, "=FILE",
     "default " FIRN_DEFAULT_PID_FILE ""},
    {"fsfreeze-hook", 'F', NULL, FIRN_KEY_HOOK, AT(fsfreeze_hook), NULL, "[=PATH]",
     "default path: " FIRN_DEFAULT_HOOK},
    {"statedir", 't', NULL, FIRN_KEY_STRING, AT(state_dir), "/run/firn", "=DIR",
     "default /run/firn; never on a frozen disk"},
    {"verbose", 'v', NULL, FIRN_KEY_BOOL, AT(verbose), "false", NULL, "log more"},
    {"retry-path", 'r', NULL, FIRN_KEY_BOOL, AT(retry_path), "false", NULL,
     "wait for the device, also when it goes"},
    {"block-rpcs", 'b', "blacklist", FIRN_KEY_BLOCKED, AT(block_rpcs), "", "=LIST",
     "commands to refuse; 'help' lists all"},
    {"allow-rpcs", 'a', NULL, FIRN_KEY_ALLOWED, AT(allow_rpcs), "", "=LIST",
     "refuse all commands but these"},
    {"vsock-peer", 0, NULL, FIRN_KEY_PEER, AT(vsock_peer), "2", "=CID",
     "whom vsock-listen serves: 2 (the host), any"},
    {"freeze-enabled", 0, NULL, FIRN_KEY_BOOL, AT(freeze_enabled), "true", "=BOOL",
     "=false refuses to freeze"},
    {"freeze-exclude", 0, NULL, FIRN_KEY_LIST, AT(freeze_exclude), "", "=LIST",
     "mountpoint globs, types or devices to skip"},
    {"freeze-include", 0, NULL, FIRN_KEY_LIST, AT(freeze_include), "", "=LIST",
     "freeze these only"},
    {"freeze-timeout", 0, NULL, FIRN_KEY_UINT, AT(freeze_timeout), "600", "=SECS",
     "thaw by itself after 600 s; 0: never"},
    {"freeze-walk-timeout", 0, NULL, FIRN_KEY_UINT, AT(freeze_walk_timeout), "60", "=SECS",
     "give up a freeze after 60 s"},
    {"freeze-hook-timeout", 0, NULL, FIRN_KEY_UINT, AT(freeze_hook_timeout), "30", "=SECS",
     "give up a hook after 30 s"},
    {"freeze-sync-timeout", 0, NULL, FIRN_KEY_UINT, AT(freeze_sync_timeout), "30", "=SECS",
     "sync at most 30 s beforehand"},
    {"freeze-expedite", 0, NULL, FIRN_KEY_EXPEDITE, AT(freeze_expedite), "auto", "=auto",
     "=false: leave the kernel's waits long"},
    {"trace-marker", 0, NULL, FIRN_KEY_BOOL, AT(trace_marker), "false", "[=BOOL]",
     "write to the kernel's trace buffer"},
    {"report-keep", 0, NULL, FIRN_KEY_UINT, AT(report_keep), "20", "=COUNT",
     "freezes that 'firn report' knows: 20"},
    {"task-timeout", 0, NULL, FIRN_KEY_UINT, AT(task_timeout), "10", "=SECS",
     "give up a file that does not answer: 10 s"},
    {"exec-output-max", 0, NULL, FIRN_KEY_SIZE, AT(exec_output_max), "6M", "=BYTES",
     "output kept of one guest-exec: 6M"},
    {"interface-exclude", 0, NULL, FIRN_KEY_LIST, AT(interface_exclude), "", "=LIST",
     "globs of interfaces not to report"},
};

static const char *const methods[] = {"virtio-serial", "isa-serial", "unix-listen", "vsock-listen"};

const char *firn_method_name(FirnMethod method)
{
    return methods[method];
}

const FirnConfigKey *firn_config_keys(guint *count)
{
    *count = G_N_ELEMENTS(keys);
    return keys;
}

const FirnConfigKey *firn_config_key_find(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (!strcmp(keys[i].name, name) || !g_strcmp0(keys[i].alias, name))
            return &keys[i];
    }
    return NULL;
}

int firn_config_key_of_letter(char letter)
{
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].letter == letter)
            return (int)i;
    }
    g_assert_not_reached();
}

static gpointer member(const FirnConfigKey *key, FirnConfig *config)
{
    return (guint8 *)config + key->offset;
}

static gconstpointer member_const(const FirnConfigKey *key, const FirnConfig *config)
{
    return (const guint8 *)config + key->offset;
}

static gboolean set_bool(gboolean *target, const char *value, GError **error)
{
    if (!strcmp(value, "true") || !strcmp(value, "1")) {
        *target = TRUE;
    } else if (!strcmp(value, "false") || !strcmp(value, "0")) {
        *target = FALSE;
    } else {
        g_set_error(error, FIRN_CONFIG_ERROR, 0, "invalid value '%s': use true or false", value);
        return FALSE;
    }
    return TRUE;
}

static gboolean set_number(guint64 *target, guint64 max, const char *value, GError **error)
{
    if (!g_ascii_string_to_unsigned(value, 10, 0, max, target, NULL)) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "invalid value '%s': use a whole number from 0 to %" G_GUINT64_FORMAT, value,
                    max);
        return FALSE;
    }
    return TRUE;
}

static gboolean set_size(guint64 *target, const char *value, GError **error)
{
    static const char units[] = "KMG";
    gsize length = strlen(value);
    const char *unit = length > 0 ? strchr(units, g_ascii_toupper(value[length - 1])) : NULL;
    g_autofree char *digits = g_strndup(value, unit ? length - 1 : length);
    guint shift = unit ? 10 * ((guint)(unit - units) + 1) : 0;
    guint64 number;

    if (!set_number(&number, G_MAXINT64 >> shift, digits, NULL)) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "invalid value '%s': use a number of bytes, such as 4194304 or 4M", value);
        return FALSE;
    }
    *target = number << shift;
    return TRUE;
}

static gboolean set_method(FirnMethod *target, const char *value, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (!strcmp(methods[i], value)) {
            *target = (FirnMethod)i;
            return TRUE;
        }
    }
    g_set_error(error, FIRN_CONFIG_ERROR, 0,
                "unsupported channel method/type: '%s': use virtio-serial, isa-serial, "
                "unix-listen or vsock-listen",
                value);
    return FALSE;
}

static gboolean set_expedite(FirnExpedite *target, const char *value, GError **error)
{
    gboolean on = TRUE;

    if (strcmp(value, "auto") != 0 && !set_bool(&on, value, NULL)) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0, "invalid value '%s': use auto or false", value);
        return FALSE;
    }
    *target = on ? FIRN_EXPEDITE_AUTO : FIRN_EXPEDITE_NEVER;
    return TRUE;
}

static gboolean set_peer(guint *target, const char *value, GError **error)
{
    guint64 number = (guint)VMADDR_CID_ANY;

    if (strcmp(value, "any") != 0 && !set_number(&number, (guint)VMADDR_CID_ANY - 1, value, NULL)) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "invalid value '%s': use a context's number, such as 2 for the host, or any",
                    value);
        return FALSE;
    }
    *target = (guint)number;
    return TRUE;
}

static gboolean list_has(char **list, const char *item)
{
    return list && g_strv_contains((const char *const *)list, item);
}

static void add_list(char ***target, const char *value)
{
    g_auto(GStrv) items = g_strsplit(value, ",", -1);
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (char **item = *target; item && *item; item++)
        g_ptr_array_add(all, *item);
    for (char **item = items; *item; item++) {
        g_strstrip(*item);
        if (**item && !list_has(*target, *item))
            g_ptr_array_add(all, g_strdup(*item));
    }
    g_ptr_array_add(all, NULL);
    g_free(*target);
    *target = (char **)g_ptr_array_free(g_steal_pointer(&all), FALSE);
}

/* An empty list would allow everything, which is the last thing that its writer can have meant. */
static gboolean add_allowed(char ***target, const char *value, GError **error)
{
    add_list(target, value);
    if (**target)
        return TRUE;
    g_set_error(error, FIRN_CONFIG_ERROR, 0,
                "the list is empty: name the commands that are allowed, or remove the key to allow "
                "all");
    return FALSE;
}

static void set_string(char **target, const char *value)
{
    g_free(*target);
    *target = value && *value ? g_strdup(value) : NULL;
}

gboolean firn_config_key_set(const FirnConfigKey *key, FirnConfig *config, const char *value,
                             GError **error)
{
    gpointer target = member(key, config);
    guint64 number;

    switch (key->type) {
    case FIRN_KEY_BOOL:
        return set_bool(target, value, error);
    case FIRN_KEY_UINT:
        if (!set_number(&number, G_MAXINT32, value, error))
            return FALSE;
        *(guint *)target = (guint)number;
        return TRUE;
    case FIRN_KEY_SIZE:
        return set_size(target, value, error);
    case FIRN_KEY_METHOD:
        return set_method(target, value, error);
    case FIRN_KEY_EXPEDITE:
        return set_expedite(target, value, error);
    case FIRN_KEY_PEER:
        return set_peer(target, value, error);
    case FIRN_KEY_HOOK:
        set_string(target, strcmp(value, "/dev/null") != 0 ? value : NULL);
        return TRUE;
    case FIRN_KEY_STRING:
        /* where there must be a value, an empty one means the default */
        set_string(target, key->standard && !*value ? key->standard : value);
        return TRUE;
    case FIRN_KEY_LIST:
    case FIRN_KEY_BLOCKED:
        add_list(target, value);
        return TRUE;
    case FIRN_KEY_ALLOWED:
        return add_allowed(target, value, error);
    }
    g_assert_not_reached();
}

char *firn_config_key_get(const FirnConfigKey *key, const FirnConfig *config)
{
    gconstpointer value = member_const(key, config);

    switch (key->type) {
    case FIRN_KEY_BOOL:
        return g_strdup(*(const gboolean *)value ? "true" : "false");
    case FIRN_KEY_UINT:
        return g_strdup_printf("%u", *(const guint *)value);
    case FIRN_KEY_SIZE:
        return g_strdup_printf("%" G_GUINT64_FORMAT, *(const guint64 *)value);
    case FIRN_KEY_METHOD:
        return g_strdup(firn_method_name(*(const FirnMethod *)value));
    case FIRN_KEY_EXPEDITE:
        return g_strdup(*(const FirnExpedite *)value == FIRN_EXPEDITE_AUTO ? "auto" : "false");
    case FIRN_KEY_PEER:
        if (*(const guint *)value == VMADDR_CID_ANY)
            return g_strdup("any");
        return g_strdup_printf("%u", *(const guint *)value);
    case FIRN_KEY_STRING:
    case FIRN_KEY_HOOK:
        return g_strdup(*(char *const *)value);
    case FIRN_KEY_LIST:
    case FIRN_KEY_BLOCKED:
        return g_strjoinv(",", *(char **const *)value);
    case FIRN_KEY_ALLOWED:
        return **(char **const *)value ? g_strjoinv(",", *(char **const *)value) : NULL;
    }
    g_assert_not_reached();
}

static gboolean is_list(const FirnConfigKey *key)
{
    return key->type == FIRN_KEY_LIST || key->type == FIRN_KEY_BLOCKED ||
           key->type == FIRN_KEY_ALLOWED;
}

void firn_config_key_reset(const FirnConfigKey *key, FirnConfig *config)
{
    GError *error = NULL;

    firn_config_key_clear(key, config);
    if (is_list(key))
        *(char ***)member(key, config) = g_new0(char *, 1);
    else if (key->standard && !firn_config_key_set(key, config, key->standard, &error))
        g_error("default of %s: %s", key->name, error->message);
}

void firn_config_key_clear(const FirnConfigKey *key, FirnConfig *config)
{
    if (key->type == FIRN_KEY_STRING || key->type == FIRN_KEY_HOOK)
        g_clear_pointer((char **)member(key, config), g_free);
    else if (is_list(key))
        g_clear_pointer((char ***)member(key, config), g_strfreev);
}
