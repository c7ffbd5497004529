/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object export: one object to a file, as far as its attributes allow it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/jwk.h"
#include "cli/keykist_object_wrap.h"
#include "cli/pem.h"
#include "cli/report.h"

#include "base/banned.h"

#define CHAIN_MAX 16

enum format { FORMAT_PEM, FORMAT_DER, FORMAT_PKCS12, FORMAT_JWK, FORMAT_RAW };

/* clang-format off */
static const char *const format_names[] = {
    [FORMAT_PEM]    = "pem",
    [FORMAT_DER]    = "der",
    [FORMAT_PKCS12] = "pkcs12",
    [FORMAT_JWK]    = "jwk",
    [FORMAT_RAW]    = "raw",
};
/* clang-format on */

/* One export. */
struct export
{
    const struct kk_object_export_options *options;
    enum format format;
    bool format_given;
    struct kk_secret *passphrase;
    struct kk_keyfiles *keyfiles;
    struct kk_keykist_session session;
    CK_OBJECT_HANDLE object;
    CK_OBJECT_CLASS object_class;
    struct kk_secret *label; /* NULL: none */
    struct kk_secret *content;
};

static void export_clear(struct export *export)
{
    kk_secret_free(export->content);
    kk_secret_free(export->label);
    kk_keykist_close(&export->session);
    kk_keyfiles_free(export->keyfiles);
    kk_secret_free(export->passphrase);
}

static struct kk_span label_of(const struct export *export)
{
    return export->label != NULL ? kk_secret_span(export->label) : (struct kk_span){0};
}

static KK_RV parse_format(struct export *export)
{
    const char *name = export->options->format;
    export->format_given = name != NULL;
    if (name == NULL) {
        return CKR_OK;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(format_names); i++) {
        if (strcmp(format_names[i], name) == 0) {
            export->format = (enum format)i;
            return CKR_OK;
        }
    }
    return kk_cli_error("--format takes pem, der, pkcs12, jwk or raw, not \"%s\"", name);
}

static KK_RV no_format(const struct export *export, const char *what)
{
    return kk_cli_error("%s cannot be written as %s", what, format_names[export->format]);
}

/* ---- what is in clear ---- */

static KK_RV check_protection(const struct export *export)
{
    bool encrypts = export->format == FORMAT_PEM || export->format == FORMAT_DER ||
                    export->format == FORMAT_PKCS12;
    if (export->passphrase != NULL && !encrypts) {
        return kk_cli_error("%s has no encryption: leave the passphrase out and use --plain, or "
                            "use another --format",
                            format_names[export->format]);
    }
    if (export->passphrase == NULL && export->format == FORMAT_PKCS12) {
        return kk_cli_error("pkcs12 needs a passphrase: use --passphrase-file, --passphrase-env or "
                            "--passphrase");
    }
    if (export->passphrase != NULL && export->options->plain) {
        return kk_cli_error("use either a passphrase or --plain");
    }
    if (export->passphrase == NULL && !export->options->plain) {
        return kk_cli_error("the key would be written in clear: use %s--plain if that is meant",
                            encrypts ? "a passphrase, or " : "");
    }
    return CKR_OK;
}

/* ---- certificates for PKCS#12 ---- */

struct chain {
    struct kk_secret *certificates[CHAIN_MAX];
    size_t count;
};

static void chain_clear(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        kk_secret_free(chain->certificates[i]);
    }
}

static KK_RV find_certificate(const struct export *export, CK_ATTRIBUTE_TYPE type,
                              struct kk_span value, struct kk_object_list *ret_list)
{
    static const CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
    static const CK_CERTIFICATE_TYPE x509 = CKC_X_509;
    struct kk_cli_template tmpl = {0};
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_ulong(&tmpl, CKA_CERTIFICATE_TYPE, &x509);
    kk_cli_template_put_bool(&tmpl, CKA_TOKEN, true);
    kk_cli_template_put(&tmpl, type, value.data, value.len);
    return kk_object_search(&export->session, &tmpl, 2, ret_list);
}

/* The certificates above: each one's issuer, as long as the token has it. */
static KK_RV add_issuers(const struct export *export, CK_OBJECT_HANDLE certificate,
                         struct chain *chain)
{
    for (;;) {
        KK_CLEANUP(kk_secret_freep) struct kk_secret *subject = NULL;
        KK_CLEANUP(kk_secret_freep) struct kk_secret *issuer = NULL;
        KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
        struct kk_secret **to = &chain->certificates[chain->count];
        KK_TRY(kk_object_get(&export->session, certificate, CKA_VALUE, to));
        chain->count++;
        if (chain->count == CHAIN_MAX ||
            kk_object_get(&export->session, certificate, CKA_SUBJECT, &subject) != CKR_OK ||
            kk_object_get(&export->session, certificate, CKA_ISSUER, &issuer) != CKR_OK ||
            kk_secret_len(issuer) == 0 || kk_secret_equal(subject, issuer)) {
            return CKR_OK;
        }
        KK_TRY(find_certificate(export, CKA_SUBJECT, kk_secret_span(issuer), &list));
        if (list.count == 0) {
            return CKR_OK;
        }
        certificate = list.handles[0];
    }
}

static KK_RV find_chain(const struct export *export, struct chain *chain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *id = NULL;
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    if (kk_object_get(&export->session, export->object, CKA_ID, &id) != CKR_OK ||
        kk_secret_len(id) == 0) {
        return CKR_OK;
    }
    KK_TRY(find_certificate(export, CKA_ID, kk_secret_span(id), &list));
    if (list.count > 1) {
        return kk_cli_error("several certificates have the key's ID: delete those that are not to "
                            "go with it");
    }
    CK_RV rv = list.count == 1 ? add_issuers(export, list.handles[0], chain) : CKR_OK;
    return rv == CKR_OK || kk_cli_has_failed()
               ? rv
               : kk_keykist_failed(rv, "Could not read a certificate");
}

static KK_RV make_pkcs12(struct export *export, const struct kk_keyfile *key)
{
    KK_CLEANUP(chain_clear) struct chain chain = {0};
    KK_CLEANUP(kk_freep) char *label = NULL;
    struct kk_span spans[CHAIN_MAX];
    struct kk_span text = label_of(export);
    KK_TRY(find_chain(export, &chain));
    for (size_t i = 0; i < chain.count; i++) {
        spans[i] = kk_secret_span(chain.certificates[i]);
    }
    if (text.len > 0 && memchr(text.data, 0, text.len) == NULL) {
        KK_TRY(kk_alloc(text.len + 1, &label));
        memcpy(label, text.data, text.len);
    }
    return kk_keyfiles_pkcs12(export->keyfiles, key, spans, chain.count, label, export->passphrase,
                              &export->content);
}

/* ---- JWK ---- */

static KK_RV make_jwk(struct export *export, struct kk_keyfile *key, bool with_private,
                      const struct kk_secret *secret)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {.text = {.wipe = true}};
    if (secret != NULL) {
        KK_TRY(kk_jwk_put_secret(&json, secret, label_of(export)));
    } else {
        if (with_private) {
            KK_TRY(kk_keyfile_complete(key));
        }
        CK_RV rv = kk_jwk_put(&json, key, with_private, label_of(export));
        KK_ENSURE(rv != CKR_MECHANISM_INVALID,
                  kk_cli_error("JWK has no form for a key of this kind or curve"));
        KK_TRY(rv);
    }
    kk_buffer_put_u8(&json.text, '\n');
    KK_TRY(kk_buffer_check(&json.text));
    return kk_secret_from(kk_buffer_span(&json.text), &export->content);
}

/* ---- by class ---- */

static KK_RV write_certificate(struct export *export)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *der = NULL;
    enum kk_file_form form = export->format == FORMAT_PEM ? KK_FILE_PEM : KK_FILE_DER;
    if (export->format != FORMAT_PEM && export->format != FORMAT_DER) {
        return no_format(export, "a certificate");
    }
    KK_TRY(kk_object_get(&export->session, export->object, CKA_VALUE, &der));
    return kk_keyfiles_certificate(export->keyfiles, kk_secret_span(der), form, &export->content);
}

/* A key that is not taken apart here: as the token itself says its SubjectPublicKeyInfo. */
static KK_RV write_info(struct export *export, enum kk_file_form form)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *info = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    CK_RV rv = kk_object_get(&export->session, export->object, CKA_PUBLIC_KEY_INFO, &info);
    KK_ENSURE(rv == CKR_OK && kk_secret_len(info) > 0, CKR_MECHANISM_INVALID);
    if (form == KK_FILE_DER) {
        export->content = KK_STEAL(info);
        return CKR_OK;
    }
    KK_TRY(kk_pem_encode(kk_secret_span(info), "PUBLIC KEY", &text));
    return kk_secret_from(kk_buffer_span(&text), &export->content);
}

static KK_RV write_public(struct export *export)
{
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
    enum kk_file_form form = export->format == FORMAT_PEM ? KK_FILE_PEM : KK_FILE_DER;
    if (export->format == FORMAT_PKCS12 || export->format == FORMAT_RAW) {
        return no_format(export, "a public key");
    }
    CK_RV rv = kk_object_key(&export->session, export->object, &key);
    if (rv == CKR_MECHANISM_INVALID && export->format != FORMAT_JWK) {
        return write_info(export, form);
    }
    KK_TRY(rv);
    if (export->format == FORMAT_JWK) {
        return make_jwk(export, key, false, NULL);
    }
    return kk_keyfiles_public(export->keyfiles, key, form, &export->content);
}

/* Why a key's value is not to be had by C_GetAttributeValue. */
static KK_RV check_sensitive(const struct export *export, CK_RV rv)
{
    const struct kk_keykist_session *session = &export->session;
    if (rv != CKR_ATTRIBUTE_SENSITIVE) {
        return rv;
    }
    if (!kk_object_flag(session, export->object, CKA_EXTRACTABLE, true)) {
        return kk_cli_error("the key may not leave the token: its CKA_EXTRACTABLE is false");
    }
    if (!export->options->by_wrapping) {
        return kk_cli_error("the key is sensitive and may leave the token only wrapped: use "
                            "--by-wrapping");
    }
    return CKR_OK;
}

static KK_RV private_key(const struct export *export, struct kk_keyfile **ret_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pkcs8 = NULL;
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = NULL;
    CK_RV rv = kk_object_key(&export->session, export->object, ret_key);
    if (rv == CKR_OK) {
        return CKR_OK;
    }
    KK_TRY(check_sensitive(export, rv));
    KK_TRY(kk_object_unwrapped(&export->session, export->object, export->keyfiles, &pkcs8));
    KK_TRY(kk_keyfiles_read(export->keyfiles, kk_secret_span(pkcs8), NULL, &bag));
    KK_ENSURE(bag->count == 1 && bag->items[0].kind == KK_BAG_PRIVATE, CKR_DATA_INVALID);
    *ret_key = KK_STEAL(bag->items[0].key);
    return CKR_OK;
}

static KK_RV write_private(struct export *export)
{
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
    enum kk_file_form form = export->format == FORMAT_PEM ? KK_FILE_PEM : KK_FILE_DER;
    if (export->format == FORMAT_RAW) {
        return no_format(export, "a private key");
    }
    KK_TRY(check_protection(export));
    KK_TRY(private_key(export, &key));
    if (export->format == FORMAT_PKCS12) {
        return make_pkcs12(export, key);
    }
    if (export->format == FORMAT_JWK) {
        return make_jwk(export, key, true, NULL);
    }
    return kk_keyfiles_private(export->keyfiles, key, export->passphrase, form, &export->content);
}

static KK_RV write_secret(struct export *export)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    export->format = export->format_given ? export->format : FORMAT_RAW;
    if (export->format != FORMAT_RAW && export->format != FORMAT_JWK) {
        return no_format(export, "a secret key");
    }
    KK_TRY(check_protection(export));
    CK_RV rv = kk_object_get(&export->session, export->object, CKA_VALUE, &value);
    if (rv != CKR_OK) {
        KK_TRY(check_sensitive(export, rv));
        KK_TRY(kk_object_unwrapped(&export->session, export->object, export->keyfiles, &value));
    }
    if (export->format == FORMAT_JWK) {
        return make_jwk(export, NULL, true, value);
    }
    export->content = KK_STEAL(value);
    return CKR_OK;
}

/* Whoever may see private data may read it; that it gets into a file is still to be said. */
static KK_RV write_data(struct export *export)
{
    export->format = export->format_given ? export->format : FORMAT_RAW;
    if (export->format != FORMAT_RAW) {
        return no_format(export, "data");
    }
    if (export->passphrase != NULL) {
        return kk_cli_error("raw has no encryption: leave the passphrase out");
    }
    if (kk_object_flag(&export->session, export->object, CKA_PRIVATE, true) &&
        !export->options->plain) {
        return kk_cli_error("the data would be written in clear: use --plain if that is meant");
    }
    return kk_object_get(&export->session, export->object, CKA_VALUE, &export->content);
}

/* clang-format off */
static const struct {
    CK_OBJECT_CLASS object_class;
    CK_RV (*write)(struct export *export);
} writers[] = {
    {CKO_CERTIFICATE, write_certificate},
    {CKO_PUBLIC_KEY,  write_public},
    {CKO_PRIVATE_KEY, write_private},
    {CKO_SECRET_KEY,  write_secret},
    {CKO_DATA,        write_data},
};
/* clang-format on */

static KK_RV make_content(struct export *export)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(writers); i++) {
        if (writers[i].object_class == export->object_class) {
            CK_RV rv = writers[i].write(export);
            return rv == CKR_OK || kk_cli_has_failed()
                       ? rv
                       : kk_keykist_failed(rv, "Could not export the object");
        }
    }
    return kk_cli_error("objects of the class %s have no file format",
                        kk_object_class_word(export->object_class).text);
}

/* ---- which object, which file ---- */

static KK_RV choose(const struct kk_keykist *keykist, struct export *export)
{
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    struct kk_object_filter filter = export->options->filter;
    if (filter.object_class == NULL && export->format == FORMAT_PKCS12) {
        filter.object_class = "private";
    }
    KK_TRY(kk_object_find(&export->session, &filter, &list));
    if (list.count == 0) {
        return kk_cli_error("no object fits%s", kk_keykist_pin_is_given(&keykist->options.pin)
                                                    ? ""
                                                    : "; private ones are seen with a PIN only");
    }
    if (list.count > 1) {
        return kk_cli_error("%zu objects fit: choose one by --class, --id, --label or --type",
                            list.count);
    }
    export->object = list.handles[0];
    export->object_class =
        kk_object_ulong(&export->session, export->object, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    if (kk_object_get(&export->session, export->object, CKA_LABEL, &export->label) != CKR_OK) {
        export->label = NULL;
    }
    return CKR_OK;
}

static bool is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

static KK_RV write_file(const struct export *export, const char *path)
{
    struct kk_span content = kk_secret_span(export->content);
    if (is_stdout(path)) {
        (void)fwrite(content.data, 1, content.len, stdout);
        return CKR_OK; /* whether it could be written is the exit status's matter */
    }
    CK_RV rv = export->options->force ? kk_cli_file_write(path, content)
                                      : kk_cli_file_create(path, content);
    if (rv == CKR_OK) {
        return CKR_OK;
    }
    return errno == EEXIST ? kk_cli_error("there is a file %s already: --force replaces it", path)
                           : kk_cli_error("could not write %s: %s", path, strerror(errno));
}

CK_RV kk_keykist_object_export(struct kk_keykist *keykist)
{
    KK_CLEANUP(export_clear) struct export export = {.options = keykist->own};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(parse_format(&export));
    KK_TRY(kk_cli_pin_given(&export.options->passphrase, "--passphrase", &export.passphrase));
    KK_TRY(kk_keyfiles_new(&export.keyfiles));
    KK_TRY(kk_object_begin(keykist, false, false, &export.session, &slot, &info));
    KK_TRY(choose(keykist, &export));
    KK_TRY(make_content(&export));
    KK_TRY(write_file(&export, keykist->operand));
    return is_stdout(keykist->operand) ? CKR_OK
                                       : kk_keykist_say(keykist, &info, slot, "object exported");
}
