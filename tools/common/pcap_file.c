/* SPDX-License-Identifier: MIT
 *
 * Reads pcap and pcapng files by libpcap, and extracts TCP segments from the frames. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/traffic_file.h"
#include "tools/common/tcp_reassembly.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    PROTOCOL_TCP = 6,
};

static unsigned load_be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)load_be16(p) << 16 | load_be16(p + 2);
}

static pb_span span_skip(pb_span s, size_t n)
{
    return n <= s.len ? (pb_span){s.data + n, s.len - n} : (pb_span){0};
}

/* The IP packet in a frame, without the link's header; empty for any other protocol. */
static pb_span frame_ip(pb_span frame, int link)
{
    size_t at;
    switch (link) {
    case DLT_RAW:
        return frame;
    case DLT_NULL:
    case DLT_LOOP:
        return span_skip(frame, 4);
    case DLT_LINUX_SLL:
        at = 14;
        break;
    case DLT_LINUX_SLL2:
        at = 0;
        break;
    case DLT_EN10MB:
        at = 12;
        break;
    default:
        return (pb_span){0};
    }
    unsigned type = frame.len >= at + 2 ? load_be16(frame.data + at) : 0;
    while (link == DLT_EN10MB && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ)) {
        at += 4;
        type = frame.len >= at + 2 ? load_be16(frame.data + at) : 0;
    }
    if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6) {
        return (pb_span){0};
    }
    return span_skip(frame, link == DLT_LINUX_SLL2 ? 20 : at + 2);
}

/* The TCP segment in an IP packet, with its addresses in *s; empty for any other
 * protocol. Fragments of IP packets are skipped, and show as a gap. */
static pb_span ip_tcp(pb_span ip, struct tcp_segment *s)
{
    if (ip.len >= 20 && ip.data[0] >> 4 == 4) {
        size_t header = (size_t)(ip.data[0] & 15) * 4, total = load_be16(ip.data + 2);
        bool fragment = (load_be16(ip.data + 6) & 0x3fff) != 0;
        if (ip.data[9] != PROTOCOL_TCP || fragment || header < 20) {
            return (pb_span){0};
        }
        memcpy(s->from, ip.data + 12, 4);
        memcpy(s->to, ip.data + 16, 4);
        /* Offloading leaves the total length 0; frames may be padded after the packet. */
        ip.len = total >= header && total < ip.len ? total : ip.len;
        return span_skip(ip, header);
    }
    if (ip.len >= 40 && ip.data[0] >> 4 == 6 && ip.data[6] == PROTOCOL_TCP) {
        size_t total = 40 + load_be16(ip.data + 4);
        memcpy(s->from, ip.data + 8, 16);
        memcpy(s->to, ip.data + 24, 16);
        ip.len = total > 40 && total < ip.len ? total : ip.len;
        return span_skip(ip, 40);
    }
    return (pb_span){0};
}

static int pcap_add_frame(struct tcp_reassembly *t, pb_span frame, int link, double time)
{
    struct tcp_segment s = {.time = time};
    pb_span tcp = ip_tcp(frame_ip(frame, link), &s);
    size_t header = tcp.len >= 20 ? (size_t)(tcp.data[12] >> 4) * 4 : 0;
    if (header < 20 || header > tcp.len) {
        return 0;
    }
    s.from_port = (uint16_t)load_be16(tcp.data);
    s.to_port = (uint16_t)load_be16(tcp.data + 2);
    s.seq = load_be32(tcp.data + 4);
    s.fin = tcp.data[13] & 1;
    s.syn = tcp.data[13] & 2;
    s.rst = tcp.data[13] & 4;
    s.ack = tcp.data[13] & 16;
    s.data = span_skip(tcp, header);
    return tcp_reassembly_add(t, &s);
}

static int pcap_read_frames(pcap_t *pcap, struct tcp_reassembly *t,
                            const struct traffic_sink *sink, pb_error *err)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int got, failed = 0;
    double first = -1;
    while (!failed && (got = pcap_next_ex(pcap, &header, &data)) == 1) {
        double time = (double)header->ts.tv_sec + (double)header->ts.tv_usec * 1e-6;
        if (first < 0) {
            first = time;
            sink->begin(TRAFFIC_PCAP, first, sink->ctx);
        }
        failed = pcap_add_frame(t, (pb_span){data, header->caplen}, pcap_datalink(pcap),
                                time - first);
    }
    if (!failed && got == PCAP_ERROR) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "%s", pcap_geterr(pcap));
    }
    int ended = failed ? 0 : tcp_reassembly_end(t);
    return failed ? failed : ended ? ended : err->code;
}

struct pcap_input {
    struct input *in;
    pb_error *err;
};

#ifdef HAVE_FOPENCOOKIE

static ssize_t pcap_input_read(void *cookie, char *out, size_t size)
{
    struct pcap_input *p = cookie;
    size_t n = input_read(p->in, (uint8_t *)out, size, p->err);
    return p->err->code ? -1 : (ssize_t)n;
}

static FILE *pcap_input_open(struct pcap_input *p)
{
    return fopencookie(p, "rb", (cookie_io_functions_t){.read = pcap_input_read});
}

#else /* as on macOS */

static int pcap_input_read(void *cookie, char *out, int size)
{
    struct pcap_input *p = cookie;
    size_t n = input_read(p->in, (uint8_t *)out, (size_t)size, p->err);
    return p->err->code ? -1 : (int)n;
}

static FILE *pcap_input_open(struct pcap_input *p)
{
    return funopen(p, pcap_input_read, NULL, NULL, NULL);
}

#endif

int traffic_file_read_pcap(struct input *in, const struct traffic_sink *sink,
                           pb_error *err)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    struct pcap_input p = {in, err};
    FILE *f = pcap_input_open(&p);
    pcap_t *pcap = f ? pcap_fopen_offline(f, why) : NULL;
    struct tcp_reassembly *t = tcp_reassembly_new(sink);
    int failed;
    if (!f || !t) {
        failed = pb__error_nomem(err);
    } else if (!pcap) {
        failed = pb__error_set(err, PB_ERR_SYNTAX, 0, "%s", why);
    } else {
        failed = pcap_read_frames(pcap, t, sink, err);
    }
    tcp_reassembly_free(t);
    if (pcap) {
        pcap_close(pcap); /* closes f too */
    } else if (f) {
        fclose(f);
    }
    return failed;
}
