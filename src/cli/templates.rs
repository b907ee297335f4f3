//! `templates`: what the code is laid out by, to be replaced or added to.

use std::fs;
use std::path::PathBuf;

use fleetops_codegen::{Options, Template, VIEW_MODEL, generate, manifest, package, templates};
use serde_json::json;

use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry templates list
  fleetops-registry templates export --out templates record enum      copies to start from
  fleetops-registry templates export --out templates record_items     a slot: an addition, and nothing to keep up to date
  fleetops-registry templates check --templates templates             for CI: they render, and what they yield is Rust
  fleetops-registry templates schema                                  what templates see, as JSON Schema

`generate --templates DIR`, or `templates = \"DIR\"` in [generate] of the manifest, uses what is in the folder;
what is not there is built in. `generate --dump-context` shows what each template is given.";

/// List, copy and check the templates of generated code
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The templates and slots there are, and which of them a folder replaces
    List(Folder),
    /// Copy templates to a folder; all of them where none is named
    Export(Export),
    /// Whether a folder's templates render and yield what they should, for the schemas at hand
    Check(Folder),
    /// What templates see, as JSON Schema
    Schema,
}

#[derive(Debug, clap::Args)]
struct Folder {
    /// The folder with templates [default: `templates` in [generate] of the manifest]
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Replace files that are there
    #[arg(long)]
    force: bool,

    /// Templates or slots, such as `record`
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    match args.command {
        Command::List(folder) => list(global, folder),
        Command::Export(export) => copy(global, &export),
        Command::Check(folder) => check(global, folder),
        Command::Schema => {
            global.format(&[Format::Json])?;
            global.result(VIEW_MODEL)?;
            Ok(Outcome::Clean)
        }
    }
}

fn list(global: &Global, folder: Folder) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let folder = match folder.templates {
        Some(folder) => Some(folder),
        // There may be no manifest; then there is no folder either.
        None => global.load_manifest().ok().flatten().and_then(|m| m.templates()),
    };
    let mut text = String::new();
    for template in templates() {
        let path = folder
            .as_ref()
            .map(|f| f.join(template.file))
            .filter(|p| p.is_file());
        let from = match (&path, template.is_slot) {
            (Some(path), _) => path.display().to_string(),
            (None, true) => "empty".to_owned(),
            (None, false) => "built in".to_owned(),
        };
        if format == Format::Json {
            let row = json!({
                "name": template.name,
                "file": template.file,
                "kind": if template.is_slot { "slot" } else { "template" },
                "about": template.about,
                "override": path.map(|p| p.display().to_string()),
            });
            text.push_str(&format!("{row}\n"));
        } else {
            let kind = if template.is_slot { "slot" } else { "template" };
            text.push_str(&format!(
                "{:<18} {kind:<9} {from:<9} {}\n",
                template.name, template.about
            ));
        }
    }
    global.result(&text)?;
    Ok(Outcome::Clean)
}

fn named(name: &str) -> Result<&'static Template, CliError> {
    let wanted = name.strip_suffix(".hbs").unwrap_or(name);
    if let Some(template) = templates().iter().find(|t| t.name == wanted) {
        return Ok(template);
    }
    let names = || templates().iter().map(|t| t.name);
    let error = CliError::usage(format!("{name} is the name of no template"));
    Err(match manifest::nearest(wanted, names()) {
        Some(near) => error.with_help(format!("did you mean {near}?")),
        None => error.with_help(format!("there are: {}", names().collect::<Vec<_>>().join(", "))),
    })
}

fn copy(global: &Global, export: &Export) -> Result<Outcome, CliError> {
    global.format(&[Format::Text])?;
    let wanted: Vec<&Template> = match export.names.is_empty() {
        // A copy of everything: the slots are in the templates, and empty.
        true => templates().iter().filter(|t| !t.is_slot).collect(),
        false => export
            .names
            .iter()
            .map(|name| named(name))
            .collect::<Result<_, _>>()?,
    };
    let shown = |path: &PathBuf| path.display().to_string();
    let there = wanted
        .iter()
        .map(|t| export.out.join(t.file))
        .find(|path| path.exists());
    if let Some(path) = there.filter(|_| !export.force) {
        return Err(CliError::usage(format!("{} is there already", path.display()))
            .with_help("--force replaces it; changes made to it are lost"));
    }
    fs::create_dir_all(&export.out).map_err(|e| CliError::output(shown(&export.out), e))?;
    for template in wanted {
        let path = export.out.join(template.file);
        fs::write(&path, template.text).map_err(|e| CliError::output(shown(&path), e))?;
        global.result(&format!("wrote {}\n", path.display()))?;
    }
    Ok(Outcome::Clean)
}

fn check(global: &Global, folder: Folder) -> Result<Outcome, CliError> {
    let format = global.format(&Format::FINDINGS)?;
    report::or_unreadable(global, format, |global| check_in(folder, global, format))
}

fn check_in(folder: Folder, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let project = global.load()?;
    let of_manifest = || project.manifest.as_ref().and_then(|m| m.templates());
    let Some(folder) = folder.templates.or_else(of_manifest) else {
        return Err(CliError::usage("say which templates: --templates DIR")
            .with_help("or `templates = \"DIR\"` in [generate] of the manifest"));
    };
    let mut options = Options::default();
    options.read_templates(&folder).map_err(CliError::Unreadable)?;
    let found = generate(&project.schemas, project.manifest.as_ref(), &options).and_then(|_| {
        package(
            &project.schemas,
            project.manifest.as_ref(),
            &options,
            &Default::default(),
        )
    });
    if let Err(found) = found {
        report::diagnostics(global, format, &found)?;
        return Ok(Outcome::Findings);
    }
    let same = |t: &&Template| options.templates.get(t.file).is_some_and(|s| s.text() == t.text);
    for template in templates().iter().filter(same).filter(|t| !t.is_slot) {
        global.say(&format!(
            "{} is the built-in one: remove it, and later versions of it will be used",
            folder.join(template.file).display()
        ));
    }
    global.say(&format!(
        "{} templates and slots of {} are good for {} schemas",
        options.templates.len(),
        folder.display(),
        project.schemas.files().count()
    ));
    report::diagnostics(global, format, &[])?;
    Ok(Outcome::Clean)
}
