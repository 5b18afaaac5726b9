//! The door from the data plane to the control plane (design D2): slow work runs there, the caller awaits it.

use std::future::Future;

use tokio::runtime::Handle;

/// Runs slow work (SQL, password hashes, STS) on the control plane's runtime.
#[derive(Clone, Debug)]
pub struct Control(Handle);

/// The control plane stopped, or the work panicked.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the control plane did not finish the work")]
pub struct ControlFailed;

impl Control {
    #[must_use]
    pub const fn new(handle: Handle) -> Self {
        Self(handle)
    }

    /// Runs `work` over there and waits for it here.
    ///
    /// # Errors
    /// [`ControlFailed`] when the work panicked or the runtime is going down.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ControlFailed> {
        self.0.spawn(work).await.or(Err(ControlFailed))
    }

    /// Starts `work` over there and does not wait.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.spawn(work));
    }
}
