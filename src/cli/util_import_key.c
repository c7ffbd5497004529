/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --import of a key pair.
 */
#include "cli/util.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/key_template.h"
#include "cli/report.h"
#include "cli/template.h"
#include "crypto/keyfile.h"

#include "base/banned.h"

/* A key on its way in. */
struct key {
    const struct kk_util_target *target;
    struct kk_key_form form;
    bool save_public;
};

static void key_clear(struct key *key)
{
    kk_key_form_clear(&key->form);
}

static void put_common(struct kk_cli_template *tmpl, const struct key *key,
                       const CK_OBJECT_CLASS *object_class)
{
    kk_cli_template_put_ulong(tmpl, CKA_CLASS, object_class);
    kk_cli_template_put(tmpl, CKA_LABEL, key->target->label, strlen(key->target->label));
    kk_cli_template_put(tmpl, CKA_ID, key->target->id, key->target->id_len);
    kk_cli_template_put_bool(tmpl, CKA_TOKEN, true);
}

static KK_RV create(const struct key *key, struct kk_cli_template *tmpl,
                    CK_OBJECT_HANDLE *ret_object)
{
    return key->target->p11->C_CreateObject(key->target->session, tmpl->attributes, tmpl->count,
                                            ret_object);
}

static KK_RV create_private(const struct key *key, CK_OBJECT_HANDLE *ret_object)
{
    static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    struct kk_cli_template tmpl = {0};
    put_common(&tmpl, key, &object_class);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, true);
    kk_cli_template_put_bool(&tmpl, CKA_SENSITIVE, true);
    kk_cli_template_put_bool(&tmpl, CKA_EXTRACTABLE, false);
    kk_key_put_private_uses(&tmpl, kk_key_form_uses(&key->form));
    kk_key_form_put_private(&tmpl, &key->form);
    return create(key, &tmpl, ret_object);
}

static KK_RV create_public(const struct key *key)
{
    static const CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    struct kk_cli_template tmpl = {0};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    put_common(&tmpl, key, &object_class);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, false);
    kk_key_put_public_uses(&tmpl, kk_key_form_uses(&key->form));
    kk_key_form_put_public(&tmpl, &key->form);
    return create(key, &tmpl, &object);
}

enum save_result { SAVED, PRIVATE_REFUSED, PUBLIC_REFUSED };

/* Both objects or none. */
static enum save_result save_pair(const struct key *key)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    if (create_private(key, &private_key) != CKR_OK) {
        return PRIVATE_REFUSED;
    }
    if (key->save_public && create_public(key) != CKR_OK) {
        (void)key->target->p11->C_DestroyObject(key->target->session, private_key);
        return PUBLIC_REFUSED;
    }
    return SAVED;
}

/* In the first style that the module takes. What is reported when it takes none is what it said to
 * the first, which is the standard's. */
static KK_RV save(struct key *key)
{
    enum save_result first = PRIVATE_REFUSED;
    for (size_t i = 0; i < kk_key_form_styles(&key->form); i++) {
        KK_TRY(kk_key_form_style(&key->form, i));
        enum save_result result = save_pair(key);
        if (result == SAVED) {
            return CKR_OK;
        }
        first = i == 0 ? result : first;
    }
    return first == PUBLIC_REFUSED
               ? kk_cli_error("ERROR: Could not save the public key in the token.")
               : kk_cli_error("ERROR: Could not save the private key in the token. Maybe the "
                              "algorithm is not supported.");
}

/* Whether some private key has this ID already. */
static KK_RV find_id(const struct kk_util_target *target, bool *ret_found)
{
    static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    struct kk_cli_template tmpl = {0};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put(&tmpl, CKA_ID, target->id, target->id_len);
    if (target->p11->C_FindObjectsInit(target->session, tmpl.attributes, tmpl.count) != CKR_OK) {
        return kk_cli_error("ERROR: Could not prepare the object search.");
    }
    if (target->p11->C_FindObjects(target->session, &object, 1, &count) != CKR_OK) {
        return kk_cli_error("ERROR: Could not get the search results.");
    }
    if (target->p11->C_FindObjectsFinal(target->session) != CKR_OK) {
        return kk_cli_error("ERROR: Could not finalize the search.");
    }
    *ret_found = count > 0;
    return CKR_OK;
}

static KK_RV explain_parse(CK_RV rv, bool has_pin)
{
    switch (rv) {
    case CKR_OK:
        return CKR_OK;
    case CKR_MECHANISM_INVALID:
        return kk_cli_error("ERROR: Cannot handle this algorithm.");
    case CKR_PIN_INCORRECT:
        return kk_cli_error("ERROR: Could not decrypt the PKCS#8 file. Maybe wrong PIN to file "
                            "(--file-pin <PIN>)");
    case CKR_HOST_MEMORY:
        return kk_cli_error("ERROR: Could not allocate memory.");
    default:
        return has_pin ? kk_cli_error("ERROR: Could not read the PKCS#8 file. Maybe the file is "
                                      "not encrypted.")
                       : kk_cli_error("ERROR: Could not read the PKCS#8 file. Maybe it is "
                                      "encypted (--file-pin <PIN>)");
    }
}

static KK_RV read_key(const struct kk_util_options *options, struct kk_keyfile **ret_file)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    bool has_pin = options->file_pin != NULL;
    switch (kk_cli_file_read(options->import_path, &content)) {
    case KK_CLI_FILE_NOT_OPENED:
        return kk_cli_error("ERROR: Could open the PKCS#8 file: %s", options->import_path);
    case KK_CLI_FILE_NOT_READ:
        return explain_parse(CKR_DATA_INVALID, has_pin);
    case KK_CLI_FILE_OK:
        break;
    }
    CK_RV rv = kk_keyfile_parse(kk_secret_span(content), options->file_pin, ret_file);
    return explain_parse(rv, has_pin);
}

KK_RV kk_util_import_keypair(const struct kk_util *util, struct kk_util_target *target)
{
    bool found = false;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *file = NULL;
    if (!util->options.force) {
        KK_TRY(find_id(target, &found));
    }
    if (found) {
        return kk_cli_error("ERROR: The ID is already assigned to another object. Use --force to "
                            "override this message.");
    }
    KK_TRY(read_key(&util->options, &file));
    KK_CLEANUP(key_clear) struct key key = {.target = target,
                                            .save_public = !util->options.no_public_key};
    kk_key_form_begin(&key.form, file);
    KK_TRY(save(&key));
    printf("The key pair has been imported.\n");
    return CKR_OK;
}
