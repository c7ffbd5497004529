/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealed objects as bytes.
 */
#include "tpm/tpm2_blob.h"

#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/memory.h"

#include "base/banned.h"

static const uint8_t magic[] = {'K', 'T', 'P', 1};

enum kk_tpm_result kk_tpm2_blob_encode(const struct kk_tpm2_sealed *sealed,
                                       struct kk_tpm_blob *ret_blob)
{
    struct kk_tpm_blob blob = {.len = sizeof magic};
    memcpy(blob.data, magic, sizeof magic);
    if (Tss2_MU_UINT32_Marshal(sealed->pcrs, blob.data, sizeof blob.data, &blob.len) != 0 ||
        Tss2_MU_TPM2B_NAME_Marshal(&sealed->parent, blob.data, sizeof blob.data, &blob.len) != 0 ||
        Tss2_MU_TPM2B_PUBLIC_Marshal(&sealed->public, blob.data, sizeof blob.data, &blob.len) !=
            0 ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(&sealed->private, blob.data, sizeof blob.data, &blob.len) !=
            0) {
        return KK_TPM_REFUSED;
    }
    *ret_blob = blob;
    return KK_TPM_OK;
}

enum kk_tpm_result kk_tpm2_blob_decode(const uint8_t *blob, size_t len,
                                       struct kk_tpm2_sealed *ret_sealed)
{
    struct kk_tpm2_sealed sealed;
    size_t at = sizeof magic;
    memset(&sealed, 0, sizeof sealed);
    if (len < sizeof magic || !kk_mem_equal(blob, sizeof magic, magic, sizeof magic) ||
        Tss2_MU_UINT32_Unmarshal(blob, len, &at, &sealed.pcrs) != 0 ||
        Tss2_MU_TPM2B_NAME_Unmarshal(blob, len, &at, &sealed.parent) != 0 ||
        Tss2_MU_TPM2B_PUBLIC_Unmarshal(blob, len, &at, &sealed.public) != 0 ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(blob, len, &at, &sealed.private) != 0 || at != len) {
        return KK_TPM_FOREIGN;
    }
    *ret_sealed = sealed;
    return KK_TPM_OK;
}
