/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries: the table of events, the one place where they become text, and reading them.
 */
#include "token/audit_entry.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "crypto/kdf.h"
#include "cryptoki/names.h"

#include "base/banned.h"

#define LABEL_MAX 64
#define SEQ_MAX INT64_MAX /* so that no number has none behind it */

/* clang-format off */
static const struct kk_audit_row rows[KK_AUDIT_KINDS] = {
    [KK_AUDIT_NONE]           = {"", false, false, NULL, NULL},
    [KK_AUDIT_BEGIN]          = {"begin", true, false, NULL, NULL},
    [KK_AUDIT_EPOCH]          = {"epoch", true, false, NULL, "epoch"},
    [KK_AUDIT_CONTINUE]       = {"continue", true, false, "oldest", "last"},
    [KK_AUDIT_ROTATE]         = {"rotate", true, false, NULL, NULL},
    [KK_AUDIT_TORN]           = {"torn", true, false, "torn", "sum"},
    [KK_AUDIT_GAP]            = {"gap", true, false, "missing", NULL},
    [KK_AUDIT_MISSED]         = {"missed", true, false, "missed", NULL},
    [KK_AUDIT_LOGIN]          = {"login", true, false, NULL, NULL},
    [KK_AUDIT_LOGOUT]         = {"logout", true, false, NULL, NULL},
    [KK_AUDIT_PIN_FAILED]     = {"pin-failed", true, false, NULL, NULL},
    [KK_AUDIT_GUARD_LOCKED]   = {"guard-locked", true, false, NULL, NULL},
    [KK_AUDIT_PIN_CHANGE]     = {"pin-change", true, false, NULL, NULL},
    [KK_AUDIT_PIN_INIT]       = {"pin-init", true, false, NULL, NULL},
    [KK_AUDIT_USER_ADD]       = {"user-add", true, false, NULL, NULL},
    [KK_AUDIT_USER_REMOVE]    = {"user-remove", true, false, NULL, NULL},
    [KK_AUDIT_TOKEN_INIT]     = {"token-init", true, false, NULL, NULL},
    [KK_AUDIT_TOKEN_DELETE]   = {"token-delete", true, false, NULL, NULL},
    [KK_AUDIT_REKEY]          = {"rekey", true, false, NULL, NULL},
    [KK_AUDIT_REPAIR]         = {"repair", true, false, NULL, NULL},
    [KK_AUDIT_RESTORE]        = {"restore", true, false, NULL, NULL},
    [KK_AUDIT_BACKUP]         = {"backup", true, false, NULL, NULL},
    [KK_AUDIT_SET_ASIDE]      = {"set-aside", true, false, NULL, NULL},
    [KK_AUDIT_UNPLUG]         = {"unplug", true, false, NULL, NULL},
    [KK_AUDIT_PLUG]           = {"plug", true, false, NULL, NULL},
    [KK_AUDIT_CREATE]         = {"create", true, false, NULL, NULL},
    [KK_AUDIT_GENERATE]       = {"generate", true, false, NULL, NULL},
    [KK_AUDIT_DERIVE]         = {"derive", true, false, NULL, NULL},
    [KK_AUDIT_UNWRAP]         = {"unwrap", true, false, NULL, NULL},
    [KK_AUDIT_ENCAPSULATE]    = {"encapsulate", true, false, NULL, NULL},
    [KK_AUDIT_DECAPSULATE]    = {"decapsulate", true, false, NULL, NULL},
    [KK_AUDIT_COPY]           = {"copy", true, false, NULL, NULL},
    [KK_AUDIT_MODIFY]         = {"modify", true, false, NULL, NULL},
    [KK_AUDIT_DESTROY]        = {"destroy", true, false, NULL, NULL},
    [KK_AUDIT_WRAP]           = {"wrap", true, false, NULL, NULL},
    [KK_AUDIT_EXPORT]         = {"export", false, false, NULL, NULL},
    [KK_AUDIT_ENCRYPT]        = {"encrypt", false, true, NULL, NULL},
    [KK_AUDIT_DECRYPT]        = {"decrypt", false, true, NULL, NULL},
    [KK_AUDIT_SIGN]           = {"sign", false, true, NULL, NULL},
    [KK_AUDIT_VERIFY]         = {"verify", false, true, NULL, NULL},
    [KK_AUDIT_SIGN_RECOVER]   = {"sign-recover", false, true, NULL, NULL},
    [KK_AUDIT_VERIFY_RECOVER] = {"verify-recover", false, true, NULL, NULL},
    [KK_AUDIT_DIGEST_KEY]     = {"digest-key", false, true, NULL, NULL},
};
/* clang-format on */

static const char *const who_names[] = {"public", "so", "user"};

const struct kk_audit_row *kk_audit_row(enum kk_audit_kind kind)
{
    return &rows[kind];
}

/* ---- writing ---- */

static void put_text(struct kk_json_line *line, const char *name, const char *text)
{
    kk_json_line_text(line, name, KK_SPAN(text, strlen(text)));
}

static void put_uuid(struct kk_json_line *line, const char *name, const struct kk_uuid *uuid)
{
    char text[KK_UUID_TEXT];
    kk_uuid_format(uuid, text);
    put_text(line, name, text);
}

static void put_constant(struct kk_json_line *line, const char *name, enum kk_name_space space,
                         CK_ULONG value)
{
    const char *text = kk_names_find(space, value);
    if (text != NULL) {
        put_text(line, name, text);
    } else {
        kk_json_line_number(line, name, value);
    }
}

static void two_digits(char *out, int value)
{
    out[0] = (char)('0' + value / 10 % 10);
    out[1] = (char)('0' + value % 10);
}

/* "YYYY-MM-DDThh:mm:ss.uuuuuuZ" */
static void put_time(struct kk_json_line *line)
{
    char text[] = "0000-00-00T00:00:00.000000Z";
    struct timespec now = {0};
    struct tm parts = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    int year = parts.tm_year + 1900;
    int micros = (int)(now.tv_nsec / 1000);
    const int pairs[] = {year / 100,   year % 100,   parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                         parts.tm_min, parts.tm_sec, micros / 10000,   micros / 100,  micros};
    static const size_t at[] = {0, 2, 5, 8, 11, 14, 17, 20, 22, 24};
    for (size_t i = 0; i < KK_ARRAY_LEN(pairs); i++) {
        two_digits(text + at[i], pairs[i]);
    }
    put_text(line, "time", text);
}

static void put_object(struct kk_json_line *line, const struct kk_audit_event *event)
{
    if (event->object != NULL) {
        put_uuid(line, "object", event->object);
    }
    if (event->attrs == NULL) {
        return;
    }
    put_constant(line, "class", KK_NAMES_CKO,
                 (CK_ULONG)kk_attrs_number(event->attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION));
    const struct kk_attr *label = kk_attrs_find(event->attrs, CKA_LABEL);
    if (label != NULL && label->kind == KK_ATTR_BYTES) {
        struct kk_span text = kk_attr_bytes(label);
        kk_json_line_text(line, "label", KK_SPAN(text.data, KK_MIN(text.len, (size_t)LABEL_MAX)));
    }
}

static void put_note(struct kk_json_line *line, const struct kk_audit_note *note)
{
    if (note != NULL && note->has_with) {
        put_uuid(line, "with", &note->with);
    }
    if (note != NULL && note->has_mechanism) {
        put_constant(line, "mechanism", KK_NAMES_CKM, note->mechanism);
    }
}

static void put_own(struct kk_json_line *line, const struct kk_audit_event *event)
{
    const struct kk_audit_row *row = &rows[event->kind];
    if (row->number_name != NULL) {
        kk_json_line_number(line, row->number_name, event->number);
    }
    if (row->bytes_name != NULL) {
        kk_json_line_hex(line, row->bytes_name, event->bytes);
    }
}

static void put_user(struct kk_json_line *line, const char *name, struct kk_span user)
{
    if (user.len > 0) {
        kk_json_line_text(line, name, user);
    }
}

void kk_audit_entry_body(struct kk_json_line *line, uint64_t seq,
                         const struct kk_audit_writer *writer, const struct kk_audit_event *event,
                         const struct kk_audit_process *process)
{
    kk_json_line_number(line, "seq", seq);
    put_time(line);
    put_text(line, "event", rows[event->kind].name);
    put_text(line, "user", who_names[writer->who]);
    put_user(line, "name", writer->name);
    if (event->kind == KK_AUDIT_PIN_FAILED || event->kind == KK_AUDIT_GUARD_LOCKED) {
        put_text(line, "tried", who_names[event->tried]);
    }
    put_user(line, "of", event->of);
    if (event->is_context) {
        put_constant(line, "as", KK_NAMES_CKU, CKU_CONTEXT_SPECIFIC);
    }
    put_object(line, event);
    put_note(line, event->note);
    put_own(line, event);
    if (event->result != CKR_OK) {
        put_constant(line, "result", KK_NAMES_CKR, event->result);
    }
    kk_json_line_number(line, "uid", getuid());
    if (geteuid() != getuid()) {
        kk_json_line_number(line, "euid", geteuid());
    }
    kk_json_line_number(line, "pid", process->pid);
    kk_json_line_text(line, "program", process->program);
}

/* ---- reading ---- */

static enum kk_audit_kind kind_of(struct kk_span name)
{
    for (int kind = KK_AUDIT_BEGIN; kind < KK_AUDIT_KINDS; kind++) {
        if (kk_mem_equal(name.data, name.len, rows[kind].name, strlen(rows[kind].name))) {
            return (enum kk_audit_kind)kind;
        }
    }
    return KK_AUDIT_NONE;
}

/* The members that every entry begins with. */
static bool take_head(struct kk_json_line_reader *reader, struct kk_audit_line *line)
{
    struct kk_json_member seq = {0};
    struct kk_json_member time = {0};
    struct kk_json_member event = {0};
    struct kk_json_member user = {0};
    if (!kk_json_line_next(reader, &seq) || !kk_json_line_next(reader, &time) ||
        !kk_json_line_next(reader, &event) || !kk_json_line_next(reader, &user) ||
        !kk_json_member_is(&seq, "seq") || seq.is_text || seq.number == 0 || seq.number > SEQ_MAX ||
        !kk_json_member_is(&time, "time") || !time.is_text || !kk_json_member_is(&event, "event") ||
        !event.is_text || !kk_json_member_is(&user, "user") || !user.is_text) {
        return false;
    }
    line->seq = seq.number;
    line->kind = kind_of(event.value);
    line->is_public = kk_mem_equal(user.value.data, user.value.len, who_names[0], 6);
    return true;
}

static void take_own(const struct kk_json_member *member, struct kk_audit_line *line)
{
    const struct kk_audit_row *row = &rows[line->kind];
    if (row->number_name != NULL && kk_json_member_is(member, row->number_name)) {
        line->number = member->number;
    }
    if (row->bytes_name != NULL && kk_json_member_is(member, row->bytes_name)) {
        line->has_bytes = kk_json_member_bytes(member, line->bytes, sizeof line->bytes);
    }
}

/* From the hash on: it and the MAC, and the end. */
static bool take_seal(struct kk_json_line_reader *reader, struct kk_json_member *member,
                      struct kk_audit_line *line)
{
    if (!kk_json_member_bytes(member, line->hash, sizeof line->hash)) {
        return false;
    }
    if (kk_json_line_next(reader, member)) {
        line->has_mac = kk_json_member_is(member, "mac") &&
                        kk_json_member_bytes(member, line->mac, sizeof line->mac);
        if (!line->has_mac || kk_json_line_next(reader, member)) {
            return false;
        }
    }
    return reader->ended;
}

bool kk_audit_line_parse(struct kk_span text, struct kk_audit_line *ret_line)
{
    struct kk_json_line_reader reader = kk_json_line_reader_new(text);
    struct kk_json_member member = {0};
    struct kk_audit_line line = {0};
    if (text.len > KK_AUDIT_LINE_MAX || !take_head(&reader, &line)) {
        return false;
    }
    size_t body_len = text.len - reader.rest.len;
    while (kk_json_line_next(&reader, &member)) {
        if (kk_json_member_is(&member, "hash")) {
            line.body_len = body_len;
            bool sealed = take_seal(&reader, &member, &line);
            *ret_line = line;
            return sealed;
        }
        take_own(&member, &line);
        body_len = text.len - reader.rest.len;
    }
    return false;
}

/* ---- the chain ---- */

KK_RV kk_audit_hash(struct kk_digest *digest, struct kk_span before, struct kk_span body,
                    uint8_t ret_hash[KK_AUDIT_HASH])
{
    KK_TRY(kk_digest_start(digest));
    KK_TRY(kk_digest_update(digest, before));
    KK_TRY(kk_digest_update(digest, KK_SPAN_TEXT("\n")));
    KK_TRY(kk_digest_update(digest, body));
    return kk_digest_finish(digest, ret_hash);
}

KK_RV kk_audit_line_hash(struct kk_digest *digest, struct kk_span line,
                         uint8_t ret_hash[KK_AUDIT_HASH])
{
    KK_TRY(kk_digest_start(digest));
    KK_TRY(kk_digest_update(digest, line));
    return kk_digest_finish(digest, ret_hash);
}

KK_RV kk_audit_mac(struct kk_crypto *crypto, struct kk_span key, const char serial[16],
                   const uint8_t hash[KK_AUDIT_HASH], uint8_t ret_mac[KK_AUDIT_HASH])
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/audit"), KK_SPAN(serial, 16),
                                     KK_SPAN(hash, KK_AUDIT_HASH)};
    return kk_hmac_sha256(crypto, key, pieces, KK_ARRAY_LEN(pieces), ret_mac);
}
