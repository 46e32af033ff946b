/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/mountinfo.h"
#include "tests/lib/suite.h"

#include <string.h>
#include <sys/sysmacros.h>

START_TEST(test_fields)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(
        "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
        "37 36 0:40 / /srv ro - fuse.sshfs me@host:/ rw,user_id=0\n",
        -1);
    const FirnMount *mount = &mounts->entries[0];

    ck_assert_uint_eq(mounts->count, 2);
    ck_assert_uint_eq(mounts->skipped, 0);
    ck_assert_int_eq(mount->id, 36);
    ck_assert_int_eq(mount->parent, 35);
    ck_assert(mount->device == makedev(98, 0));
    ck_assert_str_eq(mount->root, "/mnt1");
    ck_assert_str_eq(mount->mountpoint, "/mnt2");
    ck_assert_str_eq(mount->options, "rw,noatime");
    ck_assert_str_eq(mount->type, "ext3");
    ck_assert_str_eq(mount->source, "/dev/root");
    ck_assert_str_eq(mount->super_options, "rw,errors=continue");
    ck_assert(!firn_mount_is_read_only(mount));
    ck_assert_str_eq(mounts->entries[1].type, "fuse.sshfs");
    ck_assert(firn_mount_is_read_only(&mounts->entries[1]));
}
END_TEST

START_TEST(test_escapes)
{
    g_autoptr(FirnMounts) mounts =
        firn_mounts_parse("1 0 8:1 / /a\\040b\\011c\\012d\\134e rw - ext4 /dev/\\043x rw\n"
                          "2 1 8:2 / /back\\slash\\0 rw - ext4  rw\n"
                          "3 1 8:3 / /\xc3\xa9\xff\\377\\000\\400 rw - ext4 none rw",
                          -1);

    ck_assert_uint_eq(mounts->count, 3);
    ck_assert_str_eq(mounts->entries[0].mountpoint, "/a b\tc\nd\\e");
    ck_assert_str_eq(mounts->entries[0].source, "/dev/#x");
    ck_assert_str_eq(mounts->entries[1].mountpoint, "/back\\slash\\0");
    ck_assert_str_eq(mounts->entries[1].source, "");
    ck_assert_str_eq(mounts->entries[1].super_options, "rw");
    ck_assert_str_eq(mounts->entries[2].mountpoint, "/\xc3\xa9\xff\xff\\000\\400");
}
END_TEST

/* A folder may be called "-": only the separator's place counts. */
START_TEST(test_names_that_look_like_fields)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_parse("1 0 8:1 / - rw shared:1 - ext4 - rw\n", -1);

    ck_assert_uint_eq(mounts->count, 1);
    ck_assert_str_eq(mounts->entries[0].mountpoint, "-");
    ck_assert_str_eq(mounts->entries[0].type, "ext4");
    ck_assert_str_eq(mounts->entries[0].source, "-");
}
END_TEST

START_TEST(test_bad_lines)
{
    static const char text[] = "\n"
                               "nonsense\n"
                               "1 0 8:1\n"
                               "1 0 81 / / rw - ext4 /dev/sda1 rw\n"
                               "1 0 8: / / rw - ext4 /dev/sda1 rw\n"
                               "-1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                               "99999999999 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                               "1 0 8:1 / / rw shared:1 ext4 /dev/sda1 rw\n"
                               "1 0 8:1 / / rw - ext4\n"
                               "1 0 8:1 / /\0 rw - ext4 x rw\n"
                               "5 0 8:1 / /good rw - ext4 /dev/sda1 rw";
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(text, sizeof text - 1);

    ck_assert_uint_eq(mounts->count, 1);
    ck_assert_str_eq(mounts->entries[0].mountpoint, "/good");
    ck_assert_uint_eq(mounts->skipped, 10);
}
END_TEST

START_TEST(test_empty)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_parse("", 0);
    g_autoptr(FirnMountIndex) index = firn_mount_index_new(mounts);

    ck_assert_uint_eq(mounts->count, 0);
    ck_assert_ptr_null(firn_mount_index_find(index, "/"));
}
END_TEST

START_TEST(test_options)
{
    g_autofree char *upper =
        firn_mount_option_value("rw,lowerdir=/l,upperdir=/u\\040p", "upperdir");

    ck_assert(firn_mount_option("rw,ro", "ro"));
    ck_assert(!firn_mount_option("rw,errors=remount-ro", "ro"));
    ck_assert(!firn_mount_option("", "ro"));
    ck_assert_str_eq(upper, "/u p");
    ck_assert_ptr_null(firn_mount_option_value("rw,upper=1", "upperdir"));
}
END_TEST

START_TEST(test_types)
{
    ck_assert(firn_mount_type_is_fuse("fuse.glusterfs"));
    ck_assert(firn_mount_type_is_fuse("fuseblk"));
    ck_assert(!firn_mount_type_is_fuse("fusectl"));
    ck_assert(firn_mount_type_is_network("nfs4"));
    ck_assert(!firn_mount_type_is_network("nfsd"));
    ck_assert(!firn_mount_type_is_network("ext4"));
}
END_TEST

static int find(const FirnMountIndex *index, const char *path)
{
    const FirnMount *mount = firn_mount_index_find(index, path);

    return mount ? mount->id : -1;
}

START_TEST(test_find)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_parse("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                                     "2 1 8:2 / /a rw - ext4 /dev/sda2 rw\n"
                                                     "3 2 8:3 / /a/b rw - ext4 /dev/sda3 rw\n"
                                                     "4 2 8:4 / /a rw - xfs /dev/sda4 rw\n"
                                                     "5 1 8:5 / /ab rw - xfs /dev/sda5 rw\n",
                                                     -1);
    g_autoptr(FirnMountIndex) index = firn_mount_index_new(mounts);

    ck_assert_int_eq(find(index, "/"), 1);
    ck_assert_int_eq(find(index, "/x/y"), 1);
    ck_assert_int_eq(find(index, "/ab/x"), 5);
    ck_assert_int_eq(find(index, "/abc"), 1);
    ck_assert_int_eq(find(index, "/a"), 4);
    /* the third mount lies below what is now mounted over /a */
    ck_assert_int_eq(find(index, "/a/b/c"), 4);
    ck_assert_int_eq(find(index, "relative"), -1);
}
END_TEST

/* No time is looked at; a quadratic walk would not end within the test's own limit. */
START_TEST(test_many)
{
    g_autoptr(GString) text = g_string_new("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
    g_autoptr(FirnMounts) mounts = NULL;
    g_autoptr(FirnMountIndex) index = NULL;

    for (int i = 0; i < 100000; i++)
        g_string_append_printf(text, "%d 1 0:%d / /m/%d rw shared:%d - overlay overlay rw\n", i + 2,
                               i + 10, i, i);
    mounts = firn_mounts_parse(text->str, (gssize)text->len);
    index = firn_mount_index_new(mounts);
    ck_assert_uint_eq(mounts->count, 100001);
    for (int i = 0; i < 100000; i++) {
        g_autofree char *path = g_strdup_printf("/m/%d/file", i);

        ck_assert_int_eq(find(index, path), i + 2);
    }
}
END_TEST

START_TEST(test_read)
{
    g_autoptr(FirnRoots) host = firn_roots_new(NULL);
    g_autoptr(FirnRoots) nowhere = firn_roots_new("/nonexistent");
    g_autoptr(GError) error = NULL;
    g_autoptr(FirnMounts) mounts = firn_mounts_read(host, &error);

    ck_assert_ptr_nonnull(mounts);
    ck_assert_uint_gt(mounts->count, 0);
    ck_assert_uint_eq(mounts->skipped, 0);
    ck_assert_ptr_null(firn_mounts_read(nowhere, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "/nonexistent/proc/self/mountinfo"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mountinfo");
    TCase *tests = tcase_create("mountinfo");

    tcase_add_test(tests, test_fields);
    tcase_add_test(tests, test_escapes);
    tcase_add_test(tests, test_names_that_look_like_fields);
    tcase_add_test(tests, test_bad_lines);
    tcase_add_test(tests, test_empty);
    tcase_add_test(tests, test_options);
    tcase_add_test(tests, test_types);
    tcase_add_test(tests, test_find);
    tcase_add_test(tests, test_many);
    tcase_add_test(tests, test_read);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
