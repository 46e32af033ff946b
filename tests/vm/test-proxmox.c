/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Proxmox VE does to a guest: for each command it opens the socket, writes a sync and the
 * command at once, reads two replies and closes. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/guest.h"

#include <string.h>

static TestGuest *guest;

static void start(void)
{
    const char *disks[] = {"ext4.img", "xfs.img", "btrfs.img", NULL};

    guest = test_guest_boot(&(TestGuestOptions){.disks = disks});
}

static void stop(void)
{
    test_guest_free(guest);
}

/* The reply's line, the second of two. Free with g_free(). */
static char *ask(const char *command, const char *arguments)
{
    static guint id = 100;
    g_autofree char *path = test_guest_path(guest, "agent");
    g_autoptr(TestClient) client = test_client_connect(path);
    g_autofree char *text =
        g_strdup_printf("{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%u}}\n"
                        "{\"execute\":\"%s\",\"arguments\":%s}\n",
                        ++id, command, arguments);
    g_autofree char *expected = g_strdup_printf("\xff{\"return\": %u}", id);
    g_autofree char *sync = NULL;
    char *reply;

    test_client_send(client, text);
    sync = test_client_line(client);
    ck_assert_str_eq(sync, expected);
    reply = test_client_line(client);
    ck_assert_ptr_nonnull(reply);
    return reply;
}

static void check(const char *command, const char *reply)
{
    g_autofree char *line = ask(command, "{}");

    ck_assert_msg(strcmp(line, reply) == 0, "%s: %s", command, line);
}

/* A backup in snapshot mode. */
static void back_up(void)
{
    check("guest-ping", "{\"return\": {}}");
    check("guest-fsfreeze-status", "{\"return\": \"thawed\"}");
    check("guest-fsfreeze-freeze", "{\"return\": 3}");
    check("guest-fsfreeze-status", "{\"return\": \"frozen\"}");
    check("guest-fsfreeze-thaw", "{\"return\": 3}");
    check("guest-fsfreeze-status", "{\"return\": \"thawed\"}");
}

START_TEST(test_backup)
{
    test_guest_settle(guest);
    for (guint i = 0; i < 20; i++)
        back_up();
}
END_TEST

/* A thaw is sent also where there is nothing to thaw. */
START_TEST(test_thaw_of_nothing)
{
    test_guest_settle(guest);
    check("guest-fsfreeze-thaw", "{\"return\": 0}");
}
END_TEST

/* It leaves before the freeze's reply and asks for the status instead: that is answered when the
 * freeze is there. */
START_TEST(test_reply_not_awaited)
{
    test_guest_settle(guest);
    {
        g_autofree char *path = test_guest_path(guest, "agent");
        g_autoptr(TestClient) client = test_client_connect(path);

        test_client_send(client, "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":7}}\n"
                                 "{\"execute\":\"guest-fsfreeze-freeze\",\"arguments\":{}}\n");
        g_free(test_client_line(client)); /* the sync: it is being done */
    }
    check("guest-fsfreeze-status", "{\"return\": \"frozen\"}");
    check("guest-fsfreeze-thaw", "{\"return\": 3}");
}
END_TEST

/* base64 comes from it in lines of 76 characters. */
START_TEST(test_file_write)
{
    g_autofree char *opened = NULL;
    g_autofree char *arguments = NULL;
    g_autofree char *written = NULL;
    g_autofree char *sum = NULL;
    guint8 data[200];
    g_autofree char *text = NULL;
    g_autofree char *expected = NULL;
    GString *broken = g_string_new(NULL);

    test_guest_settle(guest);
    for (guint i = 0; i < sizeof(data); i++)
        data[i] = (guint8)(i * 7);
    text = g_base64_encode(data, sizeof(data));
    for (gsize i = 0; i < strlen(text); i += 76)
        g_string_append_printf(broken, "%.76s\\n", text + i);
    opened = ask("guest-file-open", "{\"path\":\"/tmp/uploaded\",\"mode\":\"wb\"}");
    ck_assert_msg(g_str_has_prefix(opened, "{\"return\": "), "%s", opened);
    {
        gint64 handle = g_ascii_strtoll(opened + strlen("{\"return\": "), NULL, 10);
        g_autofree char *close = g_strdup_printf("{\"handle\":%" G_GINT64_FORMAT "}", handle);

        arguments = g_strdup_printf("{\"handle\":%" G_GINT64_FORMAT ",\"buf-b64\":\"%s\"}", handle,
                                    broken->str);
        written = ask("guest-file-write", arguments);
        ck_assert_msg(strstr(written, "\"count\":200"), "%s", written);
        g_free(ask("guest-file-close", close));
    }
    g_string_free(broken, TRUE);
    sum = test_guest_shell(guest, "sha256sum </tmp/uploaded");
    expected = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, sizeof(data));
    ck_assert_msg(g_str_has_prefix(sum, expected), "%s", sum);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxmox");
    TCase *tests = tcase_create("proxmox");

    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_test(tests, test_backup);
    tcase_add_test(tests, test_thaw_of_nothing);
    tcase_add_test(tests, test_reply_not_awaited);
    tcase_add_test(tests, test_file_write);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
