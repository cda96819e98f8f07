//! The languages of the code.

use std::fmt;
use std::str::FromStr;

/// A language that code is written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Language {
    /// JavaScript on Node.js 18.3 and later, and on Bun and Deno.
    Node,
    /// Python 3.9 and later.
    Python,
    /// Go 1.19 and later.
    Go,
    /// Ruby 3.0 and later.
    Ruby,
    /// PHP 8.0 and later.
    Php,
    /// Java 17 and later.
    Java,
    /// C# on .NET 8 and later.
    CSharp,
    /// Rust, with this library.
    Rust,
}

/// What a page says of a language.
pub(super) struct Facts {
    /// The name on the command line and in HTML ids.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The name in a fenced code block.
    pub(super) fence: &'static str,
    /// What it runs on.
    pub(super) runs_on: &'static str,
    /// The file of the verification.
    pub(super) file: &'static str,
    /// The framework of the handler.
    pub(super) framework: &'static str,
    /// The template of the verification.
    pub(super) verify: &'static str,
    /// The template of the handler.
    pub(super) handler: &'static str,
}

impl Language {
    /// Every language, in the order of the page.
    pub const ALL: &'static [Self] =
        &[Self::Node, Self::Python, Self::Go, Self::Ruby, Self::Php, Self::Java, Self::CSharp, Self::Rust];

    /// The name on the command line, such as `node`.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The name for people, such as `Node.js`.
    pub fn title(self) -> &'static str {
        self.facts().title
    }

    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::Node => &NODE,
            Self::Python => &PYTHON,
            Self::Go => &GO,
            Self::Ruby => &RUBY,
            Self::Php => &PHP,
            Self::Java => &JAVA,
            Self::CSharp => &CSHARP,
            Self::Rust => &RUST,
        }
    }
}

const NODE: Facts = Facts {
    name: "node",
    title: "Node.js",
    fence: "js",
    runs_on: "Node.js 18.3 or later",
    file: "verify.mjs",
    framework: "Express",
    verify: "node.j2",
    handler: "node-handler.j2",
};

const PYTHON: Facts = Facts {
    name: "python",
    title: "Python",
    fence: "python",
    runs_on: "Python 3.9 or later",
    file: "verify.py",
    framework: "Flask",
    verify: "python.j2",
    handler: "python-handler.j2",
};

const GO: Facts = Facts {
    name: "go",
    title: "Go",
    fence: "go",
    runs_on: "Go 1.19 or later",
    file: "verify.go",
    framework: "net/http",
    verify: "go.j2",
    handler: "go-handler.j2",
};

const RUBY: Facts = Facts {
    name: "ruby",
    title: "Ruby",
    fence: "ruby",
    runs_on: "Ruby 3.0 or later",
    file: "verify.rb",
    framework: "Rails or any Rack server",
    verify: "ruby.j2",
    handler: "ruby-handler.j2",
};

const PHP: Facts = Facts {
    name: "php",
    title: "PHP",
    fence: "php",
    runs_on: "PHP 8.0 or later",
    file: "verify.php",
    framework: "plain PHP",
    verify: "php.j2",
    handler: "php-handler.j2",
};

const JAVA: Facts = Facts {
    name: "java",
    title: "Java",
    fence: "java",
    runs_on: "Java 17 or later",
    file: "WebhookVerifier.java",
    framework: "Spring or any servlet container",
    verify: "java.j2",
    handler: "java-handler.j2",
};

const CSHARP: Facts = Facts {
    name: "csharp",
    title: "C#",
    fence: "csharp",
    runs_on: ".NET 8 or later",
    file: "WebhookVerifier.cs",
    framework: "ASP.NET Core",
    verify: "csharp.j2",
    handler: "csharp-handler.j2",
};

const RUST: Facts = Facts {
    name: "rust",
    title: "Rust",
    fence: "rust",
    runs_on: "the crate `hookseal`",
    file: "verify.rs",
    framework: "axum",
    verify: "rust.j2",
    handler: "rust-handler.j2",
};

/// The name is not that of a language.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the languages are node, python, go, ruby, php, java, csharp and rust")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|language| language.name() == name).ok_or(UnknownLanguage)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
