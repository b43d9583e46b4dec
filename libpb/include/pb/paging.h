/* SPDX-License-Identifier: MIT
 *
 * Paging: sends large data in pages, so that neither side holds all of it, and other
 * messages can be sent in between. A pager sends the pages to a collector of the peer. A
 * collector of this program is passed as an argument of the call that requests the pages.
 * Mirrors twisted.spread.util. */
#ifndef PB_PAGING_H
#define PB_PAGING_H

#include <stdio.h>

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sending ---- */

/* A transfer of pages in progress. It belongs to its session, and is freed after
 * `done`. */
typedef struct pb_pager pb_pager;

/* A source of pages. */
typedef struct {
    /* nextPage: returns the next page, *new*, in *page, and sets *last for the last one.
     * *page NULL means that no page is available now (call pb_pager_resume when one is)
     * or, with *last, that there are no more. A non-zero result ends the transfer, with
     * err. */
    int (*next_page)(void *self, pb_value **page, bool *last, pb_error *err);
    /* The transfer has ended. Called once in every case; may be NULL. The code of `why`
     * is PB_OK if the collector was informed that it has all pages (also after
     * pb_pager_stop). Otherwise it has been informed as well, if that was possible,
     * because it would wait for ever. */
    void (*done)(void *self, const pb_error *why);
    void *reserved[2];
} pb_page_source;

/* Sends pages to a collector. Each page is sent when all earlier output has been sent;
 * the pagers of a session take turns, one page each. ops is borrowed until done. *pager
 * (may be NULL) is borrowed, and valid until done. 0, or PB_ERR_DEAD, PB_ERR_ARG,
 * PB_ERR_STATE (in a child process) or PB_ERR_NOMEM; then nothing was sent, and done is
 * not called. Mirrors Pager. */
PB_API int pb_page(pb_remote *collector, const pb_page_source *ops, void *self,
                   pb_pager **pager);
/* The end of a transfer by a ready-made pager; as pb_page_source.done. */
typedef void (*pb_paged_cb)(const pb_error *why, void *user_data);
/* Sends a bytes value in pages of `chunk` bytes; chunk 0 is 8192. The value is counted
 * until done. PB_ERR_TYPE for another kind. Mirrors StringPager. */
PB_API int pb_page_bytes(pb_remote *collector, pb_value *bytes, size_t chunk,
                         pb_paged_cb done, void *user_data, pb_pager **pager);
/* Sends a file from its current position in pages of `chunk` bytes; chunk 0 is 16384. The
 * caller closes the file. An error of the file ends the transfer. Mirrors FilePager. */
PB_API int pb_page_file(pb_remote *collector, FILE *file, size_t chunk, pb_paged_cb done,
                        void *user_data, pb_pager **pager);
/* Asks the source again, after it had no page available. */
PB_API void pb_pager_resume(pb_pager *p);
/* Ends the transfer at the pager's next turn: the source is not asked for more pages.
 * Mirrors Pager.stopPaging. */
PB_API void pb_pager_stop(pb_pager *p);

/* ---- Receiving ---- */

/* A receiver of pages. */
typedef struct {
    /* A page was received; it is borrowed. A non-zero result ends the transfer with that
     * code, and the call that brought the page fails. If err is filled, it is the reason
     * that both report. */
    int (*page)(pb_value *page, pb_error *err, void *user_data);
    /* There are no more pages. The code of `why` is PB_OK if the pager reported the end;
     * otherwise a page was refused, the collector was released early, or the connection
     * ended. Called once; may be NULL. */
    void (*end)(const pb_error *why, void *user_data);
    void *reserved[2];
} pb_collector_ops;

/* An object to pass to a sender of pages, *new*; ops is borrowed for its life. A slow
 * receiver pauses reading by pb_session_pause. NULL if memory is exhausted. Mirrors
 * CallbackPageCollector. */
PB_API pb_object *pb_collector_new(const pb_collector_ops *ops,
                                   void *user_data) PB_MUST_USE;

/* Calls a method with a collector as its first argument, before args (a tuple or NULL),
 * and passes the list of all pages to cb, or a failure. The answer of the call itself is
 * ignored. This fails if the call fails, the connection ends, a page is lost, or the
 * collector is released early; Twisted's getAllPages waits for ever then. It also fails
 * if the pages together have more bytes or values than one message may have. Returns, and
 * runs cb, as pb_remote_call_values does; options may be NULL, and no_answer is ignored.
 * Mirrors getAllPages. */
PB_API int pb_get_all_pages(pb_remote *to, const char *method, pb_value *args,
                            pb_value *kwargs, const pb_call_options *options,
                            pb_answer_cb cb, void *user_data, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
