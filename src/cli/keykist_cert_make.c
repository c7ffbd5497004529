/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist cert request and self-sign: put together here, signed by the key in the token.
 */
#include "cli/keykist_cert_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/dn.h"
#include "cli/pem.h"
#include "cli/report.h"

#include "base/banned.h"

#define DAYS_MAX 36500UL
#define DAY 86400

void kk_cert_making_clear(struct kk_cert_making *making)
{
    kk_buffer_clear(&making->result);
    kk_buffer_clear(&making->body);
    kk_buffer_clear(&making->algorithm);
    kk_buffer_clear(&making->alt_names);
    kk_buffer_clear(&making->name);
    kk_secret_free(making->label);
    kk_secret_free(making->id);
    kk_secret_free(making->key);
    kk_key_use_clear(&making->work);
}

/* ---- what is wished for ---- */

static KK_RV read_names(struct kk_cert_making *making)
{
    const struct kk_cert_make_options *options = making->options;
    struct kk_dn_why why = {""};
    if (options->subject == NULL && !making->issues) {
        return kk_cli_error("--subject is missing: whose is the certificate? \"CN=web.example\"");
    }
    CK_RV rv = CKR_OK;
    if (options->subject != NULL) {
        rv = kk_dn_parse(options->subject, &making->name, &why);
    }
    if (rv == CKR_DATA_INVALID) {
        return kk_cli_error("--subject: %s", why.text);
    }
    for (size_t i = 0; rv == CKR_OK && i < options->alt_names.count; i++) {
        rv = kk_san_parse(options->alt_names.items[i], &making->alt_names, &why);
    }
    return rv == CKR_DATA_INVALID ? kk_cli_error("--san: %s", why.text) : rv;
}

static KK_RV read_purposes(const char *text, unsigned int *ret_purposes)
{
    static const struct {
        const char *word;
        enum kk_x509_purpose purpose;
    } rows[] = {{"server", KK_X509_SERVER},
                {"client", KK_X509_CLIENT},
                {"code", KK_X509_CODE},
                {"email", KK_X509_EMAIL}};
    unsigned int purposes = 0;
    for (const char *at = text; at != NULL && *at != '\0'; at += *at == ',' ? 1 : 0) {
        size_t len = strcspn(at, ",");
        unsigned int found = 0;
        for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
            bool is_it = strlen(rows[i].word) == len && strncmp(rows[i].word, at, len) == 0;
            found |= is_it ? (unsigned int)rows[i].purpose : 0u;
        }
        if (found == 0) {
            return kk_cli_error("--for takes server, client, code and email, with commas between "
                                "them, not \"%s\"",
                                text);
        }
        purposes |= found;
        at += len;
    }
    *ret_purposes = purposes;
    return CKR_OK;
}

static KK_RV read_days(const char *text, struct kk_x509_wish *wish)
{
    unsigned long days = 365;
    if (text != NULL) {
        size_t digits = strspn(text, "0123456789");
        days = digits > 0 && digits < 7 && text[digits] == '\0' ? strtoul(text, NULL, 10) : 0;
        if (days == 0 || days > DAYS_MAX) {
            return kk_cli_error("--days takes 1 to %lu, not \"%s\"", DAYS_MAX, text);
        }
    }
    wish->begin = time(NULL);
    wish->end = wish->begin + (time_t)days * DAY;
    return CKR_OK;
}

static KK_RV read_options(struct kk_cert_making *making)
{
    const char *format = making->options->format;
    if (format != NULL && strcmp(format, "pem") != 0 && strcmp(format, "der") != 0) {
        return kk_cli_error("--format takes pem or der, not \"%s\"", format);
    }
    const struct kk_key_use_options *use = &making->options->use;
    if (use->out != NULL && !use->force && strcmp(use->out, "-") != 0 &&
        access(use->out, F_OK) == 0) {
        return kk_cli_error("there is a file %s already: --force replaces it", use->out);
    }
    KK_TRY(read_names(making));
    KK_TRY(read_purposes(making->options->purposes, &making->wish.purposes));
    return read_days(making->options->days, &making->wish);
}

/* ---- the key ---- */

/* By CKA_PUBLIC_KEY_INFO, or in parts. */
static KK_RV info_of(const struct kk_keykist_session *session, CK_OBJECT_HANDLE key,
                     struct kk_secret **ret_info)
{
    KK_CLEANUP(kk_keyfiles_freep) struct kk_keyfiles *files = NULL;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *parts = NULL;
    if (kk_object_get(session, key, CKA_PUBLIC_KEY_INFO, ret_info) == CKR_OK) {
        if (kk_secret_len(*ret_info) > 0) {
            return CKR_OK;
        }
        kk_secret_free(*ret_info);
        *ret_info = NULL;
    }
    KK_TRY(kk_object_key(session, key, &parts));
    KK_TRY(kk_keyfiles_new(&files));
    return kk_keyfiles_public(files, parts, KK_FILE_DER, ret_info);
}

/* The public key beside the private one: that of its ID and type. */
static KK_RV public_of(struct kk_cert_making *making, CK_OBJECT_HANDLE *ret_key)
{
    static const CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    const struct kk_key_work *work = &making->work;
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    struct kk_cli_template tmpl = {0};
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_ulong(&tmpl, CKA_KEY_TYPE, &work->type);
    if (making->id != NULL && kk_secret_len(making->id) > 0) {
        kk_cli_template_put_secret(&tmpl, CKA_ID, making->id);
    } else {
        kk_cli_template_put_secret(&tmpl, CKA_LABEL, making->label);
    }
    KK_TRY(kk_object_search(&work->session, &tmpl, 2, &list));
    if (list.count != 1) {
        return kk_cli_error(list.count == 0 ? "the public key is not in the token"
                                            : "several public keys have the key's ID or label");
    }
    *ret_key = list.handles[0];
    return CKR_OK;
}

static KK_RV read_key(struct kk_cert_making *making)
{
    struct kk_key_work *work = &making->work;
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    if (work->object_class != CKO_PRIVATE_KEY) {
        return kk_cli_error("certificates are for key pairs, and this is a secret key");
    }
    KK_TRY(kk_object_get(&work->session, work->key, CKA_LABEL, &making->label));
    if (kk_object_get(&work->session, work->key, CKA_ID, &making->id) != CKR_OK) {
        making->id = NULL;
    }
    if (kk_object_get(&work->session, work->key, CKA_PUBLIC_KEY_INFO, &making->key) == CKR_OK &&
        kk_secret_len(making->key) > 0) {
        return CKR_OK;
    }
    kk_secret_free(making->key);
    making->key = NULL;
    KK_TRY(public_of(making, &public_key));
    CK_RV rv = info_of(&work->session, public_key, &making->key);
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not read the public key");
}

/* The mechanism that the module is to compute, or the one that stands for it in a certificate. */
static KK_RV choose_algorithm(struct kk_cert_making *making)
{
    struct kk_key_work *work = &making->work;
    KK_TRY(kk_key_use_signature(work));
    CK_MECHANISM_TYPE type = work->hash_first ? work->hash->ecdsa : work->mechanism.mechanism;
    CK_RV rv = kk_x509_put_algorithm(&making->algorithm, type, kk_secret_span(making->key));
    return rv != CKR_MECHANISM_INVALID
               ? rv
               : kk_cli_error("%s is not for certificates", kk_mechanism_name(type).text);
}

KK_RV kk_cert_begin(struct kk_keykist *keykist, bool writable, struct kk_cert_making *making)
{
    making->options = keykist->own;
    making->work.keykist = keykist;
    making->work.options = &making->options->use;
    making->work.writable = writable;
    KK_TRY(read_options(making));
    KK_TRY(kk_key_use_begin(&making->work, CKO_PRIVATE_KEY));
    KK_TRY(read_key(making));
    KK_TRY(choose_algorithm(making));
    making->wish.name = kk_buffer_span(&making->name);
    making->wish.key = kk_secret_span(making->key);
    making->wish.alt_names = kk_buffer_span(&making->alt_names);
    making->wish.algorithm = kk_buffer_span(&making->algorithm);
    making->wish.is_ca = making->options->is_ca;
    making->wish.encrypts = making->work.type == CKK_RSA;
    return CKR_OK;
}

KK_RV kk_cert_finish(struct kk_cert_making *making)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer signature = {0};
    KK_TRY(kk_key_use_sign(&making->work, kk_buffer_span(&making->body), &signature));
    return kk_x509_put_signed(&making->result, kk_buffer_span(&making->body),
                              kk_buffer_span(&making->algorithm), kk_buffer_span(&signature));
}

/* ---- out ---- */

KK_RV kk_cert_write(const struct kk_cert_making *making, const char *name, const char *how)
{
    const struct kk_cert_make_options *options = making->options;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    struct kk_use_output output = {
        .path = options->use.out, .force = options->use.force, .is_text = true, .what = name};
    struct kk_span content = kk_buffer_span(&making->result);
    if (options->format == NULL || strcmp(options->format, "pem") == 0) {
        KK_TRY(kk_pem_encode(
            content, strcmp(name, "request") == 0 ? "CERTIFICATE REQUEST" : "CERTIFICATE", &text));
        content = kk_buffer_span(&text);
    } else {
        output.is_text = false;
    }
    return kk_use_write(making->work.keykist, making->work.session.slot, &output, content, how);
}

CK_RV kk_keykist_cert_request(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_cert_making_clear) struct kk_cert_making making = {0};
    KK_TRY(kk_cert_begin(keykist, false, &making));
    KK_TRY(kk_x509_put_request(&making.body, &making.wish));
    KK_TRY(kk_cert_finish(&making));
    return kk_cert_write(&making, "request", "request made");
}

/* ---- self-sign ---- */

KK_RV kk_cert_draw_serial(struct kk_cert_making *making)
{
    const struct kk_keykist_session *session = &making->work.session;
    CK_RV rv = session->p11->C_GenerateRandom(session->handle, making->serial, KK_CERT_SERIAL_LEN);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not draw a serial number");
    }
    making->serial[0] = (uint8_t)((making->serial[0] & 0x3f) | 0x40); /* of full length, positive */
    making->wish.serial = KK_SPAN_ARRAY(making->serial);
    making->wish.key_id =
        making->id != NULL ? kk_secret_span(making->id) : (struct kk_span){NULL, 0};
    return CKR_OK;
}

static KK_RV store(const struct kk_cert_making *making)
{
    static const CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
    static const CK_CERTIFICATE_TYPE type = CKC_X_509;
    const struct kk_keykist_session *session = &making->work.session;
    struct kk_cli_template tmpl = {0};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    uint8_t serial[2 + KK_CERT_SERIAL_LEN] = {0x02, KK_CERT_SERIAL_LEN};
    memcpy(serial + 2, making->serial, KK_CERT_SERIAL_LEN);
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_ulong(&tmpl, CKA_CERTIFICATE_TYPE, &type);
    kk_cli_template_put_bool(&tmpl, CKA_TOKEN, true);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, false);
    kk_cli_template_put_secret(&tmpl, CKA_LABEL, making->label);
    if (making->id != NULL) {
        kk_cli_template_put_secret(&tmpl, CKA_ID, making->id);
    }
    kk_cli_template_put(&tmpl, CKA_SUBJECT, making->name.data, making->name.len);
    kk_cli_template_put(&tmpl, CKA_ISSUER, making->name.data, making->name.len);
    kk_cli_template_put(&tmpl, CKA_SERIAL_NUMBER, serial, sizeof serial);
    kk_cli_template_put(&tmpl, CKA_VALUE, making->result.data, making->result.len);
    CK_RV rv = session->p11->C_CreateObject(session->handle, tmpl.attributes, tmpl.count, &object);
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not store the certificate");
}

CK_RV kk_keykist_cert_self_sign(struct kk_keykist *keykist)
{
    const struct kk_cert_make_options *options = keykist->own;
    KK_CLEANUP(kk_cert_making_clear) struct kk_cert_making making = {0};
    KK_TRY(kk_cert_begin(keykist, !options->no_store, &making));
    KK_TRY(kk_cert_draw_serial(&making));
    KK_TRY(kk_x509_put_certificate(&making.body, &making.wish));
    KK_TRY(kk_cert_finish(&making));
    if (!options->no_store) {
        KK_TRY(store(&making));
    }
    if (!options->no_store && options->use.out == NULL) {
        return kk_keykist_say(keykist, &making.work.token, making.work.session.slot,
                              "certificate made and stored");
    }
    return kk_cert_write(&making, "certificate",
                         options->no_store ? "certificate made" : "certificate made and stored");
}
