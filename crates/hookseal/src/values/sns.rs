//! The signed fields of an Amazon SNS message, after `index.js` of aws-js-sns-message-validator.

use crate::document::Document;
use crate::error::{ErrorKind, VerifyError};

/// The fields of a notification, and those of a confirmation. What a message calls itself is among them, so one cannot
/// be passed off as the other.
const NOTIFICATION: &[&str] = &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION: &[&str] =
    &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

pub(super) fn emit(document: &Document<'_>, write: &mut impl FnMut(&[u8])) -> Result<(), VerifyError> {
    let message = document.json()?;
    let fields = match message.get("Type").and_then(|kind| kind.as_str()) {
        Some("Notification") => NOTIFICATION,
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => CONFIRMATION,
        _ => {
            return Err(VerifyError::at(
                ErrorKind::MalformedBody,
                "Type",
                "the type of the message is to be known",
            ));
        }
    };
    for field in fields {
        match message.get(field).and_then(|value| value.as_str()) {
            Some(value) => {
                [field.as_bytes(), b"\n", value.as_bytes(), b"\n"].into_iter().for_each(&mut *write)
            }
            None if *field == "Subject" => {}
            None => return Err(VerifyError::at(ErrorKind::MissingField, field, "the field is signed")),
        }
    }
    Ok(())
}
