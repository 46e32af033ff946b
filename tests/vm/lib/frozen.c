/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/lib/frozen.h"

#include <check.h>
#include <string.h>

void test_frozen_ask(TestClient *client, const char *request, const char *expected)
{
    g_autofree char *text = test_client_text(client, request);

    ck_assert_msg(strcmp(text, expected) == 0, "%s answers %s, not %s", request, text, expected);
}

void test_frozen_await_status(TestGuest *guest, TestClient *client, const char *expected)
{
    gint64 since = g_get_monotonic_time();

    for (;;) {
        g_autofree char *text = test_client_text(client, TEST_STATUS);

        if (strcmp(text, expected) == 0)
            return;
        test_guest_wait(guest, since, expected);
    }
}

void test_frozen_assert_writable(TestGuest *guest, const char *places)
{
    G_GNUC_UNUSED g_autofree char *started =
        test_guest_shell(guest,
                         "rm -f /run/probed; (for place in %s; do echo probe >\"$place/probe\"; "
                         "rm -f \"$place/probe\"; done; touch /run/probed) >/dev/null 2>&1 &",
                         places);

    test_guest_await(guest, "[ -e /run/probed ]");
}

void test_frozen_assert_none(TestGuest *guest)
{
    g_autofree char *lines =
        test_guest_shell(guest, "awk '$1 ~ \"^/dev/\" { print $2 }' /proc/mounts | sort -u");
    g_autofree char *places = g_strdelimit(g_strdup(lines), "\n", ' ');

    test_frozen_assert_writable(guest, places);
}

void test_frozen_assert_held(TestGuest *guest, const char *place)
{
    g_autofree char *pid = test_guest_shell(
        guest, "rm -f /run/held; (echo held >'%s/held'; touch /run/held) >/dev/null 2>&1 & echo $!",
        place);
    g_autofree char *state = NULL;

    /* where the kernel lets writers wait for the thaw */
    test_guest_await(guest, "[ -e /run/held ] || grep -q percpu_rwsem_wait /proc/%s/wchan", pid);
    state = test_guest_shell(guest, "[ -e /run/held ] && echo written; true");
    ck_assert_msg(*state == '\0', "%s is not frozen: it can be written to", place);
}

void test_frozen_assert_told_once(TestClient *client, const char *why)
{
    g_autofree char *error = test_client_error(client, TEST_THAW);

    ck_assert_msg(strstr(error, why) != NULL, "%s", error);
    test_frozen_ask(client, TEST_THAW, "0");
}
