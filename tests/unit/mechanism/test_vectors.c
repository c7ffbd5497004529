/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Known answers: runs the cases of tests/vectors/<name>.txt through the registry's rows. The format
 * and what is done with each case stand in tests/vectors/README.md.
 */
#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cryptoki/names.h"
#include "mechanism/mechanism.h"

#define MAX_FIELDS 64
#define MAX_FILES 256

struct field {
    char *name;
    char *value;
};

struct vector_case {
    const char *file;
    unsigned line;
    struct field fields[MAX_FIELDS];
    size_t count;
};

/* One run: everything that a case needs. */
struct run {
    const struct vector_case *test;
    const struct kk_mechanism *mechanism;
    struct kk_key *key;
    struct kk_param param;
    struct kk_buffer in;
    struct kk_buffer out;
    CK_RV result;
    bool has_out;
};

static struct kk_crypto *crypto;
static struct kk_registry *registry;
static unsigned cases_run;

/* Cases of mechanisms that this OpenSSL does not have. */
static unsigned cases_skipped;

#define fail_case(test, ...)                                                                       \
    do {                                                                                           \
        print_error("%s:%u: ", (test)->file, (test)->line);                                        \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        fail();                                                                                    \
    } while (0)

#define expect_rv(test, call, want)                                                                \
    do {                                                                                           \
        CK_RV got_ = (call);                                                                       \
        if (got_ != (want)) {                                                                      \
            const char *name_ = kk_names_find(KK_NAMES_CKR, got_);                                 \
            fail_case(test, "%s gives %s", #call, name_ != NULL ? name_ : "?");                    \
        }                                                                                          \
    } while (0)

static const char *get(const struct vector_case *test, const char *name)
{
    for (size_t i = 0; i < test->count; i++) {
        if (strcmp(test->fields[i].name, name) == 0) {
            return test->fields[i].value;
        }
    }
    return NULL;
}

static const char *need(const struct vector_case *test, const char *name)
{
    const char *value = get(test, name);
    if (value == NULL) {
        fail_case(test, "no line \"%s\"", name);
    }
    return value;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_hex(const struct vector_case *test, const char *text, struct kk_buffer *buffer)
{
    int high = -1;
    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text)) {
            continue;
        }
        int digit = hex_digit((unsigned char)*text);
        if (digit < 0) {
            fail_case(test, "no hex: %s", text);
        }
        if (high < 0) {
            high = digit;
        } else {
            kk_buffer_put_u8(buffer, (uint8_t)(high << 4 | digit));
            high = -1;
        }
    }
    if (high >= 0) {
        fail_case(test, "an odd number of hex digits");
    }
    /* An empty value is no NULL pointer to what takes the buffer. */
    assert_non_null(kk_buffer_extend(buffer, 16));
    buffer->len -= 16;
}

static CK_ULONG number(const struct vector_case *test, const char *text)
{
    CK_ULONG value = 0;
    for (int space = 0; space < KK_NAMES_COUNT; space++) {
        if (kk_names_lookup((enum kk_name_space)space, text, &value)) {
            return value;
        }
    }
    char *end = NULL;
    value = strtoul(text, &end, 0);
    if (end == text || *end != '\0') {
        fail_case(test, "neither a number nor a constant: %s", text);
    }
    return value;
}

/* --- parameters ------------------------------------------------------------------------------- */

/* Memory behind one case's parameter. */
struct param_memory {
    _Alignas(16) uint8_t bytes[8192];
    size_t used;
};

static void *take(struct param_memory *memory, size_t len)
{
    memory->used = (memory->used + 15) / 16 * 16;
    assert_true(len <= sizeof memory->bytes - memory->used);
    void *at = memory->bytes + memory->used;
    memory->used += len;
    return at;
}

static void *take_hex(const struct vector_case *test, struct param_memory *memory, const char *text,
                      size_t *ret_len)
{
    struct kk_buffer bytes = {0};
    put_hex(test, text, &bytes);
    void *at = take(memory, bytes.len + 1);
    memcpy(at, bytes.data, bytes.len);
    *ret_len = bytes.len;
    kk_buffer_clear(&bytes);
    return at;
}

static bool has_prefix(const struct vector_case *test, const char *prefix)
{
    for (size_t i = 0; i < test->count; i++) {
        if (strncmp(test->fields[i].name, prefix, strlen(prefix)) == 0) {
            return true;
        }
    }
    return false;
}

static void fill_struct(const struct vector_case *test, const struct kk_param_layout *layout,
                        const char *prefix, uint8_t *at, struct param_memory *memory);

static void fill_pointer(const struct vector_case *test, const struct kk_param_field *field,
                         const char *value, uint8_t *at, struct param_memory *memory)
{
    size_t len = 0;
    void *bytes = take_hex(test, memory, value, &len);
    CK_ULONG ulong_len = field->kind == KK_FIELD_POINTER_BITS ? len * 8 : len;
    if (len != 0 || field->kind == KK_FIELD_POINTER_MAYBE) {
        memcpy(at + field->offset, &bytes, sizeof bytes);
    }
    if (field->kind != KK_FIELD_POINTER_FIXED) {
        memcpy(at + field->length_offset, &ulong_len, sizeof ulong_len);
    }
}

/* Room that is written to, as much as the value has bytes; its length, where there is one to be
 * pointed to. */
static void fill_room(const struct vector_case *test, const struct kk_param_field *field,
                      const char *value, uint8_t *at, struct param_memory *memory)
{
    size_t len = 0;
    void *bytes = take_hex(test, memory, value, &len);
    memcpy(at + field->offset, &bytes, sizeof bytes);
    if (field->kind == KK_FIELD_POINTER_INDIRECT) {
        CK_ULONG *length = take(memory, sizeof *length);
        *length = len;
        memcpy(at + field->length_offset, &length, sizeof(CK_ULONG *));
    }
}

static void fill_nested(const struct vector_case *test, const struct kk_param_field *field,
                        const char *name, uint8_t *at, struct param_memory *memory)
{
    char prefix[136];
    (void)snprintf(prefix, sizeof prefix, "%s.", name);
    if (!has_prefix(test, prefix)) {
        return;
    }
    void *nested = take(memory, field->nested->size);
    fill_struct(test, field->nested, name, nested, memory);
    memcpy(at + field->offset, &nested, sizeof nested);
}

/* Elements .0, .1 ... as many as there are lines for. */
static void fill_array(const struct vector_case *test, const struct kk_param_field *field,
                       const char *name, uint8_t *at, struct param_memory *memory)
{
    char prefix[136];
    CK_ULONG count = 0;
    size_t size = field->nested->size;
    uint8_t *elements = take(memory, size * 16);
    for (; count < 16; count++) {
        (void)snprintf(prefix, sizeof prefix, "%s.%lu.", name, count);
        if (!has_prefix(test, prefix)) {
            break;
        }
        prefix[strlen(prefix) - 1] = '\0';
        fill_struct(test, field->nested, prefix, elements + count * size, memory);
    }
    if (count > 0) {
        memcpy(at + field->offset, &elements, sizeof elements);
    }
    memcpy(at + field->length_offset, &count, sizeof count);
}

/* A structure where the type has one, else hex. */
static void fill_variant(const struct vector_case *test, const struct kk_param_field *field,
                         const char *name, uint8_t *at, struct param_memory *memory)
{
    CK_ULONG type = 0;
    char prefix[136];
    memcpy(&type, at + field->type_offset, sizeof type);
    const struct kk_param_layout *layout = kk_param_variant_layout(field, type);
    (void)snprintf(prefix, sizeof prefix, "%s.", name);
    if (layout != NULL && has_prefix(test, prefix)) {
        CK_ULONG len = layout->size;
        void *nested = take(memory, layout->size);
        fill_struct(test, layout, name, nested, memory);
        memcpy(at + field->offset, &nested, sizeof nested);
        memcpy(at + field->length_offset, &len, sizeof len);
    } else if (get(test, name) != NULL) {
        fill_pointer(test, field, get(test, name), at, memory);
    }
}

static void fill_field(const struct vector_case *test, const struct kk_param_field *field,
                       const char *name, uint8_t *at, struct param_memory *memory)
{
    const char *value = get(test, name);
    if (field->kind == KK_FIELD_NESTED) {
        fill_nested(test, field, name, at, memory);
        return;
    }
    if (field->kind == KK_FIELD_ARRAY) {
        fill_array(test, field, name, at, memory);
        return;
    }
    if (field->kind == KK_FIELD_VARIANT) {
        fill_variant(test, field, name, at, memory);
        return;
    }
    if (field->kind == KK_FIELD_STRUCT) {
        fill_struct(test, field->nested, name, at + field->offset, memory);
        return;
    }
    if (value == NULL) {
        return;
    }
    if (field->kind == KK_FIELD_ULONG || field->kind == KK_FIELD_LENGTH ||
        field->kind == KK_FIELD_HANDLE) {
        CK_ULONG ulong_value = number(test, value);
        memcpy(at + field->offset, &ulong_value, sizeof ulong_value);
    } else if (field->kind == KK_FIELD_BOOL) {
        at[field->offset] = (uint8_t)number(test, value);
    } else if (field->kind == KK_FIELD_BYTES) {
        size_t len = 0;
        void *bytes = take_hex(test, memory, value, &len);
        assert_int_equal(len, field->size);
        memcpy(at + field->offset, bytes, len);
    } else if (field->kind == KK_FIELD_POINTER_INDIRECT || field->kind == KK_FIELD_POINTER_OUTER ||
               field->kind == KK_FIELD_POINTER_OPEN) {
        fill_room(test, field, value, at, memory);
    } else {
        fill_pointer(test, field, value, at, memory);
    }
}

static void fill_struct(const struct vector_case *test, const struct kk_param_layout *layout,
                        const char *prefix, uint8_t *at, struct param_memory *memory)
{
    memset(at, 0, layout->size);
    for (size_t i = 0; i < layout->count; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s.%s", prefix, layout->fields[i].name);
        fill_field(test, &layout->fields[i], name, at, memory);
    }
}

static struct kk_key *secret_of(const struct vector_case *test, const char *text)
{
    struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    struct kk_buffer bytes = {0};
    struct kk_key *key = NULL;
    put_hex(test, text, &bytes);
    expect_rv(test, kk_key_parts_set(&parts, KK_PART_VALUE, kk_buffer_span(&bytes)), CKR_OK);
    expect_rv(test, kk_key_new(crypto, &parts, &key), CKR_OK);
    kk_key_parts_clear(&parts);
    kk_buffer_clear(&bytes);
    return key;
}

static const struct {
    const char *name;
    enum kk_part part;
} part_names[] = {
    {"VALUE", KK_PART_VALUE},
    {"MODULUS", KK_PART_MODULUS},
    {"PUBLIC_EXPONENT", KK_PART_PUBLIC_EXPONENT},
    {"PRIVATE_EXPONENT", KK_PART_PRIVATE_EXPONENT},
    {"PRIME_1", KK_PART_PRIME_1},
    {"PRIME_2", KK_PART_PRIME_2},
    {"EXPONENT_1", KK_PART_EXPONENT_1},
    {"EXPONENT_2", KK_PART_EXPONENT_2},
    {"COEFFICIENT", KK_PART_COEFFICIENT},
    {"EC_PARAMS", KK_PART_EC_PARAMS},
    {"EC_POINT", KK_PART_EC_POINT},
    {"PRIME", KK_PART_PRIME},
    {"SUBPRIME", KK_PART_SUBPRIME},
    {"BASE", KK_PART_BASE},
    {"PUBLIC", KK_PART_PUBLIC},
    {"SEED", KK_PART_SEED},
};

/* The parts of a key whose lines begin with `prefix`. */
static void read_parts(const struct vector_case *test, const char *prefix,
                       struct kk_key_parts *parts)
{
    char name[64];
    for (size_t i = 0; i < KK_ARRAY_LEN(part_names); i++) {
        (void)snprintf(name, sizeof name, "%s.%s", prefix, part_names[i].name);
        const char *value = get(test, name);
        if (value != NULL) {
            struct kk_buffer bytes = {0};
            put_hex(test, value, &bytes);
            expect_rv(test, kk_key_parts_set(parts, part_names[i].part, kk_buffer_span(&bytes)),
                      CKR_OK);
            kk_buffer_clear(&bytes);
        }
    }
    (void)snprintf(name, sizeof name, "%s.private", prefix);
    parts->is_private = get(test, name) != NULL;
}

/* A key of the base key's type that the parameter names. */
static struct kk_key *named_key(const struct vector_case *test, const char *prefix)
{
    struct kk_key_parts parts = {.kind = kk_key_kind_of(number(test, need(test, "key.type")))};
    struct kk_key *key = NULL;
    read_parts(test, prefix, &parts);
    expect_rv(test, kk_key_new(crypto, &parts, &key), CKR_OK);
    kk_key_parts_clear(&parts);
    return key;
}

static void make_param(struct run *run)
{
    static struct param_memory memory;
    const struct vector_case *test = run->test;
    enum kk_param_shape shape = run->mechanism->shape;
    const char *raw = get(test, "param");
    const struct kk_param_layout *layout = kk_param_layout(shape);
    const void *data = NULL;
    size_t len = 0;
    memory.used = 0;
    if (raw != NULL && shape == KK_PARAM_ULONG) {
        CK_ULONG value = number(test, raw);
        void *at = take(&memory, sizeof value);
        memcpy(at, &value, sizeof value);
        data = at;
        len = sizeof value;
    } else if (raw != NULL) {
        data = take_hex(test, &memory, raw, &len);
    } else if (layout != NULL && has_prefix(test, "param.")) {
        void *at = take(&memory, layout->size);
        fill_struct(test, layout, "param", at, &memory);
        data = at;
        len = layout->size;
    }
    expect_rv(test, kk_param_copy(shape, data, len, &run->param), CKR_OK);
    for (size_t i = 0; i < KK_PARAM_KEYS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "handle.%zu", i);
        if (get(test, name) != NULL) {
            assert_true(i < run->param.key_count);
            run->param.keys[i] = secret_of(test, get(test, name));
        }
        (void)snprintf(name, sizeof name, "handle.%zu.", i);
        if (has_prefix(test, name)) {
            assert_true(i < run->param.key_count);
            name[strlen(name) - 1] = '\0';
            run->param.keys[i] = named_key(test, name);
        }
    }
}

/* --- keys ------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum kk_part part;
} domain_names[] = {
    {"domain.PRIME", KK_PART_PRIME},
    {"domain.SUBPRIME", KK_PART_SUBPRIME},
};

static void read_run_parts(const struct run *run, struct kk_key_parts *parts)
{
    const struct vector_case *test = run->test;
    const char *type = need(test, "key.type");
    CK_KEY_TYPE key_type = number(test, type);
    parts->kind = kk_key_kind_of(key_type);
    if (!kk_mechanism_takes(run->mechanism, key_type)) {
        fail_case(test, "the mechanism does not take %s", type);
    }
    read_parts(test, "key", parts);
    const char *set = get(test, "key.parameter_set");
    parts->parameter_set = set != NULL ? number(test, set) : 0;
}

static void make_key(struct run *run)
{
    const struct vector_case *test = run->test;
    struct kk_key_parts parts = {0};
    if (get(test, "key.type") == NULL || strcmp(need(test, "operation"), "publish") == 0) {
        return;
    }
    read_run_parts(run, &parts);
    bool is_the_test = strcmp(need(test, "operation"), "key") == 0;
    expect_rv(test, kk_key_new(crypto, &parts, &run->key), is_the_test ? run->result : CKR_OK);
    kk_key_parts_clear(&parts);
}

/* --- operations ------------------------------------------------------------------------------- */

static void op_begin(const struct run *run, enum kk_op_kind kind, struct kk_op *op)
{
    op->mechanism = run->mechanism;
    op->kind = kind;
    op->crypto = crypto;
    op->key = run->key;
    op->param = run->param;
    op->param.data = run->param.data == run->param.inline_ ? op->param.inline_ : run->param.data;
}

static void op_end(struct kk_op *op)
{
    if (op->context != NULL) {
        op->context_free(op->context);
    }
    memset(op, 0, sizeof *op);
}

static void expect_bytes(const struct run *run, const char *what, const uint8_t *got, size_t len)
{
    if (!kk_mem_equal(got, len, run->out.data, run->out.len)) {
        print_error("got  ");
        for (size_t i = 0; i < len; i++) {
            print_error("%02x", got[i]);
        }
        print_error("\n");
        fail_case(run->test, "%s: not the bytes expected", what);
    }
}

typedef CK_RV update_out(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);
typedef CK_RV update_in(struct kk_op *op, struct kk_span in);

/* Feeds the data in pieces of `piece` bytes. */
static CK_RV feed(const struct run *run, struct kk_op *op, update_in *update, size_t piece)
{
    for (size_t at = 0; at < run->in.len; at += piece) {
        size_t len = KK_MIN(piece, run->in.len - at);
        CK_RV rv = update(op, KK_SPAN(run->in.data + at, len));
        if (rv != CKR_OK) {
            return rv;
        }
    }
    return CKR_OK;
}

static const size_t pieces[] = {1, 7, 16, 1000};

static uint8_t *room(size_t len)
{
    uint8_t *out = NULL;
    assert_int_equal(kk_alloc(len, &out), CKR_OK);
    return out;
}

static void cipher_in_pieces(const struct run *run, struct kk_op *op, size_t piece)
{
    const struct kk_cipher_ops *ops = run->mechanism->cipher;
    uint8_t *out = room(run->in.len * 2 + 256);
    size_t total = 0;
    size_t len = 0;
    expect_rv(run->test, ops->init(op), CKR_OK);
    for (size_t at = 0; at < run->in.len; at += piece) {
        size_t part = KK_MIN(piece, run->in.len - at);
        size_t bound = ops->bound(op, KK_PHASE_UPDATE, part);
        expect_rv(run->test, ops->update(op, KK_SPAN(run->in.data + at, part), out + total, &len),
                  CKR_OK);
        assert_true(ops->exact ? len == bound : len <= bound);
        total += len;
    }
    size_t bound = ops->bound(op, KK_PHASE_FINAL, 0);
    expect_rv(run->test, ops->final(op, out + total, &len), CKR_OK);
    assert_true(len <= bound);
    expect_bytes(run, "in pieces", out, total + len);
    kk_free(out);
}

static void run_cipher_single(const struct run *run, struct kk_op *op)
{
    const struct kk_cipher_ops *ops = run->mechanism->cipher;
    CK_RV rv = ops->init(op);
    if (rv != CKR_OK) {
        expect_rv(run->test, rv, run->result);
        return;
    }
    size_t bound = ops->bound(op, KK_PHASE_SINGLE, run->in.len);
    uint8_t *out = room(bound);
    size_t len = 0;
    if (ops->single != NULL) {
        expect_rv(run->test, ops->single(op, kk_buffer_span(&run->in), out, &len), run->result);
        if (run->result == CKR_OK) {
            assert_true(len <= bound);
            expect_bytes(run, "at once", out, len);
        }
    } else {
        rv = ops->update(op, kk_buffer_span(&run->in), out, &len);
        size_t rest = 0;
        rv = rv == CKR_OK ? ops->final(op, out + len, &rest) : rv;
        expect_rv(run->test, rv, run->result);
        if (run->result == CKR_OK) {
            expect_bytes(run, "at once", out, len + rest);
        }
    }
    kk_free(out);
}

static void run_cipher(const struct run *run, enum kk_op_kind kind)
{
    struct kk_op op = {0};
    op_begin(run, kind, &op);
    run_cipher_single(run, &op);
    run_cipher_single(run, &op);
    for (size_t i = 0; i < KK_ARRAY_LEN(pieces); i++) {
        if (run->result == CKR_OK && run->mechanism->cipher->update != NULL) {
            cipher_in_pieces(run, &op, pieces[i]);
        }
    }
    op_end(&op);
}

static void run_encrypt(const struct run *run)
{
    run_cipher(run, KK_OP_ENCRYPT);
}

static void run_decrypt(const struct run *run)
{
    run_cipher(run, KK_OP_DECRYPT);
}

static void sign_once(const struct run *run, struct kk_op *op, size_t piece)
{
    const struct kk_sign_ops *ops = run->mechanism->sign;
    CK_RV rv = ops->init(op);
    uint8_t *out = room(rv == CKR_OK ? ops->length(op) : 0);
    size_t len = 0;
    if (rv == CKR_OK && (piece != 0 || ops->single == NULL)) {
        rv = feed(run, op, ops->update, piece != 0 ? piece : run->in.len);
        rv = rv == CKR_OK ? ops->final(op, out, &len) : rv;
    } else if (rv == CKR_OK) {
        rv = ops->single(op, kk_buffer_span(&run->in), out, &len);
    }
    expect_rv(run->test, rv, run->result);
    if (run->result == CKR_OK) {
        assert_true(len <= ops->length(op));
        expect_bytes(run, piece != 0 ? "in pieces" : "at once", out, len);
    }
    kk_free(out);
}

static void run_sign(const struct run *run)
{
    struct kk_op op = {0};
    op_begin(run, KK_OP_SIGN, &op);
    sign_once(run, &op, 0);
    sign_once(run, &op, 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(pieces); i++) {
        if (run->mechanism->sign->update != NULL && run->result == CKR_OK) {
            sign_once(run, &op, pieces[i]);
        }
    }
    op_end(&op);
}

static CK_RV verify_once(const struct run *run, struct kk_op *op, size_t piece,
                         struct kk_span signature)
{
    const struct kk_sign_ops *ops = run->mechanism->sign;
    CK_RV rv = ops->init(op);
    if (rv != CKR_OK) {
        return rv;
    }
    if (piece == 0 && ops->verify_single != NULL) {
        return ops->verify_single(op, kk_buffer_span(&run->in), signature);
    }
    rv = feed(run, op, ops->update, piece != 0 ? piece : KK_MAX(run->in.len, (size_t)1));
    return rv == CKR_OK ? ops->verify_final(op, signature) : rv;
}

static void verify_flipped(const struct run *run, struct kk_op *op)
{
    for (size_t i = 0; i < 5; i++) {
        size_t at = i * (run->out.len - 1) / 4;
        run->out.data[at] ^= (uint8_t)(1U << i);
        if (verify_once(run, op, 0, kk_buffer_span(&run->out)) == CKR_OK) {
            fail_case(run->test, "a signature with byte %zu changed is taken", at);
        }
        run->out.data[at] ^= (uint8_t)(1U << i);
    }
}

static void run_verify(const struct run *run)
{
    struct kk_op op = {0};
    struct kk_span signature = kk_buffer_span(&run->out);
    op_begin(run, KK_OP_VERIFY, &op);
    expect_rv(run->test, verify_once(run, &op, 0, signature), run->result);
    expect_rv(run->test, verify_once(run, &op, 0, signature), run->result);
    for (size_t i = 0; i < KK_ARRAY_LEN(pieces); i++) {
        if (run->mechanism->sign->update != NULL) {
            expect_rv(run->test, verify_once(run, &op, pieces[i], signature), run->result);
        }
    }
    if (run->result == CKR_OK) {
        verify_flipped(run, &op);
    }
    op_end(&op);
}

static void run_recover(const struct run *run)
{
    const struct kk_sign_ops *ops = run->mechanism->sign;
    struct kk_op op = {0};
    op_begin(run, KK_OP_VERIFY_RECOVER, &op);
    expect_rv(run->test, ops->init(&op), CKR_OK);
    uint8_t *out = room(ops->length(&op));
    size_t len = 0;
    expect_rv(run->test, ops->recover(&op, kk_buffer_span(&run->in), out, &len), run->result);
    if (run->result == CKR_OK) {
        expect_bytes(run, "recovered", out, len);
    }
    kk_free(out);
    op_end(&op);
}

static void digest_once(const struct run *run, struct kk_op *op, size_t piece)
{
    const struct kk_digest_ops *ops = run->mechanism->digest;
    uint8_t out[256];
    size_t len = 0;
    expect_rv(run->test, ops->init(op), run->result);
    if (run->result != CKR_OK) {
        return;
    }
    size_t most =
        ops->bound != NULL ? ops->bound(op, KK_PHASE_SINGLE, run->in.len) : ops->length(op);
    assert_true(most <= sizeof out);
    if (piece == 0) {
        expect_rv(run->test, ops->single(op, kk_buffer_span(&run->in), out, &len), CKR_OK);
    } else {
        expect_rv(run->test, feed(run, op, ops->update, piece), CKR_OK);
        expect_rv(run->test, ops->final(op, out, &len), CKR_OK);
    }
    expect_bytes(run, piece != 0 ? "in pieces" : "at once", out, len);
}

static void run_digest(const struct run *run)
{
    struct kk_op op = {0};
    op_begin(run, KK_OP_DIGEST, &op);
    digest_once(run, &op, 0);
    digest_once(run, &op, 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(pieces); i++) {
        digest_once(run, &op, pieces[i]);
    }
    op_end(&op);
}

/* One length per key; what comes out stands in `out` one after the other. */
static size_t read_lengths(const struct vector_case *test, size_t *lengths, size_t most)
{
    const char *text = get(test, "length");
    size_t count = 0;
    for (char *end = NULL; text != NULL && *text != '\0'; text = end) {
        assert_true(count < most);
        lengths[count++] = strtoul(text, &end, 10);
        assert_true(end != text);
    }
    return count != 0 ? count : 1;
}

/* What the member of this name points to now; NULL: no such member, or nothing. */
static const uint8_t *output_at(const struct kk_param_layout *layout, const uint8_t *self,
                                const char *name)
{
    const uint8_t *found = NULL;
    for (size_t i = 0; i < layout->count && found == NULL; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        const uint8_t *pointer = NULL;
        if (field->kind < KK_FIELD_POINTER) {
            continue;
        }
        memcpy(&pointer, self + field->offset, sizeof pointer);
        if (strcmp(field->name, name) == 0) {
            found = pointer;
        } else if (field->kind == KK_FIELD_NESTED && pointer != NULL) {
            found = output_at(field->nested, pointer, name);
        }
    }
    return found;
}

/* Lines "out.<member>": what the parameter's outputs hold now. */
static void expect_outputs(const struct run *run)
{
    const struct kk_param_layout *layout = kk_param_layout(run->mechanism->shape);
    for (size_t i = 0; i < run->test->count; i++) {
        const char *name = run->test->fields[i].name;
        struct kk_buffer want = {0};
        if (strncmp(name, "out.", 4) != 0) {
            continue;
        }
        assert_non_null(layout);
        const uint8_t *got = output_at(layout, run->param.data, name + 4);
        put_hex(run->test, run->test->fields[i].value, &want);
        if (got == NULL || !kk_mem_equal(got, want.len, want.data, want.len)) {
            fail_case(run->test, "%s: not the bytes expected", name);
        }
        kk_buffer_clear(&want);
    }
}

static void run_derive(const struct run *run)
{
    enum { MOST = 8 };
    size_t lengths[MOST] = {0};
    struct kk_secret *values[MOST] = {NULL};
    struct kk_buffer all = {0};
    size_t count = read_lengths(run->test, lengths, MOST);
    if (run->mechanism->derive->makes == KK_DERIVED_OUTPUT) {
        count = 0;
    }
    expect_rv(run->test,
              run->mechanism->derive->derive(crypto, run->mechanism, run->key, &run->param, lengths,
                                             count, values),
              run->result);
    for (size_t i = 0; i < count; i++) {
        if (run->result != CKR_OK) {
            assert_null(values[i]);
        } else {
            assert_true(lengths[i] == 0 || kk_secret_len(values[i]) == lengths[i]);
            kk_buffer_put_span(&all, kk_secret_span(values[i]));
            kk_secret_free(values[i]);
        }
    }
    if (run->result == CKR_OK) {
        expect_bytes(run, "derived", all.data, all.len);
        expect_outputs(run);
    }
    kk_buffer_clear(&all);
}

/* The SubjectPublicKeyInfo of a private key's public half. */
static void run_publish(const struct run *run)
{
    struct kk_key_parts parts = {0};
    struct kk_buffer der = {0};
    read_run_parts(run, &parts);
    expect_rv(run->test, run->mechanism->derive->publish(crypto, run->mechanism, &parts),
              run->result);
    if (run->result == CKR_OK) {
        expect_rv(run->test, kk_key_spki(crypto, &parts, &der), CKR_OK);
        expect_bytes(run, "published", der.data, der.len);
    }
    kk_buffer_clear(&der);
    kk_key_parts_clear(&parts);
}

/* The IV that comes back in a CK_PBE_PARAMS. */
static void expect_iv(const struct run *run)
{
    struct kk_buffer iv = {0};
    if (get(run->test, "iv") != NULL) {
        assert_int_equal(run->mechanism->shape, KK_PARAM_PBE);
        const CK_PBE_PARAMS *params = run->param.data;
        put_hex(run->test, get(run->test, "iv"), &iv);
        assert_int_equal(iv.len, 8);
        assert_memory_equal(params->pInitVector, iv.data, iv.len);
    }
    kk_buffer_clear(&iv);
}

/* The primes that a base is made for. */
static void read_domain(const struct vector_case *test, struct kk_key_parts *parts)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(domain_names); i++) {
        struct kk_buffer bytes = {0};
        put_hex(test, need(test, domain_names[i].name), &bytes);
        expect_rv(test, kk_key_parts_set(parts, domain_names[i].part, kk_buffer_span(&bytes)),
                  CKR_OK);
        kk_buffer_clear(&bytes);
    }
    parts->bits = number(test, need(test, "length"));
}

static void run_base(const struct run *run)
{
    struct kk_key_parts parts = {.kind = KK_KEY_DSA};
    read_domain(run->test, &parts);
    expect_rv(run->test,
              run->mechanism->generate->generate(crypto, run->mechanism, &run->param, &parts),
              run->result);
    if (run->result == CKR_OK) {
        struct kk_span base = kk_key_parts_get(&parts, KK_PART_BASE);
        expect_bytes(run, "generated", base.data, base.len);
    }
    kk_key_parts_clear(&parts);
}

/* What has a known answer: keys from passwords, bases from seeds. */
static void run_generate(const struct run *run)
{
    struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    size_t length = 0;
    if (run->mechanism->generate->domain) {
        run_base(run);
        return;
    }
    (void)read_lengths(run->test, &length, 1);
    parts.bits = length * 8;
    expect_rv(run->test,
              run->mechanism->generate->generate(crypto, run->mechanism, &run->param, &parts),
              run->result);
    if (run->result == CKR_OK) {
        struct kk_span value = kk_key_parts_get(&parts, KK_PART_VALUE);
        expect_bytes(run, "generated", value.data, value.len);
        expect_iv(run);
    }
    kk_key_parts_clear(&parts);
}

static void run_wrap(const struct run *run)
{
    const struct kk_wrap_ops *ops = run->mechanism->wrap;
    size_t bound = 0;
    CK_RV rv = ops->length(run->mechanism, run->key, &run->param, run->in.len, &bound);
    uint8_t *out = room(bound);
    size_t len = 0;
    if (rv == CKR_OK) {
        rv = ops->wrap(crypto, run->mechanism, run->key, &run->param, kk_buffer_span(&run->in), out,
                       &len);
    }
    expect_rv(run->test, rv, run->result);
    if (run->result == CKR_OK) {
        assert_int_equal(len, bound);
        expect_bytes(run, "wrapped", out, len);
    }
    kk_free(out);
}

static void run_unwrap(const struct run *run)
{
    struct kk_secret *plain = NULL;
    expect_rv(run->test,
              run->mechanism->wrap->unwrap(crypto, run->mechanism, run->key, &run->param,
                                           kk_buffer_span(&run->in), &plain),
              run->result);
    if (run->result == CKR_OK) {
        expect_bytes(run, "unwrapped", kk_secret_span(plain).data, kk_secret_span(plain).len);
        kk_secret_free(plain);
    }
}

static void run_decapsulate(const struct run *run)
{
    const char *length = get(run->test, "length");
    struct kk_secret *value = NULL;
    expect_rv(run->test,
              run->mechanism->kem->decapsulate(crypto, run->mechanism, run->key, &run->param,
                                               length != NULL ? number(run->test, length) : 0,
                                               kk_buffer_span(&run->in), &value),
              run->result);
    if (run->result == CKR_OK) {
        expect_bytes(run, "decapsulated", kk_secret_span(value).data, kk_secret_span(value).len);
        kk_secret_free(value);
    }
}

/* The key itself was made, or refused. */
static void run_key(const struct run *run)
{
    assert_int_equal(run->key != NULL, run->result == CKR_OK);
}

static const struct {
    const char *name;
    void (*run)(const struct run *run);
    size_t ops_offset;
} operations[] = {
    {"sign", run_sign, offsetof(struct kk_mechanism, sign)},
    {"verify", run_verify, offsetof(struct kk_mechanism, sign)},
    {"recover", run_recover, offsetof(struct kk_mechanism, sign)},
    {"encrypt", run_encrypt, offsetof(struct kk_mechanism, cipher)},
    {"decrypt", run_decrypt, offsetof(struct kk_mechanism, cipher)},
    {"digest", run_digest, offsetof(struct kk_mechanism, digest)},
    {"derive", run_derive, offsetof(struct kk_mechanism, derive)},
    {"publish", run_publish, offsetof(struct kk_mechanism, derive)},
    {"generate", run_generate, offsetof(struct kk_mechanism, generate)},
    {"wrap", run_wrap, offsetof(struct kk_mechanism, wrap)},
    {"unwrap", run_unwrap, offsetof(struct kk_mechanism, wrap)},
    {"decapsulate", run_decapsulate, offsetof(struct kk_mechanism, kem)},
    {"key", run_key, offsetof(struct kk_mechanism, generate)},
};

static CK_RV try_publish(const struct run *run)
{
    struct kk_key_parts parts = {0};
    read_run_parts(run, &parts);
    CK_RV rv = run->mechanism->derive->publish(crypto, run->mechanism, &parts);
    kk_key_parts_clear(&parts);
    return rv;
}

static CK_RV try_init(const struct run *run)
{
    struct kk_op op = {0};
    bool signs = strcmp(need(run->test, "operation"), "sign") == 0;
    op_begin(run, signs ? KK_OP_SIGN : KK_OP_VERIFY, &op);
    CK_RV rv = run->mechanism->sign->init(&op);
    op_end(&op);
    return rv;
}

/* Whether this OpenSSL cannot do it, and says so in the way that the case allows. */
static bool is_lacking(const struct run *run)
{
    const char *code = get(run->test, "may_lack");
    if (code == NULL) {
        return false;
    }
    bool publishes = strcmp(need(run->test, "operation"), "publish") == 0;
    CK_RV rv = publishes ? try_publish(run) : try_init(run);
    if (rv != CKR_OK) {
        expect_rv(run->test, rv, number(run->test, code));
    }
    return rv != CKR_OK;
}

static void run_operation(const struct run *run)
{
    const char *name = need(run->test, "operation");
    for (size_t i = 0; i < KK_ARRAY_LEN(operations); i++) {
        if (strcmp(operations[i].name, name) == 0) {
            const void *ops = NULL;
            memcpy(&ops, (const uint8_t *)run->mechanism + operations[i].ops_offset, sizeof ops);
            assert_non_null(ops);
            operations[i].run(run);
            return;
        }
    }
    fail_case(run->test, "no such operation: %s", name);
}

static void read_in(struct run *run)
{
    const char *in = get(run->test, "in");
    const char *repeat = get(run->test, "repeat");
    put_hex(run->test, in != NULL ? in : "", &run->in);
    size_t once = run->in.len;
    for (CK_ULONG i = repeat != NULL ? number(run->test, repeat) : 1; i > 1; i--) {
        uint8_t *more = kk_buffer_extend(&run->in, once);
        assert_non_null(more);
        memcpy(more, run->in.data, once);
    }
}

static void run_case(const struct vector_case *test)
{
    struct run run = {.test = test};
    CK_MECHANISM_TYPE type = number(test, need(test, "mechanism"));
    const char *result = get(test, "result");
    run.mechanism = kk_registry_find(registry, type);
    if (run.mechanism == NULL) {
        cases_skipped++;
        return;
    }
    read_in(&run);
    put_hex(test, get(test, "out") != NULL ? get(test, "out") : "", &run.out);
    run.result = result != NULL ? number(test, result) : CKR_OK;
    make_key(&run);
    make_param(&run);
    if (is_lacking(&run)) {
        cases_skipped++;
    } else {
        run_operation(&run);
        cases_run++;
    }
    kk_param_clear(&run.param);
    kk_key_unref(run.key);
    kk_buffer_clear(&run.in);
    kk_buffer_clear(&run.out);
}

/* --- files ------------------------------------------------------------------------------------ */

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

static void case_clear(struct vector_case *test)
{
    for (size_t i = 0; i < test->count; i++) {
        free(test->fields[i].name);
        free(test->fields[i].value);
    }
    test->count = 0;
}

static void case_continue(struct vector_case *test, const char *more)
{
    struct field *last = &test->fields[test->count - 1];
    size_t old = strlen(last->value);
    size_t extra = strlen(more);
    char *grown = realloc(last->value, old + extra + 1);
    assert_non_null(grown);
    memcpy(grown + old, more, extra + 1);
    last->value = grown;
}

static void case_line(struct vector_case *test, char *line, unsigned number_of_line)
{
    if (line[0] == ' ' && test->count > 0) {
        case_continue(test, trim(line));
        return;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL || test->count == MAX_FIELDS) {
        fail_case(test, "line %u is not understood", number_of_line);
    }
    *equals = '\0';
    if (test->count == 0) {
        test->line = number_of_line;
    }
    test->fields[test->count].name = strdup(trim(line));
    test->fields[test->count].value = strdup(trim(equals + 1));
    test->count++;
}

static void case_finish(struct vector_case *test)
{
    if (test->count > 0) {
        run_case(test);
        case_clear(test);
    }
}

static void run_file(void **state)
{
    const char *path = *state;
    struct vector_case test = {.file = path};
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    unsigned before = cases_run + cases_skipped;
    for (unsigned n = 1; getline(&line, &capacity, file) > 0; n++) {
        if (line[0] == '#') {
            continue;
        }
        if (*trim(line) == '\0') {
            case_finish(&test);
        } else {
            case_line(&test, line, n);
        }
    }
    case_finish(&test);
    assert_true(cases_run + cases_skipped > before);
    free(line);
    (void)fclose(file);
}

static int setup(void **state)
{
    (void)state;
    return kk_crypto_new(&crypto) == CKR_OK && kk_registry_new(crypto, "ALL", &registry) == CKR_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    print_message("# %u cases run, %u of mechanisms that this OpenSSL lacks\n", cases_run,
                  cases_skipped);
    kk_registry_free(registry);
    kk_crypto_free(crypto);
    return 0;
}

static int is_vector_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MAX_FILES];
    struct dirent **entries = NULL;
    const char *directory = argc > 1 ? argv[1] : KK_VECTORS_DIR;
    int count = scandir(directory, &entries, is_vector_file, alphasort);
    if (count <= 0 || count > MAX_FILES) {
        (void)fprintf(stderr, "no vectors in %s\n", directory);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0) {
            return 1;
        }
        tests[i] = (struct CMUnitTest){
            .name = entries[i]->d_name, .test_func = run_file, .initial_state = path};
    }
    int failed = _cmocka_run_group_tests("vectors", tests, (size_t)count, setup, teardown);
    for (int i = 0; i < count; i++) {
        free(tests[i].initial_state);
        free(entries[i]);
    }
    free(entries);
    return failed;
}
