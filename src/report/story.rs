//! The story of a generation, told again from its journal in the words that were shown live.

use super::{Scene, Style, render, words};
use crate::model::{Envelope, Plan};

/// All facts in words, as a pipe would have shown them.
#[must_use]
pub fn story(plan: &Plan, facts: &[Envelope], style: &Style) -> String {
    let mut scene = Scene::default();
    let mut text = String::new();
    for envelope in facts {
        scene.note(envelope);
        text.push_str(&render(&words(plan, &scene, envelope), style));
    }
    text
}
