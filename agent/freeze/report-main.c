/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"

#include "agent/config.h"
#include "agent/terminal.h"

#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "Usage: firn report [--json] [--last N] [OPTION]...\n"
    "Tells of the last freezes: who asked, each filesystem's times and outcome, the hooks, and a\n"
    "timeline; three of them, or N (all with --json). The other options are the agent's own, such\n"
    "as -c FILE and -t STATEDIR; see 'firn --help'.\n";

#define LAST_FOR_PEOPLE 3

typedef struct {
    gboolean json;
    guint last;
    FirnConfig *config;
} Options;

static gboolean parse(Options *options, int argc, char **argv, GError **error)
{
    const char *last = NULL;
    guint64 number = 0;
    FirnAction action;

    options->json = firn_terminal_take_flag(&argc, argv, "--json");
    if (!firn_terminal_take_option(&argc, argv, "--last", &last, error))
        return FALSE;
    if (last && !g_ascii_string_to_unsigned(last, 10, 1, G_MAXUINT, &number, error)) {
        g_prefix_error(error, "--last: ");
        return FALSE;
    }
    options->last = last ? (guint)number : (options->json ? G_MAXUINT : LAST_FOR_PEOPLE);
    return firn_config_parse(options->config, argc, argv, &action, error);
}

static void print(const Options *options, const GPtrArray *reports)
{
    gboolean utf8 = firn_terminal_is_utf8();
    guint width = firn_terminal_width();

    if (options->json) {
        g_autofree char *json = firn_report_json(reports);

        puts(json);
        return;
    }
    if (reports->len == 0)
        printf("No freeze is on record in %s.\n", options->config->state_dir);
    for (guint i = 0; i < reports->len; i++) {
        g_autofree char *text = firn_report_text(g_ptr_array_index(reports, i), width, utf8);

        printf("%s%s", i > 0 ? "\n" : "", text);
    }
}

int firn_report_main(int argc, char **argv)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    Options options = {.config = config};
    g_autoptr(GPtrArray) reports = NULL;
    g_autoptr(GError) error = NULL;

    if (firn_terminal_take_flag(&argc, argv, "--help")) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (parse(&options, argc, argv, &error))
        reports = firn_report_load(config->state_dir, options.last, &error);
    if (!reports) {
        fprintf(stderr, "firn report: %s\n", error->message);
        return EXIT_FAILURE;
    }
    print(&options, reports);
    return EXIT_SUCCESS;
}
