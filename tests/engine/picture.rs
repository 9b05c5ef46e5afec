//! The picture in the page is the engine's.

use switchback::engine::diagram;

#[test]
fn the_page_shows_the_picture_that_the_engine_draws() {
    let page = include_str!("../../docs/life-of-a-phase.md");
    let shown = page.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(
        shown,
        Some(diagram().as_str()),
        "the block in docs/life-of-a-phase.md should read:\n{}",
        diagram()
    );
}
