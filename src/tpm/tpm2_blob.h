/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of what the TPM sealed:
 *
 *   "KTP", u8 version (1), u32 PCRs, then as TPM 2.0 part 2 writes them TPM2B_NAME (the parent's),
 *   TPM2B_PUBLIC and TPM2B_PRIVATE. Numbers are big-endian.
 */
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "tpm/plugin.h"

struct kk_tpm2_sealed {
    uint32_t pcrs;
    TPM2B_NAME parent;
    TPM2B_PUBLIC public;
    TPM2B_PRIVATE private;
};

/* REFUSED: this TPM's objects are larger than anything foreseen. */
enum kk_tpm_result kk_tpm2_blob_encode(const struct kk_tpm2_sealed *sealed,
                                       struct kk_tpm_blob *ret_blob);

/* FOREIGN: these are not the bytes of a blob. */
enum kk_tpm_result kk_tpm2_blob_decode(const uint8_t *blob, size_t len,
                                       struct kk_tpm2_sealed *ret_sealed);
