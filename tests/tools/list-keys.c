/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints every configuration key with its short option ("-" for none) and its default, for the test
 * that the manuals have them. */
#include "agent/config-keys.h"

#include <stdio.h>

int main(void)
{
    guint count;
    const FirnConfigKey *keys = firn_config_keys(&count);

    for (guint i = 0; i < count; i++)
        printf("%s %c %s\n", keys[i].name, keys[i].letter ? keys[i].letter : '-',
               keys[i].standard ? keys[i].standard : "");
    return 0;
}
