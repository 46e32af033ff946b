/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/returns.h"

#include "agent/commands/families.h"

#include <check.h>

/* The agent's own rows; never freed, as they are asked for by every reply of a program. */
static const QgaCommands *own_commands(void)
{
    static QgaCommands *commands;
    static FirnContext context;

    if (!commands) {
        context.config = firn_config_new();
        context.roots = firn_roots_new(NULL);
        commands = qga_commands_new();
        firn_families_add(commands, &context);
    }
    return commands;
}

/* The line with the largest int64 in place of what is beyond it, which json-glib does not have. */
static char *without_wide(const char *line)
{
    g_autoptr(GRegex) wide =
        g_regex_new(": *(1[0-9]{19}|9[3-9][0-9]{17}|922337203685477580[89])(?= *[,}])", 0, 0, NULL);

    return g_regex_replace_literal(wide, line, -1, 0, ":9223372036854775807", 0, NULL);
}

/* The member of the text's object, NULL where there is none; free with json_node_unref(). */
static JsonNode *member_of(const char *text, const char *name)
{
    g_autoptr(JsonNode) node = text ? json_from_string(text, NULL) : NULL;

    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        return NULL;
    return json_object_dup_member(json_node_get_object(node), name);
}

void test_returns_check(const char *request, const char *line)
{
    g_autoptr(JsonNode) name = member_of(request, "execute");
    g_autofree char *text = line ? without_wide(*line == '\xff' ? line + 1 : line) : NULL;
    g_autoptr(JsonNode) value = member_of(text, "return");
    g_autoptr(GError) error = NULL;
    const QgaCommand *row = NULL;

    if (name && value && json_node_get_value_type(name) == G_TYPE_STRING)
        row = qga_commands_find(own_commands(), json_node_get_string(name), NULL);
    ck_assert_msg(!row || qga_returns_check(row->returns, value, &error), "%s\n  %s\n  %.2000s",
                  request, error ? error->message : "", line);
}
