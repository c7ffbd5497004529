/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files, written: the parts are checked against each other and completed as the module does it,
 * encoded by our own DER, and made PEM in secret memory. OpenSSL encrypts.
 */
#include "crypto/keyfile.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/error.h"
#include "crypto/key_internal.h"
#include "crypto/keyfile_internal.h"

#include "base/banned.h"

#define PBKDF2_ROUNDS 600000
#define SALT_LEN 16

struct part_pair {
    enum kk_keyfile_part in_file;
    enum kk_part in_key;
};

/* clang-format off */
static const struct part_pair rsa_pairs[] = {
    {KK_KEYPART_MODULUS,          KK_PART_MODULUS},
    {KK_KEYPART_PUBLIC_EXPONENT,  KK_PART_PUBLIC_EXPONENT},
    {KK_KEYPART_PRIVATE_EXPONENT, KK_PART_PRIVATE_EXPONENT},
    {KK_KEYPART_PRIME_1,          KK_PART_PRIME_1},
    {KK_KEYPART_PRIME_2,          KK_PART_PRIME_2},
    {KK_KEYPART_EXPONENT_1,       KK_PART_EXPONENT_1},
    {KK_KEYPART_EXPONENT_2,       KK_PART_EXPONENT_2},
    {KK_KEYPART_COEFFICIENT,      KK_PART_COEFFICIENT},
};

static const struct part_pair dsa_pairs[] = {
    {KK_KEYPART_PRIME,    KK_PART_PRIME},
    {KK_KEYPART_SUBPRIME, KK_PART_SUBPRIME},
    {KK_KEYPART_BASE,     KK_PART_BASE},
    {KK_KEYPART_PUBLIC,   KK_PART_PUBLIC},
    {KK_KEYPART_PRIVATE,  KK_PART_VALUE},
};

static const struct part_pair ec_pairs[] = {
    {KK_KEYPART_EC_PARAMS, KK_PART_EC_PARAMS},
    {KK_KEYPART_PUBLIC,    KK_PART_EC_POINT},
    {KK_KEYPART_PRIVATE,   KK_PART_VALUE},
};
/* clang-format on */

#define PAIRS(table) table, KK_ARRAY_LEN(table)

/* ---- parts ---- */

/* Takes only what belongs to this kind of key. */
static KK_RV read_parts(const struct kk_keyfile *keyfile, const struct part_pair *pairs,
                        size_t count, struct kk_key_parts *parts)
{
    for (size_t i = 0; i < count; i++) {
        const struct kk_secret *part = keyfile->parts[pairs[i].in_file];
        if (part != NULL) {
            KK_TRY(kk_key_parts_set(parts, pairs[i].in_key, kk_secret_span(part)));
        }
    }
    return CKR_OK;
}

/* RFC 5915: the scalar is as long as the order. */
static KK_RV complete_ec(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *padded = NULL;
    struct kk_curve curve;
    KK_TRY(kk_key_complete(crypto, parts));
    KK_TRY(kk_curve_of_parts(crypto, parts, &curve));
    struct kk_span bare = kk_strip_zeros(kk_key_parts_get(parts, KK_PART_VALUE));
    KK_ENSURE(bare.len > 0 && bare.len <= curve.order_bytes, CKR_ATTRIBUTE_VALUE_INVALID);
    KK_TRY(kk_secret_new(curve.order_bytes, &padded));
    memcpy(kk_secret_data(padded) + (curve.order_bytes - bare.len), bare.data, bare.len);
    kk_key_parts_give(parts, KK_PART_VALUE, KK_STEAL(padded));
    return CKR_OK;
}

/* clang-format off */
static const struct kind_rule {
    enum kk_keyfile_kind in_file;
    enum kk_key_kind in_key;
    const struct part_pair *pairs;
    size_t pair_count;
    CK_RV (*complete)(struct kk_crypto *crypto, struct kk_key_parts *parts);
    const char *name; /* OpenSSL's; NULL: the parameters say it */
} kind_rules[] = {
    {KK_KEYFILE_RSA,        KK_KEY_RSA,        PAIRS(rsa_pairs), kk_key_complete, "RSA"},
    {KK_KEYFILE_DSA,        KK_KEY_DSA,        PAIRS(dsa_pairs), kk_key_complete, "DSA"},
    {KK_KEYFILE_EC,         KK_KEY_EC,         PAIRS(ec_pairs),  complete_ec,     "EC"},
    {KK_KEYFILE_EDWARDS,    KK_KEY_EDWARDS,    PAIRS(ec_pairs),  kk_key_complete, NULL},
    {KK_KEYFILE_MONTGOMERY, KK_KEY_MONTGOMERY, PAIRS(ec_pairs),  kk_key_complete, NULL},
};
/* clang-format on */

static const struct kind_rule *find_kind(enum kk_keyfile_kind kind)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(kind_rules); i++) {
        if (kind_rules[i].in_file == kind) {
            return &kind_rules[i];
        }
    }
    return NULL;
}

static const struct kind_rule *find_kind_of_key(enum kk_key_kind kind)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(kind_rules); i++) {
        if (kind_rules[i].in_key == kind) {
            return &kind_rules[i];
        }
    }
    return NULL;
}

/* The library context, and the error queue as it was before. */
struct context {
    struct kk_crypto *crypto;
};

static void context_end(struct context *context)
{
    kk_crypto_free(context->crypto);
    kk_crypto_leave();
}

static KK_RV context_begin(struct context *context)
{
    kk_crypto_enter();
    return kk_crypto_new(&context->crypto);
}

static KK_RV complete(struct kk_crypto *crypto, const struct kk_keyfile *keyfile,
                      const struct kind_rule *rule, struct kk_key_parts *parts)
{
    KK_ENSURE(rule != NULL, CKR_MECHANISM_INVALID);
    parts->kind = rule->in_key;
    parts->is_private = true;
    KK_TRY(read_parts(keyfile, rule->pairs, rule->pair_count, parts));
    return rule->complete(crypto, parts);
}

KK_RV kk_keyfile_private_parts(struct kk_crypto *crypto, const struct kk_keyfile *keyfile,
                               struct kk_key_parts *parts)
{
    return complete(crypto, keyfile, find_kind(keyfile->kind), parts);
}

KK_RV kk_keyfile_take_parts(struct kk_crypto *crypto, struct kk_key_parts *parts,
                            struct kk_keyfile *keyfile)
{
    const struct kind_rule *rule = find_kind_of_key(parts->kind);
    KK_ENSURE(rule != NULL, CKR_MECHANISM_INVALID);
    KK_TRY(rule->complete(crypto, parts));
    for (size_t i = 0; i < rule->pair_count; i++) {
        keyfile->parts[rule->pairs[i].in_file] = KK_STEAL(parts->part[rule->pairs[i].in_key]);
    }
    keyfile->kind = rule->in_file;
    keyfile->algorithm = rule->name;
    const struct kk_secret *params = keyfile->parts[KK_KEYPART_EC_PARAMS];
    return rule->name != NULL || params == NULL
               ? CKR_OK
               : kk_keyfile_of_params(kk_secret_span(params), keyfile);
}

KK_RV kk_keyfile_public_parts(const struct kk_keyfile *keyfile, struct kk_key_parts *parts)
{
    const struct kind_rule *rule = find_kind(keyfile->kind);
    KK_ENSURE(rule != NULL, CKR_MECHANISM_INVALID);
    parts->kind = rule->in_key;
    return read_parts(keyfile, rule->pairs, rule->pair_count, parts);
}

KK_RV kk_keyfile_complete(struct kk_keyfile *keyfile)
{
    const struct kind_rule *rule = find_kind(keyfile->kind);
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(context_end) struct context context = {0};
    KK_TRY(context_begin(&context));
    KK_TRY(complete(context.crypto, keyfile, rule, &parts));
    for (size_t i = 0; i < rule->pair_count; i++) {
        struct kk_secret **part = &keyfile->parts[rule->pairs[i].in_file];
        kk_secret_free(*part);
        *part = KK_STEAL(parts.part[rule->pairs[i].in_key]);
    }
    return CKR_OK;
}

/* ---- encryption ---- */

KK_DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free);

/* PBES2: AES-256-CBC under PBKDF2 with HMAC-SHA256. */
static KK_RV new_pbes2(struct kk_crypto *crypto, X509_ALGOR **ret_pbes2)
{
    KK_CLEANUP(EVP_CIPHER_freep) EVP_CIPHER *cipher = NULL;
    KK_TRY(kk_crypto_fetch_cipher(crypto, "AES-256-CBC", &cipher));
    *ret_pbes2 = PKCS5_pbe2_set_iv_ex(cipher, PBKDF2_ROUNDS, NULL, SALT_LEN, NULL,
                                      NID_hmacWithSHA256, crypto->libctx);
    KK_ENSURE(*ret_pbes2 != NULL, kk_crypto_error("PKCS5_pbe2_set_iv_ex", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_keyfile_encrypt(struct kk_crypto *crypto, struct kk_span der, const struct kk_secret *pin,
                         struct kk_buffer *ret_der)
{
    struct kk_span secret = kk_secret_span(pin);
    const unsigned char *at = der.data;
    KK_CLEANUP(X509_ALGOR_freep) X509_ALGOR *pbes2 = NULL;
    KK_ENSURE(secret.len <= INT_MAX, CKR_PIN_LEN_RANGE);
    KK_CLEANUP(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    KK_ENSURE(info != NULL, kk_crypto_error("d2i_PKCS8_PRIV_KEY_INFO", CKR_FUNCTION_FAILED));
    KK_TRY(new_pbes2(crypto, &pbes2));
    KK_CLEANUP(X509_SIG_freep) X509_SIG *sig = PKCS8_set0_pbe_ex(
        (const char *)secret.data, (int)secret.len, info, pbes2, crypto->libctx, NULL);
    KK_ENSURE(sig != NULL, kk_crypto_error("PKCS8_set0_pbe_ex", CKR_FUNCTION_FAILED));
    pbes2 = NULL; /* it is part of `sig` now */
    unsigned char *bytes = NULL;
    int len = i2d_X509_SIG(sig, &bytes);
    KK_ENSURE(len > 0, kk_crypto_error("i2d_X509_SIG", CKR_FUNCTION_FAILED));
    kk_buffer_put(ret_der, bytes, (size_t)len);
    OPENSSL_free(bytes);
    return kk_buffer_check(ret_der);
}

/* ---- PEM ---- */

#define LINE_BYTES 48 /* 64 characters */
#define LINE_ROOM (LINE_BYTES / 3 * 4 + 1)

static const char dashes[] = "-----";

static void put_text(struct kk_buffer *out, const char *text)
{
    kk_buffer_put(out, text, strlen(text));
}

static void put_boundary(struct kk_buffer *out, const char *word, const char *name)
{
    put_text(out, dashes);
    put_text(out, word);
    put_text(out, name);
    put_text(out, dashes);
    put_text(out, "\n");
}

static void put_base64(struct kk_buffer *out, struct kk_span der)
{
    KK_SECRET_ARRAY(line, LINE_ROOM);
    for (size_t at = 0; at < der.len; at += LINE_BYTES) {
        int taken = (int)KK_MIN(der.len - at, (size_t)LINE_BYTES);
        kk_buffer_put(out, line, (size_t)EVP_EncodeBlock(line, der.data + at, taken));
        kk_buffer_put_u8(out, '\n');
    }
}

KK_RV kk_pem_make(const char *name, struct kk_span der, struct kk_secret **ret_pem)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer out = {.wipe = true};
    put_boundary(&out, "BEGIN ", name);
    put_base64(&out, der);
    put_boundary(&out, "END ", name);
    KK_TRY(kk_buffer_check(&out));
    return kk_secret_from(kk_buffer_span(&out), ret_pem);
}

KK_RV kk_keyfile_write(const struct kk_keyfile *keyfile, const struct kk_secret *pin,
                       struct kk_secret **ret_pem)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *der = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer encrypted = {0};
    KK_CLEANUP(context_end) struct context context = {0};
    KK_TRY(context_begin(&context));
    KK_TRY(kk_keyfile_private_parts(context.crypto, keyfile, &parts));
    KK_TRY(kk_pkcs8_encode(&parts, &der));
    if (pin == NULL) {
        return kk_pem_make("PRIVATE KEY", kk_secret_span(der), ret_pem);
    }
    KK_TRY(kk_keyfile_encrypt(context.crypto, kk_secret_span(der), pin, &encrypted));
    return kk_pem_make("ENCRYPTED PRIVATE KEY", kk_buffer_span(&encrypted), ret_pem);
}
