/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pair of functions per kind of argument.
 */
#include "trace/format.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "trace/peek.h"
#include "trace/tag.h"
#include "trace/values.h"

#include "base/banned.h"

#define LISTED_MAX 1024u /* handles, slots, mechanisms in one list */
#define TEXT_MAX 256u

/* An argument of one call. */
struct one {
    struct kk_buffer *out;
    const struct kk_trace_function *function;
    const struct kk_trace_argument *argument;
    const uintptr_t *words;
    CK_RV rv;
};

static const void *pointer(const struct one *one)
{
    return (const void *)one->words[0];
}

static void put_name(const struct one *one)
{
    kk_trace_put(one->out, one->argument->name);
    kk_trace_put(one->out, "=");
}

static void put_flags(struct kk_buffer *out, enum kk_trace_flags kind, CK_FLAGS flags)
{
    size_t count = 0;
    const struct kk_trace_flag *names = kk_trace_flag_names(kind, &count);
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        if ((flags & names[i].bit) != 0) {
            kk_trace_put(out, is_first ? "" : "|");
            kk_trace_put(out, names[i].name);
            flags &= ~names[i].bit;
            is_first = false;
        }
    }
    if (flags != 0 || is_first) {
        kk_trace_put(out, is_first ? "" : "|");
        kk_trace_put_hex_number(out, flags);
    }
}

/* ---- what is given ---- */

static void give_number(const struct one *one)
{
    put_name(one);
    kk_trace_put_number(one->out, one->words[0]);
}

static void give_bool(const struct one *one)
{
    put_name(one);
    if (one->words[0] > CK_TRUE) {
        kk_trace_put_number(one->out, one->words[0]);
    } else {
        kk_trace_put(one->out, one->words[0] == CK_TRUE ? "true" : "false");
    }
}

static void give_handle(const struct one *one)
{
    put_name(one);
    kk_trace_put_hex_number(one->out, one->words[0]);
}

static void give_flags(const struct one *one)
{
    put_name(one);
    put_flags(one->out, (enum kk_trace_flags)one->argument->detail, one->words[0]);
}

static void give_user_type(const struct one *one)
{
    put_name(one);
    kk_trace_put_word(one->out, kk_trace_word(KK_NAMES_CKU, "CKU_", one->words[0]), one->words[0]);
}

static void give_mechanism_type(const struct one *one)
{
    put_name(one);
    kk_trace_put_word(one->out, kk_trace_word(KK_NAMES_CKM, "CKM_", one->words[0]), one->words[0]);
}

static void give_pointer(const struct one *one)
{
    put_name(one);
    kk_trace_put(one->out, pointer(one) != NULL ? "<pointer>" : "NULL");
}

/* Text whose end is a zero byte, read byte by byte: the page behind it may not be there. */
static void put_text(struct kk_buffer *out, const char *from)
{
    uint8_t text[TEXT_MAX];
    size_t len = 0;
    while (len < sizeof text && kk_trace_peek(from + len, text + len, 1) && text[len] != '\0') {
        len++;
    }
    kk_trace_put_text(out, KK_SPAN(text, len));
}

static void give_text(const struct one *one)
{
    put_name(one);
    if (pointer(one) == NULL) {
        kk_trace_put(one->out, "NULL");
    } else {
        put_text(one->out, pointer(one));
    }
}

/* `len` bytes of text, padding and all. */
static void put_characters(const struct one *one, size_t len)
{
    uint8_t text[TEXT_MAX];
    if (pointer(one) == NULL && len == 0) {
        kk_trace_put(one->out, "NULL");
    } else if (pointer(one) == NULL) {
        kk_trace_put_length(one->out, len, " at NULL");
    } else if (len > sizeof text || !kk_trace_peek(pointer(one), text, len)) {
        kk_trace_put_length(one->out, len, "");
    } else {
        kk_trace_put_text(one->out, KK_SPAN(text, len));
    }
}

static void give_name(const struct one *one)
{
    put_name(one);
    put_characters(one, one->words[1]);
}

static void give_label(const struct one *one)
{
    put_name(one);
    put_characters(one, pointer(one) != NULL ? 32 : 0);
}

static void give_version(const struct one *one)
{
    CK_VERSION version = {0};
    put_name(one);
    if (kk_trace_peek(pointer(one), &version, sizeof version)) {
        kk_trace_put_number(one->out, version.major);
        kk_trace_put(one->out, ".");
        kk_trace_put_number(one->out, version.minor);
    } else {
        kk_trace_put(one->out, pointer(one) != NULL ? "<unreadable>" : "NULL");
    }
}

static void give_init_args(const struct one *one)
{
    CK_C_INITIALIZE_ARGS args = {0};
    put_name(one);
    if (!kk_trace_peek(pointer(one), &args, sizeof args)) {
        kk_trace_put(one->out, pointer(one) != NULL ? "<unreadable>" : "NULL");
        return;
    }
    int given = (args.CreateMutex != NULL) + (args.DestroyMutex != NULL) +
                (args.LockMutex != NULL) + (args.UnlockMutex != NULL);
    kk_trace_put(one->out, "{mutexes=");
    kk_trace_put_number(one->out, (uint64_t)given);
    kk_trace_put(one->out, ", flags=");
    put_flags(one->out, KK_TRACE_FLAGS_INITIALIZE, args.flags);
    kk_trace_put(one->out, args.pReserved != NULL ? ", pReserved=<pointer>}" : ", pReserved=NULL}");
}

/* Whether there is one is no secret: NULL asks for the protected path. */
static void give_pin(const struct one *one)
{
    put_name(one);
    kk_trace_put(one->out, pointer(one) != NULL ? "<secret>" : "NULL");
}

static void put_length_of(const struct one *one, CK_ULONG len)
{
    if (pointer(one) == NULL && len == 0) {
        kk_trace_put(one->out, "NULL");
    } else {
        kk_trace_put_length(one->out, len, pointer(one) == NULL ? " at NULL" : "");
    }
}

static void give_data(const struct one *one)
{
    put_name(one);
    put_length_of(one, one->words[1]);
}

static void put_tagged(const struct one *one, CK_ULONG len)
{
    uint64_t tag = 0;
    if (pointer(one) == NULL || !kk_trace_tag(pointer(one), len, &tag)) {
        put_length_of(one, len);
        return;
    }
    char more[24];
    (void)snprintf(more, sizeof more, " #%012llx", (unsigned long long)(tag >> 16));
    kk_trace_put_length(one->out, len, more);
}

static void give_code(const struct one *one)
{
    put_name(one);
    put_tagged(one, one->words[1]);
}

static void give_mechanism(const struct one *one)
{
    put_name(one);
    kk_trace_put_mechanism(one->out, pointer(one), KK_TRACE_GIVEN, one->function->takes_back);
}

static bool is_aead(const struct one *one)
{
    return one->argument->detail == KK_TRACE_MESSAGE_AEAD;
}

static void give_message(const struct one *one)
{
    if (!is_aead(one)) {
        give_data(one);
        return;
    }
    put_name(one);
    kk_trace_put_message(one->out, pointer(one), one->words[1], KK_TRACE_GIVEN,
                         one->function->takes_back);
}

static void give_template(const struct one *one)
{
    put_name(one);
    kk_trace_put_template(one->out, pointer(one), one->words[1], KK_TRACE_GIVEN);
}

static void give_room_template(const struct one *one)
{
    put_name(one);
    kk_trace_put_template(one->out, pointer(one), one->words[1], KK_TRACE_ROOM);
}

static void put_room(const struct one *one, CK_ULONG room)
{
    put_name(one);
    if (pointer(one) == NULL) {
        kk_trace_put(one->out, "NULL");
        return;
    }
    kk_trace_put(one->out, "<room ");
    kk_trace_put_number(one->out, room);
    kk_trace_put(one->out, ">");
}

/* Buffer and pointer to its length; without the latter there is no saying how long it is. */
static void give_room(const struct one *one)
{
    CK_ULONG room = 0;
    bool is_known = kk_trace_peek_ulong((const void *)one->words[1], &room);
    put_room(one, room);
    if (!is_known) {
        kk_trace_put(one->out, ", ");
        kk_trace_put(one->out, one->argument->length);
        kk_trace_put(one->out, one->words[1] == 0 ? "=NULL" : "=<unreadable>");
    }
}

static void give_fixed_room(const struct one *one)
{
    put_room(one, one->words[1]);
}

static void give_found_room(const struct one *one)
{
    put_room(one, one->words[1]);
    if (one->words[2] == 0) {
        kk_trace_put(one->out, ", pulObjectCount=NULL");
    }
}

/* Something is received where it is not NULL. */
static void give_out(const struct one *one)
{
    put_name(one);
    kk_trace_put(one->out, pointer(one) != NULL ? "<room>" : "NULL");
}

/* ---- what comes back ---- */

static void begin_output(const struct one *one, const char *name)
{
    kk_trace_put(one->out, " ");
    kk_trace_put(one->out, name);
    kk_trace_put(one->out, "=");
}

static bool is_ok(const struct one *one)
{
    return one->rv == CKR_OK;
}

/* A buffer's length: its bytes are there with CKR_OK; CKR_BUFFER_TOO_SMALL says how many are. */
static bool get_length(const struct one *one, CK_ULONG *ret_len)
{
    return (is_ok(one) || one->rv == CKR_BUFFER_TOO_SMALL) &&
           kk_trace_peek_ulong((const void *)one->words[1], ret_len);
}

static void take_length(const struct one *one, CK_ULONG len)
{
    begin_output(one, one->argument->length);
    kk_trace_put_number(one->out, len);
}

static void take_buffer(const struct one *one, bool is_code)
{
    CK_ULONG len = 0;
    if (!get_length(one, &len)) {
        return;
    }
    if (pointer(one) == NULL || !is_ok(one)) {
        take_length(one, len);
    } else {
        begin_output(one, one->argument->name);
        if (is_code) {
            put_tagged(one, len);
        } else {
            put_length_of(one, len);
        }
    }
}

static void take_data(const struct one *one)
{
    take_buffer(one, false);
}

static void take_code(const struct one *one)
{
    take_buffer(one, true);
}

static void take_handle(const struct one *one)
{
    CK_ULONG value = 0;
    if (is_ok(one) && kk_trace_peek_ulong(pointer(one), &value)) {
        begin_output(one, one->argument->name);
        kk_trace_put_hex_number(one->out, value);
    }
}

static void take_number(const struct one *one)
{
    CK_ULONG value = 0;
    if (is_ok(one) && kk_trace_peek_ulong(pointer(one), &value)) {
        begin_output(one, one->argument->name);
        kk_trace_put_number(one->out, value);
    }
}

static void take_flags(const struct one *one)
{
    CK_FLAGS value = 0;
    if (is_ok(one) && kk_trace_peek_ulong(pointer(one), &value)) {
        begin_output(one, one->argument->name);
        put_flags(one->out, (enum kk_trace_flags)one->argument->detail, value);
    }
}

static void put_listed(const struct one *one, CK_ULONG count, bool mechanisms)
{
    const CK_ULONG *at = pointer(one);
    begin_output(one, one->argument->name);
    kk_trace_put(one->out, "[");
    for (CK_ULONG i = 0; i < count && i < LISTED_MAX; i++) {
        CK_ULONG value = 0;
        if (!kk_trace_peek_ulong(at + i, &value)) {
            break;
        }
        const char *name = mechanisms ? kk_trace_word(KK_NAMES_CKM, "CKM_", value) : NULL;
        kk_trace_put(one->out, i > 0 ? ", " : "");
        kk_trace_put_word(one->out, name, value);
    }
    kk_trace_put(one->out, count > LISTED_MAX ? ", <more>]" : "]");
}

static void take_list(const struct one *one, bool mechanisms)
{
    CK_ULONG count = 0;
    if (!get_length(one, &count)) {
        return;
    }
    if (pointer(one) == NULL || !is_ok(one)) {
        take_length(one, count);
    } else {
        put_listed(one, count, mechanisms);
    }
}

static void take_slots(const struct one *one)
{
    take_list(one, false);
}

static void take_mechanisms(const struct one *one)
{
    take_list(one, true);
}

static void take_found(const struct one *one)
{
    CK_ULONG count = 0;
    if (is_ok(one) && kk_trace_peek_ulong((const void *)one->words[2], &count)) {
        put_listed(one, KK_MIN(count, one->words[1]), false);
    }
}

static void take_template(const struct one *one)
{
    bool has_lengths = one->rv == CKR_ATTRIBUTE_SENSITIVE ||
                       one->rv == CKR_ATTRIBUTE_TYPE_INVALID || one->rv == CKR_BUFFER_TOO_SMALL;
    if (is_ok(one) || has_lengths) {
        begin_output(one, one->argument->name);
        kk_trace_put_template(one->out, pointer(one), one->words[1],
                              is_ok(one) ? KK_TRACE_BACK : KK_TRACE_LENGTHS);
    }
}

/* An IV that was made, or a tag. */
static void take_mechanism(const struct one *one)
{
    if (is_ok(one) && !one->function->takes_back && kk_trace_mechanism_gives(pointer(one))) {
        begin_output(one, one->argument->name);
        kk_trace_put_mechanism(one->out, pointer(one), KK_TRACE_BACK, false);
    }
}

/* A tag comes with the last part: before it, what stands in its place is the application's. */
static bool has_ended(const struct one *one)
{
    size_t at = 0;
    for (const struct kk_trace_argument *argument = one->function->arguments;
         argument->name != NULL; argument++) {
        if (argument->kind == KK_TRACE_FLAGS && argument->detail == KK_TRACE_FLAGS_MESSAGE) {
            const uintptr_t *first = one->words - 1; /* the session stands before the parameter */
            return (first[at] & CKF_END_OF_MESSAGE) != 0;
        }
        at += argument->words;
    }
    return strstr(one->function->name, "Begin") == NULL;
}

static void take_message(const struct one *one)
{
    CK_ULONG len = one->words[1];
    if (is_ok(one) && is_aead(one) && !one->function->takes_back && pointer(one) != NULL &&
        has_ended(one) && kk_trace_message_layout(len) != NULL) {
        begin_output(one, one->argument->name);
        kk_trace_put_message(one->out, pointer(one), len, KK_TRACE_BACK, false);
    }
}

/* ---- structures that say something of slots, tokens and so on ---- */

enum info_kind { INFO_TEXT, INFO_VERSION, INFO_NUMBER, INFO_HANDLE, INFO_FLAGS, INFO_STATE };

struct info_member {
    const char *name;
    uint16_t offset;
    uint8_t kind;
    uint8_t detail; /* TEXT: characters; FLAGS: enum kk_trace_flags */
};

#define INFO_ROW(kind_, member_, detail_)                                                          \
    {.name = #member_, .offset = offsetof(S, member_), .kind = INFO_##kind_, .detail = (detail_)}
#define INFO_TEXT_ROW(member_) INFO_ROW(TEXT, member_, sizeof(((S *)NULL)->member_))

#define S CK_INFO
static const struct info_member module_info[] = {
    INFO_ROW(VERSION, cryptokiVersion, 0), INFO_TEXT_ROW(manufacturerID), INFO_ROW(FLAGS, flags, 0),
    INFO_TEXT_ROW(libraryDescription), INFO_ROW(VERSION, libraryVersion, 0)};
#undef S
#define S CK_SLOT_INFO
static const struct info_member slot_info[] = {
    INFO_TEXT_ROW(slotDescription), INFO_TEXT_ROW(manufacturerID),
    INFO_ROW(FLAGS, flags, KK_TRACE_FLAGS_SLOT), INFO_ROW(VERSION, hardwareVersion, 0),
    INFO_ROW(VERSION, firmwareVersion, 0)};
#undef S
#define S CK_TOKEN_INFO
static const struct info_member token_info[] = {INFO_TEXT_ROW(label),
                                                INFO_TEXT_ROW(manufacturerID),
                                                INFO_TEXT_ROW(model),
                                                INFO_TEXT_ROW(serialNumber),
                                                INFO_ROW(FLAGS, flags, KK_TRACE_FLAGS_TOKEN),
                                                INFO_ROW(NUMBER, ulSessionCount, 0),
                                                INFO_ROW(NUMBER, ulRwSessionCount, 0),
                                                INFO_ROW(NUMBER, ulMinPinLen, 0),
                                                INFO_ROW(NUMBER, ulMaxPinLen, 0),
                                                INFO_ROW(VERSION, hardwareVersion, 0),
                                                INFO_ROW(VERSION, firmwareVersion, 0)};
#undef S
#define S CK_MECHANISM_INFO
static const struct info_member mechanism_info[] = {
    INFO_ROW(NUMBER, ulMinKeySize, 0), INFO_ROW(NUMBER, ulMaxKeySize, 0),
    INFO_ROW(FLAGS, flags, KK_TRACE_FLAGS_MECHANISM)};
#undef S
#define S CK_SESSION_INFO
static const struct info_member session_info[] = {
    INFO_ROW(HANDLE, slotID, 0), INFO_ROW(STATE, state, 0),
    INFO_ROW(FLAGS, flags, KK_TRACE_FLAGS_SESSION), INFO_ROW(NUMBER, ulDeviceError, 0)};
#undef S

static const struct {
    const struct info_member *members;
    size_t count;
    size_t size;
} infos[KK_TRACE_INFO_COUNT] = {
    [KK_TRACE_INFO_MODULE] = {module_info, KK_ARRAY_LEN(module_info), sizeof(CK_INFO)},
    [KK_TRACE_INFO_SLOT] = {slot_info, KK_ARRAY_LEN(slot_info), sizeof(CK_SLOT_INFO)},
    [KK_TRACE_INFO_TOKEN] = {token_info, KK_ARRAY_LEN(token_info), sizeof(CK_TOKEN_INFO)},
    [KK_TRACE_INFO_MECHANISM] = {mechanism_info, KK_ARRAY_LEN(mechanism_info),
                                 sizeof(CK_MECHANISM_INFO)},
    [KK_TRACE_INFO_SESSION] = {session_info, KK_ARRAY_LEN(session_info), sizeof(CK_SESSION_INFO)},
};

/* A padded field without its padding. */
static void put_field_text(struct kk_buffer *out, const uint8_t *text, size_t len)
{
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    kk_trace_put_text(out, KK_SPAN(text, len));
}

static void put_info_member(struct kk_buffer *out, const struct info_member *member,
                            const uint8_t *at)
{
    CK_ULONG value = 0;
    if (member->kind == INFO_TEXT) {
        put_field_text(out, at, member->detail);
        return;
    }
    if (member->kind == INFO_VERSION) {
        kk_trace_put_number(out, at[0]);
        kk_trace_put(out, ".");
        kk_trace_put_number(out, at[1]);
        return;
    }
    memcpy(&value, at, sizeof value);
    if (member->kind == INFO_FLAGS) {
        put_flags(out, (enum kk_trace_flags)member->detail, value);
    } else if (member->kind == INFO_STATE) {
        kk_trace_put_word(out, kk_trace_word(KK_NAMES_CKS, "CKS_R", value), value);
    } else if (member->kind == INFO_HANDLE) {
        kk_trace_put_hex_number(out, value);
    } else {
        kk_trace_put_number(out, value);
    }
}

union any_info {
    CK_INFO module;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;
    CK_MECHANISM_INFO mechanism;
    CK_SESSION_INFO session;
    uint8_t bytes[sizeof(CK_TOKEN_INFO)];
};

static void take_info(const struct one *one)
{
    union any_info info = {0};
    uint8_t which = one->argument->detail;
    if (!is_ok(one) || !kk_trace_peek(pointer(one), &info, infos[which].size)) {
        return;
    }
    begin_output(one, one->argument->name);
    kk_trace_put(one->out, "{");
    for (size_t i = 0; i < infos[which].count; i++) {
        const struct info_member *member = &infos[which].members[i];
        kk_trace_put(one->out, i > 0 ? ", " : "");
        kk_trace_put(one->out, member->name);
        kk_trace_put(one->out, "=");
        put_info_member(one->out, member, info.bytes + member->offset);
    }
    kk_trace_put(one->out, "}");
}

/* ---- lists of functions ---- */

/* Every list begins with its version. */
static void put_list(struct kk_buffer *out, const void *list)
{
    CK_VERSION version = {0};
    if (!kk_trace_peek(list, &version, sizeof version)) {
        kk_trace_put(out, list != NULL ? "<pointer>" : "NULL");
        return;
    }
    kk_trace_put(out, "{version=");
    kk_trace_put_number(out, version.major);
    kk_trace_put(out, ".");
    kk_trace_put_number(out, version.minor);
    kk_trace_put(out, "}");
}

static void take_function_list(const struct one *one)
{
    const void *list = NULL;
    if (is_ok(one) && kk_trace_peek(pointer(one), &list, sizeof(void *))) {
        begin_output(one, one->argument->name);
        put_list(one->out, list);
    }
}

static void put_interface(struct kk_buffer *out, const void *at)
{
    CK_INTERFACE interface = {0};
    if (!kk_trace_peek(at, &interface, sizeof interface)) {
        kk_trace_put(out, "<unreadable>");
        return;
    }
    kk_trace_put(out, "{name=");
    put_text(out, (const char *)interface.pInterfaceName);
    kk_trace_put(out, ", list=");
    put_list(out, interface.pFunctionList);
    kk_trace_put(out, ", flags=");
    put_flags(out, KK_TRACE_FLAGS_INTERFACE, interface.flags);
    kk_trace_put(out, "}");
}

static void take_interface(const struct one *one)
{
    const void *interface = NULL;
    if (is_ok(one) && kk_trace_peek(pointer(one), &interface, sizeof(void *))) {
        begin_output(one, one->argument->name);
        put_interface(one->out, interface);
    }
}

static void take_interfaces(const struct one *one)
{
    CK_ULONG count = 0;
    if (!get_length(one, &count)) {
        return;
    }
    if (pointer(one) == NULL || !is_ok(one)) {
        take_length(one, count);
        return;
    }
    begin_output(one, one->argument->name);
    kk_trace_put(one->out, "[");
    for (CK_ULONG i = 0; i < count && i < LISTED_MAX; i++) {
        kk_trace_put(one->out, i > 0 ? ", " : "");
        put_interface(one->out, (const CK_INTERFACE *)pointer(one) + i);
    }
    kk_trace_put(one->out, "]");
}

/* Whose bytes pValue points to depends on the call that ended; they are not looked at. */
static void take_async(const struct one *one)
{
    CK_ASYNC_DATA data = {0};
    if (!is_ok(one) || !kk_trace_peek(pointer(one), &data, sizeof data)) {
        return;
    }
    begin_output(one, one->argument->name);
    kk_trace_put(one->out, data.pValue != NULL ? "{pValue=<pointer>, ulValue="
                                               : "{pValue=NULL, "
                                                 "ulValue=");
    kk_trace_put_number(one->out, data.ulValue);
    kk_trace_put(one->out, ", hObject=");
    kk_trace_put_hex_number(one->out, data.hObject);
    kk_trace_put(one->out, ", hAdditionalObject=");
    kk_trace_put_hex_number(one->out, data.hAdditionalObject);
    kk_trace_put(one->out, "}");
}

/* ---- a call ---- */

static const struct {
    void (*give)(const struct one *one);
    void (*take)(const struct one *one); /* NULL: nothing comes back */
} kinds[KK_TRACE_KIND_COUNT] = {
    [KK_TRACE_ULONG] = {give_number, NULL},
    [KK_TRACE_BOOL] = {give_bool, NULL},
    [KK_TRACE_SLOT] = {give_handle, NULL},
    [KK_TRACE_SESSION] = {give_handle, NULL},
    [KK_TRACE_OBJECT] = {give_handle, NULL},
    [KK_TRACE_FLAGS] = {give_flags, NULL},
    [KK_TRACE_USER_TYPE] = {give_user_type, NULL},
    [KK_TRACE_MECHANISM_TYPE] = {give_mechanism_type, NULL},
    [KK_TRACE_POINTER] = {give_pointer, NULL},
    [KK_TRACE_TEXT] = {give_text, NULL},
    [KK_TRACE_NAME] = {give_name, NULL},
    [KK_TRACE_LABEL] = {give_label, NULL},
    [KK_TRACE_VERSION] = {give_version, NULL},
    [KK_TRACE_INIT_ARGS] = {give_init_args, NULL},
    [KK_TRACE_PIN] = {give_pin, NULL},
    [KK_TRACE_DATA] = {give_data, NULL},
    [KK_TRACE_CODE] = {give_code, NULL},
    [KK_TRACE_MECHANISM] = {give_mechanism, take_mechanism},
    [KK_TRACE_PARAMETER] = {give_message, take_message},
    [KK_TRACE_TEMPLATE] = {give_template, NULL},
    [KK_TRACE_OUT_TEMPLATE] = {give_room_template, take_template},
    [KK_TRACE_OUT_DATA] = {give_room, take_data},
    [KK_TRACE_OUT_CODE] = {give_room, take_code},
    [KK_TRACE_OUT_BYTES] = {give_fixed_room, NULL},
    [KK_TRACE_OUT_LATER] = {give_fixed_room, NULL},
    [KK_TRACE_OUT_SLOT] = {give_out, take_handle},
    [KK_TRACE_OUT_SESSION] = {give_out, take_handle},
    [KK_TRACE_OUT_OBJECT] = {give_out, take_handle},
    [KK_TRACE_OUT_ULONG] = {give_out, take_number},
    [KK_TRACE_OUT_FLAGS] = {give_out, take_flags},
    [KK_TRACE_OUT_OBJECTS] = {give_found_room, take_found},
    [KK_TRACE_OUT_SLOTS] = {give_room, take_slots},
    [KK_TRACE_OUT_MECHANISMS] = {give_room, take_mechanisms},
    [KK_TRACE_OUT_INFO] = {give_out, take_info},
    [KK_TRACE_OUT_LIST] = {give_out, take_function_list},
    [KK_TRACE_OUT_INTERFACES] = {give_room, take_interfaces},
    [KK_TRACE_OUT_INTERFACE] = {give_out, take_interface},
    [KK_TRACE_OUT_ASYNC] = {give_out, take_async},
};

void kk_trace_put_call(struct kk_buffer *out, const struct kk_trace_function *function,
                       const uintptr_t *words)
{
    struct one one = {.out = out, .function = function, .words = words};
    kk_trace_put(out, function->name);
    kk_trace_put(out, "(");
    for (one.argument = function->arguments; one.argument->name != NULL; one.argument++) {
        kk_trace_put(out, one.argument != function->arguments ? ", " : "");
        kinds[one.argument->kind].give(&one);
        one.words += one.argument->words;
    }
    kk_trace_put(out, ")");
}

void kk_trace_put_result(struct kk_buffer *out, const struct kk_trace_function *function,
                         const uintptr_t *words, CK_RV rv)
{
    struct one one = {.out = out, .function = function, .words = words, .rv = rv};
    kk_trace_put(out, " = ");
    kk_trace_put_word(out, kk_trace_word(KK_NAMES_CKR, "CKR_", rv), rv);
    for (one.argument = function->arguments; one.argument->name != NULL; one.argument++) {
        if (kinds[one.argument->kind].take != NULL) {
            kinds[one.argument->kind].take(&one);
        }
        one.words += one.argument->words;
    }
}
