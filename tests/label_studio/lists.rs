//! Lists hold what the caller may see and nothing else, with counts, pages and links that agree with it.

use std::process::Command;
use std::sync::OnceLock;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::label_studio::LabelStudio;
use crate::support::world::{self, Home, World};
use crate::support::{Moto, Person, Site, peer};

/// A gateway, people and projects that no other test gives roles to.
fn own() -> &'static World {
    static ONE: OnceLock<World> = OnceLock::new();
    let address = || &LabelStudio::shared().address;
    ONE.get_or_init(|| World::make(address(), ["Lynxes", "Larks"], "lists.example"))
}

async fn list(person: &Person, path: &str) -> Value {
    let answer = own().site.get(path, Some(person)).await;
    assert_eq!(answer.status, StatusCode::OK, "{} {path}: {}", person.email, answer.text());
    answer.json()
}

async fn refused(person: &Person, path: &str) -> (u16, String, String) {
    let answer = own().site.get(path, Some(person)).await;
    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), answer.code(), message)
}

fn ids(list: &Value) -> Vec<u64> {
    let items = list.as_array().or_else(|| list["results"].as_array());
    let mut ids: Vec<_> = items
        .unwrap_or_else(|| panic!("{list}"))
        .iter()
        .map(|it| it["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

async fn user(person: &Person) -> u64 {
    list(person, "/api/current-user/whoami").await["id"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_those_that_the_caller_has_a_role_in() {
    let world = own();
    let (cats, birds) = (world.cats.number, world.birds.number);
    for path in ["/api/projects/", "/api/projects?page_size=100", "/api/projects/counts/"] {
        for (person, expected) in [
            (&world.alice, vec![cats]),
            (&world.bob, vec![birds]),
            (&world.manager, vec![cats]),
            (&world.nobody, vec![]),
        ] {
            let listed = list(person, path).await;
            assert_eq!(ids(&listed), expected, "{} {path}", person.email);
            assert_eq!(listed["count"], expected.len(), "{} {path}", person.email);
            assert_eq!((&listed["next"], &listed["previous"]), (&Value::Null, &Value::Null));
        }
        let all = list(&world.owner, path).await;
        assert!(ids(&all).contains(&cats) && ids(&all).contains(&birds), "{all}");
        // Other tests make projects meanwhile.
        world::until_async("the owner's count is Label Studio's own", async || {
            list(&world.owner, path).await["count"] == world.studio.ask("GET", path, None)["count"]
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_choice_of_projects_is_cut_to_what_it_may_see() {
    let world = own();
    let (cats, birds) = (world.cats.number, world.birds.number);
    for (chosen, expected) in [
        (format!("{cats},{birds}"), vec![cats]),
        (format!("{birds}"), vec![]),
        (format!("{birds},x,'"), vec![]),
        (String::new(), vec![cats]),
        ("0".to_owned(), vec![]),
    ] {
        let listed = list(&world.alice, &format!("/api/projects?ids={chosen}")).await;
        assert_eq!(ids(&listed), expected, "{chosen}");
        assert_eq!(listed["count"], expected.len(), "{chosen}");
    }
    let path = format!("/api/projects?ids={cats},{birds}&page_size=1");
    let first = list(&world.owner, &path).await;
    assert_eq!(first["count"], 2);
    let next = first["next"].as_str().unwrap();
    let next = next.strip_prefix(&world.site.url("")).unwrap_or_else(|| panic!("{next}"));
    let second = list(&world.owner, next).await;
    let mut both = [ids(&first), ids(&second)].concat();
    both.sort_unstable();
    assert_eq!(both, [cats, birds]);
    let (status, code, _) =
        refused(&world.alice, &format!("/api/projects?ids={cats}&ids={birds}")).await;
    assert_eq!((status, code.as_str()), (400, "bad-query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_those_with_whom_the_caller_shares_a_project() {
    let world = own();
    let (cats, birds) = (world.cats.number, world.birds.number);
    let mut of_cats = Vec::new();
    for person in [&world.manager, &world.reviewer, &world.alice] {
        of_cats.push(user(person).await);
    }
    of_cats.sort_unstable();
    let (bob, nobody, owner) =
        (user(&world.bob).await, user(&world.nobody).await, user(&world.owner).await);
    // Whoever has worked in a project is known there; others of these tests may have.
    let worked = world.studio.ask("GET", &format!("/api/projects/{cats}/annotators/"), None);
    let with_work = |of: &[u64]| {
        let mut all = [of.to_vec(), ids(&worked)].concat();
        all.sort_unstable();
        all.dedup();
        all
    };
    for (person, path, expected) in [
        (&world.nobody, "/api/users".to_owned(), vec![nobody]),
        (&world.alice, "/api/users/".to_owned(), with_work(&of_cats)),
        (&world.alice, format!("/api/users?project={cats}"), with_work(&of_cats)),
        (&world.reviewer, format!("/api/users?project={cats}"), with_work(&of_cats)),
    ] {
        assert_eq!(ids(&list(person, &path).await), expected, "{} {path}", person.email);
    }
    let seen_by_bob = ids(&list(&world.bob, "/api/users").await);
    assert!(seen_by_bob.contains(&bob) && !seen_by_bob.contains(&nobody), "{seen_by_bob:?}");
    assert!(of_cats.iter().all(|one| !seen_by_bob.contains(one)), "{seen_by_bob:?}");
    let all = ids(&list(&world.owner, "/api/users").await);
    assert!([bob, nobody, owner].iter().chain(&of_cats).all(|one| all.contains(one)), "{all:?}");
    let (status, code, _) = refused(&world.alice, &format!("/api/users?project={birds}")).await;
    assert_eq!((status, code.as_str()), (404, "not-found"));

    let one = list(&world.alice, &format!("/api/users/{}/", of_cats[0])).await;
    assert_eq!(one["id"], of_cats[0]);
    for stranger in [bob, nobody, 999_999] {
        let (status, code, _) = refused(&world.alice, &format!("/api/users/{stranger}")).await;
        assert_eq!((status, code.as_str()), (404, "not-found"), "{stranger}");
    }
    assert_eq!(list(&world.owner, &format!("/api/users/{bob}/")).await["id"], bob);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_the_organization_are_listed_whole_or_not_at_all() {
    let world = own();
    let path = "/api/organizations/1/memberships?page_size=1000";
    let all = list(&world.owner, path).await;
    let raw = world.studio.ask("GET", path, None);
    assert_eq!(
        (&all["count"], all["results"].as_array().unwrap().len()),
        (&raw["count"], raw["results"].as_array().unwrap().len())
    );
    for person in [&world.manager, &world.reviewer, &world.alice, &world.nobody] {
        let (status, code, _) = refused(person, path).await;
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{}", person.email);
    }
}

/// Puts a prediction, a webhook and a tab into it; the prediction's number.
fn one_of_each(home: &Home) -> u64 {
    let made = |path: &str, wish: Value| own().studio.ask("POST", path, Some(wish));
    let project = home.number;
    let url = format!("https://hooks.example.com/{project}");
    made("/api/webhooks/", json!({ "url": url, "project": project, "is_active": false }));
    made("/api/dm/views/", json!({ "project": project, "data": { "title": "All" } }));
    let result = json!([{ "type": "rectanglelabels", "from_name": "label", "to_name": "image",
        "value": { "x": 1, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["Cat"] } }]);
    let made = made("/api/predictions/", json!({ "task": home.tasks[0], "result": result }));
    made["id"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_projects_a_list_holds_what_the_caller_may_see_in_each() {
    let world = own();
    let [led, labeled] = [world.fresh("Led").await, world.fresh("Labeled").await];
    for home in [&led, &labeled] {
        one_of_each(home);
    }
    let sam = world.site.person("acme", "sam@lists.example", "");
    world.site.member("acme", &led.name, &sam.email, "manager");
    world.site.member("acme", &labeled.name, &sam.email, "annotator");
    let raw = |path: &str, home: &Home| {
        let all = world.studio.ask("GET", &format!("{path}?project={}", home.number), None);
        let ids = ids(&all);
        assert!(!ids.is_empty(), "{path}");
        ids
    };
    for path in ["/api/predictions/", "/api/dm/views/"] {
        let mut both = [raw(path, &led), raw(path, &labeled)].concat();
        both.sort_unstable();
        assert_eq!(ids(&list(&sam, path).await), both, "{path}");
    }
    // Webhooks are a manager's.
    let path = "/api/webhooks/";
    assert_eq!(ids(&list(&sam, path).await), raw(path, &led));
    let (status, code, _) = refused(&world.alice, path).await;
    assert_eq!((status, code.as_str()), (403, "forbidden"));
    // Who sees no project, sees no such thing.
    for path in ["/api/predictions", "/api/dm/views", "/api/webhooks"] {
        assert_eq!(list(&world.nobody, path).await, json!([]), "{path}");
    }
    // Its pages count what they hold, so they are of one project.
    for person in [&sam, &world.nobody] {
        let (status, code, message) = refused(person, "/api/label_links").await;
        assert_eq!((status, code.as_str()), (400, "bad-query"));
        assert!(message.ends_with("project"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_names_no_project_is_of_the_only_one_or_all_or_refused() {
    let world = own();
    let (cats, birds) = (world.cats.number, world.birds.number);
    let [of_cats, of_birds] = [&world.cats, &world.birds].map(one_of_each);
    let seen = ids(&list(&world.alice, "/api/predictions/").await);
    assert!(seen.contains(&of_cats) && !seen.contains(&of_birds), "{seen:?}");
    let seen = ids(&list(&world.bob, "/api/predictions").await);
    assert!(!seen.contains(&of_cats) && seen.contains(&of_birds), "{seen:?}");
    for path in ["/api/webhooks", "/api/dm/views/", "/api/label_links"] {
        let of = |project: u64| format!("{path}?project={project}");
        assert_eq!(
            list(&world.manager, path).await,
            list(&world.manager, &of(cats)).await,
            "{path}"
        );
        let all = list(&world.owner, path).await;
        let raw = world.studio.ask("GET", &format!("{}/", path.trim_end_matches('/')), None);
        assert_eq!(ids(&all), ids(&raw), "{path}");
        let (status, code, _) = refused(&world.alice, &of(birds)).await;
        assert_eq!((status, code.as_str()), (404, "not-found"), "{path}");
    }
    for path in
        ["/api/dm/columns", "/api/dm/project", "/api/dm/actions", "/api/tasks", "/api/storages/s3"]
    {
        let (status, code, message) = refused(&world.owner, path).await;
        assert_eq!((status, code.as_str()), (400, "bad-query"), "{path}");
        assert!(message.ends_with("project"), "{message}");
    }
    let (status, code, _) = refused(&world.manager, "/api/labels").await;
    assert_eq!((status, code.as_str()), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_some_projects_lists_no_others() {
    let world = own();
    let token = world.site.token(&world.owner.email, &["--project", &world.cats.name]);
    let listed = list(&token, "/api/projects").await;
    assert_eq!((ids(&listed), &listed["count"]), (vec![world.cats.number], &json!(1)));
    let seen = ids(&list(&token, "/api/predictions").await);
    let of_cats =
        world.studio.ask("GET", &format!("/api/predictions/?project={}", world.cats.number), None);
    assert_eq!(seen, ids(&of_cats));
}

/// Copies a project so often that the numbers of all of them fill a long address.
fn copies(studio: &LabelStudio, project: u64, many: usize) {
    let script = "import sys,sqlite3\n\
        c=sqlite3.connect(sys.argv[1],timeout=30)\n\
        c.row_factory=sqlite3.Row\n\
        row=dict(c.execute('select * from project where id=?',(sys.argv[2],)).fetchone())\n\
        for n in range(int(sys.argv[3])):\n\
        \x20 row.update(id=100000+n,title='Copy %d'%n,token='t%d'%n)\n\
        \x20 c.execute('insert into project (%s) values (%s)'%(','.join(row),','.join('?'*len(row))),list(row.values()))\n\
        c.commit()\n";
    let python = peer::root().join(".cache/peers/label-studio/bin/python");
    let done = Command::new(python)
        .args(["-c", script])
        .arg(studio.data.path().join("label_studio.sqlite3"))
        .args([&project.to_string(), &many.to_string()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_visible_projects_are_listed_page_by_page() {
    const MANY: usize = 400;
    let (studio, moto) = (LabelStudio::start(), Moto::shared());
    let first = studio.project("First");
    copies(&studio, first, MANY);
    let mut site: Site = world::before(&studio, moto);
    site.run(&["organization", "create", "--name", "acme"]);
    let mia = site.person("acme", "mia@example.com", "");
    site.start();
    world::until("all projects are adopted", || {
        site.run(&["project", "list", "--organization", "acme"]).lines().count() > MANY
    });
    let hidden = studio.project("Hidden");
    site.run(&[
        "workspace",
        "member",
        "add",
        "--organization",
        "acme",
        "--name",
        "label-studio",
        "--email",
        &mia.email,
        "--role",
        "annotator",
    ]);
    let (mut path, mut seen) = ("/api/projects?page_size=100&ordering=id".to_owned(), Vec::new());
    loop {
        let answer = site.ask(Method::GET, &path, Some(&mia), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let page = answer.json();
        assert_eq!(page["count"], MANY + 1);
        seen.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        assert!(next.len() < 200, "the gateway's own filter is in the link: {next}");
        path = next.strip_prefix(&site.url("")).unwrap().to_owned();
    }
    assert_eq!(seen.len(), MANY + 1);
    assert!(!seen.contains(&hidden));
}
