#!/usr/bin/env python3
"""Checks that an entry stands in the journal: check-proof.py PUBLIC-KEY FILE

PUBLIC-KEY is the line that `ringback journal-key` printed, FILE the answer of /api/v1/journal/{seq}/proof. Needs python3 and
openssl and nothing of ours: the entry's hash (RFC 8785), its way up the tree (RFC 9162 2.1.3.2), the signature (Ed25519).
"""
import base64
import hashlib
import json
import subprocess
import sys
import tempfile


def sha256(octets):
    return hashlib.sha256(octets).digest()


def canonical(entry):
    # Keys of entries are ASCII, where the order of RFC 8785 is that of sort_keys.
    fields = {key: value for key, value in entry.items() if key != "hash"}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def root_of(leaf, index, size, proof):
    at, last, digest = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            sys.exit("the proof is too long")
        if at % 2 == 1 or at == last:
            digest = sha256(b"\x01" + beside + digest)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            digest = sha256(b"\x01" + digest + beside)
        at, last = at >> 1, last >> 1
    if last != 0:
        sys.exit("the proof is too short")
    return digest


def check_signature(public_key, note):
    name, _, key = public_key.strip().split("+", 2)
    key = base64.b64decode(key)[1:]
    body, _, signatures = note.rpartition("\n\n")
    body += "\n"
    number = sha256(name.encode() + b"\n\x01" + key)[:4]
    for line in signatures.splitlines():
        _, signer, signed = line.split(" ")
        signed = base64.b64decode(signed)
        if signer == name and signed[:4] == number:
            break
    else:
        sys.exit("the checkpoint is not signed by this key")
    # RFC 8410: what stands before the 32 octets of an Ed25519 key.
    pem = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + key).decode()
    with tempfile.TemporaryDirectory() as folder:
        for file, octets in {
            "key": f"-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n".encode(),
            "body": body.encode(),
            "signature": signed[4:],
        }.items():
            with open(f"{folder}/{file}", "wb") as out:
                out.write(octets)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{folder}/key", "-rawin"]
        command += ["-in", f"{folder}/body", "-sigfile", f"{folder}/signature"]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
            sys.exit("the signature of the checkpoint is wrong")
    origin, size, root = body.split("\n")[:3]
    if origin != name:
        sys.exit("the checkpoint is of another journal")
    return int(size), base64.b64decode(root)


def main():
    public_key, file = sys.argv[1:]
    with open(file, encoding="utf-8") as answer:
        proof = json.load(answer)
    entry = proof["entry"]
    digest = sha256(canonical(entry))
    if digest.hex() != entry["hash"]:
        sys.exit("the entry does not have the hash written beside it")
    size, root = check_signature(public_key, proof["checkpoint"])
    way = [bytes.fromhex(beside) for beside in proof["proof"]]
    if root_of(sha256(b"\x00" + digest), entry["seq"] - 1, size, way) != root:
        sys.exit("the entry is not in the tree of the checkpoint")
    print(f"entry {entry['seq']} ({entry['type']}) stands in the journal of {size} entries")


main()
