#!/usr/bin/env bash
# Installs the Debian packages that are missing, and nothing when none is.
#
#   scripts/install-tools.sh run     what `make run` needs: compiler, Node, the fallback speech engine
#   scripts/install-tools.sh test    that, and the peers and judges of the tests
#
# Runs as root or through sudo. Quiet unless something fails; then apt's last words are shown.
set -euo pipefail

# A tool is a command and the Debian package that brings it.
run_tools=(
  cc=build-essential
  curl=curl
  node=nodejs
  npm=npm
  espeak-ng=espeak-ng
)
# sipp: the citizen and the operator's phone we did not write. baresip: the operator's softphone we did
# not write. ffprobe: the judge of every recording.
test_tools=(
  "${run_tools[@]}"
  sipp=sip-tester
  baresip=baresip
  ffprobe=ffmpeg
)

attempts=3
rust_minimum=1.95

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Runs a command up to `attempts` times; its output is shown only when the last attempt failed.
quietly() {
  local log attempt
  log=$(mktemp)
  for attempt in $(seq "$attempts"); do
    if "$@" >"$log" 2>&1; then
      rm -f "$log"
      return 0
    fi
    [ "$attempt" -eq "$attempts" ] || sleep "$((attempt * 2))"
  done
  echo "install-tools: failed $attempts times: $*" >&2
  tail -n 20 "$log" >&2
  rm -f "$log"
  return 1
}

install_packages() {
  local packages=("$@")
  command -v apt-get >/dev/null || {
    echo "install-tools: no apt-get here; please install: ${packages[*]}" >&2
    return 1
  }
  echo "install-tools: installing ${packages[*]}"
  quietly as_root apt-get update -qq
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
}

install_rust() {
  echo "install-tools: installing Rust with rustup"
  local installer
  installer=$(mktemp)
  quietly curl --proto '=https' --tlsv1.2 -fsS -o "$installer" https://sh.rustup.rs
  quietly sh "$installer" -y --profile default
  rm -f "$installer"
  echo "install-tools: a new shell finds cargo; this one: . \"\$HOME/.cargo/env\""
}

case "${1:-}" in
  run) wanted=("${run_tools[@]}") ;;
  test) wanted=("${test_tools[@]}") ;;
  *)
    echo "usage: $0 run|test" >&2
    exit 2
    ;;
esac

missing=()
for tool in "${wanted[@]}"; do
  command -v "${tool%%=*}" >/dev/null || missing+=("${tool#*=}")
done
[ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"

command -v cargo >/dev/null || [ -x "$HOME/.cargo/bin/cargo" ] || install_rust
PATH="$HOME/.cargo/bin:$PATH"
have=$(cargo --version | cut -d' ' -f2)
if [ "$(printf '%s\n' "$rust_minimum" "$have" | sort -V | head -n 1)" != "$rust_minimum" ]; then
  echo "install-tools: Rust $rust_minimum or newer is needed, this is $have; run: rustup update stable" >&2
  exit 1
fi
