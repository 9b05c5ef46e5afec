//! Variables are data: one argument each, never text for a shell.

use crate::world::World;
use proptest::prelude::*;
use std::fs;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_variable_with_any_bytes_is_one_argument_or_is_refused(value in "\\PC{0,12}|[-$`\"'\\\\;|&<>(){}* \t\n]{1,12}|.{0,8}") {
        prop_assume!(!value.contains('\0'));
        let world = World::new();
        let folder = world.root().display().to_string();
        world.write("plan.yaml", format!(
            "switchback: 1\nname: t\nvars: {{v: x}}\nphases:\n  - id: a\n    layers: [{{files: {{paths: [\"{folder}/data/\"]}}}}]\n    apply:\n      - id: say\n        run: [sh, -c, 'printf \"%s:%s\" \"$#\" \"$1\" > {folder}/data/said', sh, \"${{v}}\"]\n      - id: tell\n        shell: |\n          printf '%s' \"$v\" > {folder}/data/told\n    validate:\n      - {{id: fine, probe: {{run: [\"true\"]}}}}\n"
        ));
        let ran = world.switchback(&["run", "plan.yaml", "--unattended", "--set", &format!("v={value}")]);
        if ran.code == 2 {
            let deceives = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || !c.is_ascii();
            prop_assert!(value.chars().any(deceives) || value.contains("${"), "refused: {value:?}: {}", ran.said());
        } else {
            prop_assert_eq!(ran.code, 0, "{}", ran.said());
            let read = |name: &str| fs::read_to_string(world.data().join(name)).expect("written");
            prop_assert_eq!(read("said"), format!("1:{value}"));
            prop_assert_eq!(read("told"), value);
        }
    }
}

#[test]
fn a_shell_text_is_never_filled_in() {
    let world = World::new();
    let folder = world.root().display().to_string();
    world.write("plan.yaml", format!(
        "switchback: 1\nname: t\nvars: {{v: x}}\nphases:\n  - id: a\n    layers: [{{files: {{paths: [\"{folder}/data/\"]}}}}]\n    apply:\n      - id: tell\n        shell: |\n          printf '%s' \"${{v}}\" > {folder}/data/told\n          printf '%s' '${{v}}' > {folder}/data/literal\n    validate:\n      - {{id: fine, probe: {{run: [\"true\"]}}}}\n"
    ));
    let evil = format!("$(touch {folder}/pwned)`touch {folder}/pwned`\"; touch {folder}/pwned; '");
    world.switchback(&["run", "plan.yaml", "--unattended", "--set", &format!("v={evil}")]).ended(0);
    assert!(!world.at("pwned").exists());
    assert_eq!(fs::read_to_string(world.data().join("told")).expect("told"), evil);
    assert_eq!(fs::read_to_string(world.data().join("literal")).expect("literal"), "${v}");
}
