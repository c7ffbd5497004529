/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --import of a secret key (a file of nothing but the key) and of a certificate.
 */
#include "cli/util.h"

#include <stdio.h>
#include <string.h>

#include "cli/file.h"
#include "cli/report.h"
#include "cli/template.h"
#include "crypto/keyfile.h"

#include "base/banned.h"

static void put_names(struct kk_cli_template *tmpl, const struct kk_util_target *target)
{
    kk_cli_template_put_bool(tmpl, CKA_TOKEN, true);
    kk_cli_template_put(tmpl, CKA_LABEL, target->label, strlen(target->label));
    kk_cli_template_put(tmpl, CKA_ID, target->id, target->id_len);
}

static KK_RV create(const struct kk_util_target *target, struct kk_cli_template *tmpl)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    return target->p11->C_CreateObject(target->session, tmpl->attributes, tmpl->count, &object);
}

static KK_RV read_aes(const char *path, struct kk_secret **ret_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    enum kk_cli_file_result result = kk_cli_file_read(path, &key);
    if (result == KK_CLI_FILE_NOT_OPENED) {
        return kk_cli_error("ERROR: Could not open the secret key file.");
    }
    if (result != KK_CLI_FILE_OK || kk_secret_len(key) == 0) {
        return kk_cli_error("ERROR: Could not read the secret key file.");
    }
    size_t len = kk_secret_len(key);
    if (len != 16 && len != 24 && len != 32) {
        return kk_cli_error("ERROR: An AES key has 16, 24 or 32 bytes; the file has %zu.", len);
    }
    *ret_key = KK_STEAL(key);
    return CKR_OK;
}

KK_RV kk_util_import_aes(const struct kk_util *util, struct kk_util_target *target)
{
    static const CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE key_type = CKK_AES;
    struct kk_cli_template tmpl = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    KK_TRY(read_aes(util->options.import_path, &key));
    put_names(&tmpl, target);
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_ulong(&tmpl, CKA_KEY_TYPE, &key_type);
    kk_cli_template_put_bool(&tmpl, CKA_ENCRYPT, true);
    kk_cli_template_put_bool(&tmpl, CKA_DECRYPT, true);
    kk_cli_template_put_bool(&tmpl, CKA_SENSITIVE, true);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, true);
    kk_cli_template_put_secret(&tmpl, CKA_VALUE, key);
    if (create(target, &tmpl) != CKR_OK) {
        return kk_cli_error("ERROR: Could not save the secret key in the token. Maybe the "
                            "algorithm is not supported.");
    }
    printf("The secret key has been imported.\n");
    return CKR_OK;
}

static KK_RV read_cert(const char *path, struct kk_certfile **ret_cert)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    if (kk_cli_file_read(path, &content) != KK_CLI_FILE_OK ||
        kk_certfile_parse(kk_secret_span(content), ret_cert) != CKR_OK) {
        return kk_cli_error("ERROR: Could not read the certificate file: %s", path);
    }
    return CKR_OK;
}

static void put_buffer(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type,
                       const struct kk_buffer *buffer)
{
    kk_cli_template_put(tmpl, type, buffer->data, buffer->len);
}

KK_RV kk_util_import_cert(const struct kk_util *util, struct kk_util_target *target)
{
    static const CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
    static const CK_CERTIFICATE_TYPE certificate_type = CKC_X_509;
    struct kk_cli_template tmpl = {0};
    KK_CLEANUP(kk_certfile_freep) struct kk_certfile *cert = NULL;
    KK_TRY(read_cert(util->options.import_path, &cert));
    put_names(&tmpl, target);
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_ulong(&tmpl, CKA_CERTIFICATE_TYPE, &certificate_type);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, false);
    put_buffer(&tmpl, CKA_SUBJECT, &cert->subject);
    put_buffer(&tmpl, CKA_ISSUER, &cert->issuer);
    put_buffer(&tmpl, CKA_SERIAL_NUMBER, &cert->serial);
    put_buffer(&tmpl, CKA_VALUE, &cert->certificate);
    if (create(target, &tmpl) != CKR_OK) {
        return kk_cli_error("ERROR: Could not save the certificate in the token.");
    }
    printf("The certificate with label=%s has been imported.\n", target->label);
    return CKR_OK;
}
