//! The five vendors, and the events that are published as theirs.

/// A vendor's profile and its sample events.
#[derive(Debug)]
pub(super) struct Vendor {
    /// The name of the profile.
    pub(super) profile: &'static str,
    /// What is published.
    pub(super) samples: &'static [Sample],
}

/// An event to publish.
#[derive(Debug)]
pub(super) struct Sample {
    /// Its type. No two vendors share one, so that an event goes to its own vendor's receiver alone.
    pub(super) event_type: &'static str,
    /// The bytes of its body.
    pub(super) body: &'static str,
    /// Where the body is from.
    pub(super) origin: Origin,
}

/// Where a body is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// As the vendor's document prints it.
    Printed,
    /// As the vendor's document prints it, which is not JSON.
    PrintedNotJson,
    /// From the vendor's document, mended into JSON.
    Mended,
    /// Put together here from what the document names.
    Composed,
}

impl Origin {
    /// The words for it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Printed => "as its document prints it",
            Self::PrintedNotJson => "byte for byte as its document prints it, which is not JSON",
            Self::Mended => "from its document, mended into JSON (commas, quotes, comment, placeholder)",
            Self::Composed => "composed from names in its document, which prints no body",
        }
    }
}

macro_rules! sample {
    ($event_type:literal, $file:literal, $origin:ident) => {
        Sample {
            event_type: $event_type,
            body: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/", $file)),
            origin: Origin::$origin,
        }
    };
}

/// Every vendor, in the order of the show.
pub(super) const VENDORS: [Vendor; 5] = [
    Vendor {
        profile: "harbor-lockers",
        samples: &[
            sample!("LOCKER_OPERATION", "harbor-lockers/locker-token-created.json", Printed),
            sample!("LOCKER_OPERATION", "harbor-lockers/locker-token-used.json", Printed),
        ],
    },
    Vendor {
        profile: "harbor-transfers",
        samples: &[
            sample!("transfer.completed", "harbor-transfers/transfer-completed.json", Mended),
            sample!("transfer.completed", "harbor-transfers/transfer-as-printed.txt", PrintedNotJson),
        ],
    },
    Vendor {
        profile: "harbor-node",
        samples: &[sample!("execution.completed", "harbor-node/execution-completed.json", Composed)],
    },
    Vendor {
        profile: "harvestr",
        samples: &[sample!("feedback.created", "harvestr/feedback-created.json", Composed)],
    },
    Vendor {
        profile: "harmon",
        samples: &[sample!("order.confirmed", "harmon/order-confirmed.json", Composed)],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn samples_are_json_but_for_the_one_that_says_so() {
        for sample in VENDORS.iter().flat_map(|vendor| vendor.samples) {
            let json = serde_json::from_str::<serde_json::Value>(sample.body);
            assert_eq!(json.is_err(), sample.origin == Origin::PrintedNotJson, "{}", sample.event_type);
            assert_eq!(sample.body.trim(), sample.body, "{}", sample.event_type);
        }
    }

    #[test]
    fn every_type_belongs_to_one_vendor_and_every_vendor_has_a_profile() {
        let mut seen = BTreeSet::new();
        for vendor in &VENDORS {
            assert!(hookseal::Profile::builtin(vendor.profile).is_some(), "{}", vendor.profile);
            let types: BTreeSet<_> = vendor.samples.iter().map(|sample| sample.event_type).collect();
            assert!(types.into_iter().all(|event_type| seen.insert(event_type)), "{}", vendor.profile);
        }
    }
}
