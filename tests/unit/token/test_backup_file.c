/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/backup_header.c, backup_chunks.c, backup_records.c: who opens a file, and that nothing
 * in it can be changed, cut off, moved or added, by somebody with its key either.
 */
#include "backup_test.h"

static const struct kk_backup_key no_key;

/* ---- header ---- */

static CK_RV make(const struct kk_backup_key *key, struct tape *tape, struct kk_secret **ret_key)
{
    struct kk_backup_sealing sealing;
    tape_clear(tape);
    return kk_backup_header_make(crypto, KK_KDF_TEST, key, &tape->bytes, &sealing, ret_key);
}

static CK_RV open_as(struct tape *tape, const struct kk_backup_key *key, struct kk_secret **ret_key)
{
    KK_CLEANUP(kk_backup_header_clear) struct kk_backup_header header = {0};
    struct kk_backup_stream stream = stream_of(tape);
    KK_TRY(kk_backup_header_read(&stream, &header));
    return kk_backup_header_open(crypto, &header, key, ret_key);
}

static void assert_opens(struct tape *tape, const struct kk_backup_key *key,
                         const struct kk_secret *wanted)
{
    struct kk_secret *opened = NULL;
    assert_ok(open_as(tape, key, &opened));
    assert_true(kk_secret_equal(opened, wanted));
    kk_secret_free(opened);
}

static void assert_opens_not(struct tape *tape, struct kk_backup_key key, CK_RV wanted)
{
    struct kk_secret *opened = NULL;
    assert_rv(open_as(tape, &key, &opened), wanted);
    assert_null(opened);
}

static void test_a_passphrase_opens_what_it_sealed(void **state)
{
    (void)state;
    KK_CLEANUP(tape_clear) struct tape tape = {.step = 1};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    KK_CLEANUP(person_clear) struct person other = x25519_person();
    struct kk_backup_key passphrase = by_passphrase(PASSPHRASE);
    assert_ok(make(&passphrase, &tape, &key));
    tape.step = 1; /* a pipe that gives byte for byte */
    assert_opens(&tape, &passphrase, key);
    assert_opens_not(&tape, by_passphrase("correct horse batterz"), CKR_WRAPPED_KEY_INVALID);
    assert_opens_not(&tape, by_passphrase(""), CKR_WRAPPED_KEY_INVALID);
    assert_opens_not(&tape, as_person(&other), CKR_WRAPPED_KEY_INVALID);
    assert_opens_not(&tape, no_key, CKR_ARGUMENTS_BAD);
}

static void test_each_recipient_opens_and_nobody_else(void **state)
{
    (void)state;
    KK_CLEANUP(tape_clear) struct tape tape = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    struct person people[] = {x25519_person(), rsa_person(2048), x25519_person()};
    KK_CLEANUP(person_clear) struct person other = x25519_person();
    KK_CLEANUP(person_clear) struct person other_rsa = rsa_person(2048);
    struct kk_span spkis[KK_ARRAY_LEN(people)];
    for (size_t i = 0; i < KK_ARRAY_LEN(people); i++) {
        spkis[i] = kk_buffer_span(&people[i].spki);
    }
    struct kk_backup_key all = {.recipients = spkis, .recipient_count = KK_ARRAY_LEN(spkis)};
    assert_ok(make(&all, &tape, &key));
    for (size_t i = 0; i < KK_ARRAY_LEN(people); i++) {
        struct kk_backup_key one = as_person(&people[i]);
        assert_opens(&tape, &one, key);
        person_clear(&people[i]);
    }
    assert_opens_not(&tape, as_person(&other), CKR_WRAPPED_KEY_INVALID);
    assert_opens_not(&tape, as_person(&other_rsa), CKR_WRAPPED_KEY_INVALID);
    assert_opens_not(&tape, by_passphrase(PASSPHRASE), CKR_WRAPPED_KEY_INVALID);
    assert_opens_not(&tape, (struct kk_backup_key){.identity = text_span("no key")},
                     CKR_KEY_TYPE_INCONSISTENT);
}

static void test_keys_of_no_use_are_refused(void **state)
{
    (void)state;
    KK_CLEANUP(tape_clear) struct tape tape = {0};
    KK_CLEANUP(person_clear) struct person small = rsa_person(1024);
    KK_CLEANUP(person_clear) struct person ec =
        curve_person(KK_KEY_EC, KK_SPAN_TEXT("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"));
    KK_CLEANUP(person_clear) struct person good = x25519_person();
    struct kk_secret *key = NULL;
    struct kk_span spki;
    struct kk_backup_key to = for_person(&small, &spki);
    assert_rv(make(&to, &tape, &key), CKR_KEY_SIZE_RANGE);
    to = for_person(&ec, &spki);
    assert_rv(make(&to, &tape, &key), CKR_KEY_TYPE_INCONSISTENT);
    to = for_person(&good, &spki);
    spki.len--;
    assert_rv(make(&to, &tape, &key), CKR_KEY_TYPE_INCONSISTENT);
    spki.len++;
    memset(good.spki.data + spki.len - 32, 0, 32); /* a point that gives no secret */
    assert_rv(make(&to, &tape, &key), CKR_KEY_TYPE_INCONSISTENT);
    to.passphrase = text_span(PASSPHRASE);
    assert_rv(make(&to, &tape, &key), CKR_ARGUMENTS_BAD);
    to = by_passphrase("1234567");
    assert_rv(make(&to, &tape, &key), CKR_PIN_LEN_RANGE);
    assert_rv(make(&no_key, &tape, &key), CKR_ARGUMENTS_BAD);
    struct kk_span many[KK_BACKUP_RECIPIENTS_MAX + 1];
    for (size_t i = 0; i < KK_ARRAY_LEN(many); i++) {
        many[i] = kk_buffer_span(&ec.spki);
    }
    to = (struct kk_backup_key){.recipients = many, .recipient_count = KK_ARRAY_LEN(many)};
    assert_rv(make(&to, &tape, &key), CKR_ARGUMENTS_BAD);
    assert_null(key);
}

/* Every bit of the header counts, and every byte must be there. */
static void assert_header_is_whole(struct tape *tape, const struct kk_backup_key *key)
{
    struct kk_secret *opened = NULL;
    size_t len = tape->bytes.len;
    for (size_t at = 0; at < len; at++) {
        tape->bytes.data[at] ^= 1;
        assert_int_not_equal(open_as(tape, key, &opened), CKR_OK);
        tape->bytes.data[at] ^= 1;
        tape->bytes.len = at;
        assert_int_not_equal(open_as(tape, key, &opened), CKR_OK);
        tape->bytes.len = len;
    }
    assert_null(opened);
}

static void test_a_changed_or_cut_header_is_refused(void **state)
{
    (void)state;
    KK_CLEANUP(tape_clear) struct tape tape = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *second = NULL;
    KK_CLEANUP(person_clear) struct person person = x25519_person();
    struct kk_span spki;
    struct kk_backup_key seal = for_person(&person, &spki);
    struct kk_backup_key open = as_person(&person);
    assert_ok(make(&seal, &tape, &key));
    assert_header_is_whole(&tape, &open);
    open = by_passphrase(PASSPHRASE);
    assert_ok(make(&open, &tape, &second));
    assert_header_is_whole(&tape, &open);
}

static void test_what_is_no_backup_is_told_apart(void **state)
{
    (void)state;
    KK_CLEANUP(tape_clear) struct tape tape = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    struct kk_backup_key passphrase = by_passphrase(PASSPHRASE);
    assert_opens_not(&tape, passphrase, CKR_DATA_INVALID);
    kk_buffer_put_span(&tape.bytes, KK_SPAN_TEXT("KEYKIST-BACKUP\n\n and text"));
    assert_opens_not(&tape, passphrase, CKR_DATA_INVALID);
    assert_ok(make(&passphrase, &tape, &key));
    tape.bytes.data[17] = 2;
    assert_opens_not(&tape, passphrase, CKR_TOKEN_NOT_RECOGNIZED);
}

/* Where the figures stand in a header with a passphrase. */
#define OPS_AT (16 + 2 + 2 + 3 + 16)

static void test_a_kdf_that_would_starve_us_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t ops, mem_kib;
    } hostile[] = {{17, 8192},
                   {UINT32_MAX, 8192},
                   {1, 1024 * 1024 + 1},
                   {1, UINT32_MAX},
                   {UINT32_MAX, UINT32_MAX},
                   {0, 8192},
                   {1, 0},
                   {1, 7}};
    KK_CLEANUP(tape_clear) struct tape tape = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    struct kk_backup_key passphrase = by_passphrase(PASSPHRASE);
    assert_ok(make(&passphrase, &tape, &key));
    assert_int_equal(kk_load_u32(tape.bytes.data + OPS_AT), 1);
    assert_int_equal(kk_load_u32(tape.bytes.data + OPS_AT + 4), 8192);
    for (size_t i = 0; i < KK_ARRAY_LEN(hostile); i++) {
        kk_store_u32(tape.bytes.data + OPS_AT, hostile[i].ops);
        kk_store_u32(tape.bytes.data + OPS_AT + 4, hostile[i].mem_kib);
        assert_opens_not(&tape, passphrase, CKR_DEVICE_ERROR);
    }
}

/* ---- chunks ---- */

struct body {
    struct tape tape;
    struct kk_secret *key;
    struct kk_buffer plain;
};

static void body_clear(struct body *body)
{
    tape_clear(&body->tape);
    kk_secret_free(body->key);
    kk_buffer_clear(&body->plain);
    *body = (struct body){0};
}

static void body_make(struct body *body, size_t len)
{
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks chunks = {0};
    body_clear(body);
    assert_ok(kk_secret_new(KK_BACKUP_FILE_KEY, &body->key));
    uint8_t *bytes = kk_buffer_extend(&body->plain, len);
    assert_ok(kk_crypto_random(crypto, bytes, len));
    struct kk_backup_stream stream = stream_of(&body->tape);
    assert_ok(kk_backup_chunks_begin(crypto, body->key, &stream, &chunks));
    for (size_t at = 0; at < len; at += 1000) {
        assert_ok(kk_backup_chunks_put(&chunks, KK_SPAN(bytes + at, KK_MIN(len - at, 1000u))));
    }
    assert_ok(kk_backup_chunks_finish(&chunks));
}

/* Reads all of it; CKR_OK when it is what was put. */
static CK_RV body_read(struct body *body)
{
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks chunks = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer plain = {0};
    struct kk_backup_stream stream = stream_of(&body->tape);
    KK_TRY(kk_backup_chunks_begin(crypto, body->key, &stream, &chunks));
    size_t len = body->plain.len;
    uint8_t *to = kk_buffer_extend(&plain, len);
    for (size_t at = 0; at < len; at += 777) {
        KK_TRY(kk_backup_chunks_take(&chunks, to + at, KK_MIN(len - at, 777u)));
    }
    KK_TRY(kk_backup_chunks_done(&chunks));
    uint8_t more = 0;
    assert_rv(kk_backup_chunks_take(&chunks, &more, 1), CKR_ENCRYPTED_DATA_INVALID);
    return kk_span_equal(kk_buffer_span(&plain), kk_buffer_span(&body->plain)) ? CKR_OK
                                                                               : CKR_DATA_INVALID;
}

#define CHUNK KK_BACKUP_CHUNK
#define SEALED (CHUNK + 16)

static void test_bodies_of_every_length_come_back(void **state)
{
    (void)state;
    static const size_t lengths[] = {1,         2,         CHUNK - 1,     CHUNK,
                                     CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5, 200000};
    static const size_t steps[] = {0, 1, 4096, SEALED, SEALED + 1};
    KK_CLEANUP(body_clear) struct body body = {0};
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        body_make(&body, lengths[i]);
        size_t chunks = (lengths[i] + CHUNK - 1) / CHUNK;
        assert_int_equal(body.tape.bytes.len, lengths[i] + 16 * chunks);
        for (size_t j = 0; j < KK_ARRAY_LEN(steps); j++) {
            body.tape.step = steps[j];
            assert_ok(body_read(&body));
        }
    }
}

static void swap_chunks(uint8_t *a, uint8_t *b)
{
    for (size_t i = 0; i < SEALED; i++) {
        uint8_t byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

static void test_chunks_are_not_moved_cut_off_or_added(void **state)
{
    (void)state;
    KK_CLEANUP(body_clear) struct body body = {0};
    body_make(&body, (size_t)3 * CHUNK);
    struct kk_buffer *bytes = &body.tape.bytes;
    uint8_t *data = bytes->data;
    size_t len = bytes->len;
    for (size_t i = 0; i < 3; i++) {
        swap_chunks(data + i * SEALED, data + (i + 1) % 3 * SEALED);
        assert_rv(body_read(&body), CKR_ENCRYPTED_DATA_INVALID);
        swap_chunks(data + i * SEALED, data + (i + 1) % 3 * SEALED);
    }
    assert_ok(body_read(&body));
    static const size_t cuts[] = {0, 1, 16, 17, SEALED - 1, SEALED, SEALED + 1, 2 * SEALED};
    for (size_t i = 0; i < KK_ARRAY_LEN(cuts); i++) {
        bytes->len = cuts[i];
        assert_rv(body_read(&body), CKR_ENCRYPTED_DATA_INVALID);
        body.plain.len =
            KK_MIN(cuts[i], (size_t)CHUNK); /* asked for less: the last one is missing */
        assert_rv(body_read(&body), CKR_ENCRYPTED_DATA_INVALID);
        body.plain.len = (size_t)3 * CHUNK;
    }
    bytes->len = len;
    kk_buffer_put_u8(bytes, 0);
    assert_rv(body_read(&body), CKR_ENCRYPTED_DATA_INVALID);
    bytes->len = len;
    uint8_t *to = kk_buffer_extend(bytes, SEALED);
    memcpy(to, bytes->data + 2 * SEALED, SEALED); /* the last one twice */
    assert_rv(body_read(&body), CKR_ENCRYPTED_DATA_INVALID);
    bytes->len = len;
    kk_secret_data(body.key)[0] ^= 1;
    assert_rv(body_read(&body), CKR_ENCRYPTED_DATA_INVALID);
}

/* ---- records ---- */

/* What somebody with the key may put into a file. */
struct script {
    struct kk_buffer records;
    struct kk_digest *digest;
    uint64_t counts[3];
};

static void script_begin(struct script *script)
{
    assert_ok(kk_digest_new(crypto, "SHA256", &script->digest));
    assert_ok(kk_digest_start(script->digest));
}

static void script_clear(struct script *script)
{
    kk_buffer_clear(&script->records);
    kk_digest_free(script->digest);
    *script = (struct script){0};
}

static void put(struct script *script, uint8_t kind, struct kk_span payload)
{
    size_t at = script->records.len;
    kk_buffer_put_u8(&script->records, kind);
    kk_buffer_put_u32(&script->records, (uint32_t)payload.len);
    kk_buffer_put_span(&script->records, payload);
    assert_ok(kk_buffer_check(&script->records));
    assert_ok(kk_digest_update(script->digest,
                               KK_SPAN(script->records.data + at, script->records.len - at)));
}

static void put_token(struct script *script)
{
    uint8_t payload[59] = {0, 1};
    put(script, 1, KK_SPAN_ARRAY(payload));
}

static void put_row(struct script *script, uint32_t table, uint32_t no)
{
    uint8_t payload[32 + 3] = {0};
    kk_store_u32(payload, table);
    kk_store_u32(payload + 4, no);
    payload[15] = 1;
    put(script, 2, KK_SPAN_ARRAY(payload));
    script->counts[0]++;
}

static void put_object(struct script *script, uint8_t name, uint8_t is_private)
{
    uint8_t payload[45 + 64 + 5] = {name};
    payload[16] = is_private;
    put(script, 3, KK_SPAN_ARRAY(payload));
    script->counts[is_private == 1 ? 1 : 2]++;
}

static void put_end(struct script *script)
{
    uint8_t payload[56];
    for (size_t i = 0; i < 3; i++) {
        kk_store_u64(payload + 8 * i, script->counts[i]);
    }
    assert_ok(kk_digest_finish(script->digest, payload + 24));
    assert_ok(kk_digest_start(script->digest)); /* for a second end */
    kk_buffer_put_u8(&script->records, 4);
    kk_buffer_put_u32(&script->records, sizeof payload);
    kk_buffer_put(&script->records, payload, sizeof payload);
    assert_ok(kk_buffer_check(&script->records));
}

/* Seals the script and takes it into a store. */
static CK_RV play(const struct script *script)
{
    KK_CLEANUP(tape_clear) struct tape tape = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks out = {0};
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks in = {0};
    struct kk_backup_stream stream = stream_of(&tape);
    struct kk_backup_info info = {0};
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_store_tx *tx = NULL;
    assert_ok(kk_secret_new(KK_BACKUP_FILE_KEY, &key));
    assert_ok(kk_backup_chunks_begin(crypto, key, &stream, &out));
    assert_ok(kk_backup_chunks_put(&out, kk_buffer_span(&script->records)));
    assert_ok(kk_backup_chunks_finish(&out));
    assert_ok(kk_backup_chunks_begin(crypto, key, &stream, &in));
    assert_ok(kk_store_memory.env_new("", 0, &env));
    assert_ok(kk_store_memory.create(env, RIG_NAME, &store));
    assert_ok(kk_store_memory.begin(store, KK_STORE_WRITE, &tx));
    CK_RV rv = kk_backup_records_take(&in, tx, &info);
    kk_store_memory.rollback(tx);
    kk_store_memory.close(store);
    kk_store_memory.env_free(env);
    return rv;
}

/* One letter per record: t(oken), row of table A..., o(bject) P(rivate) or p(ublic), e(nd). */
static CK_RV play_text(const char *text)
{
    KK_CLEANUP(script_clear) struct script script = {0};
    script_begin(&script);
    for (; *text != '\0'; text++) {
        switch (*text) {
        case 't':
            put_token(&script);
            break;
        case 'r':
            put_row(&script, (uint32_t)(text[1] - '0'), (uint32_t)(text[2] - '0'));
            text += 2;
            break;
        case 'P':
        case 'p':
        case '?':
            put_object(&script, (uint8_t)text[1], *text == 'P' ? 1 : *text == 'p' ? 0 : 2);
            text++;
            break;
        case 'e':
            put_end(&script);
            break;
        case '+': /* a count too many */
            script.counts[text[1] - '0']++;
            text++;
            break;
        case '#': /* as if there were one more record */
            assert_ok(kk_digest_update(script.digest, KK_SPAN_TEXT("x")));
            break;
        case '.': /* bytes behind the end */
            kk_buffer_put_u8(&script.records, 1);
            break;
        default: /* a kind of record that there is not */
            put(&script, 9, KK_SPAN(NULL, 0));
            break;
        }
    }
    return play(&script);
}

static void test_records_out_of_order_are_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"te", "tr10r20r21r73PaPbpcpze", "tr10pxe", "tPxe"};
    static const char *const bad[] = {
        "t",       "e",        "r10e",     "tr10",     "tte",
        "tr10te",  "tr20r10e", "tr21r20e", "tr20r20e", "tr00e",
        "tPar10e", "tPbPae",   "tPaPae",   "tpaPbe",   "tPapae" /* one uuid twice */,
        "t?ae",    "tr10+0e",  "tr10+1e",  "tPa+2e",   "t#e",
        "te.",     "tee",      "t!e",      "tr@0e",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(good); i++) {
        assert_ok(play_text(good[i]));
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        assert_rv(play_text(bad[i]), CKR_ENCRYPTED_DATA_INVALID);
    }
}

static void test_a_record_that_claims_too_much_is_refused(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {
        UINT32_MAX, 0x80000000u, 1u << 30, KK_STORE_BLOB_MAX + 200, KK_STORE_BLOB_MAX, 100};
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        KK_CLEANUP(script_clear) struct script script = {0};
        script_begin(&script);
        put_token(&script);
        kk_buffer_put_u8(&script.records, 2);
        kk_buffer_put_u32(&script.records, lengths[i]);
        assert_rv(play(&script), CKR_ENCRYPTED_DATA_INVALID);
    }
}

static void test_a_newer_content_is_told_apart(void **state)
{
    (void)state;
    KK_CLEANUP(script_clear) struct script script = {0};
    uint8_t payload[59] = {0, 2};
    script_begin(&script);
    put(&script, 1, KK_SPAN_ARRAY(payload));
    put_end(&script);
    assert_rv(play(&script), CKR_TOKEN_NOT_RECOGNIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_passphrase_opens_what_it_sealed),
        cmocka_unit_test(test_each_recipient_opens_and_nobody_else),
        cmocka_unit_test(test_keys_of_no_use_are_refused),
        cmocka_unit_test(test_a_changed_or_cut_header_is_refused),
        cmocka_unit_test(test_what_is_no_backup_is_told_apart),
        cmocka_unit_test(test_a_kdf_that_would_starve_us_is_refused),
        cmocka_unit_test(test_bodies_of_every_length_come_back),
        cmocka_unit_test(test_chunks_are_not_moved_cut_off_or_added),
        cmocka_unit_test(test_records_out_of_order_are_refused),
        cmocka_unit_test(test_a_record_that_claims_too_much_is_refused),
        cmocka_unit_test(test_a_newer_content_is_told_apart),
    };
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
