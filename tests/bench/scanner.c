/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/scanner.h"
#include "qga-protocol/arguments.h"
#include "qga-protocol/base64.h"
#include "qga-protocol/request.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define ARGUMENT ((gsize)32 << 20)
#define PIECE ((gsize)65536) /* what a channel reads at once */
#define ROUNDS 5

/* The fastest of some rounds, in MB/s: the others were disturbed. */
static double best_rate(double (*round)(const GString *), const GString *message)
{
    double best = 0;

    for (guint i = 0; i < ROUNDS; i++) {
        double seconds = round(message);

        best = MAX(best, (double)message->len / 1e6 / seconds);
    }
    return best;
}

static double seconds_since(gint64 start)
{
    return (double)MAX(g_get_monotonic_time() - start, 1) / 1e6;
}

static double scan_round(const GString *message)
{
    g_autoptr(QgaScanner) scanner = qga_scanner_new(NULL);
    gint64 start = g_get_monotonic_time();
    guint texts = 0;

    for (gsize at = 0; at < message->len; at += PIECE) {
        const char *text;
        gsize length;

        qga_scanner_feed(scanner, message->str + at, MIN(PIECE, message->len - at));
        while (qga_scanner_next(scanner, &text, &length, NULL) != QGA_SCAN_MORE)
            texts++;
    }
    if (texts != 1)
        g_error("the scanner found %u texts instead of one", texts);
    return seconds_since(start);
}

static double json_glib_round(const GString *message)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    gint64 start = g_get_monotonic_time();

    if (!json_parser_load_from_data(parser, message->str, (gssize)message->len, &error))
        g_error("json-glib: %s", error->message);
    return seconds_since(start);
}

static const QgaMember write_schema[] = {
    {.name = "handle", .type = QGA_TYPE_INT},
    {.name = "buf-b64", .type = QGA_TYPE_BASE64},
    {0},
};

/* What is behind the scanner: the request, its arguments, the decoded bytes. */
static double decode_round(const GString *message)
{
    gint64 start = g_get_monotonic_time();
    g_auto(QgaRequest) request = {0};
    g_autoptr(QgaArguments) arguments = NULL;
    g_autofree guint8 *data = NULL;
    gsize length;

    if (qga_request_parse(message->str, message->len, &request, NULL))
        arguments = qga_arguments_new(write_schema, request.arguments, NULL);
    if (arguments)
        data = qga_arguments_base64(arguments, "buf-b64", &length, NULL);
    if (!data)
        g_error("the request was refused");
    return seconds_since(start);
}

static double encode_round(const GString *message)
{
    g_autofree char *out = g_malloc(qga_base64_encoded_length(message->len));
    gint64 start;

    memset(out, 0, qga_base64_encoded_length(message->len));
    start = g_get_monotonic_time();
    qga_base64_encode(message->str, message->len, out);
    return seconds_since(start);
}

int main(void)
{
    g_autoptr(GString) message = g_string_sized_new(ARGUMENT + 256);

    g_string_append(message, "{\"execute\": \"guest-file-write\", \"arguments\": {\"handle\": 1, "
                             "\"buf-b64\": \"");
    for (gsize i = 0; i < ARGUMENT; i++)
        g_string_append_c(message, "QkFTRTY0"[i % 8]);
    g_string_append(message, "\"}}");
    g_print("a request with a string of 32 MiB, fastest of %d rounds\n", ROUNDS);
    g_print("scanner, in pieces of 64 KiB      %6.0f MB/s\n", best_rate(scan_round, message));
    g_print("json-glib %d.%d.%d, at once          %6.0f MB/s\n", JSON_MAJOR_VERSION,
            JSON_MINOR_VERSION, JSON_MICRO_VERSION, best_rate(json_glib_round, message));
    g_print("request, arguments, base64 out    %6.0f MB/s\n", best_rate(decode_round, message));
    g_print("base64 in                         %6.0f MB/s\n", best_rate(encode_round, message));
    return 0;
}
