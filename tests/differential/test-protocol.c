/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/compare.h"
#include "tests/lib/suite.h"

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"

START_TEST(test_requests)
{
    static const char *const requests[] = {
        "{\"execute\":\"guest-ping\"}",
        "{\"execute\":\"guest-ping\",\"arguments\":{}}",
        "{\"execute\":\"guest-ping\",\"id\":7}",
        "{'execute':'guest-ping'}",
        "{\"execute\":\"guest-ping\",\"arguments\":{\"x\":1}}",
        "{\"execute\":\"guest-ping\",\"arguments\":[]}",
        "{\"execute\":\"guest-ping\",\"arguments\":null}",
        "{\"execute\":\"guest-ping\",\"other\":1}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":-9223372036854775808}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":9223372036854775807}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":18446744073709551615}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1.0}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":\"1\"}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":null}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1,\"x\":2}}",
        "{\"execute\":\"guest-sync\",\"arguments\":{}}",
        "{\"execute\":\"guest-sync\"}",
        "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":12}}",
        "{\"execute\":\"guest-fsfreeze-status\"}",
        "{\"execute\":\"guest-fsfreeze-thaw\"}",
        "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":[1]}}",
        "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":\"x\"}}",
        "{\"execute\":\"guest-fstrim\",\"arguments\":{\"minimum\":\"x\"}}",
        "{\"execute\":\"nope\"}",
        "{\"execute\":\"\"}",
        "{\"execute\":1}",
        "{\"execute\":null}",
        "{\"foo\":1}",
        "{}",
        "[]",
        "1",
        "\"a\"",
        "null",
        "true",
        "{\"execute\":\"guest-ping\",}",
        "{\"execute\" \"guest-ping\"}",
        "{\"execute\":\"guest-ping\",\"execute\":\"guest-ping\"}",
        "{\"execute\":\"guest-ping\",\"arguments\":{\"a\":1,\"a\":2}}",
    };
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++)
        compare_same(compare, requests[i]);
    compare_differs(compare, "get-devices", "{\"execute\":\"guest-get-devices\"}",
                    "*CommandNotFound*The command guest-get-devices has not been found*",
                    "*CommandNotFound*Command guest-get-devices has been disabled*");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protocol");
    TCase *tests = tcase_create("protocol");

    tcase_add_test(tests, test_requests);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
