/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/request.h"

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

static const char *const base64[] = {"buf-b64", NULL};

static const QgaMember write_schema[] = {
    {.name = "handle", .type = QGA_TYPE_INT},
    {.name = "buf-b64", .type = QGA_TYPE_BASE64},
    {0},
};

/* Feeds the message as a channel does; `text` lives as long as the gate. */
static void feed(QgaGate *gate, const GString *message, QgaText *text)
{
    for (gsize at = 0; at < message->len; at += PIECE) {
        QgaGateResult found;

        qga_gate_feed(gate, message->str + at, MIN(PIECE, message->len - at));
        found = qga_gate_next(gate, text, NULL);
        if (found != (at + PIECE < message->len ? QGA_GATE_MORE : QGA_GATE_TEXT))
            g_error("the gate found another text");
    }
}

static double gate_round(const GString *message)
{
    g_autoptr(QgaGate) gate = qga_gate_new(NULL, base64);
    gint64 start = g_get_monotonic_time();
    QgaText text;

    feed(gate, message, &text);
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

/* What is behind the gate: the request, its arguments, the decoded bytes. */
static double decode_round(const GString *message)
{
    g_autoptr(QgaGate) gate = qga_gate_new(NULL, base64);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_auto(QgaRequest) request = {0};
    g_autofree guint8 *data = NULL;
    gint64 start;
    QgaText text;
    gsize length;

    feed(gate, message, &text);
    start = g_get_monotonic_time();
    if (qga_request_parse(parser, &text, &request, NULL) &&
        qga_arguments_check(&request.arguments, write_schema, NULL))
        data = qga_arguments_base64(&request.arguments, "buf-b64", &length, NULL);
    if (!data)
        g_error("the request was refused");
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
    g_print("gate, in pieces of 64 KiB         %6.0f MB/s\n", best_rate(gate_round, message));
    g_print("json-glib %d.%d.%d, at once          %6.0f MB/s\n", JSON_MAJOR_VERSION,
            JSON_MINOR_VERSION, JSON_MICRO_VERSION, best_rate(json_glib_round, message));
    g_print("request, arguments, base64 out    %6.0f MB/s\n", best_rate(decode_round, message));
    return 0;
}
