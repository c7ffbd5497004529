/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key encrypt and decrypt. An IV is drawn by the token and stands before the ciphertext,
 * where decrypt finds it, unless --iv gives one.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/keykist_key_use.h"
#include "cli/report.h"

#include "base/banned.h"

#define GCM_TAG_BITS 128
#define COUNTER_BITS 32
#define ROOM ((size_t)4096) /* beyond the input's length */

/* ---- the mechanism ---- */

enum parameter { PARAMETER_NONE, PARAMETER_IV, PARAMETER_GCM, PARAMETER_CTR, PARAMETER_OAEP };

/* clang-format off */
static const struct cipher {
    CK_MECHANISM_TYPE mechanism;
    enum parameter parameter;
    size_t iv_len;
} ciphers[] = {
    {CKM_AES_GCM,          PARAMETER_GCM,  12},
    {CKM_AES_CTR,          PARAMETER_CTR,  16},
    {CKM_AES_CBC,          PARAMETER_IV,   16},
    {CKM_AES_CBC_PAD,      PARAMETER_IV,   16},
    {CKM_AES_CTS,          PARAMETER_IV,   16},
    {CKM_AES_OFB,          PARAMETER_IV,   16},
    {CKM_AES_CFB8,         PARAMETER_IV,   16},
    {CKM_AES_CFB128,       PARAMETER_IV,   16},
    {CKM_DES3_CBC,         PARAMETER_IV,   8},
    {CKM_DES3_CBC_PAD,     PARAMETER_IV,   8},
    {CKM_CAMELLIA_CBC_PAD, PARAMETER_IV,   16},
    {CKM_RSA_PKCS_OAEP,    PARAMETER_OAEP, 0},
};

static const struct {
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE mechanism;
} defaults[] = {
    {CKK_RSA,      CKM_RSA_PKCS_OAEP},
    {CKK_AES,      CKM_AES_GCM},
    {CKK_DES3,     CKM_DES3_CBC_PAD},
    {CKK_CAMELLIA, CKM_CAMELLIA_CBC_PAD},
};
/* clang-format on */

static const struct cipher *find_cipher(const struct kk_key_work *use)
{
    static const struct cipher none = {0, PARAMETER_NONE, 0};
    for (size_t i = 0; i < KK_ARRAY_LEN(ciphers); i++) {
        if (ciphers[i].mechanism == use->mechanism.mechanism) {
            return &ciphers[i];
        }
    }
    return &none;
}

size_t kk_key_use_iv_len(const struct kk_key_work *use)
{
    return find_cipher(use)->iv_len;
}

static KK_RV choose(struct kk_key_work *use)
{
    const char *name = use->options->mechanism;
    if (name != NULL) {
        return kk_mechanism_parse(name, &use->mechanism.mechanism)
                   ? CKR_OK
                   : kk_cli_error("there is no mechanism \"%s\"; \"keykist mechanism list\" says "
                                  "what the token has",
                                  name);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(defaults); i++) {
        if (defaults[i].type == use->type) {
            use->mechanism.mechanism = defaults[i].mechanism;
            return CKR_OK;
        }
    }
    return kk_cli_error("keys of this type have no usual mechanism: use --mechanism");
}

static KK_RV put_oaep(struct kk_key_work *use)
{
    const char *name = use->options->hash != NULL ? use->options->hash : "sha256";
    use->hash = kk_hash_find(name);
    if (use->hash == NULL) {
        return kk_cli_error("there is no hash \"%s\": use " KK_HASH_NAMES, name);
    }
    use->params.oaep = (CK_RSA_PKCS_OAEP_PARAMS){
        .hashAlg = use->hash->mechanism, .mgf = use->hash->mgf, .source = CKZ_DATA_SPECIFIED};
    use->mechanism.pParameter = &use->params.oaep;
    use->mechanism.ulParameterLen = sizeof use->params.oaep;
    return CKR_OK;
}

KK_RV kk_key_use_cipher(struct kk_key_work *use)
{
    const struct kk_key_use_options *options = use->options;
    KK_TRY(choose(use));
    const struct cipher *cipher = find_cipher(use);
    if (options->aad != NULL && cipher->parameter != PARAMETER_GCM) {
        return kk_cli_error("--aad is for aes-gcm");
    }
    if (options->hash != NULL && cipher->parameter != PARAMETER_OAEP) {
        return kk_cli_error("--hash is for rsa-oaep");
    }
    if (options->iv != NULL && cipher->iv_len == 0) {
        return kk_cli_error("%s takes no --iv", kk_mechanism_name(cipher->mechanism).text);
    }
    if (options->aad != NULL) {
        KK_TRY(kk_key_use_hex(options->aad, "--aad", &use->aad));
    }
    return cipher->parameter == PARAMETER_OAEP ? put_oaep(use) : CKR_OK;
}

void kk_key_use_put_iv(struct kk_key_work *use)
{
    CK_MECHANISM *mechanism = &use->mechanism;
    switch (find_cipher(use)->parameter) {
    case PARAMETER_GCM:
        use->params.gcm = (CK_GCM_PARAMS){.pIv = use->iv.data,
                                          .ulIvLen = (CK_ULONG)use->iv.len,
                                          .ulIvBits = (CK_ULONG)use->iv.len * 8,
                                          .pAAD = use->aad.data,
                                          .ulAADLen = (CK_ULONG)use->aad.len,
                                          .ulTagBits = GCM_TAG_BITS};
        mechanism->pParameter = &use->params.gcm;
        mechanism->ulParameterLen = sizeof use->params.gcm;
        break;
    case PARAMETER_CTR:
        use->params.ctr.ulCounterBits = COUNTER_BITS;
        memcpy(use->params.ctr.cb, use->iv.data, sizeof use->params.ctr.cb);
        mechanism->pParameter = &use->params.ctr;
        mechanism->ulParameterLen = sizeof use->params.ctr;
        break;
    case PARAMETER_IV:
        mechanism->pParameter = use->iv.data;
        mechanism->ulParameterLen = (CK_ULONG)use->iv.len;
        break;
    case PARAMETER_OAEP:
    case PARAMETER_NONE:
        break;
    }
}

/* ---- IVs ---- */

static KK_RV given_iv(struct kk_key_work *use)
{
    const struct cipher *cipher = find_cipher(use);
    KK_TRY(kk_key_use_hex(use->options->iv, "--iv", &use->iv));
    bool fits = cipher->parameter == PARAMETER_GCM ? use->iv.len > 0 && use->iv.len <= 256
                                                   : use->iv.len == cipher->iv_len;
    return fits ? CKR_OK
                : kk_cli_error("--iv has %zu bytes, and %s takes %zu", use->iv.len,
                               kk_mechanism_name(cipher->mechanism).text, cipher->iv_len);
}

/* A counter's last four bytes begin at 0: they count the blocks. */
static KK_RV draw_iv(struct kk_key_work *use, const struct cipher *cipher)
{
    uint8_t *iv = kk_buffer_extend(&use->iv, cipher->iv_len);
    KK_ENSURE(iv != NULL, CKR_HOST_MEMORY);
    CK_RV rv =
        use->session.p11->C_GenerateRandom(use->session.handle, iv, (CK_ULONG)cipher->iv_len);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not draw an IV");
    }
    if (cipher->parameter == PARAMETER_CTR) {
        memset(iv + cipher->iv_len - COUNTER_BITS / 8, 0, COUNTER_BITS / 8);
    }
    return CKR_OK;
}

/* ---- the two commands ---- */

typedef CK_RV (*cipher_init)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE);
typedef CK_RV (*cipher_run)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR);

/* One call that gives all: the output is at most a little longer than the input. */
static CK_RV run(struct kk_key_work *use, cipher_init init, cipher_run step, struct kk_span in,
                 struct kk_secret **ret_out)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *out = NULL;
    CK_ULONG len = (CK_ULONG)(in.len + ROOM);
    KK_TRY(kk_secret_new(in.len + ROOM, &out));
    kk_key_use_put_iv(use);
    KK_TRY(init(use->session.handle, &use->mechanism, use->key));
    KK_TRY(kk_key_use_authenticate(use));
    KK_TRY(step(use->session.handle, (CK_BYTE_PTR)(uintptr_t)in.data, (CK_ULONG)in.len,
                kk_secret_data(out), &len));
    KK_ENSURE(len <= kk_secret_len(out), CKR_GENERAL_ERROR);
    kk_secret_truncate(out, len);
    *ret_out = KK_STEAL(out);
    return CKR_OK;
}

static struct kk_use_output output_of(const struct kk_key_use_options *options, const char *what)
{
    return (struct kk_use_output){.path = options->out,
                                  .base64 = options->base64,
                                  .hex = options->hex,
                                  .force = options->force,
                                  .what = what};
}

/* Which mechanism; and what a reader of the output must know of its IV. */
static void describe(const struct kk_key_work *use, const char *verb, char *text, size_t size)
{
    const struct cipher *cipher = find_cipher(use);
    (void)snprintf(text, size, "%s with %s%s%s%s", verb,
                   kk_mechanism_name(use->mechanism.mechanism).text,
                   use->hash != NULL ? " and " : "", use->hash != NULL ? use->hash->name : "",
                   cipher->iv_len == 0        ? ""
                   : use->options->iv != NULL ? " (IV as given)"
                                              : " (IV in front)");
}

CK_RV kk_keykist_key_encrypt(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {.keykist = keykist, .options = options};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *sealed = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer all = {0};
    struct kk_use_output output = output_of(options, "ciphertext");
    char how[200];
    KK_TRY(kk_key_use_begin(&use, CKO_PUBLIC_KEY));
    KK_TRY(kk_key_use_cipher(&use));
    KK_TRY(kk_use_read(keykist->operand, &plain));
    KK_TRY(options->iv != NULL ? given_iv(&use) : draw_iv(&use, find_cipher(&use)));
    CK_FUNCTION_LIST_PTR p11 = use.session.p11;
    CK_RV rv = run(&use, p11->C_EncryptInit, p11->C_Encrypt, kk_secret_span(plain), &sealed);
    if (rv == CKR_DATA_LEN_RANGE && use.type == CKK_RSA) {
        return kk_cli_error("the file is too long for an RSA key (%zu bytes): encrypt it with an "
                            "AES key, and wrap that one (keykist key wrap)",
                            kk_secret_len(plain));
    }
    if (rv != CKR_OK) {
        return kk_key_use_failed(&use, rv, "encrypt");
    }
    if (options->iv == NULL) {
        kk_buffer_put_span(&all, kk_buffer_span(&use.iv));
    }
    kk_buffer_put_span(&all, kk_secret_span(sealed));
    KK_TRY(kk_buffer_check(&all));
    describe(&use, "encrypted", how, sizeof how);
    return kk_use_write(keykist, use.session.slot, &output, kk_buffer_span(&all), how);
}

/* Takes the IV off the front. */
static KK_RV take_iv(struct kk_key_work *use, struct kk_span *sealed)
{
    size_t len = find_cipher(use)->iv_len;
    if (use->options->iv != NULL) {
        return given_iv(use);
    }
    if (sealed->len < len) {
        return kk_cli_error("the file is too short: %s begins with an IV of %zu bytes",
                            kk_mechanism_name(use->mechanism.mechanism).text, len);
    }
    kk_buffer_put(&use->iv, sealed->data, len);
    *sealed = KK_SPAN(sealed->data + len, sealed->len - len);
    return kk_buffer_check(&use->iv);
}

CK_RV kk_keykist_key_decrypt(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {.keykist = keykist, .options = options};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *file = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    struct kk_use_output output = output_of(options, "plaintext");
    char how[200];
    KK_TRY(kk_key_use_begin(&use, CKO_PRIVATE_KEY));
    KK_TRY(kk_key_use_cipher(&use));
    KK_TRY(kk_use_read(keykist->operand, &file));
    struct kk_span sealed = kk_secret_span(file);
    KK_TRY(take_iv(&use, &sealed));
    CK_FUNCTION_LIST_PTR p11 = use.session.p11;
    CK_RV rv = run(&use, p11->C_DecryptInit, p11->C_Decrypt, sealed, &plain);
    if (rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE ||
        rv == CKR_AEAD_DECRYPT_FAILED) {
        return kk_cli_error("the file was not encrypted with this key, mechanism and IV, or it was "
                            "changed (%s)",
                            kk_mechanism_name(use.mechanism.mechanism).text);
    }
    if (rv != CKR_OK) {
        return kk_key_use_failed(&use, rv, "decrypt");
    }
    describe(&use, "decrypted", how, sizeof how);
    return kk_use_write(keykist, use.session.slot, &output, kk_secret_span(plain), how);
}
