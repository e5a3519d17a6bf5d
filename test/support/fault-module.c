/* A PKCS#11 module that passes everything on to another one and fails on demand: for what no software token does by itself.
 * FAULT_MODULE names the real module, FAULT_DIRECTORY the directory whose files say what goes wrong:
 *   flags       added to the token's flags (decimal)
 *   login       C_Login answers this value (decimal) without asking the real module
 *   sign-code   C_Sign answers this value (decimal)
 *   sign-hang   C_Sign never comes back
 *   sign-crash  C_Sign ends the process by SIGSEGV
 *   sign-flip   C_Sign changes a bit of the signature
 *   print       C_Sign starts a thread that prints to stderr without end
 *   template    C_GenerateKeyPair refuses a private template that speaks of CKA_EXTRACTABLE
 *   wrap-code   C_WrapKey answers this value (decimal) without asking the real module
 *   create-code C_CreateObject answers this value (decimal) to whoever brings a private key
 *   unwrap-code C_UnwrapKey answers this value (decimal) without asking the real module
 *   cant-lock   C_Initialize answers CKR_CANT_LOCK to CKF_OS_LOCKING_OK
 * Each call of C_Login is written down in the file `logins`, one line each: the user type. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;
enum { INITIALIZE = 0, GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, LOGIN = 18, CREATE_OBJECT = 20, SIGN = 43, GENERATE_KEY_PAIR = 59, WRAP_KEY = 60, UNWRAP_KEY = 61, FUNCTIONS = 68 };
typedef struct { void *version; void *functions[FUNCTIONS]; } function_list;

static function_list list;
static function_list *real;

static FILE *fault(const char *name, const char *mode) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("FAULT_DIRECTORY"), name);
    return fopen(path, mode);
}

static int value_of(const char *name, ulong_t *value) {
    FILE *file = fault(name, "r");
    if (file == NULL) return 0;
    *value = 0;
    int read = fscanf(file, "%lu", value);
    fclose(file);
    return read >= 0;
}

static int is_set(const char *name) {
    FILE *file = fault(name, "r");
    if (file != NULL) fclose(file);
    return file != NULL;
}

static ulong_t get_token_info(ulong_t slot, unsigned char *info) {
    ulong_t result = ((ulong_t(*)(ulong_t, void *))real->functions[GET_TOKEN_INFO])(slot, info);
    ulong_t flags;
    /* CK_TOKEN_INFO: label 32, manufacturer 32, model 16, serial 16, then the flags. */
    if (result == 0 && value_of("flags", &flags)) *(ulong_t *)(info + 96) |= flags;
    return result;
}

static ulong_t log_in(ulong_t session, ulong_t user, void *pin, ulong_t length) {
    FILE *file = fault("logins", "a");
    if (file != NULL) {
        fprintf(file, "%lu\n", user);
        fclose(file);
    }
    ulong_t code;
    if (value_of("login", &code)) return code;
    return ((ulong_t(*)(ulong_t, ulong_t, void *, ulong_t))real->functions[LOGIN])(session, user, pin, length);
}

typedef struct { ulong_t type; void *value; ulong_t length; } attribute;

static ulong_t initialize(unsigned char *arguments) {
    /* CK_C_INITIALIZE_ARGS: four pointers, then the flags. */
    if (is_set("cant-lock") && arguments != NULL && (*(ulong_t *)(arguments + 32) & 2) != 0) return 0x0a;
    return ((ulong_t(*)(void *))real->functions[INITIALIZE])(arguments);
}

static ulong_t generate_key_pair(ulong_t session, void *mechanism, attribute *of_public, ulong_t publics, attribute *of_private, ulong_t privates,
                                 ulong_t *public_key, ulong_t *private_key) {
    if (is_set("template"))
        for (ulong_t i = 0; i < privates; i++)
            if (of_private[i].type == 0x162) return 0x12;
    return ((ulong_t(*)(ulong_t, void *, attribute *, ulong_t, attribute *, ulong_t, ulong_t *, ulong_t *))real->functions[GENERATE_KEY_PAIR])(
        session, mechanism, of_public, publics, of_private, privates, public_key, private_key);
}

static ulong_t wrap_key(ulong_t session, void *mechanism, ulong_t wrapping, ulong_t key, void *wrapped, ulong_t *length) {
    ulong_t code;
    if (value_of("wrap-code", &code)) return code;
    return ((ulong_t(*)(ulong_t, void *, ulong_t, ulong_t, void *, ulong_t *))real->functions[WRAP_KEY])(session, mechanism, wrapping, key, wrapped, length);
}

static ulong_t create_object(ulong_t session, attribute *template, ulong_t count, ulong_t *object) {
    ulong_t code;
    if (value_of("create-code", &code))
        for (ulong_t i = 0; i < count; i++)
            if (template[i].type == 0 && *(ulong_t *)template[i].value == 3) return code;
    return ((ulong_t(*)(ulong_t, attribute *, ulong_t, ulong_t *))real->functions[CREATE_OBJECT])(session, template, count, object);
}

static ulong_t unwrap_key(ulong_t session, void *mechanism, ulong_t unwrapping, void *wrapped, ulong_t length, attribute *template, ulong_t count,
                          ulong_t *key) {
    ulong_t code;
    if (value_of("unwrap-code", &code)) return code;
    return ((ulong_t(*)(ulong_t, void *, ulong_t, void *, ulong_t, attribute *, ulong_t, ulong_t *))real->functions[UNWRAP_KEY])(
        session, mechanism, unwrapping, wrapped, length, template, count, key);
}

static void *print(void *nothing) {
    static char lines[64 * 1024];
    for (size_t i = 0; i < sizeof lines; i++) lines[i] = "noise noise noise noise noise noise noise noise noise noise....\n"[i % 64];
    for (;;)
        /* Node's end of the pipe doesn't block. */
        if (write(2, lines, sizeof lines) < 0) poll(&(struct pollfd){.fd = 2, .events = POLLOUT}, 1, -1);
    return nothing;
}

static ulong_t sign(ulong_t session, void *data, ulong_t length, unsigned char *signature, ulong_t *signature_length) {
    ulong_t code;
    static pthread_t printer;
    if (is_set("print") && printer == 0) pthread_create(&printer, NULL, print, NULL);
    if (is_set("sign-hang")) for (;;) pause();
    if (is_set("sign-crash")) raise(SIGSEGV);
    if (value_of("sign-code", &code)) return code;
    ulong_t result =
        ((ulong_t(*)(ulong_t, void *, ulong_t, void *, ulong_t *))real->functions[SIGN])(session, data, length, signature, signature_length);
    if (result == 0 && signature != NULL && is_set("sign-flip")) signature[*signature_length / 2] ^= 1;
    return result;
}

ulong_t C_GetFunctionList(void **result) {
    if (real == NULL) {
        void *module = dlopen(getenv("FAULT_MODULE"), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
        if (module == NULL) return 5;
        ulong_t (*get)(function_list **) = (ulong_t(*)(function_list **))dlsym(module, "C_GetFunctionList");
        if (get == NULL || get(&real) != 0) return 5;
        list = *real;
        list.functions[GET_FUNCTION_LIST] = C_GetFunctionList;
        list.functions[GET_TOKEN_INFO] = get_token_info;
        list.functions[LOGIN] = log_in;
        list.functions[SIGN] = sign;
        list.functions[INITIALIZE] = initialize;
        list.functions[GENERATE_KEY_PAIR] = generate_key_pair;
        list.functions[WRAP_KEY] = wrap_key;
        list.functions[CREATE_OBJECT] = create_object;
        list.functions[UNWRAP_KEY] = unwrap_key;
    }
    *result = &list;
    return 0;
}
