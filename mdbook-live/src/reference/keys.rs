//! The tables of keys: a row for each key of a type, with what its value is, its default and what
//! the key says, all from the schema of the type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A table of the reference, as its marker asks for it.
pub(super) struct KeyTable<'a> {
    /// The type.
    pub(super) of: &'a str,
    /// Its keys in their order, with `…` for those that no table of the type names. Where there
    /// are none, the table has those.
    pub(super) keys: Vec<&'a str>,
}

/// What the tables of keys are made of.
pub(super) struct KeyTables<'a> {
    /// Every type that is a table or a value of a file, by its name.
    types: BTreeMap<String, Value>,
    /// Where the keys of a type are explained: the heading's id.
    explained: BTreeMap<String, String>,
    /// The keys that a marker names, of each type that has one.
    named: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The keys of each type that have their row.
    made: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> KeyTables<'a> {
    /// Those of the types that the schemas define, for a page with these tables, each below a
    /// heading with that id.
    pub(super) fn of(
        schemas: &[Value],
        asked: Vec<(KeyTable<'a>, String)>,
    ) -> Result<KeyTables<'a>, String> {
        let mut types: BTreeMap<String, Value> = BTreeMap::new();
        for schema in schemas {
            let title = schema["title"].as_str().expect("a schema has a title");
            let mut defined = vec![(title.to_owned(), schema.clone())];
            let others = schema["$defs"].as_object().cloned();
            defined.extend(others.unwrap_or_default());
            for (name, schema) in defined {
                match types.get(&name) {
                    Some(known) if *known != schema => {
                        return Err(format!("two types of files are named {name}"));
                    }
                    _ => types.insert(name, schema),
                };
            }
        }
        let mut explained = BTreeMap::new();
        let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (table, id) in asked {
            explained.entry(table.of.to_owned()).or_insert(id);
            named.entry(table.of).or_default().extend(table.keys);
        }
        Ok(KeyTables {
            types,
            explained,
            named,
            made: BTreeMap::new(),
        })
    }

    /// A table below the heading with that id.
    pub(super) fn table(&mut self, table: &KeyTable<'a>, id: &str) -> Result<String, String> {
        let KeyTable { of, keys } = table;
        let known = self.keys_of(of)?;
        let named = &self.named[of];
        let rest = known.iter().filter(|key| !named.contains(key.as_str()));
        let rest: Vec<String> = rest.cloned().collect();
        let mut chosen = Vec::new();
        for key in keys {
            match known.iter().find(|known| known.as_str() == *key) {
                Some(key) => chosen.push(key.clone()),
                None if *key == "…" => chosen.extend(rest.clone()),
                None => return Err(format!("{of} has no key {key}")),
            }
        }
        if keys.is_empty() {
            chosen = rest;
        }
        let mut rows = String::new();
        for key in chosen {
            self.rows(of, &key, &key, id, &mut rows)?;
        }
        Ok(format!(
            "| Key | Its value | What it says |\n| --- | --- | --- |\n{rows}"
        ))
    }

    /// The keys of a type: those with tables last, and else those first that have to be there.
    fn keys_of(&self, name: &str) -> Result<Vec<String>, String> {
        let schema = self.types.get(name);
        let schema = schema.ok_or_else(|| format!("there is no type {name}"))?;
        let mut keys = Vec::new();
        for form in forms(schema) {
            let values = form["properties"].as_object().into_iter().flatten();
            keys.extend(values.map(|(key, value)| {
                let has_table = tables_in(value).any(|name| self.is_table(name));
                (has_table, !is_required(form, key), key.clone())
            }));
        }
        if keys.is_empty() {
            return Err(format!("{name} has no keys"));
        }
        keys.sort();
        Ok(keys.into_iter().map(|(_, _, key)| key).collect())
    }

    fn is_table(&self, name: &str) -> bool {
        forms(&self.types[name]).next().is_some()
    }

    /// A row for a key, shown with what leads to it as `path`, and below it one for each key of
    /// its value, where nothing else explains these.
    fn rows(
        &mut self,
        of: &str,
        key: &str,
        path: &str,
        id: &str,
        rows: &mut String,
    ) -> Result<(), String> {
        let schema = self.types[of].clone();
        let form = forms(&schema).find(|form| form["properties"].get(key).is_some());
        let form = form.expect("a key of the type");
        let value = &form["properties"][key];
        let below = tables_in(value)
            .find(|name| self.is_table(name) && !self.explained.contains_key(*name));
        let mut kind = self.kind(value);
        if is_required(form, key) {
            kind += "; required";
        } else if let Some(default) = value.get("default").and_then(in_toml) {
            kind += &format!("; {default} by default");
        }
        let says = value["description"].as_str();
        let says = says.ok_or_else(|| format!("{of}: {key} has no words"))?;
        let mut says = one_line(says);
        for name in tables_in(value) {
            says += &words_of_variants(&self.types[name]);
        }
        *rows += &format!("| `{path}` | {kind} | {says} |\n");
        let made = self.made.entry(of.to_owned()).or_default();
        made.insert(key.to_owned());
        if let Some(below) = below {
            self.explained.insert(below.to_owned(), id.to_owned());
            for key in self.keys_of(below)? {
                self.rows(below, &key, &format!("{path}.{key}"), id, rows)?;
            }
        }
        Ok(())
    }

    /// What a value is: "string", "array of strings", "array of [tables](#a-run)".
    fn kind(&self, value: &Value) -> String {
        if let Some(name) = value["$ref"].as_str() {
            return self.kind_of_type(name_in(name), "");
        }
        if let Some(kinds) = value["anyOf"].as_array() {
            return self.kind(kinds.iter().find(|kind| !is_null(kind)).expect("a kind"));
        }
        match kind_in(value) {
            "array" => format!("array of {}", self.kinds(&value["items"])),
            "object" => format!("table of {}", self.kinds(&value["additionalProperties"])),
            kind => kind.to_owned(),
        }
    }

    /// What several values are.
    fn kinds(&self, value: &Value) -> String {
        match value["$ref"].as_str() {
            Some(name) => self.kind_of_type(name_in(name), "s"),
            None => format!("{}s", kind_in(value)),
        }
    }

    fn kind_of_type(&self, name: &str, plural: &str) -> String {
        let schema = &self.types[name];
        let table = || match self.explained.get(name) {
            Some(id) => format!("[table{plural}](#{id})"),
            None => format!("table{plural}"),
        };
        if schema.get("properties").is_some() {
            return table();
        }
        if let Some(ways) = schema["anyOf"].as_array() {
            let ways = ways.iter().map(|way| match way.get("properties") {
                Some(_) => table(),
                None => format!("{}{plural}", self.kind(way)),
            });
            return ways.collect::<Vec<_>>().join(" or ");
        }
        let variants = variants(schema);
        if !variants.is_empty() {
            let variants = variants.iter().map(|(name, _)| format!("`\"{name}\"`"));
            return variants.collect::<Vec<_>>().join(", ");
        }
        match name {
            "Pattern" => format!("pattern{plural}"),
            "Capture" => format!("pattern{plural} with one capture"),
            "FourCaptures" => format!("pattern{plural} with four captures"),
            _ => format!("{}{plural}", kind_in(schema)),
        }
    }

    /// Every key of every type has its row: also of one that has a marker with some of its keys
    /// alone, or none at all.
    pub(super) fn all_are_there(&self) -> Result<(), String> {
        let tables = self.types.keys().filter(|name| self.is_table(name));
        for name in tables {
            for key in self.keys_of(name)? {
                if !self.made.get(name).is_some_and(|made| made.contains(&key)) {
                    return Err(format!(
                        "no table has the key {key} of {name}: `<!-- keys: {name} -->` makes one"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The tables that a value of a type may be: one, or one of the ways to write it.
fn forms(schema: &Value) -> impl Iterator<Item = &Value> {
    let ways = schema["anyOf"].as_array().into_iter().flatten();
    let all = std::iter::once(schema).chain(ways);
    all.filter(|form| form.get("properties").is_some())
}

/// The types that a value names.
fn tables_in(value: &Value) -> impl Iterator<Item = &str> {
    let one_of = value["anyOf"].as_array().into_iter().flatten();
    let inside = [value, &value["items"], &value["additionalProperties"]];
    let all = inside.into_iter().chain(one_of);
    all.filter_map(|value| value["$ref"].as_str()).map(name_in)
}

/// `Run` in `#/$defs/Run`.
fn name_in(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

/// The one type of a value that may be missing, or has to be there.
fn kind_in(schema: &Value) -> &str {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => Vec::from_iter(kind.as_str()),
    };
    let kind = kinds.into_iter().find(|kind| *kind != "null");
    kind.expect("a value has a type")
}

fn is_required(schema: &Value, key: &str) -> bool {
    let required = schema["required"].as_array();
    required.is_some_and(|required| required.iter().any(|known| known == key))
}

/// The words that a value may be, each with what it means.
fn variants(schema: &Value) -> Vec<(&str, Option<&str>)> {
    let plain = schema["enum"].as_array().into_iter().flatten();
    let plain = plain.filter_map(|name| Some((name.as_str()?, None)));
    let explained = schema["oneOf"].as_array().into_iter().flatten();
    let explained =
        explained.filter_map(|one| Some((one["const"].as_str()?, one["description"].as_str())));
    plain.chain(explained).collect()
}

/// ` `"first"`: the one printed first; …`
fn words_of_variants(schema: &Value) -> String {
    let explained = variants(schema).into_iter().filter_map(|(name, says)| {
        let says = one_line(says?);
        let mut letters = says.trim_end_matches('.').chars();
        let first: String = letters.next()?.to_lowercase().collect();
        Some(format!("`\"{name}\"`: {first}{}", letters.as_str()))
    });
    let explained: Vec<String> = explained.collect();
    if explained.is_empty() {
        return String::new();
    }
    format!(" {}.", explained.join("; "))
}

/// A default as an author would write it; `None` where it is that there is nothing.
fn in_toml(default: &Value) -> Option<String> {
    let is_nothing = match default {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    let text = match default {
        Value::String(text) if text.contains('\\') => format!("'{text}'"),
        default => default.to_string(),
    };
    (!is_nothing).then(|| format!("`{}`", text.replace('|', "\\|")))
}

/// A description as a cell of a table.
fn one_line(description: &str) -> String {
    let words: Vec<&str> = description.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

/// The id that mdBook gives to a heading.
pub(super) fn id_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    words
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::book::schemas;

    #[test]
    fn a_table_has_types_defaults_links_and_the_keys_of_what_is_explained_nowhere_else() {
        let asked = || KeyTable {
            of: "Run",
            keys: Vec::new(),
        };
        let schemas = [schemas::of_runs().to_value()];
        let tables = KeyTables::of(&schemas, vec![(asked(), "a-run".to_owned())]);
        let made = tables.and_then(|mut tables| tables.table(&asked(), "a-run"));
        let made = made.expect("a table");
        for row in [
            "| `timeout` | string; `\"60s\"` by default | ",
            "| `unordered` | boolean; `false` by default | ",
            "| `quick` | table | ",
            "| `quick.args` | array of strings | ",
            "| `claim.on` | `\"any\"`, `\"record\"`, `\"reference\"`; `\"any\"` by default | ",
            "| `claim.same` | pattern with one capture | ",
        ] {
            assert!(made.contains(row), "{row} is not in {made}");
        }
    }

    #[test]
    fn a_value_that_is_written_in_several_ways_is_each_of_them() {
        let schema = json!({
            "title": "Run",
            "properties": {
                "stdin": {
                    "description": "What it reads.",
                    "anyOf": [{ "$ref": "#/$defs/Stdin" }, { "type": "null" }],
                },
            },
            "$defs": {
                "Stdin": {
                    "anyOf": [
                        { "type": "string" },
                        {
                            "type": "object",
                            "properties": { "file": { "description": "A|B.", "type": "string" } },
                            "required": ["file"],
                        },
                    ],
                },
            },
        });
        let asked = || KeyTable {
            of: "Run",
            keys: Vec::new(),
        };
        let tables = KeyTables::of(&[schema], vec![(asked(), "a-run".to_owned())]);
        let mut tables = tables.expect("types");
        let made = tables.table(&asked(), "a-run").expect("a table");
        let rows: Vec<&str> = made.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| `stdin` | string or table | What it reads. |",
                "| `stdin.file` | string; required | A\\|B. |",
            ]
        );
        assert_eq!(tables.all_are_there(), Ok(()));
    }

    #[test]
    fn an_id_is_that_of_mdbook() {
        assert_eq!(id_of("## `runs.toml`, a file"), "runstoml-a-file");
    }
}
