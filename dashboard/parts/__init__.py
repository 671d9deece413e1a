"""The pieces pages are built from: cards, figures with their date, badges, tables, empty states."""
