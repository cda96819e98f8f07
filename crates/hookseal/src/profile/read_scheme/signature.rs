//! Reading where a signature stands and what it looks like there.

use super::{header_name, read_character};
use crate::profile::reader::{Placed, Table};
use crate::scheme::{
    Algorithm, AlgorithmRule, Carrier, Coverage, Encoding, Grammar, InputParameter, JsonPath, KeyPattern,
    Pairs, Rotation, SignatureRule,
};

pub(super) fn read_signature(table: &Table<'_>, algorithm: Option<&AlgorithmRule>) -> Option<SignatureRule> {
    if matches!(algorithm, Some(AlgorithmRule::Fixed(Algorithm::None))) {
        return None;
    }
    let Some(signature) = table.table("signature") else {
        if !table.has("signature") {
            table.problem("the table `signature` is missing");
        }
        return None;
    };
    let carrier = read_carrier(&signature);
    let repeated = signature.boolean("repeated").unwrap_or(false);
    let grammar = read_grammar(&signature);
    let encoding = signature.choice("encoding", Encoding::NAMES).unwrap_or(Encoding::Hex);
    let rotation = read_rotation(&signature, grammar.as_ref());
    let coverage = read_coverage(&signature, grammar.as_ref());
    signature.finish();
    Some(SignatureRule { carrier: carrier?, repeated, grammar: grammar?, encoding, rotation, coverage })
}

fn read_carrier(table: &Table<'_>) -> Option<Carrier> {
    let keys = ["header", "headers", "numbered-header", "json", "form", "query"];
    if !table.has_one(&keys) {
        table.problem(
            "one of `header`, `headers`, `numbered-header`, `json`, `form` and `query` says where it stands",
        );
    }
    if let Some(name) = table.text("header") {
        return header_name(table, name).map(|name| Carrier::Headers(vec![name]));
    }
    if let Some(names) = table.texts("headers") {
        let names: Vec<String> = names.into_iter().filter_map(|name| header_name(table, name)).collect();
        return (!names.is_empty()).then_some(Carrier::Headers(names));
    }
    if let Some(name) = table.text("numbered-header") {
        return header_name(table, name).map(Carrier::Numbered);
    }
    if let Some(path) = table.text("json") {
        return Some(Carrier::Json(JsonPath(path.value)));
    }
    if let Some(field) = table.text("form") {
        return Some(Carrier::Form(field.value));
    }
    table.text("query").map(|parameter| Carrier::Query(parameter.value))
}

#[derive(Clone, Copy)]
enum GrammarName {
    Bare,
    Prefix,
    Pairs,
    AlgorithmPrefix,
    Dictionary,
}

fn read_grammar(table: &Table<'_>) -> Option<Grammar> {
    let grammars = [
        ("bare", GrammarName::Bare),
        ("prefix", GrammarName::Prefix),
        ("pairs", GrammarName::Pairs),
        ("algorithm-prefix", GrammarName::AlgorithmPrefix),
        ("dictionary", GrammarName::Dictionary),
    ];
    if !table.has("grammar") {
        return Some(Grammar::Bare);
    }
    match table.choice("grammar", &grammars)? {
        GrammarName::Bare => Some(Grammar::Bare),
        GrammarName::AlgorithmPrefix => Some(Grammar::AlgorithmPrefix),
        GrammarName::Dictionary => Some(Grammar::Dictionary),
        GrammarName::Prefix => {
            let prefix = table.required_text("prefix");
            let separator = read_character(table, "separator");
            Some(Grammar::Prefix { prefix: prefix?.value, separator })
        }
        GrammarName::Pairs => read_pairs(table).map(Grammar::Pairs),
    }
}

fn read_pairs(table: &Table<'_>) -> Option<Pairs> {
    if !table.has_one(&["keys", "numbered", "key-param"]) {
        table.problem("one of `keys`, `numbered` and `key-param` says which pairs are signatures");
    }
    let keys = if let Some(keys) = table.texts("keys") {
        Some(KeyPattern::Names(keys.into_iter().map(|key| key.value).collect()))
    } else if let Some(start) = table.text("numbered") {
        Some(KeyPattern::Numbered(start.value))
    } else {
        table.text("key-param").map(|param| KeyPattern::Param(param.value))
    };
    let separator = read_character(table, "separator").unwrap_or(b',');
    let assign = read_character(table, "assign").unwrap_or(b'=');
    if separator == assign {
        table.problem("`separator` and `assign` differ");
    }
    let names = table.text("names").map(|names| names.value);
    let trim = table.boolean("trim").unwrap_or(false);
    let groups = read_character(table, "groups");
    if matches!(&keys, Some(KeyPattern::Names(names)) if names.is_empty()) {
        table.problem("`keys` names at least one key");
    }
    Some(Pairs { separator, assign, keys: keys?, names, trim, groups })
}

/// What signing covers, where the grammar lists it.
fn read_coverage(table: &Table<'_>, grammar: Option<&Grammar>) -> Coverage {
    let dictionary = matches!(grammar, Some(Grammar::Dictionary));
    let lists = dictionary || matches!(grammar, Some(Grammar::Pairs(Pairs { names: Some(_), .. })));
    let names = |key: &'static str| -> Vec<String> {
        let texts = if lists { table.texts(key) } else { None };
        let lower = |text: Placed<String>| match text.value.strip_prefix('@') {
            Some(_) if dictionary => Some(text.value),
            _ => header_name(table, text),
        };
        texts.unwrap_or_default().into_iter().filter_map(lower).collect()
    };
    let (always, if_present) = (names("covers"), names("covers-if-present"));
    let label = if dictionary { table.text("label") } else { None };
    let parameters = if dictionary { table.texts("parameters") } else { None };
    let known = |text: Placed<String>| {
        let found = InputParameter::NAMES.iter().find(|(name, _)| *name == text.value);
        if found.is_none() {
            table.problem_at(&text, "one of `created`, `keyid` and `alg` is needed");
        }
        found.map(|(_, parameter)| *parameter)
    };
    Coverage {
        always,
        if_present,
        label: label.map_or_else(|| "sig1".to_owned(), |label| label.value),
        parameters: match parameters {
            Some(texts) => texts.into_iter().filter_map(known).collect(),
            None => InputParameter::NAMES.iter().map(|(_, parameter)| *parameter).collect(),
        },
    }
}

fn read_rotation(table: &Table<'_>, grammar: Option<&Grammar>) -> Rotation {
    let choices = [("newest", Rotation::Newest), ("repeat", Rotation::Repeat), ("count", Rotation::Count)];
    let rotation = table.choice("rotation", &choices).unwrap_or(Rotation::Newest);
    let fits = match (rotation, grammar) {
        (Rotation::Newest, _) | (_, None) => true,
        (Rotation::Repeat, Some(grammar)) => {
            matches!(grammar, Grammar::Pairs(_) | Grammar::Prefix { separator: Some(_), .. })
        }
        (Rotation::Count, Some(grammar)) => {
            matches!(grammar, Grammar::Pairs(Pairs { keys: KeyPattern::Numbered(_), .. }))
        }
    };
    if !fits {
        table.problem("this grammar has no room for several signatures in that way");
    }
    rotation
}
