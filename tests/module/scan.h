/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks through the writable memory of this process for pieces of secrets. What is looked for is
 * kept masked, so that the search does not find itself.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Remembers a secret of at least 16 bytes: as it is, reversed (OpenSSL's numbers), in words of
 * another byte order and under HMAC's pads. `bytes` stays the caller's to wipe. */
void scan_remember(const char *name, const uint8_t *bytes, size_t len);

/* Remembers what lies in the module's secret memory now, known by how it is mapped (not dumped,
 * wiped on fork): master keys that no call gives out. They may stay there, and be nowhere else; the
 * module's own data has a copy of the canary, which is no secret. */
void scan_remember_secret_memory(void);

/* Notes where 16 bytes or more of something remembered lie; how many such places there are. */
size_t scan_memory(void);
