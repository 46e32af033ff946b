/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_CONFIG_LAYER_H
#define AGENT_CONFIG_LAYER_H

#include "agent/config-keys.h"

/*
 * A place that configures the agent: a file, or the command line. A key that is set in a layer
 * replaces what earlier layers said of it, except block-rpcs, which adds up over all layers. Within
 * one layer lists add up.
 */
typedef struct {
    FirnConfig *config;  /* borrowed */
    const char *name;    /* for messages, such as the file's path; borrowed */
    gboolean foreign;    /* written for the packaged agent: what firn lacks is a warning */
    GPtrArray *keys_set; /* names of keys, which belong to the table of keys */
} FirnConfigLayer;

/* A layer on top of what `config` has. */
FirnConfigLayer firn_config_layer_begin(FirnConfig *config, const char *name, gboolean foreign);

/* Sets the key. An error says what would be right, and names neither layer nor key. */
gboolean firn_config_layer_set(FirnConfigLayer *layer, const FirnConfigKey *key, const char *value,
                               GError **error);

/* Notes something that the agent passes over in the configuration's warnings. remedy: a sentence's
 * end, such as "remove it". */
void firn_config_layer_warn(const FirnConfigLayer *layer, const char *remedy, const char *format,
                            ...) G_GNUC_PRINTF(3, 4);

/* Adds the layer to the configuration's sources where it set a key, and frees what it holds. */
void firn_config_layer_end(FirnConfigLayer *layer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FirnConfigLayer, firn_config_layer_end)

#endif
