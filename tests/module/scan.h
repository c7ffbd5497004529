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

/* Notes where 16 bytes or more of something remembered lie; how many such places there are. */
size_t scan_memory(void);
