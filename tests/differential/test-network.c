/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/members.h"
#include "tests/lib/shell.h"
#include "tests/lib/suite.h"

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"

#define INTERFACES "{\"execute\":\"guest-network-get-interfaces\"}"

/* Traffic and new link-local addresses make two replies differ by themselves: lo is down and the
 * links have no IPv6 of their own making, save on this machine's network. */
static const CompareMember counters[] = {
    COMPARE_CHANGES("return[].statistics.rx-bytes"),
    COMPARE_CHANGES("return[].statistics.rx-packets"),
    COMPARE_CHANGES("return[].statistics.tx-bytes"),
    COMPARE_CHANGES("return[].statistics.tx-packets"),
    COMPARE_CHANGES("return[].statistics.rx-dropped"),
    COMPARE_CHANGES("return[].statistics.tx-dropped"),
    {0},
};

START_TEST(test_this_network)
{
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_members(compare, INTERFACES, counters);
    compare_differs(compare, "route", "{\"execute\":\"guest-network-get-route\"}", "{\"return\":*",
                    "*The command guest-network-get-route has not been found*");
}
END_TEST

typedef struct {
    const char *kind;
    const char *script;
} Network;

#define QUIET "sysctl -qw net.ipv6.conf.default.addr_gen_mode=1 || true\n"

static const Network networks[] = {
    {"empty", "true"},
    {"bridge", "ip link add v0 type veth peer name v1; ip link add br0 type bridge\n"
               "ip link set v0 master br0; ip link set v0 up; ip link set v1 up\n"
               "ip link set br0 up; ip addr add 10.1.0.1/24 dev br0\n"
               "ip addr add 10.1.0.2/24 dev br0; ip addr add fd00:1::1/64 dev br0 nodad\n"},
    {"VLAN", "ip link add v0 type veth peer name v1; ip addr add 10.1.0.1/24 dev v0\n"
             "ip link add link v0 name v0.5 type vlan id 5; ip addr add 10.5.0.1/24 dev v0.5\n"},
    {"macvlan", "ip link add v0 type veth peer name v1\n"
                "ip link add m0 link v0 type macvlan; ip addr add 10.3.0.1/30 dev m0\n"},
    {"tun", "ip tuntap add t0 mode tun; ip addr add 10.4.0.1 peer 10.4.0.2/32 dev t0\n"
            "ip link set t0 up; ip tuntap add t1 mode tap\n"},
    {"labels", "ip link add v0 type veth peer name v1\n"
               "ip addr add 10.9.0.1/16 dev v0 label v0:1; ip addr add 10.8.0.1/16 dev v0\n"
               "ip addr add 10.9.0.2/16 dev v0 label v0:1; ip addr add 10.7.0.1/16 dev v0 label x\n"
               "ip addr add 10.6.0.1/16 dev v0 label v1\n"},
    {"IPv6 peers", "ip link add v0 type veth peer name v1\n"
                   "ip addr add fd00::1 peer fd00::2/128 dev v0\n"
                   "ip addr add fe80::1/64 dev v0; ip addr add fd00:9::9/48 dev v1\n"},
    {"odd names",
     "ip link add 'a|b\"' type veth peer name \"$(printf '\\303\\274 x' | tr -d ' ')\"\n"
     "ip addr add 10.1.0.1/24 dev 'a|b\"'\n"},
    {"500 veth pairs", "i=0; while [ $i -lt 500 ]; do\n"
                       "echo link add a$i type veth peer name b$i\n"
                       "echo addr add 10.$((i / 250)).$((i % 250)).1/24 dev a$i\n"
                       "i=$((i + 1)); done | ip -batch -\n"},
};

START_TEST(test_network)
{
    const Network *network = &networks[_i];
    g_autofree char *why = NULL;
    g_autoptr(Compare) compare = NULL;

    if (!test_private_network())
        TEST_SKIP("no network namespace here (needs root)");
    if (!test_shell(&why, QUIET "%s", network->script))
        TEST_SKIP("%s: %s", network->kind, why);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_members(compare, INTERFACES, counters);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network-replies");
    TCase *tests = tcase_create("network-replies");

    tcase_set_timeout(tests, 10);
    tcase_add_test(tests, test_this_network);
    tcase_add_loop_test(tests, test_network, 0, G_N_ELEMENTS(networks));
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
