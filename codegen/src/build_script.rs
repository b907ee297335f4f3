//! Generation in a `build.rs`: one call that reads the manifest and the schemas and writes to `OUT_DIR`.
//!
//! The `main` of a `build.rs` calls [`build`], and the library has
//!
//! ```ignore
//! include!(concat!(env!("OUT_DIR"), "/generated/mod.rs"));
//! ```

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use fleetops_avro::diagnostic::{self, Diagnostic};
use fleetops_avro::source::{Place, Source, Span};
use fleetops_avro::{SchemaSet, Severity};

use crate::manifest::{FILE_NAME, Manifest};
use crate::{Options, generate, load, write};

/// Generates from `fleetops-registry.toml` in the package's folder to `OUT_DIR/generated/mod.rs`.
///
/// Cargo is told to run the build script again when the manifest or anything in the schema folders changes, new files
/// included. Warnings become `cargo::warning`s. An error ends the build: it is printed with file, line, column and a caret,
/// and the process exits with status 1.
pub fn build() {
    Build::new().run();
}

/// The same with settings.
#[derive(Clone, Debug)]
#[must_use = "nothing is generated until `run` is called"]
pub struct Build {
    manifest: Option<PathBuf>,
    schemas: Vec<PathBuf>,
    folder: String,
    templates: Option<PathBuf>,
    options: Options,
}

impl Default for Build {
    fn default() -> Self {
        Self::new()
    }
}

impl Build {
    /// What [`build`] does.
    pub fn new() -> Self {
        Self {
            manifest: Some(PathBuf::from(FILE_NAME)),
            schemas: Vec::new(),
            folder: "generated".to_owned(),
            templates: None,
            options: Options::default(),
        }
    }

    /// Another manifest; a relative path starts at the package's folder.
    pub fn manifest(mut self, path: impl Into<PathBuf>) -> Self {
        self.manifest = Some(path.into());
        self
    }

    /// Schemas alone, without a manifest: types and codec, no topics. May be called for several files or folders.
    pub fn schemas(mut self, path: impl Into<PathBuf>) -> Self {
        self.manifest = None;
        self.schemas.push(path.into());
        self
    }

    /// The folder below `OUT_DIR`. Default: `generated`.
    pub fn folder(mut self, name: impl Into<String>) -> Self {
        self.folder = name.into();
        self
    }

    /// A folder with templates that replace built-in ones.
    pub fn templates(mut self, path: impl Into<PathBuf>) -> Self {
        self.templates = Some(path.into());
        self
    }

    /// How code is generated.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Generates, or ends the process with status 1.
    pub fn run(self) {
        let mut lines = Vec::new();
        let result = self.generate(&mut lines);
        let mut out = io::stdout().lock();
        for line in &lines {
            // Cargo reads this; if it does not, there is nobody to tell.
            let _ = writeln!(out, "{line}");
        }
        let _ = out.flush();
        if let Err(found) = result {
            let mut err = io::stderr().lock();
            for diagnostic in &found {
                let _ = writeln!(err, "{}", diagnostic::render(diagnostic, false).trim_end());
                let _ = writeln!(err);
            }
            let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
            let _ = writeln!(
                err,
                "no code was generated: {errors} error{}",
                if errors == 1 { "" } else { "s" }
            );
            drop(err);
            process::exit(1);
        }
    }

    /// The work. `lines` is what Cargo is told, also where it fails: a mended file must run the script again.
    fn generate(mut self, lines: &mut Vec<String>) -> Result<(), Vec<Diagnostic>> {
        let watch = |path: &Path| format!("cargo::rerun-if-changed={}", path.display());
        let manifest = match &self.manifest {
            Some(path) => {
                lines.push(watch(path));
                Some(Manifest::load(path)?)
            }
            None => None,
        };
        let folder = self.templates.take().or_else(|| manifest.as_ref()?.templates());
        if let Some(folder) = &folder {
            lines.push(watch(folder));
            self.options.read_templates(folder)?;
        }
        let roots = match &manifest {
            Some(manifest) => manifest.schema_roots(),
            None => self.schemas.iter().cloned().map(load::Root::from).collect(),
        };
        // A folder counts as changed when anything in it does, so new files are seen.
        lines.extend(roots.iter().map(|root| watch(&root.path)));
        let sources = load::read_roots(&roots)?;
        let schemas = SchemaSet::parse(&sources).map_err(|e| e.diagnostics)?;
        let output = generate(&schemas, manifest.as_ref(), &self.options)?;
        lines.extend(output.warnings.iter().map(warning));
        let Some(out_dir) = env::var_os("OUT_DIR") else {
            return Err(vec![nowhere(
                "OUT_DIR is not set",
                "call this from a build script",
            )]);
        };
        let folder = Path::new(&out_dir).join(&self.folder);
        write(&output, &folder)
            .map_err(|e| vec![nowhere(&e.to_string(), "make room, or make the folder writable")])?;
        Ok(())
    }
}

/// A fault that is in no file.
fn nowhere(message: &str, help: &str) -> Diagnostic {
    let place = Place::new(&Source::new("build.rs", ""), Span::default());
    Diagnostic::error("cannot-write", place, message, "").help(help)
}

/// A warning on one line, as Cargo takes it.
fn warning(diagnostic: &Diagnostic) -> String {
    let mut line = format!(
        "cargo::warning={}: {} [{}]",
        diagnostic.primary.place, diagnostic.message, diagnostic.rule
    );
    if let Some(help) = &diagnostic.help {
        line.push_str("; ");
        line.push_str(help);
    }
    line.replace(['\n', '\r'], " ")
}
