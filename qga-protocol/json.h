/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_JSON_H
#define QGA_PROTOCOL_JSON_H

#include <json-glib/json-glib.h>

/* What json-glib lacks. Everything else is done with its own functions. */

/*
 * Appends the value as JsonGenerator writes it in one line, made ASCII: what is not printable ASCII
 * becomes \uXXXX, bytes that are no UTF-8 become \uFFFD. `value` must hold no infinity, and no
 * number so large or small that it is written with an exponent: JsonGenerator 1.6 has no JSON for
 * them.
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
/* An integer of json-glib ends at the largest int64: a larger one is told as that. */
void qga_json_set_uint(JsonObject *object, const char *name, guint64 value);

/* The strings of the array `name`, which holds nothing else: NULL-terminated, NULL where the member
 * is not there; free with g_strfreev(). */
char **qga_json_get_strings(JsonObject *object, const char *name);

#endif
