//! Who calls: the key of a request, and the scope that it acts in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use hookseal_engine::Scope;
use http::{HeaderMap, header, request::Parts};

use crate::{
    api::Api,
    keyring::Access,
    problem::{Code, Problem},
};

/// Every call stands a second time below this path, for the operator's key.
pub(crate) const TENANT_PATH: &str = "/v1/tenants/default";

/// A caller with a key, and the tenant and mode that the call acts in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) scope: Scope,
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let access = bearer(&parts.headers).and_then(|key| api.keys.access(key));
        let Access { scope, operator } = access.ok_or_else(unauthorized)?;
        if parts.uri.path().starts_with(TENANT_PATH) && !operator {
            return Err(Problem::new(Code::Forbidden, "only an operator's key reaches below `/v1/tenants`"));
        }
        Ok(Self { scope })
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1); the scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let value = lines.next().filter(|_| lines.next().is_none())?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn unauthorized() -> Problem {
    Problem::new(Code::Unauthorized, "give an API key: `Authorization: Bearer hs_live_...`")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(value: &'static str, token: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        assert_eq!(bearer(&headers), token.map(str::as_bytes), "{value}");
    }

    #[test]
    fn reads_bearer_tokens_alone() {
        check("Bearer abc", Some("abc"));
        check("bearer  abc", Some("abc"));
        check("Basic abc", None);
        check("Bearerabc", None);
        check("Bearer", None);
        check("", None);
    }
}
