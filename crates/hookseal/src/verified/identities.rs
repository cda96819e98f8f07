//! The delivery id and the event type of a verified request. What stands in the body is read for those who ask: until
//! then nobody pays for parsing it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::document::Document;
use crate::scheme::{IdentityRule, IdentitySource, Scheme};

/// Where a delivery id or an event type is.
#[derive(Clone, Debug)]
pub(crate) enum Identity<'r> {
    Absent,
    Text(Cow<'r, str>),
    /// In ASCII, which is all that was looked at until somebody asks for it as text.
    Ascii(&'r [u8]),
    /// At the path of the scheme, if the body has it.
    InBody,
}

/// Both of them, and which of them the signature covers.
#[derive(Clone, Debug)]
pub(crate) struct Identities<'r> {
    id: Identity<'r>,
    event_type: Identity<'r>,
    id_signed: bool,
    type_signed: bool,
    in_body: InBody,
}

/// What is read from the body, once and both at a time.
#[derive(Clone)]
struct InBody {
    /// Where to look; none where everything is known.
    scheme: Option<Arc<Scheme>>,
    values: OnceLock<Box<Values>>,
}

#[derive(Clone, Default)]
struct Values {
    id: Option<String>,
    event_type: Option<String>,
}

impl<'r> Identities<'r> {
    #[inline]
    pub(crate) fn new(scheme: &Arc<Scheme>, id: Identity<'r>, event_type: Identity<'r>) -> Self {
        let signed = |rule: &Option<IdentityRule>| rule.as_ref().is_some_and(|rule| rule.covered);
        let unread = matches!(id, Identity::InBody) || matches!(event_type, Identity::InBody);
        Self {
            id,
            event_type,
            id_signed: signed(&scheme.id),
            type_signed: signed(&scheme.event_type),
            in_body: InBody { scheme: unread.then(|| Arc::clone(scheme)), values: OnceLock::new() },
        }
    }

    /// The delivery id, where it is signed or is not, as asked. `body` is the one that was verified.
    pub(crate) fn id(&self, signed: bool, body: &[u8]) -> Option<&str> {
        let id = (self.id_signed == signed).then_some(&self.id)?;
        id.text(|| self.in_body.values(body).id.as_deref())
    }

    /// The event type, where it is signed or is not, as asked. `body` is the one that was verified.
    pub(crate) fn event_type(&self, signed: bool, body: &[u8]) -> Option<&str> {
        let event_type = (self.type_signed == signed).then_some(&self.event_type)?;
        event_type.text(|| self.in_body.values(body).event_type.as_deref())
    }

    #[cfg(feature = "bytes")]
    pub(crate) fn into_owned(self) -> Identities<'static> {
        Identities { id: self.id.into_owned(), event_type: self.event_type.into_owned(), ..self }
    }
}

impl Identity<'_> {
    /// The text as far as it was read; empty where it was not, or is not there.
    pub(crate) fn known(&self) -> &[u8] {
        match self {
            Self::Absent | Self::InBody => &[],
            Self::Text(text) => text.as_bytes(),
            Self::Ascii(text) => text,
        }
    }

    fn text<'a>(&'a self, in_body: impl FnOnce() -> Option<&'a str>) -> Option<&'a str> {
        match self {
            Self::Absent => None,
            Self::Text(text) => Some(text),
            Self::Ascii(text) => std::str::from_utf8(text).ok(),
            Self::InBody => in_body(),
        }
    }

    #[cfg(feature = "bytes")]
    fn into_owned(self) -> Identity<'static> {
        match self {
            Self::Absent => Identity::Absent,
            Self::Text(text) => Identity::Text(Cow::Owned(text.into_owned())),
            Self::Ascii(text) => Identity::Text(Cow::Owned(String::from_utf8_lossy(text).into_owned())),
            Self::InBody => Identity::InBody,
        }
    }
}

impl InBody {
    fn values(&self, body: &[u8]) -> &Values {
        self.values.get_or_init(|| {
            Box::new(self.scheme.as_ref().map_or_else(Values::default, |scheme| Values::read(scheme, body)))
        })
    }
}

impl fmt::Debug for InBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InBody").field("read", &self.values.get().is_some()).finish_non_exhaustive()
    }
}

impl Values {
    /// A body that is no JSON has none of them, and is no error: what is verified is its bytes.
    fn read(scheme: &Scheme, body: &[u8]) -> Self {
        let document = Document::new(body);
        let value = |rule: &Option<IdentityRule>| match &rule.as_ref()?.source {
            IdentitySource::Json(path) => document.value(path).ok()?,
            IdentitySource::Header(_) => None,
        };
        Self { id: value(&scheme.id), event_type: value(&scheme.event_type) }
    }
}
