//! A [`Question`] in Cedar's terms: entities, context and request, checked against the schema.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
    Schema,
};

use super::question::{Question, Subject};
use crate::catalog::{CredentialName, Storage};

/// The schema's types, parsed once.
#[derive(Debug)]
pub(super) struct Terms {
    account: EntityTypeName,
    organization: EntityTypeName,
    workspace: EntityTypeName,
    project: EntityTypeName,
    storage: EntityTypeName,
    action: EntityTypeName,
    /// The credentials that people bring.
    brought: BTreeSet<CredentialName>,
}

/// Cedar would not take the question: the schema and this file disagree.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotAQuestion(String);

type Attributes = HashMap<String, RestrictedExpression>;

impl Terms {
    pub(super) fn new(brought: BTreeSet<CredentialName>) -> Result<Self, NotAQuestion> {
        let kind =
            |name| EntityTypeName::from_str(name).map_err(|fault| NotAQuestion(fault.to_string()));
        Ok(Self {
            account: kind("Account")?,
            organization: kind("Organization")?,
            workspace: kind("Workspace")?,
            project: kind("Project")?,
            storage: kind("Storage")?,
            action: kind("Action")?,
            brought,
        })
    }

    /// The question, ready to be asked.
    pub(super) fn express(
        &self,
        question: &Question<'_>,
        schema: &Schema,
    ) -> Result<(Request, Entities), NotAQuestion> {
        let mut entities = Vec::with_capacity(6);
        let resource = self.subject(question.subject, &mut entities)?;
        let principal = self.asker(question, &mut entities)?;
        let request = Request::new(
            principal,
            uid(&self.action, question.action),
            resource,
            context(question)?,
            Some(schema),
        )
        .map_err(|fault| NotAQuestion(fault.to_string()))?;
        let entities = Entities::from_entities(entities, Some(schema))
            .map_err(|fault| NotAQuestion(fault.to_string()))?;
        Ok((request, entities))
    }

    fn asker(
        &self,
        question: &Question<'_>,
        entities: &mut Vec<Entity>,
    ) -> Result<EntityUid, NotAQuestion> {
        let asker = &question.asker;
        let subject = question.subject.organization();
        // Ids say whether it is the same organization; a name may have moved to another since the person was read.
        let organization = if subject.id == asker.organization {
            uid(&self.organization, subject.name.as_str())
        } else if subject.name == *asker.organization_name {
            return Err(NotAQuestion("two organizations of one name".to_owned()));
        } else {
            let own = uid(&self.organization, asker.organization_name.as_str());
            entities.push(entity(own.clone(), named(asker.organization_name.as_str()), None)?);
            own
        };
        let mut attributes = Attributes::from([
            ("email".to_owned(), text(asker.email)),
            ("organization".to_owned(), RestrictedExpression::new_entity_uid(organization.clone())),
        ]);
        let asserted = asker.asserted.iter().flat_map(|asserted| &asserted.roles);
        let asserted = RestrictedExpression::new_set(asserted.map(|one| text(&one.role)));
        attributes.insert("asserted_roles".to_owned(), asserted);
        if let Some(role) = asker.organization_role {
            attributes.insert("organization_role".to_owned(), text(role.as_str()));
        }
        let account = uid(&self.account, asker.email);
        entities.push(entity(account.clone(), attributes, Some(organization))?);
        Ok(account)
    }

    fn subject(
        &self,
        subject: Subject<'_>,
        entities: &mut Vec<Entity>,
    ) -> Result<EntityUid, NotAQuestion> {
        let mut path = subject.organization().name.as_str().to_owned();
        let organization = uid(&self.organization, &path);
        entities.push(entity(organization.clone(), named(&path), None)?);
        let Some(project) = subject.project() else { return Ok(organization) };

        let workspace_name = project.workspace_name.as_str();
        let workspace = uid(&self.workspace, &format!("{path}/{workspace_name}"));
        entities.push(entity(workspace.clone(), named(workspace_name), Some(organization))?);

        path.push('/');
        path.push_str(project.name.as_str());
        let project_uid = uid(&self.project, &path);
        entities.push(entity(project_uid.clone(), named(project.name.as_str()), Some(workspace))?);
        let Some(storage) = subject.storage() else { return Ok(project_uid) };

        path.push('/');
        path.push_str(storage.name.as_str());
        let storage_uid = uid(&self.storage, &path);
        let mut attributes = named(storage.name.as_str());
        let task_bound = RestrictedExpression::new_bool(project.number.is_some());
        attributes.insert("task_bound".to_owned(), task_bound);
        let federated = RestrictedExpression::new_bool(self.is_federated(storage));
        attributes.insert("federated".to_owned(), federated);
        entities.push(entity(storage_uid.clone(), attributes, Some(project_uid))?);
        Ok(storage_uid)
    }

    /// Whether whoever opens it does so by a role of his own, which his assertion must hold. Where roles are named and the
    /// gateway takes them itself (`assume-role` with `per_person`), nobody asserts anything, and a token is as good.
    pub(super) fn is_federated(&self, storage: &Storage) -> bool {
        storage.federation.is_some() && self.brought.contains(&storage.credential)
    }
}

fn context(question: &Question<'_>) -> Result<Context, NotAQuestion> {
    let mut pairs = vec![
        ("proof".to_owned(), text(question.asker.proof.as_str())),
        ("client".to_owned(), RestrictedExpression::new_ip(question.client.to_string())),
    ];
    if let Some(role) = question.project_role {
        pairs.push(("project_role".to_owned(), text(role.as_str())));
    }
    if let Some(role) = question.storage_role() {
        pairs.push(("storage_role".to_owned(), text(role)));
    }
    if let Some(own) = question.own {
        pairs.push(("own".to_owned(), RestrictedExpression::new_bool(own)));
    }
    if let Some(key) = question.key {
        pairs.push(("key".to_owned(), text(key.as_str())));
    }
    Context::from_pairs(pairs).map_err(|fault| NotAQuestion(fault.to_string()))
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn entity(
    uid: EntityUid,
    attributes: Attributes,
    parent: Option<EntityUid>,
) -> Result<Entity, NotAQuestion> {
    let parents: HashSet<_> = parent.into_iter().collect();
    Entity::new(uid, attributes, parents).map_err(|fault| NotAQuestion(fault.to_string()))
}

fn named(name: &str) -> Attributes {
    Attributes::from([("name".to_owned(), text(name))])
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}
