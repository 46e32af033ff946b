/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/disk-address.h"

#include "platform/disk-serial.h"

#include <stdio.h>
#include <string.h>

const char *firn_bus_name(FirnBus bus)
{
    static const char *const names[] = {
        "ide",
        "fdc",
        "scsi",
        "virtio",
        "xen",
        "usb",
        "uml",
        "sata",
        "sd",
        "unknown",
        "ieee1394",
        "ssa",
        "fibre",
        "raid",
        "iscsi",
        "sas",
        "mmc",
        "virtual",
        "file-backed-virtual",
        "nvme",
    };

    return names[bus];
}

/* What the components of the folder's path tell of the way to the disk. */
typedef struct {
    char *controller; /* folder of the PCI device, below /sys; NULL: none */
    char *port;       /* "ata3" or "host2", the first of them below the controller; NULL: none */
    gboolean is_ata, is_usb, is_fibre, is_iscsi, is_sas, is_virtio, is_xen, is_mmc, is_nvme;
    gboolean is_scsi;
    guint channel, target;
    guint64 lun;
} Way;

static void way_clear(Way *way)
{
    g_free(way->controller);
    g_free(way->port);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Way, way_clear)

/* TRUE for `prefix` with a number after it. */
static gboolean is_numbered(const char *text, const char *prefix)
{
    return g_str_has_prefix(text, prefix) && g_ascii_isdigit(text[strlen(prefix)]);
}

/* "0000:00:1f.2"; domains of more than four digits exist behind Intel's VMD. */
static gboolean parse_pci(const char *text, FirnPciAddress *pci)
{
    guint domain, bus, slot, function;
    int end = 0;

    if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) != 4 || text[end])
        return FALSE;
    *pci = (FirnPciAddress){domain, bus, slot, function};
    return TRUE;
}

/* "2:0:3:257" is host, channel, target and LUN. */
static gboolean parse_scsi(const char *text, Way *way)
{
    guint host, channel, target;
    guint64 lun;
    int end = 0;

    if (sscanf(text, "%9u:%9u:%9u:%18" G_GUINT64_FORMAT "%n", &host, &channel, &target, &lun,
               &end) != 4 ||
        text[end])
        return FALSE;
    way->channel = channel;
    way->target = target;
    way->lun = lun;
    return TRUE;
}

/* "css0/0.0.0003/0.0.1a2b": the subchannel, then the device on it. */
static gboolean parse_ccw(const char *subchannel, const char *device, FirnCcwAddress *ccw)
{
    guint cssid, ssid, number, device_number;

    if (!subchannel || !device || sscanf(subchannel, "%2x.%2x.%4x", &cssid, &ssid, &number) != 3 ||
        sscanf(device, "%2x.%2x.%4x", &cssid, &ssid, &device_number) != 3)
        return FALSE;
    *ccw = (FirnCcwAddress){cssid, ssid, number, device_number};
    return TRUE;
}

static void note_component(Way *way, const char *part)
{
    if (is_numbered(part, "ata"))
        way->is_ata = TRUE;
    if (!way->port && (is_numbered(part, "ata") || is_numbered(part, "host")))
        way->port = g_strdup(part);
    way->is_usb |= is_numbered(part, "usb");
    way->is_fibre |= g_str_has_prefix(part, "rport-");
    way->is_iscsi |= is_numbered(part, "session");
    way->is_sas |= g_str_has_prefix(part, "end_device-");
    way->is_virtio |= is_numbered(part, "virtio");
    way->is_xen |= g_str_has_prefix(part, "vbd-");
    way->is_mmc |= g_str_equal(part, "mmc_host");
    way->is_nvme |= g_str_equal(part, "nvme") || g_str_equal(part, "nvme-subsystem");
    way->is_scsi |= parse_scsi(part, way);
}

static void walk(const char *path, Way *way, FirnDiskAddress *address)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    g_autoptr(GString) folder = g_string_new(NULL);

    for (char **part = parts; *part; part++) {
        g_string_append_printf(folder, "%s%s", folder->len > 0 ? "/" : "", *part);
        if (parse_pci(*part, &address->pci)) {
            /* the last one is the controller; those before it are bridges */
            way_clear(way);
            *way = (Way){.controller = g_strdup(folder->str)};
        } else if (is_numbered(*part, "css") && !address->has_ccw) {
            address->has_ccw = parse_ccw(part[1], part[1] ? part[2] : NULL, &address->ccw);
        } else {
            note_component(way, *part);
        }
    }
}

/* With the kernel's own multipath a namespace hangs below a subsystem, which has links to its
 * controllers. */
static void walk_nvme_controller(const FirnRoots *roots, const char *path, Way *way,
                                 FirnDiskAddress *address)
{
    g_autofree char *subsystem = g_path_get_dirname(path);
    g_autofree char *folder = firn_roots_pathf(roots, "/sys/%s", subsystem);
    g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
    const char *name;

    while (entries && !way->controller && (name = g_dir_read_name(entries))) {
        g_autofree char *link = g_build_filename(folder, name, NULL);
        g_autofree char *target = is_numbered(name, "nvme") ? g_file_read_link(link, NULL) : NULL;

        if (target)
            walk(target, way, address);
    }
}

static char *read_driver(const FirnRoots *roots, const Way *way)
{
    g_autofree char *link = NULL;
    g_autofree char *target = NULL;

    if (!way->controller)
        return NULL;
    link = firn_roots_pathf(roots, "/sys/%s/driver", way->controller);
    target = g_file_read_link(link, NULL);
    return target ? g_path_get_basename(target) : NULL;
}

/* Ports are numbered over the whole machine; a host counts those of one controller from 0. */
static gint64 count_ports_before(const FirnRoots *roots, const Way *way)
{
    g_autofree char *folder = NULL;
    g_autofree char *kind = NULL;
    g_autoptr(GDir) entries = NULL;
    guint64 number;
    gint64 before = 0;
    const char *name;

    if (!way->port || !way->controller)
        return 0;
    kind = g_strndup(way->port, strcspn(way->port, "0123456789"));
    number = g_ascii_strtoull(way->port + strlen(kind), NULL, 10);
    folder = firn_roots_pathf(roots, "/sys/%s", way->controller);
    entries = g_dir_open(folder, 0, NULL);
    while (entries && (name = g_dir_read_name(entries)))
        if (is_numbered(name, kind) && g_ascii_strtoull(name + strlen(kind), NULL, 10) < number)
            before++;
    return before;
}

static FirnBus choose_bus(const Way *way, const char *driver)
{
    if (g_strcmp0(driver, "ata_piix") == 0)
        return FIRN_BUS_IDE;
    if (g_strcmp0(driver, "ahci") == 0)
        return FIRN_BUS_SATA;
    if (way->is_ata && driver)
        return g_str_has_prefix(driver, "sata_") ? FIRN_BUS_SATA : FIRN_BUS_IDE;
    if (way->is_nvme)
        return FIRN_BUS_NVME;
    if (way->is_usb)
        return FIRN_BUS_USB;
    if (way->is_fibre)
        return FIRN_BUS_FIBRE;
    if (way->is_iscsi)
        return FIRN_BUS_ISCSI;
    if (way->is_sas)
        return FIRN_BUS_SAS;
    if (way->is_mmc)
        return FIRN_BUS_MMC;
    if (way->is_xen)
        return FIRN_BUS_XEN;
    if (way->is_scsi)
        return FIRN_BUS_SCSI;
    return way->is_virtio ? FIRN_BUS_VIRTIO : FIRN_BUS_UNKNOWN;
}

static void place(const FirnRoots *roots, const Way *way, FirnDiskAddress *address)
{
    g_autofree char *driver = read_driver(roots, way);

    address->bus_type = choose_bus(way, driver);
    if (address->bus_type == FIRN_BUS_IDE) {
        address->bus = count_ports_before(roots, way);
        address->unit = way->target;
    } else if (address->bus_type == FIRN_BUS_SATA) {
        address->unit = count_ports_before(roots, way);
    } else if (g_strcmp0(driver, "sym53c8xx") == 0) {
        address->unit = way->target;
    } else if (way->is_scsi) {
        address->bus = way->channel;
        address->target = way->target;
        address->unit = (gint64)way->lun;
    }
}

FirnDiskAddress *firn_disk_address_read(const FirnRoots *roots, const FirnBlockDevice *device)
{
    FirnDiskAddress *address = g_new0(FirnDiskAddress, 1);
    g_autoptr(FirnBlockFacts) facts = firn_block_device_facts(roots, device);
    g_auto(Way) way = {0};

    address->pci = (FirnPciAddress){-1, -1, -1, -1};
    address->serial = firn_disk_serial_read(roots, device, facts);
    address->node = g_steal_pointer(&facts->node);
    walk(device->path, &way, address);
    if (way.is_nvme && !way.controller)
        walk_nvme_controller(roots, device->path, &way, address);
    place(roots, &way, address);
    return address;
}

void firn_disk_address_free(FirnDiskAddress *address)
{
    if (!address)
        return;
    g_free(address->serial);
    g_free(address->node);
    g_free(address);
}
