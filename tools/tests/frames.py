"""Makes pcap files of conversations, for the checks of programs that read them."""

import struct


def pcap(frames):
    """A pcap file of frames, one microsecond apart."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for i, frame in enumerate(frames):
        out += struct.pack("<IIII", 1000, i, len(frame), len(frame)) + frame
    return out


def segment(v6, client, seq, data, syn=False, ack=True, fin=False, port=40000):
    ports = (port, 8787) if client else (8787, port)
    flags = fin | syn << 1 | ack << 4
    tcp = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, 0, 5 << 4, flags, 0xFFFF, 0,
                      0) + data
    a, b = (b"\x01", b"\x02") if client else (b"\x02", b"\x01")
    if v6:
        ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64)
        ip += b"\0" * 15 + a + b"\0" * 15 + b
        return b"\0" * 12 + b"\x86\xdd" + ip + tcp
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
    ip += b"\x0a\0\0" + a + b"\x0a\0\0" + b
    padding = b"\0" * max(0, 46 - len(ip) - len(tcp))
    return b"\0" * 12 + b"\x81\0\0\x07\x08\0" + ip + tcp + padding


def packets(chunks, v6, rng, lose=None):
    """A pcap file of a conversation. Neighbouring segments of one side are shuffled, some
    are repeated, and one may be lost; sequence numbers wrap."""
    seqs = {True: 0xFFFFFFF0, False: 7}
    frames = [segment(v6, True, seqs[True], b"", syn=True, ack=False),
              segment(v6, False, seqs[False], b"", syn=True)]
    seqs = {side: seq + 1 for side, seq in seqs.items()}
    for client, data in chunks:
        burst = []
        while data:
            n = rng.randint(1, 9)
            burst.append(segment(v6, client, seqs[client], data[:n]))
            seqs[client] += len(data[:n])
            data = data[n:]
        burst += rng.sample(burst, len(burst) // 3)
        if lose is not None and len(burst) > lose:
            lost = burst[lose]
            burst = [f for f in burst if f != lost]
        rng.shuffle(burst)
        frames += burst
    frames.append(segment(v6, True, seqs[True], b"", fin=True))
    return pcap(frames)


def segments(chunks, port=40000, size=60000):
    """The frames of a conversation in order; chunks are cut into segments of a size."""
    seqs = {True: 1, False: 1}
    frames = [segment(False, True, 0, b"", syn=True, ack=False, port=port),
              segment(False, False, 0, b"", syn=True, port=port)]
    for client, data in chunks:
        for at in range(0, len(data), size):
            part = data[at:at + size]
            frames.append(segment(False, client, seqs[client], part, port=port))
            seqs[client] += len(part)
    return frames
