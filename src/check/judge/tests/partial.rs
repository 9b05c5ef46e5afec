//! What was seen in part, and pages that were saved once: less than the truth settles less.

use super::*;
use crate::model::Graphics;

/// The outcome of one matcher on `x`, of which only a part was seen.
fn of_part(matcher: Matcher, now: &Value) -> (Outcome, String) {
    let part = seen(now).unseen(&["x"], &["3 messages were lost".to_owned()]);
    let judgement = judge(&expecting(matcher), &Ok(part), None, TODAY);
    (judgement.outcome, judgement.reasons.join(" | "))
}

#[test]
fn a_part_settles_only_what_more_of_it_would_not_change() {
    use Outcome::{Fail, Inconclusive, Pass};
    for (matcher, now, outcome) in [
        (Matcher::Le(2.0), json!(1), Inconclusive),
        (Matcher::Le(2.0), json!(3), Fail),
        (Matcher::Ge(2.0), json!(3), Pass),
        (Matcher::Ge(2.0), json!(1), Inconclusive),
        (Matcher::Empty(true), json!([]), Inconclusive),
        (Matcher::Empty(true), json!(["crash"]), Fail),
        (Matcher::Empty(false), json!(["crash"]), Pass),
        (Matcher::Empty(false), json!([]), Inconclusive),
        (Matcher::Contains(json!("a")), json!(["a"]), Pass),
        (Matcher::Contains(json!("a")), json!(["b"]), Inconclusive),
        (Matcher::Not(vec![Matcher::Contains(json!("a"))]), json!(["b"]), Inconclusive),
        (Matcher::Not(vec![Matcher::Contains(json!("a"))]), json!(["a"]), Fail),
        (Matcher::Len(vec![Matcher::Le(1.0)]), json!(["a"]), Inconclusive),
        (Matcher::Len(vec![Matcher::Ge(1.0)]), json!(["a"]), Pass),
    ] {
        let (found, reasons) = of_part(matcher.clone(), &now);
        assert_eq!(found, outcome, "{matcher:?} of {now}: {reasons}");
        let told = reasons.contains("but not all was seen: 3 messages were lost");
        assert_eq!(told, outcome == Inconclusive, "{matcher:?} of {now}: {reasons}");
    }
}

#[test]
fn a_page_that_speaks_of_another_time_decides_nothing_unless_a_rule_says_what_to_make_of_it() {
    let firefox = Look::Probe(Probe::Graphics(Graphics::Firefox { file: "/page".into() }));
    let on = |look: &Look, field: &str, matcher: Matcher, page: Observation| {
        let check = Check { expect: vec![rule(field, vec![matcher])], ..check(look.clone()) };
        let judgement = judge(&check, &Ok(page), None, TODAY);
        (judgement.outcome, judgement.reasons.join(" | "))
    };
    let page =
        |outdated: Value| Observation::new().with("x", 1).with("age_seconds", 120).with("outdated", outdated);
    let one = || Matcher::Equals(json!(1));
    let (old, new) = (json!(["saved before this boot"]), json!([]));
    let (outcome, reasons) = on(&firefox, "x", one(), page(old.clone()));
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(reasons.starts_with("saved before this boot") && !reasons.contains("ago"), "{reasons}");
    let (outcome, reasons) = on(&firefox, "x", one(), page(new));
    assert_eq!(outcome, Outcome::Pass);
    assert!(reasons.ends_with("the page was saved 2m ago"), "{reasons}");
    let (outcome, reasons) = on(&firefox, "outdated", Matcher::Empty(false), page(old.clone()));
    assert_eq!(outcome, Outcome::Pass, "a rule is about it: {reasons}");
    assert!(reasons.ends_with("the page was saved 2m ago"), "{reasons}");
    let (outcome, reasons) = on(&run(), "x", one(), page(old));
    assert_eq!(outcome, Outcome::Pass, "no page: {reasons}");
}
