/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"

void firn_families_add(QgaCommands *commands, const FirnContext *context)
{
    firn_basic_commands_add(commands, context);
    firn_file_commands_add(commands, context);
    firn_freeze_commands_add(commands, context);
    firn_memory_commands_add(commands, context);
    firn_network_commands_add(commands, context);
    firn_password_commands_add(commands, context);
    firn_power_commands_add(commands, context);
    firn_process_commands_add(commands, context);
    firn_processor_commands_add(commands, context);
    firn_ssh_commands_add(commands, context);
    firn_storage_commands_add(commands, context);
    firn_system_commands_add(commands, context);
    firn_time_commands_add(commands, context);
}
