/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the faults: name, a tab, the chapters that should catch it.
 */
#include "mutant.h"

#include <stdio.h>

int main(void)
{
    for (size_t i = 0; mutant_tables[i] != NULL; i++) {
        for (size_t k = 0; k < mutant_tables[i]->count; k++)
            printf("%s\t%s\n", mutant_tables[i]->faults[k].name,
                   mutant_tables[i]->faults[k].chapters);
    }
    return 0;
}
