/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object import: templates, the question whether an object is there already, and storing.
 */
#include "cli/keykist_object_store.h"

#include <string.h>

#include "base/memory.h"
#include "cli/key_template.h"
#include "cli/report.h"

#include "base/banned.h"

/* Objects per transaction: the cost of a commit hardly shows any more. */
#define BATCH 8000

/* An object on its way in. */
struct kk_pending {
    CK_OBJECT_CLASS object_class;
    const struct kk_source_item *item;
    const char *path;
    struct kk_span id;
    struct kk_buffer label;
    struct kk_key_form form; /* keys that are not secret ones */
    struct kk_cli_template tmpl;
    CK_OBJECT_HANDLE handle;
};

static void pending_free(struct kk_pending *pending)
{
    if (pending != NULL) {
        kk_key_form_clear(&pending->form);
        kk_buffer_clear(&pending->label);
        kk_free(pending);
    }
}

static void drop_pending(struct kk_object_store *store)
{
    for (size_t i = 0; i < store->pending_count; i++) {
        pending_free(store->pending[i]);
    }
    for (size_t i = 0; i < store->source_count; i++) {
        kk_source_free(store->sources[i]);
    }
    store->pending_count = 0;
    store->source_count = 0;
}

void kk_object_store_clear(struct kk_object_store *store)
{
    drop_pending(store);
    kk_free(store->pending);
    kk_free(store->sources);
    store->pending = NULL;
    store->sources = NULL;
}

/* ---- templates ---- */

static unsigned int uses_of(const struct kk_object_store *store, const struct kk_pending *pending)
{
    unsigned int can = kk_key_form_uses(&pending->form);
    unsigned int wanted = store->uses != 0 ? store->uses : pending->item->uses;
    return wanted != 0 ? wanted : can;
}

/* What a module takes for granted when it is not told, and what is not wanted here. */
static void put_no_recover(struct kk_cli_template *tmpl, unsigned int uses, CK_ATTRIBUTE_TYPE type)
{
    if ((uses & KK_KEY_USE_SIGN) == 0) {
        kk_cli_template_put_bool(tmpl, type, false);
    }
}

static void put_private_key(const struct kk_object_store *store, struct kk_pending *pending)
{
    const struct kk_object_import_options *options = store->options;
    struct kk_cli_template *tmpl = &pending->tmpl;
    kk_cli_template_put_bool(tmpl, CKA_PRIVATE, !options->not_private);
    kk_cli_template_put_bool(tmpl, CKA_SENSITIVE, !options->not_sensitive);
    kk_cli_template_put_bool(tmpl, CKA_EXTRACTABLE, options->extractable);
    kk_key_put_private_uses(tmpl, uses_of(store, pending));
    put_no_recover(tmpl, uses_of(store, pending), CKA_SIGN_RECOVER);
    kk_key_form_put_private(tmpl, &pending->form);
}

static void put_public_key(const struct kk_object_store *store, struct kk_pending *pending)
{
    kk_cli_template_put_bool(&pending->tmpl, CKA_PRIVATE, false);
    kk_key_put_public_uses(&pending->tmpl, uses_of(store, pending));
    put_no_recover(&pending->tmpl, uses_of(store, pending), CKA_VERIFY_RECOVER);
    kk_key_form_put_public(&pending->tmpl, &pending->form);
}

static void put_certificate(KK_UNUSED const struct kk_object_store *store,
                            struct kk_pending *pending)
{
    static const CK_CERTIFICATE_TYPE x509 = CKC_X_509;
    const struct kk_certfile *file = pending->item->certificate;
    struct kk_cli_template *tmpl = &pending->tmpl;
    kk_cli_template_put_ulong(tmpl, CKA_CERTIFICATE_TYPE, &x509);
    kk_cli_template_put_bool(tmpl, CKA_PRIVATE, false);
    kk_cli_template_put(tmpl, CKA_SUBJECT, file->subject.data, file->subject.len);
    kk_cli_template_put(tmpl, CKA_ISSUER, file->issuer.data, file->issuer.len);
    kk_cli_template_put(tmpl, CKA_SERIAL_NUMBER, file->serial.data, file->serial.len);
    kk_cli_template_put(tmpl, CKA_VALUE, file->certificate.data, file->certificate.len);
}

/* An AES key encrypts and wraps; the others authenticate, and generic ones may be derived from. */
static unsigned int secret_uses(CK_KEY_TYPE type)
{
    unsigned int generic = type == CKK_GENERIC_SECRET ? KK_KEY_USE_DERIVE : 0;
    return type == CKK_AES ? KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP : KK_KEY_USE_SIGN | generic;
}

static void put_secret_key(const struct kk_object_store *store, struct kk_pending *pending)
{
    const struct kk_object_import_options *options = store->options;
    const struct kk_source_item *item = pending->item;
    struct kk_cli_template *tmpl = &pending->tmpl;
    unsigned int uses = store->uses != 0  ? store->uses
                        : item->uses != 0 ? item->uses
                                          : secret_uses(item->secret_type);
    kk_cli_template_put_ulong(tmpl, CKA_KEY_TYPE, &item->secret_type);
    kk_cli_template_put_bool(tmpl, CKA_PRIVATE, !options->not_private);
    kk_cli_template_put_bool(tmpl, CKA_SENSITIVE, !options->not_sensitive);
    kk_cli_template_put_bool(tmpl, CKA_EXTRACTABLE, options->extractable);
    kk_cli_template_put_bool(tmpl, CKA_SIGN, (uses & KK_KEY_USE_SIGN) != 0);
    kk_cli_template_put_bool(tmpl, CKA_VERIFY, (uses & KK_KEY_USE_SIGN) != 0);
    kk_cli_template_put_bool(tmpl, CKA_ENCRYPT, (uses & KK_KEY_USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(tmpl, CKA_DECRYPT, (uses & KK_KEY_USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(tmpl, CKA_WRAP, (uses & KK_KEY_USE_WRAP) != 0);
    kk_cli_template_put_bool(tmpl, CKA_UNWRAP, (uses & KK_KEY_USE_WRAP) != 0);
    kk_cli_template_put_bool(tmpl, CKA_DERIVE, (uses & KK_KEY_USE_DERIVE) != 0);
    kk_cli_template_put_secret(tmpl, CKA_VALUE, item->secret);
}

static void put_data(const struct kk_object_store *store, struct kk_pending *pending)
{
    kk_cli_template_put_bool(&pending->tmpl, CKA_PRIVATE, !store->options->not_private);
    kk_cli_template_put_secret(&pending->tmpl, CKA_VALUE, pending->item->secret);
}

/* clang-format off */
static const struct class_row {
    CK_OBJECT_CLASS object_class;
    const char *word;
    void (*put)(const struct kk_object_store *store, struct kk_pending *pending);
} class_rows[] = {
    {CKO_PRIVATE_KEY, "private key", put_private_key},
    {CKO_PUBLIC_KEY,  "public key",  put_public_key},
    {CKO_CERTIFICATE, "certificate", put_certificate},
    {CKO_SECRET_KEY,  "secret key",  put_secret_key},
    {CKO_DATA,        "data",        put_data},
};

/* The object that is made first of all from an item of each kind. */
static const CK_OBJECT_CLASS main_classes[] = {
    [KK_SOURCE_PRIVATE]     = CKO_PRIVATE_KEY,
    [KK_SOURCE_PUBLIC]      = CKO_PUBLIC_KEY,
    [KK_SOURCE_CERTIFICATE] = CKO_CERTIFICATE,
    [KK_SOURCE_SECRET]      = CKO_SECRET_KEY,
    [KK_SOURCE_DATA]        = CKO_DATA,
};
/* clang-format on */

static const struct class_row *class_row(CK_OBJECT_CLASS object_class)
{
    size_t i = 0;
    while (class_rows[i].object_class != object_class) {
        i++;
    }
    return &class_rows[i];
}

/* The template, in one of the styles that the key has. */
static KK_RV build(const struct kk_object_store *store, struct kk_pending *pending, size_t style)
{
    struct kk_cli_template *tmpl = &pending->tmpl;
    tmpl->count = 0;
    if (pending->form.kind != NULL) {
        KK_TRY(kk_key_form_style(&pending->form, style));
    }
    kk_cli_template_put_ulong(tmpl, CKA_CLASS, &pending->object_class);
    kk_cli_template_put_bool(tmpl, CKA_TOKEN, true);
    kk_cli_template_put(tmpl, CKA_LABEL, pending->label.data, pending->label.len);
    if (pending->id.len > 0) {
        kk_cli_template_put(tmpl, CKA_ID, pending->id.data, pending->id.len);
    }
    class_row(pending->object_class)->put(store, pending);
    return CKR_OK;
}

/* ---- storing ---- */

static KK_RV refused(CK_RV rv, const struct kk_pending *pending, size_t made)
{
    char what[400];
    const char *path = pending->path;
    size_t len = strlen(path);
    (void)snprintf(what, sizeof what, "Could not store the %s of %s%s%s",
                   class_row(pending->object_class)->word, len > 200 ? "..." : "",
                   path + (len > 200 ? len - 200 : 0),
                   made > 0 ? " (what came before it is stored)" : "");
    return kk_keykist_failed(rv, what);
}

/* What the module says to the first style, which is the standard's, counts. */
static CK_RV create(const struct kk_object_store *store, struct kk_pending *pending)
{
    const struct kk_keykist_session *session = store->session;
    size_t styles = pending->form.kind != NULL ? kk_key_form_styles(&pending->form) : 1;
    CK_RV first = CKR_OK;
    for (size_t style = 0; style < styles; style++) {
        KK_TRY(build(store, pending, style));
        CK_RV rv = session->p11->C_CreateObject(session->handle, pending->tmpl.attributes,
                                                pending->tmpl.count, &pending->handle);
        if (rv == CKR_OK) {
            return CKR_OK;
        }
        first = style == 0 ? rv : first;
    }
    return first;
}

static KK_RV store_singly(struct kk_object_store *store)
{
    const struct kk_keykist_session *session = store->session;
    for (size_t i = 0; i < store->pending_count; i++) {
        CK_RV rv = create(store, store->pending[i]);
        if (rv != CKR_OK) {
            for (size_t k = 0; k < i; k++) {
                (void)session->p11->C_DestroyObject(session->handle, store->pending[k]->handle);
            }
            return refused(rv, store->pending[i], store->made);
        }
    }
    return CKR_OK;
}

static KK_RV store_at_once(struct kk_object_store *store)
{
    KK_CLEANUP(kk_freep) CK_KEYKIST_TEMPLATE *templates = NULL;
    size_t count = store->pending_count;
    CK_ULONG failed = 0;
    KK_TRY(kk_alloc_array(count, sizeof *templates, &templates));
    for (size_t i = 0; i < count; i++) {
        struct kk_pending *pending = store->pending[i];
        KK_TRY(build(store, pending, 0));
        templates[i] = (CK_KEYKIST_TEMPLATE){pending->tmpl.attributes, pending->tmpl.count};
    }
    CK_RV rv =
        store->vendor->create_objects(store->session->handle, templates, count, NULL, &failed);
    if (rv != CKR_OK && failed < count) {
        return refused(rv, store->pending[failed], store->made);
    }
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not store the objects");
}

KK_RV kk_object_store_flush(struct kk_object_store *store)
{
    if (store->pending_count > 0) {
        KK_TRY(store->vendor != NULL ? store_at_once(store) : store_singly(store));
        store->made += store->pending_count;
    }
    drop_pending(store);
    return CKR_OK;
}

/* ---- labels ---- */

/* The file's name without its last suffix. */
static void put_file_name(struct kk_buffer *label, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t len = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
    kk_buffer_put(label, name, len);
}

static KK_RV put_label(const struct kk_object_store *store, const struct kk_source_item *item,
                       const char *path, struct kk_buffer *label)
{
    struct kk_span own = kk_buffer_span(&item->label);
    const char *given = store->options->label;
    if (given != NULL) {
        kk_buffer_put(label, given, strlen(given));
    } else if (own.len > 0) {
        kk_buffer_put_span(label, own);
    } else {
        put_file_name(label, path);
    }
    return kk_buffer_check(label);
}

/* ---- what is there already ---- */

static bool is_pending(const struct kk_object_store *store, CK_OBJECT_CLASS object_class,
                       struct kk_span id)
{
    for (size_t i = 0; i < store->pending_count; i++) {
        if (store->pending[i]->object_class == object_class &&
            kk_span_equal(store->pending[i]->id, id)) {
            return true;
        }
    }
    return false;
}

static KK_RV is_on_token(const struct kk_object_store *store, CK_OBJECT_CLASS object_class,
                         CK_ATTRIBUTE_TYPE type, struct kk_span value, bool *ret_found)
{
    struct kk_cli_template tmpl = {0};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_bool(&tmpl, CKA_TOKEN, true);
    kk_cli_template_put(&tmpl, type, value.data, value.len);
    KK_TRY(kk_object_search(store->session, &tmpl, 1, &list));
    *ret_found = list.count > 0;
    return CKR_OK;
}

/* Certificates of one key may come together (a chain's root, signed twice); the same one is not
 * stored twice. */
static KK_RV is_known_certificate(const struct kk_object_store *store,
                                  const struct kk_source_item *item, bool *ret_known)
{
    struct kk_span value = kk_buffer_span(&item->certificate->certificate);
    for (size_t i = 0; i < store->pending_count; i++) {
        const struct kk_source_item *other = store->pending[i]->item;
        if (other->kind == KK_SOURCE_CERTIFICATE &&
            kk_span_equal(kk_buffer_span(&other->certificate->certificate), value)) {
            *ret_known = true;
            return CKR_OK;
        }
    }
    return is_on_token(store, CKO_CERTIFICATE, CKA_VALUE, value, ret_known);
}

/* What has no ID (a secret key) goes by its label, when what is there is to be left out. */
static KK_RV is_known_label(const struct kk_object_store *store, const struct kk_source_item *item,
                            const char *path, bool *ret_known)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer label = {0};
    if (!store->options->skip_existing) {
        *ret_known = false;
        return CKR_OK;
    }
    KK_TRY(put_label(store, item, path, &label));
    return is_on_token(store, main_classes[item->kind], CKA_LABEL, kk_buffer_span(&label),
                       ret_known);
}

/* Whether the item is to be left out: it is the very same that is there, or its ID is taken and
 * that is what the user wants. A taken ID is an error otherwise. */
static KK_RV is_left_out(const struct kk_object_store *store, const struct kk_source_item *item,
                         const char *path, struct kk_span id, bool *ret_left_out)
{
    CK_OBJECT_CLASS object_class = main_classes[item->kind];
    bool found = false;
    *ret_left_out = false;
    if (item->kind == KK_SOURCE_CERTIFICATE) {
        KK_TRY(is_known_certificate(store, item, ret_left_out));
    } else if (item->kind == KK_SOURCE_PUBLIC && id.len > 0) {
        *ret_left_out = is_pending(store, object_class, id); /* beside its private one */
    }
    if (id.len == 0) {
        return is_known_label(store, item, path, ret_left_out);
    }
    if (*ret_left_out || store->options->force) {
        return CKR_OK;
    }
    KK_TRY(is_on_token(store, object_class, CKA_ID, id, &found));
    found = found || (item->kind != KK_SOURCE_CERTIFICATE && is_pending(store, object_class, id));
    if (found && !store->options->skip_existing) {
        return kk_cli_error("%s: there is a %s with the same ID: use --force, --skip-existing or "
                            "another --id",
                            path, class_row(object_class)->word);
    }
    *ret_left_out = found;
    return CKR_OK;
}

/* ---- from items to objects ---- */

static KK_RV add_object(struct kk_object_store *store, const struct kk_source_item *item,
                        const char *path, struct kk_span id, CK_OBJECT_CLASS object_class)
{
    struct kk_pending *pending = NULL;
    KK_TRY(kk_realloc_array(&store->pending, store->pending_count + 1, sizeof *store->pending));
    KK_TRY(kk_alloc(sizeof *pending, &pending));
    store->pending[store->pending_count++] = pending;
    pending->object_class = object_class;
    pending->item = item;
    pending->path = path;
    pending->id = id;
    if (item->key != NULL) {
        kk_key_form_begin(&pending->form, item->key);
    }
    return put_label(store, item, path, &pending->label);
}

/* The key's own ID, or that of the command line; a secret key and data have none of their own. */
static struct kk_span id_of(const struct kk_object_store *store, const struct kk_source_item *item)
{
    if (store->id.len > 0) {
        return store->id;
    }
    bool has_none = item->kind == KK_SOURCE_SECRET || item->kind == KK_SOURCE_DATA;
    return has_none ? (struct kk_span){0} : KK_SPAN_ARRAY(item->id);
}

static KK_RV add_item(struct kk_object_store *store, const struct kk_source_item *item,
                      const char *path)
{
    struct kk_span id = id_of(store, item);
    bool left_out = false;
    bool has_public = false;
    KK_TRY(is_left_out(store, item, path, id, &left_out));
    if (left_out) {
        store->left_out++;
        return CKR_OK;
    }
    KK_TRY(add_object(store, item, path, id, main_classes[item->kind]));
    if (item->kind != KK_SOURCE_PRIVATE || store->options->no_public) {
        return CKR_OK;
    }
    KK_TRY(is_on_token(store, CKO_PUBLIC_KEY, CKA_ID, id, &has_public));
    if (has_public || is_pending(store, CKO_PUBLIC_KEY, id)) {
        return CKR_OK;
    }
    return add_object(store, item, path, id, CKO_PUBLIC_KEY);
}

/* On our module a transaction may end within a long file. */
static KK_RV flush_when_full(struct kk_object_store *store)
{
    bool full = store->vendor != NULL && store->pending_count >= BATCH;
    return full ? kk_object_store_flush(store) : CKR_OK;
}

KK_RV kk_object_store_add(struct kk_object_store *store, const char *path, struct kk_source *source)
{
    KK_CLEANUP(kk_source_freep) struct kk_source *mine = source;
    for (size_t i = 0; i < source->count; i++) {
        KK_TRY(add_item(store, &source->items[i], path));
        KK_TRY(flush_when_full(store));
    }
    KK_TRY(kk_realloc_array(&store->sources, store->source_count + 1, sizeof *store->sources));
    store->sources[store->source_count++] = KK_STEAL(mine);
    return store->vendor == NULL ? kk_object_store_flush(store) : CKR_OK;
}
