/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON Web Keys, RFC 7517, 7518 and 8037: RSA, EC, OKP (Ed25519, Ed448, X25519, X448) and oct; one
 * alone, or a set.
 */
#pragma once

#include "cli/json.h"
#include "crypto/keyfile.h"

struct kk_jwk {
    struct kk_keyfile *key;   /* NULL: a symmetric key */
    bool is_private;          /* of `key` */
    struct kk_secret *secret; /* the symmetric key */
    bool is_aes;              /* "alg" says so */
    struct kk_buffer kid;     /* empty: none */
    unsigned int uses;        /* enum kk_key_use, from "key_ops" and "use"; 0: it does not say */
};

struct kk_jwk_set {
    struct kk_jwk *keys;
    size_t count;
};

/*
 * Reads a JWK or a JWK set. Private keys are completed and checked (kk_keyfile_complete()).
 *
 * CKR_DATA_INVALID             no JSON, or no JWK; a member is missing or malformed
 * CKR_MECHANISM_INVALID        a key type or curve that is not handled
 * CKR_ATTRIBUTE_VALUE_INVALID  a private key's numbers do not belong together
 */
KK_RV kk_jwk_read(struct kk_span text, struct kk_jwk_set **ret_set);
void kk_jwk_set_free(struct kk_jwk_set *set);
KK_DEFINE_CLEANUP(struct kk_jwk_set *, kk_jwk_set_free);

/* Whether a file is text that begins as a JSON document does. */
bool kk_jwk_is_json(struct kk_span text);

/* Puts a key as an object; `kid` may be empty. A private key must be complete.
 * CKR_MECHANISM_INVALID: JWK has no form for it. */
KK_RV kk_jwk_put(struct kk_json *json, const struct kk_keyfile *key, bool with_private,
                 struct kk_span kid);
KK_RV kk_jwk_put_secret(struct kk_json *json, const struct kk_secret *secret, struct kk_span kid);
