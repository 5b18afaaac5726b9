//! An object on its way to a browser, read as far as a test wants, to its end or to its cut.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, StatusCode, Version};

use crate::company::Browser;

/// One that has begun.
pub struct Download {
    response: Response,
    /// Its id in the audit.
    pub request: String,
    pub read: Vec<u8>,
}

/// How it ended without being whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// HTTP/1.1: the connection ended before `Content-Length` was reached.
    Closed,
    /// HTTP/2: `RST_STREAM` with this code.
    Reset(h2::Reason),
}

impl Download {
    /// Asks for it; its head says how long it is.
    pub async fn begin(browser: &Browser<'_>, path: &str, length: usize) -> Self {
        let response = browser.begin(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", browser.site().log());
        assert_eq!(response.content_length(), u64::try_from(length).ok());
        let request = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        Self { response, request, read: Vec::new() }
    }

    /// Reads until there are so many bytes in all.
    pub async fn reads_up_to(&mut self, count: usize) {
        while self.read.len() < count {
            let piece = self.next().await.expect("it goes on").expect("it goes on");
            self.read.extend(piece);
        }
    }

    /// Reads to the end, which is a sound one.
    pub async fn whole(mut self) -> Vec<u8> {
        while let Some(piece) = self.next().await.expect("it ends whole") {
            self.read.extend(piece);
        }
        self.read
    }

    /// Reads to where it is cut.
    pub async fn cut(&mut self) -> Cut {
        let error = loop {
            match self.next().await {
                Ok(Some(piece)) => self.read.extend(piece),
                Ok(None) => panic!("a sound end after {} bytes", self.read.len()),
                Err(error) => break error,
            }
        };
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                assert!(error.is_reset() && error.is_remote(), "{error:?}");
                assert_eq!(self.response.version(), Version::HTTP_2);
                return Cut::Reset(error.reason().unwrap());
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error:?}");
                assert_eq!(self.response.version(), Version::HTTP_11);
                return Cut::Closed;
            }
            cause = error.source();
        }
        panic!("neither reset nor closed: {error:?}");
    }

    async fn next(&mut self) -> reqwest::Result<Option<Bytes>> {
        // Before this, the gateway itself gives up an S3 that gives nothing.
        tokio::time::timeout(Duration::from_secs(60), self.response.chunk())
            .await
            .expect("neither bytes nor an end within a minute")
    }
}
