/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Another machine's /proc, /sys and /dev, below a folder of its own. */
static char *tree;
static FirnConfig *config;

static void put(const char *path, const char *text)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
}

static void put_link(const char *path, const char *target)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
    ck_assert_int_eq(symlink(target, file), 0);
}

/* A machine on which all is well; in memory, as its /run must be. */
static void set_up(void)
{
    tree = g_mkdtemp(g_strdup("/dev/shm/firn-doctor-XXXXXX"));
    ck_assert_msg(tree != NULL, "this test needs a tmpfs at /dev/shm");
    put("/proc/self/mountinfo", "22 28 0:20 / /sys rw - sysfs sysfs rw\n"
                                "26 28 0:23 / /run rw - tmpfs tmpfs rw\n"
                                "28 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                                "95 28 254:2 / /home rw - xfs /dev/vda2 rw\n"
                                "96 28 254:2 /bob /srv/b\\012ob rw - xfs /dev/vda2 rw\n"
                                "97 28 0:40 / /net rw - nfs4 filer:/x rw\n"
                                "98 28 254:3 / /scratch ro - ext4 /dev/vda3 ro\n");
    put("/proc/self/status", "Name:\tfirn\nCapEff:\t000001ffffffffff\n");
    put("/sys/kernel/rcu_expedited", "0\n");
    put("/sys/kernel/rcu_normal", "0\n");
    put_link("/dev/virtio-ports/org.qemu.guest_agent.0", "/dev/null");
    config = firn_config_new();
    ck_assert(firn_config_settle(config, FALSE, NULL));
}

static void tear_down(void)
{
    const char *argv[] = {"rm", "-rf", tree, NULL};

    g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                 NULL, NULL);
    g_clear_pointer(&tree, g_free);
    firn_config_free(config);
}

static void set_list(char ***list, const char *value)
{
    g_strfreev(*list);
    *list = g_strsplit(value, ",", -1);
}

/* What it says, and how bad it is. */
static char *examine(FirnFindingLevel expected)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(FirnDoctor) doctor = firn_doctor_examine(config, NULL, roots);
    char *text = firn_doctor_text(doctor, FALSE);

    if (firn_doctor_verdict(doctor) != expected)
        ck_abort_msg("verdict %d, expected %d:\n%s", firn_doctor_verdict(doctor), expected, text);
    return text;
}

static void assert_says(FirnFindingLevel level, const char *what)
{
    g_autofree char *text = examine(level);

    if (!strstr(text, what))
        ck_abort_msg("'%s' is not in:\n%s", what, text);
}

START_TEST(test_all_is_well)
{
    g_autofree char *text = examine(FIRN_FINDING_OK);
    const char *list = strstr(text, "\nWould be frozen");

    ck_assert_ptr_nonnull(list);
    ck_assert_str_eq(list, "\nWould be frozen, in this order (and thawed in the opposite one):\n"
                           "   1  /scratch  ext4  /dev/vda3 (read-only)\n"
                           "   2  /home     xfs   /dev/vda2 (2 mounts)\n"
                           "   3  /         ext4  /dev/vda1\n"
                           "\nLeft out:\n"
                           "      /net  nfs4  network filesystem\n"
                           "      no block device: sysfs tmpfs\n");
}
END_TEST

START_TEST(test_port)
{
    g_autofree char *link = g_strconcat(tree, "/dev/virtio-ports/org.qemu.guest_agent.0", NULL);

    g_unlink(link);
    assert_says(FIRN_FINDING_FAILURE, "give the VM a virtio-serial channel");
    put("/sys/class/virtio-ports/vport1p1/name", "org.qemu.guest_agent.0\n");
    assert_says(FIRN_FINDING_FAILURE, "let udev run");
    config->retry_path = TRUE;
    assert_says(FIRN_FINDING_WARNING, "is not there");
    put("/dev/virtio-ports/org.qemu.guest_agent.0", "");
    assert_says(FIRN_FINDING_FAILURE, "is no character device");
}
END_TEST

static void put_device(mode_t mode, uid_t owner, gid_t group)
{
    g_autofree char *path = g_strconcat(tree, "/dev/ttyS0", NULL);

    g_unlink(path);
    ck_assert_int_eq(mknod(path, S_IFCHR | 0600, makedev(1, 3)), 0);
    ck_assert_int_eq(chown(path, owner, group), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(test_serial_line)
{
    if (getuid() != 0)
        TEST_SKIP("only root makes devices");
    config->method = FIRN_METHOD_ISA_SERIAL;
    g_free(config->path);
    config->path = g_strdup("/dev/ttyS0");
    put_device(0660, 0, 20);
    assert_says(FIRN_FINDING_FAILURE, "/dev/ttyS0 may be opened by others than root (mode 0660)");
    assert_says(FIRN_FINDING_FAILURE, "KERNEL==\"ttyS0\"");
    put_device(0600, 1000, 0);
    assert_says(FIRN_FINDING_FAILURE, "may be opened by others");
    put_device(0660, 0, 0);
    assert_says(FIRN_FINDING_OK, "method isa-serial");
    put_device(0600, 0, 20);
    assert_says(FIRN_FINDING_OK, "method isa-serial");
}
END_TEST

START_TEST(test_service_bound_to_another_device)
{
    put("/run/systemd/generator/firn.service.d/channel.conf",
        "[Unit]\nBindsTo=dev-virtio\\x2dports-org.qemu.guest_agent.0.device\nAfter=x\n");
    assert_says(FIRN_FINDING_OK, "method virtio-serial");
    config->retry_path = TRUE;
    assert_says(FIRN_FINDING_WARNING, "bound to another device");
    config->retry_path = FALSE;
    put("/run/systemd/generator/firn.service.d/channel.conf", "[Unit]\nBindsTo=dev-ttyS1.device\n");
    assert_says(FIRN_FINDING_WARNING, "systemctl daemon-reload");
}
END_TEST

START_TEST(test_sockets)
{
    config->method = FIRN_METHOD_VSOCK_LISTEN;
    assert_says(FIRN_FINDING_FAILURE, "/dev/vsock is not there");
    config->method = FIRN_METHOD_UNIX_LISTEN;
    g_free(config->path);
    config->path = g_strdup("/nonexistent/firn.sock");
    assert_says(FIRN_FINDING_FAILURE, "no socket can be made");
    g_free(config->path);
    config->path = g_strdup("/tmp/firn.sock");
    assert_says(FIRN_FINDING_OK, "method unix-listen");
    g_clear_pointer(&config->path, g_free);
    assert_says(FIRN_FINDING_FAILURE, "no path");
}
END_TEST

START_TEST(test_rights)
{
    put("/sys/fs/selinux/enforce", "1");
    assert_says(FIRN_FINDING_OK, "SELinux is enforcing");
    put("/proc/self/status", "Name:\tfirn\nCapEff:\t0000000000000400\n");
    assert_says(FIRN_FINDING_FAILURE, "no CAP_SYS_ADMIN");
}
END_TEST

START_TEST(test_configuration)
{
    config->freeze_enabled = FALSE;
    config->freeze_timeout = 0;
    assert_says(FIRN_FINDING_WARNING, "freezing is switched off");
    assert_says(FIRN_FINDING_WARNING, "freeze-timeout is 0");
}
END_TEST

static void set_state_dir(const char *path)
{
    g_free(config->state_dir);
    config->state_dir = g_strdup(path);
}

START_TEST(test_state_directory)
{
    g_autofree char *folder = g_strconcat(tree, "/run/state", NULL);

    set_state_dir("/run/state");
    assert_says(FIRN_FINDING_OK, "state directory /run/state");
    ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
    assert_says(FIRN_FINDING_OK, "state directory /run/state");
    ck_assert_int_eq(chmod(folder, 0777), 0);
    assert_says(FIRN_FINDING_FAILURE, "/run/state may be written to by others");
    ck_assert_int_eq(rmdir(folder), 0);
    put("/run/state", "");
    assert_says(FIRN_FINDING_FAILURE, "/run/state cannot be used: Not a directory");
    set_state_dir("/../../../proc");
    assert_says(FIRN_FINDING_FAILURE, "does not lie on a tmpfs or ramfs");
}
END_TEST

START_TEST(test_sources)
{
    g_ptr_array_add(config->sources, g_strdup("/etc/qemu/qemu-ga.conf (block-rpcs)"));
    assert_says(FIRN_FINDING_OK, "from /etc/qemu/qemu-ga.conf (block-rpcs)");
    g_ptr_array_add(config->warnings, g_strdup("/etc/sysconfig/qemu-ga: unknown variable X"));
    assert_says(FIRN_FINDING_FAILURE, "unknown variable X");
}
END_TEST

START_TEST(test_broken_configuration)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GError) error =
        g_error_new(FIRN_CONFIG_ERROR, 0, "/etc/firn/firn.conf: unknown key 'x'");
    g_autoptr(FirnDoctor) doctor = firn_doctor_examine(config, error, roots);
    g_autofree char *text = firn_doctor_text(doctor, TRUE);

    ck_assert_int_eq(firn_doctor_verdict(doctor), FIRN_FINDING_FAILURE);
    ck_assert_ptr_nonnull(strstr(text, "✗ /etc/firn/firn.conf: unknown key 'x'"));
}
END_TEST

static void put_script(const char *name, mode_t mode)
{
    g_autofree char *path = g_strconcat(tree, name, NULL);

    put(name, "#!/bin/sh\n");
    ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(test_hooks)
{
    g_free(config->fsfreeze_hook);
    config->fsfreeze_hook = g_strconcat(tree, "/hooks", NULL);
    assert_says(FIRN_FINDING_FAILURE, "No such file");
    put_script("/hooks/10-good", 0755);
    if (getuid() != 0)
        TEST_SKIP("a hook must be root's, and this is not root");
    assert_says(FIRN_FINDING_OK, "/hooks/10-good");
    put_script("/hooks/20-data", 0644);
    assert_says(FIRN_FINDING_WARNING, "20-data is no executable: it is passed over");
    put_script("/hooks/30-saved~", 0644);
    put_script("/hooks/40-open", 0777);
    assert_says(FIRN_FINDING_FAILURE, "/hooks/40-open' is not safe");
}
END_TEST

START_TEST(test_tracing)
{
    config->trace_marker = TRUE;
    assert_says(FIRN_FINDING_WARNING, "tracefs is not mounted");
    put("/sys/kernel/tracing/trace_marker", "");
    assert_says(FIRN_FINDING_OK, "tracefs is mounted");
}
END_TEST

START_TEST(test_kernel)
{
    assert_says(FIRN_FINDING_OK, "grace periods are expedited");
    put("/sys/devices/system/cpu/nohz_full", "2-3\n");
    assert_says(FIRN_FINDING_OK, "nohz_full");
    put("/sys/kernel/rcu_normal", "1\n");
    assert_says(FIRN_FINDING_OK, "rcu_normal");
}
END_TEST

START_TEST(test_plan)
{
    set_list(&config->freeze_exclude, "/home");
    assert_says(FIRN_FINDING_OK, "/home  xfs   left out by freeze-exclude (/home)");
    set_list(&config->freeze_exclude, "/hom");
    assert_says(FIRN_FINDING_WARNING, "'/hom', which leaves out nothing");
    set_list(&config->freeze_exclude, "ext4,xfs");
    assert_says(FIRN_FINDING_WARNING, "nothing would be frozen");
    put("/proc/self/mountinfo", "28 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                                "29 28 254:2 / /a rw - ext4 /dev/vda2 rw\n"
                                "30 28 254:3 / /run rw - tmpfs tmpfs rw\n"
                                "31 29 254:4 / /a rw - ext4 /dev/vda4 rw\n");
    set_list(&config->freeze_exclude, "tmpfs");
    assert_says(FIRN_FINDING_WARNING, "/a (/dev/vda2) cannot be reached");
    assert_says(FIRN_FINDING_WARNING, "2 filesystems would be frozen");
    assert_says(FIRN_FINDING_WARNING, "      /a    ext4   cannot be reached\n");
}
END_TEST

START_TEST(test_what_cannot_be_frozen)
{
    put("/proc/self/mountinfo", "28 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                                "29 28 254:2 / /boot/efi rw - vfat /dev/vda2 rw\n"
                                "31 28 7:0 / /snap/core ro - squashfs /dev/loop0 ro\n");
    assert_says(FIRN_FINDING_OK, "1 filesystem would be frozen");
    assert_says(FIRN_FINDING_OK, "      /boot/efi   vfat      cannot be frozen\n");
    assert_says(FIRN_FINDING_OK, "      /snap/core  squashfs  cannot be frozen\n");
}
END_TEST

START_TEST(test_elsewhere)
{
    put("/proc/812/comm", "nginx\n");
    put("/proc/812/mountinfo", "50 0 254:9 / /db rw - ext4 /dev/vdz rw\n");
    put_link("/proc/812/ns/mnt", "mnt:[2]");
    assert_says(FIRN_FINDING_WARNING, "1 filesystem that only other mount namespaces have mounted");
    assert_says(FIRN_FINDING_WARNING,
                "      /db   ext4  mounted in another namespace (pid 812 (nginx))\n");
}
END_TEST

START_TEST(test_json)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(FirnDoctor) doctor = NULL;
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *text = NULL;
    JsonObject *object;
    JsonArray *freeze;

    set_list(&config->freeze_exclude, "ext*");
    doctor = firn_doctor_examine(config, NULL, roots);
    text = firn_doctor_json(doctor);
    ck_assert(json_parser_load_from_data(parser, text, -1, NULL));
    object = json_node_get_object(json_parser_get_root(parser));
    ck_assert_str_eq(json_object_get_string_member(object, "status"), "ok");
    ck_assert_uint_gt(json_array_get_length(json_object_get_array_member(object, "checks")), 0);
    freeze = json_object_get_array_member(object, "freeze");
    ck_assert_uint_eq(json_array_get_length(freeze), 1);
    object = json_array_get_object_element(freeze, 0);
    ck_assert_str_eq(json_object_get_string_member(object, "mountpoint"), "/home");
    freeze = json_object_get_array_member(object, "mountpoints");
    ck_assert_str_eq(json_array_get_string_element(freeze, 1), "/srv/b\nob");
    ck_assert_ptr_nonnull(strstr(text, "\"pattern\":\"ext*\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doctor");
    TCase *tests = tcase_create("doctor");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_all_is_well);
    tcase_add_test(tests, test_port);
    tcase_add_test(tests, test_serial_line);
    tcase_add_test(tests, test_service_bound_to_another_device);
    tcase_add_test(tests, test_sockets);
    tcase_add_test(tests, test_rights);
    tcase_add_test(tests, test_configuration);
    tcase_add_test(tests, test_state_directory);
    tcase_add_test(tests, test_sources);
    tcase_add_test(tests, test_broken_configuration);
    tcase_add_test(tests, test_hooks);
    tcase_add_test(tests, test_tracing);
    tcase_add_test(tests, test_kernel);
    tcase_add_test(tests, test_plan);
    tcase_add_test(tests, test_what_cannot_be_frozen);
    tcase_add_test(tests, test_elsewhere);
    tcase_add_test(tests, test_json);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
