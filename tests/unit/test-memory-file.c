/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/memory-file.h"
#include "tests/lib/suite.h"

#include <string.h>
#include <unistd.h>

/* What is appended, or written to the map, is what is read from any place. */
START_TEST(test_bytes)
{
    int fd = firn_memory_file_new(NULL);
    char bytes[16] = "";
    char *map;

    ck_assert_int_ge(fd, 0);
    ck_assert_uint_eq(firn_memory_file_size(fd), 0);
    ck_assert_uint_eq(firn_memory_file_read(fd, 0, bytes, sizeof bytes), 0);
    ck_assert(firn_memory_file_append(fd, "abc", 3, NULL));
    ck_assert(firn_memory_file_append(fd, "def", 3, NULL));
    ck_assert_uint_eq(firn_memory_file_size(fd), 6);
    ck_assert_uint_eq(firn_memory_file_read(fd, 2, bytes, sizeof bytes), 4);
    ck_assert_mem_eq(bytes, "cdef", 4);
    map = firn_memory_file_map(fd, 8, NULL);
    ck_assert_mem_eq(map, "abcdef\0", 8);
    memcpy(map + 5, "ghi", 3);
    firn_memory_file_unmap(map, 8);
    ck_assert_uint_eq(firn_memory_file_read(fd, 5, bytes, 2), 2);
    ck_assert_mem_eq(bytes, "gh", 2);
    ck_assert_uint_eq(firn_memory_file_read(fd, 9, bytes, 2), 0);
    close(fd);
}
END_TEST

/* So many bytes as no file can have are an error. */
START_TEST(test_too_many)
{
    int fd = firn_memory_file_new(NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_memory_file_map(fd, G_MAXSIZE / 2, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "no memory for so many bytes"));
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory-file");
    TCase *tests = tcase_create("memory-file");

    tcase_add_test(tests, test_bytes);
    tcase_add_test(tests, test_too_many);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
