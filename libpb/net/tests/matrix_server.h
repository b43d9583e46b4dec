/* SPDX-License-Identifier: MIT
 *
 * A server in a process of its own that has the client run every callback there is. */
#ifndef PB__NET_TESTS_MATRIX_SERVER_H
#define PB__NET_TESTS_MATRIX_SERVER_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "pb/pb.h"
#include "tests/support.h"

/* ---- What it gives ---- */

static inline pb_value *m_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{s:i}", "left", 3);
}

static pb_remote *m_observer; /* of what was given last */

static inline pb_value *m_cache_state(void *self, pb_object *perspective,
                                      pb_remote *observer, pb_error *err)
{
    pb_remote_unref(m_observer);
    m_observer = pb_remote_ref(observer);
    return m_state(self, perspective, err);
}

static const pb_class m_object = {.name = "Object"};
static const pb_class m_copy = {
    .name = "shop.Copy", .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = m_state};
static const pb_class m_made = {
    .name = "shop.Made", .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = m_state};
static const pb_class m_cache = {
    .name = "shop.Cache", .flavor = PB_FLAVOR_CACHEABLE, .state_to_cache = m_cache_state};
static const pb_class m_published = {
    .name = "shop.Published",
    .flavor = PB_FLAVOR_CACHEABLE,
    .view = (const pb_method[]){{"getStateToPublish", pb_publishable_get_state}, {0}},
    .state_to_cache = pb_publishable_state};

static inline int m_give(pb_request *r, const pb_class *cls, void *self)
{
    return pb_request_answer_steal(r, pb_object_value_steal(pb_object_new(cls, self)));
}

/* ---- Its methods ---- */

static inline int m_echo(void *self, pb_request *r)
{
    (void)self;
    pb_value *v;
    int e = pb_request_unpack(r, "O", &v);
    return e ? e : pb_request_answer_steal(r, pb_value_ref(v));
}

static inline int m_boom(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.ValueError", "boom");
}

static inline int m_hold(void *self, pb_request *r)
{
    (void)self;
    (void)pb_request_ref(r); /* for ever */
    return 0;
}

static inline int m_hang_up(void *self, pb_request *r)
{
    (void)self;
    pb_session_close(pb_request_session(r));
    return 0;
}

/* Holds what it gets until `drop`. */
static pb_value *m_taken;

static inline int m_drop(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    pb_value_unref(m_taken);
    m_taken = NULL;
    return 0;
}

static inline int m_take(void *self, pb_request *r)
{
    pb_value *v;
    int e = pb_request_unpack(r, "O", &v);
    if (e == 0) {
        pb_value_ref(v);
        m_drop(self, r);
        m_taken = v;
    }
    return e;
}

static inline void m_called(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_request *r = user_data;
    if (result) {
        pb_request_answer_steal(r, pb_value_ref(result));
    } else {
        pb_request_fail_with(r, failure);
    }
    pb_request_unref(r);
}

/* Calls a method of the client's root, and answers as that does. */
static inline int m_call_me(void *self, pb_request *r)
{
    (void)self;
    const char *method;
    int e = pb_request_unpack(r, "s", &method);
    if (e) {
        return e;
    }
    pb_remote *root = pb_session_root(pb_request_session(r));
    e = pb_remote_call(root, method, m_called, pb_request_ref(r), NULL, "");
    pb_remote_unref(root);
    return e;
}

/* The same, but answers at once, or (`call_me_and_hold`) never. */
static inline int m_call_me_and_answer(void *self, pb_request *r)
{
    (void)self;
    const char *method;
    int e = pb_request_unpack(r, "s", &method);
    pb_remote *root = pb_session_root(pb_request_session(r));
    e = e ? e : pb_remote_call(root, method, NULL, NULL, NULL, "");
    pb_remote_unref(root);
    return e ? e : pb_request_answer_steal(r, pb_int(5));
}

static inline int m_call_me_and_hold(void *self, pb_request *r)
{
    (void)pb_request_ref(r);
    const char *method;
    (void)self;
    int e = pb_request_unpack(r, "s", &method);
    pb_remote *root = pb_session_root(pb_request_session(r));
    e = e ? e : pb_remote_call(root, method, NULL, NULL, NULL, "");
    pb_remote_unref(root);
    return e;
}

/* Answers after so many milliseconds. */
struct m_late {
    uv_timer_t timer;
    pb_request *request;
};

static inline void m_late_closed(uv_handle_t *timer)
{
    free(timer);
}

static inline void m_on_late(uv_timer_t *timer)
{
    struct m_late *late = (struct m_late *)timer;
    (void)pb_request_answer_steal(late->request, pb_str("at last"));
    pb_request_unref(late->request);
    uv_close((uv_handle_t *)timer, m_late_closed);
}

static inline int m_later(void *self, pb_request *r)
{
    int milliseconds;
    (void)self;
    int e = pb_request_unpack(r, "i", &milliseconds);
    struct m_late *late = malloc(sizeof *late);
    late->request = pb_request_ref(r);
    uv_timer_init(uv_default_loop(), &late->timer);
    return e ? e : uv_timer_start(&late->timer, m_on_late, (uint64_t)milliseconds, 0);
}

/* Logs in to the client, keeps the avatar until `drop`. */
static inline void m_logged_in(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_value_unref(m_taken);
    m_taken = pb_value_ref(result);
    m_called(result ? pb_none() : NULL, failure, user_data);
}

static inline int m_log_in_to_me(void *self, pb_request *r)
{
    (void)self;
    const pb_credentials alice = {.username = "alice", .password = "sesame"};
    return pb_login(pb_request_session(r), &alice, NULL, NULL, m_logged_in,
                    pb_request_ref(r), NULL, NULL);
}

/* Sends three pages to the collector that it gets. */
static inline int m_pages(void *self, pb_request *r)
{
    (void)self;
    pb_value *collector,
        *bytes = pb_bytes((pb_span){(const uint8_t *)"page one two", 12});
    int e = pb_request_unpack(r, "O", &collector);
    e = e ? e : pb_page_bytes(pb_as_remote(collector), bytes, 4, NULL, NULL, NULL);
    pb_value_unref(bytes);
    return e;
}

static inline int m_page(pb_value *page, pb_error *err, void *user_data)
{
    (void)page;
    (void)err;
    (void)user_data;
    return 0;
}

static const pb_collector_ops m_collector = {.page = m_page};

static inline int m_give_collector(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(
        r, pb_object_value_steal(pb_collector_new(&m_collector, NULL)));
}

static inline int m_give_object(void *self, pb_request *r)
{
    return m_give(r, &m_object, self);
}

static inline int m_give_copy(void *self, pb_request *r)
{
    return m_give(r, &m_copy, self);
}

static inline int m_give_made(void *self, pb_request *r)
{
    return m_give(r, &m_made, self);
}

static inline int m_give_cache(void *self, pb_request *r)
{
    return m_give(r, &m_cache, self);
}

/* Has the client's caches of what it gave last be told. */
static inline int m_change(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    return m_observer ? pb_remote_call(m_observer, "change", NULL, NULL, NULL, "") : 0;
}

/* An answer that the client refuses after a factory has made the first part of it. */
static inline int m_give_refused(void *self, pb_request *r)
{
    pb_value *made = pb_object_value_steal(pb_object_new(&m_made, self));
    return pb_request_answer_steal(
        r, pb_build(NULL, "[NN]", made, pb_name(PB_CLASS, "shop.Secret")));
}

static inline int m_give_thing(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(r, pb_instance_steal("shop.Thing", pb_dict()));
}

static inline pb_value *m_publish_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{s:i}", "rest", 5);
}

static inline int m_give_published(void *self, pb_request *r)
{
    static pb_publishable published;
    (void)self;
    published = (pb_publishable){
        .published_id = pb_int(1), .timestamp = 5, .state_to_publish = m_publish_state};
    return m_give(r, &m_published, &published);
}

static inline int m_save(pb_value *v, pb_value **id, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    const char *name = pb_name_of(v);
    *id = name && strcmp(name, "shop.Thing") == 0 ? pb_int(7) : NULL;
    return 0;
}

static const pb_class m_root = {
    .name = "Root",
    .remote = (const pb_method[]){{"echo", m_echo},
                                  {"boom", m_boom},
                                  {"hold", m_hold},
                                  {"hang_up", m_hang_up},
                                  {"take", m_take},
                                  {"drop", m_drop},
                                  {"call_me", m_call_me},
                                  {"call_me_and_answer", m_call_me_and_answer},
                                  {"call_me_and_hold", m_call_me_and_hold},
                                  {"later", m_later},
                                  {"log_in_to_me", m_log_in_to_me},
                                  {"pages", m_pages},
                                  {"collector", m_give_collector},
                                  {"object", m_give_object},
                                  {"copy", m_give_copy},
                                  {"made", m_give_made},
                                  {"cache", m_give_cache},
                                  {"change", m_change},
                                  {"refused", m_give_refused},
                                  {"thing", m_give_thing},
                                  {"published", m_give_published},
                                  {"loginAnonymous", m_give_object},
                                  {0}}};

/* ---- The process ---- */

struct m_server {
    pid_t pid;
    char endpoint[48];
};

static inline void m_serve(int port_to, const char *endpoint, pb_net_config config)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test ends, however it does */
    static const pb_class copy = {.name = "Ours"},
                          cache = {.name = "OurCache", .flavor = PB_FLAVOR_CACHEABLE};
    config.session.registry = pb_registry_new();
    pb_registry_set_class(config.session.registry, "shop.Ours", &copy);
    pb_registry_set_class(config.session.registry, "shop.OurCache", &cache);
    config.session.root = pb_object_new(&m_root, NULL);
    config.session.jelly.persistent_save = m_save;
    int port = pb_server_port(pb_serve(pb_loop_default(), endpoint, &config, NULL));
    if (write(port_to, &port, sizeof port) == sizeof port) {
        pb_run();
    }
    _exit(1);
}

/* Starts it; a test may take two minutes then. */
static inline void m_begin(struct m_server *s, const char *plugin,
                           const pb_net_config *config)
{
    int port, ports[2];
    char endpoint[64];
    alarm(120);
    snprintf(endpoint, sizeof endpoint, "%s:0:interface=127.0.0.1", plugin);
    cr_assert_eq(pipe(ports), 0);
    s->pid = fork();
    if (s->pid == 0) {
        m_serve(ports[1], endpoint, *config);
    }
    cr_assert_eq(read(ports[0], &port, sizeof port), sizeof port);
    cr_assert_gt(port, 0);
    snprintf(s->endpoint, sizeof s->endpoint, "%s:127.0.0.1:%d", plugin, port);
    close(ports[0]);
    close(ports[1]);
}

static inline void m_end(struct m_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

#endif
