"""Who is looking, and what that lets them see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NOBODY: Final = "ami"
"""Who is written down where the program did it by itself."""


class UserRole(StrEnum):
    ENGINEER = "engineer"
    BILLING = "billing"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person. A customer sees what belongs to `customer` (Customer.code) and nothing else."""

    login: str
    role: UserRole
    customer: str = ""

    @property
    def is_staff(self) -> bool:
        return self.role in (UserRole.ENGINEER, UserRole.BILLING)
