/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include "agent/agent.h"
#include "agent/terminal.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "Usage: firn doctor [--json] [OPTION]...\n"
    "Tells whether a freeze would work, what it would freeze and what not. Freezes nothing.\n"
    "Exit status: 0 all is well, 1 warnings, 2 failures. The other options are the agent's own,\n"
    "such as -c FILE; see 'firn --help'.\n";

int firn_doctor_main(int argc, char **argv)
{
    gboolean json = firn_terminal_take_flag(&argc, argv, "--json");
    gboolean help = firn_terminal_take_flag(&argc, argv, "--help");
    gboolean utf8 = firn_terminal_is_utf8();
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);
    g_autoptr(FirnDoctor) doctor = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    FirnAction action;

    if (help) {
        fputs(usage, stdout);
        return FIRN_FINDING_OK;
    }
    if (!firn_config_parse(config, argc, argv, &action, &error) ||
        !firn_config_settle(config, FALSE, &error) || !firn_agent_check_config(config, &error)) {
        firn_config_free(g_steal_pointer(&config));
        config = firn_config_new();
        firn_config_settle(config, FALSE, NULL);
    }
    doctor = firn_doctor_examine(config, error, roots);
    text = json ? firn_doctor_json(doctor) : firn_doctor_text(doctor, utf8);
    fputs(text, stdout);
    if (json)
        putchar('\n');
    return (int)firn_doctor_verdict(doctor);
}
