/* SPDX-License-Identifier: MIT
 *
 * The digests of a login. The protocol uses MD5. It comes from libmd, as OpenSSL may be
 * configured to refuse MD5. */
#include <sys/types.h> /* which md5.h of the BSDs needs */

#include <md5.h>

#include "libpb/base/span.h"
#include "libpb/broker/login.h"

void pb__md5(pb_span in, uint8_t out[PB_MD5_LEN])
{
    MD5_CTX m;
    MD5Init(&m);
    MD5Update(&m, in.data, in.len);
    MD5Final(out, &m);
}

void pb__respond_md5(pb_span challenge, const uint8_t md5[PB_MD5_LEN],
                     uint8_t out[PB_MD5_LEN])
{
    MD5_CTX m;
    MD5Init(&m);
    MD5Update(&m, md5, PB_MD5_LEN);
    MD5Update(&m, challenge.data, challenge.len);
    MD5Final(out, &m);
}

void pb_respond(pb_span challenge, pb_span password, uint8_t out[PB_MD5_LEN])
{
    if (!out) {
        return;
    }
    memset(out, 0, PB_MD5_LEN);
    if (!pb__span_is_null(challenge) && !pb__span_is_null(password)) {
        uint8_t md5[PB_MD5_LEN];
        pb__md5(password, md5);
        pb__respond_md5(challenge, md5, out);
    }
}

void pb_respond_md5(pb_span challenge, const uint8_t md5[PB_MD5_LEN],
                    uint8_t out[PB_MD5_LEN])
{
    if (!out) {
        return;
    }
    memset(out, 0, PB_MD5_LEN);
    if (!pb__span_is_null(challenge) && md5) {
        pb__respond_md5(challenge, md5, out);
    }
}

bool pb__same_digest(const uint8_t a[PB_MD5_LEN], const uint8_t b[PB_MD5_LEN])
{
    volatile uint8_t differ = 0;
    for (int i = 0; i < PB_MD5_LEN; i++) {
        differ |= a[i] ^ b[i];
    }
    return differ == 0;
}
