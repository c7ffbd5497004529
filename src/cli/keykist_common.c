/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keykist's commands have in common: the token that is meant, PINs, sessions, and saying what
 * went wrong.
 */
#include "cli/keykist.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/prompt.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cryptoki/names.h"

#include "base/banned.h"

/* ---- failures ---- */

/* clang-format off */
static const struct {
    CK_RV rv;
    const char *text;
} reasons[] = {
    {CKR_HOST_MEMORY,             "there is not enough memory"},
    {CKR_FUNCTION_CANCELED,       "it was interrupted"},
    {CKR_FUNCTION_NOT_SUPPORTED,  "a token of this kind cannot do that"},
    {CKR_DEVICE_ERROR,            "the token is damaged or cannot be read, or a TPM or pepper is not there; the log says more"},
    {CKR_DEVICE_MEMORY,           "there is no room left on the token's disk"},
    {CKR_DEVICE_REMOVED,          "the token was deleted meanwhile"},
    {CKR_TOKEN_NOT_PRESENT,       "there is no token in the slot"},
    {CKR_TOKEN_NOT_RECOGNIZED,    "there is no initialised token in the slot"},
    {CKR_TOKEN_WRITE_PROTECTED,   "the token cannot be written to"},
    {CKR_SLOT_ID_INVALID,         "there is no such slot"},
    {CKR_PIN_INCORRECT,           "the PIN is wrong"},
    {CKR_PIN_LOCKED,              "the PIN is locked after too many wrong ones"},
    {CKR_PIN_LEN_RANGE,           "the PIN is too short or too long"},
    {CKR_PIN_INVALID,             "the module does not take this PIN"},
    {CKR_USER_PIN_NOT_INITIALIZED, "the token has no user PIN yet"},
    {CKR_USER_NOT_LOGGED_IN,      "that needs the user's PIN"},
    {CKR_SESSION_READ_ONLY,       "the token cannot be written to"},
    {CKR_ACTION_PROHIBITED,       "the object's attributes forbid it"},
    {CKR_ATTRIBUTE_SENSITIVE,     "it is sensitive and does not leave the token in clear"},
    {CKR_ATTRIBUTE_TYPE_INVALID,  "the object lacks an attribute that is needed, or does not take one"},
    {CKR_ATTRIBUTE_VALUE_INVALID, "a value is wrong, or the module does not take it"},
    {CKR_TEMPLATE_INCONSISTENT,   "attributes contradict each other"},
    {CKR_CURVE_NOT_SUPPORTED,     "the module does not know the curve"},
    {CKR_KEY_SIZE_RANGE,          "the module does not take a key of this size"},
    {CKR_KEY_NOT_WRAPPABLE,       "the key may not be wrapped with such a key"},
    {CKR_KEY_UNEXTRACTABLE,       "the key may not leave the token"},
    {CKR_MECHANISM_INVALID,       "this kind of key is not handled"},
    {CKR_SESSION_EXISTS,          "there are open sessions with the token"},
    {CKR_FUNCTION_FAILED,         "it failed, or somebody else held the token for too long; the log says more"},
};
/* clang-format on */

static const char *reason_of(CK_RV rv)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(reasons); i++) {
        if (reasons[i].rv == rv) {
            return reasons[i].text;
        }
    }
    return "the module refused";
}

CK_RV kk_keykist_failed(CK_RV rv, const char *what)
{
    const char *name = kk_names_find(KK_NAMES_CKR, rv);
    char number[24];
    (void)snprintf(number, sizeof number, "0x%lx", rv);
    return kk_cli_error("%s: %s (%s).", what, reason_of(rv), name != NULL ? name : number);
}

/* ---- tokens ---- */

struct kk_keykist_name kk_keykist_name(const CK_UTF8CHAR *field, size_t len)
{
    struct kk_keykist_name name = {""};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    (void)kk_text_put(&buffer, kk_text_trim(KK_SPAN(field, len)));
    if (kk_buffer_check(&buffer) == CKR_OK && buffer.len > 0) {
        memcpy(name.text, buffer.data, KK_MIN(buffer.len, sizeof name.text - 1));
    }
    return name;
}

struct search {
    const struct kk_keykist *keykist;
    struct kk_cli_wanted wanted;
    bool by_slot;
    CK_SLOT_ID slot;
};

static bool fits(const struct search *search, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
    bool named = search->wanted.by_serial || search->wanted.by_label;
    return (info->flags & CKF_TOKEN_INITIALIZED) != 0 &&
           (!search->by_slot || slot == search->slot) &&
           (!named || kk_cli_is_wanted(&search->wanted, info)) &&
           kk_keykist_uri_fits(search->keykist, slot, info);
}

static KK_RV say_count(const struct search *search, size_t count)
{
    const struct kk_cli_wanted *wanted = &search->wanted;
    int asked =
        (search->by_slot ? 1 : 0) + (wanted->by_serial ? 1 : 0) + (wanted->by_label ? 1 : 0);
    if (count > 0) {
        return kk_cli_error("%zu tokens %s: choose one by --serial or --slot", count,
                            asked > 0 ? "have this label" : "are there");
    }
    if (search->keykist->options.uri != NULL) {
        return kk_cli_error("no token fits the URI");
    }
    if (asked == 0) {
        return kk_cli_error("there is no token yet");
    }
    return kk_cli_error("no token %s", asked > 1 ? "fits --token, --serial and --slot as given"
                                       : search->by_slot   ? "is in this slot"
                                       : wanted->by_serial ? "has this serial number"
                                                           : "has this label");
}

KK_RV kk_keykist_find_token(const struct kk_keykist *keykist, CK_SLOT_ID *ret_slot,
                            CK_TOKEN_INFO *ret_info)
{
    const struct kk_keykist_options *options = &keykist->options;
    struct search search = {.keykist = keykist, .by_slot = options->slot != NULL};
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    size_t count = 0;
    KK_TRY(kk_cli_wanted(options->serial, options->token, &search.wanted));
    if (search.by_slot) {
        KK_TRY(kk_cli_parse_slot(options->slot, &search.slot));
    }
    KK_TRY(kk_slot_list_get(&keykist->module, CK_TRUE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_TOKEN_INFO info = {0};
        KK_TRY(kk_token_info(&keykist->module, slots.ids[i], &info));
        if (fits(&search, slots.ids[i], &info)) {
            *ret_slot = slots.ids[i];
            *ret_info = info;
            count++;
        }
    }
    return count == 1 ? CKR_OK : say_count(&search, count);
}

KK_RV kk_keykist_vendor(const struct kk_keykist *keykist, CK_BYTE minor,
                        const CK_KEYKIST_FUNCTIONS **ret_vendor)
{
    const CK_KEYKIST_FUNCTIONS *vendor = keykist->module.vendor;
    if (vendor == NULL || vendor->version.minor < minor) {
        return kk_cli_error("the module %s cannot do that: it is %s", keykist->module.path,
                            vendor == NULL ? "not Keykist's" : "an older Keykist");
    }
    *ret_vendor = vendor;
    return CKR_OK;
}

/* ---- PINs ---- */

bool kk_keykist_pin_is_given(const struct kk_cli_pin_source *source)
{
    return source->value != NULL || source->file != NULL || source->env != NULL ||
           source->fd != NULL;
}

static KK_RV ask(const char *what, const char *again, const char *option,
                 struct kk_secret **ret_pin)
{
    char text[96];
    (void)snprintf(text, sizeof text, "Enter the %s%s: ", what, again);
    if (isatty(STDIN_FILENO) == 0) {
        return kk_cli_error("the %s is missing: use %s-file, %s-env or %s", what, option, option,
                            option);
    }
    CK_RV rv = kk_cli_prompt(stderr, text, KK_CLI_PIN_MAX, ret_pin);
    return rv == CKR_OK ? CKR_OK : kk_cli_error("the %s was not entered", what);
}

KK_RV kk_keykist_pin(const struct kk_cli_pin_source *source, const char *option, const char *what,
                     bool is_new, struct kk_secret **ret_pin)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *again = NULL;
    KK_TRY(kk_cli_pin_given(source, option, &pin));
    if (pin == NULL) {
        KK_TRY(ask(what, "", option, &pin));
        if (is_new) {
            KK_TRY(ask(what, " again", option, &again));
        }
    }
    if (kk_secret_len(pin) == 0 || kk_secret_len(pin) > KK_CLI_PIN_MAX) {
        return kk_cli_error("the %s must have 1 to %i bytes", what, KK_CLI_PIN_MAX);
    }
    if (again != NULL && !kk_secret_equal(pin, again)) {
        return kk_cli_error("the two are not the same");
    }
    *ret_pin = KK_STEAL(pin);
    return CKR_OK;
}

KK_RV kk_keykist_confirm(const struct kk_keykist *keykist, const char *what)
{
    char answer[16] = "";
    if (keykist->options.yes) {
        return CKR_OK;
    }
    if (isatty(STDIN_FILENO) == 0) {
        return kk_cli_error("%s: say --yes if that is meant", what);
    }
    fprintf(stderr, "%s. Go on? (yes/no) ", what);
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL ||
        (strcmp(answer, "yes\n") != 0 && strcmp(answer, "y\n") != 0)) {
        return kk_cli_error("nothing was done");
    }
    return CKR_OK;
}

/* ---- sessions ---- */

KK_RV kk_keykist_open(const struct kk_keykist *keykist, CK_SLOT_ID slot, bool writable,
                      struct kk_keykist_session *ret_session)
{
    CK_FUNCTION_LIST_PTR p11 = keykist->module.p11;
    CK_FLAGS flags = CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0);
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    CK_RV rv = p11->C_OpenSession(slot, flags, NULL, NULL, &handle);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not open the token");
    }
    *ret_session =
        (struct kk_keykist_session){.p11 = p11, .handle = handle, .slot = slot, .open = true};
    return CKR_OK;
}

KK_RV kk_keykist_login(const struct kk_keykist_session *session, CK_USER_TYPE user,
                       const struct kk_secret *pin)
{
    struct kk_span text = kk_secret_span(pin);
    CK_RV rv = session->p11->C_Login(session->handle, user, (CK_UTF8CHAR_PTR)(uintptr_t)text.data,
                                     (CK_ULONG)text.len);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) {
        return kk_keykist_failed(rv, user == CKU_SO ? "Could not log in as SO"
                                                    : "Could not log in as user");
    }
    return CKR_OK;
}

void kk_keykist_close(struct kk_keykist_session *session)
{
    if (session->open) {
        (void)session->p11->C_CloseSession(session->handle);
        session->open = false;
    }
}

/* ---- what was done ---- */

KK_RV kk_keykist_say(const struct kk_keykist *keykist, const CK_TOKEN_INFO *token, CK_SLOT_ID slot,
                     const char *what)
{
    struct kk_span label = kk_text_trim(KK_SPAN(token->label, sizeof token->label));
    struct kk_span serial = kk_text_trim(KK_SPAN(token->serialNumber, sizeof token->serialNumber));
    if (!keykist->options.json) {
        printf("Token \"%s\" (serial %s, slot %lu): %s.\n",
               kk_keykist_name(token->label, sizeof token->label).text,
               kk_keykist_name(token->serialNumber, sizeof token->serialNumber).text, slot, what);
        return CKR_OK;
    }
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_json_object(&json, "token");
    kk_json_bytes(&json, "label", label);
    kk_json_bytes(&json, "serial", serial);
    kk_json_number(&json, "slot", slot);
    kk_json_end(&json);
    kk_json_text(&json, "result", what);
    kk_json_end(&json);
    return kk_json_print(&json);
}
