//! The signed fields of an Adyen payment notification, after `get_notification_request_item` in adyen-python-api-library.

use serde_json::Value as Json;

use crate::document::{Document, scalar};
use crate::error::{ErrorKind, VerifyError};
use crate::limits::MAX_CANDIDATES;

const ITEMS: &str = "notificationItems";

/// The fields in their order. Absent ones are empty, and nothing is escaped.
const FIELDS: [&str; 8] = [
    "/pspReference",
    "/originalReference",
    "/merchantAccountCode",
    "/merchantReference",
    "/amount/value",
    "/amount/currency",
    "/eventCode",
    "/success",
];

/// The items of a notification after the first one, each as a document in which it is the first. Each is signed by
/// itself, so one that is not checked could be anybody's.
pub(crate) fn further_items<'r>(document: &Document<'r>) -> Result<Vec<Document<'r>>, VerifyError> {
    let items = document.json()?.get(ITEMS).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    if items.len() > MAX_CANDIDATES {
        let problem = "there are more signatures than the bound";
        return Err(VerifyError::at(ErrorKind::MalformedSignature, ITEMS, problem));
    }
    let alone = |item: &Json| document.with_json(serde_json::json!({ ITEMS: [item] }));
    Ok(items.iter().skip(1).map(alone).collect())
}

pub(super) fn emit(document: &Document<'_>, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
    let item = document.json()?.pointer("/notificationItems/0/NotificationRequestItem").ok_or_else(|| {
        VerifyError::new(ErrorKind::MalformedBody, "the body is to hold a notification item")
    })?;
    for (index, field) in FIELDS.iter().enumerate() {
        if index > 0 {
            write(b":");
        }
        match item.pointer(field) {
            Some(Json::Bool(flag)) => write(if *flag { b"true" } else { b"false" }),
            other => write(other.and_then(scalar).unwrap_or_default().as_bytes()),
        }
    }
    Ok(())
}
