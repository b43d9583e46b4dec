/* SPDX-License-Identifier: MIT
 *
 * Loops of libuv that the library makes itself. */
#ifndef PB__LOOP_UV_H
#define PB__LOOP_UV_H

#include <uv.h>

#include "libpb/net/loop.h"

/* As uv_loop_init, but no descriptor of the loop is 0, 1 or 2. */
int pb__uv_loop_init(uv_loop_t *uv);

/* As pb_loop_uv. is_stopped: who waits for a callback has that call uv_stop, so that libuv
 * may wait again after callbacks. */
pb_loop *pb__loop_uv_new(uv_loop_t *uv, bool is_stopped);

#endif
