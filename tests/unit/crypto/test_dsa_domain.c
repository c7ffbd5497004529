/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DSA's domain parameters that can be verified. The cases are NIST's (ACVP, DSA PQGVer 1.0).
 */
#include "keys.h"

#include "crypto/dsa_domain.h"

#include <stdatomic.h>

static const struct {
    enum kk_dsa_primes how;
    const char *hash;
    CK_ULONG bits;
    CK_ULONG order_bits;
    const char *seeds; /* all of them */
    const char *p;
    const char *q;
} primes[] = {
    {KK_DSA_PROBABLE, "SHA1", 1024, 160, .seeds = "06a671a553ebc2885e3ba3dfae1365d07a340777",
     .p = "d4304aa6e9eeba26615a8472f707d8590aa90d323b8b899f7167722687f64acffafdaa8992dff4f5"
          "a2af500db03f19fb37409363a07aab19ba11ce23bd7aefbe785a6f70db53901a9d001329134a4c55"
          "95f32a556e7a117e26659117d140ed7c492e0564fbcda71d05f2db0749491208076749a6ba1855e9"
          "dd80009f4b4d3821",
     .q = "8d5a6614e749805d1537045f51ccd565144be433"},
    {KK_DSA_PROBABLE, "SHA224", 1024, 160, .seeds = "b38291a947cbd697db4d7ad51126a23efdebcd60",
     .p = "df5bc964b0df8da69b4ccf95c68294461f57df62cc48c9929969430af30fbe882760474891ee8337"
          "55384def0b4523883bf7c91cb578acf75a6a2a8e7e2b15d96c3405dc63f9e622a001c970552c3919"
          "d8242b447632b7d5fa3fc300af14a1531512797e79745092b36a81ce125090a2a3b346791f433c25"
          "ff08b9709aba14e3",
     .q = "ca9c9b9e15ae0bef33bacad291a57066136d1481"},
    {KK_DSA_PROBABLE, "SHA256", 1024, 160, .seeds = "fa04cb26abb6e1c388ecc5102bae802cacefee44",
     .p = "ecfe941ccc405177a8c92d4c93756422b9e0cd8852f14bb298b3191c81655d444fa531fe30015fdf"
          "77977a1550fc953e55207fdce6fdbbc4bbeca03772a1322b8ac14748a2da95a7e4d9585c0a9df6a4"
          "d882366853f4bf56b627e5b4a2806d1cbe8357adffb2c615c7c6053b788279ecc2024f9bea62b8cd"
          "3f04b249552ec14f",
     .q = "c27324ba0b8fe80b505b7b15f602aef02f87c59f"},
    {KK_DSA_PROBABLE, "SHA384", 1024, 160, .seeds = "6ca26ac361b12e9780af590cb9a951a5e506ae30",
     .p = "83df8bfe418fa78b59352b1cd281ee3e5473c631cafc5000e47da228353a927ff7235cfef8b888c1"
          "16f43fa05d5eeae731daaa5de1c88166e4607e47cf5a55b06e34312c2f55166da365a5d10a519588"
          "e933c4531ac3338d98473a2fab5512de3bdce70daadbb515a1c9a57e287bdd13b1888499f872df49"
          "9708368f1d0341fb",
     .q = "ba4645729db0137401e848e664f46faf2bf8e30d"},
    {KK_DSA_PROBABLE, "SHA512", 1024, 160, .seeds = "a144774ad6cd94b070c0c1fdf9ce59e96a01ed6a",
     .p = "ca091e7c288a7c5ee1fc5189a91fa65dc520eb24ed73568172459655ea115bd3c36fc407bb76c849"
          "60b1904e918514d370be14acb10e2eed9aa165b91126a093081c21cb0d74a052b8a138cb13fd6c15"
          "8494fad9fa81031e77cc998d84c9108ddb40fbc7f719eef80cc59e6f0963c088909548e1cd3f8d20"
          "87ecd0b34b3b2b31",
     .q = "b70126c49b8cf518ea9119435c4c72e32ee03881"},
    {KK_DSA_PROVABLE, "SHA384", 2048, 256,
     .seeds = "b78eb49490fd4a6bfbf3033e35a94f5730d8c14be1ce2555c0537aac0c23625cb78eb49490fd4a6b"
              "fbf3033e35a94f5730d8c14be1ce2555c0537aac0c2372fdb78eb49490fd4a6bfbf3033e35a94f57"
              "30d8c14be1ce2555c0537aac0c2362ec",
     .p = "8d6d547f101810d1d33d6c8d92d23bc4bd8ab9bbf2b57a0ce0cbcfb341a27eaa0c1e8b378c709e8c"
          "120e8951f1b21d90410e72c3e8614b545e5c4a7ff511c51c0a09388412d2b6c14092f9f541ec3500"
          "26cc078834ad7f0d2d58b449e8cd8a9b6c41eb4a44ab20b5fea40f91cdb119009fd5826000bfeb5d"
          "5cce7fd114c9a6a5ff5546939fc813db378b4b53e5a8d92c24b0aea82667335c5602aeab7698bff3"
          "be12bbaf7da3c698ad9d785bb2a0a89282959bd5661abb5bf661458957b06fa3b15286e84054f84e"
          "2d507ae73f5f802e48d7f28475d9092c1f8508828e8db425217f7b9d22e4021f9889ddd5b56b60d0"
          "317cd65ff250a6fae1cae0eb308918c3",
     .q = "b6a2e6179ccc4d95b8787b41d6e57c6d03be9d7e668e81696a18a9d0afc9841d"},
    {KK_DSA_PROVABLE, "SHA512", 2048, 256,
     .seeds = "bccb0775b48c85b30e0831963c17d60920c43a76444af9225092c1a270909b69bccb0775b48c85b3"
              "0e0831963c17d60920c43a76444af9225092c1a27090b1b3bccb0775b48c85b30e0831963c17d609"
              "20c43a76444af9225092c1a270909c2a",
     .p = "fb4935275eac2311a2022cbb2e5b2364885aa8a236ec9b0c0a2f1251c8d436cfbb30bafaf107b2fa"
          "42d0c115485afa5a8ef6d451d03b5b33f9d7becba4979d25ee6a057930cac85da7d5765da2b55c41"
          "7d30f56f1833ab20d3a29adad2119105cc7f6fbd5a947d73868e8581c288f1d6c7ef03a43fe0749f"
          "787a85d128a21d63160122b1bb216a1117e7d73271bdc62267bf68141608cc081edbc8229a46ce9b"
          "66b258881a8373df27b2effa82cf9e5eac811d198515ff13d8ea18274864cfc1802c614c94454731"
          "c39ec2632794588d76b5a49533f0fc275c67a36220143adcb2c5cdea655a594102df61d2834c9686"
          "c36fc48d42caffde2b40d917bb22c7d7",
     .q = "e874e3682178c742f762fd7e6302d25594cc627c4aa76337f5df0799619204bf"},
};

static size_t seed_length(size_t i)
{
    return strlen(primes[i].seeds) / 2 / kk_dsa_seeds_length(primes[i].how, 1);
}

static struct kk_key_parts sizes_of(size_t i)
{
    return (struct kk_key_parts){
        .kind = KK_KEY_DSA, .bits = primes[i].bits, .order_bits = primes[i].order_bits};
}

static void expect_part(const struct kk_key_parts *parts, enum kk_part part, const char *text)
{
    struct kk_span got = kk_key_parts_get(parts, part);
    assert_hex(got.data, got.len, text);
}

static void test_primes_follow_from_their_seed(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(primes); i++) {
        struct kk_key_parts parts = sizes_of(i);
        uint8_t seeds[3 * KK_DSA_SEED_MAX] = {0};
        bool found = false;
        size_t len = seed_length(i);
        memcpy(seeds, hex(primes[i].seeds).data, len);
        assert_ok(
            kk_dsa_primes_from(crypto, primes[i].how, primes[i].hash, len, seeds, &parts, &found));
        assert_true(found);
        expect_part(&parts, KK_PART_PRIME, primes[i].p);
        expect_part(&parts, KK_PART_SUBPRIME, primes[i].q);
        assert_hex(seeds, kk_dsa_seeds_length(primes[i].how, len), primes[i].seeds);
        kk_key_parts_clear(&parts);
    }
}

/* One bit of the seed, or another digest: no primes, or others. */
static void expect_other(size_t i, const char *hash, uint8_t change)
{
    struct kk_key_parts parts = sizes_of(i);
    uint8_t seeds[3 * KK_DSA_SEED_MAX] = {0};
    bool found = true;
    size_t len = seed_length(i);
    memcpy(seeds, hex(primes[i].seeds).data, len);
    seeds[len / 2] ^= change;
    assert_ok(kk_dsa_primes_from(crypto, primes[i].how, hash, len, seeds, &parts, &found));
    if (found) {
        assert_false(kk_span_equal(kk_key_parts_get(&parts, KK_PART_SUBPRIME), hex(primes[i].q)));
        assert_false(kk_span_equal(kk_key_parts_get(&parts, KK_PART_PRIME), hex(primes[i].p)));
    }
    kk_key_parts_clear(&parts);
}

static void test_another_seed_or_digest_makes_other_primes(void **state)
{
    size_t last = KK_ARRAY_LEN(primes) - 1;
    (void)state;
    expect_other(0, primes[0].hash, 0x10);
    expect_other(0, "SHA256", 0);
    expect_other(last, primes[last].hash, 0x10);
    expect_other(last, "SHA256", 0);
}

static bool divides(struct kk_span q, struct kk_span p)
{
    struct kk_key_parts parts = {.kind = KK_KEY_DSA};
    assert_ok(kk_key_parts_set(&parts, KK_PART_PRIME, p));
    assert_ok(kk_key_parts_set(&parts, KK_PART_SUBPRIME, q));
    CK_RV rv = kk_dsa_base(crypto, "SHA256", KK_SPAN_TEXT("seed"), 1, &parts);
    kk_key_parts_clear(&parts);
    return rv == CKR_OK;
}

/* What was generated can be computed again, and a key pair can be made on it. */
static void expect_generated(enum kk_dsa_primes how, const char *hash, CK_ULONG bits,
                             CK_ULONG order_bits, size_t len)
{
    struct kk_key_parts parts = {.kind = KK_KEY_DSA, .bits = bits, .order_bits = order_bits};
    struct kk_key_parts again = parts;
    uint8_t seeds[3 * KK_DSA_SEED_MAX] = {0};
    uint8_t copy[3 * KK_DSA_SEED_MAX] = {0};
    size_t all = kk_dsa_seeds_length(how, len);
    bool found = false;
    assert_ok(kk_dsa_primes_generate(crypto, how, hash, len, seeds, &parts));
    struct kk_span p = kk_key_parts_get(&parts, KK_PART_PRIME);
    struct kk_span q = kk_key_parts_get(&parts, KK_PART_SUBPRIME);
    assert_int_equal(p.len, bits / 8);
    assert_int_equal(q.len, order_bits / 8);
    assert_true((p.data[0] & 0x80) != 0 && (q.data[0] & 0x80) != 0);
    assert_true(divides(q, p));
    memcpy(copy, seeds, len);
    assert_ok(kk_dsa_primes_from(crypto, how, hash, len, copy, &again, &found));
    assert_true(found);
    assert_memory_equal(copy, seeds, all);
    assert_true(kk_span_equal(p, kk_key_parts_get(&again, KK_PART_PRIME)));
    kk_key_parts_clear(&again);
    assert_ok(kk_dsa_base(crypto, hash, KK_SPAN(seeds, all), 1, &parts));
    assert_ok(kk_key_generate(crypto, &parts));
    struct kk_key *key = new_key(&parts);
    kk_key_unref(key);
    kk_key_parts_clear(&parts);
}

static void test_new_primes(void **state)
{
    (void)state;
    expect_generated(KK_DSA_PROBABLE, "SHA512", 1024, 160, 333);
    expect_generated(KK_DSA_PROVABLE, "SHA1", 1024, 160, 20);
}

static void expect_refused(enum kk_dsa_primes how, const char *hash, CK_ULONG bits,
                           CK_ULONG order_bits, size_t len, CK_RV rv)
{
    struct kk_key_parts parts = {.kind = KK_KEY_DSA, .bits = bits, .order_bits = order_bits};
    uint8_t seeds[3 * KK_DSA_SEED_MAX + 8] = {0};
    assert_rv(kk_dsa_primes_generate(crypto, how, hash, len, seeds, &parts), rv);
    assert_int_equal(kk_key_parts_get(&parts, KK_PART_PRIME).len, 0);
    assert_int_equal(kk_key_parts_get(&parts, KK_PART_SUBPRIME).len, 0);
}

static void test_lengths_that_cannot_be(void **state)
{
    static const enum kk_dsa_primes ways[] = {KK_DSA_PROBABLE, KK_DSA_PROVABLE};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(ways); i++) {
        expect_refused(ways[i], "SHA256", 1024, 224, 32, CKR_KEY_SIZE_RANGE);
        expect_refused(ways[i], "SHA256", 1536, 160, 32, CKR_KEY_SIZE_RANGE);
        expect_refused(ways[i], "SHA256", 3072, 224, 32, CKR_KEY_SIZE_RANGE);
        expect_refused(ways[i], "SHA256", 0, 0, 32, CKR_KEY_SIZE_RANGE);
        expect_refused(ways[i], "SHA1", 2048, 224, 28, CKR_MECHANISM_PARAM_INVALID);
        expect_refused(ways[i], "SHA256", 1024, 160, 19, CKR_MECHANISM_PARAM_INVALID);
        expect_refused(ways[i], "SHA256", 1024, 160, 0, CKR_MECHANISM_PARAM_INVALID);
        expect_refused(ways[i], "SHA256", 1024, 160, KK_DSA_SEED_MAX + 1,
                       CKR_MECHANISM_PARAM_INVALID);
    }
}

/* Another thread's wish to end it is heard. */
static void test_the_search_can_be_stopped(void **state)
{
    static const atomic_bool stop = true;
    struct kk_key_parts parts = {.kind = KK_KEY_DSA, .bits = 3072, .order_bits = 256};
    uint8_t seeds[96] = {0};
    (void)state;
    kk_crypto_stop_on(&stop);
    assert_rv(kk_dsa_primes_generate(crypto, KK_DSA_PROBABLE, "SHA256", 32, seeds, &parts),
              CKR_FUNCTION_CANCELED);
    assert_rv(kk_dsa_primes_generate(crypto, KK_DSA_PROVABLE, "SHA256", 32, seeds, &parts),
              CKR_FUNCTION_CANCELED);
    kk_crypto_stop_on(NULL);
}

static void expect_no_base(struct kk_span p, struct kk_span q)
{
    assert_false(divides(q, p));
}

static void test_a_base_wants_primes_that_fit(void **state)
{
    uint8_t p[128];
    uint8_t q[20];
    static const uint8_t one[] = {1};
    (void)state;
    memcpy(p, hex(primes[0].p).data, sizeof p);
    memcpy(q, hex(primes[0].q).data, sizeof q);
    assert_true(divides(KK_SPAN_ARRAY(q), KK_SPAN_ARRAY(p)));
    p[64] ^= 1;
    expect_no_base(KK_SPAN_ARRAY(p), KK_SPAN_ARRAY(q));
    p[64] ^= 1;
    p[127] ^= 1;
    expect_no_base(KK_SPAN_ARRAY(p), KK_SPAN_ARRAY(q));
    p[127] ^= 1;
    expect_no_base(KK_SPAN_ARRAY(p), KK_SPAN_ARRAY(one));
    expect_no_base(KK_SPAN_ARRAY(p), KK_SPAN_ARRAY(p));
    expect_no_base(KK_SPAN_ARRAY(p), KK_SPAN(NULL, 0));
    expect_no_base(KK_SPAN(NULL, 0), KK_SPAN_ARRAY(q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_primes_follow_from_their_seed),
        cmocka_unit_test(test_another_seed_or_digest_makes_other_primes),
        cmocka_unit_test(test_new_primes),
        cmocka_unit_test(test_lengths_that_cannot_be),
        cmocka_unit_test(test_the_search_can_be_stopped),
        cmocka_unit_test(test_a_base_wants_primes_that_fit),
    };
    return cmocka_run_group_tests(tests, make_crypto, free_crypto);
}
