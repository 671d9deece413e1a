"""From a bill back to the bytes its meters sent, and forward again to the đồng."""

from operations.proof.chain import WORK_SHEET, Proof, Step, prove

__all__ = ["WORK_SHEET", "Proof", "Step", "prove"]
