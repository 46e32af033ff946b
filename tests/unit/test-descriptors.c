/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform/descriptors.h"
#include "tests/lib/suite.h"

static void set_limit(rlim_t soft, rlim_t hard)
{
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){soft, hard}), 0);
}

/* Opens so many, or as many as can be; returns how many. */
static guint open_many(guint count)
{
    guint opened = 0;

    while (opened < count && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        opened++;
    return opened;
}

static rlim_t soft_limit(void)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

/* What is open already takes room, too. */
START_TEST(test_makes_room)
{
    if (test_on_valgrind())
        TEST_SKIP("valgrind keeps the limit of open files to itself");
    set_limit(300, 1000);
    ck_assert_uint_eq(open_many(280), 280);
    ck_assert_uint_lt(open_many(100), 100);
    for (int fd = 290; fd < 300; fd++)
        close(fd); /* the folder of what is open has to be read */
    ck_assert(firn_descriptors_make_room(100));
    ck_assert_uint_eq(open_many(100), 100);
}
END_TEST

START_TEST(test_leaves_what_is_enough)
{
    if (test_on_valgrind())
        TEST_SKIP("valgrind keeps the limit of open files to itself");
    set_limit(300, 300);
    ck_assert_uint_eq(open_many(100), 100);
    ck_assert(firn_descriptors_make_room(100));
    ck_assert_uint_eq(soft_limit(), 300);
}
END_TEST

START_TEST(test_more_than_the_kernel_has)
{
    ck_assert(!firn_descriptors_make_room(G_MAXUINT / 2));
    ck_assert_int_eq(errno, EPERM); /* beyond fs.nr_open */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *tests = tcase_create("descriptors");

    tcase_add_test(tests, test_makes_room);
    tcase_add_test(tests, test_leaves_what_is_enough);
    tcase_add_test(tests, test_more_than_the_kernel_has);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
