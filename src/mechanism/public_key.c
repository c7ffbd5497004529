/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A private key's public half.
 */
#include "crypto/hss.h"
#include "mechanism/operation.h"

#include "base/banned.h"

static KK_RV publish(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     struct kk_key_parts *parts)
{
    (void)mechanism;
    KK_ENSURE(parts->is_private, CKR_KEY_TYPE_INCONSISTENT);
    return parts->kind == KK_KEY_HSS ? kk_hss_publish(crypto, parts)
                                     : kk_key_complete(crypto, parts);
}

const struct kk_derive_ops kk_public_key_ops = {.publish = publish, .makes = KK_DERIVED_PUBLIC};
