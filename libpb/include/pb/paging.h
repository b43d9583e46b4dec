/* SPDX-License-Identifier: MIT
 *
 * Paging: large data in pages, so that neither end holds all of it and other messages pass
 * in between. A pager sends to a collector of the peer's; a collector of ours is passed as
 * an argument of the call that asks for the pages. Mirrors twisted.spread.util. */
#ifndef PB_PAGING_H
#define PB_PAGING_H

#include <stdio.h>

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sending ---- */

/* One paging that is under way. It belongs to its session, and goes after `done`. */
typedef struct pb_pager pb_pager;

/* Where pages come from. */
typedef struct {
    /* nextPage: the next page, *new*, in *page, and true in *last with the last one. *page
     * NULL: there is none now (pb_pager_resume once there is), or, with *last, no more.
     * Non-zero ends the paging, with err. */
    int (*next_page)(void *self, pb_value **page, bool *last, pb_error *err);
    /* The paging is over, once, whatever happened: why has code PB_OK where the collector
     * was told that it has all (also after pb_pager_stop); else the collector was told so
     * too if it could be, for it would wait. May be NULL. */
    void (*done)(void *self, const pb_error *why);
    void *reserved[2];
} pb_page_source;

/* Sends pages to a collector, each when all that was written before has been sent, and no
 * two before each of the session's other pagers has sent one. ops is borrowed until done.
 * *pager (may be NULL) is borrowed, and valid until done. 0, or, with nothing sent and
 * done not called, PB_ERR_DEAD, PB_ERR_ARG, PB_ERR_NOMEM. Mirrors Pager. */
PB_API int pb_page(pb_remote *collector, const pb_page_source *ops, void *self,
                   pb_pager **pager);
/* What ends the ready-made pagers; as pb_page_source.done. */
typedef void (*pb_paged_cb)(const pb_error *why, void *user_data);
/* The same for the parts of a bytes value, which is counted until done; chunk 0 is 8192.
 * PB_ERR_TYPE for another kind. Mirrors StringPager. */
PB_API int pb_page_bytes(pb_remote *collector, pb_value *bytes, size_t chunk,
                         pb_paged_cb done, void *user_data, pb_pager **pager);
/* The same for a file from where it stands, which stays the caller's to close; chunk 0 is
 * 16384. An error of the file ends the paging. Mirrors FilePager. */
PB_API int pb_page_file(pb_remote *collector, FILE *file, size_t chunk, pb_paged_cb done,
                        void *user_data, pb_pager **pager);
/* Asks a source again that had no page. */
PB_API void pb_pager_resume(pb_pager *p);
/* Ends the paging when its turn comes next: no more pages are asked for. Mirrors
 * Pager.stopPaging. */
PB_API void pb_pager_stop(pb_pager *p);

/* ---- Receiving ---- */

/* Where pages go. */
typedef struct {
    /* A page came, borrowed. Non-zero ends the collecting with that code, and the call that
     * brought the page with a failure; err, if it is filled, says why, to both. */
    int (*page)(pb_value *page, pb_error *err, void *user_data);
    /* There are no more: code PB_OK where the pager said so, else a page was not taken, the
     * collector was given back before, or the connection ended. Once; may be NULL. */
    void (*end)(const pb_error *why, void *user_data);
    void *reserved[2];
} pb_collector_ops;

/* An object to pass to what sends pages, *new*; ops is borrowed for its life. A slow
 * receiver stops the reading by pb_session_pause. NULL for lack of memory. Mirrors
 * CallbackPageCollector. */
PB_API pb_object *pb_collector_new(const pb_collector_ops *ops, void *user_data);

/* Calls a method with a collector before its arguments (a tuple or NULL), and gives cb the
 * list of all pages, or a failure: also, unlike Twisted's, which waits for ever then, where
 * the call fails, the connection ends, a page is lost or the collector is given back. Pages
 * which have more bytes or values in all than one message may have are a failure too. The call's own answer is not looked at.
 * Returns, and runs cb, as pb_remote_call_values does; options may be NULL, and no_answer is not
 * looked at. Mirrors getAllPages. */
PB_API int pb_get_all_pages(pb_remote *to, const char *method, pb_value *args,
                            pb_value *kwargs, const pb_call_options *options,
                            pb_answer_cb cb, void *user_data, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
