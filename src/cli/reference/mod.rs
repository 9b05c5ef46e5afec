//! Reference pages made from the code: plans from their schema, checks from their libraries, commands from clap.

mod checks;
mod commands;
mod plan;

pub(super) use checks::checks_page;
pub(super) use commands::{commands_page, man_pages};
pub(super) use plan::plan_page;

/// One line of a table's cell.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
