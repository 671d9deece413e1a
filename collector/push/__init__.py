"""What meters send of their own accord."""
