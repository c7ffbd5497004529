/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of mechanisms and hashes.
 */
#include "cli/mechanism_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki/names.h"

#include "base/banned.h"

#define PREFIX "CKM_"

/* clang-format off */
static const struct {
    const char *name;
    CK_MECHANISM_TYPE type;
} others[] = {
    {"sha1-rsa",       CKM_SHA1_RSA_PKCS},
    {"sha224-rsa",     CKM_SHA224_RSA_PKCS},
    {"sha256-rsa",     CKM_SHA256_RSA_PKCS},
    {"sha384-rsa",     CKM_SHA384_RSA_PKCS},
    {"sha512-rsa",     CKM_SHA512_RSA_PKCS},
    {"sha1-rsa-pss",   CKM_SHA1_RSA_PKCS_PSS},
    {"sha224-rsa-pss", CKM_SHA224_RSA_PKCS_PSS},
    {"sha256-rsa-pss", CKM_SHA256_RSA_PKCS_PSS},
    {"sha384-rsa-pss", CKM_SHA384_RSA_PKCS_PSS},
    {"sha512-rsa-pss", CKM_SHA512_RSA_PKCS_PSS},
    {"sha256-ecdsa",   CKM_ECDSA_SHA256},
    {"sha384-ecdsa",   CKM_ECDSA_SHA384},
    {"sha512-ecdsa",   CKM_ECDSA_SHA512},
    {"rsa-oaep",       CKM_RSA_PKCS_OAEP},
    {"ed25519",        CKM_EDDSA},
    {"ed448",          CKM_EDDSA},
    {"sha1",           CKM_SHA_1},
    {"aes-kwp",        CKM_AES_KEY_WRAP_KWP},
};

static const struct kk_hash hashes[] = {
    {"sha1",     CKM_SHA_1,    CKG_MGF1_SHA1,     20, CKM_SHA1_RSA_PKCS,     CKM_SHA1_RSA_PKCS_PSS,     CKM_ECDSA_SHA1,     CKM_SHA_1_HMAC},
    {"sha224",   CKM_SHA224,   CKG_MGF1_SHA224,   28, CKM_SHA224_RSA_PKCS,   CKM_SHA224_RSA_PKCS_PSS,   CKM_ECDSA_SHA224,   CKM_SHA224_HMAC},
    {"sha256",   CKM_SHA256,   CKG_MGF1_SHA256,   32, CKM_SHA256_RSA_PKCS,   CKM_SHA256_RSA_PKCS_PSS,   CKM_ECDSA_SHA256,   CKM_SHA256_HMAC},
    {"sha384",   CKM_SHA384,   CKG_MGF1_SHA384,   48, CKM_SHA384_RSA_PKCS,   CKM_SHA384_RSA_PKCS_PSS,   CKM_ECDSA_SHA384,   CKM_SHA384_HMAC},
    {"sha512",   CKM_SHA512,   CKG_MGF1_SHA512,   64, CKM_SHA512_RSA_PKCS,   CKM_SHA512_RSA_PKCS_PSS,   CKM_ECDSA_SHA512,   CKM_SHA512_HMAC},
    {"sha3-224", CKM_SHA3_224, CKG_MGF1_SHA3_224, 28, CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS, CKM_ECDSA_SHA3_224, CKM_SHA3_224_HMAC},
    {"sha3-256", CKM_SHA3_256, CKG_MGF1_SHA3_256, 32, CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKM_ECDSA_SHA3_256, CKM_SHA3_256_HMAC},
    {"sha3-384", CKM_SHA3_384, CKG_MGF1_SHA3_384, 48, CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS, CKM_ECDSA_SHA3_384, CKM_SHA3_384_HMAC},
    {"sha3-512", CKM_SHA3_512, CKG_MGF1_SHA3_512, 64, CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS, CKM_ECDSA_SHA3_512, CKM_SHA3_512_HMAC},
};
/* clang-format on */

struct kk_mechanism_word kk_mechanism_name(CK_MECHANISM_TYPE type)
{
    struct kk_mechanism_word word = {""};
    const char *name = kk_names_find(KK_NAMES_CKM, type);
    if (name != NULL) {
        (void)snprintf(word.text, sizeof word.text, "%s", name);
    } else {
        (void)snprintf(word.text, sizeof word.text, "0x%lx", type);
    }
    return word;
}

struct kk_mechanism_word kk_mechanism_word(CK_MECHANISM_TYPE type)
{
    struct kk_mechanism_word word = kk_mechanism_name(type);
    size_t skip = strncmp(word.text, PREFIX, strlen(PREFIX)) == 0 ? strlen(PREFIX) : 0;
    memmove(word.text, word.text + skip, strlen(word.text) + 1 - skip);
    for (char *at = word.text; skip > 0 && *at != '\0'; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at == '_' ? '-' : *at);
    }
    return word;
}

/* "sha256-rsa-pkcs" as "CKM_SHA256_RSA_PKCS"; some names of the standard have small letters. */
static bool find_name(const char *text, CK_MECHANISM_TYPE *ret_type)
{
    size_t count = 0;
    const struct kk_name *names = kk_names_table(KK_NAMES_CKM, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(kk_mechanism_word(names[i].value).text, text) == 0) {
            *ret_type = names[i].value;
            return true;
        }
    }
    return kk_names_lookup(KK_NAMES_CKM, text, ret_type);
}

static bool find_number(const char *text, CK_MECHANISM_TYPE *ret_type)
{
    char *end = NULL;
    if (strncmp(text, "0x", 2) != 0 || text[2] == '\0') {
        return false;
    }
    errno = 0;
    *ret_type = strtoul(text + 2, &end, 16);
    return *end == '\0' && errno == 0 && strchr("+- \t", text[2]) == NULL;
}

bool kk_mechanism_parse(const char *text, CK_MECHANISM_TYPE *ret_type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(others); i++) {
        if (strcmp(others[i].name, text) == 0) {
            *ret_type = others[i].type;
            return true;
        }
    }
    return find_name(text, ret_type) || find_number(text, ret_type);
}

/* Without dashes and in small letters: "SHA-256" is "sha256", "sha3-256" is "sha3256". */
static void squeeze(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0' && len + 1 < size; text++) {
        if (*text != '-' && *text != '_') {
            out[len++] = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
        }
    }
    out[len] = '\0';
}

const struct kk_hash *kk_hash_find(const char *name)
{
    char wanted[32];
    char known[32];
    squeeze(name, wanted, sizeof wanted);
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        squeeze(hashes[i].name, known, sizeof known);
        if (strcmp(known, wanted) == 0) {
            return &hashes[i];
        }
    }
    return NULL;
}

const struct kk_hash *kk_hash_of(CK_MECHANISM_TYPE mechanism)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (hashes[i].rsa == mechanism || hashes[i].pss == mechanism ||
            hashes[i].ecdsa == mechanism || hashes[i].hmac == mechanism) {
            return &hashes[i];
        }
    }
    return NULL;
}
