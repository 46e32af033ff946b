/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints docs/protocol.md, made from the commands' own rows. */
#include "agent/commands/families.h"

#include <stdio.h>

static void print_flags(QgaCommandFlags flags)
{
    if (flags & QGA_COMMAND_FROZEN_SAFE)
        printf("\nRuns while filesystems are frozen.\n");
    if (flags & QGA_COMMAND_SILENT)
        printf("\nNo reply on success.\n");
    if (flags & QGA_COMMAND_SENTINEL)
        printf("\nThe byte 0xFF stands before the reply.\n");
    if (flags & QGA_COMMAND_SYNC)
        printf("\nAnswered at once; the reply of a command still running is dropped.\n");
}

static void print_arguments(const QgaMember *member)
{
    const char *comma = "";

    for (; member && member->name; member++) {
        g_autofree char *type = qga_member_describe(member);

        printf("%s%s%s: %s", comma, member->name, member->optional ? "?" : "", type);
        comma = ", ";
    }
}

static void print_command(const QgaCommand *command)
{
    g_autofree char *returns =
        command->returns ? qga_member_describe(command->returns) : g_strdup("{}");

    printf("\n## %s\n\n    %s(", command->name, command->name);
    print_arguments(command->arguments);
    printf(") -> %s\n", returns);
    if (command->summary)
        printf("\n%s\n", command->summary);
    print_flags(command->flags);
}

int main(void)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);
    g_autoptr(QgaCommands) commands = qga_commands_new();
    FirnContext context = {.config = config, .roots = roots};
    const QgaCommand *const *rows;
    guint count;

    firn_families_add(commands, &context);
    rows = qga_commands_list(commands, &count);
    printf("<!-- Made by tools/protocol-reference from the command table: ./dev build -->\n"
           "# The commands\n\n"
           "firn answers %u commands. `?` marks a member that may be left out, `[T]` is a list of "
           "T,\n`base64` a string of base64 (whitespace in it is allowed). A command that returns "
           "nothing answers `{}`.\n",
           count);
    for (guint i = 0; i < count; i++)
        print_command(rows[i]);
    return 0;
}
