/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC and CMAC with a key that stays: start, update, finish, and again.
 */
#pragma once

#include "base/bytes.h"
#include "crypto/provider.h"

#define KK_MAC_MAX 64

struct kk_mac;

/* `digest` is OpenSSL's name of the hash. Keys of 1 byte and more. */
KK_RV kk_mac_new_hmac(struct kk_crypto *crypto, const char *digest, struct kk_span key,
                      struct kk_mac **ret_mac);

/* `cipher` is OpenSSL's name of a CBC mode, "AES-128-CBC"; the key has its length. */
KK_RV kk_mac_new_cmac(struct kk_crypto *crypto, const char *cipher, struct kk_span key,
                      struct kk_mac **ret_mac);

void kk_mac_free(struct kk_mac *mac);
KK_DEFINE_CLEANUP(struct kk_mac *, kk_mac_free);

size_t kk_mac_size(const struct kk_mac *mac);

KK_RV kk_mac_start(struct kk_mac *mac);
KK_RV kk_mac_update(struct kk_mac *mac, struct kk_span in);

/* `out` has room for kk_mac_size() bytes. */
KK_RV kk_mac_finish(struct kk_mac *mac, uint8_t *out);
