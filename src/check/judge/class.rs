//! The class of a failure, as a tool's reader names it: that is what one wants to know first.

use super::reasons::quoted;
use crate::model::{Check, Graphics, Look, Observation, Outcome, Probe, Value};

/// The fields that readers of tools name a failure by.
const CLASS: [&str; 2] = ["failure", "error_class"];

/// The same judgement; one that is not good names the class of the failure, unless a reason does.
pub(super) fn named(
    check: &Check,
    seen: &Observation,
    (outcome, mut reasons): (Outcome, Vec<String>),
) -> (Outcome, Vec<String>) {
    let asks = matches!(
        check.look,
        Look::Probe(Probe::Graphics(
            Graphics::Vainfo { .. } | Graphics::Vdpauinfo { .. } | Graphics::Opengl { .. }
        ))
    );
    if asks && outcome != Outcome::Pass {
        for field in CLASS {
            if let Some(class) = seen.get(field).and_then(Value::as_str).map(quoted)
                && !reasons.iter().any(|reason| reason.contains(&class))
            {
                reasons.insert(0, format!("`{field}` is {class}"));
            }
        }
    }
    (outcome, reasons)
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::tests::{check, rule};
    use super::*;
    use crate::model::Matcher;
    use serde_json::json;

    fn vainfo() -> Look {
        Look::Probe(Probe::Graphics(Graphics::Vainfo { display: None, device: None, driver: None }))
    }

    fn told(look: Look, expect: Matcher, seen: Observation) -> (Outcome, Vec<String>) {
        let check = Check { expect: vec![rule("ok", vec![expect])], ..check(look) };
        let told = judge(&check, &Ok(seen), None, "2026-01-05");
        (told.outcome, told.reasons)
    }

    #[test]
    fn the_class_of_a_failure_comes_first_and_once() {
        let wrong = |field: &str| Observation::new().with("ok", false).with(field, "no_device");
        let good = || Matcher::Equals(json!(true));
        for field in CLASS {
            let (outcome, reasons) = told(vainfo(), good(), wrong(field));
            assert_eq!((outcome, reasons.len()), (Outcome::Fail, 2), "{reasons:?}");
            assert_eq!(reasons[0], format!("`{field}` is \"no_device\""));
        }
        let named = Observation::new().with("ok", "no_device").with("failure", "no_device");
        assert_eq!(told(vainfo(), good(), named).1.len(), 1, "a reason names it already");
        let (outcome, reasons) = told(vainfo(), Matcher::Equals(json!(false)), wrong("failure"));
        assert_eq!((outcome, reasons.len()), (Outcome::Pass, 1), "it is as it should be: {reasons:?}");
        let (_, reasons) = told(Look::Probe(Probe::Memory), good(), wrong("failure"));
        assert_eq!(reasons.len(), 1, "no tool with classes: {reasons:?}");
    }

    #[test]
    fn what_must_not_be_there_is_shown() {
        let look = Look::Probe(Probe::Memory);
        for matcher in [Matcher::Exists(false), Matcher::Not(vec![Matcher::Exists(true)])] {
            let check = Check { expect: vec![rule("x", vec![matcher])], ..check(look.clone()) };
            let told = judge(&check, &Ok(Observation::new().with("x", json!(["a", 7]))), None, "2026-01-05");
            assert!(told.reasons[0].starts_with("`x` is there: [a, 7]"), "{told:?}");
        }
    }
}
