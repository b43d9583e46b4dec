/* SPDX-License-Identifier: MIT
 *
 * The program of the C sides of the pairs, and what they share. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_TABLE(file) pairs_##file,
static const struct pair *const all[] = {PAIR_FILES(PAIR_TABLE)};
#undef PAIR_TABLE
static pb_server *serving; /* NULL once it is being closed */

/* ---- What is printed ---- */

static void show(FILE *out, pb_value *v);

static void show_items(FILE *out, pb_value *v, const char *ends)
{
    fputc(ends[0], out);
    for (size_t i = 0; i < pb_len(v); i++) {
        fputs(i > 0 ? ", " : "", out);
        show(out, pb_item(v, i));
    }
    fputs(pb_value_kind(v) == PB_TUPLE && pb_len(v) == 1 ? "," : "", out);
    fputc(ends[1], out);
}

static void show_pairs(FILE *out, pb_value *dict)
{
    size_t pos = 0;
    pb_value *key, *value;
    fputc('{', out);
    for (const char *comma = ""; pb_dict_next(dict, &pos, &key, &value); comma = ", ") {
        fputs(comma, out);
        show(out, key);
        fputs(": ", out);
        show(out, value);
    }
    fputc('}', out);
}

static void show(FILE *out, pb_value *v)
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
        show_items(out, v, "[]");
        break;
    case PB_TUPLE:
        show_items(out, v, "()");
        break;
    case PB_DICT:
        show_pairs(out, v);
        break;
    default:
        repr = pb_value_repr(v);
        fputs(repr, out);
        pb_free(repr);
    }
}

char *shown(pb_value *v)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    show(out, v);
    fclose(out);
    return text;
}

void tell(struct talk *t, const char *what, pb_value *answer)
{
    const pb_failure *failure = pb_client_failure(t->client);
    if (answer) {
        char *text = shown(answer);
        printf("%s answered %s\n", what, text);
        free(text);
    } else if (failure) {
        printf("%s failed: %s: %s\n", what, pb_failure_type(failure),
               pb_failure_text(failure));
    } else {
        printf("%s was not called: %s\n", what, t->err.text);
    }
    pb_value_unref(answer);
    t->err = (pb_error){0};
}

void tables(const pb_session *session, char text[TABLES_SIZE])
{
    pb_session_stats s;
    pb_session_get_stats(session, &s);
    snprintf(text, TABLES_SIZE,
             "%zu exported, %zu held, %zu cached, %zu caches, %zu pending", s.exported,
             s.held, s.cached, s.caches, s.pending);
}

/* ---- An object for both sides ---- */

static int do_tell(void *self, pb_request *req)
{
    const char *name = self;
    char heard[64];
    char *text = shown(pb_request_args(req));
    printf("%s was told %s\n", name, text);
    free(text);
    snprintf(heard, sizeof heard, "%s heard it", name);
    return pb_request_answer_steal(req, pb_str(heard));
}

static const pb_class told_class = {
    .name = "Told",
    .remote = (const pb_method[]){{"tell", do_tell}, {0}},
};

pb_object *told_new(const char *name)
{
    return pb_object_new(&told_class, (char *)name);
}

/* ---- The end of a server ---- */

int stop_serving(void *self, pb_request *req)
{
    (void)self;
    (void)req;
    if (serving) {
        pb_server_close(serving, NULL, NULL);
        serving = NULL;
    }
    return 0;
}

void call_until_gone(struct talk *t, const char *method)
{
    do {
        pb_value_unref(pb_client_call(t->client, t->root, method, &t->err, ""));
    } while (pb_client_session(t->client));
    t->err = (pb_error){0};
}

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)why;
    (void)user_data;
    char text[TABLES_SIZE];
    tables(s, text);
    printf("connection closed, still kept: %s\n", text);
}

static int run_server(const struct pair *p, const char *endpoint)
{
    pb_net_config config = {.session.on_close = on_close};
    p->serve(&config);
    pb_error err = {0};
    serving = pb_serve(pb_loop_default(), endpoint, &config, &err);
    if (serving) {
        printf("listening on tcp:%d\n", pb_server_port(serving));
        pb_run(); /* until a signal comes, or it is closed */
        stop_serving(NULL, NULL);
        pb_run(); /* until it is closed */
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_object_unref(config.session.root);
    pb_registry_unref(config.session.registry);
    pb_taster_unref(config.session.jelly.taster);
    return err.code ? 1 : 0;
}

/* ---- A client ---- */

static int run_client(const struct pair *p, const char *endpoint)
{
    pb_net_config config = {0};
    if (p->prepare) {
        p->prepare(&config);
    }
    struct talk t = {0};
    t.client = pb_client_open(endpoint, &config, &t.err);
    t.root = pb_client_root(t.client);
    if (t.client) {
        p->converse(&t);
        pb_client_wait(t.client, 20); /* for what comes behind the last answer */
        char text[TABLES_SIZE] = "all is gone";
        pb_session *session = pb_client_session(t.client);
        if (session && !pb_session_is_closed(session)) {
            tables(session, text);
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

static const struct pair *find(const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (const struct pair *p = all[i]; p->name; p++) {
            if (strcmp(p->name, name) == 0) {
                return p;
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct pair *p = argc == 4 ? find(argv[2]) : NULL;
    if (!p) {
        fprintf(stderr, "usage: pairs ENDPOINT NAME server|client\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return strcmp(argv[3], "server") == 0 ? run_server(p, argv[1])
                                          : run_client(p, argv[1]);
}
