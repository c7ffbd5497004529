/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist cert: its commands, and what certificates say of themselves.
 */
#include "cli/keykist_cert.h"

#include <stdio.h>
#include <string.h>

#include "cli/dn.h"
#include "cli/report.h"
#include "cli/x509.h"

#include "base/banned.h"

#define MAKE_MEMBER(name) offsetof(struct kk_cert_make_options, name)

#define TOKEN_AND_PIN .takes = KK_TAKES_TOKEN | KK_TAKES_PIN

/* clang-format off */
#define MAKE_OPTIONS                                                                               \
    {"label", "LABEL", KK_OPTION_TEXT, MAKE_MEMBER(use.filter.label), "The label of the key"},     \
    {"id", "HEX", KK_OPTION_TEXT, MAKE_MEMBER(use.filter.id), "The ID of the key in hexadecimal"}, \
    {"subject", "NAME", KK_OPTION_TEXT, MAKE_MEMBER(subject),                                      \
     "\"CN=web.example,O=Example,C=DE\" or \"/C=DE/O=Example/CN=web.example\""},                   \
    {"san", "NAME", KK_OPTION_LIST, MAKE_MEMBER(alt_names),                                        \
     "A further name, many times: dns:NAME, ip:ADDRESS, email:ADDRESS or uri:URI"},                \
    {"for", "LIST", KK_OPTION_TEXT, MAKE_MEMBER(purposes),                                         \
     "What it is for: server,client,code,email"},                                                  \
    {"ca", NULL, KK_OPTION_FLAG, MAKE_MEMBER(is_ca), "It may sign certificates"},                  \
    {"mechanism", "NAME", KK_OPTION_TEXT, MAKE_MEMBER(use.mechanism),                              \
     "How it is signed: rsa-pss, sha512-rsa, ...; else as keykist key sign does"},                 \
    {"hash", "NAME", KK_OPTION_TEXT, MAKE_MEMBER(use.hash), "The hash: sha256, sha384, sha512"},   \
    {"out", "FILE", KK_OPTION_TEXT, MAKE_MEMBER(use.out),                                          \
     "Write to this file, not to standard output"},                                                \
    {"format", "FORMAT", KK_OPTION_TEXT, MAKE_MEMBER(format), "pem (default) or der"},             \
    {"force", NULL, KK_OPTION_FLAG, MAKE_MEMBER(use.force), "Replace a file that is there"}

static const struct kk_option request_options[] = {
    MAKE_OPTIONS,
};

static const struct kk_option self_sign_options[] = {
    MAKE_OPTIONS,
    {"days", "NUMBER", KK_OPTION_TEXT, MAKE_MEMBER(days), "How long it is valid: 365 days"},
    {"no-store", NULL, KK_OPTION_FLAG, MAKE_MEMBER(no_store),
     "Do not put it into the token, beside its key"},
};

static const struct kk_option issue_options[] = {
    MAKE_OPTIONS,
    {"issuer", "FILE", KK_OPTION_TEXT, MAKE_MEMBER(issuer),
     "The certificate of the key that signs; else it is in the token"},
    {"path-len", "NUMBER", KK_OPTION_TEXT, MAKE_MEMBER(path_len),
     "With --ca: how many authorities may follow below"},
    {"days", "NUMBER", KK_OPTION_TEXT, MAKE_MEMBER(days), "How long it is valid: 365 days"},
};

static const struct kk_option list_options[] = {
    KK_LABEL_FILTER_OPTIONS(struct kk_object_list_options),
};

static const struct kk_option label_options[] = {
    KK_LABEL_FILTER_OPTIONS(struct kk_object_label_options),
    KK_OBJECT_NEW_LABEL_OPTIONS,
};

static const struct kk_option delete_options[] = {
    KK_LABEL_FILTER_OPTIONS(struct kk_object_delete_options),
    {"all", NULL, KK_OPTION_FLAG, offsetof(struct kk_object_delete_options, all),
     "All certificates that can be seen"},
};

static const struct kk_keykist_command commands[] = {
    {.name = "list", .help = "List certificates, all or those that fit",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_object_list_options),
     .options = list_options, .option_count = KK_ARRAY_LEN(list_options),
     .run = kk_keykist_cert_list},
    {.name = "show", .help = "Show all about certificates",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_object_list_options),
     .options = list_options, .option_count = KK_ARRAY_LEN(list_options),
     .run = kk_keykist_cert_show},
    {.name = "request", .help = "Make a certificate signing request (CSR, PKCS#10) for a key",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_cert_make_options),
     .options = request_options, .option_count = KK_ARRAY_LEN(request_options),
     .run = kk_keykist_cert_request},
    {.name = "self-sign", .help = "Make a certificate that its own key signs",
     .more = "It goes into the token, with the label and the ID of the key, and to --out.\n",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_cert_make_options),
     .options = self_sign_options, .option_count = KK_ARRAY_LEN(self_sign_options),
     .run = kk_keykist_cert_self_sign},
    {.name = "issue", .help = "Make a certificate of a request, signed by an authority's key in the token",
     .more = "FILE is the request (PKCS#10); its own signature is verified. Subject, further names and purposes are\n"
             "the request's, unless --subject, --san and --for say others; --ca is never taken from it. --label and\n"
             "--id name the authority's key.\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_cert_make_options),
     .options = issue_options, .option_count = KK_ARRAY_LEN(issue_options),
     .run = kk_keykist_cert_issue},
    {.name = "import", .help = "Import certificates and keys from files",
     .more = "The same as \"keykist object import\".\n",
     TOKEN_AND_PIN, .operand = "FILE...", .many_operands = true, .operand_is_optional = true,
     .own_size = sizeof(struct kk_object_import_options),
     .options = kk_object_import_table, .option_count = KK_OBJECT_IMPORT_COUNT,
     .run = kk_keykist_object_import},
    {.name = "export", .help = "Write a certificate to a file",
     .more = "FILE may be \"-\" for standard output.\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_object_export_options),
     .options = kk_object_export_table, .option_count = KK_OBJECT_EXPORT_COUNT,
     .run = kk_keykist_cert_export},
    {.name = "label", .help = "Give certificates another label or ID",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_object_label_options),
     .options = label_options, .option_count = KK_ARRAY_LEN(label_options),
     .run = kk_keykist_cert_label},
    {.name = "delete", .help = "Delete certificates",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_YES,
     .own_size = sizeof(struct kk_object_delete_options),
     .options = delete_options, .option_count = KK_ARRAY_LEN(delete_options),
     .run = kk_keykist_cert_delete},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_cert_group = {
    "cert", "Request, make, list and delete certificates", commands, KK_ARRAY_LEN(commands)};

CK_RV kk_keykist_cert_export(struct kk_keykist *keykist)
{
    struct kk_object_export_options *own = keykist->own;
    own->filter.object_class = "cert";
    return kk_keykist_object_export(keykist);
}

CK_RV kk_keykist_cert_label(struct kk_keykist *keykist)
{
    struct kk_object_label_options *own = keykist->own;
    own->filter.kind = KK_OBJECTS_CERTIFICATES;
    return kk_keykist_object_label(keykist);
}

CK_RV kk_keykist_cert_delete(struct kk_keykist *keykist)
{
    struct kk_object_delete_options *own = keykist->own;
    own->filter.kind = KK_OBJECTS_CERTIFICATES;
    return kk_keykist_object_delete(keykist);
}

/* ---- list and show ---- */

static const struct kk_column columns[] = {
    {"Label", "label"},
    {"Subject", "subject"},
    {"Issuer", "issuer"},
    {"Valid until", "not_after"},
    {"ID", "id"},
    {"Valid from", "not_before"},
    {"Serial number", "serial_number"},
    {"Further names", "alt_names"},
    {"CA", "ca"},
    {"SHA-256", "sha256"},
    {"URI", "uri"},
};
#define SHOWN_IN_LISTS 5

struct look {
    const struct kk_keykist_session *session;
    const CK_TOKEN_INFO *token;
    struct kk_table table;
};

static void put_buffer(struct kk_table *table, const struct kk_buffer *text)
{
    table->failed = table->failed || text->failed;
    if (text->len > 0) {
        kk_table_bytes(table, kk_buffer_span(text));
    } else {
        kk_table_none(table);
    }
}

static void put_hex(struct kk_table *table, struct kk_span bytes)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        kk_buffer_put_u8(&text, (uint8_t)digits[bytes.data[i] >> 4]);
        kk_buffer_put_u8(&text, (uint8_t)digits[bytes.data[i] & 0xf]);
    }
    put_buffer(table, &text);
}

static void put_attribute(struct look *look, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    if (kk_object_get(look->session, object, type, &value) != CKR_OK || kk_secret_len(value) == 0) {
        kk_table_none(&look->table);
    } else if (type == CKA_LABEL) {
        kk_table_bytes(&look->table, kk_secret_span(value));
    } else {
        put_hex(&look->table, kk_secret_span(value));
    }
}

/* Appended text of `der` by `print`; nothing when it is none. */
static void put_printed(struct look *look, struct kk_span der,
                        CK_RV (*print)(struct kk_span, struct kk_buffer *))
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    if (der.len > 0 && print(der, &text) == CKR_OK) {
        put_buffer(&look->table, &text);
    } else {
        kk_table_none(&look->table);
    }
}

static void put_fingerprint(struct look *look, struct kk_span der)
{
    const struct kk_keykist_session *session = look->session;
    CK_MECHANISM mechanism = {.mechanism = CKM_SHA256};
    CK_BYTE hash[32];
    CK_ULONG len = sizeof hash;
    if (session->p11->C_DigestInit(session->handle, &mechanism) == CKR_OK &&
        session->p11->C_Digest(session->handle, (CK_BYTE_PTR)(uintptr_t)der.data, (CK_ULONG)der.len,
                               hash, &len) == CKR_OK) {
        put_hex(&look->table, KK_SPAN(hash, len));
    } else {
        kk_table_none(&look->table);
    }
}

static void put_time(struct kk_table *table, const char *time)
{
    if (time[0] != '\0') {
        kk_table_text(table, time);
    } else {
        kk_table_none(table);
    }
}

static void put_row(struct look *look, CK_OBJECT_HANDLE object)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer uri = {0};
    struct kk_x509 x509 = {0};
    struct kk_span der = {0};
    if (kk_object_get(look->session, object, CKA_VALUE, &value) == CKR_OK) {
        der = kk_secret_span(value);
        KK_IGNORE(kk_x509_read(der, &x509)); /* then its fields are empty */
    }
    put_attribute(look, object, CKA_LABEL);
    put_printed(look, x509.subject, kk_dn_print);
    put_printed(look, x509.issuer, kk_dn_print);
    put_time(&look->table, x509.end);
    put_attribute(look, object, CKA_ID);
    put_time(&look->table, x509.begin);
    put_hex(&look->table, x509.serial);
    put_printed(look, x509.alt_names, kk_san_print);
    kk_table_bool(&look->table, x509.is_ca);
    put_fingerprint(look, der);
    kk_object_put_uri(&uri, look->session, object, look->token);
    put_buffer(&look->table, &uri);
}

static KK_RV print_json(const struct kk_table *table)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_table_json(table, &json, "certificates");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static void look_clear(struct look *look)
{
    kk_table_clear(&look->table);
}

static struct look look_new(const struct kk_keykist_session *session, const CK_TOKEN_INFO *token)
{
    return (struct look){.session = session,
                         .token = token,
                         .table = {.columns = columns,
                                   .column_count = KK_ARRAY_LEN(columns),
                                   .only_json = KK_ARRAY_LEN(columns) - SHOWN_IN_LISTS}};
}

/* All in one table, or in one document. */
static KK_RV print_all(const struct kk_keykist *keykist, const struct kk_keykist_session *session,
                       const CK_TOKEN_INFO *token, const struct kk_object_list *list)
{
    static const size_t order[] = {0, 4};
    KK_CLEANUP(look_clear) struct look look = look_new(session, token);
    for (size_t i = 0; i < list->count; i++) {
        put_row(&look, list->handles[i]);
    }
    kk_table_sort(&look.table, order, KK_ARRAY_LEN(order));
    return keykist->options.json ? print_json(&look.table) : kk_table_print(&look.table);
}

static KK_RV print_each(const struct kk_keykist_session *session, const CK_TOKEN_INFO *token,
                        const struct kk_object_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        KK_CLEANUP(look_clear) struct look look = look_new(session, token);
        put_row(&look, list->handles[i]);
        if (i > 0) {
            printf("\n");
        }
        KK_TRY(kk_table_print_record(&look.table));
    }
    return CKR_OK;
}

static KK_RV look_at_all(struct kk_keykist *keykist, bool is_list)
{
    struct kk_object_list_options *own = keykist->own;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    own->filter.object_class = "cert";
    KK_TRY(kk_object_begin(keykist, false, false, &session, &slot, &info));
    KK_TRY(kk_object_find(&session, &own->filter, &list));
    if (list.count == 0 && !is_list) {
        return kk_cli_error("no certificate fits");
    }
    return is_list || keykist->options.json ? print_all(keykist, &session, &info, &list)
                                            : print_each(&session, &info, &list);
}

CK_RV kk_keykist_cert_list(struct kk_keykist *keykist)
{
    return look_at_all(keykist, true);
}

CK_RV kk_keykist_cert_show(struct kk_keykist *keykist)
{
    return look_at_all(keykist, false);
}
