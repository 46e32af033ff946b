/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/lib/command-line.h"

#include <check.h>
#include <string.h>

char *test_guest_image(const char *name)
{
    const char *folder = g_getenv("FIRN_VM");

    ck_assert_msg(folder != NULL, "FIRN_VM does not say where the images are: use tests/vm/run");
    return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
}

static void add(GPtrArray *argv, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add(GPtrArray *argv, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(argv, g_strdup_vprintf(format, args));
    va_end(args);
}

static void add_words(GPtrArray *argv, const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);

    for (char **word = list; *word; word++)
        add(argv, "%s", *word);
}

static const char *kernel_of(const TestGuestOptions *options)
{
    return options->kernel ? options->kernel : "cloud";
}

static void add_port(GPtrArray *argv, const char *folder, const char *socket, const char *name)
{
    add_words(argv, "-chardev");
    add(argv, "socket,id=%s,path=%s/%s,server=on,wait=off", socket, folder, socket);
    add_words(argv, "-device");
    add(argv, "virtserialport,bus=serial.0,chardev=%s,id=port-%s,name=%s", socket, socket, name);
}

static void add_disk(GPtrArray *argv, const char *disk, guint index)
{
    g_autofree char *image = test_guest_image(disk);

    add_words(argv, "-drive");
    add(argv, "if=none,id=disk%u,file=%s,format=%s,snapshot=%s,discard=unmap", index, image,
        g_str_has_suffix(disk, ".qcow2") ? "qcow2" : "raw",
        g_path_is_absolute(disk) ? "off" : "on");
    add_words(argv, "-device");
    add(argv, "virtio-blk-pci,id=blk%u,drive=disk%u,serial=firndisk%u", index, index, index);
}

static void add_disks(GPtrArray *argv, const TestGuestOptions *options)
{
    guint index = 0;

    if (options->systemd)
        add_disk(argv, options->peer ? "systemd-peer.img" : "systemd.img", index++);
    for (const char *const *disk = options->disks; disk && *disk; disk++)
        add_disk(argv, *disk, index++);
}

static void append_mounts(GString *line, const TestGuestOptions *options)
{
    static const char *const types[] = {"ext4", "xfs", "btrfs"};
    const char *separator = " firn.mounts=";
    char letter = 'a';

    for (const char *const *disk = options->disks; disk && *disk; disk++, letter++) {
        for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
            g_autofree char *name = g_strconcat(types[i], ".img", NULL);

            if (strcmp(*disk, name) != 0)
                continue;
            g_string_append_printf(line, "%svd%c:%s:/mnt/%s", separator, letter, types[i],
                                   types[i]);
            separator = ",";
        }
    }
}

static void add_kernel(GPtrArray *argv, const TestGuestOptions *options)
{
    const char *kernel = kernel_of(options);
    g_autofree char *image = g_strconcat(options->bzimage ? "vmlinuz-" : "vmlinux-", kernel, NULL);
    g_autofree char *tiny = g_strdup_printf("tiny-%s%s.cpio", kernel, options->peer ? "-peer" : "");
    g_autofree char *kernel_path = test_guest_image(image);
    g_autofree char *initrd = test_guest_image(options->systemd ? "systemd.cpio" : tiny);
    g_autoptr(GString) line = g_string_new(
        "console=ttyS0 panic=-1 quiet tsc=reliable mitigations=off nokaslr no_timer_check "
        "raid=noautodetect random.trust_cpu=on cryptomgr.notests");

    if (options->systemd)
        g_string_append(line, " systemd.show_status=false");
    else
        append_mounts(line, options);
    if (!options->systemd)
        g_string_append_printf(line, " firn.agent=%s",
                               options->agent  ? options->agent
                               : options->peer ? "-m,virtio-serial"
                                               : "--method=virtio-serial");
    if (options->append)
        g_string_append_printf(line, " %s", options->append);
    add_words(argv, "-kernel");
    add(argv, "%s", kernel_path);
    add_words(argv, "-initrd");
    add(argv, "%s", initrd);
    add_words(argv, "-append");
    add(argv, "%s", line->str);
}

GPtrArray *test_guest_command_line(const TestGuestOptions *options, const char *folder)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    guint cpus = options->cpus ? options->cpus : options->systemd ? 2 : 1;
    guint memory = options->memory ? options->memory : options->systemd ? 1024 : 512;

    add_words(argv, "qemu-system-x86_64 -M q35 -accel tcg -cpu max -nodefaults -no-user-config "
                    "-display none -smp");
    add(argv, "%u", cpus);
    add_words(argv, "-m");
    add(argv, "%u", memory);
    if (!options->may_reboot)
        add_words(argv, "-no-reboot");
    add_kernel(argv, options);
    add_words(argv, "-serial");
    add(argv, "file:%s/console", folder);
    add_words(argv, "-qmp");
    add(argv, "unix:%s/qmp,server=on,wait=off", folder);
    add_words(argv, "-device virtio-serial-pci,id=serial");
    if (!options->no_agent_port)
        add_port(argv, folder, "agent", "org.qemu.guest_agent.0");
    add_port(argv, folder, "shell", "firn.shell");
    add_disks(argv, options);
    for (const char *const *word = options->extra; word && *word; word++) {
        g_auto(GStrv) parts = g_strsplit(*word, "@", -1);

        g_ptr_array_add(argv, g_strjoinv(folder, parts));
    }
    g_ptr_array_add(argv, NULL);
    return argv;
}
