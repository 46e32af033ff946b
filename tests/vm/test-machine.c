/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changes the machine itself, done to a real one: clock, processors, memory, power. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/guest.h"

#include <stdlib.h>
#include <string.h>

static const TestGuestOptions two_cpus = {.cpus = 2, .memory = 1024};

static void ask(TestClient *client, const char *request, const char *expected)
{
    g_autofree char *text = test_client_text(client, request);

    ck_assert_msg(!strcmp(text, expected), "%s: %s", request, text);
}

static gint64 number_of(TestGuest *guest, const char *command)
{
    g_autofree char *text = test_guest_shell(guest, "%s", command);

    return g_ascii_strtoll(text, NULL, 10);
}

#define RTC "cat /sys/class/rtc/rtc0/since_epoch"
#define BEFORE 1500000000
#define GIVEN 1700000000

/* A time in seconds that is this or, after however slow a test, a bit later. */
static void assert_about(gint64 time, gint64 expected)
{
    ck_assert_msg(time >= expected && time < expected + 3600, "%ld", (long)time);
}

START_TEST(test_time)
{
    g_autoptr(TestGuest) guest = test_guest_boot(&two_cpus);
    g_autoptr(TestClient) client = test_guest_agent(guest);

    g_free(test_guest_shell(guest, "date -s @%d", BEFORE));
    ask(client,
        "{\"execute\":\"guest-set-time\",\"arguments\":{\"time\":" G_STRINGIFY(
            GIVEN) "000000000}}\n",
        "{}");
    assert_about(number_of(guest, "date +%s"), GIVEN);
    assert_about(number_of(guest, RTC), GIVEN);
    g_free(test_guest_shell(guest, "date -s @%d", BEFORE));
    ask(client, "{\"execute\":\"guest-set-time\"}\n", "{}");
    assert_about(number_of(guest, "date +%s"), GIVEN);
}
END_TEST

#define VCPUS(ID, ONLINE)                                                                          \
    "{\"execute\":\"guest-set-vcpus\",\"arguments\":{\"vcpus\":[{\"logical-id\":" ID               \
    ",\"online\":" ONLINE "}]}}\n"
#define ONLINE "cat /sys/devices/system/cpu/online"

START_TEST(test_processors)
{
    g_autoptr(TestGuest) guest = test_guest_boot(&two_cpus);
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autofree char *both = test_guest_shell(guest, ONLINE);
    g_autofree char *one = NULL;
    g_autofree char *again = NULL;

    ck_assert_str_eq(both, "0-1");
    ask(client, VCPUS("1", "false"), "1");
    one = test_guest_shell(guest, ONLINE);
    ck_assert_str_eq(one, "0");
    ask(client, VCPUS("1", "true"), "1");
    again = test_guest_shell(guest, ONLINE);
    ck_assert_str_eq(again, "0-1");
}
END_TEST

/* The response to switching a block; free with g_free(). */
static char *switch_block(TestClient *client, gint64 block, const char *online)
{
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-set-memory-blocks\",\"arguments\":{\"mem-blks\":["
                        "{\"phys-index\":%ld,\"online\":%s}]}}\n",
                        (long)block, online);
    g_autoptr(JsonNode) value = test_client_value(client, request);
    JsonObject *result = json_array_get_object_element(json_node_get_array(value), 0);

    ck_assert_int_eq(json_object_get_int_member(result, "phys-index"), block);
    return g_strdup(json_object_get_string_member(result, "response"));
}

/* Switches off the last block that the kernel gives, which is not the one with a hole in it. */
static gint64 switch_some_block(TestClient *client)
{
    g_autoptr(JsonNode) value =
        test_client_value(client, "{\"execute\":\"guest-get-memory-blocks\"}\n");
    JsonArray *blocks = json_node_get_array(value);
    GString *responses = g_string_new(NULL);

    for (guint i = json_array_get_length(blocks); i > 0; i--) {
        gint64 block =
            json_object_get_int_member(json_array_get_object_element(blocks, i - 1), "phys-index");
        g_autofree char *response = switch_block(client, block, "false");

        if (!strcmp(response, "success")) {
            g_string_free(responses, TRUE);
            return block;
        }
        g_string_append_printf(responses, " %s", response);
    }
    ck_abort_msg("no memory block of the guest can be switched:%s", responses->str);
    return 0;
}

static gint64 total_kib(TestGuest *guest)
{
    return number_of(guest, "awk '/MemTotal/ { print $2 }' /proc/meminfo");
}

/* In a zone of its own, all that a block holds can be moved away. */
START_TEST(test_memory)
{
    const TestGuestOptions movable = {.memory = 1024, .append = "movablecore=512M"};
    g_autoptr(TestGuest) guest = test_guest_boot(&movable);
    g_autoptr(TestClient) client = test_guest_agent(guest);
    gint64 before = total_kib(guest);
    gint64 block = switch_some_block(client);
    gint64 during = total_kib(guest);
    g_autofree char *state =
        test_guest_shell(guest, "cat /sys/devices/system/memory/memory%ld/state", (long)block);
    g_autofree char *response = NULL;

    ck_assert_str_eq(state, "offline");
    ck_assert_int_lt(during, before - 100 * 1024);
    response = switch_block(client, block, "true");
    ck_assert_str_eq(response, "success");
    ck_assert_int_gt(total_kib(guest), during);
}
END_TEST

static gboolean is_suspended(TestGuest *guest)
{
    g_autoptr(JsonNode) status = test_guest_qmp(guest, "{\"execute\":\"query-status\"}");

    return !strcmp(json_object_get_string_member(json_node_get_object(status), "status"),
                   "suspended");
}

START_TEST(test_suspend)
{
    const TestGuestOptions suspendable = {.bzimage = TRUE};
    g_autoptr(TestGuest) guest = test_guest_boot(&suspendable);
    g_autoptr(TestClient) client = test_guest_agent(guest);
    gint64 since = g_get_monotonic_time();

    test_client_send(client, "{\"execute\":\"guest-suspend-ram\"}\n");
    while (!is_suspended(guest))
        test_guest_wait(guest, since, "the guest's suspension");
    json_node_unref(test_guest_qmp(guest, "{\"execute\":\"system_wakeup\"}"));
    test_client_ping(client); /* there is no reply to a suspend that worked */
}
END_TEST

static const char *const modes[] = {"", "\"mode\":\"powerdown\"", "\"mode\":\"reboot\""};

/* QEMU ends when the machine is switched off, and here when it is started anew. */
START_TEST(test_shutdown)
{
    g_autoptr(TestGuest) guest = test_guest_boot(NULL);
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-shutdown\",\"arguments\":{%s}}\n", modes[_i]);

    test_client_send(client, request);
    test_guest_await_end(guest);
}
END_TEST

START_TEST(test_halt)
{
    g_autoptr(TestGuest) guest = test_guest_boot(NULL);
    g_autoptr(TestClient) client = test_guest_agent(guest);
    gint64 since = g_get_monotonic_time();

    test_client_send(client,
                     "{\"execute\":\"guest-shutdown\",\"arguments\":{\"mode\":\"halt\"}}\n");
    for (;;) {
        g_autofree char *console = test_guest_console(guest);

        if (strstr(console, "reboot: System halted"))
            return;
        test_guest_wait(guest, since, "the guest's halt");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("machine");
    TCase *tests = tcase_create("machine");

    tcase_add_test(tests, test_time);
    tcase_add_test(tests, test_processors);
    tcase_add_test(tests, test_memory);
    tcase_add_test(tests, test_suspend);
    tcase_add_loop_test(tests, test_shutdown, 0, G_N_ELEMENTS(modes));
    tcase_add_test(tests, test_halt);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
