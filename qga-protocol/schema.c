/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/schema.h"

#include <string.h>

static char *describe_members(const QgaMember *members)
{
    GString *text = g_string_new("{");

    for (const QgaMember *member = members; member && member->type != QGA_TYPE_END; member++) {
        g_autofree char *type = qga_member_describe(member);

        g_string_append_printf(text, "%s%s%s: %s", member == members ? "" : ", ", member->name,
                               member->optional ? "?" : "", type);
    }
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

/* "FIRST | a | b"; `first` may be NULL. */
static char *describe_values(const char *first, const QgaMember *member)
{
    GString *text = g_string_new(first);

    for (guint i = 0; member->values[i]; i++)
        g_string_append_printf(text, "%s%s", text->len > 0 ? " | " : "", member->values[i]);
    return g_string_free(text, FALSE);
}

static char *describe_list(const QgaMember *member)
{
    QgaMember element = *member;
    g_autofree char *type = NULL;

    element.type = member->element;
    type = qga_member_describe(&element);
    return g_strconcat("[", type, "]", NULL);
}

char *qga_member_describe(const QgaMember *member)
{
    switch (member->type) {
    case QGA_TYPE_INT:
        return g_strdup("int");
    case QGA_TYPE_UINT64:
        return g_strdup("uint64");
    case QGA_TYPE_NUMBER:
        return g_strdup("number");
    case QGA_TYPE_STRING:
        return g_strdup("str");
    case QGA_TYPE_BOOL:
        return g_strdup("bool");
    case QGA_TYPE_BASE64:
        return g_strdup("base64");
    case QGA_TYPE_ENUM:
        return describe_values(NULL, member);
    case QGA_TYPE_INT_OR_ENUM:
        return describe_values("int", member);
    case QGA_TYPE_BOOL_OR_ENUM:
        return describe_values("bool", member);
    case QGA_TYPE_LIST:
        return describe_list(member);
    case QGA_TYPE_STRUCT:
        return describe_members(member->members);
    case QGA_TYPE_END:
    default:
        return g_strdup("");
    }
}

int qga_member_index(const char *const *values, const char *text)
{
    for (int i = 0; values[i]; i++) {
        if (strcmp(values[i], text) == 0)
            return i;
    }
    return -1;
}
