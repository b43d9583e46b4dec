/* SPDX-License-Identifier: MIT
 *
 * Connections, servers and services on GLib's main loop:
 *     pb_loop *loop = pb_loop_glib(NULL);
 *     pb_conn *conn = pb_connect(loop, "tls:host:8800", &config, &err);
 * Link with glib-2.0. */
#ifndef PB_ADAPTERS_GLIB_H
#define PB_ADAPTERS_GLIB_H

#include <glib-unix.h>
#include <glib.h>

#include "pb/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The following is private to this header, except pb_loop_glib. */
typedef struct {
    GSource *timer;
    GMainContext *context;
    pb_loop *loop;
} pb_glib;

/* A source for each descriptor. */
typedef struct {
    GSource source;
    pb_watch *watch;
    gpointer tag; /* of the descriptor; NULL: it is not watched */
    int fd;
    unsigned wanted;
} pb_glib_watch;

static inline gboolean pb_glib_on_watch(GSource *source, GSourceFunc cb, gpointer data)
{
    pb_glib_watch *w = (pb_glib_watch *)(void *)source;
    unsigned is = w->tag ? g_source_query_unix_fd(source, w->tag) : 0;
    (void)cb;
    (void)data;
    is = (is & (G_IO_HUP | G_IO_ERR | G_IO_NVAL)) ? w->wanted : is & w->wanted;
    pb_watch_ready(w->watch, ((is & G_IO_IN) ? PB_WATCH_READ : 0) |
                                 ((is & G_IO_OUT) ? PB_WATCH_WRITE : 0));
    return G_SOURCE_CONTINUE;
}

static inline int pb_glib_watch_new(void *loop, int fd, pb_watch *watch, void **own)
{
    static GSourceFuncs funcs = {NULL, NULL, pb_glib_on_watch, NULL, NULL, NULL};
    GSource *source = g_source_new(&funcs, sizeof(pb_glib_watch));
    pb_glib_watch *w = (pb_glib_watch *)(void *)source;
    w->watch = watch;
    w->tag = NULL;
    w->fd = fd;
    g_source_set_can_recurse(source, TRUE); /* callbacks may run the loop */
    g_source_attach(source, ((pb_glib *)loop)->context);
    *own = source;
    return 0;
}

/* Without any events, GLib would still report that the peer has hung up. */
static inline int pb_glib_watch_set(void *loop, void *own, int events)
{
    pb_glib_watch *w = (pb_glib_watch *)own;
    (void)loop;
    w->wanted = (events & PB_WATCH_READ ? (unsigned)G_IO_IN : 0) |
                (events & PB_WATCH_WRITE ? (unsigned)G_IO_OUT : 0);
    if (w->tag && events) {
        g_source_modify_unix_fd(&w->source, w->tag, (GIOCondition)w->wanted);
    } else if (w->tag) {
        g_source_remove_unix_fd(&w->source, w->tag);
        w->tag = NULL;
    } else if (events) {
        w->tag = g_source_add_unix_fd(&w->source, w->fd, (GIOCondition)w->wanted);
    }
    return 0;
}

static inline void pb_glib_watch_free(void *loop, void *own)
{
    (void)loop;
    g_source_destroy((GSource *)own);
    g_source_unref((GSource *)own);
}

static inline gboolean pb_glib_on_timer(GSource *source, GSourceFunc cb, gpointer data)
{
    (void)cb;
    g_source_set_ready_time(source, -1);
    pb_loop_due(((pb_glib *)data)->loop);
    return G_SOURCE_CONTINUE;
}

static inline void pb_glib_set_timer(void *loop, int64_t delay)
{
    g_source_set_ready_time(((pb_glib *)loop)->timer,
                            delay > 0 ? g_get_monotonic_time() + delay * 1000 : delay);
}

static inline void pb_glib_free(void *loop)
{
    pb_glib *g = (pb_glib *)loop;
    g_source_destroy(g->timer);
    g_source_unref(g->timer);
    g_main_context_unref(g->context);
    g_free(g);
}

/* Wraps a context, which the program runs: *new* (pb_loop_unref). NULL means the default
 * context. Returns NULL if the library has no memory. */
static inline pb_loop *pb_loop_glib(GMainContext *context)
{
    static const pb_loop_ops ops = {pb_glib_watch_new,
                                    pb_glib_watch_set,
                                    pb_glib_watch_free,
                                    pb_glib_set_timer,
                                    NULL,
                                    NULL,
                                    pb_glib_free,
                                    NULL,
                                    {NULL, NULL, NULL}};
    static GSourceFuncs funcs = {NULL, NULL, pb_glib_on_timer, NULL, NULL, NULL};
    pb_glib *g = g_new0(pb_glib, 1);
    g->loop = pb_loop_new(&ops, g);
    if (!g->loop) {
        g_free(g);
        return NULL;
    }
    g->context = g_main_context_ref(context ? context : g_main_context_default());
    g->timer = g_source_new(&funcs, sizeof(GSource));
    g_source_set_callback(g->timer, NULL, g, NULL);
    g_source_set_can_recurse(g->timer, TRUE);
    g_source_attach(g->timer, g->context);
    return g->loop;
}

#ifdef __cplusplus
}
#endif
#endif
