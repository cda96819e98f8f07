//! `docs/api.md`: every example is run, in order, and answers what stands below it.

use std::{fmt::Write as _, path::Path, time::Duration};

use axum::body::Body;
use hookseal_engine::{
    DeliveryRecord, DeliveryState, RetryAfter, Scope,
    ports::store::{DeliveryFilter, Page},
};
use http::Request;

use crate::{
    transport::answered,
    world::{LIVE, PATIENCE, World},
};

const REFERENCE: &str = include_str!("../../../../docs/api.md");

#[tokio::test]
async fn the_examples_answer_what_the_reference_says() {
    let world = World::new().await;
    world.transport.answer(answered(200, b"thanks"));
    let mut busy = answered(503, b"come again");
    busy.retry_after = Some(RetryAfter::Delay(Duration::from_secs(120)));
    world.transport.answer(busy);

    let mut found = String::new();
    let mut parts = REFERENCE.split("```");
    while let Some(text) = parts.next() {
        found += text;
        let Some(block) = parts.next() else { break };
        let block = match block.strip_prefix("console\n") {
            Some(block) => format!("console\n{}", run(&world, block).await),
            None => block.to_owned(),
        };
        write!(found, "```{block}```").unwrap();
    }
    if found != REFERENCE {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("api.md");
        std::fs::write(&path, &found).unwrap();
        panic!("docs/api.md is not what the examples answer; {} is", path.display());
    }
}

/// Runs the commands of a block; gives them back, each with its answer.
async fn run(world: &World, block: &str) -> String {
    let mut out = String::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix("$ ") else { continue };
        let (mut command, mut shown) = (first.to_owned(), line.to_owned());
        while let Some(begun) = command.strip_suffix('\\') {
            let next = lines.next().unwrap();
            shown = format!("{shown}\n{next}");
            command = format!("{begun}{next}");
        }
        settled(world).await;
        writeln!(out, "{shown}\n{}", answer(world, &command).await).unwrap();
    }
    out
}

/// Waits until no delivery is about to be attempted. It asks the store, so that requests keep their numbers.
async fn settled(world: &World) {
    let settled = async {
        loop {
            let page = Page { limit: 100, after: None };
            let store = world.engine.store();
            let found = store.deliveries(Scope::DEFAULT_LIVE, DeliveryFilter::default(), page).await.unwrap();
            let at_rest = |delivery: &DeliveryRecord| match delivery.state {
                DeliveryState::Pending => delivery.attempts > 0,
                state => state != DeliveryState::Leased,
            };
            if found.rows.iter().all(at_rest) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.unwrap();
}

/// What `curl ... | jq ...` prints.
async fn answer(world: &World, command: &str) -> String {
    let words = words(&command.replace("$HOOKSEAL_KEY", LIVE).replace("$HOOKSEAL/", "/"));
    let mut words = words.iter().map(String::as_str);
    assert_eq!(words.next(), Some("curl"), "{command}");
    let (mut request, mut method, mut body) = (Request::builder(), "GET", Body::empty());
    while let Some(word) = words.next() {
        match word {
            "-s" => {}
            "-X" => method = words.next().unwrap(),
            "-H" => {
                let (name, value) = words.next().unwrap().split_once(": ").unwrap();
                request = request.header(name, value);
            }
            "-d" => {
                if method == "GET" {
                    method = "POST";
                }
                body = Body::from(words.next().unwrap().to_owned());
            }
            "|" => break,
            path => request = request.uri(path),
        }
    }
    assert_eq!(words.next(), Some("jq"), "{command}");
    let reply = world.send(request.method(method).body(body).unwrap()).await;
    match words.next().and_then(|filter| filter.strip_prefix('.')) {
        Some(field) => reply.json()[field].to_string(),
        None => indented(reply.text()),
    }
}

/// The words of a command, as a shell reads them, with single and double quotes.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (character, quote) {
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (_, Some(open)) if character == open => quote = None,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// JSON with line breaks and nothing else changed, as `jq` prints it.
fn indented(json: &str) -> String {
    let (mut out, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            out.push(character);
            in_string = character != '"' || escaped;
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            '{' | '[' if matches!(characters.peek(), Some('}' | ']')) => {
                out.push(character);
                out.extend(characters.next());
            }
            '{' | '[' | ',' => {
                depth += usize::from(character != ',');
                write!(out, "{character}\n{}", "  ".repeat(depth)).unwrap();
            }
            '}' | ']' => {
                depth -= 1;
                write!(out, "\n{}{character}", "  ".repeat(depth)).unwrap();
            }
            ':' => out.push_str(": "),
            ' ' => {}
            _ => {
                in_string = character == '"';
                out.push(character);
            }
        }
    }
    out
}
