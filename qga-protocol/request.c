/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/request.h"

#include <string.h>

#define SHOWN_MAX 256  /* bytes of a name that an error shows; longer than any the protocol has */
#define TOKEN_COST 128 /* about what json-glib takes for one */

G_DEFINE_QUARK(qga - request - error - quark, qga_request_error)

/* What the tree has of that the text tells: members that json-glib put in another one's place are
 * missing. */
typedef struct {
    const QgaText *text;
    guint members;
    guint numbers;
    guint next_wide;
    GHashTable *wide; /* the nodes of the numbers beyond int64; NULL: none */
} Count;

static void request_count(Count *count, JsonNode *node);

static void request_count_object(Count *count, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name; /* json-glib 1.6 reads it, asked for or not */
    JsonNode *member;

    count->members += json_object_get_size(object);
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member))
        request_count(count, member);
}

static void request_count_number(Count *count, JsonNode *node)
{
    const QgaText *text = count->text;
    guint number = count->numbers++;

    if (count->next_wide == text->wide_count || text->wide[count->next_wide] != number)
        return;
    count->next_wide++;
    if (!count->wide)
        count->wide = g_hash_table_new(NULL, NULL);
    g_hash_table_add(count->wide, node);
}

static void request_count(Count *count, JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        request_count_object(count, json_node_get_object(node));
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);

        for (guint i = 0; i < json_array_get_length(array); i++)
            request_count(count, json_array_get_element(array, i));
    } else if (json_node_get_value_type(node) == G_TYPE_INT64 ||
               json_node_get_value_type(node) == G_TYPE_DOUBLE) {
        request_count_number(count, node);
    }
}

/* What json-glib says without the place, which is one of the text as the gate has written it. */
static void request_fail_tree(const GError *problem, GError **error)
{
    const char *said = problem ? strstr(problem->message, "Parse error: ") : NULL;

    if (said)
        said += strlen("Parse error: ");
    g_set_error(error, QGA_REQUEST_ERROR, 0, "JSON parse error, %.*s", SHOWN_MAX,
                said ? said : "the text is no JSON value");
}

/* The text as a tree; NULL with an error. */
static JsonNode *request_tree(JsonParser *parser, const QgaText *text, GHashTable **wide,
                              GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(JsonNode) root = NULL;
    Count count = {.text = text};

    if (json_parser_load_from_data(parser, text->json, (gssize)text->length, &problem))
        root = json_parser_steal_root(parser);
    if (!root) {
        request_fail_tree(problem, error);
        return NULL;
    }
    request_count(&count, root);
    *wide = count.wide;
    if (count.members == text->members)
        return g_steal_pointer(&root);
    g_set_error(error, QGA_REQUEST_ERROR, 0, "JSON parse error, duplicate key");
    return NULL;
}

static void request_take_member(QgaRequest *request, const char *name, JsonNode *value,
                                GError **error)
{
    if (strcmp(name, "execute") == 0) {
        if (json_node_get_value_type(value) == G_TYPE_STRING)
            request->name = qga_arguments_show(json_node_get_string(value), SHOWN_MAX);
        else
            g_set_error(error, QGA_REQUEST_ERROR, 0, "QMP input member 'execute' must be a string");
    } else if (strcmp(name, "arguments") == 0) {
        if (JSON_NODE_HOLDS_OBJECT(value))
            request->arguments.object = json_node_dup_object(value);
        else
            g_set_error(error, QGA_REQUEST_ERROR, 0,
                        "QMP input member 'arguments' must be an object");
    } else if (strcmp(name, "id") != 0) {
        g_autofree char *shown = qga_arguments_show(name, SHOWN_MAX);

        g_set_error(error, QGA_REQUEST_ERROR, 0, "QMP input member '%s' is unexpected", shown);
    }
}

static void request_take_members(QgaRequest *request, JsonObject *object, GError **error)
{
    GError *first = NULL;
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    json_object_iter_init_ordered(&iter, object);
    while (!first && json_object_iter_next_ordered(&iter, &name, &value))
        request_take_member(request, name, value, &first);
    if (!first && !request->name)
        g_set_error(&first, QGA_REQUEST_ERROR, 0, "QMP input lacks member 'execute'");
    if (first)
        g_propagate_error(error, first);
    else if (!request->arguments.object)
        request->arguments.object = json_object_new();
}

gboolean qga_request_parse(JsonParser *parser, const QgaText *text, QgaRequest *request,
                           GError **error)
{
    GError *problem = NULL;

    *request = (QgaRequest){.cost = text->length + text->tokens * TOKEN_COST};
    request->root = request_tree(parser, text, &request->arguments.wide, error);
    if (!request->root)
        return FALSE;
    if (!JSON_NODE_HOLDS_OBJECT(request->root)) {
        g_set_error(error, QGA_REQUEST_ERROR, 0, "QMP input must be a JSON object");
        return FALSE;
    }
    request->id = g_strdup(text->id);
    request->arguments.message = text->message;
    request->arguments.slice_count = text->slice_count;
    request->arguments.slices = g_memdup2(text->slices, text->slice_count * sizeof(QgaSlice));
    for (guint i = 0; i < text->slice_count; i++)
        request->cost += text->slices[i].length;
    if (text->has_nul)
        g_set_error(&problem, QGA_REQUEST_ERROR, 0,
                    "QMP input must not contain \\u0000 outside of its member 'id'");
    else
        request_take_members(request, json_node_get_object(request->root), &problem);
    if (!problem)
        return TRUE;
    g_clear_pointer(&request->name, g_free);
    g_propagate_error(error, problem);
    return FALSE;
}

void qga_request_keep(QgaRequest *request)
{
    QgaArguments *arguments = &request->arguments;

    for (guint i = 0; i < arguments->slice_count; i++)
        request->kept_length += arguments->slices[i].length;
    request->kept = g_malloc(request->kept_length);
    request->kept_length = 0;
    for (guint i = 0; i < arguments->slice_count; i++) {
        QgaSlice *slice = &arguments->slices[i];

        memcpy(request->kept + request->kept_length, arguments->message + slice->start,
               slice->length);
        slice->start = request->kept_length;
        request->kept_length += slice->length;
    }
    arguments->message = request->kept;
}

void qga_request_clear(QgaRequest *request)
{
    if (request->kept)
        explicit_bzero(request->kept, request->kept_length);
    g_free(request->kept);
    g_free(request->name);
    g_free(request->id);
    g_free(request->arguments.slices);
    g_clear_pointer(&request->arguments.object, json_object_unref);
    g_clear_pointer(&request->arguments.wide, g_hash_table_unref);
    g_clear_pointer(&request->root, json_node_unref);
    *request = (QgaRequest){0};
}
