//! The command tree as users see it: every command's `--help` shows how it is called.
//!
//! A sub-command without a text of its own takes the lines of its parent's examples that are about it, so that each example
//! is written once.

use clap::{Command, CommandFactory};

use super::Cli;

/// The whole tree.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let name = command.get_name().to_owned();
    with_examples(command, &name, &[])
}

fn with_examples(mut command: Command, path: &str, above: &[String]) -> Command {
    if command.get_after_help().is_none() {
        let call = |line: &&String| called(line, path);
        let mine: Vec<&str> = above.iter().filter(call).map(String::as_str).collect();
        if !mine.is_empty() {
            command = command.after_help(format!("Examples:\n{}", mine.join("\n")));
        }
    }
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut lines: Vec<String> = help.lines().map(str::to_owned).collect();
    lines.extend(above.iter().cloned());
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(name, |sub| with_examples(sub, &path, &lines));
    }
    command
}

/// Whether a line of help calls the command of that path.
fn called(line: &str, path: &str) -> bool {
    line.split_once(path)
        .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with([' ', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command with its path, leaves and groups.
    fn all() -> Vec<(String, Command)> {
        let mut all = Vec::new();
        let mut open = vec![("fleetops-registry".to_owned(), command())];
        while let Some((path, command)) = open.pop() {
            for sub in command.get_subcommands() {
                open.push((format!("{path} {}", sub.get_name()), sub.clone()));
            }
            all.push((path, command));
        }
        all
    }

    #[test]
    fn every_command_has_an_example_and_a_description() {
        let all = all();
        assert!(all.len() > 30, "{}", all.len());
        for (path, command) in all {
            assert!(command.get_about().is_some(), "{path} says what it does");
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            if path == "fleetops-registry" {
                assert!(help.contains("Exit codes"), "{help}");
                continue;
            }
            assert!(help.contains("Example"), "{path} --help has an example:\n{help}");
            assert!(
                help.lines().any(|line| line.contains(&path)),
                "{path} is called in its example:\n{help}"
            );
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let id = argument.get_id();
                assert!(argument.get_help().is_some(), "{path}: {id} is explained");
            }
        }
    }

    /// Examples are run by users as they stand: their options must exist.
    #[test]
    fn examples_are_taken_by_the_parser() {
        let mut seen = 0;
        for (path, command_of_help) in all() {
            let help = command_of_help
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            for line in help.lines().filter(|line| line.starts_with("  ")) {
                for call in calls(line) {
                    let words = shell_words(&call);
                    let result = command().try_get_matches_from(&words);
                    if let Err(error) = result {
                        panic!("{path}: {call}\n{error}");
                    }
                    seen += 1;
                }
            }
        }
        assert!(seen > 60, "{seen}");
    }

    /// The calls of the program in a line, without what a shell does with them and without the words behind two blanks.
    fn calls(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        for part in line.split('|') {
            let Some(at) = part.find("fleetops-registry ") else {
                continue;
            };
            let call = part.get(at..).unwrap_or_default();
            let call = call.split("  ").next().unwrap_or_default();
            if !call.contains("...") {
                found.push(call.to_owned());
            }
        }
        found
    }

    /// Words as a shell takes them, up to a redirection or the end of the command.
    fn shell_words(call: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for c in call.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, '<' | '>' | ';' | '&') => break,
                (None, ' ') => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }
}
