#!/usr/bin/env bash
# Sets up what the tests need on a Debian machine with Rust, then runs everything that decides.
#
#   bash tests/all.sh                  what cannot be run here is skipped by name, in a closing list
#   bash tests/all.sh --none-skipped   a skipped test is a failure (CI)
set -euo pipefail
cd "$(dirname "$0")/.."
none_skipped=no
case "${1:-}" in
  '') ;;
  --none-skipped) none_skipped=yes ;;
  *) echo "usage: bash tests/all.sh [--none-skipped]" >&2; exit 2 ;;
esac

# The linker and SQLite's C compiler; access lists, file capabilities, real monitoring plugins, real Nix profiles; what
# tells of drivers, on a virtual X server; readers of our reports that others wrote; a Debian with a real systemd, and real
# journals; machines whose power can be cut.
packages=(gcc libc6-dev acl attr libcap2-bin monitoring-plugins-basic nix-bin
  vainfo vdpauinfo mesa-utils pciutils xvfb mesa-va-drivers libvdpau-va-gl1
  libxml2-utils python3-jsonschema python3-junitparser python3-prometheus-client python3-tap python3-more-itertools python3-yaml
  mmdebstrap systemd-container systemd-journal-remote
  user-mode-linux e2fsprogs busybox-static)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "not installed, and not root on Debian: ${missing[*]} (tests that need them are skipped by name)"
  fi
fi
for tool in fmt clippy; do
  if ! cargo "$tool" --version >/dev/null 2>&1; then
    component=$tool
    [ "$tool" = fmt ] && component=rustfmt
    rustup component add "$component"
  fi
done

# The schema of JUnit's reports that Jenkins publishes; the sources of pytest hold it.
schema=target/consumers/junit-10.xsd
if [ ! -f "$schema" ] && python3 -m pip --version >/dev/null 2>&1; then
  sources=$(mktemp -d)
  mkdir -p "$(dirname "$schema")"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$sources" pytest==8.3.4 &&
    tar -xzOf "$sources"/pytest-8.3.4.tar.gz pytest-8.3.4/testing/example_scripts/junit-10.xsd >"$schema.new" &&
    mv "$schema.new" "$schema" || echo "no schema of JUnit's reports (the test that needs it is skipped by name)"
  rm -rf "$sources"
fi

skips=$(mktemp)
trap 'rm -f "$skips"' EXIT
export SWITCHBACK_SKIPS="$skips"

step() {
  local began=$SECONDS
  printf '\n== %s\n' "$*"
  "$@"
  printf '== took %ss\n' "$((SECONDS - began))"
}
documents() { RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet; }

step cargo fmt --check
step cargo clippy --quiet --all-targets -- -D warnings
# Mutants are tried by hand; that they still can be is seen each time.
step bash tests/mutants.sh --check
step documents
step cargo build --release --quiet
# What kills, races and interrupts does so hundreds of times, and what is delivered is tried there.
export SWITCHBACK_BIN="$PWD/${CARGO_TARGET_DIR:-target}/x86_64-unknown-linux-gnu/release/switchback"
[ -x "$SWITCHBACK_BIN" ] || unset SWITCHBACK_BIN
step cargo test

if [ -s "$skips" ]; then
  printf '\nSkipped here, and why:\n'
  sort -u "$skips" | sed 's/^/  /'
else
  printf '\nNo test was skipped.\n'
fi
printf 'All of it took %ss.\n' "$SECONDS"
if [ -s "$skips" ] && [ "$none_skipped" = yes ]; then
  echo "a test was skipped, and that is a failure here" >&2
  exit 1
fi
