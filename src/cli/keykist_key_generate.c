/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key generate: a key pair or a secret key, made by the token.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/key_spec.h"
#include "cli/keykist_key.h"
#include "cli/report.h"

#include "base/banned.h"

#define SHA1_LEN 20

struct making {
    const struct kk_key_generate_options *options;
    const struct kk_keykist_session *session;
    struct kk_key_spec spec;
    struct kk_buffer id; /* of --id; empty: not given */
    unsigned int uses;
    CK_ULONG bytes; /* CKA_VALUE_LEN */
};

static void making_clear(struct making *making)
{
    kk_buffer_clear(&making->id);
}

static KK_RV read_options(const struct kk_keykist *keykist, struct making *making)
{
    const struct kk_key_generate_options *options = making->options;
    struct kk_key_spec_why why = {""};
    CK_RV rv = kk_key_spec_parse(keykist->operand, &making->spec, &why);
    if (rv != CKR_OK) {
        return kk_cli_error("%s; kinds are %s", why.text, kk_key_spec_names());
    }
    if (options->label == NULL || options->label[0] == '\0') {
        return kk_cli_error("--label is missing: how is the key to be called?");
    }
    if (options->id != NULL) {
        KK_TRY(kk_object_parse_id(options->id, &making->id));
    }
    making->uses = making->spec.uses;
    making->bytes = making->spec.bits / 8;
    return options->usage != NULL ? kk_object_parse_usage(options->usage, &making->uses) : CKR_OK;
}

/* Two keys of one label are told apart by their IDs only: nobody wants that unknowingly. */
static KK_RV check_label(const struct making *making)
{
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    struct kk_object_filter filter = {.kind = KK_OBJECTS_KEYS, .label = making->options->label};
    if (making->options->force) {
        return CKR_OK;
    }
    KK_TRY(kk_object_find(making->session, &filter, &list));
    return list.count == 0 ? CKR_OK
                           : kk_cli_error("there is a key with the label \"%s\" already: choose "
                                          "another, or use --force",
                                          making->options->label);
}

/* ---- templates ---- */

static void put_common(const struct making *making, struct kk_cli_template *tmpl)
{
    const char *label = making->options->label;
    kk_cli_template_put_bool(tmpl, CKA_TOKEN, true);
    kk_cli_template_put(tmpl, CKA_LABEL, label, strlen(label));
    if (making->id.len > 0) {
        kk_cli_template_put(tmpl, CKA_ID, making->id.data, making->id.len);
    }
}

static void put_secrecy(const struct making *making, struct kk_cli_template *tmpl)
{
    kk_cli_template_put_bool(tmpl, CKA_PRIVATE, !making->options->not_private);
    kk_cli_template_put_bool(tmpl, CKA_SENSITIVE, !making->options->not_sensitive);
    kk_cli_template_put_bool(tmpl, CKA_EXTRACTABLE, making->options->extractable);
}

static void put_public(const struct making *making, struct kk_cli_template *tmpl)
{
    static const CK_BYTE exponent[] = {1, 0, 1};
    const struct kk_key_spec *spec = &making->spec;
    put_common(making, tmpl);
    kk_cli_template_put_bool(tmpl, CKA_PRIVATE, false);
    if (spec->type == CKK_RSA) {
        kk_cli_template_put_ulong(tmpl, CKA_MODULUS_BITS, &spec->bits);
        kk_cli_template_put(tmpl, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
    }
    if (spec->params.len > 0) {
        kk_cli_template_put(tmpl, CKA_EC_PARAMS, spec->params.data, spec->params.len);
    }
    if (spec->set != 0) {
        kk_cli_template_put_ulong(tmpl, CKA_PARAMETER_SET, &spec->set);
    }
    if (spec->type == CKK_ML_KEM) {
        kk_cli_template_put_bool(tmpl, CKA_ENCAPSULATE, true);
    } else {
        kk_key_put_public_uses(tmpl, making->uses);
    }
}

static void put_private(const struct making *making, struct kk_cli_template *tmpl)
{
    put_common(making, tmpl);
    put_secrecy(making, tmpl);
    if (making->spec.type == CKK_ML_KEM) {
        kk_cli_template_put_bool(tmpl, CKA_DECAPSULATE, true);
    } else {
        kk_key_put_private_uses(tmpl, making->uses);
    }
}

static void put_secret(const struct making *making, struct kk_cli_template *tmpl)
{
    put_common(making, tmpl);
    put_secrecy(making, tmpl);
    kk_cli_template_put_ulong(tmpl, CKA_VALUE_LEN, &making->bytes);
    kk_key_put_private_uses(tmpl, making->uses);
    kk_cli_template_put_bool(tmpl, CKA_VERIFY, (making->uses & KK_KEY_USE_SIGN) != 0);
    kk_cli_template_put_bool(tmpl, CKA_ENCRYPT, (making->uses & KK_KEY_USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(tmpl, CKA_WRAP, (making->uses & KK_KEY_USE_WRAP) != 0);
}

/* ---- the pair's ID ---- */

static KK_RV digest(const struct kk_keykist_session *session, struct kk_span text,
                    uint8_t ret_id[SHA1_LEN])
{
    CK_MECHANISM mechanism = {.mechanism = CKM_SHA_1};
    CK_ULONG len = SHA1_LEN;
    KK_TRY(session->p11->C_DigestInit(session->handle, &mechanism));
    return session->p11->C_Digest(session->handle, (CK_BYTE_PTR)(uintptr_t)text.data,
                                  (CK_ULONG)text.len, ret_id, &len);
}

/* As X.509 makes its usual key identifier: SHA-1 of the public key's bits. Keys that files have no
 * form for here have these bits in CKA_VALUE. */
static KK_RV public_id(const struct kk_keykist_session *session, CK_OBJECT_HANDLE key,
                       uint8_t ret_id[SHA1_LEN])
{
    KK_CLEANUP(kk_keyfiles_freep) struct kk_keyfiles *files = NULL;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *parts = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    if (kk_object_key(session, key, &parts) == CKR_OK) {
        KK_TRY(kk_keyfiles_new(&files));
        return kk_keyfiles_id(files, parts, ret_id);
    }
    KK_TRY(kk_object_get(session, key, CKA_VALUE, &value));
    return digest(session, kk_secret_span(value), ret_id);
}

/* A key without an ID is found by its label; that is no reason to throw it away. */
static void give_id(const struct kk_keykist_session *session, CK_OBJECT_HANDLE public_key,
                    CK_OBJECT_HANDLE private_key)
{
    uint8_t id[SHA1_LEN];
    CK_ATTRIBUTE attribute = {.type = CKA_ID, .pValue = id, .ulValueLen = sizeof id};
    if (public_id(session, public_key, id) == CKR_OK &&
        session->p11->C_SetAttributeValue(session->handle, private_key, &attribute, 1) == CKR_OK) {
        (void)session->p11->C_SetAttributeValue(session->handle, public_key, &attribute, 1);
    }
}

/* ---- making ---- */

static CK_RV generate(const struct making *making, CK_OBJECT_HANDLE *ret_key)
{
    const struct kk_keykist_session *session = making->session;
    CK_MECHANISM mechanism = {.mechanism = making->spec.mechanism};
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    struct kk_cli_template first = {0};
    struct kk_cli_template second = {0};
    if (!making->spec.is_pair) {
        put_secret(making, &first);
        return session->p11->C_GenerateKey(session->handle, &mechanism, first.attributes,
                                           first.count, ret_key);
    }
    put_public(making, &first);
    put_private(making, &second);
    KK_TRY(session->p11->C_GenerateKeyPair(session->handle, &mechanism, first.attributes,
                                           first.count, second.attributes, second.count,
                                           &public_key, ret_key));
    if (making->id.len == 0) {
        give_id(session, public_key, *ret_key);
    }
    return CKR_OK;
}

/* A large RSA key takes seconds, and nobody knows how many: no bar, but a word. */
static bool begin_wait(const struct making *making)
{
    bool waits = making->spec.type == CKK_RSA && isatty(STDERR_FILENO) != 0;
    if (waits) {
        fprintf(stderr, "Making an RSA key of %lu bits ...", making->spec.bits);
        fflush(stderr);
    }
    return waits;
}

static void end_wait(bool waits)
{
    if (waits) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}

/* "RSA key pair of 3072 bits made" */
static void describe(const struct making *making, CK_OBJECT_HANDLE key, char *text, size_t size)
{
    struct kk_object_type type = kk_object_type_of(making->session, key);
    bool has_size = making->spec.bits > 0 && type.bits > 0;
    char bits[40] = "";
    if (has_size) {
        (void)snprintf(bits, sizeof bits, " of %lu bits", type.bits);
    }
    (void)snprintf(text, size, "%s key%s%s made", type.name != NULL ? type.name : making->spec.name,
                   making->spec.is_pair ? " pair" : "", bits);
}

CK_RV kk_keykist_key_generate(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(making_clear) struct making making = {.options = keykist->own, .session = &session};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    char what[128];
    KK_TRY(read_options(keykist, &making));
    KK_TRY(kk_object_begin(keykist, true, true, &session, &slot, &info));
    KK_TRY(check_label(&making));
    bool waits = begin_wait(&making);
    CK_RV rv = generate(&making, &key);
    end_wait(waits);
    if (rv == CKR_MECHANISM_INVALID) {
        return kk_cli_error("the token makes no keys of the kind %s (CKR_MECHANISM_INVALID); "
                            "\"keykist mechanism list\" says what it has",
                            keykist->operand);
    }
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not make the key");
    }
    describe(&making, key, what, sizeof what);
    return kk_object_say(keykist, &session, key, what);
}
