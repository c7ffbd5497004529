/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function per call. What a trace says becomes constants and names of the standard: nothing of
 * its text gets into the program without having been understood.
 */
#include "cli/trace_c.h"

#include <stdarg.h>
#include <string.h>

#include "base/memory.h"
#include "cli/trace_read.h"
#include "cryptoki/names.h"
#include "cryptoki/params.h"
#include "cryptoki/shapes.h"
#include "replay_text.h"
#include "trace/words.h"

#include "base/banned.h"

/* One call while it is written. */
struct call {
    const struct kk_trace_line *line;
    struct kk_buffer before;    /* declarations */
    struct kk_buffer arguments; /* of the call */
    struct kk_buffer after;     /* what is learned from a success */
    CK_RV code;
    CK_ULONG user; /* of the last login */
    unsigned int names;
    const char *problem; /* why the call cannot be made; NULL: it can */
};

static void KK_PRINTF(2, 3) put(struct kk_buffer *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof text) {
        out->failed = true;
        return;
    }
    kk_buffer_put(out, text, (size_t)len);
}

/* A C expression: a name that was declared, or a constant. */
struct expression {
    char text[128];
};

static struct expression KK_PRINTF(1, 2) expression(const char *format, ...)
{
    struct expression result = {""};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(result.text, sizeof result.text, format, arguments);
    va_end(arguments);
    return result;
}

static void fail(struct call *call, const char *problem)
{
    if (call->problem == NULL) {
        call->problem = problem;
    }
}

static const struct kk_trace_node *at(const struct call *call, size_t node)
{
    return node != 0 ? &call->line->nodes[node] : NULL;
}

/* ---- numbers and words ---- */

static bool is_flag(const char *name)
{
    for (unsigned int kind = 0; kind < KK_TRACE_FLAGS_COUNT; kind++) {
        size_t count = 0;
        const struct kk_trace_flag *flags = kk_trace_flag_names((enum kk_trace_flags)kind, &count);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(flags[i].name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool word_value(const char *name, CK_ULONG *ret_value)
{
    for (unsigned int space = 0; space < KK_NAMES_COUNT; space++) {
        if (kk_names_lookup((enum kk_name_space)space, name, ret_value)) {
            return true;
        }
    }
    return false;
}

/* One word as the header has it. */
static bool put_word(struct kk_buffer *out, struct kk_span word)
{
    char name[80];
    CK_ULONG value = 0;
    char *end = NULL;
    if (word.len == 0 || word.len >= sizeof name) {
        return false;
    }
    memcpy(name, word.data, word.len);
    name[word.len] = '\0';
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0) {
        put(out, "%s", name[0] == 't' ? "CK_TRUE" : "CK_FALSE");
        return true;
    }
    if (name[0] == '0' && name[1] == 'x') {
        unsigned long number = strtoul(name, &end, 16);
        put(out, "0x%lxUL", number);
        return *end == '\0';
    }
    put(out, "%s", name);
    return word_value(name, &value) || is_flag(name);
}

/* A number, a constant, or flags with | between them. */
static void put_number(struct call *call, struct kk_buffer *out, const struct kk_trace_node *node)
{
    if (node != NULL && node->kind == KK_NODE_NUMBER) {
        put(out, "%lluUL", (unsigned long long)node->number);
        return;
    }
    if (node == NULL || node->kind != KK_NODE_WORDS) {
        fail(call, "a number is missing");
        return;
    }
    struct kk_span rest = node->text;
    while (rest.len > 0) {
        const uint8_t *bar = memchr(rest.data, '|', rest.len);
        size_t len = bar != NULL ? (size_t)(bar - rest.data) : rest.len;
        if (!put_word(out, KK_SPAN(rest.data, len))) {
            fail(call, "a name is not known");
            return;
        }
        put(out, "%s", bar != NULL ? " | " : "");
        len += bar != NULL ? 1 : 0;
        rest = KK_SPAN(rest.data + len, rest.len - len);
    }
}

static bool has_number(const struct kk_trace_node *node)
{
    return node != NULL && (node->kind == KK_NODE_NUMBER || node->kind == KK_NODE_LENGTH ||
                            node->kind == KK_NODE_ROOM || node->kind == KK_NODE_AT_NULL);
}

/* A length from the trace, within what a program may ask for. */
static unsigned long length_of(struct call *call, const struct kk_trace_node *node)
{
    if (node->kind == KK_NODE_AT_NULL) {
        return (unsigned long)node->number; /* nothing is there */
    }
    if (node->number > (1u << 28)) {
        fail(call, "a buffer is too long");
        return 0;
    }
    return (unsigned long)node->number;
}

/* ---- bytes ---- */

/* Declares an array; `name` gets its name. */
static struct expression declare_bytes(struct call *call, struct kk_span bytes)
{
    struct expression name = expression("b%u", call->names++);
    put(&call->before, "    CK_BYTE %s[] = {", name.text);
    for (size_t i = 0; i < bytes.len; i++) {
        put(&call->before, "%s%u", i == 0 ? "" : (i % 20 == 0 ? ",\n        " : ", "),
            bytes.data[i]);
    }
    put(&call->before, "};\n");
    return name;
}

/* The first bytes of what is in the trace, as a mark that finds what came out in its place. */
static struct expression mark_of(struct kk_span bytes)
{
    uint64_t key[2] = {0x6b6579, 0x6b697374};
    uint64_t hash = key[0];
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.data[i]) * UINT64_C(1099511628211);
    }
    return expression("\"x%016llx\"", (unsigned long long)(hash ^ key[1]));
}

/* Where the bytes are and how many there are. */
struct place {
    struct expression data;
    struct expression len;
};

static struct place place(struct expression data, unsigned long len)
{
    return (struct place){data, expression("%luUL", len)};
}

static struct place put_known_bytes(struct call *call, const struct kk_trace_node *node)
{
    struct kk_span bytes = kk_trace_node_bytes(call->line, node);
    if (bytes.len == 0) {
        return place(expression("filled(0, 0)"), 0);
    }
    struct expression array = declare_bytes(call, bytes);
    struct expression mark = mark_of(bytes);
    return (struct place){
        expression("same_or(%s, %s, sizeof %s)", mark.text, array.text, array.text),
        expression("sizeof %s", array.text)};
}

/* A signature that was wrong then is one of other data now. */
static int filling(const struct call *call)
{
    bool is_wrong = call->code == CKR_SIGNATURE_INVALID;
    return is_wrong ? 0x2b : 0x2a;
}

static struct place put_bytes(struct call *call, const struct kk_trace_node *node)
{
    if (node == NULL) {
        fail(call, "an argument is missing");
        return place(expression("NULL"), 0);
    }
    unsigned long len = has_number(node) ? length_of(call, node) : 0;
    switch (node->kind) {
    case KK_NODE_NULL:
        return place(expression("NULL"), 0);
    case KK_NODE_AT_NULL:
        return place(expression("NULL"), len);
    case KK_NODE_ROOM:
        return place(expression("room(%luUL)", len), len);
    case KK_NODE_TEXT:
    case KK_NODE_HEX:
        return put_known_bytes(call, node);
    case KK_NODE_LENGTH:
        return place(expression("filled(%luUL, 0x%x)", len, (unsigned int)filling(call)), len);
    case KK_NODE_NUMBER:
    case KK_NODE_WORDS:
    case KK_NODE_OTHER:
    case KK_NODE_LIST:
    case KK_NODE_STRUCTURE:
        break;
    }
    fail(call, "what a pointer points to is not known");
    return place(expression("NULL"), 0);
}

/* ---- templates ---- */

static struct expression declare_template(struct call *call, const struct kk_trace_node *list,
                                          unsigned long *ret_count);

static struct place declare_numbers(struct call *call, const struct kk_trace_node *list)
{
    struct expression name = expression("n%u", call->names++);
    put(&call->before, "    CK_ULONG %s[] = {", name.text);
    for (const struct kk_trace_node *node = at(call, list->child); node != NULL;
         node = at(call, node->next)) {
        put_number(call, &call->before, node);
        put(&call->before, ", ");
    }
    put(&call->before, "};\n");
    return (struct place){name, expression("sizeof %s", name.text)};
}

static struct place declare_inner_template(struct call *call, const struct kk_trace_node *list)
{
    unsigned long count = 0;
    struct expression name = declare_template(call, list, &count);
    return (struct place){name, expression("%lu * sizeof(CK_ATTRIBUTE)", count)};
}

static struct place declare_list(struct call *call, const struct kk_trace_node *list)
{
    const struct kk_trace_node *first = at(call, list->child);
    if (first == NULL) {
        return place(expression("filled(0, 0)"), 0);
    }
    return first->name.len > 0 ? declare_inner_template(call, list) : declare_numbers(call, list);
}

static struct place declare_number(struct call *call, const struct kk_trace_node *node)
{
    bool is_bool =
        node->kind == KK_NODE_WORDS && (kk_span_equal(node->text, KK_SPAN_TEXT("true")) ||
                                        kk_span_equal(node->text, KK_SPAN_TEXT("false")));
    struct expression name = expression("v%u", call->names++);
    put(&call->before, "    %s %s = ", is_bool ? "CK_BBOOL" : "CK_ULONG", name.text);
    put_number(call, &call->before, node);
    put(&call->before, ";\n");
    return (struct place){expression("&%s", name.text), expression("sizeof %s", name.text)};
}

static struct place put_value(struct call *call, const struct kk_trace_node *node)
{
    if (node->kind == KK_NODE_NUMBER || node->kind == KK_NODE_WORDS) {
        return declare_number(call, node);
    }
    if (node->kind == KK_NODE_LIST) {
        return declare_list(call, node);
    }
    return put_bytes(call, node);
}

/* An attribute that the standard names, or its number. */
static void put_type(struct call *call, struct kk_buffer *out, struct kk_span name)
{
    if (!put_word(out, name)) {
        fail(call, "an attribute is not known");
    }
}

static struct expression declare_template(struct call *call, const struct kk_trace_node *list,
                                          unsigned long *ret_count)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer rows = {0};
    struct expression name = expression("t%u", call->names++);
    *ret_count = 0;
    for (const struct kk_trace_node *node = at(call, list->child); node != NULL;
         node = at(call, node->next)) {
        if (node->kind == KK_NODE_OTHER) {
            fail(call, "a template is not whole");
            break;
        }
        struct place value = put_value(call, node);
        put(&rows, "        {");
        put_type(call, &rows, node->name);
        put(&rows, ", %s, %s},\n", value.data.text, value.len.text);
        (*ret_count)++;
    }
    put(&call->before, "    CK_ATTRIBUTE %s[%lu] = {\n", name.text, KK_MAX(*ret_count, 1));
    kk_buffer_put_span(&call->before, kk_buffer_span(&rows));
    put(&call->before, "%s    };\n", *ret_count == 0 ? "        {0, NULL, 0},\n" : "");
    return name;
}

/* ---- parameters ---- */

static struct expression declare_structure(struct call *call, const struct kk_trace_node *node,
                                           const struct kk_param_layout *layout);
static struct expression declare_mechanism(struct call *call, const struct kk_trace_node *node);

struct member {
    struct call *call;
    const struct kk_param_field *field;
    const struct kk_trace_node *node;
    const struct kk_trace_node *structure;
    struct kk_buffer *out; /* the initializer */
};

static void member_number(const struct member *member)
{
    put_number(member->call, member->out, member->node);
}

static void member_inline(const struct member *member)
{
    struct kk_span bytes = kk_trace_node_bytes(member->call->line, member->node);
    if (member->field->size == 1) {
        put(member->out, "%u", bytes.len == 1 ? bytes.data[0] : 0u);
        return;
    }
    put(member->out, "{");
    for (size_t i = 0; i < member->field->size; i++) {
        put(member->out, "%u, ", i < bytes.len ? bytes.data[i] : 0u);
    }
    put(member->out, "}");
}

static void member_handle(const struct member *member)
{
    put(member->out, "object(");
    put_number(member->call, member->out, member->node);
    put(member->out, ")");
}

static void member_bytes(const struct member *member)
{
    struct place value = put_bytes(member->call, member->node);
    put(member->out, "(void *)%s", value.data.text);
}

static void member_opaque(const struct member *member)
{
    put(member->out, member->node->kind == KK_NODE_NULL ? "NULL" : "(void *)&something");
}

static void member_ulong_pointer(const struct member *member)
{
    if (member->node->kind == KK_NODE_NUMBER) {
        put(member->out, "%s", declare_number(member->call, member->node).data.text);
    } else {
        member_opaque(member);
    }
}

static void member_handle_pointer(const struct member *member)
{
    if (member->node->kind == KK_NODE_NULL) {
        put(member->out, "NULL");
    } else {
        put(member->out, "room(sizeof(CK_OBJECT_HANDLE))");
    }
}

/* A structure of its own, behind a pointer or within. */
static void member_nested(const struct member *member)
{
    if (member->node->kind == KK_NODE_NULL) {
        put(member->out, "NULL");
        return;
    }
    struct expression name = declare_structure(member->call, member->node, member->field->nested);
    put(member->out, member->field->kind == KK_FIELD_STRUCT ? "%s" : "&%s", name.text);
}

static void member_array(const struct member *member)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer items = {0};
    struct call *call = member->call;
    const struct kk_trace_node *node = at(call, member->node->child);
    if (member->node->kind != KK_NODE_LIST || node == NULL) {
        put(member->out, "NULL");
        return;
    }
    for (; node != NULL; node = at(call, node->next)) {
        struct expression item = declare_structure(call, node, member->field->nested);
        put(&items, "%s, ", item.text);
    }
    struct expression name = expression("a%u", call->names++);
    put(&call->before, "    %s %s[] = {", member->field->nested->name, name.text);
    kk_buffer_put_span(&call->before, kk_buffer_span(&items));
    put(&call->before, "};\n");
    put(member->out, "%s", name.text);
}

/* Which structure it is follows from a member that is not looked at here: its bytes are not known.
 */
static void member_variant(const struct member *member)
{
    if (member->node->kind == KK_NODE_STRUCTURE) {
        for (const struct kk_param_variant *variant = member->field->variants;
             variant != NULL && variant->layout != NULL; variant++) {
            const struct kk_trace_node *first = at(member->call, member->node->child);
            const char *name = variant->layout->fields[0].name;
            if (first != NULL && kk_span_equal(first->name, KK_SPAN(name, strlen(name)))) {
                struct expression declared =
                    declare_structure(member->call, member->node, variant->layout);
                put(member->out, "(void *)&%s", declared.text);
                return;
            }
        }
    }
    member_bytes(member);
}

static void member_mechanism(const struct member *member)
{
    put(member->out, "%s", declare_mechanism(member->call, member->node).text);
}

static void member_template(const struct member *member)
{
    unsigned long count = 0;
    if (member->node->kind != KK_NODE_LIST) {
        put(member->out, "NULL");
        return;
    }
    put(member->out, "%s", declare_template(member->call, member->node, &count).text);
}

static void (*const member_kinds[])(const struct member *member) = {
    [KK_FIELD_ULONG] = member_number,
    [KK_FIELD_LENGTH] = member_number,
    [KK_FIELD_BOOL] = member_number,
    [KK_FIELD_BYTES] = member_inline,
    [KK_FIELD_HANDLE] = member_handle,
    [KK_FIELD_STRUCT] = member_nested,
    [KK_FIELD_POINTER] = member_bytes,
    [KK_FIELD_POINTER_BITS] = member_bytes,
    [KK_FIELD_POINTER_NONCE] = member_bytes,
    [KK_FIELD_POINTER_FIXED] = member_bytes,
    [KK_FIELD_POINTER_INDIRECT] = member_bytes,
    [KK_FIELD_POINTER_OUTER] = member_bytes,
    [KK_FIELD_POINTER_OPEN] = member_opaque,
    [KK_FIELD_POINTER_MAYBE] = member_bytes,
    [KK_FIELD_TEXT] = member_opaque,
    [KK_FIELD_ULONG_POINTER] = member_ulong_pointer,
    [KK_FIELD_NESTED] = member_nested,
    [KK_FIELD_ARRAY] = member_array,
    [KK_FIELD_VARIANT] = member_variant,
    [KK_FIELD_MECHANISM] = member_mechanism,
    [KK_FIELD_TEMPLATE] = member_template,
    [KK_FIELD_HANDLE_POINTER] = member_handle_pointer,
};

/* Whether the node has just the members of the layout. */
static bool fits(const struct call *call, const struct kk_trace_node *node,
                 const struct kk_param_layout *layout)
{
    const struct kk_trace_node *member = at(call, node->child);
    for (size_t i = 0; i < layout->count; i++) {
        const char *name = layout->fields[i].name;
        if (member == NULL || !kk_span_equal(member->name, KK_SPAN(name, strlen(name)))) {
            return false;
        }
        member = at(call, member->next);
    }
    return member == NULL;
}

static struct expression declare_structure(struct call *call, const struct kk_trace_node *node,
                                           const struct kk_param_layout *layout)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer rows = {0};
    struct expression name = expression("s%u", call->names++);
    if (node->kind != KK_NODE_STRUCTURE || !fits(call, node, layout)) {
        fail(call, "a structure is not known");
        return name;
    }
    const struct kk_trace_node *child = at(call, node->child);
    bool is_plain =
        strcmp(layout->name, "CK_ULONG") == 0 || strcmp(layout->name, "CK_OBJECT_HANDLE") == 0;
    for (size_t i = 0; i < layout->count; i++, child = at(call, child->next)) {
        struct member member = {.call = call,
                                .field = &layout->fields[i],
                                .node = child,
                                .structure = node,
                                .out = &rows};
        if (!is_plain) {
            put(&rows, "        .%s = ", layout->fields[i].name);
        }
        member_kinds[layout->fields[i].kind](&member);
        put(&rows, is_plain ? "" : ",\n");
    }
    put(&call->before, is_plain ? "    %s %s = " : "    %s %s = {\n", layout->name, name.text);
    kk_buffer_put_span(&call->before, kk_buffer_span(&rows));
    put(&call->before, is_plain ? ";\n" : "    };\n");
    return name;
}

/* The structure that a mechanism's parameter is by its members. */
static const struct kk_param_layout *find_layout(const struct call *call, CK_ULONG type,
                                                 const struct kk_trace_node *node)
{
    size_t count = 0;
    const struct kk_param_shape_row *rows = kk_param_shape_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct kk_param_layout *layout = kk_param_layout(rows[i].shape);
        if (rows[i].type == type && layout != NULL && fits(call, node, layout)) {
            return layout;
        }
    }
    return NULL;
}

/* {x'00'}, {<5 bytes>}, or a structure. */
static struct place put_parameter(struct call *call, CK_ULONG type,
                                  const struct kk_trace_node *node)
{
    const struct kk_trace_node *first = at(call, node->child);
    if (type == CK_UNAVAILABLE_INFORMATION) {
        fail(call, "the mechanism is not known, it may look for pointers in its parameter");
    } else if (first != NULL && first->name.len == 0) {
        return put_bytes(call, first);
    }
    const struct kk_param_layout *layout = find_layout(call, type, node);
    if (layout == NULL) {
        fail(call, "the mechanism's parameter is not known");
        return place(expression("NULL"), 0);
    }
    struct expression name = declare_structure(call, node, layout);
    return (struct place){expression("&%s", name.text), expression("sizeof %s", name.text)};
}

/* A pointer to a mechanism, "NULL" too. */
static struct expression declare_mechanism(struct call *call, const struct kk_trace_node *node)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer type = {0};
    struct place parameter = place(expression("NULL"), 0);
    CK_ULONG value = 0;
    char name[80] = "";
    if (node == NULL || node->kind == KK_NODE_NULL) {
        return expression("NULL");
    }
    put_number(call, &type, node);
    memcpy(name, node->text.data, KK_MIN(node->text.len, sizeof name - 1));
    if (node->child != 0 && !kk_names_lookup(KK_NAMES_CKM, name, &value)) {
        parameter = put_parameter(call, CK_UNAVAILABLE_INFORMATION, at(call, node->child));
    } else if (node->child != 0) {
        parameter = put_parameter(call, value, at(call, node->child));
    }
    struct expression variable = expression("m%u", call->names++);
    put(&call->before, "    CK_MECHANISM %s = {", variable.text);
    kk_buffer_put_span(&call->before, kk_buffer_span(&type));
    put(&call->before, ", %s, %s};\n", parameter.data.text, parameter.len.text);
    return expression("&%s", variable.text);
}

/* ---- arguments ---- */

struct argument {
    struct call *call;
    const struct kk_trace_argument *row;
    const struct kk_trace_node *node;   /* what was given */
    const struct kk_trace_node *length; /* what was said of its length; NULL: nothing */
    const struct kk_trace_node *result; /* what came back; NULL: nothing */
};

static void KK_PRINTF(2, 3) pass(const struct argument *argument, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(&argument->call->arguments, ", %s", text);
}

static void pass_number(const struct argument *argument)
{
    put(&argument->call->arguments, ", ");
    put_number(argument->call, &argument->call->arguments, argument->node);
}

static void pass_mapped(const struct argument *argument)
{
    static const char *const maps[KK_TRACE_KIND_COUNT] = {
        [KK_TRACE_SLOT] = "slot", [KK_TRACE_SESSION] = "session", [KK_TRACE_OBJECT] = "object"};
    put(&argument->call->arguments, ", %s(", maps[argument->row->kind]);
    put_number(argument->call, &argument->call->arguments, argument->node);
    put(&argument->call->arguments, ")");
}

static void pass_pointer(const struct argument *argument)
{
    bool is_callback = strcmp(argument->row->name, "Notify") == 0;
    if (argument->node->kind == KK_NODE_NULL) {
        pass(argument, "NULL");
    } else {
        pass(argument, is_callback ? "notify" : "&something");
    }
}

/* Zero-terminated: the byte behind a room's end is 0. */
static void pass_text(const struct argument *argument)
{
    pass(argument, "%s", put_bytes(argument->call, argument->node).data.text);
}

static void pass_bytes(const struct argument *argument)
{
    struct place bytes = put_bytes(argument->call, argument->node);
    pass(argument, "%s, %s", bytes.data.text, bytes.len.text);
}

static void pass_version(const struct argument *argument)
{
    unsigned int major = 0, minor = 0;
    char text[16] = "";
    if (argument->node->kind == KK_NODE_NULL) {
        pass(argument, "NULL");
        return;
    }
    memcpy(text, argument->node->text.data, KK_MIN(argument->node->text.len, sizeof text - 1));
    if (sscanf(text, "%3u.%3u", &major, &minor) != 2) {
        fail(argument->call, "a version is not known");
    }
    struct expression name = expression("v%u", argument->call->names++);
    put(&argument->call->before, "    CK_VERSION %s = {%u, %u};\n", name.text, major & 255,
        minor & 255);
    pass(argument, "&%s", name.text);
}

static void pass_init_args(const struct argument *argument)
{
    struct call *call = argument->call;
    if (argument->node->kind == KK_NODE_NULL) {
        pass(argument, "NULL");
        return;
    }
    size_t first = argument->node->child;
    const struct kk_trace_node *mutexes = kk_trace_node_find(call->line, first, "mutexes");
    const struct kk_trace_node *flags = kk_trace_node_find(call->line, first, "flags");
    const struct kk_trace_node *reserved = kk_trace_node_find(call->line, first, "pReserved");
    unsigned int count = mutexes != NULL ? (unsigned int)mutexes->number : 0;
    struct expression name = expression("i%u", call->names++);
    put(&call->before, "    CK_C_INITIALIZE_ARGS %s = {%s, %s, %s, %s, ", name.text,
        count > 0 ? "create_mutex" : "NULL", count > 1 ? "use_mutex" : "NULL",
        count > 2 ? "use_mutex" : "NULL", count > 3 ? "use_mutex" : "NULL");
    put_number(call, &call->before, flags);
    put(&call->before, ", %s};\n",
        reserved == NULL || reserved->kind == KK_NODE_NULL ? "NULL" : "&something");
    pass(argument, "&%s", name.text);
}

/* Whose PIN it is follows from the function and from who has logged in. */
static void pass_pin(const struct argument *argument)
{
    struct call *call = argument->call;
    const char *function = call->line->function->name;
    if (argument->node->kind == KK_NODE_NULL) {
        pass(argument, "NULL, 0");
        return;
    }
    CK_ULONG user = call->user;
    user = strcmp(function, "C_InitToken") == 0 ? CKU_SO : user;
    user = strcmp(function, "C_InitPIN") == 0 ? CKU_USER : user;
    struct expression name = expression("p%u", call->names++);
    if (strcmp(argument->row->name, "pNewPin") == 0) {
        put(&call->before, "    struct bytes %s = new_pin();\n", name.text);
        put(&call->after, "        pin_changed(%luUL);\n", (unsigned long)user);
    } else {
        put(&call->before, "    struct bytes %s = pin(%luUL, 0x%lxUL);\n", name.text,
            (unsigned long)user, (unsigned long)call->code);
    }
    pass(argument, "%s.data, %s.len", name.text, name.text);
}

/* "#1c5a09e3b7f2" as a string of C. */
static struct expression mark_text(const struct kk_trace_node *node)
{
    return expression("\"%.*s\"", (int)KK_MIN(node->text.len, 18), (const char *)node->text.data);
}

static void pass_code(const struct argument *argument)
{
    struct call *call = argument->call;
    if (argument->node->kind != KK_NODE_LENGTH || argument->node->text.len == 0) {
        pass_bytes(argument);
        return;
    }
    struct expression name = expression("c%u", call->names++);
    put(&call->before, "    struct bytes %s = again(%s, %luUL);\n", name.text,
        mark_text(argument->node).text, length_of(call, argument->node));
    pass(argument, "%s.data, %s.len", name.text, name.text);
}

/* IV and tag, which the trace shows again, from `first` on, when the module made them. */
static void keep_members(struct call *call, size_t first, const struct kk_param_layout *layout,
                         const char *structure)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        const struct kk_trace_node *node = kk_trace_node_find(call->line, first, field->name);
        if (field->direction == KK_PARAM_INOUT && node != NULL && node->kind == KK_NODE_HEX) {
            struct kk_span bytes = kk_trace_node_bytes(call->line, node);
            put(&call->after, "        keep(%s, %s.%s, %luUL);\n", mark_of(bytes).text, structure,
                field->name, (unsigned long)bytes.len);
        }
    }
}

/* The parameter's structure is the first that is declared. */
static void pass_mechanism(const struct argument *argument)
{
    struct call *call = argument->call;
    struct expression structure = expression("s%u", call->names);
    pass(argument, "%s", declare_mechanism(call, argument->node).text);
    const struct kk_trace_node *given = at(call, argument->node->child);
    const struct kk_trace_node *made =
        argument->result != NULL ? at(call, argument->result->child) : NULL;
    if (given == NULL || made == NULL) {
        return;
    }
    CK_ULONG type = 0;
    char name[80] = "";
    memcpy(name, argument->node->text.data, KK_MIN(argument->node->text.len, sizeof name - 1));
    const struct kk_param_layout *layout =
        kk_names_lookup(KK_NAMES_CKM, name, &type) ? find_layout(call, type, given) : NULL;
    if (layout != NULL) {
        keep_members(call, made->child, layout, structure.text);
    }
}

static void pass_message(const struct argument *argument)
{
    static const enum kk_param_shape shapes[] = {KK_PARAM_GCM_MESSAGE, KK_PARAM_CCM_MESSAGE,
                                                 KK_PARAM_SALSA20_CHACHA20_POLY1305_MSG};
    struct call *call = argument->call;
    for (size_t i = 0; argument->node->kind == KK_NODE_STRUCTURE && i < KK_ARRAY_LEN(shapes); i++) {
        const struct kk_param_layout *layout = kk_param_layout(shapes[i]);
        if (fits(call, argument->node, layout)) {
            struct expression name = declare_structure(call, argument->node, layout);
            keep_members(call, argument->result != NULL ? argument->result->child : 0, layout,
                         name.text);
            pass(argument, "&%s, sizeof %s", name.text, name.text);
            return;
        }
    }
    if (argument->node->kind == KK_NODE_LENGTH && argument->node->number > 0) {
        fail(call, "the message's parameter is not known");
    }
    pass_bytes(argument);
}

static void pass_template(const struct argument *argument)
{
    unsigned long count = 0;
    if (argument->node->kind == KK_NODE_LIST) {
        struct expression name = declare_template(argument->call, argument->node, &count);
        pass(argument, "%s, %lu", name.text, count);
    } else if (argument->node->kind == KK_NODE_NULL || argument->node->kind == KK_NODE_AT_NULL) {
        pass(argument, "NULL, %lu", (unsigned long)argument->node->number);
    } else {
        fail(argument->call, "a template is not whole");
    }
}

/* The length's variable; "NULL" where there was none. */
static struct expression declare_length(const struct argument *argument, unsigned long value)
{
    struct expression name = expression("l%u", argument->call->names++);
    if (argument->length != NULL && argument->length->kind == KK_NODE_NULL) {
        return expression("NULL");
    }
    put(&argument->call->before, "    CK_ULONG %s = %luUL;\n", name.text, value);
    return expression("&%s", name.text);
}

static void pass_room(const struct argument *argument)
{
    struct call *call = argument->call;
    unsigned long len = argument->node->kind == KK_NODE_ROOM ? length_of(call, argument->node) : 0;
    struct expression length = declare_length(argument, len);
    if (argument->node->kind != KK_NODE_ROOM) {
        pass(argument, "NULL, %s", length.text);
        return;
    }
    struct expression name = expression("o%u", call->names++);
    put(&call->before, "    CK_BYTE *%s = room(%luUL);\n", name.text, len);
    pass(argument, "%s, %s", name.text, length.text);
    if (argument->result != NULL && argument->result->kind == KK_NODE_LENGTH &&
        argument->result->text.len > 0) {
        put(&call->after, "        keep(%s, %s, %s);\n", mark_text(argument->result).text,
            name.text, length.text + 1);
    }
}

static void pass_fixed_room(const struct argument *argument)
{
    unsigned long len = has_number(argument->node) ? length_of(argument->call, argument->node) : 0;
    if (argument->node->kind == KK_NODE_ROOM) {
        pass(argument, "room(%luUL), %luUL", len, len);
    } else {
        pass(argument, "NULL, %luUL", len);
    }
}

/* Handles that came back, one by one. */
static void learn_all(const struct argument *argument, const char *kind, const char *array,
                      const char *count)
{
    unsigned long i = 0;
    if (argument->result == NULL || argument->result->kind != KK_NODE_LIST) {
        return;
    }
    for (const struct kk_trace_node *node = at(argument->call, argument->result->child);
         node != NULL; node = at(argument->call, node->next), i++) {
        struct kk_buffer *after = &argument->call->after;
        put(after, "        if (%lu < %s) {\n            learn(%s, ", i, count, kind);
        put_number(argument->call, after, node);
        put(after, ", %s[%lu]);\n        }\n", array, i);
    }
}

static void pass_list(const struct argument *argument, const char *type, const char *kind)
{
    struct call *call = argument->call;
    unsigned long count =
        argument->node->kind == KK_NODE_ROOM ? length_of(call, argument->node) : 0;
    struct expression length = declare_length(argument, count);
    if (argument->node->kind != KK_NODE_ROOM) {
        pass(argument, "NULL, %s", length.text);
        return;
    }
    struct expression name = expression("o%u", call->names++);
    put(&call->before, "    %s *%s = room(%luUL * sizeof *%s);\n", type, name.text, count,
        name.text);
    pass(argument, "%s, %s", name.text, length.text);
    if (kind != NULL && strcmp(length.text, "NULL") != 0) {
        learn_all(argument, kind, name.text, length.text + 1);
    }
}

static void pass_slots(const struct argument *argument)
{
    pass_list(argument, "CK_SLOT_ID", "SLOT");
}

static void pass_mechanisms(const struct argument *argument)
{
    pass_list(argument, "CK_MECHANISM_TYPE", NULL);
}

static void pass_interfaces(const struct argument *argument)
{
    pass_list(argument, "CK_INTERFACE", NULL);
}

static void pass_found(const struct argument *argument)
{
    struct call *call = argument->call;
    unsigned long count =
        argument->node->kind == KK_NODE_ROOM ? length_of(call, argument->node) : 0;
    struct expression length = declare_length(argument, 0);
    struct expression name = expression("o%u", call->names++);
    if (argument->node->kind != KK_NODE_ROOM) {
        pass(argument, "NULL, %luUL, %s", count, length.text);
        return;
    }
    put(&call->before, "    CK_OBJECT_HANDLE *%s = room(%luUL * sizeof *%s);\n", name.text, count,
        name.text);
    pass(argument, "%s, %luUL, %s", name.text, count, length.text);
    if (strcmp(length.text, "NULL") != 0) {
        learn_all(argument, "OBJECT", name.text, length.text + 1);
    }
}

/* One variable that receives something. */
static void pass_variable(const struct argument *argument, const char *type, const char *kind)
{
    struct call *call = argument->call;
    if (argument->node->kind == KK_NODE_NULL) {
        pass(argument, "NULL");
        return;
    }
    struct expression name = expression("r%u", call->names++);
    put(&call->before, "    %s %s;\n    memset(&%s, 0, sizeof %s);\n", type, name.text, name.text,
        name.text);
    pass(argument, "&%s", name.text);
    if (kind != NULL && argument->result != NULL) {
        put(&call->after, "        learn(%s, ", kind);
        put_number(call, &call->after, argument->result);
        put(&call->after, ", %s);\n", name.text);
    }
}

static void pass_received(const struct argument *argument)
{
    static const char *const infos[KK_TRACE_INFO_COUNT] = {
        [KK_TRACE_INFO_MODULE] = "CK_INFO",
        [KK_TRACE_INFO_SLOT] = "CK_SLOT_INFO",
        [KK_TRACE_INFO_TOKEN] = "CK_TOKEN_INFO",
        [KK_TRACE_INFO_MECHANISM] = "CK_MECHANISM_INFO",
        [KK_TRACE_INFO_SESSION] = "CK_SESSION_INFO",
    };
    static const struct {
        const char *type;
        const char *kind;
    } received[KK_TRACE_KIND_COUNT] = {
        [KK_TRACE_OUT_SLOT] = {"CK_SLOT_ID", "SLOT"},
        [KK_TRACE_OUT_SESSION] = {"CK_SESSION_HANDLE", "SESSION"},
        [KK_TRACE_OUT_OBJECT] = {"CK_OBJECT_HANDLE", "OBJECT"},
        [KK_TRACE_OUT_ULONG] = {"CK_ULONG", NULL},
        [KK_TRACE_OUT_FLAGS] = {"CK_FLAGS", NULL},
        [KK_TRACE_OUT_LIST] = {"CK_FUNCTION_LIST_PTR", NULL},
        [KK_TRACE_OUT_INTERFACE] = {"CK_INTERFACE_PTR", NULL},
        [KK_TRACE_OUT_ASYNC] = {"CK_ASYNC_DATA", NULL},
    };
    uint8_t kind = argument->row->kind;
    if (kind == KK_TRACE_OUT_INFO) {
        pass_variable(argument, infos[argument->row->detail], NULL);
    } else {
        pass_variable(argument, received[kind].type, received[kind].kind);
    }
}

static void (*const argument_kinds[KK_TRACE_KIND_COUNT])(const struct argument *argument) = {
    [KK_TRACE_ULONG] = pass_number,
    [KK_TRACE_BOOL] = pass_number,
    [KK_TRACE_SLOT] = pass_mapped,
    [KK_TRACE_SESSION] = pass_mapped,
    [KK_TRACE_OBJECT] = pass_mapped,
    [KK_TRACE_FLAGS] = pass_number,
    [KK_TRACE_USER_TYPE] = pass_number,
    [KK_TRACE_MECHANISM_TYPE] = pass_number,
    [KK_TRACE_POINTER] = pass_pointer,
    [KK_TRACE_TEXT] = pass_text,
    [KK_TRACE_NAME] = pass_bytes,
    [KK_TRACE_LABEL] = pass_text,
    [KK_TRACE_VERSION] = pass_version,
    [KK_TRACE_INIT_ARGS] = pass_init_args,
    [KK_TRACE_PIN] = pass_pin,
    [KK_TRACE_DATA] = pass_bytes,
    [KK_TRACE_CODE] = pass_code,
    [KK_TRACE_MECHANISM] = pass_mechanism,
    [KK_TRACE_PARAMETER] = pass_message,
    [KK_TRACE_TEMPLATE] = pass_template,
    [KK_TRACE_OUT_TEMPLATE] = pass_template,
    [KK_TRACE_OUT_DATA] = pass_room,
    [KK_TRACE_OUT_CODE] = pass_room,
    [KK_TRACE_OUT_BYTES] = pass_fixed_room,
    [KK_TRACE_OUT_LATER] = pass_fixed_room,
    [KK_TRACE_OUT_SLOT] = pass_received,
    [KK_TRACE_OUT_SESSION] = pass_received,
    [KK_TRACE_OUT_OBJECT] = pass_received,
    [KK_TRACE_OUT_ULONG] = pass_received,
    [KK_TRACE_OUT_FLAGS] = pass_received,
    [KK_TRACE_OUT_OBJECTS] = pass_found,
    [KK_TRACE_OUT_SLOTS] = pass_slots,
    [KK_TRACE_OUT_MECHANISMS] = pass_mechanisms,
    [KK_TRACE_OUT_INFO] = pass_received,
    [KK_TRACE_OUT_LIST] = pass_received,
    [KK_TRACE_OUT_INTERFACES] = pass_interfaces,
    [KK_TRACE_OUT_INTERFACE] = pass_received,
    [KK_TRACE_OUT_ASYNC] = pass_received,
};

/* ---- a call ---- */

/* What is made again differently than it was, or not at all. */
static void check_call(struct call *call)
{
    const char *function = call->line->function->name;
    const struct kk_trace_node *flags =
        kk_trace_node_find(call->line, call->line->arguments, "flags");
    if (strcmp(function, "C_WaitForSlotEvent") == 0 &&
        (flags == NULL || flags->kind != KK_NODE_WORDS ||
         !kk_span_equal(flags->text, KK_SPAN_TEXT("CKF_DONT_BLOCK")))) {
        fail(call, "it may wait for ever");
    }
    if (strcmp(function, "C_AsyncComplete") == 0 && call->code == CKR_PENDING) {
        fail(call, "how often one has to ask is another matter today");
    }
}

static void pass_all(struct call *call)
{
    const struct kk_trace_line *line = call->line;
    for (const struct kk_trace_argument *row = line->function->arguments; row->name != NULL;
         row++) {
        struct argument argument = {
            .call = call,
            .row = row,
            .node = kk_trace_node_find(line, line->arguments, row->name),
            .length =
                row->length != NULL ? kk_trace_node_find(line, line->arguments, row->length) : NULL,
            .result = kk_trace_node_find(line, line->results, row->name)};
        if (argument.node == NULL) {
            fail(call, "an argument is missing");
            return;
        }
        argument_kinds[row->kind](&argument);
    }
}

/* "CKR_OK" or "0x80000001"; false: neither. */
static bool read_code(struct kk_span text, CK_RV *ret_code)
{
    char name[80] = "";
    char *end = NULL;
    memcpy(name, text.data, KK_MIN(text.len, sizeof name - 1));
    if (kk_names_lookup(KK_NAMES_CKR, name, ret_code)) {
        return true;
    }
    *ret_code = strtoul(name, &end, 16);
    return name[0] == '0' && name[1] == 'x' && *end == '\0';
}

/* Who is logged in from here on. */
static void note_login(const struct call *call, CK_ULONG *user)
{
    const struct kk_trace_node *node =
        kk_trace_node_find(call->line, call->line->arguments, "userType");
    if (node != NULL && node->kind == KK_NODE_WORDS) {
        *user = kk_span_equal(node->text, KK_SPAN_TEXT("CKU_SO")) ? CKU_SO : CKU_USER;
    }
}

static void write_call(const struct call *call, unsigned long number, struct kk_buffer *out)
{
    const char *name = call->line->function->name;
    struct kk_span arguments = kk_buffer_span(&call->arguments);
    bool asks = strcmp(name, "C_AsyncComplete") == 0;
    put(out, "static void call_%lu(void)\n{\n", number);
    kk_buffer_put_span(out, kk_buffer_span(&call->before));
    put(out, asks ? "    CK_RV rv;\n    while ((rv = CALL(%s" : "    CK_RV rv = CALL(%s", name);
    kk_buffer_put_span(out, arguments);
    put(out, asks ? ")) == CKR_PENDING) {\n        pause_a_little();\n    }\n" : ");\n");
    put(out, "    check(%lu, \"%s\", rv, ", number, name);
    put(out, "0x%lxUL);\n", (unsigned long)call->code);
    if (call->after.len > 0) {
        put(out, "    if (rv == CKR_OK) {\n");
        kk_buffer_put_span(out, kk_buffer_span(&call->after));
        put(out, "    }\n");
    }
    put(out, "    %s();\n}\n\n", call->code == CKR_PENDING ? "leave_room" : "done");
}

static KK_RV add_call(const struct kk_trace_line *line, unsigned long number, CK_ULONG *user,
                      struct kk_trace_c *counts, struct kk_buffer *functions,
                      struct kk_buffer *list)
{
    struct call call = {.line = line};
    if (!read_code(line->code, &call.code)) {
        counts->damaged++;
        return CKR_OK;
    }
    note_login(&call, user);
    call.user = *user;
    check_call(&call);
    pass_all(&call);
    if (call.problem != NULL) {
        put(functions, "/* line %lu: %s is left out: %s */\n\n", number, line->function->name,
            call.problem);
        counts->left++;
    } else {
        write_call(&call, number, functions);
        put(list, "    call_%lu,\n", number);
        counts->calls++;
    }
    bool failed = call.before.failed || call.arguments.failed || call.after.failed;
    kk_buffer_clear(&call.before);
    kk_buffer_clear(&call.arguments);
    kk_buffer_clear(&call.after);
    return failed ? CKR_HOST_MEMORY : CKR_OK;
}

/* One line of the file. */
static KK_RV add_line(struct kk_span text, unsigned long number, CK_ULONG *user,
                      struct kk_trace_c *counts, struct kk_buffer *functions,
                      struct kk_buffer *list)
{
    KK_CLEANUP(kk_trace_line_clear) struct kk_trace_line line = {0};
    if (kk_trace_line_is_remark(text)) {
        return CKR_OK;
    }
    CK_RV rv = kk_trace_line_read(text, &line);
    if (rv != CKR_OK) {
        counts->damaged += rv == CKR_DATA_INVALID;
        return rv == CKR_DATA_INVALID ? CKR_OK : rv;
    }
    if (counts->pid == 0) {
        counts->pid = line.pid;
    }
    if (counts->pid != line.pid) {
        counts->others++;
        return CKR_OK;
    }
    return add_call(&line, number, user, counts, functions, list);
}

KK_RV kk_trace_to_c(struct kk_span trace, struct kk_trace_c *inout, struct kk_buffer *out)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer functions = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer list = {0};
    CK_ULONG user = CKU_USER;
    for (unsigned long number = 1; trace.len > 0; number++) {
        const uint8_t *newline = memchr(trace.data, '\n', trace.len);
        size_t len = newline != NULL ? (size_t)(newline - trace.data) : trace.len;
        KK_TRY(add_line(KK_SPAN(trace.data, len), number, &user, inout, &functions, &list));
        len += newline != NULL ? 1 : 0;
        trace = KK_SPAN(trace.data + len, trace.len - len);
    }
    kk_buffer_put(out, replay_begin, sizeof replay_begin - 1);
    kk_buffer_put_span(out, kk_buffer_span(&functions));
    put(out, "static void nothing(void)\n{\n}\n\n");
    put(out, "static void (*const recorded[])(void) = {\n    nothing,\n");
    kk_buffer_put_span(out, kk_buffer_span(&list));
    put(out, "};\n\n");
    kk_buffer_put(out, replay_end, sizeof replay_end - 1);
    KK_TRY(kk_buffer_check(&functions));
    KK_TRY(kk_buffer_check(&list));
    return kk_buffer_check(out);
}
