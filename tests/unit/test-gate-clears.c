/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gate leaves of a password in memory. */
#include "qga-protocol/gate.h"
#include "tests/lib/memory.h"
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#define PING "{\"execute\":\"guest-ping\"}"

static const char *const base64[] = {"password", "buf-b64", NULL};

/* "Sesame-Oeffne-Dich-42", which stands nowhere in this program but where it is fed. */
#define TERCES "24-hciD-enffeO-emaseS"

/* Feeds a text that the secret is put into for '%', in pieces, and forgets it. */
static void feed_secret(QgaGate *gate, const char *with, gsize piece)
{
    gsize before = strcspn(with, "%"), length = strlen(with) + strlen(TERCES) - 1;
    g_autofree char *bytes = g_malloc(length);

    memcpy(bytes, with, before);
    for (gsize i = 0; i < strlen(TERCES); i++)
        bytes[before + i] = TERCES[strlen(TERCES) - 1 - i];
    memcpy(bytes + before + strlen(TERCES), with + before + 1, strlen(with) - before - 1);
    ck_assert(test_memory_holds(getpid(), TERCES));
    for (gsize at = 0; at < length; at += piece) {
        QgaText text;
        GError *error = NULL;

        qga_gate_feed(gate, bytes + at, MIN(piece, length - at));
        while (qga_gate_next(gate, &text, &error) != QGA_GATE_MORE)
            g_clear_error(&error);
    }
    explicit_bzero(bytes, length);
}

/* The beginning of a request with the secret where only base64 may be. */
#define SECRET "{\"arguments\":{\"password\":\"%\""

#define NO_SEARCH "valgrind keeps the registers, and what is in them, in memory"

/* Nothing is kept of a text that may have had a password in it. */
START_TEST(test_clears)
{
    g_autofree char *long_name = g_strnfill(50000, 'x');
    g_autofree char *long_text =
        g_strdup_printf("{\"%s\":1,\"arguments\":{\"password\":\"%%\"}}\n", long_name);
    const char *const texts[] = {
        SECRET "}}",
        PING SECRET "}}" PING "\n",
        SECRET "}}\n" PING "\n{\"b",
        SECRET "]\n",
        SECRET ",\"a\":nul}}\n",
        SECRET ",,}}\n",
        SECRET ",\"@\n",
        long_text,
    };

    if (test_on_valgrind())
        TEST_SKIP(NO_SEARCH);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        for (gsize piece = 1; piece < 100000; piece *= 9) {
            g_autoptr(QgaGate) gate = qga_gate_new(NULL, base64);

            feed_secret(gate, texts[i], piece);
            ck_assert_msg(!test_memory_holds(getpid(), TERCES), "%.40s by %zu", texts[i], piece);
        }
    }
}
END_TEST

/* Nor of one that has not ended when its client leaves. */
START_TEST(test_clears_on_reset)
{
    g_autoptr(QgaGate) gate = qga_gate_new(NULL, base64);

    if (test_on_valgrind())
        TEST_SKIP(NO_SEARCH);
    feed_secret(gate, SECRET, 1000);
    ck_assert(test_memory_holds(getpid(), TERCES));
    qga_gate_reset(gate);
    ck_assert(!test_memory_holds(getpid(), TERCES));
    feed_secret(gate, SECRET, 1000);
    g_clear_pointer(&gate, qga_gate_free);
    ck_assert(!test_memory_holds(getpid(), TERCES));
}
END_TEST

/* Behind a large text the memory of it is given back with the next one's beginning in it. */
START_TEST(test_clears_behind_large)
{
    g_autoptr(QgaGate) gate = qga_gate_new(NULL, base64);
    g_autofree char *large = g_strnfill(3 << 20, ' ');
    g_autofree char *text =
        g_strconcat("{\"arguments\":{\"buf-b64\":\"", large, "\"}}" SECRET, NULL);

    if (test_on_valgrind())
        TEST_SKIP(NO_SEARCH);
    feed_secret(gate, text, 65536);
    feed_secret(gate, "%}}\n", 65536);
    ck_assert(!test_memory_holds(getpid(), TERCES));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gate-clears");
    TCase *tests = tcase_create("gate-clears");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_clears);
    tcase_add_test(tests, test_clears_on_reset);
    tcase_add_test(tests, test_clears_behind_large);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
