/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/gate.h"

#include "qga-protocol/json.h"
#include "qga-protocol/token.h"

#include <string.h>

#define IDLE_CAPACITY ((gsize)16384) /* memory that is not worth giving back */
#define LARGE_CAPACITY ((gsize)1 << 20)
/* Messages that hold a password are shorter; those that are longer hold files. */
#define CLEARED_MAX LARGE_CAPACITY

G_DEFINE_QUARK(qga - gate - error - quark, qga_gate_error)

typedef enum {
    TOKEN_NONE,
    TOKEN_STRING,
    TOKEN_WORD, /* a number, true, false or null */
} Token;

/*
 * buffer[start..end) is held; the message being read starts at `start` and has been looked at up to
 * `position`. What is not held has been cleared, but for long messages.
 *
 * A message in which something is wrong is `broken`: the gate then only counts brackets, as the
 * packaged agent does, and finds the next message behind the closing bracket, or at the end of the
 * line, should the bracket never come. Where even brackets cannot be trusted it is `lost`.
 */
struct QgaGate {
    guint max_depth;
    gsize max_message;
    const char *const *base64;
    char *buffer;
    gsize capacity;
    gsize clean; /* what is in front of it has been cleared */
    gsize start;
    gsize position;
    gsize end;
    gboolean given; /* the text is the caller's until the next call */
    gboolean lost;  /* skipping to where a message can start */
    gboolean broken;
    GError *error; /* of the message, not told yet */

    GString *json; /* the text so far */
    GString *id;
    GArray *slices; /* of QgaSlice */
    GArray *wide;   /* of guint */
    guint depth;
    int arrays; /* of the open brackets */
    guint tokens;
    guint numbers;
    guint members;
    gboolean has_nul;
    gboolean has_id;
    gboolean in_id;
    gboolean in_arguments;              /* the last name of the outermost object */
    guint16 counts[QGA_GATE_MAX_DEPTH]; /* the members of each open object */

    Token token;
    gsize token_start;  /* in the message */
    char first;         /* of the token: of a string the quote */
    gboolean escape;    /* the string's next byte is behind a backslash */
    gboolean odd;       /* the string has an escape, or a byte beyond ASCII */
    gsize string_start; /* in `json`, of the last string */
    const char *slice;  /* the last name at depth 2, where it is that of base64; else NULL */
    gboolean in_slice;  /* the token is such a string */
};

QgaGate *qga_gate_new(const QgaGateLimits *limits, const char *const *base64)
{
    QgaGate *gate = g_new0(QgaGate, 1);

    gate->max_depth = limits && limits->max_depth ? limits->max_depth : QGA_GATE_MAX_DEPTH;
    gate->max_message = limits && limits->max_message ? limits->max_message : QGA_GATE_MAX_MESSAGE;
    g_assert(gate->max_depth <= QGA_GATE_MAX_DEPTH);
    gate->base64 = base64;
    gate->json = g_string_new(NULL);
    gate->id = g_string_new(NULL);
    gate->slices = g_array_new(FALSE, FALSE, sizeof(QgaSlice));
    gate->wide = g_array_new(FALSE, FALSE, sizeof(guint));
    return gate;
}

static void gate_truncate(GString **string)
{
    if ((*string)->allocated_len > IDLE_CAPACITY) {
        g_string_free(*string, TRUE);
        *string = g_string_new(NULL);
    }
    g_string_truncate(*string, 0);
}

static void gate_empty(GArray **array)
{
    guint size = g_array_get_element_size(*array);

    if ((*array)->len * size > IDLE_CAPACITY) {
        g_array_unref(*array);
        *array = g_array_new(FALSE, FALSE, size);
    }
    g_array_set_size(*array, 0);
}

/* A new message starts at the position. */
static void gate_restart(QgaGate *gate)
{
    gate_truncate(&gate->json);
    gate_truncate(&gate->id);
    gate_empty(&gate->slices);
    gate_empty(&gate->wide);
    gate->start = gate->position;
    gate->arrays = 0;
    gate->depth = gate->tokens = gate->numbers = gate->members = 0;
    gate->given = gate->broken = FALSE;
    gate->has_nul = gate->has_id = gate->in_id = gate->in_arguments = FALSE;
    gate->token = TOKEN_NONE;
    gate->string_start = 0;
    gate->slice = NULL;
}

/* Clears what is no longer held. */
static void gate_clear_used(QgaGate *gate)
{
    gsize used = gate->start - gate->clean;

    if (used > 0 && used <= CLEARED_MAX)
        explicit_bzero(gate->buffer + gate->clean, used);
    gate->clean = gate->start;
}

/* To the front of a new buffer, so that no copy is left behind; much of it with the kernel's help,
 * which takes no time. */
static void gate_move(QgaGate *gate, gsize held, gsize capacity)
{
    char *buffer;

    if (held > CLEARED_MAX) {
        if (gate->start > 0)
            memmove(gate->buffer, gate->buffer + gate->start, held);
        gate->buffer = g_realloc(gate->buffer, capacity);
        return;
    }
    buffer = g_malloc(capacity);
    if (held > 0) {
        memcpy(buffer, gate->buffer + gate->start, held);
        explicit_bzero(gate->buffer + gate->start, held);
    }
    g_free(gate->buffer);
    gate->buffer = buffer;
}

/* Moves what is held to the front of a buffer of that capacity. */
static void gate_resize(QgaGate *gate, gsize capacity)
{
    gsize held = gate->end - gate->start;

    gate_clear_used(gate);
    if (held > 0 || capacity != gate->capacity)
        gate_move(gate, held, capacity);
    gate->capacity = capacity;
    gate->position -= gate->start;
    gate->clean = gate->start = 0;
    gate->end = held;
}

static void gate_give_back_memory(QgaGate *gate)
{
    gsize held = gate->end - gate->start;

    if (held == 0)
        gate_resize(gate, gate->capacity > IDLE_CAPACITY ? 0 : gate->capacity);
    else if (gate->capacity > IDLE_CAPACITY && held < gate->capacity / 4)
        gate_resize(gate, MAX(held, IDLE_CAPACITY));
}

void qga_gate_feed(QgaGate *gate, const void *data, gsize length)
{
    gsize held = gate->end - gate->start, capacity = gate->capacity;

    if (length == 0)
        return;
    if (length > capacity - gate->end) {
        if (length > capacity - held) {
            capacity += capacity < LARGE_CAPACITY ? capacity : capacity / 2;
            capacity = MAX(capacity, held + length);
        }
        gate_resize(gate, capacity);
    }
    memcpy(gate->buffer + gate->end, data, length);
    gate->end += length;
}

static void gate_fail(QgaGate *gate, QgaGateError code, const char *text)
{
    if (!gate->broken)
        gate->error = g_error_new_literal(QGA_GATE_ERROR_DOMAIN, (int)code, text);
    gate->broken = TRUE;
    gate->in_slice = gate->in_id = FALSE;
}

/* What is at the position belongs to no token, or the end of the message cannot be found. */
static void gate_lose(QgaGate *gate, QgaGateError code, const char *text)
{
    gate_fail(gate, code, text);
    gate_restart(gate);
    gate->lost = TRUE;
}

static void gate_lose_byte(QgaGate *gate)
{
    g_autofree char *text =
        g_strdup_printf("JSON parse error, stray '%c'", gate->buffer[gate->position]);

    gate_lose(gate, QGA_GATE_ERROR_SYNTAX, text);
}

/* The last string of the text is the name of a member, as its colon tells. */
static void gate_name(QgaGate *gate)
{
    const char *quoted = gate->json->str + gate->string_start;
    g_autofree char *name = NULL;

    if (++gate->members, ++gate->counts[gate->depth - 1] > QGA_GATE_MAX_MEMBERS) {
        gate_fail(gate, QGA_GATE_ERROR_SIZE, "JSON object member count limit exceeded");
        return;
    }
    if (gate->depth > 2 || gate->json->len == gate->string_start)
        return;
    name = qga_json_unquote(quoted, gate->json->len - gate->string_start);
    if (gate->depth == 1) {
        gate->in_arguments = g_strcmp0(name, "arguments") == 0;
        gate->has_id |= gate->in_id = g_strcmp0(name, "id") == 0;
        g_string_truncate(gate->id, gate->in_id ? 0 : gate->id->len);
        return;
    }
    gate->slice = NULL;
    for (guint i = 0; gate->in_arguments && gate->base64[i]; i++) {
        if (g_strcmp0(name, gate->base64[i]) == 0)
            gate->slice = gate->base64[i];
    }
}

/* Behind a value no other one begins: most likely a request was cut off and this is the next. The
 * one mistake of order that the gate looks for, since the end of the text is lost with it. */
static gboolean gate_follows_value(const QgaGate *gate)
{
    return gate->json->len > 0 && !strchr("{[:,", gate->json->str[gate->json->len - 1]);
}

/* TRUE when the message ends here: no bracket is open, or more of a kind are closed than opened. */
static gboolean gate_close(QgaGate *gate, char c)
{
    gate->depth--;
    if (c == ']')
        gate->arrays--;
    return gate->depth == 0 || gate->arrays < 0 || gate->arrays > (int)gate->depth;
}

/* TRUE when the message ends here. */
static gboolean gate_bracket(QgaGate *gate, char c)
{
    gboolean opens = c == '{' || c == '[', closes = c == '}' || c == ']';

    if (opens && gate->depth == gate->max_depth) {
        gate_lose(gate, QGA_GATE_ERROR_DEPTH, "JSON nesting depth limit exceeded");
        return FALSE;
    }
    gate->position++;
    if (!opens && gate->depth == 0) {
        gate_lose(gate, QGA_GATE_ERROR_SYNTAX, "JSON parse error, expecting value");
        return FALSE;
    }
    if (opens && gate_follows_value(gate))
        gate_fail(gate, QGA_GATE_ERROR_SYNTAX, "JSON parse error, expected separator");
    if (gate->depth == 1 && (closes || c == ','))
        gate->in_id = FALSE;
    if (opens)
        gate->counts[gate->depth++] = 0;
    if (c == '[')
        gate->arrays++;
    if (c == ':' && !gate->broken)
        gate_name(gate);
    if (!gate->broken) {
        g_string_append_c(gate->json, c);
        if (gate->in_id && (c != ':' || gate->depth > 1))
            g_string_append_c(gate->id, c);
    }
    return closes && gate_close(gate, c);
}

static void gate_space(QgaGate *gate, char c)
{
    gate->position++;
    if (gate->in_id && gate->id->len > 0)
        g_string_append_c(gate->id, ' ');
    if (c == '\n' && gate->broken)
        gate_restart(gate);
}

static void gate_begin_token(QgaGate *gate, Token token, char first)
{
    gsize length = gate->json->len;

    gate->token = token;
    gate->token_start = gate->position - gate->start;
    gate->first = first;
    gate->escape = gate->odd = FALSE;
    gate->in_slice = token == TOKEN_STRING && gate->slice && gate->depth == 2 && !gate->broken &&
                     gate->json->str[length - 1] == ':';
    gate->position++;
}

/* Between tokens. TRUE when the message ends here. */
static gboolean gate_structure(QgaGate *gate)
{
    char c = gate->buffer[gate->position];

    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        gate_space(gate, c);
        return FALSE;
    }
    if (++gate->tokens > QGA_GATE_MAX_TOKENS)
        gate_fail(gate, QGA_GATE_ERROR_SIZE, "JSON token count limit exceeded");
    if (c == '"' || c == '\'')
        gate_begin_token(gate, TOKEN_STRING, c);
    else if (qga_token_is_word(c, c))
        gate_begin_token(gate, TOKEN_WORD, c);
    else if (c && strchr("{}[],:", c))
        return gate_bracket(gate, c);
    else
        gate_lose_byte(gate);
    return FALSE;
}

static void gate_write_string(QgaGate *gate, const char *text, gsize length)
{
    gboolean has_nul = FALSE;
    const char *problem = gate->odd ? qga_token_string_problem(text, length, &has_nul) : NULL;

    if (problem) {
        g_autofree char *message = g_strdup_printf("JSON parse error, %s", problem);

        gate_fail(gate, QGA_GATE_ERROR_SYNTAX, message);
        return;
    }
    if (gate->in_slice) {
        QgaSlice slice = {gate->slice, gate->token_start + 1, length - 2};

        g_array_append_val(gate->slices, slice);
        g_string_append(gate->json, "null");
        return;
    }
    gate->has_nul |= has_nul && !gate->in_id;
    gate->string_start = gate->json->len;
    if (gate->first == '"' && !has_nul) {
        g_string_append_len(gate->json, text, (gssize)length);
        if (gate->in_id)
            g_string_append_len(gate->id, text, (gssize)length);
        return;
    }
    qga_token_append_string(gate->json, text, length, FALSE);
    if (gate->in_id)
        qga_token_append_string(gate->id, text, length, TRUE);
}

static void gate_write_number(QgaGate *gate, QgaNumber kind, gint64 value)
{
    if (kind == QGA_NUMBER_WIDE)
        g_array_append_val(gate->wide, gate->numbers);
    gate->numbers++;
    if (kind == QGA_NUMBER_OTHER)
        g_string_append(gate->json, "0.5");
    else
        g_string_append_printf(gate->json, "%" G_GINT64_FORMAT, value);
}

static void gate_write_word(QgaGate *gate, const char *text, gsize length)
{
    gint64 value = 0;
    QgaNumber kind = qga_token_number(text, length, &value);

    if (gate->json->len > 0 && g_ascii_isalnum(gate->json->str[gate->json->len - 1]))
        g_string_append_c(gate->json, ' '); /* two are not to become one */
    if (kind != QGA_NUMBER_NONE) {
        gate_write_number(gate, kind, value);
    } else if ((length == 4 && (!memcmp(text, "true", 4) || !memcmp(text, "null", 4))) ||
               (length == 5 && !memcmp(text, "false", 5))) {
        g_string_append_len(gate->json, text, (gssize)length);
    } else {
        gate_fail(gate, QGA_GATE_ERROR_SYNTAX, "JSON parse error, invalid keyword");
        return;
    }
    if (gate->in_id)
        g_string_append_len(gate->id, text, (gssize)length);
}

/* The token ends before the position. TRUE when the message does, too. */
static gboolean gate_end_token(QgaGate *gate)
{
    const char *text = gate->buffer + gate->start + gate->token_start;
    gsize length = gate->position - gate->start - gate->token_start;

    if (!gate->broken && gate->token == TOKEN_STRING)
        gate_write_string(gate, text, length);
    else if (!gate->broken)
        gate_write_word(gate, text, length);
    gate->token = TOKEN_NONE;
    gate->in_slice = FALSE;
    return gate->depth == 0;
}

/* What a token is found to be must not depend on the pieces it came in: so its size is looked at
 * before what is behind it. */
static void gate_check_sizes(QgaGate *gate)
{
    gsize size = gate->position - gate->start, limit = 0;

    if (gate->broken)
        return;
    if (size > gate->max_message)
        limit = gate->max_message;
    else if (gate->json->len > QGA_GATE_MAX_TEXT || gate->id->len > QGA_GATE_MAX_TEXT)
        limit = QGA_GATE_MAX_TEXT;
    else if (gate->token != TOKEN_NONE && !gate->in_slice &&
             size - gate->token_start > QGA_GATE_MAX_STRING)
        gate_fail(gate, QGA_GATE_ERROR_SIZE, "JSON string size limit exceeded (1 MiB)");
    if (limit > 0) {
        g_autofree char *text =
            g_strdup_printf("JSON message size limit exceeded (%" G_GSIZE_FORMAT " bytes)", limit);

        gate_fail(gate, QGA_GATE_ERROR_SIZE, text);
    }
}

static gboolean gate_word(QgaGate *gate)
{
    while (gate->position < gate->end &&
           qga_token_is_word(gate->buffer[gate->position], gate->first))
        gate->position++;
    gate_check_sizes(gate);
    return gate->position < gate->end && (guint8)gate->buffer[gate->position] != 0xFF &&
           gate_end_token(gate);
}

static gboolean gate_string(QgaGate *gate)
{
    guint8 byte;

    if (!gate->escape)
        gate->position += qga_token_plain_length(gate->buffer + gate->position,
                                                 gate->end - gate->position, gate->first);
    gate_check_sizes(gate);
    if (gate->position == gate->end)
        return FALSE;
    byte = (guint8)gate->buffer[gate->position];
    if (byte == 0xFF)
        return FALSE;
    if (byte < 0x20) {
        gate_lose_byte(gate);
        gate->start = ++gate->position;
        return FALSE;
    }
    gate->position++;
    if (byte == (guint8)gate->first && !gate->escape)
        return gate_end_token(gate);
    gate->odd = TRUE;
    gate->escape = byte == '\\' && !gate->escape;
    return FALSE;
}

/* Behind an error: a message can start on the next line, behind 0xFF or with the next brace. */
static void gate_skip_lost(QgaGate *gate)
{
    const char *buffer = gate->buffer;
    gsize at = gate->position;

    while (at < gate->end && buffer[at] != '{' && buffer[at] != '\n' && (guint8)buffer[at] != 0xFF)
        at++;
    gate->lost = at == gate->end;
    gate->position = gate->start = at;
}

/* Goes on by a token, or a part of one. TRUE when the message ends before the position. */
static gboolean gate_step(QgaGate *gate)
{
    gboolean ends = FALSE;

    if (gate->lost) {
        gate_skip_lost(gate);
        return FALSE;
    }
    if ((guint8)gate->buffer[gate->position] == 0xFF) {
        gate->position++;
        gate_restart(gate);
        return FALSE;
    }
    if (gate->token == TOKEN_STRING)
        ends = gate_string(gate);
    else if (gate->token == TOKEN_WORD)
        ends = gate_word(gate);
    else
        ends = gate_structure(gate);
    gate_check_sizes(gate);
    if (gate->broken || gate->tokens == 0)
        gate->start = gate->position;
    return ends;
}

static void gate_give(QgaGate *gate, QgaText *text)
{
    g_strchomp(gate->id->str);
    *text = (QgaText){
        .json = gate->json->str,
        .length = gate->json->len,
        .id = gate->has_id ? gate->id->str : NULL,
        .message = gate->buffer + gate->start,
        .message_length = gate->position - gate->start,
        .slices = (const QgaSlice *)(gconstpointer)gate->slices->data,
        .slice_count = gate->slices->len,
        .tokens = gate->tokens,
        .members = gate->members,
        .wide = (const guint *)(gconstpointer)gate->wide->data,
        .wide_count = gate->wide->len,
        .has_nul = gate->has_nul,
    };
    gate->given = TRUE;
}

QgaGateResult qga_gate_next(QgaGate *gate, QgaText *text, GError **error)
{
    if (gate->given)
        gate_restart(gate);
    gate_clear_used(gate);
    while (gate->position < gate->end) {
        gboolean ends = gate_step(gate);

        if (ends && gate->broken)
            gate_restart(gate);
        if (gate->error) {
            g_propagate_error(error, g_steal_pointer(&gate->error));
            return QGA_GATE_ERROR;
        }
        if (ends && gate->position > gate->start) {
            gate_give(gate, text);
            return QGA_GATE_TEXT;
        }
    }
    gate_give_back_memory(gate);
    return QGA_GATE_MORE;
}

void qga_gate_reset(QgaGate *gate)
{
    gate->position = gate->end;
    gate_restart(gate);
    gate->lost = FALSE;
    gate_give_back_memory(gate);
}

void qga_gate_free(QgaGate *gate)
{
    if (!gate)
        return;
    qga_gate_reset(gate);
    g_string_free(gate->json, TRUE);
    g_string_free(gate->id, TRUE);
    g_array_unref(gate->slices);
    g_array_unref(gate->wide);
    g_free(gate->buffer);
    g_free(gate);
}

gsize qga_gate_memory(const QgaGate *gate)
{
    return gate->capacity + gate->json->allocated_len + gate->id->allocated_len;
}
