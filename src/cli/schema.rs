//! `switchback schema`: prints the JSON Schema of plans, of libraries of checks, or of what `validate` reports.

use super::args::{Schema, SchemaOf};
use super::exit::Exit;
use super::out;
use crate::{plan, report};

pub(crate) fn text(of: SchemaOf) -> String {
    match of {
        SchemaOf::Plan => plan::plan_schema(),
        SchemaOf::Checks => plan::library_schema(),
        SchemaOf::Validation => report::validation_schema(),
    }
}

pub(crate) fn schema(args: &Schema) -> Exit {
    out::put(&text(args.of));
    Exit::Done
}
