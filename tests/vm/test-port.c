/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channel as a host finds it: real virtio ports, a real UART, vsock. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/frozen.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PING "{\"execute\":\"guest-ping\"}\n"
#define PORT "/dev/virtio-ports/org.qemu.guest_agent.0"

static const char *const three[] = {"ext4.img", "xfs.img", "btrfs.img", NULL};
static const TestGuestOptions options = {.disks = three,
                                         .agent = "--method=virtio-serial,--retry-path"};
static TestGuest *guest;

static void boot(void)
{
    guest = test_guest_boot(&options);
}

static void boot_service(void)
{
    static const TestGuestOptions service = {.systemd = TRUE, .may_reboot = TRUE};

    guest = test_guest_boot(&service);
}

static void shut_down(void)
{
    test_guest_free(guest);
}

static void settle(void)
{
    test_guest_settle(guest);
}

static void assert_freeze(TestClient *client)
{
    test_frozen_ask(client, TEST_FREEZE, "3");
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    test_frozen_ask(client, TEST_THAW, "3");
}

/* Asks for four MiB in one reply; the handle, to be closed by its text. */
static char *ask_for_much(TestClient *client)
{
    G_GNUC_UNUSED g_autofree char *done =
        test_guest_shell(guest, "[ -e /run/much ] || dd if=/dev/urandom "
                                "of=/run/much bs=1M count=4 2>/dev/null");
    g_autofree char *handle = test_client_text(
        client, "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/run/much\"}}\n");
    g_autofree char *request = g_strdup_printf("{\"execute\":\"guest-file-read\",\"arguments\":{"
                                               "\"handle\":%s,\"count\":4194304}}\n",
                                               handle);

    test_client_send(client, request);
    return g_steal_pointer(&handle);
}

static char *leave_in_reply(void)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autofree char *handle = ask_for_much(client);
    char start[100];
    gsize got = 0;

    while (got < sizeof(start)) {
        ssize_t n;

        ck_assert(test_client_has_input(client, 60000));
        n = read(test_client_fd(client), start + got, sizeof(start) - got);
        ck_assert_int_gt(n, 0);
        got += (gsize)n;
    }
    ck_assert_int_eq(strncmp(start, "{\"return\": {", strlen("{\"return\": {")), 0);
    return g_steal_pointer(&handle);
}

static void come_back_and_close(const char *handle)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":%s}}\n", handle);

    test_frozen_ask(client, request, "{}");
}

static void leave_in_request(void)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_client_send(client, "{\"execute\":\"guest-file-write\",\"arguments\":{\"buf-b64\":\"QUFB");
}

static void come_back(void)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_client_ping(client);
}

/* Process, its open descriptors and threads. */
static char *describe_agent(void)
{
    return test_guest_shell(guest, "pid=$(grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3) && echo "
                                   "$pid $(ls /proc/$pid/fd | wc -l) "
                                   "$(ls /proc/$pid/task | wc -l)");
}

static char *agent_pid(void)
{
    return test_guest_shell(guest, "grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3");
}

/* The agent's processor time and how often it was switched to, all threads. */
static char *read_work(void)
{
    return test_guest_shell(guest, "pid=$(grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3) && cut "
                                   "-d' ' -f14,15 /proc/$pid/stat && "
                                   "grep -h ctxt_switches /proc/$pid/task/*/status");
}

/* Nothing at all is done once what was before has been digested. */
static void assert_idle(void)
{
    gint64 since = g_get_monotonic_time();
    g_autofree char *before = read_work();
    g_autofree char *after = NULL;

    for (;;) {
        g_autofree char *now = NULL;

        test_guest_wait(guest, since, "an agent that rests");
        g_usleep(G_USEC_PER_SEC / 2);
        now = read_work();
        if (!strcmp(now, before))
            break;
        g_free(g_steal_pointer(&before));
        before = g_steal_pointer(&now);
    }
    g_usleep(3 * G_USEC_PER_SEC);
    after = read_work();
    ck_assert_str_eq(after, before);
}

/* What a host asked before the guest was even there is answered, once. */
START_TEST(test_first_answer)
{
    g_autoptr(TestGuest) fresh = test_guest_start(&options);
    g_autofree char *path = test_guest_path(fresh, "agent");
    g_autoptr(TestClient) client = test_client_connect(path);
    gint64 since = g_get_monotonic_time();
    g_autofree char *line = NULL;

    test_client_send(client, PING);
    while (!test_client_has_input(client, 100))
        test_guest_wait(fresh, since, "the first answer");
    line = test_client_line(client);
    ck_assert_str_eq(line, "{\"return\": {}}");
    assert_freeze(client);
}
END_TEST

START_TEST(test_leaves_in_request)
{
    g_autofree char *before = agent_pid();
    g_autofree char *after = NULL;

    leave_in_request();
    assert_idle();
    come_back();
    after = agent_pid();
    ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(test_leaves_in_reply)
{
    g_autofree char *before = agent_pid();
    g_autofree char *after = NULL;
    g_autofree char *handle = leave_in_reply();

    assert_idle();
    come_back_and_close(handle);
    after = agent_pid();
    ck_assert_str_eq(after, before);
}
END_TEST

/* A host that leaves after it froze finds that when it comes back. */
START_TEST(test_leaves_frozen)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_frozen_ask(client, TEST_FREEZE, "3");
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    test_frozen_ask(client, TEST_THAW, "3");
}
END_TEST

static void leave_in_reply_and_close(void)
{
    g_autofree char *handle = leave_in_reply();

    come_back_and_close(handle);
}

/* A hundred times: politely, in a request and in a reply. */
START_TEST(test_comes_back)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;

    leave_in_reply_and_close(); /* what is made once is there */
    before = describe_agent();
    for (int i = 0; i < 100; i++) {
        if (i % 10 == 3)
            leave_in_request();
        else if (i % 10 == 7)
            leave_in_reply_and_close();
        else
            come_back();
    }
    come_back();
    after = describe_agent();
    ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(test_nobody)
{
    come_back();
    assert_idle();
}
END_TEST

static void unplug(void)
{
    test_guest_unplug_agent(guest);
    test_guest_await(guest, "ports; [ ! -e " PORT " ]");
}

static void plug(void)
{
    test_guest_plug_agent(guest);
    test_guest_await(guest, "ports; [ -e " PORT " ]");
}

/* The port goes while filesystems are frozen: they stay so, and the next port thaws them. */
START_TEST(test_unplugged)
{
    g_autofree char *before = agent_pid();
    g_autofree char *after = NULL;
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_frozen_ask(client, TEST_FREEZE, "3");
    unplug();
    test_guest_await(
        guest,
        "! ls -l /proc/$(grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3)/fd | grep -q vport");
    g_clear_pointer(&client, test_client_free);
    plug();
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    test_frozen_ask(client, TEST_THAW, "3");
    after = agent_pid();
    ck_assert_str_eq(after, before);
}
END_TEST

/* With nobody at the port when it goes. */
START_TEST(test_unplugged_alone)
{
    g_autofree char *before = agent_pid();
    g_autofree char *after = NULL;

    come_back();
    assert_idle();
    unplug();
    test_guest_await(
        guest,
        "! ls -l /proc/$(grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3)/fd | grep -q vport");
    plug();
    come_back();
    after = agent_pid();
    ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(test_before_its_port)
{
    g_autofree char *old = agent_pid();
    g_autofree char *pid = NULL;
    g_autofree char *after = NULL;

    unplug();
    test_guest_await(guest,
                     "kill -9 %s; sleep 0.1; pid=$(grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3) "
                     "&& [ $pid != %s ] && grep -q "
                     "'trying again until it is there' /run/agent.log",
                     old, old);
    pid = agent_pid();
    plug();
    come_back();
    after = agent_pid();
    ck_assert_str_eq(after, pid);
}
END_TEST

/* The host's end stays open meanwhile, as libvirt's does. */
START_TEST(test_reboot)
{
    static const TestGuestOptions rebooting = {.disks = three, .may_reboot = TRUE};
    g_autoptr(TestGuest) fresh = test_guest_boot(&rebooting);
    g_autofree char *before = test_guest_shell(fresh, "cat /proc/sys/kernel/random/boot_id");
    g_autofree char *after = NULL;
    g_autoptr(TestClient) client = test_guest_agent(fresh);

    assert_freeze(client);
    test_guest_leave(fresh, "reboot -f; sleep 600");
    after = test_guest_shell(fresh, "cat /proc/sys/kernel/random/boot_id");
    ck_assert_str_ne(after, before);
    assert_freeze(client);
}
END_TEST

START_TEST(test_isa_serial)
{
    static const char *const uart[] = {"-chardev", "socket,id=uart,path=@/uart,server=on,wait=off",
                                       "-device", "isa-serial,chardev=uart", NULL};
    static const TestGuestOptions serial = {.disks = three,
                                            .extra = uart,
                                            .no_agent_port = TRUE,
                                            .agent = "--method=isa-serial,--path=/dev/ttyS1"};
    g_autoptr(TestGuest) fresh = test_guest_boot(&serial);

    for (int i = 0; i < 3; i++) {
        g_autoptr(TestClient) client = test_guest_agent_at(fresh, "uart");
        g_autoptr(JsonNode) info =
            test_client_value(client, "{\"execute\":\"guest-info\"}\n"); /* thousands of bytes */

        ck_assert(json_object_has_member(json_node_get_object(info), "supported_commands"));
        assert_freeze(client);
    }
}
END_TEST

/* Through the loopback in the guest: no host has vsock without KVM. */
START_TEST(test_vsock)
{
    static const TestGuestOptions vsock = {
        .disks = three,
        .no_agent_port = TRUE,
        .agent = "--method=vsock-listen,--path=1:1234,--vsock-peer=1"};
    g_autoptr(TestGuest) fresh = test_guest_boot(&vsock);
    g_autofree char *pid =
        test_guest_shell(fresh, "grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3");
    g_autofree char *after = NULL;

    /* it may have started a moment ago */
    test_guest_await(fresh, "socat -u OPEN:/dev/null VSOCK-CONNECT:1:1234");
    for (int i = 0; i < 3; i++) {
        g_autofree char *answers = test_guest_shell(
            fresh, "for request in ping fsfreeze-freeze fsfreeze-status fsfreeze-thaw; do "
                   "echo '{\"execute\":\"guest-'$request'\"}' | "
                   "socat -t30 - VSOCK-CONNECT:1:1234; done");

        ck_assert_str_eq(answers, "{\"return\": {}}\n{\"return\": 3}\n{\"return\": \"frozen\"}\n"
                                  "{\"return\": 3}");
    }
    after = test_guest_shell(fresh, "grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3");
    ck_assert_str_eq(after, pid);
}
END_TEST

/* Under systemd the port takes its service with it, and that thaws first: the root filesystem, too.
 */
START_TEST(test_unplugged_from_service)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autofree char *log = NULL;

    test_frozen_ask(client, TEST_FREEZE, "1");
    test_guest_unplug_agent(guest);
    test_frozen_assert_none(guest);
    test_guest_await(guest, "[ \"$(systemctl show -P ActiveState firn)\" = inactive ]");
    log = test_guest_shell(guest, "journalctl --sync; journalctl -b -u firn -o cat");
    ck_assert_msg(strstr(log, "Failed with result") == NULL, "%s", log);
    g_clear_pointer(&client, test_client_free);
    test_guest_plug_agent(guest);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_assert_told_once(client, "told to stop");
}
END_TEST

/* Somebody restarts the machine while it is frozen. */
START_TEST(test_rebooted_while_frozen)
{
    g_autofree char *before = test_guest_shell(guest, "cat /proc/sys/kernel/random/boot_id");
    g_autofree char *after = NULL;
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_frozen_ask(client, TEST_FREEZE, "1");
    test_guest_leave(guest, "systemctl reboot; sleep 600");
    after = test_guest_shell(guest, "cat /proc/sys/kernel/random/boot_id");
    ck_assert_str_ne(after, before);
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_ask(client, TEST_FREEZE, "1");
    test_frozen_ask(client, TEST_THAW, "1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("port");
    TCase *shared = tcase_create("virtio");
    TCase *own = tcase_create("own");
    TCase *service = tcase_create("service");

    tcase_add_unchecked_fixture(shared, boot, shut_down);
    tcase_add_checked_fixture(shared, settle, NULL);
    tcase_add_test(shared, test_leaves_in_request);
    tcase_add_test(shared, test_leaves_in_reply);
    tcase_add_test(shared, test_leaves_frozen);
    tcase_add_test(shared, test_comes_back);
    tcase_add_test(shared, test_nobody);
    tcase_add_test(shared, test_unplugged);
    tcase_add_test(shared, test_unplugged_alone);
    tcase_add_test(shared, test_before_its_port);
    tcase_add_test(own, test_first_answer);
    tcase_add_test(own, test_reboot);
    tcase_add_test(own, test_isa_serial);
    tcase_add_test(own, test_vsock);
    suite_add_tcase(suite, shared);
    tcase_add_unchecked_fixture(service, boot_service, shut_down);
    tcase_add_checked_fixture(service, settle, NULL);
    tcase_add_test(service, test_unplugged_from_service);
    tcase_add_test(service, test_rebooted_while_frozen);
    suite_add_tcase(suite, own);
    suite_add_tcase(suite, service);
    return test_suite_run(suite);
}
