"""The bill as a PDF: one A4 page in Vietnamese that a customer keeps."""

from operations.paper.pdf import document

__all__ = ["document"]
