/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_JSON_H
#define QGA_PROTOCOL_JSON_H

#include <json-glib/json-glib.h>

/* What json-glib lacks. Everything else is done with its own functions. */

/*
 * Appends the value as JsonGenerator writes it in one line, made ASCII: what is not printable ASCII
 * becomes \uXXXX, bytes that are no UTF-8 become \uFFFD. Numbers that are no integers are set with
 * qga_json_set_number(): JsonGenerator 1.6 does not write each of them as JSON.
 */
void qga_json_append(GString *out, JsonNode *value);
/* The same for a JSON text that is there already; ends at a 0 byte. */
void qga_json_append_text(GString *out, const char *json);

/* The text of an object, as qga_json_append() makes it; takes the object. Free with g_free(). */
char *qga_json_text(JsonObject *object);

/* The string whose token, in double quotes, is token[0..length): no 0 byte is in it. NULL where it
 * is no such token. Free with g_free(). */
char *qga_json_unquote(const char *token, gsize length);

/* A node that holds `object` or `array`; takes it. Free with json_node_unref(). */
JsonNode *qga_json_node_object(JsonObject *object);
JsonNode *qga_json_node_array(JsonArray *array);

/* The member `name`, left out where `text` is NULL. */
void qga_json_set_string(JsonObject *object, const char *name, const char *text);
/* An integer of json-glib ends at the largest int64; qga_json_append() writes a larger one right,
 * too. No name of a member may begin with '+': it marks these. */
void qga_json_set_uint(JsonObject *object, const char *name, guint64 value);
/* A number without a point where it is whole. Its size is below 2^63, and 0 or above 0.0001. */
void qga_json_set_number(JsonObject *object, const char *name, double value);

/* The strings of the array `name`, which holds nothing else: NULL-terminated, NULL where the member
 * is not there; free with g_strfreev(). */
char **qga_json_get_strings(JsonObject *object, const char *name);

#endif
