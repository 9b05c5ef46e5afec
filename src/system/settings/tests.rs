//! Every format, by table and by chance.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn at(path: &[&str], value: Value) -> Setting {
    Setting { path: path.iter().map(|name| (*name).to_owned()).collect(), value }
}

fn edits(format: SettingsFormat, cases: &[(&str, &[&str], Value, &str)]) {
    for (text, path, value, expected) in cases {
        let setting = at(path, value.clone());
        let edited = edit(format, text, std::slice::from_ref(&setting)).expect(text);
        assert_eq!(&edited, expected, "{path:?} = {value} in {text:?}");
        assert!(holds(format, &edited, &setting).expect("read"), "{path:?} = {value} in {edited:?}");
    }
}

#[test]
fn ini_keeps_everything_but_the_value() {
    edits(
        SettingsFormat::Ini,
        &[
            ("# head\n[a]\nx = 1\n; note\ny=2\n", &["a", "x"], json!(5), "# head\n[a]\nx = 5\n; note\ny=2\n"),
            ("[a]\r\nx=1\r\n\r\n[b]\r\nx=2", &["b", "x"], json!("3"), "[a]\r\nx=1\r\n\r\n[b]\r\nx=3"),
            ("[a]\r\nx=1\r\n\r\n[b]\r\n", &["a", "y"], json!(true), "[a]\r\nx=1\r\ny=true\r\n\r\n[b]\r\n"),
            ("[a]\nx = 1\n", &["a", "y"], json!("v"), "[a]\nx = 1\ny = v\n"),
            ("[a]\nx=1", &["a", "y"], json!(2), "[a]\nx=1\ny=2"),
            ("[a]\nx=1\n\n# of b\n[b]\n", &["a", "y"], json!(2), "[a]\nx=1\ny=2\n\n# of b\n[b]\n"),
            ("[a]\nx=1\n", &["b", "y"], json!(2), "[a]\nx=1\n\n[b]\ny=2\n"),
            ("[a]\nx=1", &["b", "y"], json!(2), "[a]\nx=1\n\n[b]\ny=2"),
            ("", &["b", "y"], json!(2), "[b]\ny=2\n"),
            ("", &["y"], json!(2), "y=2\n"),
            ("# head\n\n[a]\n", &["y"], json!(2), "# head\ny=2\n\n[a]\n"),
            (
                "[a]\nx=1\nx=2\n[b]\nx=3\n[a]\nx=4\n",
                &["a", "x"],
                json!(9),
                "[a]\nx=9\nx=9\n[b]\nx=3\n[a]\nx=9\n",
            ),
            ("[a]\nx=1\n  x  =  2  \ny=3\n", &["a", "x"], Value::Null, "[a]\ny=3\n"),
            ("[a]\nx\n", &["a", "none"], Value::Null, "[a]\nx\n"),
            ("[a]\n  x  =  2  \n", &["a", "x"], json!("b c"), "[a]\n  x  =  b c  \n"),
            ("[a]\nx=1\n[broken\nx=2\n", &["a", "x"], json!(3), "[a]\nx=3\n[broken\nx=2\n"),
            ("\u{feff}x=1\n", &["x"], json!(3), "\u{feff}x=3\n"),
            ("[a]\nx=\n", &["a", "x"], json!("1=2"), "[a]\nx=1=2\n"),
        ],
    );
}

#[test]
fn kde_knows_nested_groups_options_and_escapes() {
    edits(
        SettingsFormat::Kde,
        &[
            ("[A][B]\nk=1\n[A]\nk=2\n", &["A", "B", "k"], json!(3), "[A][B]\nk=3\n[A]\nk=2\n"),
            ("[A]\nk=2\n", &["A", "B", "k"], json!(3), "[A]\nk=2\n\n[A][B]\nk=3\n"),
            ("[A][$i]\nk[$i]=1\n", &["A", "k"], json!(2), "[A][$i]\nk[$i]=2\n"),
            ("[A]\nk[$e]=$HOME/x\n", &["A", "k"], json!("$HOME"), "[A]\nk[$e]=$$HOME\n"),
            ("[A]\nk=x\n", &["A", "k[$e]"], json!("$HOME/y"), "[A]\nk[$e]=$HOME/y\n"),
            ("[A]\nk[$d]\nk[$d]=\n", &["A", "k"], json!("y"), "[A]\nk[$d]\nk=y\n"),
            ("[A]\nName=x\nName[de]=y\n", &["A", "Name"], json!("z"), "[A]\nName=z\nName[de]=y\n"),
            ("[A]\nName=x\nName[de]=y\n", &["A", "Name[de]"], json!("z"), "[A]\nName=x\nName[de]=z\n"),
            ("", &["A", "k"], json!(" a\n\\b\t"), "[A]\nk=\\sa\\n\\\\b\\t\n"),
            ("", &["A]x[", "k"], json!(1), "[A\\x5dx\\x5b]\nk=1\n"),
            ("[A]\nk[$e]=1\nk=2\n", &["A", "k"], Value::Null, "[A]\n"),
        ],
    );
}

#[test]
fn json_is_edited_in_place() {
    edits(
        SettingsFormat::Json,
        &[
            (
                "{\n  \"a\" : 1 , // one\n  \"b\": [1, 2]\n}",
                &["a"],
                json!("x"),
                "{\n  \"a\" : \"x\" , // one\n  \"b\": [1, 2]\n}",
            ),
            ("{\"a\":1,\"b\":2}", &["c"], json!(3), "{\"a\":1,\"b\":2,\"c\":3}"),
            (
                "{ \"a\": 1, \"b\": 2 }",
                &["c"],
                json!([1, {"d": null}]),
                "{ \"a\": 1, \"b\": 2, \"c\": [1,{\"d\":null}] }",
            ),
            (
                "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n",
                &["a", "c"],
                json!(2),
                "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"c\": 2\n\t}\n}\n",
            ),
            (
                "{\r\n  \"a\": 1\r\n}\r\n",
                &["b", "c"],
                json!(2),
                "{\r\n  \"a\": 1,\r\n  \"b\": {\r\n    \"c\": 2\r\n  }\r\n}\r\n",
            ),
            ("{\n  \"a\": 1, // last\n}\n", &["b"], json!(2), "{\n  \"a\": 1,\n  \"b\": 2, // last\n}\n"),
            ("", &["a", "b"], json!(1), "{\n  \"a\": {\"b\":1}\n}\n"),
            ("{}", &["a"], json!(1), "{\n  \"a\": 1\n}"),
            ("{\"a\": {}}", &["a", "b"], json!(1), "{\"a\": {\"b\": 1}}"),
            ("{\n  \"a\": {}\n}\n", &["a", "b"], json!(1), "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n"),
            ("[{\"a\": 1}, 2]", &["0", "a"], json!(3), "[{\"a\": 3}, 2]"),
            ("{\"a\": 1, \"a\": 2}", &["a"], json!(3), "{\"a\": 1, \"a\": 3}"),
        ],
    );
}

#[test]
fn json_members_are_removed_with_their_commas() {
    for (text, name, expected) in [
        ("{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n", "a", "{\n  \"b\": 2,\n  \"c\": 3\n}\n"),
        ("{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n", "c", "{\n  \"a\": 1,\n  \"b\": 2\n}\n"),
        ("{\n  \"a\": 1, // one\n  \"b\": 2\n}\n", "b", "{\n  \"a\": 1 // one\n}\n"),
        ("{\n  \"a\": 1,\n}\n", "a", "{}\n"),
        ("{\n  // why\n  \"a\": 1\n}\n", "a", "{\n  // why\n}\n"),
        ("{\"a\":1,\"b\":2}", "a", "{\"b\":2}"),
        ("{ \"a\": 1, \"b\": 2 }", "b", "{ \"a\": 1 }"),
        ("{\"a\": 1, \"b\": 2, \"a\": 3}", "a", "{\"b\": 2}"),
        ("{\"a\": 1}", "none", "{\"a\": 1}"),
        ("{\"a\": 1}", "a", "{}"),
    ] {
        let edited = edit(SettingsFormat::Json, text, &[at(&[name], Value::Null)]).expect(text);
        assert_eq!(edited, expected, "{name} from {text:?}");
        assert_eq!(read(SettingsFormat::Json, &edited, &[name.to_owned()]), Ok(None));
    }
}

#[test]
fn toml_keeps_comments_line_ends_and_order() {
    edits(
        SettingsFormat::Toml,
        &[
            (
                "# head\r\nb = 1 # one\r\na = 2\r\n",
                &["b"],
                json!("x"),
                "# head\r\nb = \"x\" # one\r\na = 2\r\n",
            ),
            ("a = 1\r\n\r\n[t]\r\nx = 1\n", &["t", "y"], json!(2), "a = 1\r\n\r\n[t]\r\nx = 1\ny = 2\r\n"),
            ("[t]\nx = 1", &["t", "x"], json!(2), "[t]\nx = 2"),
            ("[t]\nx = 1", &["t", "y"], json!([1, 2]), "[t]\nx = 1\ny = [1, 2]"),
            ("a = 1\n", &["t", "u", "x"], json!(true), "a = 1\n\n[t.u]\nx = true\n"),
            ("", &["x"], json!(0.5), "x = 0.5\n"),
            ("t = { x = 1, y = 2 }\n", &["t", "x"], json!(3), "t = { x = 3, y = 2 }\n"),
            ("x = 1\ny = 2\n", &["x"], Value::Null, "y = 2\n"),
            ("x   =   1\n", &["none", "none"], Value::Null, "x   =   1\n"),
        ],
    );
}

#[test]
fn what_does_not_fit_is_refused_and_named() {
    use SettingsFormat::{Ini, Json, Kde, Toml};
    for (format, text, path, value, why) in [
        (Ini, "", &[][..], json!(1), "the path [] is empty"),
        (Kde, "", &["", "k"], json!(1), "has an empty element"),
        (Ini, "", &["a", "b", "c"], json!(1), "one section and a key"),
        (Ini, "", &["a", "k"], json!("x\ny=1"), "no line ends"),
        (Ini, "", &["a", "k"], json!(" x"), "no space at its ends"),
        (Ini, "", &["a", "k"], json!([1]), "lists and maps have no form here"),
        (Ini, "", &["a", "k=x"], json!(1), "no = in a key"),
        (Kde, "", &["a\nb", "k"], json!(1), "no control characters"),
        (Kde, "", &["$a", "k"], json!(1), "no $ before a group's name"),
        (Kde, "", &["a", "k[x"], json!(1), "brackets in a key"),
        (Kde, "", &["a", "k"], json!("\u{1b}"), "no control characters but"),
        (Json, "{\n\"a\" 1}", &["a"], json!(1), "line 2: a colon is missing"),
        (Json, "{\"a\": 1 \"b\": 2}", &["a"], json!(1), "line 1: a comma or } is missing"),
        (Json, "{\"a\": nul}", &["a"], json!(1), "not a value of JSON"),
        (Json, "{\"a\": \"x", &["a"], json!(1), "not a value of JSON"),
        (Json, "{} {}", &["a"], json!(1), "something follows the document"),
        (Json, "{", &["a"], json!(1), "not a value of JSON"),
        (Json, "{\"a\": 1}", &["a", "b"], json!(1), "leads through \"a\""),
        (Json, "{\"x\": {\"y\": 1}}", &["x", "y", "z"], json!(1), "leads through \"y\", which has no keys"),
        (Json, "1", &["a"], json!(1), "the document is a single value"),
        (Json, "[1]", &["5"], json!(1), "a list on the way has no element of that number"),
        (Json, "[1]", &["0"], Value::Null, "cannot be removed"),
        (Toml, "a = 1\nb =\n", &["a"], json!(1), "line 2: "),
        (Toml, "a = 1\n", &["a", "b"], json!(1), "leads through \"a\""),
        (Toml, "", &["a"], json!([null]), "null stands only for the whole value"),
    ] {
        let setting = at(path, value);
        let seen = edit(format, text, &[setting]).expect_err(why).to_string();
        assert!(seen.contains(why), "{seen} / {why}");
    }
    let deep = "[".repeat(100_000);
    assert!(edit(Json, &deep, &[at(&["0"], json!(1))]).is_err());
}

fn names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "Key Two", "x.y", "ä"]).prop_map(str::to_owned)
}

fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~äß\n\t\\\\]{0,12}".prop_map(Value::from),
    ]
}

/// A text of entries in sections, with comments, odd spacing and both line ends.
fn line_texts() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        prop::sample::select(vec!["[a]", "[b]", " [a] ", "[a][b]", "# note", "; note", "", "  ", "junk"])
            .prop_map(str::to_owned),
        (names(), "[ ]{0,2}=[ ]{0,2}", "[a-z=#; ]{0,6}")
            .prop_map(|(name, sign, value)| name + &sign + &value),
    ];
    (prop::collection::vec((line, any::<bool>()), 0..12), any::<bool>()).prop_map(|(lines, ended)| {
        let mut text: String =
            lines.iter().map(|(line, dos)| format!("{line}{}", if *dos { "\r\n" } else { "\n" })).collect();
        if !ended {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text
    })
}

/// The lines of `text` that are not in `other`, which must hold the rest in the same order.
fn lost_lines(text: &str, other: &str) -> usize {
    let mut rest = other.split_inclusive('\n').peekable();
    let mut lost = 0;
    for line in text.split_inclusive('\n') {
        let mut ahead = rest.clone();
        if ahead
            .any(|candidate| candidate.trim_end_matches(['\r', '\n']) == line.trim_end_matches(['\r', '\n']))
        {
            rest = ahead;
        } else {
            lost += 1;
        }
    }
    lost
}

proptest! {
    #[test]
    fn a_line_setting_is_read_back_and_other_lines_stay(
        text in line_texts(), group in prop::option::of(names()), key in names(), value in scalars(), kde in any::<bool>(),
    ) {
        let format = if kde { SettingsFormat::Kde } else { SettingsFormat::Ini };
        let setting = Setting { path: group.into_iter().chain([key]).collect(), value };
        if let Ok(edited) = edit(format, &text, std::slice::from_ref(&setting)) {
            prop_assert!(holds(format, &edited, &setting).expect("read"), "{:?}", edited);
            let again = edit(format, &edited, std::slice::from_ref(&setting)).expect("again");
            prop_assert_eq!(&again, &edited);
            let was = read(format, &text, &setting.path).expect("read");
            if was.is_none() {
                prop_assert_eq!(lost_lines(&text, &edited), 0, "{:?} -> {:?}", text, edited);
            }
        } else {
            prop_assert!(!kde, "KDE can write every text");
        }
    }

    #[test]
    fn a_json_setting_is_read_back_and_other_members_stay(
        members in prop::collection::vec((names(), scalars()), 0..6), pretty in 0_u8..3,
        path in prop::collection::vec(names(), 1..4), value in prop_oneof![scalars(), Just(Value::Null), Just(json!({"n": [1, {"m": 2}]}))],
    ) {
        let before = Value::Object(members.into_iter().collect());
        let text = match pretty {
            0 => before.to_string(),
            1 => serde_json::to_string_pretty(&before).expect("text"),
            _ => serde_json::to_string_pretty(&before).expect("text").replace('\n', "\r\n"),
        };
        let setting = Setting { path, value };
        if let Ok(edited) = edit(SettingsFormat::Json, &text, std::slice::from_ref(&setting)) {
            prop_assert!(holds(SettingsFormat::Json, &edited, &setting).expect("read"), "{}", edited);
            let mut after: Value = serde_json::from_str(&edited).expect("still JSON");
            let mut expected = before;
            let top = &setting.path[0];
            after.as_object_mut().expect("a map").remove(top);
            expected.as_object_mut().expect("a map").remove(top);
            prop_assert_eq!(after, expected);
        } else {
            prop_assert!(before.get(&setting.path[0]).is_some_and(|value| !value.is_object()));
        }
    }

    #[test]
    fn a_toml_setting_is_read_back_and_other_lines_stay(
        keys in prop::collection::btree_map("[a-d]", -9_i64..9, 0..4), path in prop::collection::vec("[a-f]", 1..3),
        value in scalars(), dos in any::<bool>(), ended in any::<bool>(),
    ) {
        let mut text: String = keys.iter().map(|(key, value)| format!("# {key}\n{key}  = {value} # end\n")).collect();
        text.push_str("\n[t]\nx = 'y'");
        text.push_str(if ended { "\n" } else { "" });
        if dos {
            text = text.replace('\n', "\r\n");
        }
        let setting = Setting { path, value };
        if let Ok(edited) = edit(SettingsFormat::Toml, &text, std::slice::from_ref(&setting)) {
            prop_assert!(holds(SettingsFormat::Toml, &edited, &setting).expect("read"), "{}", edited);
            prop_assert!(lost_lines(&text, &edited) <= 1, "{:?} -> {:?}", text, edited);
            prop_assert!(!dos || edited.matches('\n').count() == edited.matches("\r\n").count(), "{:?}", edited);
            prop_assert_eq!(edited.ends_with('\n'), ended, "{:?}", edited);
        } else {
            prop_assert!(keys.contains_key(&setting.path[0]) && setting.path.len() > 1);
        }
    }
}
