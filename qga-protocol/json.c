/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/json.h"

#include <string.h>

/* Before the name of a member that is an integer beyond int64, and its value a string of digits. */
#define WIDE_MARK "+"

static void json_append_unicode(GString *out, gunichar c)
{
    if (c > 0xFFFF) {
        c -= 0x10000;
        json_append_unicode(out, 0xD800 + (c >> 10));
        c = 0xDC00 + (c & 0x3FF);
    }
    g_string_append_printf(out, "\\u%04X", c);
}

static gsize json_ascii_length(const char *text)
{
    gsize at = 0;

    while (text[at] >= 0x20 && text[at] < 0x7F)
        at++;
    return at;
}

/* The character at `at`, which is not printable ASCII; returns what follows it. */
static const char *json_append_character(GString *out, const char *at)
{
    gunichar c = g_utf8_get_char_validated(at, -1);

    if (c == (gunichar)-1 || c == (gunichar)-2) {
        json_append_unicode(out, 0xFFFD);
        return at + 1;
    }
    json_append_unicode(out, c);
    return at + g_unichar_to_utf8(c, NULL);
}

void qga_json_append_text(GString *out, const char *json)
{
    while (*json) {
        gsize run = json_ascii_length(json);

        g_string_append_len(out, json, (gssize)run);
        json += run;
        if (*json)
            json = json_append_character(out, json);
    }
}

/* Makes numbers of the members that qga_json_set_uint() has marked. Nothing else looks like them: a
 * string that begins with the mark has no bare quote in it, and no other name begins so. */
static void json_release_wide(GString *out, gsize from)
{
    char *at = out->str + from;

    while ((at = strstr(at, "\"" WIDE_MARK)) != NULL) {
        gsize value = 2 + strcspn(at + 2, "\"");
        gsize digits = 0;

        if (g_str_has_prefix(at + value, "\":\""))
            digits = strspn(at + value + 3, "0123456789");
        if (digits > 0) {
            g_string_erase(out, at + value + 3 + digits - out->str, 1);
            g_string_erase(out, at + value + 2 - out->str, 1);
            g_string_erase(out, at + 1 - out->str, 1);
        }
        at++;
    }
}

void qga_json_append(GString *out, JsonNode *value)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    gsize ascii = out->len;
    g_autofree char *rest = NULL;

    json_generator_set_root(generator, value);
    json_generator_to_gstring(generator, out);
    json_release_wide(out, ascii);
    ascii += json_ascii_length(out->str + ascii);
    if (ascii == out->len)
        return;
    rest = g_strdup(out->str + ascii);
    g_string_truncate(out, ascii);
    qga_json_append_text(out, rest);
}

char *qga_json_unquote(const char *token, gsize length)
{
    g_autofree char *text = NULL;
    g_autoptr(JsonNode) node = NULL;

    if (length < 2 || token[0] != '"' || token[length - 1] != '"')
        return NULL;
    if (!memchr(token, '\\', length))
        return g_strndup(token + 1, length - 2);
    text = g_strndup(token, length);
    node = json_from_string(text, NULL);
    return node ? json_node_dup_string(node) : NULL;
}

JsonNode *qga_json_node_object(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);

    json_node_take_object(node, object);
    return node;
}

JsonNode *qga_json_node_array(JsonArray *array)
{
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);

    json_node_take_array(node, array);
    return node;
}

char *qga_json_text(JsonObject *object)
{
    g_autoptr(JsonNode) node = qga_json_node_object(object);
    GString *text = g_string_new(NULL);

    qga_json_append(text, node);
    return g_string_free(text, FALSE);
}

void qga_json_set_string(JsonObject *object, const char *name, const char *text)
{
    if (text)
        json_object_set_string_member(object, name, text);
}

void qga_json_set_uint(JsonObject *object, const char *name, guint64 value)
{
    g_autofree char *marked = NULL;
    char digits[24];

    if (value <= G_MAXINT64) {
        json_object_set_int_member(object, name, (gint64)value);
        return;
    }
    marked = g_strconcat(WIDE_MARK, name, NULL);
    g_snprintf(digits, sizeof(digits), "%" G_GUINT64_FORMAT, value);
    json_object_set_string_member(object, marked, digits);
}

void qga_json_set_number(JsonObject *object, const char *name, double value)
{
    if (value == (double)(gint64)value)
        json_object_set_int_member(object, name, (gint64)value);
    else
        json_object_set_double_member(object, name, value);
}

char **qga_json_get_strings(JsonObject *object, const char *name)
{
    JsonArray *array;
    char **strings;

    if (!json_object_has_member(object, name))
        return NULL;
    array = json_object_get_array_member(object, name);
    strings = g_new0(char *, json_array_get_length(array) + 1);
    for (guint i = 0; i < json_array_get_length(array); i++)
        strings[i] = g_strdup(json_array_get_string_element(array, i));
    return strings;
}
