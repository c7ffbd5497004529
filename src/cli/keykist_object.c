/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object: its commands, and those that look and delete.
 */
#include "cli/keykist_object.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cryptoki/names.h"

#include "base/banned.h"

#define LIST_MEMBER(name) offsetof(struct kk_object_list_options, name)
#define DELETE_MEMBER(name) offsetof(struct kk_object_delete_options, name)

/* clang-format off */
static const struct kk_option list_options[] = {
    KK_OBJECT_FILTER_OPTIONS(struct kk_object_list_options),
};

static const struct kk_option delete_options[] = {
    KK_OBJECT_FILTER_OPTIONS(struct kk_object_delete_options),
    {"all", NULL, KK_OPTION_FLAG, DELETE_MEMBER(all), "All objects that can be seen"},
};

static const struct kk_option label_options[] = {
    KK_OBJECT_FILTER_OPTIONS(struct kk_object_label_options),
    KK_OBJECT_NEW_LABEL_OPTIONS,
};

static const struct kk_keykist_command commands[] = {
    {.name = "list", .help = "List objects, all or those that fit",
     .more = "Private objects are seen with the PIN only.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN,
     .own_size = sizeof(struct kk_object_list_options),
     .options = list_options, .option_count = KK_ARRAY_LEN(list_options),
     .run = kk_keykist_object_list},
    {.name = "show", .help = "Show all about objects",
     .more = "Private objects are seen with the PIN only.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN,
     .own_size = sizeof(struct kk_object_list_options),
     .options = list_options, .option_count = KK_ARRAY_LEN(list_options),
     .run = kk_keykist_object_show},
    {.name = "import", .help = "Import keys and certificates from files",
     .more = "The format is found out: PEM, PKCS#8, PKCS#12, X.509, JWK; of a directory, all its files.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN,
     .operand = "FILE...", .many_operands = true, .operand_is_optional = true,
     .own_size = sizeof(struct kk_object_import_options),
     .options = kk_object_import_table, .option_count = KK_OBJECT_IMPORT_COUNT,
     .run = kk_keykist_object_import},
    {.name = "export", .help = "Write an object to a file",
     .more = "FILE may be \"-\" for standard output.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN,
     .operand = "FILE",
     .own_size = sizeof(struct kk_object_export_options),
     .options = kk_object_export_table, .option_count = KK_OBJECT_EXPORT_COUNT,
     .run = kk_keykist_object_export},
    {.name = "label", .help = "Give objects another label or ID",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN,
     .own_size = sizeof(struct kk_object_label_options),
     .options = label_options, .option_count = KK_ARRAY_LEN(label_options),
     .run = kk_keykist_object_label},
    {.name = "delete", .help = "Delete objects",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_YES,
     .own_size = sizeof(struct kk_object_delete_options),
     .options = delete_options, .option_count = KK_ARRAY_LEN(delete_options),
     .run = kk_keykist_object_delete},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_object_group = {
    "object", "List, import, export and delete objects", commands, KK_ARRAY_LEN(commands)};

/* ---- delete ---- */

static KK_RV say_deleted(const struct kk_keykist *keykist, const CK_TOKEN_INFO *info,
                         CK_SLOT_ID slot, size_t count)
{
    char what[64];
    (void)snprintf(what, sizeof what, "%zu object%s deleted", count, count == 1 ? "" : "s");
    return kk_keykist_say(keykist, info, slot, what);
}

static KK_RV destroy_all(const struct kk_keykist_session *session,
                         const struct kk_object_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char what[64];
        CK_RV rv = session->p11->C_DestroyObject(session->handle, list->handles[i]);
        if (rv != CKR_OK) {
            (void)snprintf(what, sizeof what, "%zu of %zu objects deleted, the next one not", i,
                           list->count);
            return kk_keykist_failed(rv, what);
        }
    }
    return CKR_OK;
}

CK_RV kk_keykist_object_delete(struct kk_keykist *keykist)
{
    const struct kk_object_delete_options *own = keykist->own;
    const struct kk_object_filter *filter = &own->filter;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    char text[320];
    if (!own->all && filter->object_class == NULL && filter->type == NULL &&
        filter->label == NULL && filter->id == NULL) {
        return kk_cli_error("which objects? Use --label, --id, --class, --type, or --all");
    }
    KK_TRY(kk_object_begin(keykist, true, true, &session, &slot, &info));
    KK_TRY(kk_object_find(&session, filter, &list));
    if (list.count == 0) {
        return kk_cli_error("no object fits");
    }
    (void)snprintf(text, sizeof text, "%zu object%s of the token \"%s\" will be lost", list.count,
                   list.count == 1 ? "" : "s", kk_keykist_name(info.label, sizeof info.label).text);
    KK_TRY(kk_keykist_confirm(keykist, text));
    KK_TRY(destroy_all(&session, &list));
    return say_deleted(keykist, &info, slot, list.count);
}
