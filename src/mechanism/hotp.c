/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-time passwords: HOTP (RFC 4226) by a counter, and by the time (TOTP, RFC 6238) with keys that
 * say so in CKA_OTP_TIME_REQUIREMENT. A password of the key's own counter takes its turn
 * (mechanism.h); one of a counter or a time that the caller gives changes nothing.
 *
 * The result of signing is a CK_OTP_SIGNATURE_INFO with everything that it points to behind it.
 */
#include <stdio.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "crypto/mac.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define COUNTER_LEN 8
#define TIME_LEN 14  /* YYYYMMDDhhmmss */
#define MIN_DIGITS 6 /* RFC 4226, requirement 4 and section 5.3 */
#define MAX_DIGITS 8
#define USUAL_INTERVAL 30 /* RFC 6238, section 4.1 */

#define EXCLUDES (CKF_EXCLUDE_TIME | CKF_EXCLUDE_CHALLENGE | CKF_EXCLUDE_PIN)

struct hotp_context {
    struct kk_op_context head;
    size_t digits;
    bool by_time;
    bool is_given;    /* the counter is the caller's */
    uint64_t counter; /* or the step of the time */
    char time[TIME_LEN + 1];
};

static void hotp_free(void *context)
{
    struct hotp_context *self = context;
    kk_op_context_clear(&self->head);
    kk_free(self);
}

/* ---- parameters ---- */

#define PARAM_TYPES (CK_OTP_OUTPUT_FORMAT + 1)

/* What was given, by type; NULL: nothing. */
struct given {
    const CK_OTP_PARAM *param[PARAM_TYPES];
};

static KK_RV sort_params(const struct kk_op *op, struct given *ret_given)
{
    const CK_OTP_PARAMS *params = op->param.data;
    for (CK_ULONG i = 0; op->param.present && i < params->ulCount; i++) {
        const CK_OTP_PARAM *param = &params->pParams[i];
        bool is_one = param->type < PARAM_TYPES && param->type != CK_OTP_VALUE &&
                      ret_given->param[param->type] == NULL;
        KK_ENSURE(is_one && (param->pValue != NULL || param->ulValueLen == 0),
                  CKR_MECHANISM_PARAM_INVALID);
        ret_given->param[param->type] = param;
    }
    return CKR_OK;
}

static KK_RV number_of(const struct given *given, CK_OTP_PARAM_TYPE type, CK_ULONG absent,
                       CK_ULONG *ret_number)
{
    const CK_OTP_PARAM *param = given->param[type];
    KK_ENSURE(param == NULL || param->ulValueLen == sizeof(CK_ULONG), CKR_MECHANISM_PARAM_INVALID);
    if (param == NULL) {
        *ret_number = absent;
    } else {
        memcpy(ret_number, param->pValue, sizeof *ret_number);
    }
    return CKR_OK;
}

/*= pkcs11-3.2 CK_OTP_PARAMS: populated in accordance with the CKA_OTP_X_REQUIREMENT attributes; it
 * is an error to exclude what is mandatory */
static KK_RV check_requirements(const struct kk_op *op, const struct given *given, CK_FLAGS flags)
{
    const struct {
        CK_OTP_PARAM_TYPE type;
        CK_ULONG requirement;
        CK_FLAGS exclude;
    } rows[] = {
        {CK_OTP_PIN, op->otp.pin, CKF_EXCLUDE_PIN},
        {CK_OTP_CHALLENGE, op->otp.challenge, CKF_EXCLUDE_CHALLENGE},
        {CK_OTP_TIME, op->otp.time, CKF_EXCLUDE_TIME},
        {CK_OTP_COUNTER, op->otp.counter, CKF_EXCLUDE_COUNTER},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        bool is_wanted = rows[i].requirement == CK_OTP_PARAM_MANDATORY;
        bool is_there = given->param[rows[i].type] != NULL && (flags & rows[i].exclude) == 0;
        KK_ENSURE(!is_wanted || is_there, CKR_MECHANISM_PARAM_INVALID);
    }
    return CKR_OK;
}

/* The next password is the one after the counter's: who wants it gives that counter. */
static KK_RV check_flags(const struct kk_op *op, CK_FLAGS flags)
{
    KK_ENSURE((flags & ~(CK_FLAGS)(EXCLUDES | CKF_USER_FRIENDLY_OTP)) == 0,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE((flags & CKF_USER_FRIENDLY_OTP) == 0 || op->otp.is_friendly,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/* RFC 4226 has decimal numbers of 6 to 8 digits. */
static KK_RV read_form(const struct kk_op *op, const struct given *given,
                       struct hotp_context *context)
{
    CK_ULONG format = 0;
    CK_ULONG digits = 0;
    KK_TRY(number_of(given, CK_OTP_OUTPUT_FORMAT, op->otp.format, &format));
    KK_TRY(number_of(given, CK_OTP_OUTPUT_LENGTH, op->otp.length, &digits));
    KK_ENSURE(format == CK_OTP_FORMAT_DECIMAL && digits >= MIN_DIGITS && digits <= MAX_DIGITS,
              CKR_MECHANISM_PARAM_INVALID);
    context->digits = digits;
    return CKR_OK;
}

/* ---- time ---- */

static unsigned two_digits(const char *text)
{
    return (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Seconds since 1970. */
static KK_RV seconds_of(const char text[TIME_LEN], uint64_t *ret_seconds)
{
    static const unsigned days_of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = two_digits(text) * 100 + two_digits(text + 2);
    unsigned month = two_digits(text + 4);
    unsigned day = two_digits(text + 6);
    unsigned hour = two_digits(text + 8);
    unsigned minute = two_digits(text + 10);
    unsigned second = two_digits(text + 12);
    KK_ENSURE(year >= 1970 && month >= 1 && month <= 12 && hour < 24 && minute < 60 && second <= 60,
              CKR_MECHANISM_PARAM_INVALID);
    unsigned last = days_of[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
    KK_ENSURE(day >= 1 && day <= last, CKR_MECHANISM_PARAM_INVALID);
    uint64_t days = day - 1;
    for (unsigned y = 1970; y < year; y++) {
        days += is_leap(y) ? 366 : 365;
    }
    for (unsigned m = 1; m < month; m++) {
        days += days_of[m - 1] + (m == 2 && is_leap(year) ? 1 : 0);
    }
    *ret_seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    return CKR_OK;
}

static KK_RV take_time(const CK_OTP_PARAM *param, char ret_time[TIME_LEN + 1])
{
    KK_ENSURE(param->ulValueLen == TIME_LEN, CKR_MECHANISM_PARAM_INVALID);
    memcpy(ret_time, param->pValue, TIME_LEN);
    ret_time[TIME_LEN] = '\0';
    for (size_t i = 0; i < TIME_LEN; i++) {
        KK_ENSURE(ret_time[i] >= '0' && ret_time[i] <= '9', CKR_MECHANISM_PARAM_INVALID);
    }
    return CKR_OK;
}

static KK_RV take_clock(char ret_time[TIME_LEN + 1])
{
    struct tm utc;
    time_t now = time(NULL);
    KK_ENSURE(gmtime_r(&now, &utc) != NULL &&
                  strftime(ret_time, TIME_LEN + 1, "%Y%m%d%H%M%S", &utc) == TIME_LEN,
              CKR_FUNCTION_FAILED);
    return CKR_OK;
}

/*= pkcs11-3.2 CK_OTP_PARAMS: an optional time that is not present may be collected */
static KK_RV read_time(const struct kk_op *op, const struct given *given,
                       struct hotp_context *context)
{
    uint64_t seconds = 0;
    const CK_OTP_PARAM *param = given->param[CK_OTP_TIME];
    KK_TRY(param != NULL ? take_time(param, context->time) : take_clock(context->time));
    KK_TRY(seconds_of(context->time, &seconds));
    context->counter = seconds / (op->otp.interval != 0 ? op->otp.interval : USUAL_INTERVAL);
    context->is_given = true;
    return CKR_OK;
}

/* ---- the operation ---- */

/*= pkcs11-3.2 HOTP: for verify operations the counter must be provided */
static KK_RV read_counter(const struct kk_op *op, const struct given *given,
                          struct hotp_context *context)
{
    bool verifies = op->kind == KK_OP_VERIFY;
    bool is_ignored = op->otp.counter == CK_OTP_PARAM_IGNORED && !verifies;
    const CK_OTP_PARAM *param = is_ignored ? NULL : given->param[CK_OTP_COUNTER];
    KK_ENSURE(param != NULL || !verifies, CKR_MECHANISM_PARAM_INVALID);
    context->is_given = param != NULL;
    if (param != NULL) {
        KK_ENSURE(param->ulValueLen == COUNTER_LEN, CKR_MECHANISM_PARAM_INVALID);
        context->counter = kk_load_u64(param->pValue);
    }
    return CKR_OK;
}

static KK_RV read_params(const struct kk_op *op, struct hotp_context *context)
{
    struct given given = {0};
    CK_FLAGS flags = 0;
    KK_TRY(sort_params(op, &given));
    KK_TRY(number_of(&given, CK_OTP_FLAGS, 0, &flags));
    KK_TRY(check_flags(op, flags));
    KK_TRY(check_requirements(op, &given, flags));
    KK_TRY(read_form(op, &given, context));
    context->by_time = op->otp.time != CK_OTP_PARAM_IGNORED && (flags & CKF_EXCLUDE_TIME) == 0;
    return context->by_time ? read_time(op, &given, context) : read_counter(op, &given, context);
}

static KK_RV hotp_init(struct kk_op *op)
{
    struct kk_span value = {0};
    struct hotp_context *context = kk_op_reuse(op, hotp_free);
    KK_TRY(kk_secret_of(op->key, &value));
    KK_ENSURE(value.len > 0, CKR_KEY_SIZE_RANGE);
    if (context == NULL) {
        KK_TRY(kk_alloc(sizeof *context, &context));
        kk_op_install(op, &context->head, hotp_free);
    }
    return read_params(op, context);
}

/* Structure, the parameters it points to, and their values. */
static size_t signature_info_len(const struct hotp_context *context)
{
    return sizeof(CK_OTP_SIGNATURE_INFO) + 2 * sizeof(CK_OTP_PARAM) + context->digits +
           (context->by_time ? TIME_LEN : COUNTER_LEN);
}

static size_t hotp_length(const struct kk_op *op)
{
    const struct hotp_context *context = op->context;
    return op->kind == KK_OP_VERIFY ? context->digits : signature_info_len(context);
}

/*= pkcs11-3.2 HOTP: pData shall be NULL_PTR and ulDataLen 0 */
static KK_RV hotp_update(KK_UNUSED struct kk_op *op, struct kk_span in)
{
    KK_ENSURE(in.len == 0, CKR_DATA_LEN_RANGE);
    return CKR_OK;
}

/* RFC 4226, section 5.3. */
static KK_RV compute(const struct kk_op *op, uint64_t counter, char out[MAX_DIGITS + 1])
{
    static const unsigned long powers[] = {1000000, 10000000, 100000000};
    KK_SECRET_ARRAY(mac, KK_MAC_MAX);
    KK_CLEANUP(kk_mac_freep) struct kk_mac *hmac = NULL;
    const struct hotp_context *context = op->context;
    uint8_t text[COUNTER_LEN];
    kk_store_u64(text, counter);
    KK_TRY(kk_mac_new_hmac(op->crypto, "SHA1", kk_key_secret(op->key), &hmac));
    KK_TRY(kk_mac_start(hmac));
    KK_TRY(kk_mac_update(hmac, KK_SPAN_ARRAY(text)));
    KK_TRY(kk_mac_finish(hmac, mac));
    uint32_t truncated = kk_load_u32(mac + (mac[kk_mac_size(hmac) - 1] & 0xf)) & 0x7fffffff;
    snprintf(out, MAX_DIGITS + 1, "%0*lu", (int)context->digits,
             truncated % powers[context->digits - MIN_DIGITS]);
    return CKR_OK;
}

static uint8_t *put_param(uint8_t *params, size_t i, CK_OTP_PARAM_TYPE type, struct kk_span value,
                          uint8_t *to)
{
    CK_OTP_PARAM param = {.type = type, .pValue = to, .ulValueLen = value.len};
    memcpy(params + i * sizeof param, &param, sizeof param);
    memcpy(to, value.data, value.len);
    return to + value.len;
}

/* The caller's memory may lie anywhere. */
static void put_signature_info(const struct hotp_context *context, uint64_t counter,
                               const char *password, uint8_t *out)
{
    uint8_t text[COUNTER_LEN];
    CK_OTP_SIGNATURE_INFO info = {.ulCount = 2};
    uint8_t *params = out + sizeof info;
    uint8_t *to = params + 2 * sizeof(CK_OTP_PARAM);
    void *at = params;
    memcpy(&info.pParams, &at, sizeof at);
    memcpy(out, &info, sizeof info);
    kk_store_u64(text, counter);
    to = put_param(params, 0, CK_OTP_VALUE, KK_SPAN(password, context->digits), to);
    if (context->by_time) {
        (void)put_param(params, 1, CK_OTP_TIME, KK_SPAN(context->time, TIME_LEN), to);
    } else {
        (void)put_param(params, 1, CK_OTP_COUNTER, KK_SPAN_ARRAY(text), to);
    }
}

static KK_RV hotp_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    const struct hotp_context *context = op->context;
    char password[MAX_DIGITS + 1];
    KK_TRY(hotp_update(op, in));
    KK_ENSURE(context->is_given || op->has_turn, CKR_FUNCTION_FAILED);
    uint64_t counter = context->is_given ? context->counter : op->turn;
    op->has_turn = false;
    KK_TRY(compute(op, counter, password));
    put_signature_info(context, counter, password, out);
    kk_wipe(password, sizeof password);
    *ret_len = signature_info_len(context);
    return CKR_OK;
}

static KK_RV hotp_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    return hotp_single(op, KK_SPAN(NULL, 0), out, ret_len);
}

static KK_RV hotp_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    const struct hotp_context *context = op->context;
    char password[MAX_DIGITS + 1];
    KK_TRY(hotp_update(op, in));
    KK_ENSURE(signature.len == context->digits, CKR_SIGNATURE_LEN_RANGE);
    KK_TRY(compute(op, context->counter, password));
    bool is_right = kk_ct_equal(password, signature.data, context->digits);
    kk_wipe(password, sizeof password);
    KK_ENSURE(is_right, CKR_SIGNATURE_INVALID);
    return CKR_OK;
}

static KK_RV hotp_verify_final(struct kk_op *op, struct kk_span signature)
{
    return hotp_verify_single(op, KK_SPAN(NULL, 0), signature);
}

static bool hotp_takes_turn(const struct kk_op *op)
{
    const struct hotp_context *context = op->context;
    return op->kind == KK_OP_SIGN && !context->is_given;
}

static const struct kk_turn_ops turns = {.needed = hotp_takes_turn};

const struct kk_sign_ops kk_hotp_ops = {
    .init = hotp_init,
    .length = hotp_length,
    .update = hotp_update,
    .final = hotp_final,
    .single = hotp_single,
    .verify_single = hotp_verify_single,
    .verify_final = hotp_verify_final,
    .turns = &turns,
};
