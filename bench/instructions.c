/* SPDX-License-Identifier: MIT
 *
 * The program whose instructions `count_instructions.py` counts: `instructions SCENARIO
 * ROUNDS`. A scenario of calls connects two sessions in memory. In each round the client
 * makes IN_FLIGHT calls, and the server answers them; the work of each side is in a
 * function of its own (measure_client, measure_server), so that callgrind counts one
 * side. A scenario of the codec decodes or encodes a value of the kind of record that
 * services exchange. Prints how many calls or values a round has, and how many times
 * memory was allocated for them in all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pb/broker.h"
#include "pb/flavors.h"
#include "pb/jelly.h"

enum { IN_FLIGHT = 100 };

#define RECORD                                                              \
    "{'serial': 12345678, 'label': 'balan tikvon 4711', 'weight': 101.25, " \
    "'parts': ['balan', 'cemer', 'ditik'], 'ready': True, 'remark': None, " \
    "'owner': 'fovon gudy', 'position': (17, 4, 250)}"

/* The linker has malloc and its like call these. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
int __real_posix_memalign(void **p, size_t align, size_t n);
void *__wrap_realloc(void *p, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);

static size_t allocations;

void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    allocations++;
    return __real_posix_memalign(p, align, n);
}

static void bench_check(bool right, const char *what)
{
    if (!right) {
        fprintf(stderr, "instructions: %s\n", what);
        exit(1);
    }
}

/* ---- Calls ---- */

struct conversation {
    pb_session *client, *server;
    pb_remote *root;
    pb_object *object, *answer; /* what scenarios send, and what they answer */
    pb_value *argument;
    const char *method;
    bool fails;
    size_t answers;
};

static int do_echo(void *self, pb_request *r)
{
    pb_value *x = NULL;
    (void)self;
    int e = pb_request_unpack(r, "O", &x);
    return e ? e : pb_request_answer_steal(r, pb_value_ref(x));
}

static int do_swap(void *self, pb_request *r)
{
    return pb_request_answer_steal(r, pb_object_value(self));
}

static int do_fail(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.ValueError", "no such thing");
}

static pb_value *parcel_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_value_parse(RECORD, err);
}

static const pb_method root_methods[] = {{"echo", do_echo}, {"fail", do_fail}, {0}};
static const pb_class root_class = {.name = "Root", .remote = root_methods};
static const pb_method other_methods[] = {{"swap", do_swap}, {0}};
static const pb_class other_class = {.name = "Other", .remote = other_methods};
static const pb_class parcel_class = {
    .name = "bench.Parcel", .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = parcel_state};

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct conversation *c = user_data;
    (void)result;
    bench_check(!failure == !c->fails, failure ? pb_failure_text(failure) : "no failure");
    c->answers++;
}

static void send_all(pb_session *from, pb_session *to)
{
    pb_span out;
    while ((out = pb_session_send(from)).len > 0) {
        bench_check(pb_session_recv(to, out, 0) == 0, "a session ended");
        pb_session_sent(from, out.len, 0);
    }
}

/* The bytes that one side has written, for the other one to read. */
static pb_span take_output(pb_session *from, uint8_t **copy)
{
    pb_span out = pb_session_send(from);
    *copy = __real_malloc(out.len + 1);
    bench_check(*copy, "no memory");
    memcpy(*copy, out.data, out.len);
    pb_session_sent(from, out.len, 0);
    return (pb_span){*copy, out.len};
}

__attribute__((noipa)) void measure_client_calls(struct conversation *c);
__attribute__((noipa)) void measure_client_answers(struct conversation *c, pb_span in);
__attribute__((noipa)) void measure_server(struct conversation *c, pb_span in);

void measure_client_calls(struct conversation *c)
{
    for (int i = 0; i < IN_FLIGHT; i++) {
        int e = pb_remote_call(c->root, c->method, on_answer, c, NULL, "O", c->argument);
        bench_check(e == 0, "a call was refused");
    }
}

void measure_client_answers(struct conversation *c, pb_span in)
{
    bench_check(pb_session_recv(c->client, in, 0) == 0, "the client's session ended");
}

void measure_server(struct conversation *c, pb_span in)
{
    bench_check(pb_session_recv(c->server, in, 0) == 0, "the server's session ended");
}

static void round_of_calls(struct conversation *c)
{
    uint8_t *copy;
    size_t before = c->answers;
    measure_client_calls(c);
    pb_span in = take_output(c->client, &copy);
    measure_server(c, in);
    free(copy);
    in = take_output(c->server, &copy);
    measure_client_answers(c, in);
    free(copy);
    bench_check(c->answers == before + IN_FLIGHT, "answers are missing");
    send_all(c->client, c->server); /* decrefs */
    send_all(c->server, c->client);
}

static void begin_conversation(struct conversation *c, const char *name)
{
    pb_registry *registry = pb_registry_new();
    bench_check(registry, "no memory");
    pb_registry_set_class(registry, parcel_class.name, &parcel_class);
    bool swap = strcmp(name, "reference") == 0, copy = strcmp(name, "copyable") == 0;
    c->object = pb_object_new(copy ? &parcel_class : &other_class, NULL);
    c->answer = pb_object_new(&other_class, NULL);
    pb_object *root = pb_object_new(swap ? &other_class : &root_class, c->answer);
    pb_session_config config = {.registry = registry, .root = root};
    c->server = pb_session_server_new(&config, 0);
    c->client = pb_session_client_new(&(pb_session_config){.registry = registry}, 0);
    c->fails = strcmp(name, "failure") == 0;
    c->method = c->fails ? "fail" : swap ? "swap" : "echo";
    c->argument = swap || copy                  ? pb_object_value(c->object)
                  : strcmp(name, "record") == 0 ? pb_value_parse(RECORD, NULL)
                                                : pb_int(5);
    bench_check(c->server && c->client && c->argument, "no memory");
    for (int i = 0; i < 4; i++) {
        send_all(c->server, c->client);
        send_all(c->client, c->server);
    }
    c->root = pb_session_root(c->client);
    bench_check(c->root, "there is no root");
    pb_object_unref(root);
    pb_registry_unref(registry);
}

static size_t calls_run(const char *name, long rounds)
{
    struct conversation c = {.answers = 0};
    begin_conversation(&c, name);
    round_of_calls(&c); /* for what is allocated once */
    size_t before = allocations;
    for (long i = 0; i < rounds; i++) {
        round_of_calls(&c);
    }
    size_t allocated = allocations - before;
    pb_value_unref(c.argument);
    pb_object_unref(c.object);
    pb_object_unref(c.answer);
    pb_remote_unref(c.root);
    pb_session_free(c.client);
    pb_session_free(c.server);
    return allocated;
}

/* ---- The codec ---- */

__attribute__((noipa)) void measure_decode(pb_span in);
__attribute__((noipa)) void measure_encode(pb_value *v);

void measure_decode(pb_span in)
{
    pb_value *v = NULL;
    bench_check(pb_unjelly_bytes(in, NULL, PB_DIALECT_PB, &v, NULL) == 0, "decoding");
    pb_value_unref(v);
}

void measure_encode(pb_value *v)
{
    uint8_t *out;
    size_t len;
    bench_check(pb_jelly_bytes(v, NULL, PB_DIALECT_PB, &out, &len, NULL) == 0,
                "encoding");
    pb_free(out);
}

static size_t codec_run(bool decode, long rounds)
{
    pb_value *list = pb_list();
    uint8_t *bytes;
    size_t len;
    for (int i = 0; i < IN_FLIGHT; i++) {
        pb_append_steal(list, pb_value_parse(RECORD, NULL));
    }
    bench_check(pb_jelly_bytes(list, NULL, PB_DIALECT_PB, &bytes, &len, NULL) == 0,
                "encoding");
    size_t before = allocations;
    for (long i = 0; i < rounds; i++) {
        if (decode) {
            measure_decode((pb_span){bytes, len});
        } else {
            measure_encode(list);
        }
    }
    size_t allocated = allocations - before;
    pb_free(bytes);
    pb_value_unref(list);
    return allocated;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: instructions SCENARIO ROUNDS\n");
        return 2;
    }
    const char *name = argv[1];
    long rounds = strtol(argv[2], NULL, 10);
    bool decode = strcmp(name, "decode") == 0;
    bool codec = decode || strcmp(name, "encode") == 0;
    size_t allocated = codec ? codec_run(decode, rounds) : calls_run(name, rounds);
    printf("%d %zu\n", IN_FLIGHT, allocated);
    return 0;
}
