/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/request.h"

G_DEFINE_QUARK(qga - request - error - quark, qga_request_error)

static void take_id(QgaRequest *request, QgaValue value)
{
    request->id = value.start;
    request->id_length = (gsize)(value.end - value.start);
}

static void take_name(QgaRequest *request, QgaValue value, GError **error)
{
    if (qga_value_type(value) != QGA_VALUE_STRING)
        g_set_error(error, QGA_REQUEST_ERROR, 0, "QMP input member 'execute' must be a string");
    else if (qga_value_string_has_nul(value))
        g_set_error(error, QGA_REQUEST_ERROR, 0,
                    "QMP input member 'execute' must not contain \\u0000");
    else
        request->name = qga_value_string_shown(value);
}

static void take_arguments(QgaRequest *request, QgaValue value, GError **error)
{
    if (qga_value_type(value) != QGA_VALUE_OBJECT)
        g_set_error(error, QGA_REQUEST_ERROR, 0, "QMP input member 'arguments' must be an object");
    else
        request->arguments = value;
}

static void take_member(QgaRequest *request, QgaValue name, QgaValue value, GError **error)
{
    if (qga_value_string_equal(name, "execute")) {
        take_name(request, value, error);
    } else if (qga_value_string_equal(name, "arguments")) {
        take_arguments(request, value, error);
    } else if (qga_value_string_equal(name, "id")) {
        take_id(request, value);
    } else {
        g_autofree char *text = qga_value_string_shown(name);

        g_set_error(error, QGA_REQUEST_ERROR, 0, "QMP input member '%s' is unexpected", text);
    }
}

gboolean qga_request_parse(const char *text, gsize length, QgaRequest *request, GError **error)
{
    QgaValue value = {text, text + length}, name, member;
    QgaValueIter iter;
    g_autoptr(GError) first = NULL;

    *request = (QgaRequest){0};
    if (qga_value_type(value) != QGA_VALUE_OBJECT) {
        g_set_error(error, QGA_REQUEST_ERROR, 0, "QMP input must be a JSON object");
        return FALSE;
    }
    qga_value_iter_init(&iter, value);
    /* The id is looked for behind an error too. */
    while (qga_value_iter_member(&iter, &name, &member)) {
        if (!first)
            take_member(request, name, member, &first);
        else if (qga_value_string_equal(name, "id"))
            take_id(request, member);
    }
    if (!first && !request->name)
        g_set_error(&first, QGA_REQUEST_ERROR, 0, "QMP input lacks member 'execute'");
    if (!first)
        return TRUE;
    g_clear_pointer(&request->name, g_free);
    g_propagate_error(error, g_steal_pointer(&first));
    return FALSE;
}

void qga_request_clear(QgaRequest *request)
{
    g_free(request->name);
    *request = (QgaRequest){0};
}
