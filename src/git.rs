//! Old versions of schemas out of git, through the `git` program.
//!
//! The program, not a library: it knows worktrees, partial clones, credential helpers and the safety checks that the user has
//! set up, and everybody who has a repository has it. Three of its commands are enough, whatever the number of files:
//! `rev-parse`, `ls-tree` and one `cat-file --batch`.

use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use fleetops_avro::Source;

/// What git could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum GitError {
    /// There is no `git` to run.
    #[error("cannot run git: {0}")]
    NoProgram(std::io::Error),
    /// The folder is in no repository, or git will not touch it.
    #[error("{folder} is in no git repository that can be read: {said}")]
    NoRepository {
        /// The folder.
        folder: String,
        /// git's words.
        said: String,
    },
    /// A revision that is not there.
    #[error("there is no revision {revision} in this repository")]
    NoRevision {
        /// As it was asked for.
        revision: String,
        /// History was cut off when the repository was cloned.
        shallow: bool,
    },
    /// Nothing says which branch is the default one.
    #[error("there is no default branch here to compare with: none of {tried} exists")]
    NoDefaultBranch {
        /// What was looked for.
        tried: String,
        /// History was cut off when the repository was cloned.
        shallow: bool,
    },
    /// The branch and HEAD share no commit that is here.
    #[error("no common ancestor of HEAD and {branch} is in this repository{}", if *.shallow { ", which is a shallow clone" } else { "" })]
    NoMergeBase {
        /// The default branch.
        branch: String,
        /// History was cut off when the repository was cloned.
        shallow: bool,
    },
    /// A path that is not in the repository's working tree.
    #[error("{path} is outside the git repository {top}")]
    Outside {
        /// The path.
        path: String,
        /// The repository's top folder.
        top: String,
    },
    /// A file that is no text.
    #[error("{name} is not UTF-8")]
    NotText {
        /// `REVISION:PATH`
        name: String,
    },
    /// A git command that failed in another way.
    #[error("`git {command}` failed: {said}")]
    Failed {
        /// The command.
        command: String,
        /// git's words.
        said: String,
    },
}

/// Fetches what a shallow clone lacks: all of history, and all branches.
const UNSHALLOW: &str = "git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'";

impl GitError {
    /// The command that mends it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::NoProgram(_) => "install git, or compare with a folder: --against PATH".to_owned(),
            Self::NoRepository { .. } => "run it in a repository, write a lock (`lock update`), or compare with the registry or a folder: \
                                           --against registry, --against PATH"
                .to_owned(),
            Self::NoRevision { shallow: true, .. }
            | Self::NoDefaultBranch { shallow: true, .. }
            | Self::NoMergeBase { shallow: true, .. } => {
                format!("fetch what the clone left out: {UNSHALLOW} (for actions/checkout: fetch-depth: 0)")
            }
            Self::NoRevision { revision, .. } => {
                format!("fetch it (`git fetch origin {revision}`, then git:FETCH_HEAD), or look for it with `git log --all --oneline`")
            }
            Self::NoDefaultBranch { .. } => {
                "say what to compare with: --against git:REF; or tell git once: git remote set-head origin --auto".to_owned()
            }
            Self::NoMergeBase { .. } => "say what to compare with: --against git:REF".to_owned(),
            Self::Outside { .. } => "compare with a folder: --against PATH".to_owned(),
            Self::NotText { .. } => "compare with another revision, or mend the file there".to_owned(),
            Self::Failed { .. } => "run the command yourself to see more, or compare with a folder: --against PATH".to_owned(),
        }
    }
}

/// A repository, by its top folder.
#[derive(Debug)]
pub(crate) struct Repository {
    top: PathBuf,
}

/// A commit to read files of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The commit's full ID.
    pub(crate) commit: String,
    /// What people call it: `origin/main`, or what they asked for.
    pub(crate) label: String,
}

impl Revision {
    /// The commit's ID, short enough to read.
    pub(crate) fn short(&self) -> &str {
        self.commit.get(..10).unwrap_or(&self.commit)
    }
}

impl Repository {
    /// The repository that `folder` is in.
    pub(crate) fn find(folder: &Path) -> Result<Self, GitError> {
        let out = git(folder, &["rev-parse", "--show-toplevel"], None)?;
        if !out.status.success() {
            return Err(GitError::NoRepository {
                folder: shown(folder),
                said: said(&out),
            });
        }
        let top = PathBuf::from(line(&out));
        let top = top.canonicalize().unwrap_or(top);
        Ok(Self { top })
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, GitError> {
        git(&self.top, arguments, None)
    }

    /// The first line a command prints; `None` where it fails.
    fn ask(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        let out = self.run(arguments)?;
        Ok(out.status.success().then(|| line(&out)).filter(|l| !l.is_empty()))
    }

    fn is_shallow(&self) -> bool {
        self.ask(&["rev-parse", "--is-shallow-repository"])
            .is_ok_and(|a| a.as_deref() == Some("true"))
    }

    fn commit(&self, revision: &str) -> Result<Option<String>, GitError> {
        let wanted = format!("{revision}^{{commit}}");
        self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted])
    }

    /// A revision by any name that git knows.
    pub(crate) fn revision(&self, name: &str) -> Result<Revision, GitError> {
        match self.commit(name)? {
            Some(commit) => Ok(Revision {
                commit,
                label: name.to_owned(),
            }),
            None => Err(GitError::NoRevision {
                revision: name.to_owned(),
                shallow: self.is_shallow(),
            }),
        }
    }

    /// The commit that is checked out.
    pub(crate) fn head(&self) -> Result<Revision, GitError> {
        self.revision("HEAD")
    }

    /// Where HEAD left the default branch: the remote's HEAD if it is known, else a branch of the usual names.
    pub(crate) fn merge_base(&self) -> Result<Revision, GitError> {
        self.head()?;
        let remote = self.ask(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])?;
        let usual = ["origin/main", "origin/master", "main", "master"].map(str::to_owned);
        let candidates: Vec<String> = remote.into_iter().chain(usual).collect();
        for branch in &candidates {
            if self.commit(branch)?.is_none() {
                continue;
            }
            return match self.ask(&["merge-base", "HEAD", branch])? {
                Some(commit) => Ok(Revision {
                    commit,
                    label: branch.clone(),
                }),
                None => Err(GitError::NoMergeBase {
                    branch: branch.clone(),
                    shallow: self.is_shallow(),
                }),
            };
        }
        Err(GitError::NoDefaultBranch {
            tried: candidates.join(", "),
            shallow: self.is_shallow(),
        })
    }

    /// A path of the working tree as git calls it: from the top, with slashes; empty for the top itself.
    pub(crate) fn relative(&self, path: &Path) -> Result<String, GitError> {
        let outside = || GitError::Outside {
            path: shown(path),
            top: shown(&self.top),
        };
        let absolute = absolute(path).map_err(|_| outside())?;
        let relative = absolute.strip_prefix(&self.top).map_err(|_| outside())?;
        let parts: Option<Vec<&str>> = relative.components().map(|c| c.as_os_str().to_str()).collect();
        parts.map(|p| p.join("/")).ok_or_else(outside)
    }

    /// The texts of the files at or below `path` that `wanted` takes, by path. Links and submodules are left out.
    pub(crate) fn read(
        &self,
        revision: &Revision,
        path: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Arc<Source>>, GitError> {
        let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", &revision.commit];
        if !path.is_empty() {
            arguments.extend(["--", path]);
        }
        let out = self.run(&arguments)?;
        if !out.status.success() {
            return Err(GitError::Failed {
                command: "ls-tree".to_owned(),
                said: said(&out),
            });
        }
        let listing = String::from_utf8_lossy(&out.stdout);
        let mut files: Vec<(String, String)> = Vec::new();
        for entry in listing.split('\0') {
            // MODE SP TYPE SP ID TAB PATH
            let Some((about, path)) = entry.split_once('\t') else {
                continue;
            };
            let mut about = about.split(' ');
            let (mode, id) = (about.next().unwrap_or(""), about.nth(1).unwrap_or(""));
            if mode.starts_with("100") && wanted(path) {
                files.push((path.to_owned(), id.to_owned()));
            }
        }
        files.sort();
        self.contents(revision, &files)
    }

    /// The text of one file; `None` where the revision has none of that path.
    pub(crate) fn read_file(&self, revision: &Revision, path: &str) -> Result<Option<Arc<Source>>, GitError> {
        Ok(self.read(revision, path, |p| p == path)?.pop())
    }

    fn contents(
        &self,
        revision: &Revision,
        files: &[(String, String)],
    ) -> Result<Vec<Arc<Source>>, GitError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let mut asked = String::new();
        for (_, id) in files {
            asked.push_str(id);
            asked.push('\n');
        }
        let out = git(&self.top, &["cat-file", "--batch"], Some(asked))?;
        let failed = |why: &str| GitError::Failed {
            command: "cat-file --batch".to_owned(),
            said: format!("{why} {}", said(&out)).trim().to_owned(),
        };
        let mut rest = out.stdout.as_slice();
        let mut sources = Vec::with_capacity(files.len());
        for (path, _) in files {
            // ID SP TYPE SP SIZE LF CONTENT LF
            let end = rest
                .iter()
                .position(|b| *b == b'\n')
                .ok_or_else(|| failed("its output ends early."))?;
            let (header, after) = rest.split_at(end);
            let size = std::str::from_utf8(header)
                .ok()
                .and_then(|h| h.rsplit(' ').next()?.parse::<usize>().ok());
            let size = size.ok_or_else(|| failed(&format!("{path} is missing.")))?;
            let content = after
                .get(1..1 + size)
                .ok_or_else(|| failed("its output ends early."))?;
            rest = after.get(2 + size..).unwrap_or_default();
            let name = format!("{}:{path}", revision.short());
            let text = std::str::from_utf8(content).map_err(|_| GitError::NotText { name: name.clone() })?;
            sources.push(Source::new(name, text));
        }
        Ok(sources)
    }
}

fn shown(path: &Path) -> String {
    match path.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => path.display().to_string(),
    }
}

fn line(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn said(out: &Output) -> String {
    let text = String::from_utf8_lossy(&out.stderr);
    text.trim().lines().collect::<Vec<_>>().join("; ")
}

/// Runs git in a folder, in English, with `input` as its standard input.
fn git(folder: &Path, arguments: &[&str], input: Option<String>) -> Result<Output, GitError> {
    let mut command = Command::new("git");
    if !folder.as_os_str().is_empty() {
        command.arg("-C").arg(folder);
    }
    command
        .args(arguments)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0");
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(GitError::NoProgram)?;
    // A thread feeds it: git answers while it is being asked, and a full pipe on either side would stop both.
    let feeder = child.stdin.take().zip(input).map(|(mut pipe, input)| {
        std::thread::spawn(move || {
            // A git that ends early says why on standard error.
            let _ = pipe.write_all(input.as_bytes());
        })
    });
    let out = child.wait_with_output().map_err(GitError::NoProgram)?;
    if let Some(feeder) = feeder {
        let _ = feeder.join();
    }
    Ok(out)
}

/// An absolute path without `.`, `..` and links, as far as it exists.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut known = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                known.pop();
            }
            Component::CurDir => {}
            part => {
                known.push(part);
                if let Ok(real) = known.canonicalize() {
                    known = real;
                }
            }
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &Path, arguments: &[&str]) {
        let settings = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "init.defaultBranch=main",
        ];
        let all: Vec<&str> = settings.into_iter().chain(arguments.iter().copied()).collect();
        let out = git(folder, &all, None).unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", said(&out));
    }

    fn repository() -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &["init", "-q", "-b", "main"]);
        std::fs::create_dir_all(folder.path().join("s p/deep")).unwrap();
        std::fs::write(folder.path().join("s p/a.avsc"), "old ä").unwrap();
        std::fs::write(folder.path().join("s p/deep/ü*.avsc"), "").unwrap();
        std::fs::write(folder.path().join("s p/x.txt"), "x").unwrap();
        run(folder.path(), &["add", "-A"]);
        run(folder.path(), &["commit", "-q", "-m", "one"]);
        let found = Repository::find(&folder.path().join("s p")).unwrap();
        (folder, found)
    }

    #[test]
    fn files_of_a_revision_are_read_whatever_their_names() {
        let (folder, repository) = repository();
        run(folder.path(), &["checkout", "-q", "-b", "feature"]);
        std::fs::write(folder.path().join("s p/a.avsc"), "new").unwrap();
        run(folder.path(), &["commit", "-q", "-a", "-m", "two"]);
        let base = repository.merge_base().unwrap();
        assert_eq!(base.label, "main");
        assert_ne!(base.commit, repository.head().unwrap().commit);
        let path = repository.relative(&folder.path().join("s p/deep/..")).unwrap();
        assert_eq!(path, "s p");
        let read = repository.read(&base, &path, |p| p.ends_with(".avsc")).unwrap();
        let seen: Vec<_> = read
            .iter()
            .map(|s| (s.name().to_owned(), s.text().to_owned()))
            .collect();
        let short = base.short();
        let wanted = [
            (format!("{short}:s p/a.avsc"), "old ä".to_owned()),
            (format!("{short}:s p/deep/ü*.avsc"), String::new()),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(
            repository.read_file(&base, "s p/a.avsc").unwrap().unwrap().text(),
            "old ä"
        );
        assert_eq!(repository.read_file(&base, "nothing").unwrap(), None);
        assert_eq!(repository.read(&base, "", |_| true).unwrap().len(), 3);
    }

    #[test]
    fn what_is_not_there_is_told_with_the_command_that_mends_it() {
        let nowhere = tempfile::tempdir().unwrap();
        let error = Repository::find(nowhere.path()).unwrap_err();
        assert!(matches!(error, GitError::NoRepository { .. }), "{error}");
        run(nowhere.path(), &["init", "-q", "-b", "main"]);
        let empty = Repository::find(nowhere.path()).unwrap();
        assert!(matches!(
            empty.merge_base().unwrap_err(),
            GitError::NoRevision { .. }
        ));

        let (folder, repository) = repository();
        let error = repository.revision("no-such").unwrap_err();
        assert!(
            matches!(error, GitError::NoRevision { shallow: false, .. }),
            "{error}"
        );
        let error = repository.revision("--help").unwrap_err();
        assert!(
            matches!(error, GitError::NoRevision { .. }),
            "an option is not a revision: {error}"
        );
        let error = repository.relative(nowhere.path()).unwrap_err();
        assert!(matches!(error, GitError::Outside { .. }), "{error}");
        run(folder.path(), &["branch", "-q", "-m", "trunk"]);
        let error = repository.merge_base().unwrap_err();
        assert!(
            matches!(error, GitError::NoDefaultBranch { shallow: false, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_shallow_clone_without_the_base_is_an_error_that_unshallowing_mends() {
        let (folder, _) = repository();
        run(folder.path(), &["checkout", "-q", "-b", "feature"]);
        for n in 0..3 {
            std::fs::write(folder.path().join("n"), n.to_string()).unwrap();
            run(folder.path(), &["add", "n"]);
            run(folder.path(), &["commit", "-q", "-m", "more"]);
        }
        run(folder.path(), &["checkout", "-q", "main"]);
        let clone = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().display());
        let to = clone.path().to_str().unwrap();
        run(
            clone.path(),
            &["clone", "-q", "--depth", "1", "--branch", "feature", &url, to],
        );
        let repository = Repository::find(clone.path()).unwrap();
        let error = repository.merge_base().unwrap_err();
        assert!(
            matches!(error, GitError::NoDefaultBranch { shallow: true, .. }),
            "{error}"
        );
        run(
            clone.path(),
            &[
                "fetch",
                "-q",
                "--depth",
                "1",
                "origin",
                "main:refs/remotes/origin/main",
            ],
        );
        let error = repository.merge_base().unwrap_err();
        assert!(
            matches!(error, GitError::NoMergeBase { shallow: true, .. }),
            "{error}"
        );
        let help = error.help();
        let command = &help[help.find("git fetch").unwrap()..help.find(" (for").unwrap()];
        let out = Command::new("sh")
            .arg("-c")
            .arg(command)
            .current_dir(clone.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", said(&out));
        assert_eq!(repository.merge_base().unwrap().label, "origin/main");
    }
}
