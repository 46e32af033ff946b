/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_CONFIG_KEYS_H
#define AGENT_CONFIG_KEYS_H

#include "agent/config.h"

/* How a key's value is written. */
typedef enum {
    FIRN_KEY_BOOL,
    FIRN_KEY_UINT,    /* guint */
    FIRN_KEY_SIZE,    /* guint64, with K, M or G after it for powers of 1024 */
    FIRN_KEY_STRING,  /* an empty value unsets it */
    FIRN_KEY_HOOK,    /* a string whose option may stand without a value; /dev/null unsets it */
    FIRN_KEY_LIST,    /* strings with commas between them; values add up */
    FIRN_KEY_BLOCKED, /* the same, of command names; `help` lists these */
    FIRN_KEY_ALLOWED, /* likewise, and never an empty list */
    FIRN_KEY_METHOD,
    FIRN_KEY_EXPEDITE,
    FIRN_KEY_PEER, /* guint: a vsock CID, or "any" */
} FirnKeyType;

/* What -F alone means. */
#define FIRN_DEFAULT_HOOK "/etc/qemu/fsfreeze-hook"

/* One key of [general] and long option; options, file, dump and help all come from these rows. */
typedef struct {
    const char *name;
    char letter;       /* short option, or 0 */
    const char *alias; /* another name it goes by, or NULL */
    FirnKeyType type;
    gsize offset;            /* in FirnConfig */
    const char *standard;    /* default, as it would be written; NULL for unset */
    const char *placeholder; /* for --help, such as "=PATH" */
    const char *help;
} FirnConfigKey;

/* All rows, in the order of --dump-conf. */
const FirnConfigKey *firn_config_keys(guint *count);
/* By name or alias; NULL when there is none. */
const FirnConfigKey *firn_config_key_find(const char *name);
/* The index of the row with that short option, which must exist. */
int firn_config_key_of_letter(char letter);

/* Reads `value`; lists are added to. The error says what would be right. */
gboolean firn_config_key_set(const FirnConfigKey *key, FirnConfig *config, const char *value,
                             GError **error);
/* As it would be written; NULL when unset; free with g_free(). */
char *firn_config_key_get(const FirnConfigKey *key, const FirnConfig *config);
/* Back to the default. */
void firn_config_key_reset(const FirnConfigKey *key, FirnConfig *config);
/* Frees what it holds. */
void firn_config_key_clear(const FirnConfigKey *key, FirnConfig *config);

#endif
