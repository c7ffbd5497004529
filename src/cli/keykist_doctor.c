/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist doctor: what somebody should know who trusts keys to this installation.
 */
#include "cli/keykist_doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/colour.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "tpm/tpm.h"

#include "base/banned.h"

static CK_RV run_doctor(struct kk_keykist *keykist);

static const struct kk_keykist_command commands[] = {
    {.name = "",
     .help = "Look at configuration, permissions, PIN settings and tokens",
     .more = "Exit status 0: nothing is bad; 1: something is. Needs no PIN and changes nothing.\n",
     .alone = true,
     .run = run_doctor},
};

const struct kk_keykist_group kk_keykist_doctor_group = {
    "doctor", "Look for what is wrong or weak in this installation", commands,
    KK_ARRAY_LEN(commands)};

static const struct kk_column columns[] = {
    {"Level", "level"}, {"Topic", "topic"}, {"Finding", "finding"}};

static const struct kk_table_colour colours[] = {
    {"bad", KK_COLOUR_RED}, {"note", KK_COLOUR_YELLOW}, {"ok", KK_COLOUR_GREEN}, {NULL, NULL}};

void kk_doctor_say(struct kk_doctor *doctor, enum kk_finding_level level, const char *topic,
                   const char *format, ...)
{
    static const char *const names[] = {
        [KK_FINDING_OK] = "ok", [KK_FINDING_NOTE] = "note", [KK_FINDING_BAD] = "bad"};
    char text[1400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    kk_table_text(&doctor->table, names[level]);
    kk_table_text(&doctor->table, topic);
    kk_table_text(&doctor->table, text);
    doctor->bad += level == KK_FINDING_BAD ? 1 : 0;
}

/* ---- PINs ---- */

#define DIGIT_PINS 10000 /* of four digits */
#define SHORT_PIN 6

static void check_guessing(struct kk_doctor *doctor, const CK_KEYKIST_HEALTH *health)
{
    double seconds = (double)health->pin_microseconds * DIGIT_PINS / 1e6;
    if (doctor->config->pin_guard == KK_GUARD_TPM2) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "PINs",
                      "pin.guard = tpm2: from its next use on, a PIN of a sealed token opens with "
                      "this machine's TPM only: a thief of the tokens cannot guess it; without the "
                      "TPM nobody opens them, from a backup neither; its lockout after wrong PINs "
                      "is shared by all that use it");
        return;
    }
    if (health->has_pepper) {
        kk_doctor_say(doctor, KK_FINDING_OK, "PINs",
                      "a thief of the tokens needs the pepper too before he can guess PINs");
        return;
    }
    kk_doctor_say(doctor, KK_FINDING_NOTE, "PINs",
                  "one try takes %.1f ms here: without a pepper, a thief of the tokens tries all "
                  "PINs of 4 digits in %.0f seconds on one core",
                  (double)health->pin_microseconds / 1e3, seconds);
}

static void check_auto(struct kk_doctor *doctor)
{
    if (strcmp(doctor->config->pin_auto, "none") != 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "PINs",
                      "pin.auto = %s: who can start a program with this configuration is logged in",
                      doctor->config->pin_auto);
    }
}

static void check_pins(struct kk_doctor *doctor, const CK_KEYKIST_HEALTH *health)
{
    const struct kk_config *config = doctor->config;
    check_guessing(doctor, health);
    check_auto(doctor);
    if (config->pin_kdf == KK_KDF_TEST) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "PINs", "pin.kdf = test is for tests only");
    }
    if (config->pin_max_tries == 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "PINs",
                      "pin.max_tries = 0: a user PIN is never locked, whoever guesses it");
    }
    if (config->pin_min_length < SHORT_PIN && !health->has_pepper &&
        config->pin_guard == KK_GUARD_NONE) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "PINs",
                      "pin.min_length = %lu: shorter PINs than %i characters are easily guessed",
                      config->pin_min_length, SHORT_PIN);
    }
}

static bool is_tpms(const char *setting)
{
    return strncmp(setting, "tpm2", 4) == 0;
}

/* Whether there is a TPM shows when something is asked of it. */
static void check_plugin(struct kk_doctor *doctor)
{
    const struct kk_config *config = doctor->config;
    KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = NULL;
    struct kk_tpm_why why = {""};
    bool wanted =
        config->pin_guard == KK_GUARD_TPM2 || is_tpms(config->pepper) || is_tpms(config->pin_auto);
    if (wanted && kk_tpm_new(config->tcti, &tpm) == CKR_OK && kk_tpm_load(tpm, &why) != KK_TPM_OK) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "TPM", "%s", why.text);
    }
}

static void check_pepper(struct kk_doctor *doctor, const CK_KEYKIST_HEALTH *health)
{
    if (health->pepper_missing) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "pepper",
                      "token.pepper = %s cannot be read: tokens that need it do not open",
                      doctor->config->pepper);
    } else if (health->has_pepper && is_tpms(doctor->config->pepper)) {
        kk_doctor_say(doctor, KK_FINDING_OK, "pepper",
                      "token.pepper is there; only this machine's TPM opens it: without the TPM "
                      "nobody opens the tokens");
    } else if (health->has_pepper) {
        kk_doctor_say(doctor, KK_FINDING_OK, "pepper", "token.pepper is there");
    } else {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "pepper",
                      "there is none: public objects, CKA_TRUSTED before a login included, have no "
                      "protection against who reads or writes the tokens");
    }
}

static void check_memory(struct kk_doctor *doctor, const CK_KEYKIST_HEALTH *health)
{
    if (health->memory_locked == CK_FALSE) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "memory",
                      "pages with PINs and keys cannot be locked and may be swapped out: raise "
                      "the limit (ulimit -l)");
    } else {
        kk_doctor_say(doctor, KK_FINDING_OK, "memory", "pages with PINs and keys are locked");
    }
    kk_doctor_say(doctor, KK_FINDING_NOTE, "memory",
                  "during a login OpenSSL's parsed keys lie in the program's ordinary memory, a "
                  "forked child's too: who reads that memory has them");
}

static void check_policy(struct kk_doctor *doctor)
{
    const struct kk_config *config = doctor->config;
    if (config->policy != KK_POLICY_FIPS) {
        return;
    }
    kk_doctor_say(doctor, KK_FINDING_OK, "policy",
                  "mechanisms.policy = fips: OpenSSL's FIPS provider is in use, and nothing else "
                  "computes a mechanism");
    kk_doctor_say(doctor, KK_FINDING_NOTE, "policy",
                  "sealing and unsealing of tokens and backups lie outside of the validated "
                  "module; a PIN that was last used without this policy opens once by Argon2id "
                  "and goes through PBKDF2 from then on");
    if (config->fips_certificate == 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "policy",
                      "whether this build of the provider is a validated one no program can tell: "
                      "mechanisms.fips_certificate names its certificate, and there is no "
                      "validation object without");
    }
}

/* ---- tokens ---- */

static void check_kind(struct kk_doctor *doctor, CK_SLOT_ID slot, struct kk_keykist_name name,
                       const CK_KEYKIST_TOKEN_INFO *details)
{
    static const char softhsm2[16] = "softhsm2        ";
    if (kk_mem_equal(details->kind, sizeof details->kind, softhsm2, sizeof softhsm2)) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "tokens",
                      "\"%s\" (slot %lu) is in SoftHSM's format: PINs are guessed quickly from a "
                      "copy, edits are not noticed: keykist token upgrade makes a sealed one of it",
                      name.text, slot);
        if (doctor->config->pin_guard == KK_GUARD_TPM2) {
            kk_doctor_say(doctor, KK_FINDING_NOTE, "tokens",
                          "\"%s\" (slot %lu): pin.guard does nothing for its PINs", name.text,
                          slot);
        }
    }
}

static void check_token(struct kk_doctor *doctor, const CK_KEYKIST_FUNCTIONS *vendor,
                        CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
    CK_KEYKIST_TOKEN_INFO details = {0};
    struct kk_keykist_name name = kk_keykist_name(info->label, sizeof info->label);
    CK_RV rv = vendor->token_info(slot, &details);
    if (rv != CKR_OK) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "tokens", "\"%s\" (slot %lu) cannot be looked at",
                      name.text, slot);
    } else if ((details.flags & CKF_KEYKIST_REKEY_PENDING) != 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "tokens",
                      "\"%s\" (slot %lu): a rekey was begun and is not finished: keykist token "
                      "rekey does the rest",
                      name.text, slot);
    } else if ((info->flags & CKF_USER_PIN_LOCKED) != 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "tokens",
                      "\"%s\" (slot %lu): the user PIN is locked: keykist pin reset sets a new one",
                      name.text, slot);
    } else if ((info->flags & CKF_USER_PIN_INITIALIZED) == 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "tokens",
                      "\"%s\" (slot %lu) has no user PIN yet: keykist pin init sets one", name.text,
                      slot);
    }
    check_kind(doctor, slot, name, &details);
}

static void paths_clear(struct kk_doctor_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        kk_free(paths->paths[i]);
    }
    kk_free(paths->paths);
}

/* A token that lies in no directory has no path. */
static KK_RV add_path(const struct kk_module *module, CK_SLOT_ID slot,
                      struct kk_doctor_paths *paths)
{
    CK_ULONG len = 0;
    if (module->vendor->token_path(slot, NULL, &len) != CKR_OK) {
        return CKR_OK;
    }
    KK_TRY(kk_realloc_array(&paths->paths, paths->count + 1, sizeof *paths->paths));
    KK_TRY(kk_cli_token_path(module, slot, &paths->paths[paths->count]));
    paths->count++;
    return CKR_OK;
}

static bool is_unplugged(struct kk_doctor *doctor, const CK_KEYKIST_FUNCTIONS *vendor,
                         CK_SLOT_ID slot)
{
    CK_KEYKIST_SLOT_INFO info = {0};
    if (vendor->slot_info(slot, &info) != CKR_OK ||
        (info.flags & CKF_KEYKIST_SLOT_UNPLUGGED) == 0) {
        return false;
    }
    kk_doctor_say(doctor, KK_FINDING_NOTE, "tokens",
                  "\"%s\" (slot %lu) is unplugged: keykist slot plug puts it back",
                  kk_keykist_name(info.label, sizeof info.label).text, slot);
    return true;
}

static KK_RV check_slot(struct kk_doctor *doctor, const CK_KEYKIST_FUNCTIONS *vendor,
                        CK_SLOT_ID slot, unsigned long *count)
{
    CK_TOKEN_INFO info = {0};
    if (is_unplugged(doctor, vendor, slot)) {
        return CKR_OK;
    }
    KK_TRY(kk_token_info(&doctor->keykist->module, slot, &info));
    if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) {
        (*count)++;
        check_token(doctor, vendor, slot, &info);
    }
    return CKR_OK;
}

static KK_RV check_tokens(struct kk_doctor *doctor, const CK_KEYKIST_FUNCTIONS *vendor)
{
    const struct kk_module *module = &doctor->keykist->module;
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_CLEANUP(paths_clear) struct kk_doctor_paths paths = {0};
    unsigned long count = 0;
    KK_TRY(kk_slot_list_get(module, CK_FALSE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        KK_TRY(add_path(module, slots.ids[i], &paths));
        KK_TRY(check_slot(doctor, vendor, slots.ids[i], &count));
    }
    kk_doctor_hidden(doctor, &paths);
    kk_doctor_say(doctor, KK_FINDING_OK, "tokens", "%lu", count);
    return CKR_OK;
}

/* What only the module knows. Why it does not start has been said on stderr then. */
static KK_RV check_module(struct kk_doctor *doctor)
{
    struct kk_keykist *keykist = doctor->keykist;
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    CK_KEYKIST_HEALTH health = {0};
    if (kk_cli_start_module(keykist->options.module, &keykist->module) != CKR_OK) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "module", "it does not start");
        return CKR_OK;
    }
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    CK_RV rv = vendor->health(&health);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not ask the module how it is");
    }
    kk_doctor_say(doctor, KK_FINDING_OK, "module", "%s", keykist->module.path);
    check_pins(doctor, &health);
    check_pepper(doctor, &health);
    check_plugin(doctor);
    check_memory(doctor, &health);
    check_policy(doctor);
    return check_tokens(doctor, vendor);
}

/* ---- the command ---- */

static void doctor_clear(struct kk_doctor *doctor)
{
    kk_table_clear(&doctor->table);
    kk_config_free(doctor->config);
}

static KK_RV print(const struct kk_doctor *doctor)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    if (!doctor->keykist->options.json) {
        return kk_table_print(&doctor->table);
    }
    kk_json_object(&json, NULL);
    kk_json_bool(&json, "good", doctor->bad == 0);
    kk_table_json(&doctor->table, &json, "findings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static CK_RV run_doctor(struct kk_keykist *keykist)
{
    KK_CLEANUP(doctor_clear) struct kk_doctor doctor = {
        .keykist = keykist,
        .table = {.columns = columns, .column_count = KK_ARRAY_LEN(columns), .colours = colours}};
    KK_TRY(kk_doctor_config(&doctor));
    if (doctor.config != NULL) {
        kk_doctor_files(&doctor);
        KK_TRY(check_module(&doctor));
    }
    KK_TRY(print(&doctor));
    if (doctor.bad > 0) {
        return kk_cli_error("%zu finding%s bad", doctor.bad, doctor.bad == 1 ? " is" : "s are");
    }
    return CKR_OK;
}
