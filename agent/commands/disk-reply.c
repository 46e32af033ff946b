/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/disk-reply.h"

void firn_reply_disk_address(QgaWriter *writer, const FirnDiskAddress *address)
{
    qga_writer_begin_object(writer);
    qga_writer_name(writer, "pci-controller");
    qga_writer_begin_object(writer);
    qga_writer_member_int(writer, "domain", address->pci.domain);
    qga_writer_member_int(writer, "bus", address->pci.bus);
    qga_writer_member_int(writer, "slot", address->pci.slot);
    qga_writer_member_int(writer, "function", address->pci.function);
    qga_writer_end_object(writer);
    qga_writer_member_string(writer, "bus-type", firn_bus_name(address->bus_type));
    qga_writer_member_int(writer, "bus", address->bus);
    qga_writer_member_int(writer, "target", address->target);
    qga_writer_member_int(writer, "unit", address->unit);
    qga_writer_member_string(writer, "serial", address->serial);
    qga_writer_member_string(writer, "dev", address->node);
    if (address->has_ccw) {
        qga_writer_name(writer, "ccw-address");
        qga_writer_begin_object(writer);
        qga_writer_member_int(writer, "cssid", address->ccw.cssid);
        qga_writer_member_int(writer, "ssid", address->ccw.ssid);
        qga_writer_member_int(writer, "subchno", address->ccw.subchno);
        qga_writer_member_int(writer, "devno", address->ccw.devno);
        qga_writer_end_object(writer);
    }
    qga_writer_end_object(writer);
}

void firn_reply_nvme_smart(QgaWriter *writer, const FirnNvmeSmart *smart)
{
    static const char *const members[FIRN_NVME_COUNTERS][2] = {
        {"data-units-read-lo", "data-units-read-hi"},
        {"data-units-written-lo", "data-units-written-hi"},
        {"host-read-commands-lo", "host-read-commands-hi"},
        {"host-write-commands-lo", "host-write-commands-hi"},
        {"controller-busy-time-lo", "controller-busy-time-hi"},
        {"power-cycles-lo", "power-cycles-hi"},
        {"power-on-hours-lo", "power-on-hours-hi"},
        {"unsafe-shutdowns-lo", "unsafe-shutdowns-hi"},
        {"media-errors-lo", "media-errors-hi"},
        {"number-of-error-log-entries-lo", "number-of-error-log-entries-hi"},
    };

    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "type", "nvme");
    qga_writer_member_uint(writer, "critical-warning", smart->critical_warning);
    qga_writer_member_uint(writer, "temperature", smart->temperature);
    qga_writer_member_uint(writer, "available-spare", smart->available_spare);
    qga_writer_member_uint(writer, "available-spare-threshold", smart->available_spare_threshold);
    qga_writer_member_uint(writer, "percentage-used", smart->percentage_used);
    for (guint i = 0; i < FIRN_NVME_COUNTERS; i++) {
        qga_writer_member_uint(writer, members[i][0], smart->counters[i].low);
        qga_writer_member_uint(writer, members[i][1], smart->counters[i].high);
    }
    qga_writer_end_object(writer);
}
