#!/bin/sh
# Checks an exported case: checksums by sha256sum, both signatures by openssl, the rest by verify.py (python3).
# Lies in the unpacked bundle; exit 0 when all is as it was signed. Compare journal/keys.txt with the key the city publishes.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sha256sum --check --strict --quiet SHA256SUMS

# The key: what stands before an Ed25519 key (RFC 8410), then its 32 octets.
{
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    head -n 1 journal/keys.txt | sed 's/^[^+]*+[^+]*+//' | base64 -d | tail -c 32
} >"$work/key"

for note in SHA256SUMS.note journal/checkpoint.txt; do
    sed '/^$/,$d' "$note" >"$work/text"
    tail -n 1 "$note" | sed 's/.* //' | base64 -d | tail -c 64 >"$work/signature"
    openssl pkeyutl -verify -pubin -inkey "$work/key" -keyform DER -rawin \
        -in "$work/text" -sigfile "$work/signature" >/dev/null || { echo "$note: the signature is wrong" >&2; exit 1; }
done
[ "$(sed -n 4p SHA256SUMS.note)" = "$(sha256sum <SHA256SUMS | cut -d ' ' -f 1)" ] ||
    { echo "SHA256SUMS.note: it was signed for other checksums" >&2; exit 1; }

PYTHONDONTWRITEBYTECODE=1 python3 verify.py
