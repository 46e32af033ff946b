/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Valid requests with some changes, so that much of what is tried gets past the gate: the first
 * byte chooses the request, the second the size of the pieces, and each three that follow are a
 * change: what, where, with what.
 */
#include "tests/fuzz/pipeline.h"
#include "tests/fuzz/target.h"

#include <string.h>

#define CHANGES 64

static const char *const requests[] = {
    "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":-9223372036854775808},\"id\":[1.50,\"a\"]}"
    "\n",
    "{'execute':'all','arguments':{'int':1,'uint':18446744073709551615,'string':'it\\'s "
    "\\u00e4'}}\n",
    "{\"execute\":\"all\",\"arguments\":{\"base64\":\"YWJj\\/"
    "w==\",\"word\":\"set\"},\"id\":\"\\ud83d\\ude00\"}",
    "{\"id\":{\"a\":{\"b\":null}},\"arguments\":{\"strings\":[\"a\",\"\\n\"],\"word\":2},"
    "\"execute\":\"all\"}",
    "{\"execute\":\"all\",\"arguments\":{\"structs\":[{\"logical-id\":0,\"online\":true},"
    "{\"online\":false,\"logical-id\":7,\"can-offline\":true}]}}",
};

/* Put in, or in place of what is there. */
static const char *const parts[] = {
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "'",
    "\\",
    " ",
    "\n",
    "\xFF",
    "null",
    "true",
    "0",
    "-1",
    "1.5e3",
    "\\u0000",
    "[]",
    "{}",
    "\"a\"",
    "id",
    "\"id\":1,",
    "base64",
    "arguments",
    "execute",
    "\xC3\xA4",
    "\"x\":",
    "\\ud800",
    "=",
    "9223372036854775808",
};

/* Applies one change; `at` is anywhere in the text. */
static void change(GString *text, guint what, gsize at, guint8 with)
{
    const char *part = parts[with % G_N_ELEMENTS(parts)];
    gsize length = MIN((gsize)with % 16 + 1, text->len - at);

    switch (what % 5) {
    case 0:
        text->str[at] = (char)with;
        break;
    case 1:
        g_string_erase(text, (gssize)at, (gssize)length);
        break;
    case 2:
        g_string_insert(text, (gssize)at, part);
        break;
    case 3:
        g_string_erase(text, (gssize)at, (gssize)MIN(strlen(part), text->len - at));
        g_string_insert(text, (gssize)at, part);
        break;
    default: {
        g_autofree char *again = g_strndup(text->str + at, length);

        g_string_insert(text, (gssize)at, again);
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) text = NULL;

    if (size < 2)
        return 0;
    text = g_string_new(requests[data[0] % G_N_ELEMENTS(requests)]);
    for (size_t i = 2; i + 2 < size && i < 2 + 3 * CHANGES && text->len > 0; i += 3)
        change(text, data[i], data[i + 1] * text->len / 256, data[i + 2]);
    g_string_append(text, "{\"execute\":\"all\"}\n");
    fuzz_requests(text->str, text->len, (gsize)data[1] % 64 + 1);
    return 0;
}
