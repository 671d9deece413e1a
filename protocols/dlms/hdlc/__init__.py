"""HDLC under DLMS (IEC 62056-46): frames, addresses, parameters, both halves of a link."""
