//! The stage as the gateway uses it: who gets what, and what a no tells.

use std::net::IpAddr;
use std::num::NonZeroU32;

use super::question::{Asker, Question, SEE_LOCATION, Subject};
use super::sample::{
    ACME, FACES, GLOBEX, SIGNS, VISION, address, aws_role, brought, catalog, client, get, identity,
    member_of, operation, policy, project, put, rules_with, scoped, sealing, seen, storage,
    vouched, with_role,
};
use super::{BY_SCOPE, Basis, Denial, Destination, Grant, PUBLIC, Policy, Quota, Rules, Settings};
use crate::catalog::{Catalog, LiveCatalog, Organization, Role};
use crate::ground::generation::Generation;
use crate::identity::Identity;
use crate::request::Operation;

const SCAN: &str = "/-/objects/signs/scans/a/b.png";

fn decide(policy: &Policy, who: &Identity, operation: &Operation) -> Result<Grant, Denial> {
    policy.admit(who, operation)?;
    policy.decide(who, operation, client())
}

/// What `who` sees when he asks for it.
fn sees(who: &Identity, operation: &Operation) -> &'static str {
    seen(&decide(&policy(), who, operation))
}

fn nobody() -> Identity {
    Identity::NOBODY
}

#[test]
fn roles_in_the_project_decide_and_strangers_learn_nothing() {
    let (read, list, write) = (get(SCAN), get("/-/objects/signs/scans/"), put(SCAN));
    let organization_role = |role| {
        let mut person = member_of(ACME);
        person.organization_role = Some(role);
        identity(person)
    };
    let in_workspace = {
        let mut person = member_of(ACME);
        person.memberships.workspaces.insert(VISION, Role::Manager);
        identity(person)
    };
    for (name, who, expected) in [
        ("nobody", nobody(), ["401", "401", "401"]),
        ("annotator", with_role(Role::Annotator, SIGNS), ["granted", "granted", "403"]),
        ("reviewer", with_role(Role::Reviewer, SIGNS), ["granted", "granted", "403"]),
        ("manager", with_role(Role::Manager, SIGNS), ["granted", "granted", "granted"]),
        ("manager of the workspace", in_workspace, ["granted", "granted", "granted"]),
        ("manager elsewhere", with_role(Role::Manager, FACES), ["404 invisible"; 3]),
        ("owner of the organization", organization_role(Role::Owner), ["granted"; 3]),
        ("annotator of the organization", organization_role(Role::Annotator), ["404 invisible"; 3]),
        ("member without a role", identity(member_of(ACME)), ["404 invisible"; 3]),
        ("stranger", identity(member_of(GLOBEX)), ["404 invisible"; 3]),
    ] {
        assert_eq!(
            [&read, &list, &write].map(|operation| sees(&who, operation)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn what_does_not_exist_looks_like_what_may_not_be_known() {
    let who = with_role(Role::Annotator, SIGNS);
    for target in ["/-/objects/none/scans/a", "/-/objects/signs/none/a", "/-/m/AAAA"] {
        assert_eq!(sees(&who, &get(target)), "404", "{target}");
    }
    // Films exist, in this project; nothing of it is told to who has no part.
    assert_eq!(sees(&identity(member_of(ACME)), &get("/-/objects/signs/films/a")), "404 invisible");
}

#[test]
fn the_same_names_lead_everyone_into_his_own_organization() {
    let mut person = member_of(GLOBEX);
    person.organization_role = Some(Role::Owner);
    let grant = decide(&policy(), &identity(person), &get(SCAN)).unwrap();
    let Destination::Object { project, .. } = grant.destination() else { panic!("{grant:?}") };
    assert_eq!(project.organization, GLOBEX);
}

#[test]
fn public_routes_are_a_closed_list_and_the_rest_asks_for_a_sign_in() {
    let policy = policy();
    let grant = decide(&policy, &nobody(), &get("/-/sign-in")).unwrap();
    assert_eq!(grant.basis().policies, [Box::from(PUBLIC)]);
    for target in ["/-/", "/-/api/account", "/-/m/AAAA", SCAN] {
        assert_eq!(seen(&decide(&policy, &nobody(), &get(target))), "401", "{target}");
    }
}

#[test]
fn everyone_has_his_own_pages_and_only_administrators_explain() {
    let explain = get(&format!("/-/api/requests/{}", "0".repeat(32)));
    let stranger = identity(member_of(GLOBEX));
    assert_eq!(sees(&stranger, &get("/-/")), "granted");
    assert_eq!(sees(&stranger, &get("/-/api/account")), "granted");
    assert_eq!(sees(&stranger, &sealing()), "granted");
    assert_eq!(sees(&stranger, &explain), "403");
    assert_eq!(sees(&with_role(Role::Owner, SIGNS), &explain), "403");
    let mut person = member_of(ACME);
    person.organization_role = Some(Role::Administrator);
    assert_eq!(sees(&identity(person), &explain), "granted");
}

#[test]
fn a_token_does_at_most_what_its_scope_says_and_learns_nothing_beyond() {
    let faces = get("/-/objects/faces/scans/a");
    for (name, who, operation, expected) in [
        ("in scope", scoped(Some(&["signs"]), None), get(SCAN), "granted"),
        ("another project", scoped(Some(&["signs"]), None), faces.clone(), "404 invisible"),
        ("no project at all", scoped(Some(&[]), None), get(SCAN), "404 invisible"),
        ("another operation", scoped(None, Some(&["ListObjects"])), get(SCAN), "403"),
        ("no operation at all", scoped(None, Some(&[])), get("/-/"), "403"),
        ("both out", scoped(Some(&["signs"]), Some(&[])), faces, "404 invisible"),
        ("scope gives nothing", scoped(None, Some(&["WriteObject"])), put(SCAN), "403"),
    ] {
        assert_eq!(sees(&who, &operation), expected, "{name}");
    }
    let denial = decide(&policy(), &scoped(None, Some(&[])), &get(SCAN)).unwrap_err();
    assert_eq!(denial.basis().unwrap().policies, [Box::from(BY_SCOPE)]);
}

#[test]
fn a_grant_tells_the_policies_that_gave_it() {
    let grant = decide(&policy(), &with_role(Role::Annotator, SIGNS), &get(SCAN)).unwrap();
    assert_eq!(grant.basis(), &Basis { policies: vec!["member-reads".into()], generation: 1 });
}

#[test]
fn handles_open_for_their_person_only_and_lead_to_the_object() {
    let policy = policy();
    let who = with_role(Role::Annotator, SIGNS);
    let held = decide(&policy, &who, &sealing()).unwrap();
    let handle = policy.seal(&held, &address("signs", "scans", "a/b.png")).unwrap();
    let read = get(&format!("/-/m/{}", handle.as_str()));

    let grant = decide(&policy, &who, &read).unwrap();
    let Destination::Object { project, storage, key } = grant.destination() else {
        panic!("{grant:?}")
    };
    assert_eq!((project.id, storage.name.as_str(), key.as_str()), (SIGNS, "scans", "a/b.png"));

    let mut other = member_of(ACME);
    other.account.0 += 1;
    other.organization_role = Some(Role::Owner);
    assert_eq!(seen(&decide(&policy, &identity(other), &read)), "404");

    // Opening asks the policies again: the role is gone, and so is the object.
    assert_eq!(seen(&decide(&policy, &identity(member_of(ACME)), &read)), "404 invisible");
}

#[test]
fn a_handle_is_sealed_only_for_who_may_have_it() {
    let policy = policy();
    let held = decide(&policy, &with_role(Role::Reviewer, SIGNS), &sealing()).unwrap();
    assert!(policy.seal(&held, &address("signs", "films", "x")).is_ok());
    for (project, storage) in [("faces", "scans"), ("none", "scans"), ("signs", "none")] {
        let denial = policy.seal(&held, &address(project, storage, "x")).unwrap_err();
        assert!(matches!(denial, Denial::NotFound { .. }), "{project} {storage} {denial:?}");
    }
}

#[test]
fn only_visible_projects_in_scope_are_listed() {
    let listed = |who: &Identity| {
        let policy = policy();
        let held = decide(&policy, who, &get("/-/")).unwrap();
        let projects = policy.visible_projects(&held);
        projects.iter().map(|project| project.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&with_role(Role::Annotator, FACES)), ["faces"]);
    assert_eq!(listed(&scoped(None, None)), ["faces", "signs"]);
    assert_eq!(listed(&scoped(Some(&["signs"]), None)), ["signs"]);
    assert_eq!(listed(&identity(member_of(ACME))), [""; 0]);
    let mut owner = member_of(ACME);
    owner.organization_role = Some(Role::Owner);
    assert_eq!(listed(&identity(owner)), ["faces", "signs"]);
}

#[test]
fn a_held_grant_lapses_with_its_cause() {
    let live = LiveCatalog::new(catalog(), Generation::default());
    let policy = Policy::new(&Settings::default(), live.clone()).unwrap();
    let who = with_role(Role::Annotator, SIGNS);
    let held = decide(&policy, &who, &get(SCAN)).unwrap();
    assert!(policy.decide_again(&who, &held).is_ok());

    assert!(policy.decide_again(&identity(member_of(ACME)), &held).is_err(), "the role is gone");
    assert!(policy.decide_again(&nobody(), &held).is_err(), "signed out");
    let mut other = member_of(ACME);
    other.account.0 += 1;
    other.organization_role = Some(Role::Owner);
    assert!(policy.decide_again(&identity(other), &held).is_err(), "somebody else");

    for (what, catalog) in [
        ("the storage was changed", with_storage("scans", 2)),
        ("the storage is gone", with_storage("films", 1)),
        ("everything is gone", Catalog::default()),
    ] {
        live.publish(catalog);
        assert!(policy.decide_again(&who, &held).is_err(), "{what}");
    }
    live.publish(with_storage("scans", 1));
    assert!(policy.decide_again(&who, &held).is_ok(), "everything is as it was");
}

fn with_storage(name: &str, revision: u64) -> Catalog {
    let id = if name == "scans" { 1000 } else { 1001 };
    let signs = project(ACME, VISION, SIGNS, "signs");
    let signs = signs.with_storages([storage(SIGNS, id, name, revision)]);
    Catalog::new([Organization::new(ACME, "acme".parse().unwrap(), String::new(), [signs])])
}

#[test]
fn quotas_count_decisions_but_not_held_grants() {
    let one = NonZeroU32::MIN;
    let quota = Some(Quota { requests_per_second: one, burst: NonZeroU32::new(2).unwrap() });
    let live = LiveCatalog::new(catalog(), Generation::default());
    let policy = Policy::new(&Settings { quota, ..Settings::default() }, live).unwrap();
    let who = with_role(Role::Annotator, SIGNS);
    let held = decide(&policy, &who, &get(SCAN)).unwrap();
    for _ in 0..10 {
        assert!(policy.decide_again(&who, &held).is_ok());
        assert_eq!(seen(&decide(&policy, &who, &get("/-/sign-in"))), "granted");
    }
    let served = (0..20).filter(|_| decide(&policy, &who, &get(SCAN)).is_ok()).count();
    assert!((1..=3).contains(&served), "{served}");
}

#[test]
fn a_reload_takes_all_or_nothing_and_voids_what_was_decided() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { folder: Some(folder.path().to_owned()), ..Settings::default() };
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("roles.cedar", include_str!("../../policies/roles.cedar"));
    write("schema.cedarschema", include_str!("../../policies/schema.cedarschema"));

    let live = LiveCatalog::new(catalog(), Generation::default());
    let policy = Policy::new(&settings, live.clone()).unwrap();
    let who = with_role(Role::Annotator, SIGNS);
    let held = decide(&policy, &who, &get(SCAN)).unwrap();

    write("stop.cedar", "@id(\"stop\") forbid (principal, action == Action::\"Reed\", resource);");
    assert!(policy.reload(&settings).is_err());
    assert_eq!(live.generation().current(), 1, "nothing changed");
    assert_eq!(seen(&decide(&policy, &who, &get(SCAN))), "granted");

    write(
        "stop.cedar",
        "@id(\"stop\") forbid (principal, action == Action::\"ReadObject\", resource);",
    );
    policy.reload(&settings).unwrap();
    assert_eq!(live.generation().current(), 2);
    let denial = policy.decide_again(&who, &held).unwrap_err();
    assert_eq!(denial.basis().unwrap().policies, [Box::from("stop")]);
    assert_eq!(denial.to_string(), "forbidden by stop");
}

#[test]
fn an_ipv4_client_is_one_however_the_socket_spells_it() {
    let folder = tempfile::tempdir().unwrap();
    let roles = include_str!("../../policies/roles.cedar");
    let office = "@id(\"office\") forbid (principal, action, resource) \
                  unless { context.client.isInRange(ip(\"192.0.2.0/24\")) };";
    std::fs::write(folder.path().join("a.cedar"), format!("{roles}\n{office}")).unwrap();
    let settings = Settings { folder: Some(folder.path().to_owned()), ..Settings::default() };
    let policy =
        Policy::new(&settings, LiveCatalog::new(catalog(), Generation::default())).unwrap();
    let who = with_role(Role::Annotator, SIGNS);
    for (address, expected) in [
        ("192.0.2.9", "granted"),
        ("::ffff:192.0.2.9", "granted"),
        // Everything is forbidden from there, seeing the project too.
        ("198.51.100.1", "404 invisible"),
        ("2001:db8::1", "404 invisible"),
    ] {
        let from: IpAddr = address.parse().unwrap();
        assert_eq!(seen(&policy.decide(&who, &get(SCAN), from)), expected, "{address}");
    }
}

#[test]
fn locations_are_shown_to_managers_at_most_whatever_a_policy_says() {
    let open = "@id(\"open\") permit (principal, action == Action::\"SeeLocation\", resource);";
    let ask = |rules: &Rules, role| {
        let (catalog, person) = (catalog(), with_role(role, FACES));
        let person = person.person().unwrap();
        let organization = catalog.organization(ACME).unwrap();
        let project = catalog.project_by_id(ACME, FACES).unwrap();
        let question = Question {
            asker: Asker::from(person),
            action: SEE_LOCATION,
            subject: Subject::Project(organization, project),
            project_role: person.role_in(project.id, project.workspace),
            client: client(),
            key: None,
            own: None,
        };
        rules.ask(&question).unwrap().permitted
    };
    let (built_in, opened) = (Rules::built_in().unwrap(), rules_with(open));
    for role in Role::ALL {
        assert!(!ask(&built_in, role), "{role:?}");
        let manages = matches!(role, Role::Owner | Role::Administrator | Role::Manager);
        assert_eq!(ask(&opened, role), manages, "{role:?}");
    }
}

#[test]
fn sign_out_is_everybodys_own() {
    let sign_out = operation(&http::Method::POST, "/-/sign-out");
    assert_eq!(sees(&identity(member_of(GLOBEX)), &sign_out), "granted");
    assert_eq!(sees(&nobody(), &sign_out), "401");
}

/// What people open as themselves: the storage `own` of faces.
const OWN: &str = "/-/objects/faces/own/a";

fn owner(asserts: &[&str]) -> Identity {
    let mut person = member_of(ACME);
    person.organization_role = Some(Role::Owner);
    vouched(person, asserts)
}

/// Owner of faces, where handles and names are open to whoever has the role.
fn owner_of_faces(asserts: &[&str]) -> Identity {
    let mut person = member_of(ACME);
    person.memberships.projects.insert(FACES, Role::Owner);
    vouched(person, asserts)
}

#[test]
fn what_people_open_as_themselves_asks_for_the_role_that_the_storage_names() {
    let mut by_token = member_of(ACME);
    by_token.organization_role = Some(Role::Owner);
    let by_token = crate::identity::suppose(
        by_token,
        crate::identity::Supposed::Token(crate::catalog::Scope::ALL),
        1,
    );
    for (name, who, expected) in [
        ("owner with the role", owner(&["labeler", "admin"]), "granted"),
        ("owner of the project with it", owner_of_faces(&["admin"]), "granted"),
        ("owner with another's role", owner(&["labeler"]), "403"),
        ("owner with none", owner(&[]), "403"),
        ("owner who signed in otherwise", with_role(Role::Owner, FACES), "403"),
        ("owner by a token", by_token, "403"),
        ("member with the role", vouched(member_of(ACME), &["admin"]), "404 invisible"),
        ("stranger with the role", vouched(member_of(GLOBEX), &["admin"]), "404"),
    ] {
        let read = get(OWN);
        for operation in [&read, &put(OWN), &get("/-/objects/faces/own/")] {
            assert_eq!(sees(&who, operation), expected, "{name} {}", operation.name());
        }
        let taken = sees(&who, &get("/-/objects/faces/taken/a"));
        assert_eq!(taken == "granted", expected != "404 invisible" && expected != "404", "{name}");
    }
    let denial = decide(&policy(), &owner(&["labeler"]), &get(OWN)).unwrap_err();
    assert_eq!(denial.basis().unwrap().policies, [Box::from("asserted-role")]);
}

#[test]
fn handles_are_made_and_storages_shown_only_to_who_can_open_them() {
    let policy = policy();
    for (asserts, opens) in [(&["admin"][..], true), (&["labeler"][..], false)] {
        let who = owner(asserts);
        let held = decide(&policy, &who, &sealing()).unwrap();
        let handle = policy.seal(&held, &address("faces", "own", "a"));
        assert_eq!(handle.is_ok(), opens, "{asserts:?}");
        let faces = policy.visible_projects(&held);
        let faces = faces.iter().find(|project| project.id == FACES).unwrap();
        let listed = policy.listable_storages(&held, faces);
        assert_eq!(listed.iter().any(|name| name.as_str() == "own"), opens, "{asserts:?}");
    }
}

#[test]
fn a_grant_tells_the_role_and_lapses_when_it_would_be_another() {
    let policy = policy();
    let who = owner_of_faces(&["admin", "labeler"]);
    let held = decide(&policy, &who, &get("/-/objects/faces/own/a")).unwrap();
    assert_eq!(held.role().map(|role| &**role), Some(&*aws_role("admin")));
    assert!(policy.decide_again(&who, &held).is_ok());
    let taken = decide(&policy, &who, &get("/-/objects/faces/taken/a")).unwrap();
    assert_eq!(taken.role(), held.role());
    assert_eq!(decide(&policy, &who, &get("/-/objects/faces/scans/a")).unwrap().role(), None);
    let mut person = member_of(ACME);
    person.memberships.projects.insert(FACES, Role::Manager);
    let manager = vouched(person, &["admin", "labeler"]);
    assert!(policy.decide_again(&manager, &taken).is_err(), "he would open it as another");
    assert!(decide(&policy, &manager, &get("/-/objects/faces/taken/a")).unwrap().role().is_none());
}

#[test]
fn two_sessions_of_one_person_do_not_share_an_answer() {
    let policy = policy();
    for _ in 0..2 {
        assert_eq!(seen(&decide(&policy, &owner(&["admin"]), &get(OWN))), "granted");
        assert_eq!(seen(&decide(&policy, &owner(&["labeler"]), &get(OWN))), "403");
    }
}

#[test]
fn a_reload_tells_which_credentials_are_people_s_own() {
    let live = LiveCatalog::new(catalog(), Generation::default());
    let policy = Policy::new(&Settings::default(), live).unwrap();
    let who = with_role(Role::Owner, FACES);
    assert_eq!(seen(&decide(&policy, &who, &get(OWN))), "granted");
    policy.reload(&Settings { brought: brought(), ..Settings::default() }).unwrap();
    assert_eq!(seen(&decide(&policy, &who, &get(OWN))), "403");
}
