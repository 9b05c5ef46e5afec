//! State folders that are not as they were left.

use crate::world::{Tree, World, same};
use std::fs;
use std::os::unix::fs::symlink;

const PAUSED: &str = "  - id: only\n    layers: [{files: {paths: [\"@/data/one\"]}}, {files: {paths: [\"@/data/two\"]}}]\n    apply:\n      - {id: first, run: [sh, -c, \"echo changed > @/data/one\"]}\n      - {id: second, run: [rm, \"@/data/two\"]}\n    validate:\n      - {id: bad, probe: {run: [\"false\"]}}\n    \"on\": {fail: pause}\n";

/// A run that waits for a person in the middle of its phase, and the data as they were before it.
fn paused() -> (World, Tree) {
    let world = World::new();
    let before = world.data_tree();
    world.plan(PAUSED);
    // Nothing else is to look at what is damaged next.
    world.switchback(&["run", "plan.yaml", "--unattended", "--no-guard"]).ended(11).hinting("switchback");
    (world, before)
}

/// Changes one byte in the middle of a file.
fn flip(path: &std::path::Path) {
    let mut bytes = fs::read(path).expect("read");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("written");
}

/// Another letter in the middle: the line is still JSON, or nearly.
fn one_letter_off(line: &str) -> String {
    let at = line.char_indices().skip(line.len() / 2).find(|(_, c)| c.is_ascii_alphanumeric());
    let (at, letter) = at.expect("a letter");
    let other = if letter == 'a' { "b" } else { "a" };
    format!("{}{other}{}", &line[..at], &line[at + 1..])
}

#[test]
fn a_journal_with_a_changed_line_is_never_gone_forward_on_and_leads_back_as_far_as_it_can() {
    let (world, before) = paused();
    let journal = world.generation(1, "journal");
    let good = fs::read_to_string(&journal).expect("read");
    let lines: Vec<&str> = good.lines().collect();
    let recorded = lines.iter().rposition(|line| line.contains("layer-recorded")).expect("two layers") + 1;
    let mut whole = 0;
    for damaged in 1..=lines.len() {
        world.data_reset();
        for entry in fs::read_dir(world.generation(1, "")).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.to_string_lossy().contains("journal.damaged") {
                fs::remove_file(path).expect("removed");
            }
        }
        let text: String = lines
            .iter()
            .enumerate()
            .map(|(at, line)| {
                let line = if at + 1 == damaged { one_letter_off(line) } else { (*line).to_owned() };
                line + "\n"
            })
            .collect();
        fs::write(&journal, &text).expect("damaged");
        let changed = world.data_tree();
        for verb in [vec!["resume", "--unattended"], vec!["run", "plan.yaml", "--unattended"]] {
            let ran = world.switchback(&verb);
            assert!([1, 11, 13].contains(&ran.code), "line {damaged}: {ran:#?}");
            assert!(
                ran.said().contains(&format!("line {damaged}")) || ran.said().contains("has not ended"),
                "line {damaged}: {ran:#?}"
            );
        }
        same(&changed, &world.data_tree());
        world.switchback(&["show"]);
        let ran = world.switchback(&["rollback", "--yes"]);
        crate::world::harmless(&ran.said());
        match ran.code {
            12 => {
                whole += 1;
                world.same_content(&before);
            }
            13 => {
                assert!(ran.said().contains(&format!("line {damaged}")), "{ran:#?}");
                if damaged > recorded {
                    world.same_content(&before);
                }
            }
            other => panic!("line {damaged}: exit {other}: {ran:#?}"),
        }
    }
    assert!(whole > 0, "no damaged journal led the whole way back");
}

#[test]
fn what_a_damaged_journal_hides_is_named_in_the_record_until_a_person_says_that_it_is_right() {
    let world = World::new();
    let before = world.data_tree();
    world.plan(
        "  - id: only\n    layers: [{files: {paths: [\"@/data/one\"]}}]\n    apply:\n      - {id: mark, shell: \"echo changed > @/data/one; touch @/outside\", undo: {run: [rm, \"@/outside\"]}}\n    validate:\n      - {id: good, probe: {run: [\"true\"]}}\n",
    );
    world.run().ended(0);
    let journal = world.generation(1, "journal");
    let good = fs::read_to_string(&journal).expect("read");
    let begun = good.lines().position(|line| line.contains("step-started")).expect("a step");
    // The last line before the step, which says nothing of it.
    let text = good.lines().enumerate().map(|(at, line)| {
        let line = if at + 1 == begun { one_letter_off(line) } else { line.to_owned() };
        line + "\n"
    });
    fs::write(&journal, text.collect::<String>()).expect("damaged");
    let advice = world.switchback(&["status"]).ended(0).with("`switchback rollback`");
    assert!(!advice.said().contains("`switchback resume`"), "it would refuse: {advice:#?}");
    // Said before it is begun and at its end; the second time the damage is behind a record that is whole.
    for (time, told) in [("first", 2), ("second", 1)] {
        let ran = world.switchback(&["rollback", "--yes"]).ended(13).with(&format!("line {begun}"));
        assert_eq!(ran.said().matches("step mark").count(), told, "{time}: {ran:#?}");
        let mut data = world.data_tree();
        assert_eq!(data.remove("one"), before.get("one").cloned(), "the layer came back");
        for verb in [["status"].as_slice(), &["history"], &["show"]] {
            let told = world.switchback(verb).ended(0).with("inconsistent");
            assert!(!told.said().contains("nothing was changed"), "{time}: {told:#?}");
        }
        world.switchback(&["status"]).with("step mark");
        world.switchback(&["show"]).with("step mark");
        world.run().ended(13).with("step mark");
    }
    world.switchback(&["resolve", "--yes", "--reason", "looked: removed it"]).ended(0);
    world.switchback(&["rollback", "--yes"]).ended(0).with("Nothing to take back");
}

impl World {
    /// The data as the phase left them.
    fn data_reset(&self) {
        fs::write(self.data().join("one"), "changed\n").expect("written");
        let _ = fs::remove_file(self.data().join("two"));
    }

    /// Everything but the times, which are those of the test's own writing.
    #[track_caller]
    fn same_content(&self, before: &Tree) {
        same(before, &self.data_tree());
    }
}

#[test]
fn a_torn_last_line_is_no_damage() {
    let (world, before) = paused();
    let journal = world.generation(1, "journal");
    let mut bytes = fs::read(&journal).expect("read");
    let line = bytes.split(|byte| *byte == b'\n').nth(1).expect("a line").to_vec();
    bytes.extend_from_slice(&line[..line.len() - 7]);
    fs::write(&journal, bytes).expect("torn");
    world.switchback(&["resume", "--unattended"]).ended(11);
    world.switchback(&["rollback", "--yes"]).ended(12);
    same(&before, &world.data_tree());
}

#[test]
fn a_journal_that_lost_its_end_is_never_gone_forward_on_and_its_way_back_names_what_nobody_knows() {
    for behind in ["last", "sealed", "recorded", "began"] {
        let (world, before) = paused();
        let journal = world.generation(1, "journal");
        let whole = fs::read_to_string(&journal).expect("read");
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let sealed = lines.iter().position(|line| line.contains("capsule-sealed")).expect("sealed");
        let recorded = lines.iter().position(|line| line.contains("layer-recorded")).expect("recorded");
        // Behind the second layer's record all comes back; before it, nobody knows what the layer was.
        let (kept, status) = match behind {
            "last" => (lines.len() - 1, 12),
            "sealed" => (sealed + 1, 12),
            "recorded" => (recorded + 1, 13),
            _ => (1, 13),
        };
        fs::write(&journal, lines[..kept].concat()).expect("cut");
        let told = format!("tells of {} facts", lines.len());
        world.switchback(&["status"]).ended(0).with(&told);
        world.run().ended(13).with(&format!("line {}", kept + 1));
        world.switchback(&["resume", "--unattended"]).ended(13).with(&told);
        world.switchback(&["guard", "fire", "--generation", "1", "--runner", "1:1"]);
        assert_eq!(fs::read_to_string(&journal).expect("read"), lines[..kept].concat(), "nobody wrote it");
        let ran = world.switchback(&["rollback", "--yes"]).ended(status);
        if status == 12 {
            same(&before, &world.data_tree());
        } else {
            ran.with("layer files").with(&told);
            world.switchback(&["status"]).with("layer files");
            world.run().ended(13).with("layer files");
        }
    }
}

#[test]
fn what_a_journal_that_lost_its_end_may_have_told_of_can_be_looked_at_by_a_person() {
    let world = World::new();
    world.script("true");
    world.run().ended(0);
    let changed = world.data_tree();
    let journal = world.generation(1, "journal");
    let whole = fs::read_to_string(&journal).expect("read");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    fs::write(&journal, lines[..lines.len() - 1].concat()).expect("cut");
    world.run().ended(13);
    world.switchback(&["status"]).ended(0).with("switchback resolve");
    let missing = format!("journal line {}", lines.len());
    world.switchback(&["resolve", "--yes", "--reason", "looked at all of it"]).ended(0).with(&missing);
    same(&changed, &world.data_tree());
    world.switchback(&["status"]).ended(0).with("looked at all of it");
    // It stands as not taken: it is due again.
    world.run().ended(0);
    assert!(world.generation(2, "journal").exists());
}

#[test]
fn a_journal_that_is_gone_empty_or_anothers_stops_everything_and_points_to_the_way_by_hand() {
    for damage in ["gone", "empty", "anothers", "garbage"] {
        let world = World::new();
        world.script("true");
        world.run().ended(0);
        world.plan(&PAUSED.replace("id: only", "id: other"));
        world.switchback(&["run", "plan.yaml", "--unattended", "--override"]).ended(11);
        let journal = world.generation(2, "journal");
        match damage {
            "gone" => fs::remove_file(&journal).expect("removed"),
            "empty" => fs::write(&journal, "").expect("emptied"),
            "anothers" => {
                fs::copy(world.generation(1, "journal"), &journal).expect("copied");
            }
            _ => fs::write(&journal, vec![0xff; 4096]).expect("damaged"),
        }
        let changed = world.data_tree();
        for verb in [
            vec!["resume", "--unattended"],
            vec!["run", "plan.yaml", "--unattended"],
            vec!["rollback", "--yes"],
        ] {
            let ran = world.switchback(&verb).ended(13);
            assert!(
                ran.said().contains("generation 0002") || ran.said().contains("generations/0002"),
                "{damage}: {ran:#?}"
            );
            ran.hinting("UNDO");
        }
        let ran = world.switchback(&["status"]);
        assert!(ran.said().contains("0002"), "{damage}: {ran:#?}");
        world.switchback(&["history"]).ended(0);
        same(&changed, &world.data_tree());
    }
}

#[test]
fn a_damaged_manifest_or_original_is_named_and_the_rest_goes_back() {
    for what in ["layers/00-files.jsonl", "original"] {
        let (world, before) = paused();
        let path = if what == "original" {
            let one = fs::read_dir(world.generation(1, "originals"))
                .expect("listed")
                .map(|entry| entry.expect("an entry").path())
                .find(|path| fs::read_to_string(path).is_ok_and(|text| text == "one\n"));
            one.expect("what was saved of `one`")
        } else {
            world.generation(1, what)
        };
        flip(&path);
        let ran = world.switchback(&["rollback", "--yes"]).ended(13);
        let name = if what == "original" { "data/one" } else { "00-files.jsonl" };
        let ran = ran.with(name);
        ran.hinting("rollback");
        let after = world.data_tree();
        assert_eq!(before.get("two"), after.get("two"), "the other layer came back");
        assert!(
            fs::read_to_string(world.data().join("one")).expect("there") == "changed\n",
            "it is as it was found"
        );
        world.switchback(&["status"]).ended(0).with(name);
        world.run().ended(13);
        flip(&path);
        world.switchback(&["rollback", "--yes"]).ended(12);
        same(&before, &world.data_tree());
    }
}

#[test]
fn a_plan_that_is_lost_does_not_keep_the_layers_from_going_back() {
    for damage in ["flipped", "gone", "sums"] {
        let (world, before) = paused();
        let path = world.generation(1, "plan.json");
        match damage {
            "flipped" => flip(&path),
            "gone" => fs::remove_file(&path).expect("removed"),
            _ => fs::remove_file(world.generation(1, "plan.sha256")).expect("removed"),
        }
        world.run().ended(13).with("generations/0001/plan.");
        world.switchback(&["resume", "--unattended"]).ended(13).hinting("UNDO");
        world.switchback(&["show"]).ended(0);
        world.switchback(&["history"]).ended(0);
        world
            .switchback(&["rollback", "--yes"])
            .ended(13)
            .with("generations/0001/plan.")
            .with("went back without its plan")
            .hinting("UNDO");
        same(&before, &world.data_tree());
    }
}

#[test]
fn the_database_and_the_link_are_not_needed() {
    let (world, before) = paused();
    let told = world.switchback(&["history"]).ended(0).out;
    let index = world.state().join("history.db");
    fs::write(&index, vec![0x5a; 40_000]).expect("garbage");
    assert_eq!(world.switchback(&["history"]).ended(0).out, told);
    fs::remove_file(&index).expect("removed");
    assert_eq!(world.switchback(&["history"]).ended(0).out, told);
    assert!(!index.exists(), "looking makes no database");
    let link = world.state().join("current");
    fs::remove_file(&link).expect("removed");
    world.switchback(&["status"]).ended(0).with("0001");
    symlink("generations/0099", &link).expect("a link");
    world.switchback(&["status"]).ended(0).with("0001");
    world.run().ended(11);
    world.switchback(&["rollback", "--yes"]).ended(12);
    same(&before, &world.data_tree());
}
