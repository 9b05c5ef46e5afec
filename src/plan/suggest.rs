//! "Did you mean": the nearest of the names that exist.

/// One sentence: the nearest name where one is near, otherwise what there is.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = known.into_iter().collect();
    names.sort_unstable();
    match nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "there are none".to_owned(),
        None if names.len() > 24 => {
            format!("there are {}, among them {}", names.len(), listed(names.iter().take(12)))
        }
        None => format!("there are {}", listed(names.iter())),
    }
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let within = (name.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, _)| *distance <= within)
        .min()
        .map(|(_, candidate)| candidate)
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
}
