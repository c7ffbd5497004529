/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What OASIS's profiles want of a token's mechanisms: those that their mandatory test cases name
 * ("PKCS #11 Profiles" 3.2, Conformance). EXT-M-1-32 is the only one of its profile, of which one
 * or more are to be supported; of the Authentication Token all are.
 */
#include "mechanism/mechanism.h"

#include "base/memory.h"

#include "base/banned.h"

struct wanted {
    CK_PROFILE_ID profile;
    CK_MECHANISM_TYPE type;
    CK_FLAGS flags; /* others may be there */
    bool sized;
    CK_ULONG from, to; /* sized: as C_GetMechanismInfo is to give them */
};

/* clang-format off */
#define RSA_FLAGS (CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_WRAP | CKF_UNWRAP)

static const struct wanted wanted[] = {
    {CKP_EXTENDED_PROVIDER,    CKM_SHA512,                CKF_DIGEST,            true,  0,   0},
    {CKP_EXTENDED_PROVIDER,    CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, true,  512, 16384},
    {CKP_EXTENDED_PROVIDER,    CKM_RSA_PKCS,              RSA_FLAGS,             true,  512, 16384},
    {CKP_AUTHENTICATION_TOKEN, CKM_SHA256_RSA_PKCS,       CKF_SIGN,              false, 0,   0},
    {CKP_HKDF_TLS_TOKEN,       CKM_HKDF_DATA,             CKF_DERIVE,            false, 0,   0},
};
/* clang-format on */

static bool is_there(const struct kk_registry *registry, const struct wanted *mechanism)
{
    const struct kk_mechanism *row = kk_registry_find(registry, mechanism->type);
    if (row == NULL || (kk_mechanism_flags(row) & mechanism->flags) != mechanism->flags) {
        return false;
    }
    return !mechanism->sized || (row->min_key == mechanism->from && row->max_key == mechanism->to);
}

bool kk_registry_serves(const struct kk_registry *registry, CK_PROFILE_ID profile)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(wanted); i++) {
        if (wanted[i].profile == profile && !is_there(registry, &wanted[i])) {
            return false;
        }
    }
    return true;
}
