use hookseal_engine::EventId;
use http::StatusCode;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::problem::Problem;

/// What came of the events of a batch, in their order.
#[derive(Debug, Serialize)]
pub(crate) struct Verdicts {
    data: Vec<Verdict>,
}

/// What came of one event: what a request of its own would have answered.
#[derive(Debug)]
pub(crate) enum Verdict {
    Published { id: EventId, deliveries: usize, duplicate: bool },
    Refused(Problem),
}

impl Verdicts {
    pub(crate) fn new(data: Vec<Verdict>) -> Self {
        Self { data }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Published { id, deliveries, duplicate } => {
                let status = if *duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
                let mut object = serializer.serialize_struct("Verdict", 3)?;
                object.serialize_field("status", &status.as_u16())?;
                object.serialize_field("id", &format_args!("{id}"))?;
                object.serialize_field("deliveries", deliveries)?;
                object.end()
            }
            Self::Refused(problem) => problem.within_answer().serialize(serializer),
        }
    }
}
