/* SPDX-License-Identifier: MIT
 *
 * A program that uses each public struct, linked with the shared libraries as a user's
 * is. tests/check-abi-growth runs it with libraries in which each of these has one more
 * field. */
#include <errno.h>
#include <pb/pb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int failed;

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(bool is, const char *what, int line)
{
    if (!is) {
        failed = 1;
        fprintf(stderr, "line %d: not so: %s\n", line, what);
    }
}

/* A struct that the library fills, and what follows it in this program's memory. */
#define GUARDED(type)      \
    struct {               \
        type it;           \
        uint8_t after[64]; \
    }
#define GUARD(g) memset((g).after, 0xa5, sizeof(g).after)
#define IS_WHOLE(g) is_whole((g).after, sizeof(g).after)

static bool is_whole(const uint8_t *after, size_t n)
{
    while (n > 0 && after[n - 1] == 0xa5) {
        n--;
    }
    return n == 0;
}

/* ---- Values, banana and jelly ---- */

static void use_values(void)
{
    GUARDED(pb_error) err = {.it = {0}};
    GUARD(err);
    CHECK(!pb_value_parse("[1,", &err.it));
    CHECK(err.it.code == PB_ERR_SYNTAX && err.it.text[0] && IS_WHOLE(err));
    pb_error_clear(&err.it);
    CHECK(err.it.code == PB_OK && IS_WHOLE(err));

    GUARDED(pb_datetime_fields) fields = {.it = {.year = 2020, .month = 2, .day = 29}};
    GUARD(fields);
    pb_value *day = pb_datetime(&fields.it, &err.it);
    CHECK(pb_as_datetime(day, &fields.it) == 0 && fields.it.day == 29 &&
          IS_WHOLE(fields));
    pb_value_unref(day);
}

static int count_list(void *ctx, size_t n)
{
    *(size_t *)ctx += n;
    return 0;
}

static int count_end(void *ctx)
{
    (void)ctx;
    return 0;
}

static int count_integer(void *ctx, int64_t i)
{
    *(size_t *)ctx += (size_t)i;
    return 0;
}

static int count_big(void *ctx, bool negative, pb_span base128)
{
    *(size_t *)ctx += negative ? 0 : base128.len;
    return 0;
}

static int count_real(void *ctx, double d)
{
    *(size_t *)ctx += d > 0;
    return 0;
}

static int count_bytes(void *ctx, pb_span s)
{
    *(size_t *)ctx += s.len;
    return 0;
}

static void attach(void *ctx, pb_decoder *d)
{
    CHECK(d != NULL);
    *(size_t *)ctx += 100;
}

static void use_banana(void)
{
    static const pb_sink_ops ops = {.list = count_list,
                                    .end = count_end,
                                    .integer = count_integer,
                                    .big = count_big,
                                    .real = count_real,
                                    .bytes = count_bytes,
                                    .attach = attach};
    static const uint8_t bytes[] = {2, 0x80, 3, 0x81, 4, 0x81};
    GUARDED(pb_limits) limits = {.it = {.list = 2}};
    GUARD(limits);
    pb_limits_default(&limits.it);
    CHECK(limits.it.list == 2 && limits.it.prefix == 64 && IS_WHOLE(limits));
    size_t sum = 0;
    pb_error err = {0};
    pb_decoder *d = pb_decoder_new(PB_DIALECT_NONE, &limits.it, (pb_sink){&ops, &sum});
    CHECK(pb_decoder_recv(d, (pb_span){bytes, sizeof bytes}, &err) == 0 && sum == 109);
    CHECK(pb_decoder_recv(d, (pb_span){(const uint8_t *)"\3\x80", 2}, &err) ==
          PB_ERR_LIMIT);
    pb_decoder_free(d);
}

static int save_instance(pb_value *instance, pb_value **id, pb_error *err,
                         void *user_data)
{
    (void)err;
    *id = pb_value_kind(instance) == PB_INSTANCE ? pb_int(*(int *)user_data) : NULL;
    return 0;
}

static int load_instance(pb_value *id, pb_value **v, pb_error *err, void *user_data)
{
    int64_t number = 0;
    (void)err;
    CHECK(pb_as_int(id, &number) == 0 && number == *(int *)user_data);
    *v = pb_str("loaded");
    return 0;
}

static void use_jelly(void)
{
    int number = 7;
    GUARDED(pb_profile) profile;
    GUARD(profile);
    CHECK(pb_profile_parse("22.4.0-py3", &profile.it, NULL) == 0);
    CHECK(profile.it.twisted == 2204 && IS_WHOLE(profile));
    pb_jelly_config config = {.profile = profile.it,
                              .limits = {.depth = 3},
                              .persistent_save = save_instance,
                              .persistent_load = load_instance,
                              .user_data = &number};
    pb_error err = {0};
    pb_value *v = pb_build(&err, "[N]", pb_instance_steal("a.B", pb_dict())),
             *back = NULL;
    uint8_t *out = NULL;
    size_t len = 0;
    CHECK(pb_jelly_bytes(v, &config, PB_DIALECT_PB, &out, &len, &err) == 0);
    CHECK(pb_unjelly_bytes((pb_span){out, len}, &config, PB_DIALECT_PB, &back, &err) ==
          0);
    char *text = pb_value_repr(back);
    CHECK(text && strcmp(text, "['loaded']") == 0);
    pb_free(text);
    pb_free(out);
    pb_value_unref(back);
    pb_value_unref(v);
    v = pb_value_parse("[[[[[1]]]]]", &err);
    CHECK(pb_jelly_bytes(v, &config, PB_DIALECT_PB, &out, &len, &err) == PB_ERR_LIMIT);
    pb_value_unref(v);
}

/* ---- Two sessions ---- */

/* The state of a published song. */
struct song {
    pb_publishable publishable; /* first */
    int asked;
};

static pb_value *song_state(void *self, pb_object *perspective, pb_error *err)
{
    struct song *song = self;
    (void)perspective;
    song->asked++;
    return pb_build(err, "{si}", "verses", 3);
}

static const char *perspective_name(pb_object *perspective)
{
    (void)perspective;
    return "alice";
}

static const pb_method song_views[] = {{"getStateToPublish", pb_publishable_get_state},
                                       {0}};
static const pb_class song_class = {.name = "songs.Song",
                                    .flavor = PB_FLAVOR_CACHEABLE,
                                    .view = song_views,
                                    .state_to_cache = pb_publishable_state};
static const pb_class song_copy_class = {.name = "songs.Song",
                                         .flavor = PB_FLAVOR_CACHEABLE};

struct pages {
    int left;
    bool done;
};

static int next_page(void *self, pb_value **page, bool *last, pb_error *err)
{
    struct pages *p = self;
    (void)err;
    *page = pb_int(p->left--);
    *last = p->left == 0;
    return 0;
}

static void pages_done(void *self, const pb_error *why)
{
    CHECK(why->code == PB_OK);
    ((struct pages *)self)->done = true;
}

/* The data of the server's methods. */
static struct pages pages;
static struct song song;
static pb_object *song_object;

static int do_pages(void *self, pb_request *req)
{
    static const pb_page_source source = {.next_page = next_page, .done = pages_done};
    pb_value *collector = NULL;
    (void)self;
    int e = pb_request_unpack(req, "O", &collector);
    pages = (struct pages){.left = 3};
    return e ? e : pb_page(pb_as_remote(collector), &source, &pages, NULL);
}

static int do_song(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, pb_object_value(song_object));
}

static int do_keep(void *self, pb_request *req)
{
    *(pb_request **)self = pb_request_ref(req);
    return 0;
}

static const pb_method methods[] = {
    {"pages", do_pages}, {"song", do_song}, {"keep", do_keep}, {0}};
static const pb_class person_class = {.name = "Person", .perspective = methods};

static int grant(pb_attempt *a, void *user_data)
{
    return pb_attempt_grant(a, user_data, NULL, NULL);
}

/* The outcome of a call. */
struct answer {
    pb_value *value;
    int code, count;
};

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct answer *a = user_data;
    pb_value_unref(a->value);
    a->value = pb_value_ref(result);
    a->code = failure ? pb_failure_code(failure) : PB_OK;
    a->count++;
}

static int page_came(pb_value *page, pb_error *err, void *user_data)
{
    int64_t i = 0;
    (void)err;
    CHECK(pb_as_int(page, &i) == 0);
    *(int64_t *)user_data += i;
    return 0;
}

static void pages_end(const pb_error *why, void *user_data)
{
    CHECK(why->code == PB_OK);
    *(int64_t *)user_data += 100;
}

static int saved;

static int save(const char *name, pb_span data, void *user_data)
{
    CHECK(*name && data.len > 0 && user_data == &saved);
    saved++;
    return 0;
}

/* Moves bytes both ways until there are none. */
static void pump(pb_session *a, pb_session *b, int64_t now)
{
    for (int i = 0; i < 1000; i++) {
        pb_session *from = i % 2 ? a : b, *to = i % 2 ? b : a;
        pb_session_tick(from, now);
        pb_span out = pb_session_send(from);
        if (out.len > 0) {
            CHECK(pb_session_recv(to, out, now) == 0);
            pb_session_sent(from, out.len, now);
        }
    }
}

/* A server that alice can log in to, by a password file. */
static pb_object *make_root(const char *users, pb_object *avatar)
{
    const pb_password_file file = {.path = users, .delimiter = "/", .md5 = false};
    pb_portal *portal = pb_portal_new(grant, avatar);
    CHECK(pb_portal_set_password_file(portal, &file) == 0);
    pb_object *root = pb_portal_root(portal);
    pb_portal_unref(portal);
    return root;
}

static pb_registry *make_registry(void)
{
    const pb_published_config config = {.save = save, .user_data = &saved};
    pb_registry *registry = pb_registry_new();
    CHECK(pb_registry_set_published(registry, "songs.Song", &song_copy_class, &config) ==
          0);
    return registry;
}

static void use_calls(pb_session *client, pb_session *server, pb_remote *avatar)
{
    static const pb_collector_ops collect = {.page = page_came, .end = pages_end};
    const pb_call_options options = {.timeout = 50};
    struct answer answer = {0};
    int64_t sum = 0;
    pb_error err = {0};
    pb_object *collector = pb_collector_new(&collect, &sum);
    CHECK(pb_remote_call(avatar, "pages", on_answer, &answer, &err, "N",
                         pb_object_value(collector)) == 0);
    pump(client, server, 10);
    CHECK(answer.count == 1 && sum == 106 && pages.done);
    pb_object_unref(collector);

    CHECK(pb_when_ready(avatar, "song", NULL, NULL, NULL, on_answer, &answer, NULL,
                        &err) == 0);
    pump(client, server, 20);
    CHECK(answer.count == 2 && answer.code == PB_OK && song.asked == 1 && saved == 1);
    pb_object *copy = pb_as_object(answer.value);
    CHECK(copy && pb_dict_get(pb_object_state(copy), "verses"));

    CHECK(pb_remote_call_values(avatar, "keep", NULL, NULL, &options, on_answer, &answer,
                                NULL, &err) == 0);
    pump(client, server, 30);
    GUARDED(pb_session_stats) stats;
    GUARD(stats);
    pb_session_get_stats(server, &stats.it);
    CHECK(stats.it.serving == 1 && stats.it.cached == 1 && IS_WHOLE(stats));
    pump(client, server, 1000);
    CHECK(answer.count == 3 && answer.code == PB_ERR_TIMEOUT);
    pb_value_unref(answer.value);
}

static void use_sessions(const char *users)
{
    pb_request *kept = NULL;
    pb_object *person = pb_object_new(&person_class, &kept);
    pb_object *root = make_root(users, person);
    pb_registry *registry = make_registry();
    song = (struct song){.publishable = {.published_id = pb_int(5),
                                         .timestamp = 1.5,
                                         .state_to_publish = song_state,
                                         .perspective_name = perspective_name}};
    song_object = pb_object_new(&song_class, &song);
    const pb_session_config at_server = {.root = root,
                                         .jelly = {.limits = {.list = 1000}}};
    const pb_session_config at_client = {.registry = registry};
    pb_session *server = pb_session_server_new(&at_server, 0);
    pb_session *client = pb_session_client_new(&at_client, 0);
    const pb_credentials alice = {
        .username = "alice", .password = "secret!", .password_len = 6};
    struct answer answer = {0};
    pb_error err = {0};
    CHECK(pb_login(client, &alice, NULL, NULL, on_answer, &answer, NULL, &err) == 0);
    pump(client, server, 1);
    pb_remote *avatar = pb_as_remote(answer.value);
    CHECK(answer.count == 1 && avatar);
    if (avatar) {
        use_calls(client, server, avatar);
    }
    pb_value_unref(answer.value);
    pb_request_unref(kept);
    pb_session_free(client);
    pb_session_free(server);
    pb_value_unref(song.publishable.published_id);
    pb_object_unref(song_object);
    pb_registry_unref(registry);
    pb_object_unref(root);
    pb_object_unref(person);
}

/* ---- A loop of our own, and sockets ---- */

enum { WATCHES = 8 };

struct watch {
    pb_watch *of; /* NULL: the place is free */
    int fd, events;
};

struct loop {
    pb_loop *loop;
    struct watch watches[WATCHES];
    int64_t due; /* INT64_MAX: never */
    bool freed;
};

static int64_t loop_now(void *loop)
{
    struct timespec t;
    (void)loop;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int loop_watch_new(void *loop, int fd, pb_watch *w, void **watch)
{
    struct loop *l = loop;
    for (int i = 0; i < WATCHES; i++) {
        if (!l->watches[i].of) {
            l->watches[i] = (struct watch){.of = w, .fd = fd};
            *watch = &l->watches[i];
            return 0;
        }
    }
    return -ENOMEM;
}

static int loop_watch_set(void *loop, void *watch, int events)
{
    (void)loop;
    ((struct watch *)watch)->events = events;
    return 0;
}

static void loop_watch_free(void *loop, void *watch)
{
    (void)loop;
    ((struct watch *)watch)->of = NULL;
}

static void loop_set_timer(void *loop, int64_t delay)
{
    ((struct loop *)loop)->due = delay < 0 ? INT64_MAX : loop_now(loop) + delay;
}

static void loop_free(void *loop)
{
    ((struct loop *)loop)->freed = true;
}

static const pb_loop_ops loop_ops = {.watch_new = loop_watch_new,
                                     .watch_set = loop_watch_set,
                                     .watch_free = loop_watch_free,
                                     .set_timer = loop_set_timer,
                                     .now = loop_now,
                                     .free = loop_free};

static void loop_begin(struct loop *l)
{
    *l = (struct loop){.due = INT64_MAX};
    l->loop = pb_loop_new(&loop_ops, l);
    CHECK(l->loop != NULL);
}

/* Looks at each descriptor once, for a millisecond at most. */
static void loop_turn(struct loop *l)
{
    for (int i = 0; i < WATCHES; i++) {
        struct watch *w = &l->watches[i];
        struct pollfd p = {.fd = w->fd};
        p.events = (short)((w->events & PB_WATCH_READ ? POLLIN : 0) |
                           (w->events & PB_WATCH_WRITE ? POLLOUT : 0));
        if (w->of && p.events && poll(&p, 1, 1) > 0) {
            pb_watch_ready(w->of, w->events);
        }
    }
    if (!l->freed && l->due <= loop_now(l)) {
        l->due = INT64_MAX;
        pb_loop_due(l->loop);
    }
}

/* Runs until *count is n, or for two seconds. */
static void loop_run(struct loop *l, const int *count, int n)
{
    for (int64_t end = loop_now(l) + 2000; *count < n && loop_now(l) < end;) {
        loop_turn(l);
    }
    CHECK(*count == n);
}

static void loop_end(struct loop *l)
{
    pb_loop_unref(l->loop);
    for (int64_t end = loop_now(l) + 2000; !l->freed && loop_now(l) < end;) {
        loop_turn(l);
    }
    CHECK(l->freed);
}

static void count_up(pb_session *s, void *user_data)
{
    ++((int *)user_data)[0];
    CHECK(pb_session_is_ready(s));
}

static void count_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    ++((int *)user_data)[1];
}

/* Both ends of a connection. */
static void use_connections(void)
{
    int counts[2] = {0}; /* of those that were up, and of those that are down again */
    const pb_net_config config = {
        .session = {.on_ready = count_up, .on_close = count_close, .user_data = counts},
        .idle_timeout = 10000};
    pb_error err = {0};
    struct loop l;
    int fds[2];
    loop_begin(&l);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    pb_conn *client = pb_conn_adopt(l.loop, fds[0], PB_ADOPT_CLIENT, &config, &err);
    CHECK(client && pb_conn_adopt(l.loop, fds[1], 0, &config, &err));
    loop_run(&l, &counts[0], 2);
    pb_conn_close(client);
    loop_run(&l, &counts[1], 2);
    loop_end(&l);
}

static void on_down(pb_service *s, const pb_error *why, int64_t retry_in, void *user_data)
{
    CHECK(why->code == PB_ERR_SYSTEM && retry_in < 0);
    ++*(int *)user_data;
    pb_service_stop(s, 0, NULL, NULL);
}

/* Nobody listens: the service tries once, and tells. */
static void use_service(const char *folder)
{
    char endpoint[128];
    int down = 0;
    snprintf(endpoint, sizeof endpoint, "unix:%s/nobody", folder);
    const pb_service_config config = {.net = {.keep_alive = -1},
                                      .max_failures = 1,
                                      .on_down = on_down,
                                      .user_data = &down};
    pb_error err = {0};
    struct loop l;
    loop_begin(&l);
    CHECK(pb_service_new(l.loop, endpoint, &config, &err) != NULL);
    loop_run(&l, &down, 1);
    loop_end(&l);
    CHECK(!pb_client_open(endpoint, &config.net, &err) && err.code == PB_ERR_SYSTEM);
}

/* ---- Peers ---- */

static const pb_peer *give_peer(pb_session *s, void *driver)
{
    (void)s;
    return driver;
}

/* The program is the driver of this session, and tells it of the peer. */
static void use_peers(void)
{
    static const pb_peer_process process = {.pid = 1, .uid = 2, .gid = 3};
    static const pb_peer_tls tls = {.version = "TLSv1.3", .verified = true};
    static pb_peer peer = {.address = "unix:", .process = &process, .tls = &tls};
    const pb_session_config config = {.peer = give_peer, .driver = &peer};
    pb_session *s = pb_session_server_new(&config, 0);
    const pb_peer *seen = pb_session_peer(s);
    CHECK(strcmp(seen->address, "unix:") == 0 && seen->process->gid == 3);
    CHECK(seen->tls->verified && !seen->host);
    pb_session_free(s);
}

int main(void)
{
    char folder[] = "/tmp/pb-structs-XXXXXX", users[64];
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    snprintf(users, sizeof users, "%s/users", folder);
    FILE *f = fopen(users, "w");
    fputs("alice/secret\n", f);
    fclose(f);
    use_values();
    use_banana();
    use_jelly();
    use_sessions(users);
    use_peers();
    use_connections();
    use_service(folder);
    remove(users);
    rmdir(folder);
    if (!failed) {
        printf("libpb %s: all is as it should be\n", pb_version());
    }
    return failed;
}
