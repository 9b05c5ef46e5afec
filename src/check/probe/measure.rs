//! `measure`: one number, many times: how long a command takes, what it prints, or a field of another probe. The
//! samples are kept, so that those of a later look can be held against them.

use super::{Circumstances, Given, Looking, Need, begin, program, run};
use crate::check::ProbeError;
use crate::check::judge::ended::badly;
use crate::model::{Measured, Observation, Parse, Probe, ProcessEnd, Span, Value};
use crate::system::process::{End, Ended};
use regex::Regex;

/// How often a number that could not be had is tried again before it is given up.
const MISSED: u32 = 3;

/// Measuring, a sample at a time.
pub(super) struct Measuring<'a> {
    what: &'a Measured,
    /// How often, warming up included.
    left: u32,
    warmup: u32,
    every: Span,
    around: Circumstances<'static>,
    inner: Option<Box<dyn Looking + 'a>>,
    running: bool,
    samples: Vec<f64>,
    failed: u32,
    last_failure: Option<ProbeError>,
}

impl<'a> Measuring<'a> {
    pub(super) fn new(
        what: &'a Measured,
        times: u32,
        warmup: u32,
        every: Span,
        around: Circumstances<'_>,
    ) -> Self {
        Self {
            what,
            left: times.saturating_add(warmup),
            warmup,
            every,
            around: Circumstances {
                phase_started: around.phase_started,
                now: around.now,
                baseline: None,
                user: around.user,
            },
            inner: None,
            running: false,
            samples: Vec::new(),
            failed: 0,
            last_failure: None,
        }
    }

    /// The next sample, or what they come to.
    fn sample(&mut self) -> Need {
        if self.left == 0 {
            return Need::Seen(self.seen());
        }
        match self.what {
            Measured::Run { command, .. } => {
                self.running = true;
                Need::Child(command.clone(), run::KEPT)
            }
            Measured::Field { probe, .. } => {
                let mut looking = begin(probe, self.around);
                let need = looking.next(Given::Nothing);
                self.inner = Some(looking);
                self.within(need)
            }
        }
    }

    /// What the probe inside needs is needed; what it saw is a sample.
    fn within(&mut self, need: Need) -> Need {
        match (need, self.what) {
            (Need::Seen(seen), Measured::Field { probe, field }) => {
                self.inner = None;
                self.take(seen.and_then(|seen| of_field(probe, field, &seen)))
            }
            (
                need @ (Need::Seen(_) | Need::Child(..) | Need::Stream(_) | Need::Answer(_) | Need::Pause(_)),
                _,
            ) => need,
        }
    }

    fn ran(&mut self, ended: &Ended) -> Need {
        self.running = false;
        let Measured::Run { command, number: pattern } = self.what else { return self.sample() };
        let sample = run::read(program(command), Parse::Text, ended).and_then(|seen| match &ended.end {
            End::Process(ProcessEnd::Exited(0)) => match pattern {
                None => number(&seen, "duration"),
                Some(pattern) => printed(pattern, &seen),
            },
            End::Process(ProcessEnd::Exited(_) | ProcessEnd::Signaled(_))
            | End::TimedOut(_)
            | End::Interrupted
            | End::NotStarted(_) => Err(ProbeError::Malformed {
                what: format!("a run of `{}`", program(command)),
                why: format!("it ended with {}", seen.get("exit").map_or_else(String::new, Value::to_string)),
            }),
        });
        self.take(sample)
    }

    fn take(&mut self, sample: Result<f64, ProbeError>) -> Need {
        self.left = self.left.saturating_sub(1);
        match sample {
            Err(
                why @ (ProbeError::NotStarted { .. } | ProbeError::Interrupted | ProbeError::TimedOut { .. }),
            ) => {
                return Need::Seen(Err(why));
            }
            Err(why) => {
                self.failed += 1;
                self.last_failure = Some(why.clone());
                if self.samples.is_empty() && self.failed >= MISSED {
                    return Need::Seen(Err(why));
                }
            }
            Ok(_) if self.warmup > 0 => self.warmup -= 1,
            Ok(sample) => self.samples.push(sample),
        }
        if self.left > 0 && self.every.0 > 0 { Need::Pause(self.every) } else { self.sample() }
    }

    fn seen(&mut self) -> Result<Observation, ProbeError> {
        let failed = self.failed;
        match (summary(&self.samples), self.last_failure.take()) {
            (Some(seen), _) => Ok(seen.with("failed", failed)),
            (None, Some(why)) => Err(why),
            (None, None) => Err(ProbeError::Malformed {
                what: "a measurement".to_owned(),
                why: "it has no sample".to_owned(),
            }),
        }
    }
}

impl Looking for Measuring<'_> {
    fn next(&mut self, given: Given) -> Need {
        if let Some(inner) = &mut self.inner {
            let need = inner.next(given);
            return self.within(need);
        }
        match given {
            Given::Ended(ended) if self.running => self.ran(&ended),
            Given::Nothing | Given::Answered(_) | Given::Ended(_) => self.sample(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if let Some(inner) = &mut self.inner {
            inner.take(bytes);
        }
    }
}

/// A field of another probe. What a command printed that ended badly is no sample; how it ended is one.
fn of_field(probe: &Probe, field: &str, seen: &Observation) -> Result<f64, ProbeError> {
    match (probe, badly(seen)) {
        (Probe::Run { command, .. }, Some(how)) if !matches!(field, "exit" | "signal") => {
            Err(ProbeError::Malformed {
                what: format!("a run of `{}`", program(command)),
                why: format!("it ended {how}"),
            })
        }
        _ => number(seen, field),
    }
}

/// A field that is a number, or a text that is one.
fn number(seen: &Observation, field: &str) -> Result<f64, ProbeError> {
    let value = seen.get(field);
    let number = match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    number.filter(|x: &f64| x.is_finite()).ok_or_else(|| ProbeError::Malformed {
        what: format!("the field `{field}`"),
        why: value.map_or_else(|| "it is not there".to_owned(), |_| "it is not a number".to_owned()),
    })
}

/// The number that the pattern finds in what was printed: its first group, or all of it.
fn printed(pattern: &str, seen: &Observation) -> Result<f64, ProbeError> {
    let malformed = |why: String| ProbeError::Malformed { what: "what the command printed".to_owned(), why };
    let regex = Regex::new(pattern).map_err(|why| malformed(why.to_string()))?;
    let text = |field: &str| seen.get(field).and_then(Value::as_str).unwrap_or_default();
    let all = format!("{}\n{}", text("stdout"), text("stderr"));
    let found = regex.captures(&all).and_then(|found| Some(found.get(1).or_else(|| found.get(0))?.as_str()));
    let found = found.ok_or_else(|| malformed(format!("/{pattern}/ finds nothing")))?;
    let number: Option<f64> = found.trim().parse().ok();
    number.filter(|x| x.is_finite()).ok_or_else(|| malformed(format!("`{found}` is not a number")))
}

/// Median and spread; nothing of nothing.
#[expect(clippy::cast_precision_loss, reason = "nobody takes 2^52 samples")]
fn summary(samples: &[f64]) -> Option<Observation> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = quantile(&sorted, 0.5)?;
    let mut off: Vec<f64> = sorted.iter().map(|x| (x - median).abs()).collect();
    off.sort_by(f64::total_cmp);
    let seen = Observation::new()
        .with("samples", samples.to_vec())
        .with("count", samples.len())
        .with("median", median)
        .with("mean", samples.iter().sum::<f64>() / samples.len() as f64)
        .with("mad", quantile(&off, 0.5)?)
        .with("iqr", quantile(&sorted, 0.75)? - quantile(&sorted, 0.25)?)
        .with("min", *sorted.first()?)
        .with("max", *sorted.last()?);
    Some(seen)
}

/// The value below which that share of sorted numbers lies, between neighbours by proportion.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list"
)]
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)?) as f64;
    let below = place.floor();
    let low = *sorted.get(below as usize)?;
    let high = sorted.get(place.ceil() as usize).copied().unwrap_or(low);
    Some((high - low).mul_add(place - below, low))
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::{CommandLine, Timestamp};
    use serde_json::json;

    fn around() -> Circumstances<'static> {
        Circumstances { phase_started: None, now: Timestamp::default(), baseline: None, user: 0 }
    }

    fn run(number: Option<&str>) -> Measured {
        Measured::Run { command: CommandLine::new(["bench"]), number: number.map(str::to_owned) }
    }

    fn done(status: i32, stdout: &str) -> Given {
        Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(status)), stdout, "")))
    }

    /// Feeds outputs as they are asked for.
    fn taken(measuring: &mut Measuring<'_>, outputs: &[(i32, &str)]) -> Result<Observation, ProbeError> {
        let mut outputs = outputs.iter();
        let mut need = measuring.next(Given::Nothing);
        loop {
            need = match need {
                Need::Child(..) => {
                    let (status, text) = outputs.next().expect("no more runs than outputs");
                    measuring.next(done(*status, text))
                }
                Need::Pause(_) => measuring.next(Given::Nothing),
                Need::Seen(seen) => {
                    assert_eq!(outputs.next(), None, "all outputs are asked for");
                    return seen;
                }
                other @ (Need::Answer(_) | Need::Stream(_)) => panic!("{other:?}"),
            };
        }
    }

    #[test]
    fn samples_are_kept_with_median_and_spread_and_warming_up_does_not_count() {
        let what = run(Some("fps=([0-9.]+)"));
        let mut measuring = Measuring::new(&what, 4, 1, Span::seconds(1), around());
        let outputs = [(0, "fps=900"), (0, "fps=1"), (0, "fps=2"), (0, "a fps=3"), (0, "fps=10")];
        let seen = taken(&mut measuring, &outputs).expect("seen");
        let expected = Observation::new()
            .with("samples", json!([1.0, 2.0, 3.0, 10.0]))
            .with("count", 4)
            .with("median", 2.5)
            .with("mean", 4.0)
            .with("mad", 1.0)
            .with("iqr", 3.0)
            .with("min", 1.0)
            .with("max", 10.0)
            .with("failed", 0);
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_run_that_fails_is_no_sample_and_only_failures_are_an_error() {
        let what = run(None);
        let mut measuring = Measuring::new(&what, 3, 0, Span::ZERO, around());
        let seen = taken(&mut measuring, &[(0, ""), (1, ""), (0, "")]).expect("seen");
        assert_eq!((seen.get("count"), seen.get("failed")), (Some(&json!(2)), Some(&json!(1))));
        assert_eq!(seen.get("median"), Some(&json!(1.5005)));
        let mut measuring = Measuring::new(&what, 9, 0, Span::ZERO, around());
        let why = taken(&mut measuring, &[(1, ""), (1, ""), (7, "")]).expect_err("only failures").to_string();
        assert!(why.contains("ended with 7"), "{why}");
    }

    #[test]
    fn what_prints_no_number_is_an_error() {
        for (pattern, text) in [("fps=([0-9]+)", "none"), ("(.*)", "many"), ("(NaN)", "NaN")] {
            let what = run(Some(pattern));
            let mut measuring = Measuring::new(&what, 1, 0, Span::ZERO, around());
            assert!(taken(&mut measuring, &[(0, text)]).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_field_of_another_probe_is_sampled() {
        let field = |name: &str| Measured::Field { probe: Box::new(Probe::Memory), field: name.to_owned() };
        let what = field("used_ratio");
        let mut measuring = Measuring::new(&what, 3, 0, Span(1), around());
        let seen = taken(&mut measuring, &[]).expect("seen");
        assert_eq!(seen.get("count"), Some(&json!(3)));
        let run = |name: &str| Measured::Field {
            probe: Box::new(Probe::Run { command: CommandLine::new(["bench"]), parse: Parse::Keyvalue }),
            field: name.to_owned(),
        };
        let outputs = [(0, "x=1"), (1, "x=9"), (0, "x=2")];
        let seen = |what: Measured| {
            taken(&mut Measuring::new(&what, 3, 0, Span::ZERO, around()), &outputs).expect("seen")
        };
        let printed = seen(run("value.x"));
        assert_eq!(printed.get("samples"), Some(&json!([1.0, 2.0])), "what failed is no sample");
        assert_eq!(printed.get("failed"), Some(&json!(1)));
        assert_eq!(seen(run("exit")).get("samples"), Some(&json!([0.0, 1.0, 0.0])));
        let what = field("nonsense");
        assert!(taken(&mut Measuring::new(&what, 3, 0, Span(1), around()), &[]).is_err());
    }
}
