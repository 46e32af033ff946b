/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/nvme-smart.h"
#include "tests/lib/suite.h"

/* The head of a page as QEMU's controller gives it; all the rest is reserved and zero. */
START_TEST(test_page)
{
    guint8 page[FIRN_NVME_SMART_BYTES] = {0x04, 0x43, 0x01, 0x5a, 0x0a, 0x07};
    FirnNvmeSmart smart;

    for (guint i = 0; i < FIRN_NVME_COUNTERS; i++) {
        page[32 + 16 * i] = (guint8)(i + 1);
        page[32 + 16 * i + 7] = 0x80;
        page[32 + 16 * i + 8] = (guint8)(i + 100);
    }
    smart = firn_nvme_smart_parse(page);
    ck_assert_uint_eq(smart.critical_warning, 4);
    ck_assert_uint_eq(smart.temperature, 323);
    ck_assert_uint_eq(smart.available_spare, 90);
    ck_assert_uint_eq(smart.available_spare_threshold, 10);
    ck_assert_uint_eq(smart.percentage_used, 7);
    for (guint i = 0; i < FIRN_NVME_COUNTERS; i++) {
        ck_assert_uint_eq(smart.counters[i].low, 0x8000000000000000u + i + 1);
        ck_assert_uint_eq(smart.counters[i].high, i + 100);
    }
}
END_TEST

/* What is no NVMe drive, or not there, is not known. */
START_TEST(test_no_drive)
{
    FirnNvmeSmart smart;

    ck_assert(!firn_nvme_smart_read("/dev/null", &smart));
    ck_assert(!firn_nvme_smart_read("/dev/no-such-drive", &smart));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nvme-smart");
    TCase *tests = tcase_create("nvme-smart");

    tcase_add_test(tests, test_page);
    tcase_add_test(tests, test_no_drive);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
