/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/agent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/channel.h"
#include "agent/commands/families.h"
#include "agent/log.h"
#include "agent/notify.h"
#include "agent/policy.h"
#include "agent/session.h"
#include "agent/signals.h"
#include "agent/startup.h"

struct FirnAgent {
    GMainLoop *loop;
    FirnFreezer *freezer;
    FirnPolicy *policy;
    FirnWorker *worker;
    QgaCommands *commands;
    FirnContext context;
    FirnSession *session;
    FirnChannel *channel;
    gboolean stopping;
    int status;
};

static void on_bytes(const char *bytes, gsize length, gpointer data)
{
    firn_session_feed(((FirnAgent *)data)->session, bytes, length);
}

static void on_eof(gpointer data)
{
    firn_session_eof(((FirnAgent *)data)->session);
}

static void on_left(gpointer data)
{
    firn_session_left(((FirnAgent *)data)->session);
}

static gboolean on_cut(gpointer data)
{
    return firn_session_cut(((FirnAgent *)data)->session);
}

static void on_drained(gpointer data)
{
    firn_session_advance(((FirnAgent *)data)->session);
}

static void on_thawed(gint64 count, const GError *error, gpointer data)
{
    FirnAgent *agent = data;

    if (error)
        g_warning("stopping: %s", error->message);
    else if (count > 0)
        g_message("stopping: thawed %" G_GINT64_FORMAT " filesystems", count);
    g_main_loop_quit(agent->loop);
}

/* The host must not find filesystems frozen with nobody there to thaw them. */
static void stop(FirnAgent *agent, int status)
{
    if (agent->stopping)
        return;
    agent->stopping = TRUE;
    agent->status = status;
    firn_notify("STOPPING=1");
    firn_session_stop(agent->session);
    firn_freezer_shutdown(agent->freezer, on_thawed, agent);
}

/* That the host takes the port away is no failure of the agent's: a service that is bound to the
 * port ends as inactive, whichever of the two hears of it first. */
static void on_lost(const GError *error, gpointer data)
{
    gboolean unplugged = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NODEV);

    g_log(G_LOG_DOMAIN, unplugged ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_CRITICAL, "%s",
          error->message);
    stop(data, unplugged ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void on_signal(int number, gpointer data)
{
    if (number == SIGHUP)
        firn_log_reopen();
    else
        stop(data, EXIT_SUCCESS);
}

static void send_line(GString *line, gpointer data)
{
    firn_channel_send(((FirnAgent *)data)->channel, line);
}

static gboolean is_full(gpointer data)
{
    return firn_channel_is_full(((FirnAgent *)data)->channel);
}

static void set_reading(gboolean reading, gpointer data)
{
    firn_channel_set_reading(((FirnAgent *)data)->channel, reading);
}

static void finished(gpointer data)
{
    firn_channel_finish(((FirnAgent *)data)->channel);
}

static gboolean open_agent(FirnAgent *agent, const FirnConfig *config, const FirnRoots *roots,
                           int activated, GError **error)
{
    static const FirnChannelEvents events = {on_bytes, on_eof,     on_left,
                                             on_cut,   on_drained, on_lost};
    static const FirnSessionWay way = {send_line, is_full, set_reading, finished};

    agent->freezer = firn_freezer_new(config, roots);
    agent->policy = firn_policy_new(config, agent->freezer);
    agent->worker = firn_worker_new(config->state_dir, config->task_timeout);
    agent->context = (FirnContext){config, roots, agent->freezer, agent->policy, agent->worker};
    agent->commands = qga_commands_new();
    firn_families_add(agent->commands, &agent->context);
    agent->session = firn_session_new(agent->commands, agent->policy, &way, agent);
    agent->channel = firn_channel_open(config, activated, &events, agent, error);
    return agent->channel != NULL;
}

FirnAgent *firn_agent_new(const FirnConfig *config, const FirnRoots *roots, int activated,
                          GError **error)
{
    FirnAgent *agent = g_new0(FirnAgent, 1);

    agent->loop = g_main_loop_new(NULL, FALSE);
    if (!firn_signals_watch(on_signal, agent, error) ||
        !open_agent(agent, config, roots, activated, error)) {
        firn_agent_free(agent);
        return NULL;
    }
    return agent;
}

void firn_agent_free(FirnAgent *agent)
{
    if (!agent)
        return;
    firn_channel_free(agent->channel);
    firn_session_free(agent->session);
    qga_commands_free(agent->commands);
    firn_worker_free(agent->worker);
    firn_policy_free(agent->policy);
    firn_freezer_free(agent->freezer);
    g_main_loop_unref(agent->loop);
    g_free(agent);
}

int firn_agent_run(FirnAgent *agent)
{
    g_info("Guest agent version " FIRN_VERSION " started");
    firn_startup_ready();
    firn_notify("READY=1\nSTATUS=Serving");
    g_main_loop_run(agent->loop);
    return agent->status;
}

gboolean firn_agent_check_config(const FirnConfig *config, GError **error)
{
    FirnContext context = {.config = config};
    g_autoptr(QgaCommands) commands = qga_commands_new();

    firn_families_add(commands, &context);
    return firn_policy_check_names(config, commands, error);
}

void firn_agent_list_commands(void)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);
    FirnContext context = {.config = config, .roots = roots};
    g_autoptr(QgaCommands) commands = qga_commands_new();
    const QgaCommand *const *list;
    guint count;

    firn_families_add(commands, &context);
    list = qga_commands_list(commands, &count);
    for (guint i = 0; i < count; i++)
        puts(list[i]->name);
}
