"""Redoes the draw of an audit sample.

usage: python3 audit-draw.py FRAME ROOT VALUE SIZE

FRAME is the frame as downloaded, ROOT the checkpoint's root in hexadecimal digits, VALUE the public value as it was
typed in, SIZE the number of calls. Prints the digest of the frame, then the calls in their order.
"""

import hashlib
import hmac
import sys

frame, root, value, size = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3], int(sys.argv[4])
text = open(frame, "rb").read()
print("frame", hashlib.sha256(text).hexdigest())

seed = hashlib.sha256(root + value.encode()).digest()
calls = [line.split() for line in text.decode().splitlines()]
strata = {}
for call, stratum in calls:
    strata.setdefault(stratum, []).append((hmac.digest(seed, call.encode(), "sha256"), call, stratum))

size = min(size, len(calls))
share = {name: size * len(members) // len(calls) for name, members in strata.items()}
by_remainder = sorted(strata, key=lambda name: (-(size * len(strata[name]) % len(calls)), name))
for name in by_remainder[: size - sum(share.values())]:
    share[name] += 1

for _, call, stratum in sorted(drawn for name in strata for drawn in sorted(strata[name])[: share[name]]):
    print(call, stratum)
