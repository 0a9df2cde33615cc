//! What `crates/pointmill-capi` shows to C, read from its source.
//!
//! The functions stand in `export! { … }`, the opaque types in `handle! { … }` and the codes in
//! `codes! { … }`. Each of these holds items that are Rust, or nearly so; the crate's macros and
//! this reader agree on their form. A form the reader does not know is an error, never skipped.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Fields, Ident, Item, ItemFn, ItemStruct, LitInt, Token, Visibility};

/// Everything the header is made of, in the order of the source.
#[derive(Default)]
pub(crate) struct Surface {
    pub(crate) functions: Vec<Function>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) structs: Vec<ItemStruct>,
    pub(crate) opaque: Vec<Ident>,
    /// Types of functions that the caller provides.
    pub(crate) callbacks: Vec<Ident>,
    /// The same as plain Rust, for cbindgen.
    pub(crate) plain: TokenStream,
}

pub(crate) struct Function {
    pub(crate) name: String,
    /// The lines of its comment.
    pub(crate) docs: Vec<String>,
    /// Whether it returns a status.
    pub(crate) status: bool,
}

pub(crate) struct Constant {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// One line of `codes! { … }`.
struct CodeLine {
    attrs: Vec<Attribute>,
    name: Ident,
    value: TokenStream,
}

struct CodeLines(Vec<CodeLine>);

impl Parse for CodeLines {
    fn parse(input: ParseStream<'_>) -> syn::Result<CodeLines> {
        let mut lines = Vec::new();
        while !input.is_empty() {
            let attrs = input.call(Attribute::parse_outer)?;
            input.parse::<Token![const]>()?;
            let name = input.parse()?;
            input.parse::<Token![as]>()?;
            input.parse::<Ident>()?;
            input.parse::<Token![=]>()?;
            let minus: Option<Token![-]> = input.parse()?;
            let number: LitInt = input.parse()?;
            input.parse::<Token![;]>()?;
            lines.push(CodeLine {
                attrs,
                name,
                value: quote!(#minus #number),
            });
        }
        Ok(CodeLines(lines))
    }
}

impl Surface {
    /// Reads the crate in the folder `package`, module by module as `lib.rs` names them.
    pub(crate) fn read(package: &Path) -> Result<Surface, String> {
        let mut surface = Surface::default();
        let src = package.join("src");
        for item in parse(&src.join("lib.rs"))?.items {
            let Item::Mod(module) = item else { continue };
            // The header describes the library with all its features.
            let test_only = module.attrs.iter().any(|attr| {
                let cfg = attr.path().is_ident("cfg");
                cfg && attr.meta.to_token_stream().to_string().contains("test")
            });
            if !test_only {
                let path = src.join(format!("{}.rs", module.ident));
                let shown = path.display().to_string();
                for item in parse(&path)?.items {
                    surface
                        .add(item)
                        .map_err(|error| format!("{shown}: {error}"))?;
                }
            }
        }
        Ok(surface)
    }

    fn add(&mut self, item: Item) -> syn::Result<()> {
        match item {
            Item::Macro(item) if item.mac.path.is_ident("export") => {
                self.function(&syn::parse2(item.mac.tokens)?);
            }
            Item::Macro(item) if item.mac.path.is_ident("handle") => {
                let handle: ItemStruct = syn::parse2(item.mac.tokens)?;
                let docs = docs(&handle.attrs);
                let name = &handle.ident;
                self.plain
                    .extend(quote!(#(#docs)* pub struct #name { _opaque: u8 }));
                self.opaque.push(handle.ident);
            }
            Item::Macro(item) if item.mac.path.is_ident("codes") => {
                for line in syn::parse2::<CodeLines>(item.mac.tokens)?.0 {
                    let (name, value, docs) = (&line.name, &line.value, docs(&line.attrs));
                    self.plain
                        .extend(quote!(#(#docs)* pub const #name: i32 = #value;));
                    self.constant(name, value);
                }
            }
            // Outside the macros only what is plainly `pub` and named after the library.
            Item::Const(item) if public(&item.vis, &item.ident) => {
                let value = item.expr.to_token_stream();
                self.constant(&item.ident, &value);
                self.plain.extend(item.to_token_stream());
            }
            Item::Type(item) if public(&item.vis, &item.ident) => {
                self.callbacks.push(item.ident.clone());
                self.plain.extend(item.to_token_stream());
            }
            Item::Struct(item) if public(&item.vis, &item.ident) => {
                let (docs, name, fields) = (docs(&item.attrs), &item.ident, &item.fields);
                self.plain
                    .extend(quote!(#(#docs)* #[repr(C)] pub struct #name #fields));
                self.structs.push(item);
            }
            _ => {}
        }
        Ok(())
    }

    fn function(&mut self, function: &ItemFn) {
        let docs = docs(&function.attrs);
        let signature = &function.sig;
        self.plain.extend(quote! {
            #(#docs)* #[unsafe(no_mangle)] pub unsafe extern "C" #signature {}
        });
        let returns = signature.output.to_token_stream().to_string();
        self.functions.push(Function {
            name: signature.ident.to_string(),
            docs: docs.iter().map(text).collect(),
            status: returns == "-> i32",
        });
    }

    fn constant(&mut self, name: &Ident, value: &TokenStream) {
        let value = value.to_string().replace(' ', "");
        self.constants.push(Constant {
            name: name.to_string(),
            value,
        });
    }

    /// The value of a constant.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let constant = self
            .constants
            .iter()
            .find(|constant| constant.name == name)?;
        Some(&constant.value)
    }

    /// Structs that begin with `struct_size`, with the names and types of their fields.
    pub(crate) fn sized_structs(&self) -> impl Iterator<Item = (String, Vec<(String, String)>)> {
        self.structs.iter().filter_map(|item| {
            let Fields::Named(fields) = &item.fields else {
                return None;
            };
            let fields: Vec<_> = fields
                .named
                .iter()
                .filter_map(|field| {
                    let name = field.ident.as_ref()?.to_string().replace("r#", "");
                    Some((name, field.ty.to_token_stream().to_string()))
                })
                .collect();
            let sized = fields
                .first()
                .is_some_and(|(name, _)| name == "struct_size");
            sized.then(|| (item.ident.to_string(), fields))
        })
    }
}

fn parse(path: &Path) -> Result<syn::File, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn public(vis: &Visibility, name: &Ident) -> bool {
    let name = name.to_string();
    matches!(vis, Visibility::Public(_))
        && (name.starts_with("pointmill_") || name.starts_with("POINTMILL_"))
}

fn docs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("doc"))
        .cloned()
        .collect()
}

/// The text of one line of a comment.
pub(crate) fn text(doc: &Attribute) -> String {
    let syn::Meta::NameValue(pair) = &doc.meta else {
        return String::new();
    };
    let syn::Expr::Lit(literal) = &pair.value else {
        return String::new();
    };
    let syn::Lit::Str(text) = &literal.lit else {
        return String::new();
    };
    text.value()
}
