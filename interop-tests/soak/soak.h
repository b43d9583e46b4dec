/* SPDX-License-Identifier: MIT
 *
 * The C side of the soak test: soak ENDPOINT client|server SEED SECONDS. Both sides of a
 * connection make random calls of each other and check each answer; twisted_side.py is
 * the other side, in Twisted. The first wrong answer ends the program. */
#ifndef SOAK_H
#define SOAK_H

#include <pb/pb.h>
#include <stdio.h>

#define SHELF_TAG "soak.Shelf"
#define SONG_TAG "soak.Song"
#define CARD_TAG "soak.Card"
#define COUNTS_SIZE 160

enum { SONGS = 4, SIDE_BY_SIDE = 8 /* operations in progress at one time */ };

/* The numbers that are printed at the end. */
struct figures {
    uint64_t calls, references, caches, songs, pages, copies, logins, cancelled;
    uint64_t connections, cuts, quiet;
};

/* This side of the connection. There is one connection at a time. */
struct side {
    bool client;
    uint64_t random; /* the state of the random numbers */
    struct figures did;

    pb_session *session; /* NULL without a connection */
    pb_remote *avatar;   /* of a client: its own */
    pb_remote *peer;     /* the peer's object that the operations call */
    pb_value *held;     /* a list: references that the peer's operations have left here */
    bool running;       /* new operations are started */
    size_t in_progress; /* operations */
    size_t ended;       /* operations since the connection began */
    size_t refused;     /* logins since the connection began */
    /* Called when no operation is in progress and none is started; NULL: nothing to do */
    void (*on_quiet)(struct side *side);
    void (*on_operation)(struct side *side); /* after each operation; may be NULL */
    pb_request *quiet_request;               /* of the peer, answered when it is quiet */

    pb_object *object; /* what the peer's operations call */
    int64_t live;      /* objects that were made for the peer and are not destroyed */
    struct song *songs;
    int64_t logged_in; /* avatars that are not logged out */
};

/* Prints what is wrong, and ends the program. */
void soak_fail(const struct side *side, const char *format, ...) PB_PRINTF(2, 3);
/* The same unless the condition holds. */
#define SOAK_CHECK(side, condition) \
    ((condition) ? (void)0 : soak_fail(side, "%s:%d: %s", __FILE__, __LINE__, #condition))

/* ---- random_value.c ---- */

/* A number from 0 to n - 1. */
uint64_t random_below(struct side *side, uint64_t n);
/* A value of random kind and size, which equals itself after its way there and back. */
pb_value *random_value(struct side *side, int depth);
/* The bytes that a transfer of n bytes in pages consists of: *new*. */
pb_value *paged_bytes(size_t n);

/* ---- objects.c ---- */

/* Makes the object that the peer calls, and the songs. */
void objects_init(struct side *side);
void objects_fini(struct side *side);
/* A registry of the copies and caches that the peer may send; the files of published
 * songs are in the folder. *New*. */
pb_registry *objects_registry(const char *folder);
/* A root for logins. *New*. */
pb_object *objects_portal(struct side *side);
/* A counter, which begins at 0. *New*. */
pb_object *counter_new(struct side *side);
int64_t counter_total(const pb_object *counter);
/* What a session holds, worded as in live/peers/peer.py. */
void session_counts(const pb_session *session, char text[COUNTS_SIZE]);

/* ---- operations.c ---- */

/* Starts SIDE_BY_SIDE operations. Each that ends starts another while side->running. */
void operations_start(struct side *side);

#endif
