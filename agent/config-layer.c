/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config-layer.h"

FirnConfigLayer firn_config_layer_begin(FirnConfig *config, const char *name, gboolean foreign)
{
    return (FirnConfigLayer){config, name, foreign, g_ptr_array_new()};
}

gboolean firn_config_layer_set(FirnConfigLayer *layer, const FirnConfigKey *key, const char *value,
                               GError **error)
{
    if (!g_ptr_array_find(layer->keys_set, key->name, NULL)) {
        if (key->type != FIRN_KEY_BLOCKED)
            firn_config_key_reset(key, layer->config);
        g_ptr_array_add(layer->keys_set, (gpointer)(guintptr)key->name);
    }
    return firn_config_key_set(key, layer->config, value, error);
}

void firn_config_layer_warn(const FirnConfigLayer *layer, const char *remedy, const char *format,
                            ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(layer->config->warnings,
                    g_strdup_printf("%s: %s: %s", layer->name, what, remedy));
}

void firn_config_layer_end(FirnConfigLayer *layer)
{
    g_autofree char *names = NULL;

    if (!layer->keys_set)
        return;
    if (layer->keys_set->len > 0) {
        g_ptr_array_add(layer->keys_set, NULL);
        names = g_strjoinv(", ", (char **)layer->keys_set->pdata);
        g_ptr_array_add(layer->config->sources, g_strdup_printf("%s (%s)", layer->name, names));
    }
    g_clear_pointer(&layer->keys_set, g_ptr_array_unref);
}
