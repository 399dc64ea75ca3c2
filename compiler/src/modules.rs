//! The files of a program: the root, the modules that it uses, and where their items are.

use std::collections::HashMap;

use crate::diagnostics::Diagnostic;
use crate::library;
use crate::parse::{ast, parse};
use crate::source::{FileId, Sources};

/// Which of `Modules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub usize);

/// An item of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemRef {
    /// The module.
    pub module: ModuleId,
    /// Index into its items.
    pub index: usize,
}

/// Reads the files that a program names, so that the compiler itself touches no disk.
pub trait Loader {
    /// The text of a file beside the root file; `None` where there is none.
    ///
    /// # Errors
    /// A sentence that says why a file that exists can't be read.
    fn read(&self, name: &str) -> Result<Option<String>, String>;
}

/// Files in memory, by name.
impl Loader for HashMap<String, String> {
    fn read(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.get(name).cloned())
    }
}

/// Largest source or circuit file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// Files of a folder.
#[derive(Clone, Debug)]
pub struct Folder(pub std::path::PathBuf);

impl Loader for Folder {
    fn read(&self, name: &str) -> Result<Option<String>, String> {
        use std::io::{ErrorKind, Read};
        let file = match std::fs::File::open(self.0.join(name)) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.to_string()),
        };
        let mut text = String::new();
        match file.take(MAX_FILE + 1).read_to_string(&mut text) {
            Ok(n) if n as u64 > MAX_FILE => Err(format!("it is larger than {} MiB", MAX_FILE >> 20)),
            Ok(_) => Ok(Some(text)),
            Err(e) if e.kind() == ErrorKind::InvalidData => Err("it is no text in UTF-8".to_owned()),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// A file of the program.
#[derive(Clone, Debug)]
pub struct Module {
    /// The name in `use`; empty for the root.
    pub name: String,
    /// Its file.
    pub file: FileId,
    /// Whether it belongs to the library.
    pub library: bool,
    /// Its items.
    pub tree: ast::File,
    /// Its items by name (the first where there are several).
    pub items: HashMap<String, usize>,
    /// The modules that it uses.
    pub uses: HashMap<String, ModuleId>,
    /// The files of its imported circuits, by the item's index; an error says why one can't be read.
    pub circuits: HashMap<usize, Result<String, String>>,
}

/// All files of a program; the root is the first.
#[derive(Clone, Debug, Default)]
pub struct Modules {
    modules: Vec<Module>,
}

impl Modules {
    /// A module.
    pub fn get(&self, id: ModuleId) -> &Module {
        &self.modules[id.0]
    }

    /// An item.
    pub fn item(&self, item: ItemRef) -> &ast::Item {
        &self.modules[item.module.0].tree.items[item.index]
    }

    /// Every module, the root first.
    pub fn iter(&self) -> impl Iterator<Item = (ModuleId, &Module)> {
        self.modules.iter().enumerate().map(|(i, m)| (ModuleId(i), m))
    }

    /// Whether a file belongs to the library.
    pub fn in_library(&self, file: FileId) -> bool {
        self.modules.iter().any(|m| m.file == file && m.library)
    }

    /// An item of a module by name.
    pub fn find(&self, module: ModuleId, name: &str) -> Option<ItemRef> {
        self.get(module).items.get(name).map(|&index| ItemRef { module, index })
    }

    /// The path of an item as the user would write it in the root file.
    pub fn path(&self, item: ItemRef) -> String {
        let module = self.get(item.module);
        let name = name(self.item(item)).map_or("_", |n| &n.name);
        if module.name.is_empty() { name.to_owned() } else { format!("{}::{name}", module.name) }
    }
}

/// The name that an item declares.
pub fn name(item: &ast::Item) -> Option<&ast::Ident> {
    match item {
        ast::Item::Use(_) => None,
        ast::Item::Type(t) => Some(&t.name),
        ast::Item::Const(c) => Some(&c.name),
        ast::Item::Struct(s) => Some(&s.name),
        ast::Item::Fn(f) => Some(&f.name),
        ast::Item::Extern(e) => Some(&e.name),
    }
}

/// Reads the root file and every module that it uses, directly or through others.
pub fn load(root: &str, loader: &dyn Loader, sources: &mut Sources) -> (Modules, Vec<Diagnostic>) {
    let mut loading =
        Loading { loader, sources, modules: Modules::default(), diagnostics: Vec::new(), path: Vec::new() };
    match loader.read(root) {
        Ok(Some(text)) => {
            loading.module("", root, text, false);
        }
        missing => {
            let reason = missing.err().unwrap_or_else(|| "there is no such file".into());
            let file = loading.sources.add(root, "");
            let place = crate::source::Span { file, start: 0, end: 0 };
            loading.diagnostics.push(Diagnostic::error(
                "no-file",
                format!("`{root}` cannot be read: {reason}"),
                place,
                "",
            ));
            loading.modules.modules.push(Module {
                name: String::new(),
                file,
                library: false,
                tree: ast::File::default(),
                items: HashMap::new(),
                uses: HashMap::new(),
                circuits: HashMap::new(),
            });
        }
    }
    (loading.modules, loading.diagnostics)
}

struct Loading<'a> {
    loader: &'a dyn Loader,
    sources: &'a mut Sources,
    modules: Modules,
    diagnostics: Vec<Diagnostic>,
    /// Modules that are being loaded, from the root, with the `use` that asked for each.
    path: Vec<ModuleId>,
}

impl Loading<'_> {
    fn module(&mut self, name: &str, file_name: &str, text: String, library: bool) -> ModuleId {
        let file = self.sources.add(file_name, text.as_str());
        let (tree, diagnostics) = parse(file, &text);
        self.diagnostics.extend(diagnostics);
        let items = self.items(&tree);
        let id = ModuleId(self.modules.modules.len());
        let uses: Vec<ast::Ident> = tree.items.iter().filter_map(used).cloned().collect();
        let circuits = self.circuits(&tree, library);
        self.modules.modules.push(Module {
            name: name.into(),
            file,
            library,
            tree,
            items,
            uses: HashMap::new(),
            circuits,
        });
        self.path.push(id);
        for used in uses {
            if let Some(module) = self.used(&used, library) {
                self.modules.modules[id.0].uses.insert(used.name, module);
            }
        }
        self.path.pop();
        id
    }

    /// The module that a `use` names. Modules of the library see only the library.
    fn used(&mut self, name: &ast::Ident, from_library: bool) -> Option<ModuleId> {
        let file_name = format!("{}.mpc", name.name);
        if !from_library {
            if let Some(known) = self.loaded(name, false) {
                return known;
            }
            match self.loader.read(&file_name) {
                Ok(Some(text)) => return Some(self.module(&name.name, &file_name, text, false)),
                Ok(None) => {}
                Err(reason) => {
                    let message = format!("`{file_name}` cannot be read: {reason}");
                    self.diagnostics.push(Diagnostic::error("no-file", message, name.span, "asked for here"));
                    return None;
                }
            }
        }
        if let Some(known) = self.loaded(name, true) {
            return known;
        }
        if let Some(text) = library::module(&name.name) {
            return Some(self.module(&name.name, &format!("std/{file_name}"), text.to_owned(), true));
        }
        let missing = format!("there is no module `{}`", name.name);
        let note = format!("no `{file_name}` beside the root file, and none in the library");
        let similar = super::typed::similar(&name.name, library::MODULES.iter().copied());
        let diagnostic = Diagnostic::error("no-module", missing, name.span, note);
        self.diagnostics.push(match similar {
            Some(s) => diagnostic.help(format!("did you mean `{s}`?")),
            None => diagnostic.help(format!("the library has {}", library::MODULES.join(", "))),
        });
        None
    }

    /// A module that is loaded already; the inner `None` where it is being loaded further up, which is an error.
    fn loaded(&mut self, name: &ast::Ident, library: bool) -> Option<Option<ModuleId>> {
        let (id, _) = self.modules.iter().find(|(_, m)| m.name == name.name && m.library == library)?;
        let Some(start) = self.path.iter().position(|m| *m == id) else { return Some(Some(id)) };
        self.circle(name, start);
        Some(None)
    }

    fn circle(&mut self, name: &ast::Ident, start: usize) {
        let names: Vec<&str> = self.path[start..].iter().map(|m| self.modules.get(*m).name.as_str()).collect();
        let chain = format!("`{}` uses `{}`", names.join("` uses `"), name.name);
        self.diagnostics.push(
            Diagnostic::error(
                "use-circle",
                format!("modules use each other in a circle: {chain}"),
                name.span,
                "this closes the circle",
            )
            .help("move what both need into a module of its own"),
        );
    }

    /// The files of imported circuits. The library imports none.
    fn circuits(&self, tree: &ast::File, library: bool) -> HashMap<usize, Result<String, String>> {
        let externs = tree.items.iter().enumerate().filter_map(|(i, item)| match item {
            ast::Item::Extern(e) if !library => Some((i, &e.path)),
            _ => None,
        });
        let read = |path: &str| self.loader.read(path)?.ok_or_else(|| "there is no such file".to_owned());
        externs.map(|(i, path)| (i, read(path))).collect()
    }

    /// Items by name; two of one name are an error.
    fn items(&mut self, tree: &ast::File) -> HashMap<String, usize> {
        let mut items: HashMap<String, usize> = HashMap::new();
        for (i, item) in tree.items.iter().enumerate() {
            let Some(declared) = name(item) else { continue };
            if let Some(&first) = items.get(&declared.name) {
                let first = name(&tree.items[first]).map_or(declared.span, |n| n.span);
                self.diagnostics.push(
                    Diagnostic::error(
                        "duplicate",
                        format!("`{}` is declared twice", declared.name),
                        declared.span,
                        "again here",
                    )
                    .label(first, "first here"),
                );
            } else {
                items.insert(declared.name.clone(), i);
            }
        }
        items
    }
}

fn used(item: &ast::Item) -> Option<&ast::Ident> {
    match item {
        ast::Item::Use(name) => Some(name),
        _ => None,
    }
}
