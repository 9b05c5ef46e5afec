#!/usr/bin/env bash
# Mutation testing of what decides: the engine, judging, and the journal. No mutant may be missed.
#
#   bash tests/mutants.sh                             all three
#   bash tests/mutants.sh judge                       one of them
#   bash tests/mutants.sh engine -- --re weigh        what stands behind -- goes to cargo mutants
#   bash tests/mutants.sh --check                     only sees that it could begin; needs no cargo-mutants
#
# Each of the three is tested in a small crate of its own below target/mutants: its files as they are, over a crate that
# holds what they stand on, so that a mutant is built in seconds. Settings, and mutants that change nothing, are in
# .cargo/mutants.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
crates=$PWD/target/mutants

only_check=no
if [ "${1:-}" = --check ]; then
  only_check=yes
  shift
elif ! cargo mutants --version >/dev/null 2>&1; then
  echo 'cargo-mutants is not installed: cargo install cargo-mutants --locked' >&2
  exit 2
fi

targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    engine | judge | journal) targets+=("$1") ;;
    --) shift; break ;;
    *) echo "usage: bash tests/mutants.sh [engine|judge|journal]... [-- OPTIONS OF CARGO MUTANTS]" >&2; exit 2 ;;
  esac
  shift
done
[ "${#targets[@]}" -gt 0 ] || targets=(engine judge journal)

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

# A module file without the modules that are not named.
#   keep CRATE FILE NAME...
keep() {
  local file=$fresh/$1/src/$2 names
  names=$(printf '%s|' "${@:3}")
  mkdir -p "$(dirname "$file")"
  awk -v names="^(${names%|})\$" '
    /^#\[/ { held = held $0 "\n"; next }
    /^(pub )?(mod|use) [a-z_]+(;|::)/ {
      name = $0
      sub(/^(pub )?(mod|use) /, "", name)
      sub(/[;:].*/, "", name)
      if (name !~ names && name !~ /^(std|crate|super)$/) { held = ""; next }
    }
    { printf "%s%s\n", held, $0; held = "" }' "src/$2" >"$file"
}

# Files and folders of src as they are.
#   copy CRATE PATH...
copy() {
  local each
  for each in "${@:2}"; do
    mkdir -p "$fresh/$1/src/$(dirname "$each")"
    cp -r "src/$each" "$fresh/$1/src/$each"
  done
}

# A manifest with the named lines of ours.
#   manifest CRATE DEPENDENCY...
manifest() {
  local names
  names=$(printf '%s|' "${@:2}")
  mkdir -p "$fresh/$1"
  {
    sed -n '/^\[package\]/,/^$/p' Cargo.toml | sed "s/^name = .*/name = \"$1\"/"
    echo '[dependencies]'
    sed -n '/^\[dependencies\]/,/^$/p' Cargo.toml | grep -E "^(${names%|}) ="
    [ "$1" = ground ] || printf 'ground = { path = "../ground" }\n\n[dev-dependencies]\n%s\n\n[lib]\nname = "switchback"\n' \
      "$(grep -E '^(proptest|stateright) =' Cargo.toml)"
  } >"$fresh/$1/Cargo.toml"
}

# The crate's own modules over the ground.
#   over_ground CRATE MODULE...
over_ground() {
  keep "$1" lib.rs "${@:2}"
  echo 'pub use ground::{model, system};' >>"$fresh/$1/src/lib.rs"
}

ground() {
  manifest ground chrono libc nix regex-syntax rustix schemars serde serde_json sha2 tempfile thiserror toml_edit xattr
  keep ground lib.rs model system
  copy ground model system
}

engine() {
  manifest engine chrono serde serde_json thiserror
  over_ground engine engine
  copy engine engine
  mkdir -p "$fresh/engine/tests/golden" "$fresh/engine/docs"
  cp -r tests/engine "$fresh/engine/tests/engine"
  cp docs/life-of-a-phase.md "$fresh/engine/docs/"
  cp tests/golden/kills.txt "$fresh/engine/tests/golden/"
  printf '\n[[test]]\nname = "engine"\npath = "tests/engine/main.rs"\n' >>"$fresh/engine/Cargo.toml"
}

judge() {
  manifest judge chrono regex serde_json sha2 thiserror
  over_ground judge check
  keep judge check/mod.rs bound error judge
  copy judge check/{bound.rs,error.rs,judge}
}

journal() {
  manifest journal libc nix regex rusqlite rustix serde serde_json sha2 tar tempfile thiserror
  over_ground journal store
  copy journal store
}

# What changed is put in place, what is gone is removed, what was built stays.
settle() {
  local each
  mkdir -p "$crates"
  (cd "$fresh" && find . -type f) | while read -r each; do
    cmp -s "$fresh/$each" "$crates/$each" && continue
    mkdir -p "$crates/$(dirname "$each")"
    cp "$fresh/$each" "$crates/$each"
  done
  (cd "$crates" && find . -path ./target -prune -o -path ./out -prune -o -type f -print) | while read -r each; do
    [ -e "$fresh/$each" ] || rm "$crates/$each"
  done
}

for crate in ground engine judge journal; do "$crate"; done
cat >"$fresh/Cargo.toml" <<END
[workspace]
members = ["ground", "engine", "judge", "journal"]
resolver = "3"

$(sed -n '/^\[profile\.dev\.package/,/^$/p' Cargo.toml)

[profile.dev]
debug = false

[profile.dev.package.ground]
opt-level = 1

[profile.dev.package.engine]
opt-level = 1
END
mkdir "$fresh/.cargo"
cp .cargo/mutants.toml "$fresh/.cargo/mutants.toml"
cp Cargo.lock "$fresh/Cargo.lock"
settle
if [ "$only_check" = yes ]; then
  # What the crates stand on is built already, for the crate that they are made of.
  CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target} \
    exec cargo check --quiet --tests --package engine --package judge --package journal --manifest-path "$crates/Cargo.toml"
fi
cd "$crates"

export SWITCHBACK_NARROW_WALK=1
# The same cases each time, nothing learnt from the mutant before, and no search for the smallest one.
export PROPTEST_RNG_SEED=1 PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 PROPTEST_MAX_SHRINK_ITERS=0
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR
missed=no
# Fails where a mutant was missed. Where none could be tried, the tests fail as they are: that ends it all.
#   tried OPTION OF CARGO MUTANTS...
tried() {
  local status=0
  cargo mutants --in-place --package "$target" "${mutants[@]/#/--file=}" --output "out/$target" "$@" || status=$?
  case $status in
    0) return 0 ;;
    2) return 1 ;;
    # Some never ended, which a test noticed by not ending either.
    3) [ ! -s "out/$target/mutants.out/missed.txt" ] ;;
    *) exit "$status" ;;
  esac
}
for target in "${targets[@]}"; do
  printf '\n== %s\n' "$target"
  mkdir -p "out/$target"
  case $target in
    engine)
      mutants=("engine/src/engine/**")
      # The quick tests first; what they let through, and what explores a plan, meets the tests of that, and then the walk. The planted faults
      # are a test of the walk itself.
      tried --cargo-arg=--lib --exclude 'engine/src/engine/foresee/**' "$@" -- -- --skip foresee::tests || true
      tried --iterate --cargo-arg=--lib "$@" -- -- foresee::tests ||
        tried --iterate --cargo-arg=--test=engine "$@" -- -- --skip mutants:: --skip planted || missed=yes
      ;;
    judge)
      mutants=("judge/src/check/judge/**")
      tried --cargo-arg=--lib "$@" || missed=yes
      ;;
    journal)
      mutants=(journal/src/store/journal.rs journal/src/store/format.rs)
      # The quick tests first here too; then what they let through meets every cut, every flipped bit and any facts.
      tried --cargo-arg=--lib "$@" -- -- store::journal store::format --skip ::exhaustive:: ||
        tried --iterate --cargo-arg=--lib "$@" -- -- store::journal store::format || missed=yes
      ;;
  esac
done
[ "$missed" = no ]
