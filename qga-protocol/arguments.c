/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/arguments.h"

#include <string.h>

#define SHOWN_MAX 256 /* bytes of a value that an error shows */

G_DEFINE_QUARK(qga - arguments - error - quark, qga_arguments_error)

/* Where a value stands; text is made of it for errors alone. */
typedef struct Path Path;
struct Path {
    const Path *parent; /* NULL: a member of the arguments themselves */
    const char *name;   /* NULL: an element of the parent */
    guint index;
};

/* What a value is held against. */
typedef struct {
    const QgaArguments *arguments; /* NULL: it is a reply */
    GError **error;
} Check;

static void arguments_append_path(GString *text, const Path *path)
{
    if (path->parent)
        arguments_append_path(text, path->parent);
    if (path->name)
        g_string_append_printf(text, "%s%s", path->parent ? "." : "", path->name);
    else
        g_string_append_printf(text, "[%u]", path->index);
}

static char *arguments_path_text(const Path *path)
{
    GString *text = g_string_new(NULL);

    arguments_append_path(text, path);
    return g_string_free(text, FALSE);
}

static gboolean arguments_fail_type(const Check *check, const Path *path, const char *type)
{
    g_autofree char *where = arguments_path_text(path);

    g_set_error(check->error, QGA_ARGUMENTS_ERROR, 0,
                "Invalid parameter type for '%s', expected: %s", where, type);
    return FALSE;
}

static gboolean arguments_fail_parameter(const Check *check, const Path *path, const char *problem)
{
    g_autofree char *where = arguments_path_text(path);

    g_set_error(check->error, QGA_ARGUMENTS_ERROR, 0, "Parameter '%s' %s", where, problem);
    return FALSE;
}

char *qga_arguments_show(const char *text, gsize max)
{
    const char *end;

    if (strlen(text) <= max)
        return g_strdup(text);
    end = g_utf8_find_prev_char(text, text + max);
    return g_strdup_printf("%.*s...", (int)(end - text), text);
}

const QgaSlice *qga_arguments_slice(const QgaArguments *arguments, const char *name)
{
    for (guint i = 0; i < arguments->slice_count; i++) {
        if (strcmp(arguments->slices[i].name, name) == 0)
            return &arguments->slices[i];
    }
    return NULL;
}

static gboolean arguments_is(JsonNode *value, GType type)
{
    return json_node_get_value_type(value) == type;
}

static gboolean arguments_is_wide(const Check *check, JsonNode *value)
{
    return check->arguments && check->arguments->wide &&
           g_hash_table_contains(check->arguments->wide, value);
}

static gboolean check_enum(const Check *check, const QgaMember *member, JsonNode *value,
                           const Path *path)
{
    g_autofree char *given = NULL;
    g_autofree char *problem = NULL;

    if (!arguments_is(value, G_TYPE_STRING))
        return arguments_fail_type(check, path, "string");
    if (qga_member_index(member->values, json_node_get_string(value)) >= 0)
        return TRUE;
    given = qga_arguments_show(json_node_get_string(value), SHOWN_MAX);
    problem = g_strdup_printf("does not accept value '%s'", given);
    return arguments_fail_parameter(check, path, problem);
}

static gboolean check_integer(const Check *check, JsonNode *value, const Path *path)
{
    return (arguments_is(value, G_TYPE_INT64) && !arguments_is_wide(check, value)) ||
           arguments_fail_type(check, path, "integer");
}

static gboolean check_uint64(const Check *check, JsonNode *value, const Path *path)
{
    return (arguments_is(value, G_TYPE_INT64) &&
            (json_node_get_int(value) >= 0 || arguments_is_wide(check, value))) ||
           arguments_fail_parameter(check, path, "expects uint64");
}

static gboolean check_alternate(const Check *check, const QgaMember *member, JsonNode *value,
                                const Path *path)
{
    gboolean integer = member->type == QGA_TYPE_INT_OR_ENUM;

    if (arguments_is(value, G_TYPE_STRING))
        return check_enum(check, member, value, path);
    if (integer && (arguments_is(value, G_TYPE_INT64) || arguments_is(value, G_TYPE_DOUBLE)))
        return check_integer(check, value, path);
    if (!integer && arguments_is(value, G_TYPE_BOOLEAN))
        return TRUE;
    if (member->type_name)
        return arguments_fail_type(check, path, member->type_name);
    return arguments_fail_type(check, path, integer ? "integer" : "boolean");
}

/* The gate puts null in the place of a string that is base64, and of no other value. */
static gboolean check_base64(const Check *check, const QgaMember *member, JsonNode *value,
                             const Path *path)
{
    gboolean given = check->arguments ? JSON_NODE_HOLDS_NULL(value) &&
                                            qga_arguments_slice(check->arguments, member->name)
                                      : arguments_is(value, G_TYPE_STRING);

    return given || arguments_fail_type(check, path, "string");
}

static gboolean check_value(const Check *check, const QgaMember *member, QgaType type,
                            JsonNode *value, const Path *path);

static gboolean check_list(const Check *check, const QgaMember *member, JsonNode *value,
                           const Path *path)
{
    Path place = {path, NULL, 0};
    JsonArray *array;

    if (!JSON_NODE_HOLDS_ARRAY(value))
        return arguments_fail_type(check, path, "array");
    array = json_node_get_array(value);
    for (; place.index < json_array_get_length(array); place.index++) {
        JsonNode *element = json_array_get_element(array, place.index);

        if (!check_value(check, member, member->element, element, &place))
            return FALSE;
    }
    return TRUE;
}

static gboolean schema_has(const QgaMember *schema, const char *name)
{
    for (; schema && schema->type != QGA_TYPE_END; schema++) {
        if (strcmp(schema->name, name) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean check_unexpected(const Check *check, const QgaMember *schema, JsonObject *object,
                                 const Path *path)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        g_autofree char *shown = NULL;

        if (schema_has(schema, name))
            continue;
        shown = qga_arguments_show(name, SHOWN_MAX);
        return arguments_fail_parameter(check, &(Path){path, shown, 0}, "is unexpected");
    }
    return TRUE;
}

/* In the packaged agent's order: each member as the schema has them, then what it has not. */
static gboolean check_members(const Check *check, const QgaMember *schema, JsonObject *object,
                              const Path *path)
{
    for (const QgaMember *member = schema; member && member->type != QGA_TYPE_END; member++) {
        JsonNode *value = json_object_get_member(object, member->name);
        Path place = {path, member->name, 0};

        if (!value && !member->optional)
            return arguments_fail_parameter(check, &place, "is missing");
        if (value && !check_value(check, member, member->type, value, &place))
            return FALSE;
    }
    return check_unexpected(check, schema, object, path);
}

static gboolean check_struct(const Check *check, const QgaMember *schema, JsonNode *value,
                             const Path *path)
{
    if (!JSON_NODE_HOLDS_OBJECT(value))
        return arguments_fail_type(check, path, "object");
    return check_members(check, schema, json_node_get_object(value), path);
}

static gboolean check_value(const Check *check, const QgaMember *member, QgaType type,
                            JsonNode *value, const Path *path)
{
    switch (type) {
    case QGA_TYPE_INT:
        return check_integer(check, value, path);
    case QGA_TYPE_UINT64:
        return check_uint64(check, value, path);
    case QGA_TYPE_NUMBER:
        return arguments_is(value, G_TYPE_INT64) || arguments_is(value, G_TYPE_DOUBLE) ||
               arguments_fail_type(check, path, "number");
    case QGA_TYPE_BOOL:
        return arguments_is(value, G_TYPE_BOOLEAN) || arguments_fail_type(check, path, "boolean");
    case QGA_TYPE_STRING:
        return arguments_is(value, G_TYPE_STRING) || arguments_fail_type(check, path, "string");
    case QGA_TYPE_BASE64:
        return check_base64(check, member, value, path);
    case QGA_TYPE_ENUM:
        return check_enum(check, member, value, path);
    case QGA_TYPE_INT_OR_ENUM:
    case QGA_TYPE_BOOL_OR_ENUM:
        return check_alternate(check, member, value, path);
    case QGA_TYPE_LIST:
        return check_list(check, member, value, path);
    case QGA_TYPE_STRUCT:
        return check_struct(check, member->members, value, path);
    case QGA_TYPE_END:
    default:
        g_assert_not_reached();
    }
}

gboolean qga_arguments_check(const QgaArguments *arguments, const QgaMember *schema, GError **error)
{
    return check_members(&(Check){arguments, error}, schema, arguments->object, NULL);
}

gboolean qga_returns_check(const QgaMember *returns, JsonNode *value, GError **error)
{
    const Check check = {NULL, error};
    const Path path = {NULL, "return", 0};

    if (!returns)
        return check_struct(&check, NULL, value, &path);
    return check_value(&check, returns, returns->type, value, &path);
}
