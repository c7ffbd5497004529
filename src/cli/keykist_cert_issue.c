/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist cert issue: a certificate for the key of another, of the request for it, signed by an
 * authority's key in the token. The request's own signature is verified in the token too.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cli/dn.h"
#include "cli/key_template.h"
#include "cli/keykist_cert_make.h"
#include "cli/pem.h"
#include "cli/report.h"
#include "crypto/der.h"

#include "base/banned.h"

#define SHA1_LEN 20

struct issuing {
    struct kk_cert_making making;
    struct kk_secret *file;   /* the request as it was read */
    struct kk_secret *der;    /* the same without PEM; NULL: it is in DER */
    struct kk_secret *issuer; /* the authority's certificate */
    struct kk_x509_request request;
    struct kk_x509 authority;
    uint8_t key_id[SHA1_LEN];
};

static void issuing_clear(struct issuing *issuing)
{
    kk_secret_free(issuing->issuer);
    kk_secret_free(issuing->der);
    kk_secret_free(issuing->file);
    kk_cert_making_clear(&issuing->making);
}

/* ---- the request ---- */

static KK_RV read_request(const char *path, struct issuing *issuing)
{
    KK_TRY(kk_use_read(path, &issuing->file));
    struct kk_span der = kk_secret_span(issuing->file);
    if (kk_pem_decode(der, "CERTIFICATE REQUEST", &issuing->der) == CKR_OK ||
        kk_pem_decode(der, "NEW CERTIFICATE REQUEST", &issuing->der) == CKR_OK) {
        der = kk_secret_span(issuing->der);
    }
    return kk_x509_read_request(der, &issuing->request) == CKR_OK
               ? CKR_OK
               : kk_cli_error("%s: it is no certificate signing request (PKCS#10, in PEM or DER)",
                              path);
}

/* The request's key as an object of this session, in one of its forms. */
static CK_RV create_key(const struct kk_keykist_session *session, struct kk_key_form *form,
                        size_t style, CK_OBJECT_HANDLE *ret_key)
{
    static const CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    struct kk_cli_template tmpl = {0};
    KK_TRY(kk_key_form_style(form, style));
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_bool(&tmpl, CKA_TOKEN, false);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, false);
    kk_cli_template_put_bool(&tmpl, CKA_VERIFY, true);
    kk_key_form_put_public(&tmpl, form);
    return session->p11->C_CreateObject(session->handle, tmpl.attributes, tmpl.count, ret_key);
}

static CK_RV verify_with(struct kk_key_work *check, struct kk_key_form *form, size_t style,
                         const struct kk_x509_request *request)
{
    KK_TRY(create_key(&check->session, form, style, &check->key));
    check->type =
        kk_object_ulong(&check->session, check->key, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
    CK_RV rv = kk_key_use_signature(check);
    if (rv == CKR_OK) {
        rv = kk_key_use_verify(check, request->body, request->signature);
    }
    (void)check->session.p11->C_DestroyObject(check->session.handle, check->key);
    return rv;
}

/* Some modules take a form that they then cannot verify with: the next one is tried. */
static CK_RV verify_in_any_form(struct kk_key_work *check, const struct kk_keyfile *key,
                                const struct kk_x509_request *request)
{
    struct kk_key_form form;
    CK_RV rv = CKR_KEY_TYPE_INCONSISTENT;
    kk_key_form_begin(&form, key);
    for (size_t i = 0; rv != CKR_OK && !kk_cli_has_failed() && i < kk_key_form_styles(&form); i++) {
        CK_RV tried = verify_with(check, &form, i, request);
        bool is_bad = rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE;
        rv = tried == CKR_OK || !is_bad ? tried : rv;
    }
    kk_key_form_clear(&form);
    return rv;
}

/* The key that the request names, as files have it. */
static CK_RV read_key(struct kk_span info, struct kk_bag **ret_bag)
{
    KK_CLEANUP(kk_keyfiles_freep) struct kk_keyfiles *files = NULL;
    KK_TRY(kk_keyfiles_new(&files));
    KK_TRY(kk_keyfiles_read(files, info, NULL, ret_bag));
    KK_ENSURE((*ret_bag)->count == 1 && (*ret_bag)->items[0].kind == KK_BAG_PUBLIC,
              CKR_DATA_INVALID);
    return CKR_OK;
}

/* Who asks has the private key: else somebody could get a certificate for another's key. */
static KK_RV verify_request(struct issuing *issuing)
{
    const struct kk_x509_request *request = &issuing->request;
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = NULL;
    struct kk_key_use_options options = {0};
    struct kk_mechanism_word name;
    CK_MECHANISM_TYPE type = 0;
    struct kk_key_work check = {.keykist = issuing->making.work.keykist,
                                .options = &options,
                                .session = issuing->making.work.session}; /* not freed here */
    if (kk_x509_mechanism(request->algorithm, request->asked.key, &type) != CKR_OK) {
        return kk_cli_error("the request is signed in a way that is not handled here");
    }
    if (read_key(request->asked.key, &bag) != CKR_OK) {
        return kk_cli_error("the request is for a kind of key that is not handled here");
    }
    if (type != 0) {
        name = kk_mechanism_name(type);
        options.mechanism = name.text;
    }
    CK_RV rv = verify_in_any_form(&check, bag->items[0].key, request);
    if (rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE) {
        return kk_cli_error("the request is not signed by the key that it names: it was changed, "
                            "or whoever made it does not have that key");
    }
    return rv == CKR_OK || kk_cli_has_failed() ? rv : kk_key_use_failed(&check, rv, "verify");
}

/* ---- the authority ---- */

static KK_RV issuer_of_token(struct issuing *issuing)
{
    static const CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
    const struct kk_cert_making *making = &issuing->making;
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    struct kk_cli_template tmpl = {0};
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    if (making->id != NULL && kk_secret_len(making->id) > 0) {
        kk_cli_template_put_secret(&tmpl, CKA_ID, making->id);
    } else {
        kk_cli_template_put_secret(&tmpl, CKA_LABEL, making->label);
    }
    KK_TRY(kk_object_search(&making->work.session, &tmpl, 2, &list));
    if (list.count != 1) {
        return kk_cli_error("%s: name its file by --issuer",
                            list.count == 0 ? "the authority's certificate is not in the token"
                                            : "several certificates have the authority's ID");
    }
    CK_RV rv = kk_object_get(&making->work.session, list.handles[0], CKA_VALUE, &issuing->issuer);
    return rv == CKR_OK ? CKR_OK
                        : kk_keykist_failed(rv, "Could not read the authority's certificate");
}

static KK_RV issuer_of_file(const char *path, struct issuing *issuing)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    KK_CLEANUP(kk_certfile_freep) struct kk_certfile *file = NULL;
    KK_TRY(kk_use_read(path, &content));
    if (kk_certfile_parse(kk_secret_span(content), &file) != CKR_OK) {
        return kk_cli_error("%s: there is no certificate in it", path);
    }
    return kk_secret_from(kk_buffer_span(&file->certificate), &issuing->issuer);
}

/* Whoever checks the new certificate would refuse it otherwise. */
static KK_RV check_authority(const struct issuing *issuing)
{
    const struct kk_cert_making *making = &issuing->making;
    if (!kk_span_equal(issuing->authority.key, kk_secret_span(making->key))) {
        return kk_cli_error("the authority's certificate is for another key than the one that "
                            "would sign");
    }
    if (!issuing->authority.is_ca) {
        return kk_cli_error("the authority's certificate is for none: it says that its key may "
                            "sign no certificates (\"keykist cert self-sign --ca\" makes one)");
    }
    return CKR_OK;
}

/* No certificate is valid longer than the one above it: without --days it ends with that. */
static KK_RV settle_end(struct issuing *issuing)
{
    const char *text = issuing->authority.end;
    struct kk_x509_wish *wish = &issuing->making.wish;
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    time_t last = rest != NULL && *rest == '\0' ? timegm(&utc) : 0;
    if (last <= wish->begin) {
        return kk_cli_error("the authority's certificate is not valid any more (until %s)", text);
    }
    if (wish->end > last && issuing->making.options->days != NULL) {
        return kk_cli_error("the authority's certificate ends before the new one would (%s): use "
                            "fewer --days",
                            text);
    }
    wish->end = wish->end > last ? last : wish->end;
    return CKR_OK;
}

static KK_RV read_authority(struct issuing *issuing)
{
    const char *path = issuing->making.options->issuer;
    KK_TRY(path != NULL ? issuer_of_file(path, issuing) : issuer_of_token(issuing));
    if (kk_x509_read(kk_secret_span(issuing->issuer), &issuing->authority) != CKR_OK) {
        return kk_cli_error("the authority's certificate cannot be read");
    }
    KK_TRY(check_authority(issuing));
    return settle_end(issuing);
}

/* ---- what goes into the certificate ---- */

/* The names within the SEQUENCE. */
static KK_RV take_names(struct issuing *issuing)
{
    struct kk_x509_wish *wish = &issuing->making.wish;
    struct kk_span asked = issuing->request.asked.alt_names;
    if (wish->alt_names.len > 0 || asked.len == 0) {
        return CKR_OK;
    }
    struct kk_reader outer = kk_reader_new(asked);
    struct kk_reader list = kk_der_enter(&outer, KK_DER_SEQUENCE);
    wish->alt_names = list.rest;
    while (!list.failed && list.rest.len > 0) {
        (void)kk_der_take_any(&list);
    }
    return !list.failed && kk_reader_done(&outer)
               ? CKR_OK
               : kk_cli_error("the request's further names cannot be read: give them by --san");
}

static KK_RV take_subject(struct issuing *issuing)
{
    struct kk_x509_wish *wish = &issuing->making.wish;
    if (wish->name.len > 0) {
        return CKR_OK;
    }
    wish->name = issuing->request.asked.subject;
    return wish->name.len > 2 || wish->alt_names.len > 0
               ? CKR_OK
               : kk_cli_error("the request names no subject: give one by --subject");
}

static KK_RV take_path_len(struct issuing *issuing)
{
    struct kk_x509_wish *wish = &issuing->making.wish;
    const char *text = issuing->making.options->path_len;
    if (text == NULL) {
        return CKR_OK;
    }
    if (!wish->is_ca || text[0] < '0' || text[0] > '9' || text[1] != '\0') {
        return kk_cli_error("--path-len takes 0 to 9, and goes with --ca");
    }
    wish->has_path_len = true;
    wish->path_len = (uint8_t)(text[0] - '0');
    return CKR_OK;
}

/* As X.509 makes its usual key identifier: SHA-1 of the public key's bits. */
static KK_RV compute_key_id(struct issuing *issuing)
{
    const struct kk_keykist_session *session = &issuing->making.work.session;
    struct kk_reader outer = kk_reader_new(issuing->request.asked.key);
    struct kk_reader inner = kk_der_enter(&outer, KK_DER_SEQUENCE);
    (void)kk_der_take_any(&inner);
    struct kk_span bits = kk_der_take_bits(&inner);
    CK_MECHANISM mechanism = {.mechanism = CKM_SHA_1};
    CK_ULONG len = SHA1_LEN;
    KK_ENSURE(!inner.failed, CKR_DATA_INVALID);
    if (session->p11->C_DigestInit(session->handle, &mechanism) == CKR_OK &&
        session->p11->C_Digest(session->handle, (CK_BYTE_PTR)(uintptr_t)bits.data,
                               (CK_ULONG)bits.len, issuing->key_id, &len) == CKR_OK) {
        issuing->making.wish.key_id = KK_SPAN_ARRAY(issuing->key_id);
    } else { /* a token without SHA-1: the extension is left out */
        issuing->making.wish.key_id = KK_SPAN(NULL, 0);
    }
    return CKR_OK;
}

static bool is_rsa(struct kk_span key)
{
    static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1};
    struct kk_reader outer = kk_reader_new(key);
    struct kk_reader inner = kk_der_enter(&outer, KK_DER_SEQUENCE);
    struct kk_reader algorithm = kk_der_enter(&inner, KK_DER_SEQUENCE);
    return kk_span_equal(kk_der_take(&algorithm, KK_DER_OID), KK_SPAN_ARRAY(rsa));
}

static KK_RV fill_wish(struct issuing *issuing)
{
    struct kk_x509_wish *wish = &issuing->making.wish;
    KK_TRY(take_names(issuing));
    KK_TRY(take_subject(issuing));
    KK_TRY(take_path_len(issuing));
    if (issuing->making.options->purposes == NULL) {
        wish->purposes = issuing->request.asked.purposes;
    }
    KK_TRY(kk_cert_draw_serial(&issuing->making));
    KK_TRY(compute_key_id(issuing));
    wish->key = issuing->request.asked.key;
    wish->encrypts = is_rsa(wish->key);
    wish->issuer = issuing->authority.subject;
    wish->authority_id = issuing->authority.key_id;
    return CKR_OK;
}

CK_RV kk_keykist_cert_issue(struct kk_keykist *keykist)
{
    KK_CLEANUP(issuing_clear) struct issuing issuing = {.making = {.issues = true}};
    KK_TRY(read_request(keykist->operand, &issuing));
    KK_TRY(kk_cert_begin(keykist, false, &issuing.making));
    KK_TRY(verify_request(&issuing));
    KK_TRY(read_authority(&issuing));
    KK_TRY(fill_wish(&issuing));
    KK_TRY(kk_x509_put_certificate(&issuing.making.body, &issuing.making.wish));
    KK_TRY(kk_cert_finish(&issuing.making));
    return kk_cert_write(&issuing.making, "certificate", "certificate issued");
}
