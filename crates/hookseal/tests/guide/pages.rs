//! The pages: those in the repository are current, every profile has one, and no text of a profile is markup.

use std::fs;
use std::path::Path;

use hookseal::guide::{self, Language, Options};
use hookseal::{Part, Profile, Request, Secret, Verifier, VerifyOptions};

use crate::runtimes::folder;

/// The profiles whose vendors' documents this project began with.
const IN_REPOSITORY: [&str; 5] = ["harbor-lockers", "harbor-node", "harbor-transfers", "harmon", "harvestr"];

#[test]
fn the_pages_in_the_repository_are_current() {
    let made = folder("pages");
    let mut stale = Vec::new();
    for name in IN_REPOSITORY {
        let page = guide::markdown(Profile::builtin(name).unwrap(), &Options::default()).unwrap();
        fs::write(made.join(format!("{name}.md")), &page).unwrap();
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/guides/{name}.md"));
        if fs::read_to_string(kept).ok().as_ref() != Some(&page) {
            stale.push(format!("hookseal guide --profile {name} --out docs/guides/{name}.md"));
        }
    }
    assert!(stale.is_empty(), "not current; write them anew:\n{}", stale.join("\n"));
}

#[test]
fn every_profile_has_a_page() {
    let made = folder("html");
    for profile in Profile::builtins() {
        let page = guide::markdown(profile, &Options::default()).unwrap();
        assert!(page.starts_with("# Verify "), "{}", profile.name());
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{}", profile.name());
        assert!(!page.contains(" ,") && !page.contains("``)"), "{}", profile.name());
        let page = guide::html(profile, &Options::default()).unwrap();
        let inside = page.split_once("<main>").unwrap().1;
        for tag in ["div", "pre", "table", "section", "details"] {
            let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
            assert_eq!(
                inside.matches(&open).count(),
                inside.matches(&close).count(),
                "{tag} of {}",
                profile.name()
            );
        }
        fs::write(made.join(format!("{}.html", profile.name())), page).unwrap();
    }
}

/// The request that a page shows verifies, and no longer does so when a character of its body is another one.
#[test]
fn examples_verify() {
    let mut count = 0;
    for profile in Profile::builtins() {
        let Some(example) = guide::example(profile) else { continue };
        count += 1;
        let page = guide::markdown(profile, &Options::default()).unwrap();
        for (name, value) in &example.headers {
            assert!(page.contains(&format!("{name}: {value}\n")), "{name} of {}", profile.name());
        }
        let params = example.params.iter().fold(hookseal::Params::new(), |params, (name, value)| {
            params.with(name.as_str(), value.as_str())
        });
        let options = VerifyOptions { params, ..VerifyOptions::default() };
        let secret = Secret::new(example.secret.as_str());
        let verifier = Verifier::new(profile, Part::Delivery, &[secret], options).unwrap();
        let request = |body| Request { method: "POST", url: &example.url, headers: &example.headers, body };
        let valid = request(example.body.as_bytes());
        let verified = verifier.verify(&valid, example.now).unwrap_or_else(|error| {
            panic!("{}: {error}", profile.name());
        });
        let changed = example.body.replacen("example", "another", 1);
        assert_ne!(changed, example.body, "{}", profile.name());
        let taken = verifier.verify(&request(changed.as_bytes()), example.now).is_ok();
        assert_eq!(taken, verified.flags().body_unsigned, "{}", profile.name());
    }
    assert!(count > 60, "{count} profiles have an example");
}

/// A profile of one's own whose texts try to break out of every place that they are put in.
pub(crate) const HOSTILE: &str = r##"
        name = "hostile"
        title = "*/ ?> </script> <img src=x onerror=alert(1)> `x` [a](javascript:b) | \\u0000 \\u000a \u2028"
        document = "# A heading </code></p> <b>bold</b> \u202e <h1>Another</h1> --> ]]>"
        [scheme]
        algorithm = "hmac-sha256"
        key = ["strip-prefix:\"#{1}$x${x}`", "base64"]
        content = ["\"; evil(); //\r\n# A heading\n</code>\u0000", "{timestamp}", "\\", "{body}"]
        [scheme.signature]
        header = "x-hostile"
        grammar = "pairs"
        separator = "|"
        assign = "'"
        keys = ["\"#{1}$x\\"]
        [scheme.timestamp]
        field = "</code><i>"
        format = "unix-seconds"
        "##;

#[test]
fn texts_of_a_profile_stay_texts() {
    let profile = Profile::parse(HOSTILE).unwrap();
    let page = guide::html(&profile, &Options::default()).unwrap();
    for markup in ["<img", "</script", "<b>bold", "<i>", "javascript:", "<h1>A heading", "<h2>A heading"] {
        assert!(!page.contains(markup) || markup == "javascript:", "{markup}");
    }
    assert!(!page.contains("href"), "no link comes from a profile");
    let node = guide::code(&profile, Language::Node).unwrap();
    assert!(node.contains(r##"name === "\"#{1}$x\\""##), "{node}");
    let ruby = guide::code(&profile, Language::Ruby).unwrap();
    assert!(ruby.contains(r##""\"\#{1}$x\\""##), "{ruby}");
    let php = guide::code(&profile, Language::Php).unwrap();
    assert!(php.contains(r##""\"#{1}\$x\\""##), "{php}");
    for language in Language::ALL {
        let code = guide::code(&profile, *language).unwrap();
        assert!(!code.contains("\n# A heading"), "{language}");
        assert!(!code.contains("onerror"), "{language}: titles stand in no code");
    }
}

#[test]
fn a_page_has_the_languages_that_are_asked_for() {
    let profile = Profile::builtin("harmon").unwrap();
    let options = Options::default().with_languages([Language::Go, Language::Ruby]);
    let page = guide::markdown(profile, &options).unwrap();
    assert!(page.contains("```go") && page.contains("```ruby"));
    assert!(!page.contains("```js") && !page.contains("```php"));
    assert_eq!("csharp".parse(), Ok(Language::CSharp));
    assert!("cobol".parse::<Language>().is_err());
}
