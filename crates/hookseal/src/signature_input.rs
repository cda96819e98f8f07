//! As much of structured fields (RFC 9651) as HTTP Message Signatures (RFC 9421) need.

/// The members of a dictionary as labels and the text of their values, in order; `None` where it is not one.
pub(crate) fn members(field: &[u8]) -> Option<Vec<(&str, &str)>> {
    let text = std::str::from_utf8(field).ok().filter(|text| text.is_ascii())?;
    let member = |part: &'_ str| -> Option<(usize, usize)> {
        let equals = part.find('=')?;
        let key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte);
        (equals > 0 && part[..equals].bytes().all(key)).then_some((equals, part.len()))
    };
    let mut members = Vec::new();
    for part in split_outside_quotes(text, b',')? {
        let part = part.trim_matches([' ', '\t']);
        let (equals, _) = member(part)?;
        members.push((&part[..equals], &part[equals + 1..]));
    }
    Some(members)
}

/// The value of a member of `signature-input`: an inner list of components, and parameters.
pub(crate) struct SignatureInput<'t> {
    components: Vec<&'t str>,
    params: Vec<(&'t str, &'t str)>,
}

impl<'t> SignatureInput<'t> {
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let (list, params) = text.strip_prefix('(')?.split_once(')')?;
        // A component with parameters of its own has no plain closing quote before the next space.
        let component = |item: &'t str| {
            let name = item.strip_prefix('"')?.strip_suffix('"')?;
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"@-_".contains(&byte);
            (!name.is_empty() && name.bytes().all(plain)).then_some(name)
        };
        let items = list.split(' ').filter(|item| !item.is_empty());
        let components: Vec<&str> = items.map(component).collect::<Option<_>>()?;
        let mut found = Vec::new();
        let mut parts = split_outside_quotes(params, b';')?.into_iter();
        if parts.next() != Some("") {
            return None;
        }
        for part in parts {
            found.push(part.trim_matches(' ').split_once('=')?);
        }
        Some(Self { components, params: found })
    }

    /// The names of the covered components, in order.
    pub(crate) fn components(&self) -> &[&'t str] {
        &self.components
    }

    /// Whether a component is covered.
    pub(crate) fn covers(&self, component: &str) -> bool {
        self.components.contains(&component)
    }

    /// Whether a component or a parameter stands twice, which leaves open which one is meant.
    pub(crate) fn repeats(&self) -> bool {
        let twice = |names: &[&str]| names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
        let names: Vec<&str> = self.params.iter().map(|(name, _)| *name).collect();
        twice(&self.components) || twice(&names)
    }

    /// The text of a parameter; of a string what is between its quotes.
    pub(crate) fn param(&self, name: &str) -> Option<&'t str> {
        let (_, value) = self.params.iter().find(|(known, _)| *known == name)?;
        Some(value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value))
    }
}

/// The text between the colons of a byte sequence.
pub(crate) fn byte_sequence(value: &str) -> Option<&str> {
    value.strip_prefix(':')?.strip_suffix(':').filter(|base64| !base64.contains(':'))
}

/// The parts between separators that are not within a string; `None` where a string does not end.
fn split_outside_quotes(text: &str, separator: u8) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                parts.push(text.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_example_of_the_rfc() {
        let field = br#"sig1=("@method" "content-type");created=1618884473;keyid="a,b;c\"", sig2=()"#;
        let members = members(field).unwrap();
        assert_eq!(members.iter().map(|(label, _)| *label).collect::<Vec<_>>(), ["sig1", "sig2"]);
        let input = SignatureInput::parse(members[0].1).unwrap();
        assert_eq!(input.components(), ["@method", "content-type"]);
        assert_eq!(input.param("created"), Some("1618884473"));
        assert_eq!(input.param("keyid"), Some(r#"a,b;c\""#));
        assert!(!input.repeats());
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for text in
            ["", "(", r#"("a";req)"#, r#"("a" b)"#, r#"("A")"#, r#"("a")x"#, r#"("a");k="#, "(\"a\");k=\"x"]
        {
            let understood = SignatureInput::parse(text).is_some_and(|input| input.param("k") != Some(""));
            assert!(!understood, "{text}");
        }
        assert!(SignatureInput::parse(r#"("a" "a")"#).unwrap().repeats());
        assert!(members(b"=a").is_none() && members(b"a").is_none() && members(b"").is_none());
        assert_eq!(byte_sequence(":QQ==:"), Some("QQ=="));
        assert_eq!(byte_sequence("QQ=="), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z\"()=;:, \\\\]{0,60}") {
            for (_, value) in members(text.as_bytes()).unwrap_or_default() {
                let _ = (SignatureInput::parse(value), byte_sequence(value));
            }
        }
    }
}
