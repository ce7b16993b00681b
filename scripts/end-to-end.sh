#!/usr/bin/env bash
# Places the calls of tests/e2e. They run against the clock, on machines that may be busy with other things: a test that
# fails is repeated once, alone, and its failure counts when it repeats. What failed first is never hidden: its message is
# printed again at the end as `unsteady`, to be mended like any other. More than MOST_REPEATED failures are not noise.
#
#   scripts/end-to-end.sh [NAME ...]    all of them, or those whose names contain one of the words
set -uo pipefail
cd "$(dirname "$0")/.."

MOST_REPEATED=3
# Tests under way; how many servers run beside each other is said in tests/e2e/server.rs, the others wait for their turn.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-6}
folder=target/end-to-end
mkdir -p "$folder"
first=$folder/first.txt

cargo test --test e2e -- "$@" 2>&1 | tee "$first"
[ "${PIPESTATUS[0]}" -eq 0 ] && exit 0

# libtest lists the failed tests twice under `failures:`: with what each printed, then by name alone. Without the line that
# counts them the run broke off, and there is nothing to repeat.
mapfile -t failed < <(awk '/^failures:$/ { names = "" } /^    [a-z0-9_:]+$/ { names = names $1 "\n" } END { printf names }' "$first")
counted=$(sed -nE 's/^test result: FAILED\. .* ([0-9]+) failed;.*/\1/p' "$first")
if [ "${#failed[@]}" -ne "${counted:-0}" ] || [ "${#failed[@]}" -eq 0 ] || [ "${#failed[@]}" -gt "$MOST_REPEATED" ]; then
  echo "end-to-end: ${counted:-0} failed: ${failed[*]}" >&2
  exit 1
fi

result=0
for name in "${failed[@]}"; do
  echo "end-to-end: repeating $name alone"
  if cargo test --test e2e -- --exact "$name" >"$folder/second.txt" 2>&1; then
    verdict=unsteady
  else
    verdict=FAILED
    result=1
    cat "$folder/second.txt"
  fi
  echo "end-to-end: $verdict: $name. It first failed with:"
  sed -n "/^---- $name stdout ----\$/,/^\(----\|failures:\)/p" "$first" | sed '$d' | sed 's/^/    /'
done
exit "$result"
