//! Baselines: which there are, and what differs from one.

use super::line::{Line, Tone, render};
use super::style::Style;
use super::table::{Column, Keep, table};
use super::text;
use crate::model::{BaselineLine, Difference, Item, Timestamp, Value, counted};

/// The baselines that there are, and the files that are none.
#[must_use]
pub fn baselines(lines: &[BaselineLine], damage: &[Item], style: &Style) -> String {
    let columns = [
        Column { name: "name", keep: Keep::Always },
        Column { name: "plan", keep: Keep::Always },
        Column { name: "recorded", keep: Keep::WhereRoom },
        Column { name: "pinned", keep: Keep::Always },
    ];
    let row = |line: &BaselineLine| {
        let pinned = if line.pinned { "pinned" } else { "" };
        let plan = format!("{} r{}", line.plan, line.revision);
        vec![line.name.clone(), plan, text::when(line.at), pinned.to_owned()]
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let mut text = if rows.is_empty() {
        render(&[Line::plain("no baseline was recorded here")], style)
    } else {
        table(&columns, &rows, style)
    };
    let bad = |item: &Item| Line::new(Tone::Bad, "damaged", &item.why).about(&item.name);
    text.push_str(&render(&damage.iter().map(bad).collect::<Vec<Line>>(), style));
    text
}

/// What differs from a baseline, field by field, unjudged.
#[must_use]
pub fn differences(found: &[Difference], baseline: &str, at: Timestamp, style: &Style) -> String {
    let word =
        |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let one = |it: &Difference| {
        let text = format!("{}: {} -> {}", it.field, word(&it.before), word(&it.now));
        Line::plain(text).about(format!("{}/{}", it.phase, it.check))
    };
    let mut lines: Vec<Line> = found.iter().map(one).collect();
    let count = counted(found.len(), "difference");
    lines.push(Line::plain(format!("{count} from the baseline {baseline} of {}", text::when(at))));
    render(&lines, style)
}

#[cfg(test)]
mod tests {
    use super::super::style::Surroundings;
    use super::*;
    use crate::model::{CheckId, PhaseId, PlanName};
    use std::borrow::Cow;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn what_there_is_and_what_differs_keeps_to_the_width() {
        let line = BaselineLine {
            name: "before-the-winter".to_owned(),
            plan: PlanName::new("shoshin").expect("a name"),
            revision: 3,
            at: Timestamp(0),
            pinned: true,
        };
        let difference = Difference {
            phase: PhaseId::new("desktop").expect("an id"),
            check: CheckId::new("memory").expect("an id"),
            field: "available".to_owned(),
            before: None,
            now: Some(1.into()),
        };
        let around =
            Surroundings { terminal: true, columns: Some(40), no_color: true, ..Surroundings::default() };
        let style = Style::new(&around, |text| Cow::Borrowed(text));
        let damage = [Item::new("baselines/x.json", "it is no baseline")];
        let list = baselines(&[line], &damage, &style);
        let differ = differences(&[difference], "before-the-winter", Timestamp(0), &style);
        assert!(list.contains("before-the-winter  shoshin r3  pinned") && list.contains("x.json"), "{list}");
        assert!(
            differ.contains("available: nothing -> 1") && differ.contains("1 difference from"),
            "{differ}"
        );
        assert!(list.lines().chain(differ.lines()).all(|line| line.width() <= 40), "{list}{differ}");
    }
}
