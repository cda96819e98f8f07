use std::{collections::HashMap, ffi::OsString, io::Write, time::Duration};

use super::{
    Config, ConfigProblems, LogFormat, ServeArgs,
    settings::{ALLOW_NETWORKS, CONFIG, DATA, LISTEN, LOG, MAX_BODY, OPERATOR_KEY, RETENTION},
};
use crate::ports::Environment;

struct Variables(HashMap<&'static str, OsString>);

impl Environment for Variables {
    fn value(&self, name: &std::ffi::OsStr) -> Option<OsString> {
        self.0.get(name.to_str()?).cloned()
    }
}

fn resolve(
    arguments: ServeArgs,
    variables: &[(&'static str, &str)],
    file: Option<&str>,
) -> Result<Config, ConfigProblems> {
    let mut variables: HashMap<_, _> =
        variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    if let Some(text) = file {
        on_disk.write_all(text.as_bytes()).unwrap();
        variables.insert("HOOKSEAL_CONFIG", on_disk.path().into());
    }
    Config::resolve(&arguments, &Variables(variables))
}

fn problems(arguments: ServeArgs, variables: &[(&'static str, &str)], file: Option<&str>) -> Vec<String> {
    let problems = resolve(arguments, variables, file).unwrap_err().to_string();
    problems.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn defaults_hold_where_nothing_is_given() {
    let config = resolve(ServeArgs::default(), &[], None).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8040");
    assert_eq!(config.data.to_str(), Some("./hookseal-data"));
    assert_eq!(config.max_body, hookseal_engine::limits::BODY_BYTES_DEFAULT);
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
    assert_eq!(config.retention, Some(Duration::from_secs(30 * 86_400)));
    assert!(
        config.allow_networks.is_empty() && config.deny_networks.is_empty() && config.operator_key.is_none()
    );
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let file = "listen = '127.0.0.1:1'\ndata = 'file'\nmax_body = 3";
    let variables = [("HOOKSEAL_LISTEN", "127.0.0.1:2"), ("HOOKSEAL_DATA", "variable")];
    let arguments = ServeArgs::default().with(&LISTEN, "127.0.0.1:3");
    let config = resolve(arguments, &variables, Some(file)).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data.to_str(), Some("variable"));
    assert_eq!(config.max_body, 3);
}

#[test]
fn retention_is_a_time_or_off() {
    let retention = |text: &str| {
        let arguments = ServeArgs::default().with(&RETENTION, text);
        resolve(arguments, &[], None).map(|config| config.retention).map_err(|problems| problems.to_string())
    };
    assert_eq!(retention("off"), Ok(None));
    assert_eq!(retention("12h"), Ok(Some(Duration::from_secs(12 * 3600))));
    for text in ["0s", "", "30", "forever", "999ms"] {
        let problems = retention(text).unwrap_err();
        assert!(problems.contains(&format!("--retention: `{text}` is not off, or a duration")), "{problems}");
    }
}

#[test]
fn networks_are_lists_everywhere() {
    let networks = |config: Config| config.allow_networks.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = ["10.0.0.0/8", "127.0.0.1/32"];
    let flags = ServeArgs::default().with(&ALLOW_NETWORKS, "10.1.2.3/8").with(&ALLOW_NETWORKS, "127.0.0.1");
    assert_eq!(networks(resolve(flags, &[], None).unwrap()), expected);
    let variable = [("HOOKSEAL_ALLOW_NETWORKS", " 10.0.0.0/8, 127.0.0.1/32,")];
    assert_eq!(networks(resolve(ServeArgs::default(), &variable, None).unwrap()), expected);
    let file = "allow_networks = ['10.0.0.0/8', '127.0.0.1']";
    assert_eq!(networks(resolve(ServeArgs::default(), &[], Some(file)).unwrap()), expected);
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let arguments = ServeArgs::default().with(&LISTEN, "8040").with(&MAX_BODY, "0").with(&LOG, "a=b=c");
    let variables = [("HOOKSEAL_DENY_NETWORKS", "10.0.0.0/8,ten"), ("HOOKSEAL_LOG_FORMAT", "xml")];
    let found = problems(arguments, &variables, Some("listn = 'x'\ndata = 7\nallow_networks = ['a', 1]\n"));
    let expect = |part: &str| {
        assert_eq!(found.iter().filter(|problem| problem.contains(part)).count(), 1, "{part} in {found:#?}");
    };
    expect("--listen: `8040` is not an address and a port");
    expect("--max-body: `0` is not a number of bytes from 1 to 1048576");
    expect("--log: `a=b=c` is not a filter");
    expect("HOOKSEAL_DENY_NETWORKS: `ten` is not a network");
    expect("HOOKSEAL_LOG_FORMAT: `xml` is not text or json");
    expect(":1:1: listn: no such setting; the settings are listen, data,");
    expect(":2:8: data: a text in quotes is needed");
    expect(":3:18: allow_networks: the list holds texts alone");
    assert_eq!(found.len(), 8);
}

#[test]
fn a_file_that_is_no_toml_is_reported_with_its_place() {
    let found = problems(ServeArgs::default(), &[], Some("listen = \n"));
    assert!(found[0].contains(":1:"), "{found:?}");
}

#[test]
fn a_file_that_is_not_there_is_a_problem_of_what_names_it() {
    let found = problems(ServeArgs::default().with(&CONFIG, "/nonexistent/hookseal.toml"), &[], None);
    assert!(found[0].starts_with("--config: /nonexistent/hookseal.toml cannot be read: "), "{found:?}");
}

#[test]
fn a_file_cannot_name_another_file() {
    let found = problems(ServeArgs::default(), &[], Some("config = 'other.toml'"));
    assert!(found[0].contains("config: no such setting"), "{found:?}");
}

#[test]
fn an_empty_directory_is_no_directory() {
    assert!(problems(ServeArgs::default().with(&DATA, ""), &[], None)[0].starts_with("--data"));
}

#[test]
fn the_operator_key_is_not_shown() {
    let arguments = ServeArgs::default().with(&OPERATOR_KEY, "hs_live_swordfish");
    let config = resolve(arguments, &[], None).unwrap();
    assert!(!format!("{config:?}").contains("swordfish"));
}

#[test]
fn a_proxy_is_taken_in_and_its_password_is_not_shown() {
    let variables = [
        ("HOOKSEAL_EGRESS_PROXY", "http://user:swordfish@10.0.0.1:3128"),
        ("HOOKSEAL_EGRESS_PROXY_BYPASS", "10.0.0.0/8"),
    ];
    let config = resolve(ServeArgs::default(), &variables, Some("egress_proxy_trusted = true")).unwrap();
    assert!(config.egress_proxy_trusted && config.egress_proxy_bypass.len() == 1);
    assert!(
        format!("{config:?}").contains("http://10.0.0.1:3128")
            && !format!("{config:?}").contains("swordfish")
    );
}

#[test]
fn a_proxy_that_is_not_right_is_reported_without_its_password() {
    let one = |variables: &[(&'static str, &str)]| {
        let found = problems(ServeArgs::default(), variables, None);
        assert!(found.len() == 1 && !found[0].contains("swordfish"), "{found:?}");
        found[0].clone()
    };
    let problem = one(&[("HOOKSEAL_EGRESS_PROXY", "http://user:swordfish@proxy.example")]);
    assert!(problem.starts_with("HOOKSEAL_EGRESS_PROXY: not a proxy such as"), "{problem}");
    let problem = one(&[("HOOKSEAL_EGRESS_PROXY", "socks5h://user:swordfish@proxy.example:1080")]);
    assert!(problem.contains("takes egress_proxy_trusted"), "{problem}");
    let problem = one(&[("HOOKSEAL_EGRESS_PROXY_TRUSTED", "true")]);
    assert!(problem.contains("of no use without egress_proxy"), "{problem}");
    let problem = one(&[("HOOKSEAL_USER_AGENT", "")]);
    assert!(problem.contains("is not 1 to 200 visible ASCII characters"), "{problem}");
}
