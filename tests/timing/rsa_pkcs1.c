/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the time of PKCS#1 v1.5 decryption tells good padding from bad: rsa_pkcs1 [--planted]
 * [SAMPLES]. SAMPLES (100000) of each kind are decrypted in random order; the slowest tenth of all
 * is left out, and Welch's t of the rest must stay below 4.5. With --planted, decryption ends early
 * at bad padding, and the test has done its work when it finds that.
 *
 * One run decides, also on a busy machine, because nothing but the padding differs between the
 * kinds:
 * - The order is a shuffle of as many good ones as bad ones. Were the kinds drawn one by one until
 *   both are complete, the last few hundred would all be of one kind, and what the machine does
 * just then would be taken for a difference.
 * - No ciphertext comes twice. A few hundred that come again and again differ among themselves, by
 *   chance more in one kind than in the other, and t counts each as hundreds of witnesses.
 * - Each is copied to one place before its time is taken: addresses differ in their time, too.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "crypto/key_internal.h"
#include "crypto/rsa.h"
#include "crypto/rsa_reject.h"

#define BITS 1024
#define BYTES (BITS / 8)
#define LIMIT 4.5

enum kind { GOOD, BAD, KINDS };

/* One decryption; in the order in which they are made. */
struct sample {
    uint8_t cipher[BYTES];
    enum kind kind;
    double time; /* ns */
};

struct bench {
    struct kk_crypto *crypto;
    struct kk_key *key;
    struct kk_rsa_op *decrypts; /* as the module does it */
    struct kk_rsa_op *raw;      /* for --planted */
    struct sample *samples;
    size_t count; /* of both kinds */
};

static void need(bool condition, const char *what)
{
    if (!condition) {
        printf("Bail out! %s\n", what);
        exit(1);
    }
}

#define NEED(call) need((call) == CKR_OK, #call)

static void fill_random(struct bench *bench, void *bytes, size_t len)
{
    NEED(kk_crypto_random(bench->crypto, bytes, len));
}

/* A message of any length up to the longest, or a number that is no padded message (but one in
 * 2^16). Encrypted, both are any number below the modulus. */
static void fill_sample(struct bench *bench, struct kk_key *public_key, struct sample *sample)
{
    const struct kk_rsa_scheme pkcs1 = {.padding = KK_RSA_PKCS1};
    const struct kk_rsa_scheme none = {.padding = KK_RSA_NONE};
    uint8_t message[BYTES];
    size_t len = 0;
    fill_random(bench, message, sizeof message);
    message[0] &= 0x3f; /* below the modulus */
    if (sample->kind == GOOD) {
        NEED(kk_rsa_crypt_once(bench->crypto, public_key, KK_ASYM_ENCRYPT, &pkcs1,
                               KK_SPAN(message + 1, message[1] % (BYTES - 11)), sample->cipher,
                               &len));
    } else {
        NEED(kk_rsa_crypt_once(bench->crypto, public_key, KK_ASYM_ENCRYPT, &none,
                               KK_SPAN_ARRAY(message), sample->cipher, &len));
    }
}

/* As many of each kind, shuffled (Fisher and Yates). The draw's bias is below 2^-40. */
static void fill_kinds(struct bench *bench)
{
    for (size_t i = 0; i < bench->count; i++) {
        bench->samples[i].kind = i % 2 == 0 ? GOOD : BAD;
    }
    for (size_t i = bench->count - 1; i > 0; i--) {
        uint64_t random = 0;
        fill_random(bench, &random, sizeof random);
        size_t other = (size_t)(random % (i + 1));
        enum kind kind = bench->samples[i].kind;
        bench->samples[i].kind = bench->samples[other].kind;
        bench->samples[other].kind = kind;
    }
}

static void fill(struct bench *bench, struct kk_key *public_key)
{
    bench->samples = calloc(bench->count, sizeof *bench->samples);
    need(bench->samples != NULL, "memory");
    fill_kinds(bench);
    for (size_t i = 0; i < bench->count; i++) {
        fill_sample(bench, public_key, &bench->samples[i]);
    }
}

static void set_up(struct bench *bench)
{
    const struct kk_rsa_scheme pkcs1 = {.padding = KK_RSA_PKCS1};
    const struct kk_rsa_scheme none = {.padding = KK_RSA_NONE};
    struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = BITS};
    struct kk_key *public_key = NULL;
    NEED(kk_crypto_new(&bench->crypto));
    NEED(kk_key_generate(bench->crypto, &parts));
    NEED(kk_key_new(bench->crypto, &parts, &bench->key));
    parts.is_private = false;
    NEED(kk_key_new(bench->crypto, &parts, &public_key));
    NEED(kk_rsa_begin(bench->crypto, bench->key, KK_ASYM_DECRYPT, &pkcs1, &bench->decrypts));
    NEED(kk_rsa_begin(bench->crypto, bench->key, KK_ASYM_DECRYPT, &none, &bench->raw));
    fill(bench, public_key);
    kk_key_unref(public_key);
    kk_key_parts_clear(&parts);
}

static void tear_down(struct bench *bench)
{
    free(bench->samples);
    kk_rsa_free(bench->decrypts);
    kk_rsa_free(bench->raw);
    kk_key_unref(bench->key);
    kk_crypto_free(bench->crypto);
}

/* The fault to be found: nothing is derived where the padding is bad. */
static void decrypt_planted(struct bench *bench, struct kk_span cipher, uint8_t *out)
{
    uint8_t block[BYTES];
    size_t len = 0;
    NEED(kk_rsa_crypt(bench->raw, cipher, block, &len));
    if (block[0] == 0 && block[1] == 2) {
        NEED(kk_rsa_unpad(bench->crypto, kk_secret_span(bench->key->rejection), cipher,
                          KK_SPAN(block, len), out, &len));
    }
}

static double decrypt(struct bench *bench, bool planted, struct kk_span cipher)
{
    uint8_t out[BYTES];
    size_t len = 0;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (planted) {
        decrypt_planted(bench, cipher, out);
    } else {
        NEED(kk_rsa_crypt(bench->decrypts, cipher, out, &len));
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
}

static void measure(struct bench *bench, bool planted)
{
    uint8_t cipher[BYTES];
    for (size_t i = 0; i < bench->count; i++) {
        memcpy(cipher, bench->samples[i].cipher, sizeof cipher);
        bench->samples[i].time = decrypt(bench, planted, KK_SPAN_ARRAY(cipher));
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Nine tenths of all times are below. */
static double slow(const struct bench *bench)
{
    double *times = malloc(bench->count * sizeof *times);
    need(times != NULL, "memory");
    for (size_t i = 0; i < bench->count; i++) {
        times[i] = bench->samples[i].time;
    }
    qsort(times, bench->count, sizeof *times, compare);
    double limit = times[bench->count * 9 / 10];
    free(times);
    return limit;
}

/* Mean, and variance over count, of one kind's times below the limit. */
static void describe(const struct bench *bench, enum kind kind, double limit, double *ret_mean,
                     double *ret_error)
{
    double mean = 0, squares = 0, count = 0;
    for (size_t i = 0; i < bench->count; i++) {
        const struct sample *sample = &bench->samples[i];
        if (sample->kind == kind && sample->time < limit) {
            double off = sample->time - mean;
            count++;
            mean += off / count;
            squares += off * (sample->time - mean);
        }
    }
    need(count > 1, "no times below the limit");
    *ret_mean = mean;
    *ret_error = squares / (count - 1) / count;
}

static double welch(const struct bench *bench)
{
    double limit = slow(bench);
    double mean[KINDS];
    double error[KINDS];
    for (int kind = 0; kind < KINDS; kind++) {
        describe(bench, (enum kind)kind, limit, &mean[kind], &error[kind]);
    }
    double t = (mean[GOOD] - mean[BAD]) / sqrt(error[GOOD] + error[BAD]);
    printf("# good %.0f ns, bad %.0f ns, t = %.2f\n", mean[GOOD], mean[BAD], t);
    return fabs(t);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    bool planted = argc > 1 && strcmp(argv[1], "--planted") == 0;
    const char *count = argc > 1 + planted ? argv[1 + planted] : "100000";
    size_t samples = strtoul(count, NULL, 10);
    need(samples >= 100 && samples <= 10000000, "SAMPLES: 100 to 10000000");
    bench.count = 2 * samples;
    set_up(&bench);
    printf("1..1\n");
    measure(&bench, planted);
    bool differs = welch(&bench) >= LIMIT;
    printf("%sok 1 - %s\n", differs == planted ? "" : "not ",
           planted ? "a planted early exit is found" : "the time does not tell the padding");
    tear_down(&bench);
    return differs == planted ? 0 : 1;
}
