/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the runner prints and writes: TAP, the list of checks, the JSON report.
 */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cryptoki/names.h"
#include "env.h"

/* ---- files of lines ---- */

static void add_line(struct lines *lines, const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    if (length == 0 || text[0] == '#')
        return;
    if (lines->count == MAX_LINES) {
        fputs("conformance: too many lines\n", stderr);
        exit(2);
    }
    lines->line[lines->count++] = strndup(text, length);
}

void report_read_lines(const char *path, struct lines *ret_lines)
{
    char text[512];
    if (path == NULL)
        return;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "conformance: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    while (fgets(text, sizeof text, file) != NULL)
        add_line(ret_lines, text);
    fclose(file);
}

/* ---- TAP ---- */

void report_list(const struct registered_check *checks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%-56s pkcs11-3.2 %s: %s\n", checks[i].id, checks[i].check->clause,
               checks[i].check->title);
    fprintf(stderr, "%zu checks\n", count);
}

void report_plan(const struct report *report)
{
    size_t wanted = 0;
    for (size_t i = 0; i < report->count; i++)
        wanted += report->checks[i].state != STATE_UNWANTED;
    printf("TAP version 13\n1..%zu\n", wanted);
}

void report_check(struct report *report, const struct registered_check *entry)
{
    const char *directive = "";
    if (entry->result == RESULT_SKIP)
        report->skipped++;
    else if (entry->expected != NULL && entry->result == RESULT_FAIL)
        report->known++;
    else if (entry->expected != NULL || entry->result == RESULT_FAIL)
        report->failed++;
    else
        report->passed++;
    if (entry->expected != NULL && entry->result != RESULT_SKIP)
        directive = " # TODO known to fail";
    printf("%s %zu - %s pkcs11-3.2 %s: %s%s%s%s\n", entry->result == RESULT_FAIL ? "not ok" : "ok",
           ++report->number, entry->id, entry->check->clause, entry->check->title, directive,
           entry->result == RESULT_SKIP ? " # SKIP " : "",
           entry->result == RESULT_SKIP ? entry->detail : "");
    if (entry->result == RESULT_FAIL)
        printf("# %s\n", entry->detail);
    if (entry->result == RESULT_OK && entry->expected != NULL)
        printf("# was expected to fail: %s\n", entry->expected);
    fflush(stdout);
}

void report_summary(const struct report *report)
{
    printf("# %zu passed, %zu failed, %zu skipped, %zu known to fail\n", report->passed,
           report->failed, report->skipped, report->known);
}

/* ---- JSON ---- */

static void json_bytes(FILE *out, const char *name, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    while (length > 0 && (byte[length - 1] == ' ' || byte[length - 1] == '\0'))
        length--;
    if (name != NULL)
        fprintf(out, "\"%s\": ", name);
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        if (byte[i] == '"' || byte[i] == '\\')
            fprintf(out, "\\%c", byte[i]);
        else if (byte[i] < 0x20 || byte[i] >= 0x7f)
            fprintf(out, "\\u%04x", byte[i]);
        else
            fputc(byte[i], out);
    }
    fputc('"', out);
}

static void json_text(FILE *out, const char *name, const char *text)
{
    json_bytes(out, name, text, strlen(text));
}

struct flag {
    CK_FLAGS flag;
    const char *name;
};

static void json_flags(FILE *out, CK_FLAGS flags, const struct flag *names, size_t count)
{
    const char *comma = "";
    fputs("\"flags\": [", out);
    for (size_t i = 0; i < count; i++) {
        if ((flags & names[i].flag) == 0)
            continue;
        fprintf(out, "%s\"%s\"", comma, names[i].name);
        comma = ", ";
    }
    fputs("]", out);
}

#define FLAG(name) {name, #name}
static const struct flag mechanism_flags[] = {
    FLAG(CKF_HW),
    FLAG(CKF_MESSAGE_ENCRYPT),
    FLAG(CKF_MESSAGE_DECRYPT),
    FLAG(CKF_MESSAGE_SIGN),
    FLAG(CKF_MESSAGE_VERIFY),
    FLAG(CKF_ENCRYPT),
    FLAG(CKF_DECRYPT),
    FLAG(CKF_DIGEST),
    FLAG(CKF_SIGN),
    FLAG(CKF_SIGN_RECOVER),
    FLAG(CKF_VERIFY),
    FLAG(CKF_VERIFY_RECOVER),
    FLAG(CKF_GENERATE),
    FLAG(CKF_GENERATE_KEY_PAIR),
    FLAG(CKF_WRAP),
    FLAG(CKF_UNWRAP),
    FLAG(CKF_DERIVE),
    FLAG(CKF_ENCAPSULATE),
    FLAG(CKF_DECAPSULATE),
    FLAG(CKF_EC_F_P),
    FLAG(CKF_EC_F_2M),
    FLAG(CKF_EC_ECPARAMETERS),
    FLAG(CKF_EC_OID),
    FLAG(CKF_EC_UNCOMPRESS),
    FLAG(CKF_EC_COMPRESS),
    FLAG(CKF_EC_CURVENAME),
};

static const struct flag token_flags[] = {
    FLAG(CKF_RNG),
    FLAG(CKF_WRITE_PROTECTED),
    FLAG(CKF_LOGIN_REQUIRED),
    FLAG(CKF_USER_PIN_INITIALIZED),
    FLAG(CKF_RESTORE_KEY_NOT_NEEDED),
    FLAG(CKF_CLOCK_ON_TOKEN),
    FLAG(CKF_PROTECTED_AUTHENTICATION_PATH),
    FLAG(CKF_DUAL_CRYPTO_OPERATIONS),
    FLAG(CKF_TOKEN_INITIALIZED),
    FLAG(CKF_ASYNC_SESSION_SUPPORTED),
};

static void json_mechanism(FILE *out, CK_MECHANISM_TYPE type)
{
    CK_MECHANISM_INFO info = {0};
    const char *name = kk_names_find(KK_NAMES_CKM, type);
    CK_RV rv = F->C_GetMechanismInfo(env.slot, type, &info);
    fprintf(out, "    { \"type\": %lu, ", type);
    json_text(out, "name", name == NULL ? "" : name);
    if (rv == CKR_OK) {
        fprintf(out, ", \"min\": %lu, \"max\": %lu, ", info.ulMinKeySize, info.ulMaxKeySize);
        json_flags(out, info.flags, mechanism_flags, COUNT(mechanism_flags));
    }
    fputs(" }", out);
}

static void json_mechanisms(FILE *out)
{
    static CK_MECHANISM_TYPE types[4096];
    CK_ULONG count = COUNT(types);
    if (F->C_GetMechanismList(env.slot, types, &count) != CKR_OK)
        count = 0;
    fputs("  \"mechanisms\": [\n", out);
    for (CK_ULONG i = 0; i < count; i++) {
        json_mechanism(out, types[i]);
        fputs(i + 1 < count ? ",\n" : "\n", out);
    }
    fputs("  ],\n", out);
}

static void json_interface(FILE *out, const char *comma, const CK_VERSION *version)
{
    fprintf(out, "%s\"%u.%u\"", comma, version->major, version->minor);
}

static void json_library(FILE *out)
{
    CK_INFO info = {0};
    F->C_GetInfo(&info);
    fprintf(out, "  \"cryptoki\": \"%u.%u\", \"library\": \"%u.%u\", ", info.cryptokiVersion.major,
            info.cryptokiVersion.minor, info.libraryVersion.major, info.libraryVersion.minor);
    json_bytes(out, "manufacturer", info.manufacturerID, sizeof info.manufacturerID);
    fputs(", ", out);
    json_bytes(out, "description", info.libraryDescription, sizeof info.libraryDescription);
    fputs(",\n  \"interfaces\": [", out);
    json_interface(out, "", &env.list_2_40->version);
    if (env.list_3_0 != NULL)
        json_interface(out, ", ", &env.list_3_0->version);
    if (env.list_3_2 != NULL)
        json_interface(out, ", ", &env.list_3_2->version);
    fputs("],\n", out);
}

static void json_token(FILE *out)
{
    CK_TOKEN_INFO info = {0};
    F->C_GetTokenInfo(env.slot, &info);
    fputs("  \"token\": { ", out);
    json_bytes(out, "model", info.model, sizeof info.model);
    fputs(", ", out);
    json_flags(out, info.flags, token_flags, COUNT(token_flags));
    fprintf(out, ", \"min_pin\": %lu, \"max_pin\": %lu },\n", info.ulMinPinLen, info.ulMaxPinLen);
}

/* The module is asked in a child: what it does there is no danger to the report. */
static void json_capabilities(FILE *out, const char *module)
{
    char error[256];
    CK_SLOT_ID slot[1];
    CK_ULONG count = 1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (pid != 0)
        return;
    if (!env_load(module, error, sizeof error) || F->C_Initialize(NULL) != CKR_OK)
        _exit(0);
    CK_RV rv = F->C_GetSlotList(CK_TRUE, slot, &count);
    if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && count == 1)) {
        static CK_SLOT_ID all[256];
        count = COUNT(all);
        if (F->C_GetSlotList(CK_TRUE, all, &count) == CKR_OK && count > 0)
            env.slot = all[0];
        json_library(out);
        json_token(out);
        json_mechanisms(out);
    }
    fflush(out);
    _exit(0);
}

static void json_result(FILE *out, const struct registered_check *entry)
{
    static const char *const names[] = {"pass", "fail", "skip"};
    fputs("    { ", out);
    json_text(out, "id", entry->id);
    fputs(", ", out);
    json_text(out, "clause", entry->check->clause);
    fputs(", ", out);
    json_text(out, "title", entry->check->title);
    fprintf(out, ", \"result\": \"%s\", ", names[entry->result]);
    json_text(out, "detail", entry->detail);
    fputs(" }", out);
}

bool report_json(const struct report *report, const char *path)
{
    const char *comma = "";
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fprintf(stderr, "conformance: %s: %s\n", path, strerror(errno));
        return false;
    }
    fputs("{\n", out);
    json_text(out, "module", report->module);
    fputs(",\n", out);
    json_capabilities(out, report->module);
    fprintf(out, "  \"passed\": %zu, \"failed\": %zu, \"skipped\": %zu, \"known\": %zu,\n",
            report->passed, report->failed, report->skipped, report->known);
    fputs("  \"results\": [\n", out);
    for (size_t i = 0; i < report->count; i++) {
        if (report->checks[i].state != STATE_DONE)
            continue;
        fputs(comma, out);
        json_result(out, &report->checks[i]);
        comma = ",\n";
    }
    fputs("\n  ]\n}\n", out);
    return fclose(out) == 0;
}
