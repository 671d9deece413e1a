"""nemreader's sums: {"files": [paths]} in, per file {NMI: {suffix: [sum, values]}} or the reason out."""

import json
import logging
import sys

from nemreader import read_nem_file

logging.disable(logging.CRITICAL)


def sums(path):
    try:
        readings = read_nem_file(path).readings
    except Exception as error:  # noqa: BLE001 - whatever it refuses a file with
        return repr(error)
    return {
        nmi: {
            suffix: [sum(one.read_value or 0 for one in rows), len(rows)] for suffix, rows in channels.items()
        }
        for nmi, channels in readings.items()
    }


print(json.dumps([sums(path) for path in json.load(sys.stdin)["files"]]))
