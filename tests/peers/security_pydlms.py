"""Ciphers, deciphers, signs and answers challenges with pydlms-client: a list of jobs as JSON on stdin.

Runs in .venv-peers only, as a process of its own: pydlms-client stands under the GPL.
"""

import json
import sys

from pydlms.security import ciphering, ec, general, hls, keywrap
from pydlms.security.context import GeneralAad, SecurityContext, SigningForm
from pydlms.security.gcm import SecurityControl


def private(suite, scalar):
    from cryptography.hazmat.primitives.asymmetric import ec as curves

    curve = curves.SECP384R1() if suite == 2 else curves.SECP256R1()
    return curves.derive_private_key(int.from_bytes(scalar, "big"), curve)


def context(job, *, as_meter):
    """Whoever ciphers is the client of the context; whoever deciphers its server."""
    suite = job["suite"]
    signs = {}
    if "signing_key" in job:
        signs = {
            "signing_key": private(suite, bytes.fromhex(job["signing_key"])),
            "peer_signing_key": ec.load_public_key(suite, bytes.fromhex(job["verifying_key"])),
        }
    mine, its = bytes.fromhex(job["title"]), bytes.fromhex(job["peer"])
    found = SecurityContext(
        encryption_key=bytes.fromhex(job["encryption_key"]),
        authentication_key=bytes.fromhex(job["authentication_key"]),
        client_system_title=its if as_meter else mine,
        server_system_title=mine if as_meter else its,
        invocation_counter=job["counter"],
        suite=suite,
        policy=job["policy"],
        general_aad=GeneralAad.WITH_HEADER,
        signing_form=SigningForm.LENGTH_PREFIXED_CONTENT,
        **signs,
    )
    if "dedicated_key" in job:
        found.set_dedicated_key(bytes.fromhex(job["dedicated_key"]))
    return found


def control(job):
    return SecurityControl(job["suite"], bool(job["policy"] & 0x10), bool(job["policy"] & 0x20))


def seal(job):
    ctx, message = context(job, as_meter=False), bytes.fromhex(job["message"])
    dedicated = "dedicated_key" in job
    if job["form"] == "service":
        return ciphering.wrap(ctx, message, control(job), dedicated)
    if job["form"] == "general":
        return ciphering.wrap_general_glo(ctx, message, control(job), dedicated)
    if job["form"] == "ciphering":
        info = general.KeyInfo("identified")
        return general.wrap_general_ciphering(
            ctx, message, bytes.fromhex(job["peer"]), info, b"\x01\x02", control(job)
        )
    return general.wrap_general_signing(ctx, message, bytes.fromhex(job["peer"]), b"\x01\x02")


def unseal(job):
    """As the one to whom the message goes; `title` is the listener's here."""
    ctx, raw = context(job, as_meter=False), bytes.fromhex(job["message"])
    if job["form"] == "ciphering":
        return general.unwrap_general_ciphering(ctx, raw).plaintext
    if job["form"] == "signing":
        return general.verify_general_signing(ctx, raw)[1]
    return ciphering.unwrap(ctx, raw).plaintext


def answer(job):
    """f(theirs) of one HLS mechanism."""
    ours, theirs = bytes.fromhex(job["ours"]), bytes.fromhex(job["theirs"])
    title, peer = bytes.fromhex(job["title"]), bytes.fromhex(job["peer"])
    secret = bytes.fromhex(job["secret"])
    match job["mechanism"]:
        case 2:
            return hls.hls_manufacturer_aes(theirs, secret)
        case 3:
            return hls.hls_md5(theirs, secret)
        case 4:
            return hls.hls_sha1(theirs, secret)
        case 5:
            keys = bytes.fromhex(job["encryption_key"]), bytes.fromhex(job["authentication_key"])
            return hls.hls_gmac(*keys, title, job["counter"], theirs, job["suite"])
        case 6:
            return hls.hls_sha256(secret, title, peer, theirs, ours)
        case _:
            key = private(job["suite"], bytes.fromhex(job["signing_key"]))
            return hls.hls_ecdsa_sign(key, title, peer, theirs, ours)


def check(job):
    """Verify a signed answer; anything else is compared by who asks."""
    ours, theirs = bytes.fromhex(job["ours"]), bytes.fromhex(job["theirs"])
    key = ec.load_public_key(job["suite"], bytes.fromhex(job["verifying_key"]))
    peer, title = bytes.fromhex(job["peer"]), bytes.fromhex(job["title"])
    hls.hls_ecdsa_verify(key, peer, title, ours, theirs, bytes.fromhex(job["message"]))
    return b""


def wrap(job):
    return keywrap.wrap_key(bytes.fromhex(job["master_key"]), bytes.fromhex(job["message"]))


def agree(job):
    suite = job["suite"]
    mine = private(suite, bytes.fromhex(job["scalar"]))
    secret = ec.ecdh_shared_secret(mine, ec.load_public_key(suite, bytes.fromhex(job["point"])))
    return ec.kdf(suite, secret, bytes.fromhex(job["title"]), bytes.fromhex(job["peer"]))


JOBS = {one.__name__: one for one in (seal, unseal, answer, check, wrap, agree)}

if __name__ == "__main__":
    plan = json.load(sys.stdin)
    print(json.dumps([bytes(JOBS[job["do"]](job)).hex() for job in plan["jobs"]]))
