/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_LOOP_H
#define PLATFORM_LOOP_H

#include <glib.h>
#include <sys/types.h>

/*
 * The st_dev of the file that a loop device stands on, or the number of the block device that it
 * stands on instead, as LOOP_GET_STATUS64 of loop(4) tells it: right for a file of another mount
 * namespace, a deleted one, and one on a mount that was detached. name: the kernel's, such as
 * "loop3". The device is opened for reading by its node in /dev, or one made there for the moment.
 * FALSE when neither can be had, or it stands on no file. May block as long as the filesystem that
 * has the file.
 */
gboolean firn_loop_get_file_device(dev_t loop, const char *name, dev_t *device);

#endif
