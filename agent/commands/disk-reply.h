/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_COMMANDS_DISK_REPLY_H
#define AGENT_COMMANDS_DISK_REPLY_H

#include "platform/disk-address.h"
#include "platform/nvme-smart.h"
#include "qga-protocol/writer.h"

/* The schema's GuestDiskAddress and GuestNVMeSmart, as values. */
void firn_reply_disk_address(QgaWriter *writer, const FirnDiskAddress *address);
void firn_reply_nvme_smart(QgaWriter *writer, const FirnNvmeSmart *smart);

#endif
