"""COSEM objects (IEC 62056-6-2): where attributes stand, what they hold, and whole objects as values.

Every object is a frozen dataclass made `from_attributes`, the `Data` of its attributes by number, and turned
back by `to_attributes`; parts of attributes have `from_data` and `to_data`. What was not read is None.

| module          | objects                                                              |
| ---             | ---                                                                  |
| `registers`     | data, register, extended register, demand register (1, 3, 4, 5)      |
| `profiles`      | profile generic (7)                                                  |
| `clocks`        | clock (8)                                                            |
| `associations`  | association LN (15) with its object list and rights                  |
| `activity`      | activity calendar (20)                                               |
| `pushing`       | push setup (40)                                                      |
| `securing`      | security setup (64)                                                  |
| `disconnecting` | disconnect control (70) with its states and modes                    |
| `limiting`      | limiter (71): its thresholds                                         |
| `holding`       | a meter's half that holds such objects                               |

Here stand only the addresses that every reading needs; objects are taken from their modules.
"""

from protocols.dlms.objects.addresses import (
    CAPTURE_OBJECTS,
    CAPTURE_PERIOD,
    CLOCK_TIME,
    ENTRIES_IN_USE,
    LOGICAL_NAME,
    PROFILE_ENTRIES,
    VALUE,
    buffer,
    capture_objects,
    read_capture_objects,
    register,
    scaler_attribute,
    scaler_unit,
)
from protocols.dlms.objects.interface import InterfaceClass, ScalerUnit

__all__ = [
    "CAPTURE_OBJECTS",
    "CAPTURE_PERIOD",
    "CLOCK_TIME",
    "ENTRIES_IN_USE",
    "LOGICAL_NAME",
    "PROFILE_ENTRIES",
    "VALUE",
    "InterfaceClass",
    "ScalerUnit",
    "buffer",
    "capture_objects",
    "read_capture_objects",
    "register",
    "scaler_attribute",
    "scaler_unit",
]
