/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object import and export: their options, which keykist key and keykist cert have too.
 */
#include <stddef.h>

#include "cli/keykist_object.h"

#include "base/banned.h"

#define IMPORT_MEMBER(name) offsetof(struct kk_object_import_options, name)
#define EXPORT_MEMBER(name) offsetof(struct kk_object_export_options, name)

/* clang-format off */
const struct kk_option kk_object_import_table[] = {
    {"list", "FILE", KK_OPTION_TEXT, IMPORT_MEMBER(list),
     "Import the files that this one names, one per line"},
    {"label", "LABEL", KK_OPTION_TEXT, IMPORT_MEMBER(label),
     "The label; else the file's own name for it, or the file's name"},
    {"id", "HEX", KK_OPTION_TEXT, IMPORT_MEMBER(id),
     "The ID; else the SHA-1 of the public key"},
    {"type", "TYPE", KK_OPTION_TEXT, IMPORT_MEMBER(type),
     "The file is the bytes of this: aes, generic, sha256-hmac, ... keys, or data"},
    {"usage", "LIST", KK_OPTION_TEXT, IMPORT_MEMBER(usage),
     "What keys are for: sign,encrypt,wrap,derive"},
    {"passphrase", "TEXT", KK_OPTION_PIN, IMPORT_MEMBER(passphrase.value),
     "The files' passphrase (others may see it: better the next two)"},
    {"passphrase-file", "FILE", KK_OPTION_TEXT, IMPORT_MEMBER(passphrase.file),
     "The passphrase is the file's first line"},
    {"passphrase-env", "NAME", KK_OPTION_TEXT, IMPORT_MEMBER(passphrase.env),
     "The passphrase is in this environment variable"},
    {"no-public", NULL, KK_OPTION_FLAG, IMPORT_MEMBER(no_public),
     "Make no public key beside a private one"},
    {"force", NULL, KK_OPTION_FLAG, IMPORT_MEMBER(force),
     "Import although there is an object with the ID"},
    {"skip-existing", NULL, KK_OPTION_FLAG, IMPORT_MEMBER(skip_existing),
     "Leave out what has the ID (a secret key: the label) of one that is there"},
    {"extractable", NULL, KK_OPTION_FLAG, IMPORT_MEMBER(extractable),
     "Keys may leave the token (CKA_EXTRACTABLE)"},
    {"not-sensitive", NULL, KK_OPTION_FLAG, IMPORT_MEMBER(not_sensitive),
     "Keys may leave it in clear (not CKA_SENSITIVE)"},
    {"not-private", NULL, KK_OPTION_FLAG, IMPORT_MEMBER(not_private),
     "Keys and data can be seen without login (not CKA_PRIVATE)"},
};

const struct kk_option kk_object_export_table[] = {
    KK_OBJECT_FILTER_OPTIONS(struct kk_object_export_options),
    {"format", "FORMAT", KK_OPTION_TEXT, EXPORT_MEMBER(format),
     "pem (default), der, pkcs12, jwk or raw"},
    {"passphrase", "TEXT", KK_OPTION_PIN, EXPORT_MEMBER(passphrase.value),
     "Encrypt with this (others may see it: better the next two)"},
    {"passphrase-file", "FILE", KK_OPTION_TEXT, EXPORT_MEMBER(passphrase.file),
     "The passphrase is the file's first line"},
    {"passphrase-env", "NAME", KK_OPTION_TEXT, EXPORT_MEMBER(passphrase.env),
     "The passphrase is in this environment variable"},
    {"plain", NULL, KK_OPTION_FLAG, EXPORT_MEMBER(plain),
     "Write a private or secret key, or private data, in clear"},
    {"by-wrapping", NULL, KK_OPTION_FLAG, EXPORT_MEMBER(by_wrapping),
     "Get a sensitive key out by wrapping it with a key made for that"},
    {"force", NULL, KK_OPTION_FLAG, EXPORT_MEMBER(force),
     "Replace a file that is there"},
};
/* clang-format on */

KK_STATIC_ASSERT(KK_ARRAY_LEN(kk_object_import_table) == KK_OBJECT_IMPORT_COUNT, "count");
KK_STATIC_ASSERT(KK_ARRAY_LEN(kk_object_export_table) == KK_OBJECT_EXPORT_COUNT, "count");
