/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/policy.h"

#include <string.h>

struct FirnPolicy {
    const FirnConfig *config;
    FirnFreezer *freezer;
};

FirnPolicy *firn_policy_new(const FirnConfig *config, FirnFreezer *freezer)
{
    FirnPolicy *policy = g_new0(FirnPolicy, 1);

    policy->config = config;
    policy->freezer = freezer;
    return policy;
}

void firn_policy_free(FirnPolicy *policy)
{
    g_free(policy);
}

static gboolean list_has(char **list, const char *name)
{
    return g_strv_contains((const char *const *)list, name);
}

/* Where both lists are given: nothing, but what is allowed, but what is blocked. */
static gboolean is_allowed(const FirnConfig *config, const char *name)
{
    if (config->allow_rpcs[0] && !list_has(config->allow_rpcs, name))
        return FALSE;
    return !list_has(config->block_rpcs, name);
}

static gboolean is_switched_off(const FirnConfig *config, const char *name)
{
    return !config->freeze_enabled && g_str_has_prefix(name, "guest-fsfreeze-freeze");
}

char *firn_policy_refuses(const FirnPolicy *policy, const QgaCommand *command)
{
    if (!is_allowed(policy->config, command->name))
        return g_strdup_printf("Command %s has been disabled: the command is not allowed",
                               command->name);
    if (is_switched_off(policy->config, command->name))
        return g_strdup_printf("Command %s has been disabled: this guest's configuration says "
                               "freeze-enabled=false",
                               command->name);
    if (policy->freezer && firn_freezer_is_frozen(policy->freezer) &&
        !(command->flags & QGA_COMMAND_FROZEN_SAFE))
        return g_strdup_printf("Command %s has been disabled: the agent is in frozen state",
                               command->name);
    return NULL;
}

/* The keeper refuses it for the same reason, and writes that down. */
gboolean firn_policy_record_refusal(const FirnPolicy *policy, const QgaCommand *command,
                                    FirnFreezerDone done, gpointer data)
{
    if (!policy->freezer || !is_switched_off(policy->config, command->name) ||
        !is_allowed(policy->config, command->name))
        return FALSE;
    firn_freezer_freeze(policy->freezer, NULL, command->name, done, data);
    return TRUE;
}

/* Commands of the protocol that no agent on Linux has: to block or allow them is no mistake. */
static const char *const elsewhere[] = {"guest-get-devices", NULL};

static gboolean check_names(const QgaCommands *commands, char **names, const char *key,
                            GError **error)
{
    for (char **name = names; *name; name++) {
        if (qga_commands_find(commands, *name, NULL) || g_strv_contains(elsewhere, *name))
            continue;
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "%s: there is no command '%s': correct it; names stand without quotes, with "
                    "commas between them and no comment behind ('firn -b help' lists them)",
                    key, *name);
        return FALSE;
    }
    return TRUE;
}

gboolean firn_policy_check_names(const FirnConfig *config, const QgaCommands *commands,
                                 GError **error)
{
    return check_names(commands, config->block_rpcs, "block-rpcs", error) &&
           check_names(commands, config->allow_rpcs, "allow-rpcs", error);
}
