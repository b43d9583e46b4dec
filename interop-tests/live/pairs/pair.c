/* SPDX-License-Identifier: MIT
 *
 * The program of the C sides of the pairs, and the functions that they share. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_TABLE(file) pairs_##file,
static const struct pair *const pair_tables[] = {PAIR_FILES(PAIR_TABLE)};
#undef PAIR_TABLE
static pb_server *running_server; /* NULL once it is being closed */

/* ---- Output ---- */

static void write_value_text(FILE *out, pb_value *v);

static void write_items_text(FILE *out, pb_value *v, const char *brackets)
{
    fputc(brackets[0], out);
    for (size_t i = 0; i < pb_len(v); i++) {
        fputs(i > 0 ? ", " : "", out);
        write_value_text(out, pb_item(v, i));
    }
    fputs(pb_value_kind(v) == PB_TUPLE && pb_len(v) == 1 ? "," : "", out);
    fputc(brackets[1], out);
}

static void write_dict_text(FILE *out, pb_value *dict)
{
    size_t pos = 0;
    pb_value *key, *value;
    fputc('{', out);
    for (const char *comma = ""; pb_dict_next(dict, &pos, &key, &value); comma = ", ") {
        fputs(comma, out);
        write_value_text(out, key);
        fputs(": ", out);
        write_value_text(out, value);
    }
    fputc('}', out);
}

static void write_value_text(FILE *out, pb_value *v)
{
    char *repr;
    const char *name;
    switch (pb_value_kind(v)) {
    case PB_REMOTE:
        fputs("a reference", out);
        break;
    case PB_OBJECT:
        name = pb_object_class(pb_as_object(v))->name;
        fprintf(out, "a %s", strrchr(name, '.') ? strrchr(name, '.') + 1 : name);
        break;
    case PB_LIST:
        write_items_text(out, v, "[]");
        break;
    case PB_TUPLE:
        write_items_text(out, v, "()");
        break;
    case PB_DICT:
        write_dict_text(out, v);
        break;
    default:
        repr = pb_value_repr(v);
        fputs(repr, out);
        pb_free(repr);
    }
}

const char *python_bool(bool b)
{
    return b ? "True" : "False";
}

char *value_text(pb_value *v)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    write_value_text(out, v);
    fclose(out);
    return text;
}

void print_value(const char *label, pb_value *v)
{
    char *text = value_text(v);
    printf("%s %s\n", label, text);
    free(text);
}

void print_answer_steal(struct test_client *t, const char *label, pb_value *answer)
{
    const pb_failure *failure = pb_client_failure(t->client);
    if (answer) {
        printf("%s ", label);
        print_value("answered", answer);
    } else if (failure) {
        printf("%s failed: %s: %s\n", label, pb_failure_type(failure),
               pb_failure_text(failure));
    } else {
        printf("%s was not called: %s\n", label, t->err.text);
    }
    pb_value_unref(answer);
    t->err = (pb_error){0};
}

void session_counts(const pb_session *session, char text[COUNTS_SIZE])
{
    pb_session_stats s;
    pb_session_get_stats(session, &s);
    snprintf(text, COUNTS_SIZE,
             "%zu exported, %zu held, %zu cached, %zu caches, %zu pending", s.exported,
             s.held, s.cached, s.caches, s.pending);
}

void print_client_counts(const struct test_client *t)
{
    char text[COUNTS_SIZE];
    session_counts(pb_client_session(t->client), text);
    printf("the client keeps %s\n", text);
}

void print_server_counts(struct test_client *t, const char *label)
{
    print_answer_steal(t, label,
                       pb_client_call(t->client, t->root, "counts", &t->err, ""));
}

int answer_counts(void *self, pb_request *req)
{
    (void)self;
    char text[COUNTS_SIZE];
    session_counts(pb_request_session(req), text);
    return pb_request_answer_steal(req, pb_str(text));
}

/* ---- Both sides ---- */

static int printer_tell(void *self, pb_request *req)
{
    const char *name = self;
    char answer[64];
    char *text = value_text(pb_request_args(req));
    printf("%s was told %s\n", name, text);
    free(text);
    snprintf(answer, sizeof answer, "%s heard it", name);
    return pb_request_answer_steal(req, pb_str(answer));
}

static const pb_class printer_class = {
    .name = "Printer",
    .remote = (const pb_method[]){{"tell", printer_tell}, {0}},
};

pb_object *printer_new(const char *name)
{
    return pb_object_new(&printer_class, (char *)name);
}

int stop_server(void *self, pb_request *req)
{
    (void)self;
    (void)req;
    if (running_server) {
        pb_server_close(running_server, NULL, NULL);
        running_server = NULL;
    }
    return 0;
}

void call_until_closed(struct test_client *t, const char *method)
{
    do {
        pb_value_unref(pb_client_call(t->client, t->root, method, &t->err, ""));
    } while (pb_client_session(t->client));
    t->err = (pb_error){0};
}

/* ---- The server ---- */

static void connection_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)why;
    (void)user_data;
    char text[COUNTS_SIZE];
    session_counts(s, text);
    printf("connection closed, still kept: %s\n", text);
}

static int run_server(const struct pair *p, const char *endpoint)
{
    pb_net_config config = {
        .session = {.on_close = connection_closed,
                    .max_failed_logins = 100}}; /* as many as Twisted */
    p->serve(&config);
    pb_error err = {0};
    running_server = pb_serve(pb_loop_default(), endpoint, &config, &err);
    if (running_server) {
        printf("listening on tcp:%d\n", pb_server_port(running_server));
        pb_run(); /* until a signal arrives or the server is closed */
        stop_server(NULL, NULL);
        pb_run(); /* until the server is closed */
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_object_unref(config.session.root);
    pb_registry_unref(config.session.registry);
    pb_taster_unref(config.session.jelly.taster);
    return err.code ? 1 : 0;
}

/* ---- The client ---- */

static int run_client(const struct pair *p, const char *endpoint)
{
    pb_net_config config = {0};
    if (p->prepare) {
        p->prepare(&config);
    }
    struct test_client t = {0};
    t.client = pb_client_open(endpoint, &config, &t.err);
    t.root = pb_client_root(t.client);
    if (t.client) {
        p->run(&t);
        pb_client_wait(t.client, 20); /* for messages that follow the last answer */
        char text[COUNTS_SIZE] = "all is gone";
        pb_session *session = pb_client_session(t.client);
        if (session && !pb_session_is_closed(session)) {
            session_counts(session, text);
        }
        printf("still kept: %s\n", text);
    }
    if (t.err.code) {
        fprintf(stderr, "%s\n", t.err.text);
    }
    pb_client_free(t.client);
    pb_registry_unref(config.session.registry);
    pb_taster_unref(config.session.jelly.taster);
    return t.err.code ? 1 : 0;
}

static const struct pair *find_pair(const char *name)
{
    for (size_t i = 0; i < sizeof pair_tables / sizeof *pair_tables; i++) {
        for (const struct pair *p = pair_tables[i]; p->name; p++) {
            if (strcmp(p->name, name) == 0) {
                return p;
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct pair *p = argc == 4 ? find_pair(argv[2]) : NULL;
    if (!p) {
        fprintf(stderr, "usage: pairs ENDPOINT NAME server|client\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return strcmp(argv[3], "server") == 0 ? run_server(p, argv[1])
                                          : run_client(p, argv[1]);
}
