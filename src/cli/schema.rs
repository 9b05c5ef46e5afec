//! `switchback schema`: prints the JSON Schema of plans or of libraries of checks.

use super::args::{Schema, SchemaOf};
use super::exit::Exit;
use super::out;
use crate::plan;

pub(crate) fn text(of: SchemaOf) -> String {
    match of {
        SchemaOf::Plan => plan::plan_schema(),
        SchemaOf::Checks => plan::library_schema(),
    }
}

pub(crate) fn schema(args: &Schema) -> Exit {
    out::put(&text(args.of));
    Exit::Done
}
