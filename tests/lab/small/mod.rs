//! The sweep's judge over a plan of two phases that takes a fraction of the time: for what is done hundreds of times.

use crate::{journal, points, tracer, tree};

#[path = "../../sweep/bugs.rs"]
#[expect(dead_code, reason = "the sweep uses what the lab does not")]
pub(crate) mod bugs;

#[path = "../../sweep/claims.rs"]
pub(crate) mod claims;
#[path = "../../sweep/judge.rs"]
pub(crate) mod judge;
#[path = "../../sweep/model.rs"]
pub(crate) mod model;
pub(crate) mod plan;
#[path = "../../sweep/sweep.rs"]
#[expect(dead_code, reason = "the sweep uses what the lab does not")]
pub(crate) mod sweep;
#[path = "../../sweep/words.rs"]
mod words;
#[path = "../../sweep/world.rs"]
pub(crate) mod world;
