/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the time of PKCS#1 v1.5 decryption tells good padding from bad: rsa_pkcs1 [--planted]
 * [SAMPLES]. Both kinds are decrypted in random order, SAMPLES (100000) each; the slowest tenth is
 * left out, and Welch's t of the rest must stay below 4.5. One run above it may be the machine's
 * doing; two are not. With
 * --planted, decryption ends early at bad padding, and the test has done its work when it finds
 * that.
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
#define POOL 256 /* ciphertexts of each kind */
#define LIMIT 4.5
#define RUNS 2

enum kind { GOOD, BAD, KINDS };

struct bench {
    struct kk_crypto *crypto;
    struct kk_key *key;
    struct kk_rsa_op *decrypts; /* as the module does it */
    struct kk_rsa_op *raw;      /* for --planted */
    uint8_t pool[KINDS][POOL][BYTES];
    double *times[KINDS];
    size_t counts[KINDS];
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

/* Messages of every length, and numbers that are no padded message (but one in 2^16). Both become
 * any number below the modulus. */
static void fill_pool(struct bench *bench, struct kk_key *public_key)
{
    const struct kk_rsa_scheme pkcs1 = {.padding = KK_RSA_PKCS1};
    const struct kk_rsa_scheme none = {.padding = KK_RSA_NONE};
    for (size_t i = 0; i < POOL; i++) {
        uint8_t message[BYTES];
        size_t len = 0;
        fill_random(bench, message, sizeof message);
        NEED(kk_rsa_crypt_once(bench->crypto, public_key, KK_ASYM_ENCRYPT, &pkcs1,
                               KK_SPAN(message, message[0] % (BYTES - 11)), bench->pool[GOOD][i],
                               &len));
        fill_random(bench, message, sizeof message);
        message[0] &= 0x3f; /* below the modulus */
        NEED(kk_rsa_crypt_once(bench->crypto, public_key, KK_ASYM_ENCRYPT, &none,
                               KK_SPAN_ARRAY(message), bench->pool[BAD][i], &len));
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
    fill_pool(bench, public_key);
    kk_key_unref(public_key);
    kk_key_parts_clear(&parts);
}

static void tear_down(struct bench *bench)
{
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

static void measure(struct bench *bench, bool planted, size_t samples)
{
    uint8_t coins[512];
    memset(bench->counts, 0, sizeof bench->counts);
    for (size_t i = 0; bench->counts[GOOD] < samples || bench->counts[BAD] < samples; i++) {
        size_t at = i % (sizeof coins / 2) * 2;
        if (at == 0) {
            fill_random(bench, coins, sizeof coins);
        }
        enum kind kind = (coins[at] & 1) != 0 ? GOOD : BAD;
        if (bench->counts[kind] == samples) {
            continue;
        }
        double time = decrypt(bench, planted, KK_SPAN(bench->pool[kind][coins[at + 1]], BYTES));
        bench->times[kind][bench->counts[kind]++] = time;
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Nine tenths of all times are below. */
static double slow(const struct bench *bench, size_t samples)
{
    double *all = malloc(2 * samples * sizeof *all);
    need(all != NULL, "memory");
    memcpy(all, bench->times[GOOD], samples * sizeof *all);
    memcpy(all + samples, bench->times[BAD], samples * sizeof *all);
    qsort(all, 2 * samples, sizeof *all, compare);
    double limit = all[2 * samples * 9 / 10];
    free(all);
    return limit;
}

static double welch(const struct bench *bench, size_t samples)
{
    double limit = slow(bench, samples);
    double mean[KINDS];
    double error[KINDS]; /* variance over count */
    for (int kind = 0; kind < KINDS; kind++) {
        double sum = 0, squares = 0, count = 0;
        for (size_t i = 0; i < samples; i++) {
            double time = bench->times[kind][i];
            if (time < limit) {
                sum += time;
                squares += time * time;
                count++;
            }
        }
        mean[kind] = sum / count;
        error[kind] = (squares / count - mean[kind] * mean[kind]) / count;
    }
    double t = (mean[GOOD] - mean[BAD]) / sqrt(error[GOOD] + error[BAD]);
    printf("# good %.0f ns, bad %.0f ns, t = %.2f\n", mean[GOOD], mean[BAD], t);
    return fabs(t);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bool planted = argc > 1 && strcmp(argv[1], "--planted") == 0;
    const char *count = argc > 1 + planted ? argv[1 + planted] : "100000";
    size_t samples = strtoul(count, NULL, 10);
    bool differs = !planted;
    need(samples >= 100, "SAMPLES: 100 or more");
    set_up(&bench);
    for (int kind = 0; kind < KINDS; kind++) {
        bench.times[kind] = malloc(samples * sizeof(double));
        need(bench.times[kind] != NULL, "memory");
    }
    printf("1..1\n");
    for (int run = 0; differs != planted && run < RUNS; run++) {
        measure(&bench, planted, samples);
        differs = welch(&bench, samples) >= LIMIT;
    }
    printf("%sok 1 - %s\n", differs == planted ? "" : "not ",
           planted ? "a planted early exit is found" : "the time does not tell the padding");
    free(bench.times[GOOD]);
    free(bench.times[BAD]);
    tear_down(&bench);
    return differs == planted ? 0 : 1;
}
