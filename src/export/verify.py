#!/usr/bin/env python3
"""Checks an exported case with stock tools: python3, its standard library, and openssl.

    python3 verify.py [--key PUBLIC-KEY] [FOLDER or FILE.zip]

Without a place it checks the folder it lies in. PUBLIC-KEY is the line the city publishes; without it everything is held against
the key in the bundle, which you then compare yourself. Exit 0: all is as it was signed. Exit 1: it says what is not.
What each file is: README.txt. Formats: RFC 8785, RFC 9162 2.1, RFC 8032, RFC 7515, C2SP signed-note and tlog-checkpoint.
"""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile

ALWAYS = ["README.txt", "index.html", "case.json", "case.vcon.json", "journal/entries.jsonl", "journal/proofs.jsonl",
          "journal/checkpoint.txt", "journal/keys.txt", "SHA256SUMS", "SHA256SUMS.note", "verify.py", "verify.sh"]
SPKI = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: what stands before the 32 octets of an Ed25519 key
HEAD = 684  # octets before the first sample of a recording
ERASING = ["rec.erased"]
MAX_TEXT = 64 << 20


class Folder:
    def __init__(self, path):
        self.path = path

    def names(self):
        found = []
        for folder, _, files in os.walk(self.path):
            found += [os.path.relpath(os.path.join(folder, file), self.path).replace(os.sep, "/") for file in files]
        return [name for name in found if not name.startswith("__pycache__/")]

    def open(self, name):
        return open(os.path.join(self.path, *name.split("/")), "rb")


class Zip:
    def __init__(self, path):
        self.zip = zipfile.ZipFile(path)

    def names(self):
        names = self.zip.namelist()
        if len(set(names)) != len(names):
            raise ValueError("two files have one name")
        return names

    def open(self, name):
        return self.zip.open(name)


def lines_of(text):
    """by line ends alone: entries may hold other separators"""
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []


def sha256(octets):
    return hashlib.sha256(octets).digest()


def unsealed(text):
    """base64url without padding, spelt in the one way it is written"""
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(octets).rstrip(b"=").decode() != text:
        raise ValueError("not base64url")
    return octets


def signed_by(key, octets, signature):
    """Ed25519, by openssl"""
    pem = base64.b64encode(SPKI + key).decode()
    with tempfile.TemporaryDirectory() as folder:
        for file, content in {
            "key": f"-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n".encode(),
            "text": octets,
            "signature": signature,
        }.items():
            with open(f"{folder}/{file}", "wb") as out:
                out.write(content)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{folder}/key", "-rawin"]
        command += ["-in", f"{folder}/text", "-sigfile", f"{folder}/signature"]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def read_keys(text):
    keys = []
    for line in text.splitlines():
        name, number, encoded = line.strip().split("+", 2)
        octets = base64.b64decode(encoded, validate=True)
        if len(octets) != 33 or octets[0] != 1 or sha256(name.encode() + b"\n" + octets)[:4].hex() != number:
            raise ValueError("not a public key")
        keys.append((name, octets[1:]))
    if not keys:
        raise ValueError("no public key")
    return keys


def open_note(text, keys, name_of_key=None):
    """the signed body of a note, or an exception"""
    body, gap, signatures = text.rpartition("\n\n")
    if not gap or not signatures.endswith("\n") or len(text.encode()) > 16384:
        raise ValueError("it is no signed note")
    body += "\n"
    for line in signatures.splitlines():
        mark, name, encoded = line.split(" ")
        octets = base64.b64decode(encoded, validate=True)
        if mark != "\u2014" or base64.b64encode(octets).decode() != encoded:
            raise ValueError("it is no signed note")
        for known, key in keys:
            number = sha256(known.encode() + b"\n\x01" + key)[:4]
            if (known, number) == (name, octets[:4]) and name_of_key in (None, name):
                if signed_by(key, body.encode(), octets[4:]):
                    return body
    raise ValueError("it is not signed by the key")


def root_of(leaf, index, size, way):
    at, last, digest = index, size - 1, leaf
    if index >= size:
        return None
    for beside in way:
        if last == 0:
            return None
        if at % 2 == 1 or at == last:
            digest = sha256(b"\x01" + beside + digest)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            digest = sha256(b"\x01" + digest + beside)
        at, last = at >> 1, last >> 1
    return digest if last == 0 else None


def root_over(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + root_over(leaves[:half]) + root_over(leaves[half:]))


def digests(file, seal=None, frames=0):
    """of the whole; of all behind the head and then the head, as recordings are sealed; SHA-512; of each second"""
    plain, behind, long = hashlib.sha256(), hashlib.sha256(), hashlib.sha512()
    head, seconds, leaf = b"", [], b""
    second, unheard = (seal["sample_rate"] * 4, frames * 4) if seal else (4, 0)
    while block := file.read(1 << 16):
        plain.update(block)
        long.update(block)
        rest = block[HEAD - len(head):] if len(head) < HEAD else block
        head += block[:HEAD - len(head)]
        behind.update(rest)
        leaf += rest[:unheard]
        unheard -= min(unheard, len(rest))
        while len(leaf) >= second:
            seconds.append(sha256(b"\x00" + leaf[:second]))
            leaf = leaf[second:]
    if leaf:
        seconds.append(sha256(b"\x00" + leaf))
    behind.update(head)
    return plain.digest(), behind.hexdigest(), long.digest(), seconds


def read_sums(text):
    sums = {}
    for line in text.splitlines():
        digest, name = line.split("  ")
        if not re.fullmatch("[0-9a-f]{64}", digest) or not re.fullmatch("[A-Za-z0-9._/-]{1,200}", name) or name in sums:
            raise ValueError("a line is no checksum and name")
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise ValueError("a name leads elsewhere")
        sums[name] = bytes.fromhex(digest)
    if list(sums) != sorted(sums) or "".join(f"{d.hex()}  {n}\n" for n, d in sums.items()) != text:
        raise ValueError("not spelt as it was written")
    return sums


class Bundle:
    """what is read of a bundle, and what is wrong with it"""

    def __init__(self, files, trusted):
        self.files, self.trusted, self.wrong, self.told = files, trusted, [], []

    def say(self, place, what):
        self.wrong.append(f"{place}: {what}")

    def attempt(self, place, read, otherwise):
        try:
            return read()
        except Exception as error:  # whatever a changed file makes of its reader is a difference
            self.say(place, error if isinstance(error, ValueError) else f"it cannot be read ({error})")
            return otherwise

    def text(self, name):
        with self.files.open(name) as file:
            octets = file.read(MAX_TEXT + 1)
        if len(octets) > MAX_TEXT:
            raise ValueError("it is too long")
        return octets.decode()

    def check(self):
        names = self.attempt("bundle", lambda: sorted(self.files.names()), None)
        if names is None:
            return self
        for name in ALWAYS:
            if name not in names:
                self.say(name, "missing")
        own = self.attempt("journal/keys.txt", lambda: read_keys(self.text("journal/keys.txt")), [])
        keys = self.trusted or own
        if any(key not in keys for key in own):
            self.say("journal/keys.txt", "it holds another key than the one that was given")
        sums = self.attempt("SHA256SUMS", lambda: read_sums(self.text("SHA256SUMS")), {})
        signed = self.attempt("SHA256SUMS.note", lambda: self.signed(keys), None)
        story = self.attempt("case.json", lambda: json.loads(self.text("case.json")), {})
        entries = self.attempt("journal", lambda: self.journal(keys), [])
        self.attempt("case.json", lambda: self.hold_story(story, signed, entries), None)
        sealed = self.attempt("journal", lambda: self.sealed(entries), {})
        photos = self.attempt("journal", lambda: self.photos(entries), {})
        hashes = self.attempt("case.vcon.json", lambda: self.vcon(keys, story), {})
        found = self.examine(names, sealed, photos, hashes)
        self.hold_sums(names, sums, found, signed)
        self.told.append(f"{len(names)} files, {len(entries)} entries, {len(sealed)} recordings, {len(photos)} pictures")
        self.told += [f"key {name}: {key.hex()}" for name, key in keys]
        return self

    def signed(self, keys):
        lines = open_note(self.text("SHA256SUMS.note"), keys).split("\n")
        if len(lines) != 5 or lines[0] != "ringback bundle":
            raise ValueError("it signs something else")
        return lines[1:4]

    def journal(self, keys):
        note = self.text("journal/checkpoint.txt")
        size, root = 0, None
        try:
            origin = note.split("\n", 1)[0]
            lines = open_note(note, keys, origin).split("\n")
            size, root = int(lines[1]), base64.b64decode(lines[2], validate=True)
        except Exception as error:
            self.say("journal/checkpoint.txt", error)
        lines = lines_of(self.text("journal/entries.jsonl"))
        proofs = lines_of(self.text("journal/proofs.jsonl"))
        if len(lines) != len(proofs):
            self.say("journal/proofs.jsonl", "there is not one proof for each entry")
        entries, before = [], 0
        for at, line in enumerate(lines):
            entry = json.loads(line)
            seq = entry["seq"]
            if not isinstance(seq, int) or seq <= before:
                self.say(f"entry {seq}", "it is not in its place")
            before = seq
            try:
                proof = json.loads(proofs[at])
                way = [bytes.fromhex(beside) for beside in proof["proof"]]
                leaf = sha256(b"\x00" + sha256(line.encode()))
                if proof["seq"] != seq or root_of(leaf, seq - 1, size, way) != root:
                    raise ValueError
            except Exception:
                self.say(f"entry {seq}", "it does not stand in the tree of the checkpoint")
            entries.append(entry)
        return entries

    def hold_story(self, story, signed, entries):
        if signed and [story["case"]["number"], story["made_at"]] != signed[:2]:
            raise ValueError("it is not of the case and the moment that were signed")
        if [line["seq"] for line in story["history"]] != [entry["seq"] for entry in entries]:
            raise ValueError("its history is not of the entries in the journal folder")

    def erased(self, entries, call):
        return any(entry["type"] in ERASING and entry["contact"] in (None, call) for entry in entries)

    def sealed(self, entries):
        """by file: digest, seal, frames, whether it was erased, digests of its seconds"""
        found = {}
        for entry in entries:
            data = entry["data"]
            if entry["type"] != "rec.sealed" or not entry["contact"] or not data.get("sha256"):
                continue
            stem, seal = f"recordings/{entry['contact']}", data.get("seal")
            gone, seconds = self.erased(entries, entry["contact"]), []
            if seal and not (gone and f"{stem}.seconds" not in self.files.names()):
                text = self.attempt(f"{stem}.seconds", lambda: self.text(f"{stem}.seconds"), "")
                seconds = self.attempt(f"{stem}.seconds", lambda: [bytes.fromhex(l) for l in text.splitlines()], [])
                if len(seconds) != seal["seconds"] or root_over(seconds).hex() != seal["root"]:
                    self.say(f"{stem}.seconds", "these are not the seconds that were sealed")
            found[f"{stem}.wav"] = (data["sha256"], seal, data.get("frames") or 0, gone, seconds)
        return found

    def photos(self, entries):
        found, gone = {}, self.erased(entries, None)
        for entry in entries:
            for event, name in (("evidence.received", "evidence"), ("applicant.attached", "attachment")):
                if entry["type"] == event:
                    found[entry["data"][name]] = (entry["data"]["sha256"], gone)
        return found

    def vcon(self, keys, story):
        document = json.loads(self.text("case.vcon.json"))
        (one,) = document["signatures"]
        protected, payload = one["protected"], document["payload"]
        if unsealed(protected) != b'{"alg":"EdDSA"}':
            raise ValueError("it is not signed with EdDSA")
        certificate = base64.b64decode(one["header"]["x5c"][0], validate=True)
        key = next((key for _, key in keys if SPKI + key in certificate), None)
        if key is None:
            raise ValueError("its certificate is not of a key of this journal")
        if not signed_by(key, f"{protected}.{payload}".encode(), unsealed(one["signature"])):
            raise ValueError("its signature does not fit")
        vcon = json.loads(unsealed(payload))
        if vcon["vcon"] != "0.4.0" or vcon["created_at"] != story.get("made_at"):
            self.say("case.vcon.json", "it is not the vCon of this case and moment")
        objects = vcon["dialog"] + vcon["attachments"]
        return {each["url"]: each["content_hash"] for each in objects if "url" in each}

    def examine(self, names, sealed, photos, hashes):
        found = {}
        for name in names:
            digest, seal, frames, _, seconds = sealed.get(name, (None, None, 0, False, []))
            try:
                with self.files.open(name) as file:
                    plain, rotated, long, heard = digests(file, seal, frames)
            except Exception as error:
                self.say(name, f"it cannot be read ({error})")
                continue
            found[name] = plain
            if name in hashes and hashes[name] != "sha512-" + base64.urlsafe_b64encode(long).rstrip(b"=").decode():
                self.say(name, "the vCon has another content_hash of it")
            photo = re.fullmatch(r"photos/([^.]*)\..*", name)
            if digest:
                if digest != rotated:
                    changed = [at for at, leaf in enumerate(seconds) if heard[at:at + 1] != [leaf]]
                    where = f", from second {changed[0]} to {changed[-1]}" if changed else ""
                    self.say(f"recording {name}", f"changed: it is not what was sealed{where}")
            elif photo:
                if photos.get(photo[1], ("",))[0] != plain.hex():
                    self.say(name, "it is not a picture of an entry")
            elif name not in ALWAYS and not (name.endswith(".seconds") and sealed.get(name[:-8] + ".wav", (0, 0))[1]):
                self.say(name, "nothing in the bundle speaks of this file")
        there = {name.split("/")[1].split(".")[0] for name in names if name.startswith("photos/")}
        for name, (_, _, _, gone, _) in sealed.items():
            if name not in names and gone:
                self.told.append(f"{name}: erased by the rules of retention, as an entry tells; its digest remains")
            elif name not in names:
                self.say(name, "missing")
        for name, (_, gone) in photos.items():
            if name not in there and not gone:
                self.say(f"photos/{name}", "missing")
        return found

    def hold_sums(self, names, sums, found, signed):
        for name, digest in sums.items():
            if name not in names:
                self.say(name, "missing")
            elif found.get(name) != digest:
                self.say(name, "changed: it does not have the SHA-256 of SHA256SUMS")
        for name in names:
            if name not in sums and name not in ("SHA256SUMS", "SHA256SUMS.note"):
                self.say(name, "nothing in the bundle speaks of this file")
        if signed and signed[2] != found.get("SHA256SUMS", b"").hex():
            self.say("SHA256SUMS.note", "it was signed for other checksums")


def check(path, key=None):
    """the bundle in a folder or a ZIP file, with what is wrong in `.wrong`"""
    trusted = read_keys(key) if key else []
    try:
        files = Folder(path) if os.path.isdir(path) else Zip(path)
    except Exception as error:
        bundle = Bundle(None, trusted)
        bundle.say("bundle", f"it cannot be read ({error})")
        return bundle
    return Bundle(files, trusted).check()


def main(arguments):
    key = None
    if arguments[:1] == ["--key"]:
        key, arguments = arguments[1], arguments[2:]
    bundle = check(arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__)), key)
    print("\n".join(bundle.told))
    if bundle.wrong:
        print("\n".join(bundle.wrong), file=sys.stderr)
        return 1
    if not key:
        print("Compare this key with the one the city publishes, or say: --key PUBLIC-KEY")
    print("All is as it was signed.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
