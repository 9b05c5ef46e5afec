//! What is asked of Nix, asked of the real one: packages that are built here without a network, and a profile with
//! generations that it made itself.

use crate::skipped::skipped;
use crate::support::bench::Bench;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Two versions of an application, the second with another library; each says in its log how it is compiled.
const PACKAGES: &str = r#"
let
  package = name: more: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" "echo building; echo 'cc -O2 -march=skylake -c a.c'; echo make -j4; echo $name $library > $out" ];
    library = "";
  } // more);
  flags = { NIX_CFLAGS_COMPILE = "-O2 -march=skylake"; enableParallelBuilding = true; doCheck = true; };
in {
  before = package "switchback-test-app-1.0" { library = package "switchback-test-lib-1.0" { }; };
  after = package "switchback-test-app-2.0" (flags // { library = package "switchback-test-more-1.0" { }; });
}
"#;

#[expect(clippy::disallowed_methods, reason = "the programs that a person would call")]
fn nix(program: &str, words: &[&str]) -> Output {
    let mut command = Command::new(Path::new("/usr/bin").join(program));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").args(words);
    command.output().expect("started")
}

fn done(program: &str, words: &[&str]) -> String {
    let output = nix(program, words);
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The two store paths; nothing, and a line in the list of skipped tests, where there is no Nix that can build.
fn built(test: &str, bench: &Bench) -> Option<[PathBuf; 2]> {
    if ["nix-build", "nix-env", "nix-store"].iter().any(|name| !Path::new("/usr/bin").join(name).exists()) {
        skipped(test, "there is no Nix in /usr/bin");
        return None;
    }
    bench.write("packages.nix", PACKAGES);
    let file = bench.path("packages.nix").display().to_string();
    let mut words = vec!["--no-out-link", file.as_str(), "-A", "before", "-A", "after"];
    for option in [["sandbox", "false"], ["substitute", "false"], ["build-users-group", ""]] {
        words.push("--option");
        words.extend(option);
    }
    let output = nix("nix-build", &words);
    if !output.status.success() {
        skipped(test, &format!("Nix cannot build here: {}", String::from_utf8_lossy(&output.stderr)));
        return None;
    }
    let paths: Vec<PathBuf> = String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect();
    Some(<[PathBuf; 2]>::try_from(paths).expect("two paths"))
}

fn probe(bench: &Bench, words: &[&str]) -> Value {
    let ran = bench.run(&[&["probe"], words, &["--json"]].concat());
    assert_eq!(ran.exit, 0, "{words:?}: {ran:?}");
    ran.json()
}

#[test]
fn the_generations_of_a_profile_are_those_that_nix_made() {
    let bench = Bench::new();
    let test = "nix_live::the_generations_of_a_profile_are_those_that_nix_made";
    let Some([before, after]) = built(test, &bench) else { return };
    let (before, after) = (before.display().to_string(), after.display().to_string());
    let profile = bench.path("profiles");
    std::fs::create_dir(&profile).expect("made");
    let profile = profile.join("tools").display().to_string();
    let of = format!("profile={profile}");
    let absent = bench.run(&["probe", "generations", "of=nix-env", &of]);
    assert!(absent.exit == 11 && absent.err.contains("there is no profile at"), "{absent:?}");
    assert_eq!(probe(&bench, &["nix", &of]), json!({"exists": false}));

    for (path, number) in [(&before, 1), (&after, 2), (&before, 3)] {
        done("nix-env", &["--profile", &profile, "--set", path]);
        let seen = probe(&bench, &["nix", &of]);
        assert_eq!((&seen["store_path"], &seen["generation"]), (&json!(path), &json!(number)), "{seen}");
        let seen = probe(&bench, &["generations", "of=nix-env", &of]);
        assert_eq!((&seen["count"], &seen["current"]), (&json!(number), &json!(number)), "{seen}");
    }
    // Back, and one is thrown away: what is left is told as it is left.
    done("nix-env", &["--profile", &profile, "--switch-generation", "2"]);
    done("nix-env", &["--profile", &profile, "--delete-generations", "1"]);
    let seen = probe(&bench, &["generations", "of=nix-env", &of]);
    assert_eq!(
        (&seen["ids"], &seen["current"], &seen["kind"]),
        (&json!([2, 3]), &json!(2), &json!("nix-env"))
    );
    let list = seen["list"].as_array().expect("a list");
    let told: Vec<_> = list.iter().map(|one| (&one["id"], &one["path"], &one["current"])).collect();
    let expected = [(&json!(3), &json!(before), &json!(false)), (&json!(2), &json!(after), &json!(true))];
    assert_eq!(told, expected, "{seen}");
    let seen = probe(&bench, &["nix", &of]);
    assert_eq!((&seen["generation"], &seen["generations"]), (&json!(2), &json!([2, 3])), "{seen}");

    // What Nix itself lists is read as the same.
    let listed = done("nix-env", &["--profile", &profile, "--list-generations"]);
    bench.write("listed", &format!("{listed}\n"));
    let from = bench.path("listed").display().to_string();
    let read = probe(&bench, &["nix-env-generations", "--from", &from]);
    let ids: Vec<&Value> =
        read["generations"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
    assert_eq!((ids, &read["current"]), (vec![&json!(2), &json!(3)], &json!(2)), "{read}");

    // A home-manager profile is a profile like any other.
    let seen = probe(&bench, &["generations", "of=home-manager", &of]);
    assert_eq!((&seen["kind"], &seen["count"]), (&json!("home-manager"), &json!(2)), "{seen}");
}

#[test]
fn a_store_path_its_derivation_its_log_and_two_closures_are_those_of_the_store() {
    let bench = Bench::new();
    let test = "nix_live::a_store_path_its_derivation_its_log_and_two_closures_are_those_of_the_store";
    let Some([before, after]) = built(test, &bench) else { return };
    let (before, after) = (before.display().to_string(), after.display().to_string());
    let seen = probe(&bench, &["nix", &format!("path={before}")]);
    assert_eq!((&seen["exists"], &seen["valid"]), (&json!(true), &json!(true)), "{seen}");
    let references = seen["references"].as_array().expect("a list");
    let names: Vec<&str> = references.iter().filter_map(Value::as_str).collect();
    assert!(names.len() == 1 && names[0].ends_with("-switchback-test-lib-1.0"), "{seen}");
    // A path of nobody's, and one that is no path of the store.
    let none = format!("path=/nix/store/{}-none", "0".repeat(32));
    assert_eq!(probe(&bench, &["nix", &none])["valid"], json!(false));
    let foreign = bench.run(&["probe", "nix", "path=/etc/passwd"]);
    assert!(foreign.exit == 11 && foreign.err.contains("nix-store failed"), "{foreign:?}");

    let seen = probe(&bench, &["nix", &format!("derivation={after}")]);
    for (field, value) in [
        ("name", json!("switchback-test-app-2.0")),
        ("march", json!("skylake")),
        ("parallel", json!(true)),
        ("tests", json!(true)),
        ("outputs", json!([after])),
    ] {
        assert_eq!(seen[field], value, "{field}: {seen}");
    }
    assert!(seen["inputs"].to_string().contains("switchback-test-more-1.0"), "{seen}");
    assert!(seen["flags"].to_string().contains("-march=skylake"), "{seen}");

    let log = format!("log={after}");
    let seen = probe(&bench, &["nix", &log, "matches=-march=(skylake|native)"]);
    for (field, value) in
        [("exists", json!(true)), ("march", json!(["skylake"])), ("jobs", json!(4)), ("matched", json!(true))]
    {
        assert_eq!(seen[field], value, "{field}: {seen}");
    }
    assert_eq!(probe(&bench, &["nix", &log, "matches=-march=native"])["matched"], json!(false));

    let seen = probe(&bench, &["nix", &format!("before={before}"), &format!("after={after}")]);
    assert_eq!(seen["same"], json!(false), "{seen}");
    for (field, names) in [
        ("added", json!(["switchback-test-more"])),
        ("removed", json!(["switchback-test-lib"])),
        ("changed", json!(["switchback-test-app"])),
    ] {
        assert_eq!(seen[field], names, "{field}: {seen}");
    }
    assert_eq!((&seen["paths_before"], &seen["paths_after"]), (&json!(2), &json!(2)), "{seen}");
    let same = probe(&bench, &["nix", &format!("before={after}"), &format!("after={after}")]);
    assert_eq!((&same["same"], &same["size_delta"]), (&json!(true), &json!(0)), "{same}");
}
