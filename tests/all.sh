#!/usr/bin/env bash
# Sets up what the tests need on a Debian machine with Rust, then runs all of them.
#
#   bash tests/all.sh                  what cannot be run here is skipped by name, in a closing list
#   bash tests/all.sh --none-skipped   a skipped test is a failure (CI)
set -euo pipefail
cd "$(dirname "$0")/.."
none_skipped=no
[ "${1:-}" = --none-skipped ] && none_skipped=yes

packages=(acl attr git monitoring-plugins-basic nix-bin strace tmux)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "not installed and not root: ${missing[*]} (tests that need them are skipped by name)"
  fi
fi

skips=$(mktemp)
trap 'rm -f "$skips"' EXIT
export SWITCHBACK_SKIPS="$skips"

step() { printf '\n== %s\n' "$*"; "$@"; }
step cargo fmt --check
step cargo clippy --quiet --all-targets -- -D warnings
step cargo build --release --quiet
step cargo test --quiet --no-run
step cargo test

if [ -s "$skips" ]; then
  printf '\nSkipped here, and why:\n'
  sort -u "$skips" | sed 's/^/  /'
  [ "$none_skipped" = no ] || { echo "a test was skipped"; exit 1; }
else
  printf '\nNo test was skipped.\n'
fi
