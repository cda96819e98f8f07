//! Every spelling of a place that deliveries must not go to, and of places that they may go to: `data/spellings.json`.

use hookseal_engine::EndpointTls;
use hookseal_engine::ports::Transport;
use hookseal_transport::{HttpTransport, TransportConfig};
use ipnet::IpNet;
use serde::Deserialize;

use crate::support::{Names, config};

/// So many rows there are at least; a file that was cut off is no pass.
const ROWS_MIN: usize = 250;

#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Row {
    Heading {
        #[serde(rename = "about")]
        _about: String,
    },
    GoesTo {
        url: String,
        goes_to: String,
        #[serde(default)]
        allow: Vec<IpNet>,
        #[serde(default)]
        deny: Vec<IpNet>,
    },
    Refused {
        url: String,
        refused: String,
        #[serde(default)]
        allow: Vec<IpNet>,
        #[serde(default)]
        deny: Vec<IpNet>,
    },
}

/// What becomes of a URL: `host:port`, or for IPv6 `host port`, or the words of the refusal.
fn verdict(url: &str, allow: &[IpNet], deny: &[IpNet]) -> Result<String, String> {
    let config = TransportConfig {
        allow_networks: allow.to_vec(),
        deny_networks: deny.to_vec(),
        // Nothing is resolved here, and the system's files need not be read for it.
        resolver: Some(Names::new("unused.test", &[&[]])),
        ..config()
    };
    let endpoint = HttpTransport::new(config)
        .unwrap()
        .endpoint(url, &EndpointTls::default())
        .map_err(|error| error.to_string())?;
    let separator = if endpoint.host.contains(':') { ' ' } else { ':' };
    Ok(format!("{}{separator}{}", endpoint.host, endpoint.port))
}

#[test]
fn every_spelling_goes_where_the_table_says_or_nowhere() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("data/spellings.json")).unwrap();
    let mut checked = 0;
    let mut wrong = Vec::new();
    for row in rows {
        let (url, verdict, is_right, expected) = match row {
            Row::Heading { .. } => continue,
            Row::GoesTo { url, goes_to, allow, deny } => {
                let verdict = verdict(&url, &allow, &deny);
                let is_right = verdict.as_ref() == Ok(&goes_to);
                (url, verdict, is_right, goes_to)
            }
            Row::Refused { url, refused, allow, deny } => {
                let verdict = verdict(&url, &allow, &deny);
                let is_right = verdict.as_ref().is_err_and(|words| words.contains(&refused));
                (url, verdict, is_right, refused)
            }
        };
        checked += 1;
        if !is_right {
            wrong.push(format!("{url:?}: expected {expected:?}, got {verdict:?}"));
        }
    }
    assert!(checked >= ROWS_MIN, "{checked} rows");
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}
