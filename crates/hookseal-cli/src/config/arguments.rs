//! The flags of `serve`, made from the registry.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::settings::{Kind, SETTINGS, Setting};

/// The flags that were given, as they were written. What they mean is told later, together with the other sources.
#[derive(Clone, Default)]
pub(crate) struct ServeArgs {
    values: BTreeMap<&'static str, Vec<String>>,
}

impl ServeArgs {
    /// The values of a setting's flag; empty where it was not given.
    pub(super) fn values(&self, setting: &Setting) -> &[String] {
        self.values.get(setting.key).map_or(&[], Vec::as_slice)
    }

    /// These flags, and one more.
    #[cfg(test)]
    pub(super) fn with(mut self, setting: &Setting, value: &str) -> Self {
        self.values.entry(setting.key).or_default().push(value.to_owned());
        self
    }
}

impl Args for ServeArgs {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| command.arg(argument(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = Self::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in SETTINGS {
            if let Some(values) = matches.get_many::<String>(setting.key) {
                self.values.insert(setting.key, values.cloned().collect());
            }
        }
        Ok(())
    }
}

fn argument(setting: &Setting) -> Arg {
    let help = format!("{} [default: {}] [env: {}]", setting.doc, setting.default, setting.variable);
    let arg = Arg::new(setting.key);
    let arg = if setting.kind == Kind::Boolean {
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        arg
    };
    arg.long(setting.flag)
        .value_name(setting.value)
        .allow_hyphen_values(true)
        .action(if setting.kind == Kind::Texts { ArgAction::Append } else { ArgAction::Set })
        .help(help)
}
