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
    use crate::check::library_tests::shipped;
    use crate::model::Matcher;
    use serde_json::json;

    fn reasons(name: &str, with: &str, seen: Observation) -> (Outcome, Vec<String>) {
        let told = judge(&shipped(name, with), &Ok(seen), None, "2026-01-05");
        (told.outcome, told.reasons)
    }

    #[test]
    fn a_driver_that_fails_is_told_with_the_class_of_its_failure_first() {
        let wrong = || {
            let empty: [&str; 0] = [];
            Observation::new()
                .with("ok", false)
                .with("failure", "wrong_driver_name")
                .with("pairs", empty.to_vec())
                .with("decodes", empty.to_vec())
        };
        let (outcome, told) = reasons("va-driver-loads", "", wrong());
        assert_eq!(outcome, Outcome::Fail);
        assert_eq!(told[0], "`failure` is there: \"wrong_driver_name\"");
        for (name, with) in
            [("va-codecs-decode", "codecs: [H264]"), ("va-driver-named", "name: NVDEC"), ("va-on-gpu", "")]
        {
            let (outcome, told) = reasons(name, with, wrong());
            assert_eq!(
                (outcome, told[0].as_str()),
                (Outcome::Fail, "`failure` is \"wrong_driver_name\""),
                "{name}"
            );
        }
        let none =
            Observation::new().with("device_created", false).with("error_class", "backend_library_unusable");
        let (_, told) = reasons("vdpau-decoders", "", none);
        assert_eq!(told[0], "`error_class` is \"backend_library_unusable\"");
    }

    #[test]
    fn a_pass_names_what_was_asked_for() {
        let good = Observation::new().with("ok", true).with("decodes", vec!["H264", "VP9"]);
        let (outcome, told) = reasons("va-codecs-decode", "codecs: [H264, VP9]", good);
        assert_eq!((outcome, told[0].as_str()), (Outcome::Pass, "`decodes` contains H264, VP9"));
        let good = Observation::new().with("ok", true).with("encodes", vec!["H264"]);
        assert_eq!(reasons("va-codecs-encode", "", good).1[0], "`encodes` contains H264");
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
