/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in flavors, registries, local references, pages and published
 * objects: see tests/null.h. */
#include "libpb/broker/tests/pair.h"
#include "pb/flavors.h"
#include "pb/local.h"
#include "pb/paging.h"
#include "pb/publish.h"
#include "tests/null.h"

static pb_error err;

static const pb_class plain_class = {.name = "a.Plain"};
static const pb_class cache_class = {.name = "a.Cache", .flavor = PB_FLAVOR_CACHEABLE};
static const pb_class nameless_class = {.flavor = PB_FLAVOR_CACHEABLE};

static pb_object *plain(void)
{
    return pb_object_new(&plain_class, NULL);
}

static struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof *p);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){0}));
    talk(p);
    p->log_len = 0;
    p->log[0] = '\0';
    return p;
}

static void pair_free(struct pair *p)
{
    pair_close_both(p);
    free(p);
}

/* ---- Perspectives ---- */

PB_TEST(null, pb_viewpoint_new)
{
    pb_object *o = plain();
    pb_object *view = pb_viewpoint_new(NULL, o);
    GIVES(pb_viewpoint_object(view), o);
    pb_object_unref(view);
    GIVES(pb_viewpoint_new(o, NULL), NULL);
    GIVES(pb_viewpoint_new(NULL, NULL), NULL);
    pb_object_unref(o);
}

PB_TEST(null, pb_viewpoint_object)
{
    GIVES(pb_viewpoint_object(NULL), NULL);
}

PB_TEST(null, pb_viewpoint_perspective)
{
    GIVES(pb_viewpoint_perspective(NULL), NULL);
}

PB_TEST(null, pb_referenceable_new)
{
    pb_object *o = plain();
    GIVES(pb_referenceable_new(NULL, PB_ROLE_PERSPECTIVE), NULL);
    GIVES(pb_referenceable_new(o, (pb_role)-1), NULL);
    GIVES(pb_referenceable_new(o, (pb_role)77), NULL);
    pb_object_unref(o);
}

PB_TEST(null, pb_remote_perspective)
{
    GIVES(pb_remote_perspective(NULL), NULL);
}

/* ---- Registries ---- */

PB_TEST(null, pb_registry_new)
{
    pb_registry *g = pb_registry_new();
    cr_assert_not_null(g);
    pb_registry_unref(g);
}

PB_TEST(null, pb_registry_ref)
{
    GIVES(pb_registry_ref(NULL), NULL);
}

PB_TEST(null, pb_registry_unref)
{
    pb_registry_unref(NULL);
}

PB_TEST(null, pb_registry_set_class)
{
    pb_registry *g = pb_registry_new();
    GIVES(pb_registry_set_class(NULL, "a.b", &plain_class), PB_ERR_ARG);
    GIVES(pb_registry_set_class(g, NULL, &plain_class), PB_ERR_ARG);
    GIVES(pb_registry_set_class(g, "a.b", NULL), 0);
    GIVES(pb_registry_set_class(NULL, NULL, NULL), PB_ERR_ARG);
    pb_registry_unref(g);
}

PB_TEST(null, pb_object_state)
{
    GIVES(pb_object_state(NULL), NULL);
}

PB_TEST(null, pb_registry_set_class_tree)
{
    pb_registry *g = pb_registry_new();
    const pb_class *const classes[] = {&plain_class, NULL};
    const pb_class *const nameless[] = {&plain_class, &nameless_class};
    GIVES(pb_registry_set_class_tree(NULL, "a", classes, 1), PB_ERR_ARG);
    GIVES(pb_registry_set_class_tree(g, NULL, classes, 1), PB_ERR_ARG);
    GIVES(pb_registry_set_class_tree(g, "a", NULL, SIZE_MAX), PB_ERR_ARG);
    GIVES(pb_registry_set_class_tree(g, "a", NULL, 0), 0);
    GIVES(pb_registry_set_class_tree(g, "a", classes, 2), PB_ERR_ARG);
    GIVES(pb_registry_set_class_tree(g, "a", nameless, 2), PB_ERR_ARG);
    GIVES(pb_registry_set_class_tree(NULL, NULL, NULL, 1), PB_ERR_ARG);
    pb_registry_unref(g);
}

static pb_value *make_none(pb_value *state, pb_error *e, void *user_data)
{
    (void)state;
    (void)e;
    (void)user_data;
    return pb_none();
}

PB_TEST(null, pb_registry_set_factory)
{
    pb_registry *g = pb_registry_new();
    GIVES(pb_registry_set_factory(NULL, "a.b", make_none, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_factory(g, NULL, make_none, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_factory(g, "a.b", NULL, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_factory(NULL, NULL, NULL, NULL), PB_ERR_ARG);
    pb_registry_unref(g);
}

static pb_value *unjelly_none(pb_value *members, pb_error *why, void *user_data)
{
    return make_none(members, why, user_data);
}

PB_TEST(null, pb_registry_set_unjelly)
{
    pb_registry *g = pb_registry_new();
    GIVES(pb_registry_set_unjelly(NULL, "a.b", unjelly_none, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_unjelly(g, NULL, unjelly_none, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_unjelly(g, "a.b", NULL, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_unjelly(NULL, NULL, NULL, NULL), PB_ERR_ARG);
    pb_registry_unref(g);
}

PB_TEST(null, pb_registry_set_reference)
{
    pb_registry *g = pb_registry_new();
    GIVES(pb_registry_set_reference(NULL, "a.b"), PB_ERR_ARG);
    GIVES(pb_registry_set_reference(g, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_reference(NULL, NULL), PB_ERR_ARG);
    pb_registry_unref(g);
}

PB_TEST(null, pb_registry_set_published)
{
    static const pb_published_config config;
    pb_registry *g = pb_registry_new();
    GIVES(pb_registry_set_published(NULL, "a.b", &cache_class, &config), PB_ERR_ARG);
    GIVES(pb_registry_set_published(g, NULL, &cache_class, &config), PB_ERR_ARG);
    GIVES(pb_registry_set_published(g, "a.b", NULL, &config), PB_ERR_ARG);
    GIVES(pb_registry_set_published(g, "a.b", &cache_class, NULL), PB_ERR_ARG);
    GIVES(pb_registry_set_published(NULL, NULL, NULL, NULL), PB_ERR_ARG);
    pb_registry_unref(g);
}

/* ---- Failures as values ---- */

PB_TEST(null, pb_failure_to_value)
{
    GIVES(pb_failure_to_value(NULL), NULL);
}

PB_TEST(null, pb_failure_from_value)
{
    GIVES(pb_failure_from_value(NULL), NULL);
}

/* ---- Local references ---- */

PB_TEST(null, pb_local_as_remote)
{
    GIVES(pb_local_as_remote(NULL), NULL);
}

PB_TEST(null, pb_local_async_forwarder)
{
    static const char *const names[] = {"a", NULL};
    struct pair *p = pair_new();
    pb_object *o = plain();
    GIVES(pb_local_async_forwarder(NULL, names, true), NULL);
    GIVES(pb_local_async_forwarder(NULL, NULL, true), NULL);
    /* Without names it has no methods. */
    pb_remote *r = pb_local_async_forwarder(o, NULL, true);
    GIVES(pb_remote_call(r, "a", noted, p, NULL, ""), 0);
    cr_assert_str_eq(p->log, "failure 0 builtins.NotImplementedError: No Such Method in "
                             "Interface: a\n");
    pb_remote_unref(r);
    pb_object_unref(o);
    pair_free(p);
}

/* ---- Pages ---- */

static int no_page(void *self, pb_value **page, bool *last, pb_error *why)
{
    (void)self;
    (void)page;
    (void)why;
    *last = true;
    return 0;
}

static void paged(const pb_error *why, void *user_data)
{
    (void)why;
    *(int *)user_data += 1;
}

/* The peer has no collector under this name, which does not matter here. */

PB_TEST(null, pb_page)
{
    static const pb_page_source source = {.next_page = no_page}, lacking = {0};
    struct pair *p = pair_new();
    pb_remote *to = pb_session_root(p->client);
    pb_pager *pager = (pb_pager *)p;
    GIVES(pb_page(NULL, &source, p, &pager), PB_ERR_ARG);
    GIVES(pager, NULL);
    GIVES(pb_page(to, NULL, p, &pager), PB_ERR_ARG);
    GIVES(pb_page(to, &lacking, p, &pager), PB_ERR_ARG);
    GIVES(pb_page(NULL, NULL, NULL, NULL), PB_ERR_ARG);
    GIVES(pb_page(to, &source, p, NULL), 0);
    later(p, 1);
    pb_remote_unref(to);
    pair_free(p);
}

PB_TEST(null, pb_page_bytes)
{
    struct pair *p = pair_new();
    pb_remote *to = pb_session_root(p->client);
    pb_value *bytes = pb_bytes(pb_span_of("bytes"));
    pb_pager *pager = (pb_pager *)p;
    int ends = 0;
    GIVES(pb_page_bytes(NULL, bytes, 0, paged, &ends, &pager), PB_ERR_ARG);
    GIVES(pager, NULL);
    pager = (pb_pager *)p;
    GIVES(pb_page_bytes(to, NULL, 0, paged, &ends, &pager), PB_ERR_ARG);
    GIVES(pager, NULL);
    GIVES(pb_page_bytes(NULL, NULL, 0, NULL, NULL, NULL), PB_ERR_ARG);
    GIVES(ends, 0);
    GIVES(pb_page_bytes(to, bytes, SIZE_MAX, NULL, NULL, &pager), 0);
    GIVES(pb_page_bytes(to, bytes, SIZE_MAX, paged, &ends, NULL), 0);
    for (int i = 0; i < 5; i++) {
        later(p, 1);
    }
    GIVES(ends, 1);
    pb_value_unref(bytes);
    pb_remote_unref(to);
    pair_free(p);
}

PB_TEST(null, pb_page_file)
{
    struct pair *p = pair_new();
    pb_remote *to = pb_session_root(p->client);
    FILE *file = fopen("/dev/null", "r");
    pb_pager *pager = (pb_pager *)p;
    int ends = 0;
    GIVES(pb_page_file(NULL, file, 0, paged, &ends, &pager), PB_ERR_ARG);
    GIVES(pager, NULL);
    pager = (pb_pager *)p;
    GIVES(pb_page_file(to, NULL, 0, paged, &ends, &pager), PB_ERR_ARG);
    GIVES(pager, NULL);
    GIVES(pb_page_file(NULL, NULL, 0, NULL, NULL, NULL), PB_ERR_ARG);
    GIVES(ends, 0);
    GIVES(pb_page_file(to, file, 0, NULL, NULL, &pager), 0);
    GIVES(pb_page_file(to, file, 0, paged, &ends, NULL), 0);
    later(p, 1);
    later(p, 1);
    GIVES(ends, 1);
    fclose(file);
    pb_remote_unref(to);
    pair_free(p);
}

PB_TEST(null, pb_pager_resume)
{
    pb_pager_resume(NULL);
}

PB_TEST(null, pb_pager_stop)
{
    pb_pager_stop(NULL);
}

PB_TEST(null, pb_collector_new)
{
    static const pb_collector_ops lacking = {0};
    GIVES(pb_collector_new(NULL, NULL), NULL);
    GIVES(pb_collector_new(&lacking, NULL), NULL);
}

PB_TEST(null, pb_get_all_pages)
{
    struct pair *p = pair_new();
    pb_remote *to = pb_session_root(p->client);
    pb_value *args = pb_build(NULL, "(i)", 1), *kwargs = pb_dict();
    const pb_call_options options = {.timeout = INT64_MAX};
    GIVES(pb_get_all_pages(NULL, "a", args, kwargs, &options, noted, p, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the reference to call");
    GIVES(pb_get_all_pages(to, NULL, args, kwargs, &options, noted, p, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_get_all_pages(to, "a", NULL, kwargs, &options, noted, p, &err), 0);
    GIVES(pb_get_all_pages(to, "a", args, NULL, &options, noted, p, &err), 0);
    GIVES(pb_get_all_pages(to, "a", args, kwargs, NULL, noted, p, &err), 0);
    GIVES(pb_get_all_pages(to, "a", args, kwargs, &options, NULL, p, &err), 0);
    GIVES(pb_get_all_pages(to, "a", args, kwargs, &options, noted, p, NULL), 0);
    GIVES(pb_get_all_pages(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), PB_ERR_ARG);
    talk(p);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    pb_remote_unref(to);
    pair_free(p);
}

/* ---- Published ---- */

static pb_publishable published = {.timestamp = 1};

PB_TEST(null, pb_publishable_state)
{
    struct pair *p = pair_new();
    pb_remote *to = pb_session_root(p->client);
    pb_object *o = plain();
    published.published_id = pb_int(1);
    GIVES(pb_publishable_state(NULL, o, to, &err), NULL);
    TOLD_NULL(&err, "the publishable");
    GIVES(pb_publishable_state(&published, o, NULL, &err), NULL);
    TOLD(&err, PB_ERR_ARG, "a publishable can only be sent to an observer");
    GIVES(pb_publishable_state(&published, NULL, to, &err), NULL);
    TOLD(&err, PB_ERR_ARG, "a publishable can only be sent to an observer");
    GIVES(pb_publishable_state(&published, o, to, NULL), NULL);
    published.published_id = NULL;
    GIVES(pb_publishable_state(&published, o, to, &err), NULL);
    TOLD_NULL(&err, "the publishedID");
    GIVES(pb_publishable_state(NULL, NULL, NULL, NULL), NULL);
    pb_object_unref(o);
    pb_remote_unref(to);
    pair_free(p);
}

PB_TEST(null, pb_publishable_get_state)
{
    GIVES(pb_publishable_get_state(&published, NULL), PB_ERR_ARG);
    GIVES(pb_publishable_get_state(NULL, NULL), PB_ERR_ARG);
}

static void activated(pb_object *o, pb_failure *failure, void *user_data)
{
    (void)o;
    (void)failure;
    (void)user_data;
}

PB_TEST(null, pb_published_when_activated)
{
    pb_object *o = plain();
    GIVES(pb_published_when_activated(NULL, activated, NULL), PB_ERR_ARG);
    GIVES(pb_published_when_activated(o, NULL, NULL), PB_ERR_ARG);
    GIVES(pb_published_when_activated(NULL, NULL, NULL), PB_ERR_ARG);
    pb_object_unref(o);
}

PB_TEST(null, pb_when_ready)
{
    struct pair *p = pair_new();
    pb_remote *to = pb_session_root(p->client);
    pb_value *args = pb_build(NULL, "(i)", 1), *kwargs = pb_dict();
    const pb_call_options options = {.timeout = INT64_MAX};
    pb_call *call = (pb_call *)p;
    GIVES(pb_when_ready(NULL, "a", args, kwargs, &options, noted, p, &call, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the reference to call");
    GIVES(call, NULL);
    GIVES(pb_when_ready(to, NULL, args, kwargs, &options, noted, p, &call, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_when_ready(to, "a", NULL, kwargs, &options, noted, p, &call, &err), 0);
    GIVES(pb_when_ready(to, "a", args, NULL, &options, noted, p, &call, &err), 0);
    GIVES(pb_when_ready(to, "a", args, kwargs, NULL, noted, p, &call, &err), 0);
    GIVES(pb_when_ready(to, "a", args, kwargs, &options, NULL, p, &call, &err), 0);
    GIVES(pb_when_ready(to, "a", args, kwargs, &options, noted, p, NULL, &err), 0);
    GIVES(pb_when_ready(to, "a", args, kwargs, &options, noted, p, &call, NULL), 0);
    GIVES(pb_when_ready(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          PB_ERR_ARG);
    talk(p);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    pb_remote_unref(to);
    pair_free(p);
}
