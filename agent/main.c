/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/doctor.h"
#include "agent/freeze/freezer.h"
#include "agent/freeze/report.h"
#include "agent/log.h"
#include "agent/startup.h"
#include "agent/transport.h"
#include "agent/worker.h"

/* Other things the program does when its first argument says so; they get the rest. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} subcommands[] = {
    {"doctor", firn_doctor_main},
    {"report", firn_report_main},
    {"worker", firn_worker_main},
    {NULL, NULL},
};

static int fail(const char *program, const GError *error)
{
    fprintf(stderr, "%s: %s\n", program, error->message);
    return firn_config_exit_status(error);
}

/* What is in force, and by which place: the packaged agent's files count as well. */
static void tell_configuration(const FirnConfig *config)
{
    g_autofree char *sources = NULL;

    for (guint i = 0; i < config->warnings->len; i++)
        g_warning("%s", (const char *)config->warnings->pdata[i]);
    if (config->sources->len == 0)
        return;
    g_ptr_array_add(config->sources, NULL);
    sources = g_strjoinv("; ", (char **)config->sources->pdata);
    g_ptr_array_set_size(config->sources, (int)config->sources->len - 1);
    g_message("configured by %s", sources);
}

/* Everything from here on is told to the log. held: it is held, until it is known what is frozen.
 */
static gboolean serve(const FirnConfig *config, const FirnRoots *roots, gboolean held,
                      int activated, int *status, GError **error)
{
    g_autoptr(FirnAgent) agent = NULL;
    GError *problem = NULL;
    gboolean parent = FALSE;
    int pid_file;

    if (config->daemonize && !firn_startup_background(&parent, status, error))
        return FALSE;
    if (parent)
        return TRUE;
    if (!firn_startup_state_dir(config, error))
        return FALSE;
    pid_file = firn_startup_pid_file(config, &problem);
    if (problem) {
        g_propagate_error(error, problem);
        return FALSE;
    }
    agent = firn_agent_new(config, roots, activated, error);
    if (held)
        firn_log_release();
    if (agent)
        *status = firn_agent_run(agent);
    if (pid_file >= 0) {
        unlink(config->pid_file);
        close(pid_file);
    }
    return agent != NULL;
}

static int run(FirnConfig *config, const char *program)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(g_getenv(FIRN_ROOT_VARIABLE));
    g_autoptr(GError) error = NULL;
    int status = EXIT_FAILURE;
    gboolean held;
    int activated = firn_transport_activated(&config->method, &error);

    if (error || !firn_config_settle(config, activated >= 0, &error) ||
        !firn_agent_check_config(config, &error))
        return fail(program, error);
    /* mountpoints that are read below another root are not this machine's */
    if (g_getenv(FIRN_ROOT_VARIABLE))
        config->freeze_enabled = FALSE;
    held = firn_freezer_finds_record(config);
    if (held)
        firn_log_hold(); /* its file may lie on what is frozen */
    if (!firn_log_open(config->log_file, config->verbose, &error))
        return fail(program, error);
    firn_startup_process(config->daemonize);
    tell_configuration(config);
    if (!serve(config, roots, held, activated, &status, &error)) {
        g_critical("%s", error->message);
        status = firn_config_exit_status(error);
    }
    firn_log_close();
    return status;
}

static void print(char *text)
{
    fputs(text, stdout);
    g_free(text);
}

int main(int argc, char **argv)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(GError) error = NULL;
    FirnAction action;

    firn_startup_descriptors();
    for (guint i = 0; argc > 1 && subcommands[i].name; i++) {
        if (!strcmp(argv[1], subcommands[i].name))
            return subcommands[i].run(argc - 1, argv + 1);
    }
    if (!firn_config_parse(config, argc, argv, &action, &error))
        return fail(argv[0], error);
    switch (action) {
    case FIRN_ACTION_DUMP:
        print(firn_config_dump(config));
        return EXIT_SUCCESS;
    case FIRN_ACTION_HELP:
        print(firn_config_help(argv[0]));
        return EXIT_SUCCESS;
    case FIRN_ACTION_VERSION:
        puts("firn " FIRN_VERSION);
        return EXIT_SUCCESS;
    case FIRN_ACTION_COMMANDS:
        firn_agent_list_commands();
        return EXIT_SUCCESS;
    case FIRN_ACTION_RUN:
    default:
        return run(config, argv[0]);
    }
}
