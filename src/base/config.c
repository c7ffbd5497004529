/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading softhsm2.conf: one table row per key, one reader per type of value.
 */
#include "base/config.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/memory.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/banned.h"

#define FILE_SIZE_MAX ((size_t)1024 * 1024)
#define PASSWD_SIZE_MAX ((size_t)1024 * 1024)
#define BAD_VALUE CKR_DATA_INVALID /* what a reader says of a bad value; never leaves this file */

struct word {
    const char *word;
    int value;
};

struct setting {
    const char *name;
    /* Reads `text` into the member; BAD_VALUE when it is none of this type. */
    CK_RV (*read)(const struct setting *setting, const char *text, void *member);
    size_t offset;
    const char *fallback; /* the default, as a file would say it */
    unsigned long min;
    unsigned long max;
    const struct word *words; /* ends with a NULL word */
    bool is_fatal;            /* a bad value refuses the file */
    bool takes_equals;        /* its values may hold = */
};

static KK_RV read_text(const struct setting *setting, const char *text, void *member)
{
    (void)setting;
    char *copy = NULL;
    KK_TRY(kk_strdup(text, &copy));
    kk_freep(member);
    memcpy(member, &copy, sizeof copy);
    return CKR_OK;
}

static KK_RV read_bool(const struct setting *setting, const char *text, void *member)
{
    (void)setting;
    bool is_true = strcasecmp(text, "true") == 0;
    KK_ENSURE(is_true || strcasecmp(text, "false") == 0, BAD_VALUE);
    *(bool *)member = is_true;
    return CKR_OK;
}

/* on and off, and what a bool takes. */
static KK_RV read_switch(const struct setting *setting, const char *text, void *member)
{
    bool is_on = strcasecmp(text, "on") == 0;
    if (is_on || strcasecmp(text, "off") == 0) {
        *(bool *)member = is_on;
        return CKR_OK;
    }
    return read_bool(setting, text, member);
}

static KK_RV parse_number(const struct setting *setting, const char *text, int base,
                          unsigned long *ret_number)
{
    const char *digits = base == 8 ? "01234567" : "0123456789";
    KK_ENSURE(text[strspn(text, digits)] == '\0', BAD_VALUE);
    errno = 0;
    unsigned long number = strtoul(text, NULL, base);
    KK_ENSURE(errno == 0 && number >= setting->min && number <= setting->max, BAD_VALUE);
    *ret_number = number;
    return CKR_OK;
}

static KK_RV read_octal(const struct setting *setting, const char *text, void *member)
{
    unsigned long number = 0;
    KK_TRY(parse_number(setting, text, 8, &number));
    *(unsigned int *)member = (unsigned int)number;
    return CKR_OK;
}

static KK_RV read_number(const struct setting *setting, const char *text, void *member)
{
    return parse_number(setting, text, 10, member);
}

static KK_RV read_word(const struct setting *setting, const char *text, void *member)
{
    for (const struct word *word = setting->words; word->word != NULL; word++) {
        if (strcmp(word->word, text) == 0) {
            *(int *)member = word->value;
            return CKR_OK;
        }
    }
    return BAD_VALUE;
}

static const struct word backends[] = {
    {"sqlite", KK_BACKEND_SQLITE},
    {"memory", KK_BACKEND_MEMORY},
    {"file", KK_BACKEND_FILE},
    {"db", KK_BACKEND_SQLITE}, /* SoftHSM's name for its database: sealed here */
    {NULL, 0},
};

static const struct word levels[] = {
    {"ERROR", KK_LOG_ERROR},
    {"WARNING", KK_LOG_WARNING},
    {"INFO", KK_LOG_INFO},
    {"DEBUG", KK_LOG_DEBUG},
    {NULL, 0},
};

static const struct word targets[] = {
    {"syslog", KK_LOG_SYSLOG},
    {"stderr", KK_LOG_STDERR},
    {"file", KK_LOG_FILE},
    {NULL, 0},
};

static const struct word identities[] = {
    {"softhsm", KK_IDENTITY_SOFTHSM},
    {"keykist", KK_IDENTITY_KEYKIST},
    {NULL, 0},
};

static const struct word kdfs[] = {
    {"default", KK_KDF_DEFAULT},
    {"strong", KK_KDF_STRONG},
    {"test", KK_KDF_TEST},
    {NULL, 0},
};

static const struct word guards[] = {
    {"none", KK_GUARD_NONE},
    {"tpm2", KK_GUARD_TPM2},
    {NULL, 0},
};

static const struct word integrities[] = {
    {"normal", KK_INTEGRITY_NORMAL},
    {"strict", KK_INTEGRITY_STRICT},
    {NULL, 0},
};

static const struct word policies[] = {
    {"all", KK_POLICY_ALL},
    {"no-legacy", KK_POLICY_NO_LEGACY},
    {"fips", KK_POLICY_FIPS},
    {NULL, 0},
};

static const struct word audits[] = {
    {"off", KK_AUDIT_LOG_OFF},
    {"on", KK_AUDIT_LOG_ON},
    {"no-use", KK_AUDIT_LOG_NO_USE},
    {NULL, 0},
};

static const struct word audit_errors[] = {
    {"refuse", KK_AUDIT_REFUSE},
    {"continue", KK_AUDIT_GO_ON},
    {NULL, 0},
};

#define COUNT_MAX 1000000000UL

/* clang-format off */
#define ROW(name_, read_, member_, fallback_) \
    .name = (name_), .read = (read_), .offset = offsetof(struct kk_config, member_), \
    .fallback = (fallback_)
#define TEXT(name_, member_, fallback_) {ROW(name_, read_text, member_, fallback_)}
#define BOOL(name_, member_, fallback_) {ROW(name_, read_bool, member_, fallback_)}
#define SWITCH(name_, member_, fallback_) {ROW(name_, read_switch, member_, fallback_)}
#define OCTAL(name_, member_, fallback_, max_) \
    {ROW(name_, read_octal, member_, fallback_), .max = (max_)}
#define NUMBER(name_, member_, fallback_, min_, max_) \
    {ROW(name_, read_number, member_, fallback_), .min = (min_), .max = (max_)}
#define WORD(name_, member_, fallback_, words_) \
    {ROW(name_, read_word, member_, fallback_), .words = (words_)}
#define FATAL_WORD(name_, member_, fallback_, words_) \
    {ROW(name_, read_word, member_, fallback_), .words = (words_), .is_fatal = true}

enum { SETTING_BACKEND, SETTING_LOG_TARGET, SETTING_LOG_FILE };

static const struct setting settings[] = {
    [SETTING_BACKEND] = FATAL_WORD("objectstore.backend", backend, "sqlite", backends),
    [SETTING_LOG_TARGET] = WORD("log.target", log_target, "syslog", targets),
    [SETTING_LOG_FILE] = TEXT("log.file", log_file, ""),
    TEXT("log.trace", log_trace, ""),
    FATAL_WORD("log.level", log_level, "INFO", levels),
    TEXT("directories.tokendir", tokendir, KK_DEFAULT_TOKENDIR),
    OCTAL("objectstore.umask", umask, "0077", 0777),
    BOOL("slots.removable", slots_removable, "false"),
    TEXT("slots.mechanisms", slots_mechanisms, "ALL"),
    FATAL_WORD("mechanisms.policy", policy, "all", policies),
    TEXT("mechanisms.fips_config", fips_config, ""),
    NUMBER("mechanisms.fips_certificate", fips_certificate, "0", 0, COUNT_MAX),
    BOOL("library.reset_on_fork", reset_on_fork, "true"),
    WORD("token.identity", identity, "softhsm", identities),
    TEXT("token.pepper", pepper, "none"),
    SWITCH("token.so_recovery", so_recovery, "on"),
    WORD("token.integrity", integrity, "normal", integrities),
    WORD("pin.kdf", pin_kdf, "default", kdfs),
    WORD("pin.guard", pin_guard, "none", guards),
    TEXT("pin.auto", pin_auto, "none"),
    NUMBER("pin.max_tries", pin_max_tries, "10", 0, COUNT_MAX),
    NUMBER("pin.min_length", pin_min_length, "4", 1, 255),
    WORD("audit.log", audit_log, "off", audits),
    WORD("audit.on_error", audit_on_error, "refuse", audit_errors),
    NUMBER("audit.max_size", audit_max_size, "16384", 64, 2097151),
    NUMBER("audit.keep", audit_keep, "0", 0, COUNT_MAX),
    NUMBER("cache.keys", cache_keys, "4096", 0, COUNT_MAX),
    NUMBER("cache.objects", cache_objects, "65536", 0, COUNT_MAX),
    NUMBER("limits.aead_buffer", aead_buffer, "65536", 1, 2097151),
    {ROW("tpm2.tcti", read_text, tcti, "device:/dev/tpmrm0"), .takes_equals = true},
};
/* clang-format on */

/* A file while it is read. */
struct parse {
    struct kk_config *config;
    unsigned long line;
    bool is_set[KK_ARRAY_LEN(settings)];
    bool is_refused;
};

static KK_RV setting_read(const struct setting *setting, struct kk_config *config,
                          const char *value)
{
    return setting->read(setting, value, (uint8_t *)config + setting->offset);
}

static const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

KK_RV kk_config_new(struct kk_config **ret_config)
{
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    KK_TRY(kk_alloc(sizeof *config, &config));
    KK_TRY(kk_strdup("", &config->path));
    KK_TRY(kk_alloc_array(KK_ARRAY_LEN(settings), sizeof *config->lines, &config->lines));
    for (size_t i = 0; i < KK_ARRAY_LEN(settings); i++) {
        KK_TRY(setting_read(&settings[i], config, settings[i].fallback));
    }
    *ret_config = KK_STEAL(config);
    return CKR_OK;
}

void kk_config_free(struct kk_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(settings); i++) {
        if (settings[i].read == read_text) {
            kk_freep((uint8_t *)config + settings[i].offset);
        }
    }
    kk_free(config->lines);
    kk_free(config->path);
    kk_free(config);
}

/* ---- settings said again ---- */

static const char *say_word(const struct setting *setting, int value)
{
    for (const struct word *word = setting->words; word->word != NULL; word++) {
        if (word->value == value) {
            return word->word;
        }
    }
    return "";
}

static void say_value(const struct setting *setting, const void *member, struct kk_buffer *text)
{
    char number[24] = "";
    const char *value = number;
    if (setting->read == read_text) {
        memcpy(&value, member, sizeof value);
    } else if (setting->read == read_word) {
        value = say_word(setting, *(const int *)member);
    } else if (setting->read == read_octal) {
        (void)snprintf(number, sizeof number, "%04o", *(const unsigned int *)member);
    } else if (setting->read == read_number) {
        (void)snprintf(number, sizeof number, "%lu", *(const unsigned long *)member);
    } else if (setting->read == read_switch) {
        value = *(const bool *)member ? "on" : "off";
    } else {
        value = *(const bool *)member ? "true" : "false";
    }
    kk_buffer_put(text, value, strlen(value));
    kk_buffer_put_u8(text, 0);
    text->len -= text->failed ? 0 : 1;
}

KK_RV kk_config_setting(const struct kk_config *config, size_t n,
                        struct kk_config_setting *ret_setting)
{
    KK_ENSURE(n < KK_ARRAY_LEN(settings), CKR_DATA_INVALID);
    const struct setting *setting = &settings[n];
    struct kk_config_setting said = {
        .name = setting->name, .fallback = setting->fallback, .line = config->lines[n]};
    say_value(setting, (const uint8_t *)config + setting->offset, &said.value);
    CK_RV rv = kk_buffer_check(&said.value);
    if (rv != CKR_OK) {
        kk_buffer_clear(&said.value);
        return rv;
    }
    *ret_setting = said;
    return CKR_OK;
}

/* Not isspace(), which asks the application's locale. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char *trim(char *text)
{
    while (is_space(*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && is_space(text[len - 1])) {
        len--;
    }
    text[len] = '\0';
    return text;
}

static KK_RV parse_value(struct parse *parse, const char *name, const char *value)
{
    const struct setting *setting = setting_find(name);
    if (setting == NULL) {
        kk_log_warning("%s:%lu: unknown key %s, ignored", parse->config->path, parse->line, name);
        return CKR_OK;
    }
    CK_RV rv = setting_read(setting, parse->config, value);
    if (rv != BAD_VALUE) {
        parse->is_set[setting - settings] = true;
        parse->config->lines[setting - settings] = parse->line;
        return rv;
    }
    if (setting->is_fatal) {
        kk_log_error("%s:%lu: %s cannot be %s", parse->config->path, parse->line, name, value);
        parse->is_refused = true;
    } else {
        kk_log_warning("%s:%lu: %s cannot be %s, ignored; the default is %s", parse->config->path,
                       parse->line, name, value, setting->fallback);
    }
    return CKR_OK;
}

/* Whether the key before the first = is one whose values may hold more of them. */
static bool may_hold_equals(const char *line, const char *equals)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(settings); i++) {
        size_t len = strlen(settings[i].name);
        if (settings[i].takes_equals && strncmp(line, settings[i].name, len) == 0 &&
            strspn(line + len, " \t") == (size_t)(equals - line) - len) {
            return true;
        }
    }
    return false;
}

/* `line` has no line end. A key or a value may not be empty, and a second = is no part of either,
 * but for the keys that say so. */
static KK_RV parse_line(struct parse *parse, char *line)
{
    line[strcspn(line, "#\r")] = '\0';
    line = trim(line);
    if (*line == '\0') {
        return CKR_OK;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL || (strchr(equals + 1, '=') != NULL && !may_hold_equals(line, equals))) {
        kk_log_warning("%s:%lu: not of the form key = value, ignored: %.100s", parse->config->path,
                       parse->line, line);
        return CKR_OK;
    }
    *equals = '\0';
    const char *name = trim(line);
    const char *value = trim(equals + 1);
    if (*name == '\0' || *value == '\0') {
        kk_log_warning("%s:%lu: %s%s, ignored", parse->config->path, parse->line,
                       *name == '\0' ? "no key before =" : name, *name == '\0' ? "" : " is empty");
        return CKR_OK;
    }
    return parse_value(parse, name, value);
}

/* Takes `text` apart in place. A zero byte within a line ends what is read of that line. */
static KK_RV parse_lines(struct parse *parse, struct kk_buffer *text)
{
    char *line = (char *)text->data;
    char *end = line + text->len - 1; /* the zero byte behind the text */
    while (line < end) {
        char *line_end = memchr(line, '\n', (size_t)(end - line));
        line_end = line_end != NULL ? line_end : end;
        *line_end = '\0';
        parse->line++;
        KK_TRY(parse_line(parse, line));
        line = line_end + 1;
    }
    return CKR_OK;
}

/* What follows from several settings together. */
static KK_RV settle(struct parse *parse)
{
    struct kk_config *config = parse->config;
    KK_ENSURE(!parse->is_refused, CKR_GENERAL_ERROR);
    config->backend_is_set = parse->is_set[SETTING_BACKEND];
    if (parse->is_set[SETTING_LOG_FILE] && !parse->is_set[SETTING_LOG_TARGET]) {
        config->log_target = KK_LOG_FILE;
    }
    if (config->log_target == KK_LOG_FILE && config->log_file[0] == '\0') {
        kk_log_warning("%s: log.target is file and there is no log.file; using syslog",
                       config->path);
        config->log_target = KK_LOG_SYSLOG;
    }
    return CKR_OK;
}

/* The whole file and a zero byte behind it. EFBIG when it is no configuration by its size. */
static KK_RV read_all(int fd, struct kk_buffer *buffer, int *ret_errno)
{
    ssize_t got = 1;
    while (got != 0 && buffer->len <= FILE_SIZE_MAX) {
        uint8_t chunk[4096];
        got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno != EINTR) {
            *ret_errno = errno;
            return CKR_GENERAL_ERROR;
        }
        kk_buffer_put(buffer, chunk, (size_t)KK_MAX(got, 0));
    }
    *ret_errno = EFBIG;
    KK_ENSURE(buffer->len <= FILE_SIZE_MAX, CKR_GENERAL_ERROR);
    kk_buffer_put_u8(buffer, 0);
    return kk_buffer_check(buffer);
}

static KK_RV read_file(const char *path, struct kk_buffer *buffer)
{
    int error = 0;
    CK_RV rv = CKR_GENERAL_ERROR;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        error = errno;
    } else {
        rv = read_all(fd, buffer, &error);
        (void)close(fd);
    }
    if (rv == CKR_GENERAL_ERROR) {
        kk_log_error("configuration %s cannot be read: %s", path, strerror(error));
    }
    bool is_lack = error == EMFILE || error == ENFILE || error == ENOMEM;
    return rv == CKR_GENERAL_ERROR && is_lack ? CKR_HOST_MEMORY : rv;
}

KK_RV kk_config_load_file(const char *path, struct kk_config **ret_config)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    KK_TRY(kk_config_new(&config));
    kk_freep(&config->path);
    config->path = NULL;
    KK_TRY(kk_strdup(path, &config->path));
    KK_TRY(read_file(path, &text));

    struct parse parse = {.config = config};
    KK_TRY(parse_lines(&parse, &text));
    KK_TRY(settle(&parse));
    *ret_config = KK_STEAL(config);
    return CKR_OK;
}

/* The home directory by the password database; CKR_OK and "" when it has none. */
static KK_RV home_of_user(char **ret_home)
{
    KK_CLEANUP(kk_freep) char *buffer = NULL;
    struct passwd entry;
    struct passwd *found = NULL;
    int error = ERANGE;
    for (size_t size = 1024; error == ERANGE && size <= PASSWD_SIZE_MAX; size *= 4) {
        KK_TRY(kk_realloc_array(&buffer, size, 1));
        error = getpwuid_r(geteuid(), &entry, buffer, size, &found);
    }
    bool is_known = error == 0 && found != NULL && found->pw_dir != NULL;
    return kk_strdup(is_known ? found->pw_dir : "", ret_home);
}

static KK_RV home(char **ret_home)
{
    const char *variable = secure_getenv("HOME");
    if (variable != NULL && *variable != '\0') {
        return kk_strdup(variable, ret_home);
    }
    return home_of_user(ret_home);
}

static KK_RV path_in_home(char **ret_path)
{
    KK_CLEANUP(kk_freep) char *directory = NULL;
    KK_TRY(home(&directory));
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer path = {0};
    kk_buffer_put(&path, directory, strlen(directory));
    kk_buffer_put_span(&path, KK_SPAN_ARRAY("/.config/softhsm2/softhsm2.conf"));
    KK_TRY(kk_buffer_check(&path));
    return kk_strdup((const char *)path.data, ret_path);
}

KK_RV kk_config_find(char **ret_path)
{
    const char *variable = secure_getenv("SOFTHSM2_CONF");
    if (variable != NULL) {
        if (*variable == '\0') {
            kk_log_error("SOFTHSM2_CONF is empty: there is no configuration to read");
            return CKR_GENERAL_ERROR;
        }
        return kk_strdup(variable, ret_path);
    }
    if (getenv("SOFTHSM2_CONF") != NULL) {
        kk_log_warning("SOFTHSM2_CONF is not heeded in a program with raised privileges");
    }
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_TRY(path_in_home(&path));
    if (eaccess(path, R_OK) == 0) {
        *ret_path = KK_STEAL(path);
        return CKR_OK;
    }
    return kk_strdup(KK_DEFAULT_CONFIG, ret_path);
}

KK_RV kk_config_load(struct kk_config **ret_config)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_TRY(kk_config_find(&path));
    return kk_config_load_file(path, ret_config);
}
