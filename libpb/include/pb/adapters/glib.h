/* SPDX-License-Identifier: MIT
 *
 * A session under GLib's main loop. The program connects or accepts; from then on the
 * socket is the session's. Link with glib-2.0. */
#ifndef PB_ADAPTERS_GLIB_H
#define PB_ADAPTERS_GLIB_H

#include <glib-unix.h>
#include <glib.h>

#include "pb/adapters/drive.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a session's source has, for this header alone. */
typedef struct {
    GSource source;
    pb_drive_state drive;
    gpointer tag; /* of the socket */
} pb_glib;

static inline gboolean pb_glib_dispatch(GSource *source, GSourceFunc cb, gpointer data)
{
    pb_glib *a = (pb_glib *)(void *)source;
    int64_t timeout;
    GIOCondition is = g_source_query_unix_fd(source, a->tag);
    int ready = (is & (G_IO_IN | G_IO_HUP | G_IO_ERR) ? PB_DRIVE_READ : 0) |
                (is & G_IO_OUT ? PB_DRIVE_WRITE : 0);
    (void)cb;
    (void)data;
    int wait = pb_drive(&a->drive, ready, &timeout);
    if (wait < 0) {
        return G_SOURCE_REMOVE;
    }
    g_source_modify_unix_fd(source, a->tag,
                            (GIOCondition)((wait & PB_DRIVE_READ ? G_IO_IN : 0) |
                                           (wait & PB_DRIVE_WRITE ? G_IO_OUT : 0)));
    g_source_set_ready_time(source,
                            timeout < 0 ? -1 : g_get_monotonic_time() + timeout * 1000);
    return G_SOURCE_CONTINUE;
}

static inline void pb_glib_wake(pb_session *s, void *driver)
{
    (void)s;
    g_source_set_ready_time(&((pb_glib *)driver)->source, 0);
}

/* The session of a connected socket, which is taken over in every case; both go when the
 * session is over, after on_close. context NULL is the default one. NULL for lack of
 * memory of the library's. */
static inline pb_session *pb_glib_attach(GMainContext *context, int fd, bool is_client,
                                         const pb_session_config *config)
{
    static GSourceFuncs funcs = {NULL, NULL, pb_glib_dispatch, NULL, NULL, NULL};
    GSource *source = g_source_new(&funcs, sizeof(pb_glib));
    pb_glib *a = (pb_glib *)(void *)source;
    if (pb_drive_init(&a->drive, fd, is_client, config, pb_glib_wake, a) != 0) {
        g_source_unref(source);
        close(fd);
        return NULL;
    }
    a->tag = g_source_add_unix_fd(source, fd, G_IO_IN);
    g_source_set_ready_time(source, 0);
    g_source_attach(source, context);
    g_source_unref(source); /* the context has it */
    return a->drive.session;
}

#ifdef __cplusplus
}
#endif
#endif
