//! The code of every profile, executed against the known answers and against what may become of them.

use std::fs;
use std::path::Path;

use hookseal::guide::{self, Language, NotGenerated};
use hookseal::{Part, Profile};

use crate::cases::{Lines, Subject};
use crate::pages::HOSTILE;
use crate::runtimes::{folder, harness, has_cryptography, is_there, python_with_packages, run};

/// The subjects for which there is code in a language, with it. The others are compared with `expected`, the names of
/// those that have none and why, so that none goes missing unnoticed.
fn generated(language: Language, expected: &[&str]) -> Vec<(Subject, String)> {
    let mut made = Vec::new();
    let mut missing = Vec::new();
    for subject in Subject::all() {
        match guide::part_code(subject.profile, subject.part, language) {
            Ok(code) => made.push((subject, code)),
            Err(NotGenerated::Template(error)) => panic!("{}: {error}", subject.name()),
            Err(reason) => missing.push(format!("{}: {}", subject.profile.name(), short(&reason))),
        }
    }
    assert_eq!(missing, expected, "the profiles without code in {language}");
    made
}

fn short(reason: &NotGenerated) -> &'static str {
    match reason {
        NotGenerated::Unsigned => "unsigned",
        NotGenerated::FetchedKey => "fetched key",
        NotGenerated::Canonical => "canonical form",
        NotGenerated::Language { .. } => "language",
        _ => "other",
    }
}

/// What no language has code for, and the library verifies.
const BEYOND_SAMPLES: [&str; 11] = [
    "adyen-payments: canonical form",
    "aws-sns: fetched key",
    "cloudevents: unsigned",
    "contentful: canonical form",
    "docker-hub: unsigned",
    "fal-ai: fetched key",
    "google-pubsub: fetched key",
    "paypal: fetched key",
    "plaid: fetched key",
    "rfc9421-ed25519: canonical form",
    "rfc9421-hmac: canonical form",
];

/// Writes the cases of the subjects into a file of the folder.
fn write_cases(folder: &Path, made: &[(Subject, String)], lines: Lines) {
    let cases: String = made.iter().map(|(subject, _)| subject.lines(lines)).collect();
    assert!(cases.lines().count() > 1000, "there are cases");
    fs::write(folder.join("cases.tsv"), cases).unwrap();
}

#[test]
fn node() {
    if !is_there("node", "--version") {
        return;
    }
    let folder = folder("node");
    let made = generated(Language::Node, &BEYOND_SAMPLES);
    for (subject, code) in &made {
        fs::write(folder.join(format!("{}.mjs", subject.name())), code).unwrap();
        let handler = folder.join(format!("{}-server.mjs", subject.name()));
        fs::write(handler, guide::handler_code(subject.profile, Language::Node).unwrap()).unwrap();
    }
    write_cases(&folder, &made, Lines::Apart);
    fs::write(folder.join("harness.mjs"), harness("harness.mjs")).unwrap();
    print!("{}", run(&folder, "node", &["harness.mjs"]));
}

#[test]
fn python() {
    let python = python_with_packages();
    if !is_there(&python, "--version") {
        return;
    }
    let folder = folder("python");
    let mut made = generated(Language::Python, &BEYOND_SAMPLES);
    if !has_cryptography() {
        made.retain(|(_, code)| !code.contains("from cryptography"));
    }
    for (subject, code) in &made {
        fs::write(folder.join(format!("{}.py", subject.name())), code).unwrap();
        let handler = folder.join(format!("{}-server.py", subject.name()));
        fs::write(handler, guide::handler_code(subject.profile, Language::Python).unwrap()).unwrap();
    }
    write_cases(&folder, &made, Lines::Apart);
    fs::write(folder.join("harness.py"), harness("harness.py")).unwrap();
    print!("{}", run(&folder, &python, &["harness.py"]));
}

#[test]
fn go() {
    if !is_there("go", "version") {
        return;
    }
    let folder = folder("go");
    let made = generated(Language::Go, &BEYOND_SAMPLES);
    let mut imports = String::new();
    let mut entries = String::new();
    for (subject, code) in &made {
        let name = subject.name();
        fs::create_dir_all(folder.join(&name)).unwrap();
        fs::write(folder.join(&name).join("verify.go"), code).unwrap();
        let arguments = guide::arguments(subject.profile, subject.part);
        let extras: String = (0..arguments.len()).map(|index| format!(", e[{index}]")).collect();
        let function = if subject.part == Part::Delivery { "Verify" } else { "VerifyChallenge" };
        imports += &format!("\t{name} \"example.com/you/webhook/{name}\"\n");
        entries += &format!(
            "\t{name:?}: func(h http.Header, b []byte, s []string, n time.Time, e []string) bool {{ return {name}.{function}(h, b, s, n{extras}) }},\n"
        );
    }
    let registry = format!(
        "package main\n\nimport (\n\t\"net/http\"\n\t\"time\"\n\n{imports})\n\nvar registry = map[string]func(http.Header, []byte, []string, time.Time, []string) bool{{\n{entries}}}\n"
    );
    fs::write(folder.join("registry.go"), registry).unwrap();
    fs::write(folder.join("go.mod"), "module example.com/you/webhook\n\ngo 1.19\n").unwrap();
    fs::write(folder.join("main.go"), harness("harness.go")).unwrap();
    write_cases(&folder, &made, Lines::Apart);
    assert_eq!(run(&folder, "gofmt", &["-l", "."]), "registry.go\n", "what gofmt would change");
    run(&folder, "go", &["vet", "./..."]);
    print!("{}", run(&folder, "go", &["run", "."]));
}

#[test]
fn ruby() {
    if !is_there("ruby", "--version") {
        return;
    }
    let folder = folder("ruby");
    let made = generated(Language::Ruby, &BEYOND_SAMPLES);
    for (subject, code) in &made {
        fs::write(folder.join(format!("{}.rb", subject.name())), code).unwrap();
        let handler = folder.join(format!("{}-server.rb", subject.name()));
        fs::write(handler, guide::handler_code(subject.profile, Language::Ruby).unwrap()).unwrap();
    }
    write_cases(&folder, &made, Lines::Joined);
    fs::write(folder.join("harness.rb"), harness("harness.rb")).unwrap();
    print!("{}", run(&folder, "ruby", &["-W1", "harness.rb"]));
}

#[test]
fn php() {
    if !is_there("php", "--version") {
        return;
    }
    let folder = folder("php");
    let made = generated(Language::Php, &BEYOND_SAMPLES);
    for (subject, code) in &made {
        fs::write(folder.join(format!("{}.php", subject.name())), code).unwrap();
        let handler = folder.join(format!("{}-server.php", subject.name()));
        fs::write(handler, guide::handler_code(subject.profile, Language::Php).unwrap()).unwrap();
    }
    write_cases(&folder, &made, Lines::Joined);
    fs::write(folder.join("harness.php"), harness("harness.php")).unwrap();
    print!(
        "{}",
        run(&folder, "php", &["-d", "error_reporting=-1", "-d", "display_errors=stderr", "harness.php"])
    );
}

#[test]
fn java() {
    if !is_there("javac", "-version") {
        return;
    }
    let folder = folder("java");
    let without_json = ["linear: language", "mailgun: language", "ms-graph: language", "netlify: language"];
    let mut expected = [&BEYOND_SAMPLES[..], &without_json].concat();
    expected.sort_unstable();
    let made = generated(Language::Java, &expected);
    let mut sources = vec!["Main.java".to_owned(), "Registry.java".to_owned()];
    let mut entries = String::new();
    for (subject, code) in &made {
        let name = subject.name();
        let class =
            if subject.part == Part::Delivery { "WebhookVerifier" } else { "WebhookVerifierChallenge" };
        fs::create_dir_all(folder.join(&name)).unwrap();
        let source = format!("{name}/{class}.java");
        fs::write(folder.join(&source), format!("package {name};\n\n{code}")).unwrap();
        let arguments = guide::arguments(subject.profile, subject.part);
        let extras: String = (0..arguments.len()).map(|index| format!(", e.get({index})")).collect();
        entries += &format!(
            "        ALL.put({name:?}, (h, b, s, n, e) -> {name}.{class}.verify(h, b, s, n{extras}));\n"
        );
        sources.push(source);
    }
    let registry = format!(
        "import java.util.*;\n\nfinal class Registry {{\n    static final Map<String, Main.Verify> ALL = new HashMap<>();\n\n    static {{\n{entries}    }}\n}}\n"
    );
    fs::write(folder.join("Registry.java"), registry).unwrap();
    fs::write(folder.join("Main.java"), harness("Main.java")).unwrap();
    write_cases(&folder, &made, Lines::Apart);
    let arguments = ["-Xlint:all", "-Werror", "-d", "classes"].map(str::to_owned);
    run(&folder, "javac", &[&arguments[..], &sources].concat());
    print!("{}", run(&folder, "java", &["-cp", "classes", "Main"]));
}

/// The sample in Rust leaves everything to the library, so it is there for every profile that proves anything.
#[test]
fn rust() {
    let folder = folder("rust");
    let made = generated(Language::Rust, &["cloudevents: unsigned", "docker-hub: unsigned"]);
    fs::create_dir_all(folder.join("src")).unwrap();
    let mut main = harness("harness.rs");
    let mut entries = String::new();
    for (subject, code) in &made {
        let name = subject.name();
        fs::write(folder.join("src").join(format!("{name}.rs")), code).unwrap();
        let arguments = guide::arguments(subject.profile, subject.part);
        let of_request = arguments.iter().filter(|name| ["method", "url"].contains(&name.as_str())).count();
        let request: String = (0..of_request).map(|index| format!("&e[{index}], ")).collect();
        let params: String = (of_request..arguments.len()).map(|index| format!(", &e[{index}]")).collect();
        main += &format!("mod {name};\n");
        entries += &format!(
            "        {name:?} => {name}::verifier(s{params}).is_ok_and(|v| {name}::verify(&v, {request}h, b, n).is_ok()),\n"
        );
    }
    main += &format!(
        "\nfn verify(subject: &str, h: &dyn Headers, b: &[u8], s: &[&str], n: Timestamp, e: &[String]) -> bool {{\n    match subject {{\n{entries}        _ => panic!(\"unknown subject\"),\n    }}\n}}\n"
    );
    fs::write(folder.join("src/main.rs"), main).unwrap();
    let library = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = format!(
        "[package]\nname = \"guides\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nhookseal = {{ path = {library:?} }}\nbase64 = \"0.23\"\n\n[workspace]\n\n[profile.dev.package.\"*\"]\nopt-level = 1\ndebug = false\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The same versions as everywhere; cargo leaves out what is not needed.
    fs::copy(library.join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    write_cases(&folder, &made, Lines::Apart);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guides-target");
    let arguments = ["run", "--quiet", "--offline", "--target-dir", target.to_str().unwrap()];
    print!("{}", run(&folder, env!("CARGO"), &arguments));
}

/// There is no .NET in Debian, so the samples in C# are not executed: their shape alone is checked.
#[test]
fn csharp_has_its_shape() {
    let mut expected =
        [&BEYOND_SAMPLES[..], &["discord: language", "standard-webhooks-v1a: language"]].concat();
    expected.sort_unstable();
    for (subject, code) in generated(Language::CSharp, &expected) {
        for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
            let count = |character: char| outside_texts(&code).filter(|found| *found == character).count();
            assert_eq!(count(open), count(close), "{} of {}", open, subject.name());
        }
        let scheme = subject.profile.part(subject.part).unwrap();
        let headers = [scheme.signature_header(), scheme.timestamp_header()];
        for header in headers.into_iter().flatten() {
            assert!(code.contains(&format!("\"{header}\"")), "{header} of {}", subject.name());
        }
        assert!(code.contains("FixedTimeEquals") || code.contains("VerifyData"), "{}", subject.name());
        assert!(code.contains("using System.Security.Cryptography;"), "{}", subject.name());
    }
}

/// The characters of code that stand neither in a text nor in a comment.
fn outside_texts(code: &str) -> impl Iterator<Item = char> {
    code.lines().flat_map(|line| {
        let mut kept = Vec::new();
        let mut quote = None;
        let mut characters = line.split("//").next().unwrap_or_default().chars();
        while let Some(character) = characters.next() {
            match quote {
                None if matches!(character, '"' | '\'') => quote = Some(character),
                None => kept.push(character),
                Some(_) if character == '\\' => drop(characters.next()),
                Some(open) if open == character => quote = None,
                Some(_) => {}
            }
        }
        kept
    })
}

/// Texts of a profile that try to end a literal or a comment leave code that its language can read.
#[test]
fn texts_of_a_profile_break_no_code() {
    let folder = folder("hostile");
    let profile = Profile::parse(HOSTILE).unwrap();
    let checks: [(Language, &str, &[&str]); 6] = [
        (Language::Node, "node", &["--check", "verify.mjs"]),
        (Language::Python, "python3", &["-m", "py_compile", "verify.py"]),
        (Language::Go, "gofmt", &["-e", "verify.go"]),
        (Language::Ruby, "ruby", &["-c", "verify.rb"]),
        (Language::Php, "php", &["-l", "verify.php"]),
        (Language::Java, "javac", &["WebhookVerifier.java"]),
    ];
    for (language, program, arguments) in checks {
        let file = arguments[arguments.len() - 1];
        fs::write(folder.join(file), guide::code(&profile, language).unwrap()).unwrap();
        let there = match language {
            Language::Go => is_there("go", "version"),
            Language::Java => is_there(program, "-version"),
            _ => is_there(program, "--version"),
        };
        if there {
            run(&folder, program, arguments);
        }
    }
}
