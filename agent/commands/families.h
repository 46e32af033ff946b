/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_COMMANDS_FAMILIES_H
#define AGENT_COMMANDS_FAMILIES_H

#include "agent/config.h"
#include "agent/freeze/freezer.h"
#include "agent/policy.h"
#include "agent/worker.h"
#include "platform/roots.h"
#include "qga-protocol/command.h"

/* What a family of commands may use; outlives the commands. */
typedef struct {
    const FirnConfig *config;
    const FirnRoots *roots;
    FirnFreezer *freezer;     /* NULL where commands are only listed, as for --block-rpcs=help */
    const FirnPolicy *policy; /* the same */
    FirnWorker *worker;       /* the same */
} FirnContext;

/* Each family adds its rows, with its own state, to the table. One file a family, named for it. */
void firn_basic_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_freeze_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_file_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_process_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_system_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_processor_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_memory_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_time_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_power_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_password_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_ssh_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_storage_commands_add(QgaCommands *commands, const FirnContext *context);
void firn_network_commands_add(QgaCommands *commands, const FirnContext *context);

/* All of them. */
void firn_families_add(QgaCommands *commands, const FirnContext *context);

#endif
