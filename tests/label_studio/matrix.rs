//! Every row of the route catalogue × every role × a project of one's own and a foreign one: what comes of it is what the
//! printed policy matrix says. Writes are let through to Label Studio's door and no further, so that nothing is destroyed.

use std::fmt::Write as _;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sluicegate::label_studio::{Deed, Reach};

use crate::catalogue::{Row, rows};
use crate::relay::Relayed;
use crate::support::Person;
use crate::support::world::World;
use crate::things::{Things, Work, work_of};

/// Somebody, and the roles that he has.
struct Somebody<'a> {
    called: &'static str,
    /// `None`: not signed in.
    person: Option<&'a Person>,
    in_organization: Option<&'static str>,
    /// In the first and in the second project.
    in_project: [Option<&'static str>; 2],
    number: u64,
    work: [Option<Work>; 2],
}

/// Where a row is asked about: the first project, or the second.
const PLACES: [&str; 2] = ["lions", "wolves"];

fn everybody(world: &World) -> Vec<Somebody<'_>> {
    let one = |called, person, in_organization, in_project| Somebody {
        called,
        person,
        in_organization,
        in_project,
        number: 0,
        work: [None; 2],
    };
    vec![
        one("owner", Some(&world.owner), Some("owner"), [None, None]),
        one("admin", Some(&world.administrator), Some("administrator"), [None, None]),
        one("manager", Some(&world.manager), None, [Some("manager"), None]),
        one("reviewer", Some(&world.reviewer), None, [Some("reviewer"), None]),
        one("annotator", Some(&world.alice), None, [Some("annotator"), None]),
        one("another", Some(&world.bob), None, [None, Some("annotator")]),
        one("stranger", Some(&world.nobody), None, [None, None]),
        one("outsider", Some(&world.outsider), None, [None, None]),
        one("nobody", None, None, [None, None]),
    ]
}

/// What one row asks in one place.
struct Ask {
    method: &'static str,
    target: String,
    body: Option<(String, Vec<u8>)>,
}

/// Whose annotation or draft it is done to.
#[derive(Clone, Copy, PartialEq)]
enum Whose {
    Own,
    Others,
    /// The row names none.
    Nobodys,
}

/// The policy matrix, as the program prints it.
struct Policies(Vec<Value>);

impl Policies {
    fn answer(
        &self,
        held: &str,
        about: &str,
        (deed, own): (&str, Option<bool>),
        role: &str,
    ) -> &str {
        let cell = self.0.iter().find(|cell| {
            cell["held"] == held
                && cell["about"] == about
                && cell["operation"] == deed
                && cell["own"] == json!(own)
                && cell["role"] == role
        });
        let cell = cell.unwrap_or_else(|| panic!("no cell: {held} {about} {deed} {own:?} {role}"));
        match cell["answer"].as_str().unwrap() {
            "permitted" => "yes",
            "forbidden" => "403",
            _ => "404",
        }
    }

    fn expected(&self, row: &Row, who: &Somebody<'_>, place: usize, whose: Whose) -> &str {
        if row.is_shut() {
            return "404";
        }
        if who.person.is_none() {
            return "401";
        }
        if who.called == "outsider" {
            return "404";
        }
        let deed: Deed = row.deed().parse().unwrap();
        if deed.reach() == Reach::Organization {
            let (held, role) = match who.in_organization {
                Some(role) => ("in-organization", role),
                None => ("in-other-project", "annotator"),
            };
            return self.answer(held, "own-organization", (deed.as_str(), None), role);
        }
        let (held, role) =
            match (who.in_organization, who.in_project[place], who.in_project[1 - place]) {
                (Some(role), ..) => ("in-organization", role),
                (None, Some(role), _) => ("in-project", role),
                (None, None, other) => ("in-other-project", other.unwrap_or("annotator")),
            };
        let kept = matches!(
            deed,
            Deed::ChangeAnnotation | Deed::DeleteAnnotation | Deed::KeepDraft | Deed::KeepTab
        );
        let own = match (deed, whose) {
            (_, Whose::Own) if kept => Some(true),
            (_, Whose::Others) if kept => Some(false),
            // New drafts and tabs are one's own; annotations that a selection holds may be anybody's.
            (Deed::KeepDraft | Deed::KeepTab, Whose::Nobodys) => Some(true),
            (Deed::DeleteAnnotation, Whose::Nobodys) => Some(false),
            _ => None,
        };
        self.answer(held, "label-studio-project", (deed.as_str(), own), role)
    }
}

impl Row {
    fn deed(&self) -> &'static str {
        self.columns[2]
    }

    /// Whose work the row can be about: what its path names decides.
    fn whose(&self) -> &'static [Whose] {
        let part = match self.deed() {
            "KeepDraft" => "{draft}",
            "KeepTab" => "{tab}",
            "ChangeAnnotation" | "DeleteAnnotation" => "{annotation}",
            _ => return &[Whose::Nobodys],
        };
        if self.columns[1].contains(part) {
            &[Whose::Own, Whose::Others]
        } else {
            &[Whose::Nobodys]
        }
    }

    fn is_about_a_project(&self) -> bool {
        let things = ["{user}", "{n}", "{any}", "{file}", "{type}"];
        let of_path =
            self.columns[1].split('/').any(|part| part.starts_with('{') && !things.contains(&part));
        of_path || self.columns[4..6].iter().any(|column| column.contains("project:project"))
    }

    fn ask(
        &self,
        method: &'static str,
        things: &Things,
        who: &Somebody<'_>,
        work: Option<Work>,
    ) -> Ask {
        let number = |name: &str| match (name, work) {
            ("annotation", Some(work)) => work.annotation,
            ("draft", Some(work)) => work.draft,
            ("tab", Some(work)) => work.tab,
            ("storage", _) if self.columns[1].contains("export/") => things.target,
            ("user", _) => who.number.max(1),
            ("n", _) => 1,
            _ => things.numbers[name],
        };
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}'))
        {
            None => part.to_owned(),
            Some("type") => "s3".to_owned(),
            Some("file") if self.columns[1].starts_with("/data/upload/") => things.file.clone(),
            Some("file") if self.columns[1].contains("/settings/") => "labeling".to_owned(),
            Some("file") => "delete_tasks".to_owned(),
            Some("any") => "main.js".to_owned(),
            Some(name) => number(name).to_string(),
        };
        let (path, fixed) = self.columns[1].split_once('?').unwrap_or((self.columns[1], ""));
        let mut target = path.split('/').map(part).collect::<Vec<_>>().join("/");
        let mut query: Vec<String> = Vec::new();
        query.extend((!fixed.is_empty()).then(|| fixed.to_owned()));
        let things_in_path = path.contains("{project}") || path.contains('{');
        for parameter in self.columns[4].split(',') {
            let (name, thing) = parameter.split_once(':').unwrap_or((parameter, ""));
            let required = parameter.ends_with(['!', '?']);
            if name == "fileuri!" {
                query.push(format!("fileuri={}", things.fileuri.replace('=', "%3D")));
            } else if required
                || (thing == "project"
                    && !things_in_path
                    && method == "GET"
                    && self.deed() != "ListPeople")
            {
                query.push(format!("{name}={}", number(thing.trim_end_matches(['!', '?']))));
            }
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let body = (method != "GET" && self.columns[5] != "-").then(|| self.body(&number));
        Ask { method, target, body }
    }

    fn body(&self, number: &dyn Fn(&str) -> u64) -> (String, Vec<u8>) {
        let mut rules = self.columns[5].split(',');
        if rules.next() == Some("multipart") {
            let form = "--b\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"a.png\"\r\n\r\nx\r\n--b--\r\n";
            return ("multipart/form-data; boundary=b".to_owned(), form.into());
        }
        let mut members = serde_json::Map::new();
        let mut in_list = false;
        for rule in rules.filter(|rule| rule.ends_with('!')) {
            in_list |= rule.starts_with("[].");
            let (name, thing) =
                rule.trim_start_matches("[].").trim_end_matches('!').split_once(':').unwrap();
            members.insert(name.to_owned(), json!(number(thing)));
        }
        let body = if in_list { json!([members]) } else { json!(members) };
        ("application/json".to_owned(), body.to_string().into_bytes())
    }
}

/// What the test has in hand while it goes through the rows.
struct Proof<'a> {
    relayed: &'a Relayed,
    client: Client,
    policies: Policies,
    people: Vec<Somebody<'a>>,
    wrong: Vec<String>,
}

impl Proof<'_> {
    /// One row of the table.
    async fn line(&mut self, row: &Row, method: &'static str, whose: Whose) -> String {
        let places = if row.is_about_a_project() && !row.is_shut() { 2 } else { 1 };
        let mut line = format!("{method:<6} {:<58} {:<18}", row.columns[1], row.deed());
        line.push_str(match whose {
            Whose::Own => " own   ",
            Whose::Others => " other ",
            Whose::Nobodys => "       ",
        });
        for place in 0..places {
            line.push_str(" |");
            for nth in 0..self.people.len() {
                let cell = self.cell((row, method, whose), place, nth).await;
                write!(line, " {:>3}", cell.chars().take(3).collect::<String>()).unwrap();
            }
        }
        line
    }

    /// What this person gets there; `-` where he has no work of his own.
    async fn cell(
        &mut self,
        (row, method, whose): (&Row, &'static str, Whose),
        place: usize,
        nth: usize,
    ) -> String {
        let who = &self.people[nth];
        let work = if whose == Whose::Own { who.work[place] } else { None };
        if whose == Whose::Own && work.is_none() {
            return "-".to_owned();
        }
        let ask = row.ask(method, &self.relayed.things[place], who, work);
        let seen = decision(self.relayed, &self.client, who, &ask).await;
        let expected = self.policies.expected(row, who, place, whose);
        if seen != expected {
            let (line, place) = (row.line, PLACES[place]);
            let Ask { target, .. } = ask;
            let told =
                format!("{method} {target} by {} in {place}: {seen}, not {expected}", who.called);
            self.wrong.push(format!("line {line}: {told}"));
        }
        seen
    }
}

/// What comes of it: a yes is what Label Studio was asked for, or what the gateway answered by itself.
async fn decision(relayed: &Relayed, client: &Client, who: &Somebody<'_>, ask: &Ask) -> String {
    relayed.relay.asked();
    let method = ask.method.parse().unwrap();
    let mut request = client.request(method, relayed.world.site.url(&ask.target));
    if let Some(person) = who.person {
        request = request.bearer_auth(&person.token);
    }
    if let Some((kind, bytes)) = &ask.body {
        request = request.header("content-type", kind).body(bytes.clone());
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.bytes().await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let arrived = relayed.relay.asked();
    match status {
        _ if !arrived.is_empty() => {
            // A read may be repeated.
            let of_one = arrived.iter().all(|one| one.line() == arrived[0].line());
            assert!(of_one, "{} {}: {arrived:?}", ask.method, ask.target);
            "yes".to_owned()
        }
        status if status.is_success() || status.is_redirection() => "yes".to_owned(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            status.as_str().to_owned()
        }
        status => format!("{status}: {text:?}"),
    }
}

/// Everybody, with his number in Label Studio and some work of his own where he has a role.
async fn at_work(world: &World) -> Vec<Somebody<'_>> {
    let mut people = everybody(world);
    for who in &mut people {
        let Some(person) = who.person.filter(|_| who.called != "outsider") else { continue };
        let told = world.site.get("/api/current-user/whoami", Some(person)).await.json();
        who.number = told["id"].as_u64().unwrap();
        for (place, home) in [&world.cats, &world.birds].into_iter().enumerate() {
            if who.in_organization.is_none() && who.in_project[place].is_none() {
                continue;
            }
            who.work[place] = Some(work_of(world, person, (home.number, home.tasks[1])).await);
            // What passes is what the gateway knows the tasks to refer to.
            let list = format!("/api/tasks/?project={}", home.number);
            let list = world.site.get(&list, Some(person)).await;
            assert!(list.text().contains("/-/m/"), "{}", list.text());
        }
    }
    people
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_decided_as_the_policy_matrix_says() {
    let relayed = Relayed::alone().await;
    let world = &relayed.world;
    let printed = world.site.run(&["policy", "matrix", "--json"]);
    let policies = Policies(serde_json::from_str(&printed).unwrap());
    let (people, client) = (at_work(world).await, world.site.client());
    relayed.relay.withhold(true);
    let mut proof = Proof { relayed: &relayed, client, policies, people, wrong: Vec::new() };
    let mut lines = Vec::new();
    for row in rows() {
        let methods = if row.columns[0] == "*" { vec!["GET", "POST"] } else { row.methods() };
        for (method, whose) in
            methods.iter().flat_map(|it| row.whose().iter().map(move |of| (it, of)))
        {
            lines.push(proof.line(row, method, *whose).await);
        }
    }
    relayed.relay.withhold(false);
    let Proof { wrong, people, .. } = proof;
    let told = wrong.join("\n");
    assert!(wrong.is_empty(), "{} cells are not as the policies say:\n{told}", wrong.len());
    let called: Vec<_> = people.iter().map(|who| who.called).collect();
    let table = format!(
        "Of each place, in this order: {}.\nlions: of manager, reviewer and annotator; wolves: of another.\n\n{}\n",
        called.join(", "),
        lines.join("\n")
    );
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("label-studio-matrix", table);
    });
}
