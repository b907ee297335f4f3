//! When every file is read: references get their targets, and what needs all of them is checked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::parse::build::{BROKEN, Builder, Forward, Target, target};
use crate::parse::suggest::{nearest_type, synonym};
use crate::parse::{MAX_FINDINGS, MAX_NESTING, ParseError, ParseMode, defaults};
use crate::schema::{Inner, Kind, Node, SchemaSet, TypeId};
use crate::source::{Place, Source};

/// Steps of the walk that finds Java's order; a schema that needs more is not worth the wait.
const MAX_STEPS: usize = 5_000_000;

/// Errors for which a similar name is looked for among all that there are.
const MAX_SUGGESTIONS: usize = 50;

impl Builder {
    pub(crate) fn finish(
        mut self,
        sources: &[Arc<Source>],
        roots: &[Option<TypeId>],
    ) -> Result<SchemaSet, ParseError> {
        self.resolve();
        self.report_too_early();
        if self.errors.list.is_empty() {
            self.recheck_defaults();
        }
        self.patch();
        let resolved = |id: TypeId, forwards: &[Forward]| match target(id) {
            Target::Forward(index) => forwards.get(index).map_or(id, |f| f.target),
            _ => id,
        };
        let open = std::mem::take(&mut self.open_unions);
        for (union, spans) in &open {
            self.check_branches(*union, spans.iter().copied());
        }
        let mut files = Vec::with_capacity(sources.len());
        for (source, root) in sources.iter().zip(roots) {
            if let Some(root) = root {
                files.push((Arc::clone(source), resolved(*root, &self.forwards)));
            }
        }
        if self.errors.list.is_empty() {
            self.check_nesting(&files);
        }
        sort(&mut self.errors.list, sources);
        sort(&mut self.warnings.list, sources);
        if !self.errors.list.is_empty() {
            return Err(ParseError {
                diagnostics: self.errors.list,
            });
        }
        let named: BTreeMap<_, _> = self
            .defined
            .iter()
            .filter_map(|id| Some((self.nodes[id.index()].name()?.clone(), *id)))
            .collect();
        Ok(SchemaSet {
            inner: Arc::new(Inner {
                nodes: self.nodes,
                named,
                files,
                warnings: self.warnings.list,
            }),
        })
    }

    /// References to names defined further down or in later files: by full name alone.
    fn resolve(&mut self) {
        for index in 0..self.forwards.len() {
            let forward = &self.forwards[index];
            if let Some(&id) = self.names.get(&*forward.full) {
                self.forwards[index].target = id;
                continue;
            }
            if self.errors.list.len() >= MAX_FINDINGS {
                continue;
            }
            // A file that could not be read may well define it.
            let simple = forward.written.rsplit('.').next().unwrap_or_default();
            if self.unread.iter().any(|source| source.text().contains(simple)) {
                continue;
            }
            let diagnostic = self.unknown_type(forward);
            self.errors.add(diagnostic);
        }
    }

    fn report_too_early(&mut self) {
        for (forward, diagnostic) in std::mem::take(&mut self.too_early) {
            if self.forwards.get(forward).is_some_and(|f| f.target != BROKEN) {
                self.errors.add(diagnostic);
            }
        }
    }

    fn unknown_type(&self, forward: &Forward) -> Diagnostic {
        let Forward {
            written, full, place, ..
        } = forward;
        let diagnostic = Diagnostic::error(
            "unknown-type",
            place.clone(),
            format!("`{full}` is not defined"),
            "unknown type",
        );
        if let Some(avro) = synonym(written).filter(|_| !self.names.contains_key(&**written)) {
            return diagnostic.help(format!("in Avro this is {avro}"));
        }
        let most = if self.errors.list.len() < MAX_SUGGESTIONS {
            usize::MAX
        } else {
            0
        };
        let known = self.names.keys().map(String::as_str).take(most);
        match nearest_type(written, full, known) {
            Some(near) if near == &**written => {
                // It is there, in no namespace, but after this place.
                let definition = self.names.get(near).map(|id| definition(&self.nodes[id.index()]));
                let diagnostic = match definition {
                    Some(place) => diagnostic.related(place, "this one is in no namespace"),
                    None => diagnostic,
                };
                diagnostic.help(format!(
                    "define `{near}` before this place, or put it into the same namespace: a type without a namespace is found from within one only once it is defined"
                ))
            }
            Some(near) => {
                let place = self.names.get(near).map(|id| definition(&self.nodes[id.index()]));
                let diagnostic = match place {
                    Some(place) => diagnostic.related(place, "a type of a similar name"),
                    None => diagnostic,
                };
                diagnostic.help(format!("did you mean \"{near}\"?"))
            }
            None if written.starts_with('.') => diagnostic.help(format!(
                "a reference does not start with a dot: write \"{}\"",
                written.trim_start_matches('.')
            )),
            None => diagnostic.help(format!(
                "define `{full}` in this file, or name the file that does as well"
            )),
        }
    }

    fn patch(&mut self) {
        let forwards = &self.forwards;
        let patch = |id: &mut TypeId| {
            if let Target::Forward(index) = target(*id)
                && let Some(forward) = forwards.get(index)
            {
                *id = forward.target;
            }
        };
        for node in &mut self.nodes {
            match &mut node.kind {
                Kind::Array(inner) | Kind::Map(inner) => patch(inner),
                Kind::Union(branches) => branches.iter_mut().for_each(patch),
                Kind::Record(record) => record.fields.iter_mut().for_each(|f| patch(&mut f.ty)),
                _ => {}
            }
        }
    }

    /// Defaults that stand for records, with everything known. Without a reference to a later definition there is
    /// nothing new to know.
    fn recheck_defaults(&mut self) {
        if self.mode == ParseMode::Lenient || self.forwards.is_empty() || self.rechecks.is_empty() {
            return;
        }
        let Some(finished) = self.java_order() else {
            return;
        };
        let rechecks = std::mem::take(&mut self.rechecks);
        for recheck in rechecks {
            let Some(&now) = finished.get(&recheck.record) else {
                continue;
            };
            let node = &self.nodes[recheck.record.index()];
            let Kind::Record(record) = &node.kind else {
                continue;
            };
            let Some(field) = record.fields.get(recheck.field) else {
                continue;
            };
            let Some(default) = &field.default else { continue };
            let mut check = defaults::Check::new(
                &self.nodes,
                &self.forwards,
                Some((&finished, now)),
                &mut self.fuel,
            );
            if let Err(mismatch) = check.field(field.ty, default) {
                self.errors.add(mismatch.diagnostic(
                    &field.name,
                    default,
                    &node.place.source,
                    field.type_span,
                ));
            }
        }
    }

    /// The order in which Java's `ResolvingVisitor` sets the fields of records. It visits each definition with a
    /// memory of its own, and where it meets a reference it has not resolved, it visits the target at once, anew.
    fn java_order(&self) -> Option<HashMap<TypeId, usize>> {
        enum Step {
            Visit(TypeId),
            After(TypeId),
            /// The nested visit for a reference is over.
            Resolved(usize),
        }
        let mut finished: HashMap<TypeId, usize> = HashMap::new();
        let mut begun: HashSet<TypeId> = HashSet::new();
        let mut resolved = vec![false; self.forwards.len()];
        let mut steps = 0;
        for &start in &self.defined {
            let mut visited: Vec<HashSet<TypeId>> = vec![HashSet::new()];
            let mut stack = vec![Step::Visit(start)];
            while let Some(step) = stack.pop() {
                steps += 1;
                if steps > MAX_STEPS {
                    return None;
                }
                match step {
                    Step::After(id) => {
                        let next = finished.len();
                        finished.entry(id).or_insert(next);
                    }
                    Step::Resolved(index) => {
                        visited.pop();
                        resolved[index] = true;
                    }
                    Step::Visit(id) => {
                        let id = match target(id) {
                            Target::Known(id) => id,
                            Target::Broken => continue,
                            Target::Forward(index) => {
                                let id = self.forwards[index].target;
                                if !resolved[index] && !begun.contains(&id) {
                                    begun.insert(id);
                                    visited.push(HashSet::new());
                                    stack.push(Step::Resolved(index));
                                    stack.push(Step::Visit(id));
                                } else {
                                    resolved[index] = true;
                                }
                                continue;
                            }
                        };
                        let seen = visited.last_mut()?;
                        let node = &self.nodes[id.index()];
                        match &node.kind {
                            Kind::Array(inner) | Kind::Map(inner) => {
                                if seen.insert(id) {
                                    stack.push(Step::Visit(*inner));
                                }
                            }
                            Kind::Union(branches) => {
                                if seen.insert(id) {
                                    stack.extend(branches.iter().map(|b| Step::Visit(*b)));
                                }
                            }
                            Kind::Record(record) => {
                                if seen.insert(id) {
                                    begun.insert(id);
                                    stack.push(Step::After(id));
                                    stack.extend(record.fields.iter().rev().map(|f| Step::Visit(f.ty)));
                                }
                            }
                            _ => {
                                begun.insert(id);
                            }
                        }
                    }
                }
            }
        }
        Some(finished)
    }

    /// No walk over the types of a file, each named one looked into once, goes deeper than [`MAX_NESTING`].
    fn check_nesting(&mut self, files: &[(Arc<Source>, TypeId)]) {
        // Which file's walk, counted from 1, came by last.
        let mut seen = vec![0; self.nodes.len()];
        for (walk, (_, root)) in (1u32..).zip(files) {
            let mut stack: Vec<(TypeId, usize)> = vec![(*root, 1)];
            // Depth first: children are pushed in reverse, so each is finished before its sibling is begun.
            while let Some((id, depth)) = stack.pop() {
                let node = &self.nodes[id.index()];
                if node.name().is_some() && std::mem::replace(&mut seen[id.index()], walk) == walk {
                    continue;
                }
                if depth > MAX_NESTING {
                    let place = definition(node);
                    self.errors.add(Diagnostic::error(
                        "too-deep",
                        place,
                        format!("types are nested more than {MAX_NESTING} deep"),
                        format!("this would be level {depth}"),
                    ));
                    return;
                }
                match &node.kind {
                    Kind::Array(inner) | Kind::Map(inner) => stack.push((*inner, depth + 1)),
                    Kind::Union(branches) => stack.extend(branches.iter().rev().map(|b| (*b, depth + 1))),
                    Kind::Record(record) => {
                        stack.extend(record.fields.iter().rev().map(|f| (f.ty, depth + 1)));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The name of a definition.
fn definition(node: &Node) -> Place {
    let span = match &node.kind {
        Kind::Record(r) => r.name_span,
        Kind::Enum(e) => e.name_span,
        Kind::Fixed(f) => f.name_span,
        _ => node.place.span,
    };
    Place::new(&node.place.source, span)
}

/// In the order of files and lines.
fn sort(diagnostics: &mut [Diagnostic], sources: &[Arc<Source>]) {
    let file = |d: &Diagnostic| {
        sources
            .iter()
            .position(|s| Arc::ptr_eq(s, &d.primary.place.source))
            .unwrap_or(usize::MAX)
    };
    diagnostics.sort_by_cached_key(|d| (file(d), d.primary.place.span));
}
