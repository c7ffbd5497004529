/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a row says about itself: its CKF_ flags and the keys that it takes.
 */
#include "mechanism/mechanism.h"

#include "base/banned.h"

CK_FLAGS kk_mechanism_flags(const struct kk_mechanism *mechanism)
{
    CK_FLAGS flags = mechanism->extra_flags;
    if (mechanism->cipher != NULL) {
        flags |= CKF_ENCRYPT | CKF_DECRYPT;
    }
    if (mechanism->message != NULL) {
        flags |= CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
    }
    if (mechanism->sign != NULL) {
        flags |= CKF_SIGN | CKF_VERIFY;
    }
    if (mechanism->sign != NULL && !mechanism->sign->one_time) {
        flags |= CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE;
    }
    if (mechanism->sign != NULL && mechanism->sign->recover != NULL) {
        flags |= CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER;
    }
    if (mechanism->digest != NULL) {
        flags |= CKF_DIGEST;
    }
    if (mechanism->generate != NULL) {
        flags |= mechanism->generate->pair ? CKF_GENERATE_KEY_PAIR : CKF_GENERATE;
    }
    if (mechanism->derive != NULL) {
        flags |= CKF_DERIVE;
    }
    if (mechanism->wrap != NULL) {
        flags |= CKF_WRAP | CKF_UNWRAP;
    }
    if (mechanism->kem != NULL) {
        flags |= CKF_ENCAPSULATE | CKF_DECAPSULATE;
    }
    return flags;
}

/* Second types that stand for several. */
static bool is_among(CK_KEY_TYPE many, CK_KEY_TYPE key_type)
{
    enum kk_key_kind kind = kk_key_kind_of(key_type);
    if (many == KK_ANY_KEY) {
        return kind != 0;
    }
    if (many == KK_ANY_SECRET) {
        return kind == KK_KEY_SECRET;
    }
    if (many == KK_ANY_PAIR) {
        return kind != 0 && kind != KK_KEY_SECRET;
    }
    return many == KK_ANY_DES &&
           (key_type == CKK_DES || key_type == CKK_DES2 || key_type == CKK_DES3);
}

bool kk_mechanism_gives_handle(const struct kk_mechanism *mechanism)
{
    return mechanism->derive == NULL || (mechanism->derive->makes != KK_DERIVED_MATERIAL &&
                                         mechanism->derive->makes != KK_DERIVED_OUTPUT);
}

bool kk_mechanism_takes(const struct kk_mechanism *mechanism, CK_KEY_TYPE key_type)
{
    if (key_type >= KK_ANY_KEY) {
        return false;
    }
    return mechanism->key_type == key_type || mechanism->key_type2 == key_type ||
           is_among(mechanism->key_type2, key_type);
}
