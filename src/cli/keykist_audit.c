/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist audit: a token's audit log, shown and verified.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/json_line.h"
#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

#define CHUNK 65536u

static const struct kk_option show_options[] = {
    {"since", "TIME", KK_OPTION_TEXT, offsetof(struct kk_keykist_show_options, since),
     "Entries from then on: 2026-01-31, or 2026-01-31T12:00:00 (UTC)"},
    {"event", "NAME", KK_OPTION_TEXT, offsetof(struct kk_keykist_show_options, event),
     "Entries of this event only: login, pin-failed, sign ..."},
};

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "show", .help = "Show the entries of a token's audit log",
     .more = "They are shown as they are; whether they are genuine, \"keykist audit verify\" says.\n",
     .takes = KK_TAKES_TOKEN, .own_size = sizeof(struct kk_keykist_show_options),
     .options = show_options, .option_count = KK_ARRAY_LEN(show_options), .run = kk_keykist_audit_show},
    {.name = "verify", .help = "Verify a token's audit log, and name the first break",
     .more = "Without a PIN only the hashes are verified, which anybody can compute: entries that are\n"
             "missing or were changed are found, but not a log that was made anew as a whole.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_SO_PIN, .run = kk_keykist_audit_verify},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_audit_group = {"audit", "Show and verify audit logs",
                                                        commands, KK_ARRAY_LEN(commands)};

/* ---- show ---- */

/* One entry's members, borrowed from its line. */
struct entry {
    bool is_one; /* the line is an entry */
    struct kk_json_member seq, time, event, user, name, tried, of, as, object, label, mechanism,
        result, uid, pid, program;
};

#define MEMBER(name) {#name, offsetof(struct entry, name)}
static const struct {
    const char *name;
    size_t offset;
} members[] = {
    MEMBER(seq),    MEMBER(time),    MEMBER(event),     MEMBER(user),   MEMBER(tried),
    MEMBER(object), MEMBER(label),   MEMBER(mechanism), MEMBER(result), MEMBER(uid),
    MEMBER(pid),    MEMBER(program), MEMBER(as),        MEMBER(name),   MEMBER(of),
};

static struct entry parse(struct kk_span line)
{
    struct kk_json_line_reader reader = kk_json_line_reader_new(line);
    struct kk_json_member member = {0};
    struct entry entry = {0};
    while (kk_json_line_next(&reader, &member)) {
        for (size_t i = 0; i < KK_ARRAY_LEN(members); i++) {
            if (kk_json_member_is(&member, members[i].name)) {
                memcpy((uint8_t *)&entry + members[i].offset, &member, sizeof member);
            }
        }
    }
    entry.is_one = reader.ended;
    return entry;
}

/* Times are compared as text. */
static bool is_from(const uint8_t *time, const char *since, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (time[i] != (uint8_t)since[i]) {
            return time[i] > (uint8_t)since[i];
        }
    }
    return true;
}

/* What is no entry is always shown: a filter must not hide damage. */
static bool is_wanted(const struct kk_keykist_show_options *options, const struct entry *entry)
{
    if (!entry->is_one) {
        return true;
    }
    if (options->event != NULL && !kk_mem_equal(entry->event.value.data, entry->event.value.len,
                                                options->event, strlen(options->event))) {
        return false;
    }
    size_t len = options->since != NULL ? strlen(options->since) : 0;
    size_t common = KK_MIN(len, entry->time.value.len);
    return common == 0 || is_from(entry->time.value.data, options->since, common);
}

static void put_cell(struct kk_table *table, const struct kk_json_member *member)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    if (member->name.len == 0) {
        kk_table_none(table);
    } else if (!member->is_text) {
        kk_table_number(table, (unsigned long)member->number);
    } else {
        kk_json_member_put(member, &text);
        kk_table_bytes(table, kk_buffer_span(&text));
    }
}

/* A login of one operation's, which has a member of its own to say so, is told apart here too. */
static void put_event(struct kk_table *table, const struct entry *entry)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    if (!entry->is_one) {
        kk_table_text(table, "(no entry)");
        return;
    }
    kk_json_member_put(&entry->event, &text);
    if (entry->as.name.len > 0) {
        kk_buffer_put_span(&text, KK_SPAN_TEXT(" (one operation)"));
    }
    kk_table_bytes(table, kk_buffer_span(&text));
}

/* "user", or "user alice". */
static void put_user(struct kk_table *table, const struct kk_json_member *user,
                     const struct kk_json_member *name)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    if (name->name.len == 0) {
        put_cell(table, user);
        return;
    }
    kk_json_member_put(user, &text);
    kk_buffer_put_span(&text, KK_SPAN_TEXT(" "));
    kk_json_member_put(name, &text);
    kk_table_bytes(table, kk_buffer_span(&text));
}

/* What it is about: an object, or a user. */
static const struct kk_json_member *about(const struct entry *entry)
{
    if (entry->label.value.len > 0) {
        return &entry->label;
    }
    return entry->object.name.len == 0 && entry->tried.name.len == 0 ? &entry->of : &entry->object;
}

static void put_row(struct kk_table *table, const struct entry *entry)
{
    static const struct kk_json_member none = {0};
    bool tried = entry->tried.name.len > 0;
    put_cell(table, &entry->seq);
    put_cell(table, &entry->time);
    put_user(table, tried ? &entry->tried : &entry->user, tried ? &entry->of : &entry->name);
    put_event(table, entry);
    put_cell(table, about(entry));
    put_cell(table, &entry->mechanism);
    put_cell(table, entry->is_one ? &entry->result : &none);
    put_cell(table, &entry->uid);
    put_cell(table, &entry->pid);
    put_cell(table, &entry->program);
}

static void put_json(struct kk_json *json, struct kk_span line, const struct entry *entry)
{
    struct kk_json_line_reader reader = kk_json_line_reader_new(line);
    struct kk_json_member member = {0};
    kk_json_object(json, NULL);
    if (!entry->is_one) {
        kk_json_bytes(json, "no_entry", line);
    }
    while (entry->is_one && kk_json_line_next(&reader, &member)) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
        char name[64];
        (void)snprintf(name, sizeof name, "%.*s", (int)KK_MIN(member.name.len, sizeof name - 1),
                       (const char *)member.name.data);
        if (member.is_text) {
            kk_json_member_put(&member, &text);
            kk_json_bytes(json, name, kk_buffer_span(&text));
        } else {
            kk_json_number(json, name, (unsigned long)member.number);
        }
    }
    kk_json_end(json);
}

struct shown {
    const struct kk_keykist_show_options *options;
    struct kk_table *table; /* NULL: JSON */
    struct kk_json *json;
};

static void show_lines(const struct shown *shown, struct kk_span text)
{
    while (text.len > 0) {
        const uint8_t *newline = memchr(text.data, '\n', text.len);
        size_t len = newline != NULL ? (size_t)(newline - text.data) : text.len;
        struct kk_span line = KK_SPAN(text.data, len);
        struct entry entry = parse(line);
        if (is_wanted(shown->options, &entry) && shown->table != NULL) {
            put_row(shown->table, &entry);
        } else if (is_wanted(shown->options, &entry)) {
            put_json(shown->json, line, &entry);
        }
        len += newline != NULL ? 1 : 0;
        text = KK_SPAN(text.data + len, text.len - len);
    }
}

static KK_RV show_all(const struct kk_keykist *keykist, CK_SLOT_ID slot, const struct shown *shown)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(kk_freep) uint8_t *text = NULL;
    CK_KEYKIST_AUDIT_PLACE place = {{0}};
    CK_ULONG len = 1;
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    KK_TRY(kk_alloc(CHUNK, &text));
    while (len > 0) {
        len = CHUNK;
        CK_RV rv = vendor->audit_read(slot, &place, text, &len);
        if (rv != CKR_OK) {
            return kk_keykist_failed(rv, "Could not read the audit log");
        }
        show_lines(shown, KK_SPAN(text, len));
    }
    return CKR_OK;
}

/* "2026-01-31" and more of it: compared as text, it must look like a time. */
static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00.000000Z";
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (i >= sizeof form - 1 || (form[i] == '0' ? !digit : text[i] != form[i])) {
            return false;
        }
    }
    return len >= 4;
}

CK_RV kk_keykist_audit_show(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {
        {"Number", "seq"},    {"Time", "time"},           {"User", "user"},     {"Event", "event"},
        {"Object", "object"}, {"Mechanism", "mechanism"}, {"Result", "result"}, {"Uid", "uid"},
        {"Process", "pid"},   {"Program", "program"},
    };
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    const struct kk_keykist_show_options *options = keykist->own;
    struct shown shown = {
        .options = options, .table = keykist->options.json ? NULL : &table, .json = &json};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    if (options->since != NULL && !is_time(options->since)) {
        return kk_cli_error("--since takes a time like 2026-01-31 or 2026-01-31T12:00:00");
    }
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    kk_json_object(&json, NULL);
    kk_json_array(&json, "entries");
    KK_TRY(show_all(keykist, slot, &shown));
    kk_json_end(&json);
    kk_json_end(&json);
    return keykist->options.json ? kk_json_print(&json) : kk_table_print(&table);
}

/* ---- verify ---- */

/* With the PIN that was given, if one was. */
static KK_RV log_in(const struct kk_keykist *keykist, const struct kk_keykist_session *session)
{
    const struct kk_keykist_options *options = &keykist->options;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    bool so = kk_keykist_pin_is_given(&options->so_pin);
    if (so && kk_keykist_pin_is_given(&options->pin)) {
        return kk_cli_error("Use the user's PIN or the SO's, not both.");
    }
    if (!so && !kk_keykist_pin_is_given(&options->pin)) {
        return CKR_OK;
    }
    KK_TRY(kk_keykist_pin(so ? &options->so_pin : &options->pin, so ? "--so-pin" : "--pin",
                          so ? "SO PIN" : "user PIN", false, &pin));
    return kk_keykist_login(session, so ? CKU_SO : CKU_USER, pin);
}

static KK_RV get_report(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                        CK_KEYKIST_AUDIT_REPORT *ret_report)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    bool writable = kk_keykist_pin_is_given(&keykist->options.so_pin); /* as an SO's must be */
    KK_TRY(kk_keykist_open(keykist, slot, writable, &session));
    KK_TRY(log_in(keykist, &session));
    CK_RV rv = vendor->audit_verify(session.handle, ret_report);
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not read the audit log");
}

static bool is_broken(const CK_KEYKIST_AUDIT_REPORT *report)
{
    return (report->flags & (CKF_KEYKIST_AUDIT_BROKEN | CKF_KEYKIST_AUDIT_ANCHOR)) != 0;
}

static void put_report(struct kk_table *table, const CK_KEYKIST_AUDIT_REPORT *report)
{
    bool keyed = (report->flags & CKF_KEYKIST_AUDIT_KEYED) != 0;
    kk_table_text(table, is_broken(report) ? "broken" : "sound");
    kk_table_text(table, keyed ? "hashes and MACs" : "hashes only, no PIN was given");
    kk_table_number(table, report->files);
    kk_table_number(table, report->entries);
    kk_table_number(table, report->first);
    kk_table_number(table, report->last);
    if (keyed) {
        kk_table_number(table, report->sealed);
        kk_table_number(table, report->last > report->sealed ? report->last - report->sealed : 0);
    } else {
        kk_table_none(table);
        kk_table_none(table);
    }
    kk_table_number(table, report->torn);
    kk_table_number(table, report->tail);
    kk_table_number(table, report->missed);
    if ((report->flags & CKF_KEYKIST_AUDIT_BROKEN) != 0) {
        kk_table_number(table, report->break_at);
        kk_table_bytes(table, kk_text_trim(KK_SPAN_ARRAY(report->file)));
        kk_table_bytes(table, kk_text_trim(KK_SPAN_ARRAY(report->what)));
    } else {
        kk_table_none(table);
        kk_table_none(table);
        kk_table_none(table);
    }
}

static KK_RV print_report(const struct kk_keykist *keykist, const CK_KEYKIST_AUDIT_REPORT *report)
{
    static const struct kk_column columns[] = {
        {"Result", "result"},
        {"Verified", "verified"},
        {"Files", "files"},
        {"Entries", "entries"},
        {"First", "first"},
        {"Last", "last"},
        {"Sealed up to", "sealed"},
        {"Not yet sealed", "unsealed"},
        {"Torn lines", "torn"},
        {"Unfinished bytes at the end", "tail"},
        {"Could not be written", "missed"},
        {"First break", "break"},
        {"In", "file"},
        {"What", "what"},
    };
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    put_report(&table, report);
    if (!keykist->options.json) {
        return kk_table_print_record(&table);
    }
    kk_table_json_record(&table, &json, NULL);
    return kk_json_print(&json);
}

/* What is broken is the answer: it is printed, and the program fails. */
CK_RV kk_keykist_audit_verify(struct kk_keykist *keykist)
{
    CK_KEYKIST_AUDIT_REPORT report = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(get_report(keykist, slot, &report));
    if ((report.flags &
         (CKF_KEYKIST_AUDIT_PRESENT | CKF_KEYKIST_AUDIT_ANCHOR | CKF_KEYKIST_AUDIT_BROKEN)) == 0) {
        return kk_cli_error("the token has no audit log; audit.log in softhsm2.conf turns it on");
    }
    KK_TRY(print_report(keykist, &report));
    if ((report.flags & CKF_KEYKIST_AUDIT_BROKEN) != 0) {
        return kk_cli_error("the audit log is broken: %s, entry %lu: %s",
                            kk_keykist_name(report.file, sizeof report.file).text, report.break_at,
                            kk_keykist_name(report.what, sizeof report.what).text);
    }
    if ((report.flags & CKF_KEYKIST_AUDIT_ANCHOR) != 0) {
        return kk_cli_error("what the token knows of its audit log was tampered with");
    }
    return CKR_OK;
}
