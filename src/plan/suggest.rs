//! "Did you mean": the nearest of the names that exist.

/// Words that people write for names that are here.
const MEANT: [(&str, &[&str]); 12] = [
    ("le", &["max", "maximum", "at_most", "most", "upper", "up_to", "<="]),
    ("ge", &["min", "minimum", "at_least", "least", "lower", ">="]),
    ("lt", &["less", "less_than", "below", "under", "<"]),
    ("gt", &["greater", "greater_than", "more", "more_than", "above", "over", ">"]),
    ("equals", &["eq", "is", "equal", "equal_to", "value", "=", "=="]),
    ("matches", &["match", "regex", "regexp", "pattern"]),
    ("any_of", &["in", "one_of", "or"]),
    ("contains", &["includes", "include", "has", "contain"]),
    ("prefix", &["starts_with", "begins_with"]),
    ("suffix", &["ends_with"]),
    ("between", &["range", "within"]),
    ("exists", &["present", "exist", "defined"]),
];
/// So many near names are told first, where there are more than fit one look.
const NEAR: usize = 3;
const ONE_LOOK: usize = 12;

/// One sentence: the nearest name where one is near, otherwise what there is: all of it, by the alphabet.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    suggested(name, known, |names| format!("there are {}: {}", names.len(), listed(names.iter())))
}

/// The same for names that a command of ours lists: of many only the nearest are told, and the command.
pub(super) fn did_you_mean_of_listed<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    command: &str,
) -> String {
    suggested(name, known, |_| format!("`{command}` lists all"))
}

fn suggested<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    all: impl Fn(&[&str]) -> String,
) -> String {
    let mut names: Vec<&str> = known.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    match nearest(name, &names).or_else(|| meant(name, &names)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "there are none".to_owned(),
        None if names.len() > ONE_LOOK => {
            let near = listed(by_nearness(name, &names).iter().take(NEAR));
            format!("the nearest are {near}; {}", all(&names))
        }
        None => format!("there are {}", listed(names.iter())),
    }
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let within = (name.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        // A name of three letters and less is not meant by another of which no letter is the same.
        .filter(|(distance, candidate)| *distance <= within && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// What a plain word means, where that is one of the names.
fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = name.replace('-', "_").to_lowercase();
    let (wanted, _) = MEANT.iter().find(|(_, words)| words.contains(&word.as_str()))?;
    known.iter().find(|known| *known == wanted).copied()
}

/// The most alike first; among those that are equally alike, by the alphabet.
fn by_nearness<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut near = known.to_vec();
    let unlike = |candidate: &str| 1.0 - strsim::normalized_damerau_levenshtein(name, candidate);
    near.sort_by(|one, other| unlike(one).total_cmp(&unlike(other)));
    near
}

fn listed<'a>(names: impl Iterator<Item = &'a &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let known = ["apply", "validate", "needs"];
        assert_eq!(did_you_mean("aply", known), "did you mean `apply`?");
        assert_eq!(did_you_mean("valdiate", known), "did you mean `validate`?");
        assert_eq!(did_you_mean("zebra", known), "there are `apply`, `needs`, `validate`");
    }

    #[test]
    fn a_plain_word_is_told_which_matcher_it_means_where_there_is_one() {
        let known = ["le", "ge", "lt", "gt", "len", "equals", "matches"];
        for (word, meant) in [
            ("max", "le"),
            ("at_least", "ge"),
            ("Min", "ge"),
            ("less-than", "lt"),
            ("over", "gt"),
            ("regex", "matches"),
        ] {
            assert_eq!(did_you_mean(word, known), format!("did you mean `{meant}`?"), "{word}");
        }
        assert_eq!(did_you_mean("max", ["apply"]), "there are `apply`");
    }

    #[test]
    fn of_many_names_the_nearest_come_first_and_all_of_them_by_the_alphabet_after_that() {
        let names: Vec<String> = (10..40).map(|number| format!("check-{number}")).collect();
        let known = names.iter().map(String::as_str).chain(["disk-free", "disk-quiet"]).rev();
        let told = did_you_mean("free-disk-space", known);
        assert!(told.starts_with("the nearest are `disk-free`, "), "{told}");
        assert!(told.contains("; there are 32: `check-10`, `check-11`"), "{told}");
        assert!(told.ends_with("`disk-free`, `disk-quiet`"), "{told}");
        let known = names.iter().map(String::as_str).chain(["disk-free", "disk-quiet"]);
        let told = did_you_mean_of_listed("free-disk-space", known, "switchback checks");
        assert!(told.starts_with("the nearest are `disk-free`, "), "{told}");
        assert!(told.ends_with("`; `switchback checks` lists all") && !told.contains("check-39"), "{told}");
    }
}
