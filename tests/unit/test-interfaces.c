/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/interfaces.h"
#include "tests/lib/suite.h"

#include <arpa/inet.h>
#include <glib.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

/* Builds a message as the kernel does. */
static GByteArray *begin(guint16 type, const void *body, gsize length)
{
    GByteArray *message = g_byte_array_new();
    struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_MULTI};

    g_byte_array_append(message, (const guint8 *)&header, sizeof(header));
    g_byte_array_append(message, body, (guint)length);
    return message;
}

static void put(GByteArray *message, guint16 type, const void *data, gsize length)
{
    static const guint8 zeros[RTA_ALIGNTO] = {0};
    struct rtattr header = {.rta_len = (guint16)RTA_LENGTH(length), .rta_type = type};

    g_byte_array_append(message, (const guint8 *)&header, sizeof(header));
    g_byte_array_append(message, data, (guint)length);
    g_byte_array_append(message, zeros, (guint)(RTA_ALIGN(length) - length));
}

/* Feeds the message and frees it. */
static void feed(FirnInterfaces *interfaces, GByteArray *message)
{
    guint32 length = message->len;

    memcpy(message->data, &length, sizeof(length));
    firn_interfaces_add_message(interfaces, message->data, message->len);
    g_byte_array_unref(message);
}

static void feed_link(FirnInterfaces *interfaces, int index, const char *name,
                      const guint8 *hardware, gsize hardware_length)
{
    struct ifinfomsg info = {.ifi_index = index};
    struct rtnl_link_stats64 stats = {
        .rx_packets = 1,
        .tx_packets = 2,
        .rx_bytes = 1ull << 40,
        .tx_bytes = 4,
        .rx_errors = 5,
        .tx_errors = 6,
        .rx_dropped = 7,
        .tx_dropped = 8,
        .rx_missed_errors = 100,
    };
    GByteArray *message = begin(RTM_NEWLINK, &info, sizeof(info));

    put(message, IFLA_IFNAME, name, strlen(name) + 1);
    if (hardware_length > 0)
        put(message, IFLA_ADDRESS, hardware, hardware_length);
    put(message, IFLA_STATS64, &stats, sizeof(stats));
    feed(interfaces, message);
}

static void feed_address(FirnInterfaces *interfaces, int index, const char *text, guint8 prefix,
                         const char *label, const char *peer)
{
    guint8 bytes[16];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    gsize length = family == AF_INET ? 4 : 16;
    struct ifaddrmsg info = {
        .ifa_family = (guint8)family,
        .ifa_prefixlen = prefix,
        .ifa_index = (guint)index,
    };
    GByteArray *message = begin(RTM_NEWADDR, &info, sizeof(info));

    if (peer || family == AF_INET) {
        inet_pton(family, peer ? peer : text, bytes);
        put(message, IFA_ADDRESS, bytes, length);
    }
    inet_pton(family, text, bytes);
    put(message, peer || family == AF_INET ? IFA_LOCAL : IFA_ADDRESS, bytes, length);
    if (label)
        put(message, IFA_LABEL, label, strlen(label) + 1);
    feed(interfaces, message);
}

static const FirnAddress *get_address(const FirnInterface *interface, guint index)
{
    return &g_array_index(interface->addresses, FirnAddress, index);
}

START_TEST(test_links)
{
    static const guint8 ethernet[] = {2, 0xfc, 0, 0, 0, 1};
    static const guint8 infiniband[20] = {0x80, 1, 2, 3, 4, 5, 6, 7};
    g_autoptr(FirnInterfaces) interfaces = firn_interfaces_new();
    const FirnInterface *interface;

    feed_link(interfaces, 1, "eth0", ethernet, sizeof(ethernet));
    feed_link(interfaces, 7, "ib0", infiniband, sizeof(infiniband));
    feed_link(interfaces, 3, "tun0", NULL, 0);
    feed_link(interfaces, 4, "a|b\xff\"", ethernet, sizeof(ethernet));
    ck_assert_uint_eq(firn_interfaces_count(interfaces), 4);
    interface = firn_interfaces_get(interfaces, 0);
    ck_assert_str_eq(interface->name, "eth0");
    ck_assert_mem_eq(interface->hardware, ethernet, sizeof(ethernet));
    ck_assert(interface->has_hardware && !interface->is_label);
    ck_assert_uint_eq(interface->counters.rx_bytes, 1ull << 40);
    ck_assert_uint_eq(interface->counters.rx_dropped, 107);
    ck_assert_uint_eq(interface->counters.tx_dropped, 8);
    ck_assert_mem_eq(firn_interfaces_get(interfaces, 1)->hardware, infiniband, 6);
    ck_assert_mem_eq(firn_interfaces_get(interfaces, 2)->hardware, "\0\0\0\0\0\0", 6);
    ck_assert_str_eq(firn_interfaces_get(interfaces, 3)->name, "a|b\xff\"");
}
END_TEST

START_TEST(test_addresses)
{
    static const guint8 ethernet[] = {2, 0xfc, 0, 0, 0, 1};
    g_autoptr(FirnInterfaces) interfaces = firn_interfaces_new();
    const FirnInterface *interface;

    feed_link(interfaces, 2, "eth0", ethernet, sizeof(ethernet));
    feed_link(interfaces, 3, "tun0", NULL, 0);
    feed_address(interfaces, 2, "10.1.0.1", 24, "eth0", NULL);
    feed_address(interfaces, 3, "10.4.0.1", 32, "tun0", "10.4.0.2");
    feed_address(interfaces, 2, "10.9.0.1", 16, "eth0:1", NULL);
    feed_address(interfaces, 2, "10.9.0.2", 16, "eth0:1", NULL);
    feed_address(interfaces, 2, "10.5.0.1", 24, "foo", NULL);
    feed_address(interfaces, 2, "10.6.0.1", 24, "tun0", NULL);
    feed_address(interfaces, 2, "fe80::fc:ff:fe00:1", 64, NULL, NULL);
    feed_address(interfaces, 3, "fd00::1", 128, NULL, "fd00::2");
    feed_address(interfaces, 99, "10.7.0.1", 24, NULL, NULL);

    ck_assert_uint_eq(firn_interfaces_count(interfaces), 4);
    interface = firn_interfaces_get(interfaces, 0);
    ck_assert_uint_eq(interface->addresses->len, 2);
    ck_assert_str_eq(get_address(interface, 0)->text, "10.1.0.1");
    ck_assert_str_eq(get_address(interface, 1)->text, "fe80::fc:ff:fe00:1");
    ck_assert_int_eq(get_address(interface, 1)->family, AF_INET6);
    interface = firn_interfaces_get(interfaces, 1);
    ck_assert_uint_eq(interface->addresses->len, 3);
    ck_assert_str_eq(get_address(interface, 0)->text, "10.4.0.1");
    ck_assert_uint_eq(get_address(interface, 0)->prefix, 32);
    ck_assert_str_eq(get_address(interface, 1)->text, "10.6.0.1");
    ck_assert_str_eq(get_address(interface, 2)->text, "fd00::1");
    interface = firn_interfaces_get(interfaces, 2);
    ck_assert_str_eq(interface->name, "eth0:1");
    ck_assert_str_eq(interface->link, "eth0");
    ck_assert(interface->is_label && interface->has_hardware);
    ck_assert_mem_eq(interface->hardware, ethernet, sizeof(ethernet));
    ck_assert_uint_eq(interface->addresses->len, 2);
    interface = firn_interfaces_get(interfaces, 3);
    ck_assert_str_eq(interface->name, "foo");
    ck_assert(interface->is_label && !interface->has_hardware);
}
END_TEST

/* Cut anywhere, and with every length wrong, a message is not read past its end. */
START_TEST(test_malformed)
{
    struct ifinfomsg info = {.ifi_index = 1};
    g_autoptr(GByteArray) message = begin(RTM_NEWLINK, &info, sizeof(info));
    guint32 length;

    put(message, IFLA_ADDRESS, "\1\2\3", 3);
    put(message, IFLA_STATS64, "12345", 5);
    put(message, IFLA_IFNAME, "eth0", 4);
    length = message->len;
    memcpy(message->data, &length, sizeof(length));
    for (guint cut = 0; cut <= message->len; cut++) {
        g_autofree guint8 *copy = g_memdup2(message->data, cut);
        g_autoptr(FirnInterfaces) interfaces = firn_interfaces_new();

        firn_interfaces_add_message(interfaces, copy, cut);
        ck_assert_uint_eq(firn_interfaces_count(interfaces), cut == message->len ? 1 : 0);
    }
    for (guint at = NLMSG_HDRLEN; at < message->len; at++) {
        for (guint value = 0; value < 256; value += 5) {
            g_autofree guint8 *copy = g_memdup2(message->data, message->len);
            g_autoptr(FirnInterfaces) interfaces = firn_interfaces_new();

            copy[at] = (guint8)value;
            firn_interfaces_add_message(interfaces, copy, message->len);
            ck_assert_uint_le(firn_interfaces_count(interfaces), 1);
        }
    }
}
END_TEST

START_TEST(test_thousand)
{
    g_autoptr(FirnInterfaces) interfaces = firn_interfaces_new();

    for (int i = 1; i <= 1000; i++) {
        g_autofree char *name = g_strdup_printf("veth%d", i);

        feed_link(interfaces, i, name, NULL, 0);
    }
    for (int i = 1; i <= 1000; i++) {
        for (int j = 0; j < 4; j++) {
            g_autofree char *text = g_strdup_printf("10.%d.%d.%d", j, i / 250, i % 250);

            feed_address(interfaces, i, text, 24, NULL, NULL);
        }
    }
    ck_assert_uint_eq(firn_interfaces_count(interfaces), 1000);
    ck_assert_str_eq(get_address(firn_interfaces_get(interfaces, 999), 3)->text, "10.3.4.0");
}
END_TEST

/* What the C library says of the same. */
START_TEST(test_this_machine)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FirnInterfaces) interfaces = firn_interfaces_read(&error);
    gboolean loopback = FALSE;

    ck_assert_msg(interfaces != NULL, "%s", error ? error->message : "");
    for (guint i = 0; i < firn_interfaces_count(interfaces); i++) {
        const FirnInterface *interface = firn_interfaces_get(interfaces, i);

        ck_assert(interface->is_label || if_nametoindex(interface->name) > 0);
        loopback = loopback || strcmp(interface->name, "lo") == 0;
    }
    ck_assert(loopback);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interfaces");
    TCase *tests = tcase_create("interfaces");

    tcase_add_test(tests, test_links);
    tcase_add_test(tests, test_addresses);
    tcase_add_test(tests, test_malformed);
    tcase_add_test(tests, test_thousand);
    tcase_add_test(tests, test_this_machine);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
