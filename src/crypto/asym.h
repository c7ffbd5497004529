/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operations with key pairs have in common.
 *
 * The begin functions of rsa.h, ecdsa.h and eddsa.h take the address of a context, NULL at first:
 * with the context of an earlier operation of the same key, use and scheme they start the next one
 * on it and allocate nothing; otherwise they put a new one in its place. The context holds a
 * reference on its key. On failure the old context stays.
 */
#pragma once

#include "crypto/key.h"

enum kk_asym_use {
    KK_ASYM_SIGN,
    KK_ASYM_VERIFY,
    KK_ASYM_RECOVER,
    KK_ASYM_ENCRYPT,
    KK_ASYM_DECRYPT,
};

/* Bytes of a digest's output by OpenSSL's name, 0 when it is none of ours. */
size_t kk_hash_length(const char *name);
