"""DLMS/COSEM (IEC 62056-5-3, -6-1, -6-2, -4-7): codecs and the sans-IO halves of a conversation."""
