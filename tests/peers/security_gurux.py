"""Answers HLS challenges with gurux-dlms: a list of jobs as JSON on stdin, the answers as JSON on stdout.

Runs in .venv-peers only, as a process of its own: gurux-dlms stands under the GPL.
"""

import json
import sys

from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.secure import GXDLMSSecureClient

MECHANISMS = {
    2: Authentication.HIGH,
    3: Authentication.HIGH_MD5,
    4: Authentication.HIGH_SHA1,
    5: Authentication.HIGH_GMAC,
    6: Authentication.HIGH_SHA256,
}


def answer(job):
    """f(StoC) out of the ACTION that gurux's client would send in pass 3, unciphered."""
    client = GXDLMSSecureClient(
        True, 1, 1, MECHANISMS[job["mechanism"]], bytearray.fromhex(job["secret"]), InterfaceType.WRAPPER
    )
    settings, cipher = client.settings, client.ciphering
    cipher.security = Security.NONE
    cipher.systemTitle = bytearray.fromhex(job["title"])
    cipher.blockCipherKey = bytearray.fromhex(job["encryption_key"])
    cipher.authenticationKey = bytearray.fromhex(job["authentication_key"])
    cipher.invocationCounter = job["counter"]
    settings.sourceSystemTitle = bytearray.fromhex(job["peer"])
    settings.ctoSChallenge = bytearray.fromhex(job["ours"])
    settings.stoCChallenge = bytearray.fromhex(job["theirs"])
    (frame,) = client.getApplicationAssociationRequest()
    parameter = bytes(frame)[8 + 13 :]
    if parameter[0] != 9 or parameter[1] != len(parameter) - 2:
        raise ValueError(f"no octet-string where f(StoC) belongs: {bytes(frame).hex()}")
    return parameter[2:]


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    print(json.dumps([bytes(answer(job)).hex() for job in plan["jobs"]]))
