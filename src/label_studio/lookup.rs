//! Which project something belongs to, and whether a task refers to a URI. Asked of Label Studio (its database, if it is open
//! to the gateway, else its API) once, then remembered for at
//! most a minute; forgotten at once by writes that pass the gateway. Who waits for the same answer waits together.

use std::fmt;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::api::{Api, ApiError};
use super::kept::canonical;
use super::passed::{Key, Passed};
use super::search::{self, collect};
use super::{Direction, Kind, Reference, Rows, StorageType, Uris, columns};
use crate::ground::clock::Clock;
use crate::ground::control::{Control, ControlFailed};

/// Shared by all threads.
pub struct Lookup {
    sources: Sources,
    control: Control,
    things: Cache<Reference, Option<Found>>,
    passed: Passed,
    /// What the data of a task refers to.
    tasks: Cache<u64, Arc<TaskUris>>,
    /// Whether any task of a project has a location in this column.
    columns: Cache<(u64, Box<str>), bool>,
    /// Whether any task of a project refers to this.
    searched: Cache<(u64, Box<str>), bool>,
    /// Searches that run.
    searching: Arc<Semaphore>,
    /// The folders of a project's storages on Label Studio's own disk.
    folders: Cache<u64, Arc<Vec<PathBuf>>>,
    local_files: Option<PathBuf>,
    moves: AtomicU64,
}

/// Who is asked.
#[derive(Debug, Clone)]
pub struct Sources {
    pub api: Arc<Api>,
    /// Asked first, where there is one.
    pub rows: Option<Arc<Rows>>,
}

/// Where something belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub project: u64,
    pub task: Option<u64>,
    /// The user whose annotation or draft it is.
    pub author: Option<u64>,
}

/// Why it is not known.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookupError {
    #[error("{0}")]
    Api(Arc<ApiError>),
    #[error(transparent)]
    Control(#[from] ControlFailed),
}

#[derive(Default)]
struct TaskUris {
    /// 0 where there is no such task.
    project: u64,
    uris: Uris,
}

/// The bound of staleness: what others do past the gateway is seen after so long.
pub const STALE: Duration = Duration::from_secs(60);
const MOST: u64 = 50_000;
/// Of what tasks refer to, all together.
const MOST_BYTES: u64 = 16 << 20;
const MOST_TASKS: u64 = 20_000;
/// At once: each makes Label Studio go through the tasks of a project.
const MOST_SEARCHES: usize = 2;

#[derive(Deserialize)]
struct Thing {
    #[serde(default)]
    project: Option<u64>,
    #[serde(default)]
    task: Option<u64>,
    /// Whose tab it is.
    #[serde(default)]
    user: Option<Value>,
    #[serde(default)]
    completed_by: Option<Value>,
    /// Of a draft only this says whose it is: `Alice A alice@example.com, 4`.
    #[serde(default)]
    created_username: Option<String>,
    #[serde(default)]
    file: Option<String>,
}

impl Lookup {
    #[must_use]
    pub fn new(
        sources: Sources,
        (control, clock): (Control, Clock),
        local_files: Option<PathBuf>,
    ) -> Self {
        Self {
            sources,
            control,
            things: Cache::builder().max_capacity(MOST).time_to_live(STALE).build(),
            tasks: Cache::builder()
                .max_capacity(MOST_BYTES)
                .weigher(|_, known: &Arc<TaskUris>| known.weight())
                .time_to_live(STALE)
                .build(),
            columns: Cache::builder().max_capacity(MOST_TASKS).time_to_live(STALE).build(),
            searching: Arc::new(Semaphore::new(MOST_SEARCHES)),
            passed: Passed::new(clock),
            searched: Cache::builder().max_capacity(MOST_TASKS).time_to_live(STALE).build(),
            folders: Cache::builder().max_capacity(MOST_TASKS).time_to_live(STALE).build(),
            local_files,
            moves: AtomicU64::new(0),
        }
    }

    /// Where it belongs; `None` when it does not exist.
    ///
    /// # Errors
    /// [`LookupError`] when Label Studio cannot say.
    pub async fn find(&self, reference: Reference) -> Result<Option<Found>, LookupError> {
        if reference.kind == Kind::Project {
            let project = reference.number;
            return Ok(Some(Found { project, task: None, author: None }));
        }
        if let (Kind::Task, Some(project)) = (reference.kind, self.passed_task(reference.number)) {
            return Ok(Some(Found { project, task: Some(reference.number), author: None }));
        }
        let asking = |sources: Sources| async move { sources.find(reference).await };
        self.once(&self.things, reference, asking, Option::is_some).await
    }

    /// As [`Self::find`], for a task whose data is asked about next: one question to Label Studio serves both.
    ///
    /// # Errors
    /// [`LookupError`] when Label Studio cannot say.
    pub async fn find_with_data(&self, task: u64) -> Result<Option<Found>, LookupError> {
        let project = match self.passed_task(task) {
            Some(project) => project,
            None => self.data(task).await?.project,
        };
        Ok((project > 0).then_some(Found { project, task: Some(task), author: None }))
    }

    /// Whether this task refers to this URI. Where no task is known: whether the one does that an answer showed with it.
    ///
    /// # Errors
    /// [`LookupError`] when Label Studio cannot say.
    pub async fn refers(
        &self,
        project: u64,
        task: Option<u64>,
        uri: &str,
    ) -> Result<bool, LookupError> {
        let uri = canonical(uri);
        let shown = self.passed.get(Key::uri(project, &uri));
        if shown.is_some_and(|shown| shown.is_fresh) {
            return Ok(true);
        }
        match task.or_else(|| shown.map(|shown| shown.number).filter(|task| *task > 0)) {
            Some(task) => self.task_refers(project, task, &uri).await,
            None => Ok(false),
        }
    }

    async fn task_refers(&self, project: u64, task: u64, uri: &str) -> Result<bool, LookupError> {
        let known = self.data(task).await?;
        Ok(known.project == project && known.uris.refer_to(uri))
    }

    async fn data(&self, task: u64) -> Result<Arc<TaskUris>, LookupError> {
        let asking = |sources: Sources| async move { sources.uris(task).await };
        self.once(&self.tasks, task, asking, |known| known.project > 0).await
    }

    /// What is kept; else one question for all who ask it at once. What does not exist is not kept, since it may in a moment;
    /// nor is what was asked before something moved.
    async fn once<K, V, F>(
        &self,
        cache: &Cache<K, V>,
        key: K,
        asking: impl FnOnce(Sources) -> F,
        exists: impl Fn(&V) -> bool,
    ) -> Result<V, LookupError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        F: Future<Output = Result<V, LookupError>> + Send + 'static,
    {
        if let Some(kept) = cache.get(&key).await {
            return Ok(kept);
        }
        let asked_at = self.moves();
        let (control, asked) = (self.control.clone(), asking(self.sources.clone()));
        let flight = cache.try_get_with_by_ref(&key, async move { control.run(asked).await? });
        // Boxed: rare, and large.
        let found = Box::pin(flight).await.map_err(|error| LookupError::clone(&error))?;
        if !exists(&found) || self.moves() != asked_at {
            cache.invalidate(&key).await;
        }
        Ok(found)
    }

    /// Whether any task of the project refers to this URI, whatever was shown so far. Label Studio goes through all of them, so
    /// it is for members of the project to ask.
    ///
    /// # Errors
    /// [`LookupError`] when Label Studio cannot say.
    pub async fn is_anywhere(&self, project: u64, uri: &str) -> Result<bool, LookupError> {
        let text: Box<str> = uri.into();
        let asking = |Sources { api, .. }| {
            let (text, searching) = (text.clone(), Arc::clone(&self.searching));
            async move {
                let _turn = searching.acquire().await;
                Ok(search::refers(&api, project, &text).await?)
            }
        };
        self.once(&self.searched, (project, text.clone()), asking, |found| *found).await
    }

    /// Whether a file of Label Studio's disk lies in a storage of this project.
    ///
    /// # Errors
    /// [`LookupError`] when Label Studio cannot say.
    pub async fn keeps_local(&self, project: u64, path: &str) -> Result<bool, LookupError> {
        let Some(root) = &self.local_files else { return Ok(false) };
        let asking = |Sources { api, .. }| async move { folders(&api, project).await };
        let folders = self.once(&self.folders, project, asking, |_| true).await?;
        let file = root.join(path);
        Ok(folders.iter().any(|folder| file.starts_with(folder)))
    }

    fn passed_task(&self, task: u64) -> Option<u64> {
        let shown = self.passed.get(Key::task(task))?;
        shown.is_fresh.then_some(shown.number)
    }

    /// How many writes may have moved things so far. What was asked for before one of them says nothing after it.
    #[must_use]
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Acquire)
    }

    /// A task that passed, in an answer to a question of that time, belongs to this project.
    pub fn learn_task(&self, task: u64, project: u64, asked_at: u64) {
        if self.moves() == asked_at {
            self.passed.learn(Key::task(task), project);
        }
    }

    /// A task's data that passed, likewise, refers to this.
    pub fn learn_uri(&self, (project, task): (u64, Option<u64>), uri: &str, asked_at: u64) {
        if self.moves() == asked_at {
            self.passed.learn(Key::uri(project, &canonical(uri)), task.unwrap_or_default());
        }
    }

    /// Whether any task of the project has in this column what could be a location. `names`: buckets and hosts that are
    /// known. Label Studio's own filter tells; where it cannot, the answer is yes.
    ///
    /// # Errors
    /// [`LookupError`] when Label Studio cannot be asked.
    pub async fn holds_locations(
        &self,
        project: u64,
        column: &str,
        names: &[String],
    ) -> Result<bool, LookupError> {
        #[derive(Deserialize)]
        struct Tasks {
            total: u64,
        }
        let path = columns::path(project, column, names);
        let asking = |Sources { api, .. }| async move {
            match api.get("a filter", &path).await {
                Ok(tasks) => Ok(tasks.is_none_or(|Tasks { total }| total > 0)),
                Err(ApiError::Refused { .. } | ApiError::Garbled { .. }) => Ok(true),
                Err(error) => Err(LookupError::from(error)),
            }
        };
        self.once(&self.columns, (project, column.into()), asking, |_| true).await
    }

    /// A write may have moved or removed it.
    pub async fn forget(&self, reference: Reference) {
        self.moves.fetch_add(1, Ordering::AcqRel);
        self.things.invalidate(&reference).await;
        if reference.kind == Kind::Task {
            self.passed.forget(Key::task(reference.number));
            self.tasks.invalidate(&reference.number).await;
        }
    }

    /// A write may have moved, removed or changed anything of a project: all is looked up afresh.
    pub fn forget_all(&self) {
        self.moves.fetch_add(1, Ordering::AcqRel);
        self.passed.void();
        self.things.invalidate_all();
        self.tasks.invalidate_all();
        self.columns.invalidate_all();
        self.searched.invalidate_all();
        self.folders.invalidate_all();
    }
}

impl TaskUris {
    fn weight(&self) -> u32 {
        u32::try_from(256 + self.uris.bytes()).unwrap_or(u32::MAX)
    }
}

impl From<ApiError> for LookupError {
    fn from(error: ApiError) -> Self {
        Self::Api(Arc::new(error))
    }
}

impl Sources {
    async fn find(&self, reference: Reference) -> Result<Option<Found>, LookupError> {
        if let Some(rows) = &self.rows
            && let Some(found) = rows.find(reference).await
        {
            return Ok(found);
        }
        find(&self.api, reference).await
    }

    async fn uris(&self, task: u64) -> Result<Arc<TaskUris>, LookupError> {
        let told = match &self.rows {
            Some(rows) => rows.task(task).await,
            None => None,
        };
        let told = match told {
            Some(told) => told,
            None => data(&self.api, task).await?,
        };
        let Some((project, data)) = told else { return Ok(Arc::default()) };
        let mut uris = Uris::default();
        collect(&data, &mut uris);
        Ok(Arc::new(TaskUris { project, uris }))
    }
}

async fn find(
    api: &Api,
    Reference { kind, number }: Reference,
) -> Result<Option<Found>, LookupError> {
    let path = match kind {
        Kind::Project => format!("/api/projects/{number}/"),
        Kind::Task => format!("/api/tasks/{number}/?include=id,project&resolve_uri=false"),
        Kind::Annotation => format!("/api/annotations/{number}/"),
        Kind::Draft => format!("/api/drafts/{number}/"),
        Kind::Prediction => format!("/api/predictions/{number}/"),
        Kind::Tab => format!("/api/dm/views/{number}/"),
        Kind::Storage(direction, of) => storage_path(direction, of, number),
        Kind::Upload => format!("/api/import/file-upload/{number}"),
        Kind::Webhook => format!("/api/webhooks/{number}/"),
        Kind::Model => format!("/api/ml/{number}"),
        Kind::LabelLink => format!("/api/label_links/{number}/"),
        Kind::Snapshot(project) => format!("/api/projects/{project}/exports/{number}"),
    };
    let Some(thing) = api.get::<Thing>("a look-up", &path).await? else { return Ok(None) };
    let by_name = || thing.created_username.as_deref().and_then(user_of_name);
    let author = if kind == Kind::Tab {
        thing.user.as_ref().and_then(user)
    } else {
        thing.completed_by.as_ref().and_then(user).or_else(by_name)
    };
    let task = if kind == Kind::Task { Some(number) } else { thing.task };
    let project = match (kind, task) {
        // What an annotation says of its project can disagree with its task, which counts.
        (Kind::Annotation | Kind::Draft | Kind::Prediction, Some(task)) => {
            let path = format!("/api/tasks/{task}/?include=id,project&resolve_uri=false");
            let task: Option<Thing> = api.get("a look-up", &path).await?;
            task.and_then(|task| task.project)
        }
        // Found in the list of this very project.
        (Kind::Snapshot(project), _) => Some(project),
        (Kind::Upload, _) => thing.file.as_deref().and_then(project_of_file),
        _ => thing.project,
    };
    Ok(project.map(|project| Found { project, task, author }))
}

fn storage_path(direction: Direction, of: StorageType, number: u64) -> String {
    let export = if direction == Direction::Export { "export/" } else { "" };
    format!("/api/storages/{export}{}/{number}", of.as_str())
}

/// Its number, or an object with it.
fn user(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.get("id").and_then(Value::as_u64))
}

/// What stands last was written by Label Studio, whatever a person calls himself.
fn user_of_name(text: &str) -> Option<u64> {
    text.rsplit_once(", ")?.1.parse().ok()
}

/// `upload/1/49bc59bd-dog.png`, with or without what stands before it.
fn project_of_file(file: &str) -> Option<u64> {
    let (_, rest) = file.split_once("upload/")?;
    rest.split('/').next()?.parse().ok()
}

/// A task's project and data.
async fn data(api: &Api, task: u64) -> Result<Option<(u64, Value)>, LookupError> {
    #[derive(Deserialize)]
    struct Task {
        project: Option<u64>,
        data: Value,
    }
    let path = format!("/api/tasks/{task}/?resolve_uri=false&include=id,project,data");
    let task: Option<Task> = api.get("a task", &path).await?;
    Ok(task.and_then(|Task { project, data }| Some((project?, data))))
}

async fn folders(api: &Api, project: u64) -> Result<Arc<Vec<PathBuf>>, LookupError> {
    #[derive(Deserialize)]
    struct Storage {
        project: u64,
        path: Option<PathBuf>,
    }
    let path = format!("/api/storages/localfiles/?project={project}");
    let storages: Vec<Storage> = api.get("local storages", &path).await?.unwrap_or_default();
    let own = storages.into_iter().filter(|storage| storage.project == project);
    // The file system itself, or a place that depends on where Label Studio was started, holds nothing of a project's.
    let folders = own.filter_map(|storage| storage.path);
    Ok(Arc::new(folders.filter(|path| path.is_absolute() && path.parent().is_some()).collect()))
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_files_are_read_as_label_studio_writes_them() {
        assert_eq!(user(&serde_json::json!(4)), Some(4));
        assert_eq!(user(&serde_json::json!({ "id": 4, "email": "a@b" })), Some(4));
        assert_eq!(user(&serde_json::json!("alice@example.com, 4")), None);
        assert_eq!(user_of_name("Alice, 7 A alice@example.com, 4"), Some(4));
        assert_eq!(user_of_name(""), None);
        assert_eq!(project_of_file("upload/12/49bc59bd-dog.png"), Some(12));
        assert_eq!(project_of_file("/data/upload/12/49bc59bd-dog.png"), Some(12));
        assert_eq!(project_of_file("elsewhere/12/x"), None);
    }
}
