//! `generate`: the code as files, or as a package; and whether what is there is still it.

use std::path::{Component, Path, PathBuf};

use fleetops_avro::Diagnostic;
use fleetops_avro::source::{Place, Source, Span};
use fleetops_codegen::{Difference, Gate, Options, Output, OutputError, Package, RuntimeSource};

use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry generate --out src/events                  mod.rs and a file per namespace
  fleetops-registry generate --crate ../events --runtime ../fleetops-registry/runtime
  fleetops-registry generate --out src/events --check          for CI: exit 1 if it is out of date
  fleetops-registry generate --out src/events --check --format junit
  fleetops-registry generate --schemas old.avsc --out src/old --no-kafka
  fleetops-registry generate --dump-context > contexts.jsonl   what templates are given

Only files that change are written. A file that an earlier run generated and this one does not is removed.";

/// Generate Rust code from schemas and manifest
#[derive(Debug, clap::Args)]
#[command(after_help = HELP, group = clap::ArgGroup::new("where"))]
pub(crate) struct Args {
    /// Write modules to this folder
    #[arg(long, value_name = "DIR", group = "where")]
    out: Option<PathBuf>,

    /// Write a package to this folder
    #[arg(long = "crate", value_name = "DIR", group = "where")]
    package: Option<PathBuf>,

    /// The package's name [default: the folder's]
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    name: Option<String>,

    /// Build the package against this copy of the runtime instead of the published one
    #[arg(long, value_name = "PATH", conflicts_with = "out")]
    runtime: Option<PathBuf>,

    /// Leave out producers and consumers
    #[arg(long, conflicts_with = "package")]
    no_kafka: bool,

    /// Take templates of this folder in place of the built-in ones of the same names
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,

    /// Leave out serde's derives: no JSON, and less to compile
    #[arg(long, conflicts_with = "package")]
    no_serde: bool,

    /// Write nothing, and print what each template is given: one JSON object {"template","subject","context"} a line
    #[arg(long, conflicts_with = "check")]
    dump_context: bool,

    /// Only compare with the files there are
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = match args.check {
        true => global.format(&Format::FINDINGS)?,
        false => global.format(&[Format::Text])?,
    };
    report::or_unreadable(global, format, |global| generate(args, global, format))
}

fn generate(args: Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let project = global.read()?;
    let mut options = Options::default();
    if args.no_kafka {
        options.kafka = Gate::Never;
    }
    if args.no_serde {
        options.serde = Gate::Never;
    }
    options.contexts = args.dump_context;
    let of_manifest = || project.manifest.as_ref().and_then(|m| m.templates());
    if let Some(folder) = args.templates.clone().or_else(of_manifest) {
        let folder = &folder;
        options.read_templates(folder).map_err(CliError::Unreadable)?;
    }
    let manifest = project.manifest.as_ref();
    let (output, folder) = match (args.out, args.package) {
        (Some(folder), _) => (
            fleetops_codegen::generate(&project.schemas, manifest, &options),
            folder,
        ),
        (None, Some(folder)) => {
            let package = package(&folder, args.name, args.runtime)?;
            (
                fleetops_codegen::package(&project.schemas, manifest, &options, &package),
                folder,
            )
        }
        (None, None) if args.dump_context => (
            fleetops_codegen::generate(&project.schemas, manifest, &options),
            PathBuf::new(),
        ),
        (None, None) => return Err(CliError::usage("say where to: --out <DIR> or --crate <DIR>")),
    };
    let output = output.map_err(CliError::Unreadable)?;
    report::warnings(global, &output.warnings);
    if args.dump_context {
        for context in &output.contexts {
            global.result(&format!("{}\n", serde_json::json!(context)))?;
        }
        return Ok(Outcome::Clean);
    }
    if args.check {
        return check(global, format, &output, &folder);
    }
    let written = fleetops_codegen::write(&output, &folder).map_err(failed)?;
    for path in &written.written {
        global.result(&format!("wrote {}\n", path.display()))?;
    }
    for path in &written.removed {
        global.result(&format!("removed {}\n", path.display()))?;
    }
    global.say(&format!(
        "{} written, {} removed, {} unchanged",
        written.written.len(),
        written.removed.len(),
        written.unchanged
    ));
    Ok(Outcome::Clean)
}

fn failed(error: OutputError) -> CliError {
    CliError::output(
        format!("{} ({})", error.path.display(), error.action),
        error.source,
    )
}

fn package(folder: &Path, name: Option<String>, runtime: Option<PathBuf>) -> Result<Package, CliError> {
    let mut package = Package::default();
    let absolute = lexical(folder)?;
    let of_folder = absolute.file_name().and_then(|n| n.to_str()).map(str::to_owned);
    if let Some(name) = &name {
        if !is_package_name(name) {
            return Err(CliError::usage(format!("{name:?} cannot be a package's name"))
                .with_help("letters, digits, `-` and `_`, starting with a letter"));
        }
        package.name.clone_from(name);
    } else if let Some(name) = of_folder.filter(|n| is_package_name(n)) {
        package.name = name;
    }
    if let Some(path) = runtime {
        if !path.join("Cargo.toml").is_file() {
            let shown = path.display();
            return Err(
                CliError::usage(format!("{shown} is no copy of the runtime: it has no Cargo.toml"))
                    .with_help("--runtime takes the folder `runtime` of the fleetops-registry repository"),
            );
        }
        // A relative path stays one, so that both folders can move together; Cargo reads it from the package.
        let path = if path.is_absolute() {
            path
        } else {
            from_to(&absolute, &lexical(&path)?)
        };
        package.runtime = RuntimeSource::Path(path);
    }
    Ok(package)
}

fn is_package_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// An absolute path without `.` and `..`.
fn lexical(path: &Path) -> Result<PathBuf, CliError> {
    let absolute = std::path::absolute(path).map_err(|e| CliError::output(path.display().to_string(), e))?;
    let mut out = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    Ok(out)
}

/// The relative path from one folder to another.
fn from_to(from: &Path, to: &Path) -> PathBuf {
    let same = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(same).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(same)).collect();
    if path.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        path
    }
}

fn check(global: &Global, format: Format, output: &Output, folder: &Path) -> Result<Outcome, CliError> {
    let differences = fleetops_codegen::compare(output, folder).map_err(failed)?;
    if differences.is_empty() {
        global.say(&format!(
            "{} is up to date ({} files)",
            folder.display(),
            output.files.len()
        ));
        report::diagnostics(global, format, &[])?;
        return Ok(Outcome::Clean);
    }
    let found: Vec<Diagnostic> = differences
        .iter()
        .map(|difference| {
            let (path, what) = match difference {
                Difference::Missing(path) => (path, "is missing"),
                Difference::Changed(path) => (path, "is not what would be generated"),
                Difference::Stale(path) => (path, "would no longer be generated"),
            };
            let name = path.display().to_string();
            let place = Place::new(&Source::new(name.as_str(), ""), Span::default());
            Diagnostic::error("stale-output", place, format!("{name} {what}"), "")
                .help("run the same command without --check, and commit what it writes")
        })
        .collect();
    report::diagnostics(global, format, &found)?;
    Ok(Outcome::Findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_lead_from_the_package_to_the_runtime() {
        for (from, to, path) in [
            ("/a/b/events", "/a/b/runtime", "../runtime"),
            ("/a/events", "/a/x/runtime", "../x/runtime"),
            ("/a", "/a/runtime", "runtime"),
            ("/a", "/a", "."),
        ] {
            assert_eq!(from_to(Path::new(from), Path::new(to)), Path::new(path));
        }
    }

    #[test]
    fn names_of_packages() {
        assert!(is_package_name("fleet-events_2"));
        assert!(
            !is_package_name("2x")
                && !is_package_name("")
                && !is_package_name("a b")
                && !is_package_name(".x")
        );
    }
}
