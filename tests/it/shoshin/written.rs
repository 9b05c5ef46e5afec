//! The plan as it is written, on any machine and for any user.

use super::lab::{asked, trusted};

#[test]
fn the_plan_has_no_complaint_and_explains_itself_with_what_it_is_told() {
    let linted = asked(&["lint"]);
    if !trusted(&linted) {
        let why = format!("root may not trust this checkout: {}", linted.text);
        crate::skipped::skipped("shoshin::written (plans/shoshin.yaml is linted)", &why);
        return;
    }
    assert_eq!(linted.code, Some(0), "{}", linted.text);
    assert!(linted.text.contains("no complaint"), "{}", linted.text);

    let explained = asked(&["explain", "--set", "video_flake=/elsewhere#video", "--set", "user=somebody"]);
    assert_eq!(explained.code, Some(0), "{}", explained.text);
    for line in [
        "nixos-rebuild test --flake /etc/nixos#shoshin",
        "nixos-rebuild boot --flake /elsewhere#video",
        "home-manager of somebody",
        "GOAMD64=v3",
        "layer",
    ] {
        assert!(explained.text.contains(line), "`{line}` in {}", explained.text);
    }
    assert!(!explained.text.contains("${"), "{}", explained.text);

    let unknown = asked(&["lint", "--set", "vidoe_flake=x"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.text);
    assert!(unknown.text.contains("video_flake"), "{}", unknown.text);
}
