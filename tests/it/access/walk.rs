//! Asks for every field of the contract, and judges each answer by what the contract declares of the field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::contract::{Contract, Field};
use super::world::{Asker, World};

/// Fields asked for in one document.
const MOST_PICKS: usize = 350;

/// A field in a document: what stands below it, and under which name its answer comes.
struct Pick<'a> {
    of: &'a str,
    field: &'a Field,
    alias: String,
    arguments: String,
    below: Below<'a>,
}

enum Below<'a> {
    /// A scalar or an enum.
    Nothing,
    /// An object, of which only is asked whether it is there.
    Name,
    /// An object.
    Fields(Vec<Pick<'a>>),
}

impl Pick<'_> {
    fn size(&self) -> usize {
        1 + match &self.below {
            Below::Fields(picks) => picks.iter().map(Pick::size).sum(),
            _ => 0,
        }
    }

    fn write(&self, document: &mut String) {
        let renamed = self.alias != self.field.name;
        let alias = if renamed {
            format!("{}: ", self.alias)
        } else {
            String::new()
        };
        let _ = write!(document, " {alias}{}{}", self.field.name, self.arguments);
        match &self.below {
            Below::Nothing => {}
            Below::Name => document.push_str(" { __typename }"),
            Below::Fields(picks) => {
                document.push_str(" { __typename");
                picks.iter().for_each(|pick| pick.write(document));
                document.push_str(" }");
            }
        }
    }
}

/// Walks through the contract as everybody, and notes what is not as declared.
pub(super) struct Walk<'a, 'w> {
    contract: &'a Contract,
    world: &'a World<'w>,
    /// Fields seen with a value by those they are declared for.
    reached: BTreeSet<(String, String)>,
    /// What is not as declared.
    pub(super) complaints: BTreeSet<String>,
}

/// One answer under judgement.
struct Judged<'e> {
    by: Asker,
    /// What was asked, for complaints.
    asked: &'e str,
    /// The codes of its errors, by path.
    errors: BTreeMap<String, String>,
    /// Whether what the world does not know was made by this very request.
    makes: bool,
}

impl<'a, 'w> Walk<'a, 'w> {
    pub(super) fn new(contract: &'a Contract, world: &'a World<'w>) -> Self {
        Self {
            contract,
            world,
            reached: BTreeSet::new(),
            complaints: BTreeSet::new(),
        }
    }

    /// Lays the walk aside while the world learns something new.
    pub(super) fn pause(self) -> (BTreeSet<(String, String)>, BTreeSet<String>) {
        (self.reached, self.complaints)
    }

    /// Goes on with what was laid aside.
    pub(super) fn resume(
        contract: &'a Contract,
        world: &'a World<'w>,
        reached: BTreeSet<(String, String)>,
        complaints: BTreeSet<String>,
    ) -> Self {
        Self {
            contract,
            world,
            reached,
            complaints,
        }
    }

    /// All fields of `of`, and below them all fields of what has no id of its own. What has one is asked for as a whole
    /// elsewhere: here, all of its own fields are.
    fn select(&self, of: &'a str, trail: &mut Vec<(&'a str, &'a str)>) -> Vec<Pick<'a>> {
        let fields = self.contract.objects[of].iter();
        fields.flat_map(|field| self.pick(of, field, trail)).collect()
    }

    fn pick(&self, of: &'a str, field: &'a Field, trail: &mut Vec<(&'a str, &'a str)>) -> Vec<Pick<'a>> {
        let object = field.leads_to.as_str();
        let plain = !self.contract.objects.contains_key(object);
        let shallow = |leads_to: &str| match self.contract.objects.contains_key(leads_to) {
            true => Below::Name,
            false => Below::Nothing,
        };
        let calls = self.world.calls(of, field);
        let calls = calls.into_iter().enumerate();
        let picks = calls.map(|(number, arguments)| {
            let below = if self.contract.abstracts.contains(object) {
                Below::Name
            } else if plain {
                Below::Nothing
            } else if trail.contains(&(of, &field.name)) {
                Below::Name
            } else if self.contract.nodes.contains(object) && !of.ends_with("Payload") {
                let own = self.contract.objects[object].iter();
                Below::Fields(
                    own.flat_map(|own| {
                        let calls = self.world.calls(object, own).into_iter().enumerate();
                        calls
                            .map(|(number, arguments)| Pick {
                                of: object,
                                field: own,
                                alias: alias(own, number),
                                arguments,
                                below: shallow(&own.leads_to),
                            })
                            .collect::<Vec<_>>()
                    })
                    .collect(),
                )
            } else {
                trail.push((of, &field.name));
                let below = self.select(object, trail);
                trail.pop();
                Below::Fields(below)
            };
            Pick {
                of,
                field,
                alias: alias(field, number),
                arguments,
                below,
            }
        });
        picks.collect()
    }

    /// Asks for all fields of the object with this id, as everybody.
    pub(super) async fn node(&mut self, of: &'a str, id: &str) {
        let mut chunks: Vec<Vec<Pick<'_>>> = vec![Vec::new()];
        for pick in self.select(of, &mut Vec::new()) {
            let last = chunks
                .last()
                .map_or(0, |chunk| chunk.iter().map(Pick::size).sum());
            if last > 0 && last + pick.size() > MOST_PICKS {
                chunks.push(Vec::new());
            }
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(pick);
            }
        }
        for chunk in chunks {
            let mut document = format!("query($id: ID!) {{ node(id: $id) {{ __typename id ... on {of} {{");
            chunk.iter().for_each(|pick| pick.write(&mut document));
            document.push_str(" } } }");
            for by in Asker::ALL {
                let answer = self.world.send(by, &document, json!({ "id": id })).await;
                if self.turned_away(by, of, &answer) {
                    continue;
                }
                let thing = self.world.thing(id).unwrap_or_else(|| panic!("whose is {id}?"));
                let seen = !answer["data"]["node"].is_null();
                let hers = thing.owners.contains(&by);
                if seen && !hers && !thing.public && by != Asker::Operator {
                    self.complaints.insert(format!("{by:?} sees the {of} {id}"));
                }
                if !seen && (hers || thing.public) {
                    self.complaints
                        .insert(format!("{by:?} does not see the {of} {id}: {answer}"));
                }
                let mut judged = Judged {
                    by,
                    asked: of,
                    errors: errors(&answer),
                    makes: false,
                };
                if seen {
                    self.judge(
                        &mut judged,
                        &chunk,
                        &answer["data"]["node"],
                        &thing.owners,
                        "node",
                    );
                }
                self.leftovers(judged);
            }
        }
    }

    /// Asks for everything that can be asked for at once, as everybody.
    pub(super) async fn queries(&mut self) {
        for field in &self.contract.objects["Query"] {
            for pick in self.pick("Query", field, &mut Vec::new()) {
                let mut document = "query {".to_owned();
                pick.write(&mut document);
                document.push_str(" }");
                let chunk = [pick];
                for by in Asker::ALL {
                    let answer = self.world.send(by, &document, json!({})).await;
                    if self.turned_away(by, &field.name, &answer) {
                        continue;
                    }
                    let mut judged = Judged {
                        by,
                        asked: &field.name,
                        errors: errors(&answer),
                        makes: false,
                    };
                    // What is for whoever is signed in tells her of herself.
                    let own: &[Asker] = if field.who == "ACCOUNT" { &[by] } else { &[] };
                    self.judge(&mut judged, &chunk, &answer["data"], own, "");
                    self.leftovers(judged);
                }
            }
        }
    }

    /// Sends the mutation and judges its answer; returns its payload.
    pub(super) async fn mutation(&mut self, by: Asker, name: &str, input: &Value) -> Value {
        let field = self.contract.objects["Mutation"]
            .iter()
            .find(|field| field.name == name);
        let field = field.unwrap_or_else(|| panic!("there is no mutation {name}"));
        let picks = self.pick("Mutation", field, &mut Vec::new());
        let mut document = match field.arguments.first() {
            Some(input) => format!("mutation($in: {}!) {{", input.of),
            None => "mutation {".to_owned(),
        };
        picks.iter().for_each(|pick| pick.write(&mut document));
        document.push_str(" }");
        let variables = field
            .arguments
            .first()
            .map_or_else(|| json!({}), |_| json!({ "in": input }));
        let answer = self.world.send(by, &document, variables).await;
        if self.turned_away(by, name, &answer) {
            return Value::Null;
        }
        let mut judged = Judged {
            by,
            asked: name,
            errors: errors(&answer),
            makes: true,
        };
        self.judge(&mut judged, &picks, &answer["data"], &[by], "");
        self.leftovers(judged);
        answer["data"][name].clone()
    }

    /// Whether the request was not served at all, as it must be for a session that has ended, or a key, and only for those.
    fn turned_away(&mut self, by: Asker, asked: &str, answer: &Value) -> bool {
        let away = answer["data"].is_null();
        if by.is_over() {
            let code = &answer["errors"][0]["extensions"]["code"];
            if !away || code != "UNAUTHENTICATED" {
                self.complaints
                    .insert(format!("{by:?} is served {asked}: {answer}"));
            }
            return true;
        }
        if away {
            self.complaints
                .insert(format!("{by:?} asks for {asked}: {answer}"));
        }
        away
    }

    fn judge(
        &mut self,
        judged: &mut Judged<'_>,
        picks: &[Pick<'a>],
        value: &Value,
        owners: &[Asker],
        path: &str,
    ) {
        for pick in picks {
            let path = if path.is_empty() {
                pick.alias.clone()
            } else {
                format!("{path}.{}", pick.alias)
            };
            let (found, place) = (&value[&pick.alias], format!("{}.{}", pick.of, pick.field.name));
            let by = judged.by;
            let keyed = by.has(pick.field.scope.as_deref());
            let granted = match pick.field.who.as_str() {
                // A key does only what a scope lets it do, and reads what everybody reads.
                _ if by.is_key() && pick.of == "Mutation" => keyed,
                "ACCOUNT" if by.is_key() => keyed,
                "OWNER" | "BRAND_MANAGER" | "BRAND_OWNER" if by.is_key() => keyed && owners.contains(&by),
                "ANYONE" => true,
                "ACCOUNT" => by.is_signed_in(),
                "OWNER" => by == Asker::Operator || owners.contains(&by),
                // Who ships for a brand, or manages it, does not own it, unless she founded it in this very request.
                "BRAND_MANAGER" | "BRAND_OWNER" if by == Asker::Shipper => owners == [by],
                "BRAND_OWNER" if by == Asker::Manager => owners == [by],
                "BRAND_MANAGER" | "BRAND_OWNER" => by == Asker::Operator || owners.contains(&by),
                "OPERATOR" => by == Asker::Operator,
                other => panic!("{place}: nobody knows {other}"),
            };
            if !granted {
                let code = if by.is_signed_in() || by.is_key() {
                    "FORBIDDEN"
                } else {
                    "UNAUTHENTICATED"
                };
                let refused = judged.errors.remove(&path).is_some_and(|told| told == code);
                if !found.is_null() || !refused {
                    self.complaints
                        .insert(format!("{by:?} reads {place} by {}: {found}", judged.asked));
                }
                continue;
            }
            if found.is_null() {
                continue;
            }
            let of_owners = ["OWNER", "BRAND_MANAGER", "BRAND_OWNER"].contains(&&*pick.field.who);
            if !of_owners || owners.contains(&by) {
                self.reached.insert((pick.of.to_owned(), pick.field.name.clone()));
            }
            if let Below::Fields(picks) = &pick.below {
                self.below(judged, picks, &pick.field.leads_to, found, owners, &path);
            }
        }
    }

    fn below(
        &mut self,
        judged: &mut Judged<'_>,
        picks: &[Pick<'a>],
        of: &str,
        found: &Value,
        owners: &[Asker],
        path: &str,
    ) {
        if let Some(list) = found.as_array() {
            for (place, element) in list.iter().enumerate() {
                self.below(judged, picks, of, element, owners, &format!("{path}.{place}"));
            }
            return;
        }
        if found.is_null() {
            return;
        }
        let mut owners = owners.to_vec();
        if self.contract.nodes.contains(of) {
            match found["id"].as_str().map(|id| (id, self.world.thing(id))) {
                Some((id, Some(thing))) => {
                    owners.clone_from(&thing.owners);
                    if !thing.public && !owners.contains(&judged.by) && judged.by != Asker::Operator {
                        self.complaints.insert(format!(
                            "{:?} sees the {of} {id} at {} {path}",
                            judged.by, judged.asked
                        ));
                    }
                }
                // An account that someone opens is not hers before she has signed in.
                Some(_) if judged.makes && of == "Account" => owners.clear(),
                Some(_) if judged.makes => {}
                _ => {
                    self.complaints
                        .insert(format!("whose is the {of} at {} {path}? {found}", judged.asked));
                }
            }
        }
        self.judge(judged, picks, found, &owners, path);
    }

    /// Errors that no declaration explains.
    fn leftovers(&mut self, judged: Judged<'_>) {
        for (path, code) in judged.errors {
            self.complaints.insert(format!(
                "{:?} is refused {} {path}: {code}",
                judged.by, judged.asked
            ));
        }
    }

    /// Fields that nobody for whom they are declared has read with a value.
    pub(super) fn unreached(&self) -> Vec<String> {
        let all = self
            .contract
            .objects
            .iter()
            .flat_map(|(of, fields)| fields.iter().map(move |field| (of.clone(), field.name.clone())));
        let unseen = all.filter(|place| !self.reached.contains(place));
        unseen.map(|(of, field)| format!("{of}.{field}")).collect()
    }
}

fn alias(field: &Field, number: usize) -> String {
    match number {
        0 => field.name.clone(),
        _ => format!("{}{number}", field.name),
    }
}

/// The codes of an answer's errors, by path; those without one under an empty path.
fn errors(answer: &Value) -> BTreeMap<String, String> {
    let errors = answer["errors"].as_array().into_iter().flatten();
    let path = |error: &Value| {
        let steps = error["path"].as_array().into_iter().flatten();
        let steps: Vec<String> = steps
            .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
            .collect();
        steps.join(".")
    };
    let code = |error: &Value| {
        error["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    errors.map(|error| (path(error), code(error))).collect()
}
