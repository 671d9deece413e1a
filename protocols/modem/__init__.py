"""What modems say of their own accord before and between the bytes of a meter."""
