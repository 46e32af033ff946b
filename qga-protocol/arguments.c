/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/arguments.h"

#include "qga-protocol/base64.h"

#include <string.h>

G_DEFINE_QUARK(qga - arguments - error - quark, qga_arguments_error)

/* The values stand in the schema's order; start is NULL for one that was not given. */
struct QgaArguments {
    const QgaMember *schema;
    QgaValue values[];
};

/* Where in the arguments a value stands; text is made of it for errors alone. */
typedef struct Path Path;
struct Path {
    const Path *parent; /* NULL: a member of the arguments themselves */
    const char *name;   /* NULL: an element of the parent */
    guint index;
};

static void append_path(GString *text, const Path *path)
{
    if (path->parent)
        append_path(text, path->parent);
    if (path->name)
        g_string_append_printf(text, "%s%s", path->parent ? "." : "", path->name);
    else
        g_string_append_printf(text, "[%u]", path->index);
}

static char *path_text(const Path *path)
{
    GString *text = g_string_new(NULL);

    append_path(text, path);
    return g_string_free(text, FALSE);
}

static gboolean fail_type(const Path *path, const char *type, GError **error)
{
    g_autofree char *where = path_text(path);

    g_set_error(error, QGA_ARGUMENTS_ERROR, 0, "Invalid parameter type for '%s', expected: %s",
                where, type);
    return FALSE;
}

/* The other errors say "Parameter 'PATH' PROBLEM". */
static gboolean fail_parameter(const Path *path, const char *problem, GError **error)
{
    g_autofree char *where = path_text(path);

    g_set_error(error, QGA_ARGUMENTS_ERROR, 0, "Parameter '%s' %s", where, problem);
    return FALSE;
}

static int find_value(const QgaMember *member, QgaValue value)
{
    for (int i = 0; member->values[i]; i++) {
        if (qga_value_string_equal(value, member->values[i]))
            return i;
    }
    return -1;
}

static gboolean check_string(QgaValue value, const Path *path, GError **error)
{
    if (qga_value_type(value) != QGA_VALUE_STRING)
        return fail_type(path, "string", error);
    if (qga_value_string_has_nul(value))
        return fail_parameter(path, "must not contain \\u0000", error);
    return TRUE;
}

static gboolean check_enum(const QgaMember *member, QgaValue value, const Path *path,
                           GError **error)
{
    g_autofree char *given = NULL;
    g_autofree char *problem = NULL;

    if (!check_string(value, path, error))
        return FALSE;
    if (find_value(member, value) >= 0)
        return TRUE;
    given = qga_value_string_shown(value);
    problem = g_strdup_printf("does not accept value '%s'", given);
    return fail_parameter(path, problem, error);
}

static gboolean check_integer(QgaValue value, const Path *path, GError **error)
{
    gint64 number;

    return (qga_value_type(value) == QGA_VALUE_NUMBER && qga_value_int64(value, &number)) ||
           fail_type(path, "integer", error);
}

static gboolean check_uint64(QgaValue value, const Path *path, GError **error)
{
    guint64 number;

    return (qga_value_type(value) == QGA_VALUE_NUMBER && qga_value_uint64(value, &number)) ||
           fail_parameter(path, "expects uint64", error);
}

static gboolean check_alternate(const QgaMember *member, QgaValue value, const Path *path,
                                GError **error)
{
    gboolean integer = member->type == QGA_TYPE_INT_OR_ENUM;
    QgaValueType type = qga_value_type(value);

    if (type == QGA_VALUE_STRING)
        return check_enum(member, value, path, error);
    if (type == QGA_VALUE_NUMBER && integer)
        return check_integer(value, path, error);
    if (type == QGA_VALUE_BOOL && !integer)
        return TRUE;
    if (member->type_name)
        return fail_type(path, member->type_name, error);
    return fail_type(path, integer ? "integer" : "boolean", error);
}

static gboolean check_struct(const QgaMember *schema, QgaValue value, QgaValue *values,
                             const Path *path, GError **error);

static guint schema_length(const QgaMember *schema)
{
    guint length = 0;

    while (schema && schema[length].type != QGA_TYPE_END)
        length++;
    return length;
}

static gboolean check_members(const QgaMember *schema, QgaValue value, const Path *path,
                              GError **error)
{
    g_autofree QgaValue *values = NULL;

    if (qga_value_type(value) != QGA_VALUE_OBJECT)
        return fail_type(path, "object", error);
    values = g_new0(QgaValue, schema_length(schema));
    return check_struct(schema, value, values, path, error);
}

static gboolean check_value(const QgaMember *member, QgaType type, QgaValue value, const Path *path,
                            GError **error);

static gboolean check_list(const QgaMember *member, QgaValue value, const Path *path,
                           GError **error)
{
    QgaValueIter iter;
    QgaValue element;
    Path place = {path, NULL, 0};

    if (qga_value_type(value) != QGA_VALUE_ARRAY)
        return fail_type(path, "array", error);
    qga_value_iter_init(&iter, value);
    for (; qga_value_iter_element(&iter, &element); place.index++) {
        if (!check_value(member, member->element, element, &place, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean check_value(const QgaMember *member, QgaType type, QgaValue value, const Path *path,
                            GError **error)
{
    switch (type) {
    case QGA_TYPE_INT:
        return check_integer(value, path, error);
    case QGA_TYPE_UINT64:
        return check_uint64(value, path, error);
    case QGA_TYPE_NUMBER:
        return qga_value_type(value) == QGA_VALUE_NUMBER || fail_type(path, "number", error);
    case QGA_TYPE_BOOL:
        return qga_value_type(value) == QGA_VALUE_BOOL || fail_type(path, "boolean", error);
    case QGA_TYPE_STRING:
    case QGA_TYPE_BASE64:
        return check_string(value, path, error);
    case QGA_TYPE_ENUM:
        return check_enum(member, value, path, error);
    case QGA_TYPE_INT_OR_ENUM:
    case QGA_TYPE_BOOL_OR_ENUM:
        return check_alternate(member, value, path, error);
    case QGA_TYPE_LIST:
        return check_list(member, value, path, error);
    case QGA_TYPE_STRUCT:
        return check_members(member->members, value, path, error);
    case QGA_TYPE_END:
    default:
        g_assert_not_reached();
    }
}

static gboolean fail_unexpected(QgaValue name, const Path *path, GError **error)
{
    g_autofree char *text = qga_value_string_shown(name);
    Path place = {path, text, 0};

    return fail_parameter(&place, "is unexpected", error);
}

/* Puts the object's members into `values`; `unexpected` is the first that the schema lacks. */
static void sort_members(const QgaMember *schema, QgaValue object, QgaValue *values,
                         QgaValue *unexpected)
{
    guint count = schema_length(schema);
    QgaValueIter iter;
    QgaValue name, value;

    qga_value_iter_init(&iter, object);
    while (qga_value_iter_member(&iter, &name, &value)) {
        guint i = 0;

        while (i < count && !qga_value_string_equal(name, schema[i].name))
            i++;
        if (i < count)
            values[i] = value;
        else if (!unexpected->start)
            *unexpected = name;
    }
}

/* In the packaged agent's order: each member as the schema has them, then what it has not. */
static gboolean check_struct(const QgaMember *schema, QgaValue value, QgaValue *values,
                             const Path *path, GError **error)
{
    guint count = schema_length(schema);
    QgaValue unexpected = {NULL, NULL};

    if (value.start)
        sort_members(schema, value, values, &unexpected);
    for (guint i = 0; i < count; i++) {
        Path place = {path, schema[i].name, 0};

        if (!values[i].start && !schema[i].optional)
            return fail_parameter(&place, "is missing", error);
        if (values[i].start && !check_value(&schema[i], schema[i].type, values[i], &place, error))
            return FALSE;
    }
    return !unexpected.start || fail_unexpected(unexpected, path, error);
}

static QgaArguments *allocate(const QgaMember *schema)
{
    QgaArguments *arguments =
        g_malloc0(sizeof(QgaArguments) + schema_length(schema) * sizeof(QgaValue));

    arguments->schema = schema;
    return arguments;
}

QgaArguments *qga_arguments_new(const QgaMember *schema, QgaValue value, GError **error)
{
    g_autoptr(QgaArguments) arguments = allocate(schema);

    if (!check_struct(schema, value, arguments->values, NULL, error))
        return NULL;
    return g_steal_pointer(&arguments);
}

void qga_arguments_free(QgaArguments *arguments)
{
    g_free(arguments);
}

static const QgaMember *find(const QgaArguments *arguments, const char *name, QgaValue *value)
{
    const QgaMember *schema = arguments->schema;

    for (guint i = 0; schema && schema[i].type != QGA_TYPE_END; i++) {
        if (strcmp(schema[i].name, name) == 0) {
            *value = arguments->values[i];
            return &schema[i];
        }
    }
    g_error("no argument is named %s", name);
}

/* The value of a member of that type, or of the other one. */
static QgaValue get(const QgaArguments *arguments, const char *name, QgaType type, QgaType other)
{
    QgaValue value;
    const QgaMember *member = find(arguments, name, &value);

    if (member->type != type && member->type != other)
        g_error("the argument %s is of another type", name);
    return value;
}

gboolean qga_arguments_has(const QgaArguments *arguments, const char *name)
{
    QgaValue value;

    find(arguments, name, &value);
    return value.start != NULL;
}

gint64 qga_arguments_int(const QgaArguments *arguments, const char *name, gint64 fallback)
{
    QgaValue value = get(arguments, name, QGA_TYPE_INT, QGA_TYPE_INT_OR_ENUM);
    gint64 number = fallback;

    if (value.start)
        qga_value_int64(value, &number);
    return number;
}

guint64 qga_arguments_uint(const QgaArguments *arguments, const char *name, guint64 fallback)
{
    QgaValue value = get(arguments, name, QGA_TYPE_UINT64, QGA_TYPE_UINT64);
    guint64 number = fallback;

    if (value.start)
        qga_value_uint64(value, &number);
    return number;
}

double qga_arguments_number(const QgaArguments *arguments, const char *name, double fallback)
{
    QgaValue value = get(arguments, name, QGA_TYPE_NUMBER, QGA_TYPE_NUMBER);

    return value.start ? qga_value_double(value) : fallback;
}

gboolean qga_arguments_bool(const QgaArguments *arguments, const char *name, gboolean fallback)
{
    QgaValue value = get(arguments, name, QGA_TYPE_BOOL, QGA_TYPE_BOOL_OR_ENUM);

    return value.start ? qga_value_bool(value) : fallback;
}

gboolean qga_arguments_is_enum(const QgaArguments *arguments, const char *name)
{
    QgaValue value = get(arguments, name, QGA_TYPE_INT_OR_ENUM, QGA_TYPE_BOOL_OR_ENUM);

    return value.start && qga_value_type(value) == QGA_VALUE_STRING;
}

int qga_arguments_enum(const QgaArguments *arguments, const char *name, int fallback)
{
    QgaValue value;
    const QgaMember *member = find(arguments, name, &value);

    if (!member->values)
        g_error("the argument %s is no enum", name);
    if (!value.start || qga_value_type(value) != QGA_VALUE_STRING)
        return fallback;
    return find_value(member, value);
}

char *qga_arguments_string(const QgaArguments *arguments, const char *name)
{
    QgaValue value = get(arguments, name, QGA_TYPE_STRING, QGA_TYPE_STRING);

    return value.start ? qga_value_string(value, NULL) : NULL;
}

char **qga_arguments_strings(const QgaArguments *arguments, const char *name)
{
    QgaValue value = get(arguments, name, QGA_TYPE_LIST, QGA_TYPE_LIST), element;
    QgaValueIter iter;
    GPtrArray *strings;

    if (!value.start)
        return NULL;
    strings = g_ptr_array_new();
    qga_value_iter_init(&iter, value);
    while (qga_value_iter_element(&iter, &element))
        g_ptr_array_add(strings, qga_value_string(element, NULL));
    g_ptr_array_add(strings, NULL);
    return (char **)g_ptr_array_free(strings, FALSE);
}

/* Characters decoded at a time, so that the bytes stay in the processor's cache. */
#define PIECE 65536

/* FALSE when the text is no base64, or `piece` returned FALSE. */
static gboolean decode_pieces(const char *text, gsize size, QgaArgumentsPiece piece, gpointer data)
{
    QgaBase64Decoder decoder = {0};
    guint8 bytes[PIECE / 4 * 3 + 3];
    gsize count;

    for (gsize at = 0; at < size; at += PIECE) {
        if (!qga_base64_decode_piece(&decoder, text + at, MIN(size - at, PIECE), bytes, &count) ||
            !piece(bytes, count, data))
            return FALSE;
    }
    return qga_base64_decode_end(&decoder, bytes, &count) && piece(bytes, count, data);
}

static gboolean add_length(const guint8 *bytes, gsize length, gpointer data)
{
    *(gsize *)data += length;
    return TRUE;
}

/* Straight from the request's text, unless somebody has escaped the slashes: then `copy` holds it.
 * NULL: not given. */
static const char *base64_text(const QgaArguments *arguments, const char *name, gsize *size,
                               char **copy)
{
    QgaValue value = get(arguments, name, QGA_TYPE_BASE64, QGA_TYPE_BASE64);
    const char *text = NULL;

    *size = 0;
    if (value.start && !qga_value_string_plain(value, &text, size))
        text = *copy = qga_value_string(value, size);
    return text;
}

static void fail_base64(GError **error)
{
    g_set_error(error, QGA_ARGUMENTS_ERROR, 0, "Base64 data contains invalid characters");
}

gboolean qga_arguments_base64_check(const QgaArguments *arguments, const char *name, gsize *length,
                                    GError **error)
{
    g_autofree char *copy = NULL;
    gsize size;
    const char *text = base64_text(arguments, name, &size, &copy);

    *length = 0;
    if (!text || decode_pieces(text, size, add_length, length))
        return TRUE;
    *length = 0;
    fail_base64(error);
    return FALSE;
}

void qga_arguments_base64_each(const QgaArguments *arguments, const char *name,
                               QgaArgumentsPiece each, gpointer data)
{
    g_autofree char *copy = NULL;
    gsize size;
    const char *text = base64_text(arguments, name, &size, &copy);

    if (text)
        decode_pieces(text, size, each, data);
}

guint8 *qga_arguments_base64(const QgaArguments *arguments, const char *name, gsize *length,
                             GError **error)
{
    g_autofree char *copy = NULL;
    gsize size;
    const char *text = base64_text(arguments, name, &size, &copy);
    gsize room = size / 4 * 3 + 4;
    guint8 *data = text ? g_malloc(room) : NULL;
    gboolean decoded = text && qga_base64_decode(text, size, data, length);

    if (copy)
        explicit_bzero(copy, size);
    if (decoded) {
        data[*length] = '\0';
        return data;
    }
    *length = 0;
    if (data) {
        explicit_bzero(data, room);
        g_free(data);
        fail_base64(error);
    }
    return NULL;
}

guint qga_arguments_each(const QgaArguments *arguments, const char *name, QgaArgumentsEach each,
                         gpointer data)
{
    QgaValue value, element, unexpected = {NULL, NULL};
    const QgaMember *member = find(arguments, name, &value);
    g_autoptr(QgaArguments) view = NULL;
    QgaValueIter iter;
    guint visited = 0;
    gboolean more = TRUE;

    if (member->element != QGA_TYPE_STRUCT)
        g_error("the argument %s is no list of structs", name);
    if (!value.start)
        return 0;
    view = allocate(member->members);
    qga_value_iter_init(&iter, value);
    while (more && qga_value_iter_element(&iter, &element)) {
        memset(view->values, 0, schema_length(member->members) * sizeof(QgaValue));
        sort_members(member->members, element, view->values, &unexpected);
        more = each(view, data);
        visited++;
    }
    return visited;
}
