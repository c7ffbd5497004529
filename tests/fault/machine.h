/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine's TPM: an swtpm of the test's own, and what its administrator may ask of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct machine {
    char folder[4200];
    char tcti[9000];
    pid_t pid; /* 0: switched off */
};

/* Whether this host can do it. */
bool machine_possible(void);

/* A new TPM, with its state in <folder of the test>/<name>; switched on. Ends the test when it
 * cannot. */
void machine_make(struct machine *machine, const char *name);

/* Switches it on again, with the state it had; off, as a pulled plug does. */
void machine_on(struct machine *machine);
void machine_off(struct machine *machine);

/* How many wrong values were counted, and whether the TPM is locked. */
uint32_t machine_failures(const struct machine *machine);
bool machine_locked(const struct machine *machine);

/* As the administrator does it: tpm2_dictionarylockout -c. */
void machine_unlock(const struct machine *machine);

/* Another value in a PCR. */
void machine_extend(const struct machine *machine, uint32_t pcr);

/* How many objects and sessions are in it. */
uint32_t machine_left_behind(const struct machine *machine);
