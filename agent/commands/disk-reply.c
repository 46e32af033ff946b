/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/disk-reply.h"

static const QgaMember pci_members[] = {{"domain", QGA_TYPE_INT},
                                        {"bus", QGA_TYPE_INT},
                                        {"slot", QGA_TYPE_INT},
                                        {"function", QGA_TYPE_INT},
                                        {0}};
static const QgaMember ccw_members[] = {{"cssid", QGA_TYPE_INT},
                                        {"ssid", QGA_TYPE_INT},
                                        {"subchno", QGA_TYPE_INT},
                                        {"devno", QGA_TYPE_INT},
                                        {0}};

const QgaMember firn_disk_address_members[] = {
    {"pci-controller", QGA_TYPE_STRUCT, .members = pci_members},
    {"bus-type", QGA_TYPE_STRING},
    {"bus", QGA_TYPE_INT},
    {"target", QGA_TYPE_INT},
    {"unit", QGA_TYPE_INT},
    {"serial", QGA_TYPE_STRING, TRUE},
    {"dev", QGA_TYPE_STRING, TRUE},
    {"ccw-address", QGA_TYPE_STRUCT, TRUE, .members = ccw_members},
    {0}};

static const char *const smart_types[] = {"nvme", NULL};

const QgaMember firn_nvme_smart_members[] = {{"type", QGA_TYPE_ENUM, .values = smart_types},
                                             {"critical-warning", QGA_TYPE_INT},
                                             {"temperature", QGA_TYPE_INT},
                                             {"available-spare", QGA_TYPE_INT},
                                             {"available-spare-threshold", QGA_TYPE_INT},
                                             {"percentage-used", QGA_TYPE_INT},
                                             {"data-units-read-lo", QGA_TYPE_UINT64},
                                             {"data-units-read-hi", QGA_TYPE_UINT64},
                                             {"data-units-written-lo", QGA_TYPE_UINT64},
                                             {"data-units-written-hi", QGA_TYPE_UINT64},
                                             {"host-read-commands-lo", QGA_TYPE_UINT64},
                                             {"host-read-commands-hi", QGA_TYPE_UINT64},
                                             {"host-write-commands-lo", QGA_TYPE_UINT64},
                                             {"host-write-commands-hi", QGA_TYPE_UINT64},
                                             {"controller-busy-time-lo", QGA_TYPE_UINT64},
                                             {"controller-busy-time-hi", QGA_TYPE_UINT64},
                                             {"power-cycles-lo", QGA_TYPE_UINT64},
                                             {"power-cycles-hi", QGA_TYPE_UINT64},
                                             {"power-on-hours-lo", QGA_TYPE_UINT64},
                                             {"power-on-hours-hi", QGA_TYPE_UINT64},
                                             {"unsafe-shutdowns-lo", QGA_TYPE_UINT64},
                                             {"unsafe-shutdowns-hi", QGA_TYPE_UINT64},
                                             {"media-errors-lo", QGA_TYPE_UINT64},
                                             {"media-errors-hi", QGA_TYPE_UINT64},
                                             {"number-of-error-log-entries-lo", QGA_TYPE_UINT64},
                                             {"number-of-error-log-entries-hi", QGA_TYPE_UINT64},
                                             {0}};
/* Where the counters begin, the low and the high half of each. */
#define SMART_COUNTERS 6
G_STATIC_ASSERT(G_N_ELEMENTS(firn_nvme_smart_members) ==
                SMART_COUNTERS + 2 * FIRN_NVME_COUNTERS + 1);

static JsonObject *pci_object(const FirnDiskAddress *address)
{
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "domain", address->pci.domain);
    json_object_set_int_member(object, "bus", address->pci.bus);
    json_object_set_int_member(object, "slot", address->pci.slot);
    json_object_set_int_member(object, "function", address->pci.function);
    return object;
}

static JsonObject *ccw_object(const FirnDiskAddress *address)
{
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "cssid", address->ccw.cssid);
    json_object_set_int_member(object, "ssid", address->ccw.ssid);
    json_object_set_int_member(object, "subchno", address->ccw.subchno);
    json_object_set_int_member(object, "devno", address->ccw.devno);
    return object;
}

JsonObject *firn_reply_disk_address(const FirnDiskAddress *address)
{
    JsonObject *object = json_object_new();

    json_object_set_object_member(object, "pci-controller", pci_object(address));
    json_object_set_string_member(object, "bus-type", firn_bus_name(address->bus_type));
    json_object_set_int_member(object, "bus", address->bus);
    json_object_set_int_member(object, "target", address->target);
    json_object_set_int_member(object, "unit", address->unit);
    qga_json_set_string(object, "serial", address->serial);
    qga_json_set_string(object, "dev", address->node);
    if (address->has_ccw)
        json_object_set_object_member(object, "ccw-address", ccw_object(address));
    return object;
}

JsonObject *firn_reply_nvme_smart(const FirnNvmeSmart *smart)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "type", "nvme");
    json_object_set_int_member(object, "critical-warning", smart->critical_warning);
    json_object_set_int_member(object, "temperature", smart->temperature);
    json_object_set_int_member(object, "available-spare", smart->available_spare);
    json_object_set_int_member(object, "available-spare-threshold",
                               smart->available_spare_threshold);
    json_object_set_int_member(object, "percentage-used", smart->percentage_used);
    for (guint i = 0; i < FIRN_NVME_COUNTERS; i++) {
        const QgaMember *half = &firn_nvme_smart_members[SMART_COUNTERS + 2 * i];

        qga_json_set_uint(object, half[0].name, smart->counters[i].low);
        qga_json_set_uint(object, half[1].name, smart->counters[i].high);
    }
    return object;
}
