/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-CCM (SP 800-38C, RFC 3610), a whole message at a time: the mode wants the message's length
 * before its first byte.
 *
 * Input and output may be the same or overlap in any way.
 */
#pragma once

#include "base/bytes.h"
#include "crypto/provider.h"

#define KK_CCM_MAC_MAX 16

/* What a message is sealed with. */
struct kk_ccm {
    struct kk_span key;   /* 16, 24 or 32 bytes */
    struct kk_span nonce; /* 7 to 13 bytes */
    struct kk_span aad;
    size_t mac_len; /* 4, 6, ... 16 */
};

/* CKR_MECHANISM_PARAM_INVALID for a nonce or MAC of another length, and for a message whose length
 * does not fit into what the nonce leaves for it. */
KK_RV kk_ccm_check(const struct kk_ccm *ccm, size_t data_len);

/* `out` gets plain.len + mac_len bytes. Codes of kk_ccm_check(); CKR_DATA_LEN_RANGE for 2 GiB and
 * more. */
KK_RV kk_ccm_seal(struct kk_crypto *crypto, const struct kk_ccm *ccm, struct kk_span plain,
                  uint8_t *out, size_t *ret_len);

/* `out` gets sealed.len - mac_len bytes, zeros when the MAC is wrong (CKR_ENCRYPTED_DATA_INVALID).
 * CKR_ENCRYPTED_DATA_LEN_RANGE when there is no room for a MAC. */
KK_RV kk_ccm_open(struct kk_crypto *crypto, const struct kk_ccm *ccm, struct kk_span sealed,
                  uint8_t *out, size_t *ret_len);
