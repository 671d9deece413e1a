"""Bytes in, messages out: the codecs of the wire, without sockets and without a clock."""
