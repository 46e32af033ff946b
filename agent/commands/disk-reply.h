/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_COMMANDS_DISK_REPLY_H
#define AGENT_COMMANDS_DISK_REPLY_H

#include "platform/disk-address.h"
#include "platform/nvme-smart.h"
#include "qga-protocol/json.h"
#include "qga-protocol/schema.h"

/* The schema's GuestDiskAddress and GuestNVMeSmart: their members, and values of them. */
extern const QgaMember firn_disk_address_members[];
extern const QgaMember firn_nvme_smart_members[];

JsonObject *firn_reply_disk_address(const FirnDiskAddress *address);
JsonObject *firn_reply_nvme_smart(const FirnNvmeSmart *smart);

#endif
