//! Runs the generated verifications against cases.tsv; prints what differs and ends with 1 if anything does.
//!
//! A line of cases.tsv is: subject, case, 1 if it has to verify, now in milliseconds, body, secrets, arguments, headers.
//! Bodies and texts are in base64; an item of a list begins with a dot, so that an empty list differs from an empty text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hookseal::{Headers, Timestamp};

fn bytes(field: &str) -> Vec<u8> {
    STANDARD.decode(field).expect("base64")
}

fn text(field: &str) -> String {
    String::from_utf8(bytes(field)).expect("UTF-8")
}

fn items(field: &str) -> impl Iterator<Item = &str> {
    field.split(',').filter(|item| !item.is_empty()).map(|item| &item[1..])
}

fn main() {
    let cases = std::fs::read_to_string("cases.tsv").expect("cases");
    let (mut count, mut differences) = (0, Vec::new());
    for line in cases.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let header = |item: &str| item.split_once(':').map(|(name, value)| (text(name), bytes(value)));
        let headers: Vec<(String, Vec<u8>)> = items(fields[7]).filter_map(header).collect();
        let secrets: Vec<String> = items(fields[5]).map(text).collect();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let extras: Vec<String> = items(fields[6]).map(text).collect();
        let now = Timestamp::from_unix_millis(fields[3].parse().expect("milliseconds"));
        let verdict = verify(fields[0], &headers, &bytes(fields[4]), &secrets, now, &extras);
        count += 1;
        if verdict != (fields[2] == "1") {
            differences.push(format!("{} {}: {verdict}", fields[0], fields[1]));
        }
    }
    println!("rust: {count} cases, {} differ", differences.len());
    differences.iter().take(60).for_each(|difference| println!("{difference}"));
    std::process::exit(i32::from(!differences.is_empty()));
}

