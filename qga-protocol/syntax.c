/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/syntax.h"

#include "qga-protocol/keys.h"
#include "qga-protocol/plain.h"
#include "qga-protocol/scanner.h"

#include <string.h>

#define SHOWN_MAX 64 /* bytes of a bad token that an error shows */

typedef enum {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END,
    EXPECT_NAME,
    EXPECT_NAME_OR_END,
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
} Expect;

typedef enum {
    TOKEN_NONE,
    TOKEN_STRING,
    TOKEN_ESCAPE,    /* behind a backslash */
    TOKEN_HEX,       /* in the digits of \uXXXX */
    TOKEN_LOW_SLASH, /* behind a high surrogate, before the low one's backslash */
    TOKEN_LOW_U,     /* and before its u */
    TOKEN_UTF8,      /* inside a character of several bytes */
    TOKEN_NUMBER,
    TOKEN_WORD,
} Token;

typedef enum {
    NUMBER_MINUS,
    NUMBER_ZERO,
    NUMBER_INTEGER,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_SIGN,
    NUMBER_EXPONENT,
    NUMBER_END,
    NUMBER_BAD,
} Number;

struct QgaSyntax {
    guint max_depth;
    guint max_tokens;
    QgaKeys *keys;
    char *open; /* the brackets that are open, `depth` of them */
    guint depth;
    guint tokens;
    Expect expect;
    Token token;
    gsize token_start;
    gboolean broken;
    gboolean told; /* the error of this text is out already */
    GError *error;
    /* within a string */
    char quote;
    gboolean is_name;
    guint hex;
    guint hex_digits;
    guint high; /* the high surrogate whose low one is due, or 0 */
    guint utf8_left;
    guint8 utf8_low;
    guint8 utf8_high;
    /* within a number */
    Number number;
};

QgaSyntax *qga_syntax_new(guint max_depth, guint max_tokens)
{
    QgaSyntax *syntax = g_new0(QgaSyntax, 1);

    syntax->max_depth = max_depth;
    syntax->max_tokens = max_tokens;
    syntax->keys = qga_keys_new();
    syntax->open = g_malloc(max_depth);
    return syntax;
}

void qga_syntax_free(QgaSyntax *syntax)
{
    if (!syntax)
        return;
    qga_keys_free(syntax->keys);
    g_clear_error(&syntax->error);
    g_free(syntax->open);
    g_free(syntax);
}

void qga_syntax_restart(QgaSyntax *syntax)
{
    qga_keys_clear(syntax->keys);
    g_clear_error(&syntax->error);
    syntax->depth = 0;
    syntax->tokens = 0;
    syntax->expect = EXPECT_VALUE;
    syntax->token = TOKEN_NONE;
    syntax->broken = FALSE;
    syntax->told = FALSE;
}

gboolean qga_syntax_is_broken(const QgaSyntax *syntax)
{
    return syntax->broken;
}

void qga_syntax_break(QgaSyntax *syntax)
{
    syntax->broken = TRUE;
    syntax->told = TRUE;
    if (syntax->token == TOKEN_HEX || syntax->token == TOKEN_LOW_SLASH ||
        syntax->token == TOKEN_UTF8)
        syntax->token = TOKEN_STRING;
    else if (syntax->token == TOKEN_LOW_U)
        syntax->token = TOKEN_ESCAPE;
    qga_keys_clear(syntax->keys);
}

GError *qga_syntax_steal_error(QgaSyntax *syntax)
{
    return g_steal_pointer(&syntax->error);
}

/* qga_syntax_run() sees to that byte: the others leave it where it is. */
static gboolean is_forget(char c)
{
    return (guint8)c == 0xFF;
}

/* Tokens in the wrong order: the first such error of a text is its error. */
static QgaSyntaxResult fail_shape(QgaSyntax *syntax, const char *text)
{
    if (!syntax->broken) {
        syntax->error =
            g_error_new(QGA_SCANNER_ERROR, QGA_SCANNER_ERROR_SYNTAX, "JSON parse error, %s", text);
        syntax->broken = TRUE;
        qga_keys_clear(syntax->keys);
    }
    return syntax->depth == 0 ? QGA_SYNTAX_LOST : QGA_SYNTAX_MORE;
}

/* Something after which even brackets cannot be trusted; told before an error of order. */
static QgaSyntaxResult fail_hard(QgaSyntax *syntax, QgaScannerError code, const char *text)
{
    if (!syntax->told) {
        g_clear_error(&syntax->error);
        syntax->error = g_error_new_literal(QGA_SCANNER_ERROR, (int)code, text);
    }
    return QGA_SYNTAX_LOST;
}

/* The byte at text[at] belongs to no token, or not to the one that started at token_start. */
static QgaSyntaxResult fail_byte(QgaSyntax *syntax, const char *text, gsize at)
{
    gsize start = syntax->token == TOKEN_NONE || syntax->broken ? at : syntax->token_start;
    int shown = (int)MIN(at + 1 - start, SHOWN_MAX);
    g_autofree char *message =
        g_strdup_printf("JSON parse error, stray '%.*s'", shown, text + start);

    return fail_hard(syntax, QGA_SCANNER_ERROR_SYNTAX, message);
}

static const char *wrong_place(const QgaSyntax *syntax, gboolean mark)
{
    switch (syntax->expect) {
    case EXPECT_NAME:
    case EXPECT_NAME_OR_END:
        return mark ? "expecting value" : "key is not a string in object";
    case EXPECT_COLON:
        return "missing : in object pair";
    case EXPECT_COMMA_OR_END:
        return syntax->open[syntax->depth - 1] == '{' ? "expected separator in dict"
                                                      : "expected separator in list";
    case EXPECT_VALUE:
    case EXPECT_VALUE_OR_END:
    default:
        return "expecting value";
    }
}

static QgaSyntaxResult begin_value(QgaSyntax *syntax)
{
    if (syntax->broken || syntax->expect == EXPECT_VALUE || syntax->expect == EXPECT_VALUE_OR_END)
        return QGA_SYNTAX_MORE;
    return fail_shape(syntax, wrong_place(syntax, FALSE));
}

static QgaSyntaxResult end_value(QgaSyntax *syntax)
{
    syntax->token = TOKEN_NONE;
    syntax->expect = EXPECT_COMMA_OR_END;
    if (syntax->depth > 0)
        return QGA_SYNTAX_MORE;
    return syntax->broken ? QGA_SYNTAX_BROKEN : QGA_SYNTAX_DONE;
}

static QgaSyntaxResult open_bracket(QgaSyntax *syntax, char bracket)
{
    begin_value(syntax);
    if (syntax->depth == syntax->max_depth)
        return fail_hard(syntax, QGA_SCANNER_ERROR_DEPTH, "JSON nesting depth limit exceeded");
    syntax->open[syntax->depth++] = bracket;
    syntax->expect = bracket == '{' ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
    if (bracket == '{' && !syntax->broken)
        qga_keys_open_object(syntax->keys);
    return QGA_SYNTAX_MORE;
}

static QgaSyntaxResult close_bracket(QgaSyntax *syntax, char bracket)
{
    if (syntax->depth == 0 || syntax->open[syntax->depth - 1] != bracket) {
        fail_shape(syntax, wrong_place(syntax, TRUE));
        return QGA_SYNTAX_LOST;
    }
    if (syntax->expect == EXPECT_VALUE || syntax->expect == EXPECT_NAME ||
        syntax->expect == EXPECT_COLON)
        fail_shape(syntax, wrong_place(syntax, TRUE));
    if (bracket == '{' && !syntax->broken)
        qga_keys_close_object(syntax->keys);
    syntax->depth--;
    return end_value(syntax);
}

static QgaSyntaxResult separator(QgaSyntax *syntax, char mark)
{
    Expect due = mark == ',' ? EXPECT_COMMA_OR_END : EXPECT_COLON;

    if (syntax->broken)
        return QGA_SYNTAX_MORE;
    if (syntax->expect != due)
        return fail_shape(syntax, wrong_place(syntax, TRUE));
    if (mark == ',' && syntax->open[syntax->depth - 1] == '{')
        syntax->expect = EXPECT_NAME;
    else
        syntax->expect = EXPECT_VALUE;
    return QGA_SYNTAX_MORE;
}

static QgaSyntaxResult begin_string(QgaSyntax *syntax, char quote)
{
    syntax->token = TOKEN_STRING;
    syntax->quote = quote;
    syntax->high = 0;
    syntax->is_name = syntax->expect == EXPECT_NAME || syntax->expect == EXPECT_NAME_OR_END;
    return syntax->is_name ? QGA_SYNTAX_MORE : begin_value(syntax);
}

static QgaSyntaxResult end_string(QgaSyntax *syntax, const char *text, gsize end)
{
    if (!syntax->is_name || syntax->broken)
        return end_value(syntax);
    syntax->token = TOKEN_NONE;
    syntax->expect = EXPECT_COLON;
    if (!qga_keys_add(syntax->keys, text, syntax->token_start, end))
        return fail_shape(syntax, "duplicate key");
    return QGA_SYNTAX_MORE;
}

/* Between tokens. */
static QgaSyntaxResult run_structure(QgaSyntax *syntax, const char *text, gsize *at)
{
    char c = text[*at];

    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++*at;
        return c == '\n' && syntax->broken ? QGA_SYNTAX_BROKEN : QGA_SYNTAX_MORE;
    }
    if (++syntax->tokens > syntax->max_tokens && !syntax->broken)
        return fail_hard(syntax, QGA_SCANNER_ERROR_SIZE, "JSON token count limit exceeded");
    syntax->token_start = *at;
    if (c == '"' || c == '\'') {
        ++*at;
        return begin_string(syntax, c);
    }
    if (c == '-' || g_ascii_isdigit(c)) {
        ++*at;
        syntax->token = TOKEN_NUMBER;
        syntax->number = c == '-' ? NUMBER_MINUS : c == '0' ? NUMBER_ZERO : NUMBER_INTEGER;
        return begin_value(syntax);
    }
    if (g_ascii_islower(c)) {
        syntax->token = TOKEN_WORD;
        return QGA_SYNTAX_MORE;
    }
    if (!c || !strchr("{[}],:", c))
        return fail_byte(syntax, text, *at);
    ++*at;
    if (c == '{' || c == '[')
        return open_bracket(syntax, c);
    if (c == '}' || c == ']')
        return close_bracket(syntax, c == '}' ? '{' : '[');
    return separator(syntax, c);
}

/* RFC 3629, section 4: how many bytes follow a leading one, and the range of the first of them. */
static gboolean begin_utf8(QgaSyntax *syntax, guint8 lead)
{
    if (lead < 0xC2 || lead > 0xF4)
        return FALSE;
    syntax->utf8_left = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    syntax->utf8_low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    syntax->utf8_high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    syntax->token = TOKEN_UTF8;
    return TRUE;
}

static QgaSyntaxResult run_utf8(QgaSyntax *syntax, const char *text, gsize *at)
{
    guint8 byte = (guint8)text[*at];

    if (byte < syntax->utf8_low || byte > syntax->utf8_high) {
        syntax->token = TOKEN_STRING;
        return fail_shape(syntax, "invalid UTF-8 sequence in string");
    }
    ++*at;
    syntax->utf8_low = 0x80;
    syntax->utf8_high = 0xBF;
    if (--syntax->utf8_left == 0)
        syntax->token = TOKEN_STRING;
    return QGA_SYNTAX_MORE;
}

static QgaSyntaxResult run_string(QgaSyntax *syntax, const char *text, gsize *at, gsize length)
{
    guint8 byte;

    *at += qga_plain_length(text + *at, length - *at, syntax->quote);
    if (*at == length)
        return QGA_SYNTAX_MORE;
    byte = (guint8)text[*at];
    if (is_forget(text[*at]))
        return QGA_SYNTAX_MORE;
    if (byte < 0x20) {
        QgaSyntaxResult result = fail_byte(syntax, text, *at);

        ++*at;
        return result;
    }
    ++*at;
    if (byte == (guint8)syntax->quote)
        return end_string(syntax, text, *at);
    if (byte == '\\')
        syntax->token = TOKEN_ESCAPE;
    else if (!syntax->broken && !begin_utf8(syntax, byte))
        return fail_shape(syntax, "invalid UTF-8 sequence in string");
    return QGA_SYNTAX_MORE;
}

static QgaSyntaxResult run_escape(QgaSyntax *syntax, const char *text, gsize *at)
{
    char c = text[*at];

    syntax->token = TOKEN_STRING;
    if ((guint8)c >= 0x20 && (guint8)c < 0x80)
        ++*at;
    if (syntax->broken || (c && strchr("\"\\/bfnrt", c)) || (c == '\'' && syntax->quote == c))
        return QGA_SYNTAX_MORE;
    if (c != 'u')
        return fail_shape(syntax, "invalid escape sequence in string");
    syntax->token = TOKEN_HEX;
    syntax->hex = 0;
    syntax->hex_digits = 0;
    return QGA_SYNTAX_MORE;
}

static QgaSyntaxResult fail_unicode(QgaSyntax *syntax, const char *digits, guint count)
{
    g_autofree char *message =
        g_strdup_printf("\\u%.*s is not a valid Unicode character", (int)count, digits);

    syntax->token = TOKEN_STRING;
    return fail_shape(syntax, message);
}

static QgaSyntaxResult fail_surrogate(QgaSyntax *syntax, guint surrogate)
{
    g_autofree char *digits = g_strdup_printf("%04x", surrogate);

    return fail_unicode(syntax, digits, 4);
}

static QgaSyntaxResult run_hex(QgaSyntax *syntax, const char *text, gsize *at)
{
    int digit = g_ascii_xdigit_value(text[*at]);
    gboolean low;

    if (digit < 0)
        return fail_unicode(syntax, text + *at - syntax->hex_digits, syntax->hex_digits + 1);
    ++*at;
    syntax->hex = syntax->hex << 4 | (guint)digit;
    if (++syntax->hex_digits < 4)
        return QGA_SYNTAX_MORE;
    syntax->token = TOKEN_STRING;
    low = syntax->hex >= 0xDC00 && syntax->hex < 0xE000;
    if (low != (syntax->high != 0))
        return fail_surrogate(syntax, syntax->high ? syntax->high : syntax->hex);
    syntax->high = 0;
    if (syntax->hex >= 0xD800 && syntax->hex < 0xDC00) {
        syntax->high = syntax->hex;
        syntax->token = TOKEN_LOW_SLASH;
    }
    return QGA_SYNTAX_MORE;
}

static QgaSyntaxResult run_low(QgaSyntax *syntax, const char *text, gsize *at)
{
    gboolean slash = syntax->token == TOKEN_LOW_SLASH;

    if (text[*at] != (slash ? '\\' : 'u')) {
        QgaSyntaxResult result = fail_surrogate(syntax, syntax->high);

        syntax->token = slash ? TOKEN_STRING : TOKEN_ESCAPE;
        return result;
    }
    ++*at;
    syntax->token = slash ? TOKEN_LOW_U : TOKEN_HEX;
    syntax->hex = 0;
    syntax->hex_digits = 0;
    return QGA_SYNTAX_MORE;
}

static Number next_number(Number state, char c)
{
    gboolean digit = g_ascii_isdigit(c), e = c == 'e' || c == 'E';

    switch (state) {
    case NUMBER_MINUS:
        return c == '0' ? NUMBER_ZERO : digit ? NUMBER_INTEGER : NUMBER_BAD;
    case NUMBER_ZERO:
        return digit ? NUMBER_BAD : c == '.' ? NUMBER_POINT : e ? NUMBER_E : NUMBER_END;
    case NUMBER_INTEGER:
        return digit ? NUMBER_INTEGER : c == '.' ? NUMBER_POINT : e ? NUMBER_E : NUMBER_END;
    case NUMBER_POINT:
        return digit ? NUMBER_FRACTION : NUMBER_BAD;
    case NUMBER_FRACTION:
        return digit ? NUMBER_FRACTION : e ? NUMBER_E : NUMBER_END;
    case NUMBER_E:
        return digit ? NUMBER_EXPONENT : c == '+' || c == '-' ? NUMBER_SIGN : NUMBER_BAD;
    case NUMBER_SIGN:
        return digit ? NUMBER_EXPONENT : NUMBER_BAD;
    case NUMBER_EXPONENT:
        return digit ? NUMBER_EXPONENT : NUMBER_END;
    case NUMBER_END:
    case NUMBER_BAD:
    default:
        return NUMBER_BAD;
    }
}

static QgaSyntaxResult run_number(QgaSyntax *syntax, const char *text, gsize *at, gsize length)
{
    for (; *at < length && !is_forget(text[*at]); ++*at) {
        Number next = next_number(syntax->number, text[*at]);

        if (next == NUMBER_END)
            return end_value(syntax);
        if (next == NUMBER_BAD)
            return fail_byte(syntax, text, *at);
        syntax->number = next;
    }
    return QGA_SYNTAX_MORE;
}

static QgaSyntaxResult end_word(QgaSyntax *syntax, const char *word, gsize length)
{
    gboolean known =
        (length == 4 && (memcmp(word, "true", 4) == 0 || memcmp(word, "null", 4) == 0)) ||
        (length == 5 && memcmp(word, "false", 5) == 0);

    if (!known && syntax->expect != EXPECT_COLON && syntax->expect != EXPECT_COMMA_OR_END) {
        g_autofree char *message =
            g_strdup_printf("invalid keyword '%.*s'", (int)MIN(length, SHOWN_MAX), word);

        fail_shape(syntax, message);
    } else {
        begin_value(syntax);
    }
    return end_value(syntax);
}

static QgaSyntaxResult run_word(QgaSyntax *syntax, const char *text, gsize *at, gsize length)
{
    while (*at < length && g_ascii_islower(text[*at]))
        ++*at;
    if (*at == length || is_forget(text[*at]))
        return QGA_SYNTAX_MORE;
    if (syntax->broken)
        return end_value(syntax);
    return end_word(syntax, text + syntax->token_start, *at - syntax->token_start);
}

static QgaSyntaxResult run_token(QgaSyntax *syntax, const char *text, gsize *at, gsize length)
{
    switch (syntax->token) {
    case TOKEN_STRING:
        return run_string(syntax, text, at, length);
    case TOKEN_ESCAPE:
        return run_escape(syntax, text, at);
    case TOKEN_HEX:
        return run_hex(syntax, text, at);
    case TOKEN_LOW_SLASH:
    case TOKEN_LOW_U:
        return run_low(syntax, text, at);
    case TOKEN_UTF8:
        return run_utf8(syntax, text, at);
    case TOKEN_NUMBER:
        return run_number(syntax, text, at, length);
    case TOKEN_WORD:
        return run_word(syntax, text, at, length);
    case TOKEN_NONE:
    default:
        return run_structure(syntax, text, at);
    }
}

QgaSyntaxResult qga_syntax_run(QgaSyntax *syntax, const char *text, gsize *position, gsize length)
{
    QgaSyntaxResult result = QGA_SYNTAX_MORE;
    gsize at = *position;

    while (at < length && result == QGA_SYNTAX_MORE) {
        if (is_forget(text[at])) {
            at++;
            result = QGA_SYNTAX_FORGET;
        } else {
            result = run_token(syntax, text, &at, length);
        }
    }
    *position = at;
    return result;
}
